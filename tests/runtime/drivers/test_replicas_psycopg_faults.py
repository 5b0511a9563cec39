"""psycopg when servers and connections fail, its gauge, and what it refuses, on real servers."""

import logging
import math
import os
import time
from pathlib import Path

import psycopg
import pytest

from localcloud.postgres_fleet import PostgresFleet
from routed_postgres import (
    QUICK,
    conninfo_of,
    port_of,
    primary_of,
    replicas_of,
    router_of,
    server_of,
    until,
)
from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    InvalidInput,
)
from seawall.replicas import (
    DatabaseServer,
    ReplicaRouter,
    consistency_scope,
)
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.xdist_group("postgres2")

ADD = "INSERT INTO orders VALUES (%s, %s)"


def test_no_read_fails_when_a_replica_is_killed(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """A read whose connection is lost at its first statement is run again elsewhere."""
    for _ in range(8):
        with database.read() as unit, database.read() as second:  # both pools have connections
            unit.execute("SELECT 1")
            second.execute("SELECT 1")
    victim = replicas_of(servers)[0]
    victim.kill()
    for number in range(100):
        with database.read() as unit:
            assert unit.execute("SELECT %s::int", [number]).fetchone() == (number,)
            assert port_of(unit) != victim.port


def test_a_read_in_the_middle_of_which_the_server_dies_says_that_it_is_safe_to_retry(
    database: PsycopgReplicas, servers: PostgresFleet
) -> None:
    """Its second statement cannot go elsewhere: that would be another moment."""
    with pytest.raises(DatabaseInterrupted) as caught, database.read() as unit:  # noqa: PT012 - a unit is a block
        unit.execute("SELECT 1")
        port = port_of(unit)
        next(each for each in servers.servers if each.port == port).kill()
        unit.execute("SELECT 1")
    assert caught.value.safe_to_retry
    assert isinstance(caught.value.__cause__, psycopg.Error)


def test_a_server_that_cannot_be_connected_to_keeps_nobody_waiting(servers: PostgresFleet) -> None:
    """psycopg's pool would let everybody wait for the whole of their time; here the next server is asked at once."""
    conninfo = conninfo_of(servers)
    lag = QUICK
    router = router_of(servers, PsycopgGauge(conninfo), lag=lag, outlier=None)
    router.measure()
    for replica in replicas_of(servers):
        replica.kill()  # and nobody measures: they still count as fresh
    with PsycopgReplicas(router, conninfo, reader_wait_seconds=20.0) as database:
        began = time.monotonic()
        with database.read() as unit:
            assert unit.execute("SELECT 1").fetchone() == (1,)
            assert port_of(unit) == primary_of(servers).port
        assert time.monotonic() - began < 10.0
        primary_of(servers).kill()
        database.drop(router.servers[0])
        with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:
            unit.execute("SELECT 1")
        assert caught.value.safe_to_retry
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        assert "refused" in str(caught.value.__cause__)


def test_a_lost_commit_is_not_safe_to_retry(servers: PostgresFleet) -> None:
    """The COMMIT may have been done: to do it again could charge a card twice."""
    primary, conninfo = primary_of(servers), conninfo_of(servers)
    with TcpProxy(primary.port) as network, consistency_scope() as scope:
        router = router_of(servers, PsycopgGauge(conninfo), ports={primary.name: network.port})
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
    database: PsycopgReplicas, router: ReplicaRouter, servers: PostgresFleet
) -> None:
    """A pool stayed pinned to a demoted primary for three days (gpustack#6105)."""
    old, new = primary_of(servers), replicas_of(servers)[0]
    with database.write() as first, database.write() as second:
        first.execute("SELECT 1")
        second.execute("SELECT 1")
    for number in range(8):  # prepared by then, on one connection
        with database.write() as unit:
            unit.execute(ADD, [number, "before"])
    servers.wait_in_step()
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
    database: PsycopgReplicas, router: ReplicaRouter, servers: PostgresFleet
) -> None:
    """One connection that finds its way back would be written to later."""
    with database.write() as unit:
        unit.execute(ADD, [1, "a"])
        held = unit.connection()
        database.drop(server_of(primary_of(servers)))
        assert not held.closed
    assert held.closed
    with database.write() as unit:
        assert unit.connection() is not held


def test_a_writer_that_takes_no_writes_any_more_is_noticed_by_its_answer(
    database: PsycopgReplicas, servers: PostgresFleet
) -> None:
    """SQLSTATE 25006 is how a demoted writer answers; nothing was done."""
    primary_of(servers).configure(default_transaction_read_only="on")
    with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:
        unit.execute(ADD, [1, "a"])
    assert caught.value.safe_to_retry
    assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_a_full_pool_sends_reads_elsewhere_and_says_so_of_writes(router: ReplicaRouter, servers: PostgresFleet) -> None:
    """A full pool says nothing about its server: nobody is thrown out for it."""
    options = {"max_size": 1, "reader_wait_seconds": 0.05, "writer_wait_seconds": 0.05}
    with PsycopgReplicas(router, conninfo_of(servers), **options) as database:  # type: ignore[arg-type]
        ports: list[int] = []
        with database.read() as first, database.read() as second, database.read() as third:
            for unit in (first, second, third):
                unit.execute("SELECT 1")
                ports.append(port_of(unit))
            assert sorted(ports) == sorted(each.port for each in servers.servers)
            assert ports[2] == primary_of(servers).port
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


def test_a_connection_handed_out_is_watched_too(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """An error on it, outside of the unit's own methods, is mapped at the end of the block."""
    with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:  # noqa: PT012 - a unit is a block
        connection = unit.connection()
        connection.execute(ADD, [1, "a"])
        primary_of(servers).kill()
        connection.execute(ADD, [2, "a"])
    assert caught.value.safe_to_retry


def test_without_a_writer_reads_go_on(database: PsycopgReplicas, servers: PostgresFleet) -> None:
    """A dead writer is no reason to show nothing."""
    primary_of(servers).kill()
    with pytest.raises(DatabaseInterrupted), database.write() as unit:
        unit.execute("SELECT 1")
    for _ in range(10):
        with database.read() as unit:
            assert unit.execute("SELECT 1").fetchone() == (1,)


# The gauge


def test_a_black_hole_is_measured_as_such_in_time(servers: PostgresFleet) -> None:
    """libpq waits two seconds at least for a connection, and for an answer as long as TCP does."""
    replica = replicas_of(servers)[0]
    gauge = PsycopgGauge(conninfo_of(servers))
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


def test_a_gauge_in_a_forked_child_leaves_the_parents_connections_alone(servers: PostgresFleet) -> None:
    """To close them in the child would end the parent's sessions."""
    gauge, server = PsycopgGauge(conninfo_of(servers)), server_of(primary_of(servers))
    gauge.measure(server, 2.0)
    sessions = "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE usename = 'shop'"
    before = primary_of(servers).sql(sessions)
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
    assert primary_of(servers).sql(sessions) == before
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


def test_no_password_is_shown(servers: PostgresFleet, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in representations, nor in errors, nor in what the pool writes to its log."""
    caplog.set_level(logging.DEBUG)
    secret = "opensesame"
    conninfo = {**conninfo_of(servers), "password": secret}
    gauge = PsycopgGauge(conninfo)
    with pytest.raises(psycopg.OperationalError) as refused:
        gauge.measure(server_of(primary_of(servers)), 2.0)
    router = router_of(servers, gauge)
    with PsycopgReplicas(router, conninfo) as database:
        with pytest.raises(DatabaseInterrupted) as caught, database.write() as unit:  # noqa: PT012 - a unit is a block
            assert "opensesame" not in repr(unit)
            unit.execute("SELECT 1")
        shown = [repr(gauge), repr(database), str(refused.value), str(caught.value), repr(caught.value.__cause__)]
    assert not [text for text in [*shown, caplog.text] if secret in text]
    assert "password authentication failed" in str(refused.value)


def test_conninfo_may_be_a_function_of_the_server(servers: PostgresFleet, tmp_path: Path) -> None:
    """Passwords that change, and addresses that are not of the topology."""
    asked: list[DatabaseServer] = []

    def conninfo(server: DatabaseServer) -> dict[str, object]:
        asked.append(server)
        host, port = server.address.split(":")
        return {**conninfo_of(servers), "host": host, "port": port}

    server = server_of(primary_of(servers))
    assert not PsycopgGauge(conninfo).measure(server, 2.0).in_recovery
    assert asked == [server]
