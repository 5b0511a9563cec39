"""The board in a SQLite file: for tests, and for observers that all run on one host. Not for a network file system."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from seawall_ops.failover.board import BoardUnavailable, Outrun, Stored

__all__ = ["SqliteStore"]

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS board"
    " (cluster TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL,"
    " PRIMARY KEY (cluster, key))"
)


@final
class SqliteStore:
    """The records of one cluster in a file that several processes share.

    Args:
        path: The file; it is made when it is first used, its folder has to be there.
        cluster: Name of the cluster.
        timeout_seconds: How long a reading or a writing waits for others.
    """

    __slots__ = ("_cluster", "_path", "_timeout_seconds")

    def __init__(self, path: Path | str, cluster: str, *, timeout_seconds: float = 5.0) -> None:
        self._path: Final = Path(path)
        self._cluster: Final = cluster
        self._timeout_seconds: Final = timeout_seconds

    @property
    def where(self) -> str:
        """For messages."""
        return f"file {self._path}"

    @property
    def region(self) -> str | None:
        """It is in no region."""
        return None

    def read(self) -> Mapping[str, Stored]:
        """All records, by key.

        Raises:
            BoardUnavailable: The file cannot be read.
        """
        with self._connected() as connection:
            rows = connection.execute("SELECT key, version, text FROM board WHERE cluster = ?", (self._cluster,))
            return {str(key): Stored(int(version), str(text)) for key, version, text in rows.fetchall()}

    def put(self, key: str, stored: Stored, *, over: int | None) -> None:
        """Write a record over the version that was read.

        Raises:
            Outrun: It is not that version any more.
            BoardUnavailable: The file cannot be written.
        """
        with self._connected() as connection:
            if over is None:
                done = connection.execute(
                    "INSERT INTO board (cluster, key, version, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (self._cluster, key, stored.version, stored.text),
                )
            else:
                done = connection.execute(
                    "UPDATE board SET version = ?, text = ? WHERE cluster = ? AND key = ? AND version = ?",
                    (stored.version, stored.text, self._cluster, key, over),
                )
            if done.rowcount != 1:
                raise Outrun(self.where, key)

    def delete(self, key: str, *, over: int) -> None:
        """Delete a record of the version that was read.

        Raises:
            Outrun: It is not that version any more.
            BoardUnavailable: The file cannot be written.
        """
        with self._connected() as connection:
            done = connection.execute(
                "DELETE FROM board WHERE cluster = ? AND key = ? AND version = ?", (self._cluster, key, over)
            )
            if done.rowcount != 1:
                raise Outrun(self.where, key)

    @contextmanager
    def _connected(self) -> Generator[sqlite3.Connection]:
        """A connection of its own for each request: no thread and no fork shares one."""
        try:
            connection = sqlite3.connect(self._path, timeout=self._timeout_seconds, isolation_level=None)
        except sqlite3.Error as error:
            raise BoardUnavailable(self.where, str(error)) from error
        try:
            connection.execute(TABLE)
            yield connection  # each statement is a transaction of its own
        except sqlite3.Error as error:
            raise BoardUnavailable(self.where, str(error)) from error
        finally:
            connection.close()
