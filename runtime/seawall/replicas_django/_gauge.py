"""How a project's servers are measured: with its own settings, on connections of the gauge's own."""

import contextlib
import math
import select
import threading
import time
from typing import Any, Final, final

from django.db import connections

from seawall.replicas import POSTGRES_STATUS, DatabaseServer, Observation, observe_postgres
from seawall.replicas_django._setup import WRITER_ALIAS, split_address

__all__ = ["DjangoGauge"]

DJANGOS_OWN: Final = ("context", "cursor_factory", "prepare_threshold")  # what its wrappers add for their cursors


@final
class DjangoGauge:
    """Measures PostgreSQL servers as `default`'s user. Handed to the project's `SEAWALL_REPLICAS` function.

    It keeps one connection to each server, beside those of the project's threads and of its pools.
    """

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._connections: Final[dict[str, Any]] = {}
        self._forgotten: Final[dict[str, int]] = {}  # how often

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What the server says of itself. Raises what psycopg raises, or `TimeoutError`."""
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            connection = self._connections.pop(server.name, None)
            forgotten = self._forgotten.get(server.name, 0)
        if connection is None:
            connection = _connect(server, timeout_seconds)
        try:
            observation = observe_postgres(_ask(connection, deadline))
        except BaseException:
            connection.close()
            raise
        with self._lock:
            keep = forgotten == self._forgotten.get(server.name, 0)  # nobody wants it any more, else
            spare = self._connections.pop(server.name, None) if keep else connection
            if keep:
                self._connections[server.name] = connection
        if spare is not None:
            spare.close()
        return observation

    def forget(self, server: DatabaseServer) -> None:
        """Close the connection to it."""
        with self._lock:
            self._forgotten[server.name] = self._forgotten.get(server.name, 0) + 1
            connection = self._connections.pop(server.name, None)
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


def _connect(server: DatabaseServer, timeout_seconds: float) -> Any:
    import psycopg

    from seawall.replicas_django._wrapper import Replicated

    wrapper = connections[WRITER_ALIAS]
    given = wrapper.plain_connection_params() if isinstance(wrapper, Replicated) else wrapper.get_connection_params()
    params: dict[str, Any] = {name: value for name, value in given.items() if name not in DJANGOS_OWN}
    params |= {**split_address(server.address), "connect_timeout": math.ceil(timeout_seconds)}
    return psycopg.connect(autocommit=True, **params)


def _ask(connection: Any, deadline: float) -> tuple[object, ...]:
    """The row of `POSTGRES_STATUS`, by the deadline of the monotonic clock: a server that is frozen still takes packets."""
    from psycopg import OperationalError
    from psycopg.pq import ExecStatus

    wire = connection.pgconn
    wire.send_query(POSTGRES_STATUS.encode())
    results: list[Any] = []
    while True:
        while wire.is_busy():
            left = deadline - time.monotonic()
            if left <= 0.0 or not select.select([wire.socket], [], [], left)[0]:
                raise TimeoutError("the server did not answer in time")
            wire.consume_input()
        result = wire.get_result()
        if result is None:
            break
        results.append(result)
    if len(results) != 1 or results[0].status != ExecStatus.TUPLES_OK:
        raise OperationalError(wire.get_error_message().strip() or "no answer")
    values = [results[0].get_value(0, column) for column in range(results[0].nfields)]
    in_recovery, *rest = (None if value is None else value.decode() for value in values)
    return in_recovery == "t", *rest
