"""The servers of an estate, fenced and promoted by a superuser's SQL: as little as a failover needs, and nothing cached."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

from localcloud.postgres_install import SUPERUSER
from seawall.errors import StepRefused
from seawall.topology import Database
from seawall_ops.failover.plans.servers import FenceLook, MemberLook, MemberUnreachable

ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2  # libpq takes no less
POLL_SECONDS: Final = 0.02
LOOK: Final = """
SELECT NOT pg_is_in_recovery(),
       (SELECT system_identifier FROM pg_control_system()),
       CASE WHEN pg_is_in_recovery()
            THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint,
       CASE WHEN pg_is_in_recovery() THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float END
"""
OTHERS: Final = f"backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename <> '{SUPERUSER}'"
END_SESSIONS: Final = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}"  # noqa: S608 - a constant
COUNT_SESSIONS: Final = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND backend_start < pg_conf_load_time()"  # noqa: S608
READ_ONLY: Final = "SHOW default_transaction_read_only"


class SqlServers:
    """As `Servers`.

    Args:
        database: Of a topology, as seen from whoever works on it.
        password: Of the superuser.
    """

    def __init__(self, database: Database, password: str) -> None:
        self._database: Final = database
        self._password: Final = password

    @property
    def where(self) -> str:
        """The members."""
        return ", ".join(f"{each.name} at {each.host}:{self._database.port}" for each in self._database.members)

    def look(self, member: str) -> MemberLook:
        with self._connected(member) as connection:
            writes, system, timeline, position, lag = connection.execute(LOOK).fetchone()
        return MemberLook(takes_writes=writes, system_id=system, timeline=timeline, position=position, lag_seconds=lag)

    def fence_of(self, member: str) -> FenceLook:
        with self._connected(member) as connection:
            (read_only,) = connection.execute(READ_ONLY).fetchone()
            (left,) = connection.execute(COUNT_SESSIONS).fetchone()
        return FenceLook(read_only == "on" and not left, f"read-only is {read_only}, {left} sessions from before")

    def fence(self, member: str) -> None:
        """For new sessions at once; those from before are ended."""
        self._set(member, "SET default_transaction_read_only = on")
        with self._connected(member) as connection:
            connection.execute(END_SESSIONS)
            self._until(lambda: not connection.execute(COUNT_SESSIONS).fetchone()[0], member)

    def lift(self, member: str) -> None:
        self._set(member, "RESET default_transaction_read_only")

    def promote(self, member: str) -> None:
        with self._connected(member) as connection:
            if connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
                connection.execute("SELECT pg_promote(wait => false)")

    def try_write(self, member: str) -> None:
        try:
            with self._connected(member) as connection, connection.transaction(force_rollback=True):
                connection.execute("SELECT pg_logical_emit_message(true, 'seawall', 'a write that is taken back')")
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise StepRefused(f"{member} takes no writes") from error

    def _set(self, member: str, what: str) -> None:
        """Here alone: what ALTER SYSTEM writes does not reach the replicas."""
        with self._connected(member) as connection:
            connection.execute(f"ALTER SYSTEM {what}")
            connection.execute("SELECT pg_reload_conf()")
        wanted = "on" if what.startswith("SET") else "off"

        def shown() -> bool:
            with self._connected(member) as connection:
                return bool(connection.execute(READ_ONLY).fetchone()[0] == wanted)

        self._until(shown, member)

    @staticmethod
    def _until(holds: Callable[[], bool], member: str) -> None:
        ends = time.monotonic() + ANSWER_SECONDS
        while not holds():
            if time.monotonic() > ends:
                raise MemberUnreachable(member, f"not so after {ANSWER_SECONDS:g} s")
            time.sleep(POLL_SECONDS)

    @contextlib.contextmanager
    def _connected(self, member: str) -> Iterator[Any]:
        host = next(each.host for each in self._database.members if each.name == member)
        try:
            with contextlib.closing(
                psycopg.connect(
                    host=host, port=self._database.port, dbname=SUPERUSER, user=SUPERUSER, password=self._password,
                    autocommit=True, connect_timeout=CONNECT_SECONDS,
                )
            ) as connection:  # fmt: skip
                yield connection
        except psycopg.OperationalError as error:
            raise MemberUnreachable(member, str(error).partition("\n")[0]) from error
