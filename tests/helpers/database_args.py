"""Arguments of a right `ReplicatedDatabase`, for tests that change one of them."""

from typing import Any

import pulumi_seawall

PASSWORD = "correct-horse-battery"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": PASSWORD}  # on the wire
TOKYO, OREGON, IRELAND = "ap-northeast-1", "us-west-2", "eu-west-1"
VPCS = {TOKYO: "vpc-1", OREGON: "vpc-2", IRELAND: "vpc-3"}


def key_of(region: str, id_: str = "k") -> str:
    return f"arn:aws:kms:{region}:123456789012:key/{id_}"


def topic_of(region: str) -> str:
    return f"arn:aws:sns:{region}:123456789012:oncall"


def member(name: str, region: str, **more: Any) -> dict[str, Any]:
    """A member whose resources are all declared."""
    return {
        "name": name,
        "region": region,
        "instance_class": "db.r6g.large",
        "vpc_id": VPCS[region],
        "subnet_ids": [f"subnet-{region}-a", f"subnet-{region}-b"],
        "allowed_cidrs": ["10.0.0.0/16"],
        **more,
    }


def shop(**more: Any) -> Any:
    """A right database: Tokyo writes, Oregon follows."""
    return {
        "engine": "postgres",
        "engine_version": "17",
        "members": [member("tokyo", TOKYO), member("oregon", OREGON)],
        "writer": "tokyo",
        "created_in": "tokyo",
        "database_name": "shop",
        "username": "shop",
        "password": PASSWORD,
        "storage_gib": 100,
        "max_connections": 500,
        "alarms": {"missing_data": "breaching"},
        **more,
    }


def plan_of(**more: Any) -> pulumi_seawall.DatabasePlan:
    return pulumi_seawall.plan_database(shop(**more))


def of_name(plan: pulumi_seawall.DatabasePlan, name: str) -> pulumi_seawall.DatabaseMemberPlan:
    return next(one for one in plan.members if one.name == name)
