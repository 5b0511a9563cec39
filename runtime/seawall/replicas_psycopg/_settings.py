"""How pools are made, whichever way they are waited for."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg

from seawall._numbers import number
from seawall.replicas import DatabaseServer, Route
from seawall.replicas_psycopg._conninfo import Connecting
from seawall.selector._model import whole

__all__ = ["PoolSettings", "has_no_room"]

WORKERS: Final = 2  # threads or tasks of a pool that connect and tidy up
SERVER_FULL: Final = "53"  # the class of SQLSTATEs that say that the server is up, but has no room


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """What every pool of one `PsycopgReplicas` or `AsyncPsycopgReplicas` has in common.

    Raises:
        InvalidInput: sizes or waits below 0 or that contradict each other.
    """

    connecting: Connecting
    min_size: int
    max_size: int
    reader_wait_seconds: float
    writer_wait_seconds: float

    def __post_init__(self) -> None:
        whole("max_size", self.max_size)
        whole("min_size", self.min_size, at_least=0, at_most=self.max_size)
        number("reader_wait_seconds", self.reader_wait_seconds, above=0.0)
        number("writer_wait_seconds", self.writer_wait_seconds, above=0.0)

    def wait_seconds(self, route: Route) -> float:
        """How long to wait for a connection to the route's server."""
        return self.writer_wait_seconds if route.is_writer else self.reader_wait_seconds

    def options(self, server: DatabaseServer) -> dict[str, Any]:
        """The arguments of that server's pool that are the same for both kinds of pool."""
        return {
            "kwargs": self.connecting.parameters(server),
            "min_size": self.min_size,
            "max_size": self.max_size,
            "open": False,
            "name": f"seawall {server.name}",
            "reconnect_timeout": 0.0,  # one attempt; the next one who asks makes another
            "num_workers": WORKERS,
        }


def has_no_room(failure: psycopg.Error | None) -> bool:
    """Whether connecting failed only because the server has all the sessions that it may have."""
    return failure is not None and (failure.sqlstate or "").startswith(SERVER_FULL)
