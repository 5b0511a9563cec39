"""The shop in two regions: each release to the standby first, by shares of an Application Load Balancer's traffic."""

from pulumi_seawall import CanaryRollout, NoData

CanaryRollout(
    "shop",
    {
        "monitoring": {
            "service": "shop",
            "clusters": [{"region": region, "context": f"shop-{region}"} for region in ("eu-central-1", "eu-west-1")],
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
        "analysis": {"no_data": NoData.PAUSE, "prometheus_url": "http://prometheus-operated.monitoring:9090"},
        "image": "registry.example.com/shop:1.4.2",
        "resources": {"cpu": "500m", "memory": "512Mi"},
        "router": {"alb": {"ingress": "shop"}},
        "topology": {"environment": "prod"},
    },
)
