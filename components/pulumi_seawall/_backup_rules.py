"""Rules, retention and locks: what is kept where, for how long, and whether every vault on the way takes it.

Sources: AWS Backup API reference, `BackupRuleInput`, `Lifecycle`, `CopyAction`, `PutBackupVaultLockConfiguration`; developer
guide, "Feature availability by resource" (cold storage, point-in-time recovery).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pulumi_seawall._backup_args import (
    BackupCopyArgs,
    BackupResourceType,
    BackupRuleArgs,
    VaultLockArgs,
    VaultLockMode,
)
from pulumi_seawall._backup_names import foreign_vault, rule_name, vault_key
from pulumi_seawall._inputs import checked_keys, flag, listed, member, plain_string, whole
from seawall.errors import MISSING, InvalidInput
from seawall.timing import BackupSchedule, cron_of, known_zone, longest_gap_seconds

LONGEST_RETENTION_DAYS: Final = 36_500  # AWS Backup: about 100 years
LONGEST_CONTINUOUS_DAYS: Final = 35  # AWS Backup
COLD_STORAGE_DAYS: Final = 90  # AWS Backup: at least that long in cold storage
SHORTEST_GRACE_DAYS: Final = 3  # AWS Backup: a compliance lock's cooling-off
SHORTEST_START_WINDOW_MINUTES: Final = 60  # AWS Backup
DEFAULT_START_WINDOW_MINUTES: Final = 480  # AWS Backup
LONGEST_WINDOW_MINUTES: Final = 52_560_000  # AWS Backup: 100 years
DEFAULT_COMPLETION_MINUTES: Final = 10_080  # AWS Backup: a week
COMPLETION_MARGIN_MINUTES: Final = 60  # AWS Backup's console: completion ends an hour after the start window at least
MINUTE_SECONDS: Final = 60
DAY_SECONDS: Final = 86_400
COLD_TYPES: Final = (BackupResourceType.DYNAMODB, BackupResourceType.EFS)
UTC: Final = "Etc/UTC"

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Lock:
    """A vault's lock; `changeable_for_days` only in compliance mode."""

    min_retention_days: int
    max_retention_days: int
    mode: VaultLockMode = VaultLockMode.GOVERNANCE
    changeable_for_days: int | None = None

    def takes(self, days: int) -> bool:
        """Whether a backup with that retention may be put into the vault."""
        return self.min_retention_days <= days <= self.max_retention_days


@dataclass(frozen=True, slots=True)
class Retention:
    """When a backup is deleted, and when it moves to cold storage, in days after its creation."""

    delete_after_days: int
    cold_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """A copy of each backup.

    Args:
        where: The argument, for messages.
        region: Where it goes.
        retention: For how long.
        vault_arn: Of another account's vault; `None`: the plan's own vault in that region.
        account: The other account.
        lock: The other vault's lock.
    """

    where: str
    region: str
    retention: Retention
    vault_arn: str | None = None
    account: str | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One rule.

    Args:
        where: The argument, for messages.
        name: In the plan.
        schedule: As cron.
        timezone: IANA name.
        start_window_minutes: At least 60.
        completion_window_minutes: An hour more at least.
        retention: In the source's vault.
        continuous: With point-in-time recovery.
        copies: Where else it goes.
        interval_seconds: The longest gap between two runs.
    """

    where: str
    name: str
    schedule: str
    timezone: str
    start_window_minutes: int
    completion_window_minutes: int
    retention: Retention
    continuous: bool
    copies: tuple[CopyPlan, ...]
    interval_seconds: int

    def timing(self, backup: Span, copy: Span) -> tuple[BackupSchedule, ...]:
        """The rule as predictions see it: the backup itself, and each of its copies.

        Args:
            backup: Typical and worst seconds until a backup is complete.
            copy: The same for a copy.
        """
        alone = partial(
            BackupSchedule,
            interval_seconds=self.interval_seconds,
            start_window_seconds=self.start_window_minutes * MINUTE_SECONDS,
            backup_seconds=backup,
        )
        copies = [
            alone(copy_region=each.region, copy_to_other_account=each.account is not None, copy_seconds=copy)
            for each in self.copies
        ]
        return (alone(), *copies)


def plan_lock(where: str, args: VaultLockArgs) -> Lock:
    """A vault's lock.

    Raises:
        InvalidInput: A value is not allowed, or compliance was not asked for by its name.
    """
    given = checked_keys(where, args, VaultLockArgs)
    least = whole(f"{where}min_retention_days", given["min_retention_days"], 1, LONGEST_RETENTION_DAYS, "days")
    most = whole(
        f"{where}max_retention_days", given["max_retention_days"], least, LONGEST_RETENTION_DAYS, "days",
        because=f"min_retention_days is {least}",
    )  # fmt: skip
    mode = member(f"{where}mode", given.get("mode", VaultLockMode.GOVERNANCE), VaultLockMode)
    changeable = given.get("changeable_for_days")
    name = f"{where}changeable_for_days"
    if mode is VaultLockMode.GOVERNANCE:
        if changeable is not None:
            raise InvalidInput(
                name,
                changeable,
                allowed="only with mode = compliance",
                because="it makes the lock irreversible, which must be asked for by name",
            )
        return Lock(least, most)
    if changeable is None:
        raise InvalidInput(name, MISSING, allowed="required with mode = compliance")
    days = whole(
        name, changeable, SHORTEST_GRACE_DAYS, LONGEST_RETENTION_DAYS, "days",
        because="after them nobody can change the lock any more",
    )  # fmt: skip
    return Lock(least, most, mode, days)


def hold_to_lock(name: str, days: int, lock: Lock, whose: str) -> None:
    """Refuse a retention that a vault's lock makes fail.

    Args:
        name: The argument, for messages.
        days: The retention.
        lock: The vault's.
        whose: The vault, for messages.

    Raises:
        InvalidInput: It is outside.
    """
    if not lock.takes(days):
        raise InvalidInput(
            name,
            days,
            allowed=f"{lock.min_retention_days} to {lock.max_retention_days} days",
            because=f"the lock of {whose} makes every other backup fail",
        )


def plan_rules(given: object, types: Sequence[BackupResourceType], regions: Sequence[str]) -> tuple[RulePlan, ...]:
    """The rules of a plan.

    Args:
        given: `rules`.
        types: What is backed up.
        regions: Of the plan's vaults.

    Raises:
        InvalidInput: A value is not allowed.
    """
    rules = tuple(
        _plan_rule(f"rules[{place}].", entry, types, regions) for place, entry in enumerate(listed("rules", given))
    )
    if not rules:
        raise InvalidInput("rules", [], allowed="at least one rule")
    names = [rule.name for rule in rules]
    for rule in rules:
        if names.count(rule.name) > 1:
            raise InvalidInput(f"{rule.where}name", rule.name, allowed="each name once")
    return rules


def _plan_rule(
    where: str, entry: BackupRuleArgs, types: Sequence[BackupResourceType], regions: Sequence[str]
) -> RulePlan:
    given = checked_keys(where, entry, BackupRuleArgs)
    schedule_name = f"{where}schedule"
    schedule = cron_of(schedule_name, plain_string(schedule_name, given["schedule"]))
    zone = plain_string(f"{where}timezone", given.get("timezone", UTC))
    known_zone(f"{where}timezone", zone)
    interval = longest_gap_seconds(schedule_name, schedule, zone)
    start = whole(
        f"{where}start_window_minutes", given.get("start_window_minutes", DEFAULT_START_WINDOW_MINUTES),
        SHORTEST_START_WINDOW_MINUTES, LONGEST_WINDOW_MINUTES, "minutes",
    )  # fmt: skip
    least = start + COMPLETION_MARGIN_MINUTES
    completion = whole(
        f"{where}completion_window_minutes",
        given.get("completion_window_minutes", max(DEFAULT_COMPLETION_MINUTES, least)),
        least,
        LONGEST_WINDOW_MINUTES,
        "minutes",
        because=f"it ends an hour after start_window_minutes = {start} at least",
    )
    continuous = flag(f"{where}continuous", given.get("continuous", False))
    if continuous and BackupResourceType.RDS not in types:
        raise InvalidInput(
            f"{where}continuous",
            continuous,
            allowed="only with RDS among resource_types",
            because="the others have none",
        )
    retention = _retention(where, given, types, continuous=continuous)
    return RulePlan(
        where,
        rule_name(f"{where}name", given["name"]),
        schedule,
        zone,
        start,
        completion,
        retention,
        continuous,
        _plan_copies(where, given, types, regions, retention),
        interval,
    )


def _retention(
    where: str,
    given: Mapping[str, Any],
    types: Sequence[BackupResourceType],
    *,
    continuous: bool,
    days: int | None = None,
) -> Retention:
    """Retention of a rule or a copy.

    Args:
        where: Prefix of the arguments.
        given: With `delete_after_days` and `cold_after_days`.
        types: What is backed up.
        continuous: Whether these are continuous backups.
        days: `delete_after_days` where none is given.
    """
    longest = LONGEST_CONTINUOUS_DAYS if continuous else LONGEST_RETENTION_DAYS
    because = "continuous backups reach that far back at most" if continuous else ""
    delete = whole(
        f"{where}delete_after_days", given.get("delete_after_days", days), 1, longest, "days", because=because
    )
    if "cold_after_days" not in given:
        return Retention(delete)
    warm = [one.value for one in types if one not in COLD_TYPES]
    name = f"{where}cold_after_days"
    if warm:
        raise InvalidInput(
            name, given["cold_after_days"], allowed="not here", because=f"{warm[0]} has no cold storage in AWS Backup"
        )
    if continuous:
        raise InvalidInput(name, given["cold_after_days"], allowed="not with continuous = true")
    cold = whole(name, given["cold_after_days"], 1, LONGEST_RETENTION_DAYS, "days")
    if delete < cold + COLD_STORAGE_DAYS:
        raise InvalidInput(
            f"{where}delete_after_days",
            delete,
            allowed=f"at least {cold + COLD_STORAGE_DAYS} days",
            because=f"what moves to cold storage after {cold} days stays there for {COLD_STORAGE_DAYS}",
        )
    return Retention(delete, cold)


def _plan_copies(
    where: str,
    rule: BackupRuleArgs,
    types: Sequence[BackupResourceType],
    regions: Sequence[str],
    retention: Retention,
) -> tuple[CopyPlan, ...]:
    copies: list[CopyPlan] = []
    for place, entry in enumerate(listed(f"{where}copies", rule.get("copies", []))):
        here = f"{where}copies[{place}]."
        given = checked_keys(here, entry, BackupCopyArgs)
        if ("region" in given) == ("vault_arn" in given):
            raise InvalidInput(
                f"{here}region",
                "given beside vault_arn" if "region" in given else MISSING,
                allowed="exactly one of region and vault_arn",
            )
        # What is copied is a snapshot, also of a continuous backup.
        kept = _retention(here, given, types, continuous=False, days=retention.delete_after_days)
        copy = _own_copy(here, given, regions, kept) if "region" in given else _foreign_copy(here, given, kept)
        if (copy.region, copy.vault_arn) in [(each.region, each.vault_arn) for each in copies]:
            raise InvalidInput(f"{here}region", copy.vault_arn or copy.region, allowed="each destination once")
        copies.append(copy)
    return tuple(copies)


def _own_copy(here: str, given: BackupCopyArgs, regions: Sequence[str], kept: Retention) -> CopyPlan:
    region = plain_string(f"{here}region", given.get("region"))
    if region not in regions:
        raise InvalidInput(f"{here}region", region, allowed=f"a region with one of the vaults: {', '.join(regions)}")
    for key in ("kms_key_arn", "lock"):
        if key in given:
            raise InvalidInput(f"{here}{key}", "(given)", allowed="only with vault_arn", because="vaults says it")
    return CopyPlan(here, region, kept)


def _foreign_copy(here: str, given: BackupCopyArgs, kept: Retention) -> CopyPlan:
    arn = plain_string(f"{here}vault_arn", given.get("vault_arn"))
    region, account = foreign_vault(f"{here}vault_arn", arn)
    if "kms_key_arn" not in given:
        raise InvalidInput(
            f"{here}kms_key_arn",
            MISSING,
            allowed="the customer key of that vault",
            because="nothing can be copied into a vault with AWS's own key",
        )
    vault_key(region, f"{here}kms_key_arn", plain_string(f"{here}kms_key_arn", given["kms_key_arn"]))
    if "lock" not in given:
        raise InvalidInput(
            f"{here}lock", MISSING, allowed="that vault's lock", because="a copy outside of it fails, when nobody looks"
        )
    lock = plan_lock(f"{here}lock.", given["lock"])
    hold_to_lock(f"{here}delete_after_days", kept.delete_after_days, lock, arn)
    return CopyPlan(here, region, kept, arn, account, lock)
