"""Operations in steps: what is refused, what is undone, what stops, and what is said about it."""

import json
import os
import signal
import threading
from dataclasses import replace
from datetime import date

import pytest

from seawall.errors import InvalidInput, StepRefused
from seawall.testing import FakeClock
from seawall.timing import Source, Term
from seawall_ops.exits import ExitCode
from seawall_ops.steps import (
    Cancellation,
    Context,
    Observation,
    OnFailure,
    Operation,
    Phase,
    Plan,
    Seen,
    Status,
    Step,
    Timeouts,
    Will,
    cancelled_by_signals,
    conduct,
    confirmed_by_name,
    measurements,
    result_as_dict,
)
from steps_script import Lease, operation, scripted_plan
from steps_world import AFTER, BEFORE, OPERATION, POLLING, Patch, World, plan_of


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_preview_changes_nothing_and_says_what_a_run_would_do(world, tmp_path):
    """Dry by default: looking at a plan leaves no journal, no lock and no change."""
    world.put("fence", "closed")
    writes = world.writes()
    preview = operation(plan_of(world, no_return=True), tmp_path).preview()
    assert [(step.name, step.will, step.undo) for step in preview.steps] == [
        ("scale", Will.APPLY, "until promote"),
        ("fence", Will.NOTHING, "until promote"),
        ("promote", Will.APPLY, "never"),
        ("dns", Will.APPLY, "never"),
    ]
    assert (preview.changes, world.writes()) == (3, writes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["world.sqlite"]


def test_a_command_is_dry_until_it_is_told_to_execute(world, tmp_path, capsys):
    """At three in the morning the first press of Enter shows a plan."""
    plan = plan_of(world, no_return=True)
    assert conduct(operation(plan, tmp_path), execute=False, as_json=False) is ExitCode.DONE
    shown = capsys.readouterr().out
    assert "dry run: nothing was changed" in shown
    assert "there is no way back" in shown
    assert world.values() == BEFORE
    assert conduct(operation(plan, tmp_path), execute=True, as_json=False) is ExitCode.DONE
    assert f"done: every step is applied and verified (operation {OPERATION})" in capsys.readouterr().out
    assert world.values() == AFTER


def test_json_is_one_document_for_plan_and_for_result(world, tmp_path, capsys):
    """Scripts read it."""
    plan = plan_of(world, no_return=False)
    conduct(operation(plan, tmp_path), execute=False, as_json=True)
    dry = json.loads(capsys.readouterr().out)
    assert (dry["dry_run"], dry["changes"], dry["steps"][0]["will"]) == (True, 4, "apply")
    conduct(operation(plan, tmp_path), execute=True, as_json=True)
    ran = json.loads(capsys.readouterr().out)
    assert (ran["end"], [step["status"] for step in ran["steps"]]) == ("done", ["verified"] * 4)


def test_a_dry_run_that_would_be_refused_needs_attention(world, tmp_path, capsys):
    """The precheck of the first step to be taken is asked in the dry run, too."""
    plan = scripted_plan(world, precheck=StepRefused("lag is 90 s"))
    world.put("fence", "closed")
    assert conduct(operation(plan, tmp_path), execute=False, as_json=False) is ExitCode.ATTENTION
    assert "in the way: lag is 90 s" in capsys.readouterr().out


def test_a_rerun_of_what_is_done_changes_nothing(world, tmp_path):
    """Neither under the same id nor under a new one."""
    operation(plan_of(world, no_return=True), tmp_path).run()
    writes = world.writes()
    assert operation(plan_of(world, no_return=True), tmp_path).run().end == "done"
    again = Operation(plan_of(world, no_return=True), id="move-2", folder=tmp_path).run()
    assert again.end == "done"
    assert {step.status for step in again.steps} == {Status.FOUND}
    assert world.writes() == writes


def test_what_was_so_before_is_never_undone(world, tmp_path):
    """Somebody else fenced: an undo of ours must not open that."""
    world.put("fence", "closed")
    result = operation(scripted_plan(world, apply=StepRefused("denied")), tmp_path).run()
    assert (result.end, result.because) == ("undone", "promote: apply: denied")
    assert world.get("fence") == "closed"


def test_a_refused_apply_of_the_point_of_no_return_leaves_the_way_back_open(world, tmp_path):
    """A promotion that was denied has changed nothing: the old writer is opened again."""
    result = operation(scripted_plan(world, no_return=True, apply=StepRefused("AccessDenied")), tmp_path).run()
    assert (result.end, world.values()) == ("undone", BEFORE)


def test_an_unclear_apply_of_the_point_of_no_return_closes_the_way_back(world, tmp_path):
    """A time-out says nothing: the promotion may be under way, so nothing behind it is opened."""
    plan = scripted_plan(world, no_return=True, apply=TimeoutError("no answer"))
    result = operation(plan, tmp_path).run()
    assert (result.end, result.exit_code) == ("stuck", ExitCode.STUCK)
    assert result.next == (f"resume operation {OPERATION}",)
    assert world.get("fence") == "closed"
    with pytest.raises(InvalidInput, match=r"undo = move-1: to resume, because promote was begun: no way back"):
        operation(plan, tmp_path).undo("please")
    assert operation(scripted_plan(world, no_return=True), tmp_path).resume().end == "done"


def test_nothing_is_reopened_where_somebody_else_passed_the_point_of_no_return(world, tmp_path):
    """Another operator promoted meanwhile: opening the old writer again would make two of them."""

    def promoted_elsewhere(_context: Context) -> None:
        world.put("writer", "eu-central-1")
        raise StepRefused("it is promoting already")

    result = operation(scripted_plan(world, no_return=True, precheck=promoted_elsewhere), tmp_path).run()
    assert result.end == "stuck"
    assert "promote has no way back, and is applied" in result.because
    assert world.get("fence") == "closed"


def test_an_apply_whose_answer_was_lost_is_applied(world, tmp_path):
    """What counts is what is seen."""
    plan = scripted_plan(world, no_return=True, after_apply=ConnectionError("reset"))
    assert operation(plan, tmp_path).run().end == "done"


def test_the_point_of_no_return_is_asked_for_by_the_operations_name(world, tmp_path):
    """A flag left in a shell's history confirms nothing; before the answer everything can still be undone."""
    plan = plan_of(world, no_return=True)
    asked = []
    stopped = operation(plan, tmp_path, confirm=lambda point: asked.append(point) or False).run()
    assert (stopped.end, stopped.exit_code, world.get("writer")) == ("stopped", ExitCode.STOPPED, "eu-west-1")
    assert [(point.step, point.applied) for point in asked] == [("promote", ("scale", "fence"))]
    assert "confirm it by its name" in stopped.next[0]
    assert operation(plan, tmp_path, confirm=confirmed_by_name("move-0")).resume().end == "stopped"
    assert operation(plan, tmp_path).resume().end == "done"


def test_a_failed_step_can_stop_instead_and_be_undone_by_hand(world, tmp_path):
    """The operator chooses; the record has the reason."""
    plan = scripted_plan(world, precheck=StepRefused("lag is 90 s"))
    result = operation(plan, tmp_path, on_failure=OnFailure.STOP).run()
    assert (result.end, result.because) == ("stopped", "promote: precheck: lag is 90 s")
    assert result.next == (f"resume operation {OPERATION}", f"undo operation {OPERATION}")
    assert operation(plan, tmp_path).undo("lag does not go down").because == "lag does not go down"
    assert world.values() == BEFORE


def test_an_unanswered_look_is_never_taken_for_anything(world, tmp_path):
    """Unknown before an apply: nothing is applied. Unknown in an undo: nothing is undone."""
    plan = scripted_plan(
        world, timeouts=replace(POLLING, observe_seconds=0.5), observe=ConnectionError("region is gone")
    )
    result = operation(plan, tmp_path).run()
    assert result.end == "undone"
    assert "cannot tell how things are: ConnectionError: region is gone" in result.because
    broken = replace(plan, steps=(Patch(world, "promote", {"writer": "eu-central-1"}),))
    operation(broken, tmp_path / "b").run()
    blind = replace(plan, steps=(plan.steps[1],))
    assert operation(blind, tmp_path / "b").undo("test").end == "stuck"


def test_an_undo_that_fails_is_stuck_and_goes_on_when_resumed(world, tmp_path):
    """Half an undo is the one state that nobody may leave."""
    plan = scripted_plan(world, undo=PermissionError("denied"))
    operation(plan, tmp_path).run()
    stuck = operation(plan, tmp_path).undo("test")
    assert (stuck.end, stuck.because) == (
        "stuck",
        "promote: undo: PermissionError: denied: applied: writer is eu-central-1",
    )
    assert operation(scripted_plan(world), tmp_path).resume().end == "undone"
    assert world.values() == BEFORE


def test_a_lost_lease_stops_before_the_write(world, tmp_path):
    """Somebody else may hold it: neither forward nor back."""
    plan = scripted_plan(world)
    result = operation(plan, tmp_path, guard=Lease(7, lost_at=3)).run()
    assert (result.end, result.because) == ("stopped", "promote: the lease is lost")
    assert [step.status for step in result.steps] == [Status.VERIFIED, Status.READY]
    assert world.get("writer") == "eu-west-1"


def test_a_lease_that_is_lost_inside_of_an_apply_leaves_it_open(world, tmp_path):
    """Some of it may be written: the next holder looks."""
    steps = (Patch(world, "dns", {"dns-ttl": "10", "dns": "eu-central-1"}),)
    plan = Plan(name="move", version=1, steps=steps, inputs={}, summary="Move the name")
    result = operation(plan, tmp_path, guard=Lease(7, lost_at=3)).run()
    assert (result.end, result.steps[0].status, world.get("dns-ttl")) == ("stopped", Status.APPLYING, "10")
    assert operation(plan, tmp_path, guard=Lease(8)).resume().end == "done"


def test_an_older_fence_than_the_journals_is_refused(world, tmp_path):
    """A holder that was paused must not take up what a later one began."""
    plan = plan_of(world, no_return=True)
    operation(plan, tmp_path, guard=Lease(7), confirm=None).run()
    for guard in (Lease(6), None):
        with pytest.raises(InvalidInput, match="at least 7, which the journal has seen"):
            operation(plan, tmp_path, guard=guard).resume()


def test_an_apply_that_hangs_is_given_up_and_may_write_no_more(world, tmp_path):
    """A call that never returns must not hang the operator, and must not write when it wakes up."""
    woken, refused = threading.Event(), threading.Event()

    def hang(context: Context) -> None:
        woken.wait(10)
        try:
            context.check()
        except StepRefused:
            refused.set()
            raise

    plan = scripted_plan(world, timeouts=replace(POLLING, apply_seconds=0.05), apply=hang)
    result = operation(plan, tmp_path).run()
    assert result.end == "stopped"
    assert "it may have been applied" in result.because
    woken.set()
    assert refused.wait(10)
    assert world.get("writer") == "eu-west-1"
    assert operation(scripted_plan(world), tmp_path).resume().end == "done"


def test_verify_is_asked_until_it_holds_and_its_time_is_measured(tmp_path):
    """Replicas take minutes; the prediction stands beside what it took, pauses included."""
    clock = FakeClock()
    term = Term("promotion", 60.0, 300.0, Source.ASSUMED, "how long a promotion takes")

    class Slow(Step):
        name, what, terms = "promote", "promote the replica", {Phase.VERIFY: term}
        timeouts = Timeouts(poll_seconds=5.0)
        applied_at: float | None = None

        def observe(self, context: Context) -> Observation:
            done = self.applied_at is not None and clock.monotonic() >= self.applied_at + 42.0
            return Observation(Seen.AFTER if done else Seen.BEFORE, "modifying")

        def apply(self, context: Context) -> None:
            self.applied_at = clock.monotonic()

        def undo(self, context: Context) -> None:
            raise AssertionError("nothing failed")

    plan = Plan(name="promote", version=1, steps=(Slow(),), inputs={}, summary="Promote")
    result = operation(plan, tmp_path, clock=clock, sleep=clock.advance).run()
    (found,) = measurements(result, Source.MEASURED_LOCALLY, date(2026, 11, 25))
    assert (found.term, found.typical_seconds, found.when) == ("promotion", 45.0, "2026-11-25, operation move-1")
    phases = json.loads(json.dumps(result_as_dict(result)))["steps"][0]["phases"]
    assert phases[-1] == {"phase": "verify", "seconds": 45.0, "predicted": term.as_dict()}
    assert measurements(replace(result, interrupted=True), Source.MEASURED_LOCALLY, date(2026, 11, 25)) == ()


def test_what_does_not_become_true_in_time_is_undone(world, tmp_path):
    """Applied but never verified."""

    def undone_behind_our_back(_context: Context) -> None:
        world.put("writer", "eu-north-1")

    result = operation(
        scripted_plan(world, timeouts=replace(POLLING, verify_seconds=0.2), after_apply=undone_behind_our_back),
        tmp_path,
    ).run()
    assert result.because == "promote: not verified within 0.2 s: partly applied: writer is eu-north-1"
    assert (result.end, world.values()) == ("undone", BEFORE)


def test_a_signal_stops_it_at_a_safe_point_and_a_resume_goes_on(world, tmp_path):
    """Ctrl-C in the middle of an apply: the apply ends, the journal is written, the next phase is not begun."""
    plan = scripted_plan(world, apply=lambda _context: os.kill(os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    with cancelled_by_signals() as cancellation:
        result = operation(plan, tmp_path, cancellation=cancellation).run()
    assert (result.end, result.because) == ("stopped", "asked by SIGINT")
    assert result.steps[1].status is Status.APPLIED
    assert signal.getsignal(signal.SIGINT) is before
    done = operation(scripted_plan(world), tmp_path).resume()
    assert (done.end, done.interrupted) == ("done", True)


def test_signals_are_left_alone_outside_of_the_main_thread():
    """Python handles none there; the cancellation can still be requested."""
    kept: list[Cancellation] = []

    def work() -> None:
        with cancelled_by_signals() as cancellation:
            cancellation.request("test")
            kept.append(cancellation)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert kept[0].because == "test"
