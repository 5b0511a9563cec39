"""A writer and its replica on a fake RDS, as the tests of a failover's servers have them."""

from typing import Any

from fake_rds import FakeAws
from seawall.topology import Member
from seawall_ops.failover.plans.rds import RdsServers, VerifyBy

HOME, AWAY = "eu-west-1", "eu-central-1"
OLD = Member(name="ireland", region=HOME, identifier="shop-ireland", host="ireland.example")
NEW = Member(name="frankfurt", region=AWAY, identifier="shop-frankfurt", host="frankfurt.example")
SOURCE = f"arn:aws:rds:{HOME}:123456789012:db:shop-ireland"
FENCED = [(1, "deny"), (2, "deny"), (100, "allow")]
OPEN = [(100, "allow")]
MARK = "seawall:fence:shop-ireland"
REBOOT = ((3.0, {"DBInstanceStatus": "rebooting"}), (40.0, {"DBInstanceStatus": "available"}))


def pair() -> FakeAws:
    """A writer over two subnets with an ACL each, and a replica in another region."""
    account = FakeAws()
    account.add("shop-ireland", HOME, ["subnet-1", "subnet-2"], BackupRetentionPeriod=14)
    account.add(
        "shop-frankfurt", AWAY, ["subnet-3"], ReadReplicaSourceDBInstanceIdentifier=SOURCE, BackupRetentionPeriod=0
    )
    account.add_acl("acl-1", HOME, ["subnet-1"])
    account.add_acl("acl-2", HOME, ["subnet-2"])
    account.add_acl("acl-3", AWAY, ["subnet-3"])
    account.script("RebootDBInstance", *REBOOT)
    account.script(
        "PromoteReadReplica",
        (10.0, {"DBInstanceStatus": "modifying"}),
        (20.0, {"ReadReplicaSourceDBInstanceIdentifier": None, "DBInstanceStatus": "rebooting"}),
        (30.0, {"DBInstanceStatus": "backing-up"}),
        (50.0, {"DBInstanceStatus": "available"}),
    )
    return account


def servers(aws: FakeAws, **more: Any) -> RdsServers:
    """Of a process that has just begun; without SQL, unless some is given."""
    given: dict[str, Any] = {"verify_by": VerifyBy.STATUS, **more}
    return RdsServers([OLD, NEW], clients=aws.client, clock=aws.clock, sleep=aws.sleep, wall=aws.now, **given)
