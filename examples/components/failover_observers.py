"""Observers in the shop's two regions, which vote in a third; somebody else runs the one there. They only watch."""

import pulumi

from pulumi_seawall import FailoverObservers

observers = FailoverObservers(
    "shop",
    {
        "service": "shop",
        "environment": "prod",
        "regions": ["eu-west-1", "eu-central-1"],
        "clusters": [{"region": region, "context": f"shop-{region}"} for region in ("eu-west-1", "eu-central-1")],
        "image": "registry.example.com/shop-observer:1.0.0",
        "settings": {
            "cluster": "shop-prod",
            "domains": ["eu-west-1", "eu-central-1", "eu-north-1"],
            "board": {"region": "eu-north-1", "table": "seawall-votes"},
            "references": ["dynamodb.{domain}.amazonaws.com:443"],
        },
        "database": {
            "user": {"secret": "shop-observer", "key": "username"},
            "password": {"secret": "shop-observer", "key": "password"},
        },
    },
)
pulumi.export("failover_settings", observers.settings)
pulumi.export("observers_elsewhere", observers.elsewhere)
