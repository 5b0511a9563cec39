"""What comes between the steps of a failover: halves, lost answers, people who act by hand, and an old writer that is back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crash_points import Holding, MemoryJournals
from failover_plan_case import GONE, OPERATION
from failover_plan_runs import ENDPOINT, Runs, handover, live
from failover_plan_world import ARBITER, NEW, OLD, STARTED, TTL, Place, Servers, Switch, World
from seawall.errors import InvalidInput, StepRefused
from seawall.topology import Live, dump
from seawall_ops.failover.ledger import Operation as Entry
from seawall_ops.failover.ledger import OperationState
from seawall_ops.failover.plans.fencing import Fencing, FencingState
from seawall_ops.failover.plans.name_step import MoveName
from seawall_ops.failover.plans.places import LiveTopology, PlaceUnavailable
from seawall_ops.failover.plans.servers import FenceLook, MemberUnreachable
from seawall_ops.failover.plans.standing import Standing, announced, published, standing_of, taken_back
from seawall_ops.steps import Context, PointOfNoReturn, Result
from seawall_ops.steps.phases import Call

WORD = "2 of 3 domains knew it"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def context(world: World) -> Context:
    return Call(OPERATION, {}, Holding(), 60.0, clock=world, sleep=world.sleep)


def server(world: World, name: str) -> dict[str, Any]:
    return dict(world.read()["servers"][name])


def stopped_before_the_promotion(world: World, **asked: Any) -> None:
    """One that was not confirmed: announced and fenced."""
    assert Runs(world, confirm=lambda _: False).operation(**asked).run().end == "stopped"


# ---- halves of a fence


class HalfFenced(Servers):
    """The network is cut, and then the call that ends sessions is denied; to lift it takes two tries."""

    lifts = 0

    def fence(self, member: str) -> None:
        self._set(member, "cut", cut=True)
        raise MemberUnreachable(member, "the reboot was denied")

    def lift(self, member: str) -> None:
        self.lifts += 1
        if self.lifts == 1:
            raise MemberUnreachable(member, "no answer in time")
        super().lift(member)


def test_a_fence_that_is_half_there_is_lifted_by_the_undo(world: World):
    """It is not closed, so it looks as before; new clients of the old writer would be kept out for good."""
    runs = Runs(world, servers=HalfFenced(world))
    result = runs.operation(epoch_lease_seconds=None, unfenced_because="never mind").run()
    assert result.end == "stuck"
    assert "fence: undo: eu-west-1 cannot be reached: no answer in time" in result.because
    assert server(world, OLD)["cut"], "it is no end while half of a fence is there"
    assert runs.operation(epoch_lease_seconds=None, unfenced_because="never mind").resume().end == "undone"
    assert not server(world, OLD)["cut"]
    assert world.ledger.open is None


@pytest.mark.parametrize(("writer", "end", "fenced"), [("elsewhere", "stuck", True), (OLD, "stuck", False)])
def test_an_old_writer_is_not_let_go_once_somebody_has_published_another_one(
    world: World, writer: str, end: str, fenced: bool
):
    """There would be two. Where the old one was published again, it is: only the ledger is left for a person to end."""
    stopped_before_the_promotion(world)
    world.set(places__us_east_1=dump(live(writer=writer)))
    result = Runs(world).operation().undo("no")
    assert result.end == end
    assert "roles have changed since the decision: epoch 9 (by hand)" in result.because
    assert server(world, OLD)["fenced"] is fenced
    assert world.live() == live(writer=writer)


# ---- people who act by hand


def test_a_candidate_that_somebody_promotes_meanwhile_is_verified_like_any_other(world: World):
    """The name moves to a writer that has taken a write, whoever promoted it; and to pass is asked for all the same."""
    asked: list[str] = []

    def confirm(point: PointOfNoReturn) -> bool:
        asked.append(point.step)
        return True

    promoted = {"servers__eu_central_1__writes": True, "servers__eu_central_1__timeline": 4}
    runs = Runs(world, confirm=confirm, on={("fence", "verify", "done"): lambda: world.set(**promoted)})
    assert runs.operation().run().end == "done"
    assert server(world, NEW)["tried"]
    assert asked == ["promote"]
    assert world.read()["broken"] == []


def test_an_operation_that_a_person_has_ended_promotes_nothing(world: World):
    """By hand, in the ledger, while it waited: what it has announced is taken back, and its end stays the person's."""
    stopped_before_the_promotion(world)
    world.surroundings().board.change(lambda ledger: ledger.ended(OPERATION, OperationState.FAILED, fence=7))
    result = Runs(world).operation().resume()
    assert result.end == "stuck"
    assert "open: cannot tell whether it was applied: " in result.because
    assert "somebody has ended it: operation failover-1 of observer-1 is failed" in result.because
    assert not server(world, NEW)["writes"]
    assert not server(world, OLD)["fenced"]
    assert [each.state for each in world.ledger.operations] == [OperationState.FAILED]


def test_a_holder_of_a_later_lease_keeps_an_earlier_one_from_opening(world: World):
    """Fences only grow."""
    entry = Entry(id="theirs", opened_by="x", automatic=False, fence=9, epoch=4, target="y", reason="z")
    world.surroundings().board.change(
        lambda ledger: ledger.opened(entry).ended("theirs", OperationState.UNDONE, fence=9)
    )
    result = Runs(world).operation().run()
    assert result.end == "undone"
    assert result.because == (
        "open: apply: fence = 7: at least 9, because operation theirs had that: the lease was taken over since"
    )
    assert [each.id for each in world.ledger.operations] == ["theirs"]


def test_a_lease_that_is_lost_while_it_waits_for_the_epoch_stops_it_before_the_promotion(world: World):
    """Whoever has it now acts: this process writes nothing more."""

    @dataclass
    class Lost:
        fence: int = 7
        held: bool = True

        def check(self) -> None:
            if not self.held or world.monotonic() > TTL / 2:
                raise InvalidInput("lease", "lost", allowed="held")

    world.set(**GONE)
    result = Runs(world, guard=Lost()).operation(lag_accepted_because=WORD).run()
    assert result.end == "stopped"
    assert "lost" in result.because
    assert world.monotonic() < TTL
    assert not server(world, NEW)["writes"]


def test_without_a_lease_nothing_is_opened(world: World):
    """No write without a number that a later one is above."""
    result = Runs(world, guard=None).operation().run()
    assert (result.end, result.because) == (
        "undone",
        "open: apply: a failover is run under a lease, and there is none",
    )
    assert world.ledger.operations == ()


def test_a_writer_cannot_move_where_no_servers_are_known(world: World):
    """Settings that name none."""
    runs = Runs(world, around={"servers": None})
    assert runs.operation().run().because == "open: precheck: a writer is to move, and no servers are known"


# ---- the old writer is back


def test_a_fence_that_does_not_hold_promotes_nothing(world: World):
    """It was fenced again, and is open again: somebody else lifts it, or it fences nothing."""

    class Open(Servers):
        def fence(self, member: str) -> None:
            """Says so, and does nothing."""

    stopped_before_the_promotion(world)
    world.set(servers__eu_west_1__fenced=False)
    result = Runs(world, servers=Open(world)).operation().resume()
    assert result.end == "stuck"
    assert f"{OLD} cannot be reached: it was fenced again, and is not: {OLD} is open" in result.because
    assert not server(world, NEW)["writes"]
    assert Runs(world).operation().resume().end == "done"


def test_once_a_promotion_was_begun_a_lag_that_grows_keeps_nothing_back(world: World):
    """The old writer died since, and there is no way back: to refuse would leave nobody to write to."""

    class Refuses(Servers):
        def promote(self, member: str) -> None:
            raise MemberUnreachable(member, "no answer in time")

    assert Runs(world, servers=Refuses(world)).operation().run().end == "stuck"
    world.set(servers__eu_west_1__alive=False, servers__eu_central_1__lag=3600.0)
    assert Runs(world).operation().resume().end == "done"
    assert world.read()["broken"] == []


# ---- the fence by itself


def test_time_counts_only_from_a_sight_of_the_announcement_and_only_while_it_stands(world: World):
    """A silent arbiter has shown nothing; one that shows the old roles again takes the sight back."""
    world.set(**GONE)
    asked = handover()
    fencing = Fencing(asked, world.surroundings())
    world.set(silent=[OLD, ARBITER], places__us_east_1=dump(announced(asked, OPERATION, STARTED)))
    assert fencing.look(OPERATION).left_seconds == TTL
    world.sleep(10 * TTL)
    assert (fencing.look(OPERATION).state, fencing.look(OPERATION).left_seconds) == (FencingState.WAITING, TTL)
    world.set(silent=[OLD])
    assert fencing.look(OPERATION).left_seconds == TTL
    world.sleep(TTL - 1)
    assert fencing.look(OPERATION).left_seconds == 1.0
    world.set(silent=[OLD, ARBITER])
    world.sleep(1)
    assert fencing.look(OPERATION).state is FencingState.EXPIRED
    world.set(silent=[OLD], places__us_east_1=dump(taken_back(asked, OPERATION, STARTED)))
    assert fencing.look(OPERATION).state is FencingState.WAITING


def test_a_fence_that_cannot_be_told_is_none(world: World):
    """A role that does not see every session, for instance: no promotion on a guess."""

    class Blind(Servers):
        def fence_of(self, member: str) -> FenceLook:
            raise StepRefused(f"{member}: whose sessions there are is not shown")

    result = Runs(world, servers=Blind(world)).operation().run()
    assert result.because == f"open: precheck: {OLD}: whose sessions there are is not shown"
    assert world.ledger.operations == ()


# ---- the promotion


def test_without_its_announcement_nothing_is_promoted(world: World):
    """Somebody has deleted the arbiter's document: apps may have the old writer's epoch again."""
    stopped_before_the_promotion(world)
    world.set(places__us_east_1=None, places__eu_west_1=None, places__eu_central_1=None)
    result = Runs(world).operation().resume()
    assert (result.end, result.because) == ("undone", "promote: precheck: the old writer's epoch is not announced")
    assert not server(world, NEW)["writes"]
    assert not server(world, OLD)["fenced"]


def test_who_has_handed_over_stays_fenced_in_the_ledger_with_the_lost_region(world: World):
    """In the same write that ends the operation: a cool-down never begins without it."""
    assert Runs(world).operation().run().end == "done"
    assert set(world.ledger.fenced) == {OLD}
    assert world.ledger.open is None


@pytest.mark.parametrize(
    ("after", "line"),
    [
        ({"writes": False}, f"{NEW} is a replica still"),
        (
            {"writes": True, "timeline": 3},
            f"{NEW} is on timeline 3, and was on 3 before: a later one follows a promotion",
        ),
        ({"writes": True, "timeline": 4, "system_id": 8}, f"{NEW} is of another cluster than before"),
    ],
    ids=["replica", "timeline", "cluster"],
)
def test_a_promotion_is_believed_when_it_is_seen(world: World, after: dict[str, Any], line: str):
    """In one line of what is missing; nothing is published before."""

    class Strange(Servers):
        def promote(self, member: str) -> None:
            self._set(member, "promote", **after)

    result = Runs(world, servers=Strange(world)).operation().run()
    assert result.end == "stuck"
    assert line in result.because
    found = world.live()
    assert found is not None
    assert standing_of(found, handover(), OPERATION) is Standing.ANNOUNCED
    assert world.read()["switch"] is None


# ---- what apps are told


class Deaf(Place):
    """Answers, and does not take what is written."""

    def write(self, live: Live) -> None:
        raise PlaceUnavailable(self.where, f"epoch {live.epoch} was refused")


def test_a_region_that_answers_and_does_not_take_its_copy_is_waited_for_and_then_said(world: World):
    """Its apps would go on with the old roles; once it takes it, resuming is enough."""
    deaf = LiveTopology(Place(world, ARBITER), [Deaf(world, OLD), Place(world, NEW)])
    result = Runs(world, around={"live": deaf}).operation().run()
    assert result.end == "stuck"
    assert f"place {OLD} cannot be asked: it answers, and has not taken its copy within 30 s" in result.because
    assert world.monotonic() >= 30.0
    assert world.read()["switch"] is None
    assert Runs(world).operation().resume().end == "done"
    assert world.live(OLD) == world.live()


def test_a_region_that_comes_back_right_after_publishing_keeps_nothing_waiting(world: World):
    """Silent while copies were written, it is behind when they are looked at: the arbiter's is the one that counts."""
    world.set(silent=[OLD])
    runs = Runs(world, on={("publish", "apply", "done"): lambda: world.set(silent=[])})
    assert runs.operation().run().end == "done"
    assert world.live(OLD) is None
    assert world.surroundings().live.read() == world.live(NEW)


class LosesAnswers(Place):
    """Takes what is written; nobody hears of it."""

    def write(self, live: Live) -> None:
        super().write(live)
        raise PlaceUnavailable(self.where, "the answer was lost")


def test_an_arbiter_whose_answers_are_lost_has_been_told(world: World):
    """What counts is what is seen; the copies follow."""
    lossy = LiveTopology(LosesAnswers(world, ARBITER), [Place(world, OLD), Place(world, NEW)])
    result = Runs(world, around={"live": lossy}).operation().run()
    assert result.end == "stuck"  # copies are behind: the roles were published, and their writing was not gone through
    assert standing_of(world.live(), handover(), OPERATION) is Standing.PUBLISHED
    assert Runs(world).operation().resume().end == "done"
    assert world.live(OLD) == world.live(NEW) == world.live()


def test_the_name_moves_to_what_is_published_and_takes_writes(world: World):
    """Whatever stands in the journal: both are looked at right before."""
    step = MoveName(handover(), world.surroundings(), Switch(world))
    with pytest.raises(StepRefused, match="the new roles are not published"):
        step.precheck(context(world))
    world.set(places__us_east_1=dump(published(handover(), OPERATION, STARTED)))
    with pytest.raises(StepRefused, match=f"^{NEW} takes no writes$"):
        step.precheck(context(world))
    world.set(servers__eu_central_1__writes=True)
    step.precheck(context(world))
    assert world.read()["switch"] is None


@pytest.mark.parametrize("before", [None, OLD])
def test_a_region_without_a_writer_that_moves_goes_back_as_it_was(world: World, before: str | None):
    """Until it is closed: a later epoch with the old roles, and the switch as it stood."""
    world.set(no_database=True, switch=before)

    def refuse(_: PointOfNoReturn) -> bool:
        return False

    assert Runs(world, confirm=refuse).operation(**ENDPOINT).run().end == "stopped"
    assert world.read()["switch"] == NEW
    assert Runs(world).operation(**ENDPOINT).undo("the others were right").end == "undone"
    assert world.read()["switch"] == before
    found = world.live()
    assert found is not None
    assert (found.epoch, found.primary_region, found.writer) == (6, OLD, None)
    again = Runs(world).operation(**ENDPOINT).resume()
    assert again.end == "undone"


def test_a_plan_is_not_resumed_against_other_servers(world: World):
    """Its digest has the places that it works on."""
    stopped_before_the_promotion(world)

    class Others(Servers):
        where = "other servers"

    with pytest.raises(InvalidInput, match="the steps and inputs with which operation failover-1 was begun"):
        Runs(world, servers=Others(world)).operation().resume()


def test_steps_that_are_so_already_are_left_alone_without_a_journal(world: World):
    """A lost journal: everything is found as it is, and nothing is changed."""
    result: Result = Runs(world).operation().run()
    assert result.end == "done"
    before = str(world.read())
    MemoryJournals.kept.pop((world.path.parent, OPERATION))
    again = Runs(world).operation().run()
    assert again.end == "done"
    assert {each.status.value for each in again.steps} == {"already so"}
    assert str(world.read()) == before
