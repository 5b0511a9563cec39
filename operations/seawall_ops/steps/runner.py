"""One run of an operation: what to do next, by what the journal says and what is seen.

The invariants, in words. What the journal says before an apply or an undo begins covers everything that may have happened
if the process dies. A step that was so before the operation came to it is never undone. Nothing is undone once the apply of
the point of no return was begun, unless that apply is known to have changed nothing, nor while it is seen passed. Every write is preceded by the guard.
What was seen counts, not what a call returned: an apply that failed and is seen applied is applied.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NoReturn, TypeVar

from seawall.clock import Clock
from seawall.errors import SeawallError, StepPending, StepRefused
from seawall.topology import refuse_secrets
from seawall_ops.audit import Decision, Fact, Result, StepPhase
from seawall_ops.steps.journal import Direction, Journal, JournalStore, Seconds
from seawall_ops.steps.model import Context, Guard, Observation, Phase, Plan, Seen, Step, Values
from seawall_ops.steps.phases import Call, Taken, take
from seawall_ops.steps.results import Status

__all__ = ["Halt", "PointOfNoReturn", "Runner", "past_no_return"]

T = TypeVar("T")
_Outcome = Literal["begun", "done", "already so", "refused", "failed", "not so yet", "timed out"]


@dataclass(frozen=True, slots=True)
class PointOfNoReturn:
    """What is asked before it is passed."""

    operation: str
    plan: str
    step: str
    what: str
    applied: tuple[str, ...]
    """Steps of this operation that cannot be undone from then on, besides the one asked about."""


class Halt(Exception):
    """The run ends here: at a safe point, or with no way on."""

    def __init__(self, end: Literal["stopped", "stuck"], because: str, step: str = "", *, unconfirmed: bool = False):
        super().__init__(because)
        self.end: Final = end
        self.because: Final = because
        self.step: Final = step
        self.unconfirmed: Final = unconfirmed


class _Failed(Exception):
    """A step cannot be taken forward."""


def past_no_return(plan: Plan, journal: Journal) -> bool:
    """Whether the point of no return's apply was begun, or somebody else had passed it: nothing may be undone any more."""
    position = plan.no_return
    return position is not None and (
        journal.steps[position].status.may_be_applied or journal.steps[position].status is Status.FOUND
    )


@dataclass(slots=True, kw_only=True)
class Runner:
    """The journal's only writer while an operation runs."""

    plan: Plan
    journal: Journal
    store: JournalStore
    guard: Guard | None
    confirm: Callable[[PointOfNoReturn], bool]
    cancelled: Callable[[], str]
    """Why to stop at the next safe point; empty while there is no reason."""
    undo_on_failure: bool
    record: Callable[[Fact], None]
    clock: Clock
    sleep: Callable[[float], None]
    _lost: SeawallError | None = field(init=False, default=None)

    def forward(self) -> None:
        """Take every step that is not at rest, in order. Where one fails, go back or halt.

        Raises:
            Halt: The run ends before the plan does.
        """
        try:
            for position, step in enumerate(self.plan.steps):
                if not self._status(position).at_rest:
                    self._advance(position, step)
        except _Failed as failure:
            self._turn_back(str(failure))
            self.back()
            return
        self._write(replace(self.journal, end="done", current=""))

    def back(self) -> None:
        """Undo what was applied, or may have been, in reverse.

        Raises:
            Halt: The run ends before everything is undone.
        """
        if past_no_return(self.plan, self.journal):
            raise Halt("stuck", "nothing is undone past the point of no return")
        if any(at.status.may_be_applied for at in self.journal.steps):
            self._refuse_where_others_passed()
        for position in reversed(range(len(self.plan.steps))):
            if self._status(position).may_be_applied:
                self._undo(position, self.plan.steps[position])
        self._write(replace(self.journal, end="undone", current=""))

    def rest(self) -> None:
        """Write down where it rests, if it still can be."""
        with suppress(Halt):
            self._write(self.journal)

    # Forward

    def _advance(self, position: int, step: Step) -> None:
        if self._status(position) is not Status.APPLIED:
            self._apply_if_needed(position, step)
        if self._status(position) is Status.APPLIED:
            self._safe_point(step)
            self._verify(position, step)

    def _apply_if_needed(self, position: int, step: Step) -> None:
        self._safe_point(step)
        ours = self._status(position) is Status.APPLYING  # a run before this one began to apply it
        seen = self._observe(position, step, keep_prior=ours)
        if seen.seen is Seen.UNKNOWN:
            if ours:
                raise Halt("stopped", f"{step.name}: cannot tell whether it was applied: {seen.shown}", step.name)
            raise _Failed(f"{step.name}: cannot tell how things are: {seen.shown}")
        if seen.seen is Seen.AFTER:
            if not ours:
                self._say(step, Phase.OBSERVE, "already so", seen.shown)
            self._set(position, Status.APPLIED if ours else Status.FOUND)
            return
        if not ours:
            self._keep_prior(position, step, seen)
        if not (ours and seen.seen is Seen.PARTLY):  # half applied is no state to judge, only one to complete
            self._safe_point(step)
            self._precheck(position, step)
        if step.no_return and not ours:
            self._confirm(step)
        self._safe_point(step)
        self._apply(position, step, again=ours)

    def _keep_prior(self, position: int, step: Step, seen: Observation) -> None:
        try:
            refuse_secrets(f"{step.name}.prior", dict(seen.prior))
        except SeawallError as error:
            raise _Failed(str(error)) from error
        self._write(self.journal.with_step(position, status=Status.READY, prior=dict(seen.prior)))

    def _precheck(self, position: int, step: Step) -> None:
        taken = self._take(position, step, Phase.PRECHECK, step.precheck)
        if taken.timed_out or taken.error is not None:
            raise _Failed(f"{step.name}: precheck: {_why(taken)}")

    def _confirm(self, step: Step) -> None:
        applied = (at.name for at in self.journal.steps if at.status.may_be_applied)
        asked = PointOfNoReturn(self.journal.operation, self.plan.name, step.name, step.what, tuple(applied))
        said = self.confirm(asked)
        word = "pass the point of no return" if said else "do not pass the point of no return"
        self.record(Decision(subject=step.name, decision=word, because=f"asked for operation {asked.operation}"))
        if not said:
            raise Halt("stopped", f"{step.name} is the point of no return, and was not confirmed", unconfirmed=True)

    def _apply(self, position: int, step: Step, *, again: bool) -> None:
        def guarded(call: Call) -> None:
            nonlocal allowed
            call.check()
            allowed = True
            step.apply(call)

        allowed = False
        taken = self._take(position, step, Phase.APPLY, guarded, status=Status.APPLYING)
        if taken.timed_out:
            because = f"{step.name}: apply {_why(taken)}; it may have been applied"
            raise Halt("stopped", because, step.name)
        if self._lost is not None:
            if not allowed and not again:
                self._set(position, Status.READY)  # the guard spoke before anything was written
            raise Halt("stopped", f"{step.name}: {self._lost}", step.name)
        if taken.error is None:
            self._set(position, Status.APPLIED)
            return
        if isinstance(taken.error, StepPending):
            raise Halt("stopped", f"{step.name}: {taken.error}", step.name)
        if isinstance(taken.error, StepRefused) and not again:
            self._set(position, Status.READY)  # nothing was changed, for certain
            raise _Failed(f"{step.name}: apply: {_why(taken)}") from taken.error
        if self._observe(position, step, keep_prior=True).seen is Seen.AFTER:
            self._set(position, Status.APPLIED)  # only the answer was lost
            return
        raise _Failed(f"{step.name}: apply: {_why(taken)}") from taken.error

    def _verify(self, position: int, step: Step) -> None:
        missing = self._poll(position, step, Phase.VERIFY, step.verify, step.timeouts.verify_seconds)
        if missing is not None:
            raise _Failed(f"{step.name}: not verified within {step.timeouts.verify_seconds:g} s: {missing}")
        self._set(position, Status.VERIFIED)

    def _turn_back(self, because: str) -> None:
        """A step failed: forward is over, unless back is closed or not wanted."""
        if past_no_return(self.plan, self.journal):
            raise Halt("stuck", because)
        if not self.undo_on_failure:
            raise Halt("stopped", because)
        self._write(replace(self.journal, direction=Direction.BACK, because=because))

    # Back

    def _refuse_where_others_passed(self) -> None:
        """Somebody else may have passed the point of no return: to reopen what stands before it would be as wrong."""
        position = self.plan.no_return
        if position is not None:
            step = self.plan.steps[position]
            seen = self._observe(position, step, keep_prior=True)
            if seen.seen is not Seen.BEFORE:
                raise Halt("stuck", f"{step.name} has no way back, and is {seen.seen.value}: {seen.shown}", step.name)

    def _undo(self, position: int, step: Step) -> None:
        self._safe_point(step)
        if self._is_before(position, step):
            self._set(position, Status.UNDONE)
            return

        def guarded(call: Call) -> None:
            call.check()
            step.undo(call)

        self._safe_point(step)
        taken = self._take(position, step, Phase.UNDO, guarded, status=Status.UNDOING)
        if self._lost is not None:
            raise Halt("stopped", f"{step.name}: {self._lost}", step.name)
        if isinstance(taken.error, StepPending):
            raise Halt("stopped", f"{step.name}: undo: {taken.error}", step.name)
        if taken.timed_out:
            raise Halt("stuck", f"{step.name}: undo {_why(taken)}; it may still be under way", step.name)

        def look(context: Context) -> str | None:
            seen = step.observe(context)
            return None if seen.seen is Seen.BEFORE else f"{seen.seen.value}: {seen.shown}"

        # After an undo that raised one look is enough: what counts is what is seen.
        seconds = step.timeouts.undo_seconds if taken.error is None else 0.0
        left = self._poll(position, step, Phase.OBSERVE, look, seconds)
        if left is not None:
            because = f"undo: {_why(taken)}" if taken.error else f"not undone within {seconds:g} s"
            raise Halt("stuck", f"{step.name}: {because}: {left}", step.name)
        self._set(position, Status.UNDONE)

    def _is_before(self, position: int, step: Step) -> bool:
        seen = self._observe(position, step, keep_prior=True)
        if seen.seen is Seen.UNKNOWN:
            raise Halt("stuck", f"{step.name}: cannot tell whether it was applied: {seen.shown}", step.name)
        return seen.seen is Seen.BEFORE

    # Phases

    def _observe(self, position: int, step: Step, *, keep_prior: bool) -> Observation:
        """Look until something is seen, at most for the step's time."""
        seen = [Observation(Seen.UNKNOWN, "it was not looked at")]

        def look(context: Context) -> str | None:
            seen[0] = step.observe(context)
            return seen[0].shown if seen[0].seen is Seen.UNKNOWN else None

        seconds = step.timeouts.observe_seconds
        missing = self._poll(position, step, Phase.OBSERVE, look, seconds, with_prior=keep_prior)
        return seen[0] if missing is None else Observation(Seen.UNKNOWN, missing)

    def _poll(
        self,
        position: int,
        step: Step,
        phase: Phase,
        function: Callable[[Context], str | None],
        seconds: float,
        *,
        with_prior: bool = True,
    ) -> str | None:
        """Ask until nothing is missing, or the time is up: then what is missing still. At least once.

        One phase, however often it asks: its seconds are those until it held, pauses included.
        """
        self._begin(position, step, phase)
        begun = self.clock.monotonic()
        while True:
            left = begun + seconds - self.clock.monotonic()
            # A look that begins when the time is nearly up has the time of any other look.
            limit = max(left, step.timeouts.observe_seconds)
            taken = self._call(position, function, limit, with_prior=with_prior)
            missing = taken.value if _fine(taken) else _why(taken)
            took = self.clock.monotonic() - begun
            if missing is None or took >= seconds:
                self._ended(position, step, phase, _outcome(taken, missing), missing or "", took)
                return missing
            self._safe_point(step)
            self.sleep(min(step.timeouts.poll_seconds, seconds - took))

    def _take(
        self, position: int, step: Step, phase: Phase, function: Callable[[Call], T], status: Status | None = None
    ) -> Taken[T]:
        """A phase that is one call."""
        self._begin(position, step, phase, status)
        taken = self._call(position, function, step.timeouts.of(phase))
        self._ended(position, step, phase, _outcome(taken), "" if _fine(taken) else _why(taken), taken.seconds)
        return taken

    def _begin(self, position: int, step: Step, phase: Phase, status: Status | None = None) -> None:
        journal = self.journal if status is None else self.journal.with_step(position, status=status)
        self._write(replace(journal, current=f"{step.name}: {phase.value}"))
        self._say(step, phase, "begun")

    def _call(
        self, position: int, function: Callable[[Call], T], seconds: float, *, with_prior: bool = True
    ) -> Taken[T]:
        prior: Values = self.journal.steps[position].prior if with_prior else {}
        call = Call(self.journal.operation, prior, self.guard, seconds, clock=self.clock, sleep=self.sleep)
        taken = take(call, function, self.clock)
        self._lost = call.lost
        return taken

    def _ended(self, position: int, step: Step, phase: Phase, outcome: _Outcome, because: str, seconds: float) -> None:
        self._say(step, phase, outcome, because, seconds)
        timings = (*self.journal.steps[position].timings, Seconds(phase, seconds))
        # On the disk with what follows from it: the step's new status, the next phase, or `rest`.
        self.journal = replace(self.journal.with_step(position, timings=timings), current="")

    def _safe_point(self, step: Step) -> None:
        because = self.cancelled()
        if because:
            raise Halt("stopped", because, step.name)

    def _status(self, position: int) -> Status:
        return self.journal.steps[position].status

    def _set(self, position: int, status: Status) -> None:
        self._write(self.journal.with_step(position, status=status))

    def _write(self, journal: Journal) -> None:
        fence = journal.fence if self.guard is None else self.guard.fence
        journal = replace(journal, revision=self.journal.revision + 1, fence=fence)
        try:
            self.store.write(journal)
        except (SeawallError, OSError) as error:
            _halt_without_journal(error)
        self.journal = journal

    def _say(
        self, step: Step, phase: Phase, outcome: _Outcome, because: str = "", seconds: float | None = None
    ) -> None:
        self.record(
            StepPhase(
                plan=self.plan.name,
                step=step.name,
                phase=phase.value,
                outcome=outcome,
                because=because,
                seconds=seconds if seconds is None or math.isfinite(seconds) else None,
            )
        )

    def say_end(self, end: Literal["done", "undone", "stopped", "stuck"], because: str, next_: str) -> None:
        """Record how it ended."""
        self.record(Result(plan=self.plan.name, end=end, because=because, next=next_))


def _halt_without_journal(error: Exception) -> NoReturn:
    raise Halt("stopped", f"the journal cannot be written, and nothing is changed without it: {error}") from error


def _fine(taken: Taken[T]) -> bool:
    return taken.error is None and not taken.timed_out


def _why(taken: Taken[T]) -> str:
    if taken.timed_out:
        return f"did not return within {taken.seconds:.3g} s"
    error = taken.error
    return str(error) if isinstance(error, SeawallError) else f"{type(error).__name__}: {error}"


def _outcome(taken: Taken[T], missing: str | None = None) -> _Outcome:
    if taken.timed_out:
        return "timed out"
    if isinstance(taken.error, StepRefused):
        return "refused"
    if taken.error is not None:
        return "failed"
    return "done" if missing is None else "not so yet"
