"""Backups that cannot work are refused before anything is registered, each in one line; one just inside is taken."""

import json
from typing import Any

import pytest

from backup_samples import (
    DATABASE,
    OREGON,
    OTHER,
    OTHER_VAULT,
    OWN,
    TOKYO,
    changed,
    key_of,
    plan_args,
)
from pulumi_seawall import plan_backups
from seawall.errors import InvalidInput

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
    (
        "sources.0.import_ids",
        {"alarms": {"backups-failed": "old"}},
        (
            "sources[0].import_ids.alarms.backups-failed = old: one of backup-failed, backup-expired, backup-aborted, "
            "backup-missing-rds, copy-failed, copy-missing-rds, restore-failed, restore-missing-rds"
        ),
    ),
    (
        "sources.0.import_ids",
        {"restore_testing_selections": {"EBS": "volumes:tests"}},
        "sources[0].import_ids.restore_testing_selections.EBS = volumes:tests: one of RDS",
    ),
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


def test_messages_never_show_more_than_one_line_for_any_single_missing_key():
    """Whatever key is left out, somebody gets one line with its name."""
    for path in ("resource_types", "vaults", "sources", "rules", "rules.0.name", "rules.0.schedule", "vaults.0.region"):
        with pytest.raises(InvalidInput) as caught:
            plan_backups(changed(path, None))
        assert str(caught.value).endswith("is missing: required"), json.dumps(path)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"backup_role_arn": f"arn:aws:iam::{OWN}:role/backup"}, "backup_role"),
        ({"backup_role_arn": f"arn:aws:iam::{OWN}:role/backup"}, "backup_role_policy"),
        ({"restore_testing": {"off_because": "restored by hand"}}, "restore_role"),
    ],
)
def test_a_role_is_used_or_adopted_and_not_both(more, key):
    """An import id beside an ARN would be ignored, and the role stay outside of Pulumi in silence."""
    with pytest.raises(InvalidInput) as caught:
        plan_backups(plan_args(import_ids={key: "backups"}, **more))
    assert str(caught.value) == f"import_ids.{key} = backups: only for a role that is declared here"
