"""What a plan is: steps in order, each looked at, checked, applied, verified, and undone if need be.

The rules that every step keeps, and that the runner relies on:

- `observe`, `precheck` and `verify` change nothing.
- `apply` may be called again after a crash anywhere inside of it: what it finds half done it completes.
- `undo` brings back what `observe` saved before the first `apply`, from any state between; it too may be called again.
"""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from seawall.errors import InvalidInput
from seawall.timing import Term
from seawall.topology import refuse_secrets

__all__ = ["NAME", "Context", "Guard", "Observation", "Phase", "Plan", "Scalar", "Seen", "Step", "Timeouts", "Values"]

Scalar = str | int | float | bool | None
Values = Mapping[str, Scalar]
"""Named plain values: a plan's inputs, or what a step saved before it patched something. Kept in plain text: no secrets."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")  # of operations, plans and steps: part of file names and keys


class Phase(Enum):
    """One call of a step."""

    OBSERVE = "observe"
    """Look at the world: is it so already, and which values would an undo need?"""
    PRECHECK = "precheck"
    APPLY = "apply"
    VERIFY = "verify"
    UNDO = "undo"


class Seen(Enum):
    """How far the world is from what a step wants."""

    BEFORE = "not applied"
    """As it was before the step, or as its undo left it."""
    PARTLY = "partly applied"
    AFTER = "applied"
    """All that the step wants is so already."""
    UNKNOWN = "cannot tell"
    """The world did not answer, or not clearly. Never taken for anything else."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a step saw. Nothing was changed.

    Args:
        seen: How far the world is.
        shown: What was seen, in one line for the plan's table: `3 of 6 replicas`.
        prior: The values that `undo` needs, saved in the journal before anything is changed. Those of the first
            observation are kept; what later ones say is ignored.
    """

    seen: Seen
    shown: str
    prior: Values = field(default_factory=dict[str, Scalar])


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase may take, in seconds.

    A phase that reads (observe, precheck) and fails to answer counts as "cannot tell". `verify` is asked again and again
    until it holds or its time is up; a question that is under way then has `observe_seconds` to be answered. An `apply` or `undo` that does not return is left behind and may write no more
    (`Context.check` refuses), and the operation stops: it may have done its work, which the next look will tell.

    Raises:
        InvalidInput: One is not above 0.
    """

    observe_seconds: float = 30.0
    precheck_seconds: float = 60.0
    apply_seconds: float = 120.0
    verify_seconds: float = 600.0
    undo_seconds: float = 300.0
    """Of the call, and of the look at the world after it, each."""
    poll_seconds: float = 1.0
    """Pause between two calls of `verify`."""

    def __post_init__(self) -> None:
        for name in (*(f"{phase.value}_seconds" for phase in Phase), "poll_seconds"):
            if not getattr(self, name) > 0:
                raise InvalidInput(name, getattr(self, name), allowed="above 0 seconds")

    def of(self, phase: Phase) -> float:
        """Seconds for that phase."""
        return float(getattr(self, f"{phase.value}_seconds"))


class Guard(Protocol):
    """What allows this process to write: a held lease."""

    @property
    def fence(self) -> int:
        """A number that grows with every holder."""
        ...

    def check(self) -> None:
        """Return while the lease is held for certain; raise an error of Seawall's once it is not."""
        ...


class Context(Protocol):
    """What a phase is told, and what it asks before it writes."""

    @property
    def operation(self) -> str:
        """The operation's id: a good part of an idempotent name."""
        ...

    @property
    def fence(self) -> int | None:
        """The guard's number, for writes that can carry one; `None` without a guard."""
        ...

    @property
    def prior(self) -> Values:
        """What the first observation saved; empty before it."""
        ...

    def check(self) -> None:
        """Call it before each write beyond the first of a phase, and again after each wait.

        Raises:
            SeawallError: The lease is lost, or this phase was given up: write nothing more.
        """
        ...

    def remaining_seconds(self) -> float:
        """Until this phase is given up; 0 or more. What clients' time-outs should be cut to."""
        ...

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or for what remains of the phase, and `check` afterwards."""
        ...


class Step(ABC):
    """One change to the world. A frozen dataclass that inherits from this is the usual form."""

    name: str
    """Unique in the plan; lower-case letters, digits, dots and hyphens."""
    what: str
    """What it does, in one line for the plan's table."""
    no_return: bool = False
    """Whether nothing may be undone any more once its `apply` was begun. At most one step of a plan."""
    timeouts: Timeouts = Timeouts()
    terms: Mapping[Phase, Term] = {}
    """The predicted seconds of a phase, shown beside the measured ones. One term may stand at several phases: their sum."""

    @abstractmethod
    def observe(self, context: Context) -> Observation:
        """Look at the world. Errors count as `Seen.UNKNOWN`."""

    def precheck(self, context: Context) -> None:  # noqa: B027 - many steps need none
        """Whether it may be applied now.

        Raises:
            StepRefused: It may not; what is in the way.
        """

    @abstractmethod
    def apply(self, context: Context) -> None:
        """Change the world. The runner has called `context.check` just before; what counts is what is observed later.

        Raises:
            StepRefused: Nothing was changed, for certain.
        """

    def verify(self, context: Context) -> str | None:
        """`None` once the change is there, else one line of what is missing still; asked again until the time is up.

        Here: whether `observe` sees it applied.
        """
        observed = self.observe(context)
        return None if observed.seen is Seen.AFTER else f"{observed.seen.value}: {observed.shown}"

    @abstractmethod
    def undo(self, context: Context) -> None:
        """Bring back `context.prior`. The runner then observes until it sees `Seen.BEFORE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps, in the order in which they are applied; undone in reverse.

    Args:
        name: What kind of plan it is, e.g. `failover-region`.
        version: Counts up when the steps of that name change their meaning: a journal of another version is refused.
        steps: At least one.
        inputs: What the steps were made from. Its digest stands in the journal: a resumed plan has the same inputs.
        summary: What it is for, in one line.

    Raises:
        InvalidInput: A name is not allowed or stands twice, there are two points of no return, or an input looks like a
            secret.
    """

    name: str
    version: int
    steps: tuple[Step, ...]
    inputs: Values
    summary: str

    def __post_init__(self) -> None:
        if not self.steps:
            raise InvalidInput("steps", self.steps, allowed="at least one")
        check_name("plan", self.name)
        names = [step.name for step in self.steps]
        for position, name in enumerate(names):
            check_name(f"steps[{position}].name", name)
            if name in names[:position]:
                raise InvalidInput(f"steps[{position}].name", name, allowed="a name that no other step has")
        marked = [step.name for step in self.steps if step.no_return]
        if len(marked) > 1:
            raise InvalidInput("steps", ", ".join(marked), allowed="at most one point of no return: the first of them")
        refuse_secrets("inputs", self.inputs)

    @property
    def no_return(self) -> int | None:
        """Position of the point of no return."""
        return next((position for position, step in enumerate(self.steps) if step.no_return), None)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan: its name, version, steps in order, and inputs."""
        steps = [[step.name, step.no_return] for step in self.steps]
        text = json.dumps([self.name, self.version, steps, dict(self.inputs)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def check_name(what: str, name: str) -> None:
    """Refuse what cannot be part of a file's name or a key."""
    if not NAME.fullmatch(name):
        raise InvalidInput(what, name, allowed="1 to 80 lower-case letters, digits, dots and hyphens")
