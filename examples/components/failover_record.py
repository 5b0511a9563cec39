"""One name in two regions: the second one answers while the check of the first one fails."""

from pulumi_seawall import FailoverRecord, HealthCheckProtocol, RecordTarget


def region(name: str, address: str) -> RecordTarget:
    return {
        "region": name,
        "addresses": [address],
        "regional_name": f"{name}.shop.example.com",
        "health_check": {"protocol": HealthCheckProtocol.HTTPS, "path": "/regionz"},
    }


FailoverRecord(
    "shop",
    {
        "zone_id": "Z0123456789EXAMPLE",
        "zone_name": "example.com",
        "name": "shop.example.com",
        "primary": region("eu-west-1", "203.0.113.10"),
        "secondary": region("eu-central-1", "198.51.100.10"),
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:on-call"],
    },
)
