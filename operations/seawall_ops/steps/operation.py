"""An operation: one plan that is run once, and resumed or undone after whatever came between."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput, OperationInProgress
from seawall_ops.audit import Decision, Fact, Trail
from seawall_ops.audit import Result as ResultFact
from seawall_ops.steps.cancel import Cancellation
from seawall_ops.steps.journal import Direction, Journal, JournalStore, begin, refuse_other
from seawall_ops.steps.model import Guard, Plan, check_name
from seawall_ops.steps.preview import Preview, look
from seawall_ops.steps.results import Done, Result, StepOutcome, Stopped, Stuck, Timing, Undone
from seawall_ops.steps.runner import Halt, PointOfNoReturn, Runner, past_no_return
from seawall_ops.steps.stores import FileJournals, only_run

__all__ = ["Hints", "OnFailure", "Operation", "confirmed_by_name", "literally", "new_operation_id"]

ID_DIGITS: Final = 8  # of a random number: ids are for people to type


class OnFailure(Enum):
    """What a failed step leads to, before the point of no return."""

    UNDO = "undo"
    """All that was applied is undone at once."""
    STOP = "stop"
    """It rests where it failed, and an operator chooses."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What to type next; `{operation}` stands for the id."""

    resume: str = "resume operation {operation}"
    undo: str = "undo operation {operation}"
    confirm: str = "resume operation {operation} and confirm it by its name"


def literally(line: str) -> str:
    """For `Hints`, which fills in braces."""
    return line.replace("{", "{{").replace("}", "}}")


def new_operation_id(plan: str) -> str:
    """An id that nobody has used, e.g. `failover-region-7f3a09c2`."""
    return f"{plan}-{uuid.uuid4().hex[:ID_DIGITS]}"


def confirmed_by_name(given: str | None) -> Callable[[PointOfNoReturn], bool]:
    """Confirms the operation whose id was given, and no other: a `--confirm` that was left in a shell's history."""
    return lambda asked: given == asked.operation


class Operation:
    """A plan with an id: previewed as often as you like, run once.

    Nothing is changed but by `run`, `resume` and `undo`. Each of them holds the operation's lock on this machine, and
    ends in a `Result`; what is raised was raised before anything was changed. A crash leaves the journal, and the next
    `resume` or `undo` finds out from it and from the world what happened.

    Args:
        plan: What to do.
        id: Of the operation; `new_operation_id` makes one.
        folder: Of this machine, for locks, and for journals unless `journals` keeps them elsewhere.
        journals: Default files in `folder`.
        guard: The held lease; checked before every write.
        trail: The record.
        confirm: Asked before the point of no return; default no: it stops there, and says how to confirm.
        cancellation: Asks it to stop at the next safe point.
        on_failure: What a failed step leads to.
        hints: What `Result.next` says.
        told: Called with every fact, for progress on a terminal.
        clock: Monotonic time.
        sleep: Waits between two polls, in seconds.

    Raises:
        InvalidInput: The id cannot be part of a file's name.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        id: str,  # noqa: A002 - it is what it is called
        folder: Path,
        journals: JournalStore | None = None,
        guard: Guard | None = None,
        trail: Trail | None = None,
        confirm: Callable[[PointOfNoReturn], bool] | None = None,
        cancellation: Cancellation | None = None,
        on_failure: OnFailure = OnFailure.UNDO,
        hints: Hints | None = None,
        told: Callable[[Fact], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        check_name("operation", id)
        self.plan: Final = plan
        self.id: Final = id
        self._folder: Final = folder
        self._journals: Final = FileJournals(folder) if journals is None else journals
        self._guard: Final = guard
        self._trail: Final = trail
        self._confirm: Final = confirm or confirmed_by_name(None)
        self._cancellation: Final = cancellation or Cancellation()
        self._on_failure: Final = on_failure
        self._hints: Final = hints or Hints()
        self._told: Final = told
        self._clock: Final = clock
        self._sleep: Final = sleep

    def journal(self) -> Journal | None:
        """How far it is; `None` while it was never begun.

        Raises:
            InvalidInput: The journal is broken, of another version, or of another plan.
        """
        journal = self._journals.read(self.id)
        if journal is not None:
            refuse_other(journal, self.plan)
        return journal

    def preview(self) -> Preview:
        """Look at every step, and change nothing: the dry run.

        Raises:
            InvalidInput: As `journal`.
        """
        return look(self.plan, self.id, self.journal(), clock=self._clock, sleep=self._sleep)

    def run(self) -> Result:
        """Do it. One that is done is left as it is.

        Raises:
            OperationInProgress: It was begun before, or runs in another process.
            InvalidInput: The journal is broken, or of another version or plan.
        """
        with only_run(self._folder, self.id):
            journal = self.journal()
            if journal is not None and not journal.end:
                raise OperationInProgress(self.id, f"it was begun and is not ended: {self._ways(journal)}")
            if journal is not None:
                return self._said_again(journal)
            fence = None if self._guard is None else self._guard.fence
            return self._go(begin(self.id, self.plan, fence))

    def resume(self) -> Result:
        """Go on where it stopped or crashed, in the direction that it had. One that has ended is left as it is.

        Raises:
            InvalidInput: It was never begun; its journal is broken, or of another version or plan; this run's fence is
                older than the journal's.
            OperationInProgress: It runs in another process.
        """
        with only_run(self._folder, self.id):
            journal = self._begun()
            return self._said_again(journal) if journal.end else self._go(journal)

    def undo(self, reason: str) -> Result:
        """Undo what was applied, or may have been, also of an operation that is done.

        Args:
            reason: For the record.

        Raises:
            InvalidInput: As `resume`, or it is past its point of no return.
            OperationInProgress: It runs in another process.
        """
        with only_run(self._folder, self.id):
            journal = self._begun()
            if journal.end == "undone":
                return self._said_again(journal)
            if past_no_return(self.plan, journal):
                step = self.plan.steps[self.plan.no_return or 0].name
                raise InvalidInput("undo", self.id, allowed="to resume", because=f"{step} was begun: no way back")
            return self._go(replace(journal, direction=Direction.BACK, because=reason, end=""))

    def _begun(self) -> Journal:
        journal = self.journal()
        if journal is None:
            raise InvalidInput("operation", self.id, allowed="one that was begun")
        fence = None if self._guard is None else self._guard.fence
        if journal.fence is not None and (fence is None or fence < journal.fence):
            raise InvalidInput("fence", fence, allowed=f"at least {journal.fence}, which the journal has seen")
        return journal

    def _go(self, journal: Journal) -> Result:
        journal = replace(journal, runs=journal.runs + 1)
        runner = Runner(
            plan=self.plan,
            journal=journal,
            store=self._journals,
            guard=self._guard,
            confirm=self._confirm,
            cancelled=lambda: self._cancellation.because,
            undo_on_failure=self._on_failure is OnFailure.UNDO,
            record=self._record,
            clock=self._clock,
            sleep=self._sleep,
        )
        word = {Direction.FORWARD: "run", Direction.BACK: "undo"}[journal.direction]
        self._record(Decision(subject=self.plan.name, decision=word, because=journal.because or f"run {journal.runs}"))
        try:
            if journal.direction is Direction.FORWARD:
                runner.forward()
            else:
                runner.back()
        except Halt as halt:
            runner.rest()
            result = self._halted(runner.journal, halt)
        else:
            result = self._ended(runner.journal)
        runner.say_end(result.end, result.because, "; ".join(result.next))
        return result

    def _said_again(self, journal: Journal) -> Done | Undone:
        """The result of one that has ended, recorded again: a crash right after its end leaves no record of that."""
        result = self._ended(journal)
        self._record(ResultFact(plan=self.plan.name, end=result.end, because=result.because))
        return result

    def _ended(self, journal: Journal) -> Done | Undone:
        if journal.end == "done":
            because = "every step is applied and verified"
            return Done(
                operation=self.id,
                plan=self.plan.name,
                steps=self._outcomes(journal),
                because=because,
                interrupted=journal.runs > 1,
            )
        return Undone(
            operation=self.id,
            plan=self.plan.name,
            steps=self._outcomes(journal),
            because=journal.because or "asked to",
            interrupted=journal.runs > 1,
        )

    def _halted(self, journal: Journal, halt: Halt) -> Stopped | Stuck:
        type_ = Stopped if halt.end == "stopped" else Stuck
        ways = self._hints.confirm.format(operation=self.id) if halt.unconfirmed else self._hints.resume
        back = () if past_no_return(self.plan, journal) else (self._hints.undo,)
        return type_(
            operation=self.id,
            plan=self.plan.name,
            steps=self._outcomes(journal),
            because=halt.because,
            next=tuple(each.format(operation=self.id) for each in (ways, *back)),
            interrupted=journal.runs > 1,
        )

    def _ways(self, journal: Journal) -> str:
        back = "" if past_no_return(self.plan, journal) else f", or {self._hints.undo}"
        return f"{self._hints.resume}{back}".format(operation=self.id)

    def _outcomes(self, journal: Journal) -> tuple[StepOutcome, ...]:
        return tuple(
            StepOutcome(
                step.name,
                step.what,
                at.status,
                tuple(Timing(step.name, each.phase, each.seconds, step.terms.get(each.phase)) for each in at.timings),
            )
            for step, at in zip(self.plan.steps, journal.steps, strict=True)
        )

    def _record(self, fact: Fact) -> None:
        if self._trail is not None:
            self._trail.write(self.id, fact, fence=None if self._guard is None else self._guard.fence)
        if self._told is not None:
            self._told(fact)
