"""`Escalation`, and the alerts on releases and backups: what each cluster gets, and what a plain Alertmanager gets instead."""

import json
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest

import pulumi_seawall
from monitoring_args import alert_rules_args, escalation_args, incident_args, watchdog_args

REGIONS = ("eu-west-1", "us-east-1")
ROUTE = {"receiver", "matchers", "groupBy", "groupWait", "groupInterval", "repeatInterval", "continue", "routes"}
"""What the operator knows of a route. It checks no nested one before Alertmanager is to load it."""
FOLDER = "/etc/alertmanager/secrets"


def manifests(deployed: Any) -> dict[str, dict[str, Any]]:
    """What was registered, without what Pulumi adds."""
    return {
        name: {key: made.inputs[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        for name, made in deployed.of("AlertmanagerConfig").items()
    }


def routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    """A route, and all below it."""
    return [route, *(each for child in route.get("routes", []) for each in routes(child))]


@pytest.mark.parametrize("args", [escalation_args, incident_args])
def test_each_cluster_gets_a_configuration_that_its_alertmanager_selects(args, deploy):
    """In the rules' namespace: in another one the operator would let it see no alert of ours."""
    found = manifests(deploy(lambda: pulumi_seawall.Escalation("shop", args())))
    assert set(found) == {f"shop-{region}" for region in REGIONS}
    for manifest in found.values():
        assert manifest["apiVersion"] == "monitoring.coreos.com/v1alpha1"
        assert (manifest["metadata"]["namespace"], manifest["metadata"]["name"]) == ("shop", "shop-escalation")
        assert manifest["metadata"]["labels"]["release"] == "prometheus"
        names = [receiver["name"] for receiver in manifest["spec"]["receivers"]]
        assert len(set(names)) == len(names)
        every = routes(manifest["spec"]["route"])
        assert {route["receiver"] for route in every} == set(names)
        assert {key for route in every for key in route} <= ROUTE
        assert "continue" not in every[0]


def test_the_namespace_may_be_another_where_alertmanager_takes_it(deploy):
    """Alertmanager's own, with the strategy that lets it see every alert."""
    args = escalation_args(namespace="monitoring", matcher_strategy="None")
    deployed = deploy(lambda: pulumi_seawall.Escalation("shop", args))
    assert {each["metadata"]["namespace"] for each in manifests(deployed).values()} == {"monitoring"}
    assert deployed.outputs["config_names"] == dict.fromkeys(REGIONS, "monitoring/shop-escalation")


def test_a_plain_alertmanager_gets_a_whole_file_with_secrets_as_files(deploy):
    """Every way of telling somebody, in Alertmanager's spelling; a value of a secret is nowhere."""
    deployed = deploy(lambda: pulumi_seawall.Escalation("shop", escalation_args()))
    config = json.loads(deployed.outputs["alertmanager_files"]["eu-west-1"])
    assert set(config) == {"route", "receivers", "inhibit_rules"}
    receivers = {each["name"]: each for each in config["receivers"]}
    assert list(receivers) == ["on_call", "manager", "team", "nobody", "watchdog-shop-eu-west-1"]
    assert receivers["on_call"]["pagerduty_configs"] == [
        {
            "routing_key_file": f"{FOLDER}/pagerduty/key",
            "severity": "{{ .CommonLabels.severity }}",
            "send_resolved": True,
        }
    ]
    (opsgenie,) = receivers["on_call"]["opsgenie_configs"]
    assert (opsgenie["api_key_file"], opsgenie["api_url"]) == (
        f"{FOLDER}/opsgenie/key",
        "https://api.eu.opsgenie.com/",
    )
    assert receivers["manager"]["webhook_configs"] == [
        {
            "url_file": f"{FOLDER}/manager/url",
            "http_config": {"authorization": {"type": "Bearer", "credentials_file": f"{FOLDER}/manager/token"}},
            "send_resolved": True,
        }
    ]
    (mail,) = receivers["manager"]["email_configs"]
    assert (mail["auth_username"], mail["auth_password_file"]) == ("alerts", f"{FOLDER}/smtp/key")
    assert receivers["team"]["slack_configs"][0]["api_url_file"] == f"{FOLDER}/slack/key"
    assert receivers["watchdog-shop-eu-west-1"]["webhook_configs"] == [
        {"url_file": f"{FOLDER}/switch/url", "send_resolved": False}
    ]
    first = config["route"]["routes"][0]["routes"][0]
    assert first["receiver"] == "watchdog-shop-eu-west-1"


def test_the_files_heartbeat_is_the_watchdogs_own(deploy):
    """Two components that say different things of one heartbeat would let the switch ring."""
    watchdog = pulumi_seawall.plan_watchdog(watchdog_args(url_file=f"{FOLDER}/switch/url"))
    config = pulumi_seawall.plan_escalation(escalation_args()).configs["eu-west-1"]
    assert config["route"]["routes"][0]["routes"][0] == watchdog.receivers["eu-west-1"]["route"]
    assert watchdog.receivers["eu-west-1"]["receiver"] in config["receivers"]


def test_the_programs_own_providers_are_used(deploy):
    """One provider per cluster, however many components there are."""

    def program() -> pulumi_seawall.Escalation:
        providers = {"eu-west-1": kubernetes.Provider("eu", context="eu")}
        return pulumi_seawall.Escalation("shop", escalation_args(), providers=providers)

    assert sorted(deploy(program).of("kubernetes")) == ["eu", "shop-us-east-1"]


def test_a_backup_is_watched_where_it_is_and_a_rollout_everywhere(deploy):
    """Elsewhere its series would be absent, and the alert would fire for ever."""
    backup = {"region": "us-east-1", "source": "db:shop", "kind": "replicated", "limit_seconds": 1800}
    args = alert_rules_args(backups=[backup], rollouts=[{"name": "shop"}, {"name": "stock", "namespace": "stock"}])
    deployed = deploy(lambda: pulumi_seawall.AlertRules("shop", args))
    found = {
        name: [rule for group in made.inputs["spec"]["groups"] for rule in group["rules"]]
        for name, made in deployed.of("PrometheusRule").items()
    }
    for name, wanted in (("shop-eu-west-1", 0), ("shop-us-east-1", 1)):
        assert [rule["alert"] for rule in found[name]].count("BackupMissing") == wanted
        aborted = [rule for rule in found[name] if rule["alert"] == "CanaryAborted"]
        assert [rule["labels"]["rollout"] for rule in aborted] == ["shop", "stock"]
        assert {rule["labels"]["namespace"] for rule in aborted} == {"shop"}
        assert 'namespace="stock"' in aborted[1]["expr"]
    assert len(deployed.outputs["predictions"]) == 12 + 4 + 1
    missing = next(each for each in deployed.outputs["predictions"] if each["alert"] == "BackupMissing")
    assert missing["worst_seconds"] == 1800 + 30 + 30 + 900
