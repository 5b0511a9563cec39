"""The plan that makes an old writer a replica again: what it refuses, what it shows, and that no crash leaves it in between."""

import os
from pathlib import Path
from typing import Any

import pytest

import failover_rebuild_case as case
from crash_points import Bomb, Holding, survive_every_crash, survive_sigkill
from failover_plan_runs import live
from failover_plan_world import CLUSTER, NEW, OLD
from seawall.errors import InvalidInput
from seawall.topology import dump
from seawall_ops.failover.ledger import Operation as Entry
from seawall_ops.failover.plans.rebuild import Rebuild, rebuild_plan
from seawall_ops.failover.plans.rebuilder import Following
from seawall_ops.steps import Operation, Preview, Result, Seen

WHOLE = ("open again", "with the name")  # whose every point is tried; they have all that the others have
SAMPLED = 3  # of the others: odd, since points alternate between before and after
STRIDE = 23  # every so-many-th point by SIGKILL outside of the soak: a process each


def world_of(folder: Path, **changes: object) -> case.RebuildWorld:
    world = case.RebuildWorld(folder, Bomb())
    world.begin(**changes)
    return world


def operation_of(world: case.RebuildWorld, *, confirmed: bool = True, fails: bool = False, **asked: Any) -> Operation:
    rebuilder = case.FakeRebuilder(world)
    rebuilder.fails = fails
    request = Rebuild(**{**case.REQUEST, **asked})
    plan = rebuild_plan(
        request,
        world.surroundings(),
        rebuilder,
        declared_primary=world.read().get("declared", NEW),
        rebuild_seconds=case.REBUILD_SECONDS,
    )
    return Operation(
        plan,
        id=case.OPERATION,
        folder=world.path.parent,
        guard=Holding(),
        confirm=lambda _: confirmed,
        clock=world,
        sleep=world.sleep,
    )


def run(world: case.RebuildWorld, **asked: Any) -> Result:
    return operation_of(world, **asked).run()


def preview(world: case.RebuildWorld, **asked: Any) -> Preview:
    return operation_of(world, **asked).preview()


@pytest.mark.parametrize("variant", case.VARIANTS)
def test_a_rebuild_that_crashes_anywhere_is_resumed_or_undone_to_an_end(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Never a fence lifted from a server that writes, nor a member that may take over and does not follow."""
    monkeypatch.setenv(case.VARIABLE, variant)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # the process dies here, not the machine
    survey = survive_every_crash(case, tmp_path, every=1 if variant in WHOLE else SAMPLED)
    with capsys.disabled():
        print(f"\nrebuild, {variant}\n{survey.table()}")  # noqa: T201
    assert {(then, end) for _, then, end in survey.counts} == {
        ("resume", "done"),
        ("undo", "undone"),
        ("undo", "done"),
    }
    assert not {label for label, _, end in survey.counts if end == "undone"} & {"after throw away", "after lift"}


def test_a_rebuild_whose_process_is_killed_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A real process, SIGKILL, at a sample of the points."""
    monkeypatch.setenv(case.VARIABLE, "open again")
    assert survive_sigkill(case, tmp_path, every=STRIDE).points >= 3


def test_what_would_be_thrown_away_is_shown_before_it_is_asked_for(tmp_path: Path):
    """It is the only thing that does not come back."""
    world = world_of(tmp_path)
    first = preview(world).steps[0]
    assert (first.seen, first.no_return) == (Seen.BEFORE, True)
    assert "4,096 bytes" in first.shown
    result = run(world, confirmed=False)
    assert (result.end, result.exit_code) == ("stopped", 5)
    assert world.read()["rebuilt"] == []


def test_what_cannot_be_told_is_said_to_be_so(tmp_path: Path):
    """A dead server's log is not taken for an empty one."""
    world = world_of(tmp_path, **{f"servers__{case.OLD_}__reachable": False})
    assert "cannot be told" in preview(world).steps[0].shown


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"board": {}}, "not fenced in the ledger"),
        ({"places": dict.fromkeys(("us-east-1", OLD, NEW))}, "no roles are published"),
        ({f"servers__{NEW.replace('-', '_')}__writes": False}, "nobody to follow"),
    ],
)
def test_nothing_is_thrown_away_that_nothing_has_replaced(tmp_path: Path, changes: dict[str, Any], because: str):
    """The live writer, or one whose successor is not there, is not to be rebuilt by a mistaken name."""
    world = world_of(tmp_path)
    world.set(**changes)
    assert because in preview(world).refusal
    assert run(world).end == "undone"
    assert world.read()["rebuilt"] == []


def test_a_member_that_is_the_writer_again_is_not_rebuilt(tmp_path: Path):
    """Somebody has failed over the other way since."""
    world = world_of(tmp_path)
    world.set(places=dict.fromkeys(world.read()["places"], dump(live(primary_region=OLD, writer=OLD))))
    assert f"the writer is {OLD}" in preview(world).refusal
    assert run(world).end == "undone"
    assert world.read()["rebuilt"] == []


def test_nothing_is_rebuilt_while_a_failover_is_open(tmp_path: Path):
    """Its candidate or its old writer may be that member."""
    world = world_of(tmp_path)
    entry = Entry(id="f-1", opened_by="o", automatic=True, fence=3, epoch=6, target="t", reason="r")
    world.surroundings().board.change(lambda ledger: ledger.opened(entry))
    assert "only one operation at a time" in preview(world).refusal
    assert run(world).end == "undone"
    assert world.read()["rebuilt"] == []


def test_a_writer_that_moves_meanwhile_keeps_the_member_fenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It follows somebody who is not the writer any more: it is not to take over, and its fence stays."""
    world = world_of(tmp_path)
    moved = live(primary_region=NEW, writer="db3")
    real = case.FakeRebuilder.rebuild

    def rebuild(self: case.FakeRebuilder, *arguments: Any) -> None:
        real(self, *arguments)
        world.set(places=dict.fromkeys(world.read()["places"], dump(moved)))

    monkeypatch.setattr(case.FakeRebuilder, "rebuild", rebuild)
    result = run(world)
    assert result.end == "stuck"
    assert "the writer is db3" in result.because
    assert world.read()["servers"][OLD]["fenced"]
    assert world.ledger.fenced == (OLD,)


def test_a_rebuild_that_fails_in_the_middle_is_resumed(tmp_path: Path):
    """There is no way back, and the member stays fenced until there is a way forward."""
    world = world_of(tmp_path)
    first = run(world, fails=True)
    assert first.end == "stuck"
    assert "ended with 1" in first.because
    assert world.ledger.fenced == (OLD,)
    assert operation_of(world).resume().end == "done"
    assert world.ledger.fenced == ()


def test_one_that_follows_already_is_not_rebuilt(tmp_path: Path):
    """Somebody has done it by hand: only the fence and the ledger are left to do."""
    world = world_of(tmp_path, following=Following.FOLLOWS.name, **{f"servers__{case.OLD_}__writes": False})
    assert run(world, confirmed=False).end == "done"
    assert world.read()["rebuilt"] == []
    assert world.ledger.fenced == ()
    assert not world.read()["servers"][OLD]["fenced"]


@pytest.mark.parametrize("lag", [case.LAG_LIMIT + 1, None])
def test_one_that_follows_late_is_waited_for_and_not_rebuilt(tmp_path: Path, lag: float | None):
    """It loses nothing by waiting; what nobody knows is not taken for little."""
    world = world_of(tmp_path, following=Following.FOLLOWS.name, lag=lag, **{f"servers__{case.OLD_}__writes": False})
    result = run(world)
    assert result.end == "stuck"
    assert "not verified within" in result.because
    assert world.read()["rebuilt"] == []
    world.set(lag=1.0)
    assert operation_of(world).resume().end == "done"


def test_the_name_is_not_released_while_other_roles_are_declared(tmp_path: Path):
    """The health checks would lead everybody back to the old region; and that is said before anything is thrown away."""
    world = world_of(tmp_path, switch=NEW, declared=OLD)
    assert "adopt it first" in preview(world, release_name=True).refusal
    assert run(world, release_name=True).end == "undone"
    assert world.read()["rebuilt"] == []
    assert world.read()["switch"] == NEW


def test_a_name_that_is_forced_to_the_member_s_own_region_stays(tmp_path: Path):
    """That is somebody else's decision."""
    world = world_of(tmp_path, switch=OLD)
    assert run(world, release_name=True).end == "done"
    assert world.read()["switch"] == OLD


def test_the_region_may_be_the_primary_again_too(tmp_path: Path):
    """The failover of a region fences both."""
    world = world_of(tmp_path)
    world.surroundings().board.change(lambda ledger: ledger.fenced_with(("db-1", "eu-north-1")))
    run(world, member=OLD, region="eu-north-1")
    assert world.ledger.fenced == ("db-1",)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"writer": OLD}, "writer"),
        ({"lag_limit_seconds": 0}, "lag_limit_seconds"),
        ({"reason": " "}, "reason"),
        ({"opened_by": "a\nb"}, "opened_by"),
        ({"cluster": 7}, "rebuild"),
        ({"unknown": 1}, "rebuild"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_one_line(changes: dict[str, Any], named: str):
    """Before anything is looked at."""
    with pytest.raises(InvalidInput, match=named) as refused:
        Rebuild.from_inputs({**case.REQUEST, **changes})
    assert "\n" not in str(refused.value)


def test_a_request_is_the_same_when_it_was_kept():
    """`run` does exactly what was shown."""
    request = Rebuild(**case.REQUEST, release_name=True)
    assert Rebuild.from_inputs(request.inputs) == request


@pytest.mark.parametrize(("switch", "declared"), [(None, NEW), ("there", None)])
def test_a_name_cannot_be_released_without_a_switch_or_what_is_declared(
    tmp_path: Path, switch: str | None, declared: str | None
):
    """It is refused when the plan is made."""
    world = world_of(tmp_path)
    around = world.surroundings() if switch else world.surroundings(switch=None)
    request = Rebuild(**case.REQUEST, release_name=True)
    with pytest.raises(InvalidInput, match=r"release_name|declared_primary"):
        rebuild_plan(request, around, case.FakeRebuilder(world), declared_primary=declared)


def test_the_cluster_stands_in_the_plan():
    """Nothing is resumed on another board, other servers or by another command."""
    world = case.RebuildWorld(Path("nowhere"), Bomb())
    inputs = rebuild_plan(Rebuild(**case.REQUEST), world.surroundings(), case.FakeRebuilder(world)).inputs
    assert inputs["cluster"] == CLUSTER
    assert {"board", "live", "servers", "rebuilder", "switch"} <= set(inputs)
