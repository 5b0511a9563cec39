"""psycopg over a writer and its replicas, on real servers."""

import math
import tempfile

import psycopg
import pytest
from psycopg import sql

from localcloud.postgres_fleet import PostgresFleet
from routed_postgres import (
    port_of,
    primary_of,
    replicas_of,
)
from seawall.errors import (
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    ReadYourWrites,
    ReplicaRouter,
    WriterOnly,
    consistency_scope,
    read_only,
    use_writer,
)
from seawall.replicas_psycopg import PsycopgReplicas

pytestmark = pytest.mark.xdist_group("postgres2")

ADD = "INSERT INTO orders VALUES (%s, %s)"


# Where statements go


def test_a_read_sees_the_sessions_write_at_a_replica(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """What all this is for: the token of the COMMIT sends the next read to a replica that has it."""
    with consistency_scope() as scope:
        for number in range(5):
            with database.write() as unit:
                unit.execute(ADD, [number, "new"])
                assert port_of(unit) == primary_of(servers).port
            with database.read() as unit:
                assert unit.execute("SELECT count(*) FROM orders").fetchone() == (number + 1,)
                assert port_of(unit) != primary_of(servers).port
        assert len(scope.tokens.positions) == 1


def test_a_replica_that_stands_still_is_not_read_from_by_a_session_that_wrote(
    database: PsycopgReplicas, servers: PostgresFleet
) -> None:
    """Never stale: when no replica has the write in time, the writer reads."""
    for replica in replicas_of(servers):
        replica.pause_replay()
    with consistency_scope(consistency=ReadYourWrites(wait_seconds=0.0)):
        with database.write() as unit:
            unit.execute(ADD, [1, "new"])
        with database.read() as unit:
            assert unit.execute("SELECT note FROM orders").fetchall() == [("new",)]
            assert port_of(unit) == primary_of(servers).port


def test_the_token_comes_with_the_commit(database: PsycopgReplicas) -> None:
    """One round trip, not two: naively fetched it more than doubled the time of a small commit."""
    with tempfile.TemporaryFile() as trace, consistency_scope() as scope:
        with database.write() as unit:
            unit.execute(ADD, [1, "a"])
            unit.connection().pgconn.trace(trace.fileno())
        with database.write() as unit:  # the same connection, of which libpq writes the trace
            unit.connection().pgconn.untrace()
        trace.seek(0)
        sent = [line for line in trace.read().decode().splitlines() if "\tF\t" in line]
    assert len(scope.tokens.positions) == 1
    assert len(sent) == 1, sent
    assert "COMMIT; SELECT" in sent[0]


def test_a_unit_reads_from_one_server(database: PsycopgReplicas, router: ReplicaRouter) -> None:
    """With two of them a session could go back in time between two statements."""
    with database.unit() as unit:
        ports = {unit.execute("SELECT inet_server_port()").fetchone() for _ in range(5)}
    assert len(ports) == 1
    assert not router.snapshot().fallbacks


def test_a_unit_that_begins_with_a_write_stays_at_the_writer(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """It must see its own uncommitted rows."""
    with database.unit() as unit:
        unit.execute(ADD, [1, "a"])
        assert unit.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        assert port_of(unit) == primary_of(servers).port


def test_a_write_after_a_read_is_refused_before_it_is_sent(database: PsycopgReplicas) -> None:
    """The read was of another moment, on another server: the transaction would not be one."""
    with pytest.raises(WriteAfterRead), database.unit() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        unit.execute(ADD, [1, "a"])


@pytest.mark.parametrize("way", ["start_on", "use_writer", "writer_only", "scope"])
def test_a_unit_told_to_start_on_the_writer_may_read_and_then_write(database: PsycopgReplicas, way: str) -> None:
    """Read, then write, in one transaction, is what most business code does."""
    with consistency_scope(
        start_on="writer" if way == "scope" else None, consistency=WriterOnly() if way == "writer_only" else None
    ):

        def both() -> None:
            with database.unit(start_on="writer" if way == "start_on" else None) as unit:
                count = unit.execute("SELECT count(*) FROM orders").fetchone()
                unit.execute(ADD, [1, str(count)])

        (use_writer()(both) if way == "use_writer" else both)()
        with database.read() as unit:
            assert unit.execute("SELECT note FROM orders").fetchone() == ("(0,)",)


def test_nothing_is_written_in_a_read(database: PsycopgReplicas) -> None:
    """What looks like a write is not sent; what does not is refused by the server, whichever server that is."""
    with pytest.raises(WriteInReadOnlyScope), database.read() as unit:
        unit.execute(ADD, [1, "a"])
    with database.write() as unit:
        unit.execute("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO orders VALUES (1) RETURNING id'")
    for choice in (consistency_scope(), consistency_scope(consistency=WriterOnly())):
        with choice, pytest.raises(WriteInReadOnlyScope), database.read() as unit:
            unit.execute("SELECT sneak()")
    with read_only(), pytest.raises(WriteInReadOnlyScope), database.unit() as unit:
        unit.execute("SELECT sneak()")
    with pytest.raises(WriteInReadOnlyScope), read_only(), database.write() as unit:
        unit.execute("SELECT 1")
    with database.read() as unit:
        assert unit.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_a_view_that_writes_is_found_out_by_the_server(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """No text shows what a view calls: refused as the first statement it goes to the writer, later it is an error."""
    with database.write() as unit:
        unit.execute("CREATE SEQUENCE numbers")
        unit.execute("CREATE VIEW next_number AS SELECT nextval('numbers') AS number")
    with database.unit() as unit:
        assert unit.execute("SELECT number FROM next_number").fetchone() == (1,)
        assert port_of(unit) == primary_of(servers).port
    with pytest.raises(WriteAfterRead) as caught, database.unit() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        unit.execute("SELECT number FROM next_number")
    assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_settings_belong_where_the_unit_is(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """`SET LOCAL` between two reads must not be taken for a write, nor go to another server."""
    with database.unit() as unit:
        unit.execute("SELECT 1")
        unit.execute("SET LOCAL statement_timeout = '7s'")
        assert unit.execute("SHOW statement_timeout").fetchone() == ("7s",)
        assert port_of(unit) != primary_of(servers).port


def test_all_kinds_of_queries_are_read(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """psycopg takes texts, bytes and composed queries."""
    column = sql.SQL("SELECT {} FROM orders").format(sql.Identifier("id"))
    for query in ("SELECT 1", b"SELECT 1", sql.SQL("SELECT 1"), column):
        with database.unit() as unit:
            unit.execute(query)
            assert port_of(unit) != primary_of(servers).port
    with database.unit() as unit:
        unit.executemany(ADD, ((number, "x") for number in range(3)))
        assert port_of(unit) == primary_of(servers).port
    with database.unit() as unit, unit.connection().cursor().copy("COPY orders FROM STDIN") as copy:
        copy.write_row((4, "copied"))
    with database.unit(start_on="writer") as unit:
        assert unit.execute("SELECT count(*) FROM orders").fetchone() == (4,)


# How units end


def test_a_commit_that_the_server_turned_into_a_rollback_is_an_error(database: PsycopgReplicas) -> None:
    """COMMIT of a failed transaction answers ROLLBACK, without an error: rows would be gone, and nobody told."""
    with consistency_scope() as scope:
        with pytest.raises(psycopg.errors.InFailedSqlTransaction, match="rolled back"), database.write() as unit:  # noqa: PT012 - a unit is a block
            unit.execute(ADD, [1, "a"])
            with pytest.raises(psycopg.errors.UniqueViolation):
                unit.execute(ADD, [1, "b"])
        assert not scope.tokens
        assert scope.doubtful_until == -math.inf


def test_the_apps_own_errors_stay_as_they_are(database: PsycopgReplicas) -> None:
    """Code that handles a violated constraint goes on to do so, when it is found at the COMMIT too."""
    with pytest.raises(psycopg.errors.UniqueViolation), database.write() as unit:  # noqa: PT012 - a unit is a block
        unit.execute(ADD, [1, "a"])
        unit.execute(ADD, [1, "a"])
    with database.write() as unit:
        unit.execute("CREATE TABLE lines (id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)")
    with consistency_scope() as scope:
        with pytest.raises(psycopg.errors.ForeignKeyViolation), database.write() as unit:
            unit.execute("INSERT INTO lines VALUES (7)")
        assert not scope.tokens
    with pytest.raises(psycopg.errors.UndefinedTable), database.read() as unit:
        unit.execute("SELECT * FROM nowhere")
    with pytest.raises(ZeroDivisionError), database.write() as unit:  # noqa: PT012 - a unit is a block
        unit.execute(ADD, [2, "a"])
        _ = 1 / 0
    with database.read() as unit:
        assert unit.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_a_unit_that_does_nothing_takes_no_connection(database: PsycopgReplicas, router: ReplicaRouter) -> None:
    """A handler that returns early must not cost the writer a session."""
    with database.write(), database.read(), database.unit():
        pass
    assert router.snapshot().choices == ()
