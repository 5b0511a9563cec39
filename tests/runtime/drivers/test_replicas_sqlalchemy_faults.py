"""SQLAlchemy sessions when servers and connections fail, their gauge, and what is refused, on real servers."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import create_engine, exc, func, insert, select, text

from localcloud.postgres_fleet import PostgresFleet
from orders_model import Order, maker, port_of
from routed_postgres import QUICK, conninfo_of, primary_of, replicas_of, router_of, server_of, until
from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    InvalidInput,
    WriterFenced,
)
from seawall.replicas import (
    EpochLease,
    ReplicaRouter,
    consistency_scope,
    use_writer,
)
from seawall.replicas_psycopg import PsycopgGauge
from seawall.replicas_sqlalchemy import EngineFleet, RoutingSession, SqlAlchemyGauge
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.xdist_group("postgres2")

PORT = text("SELECT inet_server_port()")


def test_no_read_fails_when_a_replica_is_killed(fleet: EngineFleet, servers: PostgresFleet) -> None:
    """A first read whose connection is lost is run again elsewhere, and nothing of the session is lost for it."""
    with RoutingSession(fleet) as first, RoutingSession(fleet) as second:
        for session in (first, second) * 4:
            session.scalars(PORT).one()  # connections to both replicas
    victim = replicas_of(servers)[0]
    victim.kill()
    for number in range(60):
        waiting = Order(id=number)
        with RoutingSession(fleet, autoflush=False) as session:
            session.add(waiting)
            ways: list[Callable[[], int]] = [
                lambda: session.scalars(PORT).one(),
                lambda: session.execute(PORT).scalar_one(),
                lambda: int(session.scalar(PORT) or 0),
                lambda: port_of(session) if session.get(Order, 1) is None else 0,
            ]
            assert ways[number % len(ways)]() not in (0, victim.port)
            assert waiting in session.new, "an object that was added is not thrown out"


def test_a_session_goes_elsewhere_only_before_its_second_statement(fleet: EngineFleet, servers: PostgresFleet) -> None:
    """Later that would be another moment; the error says that the whole of it can be done again."""
    with RoutingSession(fleet) as session:
        port = session.scalars(PORT).one()
        next(each for each in servers.servers if each.port == port).kill()
        with pytest.raises(DatabaseInterrupted) as caught:
            session.scalars(PORT).one()
        assert caught.value.safe_to_retry
        assert isinstance(caught.value.__cause__, exc.OperationalError)
        session.rollback()
        assert session.scalars(PORT).one() != port


def test_errors_that_nobody_else_judges_are_mapped_by_the_engine(
    fleet: EngineFleet, servers: PostgresFleet, session: RoutingSession
) -> None:
    """Of a connection that was handed out, and of a result that is read late."""
    connection = session.connection()
    primary_of(servers).kill()
    with pytest.raises(DatabaseInterrupted) as caught:
        connection.execute(text("SELECT 1"))
    assert caught.value.safe_to_retry
    session.rollback()


def test_a_lost_commit_is_not_safe_to_retry(servers: PostgresFleet) -> None:
    """The COMMIT may have been done; until the session knows more, it reads at the writer."""
    primary = primary_of(servers)
    with TcpProxy(primary.port) as network, consistency_scope() as scope:
        router = router_of(servers, PsycopgGauge(conninfo_of(servers)), ports={primary.name: network.port})
        with router, EngineFleet(router, maker(servers)) as fleet, RoutingSession(fleet) as session:
            session.add(Order(id=1))
            session.flush()
            network.cut()
            session.add(Order(id=2))
            with pytest.raises(DatabaseInterrupted) as before:
                session.flush()
            assert before.value.safe_to_retry
            assert scope.doubtful_until == -math.inf
            session.rollback()
            network.restore()
            until(lambda: not router.snapshot().servers[0].failures, "the writer is seen again")
            session.add(Order(id=1))
            session.flush()
            network.cut()
            with pytest.raises(DatabaseInterrupted) as during:
                session.commit()
            assert not during.value.safe_to_retry
            assert scope.doubtful_until > 0.0
            session.rollback()


def test_the_engine_of_a_retired_writer_is_disposed_of_as_a_whole(
    fleet: EngineFleet, router: ReplicaRouter, servers: PostgresFleet, session: RoutingSession
) -> None:
    """A pool stayed pinned to a demoted primary for three days (sqlalchemy#7839, gpustack#6105)."""
    old, new = primary_of(servers), replicas_of(servers)[0]
    for number in range(8):  # prepared by then, on one connection
        session.execute(insert(Order), [{"id": number}])
        session.commit()
    servers.wait_in_step()
    engine = fleet.engine(server_of(old))
    session.add(Order(id=100))
    session.flush()
    held: Any = session.connection().connection.driver_connection
    old.kill()
    new.promote()
    until(lambda: router.snapshot().writer == new.name, "the promotion is seen")
    session.add(Order(id=101))
    with pytest.raises(DatabaseInterrupted) as caught:
        session.commit()
    assert caught.value.safe_to_retry
    session.rollback()
    assert held.closed
    assert fleet.engine(server_of(old)) is not engine
    for number in range(10, 18):
        session.execute(insert(Order), [{"id": number}])
        assert port_of(session) == new.port
        session.commit()
    with use_writer():
        assert session.scalar(select(func.count()).select_from(Order)) == 16


def test_a_connection_that_is_out_when_its_engine_is_retired_is_closed_on_its_return(
    fleet: EngineFleet, servers: PostgresFleet, session: RoutingSession
) -> None:
    """One connection that finds its way back would be written to later."""
    session.add(Order(id=1))
    session.flush()
    held: Any = session.connection().connection.driver_connection
    fleet.retire(server_of(primary_of(servers)))
    assert not held.closed
    session.commit()
    assert held.closed


def test_a_writer_that_takes_no_writes_any_more_is_noticed_by_its_answer(
    servers: PostgresFleet, session: RoutingSession
) -> None:
    """SQLSTATE 25006 is how a demoted writer answers; nothing was done."""
    primary_of(servers).configure(default_transaction_read_only="on")
    session.add(Order(id=1))
    with pytest.raises(DatabaseInterrupted) as caught:
        session.commit()
    assert caught.value.safe_to_retry
    session.rollback()


def test_nothing_is_committed_after_the_epoch(servers: PostgresFleet) -> None:
    """Self-fencing: the lease is looked at right before the COMMIT, and the transaction is rolled back."""
    lease = EpochLease(ttl_seconds=30.0, margin_seconds=1.0)
    seen = [(1, time.monotonic())]
    router = router_of(servers, PsycopgGauge(conninfo_of(servers)), lease=lease)
    router._core.sight = lambda: seen[0]
    router.measure()
    with EngineFleet(router, maker(servers)) as fleet, RoutingSession(fleet) as session:
        session.add(Order(id=1))
        session.flush()
        router._core.lease.until = -math.inf
        seen[0] = (1, time.monotonic() - 60.0)
        with pytest.raises(WriterFenced):
            session.commit()
        session.rollback()
    assert primary_of(servers).sql("SELECT count(*) FROM orders", user="shop", database="shop") == "0"


def test_a_full_pool_sends_reads_elsewhere_and_says_so_of_writes(router: ReplicaRouter, servers: PostgresFleet) -> None:
    """A full pool says nothing about its server: nobody is thrown out for it."""
    make = maker(servers, pool_size=1, max_overflow=0, pool_timeout=0.3)
    with EngineFleet(router, make) as fleet:
        sessions = [RoutingSession(fleet) for _ in range(4)]
        assert len({session.scalars(PORT).one() for session in sessions[:3]}) == 3
        sessions[3].add(Order(id=1))
        with pytest.raises(DatabaseInterrupted, match="no connection was free") as caught:
            sessions[3].flush()
        assert caught.value.safe_to_retry
        for session in sessions:
            session.close()


def test_a_server_that_cannot_be_connected_to_is_not_asked_twice(servers: PostgresFleet) -> None:
    """A refused connection sends a read elsewhere, and a write says that it was not sent."""
    router = router_of(servers, PsycopgGauge(conninfo_of(servers)), lag=QUICK, outlier=None)
    router.measure()
    for replica in replicas_of(servers):
        replica.kill()  # and nobody measures: they still count as fresh
    with EngineFleet(router, maker(servers)) as fleet, RoutingSession(fleet) as session:
        assert session.scalars(PORT).one() == primary_of(servers).port
        session.rollback()
        primary_of(servers).kill()
        fleet.retire(router.servers[0])
        session.add(Order(id=1))
        with pytest.raises(DatabaseInterrupted) as caught:
            session.commit()
        assert caught.value.safe_to_retry
        session.rollback()


# Refusals


def test_bad_input_is_refused_in_one_line(fleet: EngineFleet, router: ReplicaRouter) -> None:
    """A session with a bind of its own would go round the router."""
    engine = create_engine("sqlite://")
    for options in ({"bind": engine}, {"binds": {Order: engine}}, {"twophase": True}):
        with pytest.raises(InvalidInput, match="the fleet says"):
            RoutingSession(fleet, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="makes an engine"):
        EngineFleet(router, lambda server: "postgresql://").engine(router.servers[0])  # type: ignore[arg-type, return-value]
    with pytest.raises(CannotPickle):
        fleet.__reduce__()
    with RoutingSession(fleet) as session:
        assert session.scalar(text("SELECT sqlite_version()"), bind_arguments={"bind": engine})
    engine.dispose()


# The gauge


def test_the_gauge_measures_by_its_deadline(servers: PostgresFleet) -> None:
    """A black hole, a cut, and a server that is there again, whatever the driver's own time-outs are."""
    replica = replicas_of(servers)[0]
    gauge = SqlAlchemyGauge(maker(servers))
    with TcpProxy(replica.port) as network:
        server = server_of(replica, port=network.port)
        assert gauge.measure(server, 5.0).in_recovery
        network.stall()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            gauge.measure(server, 0.2)
        assert time.monotonic() - began < 1.5
        network.restore()

        def measured() -> bool:
            try:
                return gauge.measure(server, 5.0).in_recovery
            except (TimeoutError, exc.DBAPIError):
                return False

        until(measured, "it is measured again")
        network.cut()
        with pytest.raises(exc.DBAPIError):
            gauge.measure(server, 5.0)
        gauge.forget(server)
    assert not gauge.measure(server_of(primary_of(servers)), 5.0).in_recovery
    gauge.forget(server_of(primary_of(servers)))
    with pytest.raises(InvalidInput, match="an engine of"):
        SqlAlchemyGauge(lambda server: create_engine("sqlite://")).measure(server, 1.0)
