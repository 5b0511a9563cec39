"""What was and is being done to a cluster: operations, the pause, who is fenced. Pure; kept on the board as one record.

What holds at all times:

1. At most one operation is open. One that its process left behind stays open until a person or its successor ends it: no
   age ends it.
2. Fences only grow: an operation with a smaller one than the last is refused.
3. What has ended does not open again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from seawall.errors import InvalidInput, SeawallError

__all__ = ["Ledger", "Operation", "OperationOpen", "OperationState", "Pause"]

MOST_OPERATIONS: Final = 16  # ended ones that are kept; the audit has them all
LONGEST_PAUSE_SECONDS: Final = 7 * 86_400.0  # one that is meant for longer is `mode = recommend`
LONGEST_TEXT: Final = 300  # characters


class OperationOpen(SeawallError):
    """Another operation of the cluster is open, or ended it again. Nothing was changed.

    Args:
        cluster: Name of the cluster.
        because: Which one, and who opened it.
    """

    def __init__(self, cluster: str, because: str) -> None:
        self.cluster: Final = cluster
        self.because: Final = because
        super().__init__(f"no operation on {cluster} can begin: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return OperationOpen, (self.cluster, self.because)


class OperationState(StrEnum):
    """How far an operation is."""

    OPEN = "open"
    DONE = "done"
    UNDONE = "undone"
    """Taken back before its point of no return."""
    FAILED = "failed"
    """Ended by a person who looked at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One failover, from the moment it is decided.

    Raises:
        InvalidInput: A text is empty or too long, or a number is negative.
    """

    id: str
    """Unique; the audit's entries have it, too."""
    opened_by: str
    """Who: an observer, or a person."""
    automatic: bool
    """Whether a decision opened it, and no person."""
    fence: int
    """Of the lease under which it was opened."""
    epoch: int
    """Of the topology that it starts from."""
    target: str
    """What takes over, in one line."""
    reason: str
    state: OperationState = OperationState.OPEN

    def __post_init__(self) -> None:
        for name in ("id", "opened_by", "target", "reason"):
            _line(name, getattr(self, name))
        for name in ("fence", "epoch"):
            if getattr(self, name) < 0:
                raise InvalidInput(name, getattr(self, name), allowed="0 or more")

    @property
    def key(self) -> str:
        """What its age is counted by: it begins anew when the operation ends."""
        return f"operation {self.id} {self.state}"

    def __str__(self) -> str:
        return f"operation {self.id} of {self.opened_by} is {self.state}: {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is acted on, because a person said so.

    It ends late rather than early: once our own clock says so *and* observers have watched it for as long as it was meant
    to last.

    Raises:
        InvalidInput: A text is empty or too long, `until` has no time zone, or the length is not above 0 or above 7 days.
    """

    id: str
    who: str
    why: str
    until: datetime
    """As the person said it, in UTC."""
    duration_seconds: float
    """From when it was said."""

    def __post_init__(self) -> None:
        for name in ("id", "who", "why"):
            _line(name, getattr(self, name))
        if self.until.tzinfo is None:
            raise InvalidInput("until", self.until, allowed="a time with its zone")
        object.__setattr__(self, "until", self.until.astimezone(UTC))
        if not 0 < self.duration_seconds <= LONGEST_PAUSE_SECONDS:
            raise InvalidInput(
                "duration_seconds",
                self.duration_seconds,
                allowed=f"above 0 and at most {LONGEST_PAUSE_SECONDS:.0f} (7 days)",
                because="a pause that is forgotten is an outage that nobody ends; for longer, say mode = recommend",
            )

    @property
    def key(self) -> str:
        """What its age is counted by."""
        return f"pause {self.id}"

    def holds(self, now: datetime, watched_seconds: float) -> bool:
        """Whether it still does, by our own clock and by how long it was watched."""
        return now < self.until or watched_seconds < self.duration_seconds

    def __str__(self) -> str:
        return f"paused by {self.who} until {self.until:%Y-%m-%d %H:%M} UTC: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The record of one cluster."""

    cluster: str
    operations: tuple[Operation, ...] = ()
    """Oldest first; at most one is open, and it is the last."""
    pause: Pause | None = None
    fenced: tuple[str, ...] = ()
    """Members and regions that must not take over before somebody has rebuilt them."""

    @property
    def open(self) -> Operation | None:
        """The operation that is under way."""
        return next((each for each in self.operations if each.state is OperationState.OPEN), None)

    @property
    def last(self) -> Operation | None:
        """The newest operation, open or ended."""
        return self.operations[-1] if self.operations else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The entries whose ages are counted."""
        pause = () if self.pause is None else (self.pause.key,)
        return (*(each.key for each in self.operations), *pause)

    def opened(self, operation: Operation) -> "Ledger":
        """With an operation that begins. Saying it twice changes nothing: the first answer may have been lost.

        Raises:
            OperationOpen: Another one is open, or this one has ended.
            InvalidInput: Its fence is behind the last one's.
        """
        if operation in self.operations and operation == self.last:
            return self
        if self.open is not None:
            raise OperationOpen(self.cluster, str(self.open))
        if any(each.id == operation.id for each in self.operations):
            raise OperationOpen(self.cluster, f"operation {operation.id} has ended already")
        if self.last is not None and operation.fence < self.last.fence:
            raise InvalidInput(
                "fence",
                operation.fence,
                allowed=f"at least {self.last.fence}",
                because=f"operation {self.last.id} had that: the lease was taken over since",
            )
        return replace(self, operations=(*self.operations, operation)[-MOST_OPERATIONS:])

    def ended(self, operation_id: str, state: OperationState, *, fence: int) -> "Ledger":
        """With an operation that has ended. Saying it twice changes nothing.

        Raises:
            OperationOpen: It is not open, and ended otherwise.
            InvalidInput: There is none, the state is no end, or the fence is behind the operation's.
        """
        if state is OperationState.OPEN:
            raise InvalidInput("state", state, allowed="done, undone or failed")
        known = next((each for each in self.operations if each.id == operation_id), None)
        if known is None:
            raise InvalidInput(
                "operation", operation_id, allowed=", ".join(each.id for each in self.operations) or "none"
            )
        if fence < known.fence:
            raise InvalidInput("fence", fence, allowed=f"at least {known.fence}, which the operation was opened with")
        if known.state is state:
            return self
        if known.state is not OperationState.OPEN:
            raise OperationOpen(self.cluster, f"operation {operation_id} has ended already: {known.state}")
        done = replace(known, state=state)
        return replace(self, operations=tuple(done if each is known else each for each in self.operations))

    def paused(self, pause: Pause | None) -> "Ledger":
        """With another pause, or none."""
        return replace(self, pause=pause)

    def fenced_with(self, names: Iterable[str]) -> "Ledger":
        """With more members or regions that must not take over."""
        return replace(self, fenced=tuple(sorted({*self.fenced, *names})))

    def rebuilt(self, names: Iterable[str]) -> "Ledger":
        """With members or regions that may take over again."""
        return replace(self, fenced=tuple(sorted({*self.fenced} - {*names})))


def _line(name: str, text: str) -> None:
    if not 1 <= len(text) <= LONGEST_TEXT or not text.isprintable():
        raise InvalidInput(name, text, allowed=f"one line of 1 to {LONGEST_TEXT} characters")
