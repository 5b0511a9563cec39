"""Routers over real PostgreSQL servers, for the tests of adapters."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER, USER
from seawall.replicas import DatabaseServer, Gauge, LagPolicy, ReplicaRouter
from seawall.replicas_psycopg import PsycopgUnit

QUICK = LagPolicy(interval_seconds=0.1, timeout_seconds=2.0, verdict_ttl_seconds=5.0, jitter_ratio=0.0)
LIMIT_SECONDS = 15.0
HEALTH = (
    "SELECT pg_is_in_recovery(), pg_is_in_recovery() AND pg_is_wal_replay_paused(),"
    " (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming')"
)
END_SESSIONS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'"  # noqa: S608


def server_of(server: PostgresServer, *, port: int | None = None) -> DatabaseServer:
    """A server of the fleet as a router knows it, perhaps behind a proxy's port."""
    address = server.address if port is None else f"127.0.0.1:{port}"
    return DatabaseServer(server.name, address)


def conninfo_of(fleet: PostgresFleet) -> dict[str, object]:
    """How the application's ordinary user connects to any of them."""
    return {"user": USER, "dbname": USER, "password": fleet.servers[0].password}


def primary_of(fleet: PostgresFleet) -> PostgresServer:
    """As `fleet.primary`, without asking: the file that makes a server a replica goes when it is promoted."""
    return next(each for each in fleet.servers if each.running and not _follows(each))


def replicas_of(fleet: PostgresFleet) -> list[PostgresServer]:
    """As `fleet.replicas`, without asking."""
    return [each for each in fleet.servers if each.running and _follows(each)]


def _follows(server: PostgresServer) -> bool:
    return (server.folder / "standby.signal").exists()


def router_of(
    fleet: PostgresFleet, gauge: Gauge, *, ports: Mapping[str, int] | None = None, **more: Any
) -> ReplicaRouter:
    """A router that measures often; not started."""
    primary = primary_of(fleet)
    ports = ports or {}
    readers = [server_of(each, port=ports.get(each.name)) for each in fleet.servers if each is not primary]
    more.setdefault("lag", QUICK)
    return ReplicaRouter(server_of(primary, port=ports.get(primary.name)), readers, gauge=gauge, **more)


def port_of(unit: PsycopgUnit) -> int:
    """Where its connection goes to."""
    return unit.connection().info.port


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so, at most 15 s."""
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {LIMIT_SECONDS:g} s: {what}"
        time.sleep(0.01)


def with_orders(fleet: PostgresFleet) -> PostgresFleet:
    """The fleet, whole, with an empty table of the application's, and no server in doubt about its history.

    Mended only when the last test has broken something: that takes a second or two.
    """
    for server in fleet.servers:
        server.reset_settings()
    if not _whole(fleet):
        fleet.mend()
        assert _whole(fleet)
    with contextlib.ExitStack() as ending:
        sessions = [ending.enter_context(_session(each)) for each in fleet.servers]
        for session in sessions:
            session.execute(END_SESSIONS)
        primary = sessions[fleet.servers.index(primary_of(fleet))]
        primary.execute(f"DROP OWNED BY {USER}")
        primary.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
        primary.execute(f"ALTER TABLE orders OWNER TO {USER}")
        timeline = primary.execute("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)").fetchone()
        if timeline != ("00000001",):
            # The ordinary user learns of a replica's timeline from the control file, which is written at a checkpoint.
            primary.execute("CHECKPOINT")
            _wait_in_step(primary, sessions)
            for session in sessions:
                session.execute("CHECKPOINT")
        _wait_in_step(primary, sessions)
    return fleet


def _session(server: PostgresServer) -> "psycopg.Connection[Any]":
    return psycopg.connect(server.dsn(SUPERUSER, USER), autocommit=True, connect_timeout=5)


def _whole(fleet: PostgresFleet) -> bool:
    found: list[tuple[Any, ...]] = []
    for server in fleet.servers:
        with contextlib.suppress(psycopg.Error), _session(server) as session:
            found.append(session.execute(HEALTH).fetchone() or ())
    replicas = len(fleet.servers) - 1
    return sorted(found) == [(False, False, replicas), *[(True, False, 0)] * replicas]


def _wait_in_step(primary: "psycopg.Connection[Any]", sessions: "list[psycopg.Connection[Any]]") -> None:
    position = primary.execute("SELECT pg_current_wal_insert_lsn()").fetchone()

    def there() -> bool:
        behind = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() < %s"
        return not any(session.execute(behind, position).fetchone() == (True,) for session in sessions)

    until(there, "the replicas have it")
