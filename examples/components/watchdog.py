"""A heartbeat for a dead-man's switch outside, and where Alertmanager finds the switch's address."""

import pulumi

from pulumi_seawall import Watchdog

watchdog = Watchdog(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [{"region": "eu-west-1", "context": "shop-eu-west-1", "namespace": "shop"}],
            "selector": {"job": "shop"},
            "rule_selector_labels": {"release": "prometheus"},
            "runbook_url": "https://wiki.example.com/runbooks/{alert}",
        },
        "url_file": "/etc/alertmanager/secrets/dead-mans-switch/url",
    },
)
pulumi.export("alertmanager", watchdog.receivers)
pulumi.export("switch_waits_seconds", watchdog.silent_after_seconds)
