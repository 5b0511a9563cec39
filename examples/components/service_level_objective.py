"""Burn-rate alerts on availability and latency, in the Prometheus of two regions' clusters."""

from pulumi_seawall import NoData, ServiceLevelObjective

ServiceLevelObjective(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [
                {"region": "eu-west-1", "context": "shop-eu-west-1", "namespace": "shop"},
                {"region": "eu-central-1", "context": "shop-eu-central-1", "namespace": "shop"},
            ],
            "selector": {"job": "shop"},
            "rule_selector_labels": {"release": "prometheus"},
            "runbook_url": "https://wiki.example.com/runbooks/{alert}",
        },
        "objectives": {
            "availability": 0.999,
            "latency_p95_seconds": 0.5,
            "error_rate": 0.001,
            "recovery_time_seconds": 180,
            "recovery_point_seconds": 60,
        },
        "no_data": NoData.FAIL,
        "retention_seconds": 40 * 86400,
    },
)
