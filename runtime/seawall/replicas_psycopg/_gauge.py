"""Asks PostgreSQL servers how they are, by a deadline, whatever they or the network do meanwhile."""

import os
import threading
import time
from typing import Final, final

import psycopg
from psycopg import pq

from seawall.replicas import POSTGRES_STATUS, DatabaseServer, Observation, observe_postgres
from seawall.replicas_psycopg._conninfo import Connecting, Conninfo
from seawall.replicas_psycopg._wire import ask, connect, rows_of

__all__ = ["PsycopgGauge"]


@final
class PsycopgGauge:
    """Measures servers, on one connection of its own to each, which is kept open.

    The user needs no privileges. It waits for nothing longer than it is given: neither for a host that does not answer, nor
    for a server that takes the question and is silent.

    Args:
        conninfo: As for `PsycopgReplicas`.

    Raises:
        InvalidInput: see `PsycopgReplicas`.
    """

    def __init__(self, conninfo: Conninfo) -> None:
        self._connecting: Final = Connecting(conninfo)
        self._lock = threading.Lock()
        self._kept: dict[str, pq.abc.PGconn] = {}
        self._process = os.getpid()

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What the server says of itself.

        Raises:
            TimeoutError: it did not answer in time.
            psycopg.OperationalError: it cannot be connected to, or refused.
            InvalidInput: it answered with nonsense.
        """
        deadline = time.monotonic() + timeout_seconds
        wire = self._take(server.name) or connect(self._connecting.parameters(server), deadline)
        try:
            observation = observe_postgres(_status(wire, deadline))
        except BaseException:
            wire.finish()
            raise
        self._keep(server.name, wire)
        return observation

    def forget(self, server: DatabaseServer) -> None:
        """Close the connection to it."""
        wire = self._take(server.name)
        if wire is not None:
            wire.finish()

    def _take(self, name: str) -> pq.abc.PGconn | None:
        if self._process != os.getpid():
            # The parent's. To close them here would end its sessions: libpq would say good-bye on its sockets.
            self._lock, self._kept, self._process = threading.Lock(), {}, os.getpid()
        with self._lock:
            return self._kept.pop(name, None)

    def _keep(self, name: str, wire: pq.abc.PGconn) -> None:
        with self._lock:
            spare = self._kept.pop(name, None)  # of a measurement that had been given up, and came back
            self._kept[name] = wire
        if spare is not None:
            spare.finish()

    def __repr__(self) -> str:
        return "<PsycopgGauge>"


def _status(wire: pq.abc.PGconn, deadline: float) -> list[object]:
    """The row of `POSTGRES_STATUS`."""
    results = ask(wire, POSTGRES_STATUS, deadline)
    if len(results) != 1 or results[0].status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(wire.get_error_message().strip() or "no answer")
    texts: list[object] = list(rows_of(results[0])[0])
    texts[0] = texts[0] == "t"  # that is how a simple query says true
    return texts
