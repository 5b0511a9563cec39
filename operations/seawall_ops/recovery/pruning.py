"""Which snapshots may be deleted: a pure decision, with a reason for each. What is in doubt is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seawall.errors import InvalidInput
from seawall_ops.failover.plans.rds_waiting import Progress
from seawall_ops.recovery.snapshots import PROVED_TAG, Snapshot, judged

__all__ = ["Keeping", "Verdict", "decide"]

FAILED: Final = "failed"
DAY_SECONDS: Final = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is kept.

    Args:
        last: So many that can be restored, of each instance in each region: at least 1.
        days: Whatever is not older than this; 0: age keeps nothing.

    Raises:
        InvalidInput: One of them is too low.
    """

    last: int
    days: float = 0.0

    def __post_init__(self) -> None:
        if self.last < 1:
            raise InvalidInput("--keep", self.last, allowed="at least 1", because="the last snapshot is never removed")
        if not self.days >= 0:
            raise InvalidInput("--keep-days", self.days, allowed="0 days or more")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of a snapshot.

    Args:
        snapshot: Which.
        delete: Whether it may go.
        because: Why, or why not, in one line.
    """

    snapshot: Snapshot
    delete: bool
    because: str


def decide(snapshots: Sequence[Snapshot], keeping: Keeping, now: datetime) -> tuple[Verdict, ...]:
    """Judge every snapshot, oldest first within its instance and region.

    Kept are: what this tool has not made, what is not whole, what is shared or of which that is not known, what is being
    copied, what has a mark that cannot be read, the newest that a drill has proved, and the last ones, by the time of their data.

    Args:
        snapshots: All manual ones of the regions, copies under way included: they hold what they are made from.
        keeping: What is kept.
        now: With a time zone.
    """
    copied = {each.copied_from for each in snapshots if judged(each).progress is Progress.UNDER_WAY}
    verdicts: list[Verdict] = []
    for _, group in sorted(_grouped(snapshots).items()):
        whole = [each for each in group if _whole(each)]
        last = {each.arn for each in whole[-keeping.last :]}
        proved = [each for each in whole if each.proved_at is not None]
        newest_proved = proved[-1].arn if proved else None
        for each in group:
            because = (
                _kept_for_itself(each, copied)
                or ("the newest that a drill has proved" if each.arn == newest_proved else "")
                or (f"one of the last {keeping.last}" if each.arn in last else "")
                or _kept_for_its_age(each, keeping, now)
            )
            verdicts.append(Verdict(each, not because, because or _why_gone(each, keeping)))
    return tuple(verdicts)


def _grouped(snapshots: Iterable[Snapshot]) -> dict[tuple[str, str], list[Snapshot]]:
    """By region and source, oldest data first; what has no time yet is last."""
    groups: dict[tuple[str, str], list[Snapshot]] = {}
    for each in snapshots:
        groups.setdefault((each.region, each.source), []).append(each)
    for group in groups.values():
        group.sort(
            key=lambda each: (each.taken_at is None, each.taken_at.timestamp() if each.taken_at else 0, each.arn)
        )
    return groups


def _whole(snapshot: Snapshot) -> bool:
    return snapshot.ours and judged(snapshot).progress is Progress.DONE


def _kept_for_itself(snapshot: Snapshot, copied: set[str | None]) -> str:
    if not snapshot.ours:
        return "not made by `seawall snapshot`"
    if snapshot.arn in copied:
        return "a copy of it is under way"
    if snapshot.status != FAILED and not _whole(snapshot):
        return f"RDS says {judged(snapshot).shown}"
    if snapshot.shared_with is None:
        return "not known whom it is shared with"
    if snapshot.shared_with:
        return f"shared with {', '.join(snapshot.shared_with)}"
    if snapshot.marked and snapshot.proved_at is None:
        return f"its mark cannot be read: {snapshot.tags[PROVED_TAG]}"
    return ""


def _kept_for_its_age(snapshot: Snapshot, keeping: Keeping, now: datetime) -> str:
    if snapshot.status == FAILED or snapshot.taken_at is None or not keeping.days:
        return ""
    if (now - snapshot.taken_at).total_seconds() <= keeping.days * DAY_SECONDS:
        return f"not older than {keeping.days:g} days"
    return ""


def _why_gone(snapshot: Snapshot, keeping: Keeping) -> str:
    if snapshot.status == FAILED:
        return "RDS says failed: nothing can be restored from it"
    newer = f"at least {keeping.last} newer can be restored"
    return newer if not keeping.days else f"{newer}, and it is older than {keeping.days:g} days"
