"""What a backup plan can lose: interval + start window + backup + copy.

Sources: AWS Backup developer guide, "Backup plan options and configuration" (the shortest interval is an hour; the start
window is at least 60 minutes and by default 8 hours). How long a backup and a copy take depends on their size; AWS
documents no figure, so those are assumed until they are measured.
"""

import math
from dataclasses import dataclass
from typing import Final

from seawall.errors import InvalidInput
from seawall.timing._model import Source, Term, check_seconds

SHORTEST_BACKUP_INTERVAL_SECONDS: Final = 3600  # AWS Backup: hourly
SHORTEST_START_WINDOW_SECONDS: Final = 3600  # AWS Backup: 60 minutes
DEFAULT_START_WINDOW_SECONDS: Final = 8 * 3600  # AWS Backup, when none is given
BACKUP_SECONDS: Final = (600.0, 3600.0)  # typical and worst, assumed
COPY_SECONDS: Final = (1200.0, 7200.0)  # typical and worst, assumed
BACKUP_TERMS: Final = 3  # interval, start window, backup; a copy's comes after them


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSchedule:
    """One rule of a backup plan.

    Raises:
        InvalidInput: A time is outside what AWS Backup offers, or a worst value is below its typical one.
    """

    interval_seconds: float
    """From one backup to the next; at least an hour."""
    start_window_seconds: float = DEFAULT_START_WINDOW_SECONDS
    """Within which AWS Backup may start it; at least an hour."""
    backup_seconds: tuple[float, float] = BACKUP_SECONDS
    """Typical and worst, as stated or assumed."""
    copy_region: str | None = None
    """Where it is copied to; `None`: it is not."""
    copy_to_other_account: bool = False
    """Whether that copy lies in another account."""
    copy_seconds: tuple[float, float] = COPY_SECONDS
    """Typical and worst, as stated or assumed."""

    def __post_init__(self) -> None:
        for name, least in (
            ("interval_seconds", SHORTEST_BACKUP_INTERVAL_SECONDS),
            ("start_window_seconds", SHORTEST_START_WINDOW_SECONDS),
        ):
            check_seconds(name, getattr(self, name))
            if getattr(self, name) < least:
                raise InvalidInput(
                    name, getattr(self, name), allowed=f"at least {least}", because="AWS Backup offers no less"
                )
        for name in ("backup_seconds", "copy_seconds"):
            typical, worst = getattr(self, name)
            check_seconds(f"{name}[0]", typical)
            check_seconds(f"{name}[1]", worst)
            if worst < typical:
                raise InvalidInput(f"{name}[1]", worst, allowed=f"at least typical {typical:g}")
        if self.copy_to_other_account and self.copy_region is None:
            raise InvalidInput(
                "copy_region", self.copy_region, allowed="a region", because="copy_to_other_account is set"
            )


def backup_recovery_point(schedule: BackupSchedule) -> tuple[Term, ...]:
    """What is lost when the last copy (or, without one, the last backup) is all that is left."""
    terms = [
        Term(
            "backup interval",
            schedule.interval_seconds / 2,
            float(schedule.interval_seconds),
            Source.COMPUTED,
            "a failure hits on average half-way between two backups",
            inputs=("interval_seconds",),
        ),
        Term(
            "start window",
            0.0,
            float(schedule.start_window_seconds),
            Source.DOCUMENTED,
            "AWS Backup starts a backup anywhere within its window",
            inputs=("start_window_seconds",),
        ),
        Term(
            "backup",
            *schedule.backup_seconds,
            Source.ASSUMED,
            "until it is complete, by size",
            inputs=("backup_seconds",),
        ),
    ]
    if schedule.copy_region is not None:
        terms.append(
            Term(
                "copy",
                *schedule.copy_seconds,
                Source.ASSUMED,
                "until the copy is complete, by size",
                inputs=("copy_seconds",),
            )
        )
    return tuple(terms)


def longest_silence_seconds(schedule: BackupSchedule, *, copied: bool = False) -> float:
    """The longest time, in seconds, in which nothing completes although all is well; beyond it something is missing.

    Args:
        schedule: The rule; its interval is the longest gap between two runs.
        copied: Whether completed copies are meant, which take longer than completed backups.
    """
    terms = backup_recovery_point(schedule)
    return math.fsum(term.worst_seconds for term in (terms if copied else terms[:BACKUP_TERMS]))


def longest_interval_affordable(recovery_point_seconds: float, schedule: BackupSchedule) -> float:
    """The longest interval, in seconds, with which a schedule meets a recovery point; below an hour none does.

    Raises:
        InvalidInput: The recovery point is negative or not finite.
    """
    check_seconds("recovery_point_seconds", recovery_point_seconds)
    others = backup_recovery_point(schedule)[1:]
    return recovery_point_seconds - sum(term.worst_seconds for term in others)
