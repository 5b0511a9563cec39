"""The servers of a database on RDS: what their answers are taken for, and what a fence and a promotion wait for."""

from typing import Any

import pytest

from fake_rds import FakeAws, Fault
from fake_rds_pair import AWAY, HOME, MARK, NEW, OLD, pair, servers
from seawall.errors import InvalidInput, SeawallError, StepRefused
from seawall_ops.failover.plans.rds import RDS_CALLS, RdsServers, VerifyBy
from seawall_ops.failover.plans.servers import MemberLook, MemberUnreachable


@pytest.fixture
def aws() -> FakeAws:
    """A writer over two subnets with an ACL each, and a replica in another region."""
    return pair()


class Sql:
    """The servers, asked by SQL."""

    where = "sql"

    def __init__(self, **said: Any) -> None:
        self.said = MemberLook(**{"takes_writes": False, "timeline": 1, "position": 100, **said})
        self.written: list[str] = []

    def look(self, member: str) -> MemberLook:
        del member
        return self.said

    def try_write(self, member: str) -> None:
        self.written.append(member)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


# Looking


def test_without_sql_a_look_says_what_rds_knows_and_makes_nothing_up(aws: FakeAws):
    """Histories and positions are the server's own to tell."""
    aws.lags["shop-frankfurt"] = [(30.0, 4.5), (90.0, 60.0)]
    assert servers(aws).look("ireland") == MemberLook(takes_writes=True)
    assert servers(aws).look("frankfurt") == MemberLook(takes_writes=False, lag_seconds=4.5)


@pytest.mark.parametrize("data", [[], [(600.0, 1.0)], [(30.0, -1.0)]], ids=["none", "old", "stopped"])
def test_a_lag_that_is_missing_old_or_of_a_stopped_replication_is_not_known(aws: FakeAws, data: Any):
    """Zero would let a replica be promoted that nobody has heard of for an hour."""
    aws.lags["shop-frankfurt"] = data
    assert servers(aws).look("frankfurt").lag_seconds is None


def test_with_sql_the_server_speaks_of_itself_and_rds_has_a_say_in_who_writes(aws: FakeAws):
    """Out of recovery while RDS still names a source is the middle of a promotion, and a reboot follows."""
    looked = servers(aws, sql=Sql(takes_writes=True), verify_by=VerifyBy.WRITE).look("frankfurt")
    assert (looked.takes_writes, looked.timeline, looked.position) == (False, 1, 100)
    assert servers(aws, sql=Sql(takes_writes=True)).look("ireland").takes_writes


def test_rds_word_is_enough_for_a_new_writer_only_where_that_was_said(aws: FakeAws):
    """Found out after the point of no return it would be too late."""
    with pytest.raises(InvalidInput, match="verify_by = write: write with SQL access, or status"):
        RdsServers([OLD, NEW], clients=aws.client)
    assert "verified by RDS's status alone" in servers(aws).where
    with pytest.raises(StepRefused, match="does not say that frankfurt takes writes: available, and follows arn"):
        servers(aws).try_write("frankfurt")
    sql = Sql()
    servers(aws, sql=sql, verify_by=VerifyBy.WRITE).try_write("frankfurt")
    assert sql.written == ["frankfurt"]


@pytest.mark.parametrize("error", ["unreachable", "time-out", "ServiceUnavailable"])
def test_a_region_that_does_not_answer_is_silence(aws: FakeAws, error: str):
    """Silence can be waited out; a refusal cannot."""
    aws.faults = [Fault("*", error, times=9, region=HOME)]
    for ask in (servers(aws).look, servers(aws).fence_of, servers(aws).fence, servers(aws).lift):
        with pytest.raises(MemberUnreachable):
            ask("ireland")


@pytest.mark.parametrize("code", ["AccessDenied", "UnauthorizedOperation"])
def test_a_denied_call_names_the_action_that_is_missing(aws: FakeAws, code: str):
    """What to add to the role, at three in the morning."""
    aws.faults = [Fault("PromoteReadReplica", code)]
    with pytest.raises(StepRefused, match=r"the role may not call rds:PromoteReadReplica in eu-central-1"):
        servers(aws).promote("frankfurt")


def test_throttling_is_asked_again_and_not_for_ever(aws: FakeAws):
    """RDS throttles the whole account; a failover is not lost to somebody's dashboard."""
    aws.faults = [Fault("DescribeDBInstances", "Throttling", times=3)]
    assert servers(aws).look("ireland").takes_writes
    aws.faults = [Fault("DescribeDBInstances", "Throttling", times=99)]
    with pytest.raises(MemberUnreachable, match="throttled for 20 s"):
        servers(aws).look("ireland")


def test_clusters_are_refused_and_missing_instances_too(aws: FakeAws):
    """They fail over in other ways; and whoever renamed an instance may still write to it."""
    aws.instances[AWAY, "shop-frankfurt"]["DBClusterIdentifier"] = "shop"
    with pytest.raises(StepRefused, match="in a cluster"):
        servers(aws).promote("frankfurt")
    del aws.instances[HOME, "shop-ireland"]
    with pytest.raises(StepRefused, match="no RDS instance shop-ireland in eu-west-1"):
        servers(aws).fence_of("ireland")


# Promoting


def test_a_promotion_is_done_when_the_source_is_gone_and_not_before(aws: FakeAws):
    """RDS says `available` for a while after it took the call."""
    one = servers(aws)
    one.promote("frankfurt")
    assert aws.clock.monotonic() >= 50.0
    assert aws.calls.count("PromoteReadReplica") == 1
    assert one.look("frankfurt").takes_writes
    one.try_write("frankfurt")
    one.promote("frankfurt")
    assert aws.calls.count("PromoteReadReplica") == 1
    assert aws.instances[AWAY, "shop-frankfurt"]["asked_retention"] == 14


def test_backups_are_kept_as_declared_or_as_before_or_by_seawalls_own_number(aws: FakeAws):
    """A promotion with none leaves no point in time to go back to."""
    aws.faults = [Fault("*", "unreachable", times=9, region=HOME)]
    servers(aws).promote("frankfurt")
    assert aws.instances[AWAY, "shop-frankfurt"]["asked_retention"] == 7
    with pytest.raises(InvalidInput, match="retention_days = 0: 1 to 35 days"):
        servers(aws, retention_days=0)


def test_a_lost_answer_or_a_crash_does_not_promote_twice(aws: FakeAws):
    """The second process waits for what the first has begun."""
    aws.faults = [Fault("PromoteReadReplica", "time-out", lost_answer=True)]
    with pytest.raises(MemberUnreachable):
        servers(aws).promote("frankfurt")
    aws.sleep(12.0)
    servers(aws).promote("frankfurt")
    assert aws.calls.count("PromoteReadReplica") == 1
    assert servers(aws).look("frankfurt").takes_writes


def test_a_promotion_that_rds_gives_up_is_said_at_once(aws: FakeAws):
    """With the status; nobody waits an hour for it."""
    aws.script("PromoteReadReplica", (10.0, {"DBInstanceStatus": "incompatible-parameters"}))
    with pytest.raises(MemberUnreachable, match="was begun, and RDS says incompatible-parameters"):
        servers(aws).promote("frankfurt")
    assert aws.clock.monotonic() < 20.0


@pytest.mark.parametrize("status", ["storage-full", "backing-up", "deleting"])
def test_an_instance_that_is_not_available_is_not_promoted(aws: FakeAws, status: str):
    """RDS would refuse; the line has the status."""
    aws.instances[AWAY, "shop-frankfurt"]["DBInstanceStatus"] = status
    with pytest.raises(StepRefused, match=f"cannot be promoted: RDS says {status}"):
        servers(aws).promote("frankfurt")
    assert "PromoteReadReplica" not in aws.calls


# Permissions


def test_the_calls_of_each_purpose_are_those_that_are_made(aws: FakeAws):
    """More would be allowed for nothing, and less denied in the middle of a failover."""
    one = servers(aws)
    one.look("frankfurt")
    assert aws.recorder.taken() == {*RDS_CALLS["look"]}
    aws.restarts_are_told = False
    one.fence("ireland")
    one.fence_of("ireland")
    fencing = aws.recorder.taken()
    for mark in ("acl-1", "acl-2"):  # a process that comes later looks at the events
        aws.acls[HOME, mark]["Tags"] = [{"Key": MARK, "Value": f"5432 asked {aws.now().isoformat()}"}]
    one.fence("ireland")
    assert fencing | aws.recorder.taken() == {*RDS_CALLS["fence"]}
    one.lift("ireland")
    assert aws.recorder.taken() == {*RDS_CALLS["lift"]}
    one.promote("frankfurt")
    assert aws.recorder.taken() == {*RDS_CALLS["promote"]}


def test_errors_are_seawalls(aws: FakeAws):
    """Nothing of botocore's reaches a plan."""
    aws.faults = [Fault("*", "InvalidParameterValue")]
    with pytest.raises(SeawallError):
        servers(aws).fence("ireland")
