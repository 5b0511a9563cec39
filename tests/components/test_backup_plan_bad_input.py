"""Backups that cannot work are refused before anything is registered, each in one line; one just inside is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_samples import (
    DATABASE,
    OREGON,
    OTHER,
    OTHER_VAULT,
    OWN,
    TOKYO,
    changed,
    key_of,
    other_account,
    plan_args,
    rule,
)
from pulumi_seawall import BackupResourceType, VaultLockMode, plan_backups
from pulumi_seawall._backup_rules import COLD_STORAGE_DAYS, Lock, hold_to_lock, plan_rules
from seawall.errors import InvalidInput, ObjectiveNotMet

COMPLIANCE = {"min_retention_days": 7, "max_retention_days": 90, "mode": "compliance"}
TESTED = {"schedule": "cron(0 9 ? * SUN *)"}
OWN_VAULT = f"arn:aws:backup:{OREGON}:{OWN}:backup-vault:shop"

BROKEN: list[tuple[str, Any, str]] = [
    (
        "rules.0.schedule",
        "cron(0/30 * * * ? *)",
        "rules[0].schedule = cron(0/30 * * * ? *): at most hourly, because AWS Backup offers no shorter interval",
    ),
    ("rules.0.timezone", "Asia/Tokio", "rules[0].timezone = Asia/Tokio: an IANA time zone, e.g. Etc/UTC or Europe/Berlin"),
    ("rules.0.start_window_minutes", 59, "rules[0].start_window_minutes = 59: 60 to 52560000 minutes"),
    (
        "rules.0.completion_window_minutes",
        119,
        ("rules[0].completion_window_minutes = 119: 120 to 52560000 minutes, because it ends an hour after "
        "start_window_minutes = 60 at least"),
    ),
    ("rules.0.name", "six hourly", "rules[0].name = six hourly: 1 to 50 letters, digits, hyphens, underscores and periods"),
    ("rules.0.name", "r" * 51, f"rules[0].name = {'r' * 51}: 1 to 50 letters, digits, hyphens, underscores and periods"),
    (
        "rules.0.cold_after_days",
        30,
        "rules[0].cold_after_days = 30: not here, because RDS has no cold storage in AWS Backup",
    ),
    (
        "rules.0.delete_after_days",
        1,
        ("rules[0].delete_after_days = 1: at least 2 days, because the next backup may be complete 93600 s later, and until "
        "then there would be none"),
    ),
    ("rules.0.copies.0.region", "eu-west-1", ("rules[0].copies[0].region = eu-west-1: a region with one of the vaults: "
     "ap-northeast-1, us-west-2")),
    ("rules.0.copies.0.region", TOKYO, ("rules[0].copies[0].region = ap-northeast-1: another region, because the backup is "
     "there already")),
    (
        "rules.0.copies.1.kms_key_arn",
        None,
        ("rules[0].copies[1].kms_key_arn is missing: the customer key of that vault, because nothing can be copied into a "
        "vault with AWS's own key"),
    ),
    (
        "rules.0.copies.1.lock",
        None,
        "rules[0].copies[1].lock is missing: that vault's lock, because a copy outside of it fails, when nobody looks",
    ),
    (
        "rules.0.copies.1.delete_after_days",
        366,
        (f"rules[0].copies[1].delete_after_days = 366: 7 to 365 days, because the lock of {OTHER_VAULT} makes every other "
        "backup fail"),
    ),
    (
        "rules.0.copies.1.kms_key_arn",
        key_of(OREGON),
        (f"rules[0].copies[1].kms_key_arn = {key_of(OREGON)}: a key of ap-northeast-1, because backups are encrypted "
        "with a key of their own region"),
    ),
    (
        "rules.0.copies.1.vault_arn",
        "arn:aws:backup:ap-northeast-1:210987654321:vault/other",
        "rules[0].copies[1].vault_arn = arn:aws:backup:ap-northeast-1:210987654321:vault/other: the ARN of a backup vault",
    ),
    ("vaults.0.name", "s", "vaults[0].name = s: 2 to 50 letters, digits, hyphens and underscores"),
    ("vaults.0.name", "v" * 51, f"vaults[0].name = {'v' * 51}: 2 to 50 letters, digits, hyphens and underscores"),
    (
        "vaults.0.lock",
        {"min_retention_days": 36, "max_retention_days": 90},
        ("rules[0].delete_after_days = 35: 36 to 90 days, because the lock of the vault in ap-northeast-1 makes every other "
        "backup fail"),
    ),
    (
        "vaults.1.lock",
        {"min_retention_days": 15, "max_retention_days": 90},
        ("rules[0].copies[0].delete_after_days = 14: 15 to 90 days, because the lock of the vault in us-west-2 makes every "
        "other backup fail"),
    ),
    (
        "vaults.0.lock",
        {"min_retention_days": 7, "max_retention_days": 90, "changeable_for_days": 3},
        ("vaults[0].lock.changeable_for_days = 3: only with mode = compliance, because it makes the lock irreversible, which "
        "must be asked for by name"),
    ),
    (
        "vaults.0.lock",
        COMPLIANCE,
        "vaults[0].lock.changeable_for_days is missing: required with mode = compliance",
    ),
    (
        "vaults.0.lock",
        {**COMPLIANCE, "changeable_for_days": 2},
        "vaults[0].lock.changeable_for_days = 2: 3 to 36500 days, because after them nobody can change the lock any more",
    ),
    (
        "vaults.0.lock",
        {"min_retention_days": 40, "max_retention_days": 39},
        "vaults[0].lock.max_retention_days = 39: 40 to 36500 days, because min_retention_days is 40",
    ),
    (
        "vaults.0.kms_key_arn",
        key_of(OREGON),
        (f"vaults[0].kms_key_arn = {key_of(OREGON)}: a key of ap-northeast-1, because backups are encrypted "
        "with a key of their own region"),
    ),
    (
        "vaults.0.notification_topic_arn",
        "arn:aws:sns:us-east-1:123456789012:oncall",
        ("vaults[0].notification_topic_arn = arn:aws:sns:us-east-1:123456789012:oncall: an SNS topic in ap-northeast-1, "
        "because AWS Backup writes to topics of the vault's region, and an alarm notifies topics of its own region only"),
    ),
    (
        "vaults.1.existing_arn",
        OWN_VAULT,
        ("vaults[1].kms_key_arn is missing: required with existing_arn, because nothing can be copied into a vault with AWS's "
        "own key"),
    ),
    (
        "vaults.0.copies_from_accounts",
        [OTHER],
        (
            "vaults[0].lock is missing: required with copies_from_accounts, unless unlocked_because is given, because nobody "
            "here knows how long other accounts keep what they copy into this vault"
        ),
    ),
    (
        "vaults.0.copies_from_accounts",
        [12345],
        "vaults[0].copies_from_accounts[0] = 12345: the 12 digits of an AWS account, as a string",
    ),
    (
        "vaults.0.opt_in",
        {"RDS": False, "EBS": True},
        "vaults[0].opt_in.RDS = False: true, because resource_types has it, and a selection by tags would skip it",
    ),
    (
        "sources.0.resource_arns",
        [DATABASE.replace(TOKYO, OREGON)],
        (f"sources[0].resource_arns[0] = {DATABASE.replace(TOKYO, OREGON)}: something in ap-northeast-1, because a backup plan "
        "sees its own region only"),
    ),
    (
        "sources.0.resource_arns",
        [f"arn:aws:dynamodb:{TOKYO}:{OWN}:table/carts"],
        (f"sources[0].resource_arns[0] = arn:aws:dynamodb:{TOKYO}:{OWN}:table/carts: a resource of RDS, because the roles may "
        "touch resource_types only"),
    ),
    (
        "sources.0.resource_arns",
        [],
        "sources[0].resource_arns is missing: resource_arns, tags or both, because nothing is selected",
    ),
    (
        "restore_testing",
        TESTED,
        ("restore_testing.schedule = cron(0 9 ? * SUN *): a test that is over within seven days of the one before, because "
        "604800 s between runs + 24 h start window + 14400 s restore are 705600 s, and an alarm on a missing test looks "
        "back 604800 s at most"),
    ),
    (
        "restore_testing",
        {"selection_window_days": 1},
        ("restore_testing.selection_window_days = 1: 2 to 365 days, because two backups may be 93600 s apart, and a window "
        "without one tests nothing"),
    ),
    (
        "restore_testing",
        {"off_because": "they cost too much", "validation_window_hours": 1},
        "restore_testing.validation_window_hours = given: not beside off_because, which switches tests off",
    ),
    ("restore_testing", {"start_window_hours": 169}, "restore_testing.start_window_hours = 169: 1 to 168 hours"),
    (
        "restore_testing",
        {"overrides": {"EBS": {"encrypted": "true"}}},
        "restore_testing.overrides.EBS = given: one of resource_types: RDS",
    ),
    (
        "recovery",
        {"backup_seconds": {"typical_seconds": 3600, "worst_seconds": 700_000}},
        ("rules[0].completion_window_minutes = 10080: at least 11667 minutes, because a backup takes up to 700000 s and would "
        "be cancelled"),
    ),
    (
        "recovery",
        {"copy_seconds": {"typical_seconds": 60, "worst_seconds": 59}},
        "recovery.copy_seconds.worst_seconds = 59: finite, and at least typical_seconds = 60, at least 0",
    ),
    ("covers", ["zone"], "covers[0] = zone: corruption or region or account, because nothing else is recovered by a backup"),
    ("waivers", [{"key": "uncovered/account/reads", "until": "2027-01-01", "reason": "soon"}],
     "waivers = 1 waivers: only with objectives"),
    ("resource_types", ["RDS", "RDS"], "resource_types = RDS: each type once"),
    ("backup_role_arn", "backup", "backup_role_arn = backup: the ARN of a role"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "line"), BROKEN, ids=[f"{place}-{each[0]}" for place, each in enumerate(BROKEN)]
)
def test_a_broken_input_is_refused_in_one_line(path, value, line):
    """What AWS would refuse half-way through a deployment, or would let fail every night, never gets so far."""
    with pytest.raises(InvalidInput) as caught:
        plan_backups(changed(path, value))
    assert str(caught.value) == line


JUST_INSIDE: list[tuple[str, Any]] = [
    ("rules.0.schedule", "rate(1 hour)"),
    ("rules.0.start_window_minutes", 60),
    ("rules.0.completion_window_minutes", 120),
    ("rules.0.name", "r" * 50),
    ("rules.0.delete_after_days", 2),
    ("rules.0.copies.1.delete_after_days", 365),
    ("rules.0.copies.1.delete_after_days", 7),
    ("vaults.0.name", "va"),
    ("vaults.0.name", "v" * 50),
    ("vaults.0.lock", {"min_retention_days": 35, "max_retention_days": 35}),
    ("vaults.1.lock", {"min_retention_days": 14, "max_retention_days": 14}),
    ("vaults.0.lock", {**COMPLIANCE, "changeable_for_days": 3}),
    ("restore_testing", {"selection_window_days": 2}),
    ("restore_testing", {"schedule": "cron(0 9 ? * SUN,WED *)", "start_window_hours": 68}),
    ("recovery", {"backup_seconds": {"typical_seconds": 3600, "worst_seconds": 480_000}}),
]


@pytest.mark.parametrize(("path", "value"), JUST_INSIDE, ids=[f"{n}-{each[0]}" for n, each in enumerate(JUST_INSIDE)])
def test_what_is_just_inside_a_limit_is_taken(path, value):
    """A limit that refuses one more than AWS does keeps somebody from what AWS offers."""
    assert plan_backups(changed(path, value)).rules


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
    warned = plan_backups({**args, "objectives": OBJECTIVES}).warnings
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
    """Governance by default: from the shortest to the longest retention, the copies' in the other region."""
    plan = plan_backups(plan_args())
    assert plan.vault_in(TOKYO).lock == Lock(35, 35, VaultLockMode.GOVERNANCE)
    assert plan.vault_in(OREGON).lock == Lock(14, 14, VaultLockMode.GOVERNANCE)


def test_messages_never_show_more_than_one_line_for_any_single_missing_key():
    """Whatever key is left out, somebody gets one line with its name."""
    for path in ("resource_types", "vaults", "sources", "rules", "rules.0.name", "rules.0.schedule", "vaults.0.region"):
        with pytest.raises(InvalidInput) as caught:
            plan_backups(changed(path, None))
        assert str(caught.value).endswith("is missing: required"), json.dumps(path)


def test_a_vault_that_nothing_is_put_into_needs_a_lock_of_its_own():
    """Its lock follows from what it holds; of a vault for other accounts' copies nobody here knows that."""
    with pytest.raises(InvalidInput) as caught:
        plan_backups(plan_args(rules=[rule(copies=[])]))
    assert str(caught.value) == (
        "vaults[1].lock is missing: a lock, or unlocked_because, because no rule says how long backups stay in this vault"
    )
