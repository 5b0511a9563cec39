"""Arguments of `FailoverObservers`, changed by path as those of the components that watch."""

from typing import Any

import pulumi_seawall
from monitoring_args import changed
from pulumi_seawall import _observers_manifests as manifests

HOME, AWAY, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
ARBITER = "eu-north-1"
IMAGE = "registry.example.com/observer@sha256:" + "0" * 64
SETTINGS: dict[str, Any] = {
    "cluster": "shop-prod",
    "domains": [HOME, AWAY, ARBITER],
    "board": {"region": ARBITER, "table": "seawall-votes"},
    "references": ["dynamodb.{domain}.amazonaws.com:443"],
}
OBSERVERS: dict[str, Any] = {
    "service": "shop",
    "environment": "prod",
    "regions": [HOME, AWAY],
    "clusters": [
        {"region": HOME, "context": "home", "namespace": "shop"},
        {"region": AWAY, "context": "away", "namespace": "shop"},
    ],
    "image": IMAGE,
    "settings": SETTINGS,
    "database": {
        "user": {"secret": "shop-observer", "key": "username"},
        "password": {"secret": "shop-observer", "key": "password"},
    },
}
ACTING: dict[str, Any] = {
    "act": True,
    "settings__leases": {"region": ARBITER, "table": "seawall-leases"},
    "settings__journals": {"region": ARBITER, "table": "seawall-records"},
}
"""Changes with which observers fail over by themselves."""
EVERY_SETTING: dict[str, Any] = {
    **SETTINGS,
    "aws_status": False,
    "write_statement": "UPDATE heartbeat SET at = now()",
    "mode": "automatic",
    "interval_seconds": 20,
    "timeout_seconds": 4.5,
    "failures_to_trip": 3,
    "window": 4,
    "successes_to_clear": 8,
    "decision_interval_seconds": 5,
    "stale_after_seconds": 90,
    "lag_limit_seconds": 15,
    "cool_down_seconds": 7200,
    "most_operations": 2,
    "operations_window_seconds": 172800,
    "act_on": ["writer", "endpoint"],
    "windows": [{"day": "sun", "start": "03:00", "minutes": 60, "why": "RDS's own"}],
    "leases": {"region": ARBITER, "table": "seawall-leases"},
    "lease_terms": {
        "ttl_seconds": 60,
        "margin_seconds": 0,
        "renew_every_seconds": 10,
        "request_timeout_seconds": 4,
        "retry_seconds": 2,
        "jitter_ratio": 0.2,
    },
    "journals": {"region": ARBITER, "table": "seawall-records"},
    "arbiter": ARBITER,
    "servers": "rds",
    "verify_by": "status",
    "retention_days": 14,
    "fence": {"cut_also": ["subnet-0a1b2c3d"], "uncut_because": "they belong to the shop"},
    "switch": {HOME: "s3://switch-1/out-of-service", AWAY: "s3://switch-2/out-of-service"},
    "switch_endpoints": {HOME: "https://host-aaaaaa.eu-west-1.example.com/v1"},
    "epoch_lease_seconds": 30,
    "members": {HOME: "10.0.0.1:5432"},
    "promote_seconds": 1800,
}
"""Each key once."""


def observers_args(**changes: Any) -> Any:
    """The arguments with each path set, or removed where the value is `...`."""
    return changed(OBSERVERS, changes)


def planned(**changes: Any) -> pulumi_seawall.ObserversPlan:
    """What such a program would declare."""
    return pulumi_seawall.plan_failover_observers(observers_args(**changes))


def pod_of(region: str = HOME, **changes: Any) -> dict[str, Any]:
    """The pods' `spec` in a region."""
    return manifests.deployment(planned(**changes), region)["spec"]["template"]["spec"]


def container_of(region: str = HOME, **changes: Any) -> dict[str, Any]:
    """Its one container."""
    return pod_of(region, **changes)["containers"][0]


def variables_of(region: str = HOME, **changes: Any) -> dict[str, Any]:
    """Its variables: a value, or where one comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container_of(region, **changes)["env"]}
