"""What only a backup recovers from: how long it takes, how much it costs, and how long silence is no alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.timing import (
    BackupSchedule,
    FailureClass,
    Measure,
    Source,
    backup_recovery_point,
    longest_silence_seconds,
    predict_backups,
    predict_replicated_backups,
)

DAILY = BackupSchedule(interval_seconds=86_400, start_window_seconds=3600)
COPIED = BackupSchedule(interval_seconds=86_400, start_window_seconds=3600, copy_region="us-west-2")
KEPT_AWAY = BackupSchedule(
    interval_seconds=86_400, start_window_seconds=3600, copy_region="ap-northeast-1", copy_to_other_account=True
)


def lost(found, failure_class):
    """The recovery point of a failure, in seconds; None where nothing recovers from it."""
    points = [each for each in found if each.measure is Measure.RECOVERY_POINT]
    return next((each.worst_seconds for each in points if each.failure_class is failure_class), None)


def test_each_failure_is_recovered_from_by_the_backup_that_it_does_not_reach():
    """A copy in another region is as good as gone with the account, and one in another account needs no other region."""
    found = predict_backups(region="ap-northeast-1", backups=[DAILY, COPIED, KEPT_AWAY])
    assert not found.uncovered
    assert lost(found.predictions, FailureClass.CORRUPTION) == 86_400 + 3600 + 3600
    assert lost(found.predictions, FailureClass.REGION) == 86_400 + 3600 + 3600 + 7200
    assert lost(found.predictions, FailureClass.ACCOUNT) == 86_400 + 3600 + 3600 + 7200


def test_what_nothing_recovers_from_is_said_for_reads_and_writes():
    """A plan without a copy in another account must not look as if it had one."""
    found = predict_backups(region="ap-northeast-1", backups=[DAILY, COPIED])
    assert [each.key for each in found.uncovered] == ["uncovered/account/reads", "uncovered/account/writes"]
    assert lost(found.predictions, FailureClass.ACCOUNT) is None


def test_continuous_backups_lose_a_second_and_not_an_interval():
    """Point-in-time recovery goes back to any second; the snapshots beside it are not what counts then."""
    found = predict_backups(
        region="ap-northeast-1", backups=[DAILY], classes=[FailureClass.CORRUPTION], point_in_time=True
    )
    assert lost(found.predictions, FailureClass.CORRUPTION) == 1
    assert {each.failure_class for each in found.predictions} == {FailureClass.CORRUPTION}


def test_a_failure_that_needs_no_restore_is_refused():
    """A plan that claimed to recover a zone would hide that nothing fails over."""
    with pytest.raises(InvalidInput) as caught:
        predict_backups(region="ap-northeast-1", backups=[DAILY], classes=[FailureClass.ZONE])
    assert str(caught.value) == "classes = zone: corruption, region, account, because nothing else needs a restore"


def test_stated_times_take_the_place_of_assumed_ones_and_stay_assumptions():
    """Whoever states a time has not measured it: the objective must not pass silently."""
    found = predict_backups(
        region="ap-northeast-1", backups=[KEPT_AWAY], classes=[FailureClass.ACCOUNT], restore_seconds=(60.0, 120.0)
    )
    restore = next(term for term in found.predictions[0].terms if term.name == "restore")
    assert (restore.typical_seconds, restore.worst_seconds, restore.source) == (60.0, 120.0, Source.ASSUMED)


def test_replicated_backups_lose_what_the_age_alarm_allows():
    """The alarm's limit is the promise: logs leave every five minutes, and the rest of the limit is on the way."""
    found = predict_replicated_backups(region="ap-northeast-1", destination="us-west-2", age_limit_seconds=1800)
    assert lost(found, FailureClass.REGION) == 1800
    assert {each.failure_class for each in found} == {FailureClass.REGION}
    assert {each.path.value for each in found if each.measure is Measure.RECOVERY_TIME} == {"reads", "writes"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            {"destination": "us-west-2", "age_limit_seconds": 599},
            (
                "age_limit_seconds = 599: at least 600, because logs leave the instance every 300 s, and take 300 s to the "
                "other region"
            ),
        ),
        (
            {"destination": "ap-northeast-1", "age_limit_seconds": 600},
            "destination = ap-northeast-1: another region, because the source's is what is lost",
        ),
    ],
)
def test_a_replication_that_cannot_be_is_refused(arguments, line):
    """An alarm below what RDS can do would ring for ever and be switched off."""
    with pytest.raises(InvalidInput) as caught:
        predict_replicated_backups(region="ap-northeast-1", **arguments)
    assert str(caught.value) == line


@given(
    interval=st.integers(3600, 604_800),
    window=st.integers(3600, 86_400),
    backup=st.integers(0, 86_400),
    copy=st.integers(0, 86_400),
)
def test_silence_is_as_long_as_what_can_be_lost(interval, window, backup, copy):
    """The invariant: the alarm on a missing backup rings when, and only when, the recovery point may be broken."""
    schedule = BackupSchedule(
        interval_seconds=interval,
        start_window_seconds=window,
        backup_seconds=(0.0, backup),
        copy_region="us-west-2",
        copy_seconds=(0.0, copy),
    )
    assert longest_silence_seconds(schedule) == interval + window + backup
    worst = sum(term.worst_seconds for term in backup_recovery_point(schedule))
    assert longest_silence_seconds(schedule, copied=True) == worst == interval + window + backup + copy
