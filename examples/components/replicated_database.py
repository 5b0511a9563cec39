"""PostgreSQL that writes in one region and follows in another one."""

import pulumi

from pulumi_seawall import DatabaseEngine, DatabaseMemberArgs, MissingData, ReplicatedDatabase


def member(region: str, vpc: str) -> DatabaseMemberArgs:
    subnets = [f"subnet-0a1b2c3d4e5f6{vpc[-1]}{zone}" for zone in range(3)]
    network = {"vpc_id": vpc, "subnet_ids": subnets, "allowed_cidrs": ["10.0.0.0/16"]}
    return DatabaseMemberArgs(region=region, instance_class="db.r7g.large", **network)


ReplicatedDatabase(
    "shop",
    {
        "engine": DatabaseEngine.POSTGRES,
        "engine_version": "17",
        "members": [member("eu-west-1", "vpc-0a1b2c3d1"), member("eu-central-1", "vpc-0a1b2c3d2")],
        "writer": "eu-west-1",
        "created_in": "eu-west-1",
        "database_name": "shop",
        "username": "shop",
        "password": pulumi.Output.secret("from-your-secret-store"),
        "storage_gib": 100,
        "max_connections": 500,
        "alarms": {"missing_data": MissingData.BREACHING},
    },
)
