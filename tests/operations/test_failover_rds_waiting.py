"""What RDS's answers mean while something is under way: no judgment passes on the first plausible answer."""

from typing import Any

import pytest

from seawall.testing import FakeClock
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress, promotion, renaming, replica, wait_for

SOURCE = "arn:aws:rds:eu-west-1:123456789012:db:shop-ireland"


# Judgments


@pytest.mark.parametrize(
    ("instance", "progress"),
    [
        ({"DBInstanceStatus": "available", "ReadReplicaSourceDBInstanceIdentifier": SOURCE}, Progress.UNDER_WAY),
        ({"DBInstanceStatus": "modifying"}, Progress.UNDER_WAY),
        ({"DBInstanceStatus": "backing-up"}, Progress.UNDER_WAY),
        ({"DBInstanceStatus": "available", "PendingModifiedValues": {"BackupRetentionPeriod": 7}}, Progress.UNDER_WAY),
        ({"DBInstanceStatus": "available", "PendingModifiedValues": {"DBInstanceClass": "db.x"}}, Progress.DONE),
        ({"DBInstanceStatus": "available"}, Progress.DONE),
        ({"DBInstanceStatus": "incompatible-network"}, Progress.FAILED),
        (None, Progress.FAILED),
    ],
)
def test_a_promotion_is_judged_by_what_only_its_end_shows(instance: Any, progress: Progress):
    """Not by the status alone, as botocore's waiter does."""
    assert promotion(instance).progress is progress


def test_a_renaming_is_judged_by_the_resource_and_both_names():
    """`available` under the old name is from before; a stranger under the new one is no end."""
    mine, free = {"DbiResourceId": "db-1", "DBInstanceStatus": "available"}, None
    assert renaming("db-1", mine, None).progress is Progress.UNDER_WAY
    assert renaming("db-1", free, {**mine, "DBInstanceStatus": "renaming"}).progress is Progress.UNDER_WAY
    assert renaming("db-1", mine, mine).progress is Progress.UNDER_WAY
    assert renaming("db-1", free, mine).progress is Progress.DONE
    assert renaming("db-2", free, mine).progress is Progress.FAILED


def test_a_replica_is_judged_by_its_source_too():
    """Available, and of another writer: that would replicate the wrong history."""
    made = {"DBInstanceStatus": "available", "ReadReplicaSourceDBInstanceIdentifier": SOURCE}
    assert replica(None, SOURCE).progress is Progress.UNDER_WAY
    assert replica({"DBInstanceStatus": "creating"}, SOURCE).progress is Progress.UNDER_WAY
    assert replica({**made, "DBInstanceStatus": "modifying"}, SOURCE).progress is Progress.UNDER_WAY
    assert replica({**made, "PendingModifiedValues": {"MultiAZ": True}}, SOURCE).progress is Progress.UNDER_WAY
    stopped = {"StatusType": "read replication", "Normal": False, "Status": "error", "Message": "gone"}
    assert replica({**made, "StatusInfos": [stopped]}, SOURCE).progress is Progress.UNDER_WAY
    assert replica(made, SOURCE).progress is Progress.DONE
    assert replica({"DBInstanceStatus": "available"}, SOURCE).progress is Progress.FAILED
    assert replica({**made, "ReadReplicaSourceDBInstanceIdentifier": "other"}, SOURCE).progress is Progress.FAILED


def test_a_wait_ends_when_it_is_done_has_failed_or_its_time_is_up():
    """With what was seen last; and it looks at least once, however little time there is."""
    clock = FakeClock()
    ends = {5.0: Judgment(Progress.DONE, "there"), 20.0: Judgment(Progress.FAILED, "gone")}

    def waited(at: float, seconds: float) -> tuple[Progress, float]:
        began = clock.monotonic()

        def look() -> Judgment:
            return ends[at] if clock.monotonic() - began >= at else Judgment(Progress.UNDER_WAY, "not yet")

        seen = wait_for(look, seconds=seconds, clock=clock, sleep=clock.advance)
        return seen.progress, clock.monotonic() - began

    assert waited(5.0, 60.0) == (Progress.DONE, 5.0)
    assert waited(20.0, 60.0) == (Progress.FAILED, 20.0)
    assert waited(20.0, 7.0) == (Progress.UNDER_WAY, 7.0)
    assert waited(5.0, 0.0) == (Progress.UNDER_WAY, 0.0)
