"""Each fault that replication has, made on real servers: what an app sees of it through the router and psycopg.

What goes wrong at replicas and in the network is here; writers that die, change or come back are in
`test_replicas_faults_writer`.
"""

from contextlib import ExitStack, closing

import psycopg
import pytest

from localcloud.postgres import PostgresServer, until
from localcloud.postgres_fleet import PostgresFleet
from replica_shop import HAS, Shop
from seawall.replicas import (
    Bounded,
    FallbackPolicy,
    NoReaderAvailable,
    ReaderState,
    ReadYourWrites,
    consistency_scope,
)

pytestmark = pytest.mark.xdist_group("postgres")

PATIENT = ReadYourWrites(wait_seconds=5.0)


def names(servers: list[PostgresServer]) -> set[str]:
    return {server.name for server in servers}


def fill(server: PostgresServer, crowd: ExitStack) -> None:
    """Take every connection that it has for ordinary users; raises when there is none left."""
    for _ in range(100):
        crowd.enter_context(closing(psycopg.connect(server.dsn())))


def test_a_read_right_after_a_commit_finds_the_row_at_a_replica(postgres_fleet: PostgresFleet) -> None:
    """advanced-alchemy: sticky until commit only, so that a read right after it misses the row."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        for number in range(30):
            with consistency_scope():
                shop.place(number)
                server, there = shop.look(number)
                assert there
                assert server in names(shop.others)


def test_a_paused_replica_is_not_read_by_who_wrote_and_by_nobody_once_it_lags(postgres_fleet: PostgresFleet) -> None:
    """The commonest fault: a replica that answers, from the past."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        paused, other = shop.others
        paused.pause_replay()
        for number in range(10):
            with consistency_scope():
                shop.place(number)
                assert shop.look(number) == (other.name, True)

        shop.await_state(paused, ReaderState.LAGGING)
        assert {shop.visit(0)[0] for _ in range(10)} == {other.name}

        paused.resume_replay()
        shop.await_state(paused, ReaderState.FRESH)
        until(lambda: shop.visit(0)[0] == paused.name, "it is read from again")


def test_while_all_replicas_lag_the_writer_reads_up_to_a_limit(postgres_fleet: PostgresFleet) -> None:
    """Fallback without a limit drowns the writer, and then nothing works at all."""
    limit = FallbackPolicy(max_share_ratio=0.1, always_allowed=5, window_seconds=60.0)
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0), fallback=limit) as shop:
        for replica in shop.others:
            replica.pause_replay()
        shop.place(1)
        for replica in shop.others:
            shop.await_state(replica, ReaderState.LAGGING)
        assert [shop.visit(1) for _ in range(limit.always_allowed)] == [(shop.first.name, True)] * limit.always_allowed
        with pytest.raises(NoReaderAvailable, match=r"db\d is lagging, db\d is lagging; 100% of the reads"):
            shop.visit(1)


def test_no_read_fails_when_a_replica_is_killed(postgres_fleet: PostgresFleet) -> None:
    """advanced-alchemy: dead replicas stay in use."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        dead, other = shop.others
        shop.place(1)
        assert {shop.visit(1)[0] for _ in range(20)} == names(shop.others)  # connections are open to both
        dead.kill()
        assert {shop.visit(1)[0] for _ in range(40)} <= {other.name, shop.first.name}
        until(lambda: shop.state_of(dead) is ReaderState.UNKNOWN, "its verdict is too old")

        dead.start()
        shop.await_state(dead, ReaderState.FRESH)
        until(lambda: shop.visit(1)[0] == dead.name, "it is read from again")


def test_no_read_fails_when_the_network_to_a_replica_is_cut(postgres_fleet: PostgresFleet) -> None:
    """A cut resets what is open and refuses what is new; the server itself is well and in step."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        cut, other = shop.others
        shop.place(1)
        assert {shop.visit(1)[0] for _ in range(20)} == names(shop.others)  # connections are open to both
        shop.network[cut.name].cut()
        assert {shop.visit(1)[0] for _ in range(40)} == {other.name}

        shop.network[cut.name].restore()
        shop.await_state(cut, ReaderState.FRESH)
        until(lambda: shop.visit(1)[0] == cut.name, "it is read from again")


def test_a_replica_behind_a_black_hole_is_unknown_and_unknown_is_not_fresh(postgres_fleet: PostgresFleet) -> None:
    """proxysql#3340, #3897: a lag check that failed was taken for a lag of none."""
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0)) as shop:
        silent, other = shop.others
        shop.place(1)
        shop.network[silent.name].stall()
        shop.await_state(silent, ReaderState.UNKNOWN)

        assert {shop.visit(1)[0] for _ in range(20)} == {other.name}
        shop.network[silent.name].restore()
        shop.await_state(silent, ReaderState.FRESH)


def test_a_frozen_replica_is_unknown_too(postgres_fleet: PostgresFleet) -> None:
    """The kernel of a hung machine goes on taking packets, so that connecting to it succeeds for ever."""
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0)) as shop:
        frozen, other = shop.others
        shop.place(1)
        frozen.freeze()
        shop.await_state(frozen, ReaderState.UNKNOWN)

        assert {shop.visit(1)[0] for _ in range(20)} == {other.name}
        frozen.thaw()
        shop.await_state(frozen, ReaderState.FRESH)


def test_a_rebuilt_replica_is_not_taken_for_what_it_was(postgres_fleet: PostgresFleet) -> None:
    """Positions only grow within one incarnation: a cached one says nothing of a copy that is still catching up."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        rebuilt = shop.others[0]
        shop.place(1)
        assert shop.has(1)
        assert rebuilt.rebuild_as_replica(shop.first, afresh=True) == "copied"
        rebuilt.pause_replay()
        for number in range(2, 8):
            with consistency_scope():
                shop.place(number)
                assert shop.has(number)
        rebuilt.resume_replay()
        shop.await_state(rebuilt, ReaderState.FRESH)
        until(lambda: shop.visit(7)[0] == rebuilt.name, "it is read from again")


def test_a_full_pool_sends_the_read_to_the_next_server(postgres_fleet: PostgresFleet) -> None:
    """Spill-over: where no connection is free another server reads, and nobody calls the first one sick."""
    with (
        Shop(postgres_fleet, consistency=PATIENT, pool={"max_size": 1, "reader_wait_seconds": 0.5}) as shop,
        ExitStack() as busy,
    ):
        shop.place(1)
        at: set[str] = set()
        for _ in shop.others:
            with consistency_scope():
                unit = busy.enter_context(shop.database.read())
                at.add(unit.execute(HAS, [1]).fetchall()[0][0])
            assert shop.visit(1)[0] not in at
        assert at == names(shop.others)
        assert [shop.state_of(replica) for replica in shop.others] == [ReaderState.FRESH] * 2


@pytest.mark.soak  # a slot that comes free in between gives the read to the full server after all
def test_a_server_that_has_no_connection_left_sends_the_read_elsewhere(postgres_fleet: PostgresFleet) -> None:
    """`too many clients already` comes from the server, not from the pool, and means the same."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop, ExitStack() as crowd:
        full, other = shop.others
        shop.place(1)
        full.stop()
        full.configure(superuser_reserved_connections="95")  # of 100, and a replica may not have fewer in all
        full.start()
        shop.await_state(full, ReaderState.FRESH)
        with pytest.raises(psycopg.OperationalError, match="remaining connection slots"):
            fill(full, crowd)
        assert {shop.visit(1)[0] for _ in range(20)} <= {other.name, shop.first.name}


def test_a_session_does_not_go_back_in_time(postgres_fleet: PostgresFleet) -> None:
    """One replica per session: of two, one shows what the other does not yet."""
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0)) as shop:
        shop.others[0].pause_replay()
        with consistency_scope(consistency=PATIENT):
            shop.place(1)  # by somebody else
        for _ in range(10):
            with consistency_scope():
                looks = [shop.look(1) for _ in range(6)]
                assert len({name for name, _ in looks}) == 1
                seen = [found for _, found in looks]  # it may come while they look, and never goes
                assert seen == sorted(seen)
        shop.others[0].resume_replay()


def test_a_unit_of_work_reads_at_one_replica_to_its_end(postgres_fleet: PostgresFleet) -> None:
    """ProxySQL#893: a replica that is drained is not taken from those who are at it."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        shop.place(1)
        with shop.database.read() as unit:
            first = unit.execute(HAS, [1]).fetchone()
            assert first is not None
            drained = postgres_fleet[first[0]]
            drained.pause_replay()
            shop.place(2)
            shop.await_state(drained, ReaderState.LAGGING)
            again = unit.execute(HAS, [1]).fetchone()
            assert again == first
        assert shop.look(2) in [(each.name, True) for each in shop.others if each is not drained]
        drained.resume_replay()
