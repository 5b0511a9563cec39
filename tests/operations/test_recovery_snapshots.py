"""Taking, copying and deleting snapshots: what is waited for, what is refused, and what each command may call."""

import re
from typing import Any

import boto3
import pytest
from moto import mock_aws

from fake_rds import Fault
from fake_rds_snapshots import SnapshotAws
from seawall.errors import InvalidInput
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.failover.plans.rds_waiting import Progress
from seawall_ops.recovery.deleting import delete_plan
from seawall_ops.recovery.permissions import RECOVERY_CALLS
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshot_steps import copy_plan, create_plan
from seawall_ops.recovery.snapshots import (
    COPIED_FROM_TAG,
    MADE_BY,
    MADE_BY_TAG,
    OPERATION_TAG,
    PROVED_TAG,
    SOURCE_TAG,
    Snapshot,
    judged,
    snapshot_name,
)
from seawall_ops.recovery.verifying import verify
from seawall_ops.recovery.waiting import Waiting
from seawall_ops.steps import Operation, Plan, Result

HOME, AWAY = "eu-west-1", "eu-central-1"
SOURCE = "seawall-shop-before"
OWN = [{"Key": MADE_BY_TAG, "Value": MADE_BY}]


@pytest.fixture
def aws() -> SnapshotAws:
    """An encrypted instance with a snapshot at home, and a key in the other region."""
    account = SnapshotAws()
    key = account.add_key(HOME)
    account.add_key(AWAY)
    account.add("shop", HOME, ["subnet-1"], KmsKeyId=key)
    account.add_snapshot(HOME, SOURCE, Encrypted=True, KmsKeyId=key, TagList=OWN)
    return account


def api(aws: SnapshotAws) -> SnapshotApi:
    return SnapshotApi(RdsApi(clients=aws.client, clock=aws.clock, sleep=aws.sleep))


def away_key(aws: SnapshotAws) -> str:
    return next(each for each in aws.keys if f":{AWAY}:" in each)


def operation(aws: SnapshotAws, plan: Plan, tmp_path: Any, id_: str = "op-1") -> Operation:
    return Operation(plan, id=id_, folder=tmp_path, clock=aws.clock, sleep=aws.sleep, confirm=lambda _: True)


def create(aws: SnapshotAws, tmp_path: Any, waiting: Waiting | None = None) -> Operation:
    plan = create_plan(api(aws), region=HOME, instance="shop", waiting=waiting or Waiting())
    return operation(aws, plan, tmp_path)


def copy(aws: SnapshotAws, tmp_path: Any, waiting: Waiting | None = None, **given: Any) -> Operation:
    asked = {"source": SOURCE, "source_region": HOME, "region": AWAY, "kms_key": away_key(aws), **given}
    return operation(aws, copy_plan(api(aws), waiting=waiting or Waiting(), **asked), tmp_path)


def because(result: Result) -> str:
    return f"{result.end}: {result.because}"


# Taking


def test_a_snapshot_is_done_when_all_of_it_is_there_and_says_what_made_it(aws: SnapshotAws, tmp_path):
    """Its name and tags are what a resume, a prune and a drill find it by."""
    assert create(aws, tmp_path).run().end == "done"
    assert aws.clock.monotonic() >= 90.0
    tags = aws.tags_of(HOME, "seawall-shop-op-1")
    assert tags == {
        MADE_BY_TAG: MADE_BY,
        OPERATION_TAG: "op-1",
        SOURCE_TAG: "arn:aws:rds:eu-west-1:123456789012:db:shop",
    }
    assert aws.recorder.taken() <= set(RECOVERY_CALLS["snapshot create"])


def test_a_dry_run_changes_nothing(aws: SnapshotAws, tmp_path):
    """The plan is shown before it is run."""
    preview = create(aws, tmp_path).preview()
    assert (preview.changes, preview.refusal) == (1, "")
    assert copy(aws, tmp_path).preview().refusal == ""
    assert aws.given == []


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        ({"Status": "creating", "PercentProgress": 100}, Progress.UNDER_WAY),
        ({"Status": "copying"}, Progress.UNDER_WAY),
        ({"Status": "available", "PercentProgress": 99}, Progress.UNDER_WAY),
        ({"Status": "available", "PercentProgress": 100, "SnapshotCreateTime": None}, Progress.UNDER_WAY),
        ({"Status": "failed"}, Progress.FAILED),
        ({"Status": "deleting"}, Progress.FAILED),
        ({"Status": "incompatible-restore"}, Progress.FAILED),
        ({"Status": "available", "KmsKeyId": "another"}, Progress.FAILED),
        ({"Status": "available", "KmsKeyId": "asked"}, Progress.DONE),
    ],
)
def test_only_a_whole_snapshot_under_its_key_is_done(aws: SnapshotAws, said, progress):
    """No waiter passes trivially: a status alone is not the end."""
    described = {**aws.add_snapshot(HOME, "one", Encrypted=True, KmsKeyId="asked"), **said}
    assert judged(Snapshot.of(HOME, described), kms_key="asked").progress is progress
    assert judged(None).progress is Progress.FAILED


def test_a_snapshot_that_fails_is_removed_and_the_plan_undone_long_before_the_time_is_up(aws: SnapshotAws, tmp_path):
    """Four hours of waiting for a status that says that it will not come help nobody, and a dead snapshot counts in the quota."""
    aws.taking = ((30.0, {"Status": "failed"}),)
    assert because(create(aws, tmp_path).run()).endswith("snapshot seawall-shop-op-1: RDS says failed, 0 %")
    assert aws.names(HOME) == [SOURCE]
    assert aws.clock.monotonic() < 200.0


def test_a_snapshot_that_somebody_deletes_meanwhile_is_not_waited_for(aws: SnapshotAws, tmp_path):
    """botocore's waiter takes that for the end."""
    aws.taking = ((30.0, {"Status": None}),)
    result = create(aws, tmp_path).run()
    assert because(result).startswith("undone: create: apply: snapshot seawall-shop-op-1: the snapshot is gone")
    assert aws.clock.monotonic() < 100.0


def test_a_snapshot_that_rds_lists_late_is_not_begun_twice(aws: SnapshotAws, tmp_path):
    """RDS may answer that there is none right after it has accepted it."""
    aws.listed_after = 45.0
    assert create(aws, tmp_path).run().end == "done"
    assert [call for call, _, _ in aws.given] == ["CreateDBSnapshot"]


def test_a_snapshot_that_rds_accepts_and_never_lists_ends(aws: SnapshotAws, tmp_path):
    """After two minutes it is gone, not late."""
    aws.listed_after = 1e9
    assert "the snapshot is gone" in because(create(aws, tmp_path).run())


@pytest.mark.parametrize("error", ["unreachable", "ServiceUnavailable", "Throttling"])
def test_a_lost_answer_makes_no_second_snapshot(aws: SnapshotAws, tmp_path, error):
    """The name is the operation's: the call may have been heard."""
    aws.faults = [Fault("CreateDBSnapshot", error, lost_answer=True)]
    assert create(aws, tmp_path).run().end == "done"
    assert aws.names(HOME) == [SOURCE, "seawall-shop-op-1"]


def test_an_instance_that_is_busy_is_waited_for_and_one_that_is_dead_or_gone_is_refused(aws: SnapshotAws, tmp_path):
    """A backup window ends by itself; a failed instance does not."""
    instance = aws.instances[HOME, "shop"]
    instance["DBInstanceStatus"] = "backing-up"
    lines: list[str] = []

    def told(line: str) -> None:
        lines.append(line)
        instance["DBInstanceStatus"] = "available"

    assert create(aws, tmp_path / "1", Waiting(told=told)).run().end == "done"
    assert "pending, the instance is busy" in lines[0]
    instance["DBInstanceStatus"] = "failed"
    assert "takes no snapshot" in because(operation(aws, create(aws, tmp_path).plan, tmp_path, "op-2").run())
    del aws.instances[HOME, "shop"]
    third = operation(aws, create(aws, tmp_path).plan, tmp_path, "op-3")
    assert third.preview().refusal == "there is no RDS instance shop in eu-west-1"


# Quotas, deadlines and whoever stops it


def test_a_full_quota_is_pending_with_its_progress_and_a_resume_goes_on(aws: SnapshotAws, tmp_path):
    """It is no failure: nothing is undone, and somebody has to make room."""
    aws.manual_quota = 1
    lines: list[str] = []
    result = create(aws, tmp_path, Waiting(seconds=600.0, told=lines.append)).run()
    assert because(result).startswith("stopped: create: seawall-shop-op-1: after 600 s still pending, a quota is full")
    assert int(result.exit_code) == 5
    assert "resume operation op-1" in result.next
    assert len(lines) == 3  # at once, and every 5 min
    assert "SnapshotQuotaExceeded" in lines[0]
    assert aws.clock.monotonic() == pytest.approx(600.0)
    aws.manual_quota = 2
    assert create(aws, tmp_path).resume().end == "done"


def test_a_copy_waits_for_one_of_five_to_end(aws: SnapshotAws, tmp_path):
    """RDS copies only so many at a time into a region."""
    source = aws.snapshots[HOME, SOURCE]["DBSnapshotArn"]
    for number in range(5):
        aws.add_snapshot(AWAY, f"other-{number}", Status="creating", SourceDBSnapshotIdentifier=source)
    aws.snapshots[AWAY, "other-0"]["due"] = [(300.0, {"Status": "available"})]
    assert copy(aws, tmp_path).run().end == "done"
    assert aws.clock.monotonic() >= 390.0


def test_whoever_stops_it_is_heard_in_the_middle_of_the_wait(aws: SnapshotAws, tmp_path):
    """Ctrl-C must not have to wait for four hours; what was begun stays, and a resume finds it."""
    stop = [""]
    waiting = Waiting(told=lambda _: stop.__setitem__(0, "asked by SIGINT"), cancelled=lambda: stop[0])
    assert "asked by SIGINT, while begun" in because(create(aws, tmp_path, waiting).run())
    assert create(aws, tmp_path).resume().end == "done"
    assert [call for call, _, _ in aws.given] == ["CreateDBSnapshot"]


def test_an_undo_waits_until_rds_lets_go_of_it(aws: SnapshotAws, tmp_path):
    """What is being created cannot be deleted; what is left behind is paid for."""
    aws.taking = ((5000.0, {"Status": "available", "PercentProgress": 100}),)
    assert create(aws, tmp_path, Waiting(seconds=60.0)).run().end == "stopped"
    short = create(aws, tmp_path, Waiting(seconds=60.0)).undo("not needed")
    assert because(short).startswith("stopped: create: undo: seawall-shop-op-1: after 60 s still to be deleted")
    assert create(aws, tmp_path).undo("not needed").end == "undone"
    assert aws.names(HOME) == [SOURCE]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_wait_of_no_time_or_without_an_end_is_refused(seconds):
    """It would be pending at once, or for ever."""
    with pytest.raises(InvalidInput, match="wait-seconds"):
        Waiting(seconds=seconds)


# Copying


def test_a_copy_has_the_key_of_its_region_and_the_tags_but_not_the_proof(aws: SnapshotAws, tmp_path):
    """Nobody has restored the copy yet."""
    more = [{"Key": "team", "Value": "shop"}, {"Key": PROVED_TAG, "Value": "2026-11-25T03:00:00Z"}]
    reserved = [{"Key": "aws:cloudformation:stack-name", "Value": "x"}]
    aws.snapshots[HOME, SOURCE]["TagList"] = [*OWN, *more, *reserved]
    assert copy(aws, tmp_path).run().end == "done"
    name = "seawall-shop-before-op-1"
    assert aws.tags_of(AWAY, name) == {
        MADE_BY_TAG: MADE_BY,
        OPERATION_TAG: "op-1",
        COPIED_FROM_TAG: "arn:aws:rds:eu-west-1:123456789012:snapshot:seawall-shop-before",
        "team": "shop",
    }
    assert aws.snapshots[AWAY, name]["KmsKeyId"] == away_key(aws)
    assert aws.given[0][2]["SourceRegion"] == HOME
    assert aws.recorder.taken() <= set(RECOVERY_CALLS["snapshot copy"])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"KeyState": "Disabled"}, "the key of the copy cannot be used: .* is Disabled"),
        ({"KeyState": "PendingDeletion"}, "is PendingDeletion"),
        ({"KeySpec": "RSA_2048"}, "RSA_2048, not symmetric"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_before_anything_is_asked_of_rds(aws: SnapshotAws, tmp_path, change, line):
    """RDS would fail after hours."""
    aws.keys[away_key(aws)].update(change)
    assert re.search(line, because(copy(aws, tmp_path).run()))
    assert aws.given == []
    assert "CopyDBSnapshot" not in aws.calls


def test_a_key_that_is_disabled_while_it_copies_does_not_stand_in_the_way_of_the_undo(aws: SnapshotAws, tmp_path):
    """The failed copy has to go all the same."""
    aws.copying = ((60.0, {"Status": "failed"}),)
    waiting = Waiting(told=lambda _: aws.keys[away_key(aws)].update(KeyState="Disabled"))
    assert copy(aws, tmp_path, waiting).run().end == "undone"
    assert aws.names(AWAY) == []


def test_what_cannot_be_copied_is_refused(aws: SnapshotAws, tmp_path):
    """moto would copy an encrypted one under its old key, and RDS refuses it."""
    line = "seawall-shop-before is encrypted: its copy needs --kms-key, a key of eu-central-1"
    assert copy(aws, tmp_path, kms_key=None).preview().refusal == line
    with pytest.raises(InvalidInput, match="a key of eu-central-1, because a copy is encrypted where it goes to"):
        copy(aws, tmp_path, kms_key=next(each for each in aws.keys if f":{HOME}:" in each))
    assert "no key alias/none" in copy(aws, tmp_path, kms_key="alias/none").preview().refusal
    assert "there is no snapshot gone" in copy(aws, tmp_path, source="gone").preview().refusal
    aws.add_snapshot(HOME, "foreign")
    assert "was not made by `seawall snapshot`" in copy(aws, tmp_path, source="foreign").preview().refusal
    aws.snapshots[HOME, SOURCE]["Status"] = "creating"
    assert "cannot be copied: creating" in copy(aws, tmp_path).preview().refusal
    assert aws.given == []


def test_a_snapshot_of_that_name_that_is_another_operations_is_left_alone(aws: SnapshotAws, tmp_path):
    """Two machines could have the same id."""
    aws.add_snapshot(HOME, "seawall-shop-op-1", TagList=OWN)
    assert "is not of operation op-1" in because(create(aws, tmp_path).run())
    assert "seawall-shop-op-1" in aws.names(HOME)


@pytest.mark.parametrize(
    ("instance", "operation_id", "name"),
    [
        ("Shop", "snapshot-create-7f3a09c2", "seawall-shop-snapshot-create-7f3a09c2"),
        ("shop", "a..b--c", "seawall-shop-a-b-c"),
        ("s" * 300, "op-1", "seawall-" + "s" * 242 + "-op-1"),
    ],
)
def test_a_name_is_one_that_rds_takes(instance, operation_id, name):
    """Letters, digits and single hyphens, at most 255."""
    assert snapshot_name(instance, operation_id) == name
    assert len(name) <= 255


# Deleting


def chosen(aws: SnapshotAws, tmp_path: Any) -> Operation:
    plan = delete_plan(api(aws), Snapshot.of(HOME, aws.snapshots[HOME, SOURCE]), "old", (HOME, AWAY), Waiting())
    return operation(aws, plan, tmp_path)


def test_a_deletion_is_done_when_it_is_gone(aws: SnapshotAws, tmp_path):
    """What is only being deleted may come back as `available`."""
    assert chosen(aws, tmp_path).run().end == "done"
    assert aws.names(HOME) == []
    assert aws.recorder.taken() <= set(RECOVERY_CALLS["snapshot prune"])


@pytest.mark.parametrize("how", ["proved", "shared", "copied", "another"])
def test_what_has_changed_since_it_was_chosen_is_kept(aws: SnapshotAws, tmp_path, how):
    """A drill, a share or a copy may begin while the list is read."""
    deletion = chosen(aws, tmp_path)
    snapshot = aws.snapshots[HOME, SOURCE]
    if how == "proved":
        snapshot["TagList"] = [*OWN, {"Key": PROVED_TAG, "Value": "2026-11-25T03:00:00Z"}]
    elif how == "shared":
        aws.shared[SOURCE] = ["210987654321"]
    elif how == "copied":
        arn = snapshot["DBSnapshotArn"]
        aws.add_snapshot(AWAY, "copy", Status="creating", SourceDBSnapshotIdentifier=arn)
    else:
        aws.add_snapshot(HOME, SOURCE, TagList=OWN, SnapshotCreateTime=aws.now())
    assert deletion.run().end == "undone"
    assert aws.names(HOME) == [SOURCE]
    assert aws.given == []


# moto


def test_the_happy_path_on_moto(tmp_path):
    """Another's reading of RDS: create, copy with a key, verify, delete."""
    with mock_aws():
        session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
        session.client("rds", HOME).create_db_instance(
            DBInstanceIdentifier="shop",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            StorageEncrypted=True,
            MasterUsername="shop",
            ManageMasterUserPassword=True,
        )
        key = session.client("kms", AWAY).create_key()["KeyMetadata"]["Arn"]
        asked = SnapshotApi(RdsApi(clients=session.client))
        plan = create_plan(asked, region=HOME, instance="shop", waiting=Waiting())
        assert Operation(plan, id="op-1", folder=tmp_path, sleep=lambda _: None).run().end == "done"
        plan = copy_plan(
            asked, source="seawall-shop-op-1", source_region=HOME, region=AWAY, kms_key=key, waiting=Waiting()
        )
        assert Operation(plan, id="op-2", folder=tmp_path, sleep=lambda _: None).run().end == "done"
        copied = asked.existing(AWAY, "seawall-shop-op-1-op-2")
        assert copied.kms_key == key
        assert verify(asked, AWAY, copied.name, kms_key=key).said == "available"
        plan = delete_plan(asked, copied, "old", (AWAY,), Waiting())
        done = Operation(plan, id="op-3", folder=tmp_path, sleep=lambda _: None, confirm=lambda _: True).run()
        assert done.end == "done"
        assert asked.find(AWAY, copied.name) is None
