"""Each step of a failover by itself: what it refuses and in which words, what it waits for, what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crash_points import Bomb, Crash
from failover_plan_case import GONE, OPERATION, armed_operation
from failover_plan_runs import ENDPOINT, handover, live
from failover_plan_world import ARBITER, CLUSTER, NEW, OLD, STARTED, TTL, World
from seawall.errors import InvalidInput
from seawall.timing import FailureClass, Source, Term
from seawall.topology import dump
from seawall_ops.failover.board import Board
from seawall_ops.failover.ledger import Ledger, Pause
from seawall_ops.failover.ledger import Operation as Entry
from seawall_ops.failover.plans.handover import CATCH_UP_SECONDS, Handover
from seawall_ops.failover.plans.places import FilePlace, LiveTopology, Overtaken, PlaceUnavailable
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.failover.plans.standing import announced, published
from seawall_ops.steps import Done, Operation, Result, Stopped, Stuck, Undone

WORD = "2 of 3 domains knew it"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def operation(world: World, confirm: bool = True, bomb: Bomb | None = None, **more: Any) -> Operation:
    plan = failover_plan(handover(**more), world.surroundings())
    return armed_operation(plan, world, bomb or Bomb(), confirmed=confirm)


def run(world: World, **more: Any) -> Result:
    return operation(world, **more).run()


def change_ledger(world: World, change: Callable[[Ledger], Ledger]) -> None:
    Board(world.surroundings().board._store, CLUSTER).change(change)


# ---- before anything is changed

REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "takes writes": ({"servers__eu_central_1__writes": True}, {}, f"{NEW} takes writes already: somebody has promoted it"),
    "other cluster": ({"servers__eu_central_1__system_id": 8}, {}, f"{NEW} is of another cluster than {OLD}"),
    "follows": ({"servers__eu_west_1__writes": False}, {}, f"{OLD} takes no writes itself"),
    "earlier history": ({"servers__eu_central_1__timeline": 2}, {}, f"{NEW} replays timeline 2, and {OLD} is on 3"),
    "far behind": ({"servers__eu_central_1__lag": 31.0}, {}, f"{NEW} is 31.0 s behind"),
    "lag unknown": ({"servers__eu_central_1__lag": None}, {}, f"nobody knows how far {NEW} is behind"),
    "candidate silent": ({"servers__eu_central_1__reachable": False}, {}, f"{NEW} cannot be reached"),
    "no fence": (GONE, {"epoch_lease_seconds": None, "lag_accepted_because": WORD}, "give epoch_lease_seconds"),
    "roles changed": ({f"places__{ARBITER.replace('-', '_')}": dump(live(epoch=5))}, {}, "roles have changed since the decision"),
    "board silent": ({"silent": ["board"]}, {}, "the board (a world's board) cannot be asked"),
    "arbiter silent": ({"silent": [ARBITER]}, {}, f"place {ARBITER} cannot be asked"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_stands_in_the_way_is_said_before_anything_is_changed(world: World, kind: str):
    """At three in the morning a failover that cannot succeed must not begin."""
    arranged, asked, line = REFUSALS[kind]
    world.set(**arranged)
    before = {key: str(world.read()[key]) for key in ("places", "servers", "board", "switch")}
    result = run(world, **asked)
    assert isinstance(result, Undone)
    assert line in result.because
    assert "\n" not in result.because
    assert {key: str(world.read()[key]) for key in before} == before


@pytest.mark.parametrize("name", [OLD, NEW])
def test_who_was_fenced_does_not_take_over_before_it_is_rebuilt(world: World, name: str):
    """An old writer has a history of its own; a region that was lost has one, too."""
    change_ledger(world, lambda ledger: ledger.fenced_with([name]))
    result = run(world)
    if name == NEW:
        assert f"{NEW} is fenced until it has been rebuilt" in result.because
        assert isinstance(result, Undone)
    else:
        assert isinstance(result, Done)


def test_a_second_operation_does_not_begin(world: World):
    """Two recoveries at once are how histories part (orchestrator#1217)."""
    entry = Entry(id="other", opened_by="x", automatic=False, fence=1, epoch=4, target="y", reason="z")
    change_ledger(world, lambda ledger: ledger.opened(entry))
    result = run(world)
    assert "only one operation at a time: operation other" in result.because


def test_a_pause_holds_a_machine_back_and_no_person(world: World):
    """Somebody works on it; whoever acts by hand knows that."""
    until = STARTED.replace(year=2027)
    pause = Pause(id="p", who="ann", why="storage migration", until=until, duration_seconds=3600)
    change_ledger(world, lambda ledger: ledger.paused(pause))
    assert "paused by ann" in operation(world, automatic=True).preview().refusal
    assert isinstance(run(world), Done)


def test_a_preview_changes_nothing(world: World):
    """Dry by default means that not even the ledger knows of it."""
    before = str(world.read())
    preview = operation(world).preview()
    assert [each.name for each in preview.steps] == ["open", "announce", "fence", "promote", "publish", "name", "close"]
    assert preview.refusal == ""
    assert str(world.read()) == before


# ---- fencing and waiting


def test_a_living_writer_is_fenced_and_nothing_of_it_is_lost(world: World):
    """A planned failover waits until all that was written is there."""
    world.set(servers__eu_west_1__position=9000)
    assert isinstance(run(world, failure_class=FailureClass.WRITER), Done)
    state = world.read()
    assert state["servers"][OLD]["fenced"]
    assert state["servers"][NEW]["position"] == 9000


def test_what_does_not_arrive_in_a_minute_is_not_given_up_silently(world: World):
    """Bytes that are known to be missing are said, and the old writer writes again."""
    world.set(servers__eu_west_1__position=9000, replays=False)
    result = run(world)
    assert isinstance(result, Undone)
    assert f"{NEW} lacks 8000 bytes of what {OLD} has written, {CATCH_UP_SECONDS:g} s after" in result.because
    assert not world.read()["servers"][OLD]["fenced"]


def test_a_silent_writer_is_waited_for_by_ones_own_sight_of_the_announcement(world: World):
    """Not by what somebody else has seen: its apps may have read just before."""
    world.set(**GONE)
    began = world.monotonic()
    assert isinstance(run(world, lag_accepted_because=WORD), Done)
    assert TTL <= world.monotonic() - began < TTL + 2.0


def test_a_process_that_takes_over_counts_anew(world: World):
    """The first one's sight of it died with it, and the fence step is at rest by then."""
    world.set(**GONE)
    asked: dict[str, Any] = {"lag_accepted_because": WORD}
    labels, folder = Bomb(), world.path.parent / "whole"
    folder.mkdir()
    whole = World(folder)
    whole.set(**GONE)
    operation(whole, bomb=labels, **asked).run()
    prechecks = [at for at, label in enumerate(labels.labels, 1) if label == "before precheck"]
    with pytest.raises(Crash):
        operation(world, bomb=Bomb(prechecks[3]), **asked).run()  # open, announce, fence, promote
    began = world.monotonic()
    assert isinstance(operation(world, **asked).resume(), Done)
    assert world.monotonic() - began >= TTL


def test_a_fence_that_was_lost_meanwhile_is_looked_at_again_before_the_promotion(world: World):
    """What was seen before a crash is not what is: it is fenced again, and what it wrote meanwhile is waited for."""
    stopped = operation(world, confirm=False).run()
    assert isinstance(stopped, Stopped)
    world.set(servers__eu_west_1__fenced=False, servers__eu_west_1__position=7000)
    assert isinstance(operation(world).resume(), Done)
    assert world.read()["servers"][OLD]["fenced"]
    assert world.read()["servers"][NEW]["position"] == 7000
    assert world.read()["broken"] == []


def test_a_person_may_go_on_unfenced_and_the_silent_writer_is_tried_all_the_same(world: World):
    """A reason is recorded in the inputs; it is no reason not to fence one that answers."""
    assert isinstance(run(world, epoch_lease_seconds=None, unfenced_because="it burns"), Done)
    assert world.read()["servers"][OLD]["fenced"]


def test_a_dead_machine_keeps_no_undo_waiting(world: World):
    """It had never answered: there is nothing to let go."""
    world.set(**GONE, servers__eu_central_1__lag=0.1)
    stopped = operation(world, confirm=False).run()
    assert isinstance(stopped, Stopped)
    assert isinstance(operation(world).undo("it was a drill"), Undone)


def test_a_writer_that_had_answered_and_is_silent_now_is_not_left_fenced_unnoticed(world: World):
    """Nobody could tell whether it takes writes again: that is for a person."""
    assert isinstance(operation(world, confirm=False).run(), Stopped)
    world.set(servers__eu_west_1__reachable=False)
    result = operation(world).undo("it was a drill")
    assert isinstance(result, Stuck)
    assert "had answered, and is silent now" in result.because
    world.set(servers__eu_west_1__reachable=True)
    assert isinstance(operation(world).resume(), Undone)
    assert not world.read()["servers"][OLD]["fenced"]


# ---- what apps are told


def test_the_announcement_names_the_candidate_in_the_old_region_and_the_undo_is_a_later_epoch(world: World):
    """No place ever goes back; routers leave the old writer at once, and cannot write to the candidate yet."""
    assert isinstance(operation(world, confirm=False).run(), Stopped)
    found = world.live()
    assert found is not None
    assert (found.epoch, found.writer, found.primary_region) == (5, NEW, OLD)
    assert isinstance(operation(world).undo("no"), Undone)
    found = world.live()
    assert found is not None
    assert (found.epoch, found.writer, found.primary_region) == (6, OLD, OLD)


def test_somebody_elses_epoch_is_never_written_over(world: World):
    """Two failovers that do not know of each other must not take turns."""
    assert isinstance(operation(world, confirm=False).run(), Stopped)
    theirs = dump(live(epoch=9))
    world.set(**{f"places__{ARBITER.replace('-', '_')}": theirs})
    result = operation(world).resume()
    assert isinstance(result, Stuck | Undone | Stopped)
    assert "roles have changed since the decision" in result.because
    assert world.read()["places"][ARBITER] == theirs
    assert not world.read()["servers"][NEW]["writes"]


def test_a_silent_region_keeps_nobody_waiting_and_goes_without_its_copy(world: World):
    """The lost region's own copy cannot be written; that is no reason to stop."""
    world.set(silent=[OLD])
    assert isinstance(run(world), Done)
    assert world.live(OLD) is None
    assert world.live(NEW) == world.live(ARBITER)


def test_rerunning_what_is_done_changes_nothing(world: World):
    """A retry of a tired person."""
    assert isinstance(run(world), Done)
    before = str(world.read())
    assert isinstance(run(world), Done)
    assert str(world.read()) == before


def test_a_region_without_a_database_needs_no_promotion(world: World):
    """Only names and documents move, and the way back is another failover."""
    world.set(no_database=True)
    assert isinstance(run(world, **ENDPOINT), Done)
    assert world.read()["switch"] == NEW
    with pytest.raises(InvalidInput, match="no way back"):
        operation(world, **ENDPOINT).undo("no")


def test_predictions_stand_beside_what_is_waited_for(world: World):
    """The wait for epochs is computed, and the promotion as its user has measured it."""
    promotion = Term("promotion", 1.0, 2.0, Source.MEASURED_LOCALLY, "a drill")
    plan = failover_plan(handover(), world.surroundings(), promotion=promotion)
    terms = {step.name: [each.worst_seconds for each in step.terms.values()] for step in plan.steps if step.terms}
    assert terms == {"fence": [TTL], "promote": [2.0]}


# ---- what is asked for

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(
    writers=st.one_of(st.none(), st.tuples(TEXTS, TEXTS)),
    regions=st.tuples(TEXTS, TEXTS),
    epoch=st.integers(0, 10**9),
    numbers=st.tuples(st.floats(0.1, 1e6), st.none() | st.floats(0.1, 1e6)),
    why=st.none() | TEXTS,
    kind=st.sampled_from(FailureClass),
)
def test_a_handover_is_the_same_after_it_was_kept(
    writers: Any, regions: Any, epoch: int, numbers: Any, why: Any, kind: FailureClass
):
    """What a plan has shown is what a run does, on whichever machine."""
    old, new = writers or (None, None)
    values: dict[str, Any] = {
        "failure_class": kind,
        "old_region": regions[0],
        "new_region": regions[1],
        "old_writer": old,
        "new_writer": new,
        "epoch": epoch,
        "lag_limit_seconds": numbers[0],
        "epoch_lease_seconds": numbers[1],
        "lag_accepted_because": why,
    }
    if regions[0] == regions[1] and old == new:
        with pytest.raises(InvalidInput, match="new_region"):
            handover(**values)
        return
    made = handover(**values)
    assert Handover.from_inputs(made.inputs) == made


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"new_writer": None}, "new_writer"),
        ({"lag_limit_seconds": 0.0}, "lag_limit_seconds"),
        ({"epoch_lease_seconds": -1.0}, "epoch_lease_seconds"),
        ({"epoch": -1}, "epoch"),
        ({"reason": " "}, "reason"),
        ({"opened_by": "a\nb"}, "opened_by"),
        ({"lag_accepted_because": ""}, "lag_accepted_because"),
        ({"unfenced_because": ""}, "unfenced_because"),
        ({"unfenced_because": "it burns", "automatic": True}, "unfenced_because"),
    ],
)
def test_a_handover_that_cannot_be_meant_is_refused_by_name(changed: dict[str, Any], named: str):
    """Before anything is asked of anybody."""
    with pytest.raises(InvalidInput) as refused:
        handover(**changed)
    assert refused.value.name == named


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"epoch": None}, "handover"), ({"failure_class": "flood"}, "failure_class"), ({"more": 1}, "more")],
)
def test_kept_inputs_that_were_changed_are_refused(changed: dict[str, Any], named: str):
    """A file can be edited."""
    inputs = {
        key: value for key, value in {**handover().inputs, **changed}.items() if value is not None or key != "epoch"
    }
    with pytest.raises(InvalidInput) as refused:
        Handover.from_inputs(inputs)
    assert refused.value.name == named


# ---- places


def test_a_file_takes_later_documents_only(tmp_path: Path):
    """Whoever is late must not undo what came after."""
    place = FilePlace(tmp_path / "live.json")
    assert place.read() is None
    first = announced(handover(), OPERATION, STARTED)
    place.write(first)
    place.write(first)
    later = published(handover(), OPERATION, STARTED)
    place.write(later)
    for earlier in (first, replace(later, reason="another one of this epoch")):
        with pytest.raises(Overtaken, match="roles have changed since"):
            place.write(earlier)
    assert place.read() == later


def test_a_copy_that_is_ahead_of_the_arbiter_is_noticed(tmp_path: Path):
    """Somebody has published past the arbiter: nobody knows what counts."""
    arbiter, copy = FilePlace(tmp_path / "a.json"), FilePlace(tmp_path / "b.json")
    copy.write(live(epoch=7))
    with pytest.raises(Overtaken):
        LiveTopology(arbiter, [copy]).read()


def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path):
    """What is not known is never taken for nothing."""
    folder = tmp_path / "live.json"
    folder.mkdir()
    with pytest.raises(PlaceUnavailable, match="cannot be asked"):
        FilePlace(folder).read()
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(InvalidInput):
        FilePlace(broken).read()
