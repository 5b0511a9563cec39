"""SQLAlchemy sessions over a writer and its replicas, on real servers."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc, func, insert, select, text
from sqlalchemy.orm import selectinload, sessionmaker

from localcloud.postgres_fleet import PostgresFleet
from orders_model import LINES, Line, Order, port_of
from routed_postgres import primary_of, replicas_of
from seawall.errors import (
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    ReadYourWrites,
    WriterOnly,
    consistency_scope,
    read_only,
    use_writer,
)
from seawall.replicas_sqlalchemy import EngineFleet, RoutingSession

pytestmark = pytest.mark.xdist_group("postgres2")

PORT = text("SELECT inet_server_port()")


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
