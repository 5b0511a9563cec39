"""What psycopg's errors mean for the server that they came from."""

from typing import Any

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from seawall.replicas import Fault, fault_of

__all__ = ["fault_in"]


def fault_in(
    error: psycopg.Error, connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any] | None"
) -> Fault:
    """The fault behind an error.

    Args:
        error: psycopg's, or its pool's.
        connection: The one that it came from; `None`: none could be had.
    """
    if isinstance(error, PoolTimeout | TooManyRequests):
        return Fault.POOL_FULL
    lost = connection is None or connection.closed or isinstance(error, PoolClosed)
    return fault_of(error.sqlstate, connection_lost=lost)
