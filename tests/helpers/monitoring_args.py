"""Arguments of the components that watch a service, changed by path: `monitoring__clusters__0__region`."""

import copy
from typing import Any

from changing import ABSENT, put

OBJECTIVES: dict[str, Any] = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 180,
    "recovery_point_seconds": 60,
}
MONITORING: dict[str, Any] = {
    "service": "shop",
    "clusters": [
        {"region": "eu-west-1", "context": "eu", "namespace": "shop"},
        {"region": "us-east-1", "context": "us", "namespace": "shop"},
    ],
    "selector": {"job": "shop"},
    "rule_selector_labels": {"release": "prometheus"},
    "runbook_url": "https://wiki.example.com/runbooks/{alert}",
}


def changed(args: dict[str, Any], changes: dict[str, Any]) -> Any:
    """The arguments with each path set, or removed where the value is `...`."""
    made = copy.deepcopy(args)
    for path, value in changes.items():
        put(made, path.split("__"), ABSENT if value is ... else value)
    return made


def slo_args(**changes: Any) -> Any:
    """Of a `ServiceLevelObjective`."""
    args = {"monitoring": MONITORING, "objectives": OBJECTIVES, "no_data": "fail", "retention_seconds": 3456000}
    return changed(args, changes)


def alert_rules_args(**changes: Any) -> Any:
    """Of `AlertRules`."""
    return changed({"monitoring": MONITORING, "objectives": OBJECTIVES}, changes)


def watchdog_args(**changes: Any) -> Any:
    """Of a `Watchdog`."""
    return changed({"monitoring": MONITORING, "url_file": "/etc/alertmanager/secrets/switch/url"}, changes)


def secret(name: str, key: str = "key") -> dict[str, str]:
    """Where a secret is."""
    return {"name": name, "key": key}


RECEIVERS: dict[str, Any] = {
    "on_call": {
        "pagerduty": secret("pagerduty"),
        "opsgenie": {"api_key": secret("opsgenie"), "api_url": "https://api.eu.opsgenie.com/"},
    },
    "manager": {
        "webhooks": [{"url_secret": secret("manager", "url"), "token": secret("manager", "token")}],
        "email": {
            "to": "manager@example.com",
            "sender": "alerts@example.com",
            "smarthost": "smtp.example.com:587",
            "username": "alerts",
            "password": secret("smtp"),
        },
    },
    "team": {
        "slack": {"url": secret("slack"), "channel": "#shop"},
        "webhooks": [{"url": "https://board.example.com/alerts"}],
    },
}
"""Each way of telling somebody."""


def escalation_args(**changes: Any) -> Any:
    """Of an `Escalation` by time."""
    args = {
        "monitoring": MONITORING,
        "config_selector_labels": {"release": "prometheus"},
        "receivers": RECEIVERS,
        "heartbeat": {"url_file": "/etc/alertmanager/secrets/switch/url", "url_secret": secret("switch", "url")},
    }
    return changed(args, changes)


def incident_args(**changes: Any) -> Any:
    """Of an `Escalation` whose later steps are the incident server's."""
    incidents = {"url": "http://incidents.shop.svc:9095/alerts", "token": secret("incidents")}
    return escalation_args(**{"receivers__manager": ..., "incidents": incidents, **changes})
