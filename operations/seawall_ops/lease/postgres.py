"""Leases and fenced states in tables of a PostgreSQL server that is no member of the database they arbitrate.

Each request has a connection of its own and ends by its deadline: nothing is shared with a forked child, and a server that
takes a request and is silent holds nobody up. The server's clock is written for people and never compared.

A record that was made anew after it was deleted begins with the server's transaction id, which every taking of the lease
uses up at least one of, so that fences never come again. A server that was promoted since a record was written may have
lost newer ones: the record then counts as somebody's who is not known, and fences skip `SKIPPED_FENCES`.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

from seawall._numbers import number
from seawall.errors import FenceOutrun, InvalidInput, LeaseUnavailable, MissingExtra
from seawall_ops.lease._domains import Location
from seawall_ops.lease._fencing import Fenced, FencedDocument
from seawall_ops.lease._model import NEVER_SEEN, REQUEST_TIMEOUT_SECONDS, LeaseRecord, Stored

try:
    import psycopg
    from psycopg import pq
    from psycopg.conninfo import conninfo_to_dict

    from seawall.replicas_psycopg._wire import ask, connect, rows_of
except ImportError as error:
    raise MissingExtra("postgres", feature="seawall_ops.lease.postgres", distribution="seawall-ops") from error

__all__ = ["GRANTS", "TABLES", "PostgresLeaseStore", "PostgresState"]

TABLES: Final = """\
CREATE TABLE IF NOT EXISTS seawall_lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    fence bigint NOT NULL,
    ttl_seconds double precision NOT NULL,
    write text NOT NULL,
    timeline text NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS seawall_state (
    key text PRIMARY KEY,
    document text,
    fence bigint NOT NULL,
    changed_at timestamptz NOT NULL
);
"""
"""What an administrator runs once. Nothing here ever deletes a row, and no one else should."""

GRANTS: Final = "GRANT SELECT, INSERT, UPDATE ON seawall_lease, seawall_state TO {user};"
"""All that the user needs."""

SKIPPED_FENCES: Final = 1_000_000  # more than any lease is taken in what a replica may be behind
PARAMETERS: Final = {"client_encoding": "utf8", "application_name": "seawall-lease"}

# Of the server as it is now; an error on one that is a replica, which must not be asked anyway.
TIMELINE: Final = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
# An acknowledged write must not be lost in a crash, whatever the database's default is; and the server gives up when the
# client does, so that a write does not wait for a lock and happen much later.
SESSION: Final = """
SELECT set_config('statement_timeout', '{milliseconds}', false);
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"""
READ: Final = f"SELECT holder, fence, ttl_seconds, write, timeline, {TIMELINE} FROM seawall_lease WHERE name = $1"  # noqa: S608 - a constant
CREATE: Final = f"""
INSERT INTO seawall_lease (name, holder, fence, ttl_seconds, write, timeline, changed_at)
VALUES ($1, $2, greatest($3::bigint, pg_current_xact_id()::text::bigint), $4::float8, $5, {TIMELINE}, now())
ON CONFLICT (name) DO NOTHING"""  # noqa: S608 - a constant
REPLACE: Final = f"""
UPDATE seawall_lease
SET holder = $2, fence = $3::bigint, ttl_seconds = $4::float8, write = $5, timeline = {TIMELINE}, changed_at = now()
WHERE name = $1 AND write = $6 RETURNING fence"""  # noqa: S608 - a constant
READ_STATE: Final = "SELECT document, fence FROM seawall_state WHERE key = $1"
CLAIM_STATE: Final = """
INSERT INTO seawall_state AS present (key, document, fence, changed_at) VALUES ($1, NULL, $2::bigint, now())
ON CONFLICT (key) DO UPDATE SET fence = excluded.fence, changed_at = now() WHERE present.fence <= excluded.fence
RETURNING document, fence"""
PUT_STATE: Final = """
INSERT INTO seawall_state AS present (key, document, fence, changed_at) VALUES ($1, $3, $2::bigint, now())
ON CONFLICT (key) DO UPDATE SET document = excluded.document, fence = excluded.fence, changed_at = now()
WHERE present.fence <= excluded.fence
RETURNING fence"""

Row = list[str | None]


class _Server:
    """One server, asked one question at a time."""

    def __init__(self, conninfo: str, timeout_seconds: float) -> None:
        number("timeout_seconds", timeout_seconds, above=0.0)
        try:
            parameters = conninfo_to_dict(conninfo)
        except psycopg.ProgrammingError:
            # Neither the text nor libpq's complaint, which repeats it: there may be a password in it.
            raise InvalidInput("conninfo", "(not shown)", allowed="a connection string of libpq's") from None
        hosts = str(parameters.get("host") or parameters.get("hostaddr") or "")
        if "," in hosts:
            raise InvalidInput(
                "conninfo.host",
                hosts,
                allowed="one server",
                because="which of several answers would decide who holds the lease",
            )
        if not hosts:
            raise InvalidInput(
                "conninfo.host", None, allowed="a server's name", because="it must be known where it would fail"
            )
        self.host: Final = hosts
        self.where: Final = f"PostgreSQL at {hosts}:{parameters.get('port') or 5432}/{parameters.get('dbname') or ''}"
        self._conninfo: Final = conninfo
        self._timeout: Final = timeout_seconds

    def rows(self, statement: str, values: Sequence[str | None]) -> list[Row]:
        """Of one statement.

        Raises:
            LeaseUnavailable: There is no answer in time, or an error.
        """
        deadline = time.monotonic() + self._timeout
        try:
            wire = connect(PARAMETERS, deadline, conninfo=self._conninfo)
            try:
                ask(wire, SESSION.format(milliseconds=max(1, int(self._timeout * 1000))), deadline)
                *_, result = ask(wire, statement, deadline, values)
            finally:
                wire.finish()
        except TimeoutError as error:
            raise LeaseUnavailable(self.where, str(error)) from error
        except (psycopg.Error, OSError) as error:
            raise LeaseUnavailable(self.where, _one_line(str(error)) or type(error).__name__) from error
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise LeaseUnavailable(self.where, _one_line(result.error_message.decode(errors="replace")))
        return rows_of(result)


@final
class PostgresLeaseStore:
    """Leases in the table `seawall_lease`.

    Args:
        conninfo: libpq's connection string or URL, of one server. Never shown.
        region: Where that server is: an AWS region, or a name of your own for a place elsewhere.
        timeout_seconds: Of each request; that of the lease's terms.

    Raises:
        InvalidInput: It names no server, or several.
    """

    def __init__(self, conninfo: str, *, region: str, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> None:
        self._server: Final = _Server(conninfo, timeout_seconds)
        self._region: Final = region

    @property
    def where(self) -> str:
        """Host, port and database."""
        return self._server.where

    @property
    def location(self) -> Location:
        """The server, and its region."""
        return Location(self._region, frozenset({self._server.host}))

    def read(self, name: str) -> Stored | None:
        """The latest record."""
        rows = self._server.rows(READ, [name])
        if not rows:
            return None
        holder, fence, ttl, write, then, now = (each or "" for each in rows[0])
        record = LeaseRecord(holder=holder, fence=int(fence), ttl_seconds=float(ttl), write=write)
        if then != now:  # promoted since: what was written in between may be lost
            record = replace(record, holder=NEVER_SEEN, fence=record.fence + SKIPPED_FENCES)
        return Stored(record, write)

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make a record where there is none."""
        self._server.rows(CREATE, [name, *_values(record)])

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write a record over another one."""
        rows = self._server.rows(REPLACE, [name, *_values(record), over.version])
        return Stored(record, record.write) if rows else None

    def __repr__(self) -> str:
        return f"<PostgresLeaseStore {self.where}>"


@final
class PostgresState:
    """Fenced states in the table `seawall_state`.

    Args:
        conninfo: libpq's connection string or URL, of one server. Never shown.
        timeout_seconds: Of each request.

    Raises:
        InvalidInput: It names no server, or several.
    """

    def __init__(self, conninfo: str, *, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> None:
        self._server: Final = _Server(conninfo, timeout_seconds)

    @property
    def where(self) -> str:
        """Host, port and database."""
        return self._server.where

    def read(self, key: str) -> FencedDocument | None:
        """What is there."""
        rows = self._server.rows(READ_STATE, [key])
        return _document(rows[0]) if rows else None

    def claim(self, key: str, held: Fenced) -> FencedDocument:
        """Let nobody with a lower fence write any more, and read."""
        return _document(self._write(CLAIM_STATE, key, held, []))

    def put(self, key: str, text: str, held: Fenced) -> None:
        """Write."""
        self._write(PUT_STATE, key, held, [text])

    def _write(self, statement: str, key: str, held: Fenced, more: list[str | None]) -> Row:
        held.check()
        rows = self._server.rows(statement, [key, str(held.fence), *more])
        if not rows:
            present = self.read(key)
            raise FenceOutrun(f"{self.where}, key {key}", held.fence, present.fence if present else None)
        return rows[0]

    def __repr__(self) -> str:
        return f"<PostgresState {self.where}>"


def _values(record: LeaseRecord) -> list[str]:
    return [record.holder, str(record.fence), repr(record.ttl_seconds), record.write]


def _document(row: Row) -> FencedDocument:
    return FencedDocument(row[0], int(row[1] or 0))


def _one_line(text: str) -> str:
    """The first line, which says what is wrong; hints and contexts follow."""
    return text.strip().partition("\n")[0]
