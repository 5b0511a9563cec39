"""How an operation ended, or where it rests."""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from seawall.timing import Term
from seawall_ops.exits import ExitCode
from seawall_ops.steps.model import Phase

__all__ = ["Done", "Outcome", "Result", "Status", "StepOutcome", "Stopped", "Stuck", "Timing", "Undone"]

End = Literal["done", "undone", "stopped", "stuck"]


class Status(Enum):
    """How far one step of an operation is. What is written down before an apply or an undo begins may have happened."""

    PENDING = "pending"
    FOUND = "already so"
    """It was so before this operation came to it: not ours, so never undone."""
    READY = "ready"
    """Its prior values are saved; nothing was changed."""
    APPLYING = "applying"
    """Its apply was begun, and may have happened."""
    APPLIED = "applied"
    VERIFIED = "verified"
    UNDOING = "undoing"
    """Its undo was begun, and may have happened."""
    UNDONE = "undone"

    @property
    def may_be_applied(self) -> bool:
        """Whether an undo has to look at it."""
        return self in (Status.APPLYING, Status.APPLIED, Status.VERIFIED, Status.UNDOING)

    @property
    def at_rest(self) -> bool:
        """Whether the forward way is through with it."""
        return self in (Status.FOUND, Status.VERIFIED)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one phase of one step took."""

    step: str
    phase: Phase
    seconds: float
    """Measured on a monotonic clock."""
    predicted: Term | None
    """The step's own term for the phase."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """One step at the end."""

    name: str
    what: str
    status: Status
    timings: tuple[Timing, ...]
    """In the order in which they were taken, of all runs of the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What all results have."""

    end: ClassVar[End]
    exit_code: ClassVar[ExitCode]
    operation: str
    plan: str
    steps: tuple[StepOutcome, ...]
    because: str
    """In one line."""
    next: tuple[str, ...] = ()
    """What to do next, a line each; empty when nothing is."""
    interrupted: bool = False
    """Whether it took more than one run: then its timings are parts, and no measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Outcome):
    """Every step is applied and verified, or was so before."""

    end: ClassVar[End] = "done"
    exit_code: ClassVar[ExitCode] = ExitCode.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Outcome):
    """Everything that was applied, or may have been, is as it was before."""

    end: ClassVar[End] = "undone"
    exit_code: ClassVar[ExitCode] = ExitCode.UNDONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Outcome):
    """It rests at a safe point: it can be resumed, and undone unless it is past its point of no return."""

    end: ClassVar[End] = "stopped"
    exit_code: ClassVar[ExitCode] = ExitCode.STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck(Outcome):
    """The only way that is left failed: put right what the line says, then resume."""

    end: ClassVar[End] = "stuck"
    exit_code: ClassVar[ExitCode] = ExitCode.STUCK


Result = Done | Undone | Stopped | Stuck
