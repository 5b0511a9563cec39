"""Leases in a SQLite file: for processes that all run on one host, and for trying things out. Not for a network file system.

Each request is a transaction of its own that holds the file's lock from its beginning. The highest fence of a lease stands in
a table of its own, so that fences never come again after a record was deleted. If somebody deletes the file, the first fence
is this host's time in whole seconds, which is beyond all earlier ones unless the lease was taken more than once a second on
average, or the clock was set back.
"""

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, final

from seawall.errors import LeaseUnavailable
from seawall_ops.lease._domains import Location
from seawall_ops.lease._model import REQUEST_TIMEOUT_SECONDS, LeaseRecord, Stored

__all__ = ["HOST", "SqliteLeaseStore"]

HOST: Final = "this host"  # the place that it is lost with: no region has this name
TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS seawall_lease (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, ttl_seconds REAL NOT NULL, write TEXT NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS seawall_fence (name TEXT PRIMARY KEY, fence INTEGER NOT NULL)",
)


@final
class SqliteLeaseStore:
    """Leases in a file that the processes of one host share.

    Args:
        path: The file; it is made when it is first used, its folder has to be there.
        timeout_seconds: How long a request waits for others; that of the lease's terms.
        wall: This host's time in seconds since the epoch, for the first fence of a new file alone.
    """

    __slots__ = ("_path", "_timeout_seconds", "_wall")

    def __init__(
        self,
        path: Path | str,
        *,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path: Final = Path(path)
        self._timeout_seconds: Final = timeout_seconds
        self._wall: Final = wall

    @property
    def where(self) -> str:
        """The file."""
        return f"file {self._path}"

    @property
    def location(self) -> Location:
        """This host, which is no region. Whether it may arbitrate is for whoever uses it to say."""
        return Location(HOST)

    def read(self, name: str) -> Stored | None:
        """The latest record."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT holder, fence, ttl_seconds, write FROM seawall_lease WHERE name = ?", (name,)
            ).fetchone()
        if row is None:
            return None
        holder, fence, ttl_seconds, write = row
        record = LeaseRecord(holder=str(holder), fence=int(fence), ttl_seconds=float(ttl_seconds), write=str(write))
        return Stored(record, record.write)

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make a record where there is none."""
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM seawall_lease WHERE name = ?", (name,)).fetchone() is None:
                highest = _highest(connection, name)
                fence = max(record.fence, int(self._wall()) if highest is None else highest)
                _put(connection, name, replace(record, fence=fence))

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write a record over another one."""
        with self._transaction() as connection:
            known = connection.execute("SELECT write FROM seawall_lease WHERE name = ?", (name,)).fetchone()
            if known is None or known[0] != over.version:
                return None
            if record.fence != over.record.fence:  # it is being taken: perhaps a hand has put an old record back
                record = replace(record, fence=max(record.fence, (_highest(connection, name) or 0) + 1))
            _put(connection, name, record)
        return Stored(record, record.write)

    def __repr__(self) -> str:
        return f"<SqliteLeaseStore {self.where}>"

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        """A connection of its own for each request: no thread and no fork shares one.

        Raises:
            LeaseUnavailable: The file cannot be used, or others hold it for too long.
        """
        try:
            connection = sqlite3.connect(self._path, timeout=self._timeout_seconds, isolation_level=None)
        except sqlite3.Error as error:
            raise LeaseUnavailable(self.where, str(error)) from error
        try:
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                connection.execute(table)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LeaseUnavailable(self.where, str(error)) from error
        finally:
            connection.close()  # what was not committed is taken back


def _highest(connection: sqlite3.Connection, name: str) -> int | None:
    row = connection.execute("SELECT fence FROM seawall_fence WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def _put(connection: sqlite3.Connection, name: str, record: LeaseRecord) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO seawall_lease (name, holder, fence, ttl_seconds, write) VALUES (?, ?, ?, ?, ?)",
        (name, record.holder, record.fence, record.ttl_seconds, record.write),
    )
    connection.execute(
        "INSERT INTO seawall_fence (name, fence) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET fence = max(fence, excluded.fence)",
        (name, record.fence),
    )
