"""`Escalation`, and what `AlertRules` watch besides the service: what cannot work is one exact line."""

from typing import Any

import pytest

import pulumi_seawall
from monitoring_args import RECEIVERS, alert_rules_args, escalation_args, incident_args, secret
from seawall.errors import InvalidInput

ARGS = {"escalation": escalation_args, "incidents": incident_args, "alerts": alert_rules_args}
COMPONENTS: dict[str, Any] = {
    "escalation": pulumi_seawall.Escalation,
    "incidents": pulumi_seawall.Escalation,
    "alerts": pulumi_seawall.AlertRules,
}
SECRET = "T0ken-that-is-nobodys-business"
BACKUP = {"region": "eu-west-1", "source": "db:shop", "kind": "recovery_point", "limit_seconds": 90000}
PLACE = "receivers.manager.webhooks[0]"
QUERY = (
    "(hidden): an address without user, password and query, because they are secrets more often than not: put the address "
    "into a Secret, and name that"
)
VALUE = "(hidden): the name and the key of a Kubernetes Secret, nothing else, because a value would stand in a state"

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no labels for Alertmanager's selector": (
        "escalation",
        {"config_selector_labels": {}},
        "config_selector_labels = {}: at least one label",
    ),
    "a namespace whose alerts are others": (
        "escalation",
        {"namespace": "monitoring"},
        (
            "namespace = monitoring: shop, because the operator lets it see alerts with namespace=monitoring only, and the rules' "
            "have namespace=shop; with another matcher_strategy it sees them"
        ),
    ),
    "a namespace in capitals": (
        "escalation",
        {"namespace": "Shop", "matcher_strategy": "None"},
        "namespace = Shop: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "an unknown strategy": (
        "escalation",
        {"matcher_strategy": "All"},
        "matcher_strategy = All: OnNamespace, OnNamespaceExceptForAlertmanagerNamespace or None",
    ),
    "nobody on call": (
        "escalation",
        {"receivers__on_call": ...},
        "receivers.on_call is missing: required, because SEV1 comes to it after 0 s",
    ),
    "no manager": (
        "escalation",
        {"receivers__manager": ...},
        "receivers.manager is missing: required, because SEV1 comes to it after 900 s",
    ),
    "no team, though no level comes to it": (
        "incidents",
        {"receivers__team": ..., "levels": [{"level": "SEV3", "first": "on_call"}]},
        "receivers.team is missing: required, because it is told of the service's alerts that have no level",
    ),
    "a manager whom the incident server tells": (
        "incidents",
        {"receivers__manager": RECEIVERS["manager"]},
        "receivers.manager = given: only who is told by Alertmanager, because `incidents` tells the later parties",
    ),
    "somebody to whom no level comes": (
        "escalation",
        {"levels": [{"level": level, "first": "manager"} for level in ("SEV1", "SEV2")]},
        "receivers.on_call = given: only who is told by Alertmanager, because no level comes to it",
    ),
    "a party that is none": (
        "escalation",
        {"receivers__boss": {}},
        "receivers.boss = {}: no such key; there are manager, on_call, team",
    ),
    "a party that is told in no way": (
        "escalation",
        {"receivers__team": {}},
        "receivers.team = nothing: at least one way of telling them, because nobody would be told",
    ),
    "a secret's value": (
        "escalation",
        {"receivers__on_call__pagerduty": SECRET},
        f"receivers.on_call.pagerduty = {VALUE}",
    ),
    "a secret's value under a key": (
        "escalation",
        {"receivers__on_call__pagerduty": {"value": SECRET}},
        f"receivers.on_call.pagerduty = {VALUE}",
    ),
    "a secret's value for its name": (
        "escalation",
        {"receivers__on_call__pagerduty__name": SECRET},
        "receivers.on_call.pagerduty.name = (hidden): the name in Kubernetes, not the secret: it would stand in a state",
    ),
    "a key that leaves the folder": (
        "escalation",
        {"receivers__team__slack__url__key": "../url"},
        "receivers.team.slack.url.key = (hidden): the key in Kubernetes, not the secret: it would stand in a state",
    ),
    "half a secret": (
        "escalation",
        {"receivers__on_call__pagerduty": {"name": "pagerduty"}},
        "receivers.on_call.pagerduty.key is missing: required",
    ),
    "a webhook without an address": (
        "escalation",
        {"receivers__manager__webhooks": [{}]},
        f"{PLACE}.url is missing: one of url and url_secret",
    ),
    "a webhook with two": (
        "escalation",
        {"receivers__manager__webhooks": [{"url": "https://m.example.com", "url_secret": secret("m")}]},
        f"{PLACE}.url = both: one of url and url_secret",
    ),
    "an address with a password": (
        "escalation",
        {"receivers__manager__webhooks": [{"url": f"https://u:{SECRET}@m.example.com/"}]},
        f"{PLACE}.url = {QUERY}",
    ),
    "an address with a token": (
        "incidents",
        {"incidents__url": f"https://m.example.com/alerts?token={SECRET}"},
        f"incidents.url = {QUERY}",
    ),
    "no address at all": (
        "incidents",
        {"incidents__url": "incidents:9095"},
        "incidents.url = (hidden): an http or https address",
    ),
    "an address that cannot be read": (
        "incidents",
        {"incidents__url": "http://[::1/alerts"},
        "incidents.url = (hidden): an http or https address",
    ),
    "mail to nobody": (
        "escalation",
        {"receivers__manager__email__to": "the manager"},
        "receivers.manager.email.to = the manager: mail addresses, separated by commas",
    ),
    "a mail server without a port": (
        "escalation",
        {"receivers__manager__email__smarthost": "smtp.example.com"},
        "receivers.manager.email.smarthost = smtp.example.com: host:port",
    ),
    "a user without a password": (
        "escalation",
        {"receivers__manager__email__password": ...},
        "receivers.manager.email.password is missing: username and password, or neither",
    ),
    "a level twice": (
        "escalation",
        {"levels": [{"level": "SEV1"}, {"level": "SEV1"}]},
        "levels[1].level = SEV1: each level once",
    ),
    "an unknown level": ("escalation", {"levels": [{"level": "SEV4"}]}, "levels[0].level = SEV4: SEV1, SEV2 or SEV3"),
    "a time that nobody can keep": (
        "escalation",
        {"levels": [{"level": "SEV1", "response_seconds": 30}]},
        "levels[0].response_seconds = 30: 60 to 86400 seconds",
    ),
    "a worse level that may wait longer": (
        "escalation",
        {"levels": [{"level": "SEV3", "response_seconds": 1800}]},
        (
            "levels[SEV2].response_seconds = 3600.0: at most 1800, because SEV3, which is milder, is answered within that"
        ),
    ),
    "a heartbeat to nowhere": (
        "escalation",
        {"heartbeat": {}},
        "heartbeat.url_file is missing: url_file, url_secret or both",
    ),
    "an address where the heartbeat's file belongs": (
        "escalation",
        {"heartbeat__url_file": f"https://hc.example.com/{SECRET}"},
        (
            "heartbeat.url_file = (hidden): an absolute path, as Alertmanager sees it, because whoever knows the switch's address "
            "can keep it quiet: it must not stand in a state"
        ),
    ),
    "a heartbeat that is too slow": (
        "escalation",
        {"heartbeat__heartbeat_seconds": 3601},
        "heartbeat.heartbeat_seconds = 3601: 30 to 3600 seconds",
    ),
    "secrets in no folder": (
        "escalation",
        {"secrets_folder": "secrets"},
        "secrets_folder = secrets: an absolute path, as Alertmanager sees it",
    ),
    "backups where no Prometheus is": (
        "alerts",
        {"backups": [{**BACKUP, "region": "eu-central-1"}]},
        "backups[0].region = eu-central-1: one of eu-west-1, us-east-1, because no other Prometheus is ours",
    ),
    "a whole ARN": (
        "alerts",
        {"backups": [{**BACKUP, "source": "arn:aws:rds:eu-west-1:123456789012:db:shop"}]},
        (
            "backups[0].source = arn:aws:rds:eu-west-1:123456789012:db:shop: an ARN's part after the account, e.g. db:shop, as "
            "`seawall backups` writes it"
        ),
    ),
    "backups that may be of any age": (
        "alerts",
        {"backups": [{**BACKUP, "limit_seconds": float("inf")}]},
        "backups[0].limit_seconds = inf: above 0 seconds, finite",
    ),
    "the same backups twice": (
        "alerts",
        {"backups": [BACKUP, BACKUP]},
        "backups[1].source = db:shop: each recovery_point once in eu-west-1",
    ),
    "an unknown kind of backup": (
        "alerts",
        {"backups": [{**BACKUP, "kind": "snapshot"}]},
        "backups[0].kind = snapshot: recovery_point or replicated",
    ),
    "a Rollout twice": (
        "alerts",
        {"rollouts": [{"name": "shop"}, {"name": "shop"}]},
        "rollouts[1].name = shop: each once: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "a Rollout in capitals": (
        "alerts",
        {"rollouts": [{"name": "Shop"}]},
        "rollouts[0].name = Shop: each once: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "a Rollout's namespace in capitals": (
        "alerts",
        {"rollouts": [{"name": "shop", "namespace": "Shop"}]},
        "rollouts[0].namespace = Shop: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """Nothing half-declared; and no message has a secret in it."""
    name, changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: COMPONENTS[name]("shop", ARGS[name](**changes)))
    assert str(caught.value) == line
    assert SECRET not in str(caught.value)
    assert deployment.made == []


JUST_INSIDE: list[tuple[str, dict[str, Any]]] = [
    ("escalation", {"namespace": "shop"}),
    ("escalation", {"namespace": "monitoring", "matcher_strategy": "None"}),
    ("escalation", {"namespace": "monitoring", "matcher_strategy": "OnNamespaceExceptForAlertmanagerNamespace"}),
    ("escalation", {"levels": [{"level": "SEV1", "response_seconds": 60}]}),
    ("escalation", {"levels": [{"level": "SEV1", "response_seconds": 3600}]}),
    ("escalation", {"receivers__manager__email__username": ..., "receivers__manager__email__password": ...}),
    ("escalation", {"receivers__manager__email__to": "a@example.com, b@example.com"}),
    ("escalation", {"heartbeat": ...}),
    ("escalation", {"monitoring__clusters": [], "monitoring__regions": ["eu-west-1"]}),
    ("incidents", {"incidents": {"url_secret": secret("incidents")}}),
]


@pytest.mark.parametrize(("name", "changes"), JUST_INSIDE, ids=str)
def test_what_is_just_inside_a_limit_is_taken(name, changes):
    """A limit that refuses its own value is another limit than it says."""
    assert pulumi_seawall.plan_escalation(ARGS[name](**changes)).steps
