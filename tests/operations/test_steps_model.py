"""Operations against a model: failures, crashes, interference, resumes and undos in any order.

The invariants, in words:

1. Nothing is undone once the point of no return may have been passed: what stands before it stays as it is.
2. At an end every step is either verified (or was so before), or undone; there is no third.
3. A step that was so before the operation came to it is never undone.
4. A rerun of what is done changes nothing.
5. Two runs of one operation never overlap.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crash_points import Bomb, Crash, armed
from seawall.errors import InvalidInput, OperationInProgress, StepRefused
from seawall.testing import FakeClock
from seawall_ops.steps import (
    Context,
    Observation,
    OnFailure,
    Operation,
    Plan,
    Result,
    Seen,
    Status,
    confirmed_by_name,
)
from seawall_ops.steps.stores import only_run
from steps_script import Lease
from steps_world import BEFORE, Patch, World

ID = "model-1"
WANTED = {"replicas": "6", "fence": "closed", "writer": "eu-central-1", "dns": "eu-central-1"}
NAMES = list(WANTED)  # a step each, in this order
NO_RETURN = NAMES.index("writer")
FAULTS = ("", "refused", "lost before", "lost after", "late", "blind")


class Troubled(Patch):
    """Meets the trouble that the test has put in its way, and tells which writes it made."""

    trouble: str = ""
    machine: "Operations | None" = None

    def observe(self, context: Context) -> Observation:
        if self.trouble == "blind":
            return Observation(Seen.UNKNOWN, "no answer")
        return super().observe(context)

    def apply(self, context: Context) -> None:
        if self.trouble == "refused":
            raise StepRefused("denied")
        if self.trouble == "late" and self.no_return and self.machine is not None:
            self.machine.under_way = True
        if self.trouble in ("lost before", "late"):
            raise TimeoutError("no answer")
        super().apply(context)
        if self.trouble == "lost after":
            raise TimeoutError("no answer")

    def undo(self, context: Context) -> None:
        assert self.machine is not None
        self.machine.note_undo(self.name)
        if self.trouble in ("refused", "lost before"):
            raise TimeoutError("no answer")
        super().undo(context)


class Operations(RuleBasedStateMachine):
    """One operation, its journal and its world, from its first run to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.holder = tempfile.TemporaryDirectory()
        self.folder = Path(self.holder.name)
        self.world = World(self.folder)
        self.found: set[str] = set()
        self.result: Result | None = None
        self.fence = 1
        self.violations: list[str] = []
        self.under_way = False  # a promotion that was accepted, and that nobody can see yet

    def teardown(self) -> None:
        self.holder.cleanup()

    @initialize(found=st.sets(st.sampled_from(NAMES)))
    def some_of_it_is_so_already(self, found: set[str]) -> None:
        self.found = found
        for name in found:
            self.world.put(name, WANTED[name])

    def make(self, at: int, trouble: str, bomb: Bomb, *, stop: bool = False, lost_at: int = 0) -> Operation:
        world = World(self.folder, bomb)
        steps: list[Troubled] = []
        for position, name in enumerate(NAMES):
            step = Troubled(world, name, {name: WANTED[name]}, no_return=position == NO_RETURN)
            step.machine, step.trouble = self, trouble if position == at else ""
            steps.append(step)
        plan = Plan(name="model", version=1, steps=tuple(steps), inputs={}, summary="Move the writer")
        plan, journals = armed(plan, self.folder, bomb)
        self.fence += 1
        clock = FakeClock()
        return Operation(
            plan,
            id=ID,
            folder=self.folder,
            journals=journals,
            guard=Lease(self.fence, lost_at),
            confirm=confirmed_by_name(ID),
            on_failure=OnFailure.STOP if stop else OnFailure.UNDO,
            clock=clock,
            sleep=clock.advance,
        )

    @rule(
        verb=st.sampled_from(["go on", "undo"]),
        at=st.integers(0, len(NAMES) - 1),
        trouble=st.sampled_from(FAULTS),
        crash=st.one_of(st.just(0), st.integers(1, 80)),
        stop=st.booleans(),
        lost_at=st.one_of(st.just(0), st.integers(1, 6)),
    )
    def somebody_runs_it(self, verb: str, at: int, trouble: str, crash: int, stop: bool, lost_at: int) -> None:
        operation = self.make(at, trouble, Bomb(crash), stop=stop, lost_at=lost_at)
        journal = operation.journal()
        try:
            if journal is None:
                self.result = operation.run()
            elif verb == "undo":
                self.result = operation.undo("test")
            else:
                self.result = operation.resume()
        except Crash:
            self.result = None
        except InvalidInput as refusal:
            if "no way back" not in str(refusal):
                raise

    @precondition(lambda self: self.under_way)
    @rule()
    def the_promotion_becomes_visible(self) -> None:
        self.under_way = False
        self.world.put("writer", WANTED["writer"])

    def note_undo(self, name: str) -> None:
        """Called from inside of an undo, whose errors the runner catches: so kept for the invariant."""
        if name == NAMES[NO_RETURN]:
            self.violations.append("the point of no return was undone")
        elif self.under_way or self.world.get("writer") != BEFORE["writer"]:
            self.violations.append(f"{name} was undone past the point of no return")
        if name in self.found:
            self.violations.append(f"{name} was so before, and was undone")

    @invariant()
    def nothing_was_undone_that_must_not_be(self) -> None:
        assert self.violations == []

    @invariant()
    def an_end_is_whole(self) -> None:
        if self.result is None or self.result.end not in ("done", "undone"):
            return
        values = self.world.values()
        ours = {step.name: step.status for step in self.result.steps}
        if self.result.end == "done":
            assert {name: values[name] for name in NAMES} == WANTED
            assert set(ours.values()) <= {Status.VERIFIED, Status.FOUND}
        else:
            assert {name for name in NAMES if values[name] == WANTED[name]} == self.found
            assert set(ours.values()) <= {Status.UNDONE, Status.FOUND, Status.READY, Status.PENDING}

    @precondition(lambda self: self.result is not None and self.result.end == "done")
    @rule()
    def a_rerun_changes_nothing(self) -> None:
        writes = self.world.writes()
        assert self.make(0, "", Bomb()).run().end == "done"
        assert self.world.writes() == writes

    @rule()
    def a_second_run_is_refused_while_one_is_under_way(self) -> None:
        values = self.world.values()
        with only_run(self.folder, ID), pytest.raises(OperationInProgress):
            self.make(0, "", Bomb()).run()
        assert self.world.values() == values


TestOperations = Operations.TestCase
TestOperations.settings = settings(max_examples=40, stateful_step_count=8, deadline=None)


class TestOperationsForLong(Operations.TestCase):
    """The same for longer."""

    pytestmark = pytest.mark.soak
    settings = settings(max_examples=500, stateful_step_count=15, deadline=None)
