"""Writers that die, change, come back or are two, on real servers: what an app sees of it through the router and psycopg."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from localcloud.postgres import until
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import MONITOR, USER
from replica_shop import HAS, INSERT, LAG, Shop, numbers_at, tell_timelines
from seawall.events import Event, EventBus, Subscription
from seawall.replicas import (
    Bounded,
    ConsistencyToken,
    DatabaseInterrupted,
    EpochLease,
    NoWriterAvailable,
    ReaderState,
    ReadYourWrites,
    TwoWriters,
    WriteInReadOnlyScope,
    WriteLost,
    WriterFenced,
    consistency_scope,
)
from seawall.topology import Effective, Live, Member, merge
from topology_documents import shop as shop_document

pytestmark = pytest.mark.xdist_group("postgres")

PATIENT = ReadYourWrites(wait_seconds=5.0)
BUSY_SECONDS = (
    10.0  # for what is promised within a second, on two cores that three workers share; `make soak` holds the second
)


def eventually_place(shop: Shop, number: int) -> float:
    """Place an order, again and again until it is taken; seconds that took. Each attempt before it did nothing."""
    began = time.monotonic()
    while True:
        try:
            shop.place(number)
        except NoWriterAvailable:
            pass
        except DatabaseInterrupted as error:
            if not error.safe_to_retry:
                raise
        else:
            return time.monotonic() - began
        assert time.monotonic() - began < 20
        time.sleep(0.01)


@pytest.mark.parametrize("gauge_user", [USER, MONITOR])
def test_the_router_follows_a_promotion(postgres_fleet: PostgresFleet, gauge_user: str) -> None:
    """Killed and promoted: the next write is taken by the new writer, and what was acknowledged and replicated is there.

    It needs no privileges; only that the other replica followed the new writer is then seen later, at its restartpoint.
    """
    with Shop(postgres_fleet, consistency=PATIENT, gauge_user=gauge_user) as shop:
        old, (new, other) = shop.first, shop.others
        shop.place(1)
        postgres_fleet.wait_in_step()
        old.kill()
        assert shop.visit(1) in [(new.name, True), (other.name, True)]  # replicas read on without a writer
        asked = time.monotonic()
        postgres_fleet.promote(new)
        eventually_place(shop, 2)
        assert time.monotonic() - asked < BUSY_SECONDS
        assert (shop.now.writer, shop.now.generation) == (new.name, 1)
        assert shop.look(2)[1]

        postgres_fleet.wait_until_streaming(new)
        if gauge_user == USER:
            tell_timelines(postgres_fleet)
        shop.await_state(other, ReaderState.FRESH)
        assert shop.visit(2)[1]


def test_an_orderly_stop_of_the_writer_is_safe_to_retry(postgres_fleet: PostgresFleet) -> None:
    """57P01 in the middle of a transaction: nothing of it is committed, so the whole of it may run again."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:

        def order_while_it_stops() -> None:
            with shop.database.write() as unit:
                unit.execute(INSERT, [1])
                shop.first.stop()
                unit.execute(INSERT, [2])

        with pytest.raises(DatabaseInterrupted, match="try again") as stopped:
            order_while_it_stops()
        assert stopped.value.safe_to_retry
        postgres_fleet.promote(shop.others[0])
        eventually_place(shop, 1)
        assert numbers_at(shop.others[0]) == {1}


def test_a_connection_lost_during_the_commit_is_never_safe_to_retry(postgres_fleet: PostgresFleet) -> None:
    """The writer may have committed before it died: run again, the order would be placed twice."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        killer = threading.Timer(0.2, shop.first.kill)

        def order_while_it_dies() -> None:
            with shop.database.write() as unit:
                unit.execute(INSERT, [1])
                shop.first.freeze()
                killer.start()

        with pytest.raises(DatabaseInterrupted, match="look first") as lost:
            order_while_it_dies()
        killer.join(10)
        assert not lost.value.safe_to_retry


def test_a_commit_whose_answer_is_cut_off_may_have_happened(postgres_fleet: PostgresFleet) -> None:
    """The network fails and the writer is well: the commit is there, though the app was told that it may not be."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        network = shop.network[shop.first.name]

        def cut_once_it_is_committed() -> None:
            until(lambda: numbers_at(shop.first) == {1}, "the COMMIT arrives")
            network.cut()

        cutter = threading.Thread(target=cut_once_it_is_committed)

        def order_while_it_is_cut() -> None:
            with shop.database.write() as unit:
                unit.execute(INSERT, [1])
                network.hold_answers()
                cutter.start()

        with pytest.raises(DatabaseInterrupted, match="look first"):
            order_while_it_is_cut()
        cutter.join(10)
        network.restore()
        until(lambda: shop.now.trouble is None, "the writer is reached again")
        assert shop.has(1)  # read where a commit that may have happened is seen, if it did


def test_a_pool_is_not_pinned_to_a_demoted_writer(postgres_fleet: PostgresFleet) -> None:
    """gpustack#6105, sqlalchemy#7839: 3 days and 56,000 failed writes. 25006 is the sign, and the whole pool is dropped."""
    slow = replace(
        LAG, interval_seconds=30.0, verdict_ttl_seconds=60.0, max_lag_seconds=60.0
    )  # nothing is measured in time
    with Shop(postgres_fleet, consistency=PATIENT, gauge_user=MONITOR, lag=slow) as shop:
        old, (new, _) = shop.first, shop.others
        retired: list[str] = []
        shop.router.on_retire(lambda server: retired.append(server.name))
        shop.place(1)
        postgres_fleet.wait_in_step()
        old.stop()
        postgres_fleet.promote(new)
        old.rebuild_as_replica(new)
        eventually_place(shop, 2)
        assert retired == [old.name]
        assert numbers_at(new) == {1, 2}
        assert shop.now.writer == new.name


def test_a_session_that_was_open_to_a_replica_does_not_write_after_its_promotion(postgres_fleet: PostgresFleet) -> None:
    """A promotion leaves sessions open, so that a pool of readers silently becomes one of writers."""
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0)) as shop:
        stray = shop.others[0]
        shop.place(1)
        with consistency_scope(), shop.database.read() as unit:
            first = unit.execute(HAS, [1]).fetchone()
            assert first is not None
            postgres_fleet[first[0]].promote()
            with pytest.raises(WriteInReadOnlyScope):
                unit.execute("INSERT INTO orders (number) VALUES (2)")
        assert numbers_at(stray) == {1}


def test_a_replica_that_is_promoted_by_mistake_stops_all_writes_and_is_named(postgres_fleet: PostgresFleet) -> None:
    """Two writers: whichever is written to may be the one that is thrown away. Refuse, say so, and let people decide."""
    events: list[Event] = []
    with Shop(postgres_fleet, consistency=Bounded(max_lag_seconds=1.0)) as shop:
        shop.router.events.subscribe(events.append)
        right, (mistaken, other) = shop.first, shop.others
        shop.place(1)
        postgres_fleet.wait_in_step()  # else it may be promoted without the order
        mistaken.promote()
        until(lambda: shop.now.trouble is not None, "it is noticed")
        with pytest.raises(NoWriterAvailable):
            shop.place(2)
        until(lambda: "take writes at the same time" in (shop.now.trouble or ""), "both were asked")
        with pytest.raises(TwoWriters, match=f"{right.name} and {mistaken.name}|{mistaken.name} and {right.name}"):
            shop.place(2)
        assert shop.state_of(mistaken) is ReaderState.STRAY
        assert {shop.visit(1)[0] for _ in range(10)} == {other.name}  # a stray is not read from, either

        shop.router.settle(right.name)
        shop.place(2)
        assert numbers_at(right) == {1, 2}
        assert numbers_at(mistaken) == {1}
        mistaken.rebuild_as_replica(right)
        shop.await_state(mistaken, ReaderState.FRESH)
    assert any(type(event).__name__ == "WriterTrouble" for event in events)


def test_a_former_writer_that_comes_back_is_never_written_to(postgres_fleet: PostgresFleet) -> None:
    """It was dead, another one was promoted, and now it starts as if nothing had happened: it takes writes."""
    with Shop(postgres_fleet, consistency=PATIENT, gauge_user=MONITOR) as shop:
        old, (new, _) = shop.first, shop.others
        shop.place(1)
        postgres_fleet.wait_in_step()
        old.kill()
        postgres_fleet.promote(new)
        eventually_place(shop, 2)
        old.start()
        shop.await_state(old, ReaderState.STRAY)
        for number in range(3, 13):
            with consistency_scope():
                shop.place(number)
                assert shop.look(number)[1]
        assert numbers_at(old) == {1}
        assert numbers_at(new) == {1, 2, *range(3, 13)}
        assert (shop.now.writer, shop.now.trouble) == (new.name, None)

        old.rebuild_as_replica(new)
        shop.await_state(old, ReaderState.FRESH)


def test_a_commit_that_a_promotion_lost_is_reported_and_never_silently_missing(postgres_fleet: PostgresFleet) -> None:
    """A bare position is meaningless after an asynchronous promotion: the new history passes it without your write."""
    with Shop(postgres_fleet, consistency=PATIENT, gauge_user=MONITOR) as shop:
        old, (new, _) = shop.first, shop.others
        with consistency_scope() as kept:
            shop.place(1)
        postgres_fleet.wait_in_step()
        postgres_fleet.isolate(old)
        with consistency_scope() as lost:
            shop.place(2)
        token = lost.tokens.positions[0]
        old.kill()
        new.promote()
        shop.others[1].follow(new)
        eventually_place(shop, 3)
        for number in range(4, 40):
            shop.place(number)
        assert shop.now.writer == new.name

        with consistency_scope(*kept.tokens.all()):
            assert shop.look(1)[1]
        with consistency_scope(token) as scope:
            with pytest.raises(WriteLost, match="is beyond what a promotion kept") as told:
                shop.look(2)
            assert told.value.certain
            assert not shop.look(2)[1]  # told once; then the database as it is now
            assert not scope.tokens.positions
        assert shop.now.lost_writes == 1


def test_what_was_written_to_another_database_is_not_waited_for_here(postgres_fleet: PostgresFleet) -> None:
    """A session carries the positions of every database that it wrote to; those of two clusters do not compare."""
    with Shop(postgres_fleet, consistency=PATIENT) as shop:
        shop.place(1)
        own = shop.router.position_token(("0/1", "000000010000000000000001"))
        assert isinstance(own, ConsistencyToken)
        far_ahead = ConsistencyToken(own.system_id + 1, own.timeline, 2**60)
        with consistency_scope(far_ahead):
            assert shop.look(1)[0] in {server.name for server in shop.others}
        assert shop.now.waits_in_vain == 0


REFUSED, LATER = 10_000_000, 20_000_000  # orders that are counted from 1 on never get there


class Followed:
    """A topology that says who is the writer, and can be cut off."""

    def __init__(self, servers: list[str]) -> None:
        declared = shop_document()
        assert declared.database is not None
        members = tuple(
            Member(name=name, region="eu-west-1", identifier=f"shop-{name}", host="db.example.com") for name in servers
        )
        self._declared = replace(declared, database=replace(declared.database, writer=servers[0], members=members))
        self.current: Effective = merge(self._declared)
        self.read_began: float | None = time.monotonic()
        self.interval_seconds = 0.2
        self._bus = EventBus()

    def subscribe(self, subscriber: Callable[[Event], None], /) -> Subscription:
        """As a watch does it."""
        return self._bus.subscribe(subscriber)

    def renew(self) -> None:
        """It was read again, and is as it was."""
        self.read_began = time.monotonic()

    def promote(self, writer: str) -> None:
        """A failover was written down, and is read."""
        live = Live(
            service=self._declared.service,
            environment=self._declared.environment,
            epoch=self.current.epoch + 1,
            primary_region="eu-west-1",
            changed_at=datetime.now(UTC),
            reason="tested",
            writer=writer,
        )
        self.current = merge(self._declared, live)
        self.read_began = time.monotonic()
        self._bus.publish(Event(source="topology", at_seconds=self.read_began))


def test_an_isolated_old_writer_gets_no_write_after_its_epoch(postgres_fleet: PostgresFleet) -> None:
    """An app that is cut off together with the old writer fences itself before anybody promotes on the other side."""
    terms = EpochLease(ttl_seconds=3.0, margin_seconds=1.0)
    topology = Followed([server.name for server in [postgres_fleet.primary, *postgres_fleet.replicas]])
    with Shop(postgres_fleet, lease=terms, follow=topology, consistency=PATIENT, gauge_user=MONITOR) as isolated:
        old, (new, _) = isolated.first, isolated.others
        topology.renew()
        isolated.place(1)
        postgres_fleet.wait_in_step()
        postgres_fleet.isolate(old)  # the app reaches it, and nothing else
        taken: list[float] = []

        def order_on_and_on() -> None:
            for number in itertools.count(2):
                isolated.place(number)
                taken.append(time.monotonic())

        with pytest.raises(WriterFenced, match="another one may have begun"):
            order_on_and_on()
        assert taken
        assert taken[-1] <= (topology.read_began or 0.0) + terms.ttl_seconds  # after that a promotion elsewhere is safe
        before = numbers_at(old)
        new.promote()
        for _ in range(20):
            with pytest.raises(NoWriterAvailable):
                isolated.place(REFUSED)
        assert numbers_at(old) == before

        topology.promote(new.name)  # it is reached again
        isolated.await_writer(new)
        isolated.place(LATER)
        assert LATER in numbers_at(new)
        assert LATER not in numbers_at(old)
