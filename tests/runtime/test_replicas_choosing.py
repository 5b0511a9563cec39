"""Which server a read goes to: lag, waits, fallbacks, sessions."""

import threading
import time
from typing import Any

import anyio
import pytest

from replica_world import COMMIT_BYTES, SYSTEM, World
from seawall.errors import NoReaderAvailable, WriteLost
from seawall.replicas import (
    Bounded,
    ChoiceReason,
    ConsistencyToken,
    DatabaseServer,
    FallbackPolicy,
    LagPolicy,
    Observation,
    ReaderState,
    ReadYourWrites,
    ReplicaRouter,
    TimeToken,
    WriterOnly,
    consistency_scope,
    observe_mysql,
    use_writer,
)
from seawall.testing import FakeClock

AT_ONCE = ReadYourWrites(wait_seconds=0.0)


def router_of(world: World, clock: FakeClock, **more: Any) -> ReplicaRouter:
    more.setdefault("consistency", AT_ONCE)
    router = ReplicaRouter(world.writer, world.readers, gauge=world, clock=clock, **more)
    router.measure()
    return router


def states(router: ReplicaRouter) -> dict[str, ReaderState]:
    return {each.server.name: each.state for each in router.snapshot().servers}


def keep_up(world: World, router: ReplicaRouter, clock: FakeClock, seconds: int, *, behind: str = "") -> None:
    """A second at a time: the writer writes, all replicas but one follow, everybody is measured."""
    for _ in range(seconds):
        clock.advance(1.0)
        world.commit("a")
        for name in ("b", "c"):
            if name != behind:
                world.replay(name, "a")
        router.measure()


# Lag


def test_a_replica_that_does_not_replay_is_left_out_and_comes_back(world: World, clock: FakeClock) -> None:
    """`pg_wal_replay_pause()`, or a query that holds replay back: its data grow old although it answers."""
    router = router_of(world, clock)
    keep_up(world, router, clock, 9, behind="b")
    assert states(router)["b"] is ReaderState.FRESH
    keep_up(world, router, clock, 3, behind="b")
    assert states(router)["b"] is ReaderState.LAGGING
    lag = {each.server.name: (each.lag_seconds, each.lag_bytes) for each in router.snapshot().servers}
    assert lag == {"a": (0.0, 0), "b": (pytest.approx(12.0), 12 * COMMIT_BYTES), "c": (0.0, 0)}
    assert {router.pick_reader().server.name for _ in range(20)} == {"c"}
    keep_up(world, router, clock, 1)
    assert states(router)["b"] is ReaderState.FRESH


def test_an_idle_writer_makes_nobody_lag(world: World, clock: FakeClock) -> None:
    """On an idle source RDS' ReplicaLag and `pg_last_xact_replay_timestamp()` report minutes; positions do not."""
    router = router_of(world, clock)
    for _ in range(300):
        clock.advance(1.0)
        router.measure()
    assert states(router) == {"a": ReaderState.WRITER, "b": ReaderState.FRESH, "c": ReaderState.FRESH}


def test_a_limit_in_bytes_counts_as_well(world: World, clock: FakeClock) -> None:
    """A burst that takes minutes to replay is far behind before it is long behind."""
    router = router_of(world, clock, lag=LagPolicy(max_lag_bytes=3 * COMMIT_BYTES))
    for _ in range(4):
        world.commit("a")
    world.replay("c", "a")
    router.measure()
    assert states(router)["b"] is ReaderState.LAGGING
    assert states(router)["c"] is ReaderState.FRESH


def test_a_failed_measurement_means_unknown_after_a_while_and_unknown_is_not_fresh(
    world: World, clock: FakeClock
) -> None:
    """The last verdict stands for `verdict_ttl_seconds`, whether or not anybody measures on (proxysql#3340, #3897)."""
    router = router_of(world, clock)
    world.servers["b"].up = False
    clock.advance(5.0)
    router.measure()
    assert states(router)["b"] is ReaderState.FRESH
    clock.advance(0.1)
    assert states(router)["b"] is ReaderState.UNKNOWN
    clock.advance(5.1)
    assert states(router) == {"a": ReaderState.WRITER, "b": ReaderState.UNKNOWN, "c": ReaderState.UNKNOWN}


def test_a_lost_connection_means_unknown_until_it_is_measured_again(world: World, clock: FakeClock) -> None:
    """What comes back may be another incarnation; nobody needs to wait for the old verdict to run out."""
    router = router_of(world, clock)
    router.suspect("b")
    assert states(router)["b"] is ReaderState.UNKNOWN
    router.measure("b")
    assert states(router)["b"] is ReaderState.FRESH


def test_readers_go_on_while_the_writer_is_lost(world: World, clock: FakeClock) -> None:
    """Those that have all that the writer was last seen to have serve; one that was behind already does not."""
    router = router_of(world, clock)
    keep_up(world, router, clock, 2, behind="c")
    world.servers["a"].up = False
    for _ in range(60):
        clock.advance(1.0)
        router.measure()
    assert states(router)["b"] is ReaderState.FRESH
    assert states(router)["c"] is ReaderState.LAGGING
    assert router.pick_reader(consistency=Bounded(max_lag_seconds=5)).server.name == "b"
    with pytest.raises(
        NoReaderAvailable, match="nobody knows how old the readers are, and the writer a was not reached"
    ):
        router.pick_reader(consistency=Bounded(max_lag_seconds=5, when_writer_lost="refuse"))


def test_a_server_of_another_cluster_is_not_read_from(world: World, clock: FakeClock) -> None:
    """A wrong address in a file, or a restored copy: its rows look right and are not ours."""
    router = router_of(world, clock)
    real = world.measure

    def measured(server: DatabaseServer, timeout_seconds: float) -> Observation:
        if server.name == "b":
            return Observation(in_recovery=True, system_id=1, timeline=1, position=2**20)
        return real(server, timeout_seconds)

    world.measure = measured
    router.measure()
    assert states(router)["b"] is ReaderState.FOREIGN


def test_a_replica_that_follows_an_old_writer_is_not_read_from(world: World, clock: FakeClock) -> None:
    """After a promotion RDS' other replicas go on following the old source: what they replay is another history."""
    router = router_of(world, clock)
    world.commit("a")
    world.replay("c", "a")
    world.servers["a"].up = False
    world.promote("b")
    for _ in range(3):
        router.measure()
    assert states(router)["c"] is ReaderState.DIVERGED


# Sessions


def test_a_read_sees_what_its_session_wrote(world: World, clock: FakeClock) -> None:
    """A reader that has it is chosen, and nobody else (advanced-alchemy 1.12 forgets at the commit)."""
    router = router_of(world, clock)
    _, token = world.commit("a")
    world.replay("c", "a")
    router.measure()
    with consistency_scope(token):
        assert {router.pick_reader().server.name for _ in range(20)} == {"c"}
    assert {router.pick_reader().server.name for _ in range(50)} == {"b", "c"}


def test_the_writer_reads_when_no_reader_has_it(world: World, clock: FakeClock) -> None:
    """And the reason is told from a missing reader."""
    router = router_of(world, clock)
    _, token = world.commit("a")
    with consistency_scope(token):
        route = router.pick_reader()
    assert (route.server.name, route.reason, route.read_only) == ("a", ChoiceReason.BEHIND, True)
    assert router.snapshot().fallbacks == 1


def test_a_reader_that_is_known_to_have_it_is_not_asked_again(world: World, clock: FakeClock) -> None:
    """Positions only grow: a cached one that covers the token is enough."""
    router = router_of(world, clock)
    world.measured.clear()
    with consistency_scope(ConsistencyToken(SYSTEM, 1, 1024 * 1024)):
        router.pick_reader()
    assert world.measured == []


def test_a_session_stays_with_its_reader(world: World, clock: FakeClock) -> None:
    """With another one it might go back in time; when it is out, any other will do."""
    router = router_of(world, clock)
    with consistency_scope():
        first = router.pick_reader().server.name
        assert {router.pick_reader().server.name for _ in range(50)} == {first}
        other = router.pick_reader(exclude=[first]).server.name
        assert other != first
        assert {router.pick_reader().server.name for _ in range(50)} == {other}


def test_a_lost_write_is_told_once_and_then_the_session_goes_on(world: World, clock: FakeClock) -> None:
    """An asynchronous promotion lost it: never a silent old read, and never an app that is stuck."""
    router = router_of(world, clock)
    _, kept = world.commit("a")
    world.replay("b", "a")
    _, lost = world.commit("a")
    world.servers["a"].up = False
    world.promote("b")
    for _ in range(3):
        router.measure()
    with consistency_scope(kept):
        router.pick_reader()
    with consistency_scope(lost) as scope:
        with pytest.raises(
            WriteLost, match="is beyond what a promotion kept: timeline 2 goes back to timeline 1 at"
        ) as error:
            router.pick_reader()
        assert error.value.certain
        router.pick_reader()
        assert not scope.tokens
    assert router.snapshot().lost_writes == 1


def test_a_token_of_a_later_history_is_never_answered_from_an_earlier_one(world: World, clock: FakeClock) -> None:
    """Another process has seen a promotion that this one has not: it looks, and reads nothing old meanwhile."""
    router = router_of(world, clock, lag=LagPolicy(timeout_seconds=0.01))
    ticking = threading.Thread(target=lambda: [(clock.advance(0.001), time.sleep(0.0005)) for _ in range(100)])
    ticking.start()
    with consistency_scope(ConsistencyToken(SYSTEM, 2, 2**20)), pytest.raises(NoReaderAvailable, match="later history"):
        router.pick_reader()
    ticking.join()


def test_nothing_is_known_before_the_first_measurement_and_sessions_read_at_the_writer(
    world: World, clock: FakeClock
) -> None:
    """Without a history to compare with, only the writer is sure to have what was written."""
    router = ReplicaRouter(world.writer, world.readers, clock=clock)
    with consistency_scope(ConsistencyToken(SYSTEM, 1, 1)):
        assert router.pick_reader().server.name == "a"
    assert router.pick_reader().server.name in ("b", "c")


def test_moments_stand_in_for_positions_that_do_not_compare(clock: FakeClock) -> None:
    """MySQL and Aurora: a reader qualifies when what it shows is later than the write."""
    lag = {"a": None, "b": 5, "c": 0}

    class Moments:
        def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
            behind = lag[server.name]
            return observe_mysql(0, None) if behind is None else observe_mysql(1, {"Seconds_Behind_Source": behind})

        def forget(self, server: DatabaseServer) -> None: ...

    router = ReplicaRouter(
        DatabaseServer("a"),
        [DatabaseServer("b"), DatabaseServer("c")],
        gauge=Moments(),
        consistency=AT_ONCE,
        clock=clock,
    )
    router.measure()
    now = time.time()
    with consistency_scope(TimeToken(now - 3)):
        assert {router.pick_reader().server.name for _ in range(20)} == {"c"}
    with consistency_scope(TimeToken(now + 1)):
        assert router.pick_reader().server.name == "a"
    assert router.time_token().at_seconds >= now


# Waiting


@pytest.mark.parametrize("threads", [True, False])
def test_a_read_waits_for_a_replica_that_catches_up(world: World, threads: bool) -> None:
    """One poller hurries for all who wait; in a thread and in an event loop."""
    router = ReplicaRouter(world.writer, world.readers, gauge=world, consistency=ReadYourWrites(wait_seconds=5.0))
    with router:
        _, token = world.commit("a")
        catching_up = threading.Timer(0.05, lambda: world.replay("b", "a"))
        catching_up.start()
        with consistency_scope(token):
            route = router.pick_reader() if threads else anyio.run(router.apick_reader)
        catching_up.join()
    assert (route.server.name, route.reason) == ("b", ChoiceReason.WAITED)
    assert router.snapshot().waits == 1
    assert router.snapshot().waits_in_vain == 0


@pytest.mark.parametrize("threads", [True, False])
def test_a_wait_ends_and_the_writer_reads(world: World, threads: bool) -> None:
    """The limit is kept, and counted."""
    router = ReplicaRouter(world.writer, world.readers, gauge=world, consistency=ReadYourWrites(wait_seconds=0.05))
    with router:
        _, token = world.commit("a")
        with consistency_scope(token):
            route = router.pick_reader() if threads else anyio.run(router.apick_reader)
    assert (route.server.name, route.reason) == ("a", ChoiceReason.BEHIND)
    assert router.snapshot().waits_in_vain == 1


# Fallbacks


def test_the_writer_takes_only_so_many_reads_in_place_of_the_readers(world: World, clock: FakeClock) -> None:
    """Without a limit the loss of the readers becomes the loss of the writer."""
    router = router_of(world, clock, fallback=FallbackPolicy(max_concurrent=2))
    for name in ("b", "c"):
        router.suspect(name)
    routes = [router.pick_reader() for _ in range(2)]
    assert [each.reason for each in routes] == [ChoiceReason.NO_READER] * 2
    with pytest.raises(NoReaderAvailable, match="max_concurrent = 2") as error:
        router.pick_reader()
    assert "b is unknown, c is unknown" in str(error.value)
    routes.pop().success()
    del routes[:]  # a route that is dropped without a word is over as well
    for _ in range(2):
        router.pick_reader()


def test_the_writers_share_of_the_reads_is_limited(world: World, clock: FakeClock) -> None:
    """At low rates a share means nothing; above, fallbacks beyond it are refused until the window has moved on."""
    policy = FallbackPolicy(max_share_ratio=0.5, always_allowed=5, window_seconds=10.0)
    router = router_of(world, clock, fallback=policy)
    for _ in range(10):
        router.pick_reader().success()
    router.measure()
    for name in ("b", "c"):
        router.suspect(name)
    for _ in range(10):
        router.pick_reader().success()
    with pytest.raises(NoReaderAvailable, match="52% of the reads of the last 10 s would be the writer's"):
        router.pick_reader()
    clock.advance(12.0)
    router.pick_reader()


def test_a_share_of_0_never_burdens_the_writer(world: World, clock: FakeClock) -> None:
    """Some would rather fail their reports than their orders."""
    router = router_of(world, clock, fallback=FallbackPolicy(max_share_ratio=0.0, always_allowed=0))
    for name in ("b", "c"):
        router.suspect(name)
    with pytest.raises(NoReaderAvailable, match="max_share_ratio = 0"):
        router.pick_reader()


# Preferences


def test_the_nearest_readers_are_used_first(clock: FakeClock) -> None:
    """Reads stay in the region, and spill over when it has no fit reader."""
    world = World(("a", "b", "c"))
    readers = [DatabaseServer("b", region="tokyo"), DatabaseServer("c", region="osaka")]
    router = ReplicaRouter(
        DatabaseServer("a", region="tokyo"), readers, gauge=world, region="osaka", consistency=AT_ONCE, clock=clock
    )
    router.measure()
    assert {router.pick_reader().server.name for _ in range(50)} == {"c"}
    router.suspect("c")
    assert {router.pick_reader().server.name for _ in range(50)} == {"b"}


def test_a_reader_of_weight_0_is_drained(world: World, clock: FakeClock) -> None:
    """Draining is a weight, as in the selector (proxysql#893: drain, do not kill)."""
    router = router_of(world, clock)
    router._core.told(DatabaseServer("a"), [DatabaseServer("b", weight=0), DatabaseServer("c")], 0)
    router.measure()
    assert {router.pick_reader().server.name for _ in range(50)} == {"c"}


def test_use_writer_and_writer_only_read_at_the_writer(world: World, clock: FakeClock) -> None:
    """By scope, by call and by router; read-only all the same."""
    router = router_of(world, clock)
    with use_writer():
        routes = [router.pick_reader()]
    routes.append(router.pick_reader(consistency=WriterOnly()))
    with consistency_scope(consistency=WriterOnly()):
        routes.append(router.pick_reader())
        assert not router.pick_reader(consistency=AT_ONCE).is_writer, "what a call says comes first"
    routes.append(router_of(world, clock, consistency=WriterOnly()).pick_reader())
    assert [(each.server.name, each.reason, each.read_only) for each in routes] == [
        ("a", ChoiceReason.ASKED, False)
    ] * 4


def test_bounded_reads_go_to_replicas_within_the_bound(world: World, clock: FakeClock) -> None:
    """Tighter than the policy's own limit, and nothing is promised about one's own writes."""
    router = router_of(world, clock)
    keep_up(world, router, clock, 5, behind="b")
    _, token = world.commit("a")
    with consistency_scope(token, consistency=Bounded(max_lag_seconds=3)):
        assert {router.pick_reader().server.name for _ in range(50)} == {"c"}
    assert {router.pick_reader(consistency=Bounded(max_lag_seconds=9)).server.name for _ in range(50)} == {"b", "c"}
