"""Who the writer is: promotions that are followed, and those that are not."""

from typing import Any

import pytest

from replica_world import World
from seawall.errors import InvalidInput, NoReaderAvailable, NoWriterAvailable, TwoWriters, WriterFenced
from seawall.events import Event
from seawall.replicas import (
    ConsistencyToken,
    DatabaseServer,
    EpochLease,
    LagPolicy,
    ReaderState,
    ReadYourWrites,
    ReplicaRouter,
    WriterChanged,
    WriterOnly,
    WriterTrouble,
    consistency_scope,
)
from seawall.testing import FakeClock

AT_ONCE = ReadYourWrites(wait_seconds=0.0)


def measured_often(router: ReplicaRouter) -> None:
    for _ in range(3):
        router.measure()


def events_of(router: ReplicaRouter) -> list[Event]:
    found: list[Event] = []
    router.events.subscribe(found.append)
    return found


def test_a_promotion_after_the_writers_death_is_followed(router: ReplicaRouter, world: World) -> None:
    """The new writer is found by probing; the pool of the old one is dropped as a whole (gpustack#6105)."""
    retired: list[DatabaseServer] = []
    router.on_retire(retired.append)
    events = events_of(router)
    world.servers["a"].up = False
    world.promote("b")
    measured_often(router)
    assert router.pick_writer().server.name == "b"
    assert [each.name for each in retired] == ["a"]
    [changed] = [each for each in events if isinstance(each, WriterChanged)]
    assert (changed.previous, changed.current, changed.reason, changed.generation) == ("a", "b", "observed", 1)


def test_one_failed_measurement_of_the_writer_does_not_make_another_one(router: ReplicaRouter, world: World) -> None:
    """A lost packet, and a replica that was promoted by mistake at the same moment: nobody is written to until the writer
    has been asked again; and then both write, so that nobody is."""
    world.servers["a"].up = False
    router.measure("a")
    world.servers["a"].up = True
    world.promote("b")
    router.measure("b")
    with pytest.raises(
        NoWriterAvailable, match="b takes writes since a moment ago, and a has not been asked again yet"
    ):
        router.pick_writer()
    router.measure("a")
    with pytest.raises(TwoWriters, match="a and b take writes at the same time"):
        router.pick_writer()


def test_a_replica_that_is_promoted_by_mistake_stops_all_writes_and_says_so(
    router: ReplicaRouter, world: World
) -> None:
    """Two writers: whichever is chosen, the other one's writes are lost later. An operator says which one it is."""
    events = events_of(router)
    world.promote("b")
    measured_often(router)
    with pytest.raises(TwoWriters, match="a and b take writes at the same time"):
        router.pick_writer()
    assert [each.rivals for each in events if isinstance(each, WriterTrouble)][-1] == ("a", "b")
    assert router.snapshot().trouble is not None
    router.settle("a")
    measured_often(router)
    assert router.pick_writer().server.name == "a"
    states = {each.server.name: each.state for each in router.snapshot().servers}
    assert states == {"a": ReaderState.WRITER, "b": ReaderState.STRAY, "c": ReaderState.FRESH}
    with pytest.raises(InvalidInput, match="writer = d: one of a, b, c"):
        router.settle("d")


def test_reads_go_on_while_two_servers_write(router: ReplicaRouter, world: World) -> None:
    """A quarrel about writes is none about reads: the replica of the writer that was known is as good as before."""
    world.promote("b")
    measured_often(router)
    assert router.pick_reader().server.name == "c"


def test_a_mistaken_writer_that_vanishes_does_not_end_the_quarrel(router: ReplicaRouter, world: World) -> None:
    """Others may still reach it. Once it is a replica again, or somebody has decided, writing goes on."""
    world.promote("b")
    measured_often(router)
    world.servers["b"].up = False
    measured_often(router)
    with pytest.raises(TwoWriters):
        router.pick_writer()
    world.rebuild("b", "a")
    measured_often(router)
    assert router.pick_writer().server.name == "a"


def test_a_demoted_writer_that_comes_back_is_never_written_to(router: ReplicaRouter, world: World) -> None:
    """It returns as it was, takes writes, and is in an earlier timeline (repmgr#496): it stays out until it is rebuilt."""
    world.servers["a"].up = False
    world.promote("b")
    measured_often(router)
    world.servers["a"].up = True
    measured_often(router)
    assert router.pick_writer().server.name == "b"
    assert {each.server.name: each.state for each in router.snapshot().servers}["a"] is ReaderState.STRAY
    assert all(router.pick_reader().server.name != "a" for _ in range(20))
    world.rebuild("a", "b")
    measured_often(router)
    assert {each.server.name: each.state for each in router.snapshot().servers}["a"] is ReaderState.FRESH


def test_a_new_process_beside_an_old_writer_that_came_back(world: World, clock: FakeClock) -> None:
    """It has no memory; the timelines tell, if the configuration names the later one. If it names the earlier one, it may be
    the configuration that is old, and nobody is written to."""
    world.promote("b")
    a, b, c = (DatabaseServer(name) for name in ("a", "b", "c"))
    right = ReplicaRouter(b, [a, c], gauge=world, clock=clock)
    measured_often(right)
    assert right.pick_writer().server.name == "b"
    outdated = ReplicaRouter(a, [b, c], gauge=world, clock=clock)
    measured_often(outdated)
    with pytest.raises(TwoWriters):
        outdated.pick_writer()


def test_a_new_process_after_a_failover_that_nobody_told_it_of(world: World, clock: FakeClock) -> None:
    """Its configuration names a server that is dead: the promoted one is found."""
    world.servers["a"].up = False
    world.promote("b")
    router = ReplicaRouter(world.writer, world.readers, gauge=world, clock=clock)
    measured_often(router)
    assert router.pick_writer().server.name == "b"


def test_no_server_takes_writes(router: ReplicaRouter, world: World) -> None:
    """Demoted, and nobody promoted yet: one clear line, and reads go on."""
    world.rebuild("a", "b")
    measured_often(router)
    with pytest.raises(NoWriterAvailable, match="every server that answers is a replica"):
        router.pick_writer()
    assert router.pick_reader().server.name in ("b", "c")


def test_a_writer_that_is_gone_is_shown_as_writer_by_nobody(router: ReplicaRouter, world: World) -> None:
    """The alert on having no writer counts who is shown as one: dead, or demoted, and nobody has taken over."""

    def shown() -> set[str]:
        return {each.server.name for each in router.snapshot().servers if each.state is ReaderState.WRITER}

    assert shown() == {"a"}
    world.servers["a"].up = False
    measured_often(router)
    assert shown() == set()
    world.servers["a"].up = True
    measured_often(router)
    assert shown() == {"a"}
    world.rebuild("a", "b")
    measured_often(router)
    assert shown() == set()
    world.promote("b")
    measured_often(router)
    assert shown() == {"b"}


def test_a_server_of_another_history_is_no_successor(router: ReplicaRouter, world: World) -> None:
    """A server that takes writes in the same timeline was not promoted from a replica: it is a restored copy."""
    world.servers["a"].up = False
    world.servers["b"].writes = True
    measured_often(router)
    with pytest.raises(NoWriterAvailable, match="b takes writes, but its history does not go on from a's"):
        router.pick_writer()


def test_a_later_epoch_of_the_topology_decides_and_an_earlier_one_does_not(router: ReplicaRouter, world: World) -> None:
    """A failover by operations is followed at once; an old copy of the document changes nothing."""
    events = events_of(router)
    world.promote("b")
    measured_often(router)
    a, b, c = (DatabaseServer(name) for name in ("a", "b", "c"))
    router._core.told(b, [a, c], 7)
    measured_often(router)
    assert router.pick_writer().server.name == "b"
    router._core.told(a, [b, c], 6)
    measured_often(router)
    assert router.pick_writer().server.name == "b"
    changes = [(each.current, each.reason, each.epoch) for each in events if isinstance(each, WriterChanged)]
    assert changes == [("b", "topology", 7)]


def test_servers_come_and_go_with_the_topology(router: ReplicaRouter, world: World) -> None:
    """A member that is added is measured and read from; one that is taken away is forgotten, and its pool dropped."""
    retired: list[DatabaseServer] = []
    router.on_retire(retired.append)
    world.servers["d"] = world.servers["c"]
    router._core.told(DatabaseServer("a"), [DatabaseServer("b"), DatabaseServer("d")], 0)
    router.measure()
    assert {each.name for each in router.servers} == {"a", "b", "d"}
    assert {router.pick_reader().server.name for _ in range(50)} == {"b", "d"}
    assert [each.name for each in retired] == ["c"]


def test_a_replica_that_lost_its_source_is_still_in_the_timeline_that_it_was_in(
    router: ReplicaRouter, world: World
) -> None:
    """Only the connection to its source tells a replica's timeline; without it an earlier one is named, and the replica would
    be taken for one of another history just when the writer is gone, and all it has for lost after its promotion."""
    world.servers["a"].up = False
    world.promote("b")
    _, token = world.commit("b")
    world.replay("c", "b")
    measured_often(router)
    world.servers["b"].up = False
    world.servers["c"].tells_timeline = False
    measured_often(router)
    assert {each.server.name: each.state for each in router.snapshot().servers}["c"] is ReaderState.FRESH
    world.promote("c")
    measured_often(router)
    assert router.pick_writer().server.name == "c"
    with consistency_scope(token):
        assert router.pick_reader().server.name == "c"


# Self-fencing


def leased(world: World, clock: FakeClock, sight: list[tuple[int, float]]) -> ReplicaRouter:
    router = ReplicaRouter(
        world.writer,
        world.readers,
        gauge=world,
        consistency=AT_ONCE,
        lease=EpochLease(ttl_seconds=30, margin_seconds=3),
        lag=LagPolicy(verdict_ttl_seconds=1000, max_lag_seconds=1000),
        clock=clock,
    )
    router._core.sight = lambda: sight[0] if sight else None
    router.measure()
    return router


def test_nothing_is_written_before_an_epoch_was_seen(world: World, clock: FakeClock) -> None:
    """A lease that was never given is not one that lasts for ever."""
    with pytest.raises(WriterFenced, match="no epoch was seen yet"):
        leased(world, clock, []).pick_writer()


def test_an_isolated_process_stops_writing_before_its_epoch_can_be_outrun(world: World, clock: FakeClock) -> None:
    """The time counts from when the reading began, and ends a margin early; a promotion that waits for `ttl_seconds` can
    rely on it (cloudnative-pg#7407: isolated writers kept writing)."""
    sight = [(4, 1000.0)]
    router = leased(world, clock, sight)
    clock.advance(26.999)
    assert router.pick_writer().server.name == "a"
    clock.advance(0.002)
    with pytest.raises(WriterFenced, match="epoch 4 was not seen for so long that another one may have begun"):
        router.pick_writer()
    assert router.pick_reader().server.name in ("b", "c"), "reads go on"
    sight[0] = (4, 1026.0)
    assert router.pick_writer().server.name == "a", "seen again: writing goes on"


def test_an_old_copy_of_the_document_renews_nothing(world: World, clock: FakeClock) -> None:
    """A replica of a parameter may be behind: an epoch that was outrun is no lease."""
    sight = [(4, 1000.0)]
    router = leased(world, clock, sight)
    clock.advance(28)
    sight[0] = (3, 1027.0)
    with pytest.raises(WriterFenced):
        router.pick_writer()


def test_with_a_lease_only_the_topology_changes_the_writer(world: World, clock: FakeClock) -> None:
    """What servers say can stop writing, and cannot send it elsewhere: the promotion waits for the epoch to be outrun."""
    sight = [(4, 1000.0)]
    router = leased(world, clock, sight)
    world.servers["a"].up = False
    world.promote("b")
    measured_often(router)
    assert router.pick_writer().server.name == "a"
    sight[0] = (5, 1001.0)
    router._core.told(DatabaseServer("b"), [DatabaseServer("a"), DatabaseServer("c")], 5)
    assert router.pick_writer().server.name == "b"


def test_a_named_writer_that_is_not_promoted_yet_is_not_written_to(world: World, clock: FakeClock) -> None:
    """The document may be faster than the promotion."""
    router = leased(world, clock, [(5, 1000.0)])
    router._core.told(DatabaseServer("b"), [DatabaseServer("a"), DatabaseServer("c")], 5)
    router.measure()
    with pytest.raises(NoWriterAvailable, match="the topology names b, which is still a replica"):
        router.pick_writer()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"ttl_seconds": 0}, "ttl_seconds = 0: a number, above 0"),
        ({"ttl_seconds": 5, "margin_seconds": 5}, "margin_seconds = 5: below ttl_seconds = 5"),
        ({"margin_seconds": -1}, "margin_seconds = -1: a number, at least 0"),
    ],
)
def test_a_lease_that_fences_nothing_is_refused(values: dict[str, Any], line: str) -> None:
    """Bad input gets one line, when it is given."""
    with pytest.raises(InvalidInput) as refused:
        EpochLease(**values)
    assert str(refused.value) == line


def test_reads_from_a_writer_that_is_in_doubt_are_refused_too(router: ReplicaRouter, world: World) -> None:
    """With nobody to write to there is nobody to read the latest from: one line says why, with the state of each reader."""
    world.promote("b")
    measured_often(router)
    with (
        consistency_scope(ConsistencyToken(7_712_146_970_279_348_208, 1, 2**40)),
        pytest.raises(NoReaderAvailable) as no,
    ):
        router.pick_reader()
    assert "c is fresh" in str(no.value)
    assert "a and b take writes at the same time" in str(no.value)
    with pytest.raises(TwoWriters):
        router.pick_reader(consistency=WriterOnly())
