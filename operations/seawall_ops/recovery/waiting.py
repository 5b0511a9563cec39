"""Waiting for RDS inside of a step: bounded, heard by whoever stops it, and with its progress said aloud."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from seawall.errors import InvalidInput, SeawallError, StepPending
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress
from seawall_ops.failover.plans.servers import MemberUnreachable
from seawall_ops.steps import Context, Timeouts

__all__ = ["APPEAR_SECONDS", "WAIT_SECONDS", "SnapshotFailed", "Waiting"]

WAIT_SECONDS: Final = 4 * 3600.0  # a first snapshot of some TiB, or a copy to another continent, takes hours
LONGEST_WAIT_SECONDS: Final = 7 * 86400.0  # who waits longer resumes it
POLL_SECONDS: Final = 15.0  # RDS's API is throttled for the whole account, and snapshots take minutes
APPEAR_SECONDS: Final = 120.0  # that RDS may take to list what it has just accepted
TOLD_EVERY_SECONDS: Final = 300.0  # that something goes on, where nothing changes
MARGIN_SECONDS: Final = 120.0  # for the call that is under way when the time is up: `RdsApi` gives up well within it


class SnapshotFailed(SeawallError):
    """RDS has said that a snapshot will not come, or it is gone."""

    def __init__(self, name: str, because: str) -> None:
        self.name: Final = name
        self.because: Final = because
        super().__init__(f"snapshot {name}: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return SnapshotFailed, (self.name, self.because)


def _quiet(line: str) -> None:
    del line


def _never() -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long a step waits, and who hears of it.

    Args:
        seconds: For all that is pending and under way, together.
        told: Called with a line at each change, and every 5 min.
        cancelled: Why to stop; empty while there is no reason.

    Raises:
        InvalidInput: `seconds` is not above 0, or more than a week.
    """

    seconds: float = WAIT_SECONDS
    told: Callable[[str], None] = field(default=_quiet)
    cancelled: Callable[[], str] = field(default=_never)

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_WAIT_SECONDS:
            raise InvalidInput(
                "--wait-seconds", self.seconds, allowed=f"above 0 and at most {LONGEST_WAIT_SECONDS:g} seconds"
            )

    @property
    def timeouts(self) -> Timeouts:
        """Of a step that waits so in its apply and its undo."""
        whole = self.seconds + MARGIN_SECONDS
        return Timeouts(apply_seconds=whole, undo_seconds=whole, poll_seconds=POLL_SECONDS)

    def until(self, context: Context, name: str, turn: Callable[[], Judgment]) -> None:
        """Take a turn until one says that it is done. No answer is none: it goes on.

        Args:
            context: Of the apply or undo that waits.
            name: The snapshot's.
            turn: Looks, and begins what is not begun yet. What it raises passes, but for `MemberUnreachable`.

        Raises:
            SnapshotFailed: A turn says that it will not come.
            StepPending: The time is up, or somebody asked to stop.
            SeawallError: The lease is lost, or the phase was given up.
        """
        said, said_at, began = "", 0.0, context.remaining_seconds()
        while True:
            try:
                seen = turn()
            except MemberUnreachable as error:
                seen = Judgment(Progress.UNDER_WAY, f"no answer: {error}")
            if seen.progress is Progress.DONE:
                return
            if seen.progress is Progress.FAILED:
                raise SnapshotFailed(name, seen.shown)
            waited = began - context.remaining_seconds()
            if seen.shown != said or waited - said_at >= TOLD_EVERY_SECONDS:
                self.told(f"{name}: {seen.shown} ({waited:.0f} s of {self.seconds:.0f} s)")
                said, said_at = seen.shown, waited
            stop = self.cancelled()
            if stop:
                raise StepPending(f"{name}: {stop}, while {seen.shown}")
            if waited >= self.seconds:
                raise StepPending(f"{name}: after {waited:.0f} s still {seen.shown}")
            context.wait(min(POLL_SECONDS, self.seconds - waited))
