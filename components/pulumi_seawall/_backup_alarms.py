"""Alarms on backups, copies and restore tests that failed, and on those that never came.

Sources: AWS Backup developer guide, "AWS Backup metrics with Amazon CloudWatch" (counts per job state, by vault, and by vault
and resource type; no data while nothing happens); CloudWatch API reference, `PutMetricAlarm` (period x evaluation periods is
at most seven days for periods of an hour and more).

A failure is data, so no data is no failure. What is missing is the absence of data: those alarms count hours in a row without
a completed job, and treat missing data as breaching. Hours are few enough for seven days, and one completed job in any of them
is enough; a single long period would be aligned, and a job at its edge would count for two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._backup_args import BackupResourceType
from pulumi_seawall._backup_rules import RulePlan, Span
from pulumi_seawall._backup_testing import HOUR_SECONDS, LONGEST_WATCH_SECONDS, TestingPlan
from pulumi_seawall._database_args import MissingData
from seawall.errors import InvalidInput
from seawall.timing import longest_silence_seconds

NAMESPACE: Final = "AWS/Backup"
FAILED_PERIOD_SECONDS: Final = 300  # AWS Backup publishes every five minutes
PUBLISHING_SECONDS: Final = 300  # the same, as it delays the news of a completed job
BY_VAULT: Final = "BackupVaultName"
BY_TYPE: Final = "ResourceType"


@dataclass(frozen=True, slots=True)
class BackupAlarm:
    """One alarm of a source's vault.

    Args:
        purpose: What follows the region in its name.
        metric: In `AWS/Backup`, summed.
        comparison: CloudWatch's operator.
        period_seconds: Of a datapoint.
        periods: Datapoints in a row.
        missing_data: What no data means.
        says: What is wrong then, after the vault's name.
        resource_type: The type that it counts; `None`: every type.
    """

    purpose: str
    metric: str
    comparison: str
    period_seconds: int
    periods: int
    missing_data: MissingData
    says: str
    resource_type: BackupResourceType | None = None

    @property
    def threshold(self) -> int:
        """One job: at least one that failed, or fewer than one that completed."""
        return 1


def source_alarms(
    rules: Sequence[RulePlan],
    types: Sequence[BackupResourceType],
    testing: TestingPlan | None,
    *,
    backup: Span,
    copy: Span,
) -> tuple[BackupAlarm, ...]:
    """The alarms of one source.

    Args:
        rules: The plan's.
        types: What is backed up.
        testing: The restore tests, when there are some.
        backup: Typical and worst seconds until a backup is complete.
        copy: The same for a copy.

    Raises:
        InvalidInput: A missing backup or copy would be seen after more than seven days.
    """
    alarms = [
        _failed("backup-failed", "NumberOfBackupJobsFailed", "has a backup that failed"),
        _failed("backup-expired", "NumberOfBackupJobsExpired", "has a backup that did not start within its window"),
        _failed("backup-aborted", "NumberOfBackupJobsAborted", "has a backup that was cancelled, or took too long"),
    ]
    seconds = silence_seconds(rules, backup=backup, copy=copy)
    alarms += [
        _missing(f"backup-missing-{kind.value.lower()}", "NumberOfBackupJobsCompleted", seconds, kind, "backup")
        for kind in types
    ]
    copied = [rule for rule in rules if rule.copies]
    if copied:
        alarms.append(_failed("copy-failed", "NumberOfCopyJobsFailed", "has a copy that failed"))
        seconds = silence_seconds(copied, backup=backup, copy=copy, copied=True)
        alarms += [
            _missing(f"copy-missing-{kind.value.lower()}", "NumberOfCopyJobsCompleted", seconds, kind, "copy")
            for kind in types
        ]
    if testing is not None:
        alarms.append(_failed("restore-failed", "NumberOfRestoreJobsFailed", "has a backup that could not be restored"))
        alarms += [
            _missing(
                f"restore-missing-{kind.value.lower()}",
                "NumberOfRestoreJobsCompleted",
                testing.silence_seconds,
                kind,
                "restore test",
            )
            for kind in types
        ]
    return tuple(alarms)


def silence_seconds(rules: Sequence[RulePlan], *, backup: Span, copy: Span, copied: bool = False) -> float:
    """The longest time without a completed backup (or copy) although all is well: that of the most frequent rule.

    Raises:
        InvalidInput: It is longer than an alarm looks back.
    """
    by_rule = [
        (max(longest_silence_seconds(each, copied=copied) for each in rule.timing(backup, copy)), rule)
        for rule in rules
    ]
    seconds, rule = min(by_rule, key=lambda each: each[0])
    if seconds + PUBLISHING_SECONDS > LONGEST_WATCH_SECONDS:
        what = "copy" if copied else "backup"
        raise InvalidInput(
            f"{rule.where}schedule",
            rule.schedule,
            allowed=f"a rule whose {what} is complete within seven days of the one before",
            because=f"between two of them may be {seconds:.0f} s, and an alarm on a missing one looks back "
            f"{LONGEST_WATCH_SECONDS} s at most",
        )
    return seconds


def oldest_seconds(rules: Sequence[RulePlan], sources: Sequence[str], *, backup: Span, copy: Span) -> dict[str, float]:
    """How old, in seconds, the newest backup in each region of ours may be although all is well.

    Args:
        rules: The plan's.
        sources: Regions of what is backed up; the others have copies.
        backup: Typical and worst seconds until a backup is complete.
        copy: The same for a copy.
    """
    oldest: dict[str, float] = {}
    for rule in rules:
        own, *copies = rule.timing(backup, copy)
        found = [(region, longest_silence_seconds(own)) for region in sources]
        found += [
            (each.region, longest_silence_seconds(schedule, copied=True))
            for each, schedule in zip(rule.copies, copies, strict=True)
            if each.account is None
        ]
        for region, seconds in found:
            oldest[region] = min(seconds, oldest.get(region, seconds))
    return oldest


def unwatched(rules: Sequence[RulePlan], *, backup: Span, copy: Span) -> list[str]:
    """A line for each rule whose absence the alarms cannot see: a more frequent rule fills the same vault."""
    seconds = {rule.name: longest_silence_seconds(rule.timing(backup, copy)[0]) for rule in rules}
    fastest = min(seconds, key=lambda name: seconds[name])
    return [
        f"rules.{rule.name}: when it alone stops, no alarm rings, because {fastest} fills the same vault; "
        "a BackupPlan of its own has alarms of its own"
        for rule in rules
        if rule.name != fastest
    ]


def _failed(purpose: str, metric: str, says: str) -> BackupAlarm:
    return BackupAlarm(
        purpose, metric, "GreaterThanOrEqualToThreshold", FAILED_PERIOD_SECONDS, 1, MissingData.NOT_BREACHING, says
    )


def _missing(purpose: str, metric: str, seconds: float, kind: BackupResourceType, what: str) -> BackupAlarm:
    hours = min(math.ceil((seconds + PUBLISHING_SECONDS) / HOUR_SECONDS), LONGEST_WATCH_SECONDS // HOUR_SECONDS)
    return BackupAlarm(
        purpose,
        metric,
        "LessThanThreshold",
        HOUR_SECONDS,
        hours,
        MissingData.BREACHING,
        f"has had no completed {what} of {kind.value} for {hours} h",
        kind,
    )
