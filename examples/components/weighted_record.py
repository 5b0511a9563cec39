"""One name whose answers are spread by weight: nine in ten go to the fleet that is known to work."""

from pulumi_seawall import HealthCheckProtocol, RecordTarget, WeightedRecord


def fleet(color: str, address: str) -> RecordTarget:
    return {
        "region": "eu-west-1",
        "addresses": [address],
        "regional_name": f"{color}.shop.example.com",
        "health_check": {"protocol": HealthCheckProtocol.HTTPS, "path": "/regionz"},
    }


WeightedRecord(
    "shop",
    {
        "zone_id": "Z0123456789EXAMPLE",
        "name": "shop.example.com",
        "entries": [
            {"name": "blue", "weight": 90, "target": fleet("blue", "203.0.113.10")},
            {"name": "green", "weight": 10, "target": fleet("green", "198.51.100.10")},
        ],
    },
)
