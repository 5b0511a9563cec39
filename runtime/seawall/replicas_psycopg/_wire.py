"""One question to one server by a deadline, whatever it or the network do meanwhile: libpq without waiting in it."""

import select
import time
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

__all__ = ["ask", "connect", "rows_of"]


def connect(parameters: Mapping[str, object], deadline: float, *, conninfo: str = "") -> pq.abc.PGconn:
    """Connect.

    Args:
        parameters: libpq's; those that are `None` are left out.
        deadline: By `time.monotonic`.
        conninfo: A connection string, which `parameters` go before.

    Raises:
        TimeoutError: It did not answer in time.
        psycopg.OperationalError: It cannot be connected to, or refused.
        psycopg.ProgrammingError: `conninfo` is none.
    """
    text = make_conninfo(conninfo, **{name: value for name, value in parameters.items() if value is not None})  # pyright: ignore[reportArgumentType] - any of libpq's
    wire = pq.PGconn.connect_start(text.encode())
    try:
        _finish_connecting(wire, deadline)
    except BaseException:
        wire.finish()
        raise
    wire.nonblocking = 1
    return wire


def ask(
    wire: pq.abc.PGconn, statement: str, deadline: float, values: Sequence[str | None] = ()
) -> list[pq.abc.PGresult]:
    """Send a statement; its results.

    Args:
        wire: From `connect`.
        statement: Several at once where there are no values.
        deadline: By `time.monotonic`.
        values: For `$1`, `$2`, ...

    Raises:
        TimeoutError: It did not answer in time; what was asked may be done all the same.
        psycopg.OperationalError: The connection is lost.
    """
    if values:
        wire.send_query_params(statement.encode(), [None if each is None else each.encode() for each in values])
    else:
        wire.send_query(statement.encode())
    while wire.flush():
        _wait(wire.socket, deadline, writing=True)
    results: list[pq.abc.PGresult] = []
    while (result := _next(wire, deadline)) is not None:
        results.append(result)
    return results


def rows_of(result: pq.abc.PGresult) -> list[list[str | None]]:
    """What a result holds, as text."""
    return [
        [
            None if (value := result.get_value(row, column)) is None else value.decode()
            for column in range(result.nfields)
        ]
        for row in range(result.ntuples)
    ]


def _finish_connecting(wire: pq.abc.PGconn, deadline: float) -> None:
    while wire.status != pq.ConnStatus.BAD:
        step = wire.connect_poll()
        if step == pq.PollingStatus.OK:
            return
        if step == pq.PollingStatus.FAILED:
            break
        _wait(wire.socket, deadline, writing=step == pq.PollingStatus.WRITING)
    raise psycopg.OperationalError(wire.get_error_message().strip() or "cannot connect")


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
