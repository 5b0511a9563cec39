"""SQLAlchemy sessions over a writer and its replicas, on real servers."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, create_engine, exc, func, insert, select, text
from sqlalchemy.orm import Session, selectinload, sessionmaker

from localcloud.postgres_fleet import PostgresFleet
from orders_model import LINES, Line, Order
from routed_postgres import QUICK, conninfo_of, primary_of, replicas_of, router_of, server_of, until, with_orders
from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    InvalidInput,
    WriteAfterRead,
    WriteInReadOnlyScope,
    WriterFenced,
)
from seawall.replicas import (
    DatabaseServer,
    EpochLease,
    ReadYourWrites,
    ReplicaRouter,
    WriterOnly,
    consistency_scope,
    read_only,
    use_writer,
)
from seawall.replicas_psycopg import PsycopgGauge
from seawall.replicas_sqlalchemy import EngineFleet, RoutingSession, SqlAlchemyGauge
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.xdist_group("postgres2")

PORT = text("SELECT inet_server_port()")


@pytest.fixture
def servers(_postgres_servers: PostgresFleet) -> PostgresFleet:
    return with_orders(_postgres_servers)


@pytest.fixture
def make(servers: PostgresFleet) -> Callable[[DatabaseServer], Engine]:
    return maker(servers)


def maker(servers: PostgresFleet, **options: Any) -> Callable[[DatabaseServer], Engine]:
    """A function that makes engines."""

    def make(server: DatabaseServer) -> Engine:
        port = int(server.address.rpartition(":")[2])
        return create_engine(servers.servers[0].dsn(driver="psycopg", port=port), **options)

    return make


@pytest.fixture
def router(servers: PostgresFleet) -> Iterator[ReplicaRouter]:
    gauge = PsycopgGauge(conninfo_of(servers))
    with router_of(servers, gauge, consistency=ReadYourWrites(wait_seconds=5.0)) as router:
        yield router


@pytest.fixture
def fleet(router: ReplicaRouter, make: Callable[[DatabaseServer], Engine]) -> Iterator[EngineFleet]:
    with EngineFleet(router, make) as fleet:
        yield fleet


@pytest.fixture
def session(fleet: EngineFleet) -> Iterator[RoutingSession]:
    with consistency_scope(), RoutingSession(fleet) as session:
        yield session


def port_of(session: Session) -> int:
    """Where its transaction is."""
    return int(session.connection().connection.driver_connection.info.port)  # type: ignore[union-attr]


# Where statements go


def test_a_session_sees_its_own_write_at_a_replica(session: RoutingSession, servers: PostgresFleet) -> None:
    """Objects that a commit has expired are loaded again: from a replica, which by then has them."""
    for number in range(3):
        order = Order(id=number, note="new")
        session.add(order)
        session.commit()
        assert order.note == "new"
        assert port_of(session) != primary_of(servers).port
        session.rollback()  # the next commit begins anew


def test_every_way_to_write_goes_to_the_writer(session: RoutingSession, servers: PostgresFleet) -> None:
    """A flush, Core, the ORM's bulk ways, raw SQL, locks, functions, and a connection that is asked for."""
    session.execute(text(LINES))
    session.commit()
    order = Order(id=0)

    def changed() -> None:
        order.note = "changed"
        session.flush()

    ways: list[Callable[[], object]] = [
        lambda: (session.add(order), session.flush()),
        lambda: session.execute(insert(Order).values(id=1)),
        lambda: session.execute(insert(Order), [{"id": 2}, {"id": 3}]),
        lambda: session.scalars(insert(Order).returning(Order), [{"id": 4}]).all(),
        lambda: session.execute(sa.update(Order).where(Order.id == 1).values(note="x")),
        lambda: session.execute(sa.update(Order), [{"id": 1, "note": "y"}]),
        lambda: session.execute(sa.delete(Order).where(Order.id == 2)),
        lambda: session.bulk_save_objects([Order(id=5)]),
        lambda: session.bulk_insert_mappings(Order, [{"id": 6}]),  # type: ignore[arg-type]
        lambda: session.bulk_update_mappings(Order, [{"id": 6, "note": "z"}]),  # type: ignore[arg-type]
        lambda: session.execute(text("INSERT INTO orders VALUES (7)")),
        lambda: session.execute(select(Order).with_for_update()),
        lambda: session.get(Order, 1, with_for_update=True),
        lambda: session.scalar(select(func.pg_advisory_xact_lock(1))),
        lambda: session.execute(text("SELECT * FROM orders FOR SHARE")),
        lambda: session.connection().execute(text("SELECT 1")),
        lambda: session.query(Order).filter(Order.id == 7).delete(),
        lambda: session.query(Order).filter(Order.id == 6).update({"note": "q"}),
        lambda: session.execute(insert(Line), [{"id": 1, "order_id": 1}]),
        lambda: session.refresh(order, with_for_update=True),
        changed,
    ]  # fmt: skip
    for number, way in enumerate(ways):
        way()
        assert port_of(session) == primary_of(servers).port, f"way {number}"
        session.commit()
    with use_writer():
        assert session.scalars(select(Order.id).order_by(Order.id)).all() == [0, 1, 3, 4, 5, 6]


def test_every_way_to_read_goes_to_one_reader(session: RoutingSession, servers: PostgresFleet) -> None:
    """Queries of the ORM and of Core, lazy and eager loads, `get`, raw SQL, streams: all of one transaction."""
    session.execute(text(LINES))
    session.add(Order(id=1, note="a", lines=[Line(id=1), Line(id=2)]))
    session.commit()
    ports = set[int]()
    order = session.get_one(Order, 1)
    ports.add(port_of(session))
    assert [line.id for line in order.lines] == [1, 2]  # loaded lazily
    assert len(session.scalars(select(Order).options(selectinload(Order.lines))).one().lines) == 2
    assert session.query(Order).count() == 1
    assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert session.execute(select(Order.note).where(text("id = 1"))).scalar_one() == "a"
    assert session.execute(text("SELECT note FROM orders")).scalar_one() == "a"
    assert len(list(session.scalars(select(Line).execution_options(yield_per=1)))) == 2
    session.refresh(order)
    session.execute(text("SET LOCAL statement_timeout = '7s'"))
    assert session.scalar(text("SHOW statement_timeout")) == "7s"
    assert session.scalar(text("SHOW transaction_read_only")) == "on"
    ports.add(port_of(session))
    ports.add(session.scalars(PORT).one())
    assert len(ports) == 1
    assert primary_of(servers).port not in ports


def test_a_session_that_stands_still_behind_its_write_reads_at_the_writer(
    fleet: EngineFleet, servers: PostgresFleet
) -> None:
    """Never stale: with both replicas paused the writer reads."""
    for replica in replicas_of(servers):
        replica.pause_replay()
    with consistency_scope(consistency=ReadYourWrites(wait_seconds=0.0)), RoutingSession(fleet) as session:
        session.add(Order(id=1))
        session.commit()
        assert session.get(Order, 1) is not None
        assert port_of(session) == primary_of(servers).port
        assert session.scalar(text("SHOW transaction_read_only")) == "on"
        session.commit()
        with session.begin():  # on the same connection, which must not have stayed read-only
            session.add(Order(id=2))


def test_a_write_after_a_read_is_refused_unless_it_starts_on_the_writer(fleet: EngineFleet) -> None:
    """The read was of another moment, on another server; whoever knows that a write follows says so."""
    with RoutingSession(fleet) as session:
        session.scalars(select(Order)).all()
        session.add(Order(id=1))
        with pytest.raises(WriteAfterRead):
            session.commit()
        session.rollback()
    with RoutingSession(fleet, start_on="writer") as session, session.begin():
        assert not session.scalars(select(Order)).all()
        session.add(Order(id=1))
    with use_writer(), RoutingSession(fleet) as session, session.begin():
        assert session.get(Order, 1)
        session.add(Order(id=2))
    with consistency_scope(consistency=WriterOnly()), RoutingSession(fleet) as session, session.begin():
        assert session.get(Order, 2)
        session.add(Order(id=3))


def test_nothing_is_written_inside_of_read_only(fleet: EngineFleet, session: RoutingSession) -> None:
    """Before it is sent, where it looks like a write; by the server's refusal where it does not."""
    session.execute(
        text("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO orders VALUES (1) RETURNING id'")
    )
    session.commit()
    with read_only():
        session.add(Order(id=1))
        with pytest.raises(WriteInReadOnlyScope):
            session.flush()
        session.rollback()
        for way in (session.scalars, session.execute, session.scalar):
            with pytest.raises(WriteInReadOnlyScope):
                way(select(func.sneak()))
            session.rollback()
        assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_a_view_that_writes_is_found_out_by_the_server(session: RoutingSession, servers: PostgresFleet) -> None:
    """As the first statement it goes to the writer; what the session holds stays as it is."""
    session.execute(text("CREATE SEQUENCE numbers"))
    session.execute(text("CREATE VIEW next_number AS SELECT nextval('numbers') AS number"))
    session.commit()
    waiting = Order(id=1)
    session.add(waiting)
    with session.no_autoflush:
        assert session.scalar(text("SELECT number FROM next_number")) == 1
    assert port_of(session) == primary_of(servers).port
    assert waiting in session.new
    session.commit()
    session.scalar(text("SELECT 1"))
    with pytest.raises(WriteAfterRead):
        session.scalar(text("SELECT number FROM next_number"))


def test_savepoints_stay_where_their_transaction_is(session: RoutingSession, servers: PostgresFleet) -> None:
    """A savepoint is part of a transaction, on a reader as on the writer."""
    session.add(Order(id=1))
    session.flush()
    with pytest.raises(exc.IntegrityError), session.begin_nested():
        session.execute(insert(Order).values(id=1))
    with session.begin_nested():
        session.add(Order(id=2))
    session.commit()
    with session.begin_nested():
        assert session.scalars(select(Order.id).order_by(Order.id)).all() == [1, 2]
    assert port_of(session) != primary_of(servers).port


def test_transactions_end_in_every_way(fleet: EngineFleet, servers: PostgresFleet) -> None:
    """`session.begin()`, `sessionmaker.begin()`, close and rollback do not go through `Session.commit`."""
    factory = sessionmaker(class_=RoutingSession, fleet=fleet)  # type: ignore[call-overload]
    with consistency_scope() as scope:
        with factory.begin() as session:
            session.add(Order(id=1))
        assert len(scope.tokens.positions) == 1
        before = scope.tokens.positions
        session = factory()
        with session.begin():
            session.add(Order(id=2))
        assert scope.tokens.positions[0].lsn > before[0].lsn
        before = scope.tokens.positions
        session.add(Order(id=3))
        session.flush()
        session.close()
        assert session.get(Order, 3) is None
        assert port_of(session) != primary_of(servers).port
        session.close()
        with pytest.raises(ZeroDivisionError):
            _fail_in(session)
        session.commit()  # of nothing
        assert scope.tokens.positions == before


def test_the_token_comes_with_the_commit(session: RoutingSession, fleet: EngineFleet, tmp_path: Any) -> None:
    """One round trip, not two."""
    session.add(Order(id=1))
    session.flush()
    driver: Any = session.connection().connection.driver_connection
    with (tmp_path / "trace").open("wb") as trace:
        driver.pgconn.trace(trace.fileno())
        session.commit()
        driver.pgconn.untrace()
    sent = [line for line in (tmp_path / "trace").read_text().splitlines() if "\tF\t" in line]
    assert len(sent) == 1, sent
    assert "COMMIT; SELECT" in sent[0]


def test_engines_can_be_used_without_a_session(fleet: EngineFleet, session: RoutingSession) -> None:
    """For migrations and scripts; what sessions leave on their connections is gone."""
    session.execute(PORT)
    session.rollback()
    session.add(Order(id=1))
    session.commit()
    with fleet.engine(fleet.router.servers[0]).begin() as connection:
        connection.execute(insert(Order).values(id=2))
    with use_writer():
        assert session.scalar(select(func.count()).select_from(Order)) == 2


def _fail_in(session: RoutingSession) -> None:
    with session.begin():
        session.add(Order(id=3))
        session.flush()
        _ = 1 / 0


# How transactions end


def test_a_commit_that_the_server_turned_into_a_rollback_is_an_error(session: RoutingSession) -> None:
    """COMMIT of a failed transaction answers ROLLBACK, without an error: rows would be gone, and nobody told."""
    session.execute(insert(Order).values(id=1))
    with pytest.raises(exc.IntegrityError):
        session.execute(insert(Order).values(id=1))
    with pytest.raises(exc.InternalError, match="rolled back"):
        session.commit()
    session.rollback()
    assert session.get(Order, 1) is None


def test_the_apps_own_errors_stay_as_they_are(session: RoutingSession) -> None:
    """Also those that are found at the COMMIT."""
    session.execute(text(LINES))
    session.commit()
    session.execute(insert(Line).values(id=1, order_id=7))
    with pytest.raises(exc.IntegrityError):
        session.commit()
    session.rollback()
    with pytest.raises(exc.ProgrammingError):
        session.execute(text("SELECT * FROM nowhere"))
    session.rollback()
    session.add_all([Order(id=1), Line(id=1, order_id=7)])
    with pytest.raises(exc.IntegrityError):
        session.commit()


# Faults


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
