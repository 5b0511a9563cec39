"""Asks servers how they are, through engines of the gauge's own, by a deadline that no driver has to know."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any, Final, final

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from seawall.errors import InvalidInput
from seawall.replicas import (
    MYSQL_READ_ONLY,
    MYSQL_STATUS,
    POSTGRES_STATUS,
    DatabaseServer,
    Observation,
    observe_mysql,
    observe_postgres,
)
from seawall.replicas_sqlalchemy._fleet import MakeEngine

__all__ = ["SqlAlchemyGauge"]

STUCK_SECONDS: Final = 10.0  # a measurement that hangs for longer, whatever was done to end it, is no longer waited for
MEASURED: Final = ("postgresql", "mysql", "mariadb")


@final
class SqlAlchemyGauge:
    """Measures servers of PostgreSQL, MySQL and MariaDB. It keeps one connection to each, of an engine of its own.

    The user needs no privileges on PostgreSQL, and `REPLICATION CLIENT` on the others. With psycopg
    `seawall.replicas_psycopg.PsycopgGauge` does the same without threads of its own.

    Args:
        make_engine: As for `EngineFleet`; sync and async engines will do.
    """

    def __init__(self, make_engine: MakeEngine) -> None:
        self._make: Final = make_engine
        self._lock = threading.Lock()
        self._probes: dict[str, _Probe | _AsyncProbe] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What the server says of itself.

        Raises:
            TimeoutError: it did not answer in time.
            sqlalchemy.exc.DBAPIError, OSError: it cannot be connected to, or refused.
            InvalidInput: it answered with nonsense, or is of an engine that cannot be measured.
        """
        probe = self._probe(server)
        try:
            return probe.measure(timeout_seconds)
        except BaseException:
            if not probe.busy:
                self._drop(server.name, probe)
            raise

    def forget(self, server: DatabaseServer) -> None:
        """Close the connection to it."""
        with self._lock:
            probe = self._probes.get(server.name)
        if probe is not None:
            self._drop(server.name, probe)

    def _probe(self, server: DatabaseServer) -> "_Probe | _AsyncProbe":
        if self._process != os.getpid():  # the parent's are not even closed: that would end its sessions
            self._lock, self._probes, self._loop, self._process = threading.Lock(), {}, None, os.getpid()
        with self._lock:
            probe = self._probes.get(server.name)
            if probe is None or probe.given_up:
                made = self._make(server)
                if made.dialect.name not in MEASURED:
                    raise InvalidInput("make_engine", made.dialect.name, allowed="an engine of " + ", ".join(MEASURED))
                probe = _AsyncProbe(made, self._running_loop()) if isinstance(made, AsyncEngine) else _Probe(made)
                self._probes[server.name] = probe
        return probe

    def _drop(self, name: str, probe: "_Probe | _AsyncProbe") -> None:
        with self._lock:
            if self._probes.get(name) is probe:
                del self._probes[name]
        probe.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """One event loop, in a thread of its own, for all async engines: their connections belong to one."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="seawall-replicas gauge", daemon=True).start()
        return self._loop

    def __repr__(self) -> str:
        return "<SqlAlchemyGauge>"


class _Probe:
    """One server's connection of a sync engine, and the thread that is at it."""

    def __init__(self, engine: Engine) -> None:
        self._engine: Final = engine
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._since = 0.0
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a measurement hangs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def given_up(self) -> bool:
        """Whether it hangs for so long that another one is to be made."""
        return self.busy and time.monotonic() - self._since > STUCK_SECONDS

    def measure(self, timeout_seconds: float) -> Observation:
        """See `SqlAlchemyGauge.measure`."""
        if self.busy:
            raise TimeoutError("the last measurement still hangs")
        answer: Future[Observation] = Future()
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(answer,), name="seawall-replicas gauge", daemon=True)
        self._thread.start()
        try:
            return answer.result(timeout_seconds)
        except TimeoutError:
            if answer.done():
                raise  # the driver's own
            self._wake()
            raise TimeoutError("the server did not answer in time") from None

    def _run(self, answer: "Future[Observation]") -> None:
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            answer.set_result(_ask(self._connection))
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            answer.set_exception(error)
            self._close()
        if self._closed:
            self._close()

    def _wake(self) -> None:
        """Let the driver find its connection ended, where it says which that is."""
        with contextlib.suppress(Exception):
            connection: Any = None if self._connection is None else self._connection.connection.driver_connection
            with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.close()
        self._engine.dispose()

    def close(self) -> None:
        """End it; a measurement that hangs does so when it comes back."""
        self._closed = True
        if self.busy:
            self._wake()
        else:
            self._close()


class _AsyncProbe:
    """One server's connection of an async engine, in the gauge's event loop."""

    def __init__(self, engine: AsyncEngine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine: Final = engine
        self._loop: Final = loop
        self._connection: AsyncConnection | None = None
        self._since = 0.0
        self.busy = False
        """Whether a measurement hangs: some drivers take their time to be cancelled."""

    @property
    def given_up(self) -> bool:
        """See `_Probe`."""
        return self.busy and time.monotonic() - self._since > STUCK_SECONDS

    def measure(self, timeout_seconds: float) -> Observation:
        """See `SqlAlchemyGauge.measure`."""
        if self.busy:
            raise TimeoutError("the last measurement still hangs")
        self.busy, self._since = True, time.monotonic()
        answer = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
        try:
            return answer.result(timeout_seconds)
        except TimeoutError:
            if not answer.cancel():
                raise  # the driver's own
            raise TimeoutError("the server did not answer in time") from None

    async def _run(self) -> Observation:
        try:
            if self._connection is None:
                connection = await self._engine.connect()
                self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            return await self._connection.run_sync(_ask)
        except BaseException:
            await self._end()
            raise
        finally:
            self.busy = False

    def close(self) -> None:
        """End it, soon; a measurement that hangs does so when it comes back."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)

    async def _end(self) -> None:
        connection, self._connection = self._connection, None
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STUCK_SECONDS):
                if connection is not None:
                    await connection.invalidate()  # not rolled back: nobody may be there to answer
                await self._engine.dispose()


def _ask(connection: Connection) -> Observation:
    if connection.dialect.name == "postgresql":
        return observe_postgres(tuple(connection.exec_driver_sql(POSTGRES_STATUS).one()))
    read_only = connection.exec_driver_sql(MYSQL_READ_ONLY).scalar_one()
    status = connection.exec_driver_sql(MYSQL_STATUS).mappings().first()
    return observe_mysql(read_only, None if status is None else {str(name): value for name, value in status.items()})
