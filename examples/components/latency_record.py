"""One name that each client finds in the healthy region nearest to it."""

from pulumi_seawall import HealthCheckProtocol, LatencyEntryArgs, LatencyRecord


def entry(region: str, address: str) -> LatencyEntryArgs:
    return {
        "name": region,
        "target": {
            "region": region,
            "addresses": [address],
            "regional_name": f"{region}.shop.example.com",
            "health_check": {"protocol": HealthCheckProtocol.HTTPS, "path": "/regionz"},
        },
    }


LatencyRecord(
    "reads",
    {
        "zone_id": "Z0123456789EXAMPLE",
        "name": "reads.shop.example.com",
        "entries": [entry("eu-west-1", "203.0.113.10"), entry("us-east-1", "198.51.100.10")],
    },
)
