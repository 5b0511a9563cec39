"""On-call is paged, the manager is told after 15 minutes of a SEV1, the team has a channel."""

import pulumi

from pulumi_seawall import Escalation

escalation = Escalation(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [{"region": "eu-west-1", "context": "shop-eu-west-1", "namespace": "shop"}],
            "selector": {"job": "shop"},
            "rule_selector_labels": {"release": "prometheus"},
            "runbook_url": "https://wiki.example.com/runbooks/{alert}",
        },
        "config_selector_labels": {"release": "prometheus"},
        "receivers": {
            "on_call": {"pagerduty": {"name": "pagerduty", "key": "routing-key"}},
            "manager": {"webhooks": [{"url_secret": {"name": "manager", "key": "url"}}]},
            "team": {"slack": {"url": {"name": "slack", "key": "url"}, "channel": "#shop"}},
        },
    },
)
pulumi.export("told", escalation.steps)
