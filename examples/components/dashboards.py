"""Four dashboards of a service for Grafana, in one cluster."""

from pulumi_seawall import Dashboards

Dashboards(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [{"region": "eu-west-1", "context": "shop-eu-west-1", "namespace": "shop"}],
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
        "environment": "prod",
        "sidecar_labels": {"grafana_dashboard": "1"},
        "folder": "Shop",
    },
)
