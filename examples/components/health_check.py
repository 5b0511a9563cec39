"""A health check of one region, with an alarm on its status."""

from pulumi_seawall import HealthCheck, HealthCheckProtocol

HealthCheck(
    "shop-eu-west-1",
    {
        "endpoint": {
            "protocol": HealthCheckProtocol.HTTPS,
            "fqdn": "eu-west-1.shop.example.com",
            "path": "/regionz",
        },
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:on-call"],
    },
)
