"""The breaker's phases and what is handed out in them: data, and no decisions."""

import math
import weakref
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from seawall.breaker._windows import Window

__all__ = ["HalfOpen", "Note", "Phase", "State", "Stop", "Ticket", "TrialGate", "Watching"]


class State(StrEnum):
    """What a breaker does with calls. The values are the names in events, errors and metrics."""

    CLOSED = "closed"
    """Lets all through and watches."""
    OPEN = "open"
    """Rejects until its wait is over."""
    HALF_OPEN = "half_open"
    """Lets a few trials through; they decide."""
    FORCED_OPEN = "forced_open"
    """Rejects until `reset`."""
    DISABLED = "disabled"
    """Lets all through and does not watch, until `reset`."""
    METRICS_ONLY = "metrics_only"
    """Lets all through, watches, and never opens, until `reset`."""


class Stop:
    """A phase without a window: open, forced open, disabled."""

    __slots__ = ("forced", "generation", "state", "until", "wait")

    def __init__(self, state: State, *, until: float, wait: float | None, generation: int) -> None:
        self.state: Final = state
        self.until: float = until  # rejects while the clock is below; only the shared state moves it
        self.wait: Final = wait
        self.forced: Final = state is State.FORCED_OPEN
        self.generation: Final = generation


class HalfOpen:
    """The trials."""

    __slots__ = (
        "deadline",
        "failures",
        "forced",
        "generation",
        "out",
        "permitted",
        "shared",
        "slow",
        "state",
        "successes",
        "until",
    )

    def __init__(self, *, permitted: int, deadline: float, generation: int, shared: bool) -> None:
        self.state: Final = State.HALF_OPEN
        self.until: Final = -math.inf
        self.forced: Final = False
        self.permitted: int = permitted
        self.deadline: Final = deadline
        self.generation: Final = generation
        self.shared: bool = shared  # whether the outcomes are judged elsewhere, together with other processes' ones
        self.out: list[weakref.ref[Ticket]] = []
        self.successes: int = 0
        self.failures: int = 0
        self.slow: int = 0

    def trials_out(self) -> int:
        """Tickets under way: neither settled, nor released, nor collected. Changes nothing, so that anybody may ask."""
        return sum(_is_out(each) for each in self.out)

    def has_room(self) -> bool:
        """Whether one more trial may start. Drops what is no longer out, so only within a turn."""
        self.out = [each for each in self.out if _is_out(each)]
        return len(self.out) + self.successes + self.failures < self.permitted


def _is_out(reference: "weakref.ref[Ticket]") -> bool:
    ticket = reference()
    return ticket is not None and not ticket.done


class Watching(NamedTuple):
    """The phase of a breaker that lets all through: which window, under which name."""

    state: State
    window: Window
    generation: int
    until: float = -math.inf
    forced: bool = False


Phase = Watching | Stop | HalfOpen


class Ticket:
    """The right to one call, and what it belongs to."""

    __slots__ = ("__weakref__", "began", "done", "phase")

    def __init__(self, phase: Window | HalfOpen | None, began: float) -> None:
        self.phase: Final = phase
        self.began: Final = began
        self.done: bool = False


class Note(NamedTuple):
    """What a breaker tells the gate that shares its state with other processes."""

    kind: str
    """`opened`, `closed`, `wanted` (a call came and a trial is due), `trial` (one ended)."""
    generation: int
    wait_seconds: float = 0.0
    failed: bool = False
    slow: bool = False


class TrialGate(Protocol):
    """Shares trials with other processes. None of its methods may block."""

    def lease_needed(self) -> bool:
        """Whether a trial that is due needs a lease; if not, the breaker decides alone. Called within a turn of the breaker."""
        ...

    def note(self, note: Note) -> None:
        """Take a note; called within a turn of the breaker."""
        ...

    def wake(self) -> None:
        """See to the notes soon, in another thread or task; called without any lock."""
        ...
