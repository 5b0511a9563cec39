"""psycopg over a writer and its replicas, on real servers."""

import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from localcloud.postgres_fleet import PostgresFleet
from routed_postgres import QUICK, conninfo_of, primary_of, replicas_of, router_of, server_of, until, with_orders
from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    InvalidInput,
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    DatabaseServer,
    ReadYourWrites,
    ReplicaRouter,
    WriterOnly,
    consistency_scope,
    read_only,
    use_writer,
)
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas, PsycopgUnit
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.xdist_group("postgres2")

ADD = "INSERT INTO orders VALUES (%s, %s)"


@pytest.fixture
def fleet(_postgres_servers: PostgresFleet) -> PostgresFleet:
    return with_orders(_postgres_servers)


@pytest.fixture
def router(fleet: PostgresFleet) -> Iterator[ReplicaRouter]:
    gauge = PsycopgGauge(conninfo_of(fleet))
    with router_of(fleet, gauge, consistency=ReadYourWrites(wait_seconds=5.0)) as router:
        yield router


@pytest.fixture
def database(fleet: PostgresFleet, router: ReplicaRouter) -> Iterator[PsycopgReplicas]:
    with PsycopgReplicas(router, conninfo_of(fleet)) as database:
        yield database


def port_of(unit: PsycopgUnit) -> int:
    """Where its connection goes to."""
    return unit.connection().info.port


# Where statements go


def test_a_read_sees_the_sessions_write_at_a_replica(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """What all this is for: the token of the COMMIT sends the next read to a replica that has it."""
    with consistency_scope() as scope:
        for number in range(5):
            with database.write() as unit:
                unit.execute(ADD, [number, "new"])
                assert port_of(unit) == primary_of(fleet).port
            with database.read() as unit:
                assert unit.execute("SELECT count(*) FROM orders").fetchone() == (number + 1,)
                assert port_of(unit) != primary_of(fleet).port
        assert len(scope.tokens.positions) == 1


def test_a_replica_that_stands_still_is_not_read_from_by_a_session_that_wrote(
    database: PsycopgReplicas, fleet: PostgresFleet
) -> None:
    """Never stale: when no replica has the write in time, the writer reads."""
    for replica in replicas_of(fleet):
        replica.pause_replay()
    with consistency_scope(consistency=ReadYourWrites(wait_seconds=0.0)):
        with database.write() as unit:
            unit.execute(ADD, [1, "new"])
        with database.read() as unit:
            assert unit.execute("SELECT note FROM orders").fetchall() == [("new",)]
            assert port_of(unit) == primary_of(fleet).port


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


def test_a_unit_that_begins_with_a_write_stays_at_the_writer(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """It must see its own uncommitted rows."""
    with database.unit() as unit:
        unit.execute(ADD, [1, "a"])
        assert unit.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        assert port_of(unit) == primary_of(fleet).port


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


def test_a_view_that_writes_is_found_out_by_the_server(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """No text shows what a view calls: refused as the first statement it goes to the writer, later it is an error."""
    with database.write() as unit:
        unit.execute("CREATE SEQUENCE numbers")
        unit.execute("CREATE VIEW next_number AS SELECT nextval('numbers') AS number")
    with database.unit() as unit:
        assert unit.execute("SELECT number FROM next_number").fetchone() == (1,)
        assert port_of(unit) == primary_of(fleet).port
    with pytest.raises(WriteAfterRead) as caught, database.unit() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        unit.execute("SELECT number FROM next_number")
    assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_settings_belong_where_the_unit_is(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """`SET LOCAL` between two reads must not be taken for a write, nor go to another server."""
    with database.unit() as unit:
        unit.execute("SELECT 1")
        unit.execute("SET LOCAL statement_timeout = '7s'")
        assert unit.execute("SHOW statement_timeout").fetchone() == ("7s",)
        assert port_of(unit) != primary_of(fleet).port


def test_all_kinds_of_queries_are_read(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """psycopg takes texts, bytes and composed queries."""
    column = sql.SQL("SELECT {} FROM orders").format(sql.Identifier("id"))
    for query in ("SELECT 1", b"SELECT 1", sql.SQL("SELECT 1"), column):
        with database.unit() as unit:
            unit.execute(query)
            assert port_of(unit) != primary_of(fleet).port
    with database.unit() as unit:
        unit.executemany(ADD, ((number, "x") for number in range(3)))
        assert port_of(unit) == primary_of(fleet).port
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


# Faults


def test_no_read_fails_when_a_replica_is_killed(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """A read whose connection is lost at its first statement is run again elsewhere."""
    for _ in range(8):
        with database.read() as unit, database.read() as second:  # both pools have connections
            unit.execute("SELECT 1")
            second.execute("SELECT 1")
    victim = replicas_of(fleet)[0]
    victim.kill()
    for number in range(100):
        with database.read() as unit:
            assert unit.execute("SELECT %s::int", [number]).fetchone() == (number,)
            assert port_of(unit) != victim.port


def test_a_read_in_the_middle_of_which_the_server_dies_says_that_it_is_safe_to_retry(
    database: PsycopgReplicas, fleet: PostgresFleet
) -> None:
    """Its second statement cannot go elsewhere: that would be another moment."""
    with pytest.raises(DatabaseInterrupted) as caught, database.read() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        port = port_of(unit)
        next(each for each in fleet.servers if each.port == port).kill()
        unit.execute("SELECT 1")
    assert caught.value.safe_to_retry
    assert isinstance(caught.value.__cause__, psycopg.Error)


def test_a_server_that_cannot_be_connected_to_keeps_nobody_waiting(fleet: PostgresFleet) -> None:
    """psycopg's pool would let everybody wait for the whole of their time; here the next server is asked at once."""
    conninfo = conninfo_of(fleet)
    lag = QUICK
    router = router_of(fleet, PsycopgGauge(conninfo), lag=lag, outlier=None)
    router.measure()
    for replica in replicas_of(fleet):
        replica.kill()  # and nobody measures: they still count as fresh
    with PsycopgReplicas(router, conninfo, reader_wait_seconds=20.0) as database:
        began = time.monotonic()
        with database.read() as unit:
            assert unit.execute("SELECT 1").fetchone() == (1,)
            assert port_of(unit) == primary_of(fleet).port
        assert time.monotonic() - began < 10.0
        primary_of(fleet).kill()
        database.drop(router.servers[0])
        with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:
            unit.execute("SELECT 1")
        assert caught.value.safe_to_retry
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        assert "refused" in str(caught.value.__cause__)


def test_a_lost_commit_is_not_safe_to_retry(fleet: PostgresFleet) -> None:
    """The COMMIT may have been done: to do it again could charge a card twice."""
    primary, conninfo = primary_of(fleet), conninfo_of(fleet)
    with TcpProxy(primary.port) as network, consistency_scope() as scope:
        router = router_of(fleet, PsycopgGauge(conninfo), ports={primary.name: network.port})
        with router, PsycopgReplicas(router, conninfo) as database:
            with pytest.raises(DatabaseInterrupted) as before, database.write() as unit:  # noqa: PT012 - a unit is a block
                unit.execute(ADD, [1, "a"])
                network.cut()
                unit.execute(ADD, [2, "a"])
            assert before.value.safe_to_retry
            assert scope.doubtful_until == -math.inf
            network.restore()
            until(lambda: router.snapshot().writer, "the writer is seen again")
            with pytest.raises(DatabaseInterrupted) as during, database.write() as unit:  # noqa: PT012 - a unit is a block
                unit.execute(ADD, [1, "a"])
                network.cut()
            assert not during.value.safe_to_retry
            assert scope.doubtful_until > 0.0, "the session's reads must not go to a replica that may lack it"


def test_the_pool_of_a_retired_writer_is_dropped_as_a_whole(
    database: PsycopgReplicas, router: ReplicaRouter, fleet: PostgresFleet
) -> None:
    """A pool stayed pinned to a demoted primary for three days (gpustack#6105)."""
    old, new = primary_of(fleet), replicas_of(fleet)[0]
    with database.write() as first, database.write() as second:
        first.execute("SELECT 1")
        second.execute("SELECT 1")
    for number in range(8):  # prepared by then, on one connection
        with database.write() as unit:
            unit.execute(ADD, [number, "before"])
    fleet.wait_in_step()
    held: psycopg.Connection[object] | None = None
    with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:  # noqa: PT012 - a unit is a block
        unit.execute(ADD, [100, "in the middle"])
        held = unit.connection()
        old.kill()
        new.promote()
        until(lambda: router.snapshot().writer == new.name, "the promotion is seen")
        unit.execute(ADD, [101, "in the middle"])
    assert caught.value.safe_to_retry
    assert held is not None
    assert held.closed
    for number in range(10, 18):
        with database.write() as unit:
            unit.execute(ADD, [number, "after"])
            assert port_of(unit) == new.port
    assert new.sql("SELECT count(*) FROM orders", user="shop", database="shop") == "16"


def test_a_connection_that_is_out_when_its_pool_is_dropped_is_closed_on_its_return(
    database: PsycopgReplicas, router: ReplicaRouter, fleet: PostgresFleet
) -> None:
    """One connection that finds its way back would be written to later."""
    with database.write() as unit:
        unit.execute(ADD, [1, "a"])
        held = unit.connection()
        database.drop(server_of(primary_of(fleet)))
        assert not held.closed
    assert held.closed
    with database.write() as unit:
        assert unit.connection() is not held


def test_a_writer_that_takes_no_writes_any_more_is_noticed_by_its_answer(
    database: PsycopgReplicas, fleet: PostgresFleet
) -> None:
    """SQLSTATE 25006 is how a demoted writer answers; nothing was done."""
    primary_of(fleet).configure(default_transaction_read_only="on")
    with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:
        unit.execute(ADD, [1, "a"])
    assert caught.value.safe_to_retry
    assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_a_full_pool_sends_reads_elsewhere_and_says_so_of_writes(router: ReplicaRouter, fleet: PostgresFleet) -> None:
    """A full pool says nothing about its server: nobody is thrown out for it."""
    options = {"max_size": 1, "reader_wait_seconds": 0.05, "writer_wait_seconds": 0.05}
    with PsycopgReplicas(router, conninfo_of(fleet), **options) as database:  # type: ignore[arg-type]
        ports: list[int] = []
        with database.read() as first, database.read() as second, database.read() as third:
            for unit in (first, second, third):
                unit.execute("SELECT 1")
                ports.append(port_of(unit))
            assert sorted(ports) == sorted(each.port for each in fleet.servers)
            assert ports[2] == primary_of(fleet).port
            with pytest.raises(DatabaseInterrupted, match="no connection was free") as caught, database.write() as unit:
                unit.execute("SELECT 1")
            assert caught.value.safe_to_retry
    assert all(each.failures == 0 for each in router.snapshot().servers)


def test_a_read_that_a_replica_gives_up_for_its_replay_is_run_elsewhere(database: PsycopgReplicas) -> None:
    """Replicas end queries that stand in the way of replaying, by SQLSTATE 40001; another server may have the time."""
    with database.write() as unit:
        unit.execute(
            "CREATE FUNCTION conflict() RETURNS bool LANGUAGE plpgsql AS"
            " $$BEGIN IF pg_is_in_recovery() THEN RAISE 'conflict with recovery' USING ERRCODE = '40001'; END IF;"
            " RETURN true; END$$"
        )
    with database.read() as unit:
        assert unit.execute("SELECT conflict()").fetchone() == (True,)
    with pytest.raises(psycopg.errors.SerializationFailure), database.read() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        unit.execute("SELECT conflict()")


def test_a_connection_handed_out_is_watched_too(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """An error on it, outside of the unit's own methods, is mapped at the end of the block."""
    with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:  # noqa: PT012 - a unit is a block
        connection = unit.connection()
        connection.execute(ADD, [1, "a"])
        primary_of(fleet).kill()
        connection.execute(ADD, [2, "a"])
    assert caught.value.safe_to_retry


def test_without_a_writer_reads_go_on(database: PsycopgReplicas, fleet: PostgresFleet) -> None:
    """A dead writer is no reason to show nothing."""
    primary_of(fleet).kill()
    with pytest.raises(DatabaseInterrupted), database.write() as unit:
        unit.execute("SELECT 1")
    for _ in range(10):
        with database.read() as unit:
            assert unit.execute("SELECT 1").fetchone() == (1,)


# The gauge


def test_a_black_hole_is_measured_as_such_in_time(fleet: PostgresFleet) -> None:
    """libpq waits two seconds at least for a connection, and for an answer as long as TCP does."""
    replica = replicas_of(fleet)[0]
    gauge = PsycopgGauge(conninfo_of(fleet))
    with TcpProxy(replica.port) as network:
        server = server_of(replica, port=network.port)
        assert gauge.measure(server, 2.0).in_recovery
        network.stall()
        for _ in range(2):  # on the connection that was there, and on a new one
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                gauge.measure(server, 0.2)
            assert time.monotonic() - began < 1.5
        network.restore()
        assert gauge.measure(server, 2.0).position
        gauge.forget(server)
        until(lambda: network.connections == 0, "the gauge's connection is closed")
        network.cut()
        with pytest.raises(psycopg.OperationalError):
            gauge.measure(server, 2.0)


def test_a_gauge_in_a_forked_child_leaves_the_parents_connections_alone(fleet: PostgresFleet) -> None:
    """To close them in the child would end the parent's sessions."""
    gauge, server = PsycopgGauge(conninfo_of(fleet)), server_of(primary_of(fleet))
    gauge.measure(server, 2.0)
    sessions = "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE usename = 'shop'"
    before = primary_of(fleet).sql(sessions)
    child = os.fork()
    if child == 0:
        fine = False
        try:
            fine = not gauge.measure(server, 2.0).in_recovery
            gauge.forget(server)
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not gauge.measure(server, 2.0).in_recovery
    assert primary_of(fleet).sql(sessions) == before
    gauge.forget(server)


# Refusals, and what is not shown


def test_bad_input_is_refused_in_one_line(router: ReplicaRouter) -> None:
    """Each line names what is wrong, before anything is connected to."""
    for wrong in ({"host": "db1"}, {"port": 5432}, {"hostaddr": "::1"}):
        with pytest.raises(InvalidInput, match="absent"):
            PsycopgReplicas(router, wrong)
    with pytest.raises(InvalidInput, match="conninfo"):
        PsycopgGauge("dbname=shop password=secret")  # type: ignore[arg-type]
    for sizes in ({"max_size": 0}, {"min_size": 11}, {"reader_wait_seconds": 0.0}, {"writer_wait_seconds": -1.0}):
        with pytest.raises(InvalidInput):
            PsycopgReplicas(router, {}, **sizes)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="opened"), PsycopgReplicas(router, {}).read() as unit:
        unit.execute("SELECT 1")
    with pytest.raises(CannotPickle):
        PsycopgReplicas(router, {}).__reduce__()


def test_no_password_is_shown(fleet: PostgresFleet, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in representations, nor in errors, nor in what the pool writes to its log."""
    caplog.set_level(logging.DEBUG)
    secret = "opensesame"
    conninfo = {**conninfo_of(fleet), "password": secret}
    gauge = PsycopgGauge(conninfo)
    with pytest.raises(psycopg.OperationalError) as refused:
        gauge.measure(server_of(primary_of(fleet)), 2.0)
    router = router_of(fleet, gauge)
    with PsycopgReplicas(router, conninfo) as database:
        with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:  # noqa: PT012 - a unit is a block
            assert "opensesame" not in repr(unit)
            unit.execute("SELECT 1")
        shown = [repr(gauge), repr(database), str(refused.value), str(caught.value), repr(caught.value.__cause__)]
    assert not [text for text in [*shown, caplog.text] if secret in text]
    assert "password authentication failed" in str(refused.value)


def test_conninfo_may_be_a_function_of_the_server(fleet: PostgresFleet, tmp_path: Path) -> None:
    """Passwords that change, and addresses that are not of the topology."""
    asked: list[DatabaseServer] = []

    def conninfo(server: DatabaseServer) -> dict[str, object]:
        asked.append(server)
        host, port = server.address.split(":")
        return {**conninfo_of(fleet), "host": host, "port": port}

    server = server_of(primary_of(fleet))
    assert not PsycopgGauge(conninfo).measure(server, 2.0).in_recovery
    assert asked == [server]
