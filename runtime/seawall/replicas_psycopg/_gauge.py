"""Asks PostgreSQL servers how they are, by a deadline, whatever they or the network do meanwhile."""

import os
import select
import threading
import time
from typing import Final, final

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from seawall.replicas import POSTGRES_STATUS, DatabaseServer, Observation, observe_postgres
from seawall.replicas_psycopg._conninfo import Connecting, Conninfo

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
        wire = self._take(server.name) or _connect(self._connecting.parameters(server), deadline)
        try:
            observation = observe_postgres(_ask(wire, deadline))
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


def _connect(parameters: dict[str, object], deadline: float) -> pq.abc.PGconn:
    text = make_conninfo("", **{name: value for name, value in parameters.items() if value is not None})  # pyright: ignore[reportArgumentType] - any of libpq's
    wire = pq.PGconn.connect_start(text.encode())
    try:
        _finish_connecting(wire, deadline)
    except BaseException:
        wire.finish()
        raise
    wire.nonblocking = 1
    return wire


def _finish_connecting(wire: pq.abc.PGconn, deadline: float) -> None:
    while wire.status != pq.ConnStatus.BAD:
        step = wire.connect_poll()
        if step == pq.PollingStatus.OK:
            return
        if step == pq.PollingStatus.FAILED:
            break
        _wait(wire.socket, deadline, writing=step == pq.PollingStatus.WRITING)
    raise psycopg.OperationalError(wire.get_error_message().strip() or "cannot connect")


def _ask(wire: pq.abc.PGconn, deadline: float) -> list[object]:
    """The row of `POSTGRES_STATUS`."""
    wire.send_query(POSTGRES_STATUS.encode())
    while wire.flush():
        _wait(wire.socket, deadline, writing=True)
    results: list[pq.abc.PGresult] = []
    while (result := _next(wire, deadline)) is not None:
        results.append(result)
    if len(results) != 1 or results[0].status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(wire.get_error_message().strip() or "no answer")
    values = [results[0].get_value(0, column) for column in range(results[0].nfields)]
    texts: list[object] = [None if value is None else value.decode() for value in values]
    texts[0] = texts[0] == "t"  # that is how a simple query says true
    return texts


def _next(wire: pq.abc.PGconn, deadline: float) -> pq.abc.PGresult | None:
    while wire.is_busy():
        _wait(wire.socket, deadline)
        wire.consume_input()
    return wire.get_result()


def _wait(descriptor: int, deadline: float, *, writing: bool = False) -> None:
    left = deadline - time.monotonic()
    if left > 0.0:
        poll = select.poll()  # unlike select(), it takes descriptors of any number
        poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
        if poll.poll(left * 1000):
            return
    raise TimeoutError("the server did not answer in time")
