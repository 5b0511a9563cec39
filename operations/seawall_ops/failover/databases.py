"""Asking a member of the database how it is. A module of its own: it needs a driver, which is an extra.

PostgreSQL is asked the same row that the replica router asks, and as the writer whether it would take a write. MySQL and
MariaDB are asked what the router knows of them; that was never run against a server here, and nothing that they say proves
whose history they replay, so that they are never failed over without a person.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from seawall.replicas import MYSQL_READ_ONLY, MYSQL_STATUS, POSTGRES_STATUS, observe_mysql, observe_postgres
from seawall.topology import Member
from seawall_ops.failover.connecting import Connecting
from seawall_ops.failover.meanings import Outcome
from seawall_ops.failover.observe import Answer

__all__ = ["MysqlCheck", "PostgresCheck"]

WRITABLE: Final = "SELECT NOT pg_is_in_recovery(), current_setting('transaction_read_only')"


@final
class PostgresCheck:
    """Connects anew each time: a connection that stands says nothing about whether others can be made.

    User, password and TLS are libpq's own variables: `PGUSER`, `PGPASSWORD` or `PGPASSFILE`, `PGSSLMODE`. A role that may
    connect is enough; with `pg_monitor` a replica's timeline is known at once after a failover.

    Args:
        port: The database's.
        database: Name of the database.
        timeout_seconds: For connecting, and for each statement.
        write_statement: What the writer executes in a transaction that is rolled back, e.g. an UPDATE of a row that is
            there for that; `None`: it is only asked whether it would.

    Raises:
        MissingExtra: psycopg is not installed.
    """

    def __init__(self, *, port: int, database: str, timeout_seconds: float, write_statement: str | None = None) -> None:
        self._connected: Final = Connecting(
            database=database,
            timeout_seconds=timeout_seconds,
            application="seawall-observer",
            feature="watching a PostgreSQL database",
        )
        self._port: Final = port
        self._write_statement: Final = write_statement

    def __call__(self, member: Member, address: str, *, writer: bool) -> Answer:
        """Ask once. Whatever the driver raises is for `outcome_of`."""
        with contextlib.closing(self._connected(member.host, self._port, address=address)) as connection:
            said = observe_postgres(connection.execute(POSTGRES_STATUS).fetchone())
            if not writer:
                return Answer(Outcome.ANSWERED, said=said)
            if said.in_recovery:
                return Answer(Outcome.WRONG_ROLE, "the writer follows another server", said)
            _, read_only = connection.execute(WRITABLE).fetchone()
            if read_only == "on":
                return Answer(Outcome.READ_ONLY, "default_transaction_read_only is on", said)
            if self._write_statement is not None:
                with connection.transaction(force_rollback=True):
                    connection.execute(self._write_statement)
        return Answer(Outcome.ANSWERED, said=said)


@final
class MysqlCheck:
    """The same for MySQL and MariaDB, as far as the replica router knows them.

    Args:
        connect: Gives a connection of DBAPI to an address, e.g. PyMySQL's, with its time-outs set.
    """

    def __init__(self, connect: Callable[[str], Any]) -> None:
        self._connect: Final = connect

    def __call__(self, member: Member, address: str, *, writer: bool) -> Answer:  # noqa: ARG002 - as `MemberCheck` has it
        """Ask once. Whatever the driver raises is for `outcome_of`."""
        with contextlib.closing(self._connect(address)) as connection:
            cursor = connection.cursor()
            cursor.execute(MYSQL_READ_ONLY)
            read_only = cursor.fetchone()[0]
            cursor.execute(MYSQL_STATUS)
            row = cursor.fetchone()
            names = [str(column[0]) for column in cursor.description or ()]
            status: Mapping[str, object] | None = None if row is None else dict(zip(names, row, strict=True))
            said = observe_mysql(read_only, status)
        if writer and status is not None:
            return Answer(Outcome.WRONG_ROLE, "the writer follows another server", said)
        if writer and said.in_recovery:
            return Answer(Outcome.READ_ONLY, "read_only is on", said)
        return Answer(Outcome.ANSWERED, said=said)
