"""Arguments of a right `FailoverRecord`, for tests that change one of them."""

import copy
from typing import Any

from changing import ABSENT, put

TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.01,
    "recovery_time_seconds": 90,
    "recovery_point_seconds": 60,
}
CHECK = {"protocol": "HTTPS", "path": "/livez"}
NO_HOSTS = {  # what an alarm rings at when a load balancer has no healthy host left
    "namespace": "AWS/NetworkELB",
    "metric_name": "HealthyHostCount",
    "statistic": "Minimum",
    "comparison": "LessThanThreshold",
    "threshold": 1,
    "period_seconds": 60,
    "evaluation_periods": 2,
}
BALANCER = {"dns_name": "shop.us-west-2.elb.amazonaws.com", "zone_id": "Z1H1FL5HABSF5"}


def shop() -> dict[str, Any]:
    """A pair that is right."""
    return {
        "zone_id": "Z0123456789ABC",
        "zone_name": "example.com",
        "name": "shop.example.com",
        "primary": {
            "region": "ap-northeast-1",
            "addresses": ["192.0.2.10"],
            "regional_name": "ap-northeast-1.shop.example.com",
            "health_check": dict(CHECK),
        },
        "secondary": {
            "region": "us-west-2",
            "addresses": ["198.51.100.10"],
            "regional_name": "us-west-2.shop.example.com",
            "health_check": dict(CHECK),
        },
        "client_cache_seconds": 0,
        "objectives": dict(OBJECTIVES),
        "alarm_actions": [TOPIC],
    }


def changed(changes: dict[str, Any]) -> Any:
    """The right pair with values at dotted paths replaced, or removed."""
    args = shop()
    for path, value in changes.items():
        put(args, path.split("."), value if value is ABSENT else copy.deepcopy(value))
    return args


def alarm_check(name: str, region: str) -> dict[str, Any]:
    """A check by an alarm on healthy hosts."""
    return {"name": name, "region": region, "insufficient_data": "Unhealthy", "definition": dict(NO_HOSTS)}
