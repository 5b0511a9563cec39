"""Operations that are not begun, not taken up again, or not recorded in the clear; and what is recorded."""

import json
from dataclasses import replace

import pytest

from seawall.errors import InvalidInput, OperationInProgress
from seawall_ops import audit
from seawall_ops.audit import AuditFile, Record, Trail
from seawall_ops.audit.facts import Decision, StepPhase
from seawall_ops.steps import (
    FileJournals,
    Operation,
    Plan,
    Timeouts,
)
from seawall_ops.steps.stores import only_run
from steps_script import Lease, operation, scripted_plan
from steps_world import BEFORE, OPERATION, Patch, World, plan_of


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_two_runs_of_one_operation_never_overlap(world, tmp_path):
    """The lock is the operation's, on this machine."""
    plan = plan_of(world, no_return=True)
    with only_run(tmp_path, OPERATION):
        for act in (operation(plan, tmp_path).run, operation(plan, tmp_path).resume):
            with pytest.raises(OperationInProgress, match="another process runs it"):
                act()
    assert world.values() == BEFORE


def test_a_begun_operation_is_not_run_again_but_resumed(world, tmp_path):
    """`run` on an open journal says the ways on."""
    plan = plan_of(world, no_return=True)
    operation(plan, tmp_path, confirm=None).run()
    with pytest.raises(OperationInProgress, match="resume operation move-1, or undo operation move-1"):
        operation(plan, tmp_path).run()


def test_one_that_was_never_begun_cannot_be_resumed(world, tmp_path):
    """A typo in the id does nothing."""
    with pytest.raises(InvalidInput, match="operation = move-1: one that was begun"):
        operation(plan_of(world, no_return=True), tmp_path).resume()


def test_a_journal_of_another_plan_version_or_form_is_refused_in_one_line(world, tmp_path):
    """Resuming with other steps would undo what was never done."""
    plan = plan_of(world, no_return=True)
    operation(plan, tmp_path, confirm=None).run()
    for other, line in (
        (replace(plan, version=2), "plan = move version 2: move version 1, of which operation move-1 was begun"),
        (replace(plan, inputs={"to": "eu-north-1"}), "the steps and inputs with which operation move-1 was begun"),
        (replace(plan, steps=plan.steps[:2]), "the steps and inputs with which operation move-1 was begun"),
    ):
        with pytest.raises(InvalidInput, match=line):
            operation(other, tmp_path).resume()
    path = tmp_path / "move-1.json"
    content = json.loads(path.read_text())
    for text, line in (
        (json.dumps({**content, "version": 2}), "version 2: version 1, because this Seawall wrote no other"),
        ("{", "it is broken"),
        (json.dumps({**content, "direction": "up"}), "it is broken"),
        (json.dumps({"version": 1}), "it is broken"),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInput, match=line) as caught:
            operation(plan, tmp_path).resume()
        assert "\n" not in str(caught.value)


def test_a_journal_that_cannot_be_written_stops_before_anything_is_changed(world, tmp_path):
    """Without the journal a crash would be a riddle."""

    class Full(FileJournals):
        def write(self, journal):
            raise OSError(28, "No space left on device")

    result = operation(plan_of(world, no_return=True), tmp_path, journals=Full(tmp_path)).run()
    assert (result.end, world.values()) == ("stopped", BEFORE)
    assert "No space left on device" in result.because


def test_a_prior_value_that_looks_like_a_secret_is_refused_before_the_apply(world, tmp_path):
    """The journal is plain text."""
    world.put("fence", "postgres://admin:hunter2@db/shop")
    result = operation(scripted_plan(world), tmp_path).run()
    assert (result.end, result.because.startswith("fence.prior.fence = (hidden)")) == ("undone", True)
    assert "hunter2" not in (tmp_path / "move-1.json").read_text()


def test_everything_is_recorded_with_operation_and_fence(world, tmp_path):
    """Who confirmed, what was seen, what was done, how it ended."""
    told = []
    with Trail(tmp_path / "audit.jsonl") as trail:
        operation(plan_of(world, no_return=True), tmp_path, trail=trail, guard=Lease(7), told=told.append).run()
    found = [each for _, each in AuditFile(tmp_path / "audit.jsonl").read()]
    records = [each for each in found if isinstance(each, Record)]
    assert len(records) == len(found)
    assert [record.fact for record in records] == told
    assert {(record.operation, record.fence) for record in records} == {(OPERATION, 7)}
    phases = [(fact.step, fact.phase) for fact in told if isinstance(fact, StepPhase) and fact.outcome != "begun"]
    assert phases[:4] == [("scale", "observe"), ("scale", "precheck"), ("scale", "apply"), ("scale", "verify")]
    assert [fact.decision for fact in told if isinstance(fact, Decision)] == ["run", "pass the point of no return"]
    assert isinstance(told[-1], audit.Result)
    assert told[-1].end == "done"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"steps": ()}, "steps = "),
        ({"name": "Move It"}, "plan = Move It"),
        ({"inputs": {"password": "x"}}, "inputs.password = (hidden)"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(world, change, line):
    """Before anything is looked at."""
    plan = plan_of(world, no_return=True)
    with pytest.raises(InvalidInput) as caught:
        replace(plan, **change)
    assert str(caught.value).startswith(line)


def test_names_of_steps_are_unique_and_there_is_one_point_of_no_return(world):
    """The journal goes by the names; what lies behind the first point needs no second."""
    fence = Patch(world, "fence", {"fence": "closed"}, no_return=True)
    with pytest.raises(InvalidInput, match="a name that no other step has"):
        Plan(name="move", version=1, steps=(fence, fence), inputs={}, summary="")
    with pytest.raises(InvalidInput, match="at most one point of no return"):
        Plan(name="move", version=1, steps=(fence, replace(fence, name="again")), inputs={}, summary="")


def test_a_time_out_of_nothing_is_refused():
    """A phase needs some time."""
    with pytest.raises(InvalidInput, match="verify_seconds = 0: above 0 seconds"):
        Timeouts(verify_seconds=0)


def test_an_id_that_is_no_file_name_is_refused(world, tmp_path):
    """It becomes one."""
    with pytest.raises(InvalidInput, match="operation = "):
        Operation(plan_of(world, no_return=True), id="../x", folder=tmp_path)


def test_an_end_whose_record_a_crash_took_is_recorded_by_the_next_resume(world, tmp_path):
    """The journal says done, the record must say so, too."""
    plan = plan_of(world, no_return=True)
    operation(plan, tmp_path).run()
    told = []
    assert operation(plan, tmp_path, told=told.append).resume().end == "done"
    assert told == [audit.Result(plan="move", end="done", because="every step is applied and verified")]
