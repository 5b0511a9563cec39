"""Schedules, retention, locks and objectives of backups against each other: what just holds, and what just does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_samples import OREGON, TOKYO, changed, other_account, plan_args, rule
from pulumi_seawall import BackupResourceType, VaultLockMode, plan_backups
from pulumi_seawall._backup_rules import COLD_STORAGE_DAYS, Lock, hold_to_lock, plan_rules
from seawall.errors import InvalidInput, ObjectiveNotMet


def test_a_rule_that_is_seen_missing_too_late_is_refused():
    """An alarm looks back seven days: a monthly rule alone could stop and nobody would know."""
    with pytest.raises(InvalidInput) as caught:
        plan_backups(changed("rules.0.schedule", "cron(0 5 1 * ? *)"))
    assert str(caught.value) == (
        "rules[0].schedule = cron(0 5 1 * ? *): a rule whose backup is complete within seven days of the one before, because "
        "between two of them may be 2685600 s, and an alarm on a missing one looks back 604800 s at most"
    )


def test_a_rule_beside_a_more_frequent_one_is_taken_with_a_warning():
    """The alarms count what comes into the vault, whoever put it there: that a monthly rule stopped is not seen."""
    monthly = rule(name="monthly", schedule="cron(0 5 1 * ? *)", delete_after_days=400, copies=[])
    plan = plan_backups(plan_args(rules=[rule(), monthly]))
    assert (
        "rules.monthly: when it alone stops, no alarm rings, because daily fills the same vault; a BackupPlan of its own has "
        "alarms of its own"
    ) in plan.warnings


@pytest.mark.parametrize("days", [1, 35])
def test_continuous_backups_are_kept_for_up_to_35_days(days):
    """One day more, and AWS refuses the plan."""
    given_rule = rule(name="continuous", continuous=True, delete_after_days=days, schedule="rate(1 hour)", copies=[])
    vaults = [{"region": TOKYO}]
    assert plan_backups(plan_args(rules=[given_rule], vaults=vaults)).rules[0].continuous
    with pytest.raises(InvalidInput) as caught:
        plan_backups(plan_args(rules=[{**given_rule, "delete_after_days": 36}], vaults=vaults))
    assert str(caught.value) == (
        "rules[0].delete_after_days = 36: 1 to 35 days, because continuous backups reach that far back at most"
    )


def test_copies_of_continuous_backups_may_be_kept_longer():
    """What is copied is a snapshot, which has no such limit."""
    given_rule = rule(name="continuous", continuous=True, copies=[other_account(delete_after_days=365)])
    plan = plan_backups(plan_args(rules=[given_rule], vaults=[{"region": TOKYO}]))
    assert plan.rules[0].copies[0].retention.delete_after_days == 365


@pytest.mark.parametrize(("delete", "refused"), [(119, True), (120, False)])
def test_cold_storage_keeps_for_ninety_days(delete, refused):
    """Where there is cold storage at all: for tables and file systems."""
    cold = rule(delete_after_days=delete, cold_after_days=30, copies=[])
    args = plan_args(
        resource_types=["DynamoDB"], rules=[cold], sources=[{"region": TOKYO, "tags": {"backup": "daily"}}]
    )
    args["vaults"] = args["vaults"][:1]
    if not refused:
        assert plan_backups(args).rules[0].retention.cold_after_days == 30
        return
    with pytest.raises(InvalidInput) as caught:
        plan_backups(args)
    assert str(caught.value) == (
        "rules[0].delete_after_days = 119: at least 120 days, because what moves to cold storage after 30 days stays there "
        "for 90"
    )


OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 20_000,
    "recovery_point_seconds": 100_800,
}


def test_objectives_that_these_backups_just_meet_are_taken_and_what_they_rest_on_is_said():
    """A day, an hour of start window, an hour of backup and two of copying: not a second less than 100 800."""
    plan = plan_backups(plan_args(objectives=OBJECTIVES))
    assert any(
        "account failure, writes) only if the assumed terms hold: 3600 s backup" in line for line in plan.warnings
    )


def test_objectives_that_cannot_be_met_are_refused_with_the_inputs_to_change():
    """The line must name what stands in this component's arguments, not in some arithmetic behind them."""
    with pytest.raises(ObjectiveNotMet) as caught:
        plan_backups(plan_args(objectives={**OBJECTIVES, "recovery_point_seconds": 100_799}))
    assert str(caught.value) == (
        "recovery_point_seconds = 100799: at least 100800 (account failure, writes), because the worst case is 86400 s backup "
        "interval + 3600 s start window + 3600 s backup (assumed) + 7200 s copy (assumed); change rules[].schedule, "
        "rules[].start_window_minutes, recovery.backup_seconds, recovery.copy_seconds or recovery_point_seconds"
    )


def test_without_a_copy_in_another_account_its_loss_is_warned_of():
    """An account that is lost takes its vaults along, locked or not."""
    args = changed("rules.0.copies", [{"region": OREGON}])
    assert "account failure: there is no copy in another account" in plan_backups(args).warnings
    with_objectives: Any = {**args, "objectives": OBJECTIVES}
    warned = plan_backups(with_objectives).warnings
    assert any("nothing recovers from it, because there is no copy in another account" in line for line in warned)
    assert any("change rules[].copies" in line for line in warned)


@given(
    delete=st.integers(1, 400),
    cold=st.none() | st.integers(1, 400),
    source=st.tuples(st.integers(1, 400), st.integers(0, 400)),
    other=st.tuples(st.integers(1, 400), st.integers(0, 400)),
)
def test_a_retention_is_taken_exactly_when_every_vault_on_the_way_takes_it(delete, cold, source, other):
    """The invariant: min <= delete <= max in both locks, and 90 days in cold storage where there is any; else one line."""
    locks = [Lock(least, least + more) for least, more in (source, other)]
    retention: dict[str, Any] = {"delete_after_days": delete} | ({} if cold is None else {"cold_after_days": cold})
    foreign = other_account(
        lock={"min_retention_days": locks[1].min_retention_days, "max_retention_days": locks[1].max_retention_days},
        **retention,
    )
    right = all(lock.min_retention_days <= delete <= lock.max_retention_days for lock in locks) and (
        cold is None or delete >= cold + COLD_STORAGE_DAYS
    )

    def check() -> None:
        (found,) = plan_rules([rule(copies=[foreign], **retention)], [BackupResourceType.DYNAMODB], [TOKYO])
        hold_to_lock("delete_after_days", found.retention.delete_after_days, locks[0], "the source's vault")

    if right:
        check()
        return
    with pytest.raises(InvalidInput) as caught:
        check()
    assert "\n" not in str(caught.value)


def test_a_lock_that_is_not_given_takes_all_that_is_put_into_the_vault_and_nothing_else():
    """Governance by default, and the same in each vault: a failover, which exchanges them, makes no lock anew."""
    plan = plan_backups(plan_args())
    assert plan.vault_in(TOKYO).lock == Lock(14, 35, VaultLockMode.GOVERNANCE)
    assert plan.vault_in(OREGON).lock == Lock(14, 35, VaultLockMode.GOVERNANCE)
