"""An old writer on RDS made a replica again: put aside, closed off, and replaced, whatever is killed on the way."""

from collections.abc import Callable
from typing import Any

import pytest

from fake_rds import Fault
from fake_rds_pair import AWAY, HOME, NEW, OLD
from fake_rds_rebuilds import KEY, OPEN, RebuildingAws, account
from seawall.errors import InvalidInput, StepRefused
from seawall_ops.failover.plans.rds import RDS_CALLS, RdsServers, VerifyBy
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.failover.plans.rds_rebuild import RdsRebuilder
from seawall_ops.failover.plans.rds_settings import LONGEST_NAME, creation, kept_name
from seawall_ops.failover.plans.rebuilder import Following, RebuildFailed
from seawall_ops.failover.plans.servers import MemberUnreachable

KEPT = "shop-ireland-before-rebuild-7"
CLOSED = [{"VpcSecurityGroupId": "sg-made-0", "Status": "active"}]


@pytest.fixture
def aws() -> RebuildingAws:
    """The account."""
    return account()


def _servers(aws: RebuildingAws, **more: Any) -> RdsServers:
    given: dict[str, Any] = {"verify_by": VerifyBy.STATUS, **more}
    return RdsServers([OLD, NEW], clients=aws.client, clock=aws.clock, sleep=aws.sleep, wall=aws.now, **given)


def rebuilder(aws: RebuildingAws, operation: str = "rebuild-7", **more: Any) -> RdsRebuilder:
    """Of a process that has just begun."""
    api = RdsApi(aws.client, aws.clock, aws.sleep)
    return RdsRebuilder({each.name: each for each in (OLD, NEW)}, _servers(aws), operation, api=api, **more)


def unchecked() -> None:
    """A lease that is always held."""


def look(aws: RebuildingAws) -> Following:
    """As a new process sees it."""
    return rebuilder(aws).look("ireland", "frankfurt").following


def require_whole(aws: RebuildingAws, kept: str = KEPT) -> None:
    """The old one is kept and lets nobody in, and one replica has its name and all that it had."""
    found = rebuilder(aws).look("ireland", "frankfurt")
    assert (found.following, found.lag_seconds, found.alone_bytes) == (Following.FOLLOWS, 2.5, None)
    old, replica = aws.instances[HOME, kept], aws.instances[HOME, "shop-ireland"]
    assert (old["DbiResourceId"], old["VpcSecurityGroups"]) == ("db-SHOP-IRELAND", CLOSED)
    assert old["DeletionProtection"] is True
    assert replica["VpcSecurityGroups"] == OPEN
    assert replica["DeletionProtection"] is False
    assert replica["PreferredMaintenanceWindow"] == "sun:03:00-sun:04:00"
    assert replica["DBParameterGroups"] == [{"DBParameterGroupName": "shop-17", "ParameterApplyStatus": "in-sync"}]
    assert replica["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert len(aws.made) == 1
    assert len(aws.groups) == 1


def test_a_replica_takes_the_name_and_all_that_the_old_writer_had(aws: RebuildingAws):
    """What is forgotten is missed in the next failover: a log export, a parameter group, a second zone."""
    assert look(aws) is Following.APART
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)
    [made] = aws.made
    assert made == {
        "DBInstanceIdentifier": "shop-ireland",
        "SourceDBInstanceIdentifier": f"arn:aws:rds:{AWAY}:123456789012:db:shop-frankfurt",
        "SourceRegion": AWAY,
        "DBInstanceClass": "db.r6g.large",
        "Port": 5432,
        "MultiAZ": True,
        "DBSubnetGroupName": "data",
        "VpcSecurityGroupIds": ["sg-1", "sg-2"],
        "AutoMinorVersionUpgrade": True,
        "PubliclyAccessible": False,
        "CopyTagsToSnapshot": True,
        "EnableIAMDatabaseAuthentication": True,
        "DeletionProtection": False,
        "Tags": [{"Key": "team", "Value": "shop"}],
        "StorageType": "gp3",
        "MaxAllocatedStorage": 500,
        "AllocatedStorage": 100,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "EnableCloudwatchLogsExports": ["postgresql"],
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:aws:iam::123456789012:role/monitoring",
        "EnablePerformanceInsights": True,
        "PerformanceInsightsKMSKeyId": KEY,
        "PerformanceInsightsRetentionPeriod": 7,
        "KmsKeyId": KEY,
    }
    calls = len(aws.calls)
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert all(each.startswith("Describe") for each in aws.calls[calls:])


def test_fast_storage_and_option_groups_are_asked_for_only_where_rds_takes_them():
    """RDS refuses IOPS of small general storage, and an option group of PostgreSQL's."""
    old = account().instances[HOME, "shop-ireland"] | {
        "Engine": "mysql",
        "AllocatedStorage": 400,
        "Iops": 12000,
        "StorageThroughput": 500,
        "OptionGroupMemberships": [{"OptionGroupName": "audited"}],
        "StorageEncrypted": False,
    }
    made = creation("shop-ireland", old, {"DBInstanceArn": f"arn:aws:rds:{HOME}:1:db:other"}, HOME)
    assert (made["Iops"], made["StorageThroughput"], made["OptionGroupName"]) == (12000, 500, "audited")
    assert not {"KmsKeyId", "SourceRegion"} & {*made}


def test_the_old_one_is_closed_off_before_it_is_renamed_and_long_before_the_fence_goes(aws: RebuildingAws):
    """The reboot of the renaming ends what was connected; afterwards nobody can connect, fence or none."""
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert [each for each in aws.calls if not each.startswith("Describe")] == [
        "AddTagsToResource",
        "CreateSecurityGroup",
        "ModifyDBInstance",
        "ModifyDBInstance",
        "CreateDBInstanceReadReplica",
        "ModifyDBInstance",
        "RebootDBInstance",
    ]
    aws.instances[HOME, KEPT]["VpcSecurityGroups"] = OPEN
    opened = rebuilder(aws).look("ireland", "frankfurt")
    assert opened.following is Following.UNDER_WAY
    assert "could be written to without its fence" in opened.shown
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_a_closed_group_to_which_somebody_gave_a_rule_is_none(aws: RebuildingAws):
    """One rule for a bastion opens every old writer of the VPC."""
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    aws.groups[0]["IpPermissions"] = [{"IpProtocol": "-1"}]
    with pytest.raises(StepRefused, match=r"sg-made-0 \(seawall-closed\) is to let nobody in"):
        rebuilder(aws).look("ireland", "frankfurt")


class Killed(BaseException):
    """A process that ends in the middle."""


@pytest.mark.parametrize("operation", ["rebuild-7", "rebuild-8"], ids=["resumed", "another operation"])
def test_a_rebuild_killed_at_any_call_is_completed(aws: RebuildingAws, operation: str):
    """Every call is a crash point, before it and after it; and half of it is never taken for a follower."""
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    changes = [place for place, call in enumerate(aws.calls) if not call.startswith("Describe")]
    for point in sorted({each + by for each in changes for by in (0, 1, 2)}):
        again = account()
        left = [point]

        def kill(call: str, left: list[int] = left) -> None:
            del call
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        again.on_call = kill
        with pytest.raises(Killed):
            rebuilder(again).rebuild("ireland", "frankfurt", unchecked)
        again.on_call = lambda _: None
        assert look(again) is not Following.FOLLOWS
        rebuilder(again, operation).rebuild("ireland", "frankfurt", unchecked)
        kept = next(name for _, name in again.instances if "-before-" in name)
        require_whole(again, kept)


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("AddTagsToResource", 0),
        ("CreateSecurityGroup", 0),
        ("ModifyDBInstance", 0),
        ("ModifyDBInstance", 1),
        ("CreateDBInstanceReadReplica", 0),
        ("ModifyDBInstance", 2),
        ("RebootDBInstance", 0),
    ],
)
@pytest.mark.parametrize("pause", [0.0, 15.0, 200.0])
def test_an_answer_that_is_lost_makes_nothing_twice(aws: RebuildingAws, call: str, after: int, pause: float):
    """Silence may mean that it was done; how far it is by then is seen, not guessed."""
    aws.faults = [Fault(call, "time-out", after=after, lost_answer=True)]
    with pytest.raises(MemberUnreachable):
        rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    aws.sleep(pause)
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_a_lease_that_is_lost_stops_it_before_the_next_change(aws: RebuildingAws):
    """Another process may be at work by then."""

    def lost() -> None:
        if "ModifyDBInstance" in aws.calls:
            raise Killed

    with pytest.raises(Killed):
        rebuilder(aws).rebuild("ireland", "frankfurt", lost)
    assert aws.calls.count("ModifyDBInstance") == 1
    assert aws.made == []


def _disabled(aws: RebuildingAws) -> None:
    aws.keys[KEY] = {"KeyState": "PendingDeletion"}


def _key_elsewhere(aws: RebuildingAws) -> None:
    aws.instances[HOME, "shop-ireland"]["KmsKeyId"] = KEY.replace(HOME, AWAY)


def _unencrypted(aws: RebuildingAws) -> None:
    aws.instances[HOME, "shop-ireland"]["StorageEncrypted"] = False


def _full(aws: RebuildingAws) -> None:
    aws.quotas["DBInstances"] = (40, 40)


def _no_storage(aws: RebuildingAws) -> None:
    aws.quotas["AllocatedStorage"] = (950, 1000)


def _other_database(aws: RebuildingAws) -> None:
    aws.instances[HOME, "shop-ireland"]["DBName"] = "reports"


def _no_backups(aws: RebuildingAws) -> None:
    aws.instances[AWAY, "shop-frankfurt"]["BackupRetentionPeriod"] = 0


def _writer_follows(aws: RebuildingAws) -> None:
    aws.instances[AWAY, "shop-frankfurt"]["ReadReplicaSourceDBInstanceIdentifier"] = "somebody"


def _stopped(aws: RebuildingAws) -> None:
    aws.instances[HOME, "shop-ireland"]["DBInstanceStatus"] = "stopped"


def _gone(aws: RebuildingAws) -> None:
    del aws.instances[HOME, "shop-ireland"]


def _too_many_groups(aws: RebuildingAws) -> None:
    groups = [{"VpcSecurityGroupId": f"sg-{n:017}", "Status": "active"} for n in range(16)]
    aws.instances[HOME, "shop-ireland"]["VpcSecurityGroups"] = groups


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (_disabled, "the key of shop-ireland is PendingDeletion, and has to be Enabled"),
        (_key_elsewhere, "the key of shop-ireland is not in eu-west-1"),
        (_unencrypted, "only shop-frankfurt is encrypted"),
        (_full, "quota DBInstances in eu-west-1 has no room .*: 40 of 40 are used, and 1 needed"),
        (_no_storage, "quota AllocatedStorage in eu-west-1 has no room .*: 950 of 1000 are used, and 100 needed"),
        (_other_database, "is another database than its writer: DBName is reports, not shop"),
        (_no_backups, "frankfurt has no automated backups"),
        (_writer_follows, "frankfurt follows somebody"),
        (_stopped, "has to be available, or to be taken away"),
        (_gone, "nothing says what a replica is to be like"),
        (_too_many_groups, "cannot be noted in a tag"),
    ],
)
def test_what_would_end_it_half_way_is_refused_before_anything_is_changed(
    aws: RebuildingAws, arrange: Callable[[RebuildingAws], None], said: str
):
    """A renamed writer without a replica is worse than an old writer that is fenced."""
    arrange(aws)
    with pytest.raises(StepRefused, match=said):
        rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert all(each.startswith("Describe") for each in aws.calls)


def test_a_creation_that_is_refused_after_the_renaming_is_half_done_and_tried_again(aws: RebuildingAws):
    """A quota that was used up in between; more of it is granted by hand."""
    aws.faults = [Fault("CreateDBInstanceReadReplica", "InstanceQuotaExceeded", times=2)]
    for _ in range(2):
        with pytest.raises(RebuildFailed, match="InstanceQuotaExceeded"):
            rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert look(aws) is Following.APART
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_a_creation_that_rds_gives_up_is_said_at_once_and_left_to_a_person(aws: RebuildingAws):
    """Nobody waits six hours for it, and nothing here deletes an instance."""
    aws.creation_ends = "failed"
    with pytest.raises(RebuildFailed, match="ireland was not rebuilt: RDS says failed"):
        rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert aws.clock.monotonic() < 600.0
    assert look(aws) is Following.APART
    for operation in ("rebuild-7", "rebuild-8"):
        with pytest.raises(StepRefused, match="failed"):
            rebuilder(aws, operation).rebuild("ireland", "frankfurt", unchecked)
    del aws.instances[HOME, "shop-ireland"]
    aws.made.clear()
    aws.creation_ends = "available"
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_a_copy_that_takes_too_long_is_left_running_and_waited_for_again(aws: RebuildingAws):
    """The time-out ends the waiting, not the copy."""
    aws.takes_seconds = 1000.0
    with pytest.raises(RebuildFailed, match="not done in time: creating"):
        rebuilder(aws, seconds=2600.0).rebuild("ireland", "frankfurt", unchecked)
    assert look(aws) is Following.UNDER_WAY
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_a_backup_of_the_writer_is_waited_for(aws: RebuildingAws):
    """RDS makes no replica meanwhile; the first backup after a promotion can take long."""
    aws.faults = [Fault("CreateDBInstanceReadReplica", "InvalidDBInstanceState", times=5)]
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)


def test_an_old_writer_of_an_earlier_failover_stays_as_it_is(aws: RebuildingAws):
    """It was kept on purpose, and has nothing to do with this one."""
    earlier = aws.add("shop-ireland-before-x", HOME, [], InstanceCreateTime=aws.now(), VpcSecurityGroups=OPEN)
    earlier["TagList"] = [{"Key": "seawall:replaced", "Value": "shop-ireland"}]
    aws.sleep(1.0)
    aws.instances[HOME, "shop-ireland"]["InstanceCreateTime"] = aws.now()
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    require_whole(aws)
    assert aws.instances[HOME, "shop-ireland-before-x"]["VpcSecurityGroups"] == OPEN


def test_a_name_that_would_be_too_long_is_shortened_and_stays_its_own():
    """RDS takes 63 characters, no two hyphens in a row, and none at the end."""
    assert kept_name("shop", "Rebuild--2026_07") == "shop-before-rebuild-2026-07"
    names = {kept_name("s" * 60, operation) for operation in ("one", "two")}
    assert len(names) == 2
    for name in names | {kept_name("shop-" * 11 + "s", "rebuild")}:
        assert len(name) <= LONGEST_NAME
        assert all(name.split("-"))
    with pytest.raises(InvalidInput, match="an id with letters or digits"):
        kept_name("shop", "…")


class Silent:
    """SQL that a fence keeps out."""

    where = "sql"

    def look(self, member: str) -> Any:
        raise MemberUnreachable(member, "timed out")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_replica_behind_its_fence_is_known_by_rds_word_or_it_could_never_be_lifted(aws: RebuildingAws):
    """The fence keeps the one who would look out, too; without one, silence is silence."""
    servers = _servers(aws, sql=Silent())
    servers.fence("ireland")
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    seen = servers.look("ireland")
    assert (seen.takes_writes, seen.lag_seconds) == (False, 2.5)
    servers.lift("ireland")
    with pytest.raises(MemberUnreachable, match="timed out"):
        servers.look("ireland")


def test_the_next_failover_can_fence_it_again_beside_the_one_that_is_kept(aws: RebuildingAws):
    """The kept one is in the same subnets, on the same port: it is cut off, too, and nobody misses it."""
    _servers(aws).fence("ireland")
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    _servers(aws).lift("ireland")
    assert not _servers(aws).fence_of("ireland").closed
    _servers(aws).fence("ireland")
    assert _servers(aws).fence_of("ireland").closed


def test_the_calls_of_a_rebuild_are_those_that_are_made(aws: RebuildingAws):
    """More would be allowed for nothing, and less denied once the old writer has lost its name."""
    aws.recorder.taken()
    rebuilder(aws).rebuild("ireland", "frankfurt", unchecked)
    assert aws.recorder.taken() == {*RDS_CALLS["rebuild"]}
    look(aws)
    assert aws.recorder.taken() <= {*RDS_CALLS["rebuild"], *RDS_CALLS["look"]}


def test_a_region_that_does_not_answer_is_silence_and_members_are_the_topologys(aws: RebuildingAws):
    """A rebuild waits for its region; and a name that is misspelled is nobody's."""
    aws.faults = [Fault("*", "unreachable", times=9, region=HOME)]
    with pytest.raises(MemberUnreachable):
        rebuilder(aws).look("ireland", "frankfurt")
    with pytest.raises(StepRefused, match="there is no member irelnad"):
        rebuilder(aws).look("irelnad", "frankfurt")
    assert "ireland: shop-ireland in eu-west-1" in rebuilder(aws).where
