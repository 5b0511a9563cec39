"""Alerts on a service's requests, processes, breakers, endpoints and replicas, in one cluster."""

from pulumi_seawall import AlertRules

AlertRules(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [{"region": "eu-west-1", "context": "shop-eu-west-1", "namespace": "shop"}],
            "selector": {"job": "shop"},
            "rule_selector_labels": {"release": "prometheus"},
            "runbook_url": "https://wiki.example.com/runbooks/{alert}",
            "scrape_interval_seconds": 15,
        },
        "objectives": {
            "availability": 0.999,
            "latency_p95_seconds": 0.5,
            "error_rate": 0.001,
            "recovery_time_seconds": 180,
            "recovery_point_seconds": 60,
        },
        "error_ratio": 0.02,
    },
)
