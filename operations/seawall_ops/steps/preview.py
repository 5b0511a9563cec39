"""The dry run: every step is looked at, and what would be done is said."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.timing import Term
from seawall_ops.steps.journal import Journal
from seawall_ops.steps.model import Observation, Phase, Plan, Seen, Step, Values
from seawall_ops.steps.phases import Call, take
from seawall_ops.steps.results import Status

__all__ = ["Planned", "Preview", "Will", "look"]


class Will(Enum):
    """What a run would do with a step."""

    APPLY = "apply"
    COMPLETE = "complete"
    """A run before began it, or somebody did half of it."""
    NOTHING = "nothing"
    """It is so already."""
    FIND_OUT = "find out first"
    """It could not be seen now."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One step of a preview."""

    name: str
    what: str
    seen: Seen
    shown: str
    will: Will
    no_return: bool
    undo: str
    """How long it can be undone: `at any time`, `until <the point of no return>`, or `never`."""
    refusal: str
    """Why its precheck refuses now; only asked of the first step that is to be applied."""
    terms: tuple[Term, ...]
    """The predictions that stand at its phases, each once."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do, as things are now."""

    operation: str
    plan: str
    summary: str
    steps: tuple[Planned, ...]

    @property
    def changes(self) -> int:
        """Steps that a run would take, or would have to find out about."""
        return sum(step.will is not Will.NOTHING for step in self.steps)

    @property
    def refusal(self) -> str:
        """Why a run would be refused at its first step; empty where nothing is in the way now."""
        return next((step.refusal for step in self.steps if step.refusal), "")


def look(
    plan: Plan,
    operation: str,
    journal: Journal | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
    sleep: Callable[[float], None] = time.sleep,
) -> Preview:
    """Look at every step once. Nothing is changed, and nothing is written down."""
    rows: list[Planned] = []
    closing = None if plan.no_return is None else plan.steps[plan.no_return].name
    for position, step in enumerate(plan.steps):
        at = None if journal is None else journal.steps[position]
        prior: Values = {} if at is None else at.prior

        def call(phase: Phase, step: Step = step, prior: Values = prior) -> Call:
            seconds = step.timeouts.of(phase)
            return Call(operation, prior, None, seconds, clock=clock, sleep=sleep)

        taken = take(call(Phase.OBSERVE), step.observe, clock)
        because = f"{type(taken.error).__name__}: {taken.error}" if taken.error else "no answer in time"
        seen = taken.value or Observation(Seen.UNKNOWN, because)
        will = _will(seen, at.status if at is not None else Status.PENDING)
        refusal = ""
        if will is not Will.NOTHING and all(row.will is Will.NOTHING for row in rows):
            checked = take(call(Phase.PRECHECK), step.precheck, clock)
            refusal = str(checked.error) if checked.error else "no answer in time" if checked.timed_out else ""
        terms = tuple(dict.fromkeys(step.terms.values()))
        undo = _undo(position, plan.no_return, closing)
        rows.append(Planned(step.name, step.what, seen.seen, seen.shown, will, step.no_return, undo, refusal, terms))
    return Preview(operation, plan.name, plan.summary, tuple(rows))


def _undo(position: int, no_return: int | None, closing: str | None) -> str:
    if no_return is None:
        return "at any time"
    return f"until {closing}" if position < no_return else "never"


def _will(seen: Observation, status: Status) -> Will:
    if seen.seen is Seen.AFTER:
        return Will.NOTHING
    if seen.seen is Seen.UNKNOWN:
        return Will.FIND_OUT
    return Will.COMPLETE if seen.seen is Seen.PARTLY or status is Status.APPLYING else Will.APPLY
