"""The document that apps load with `seawall.topology`: here two regions and what the service promises."""

from pulumi_seawall import PublishedTopology

PublishedTopology(
    "shop",
    {
        "service": "shop",
        "environment": "prod",
        "regions": ["eu-west-1", "eu-central-1"],
        "endpoints": [
            {"name": "ireland", "region": "eu-west-1", "role": "primary", "url": "https://eu-west-1.shop.example.com"},
            {"name": "frankfurt", "region": "eu-central-1", "role": "standby", "url": "https://eu.shop.example.com"},
        ],
        "objectives": {
            "availability": 0.999,
            "latency_p95_seconds": 0.5,
            "error_rate": 0.001,
            "recovery_time_seconds": 180,
            "recovery_point_seconds": 60,
        },
    },
)
