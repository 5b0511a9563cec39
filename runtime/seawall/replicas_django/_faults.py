"""What Django's database errors mean for the server that they came from."""

import sys
from typing import Any, Final

from django.db.utils import Error

from seawall.replicas import Fault, fault_of

__all__ = ["fault_in", "pool_was_closed"]

POOL_MODULE: Final = "psycopg_pool"  # only looked at where the project has loaded it


def fault_in(error: Error, *, connection_lost: bool) -> Fault:
    """The fault behind an error; Django keeps the driver's as its cause.

    Args:
        error: Django's.
        connection_lost: Whether the connection cannot be used any more, or was never made.
    """
    cause = error.__cause__
    if isinstance(cause, _pool_errors("PoolTimeout", "TooManyRequests")):
        return Fault.POOL_FULL
    sqlstate: object = getattr(cause, "sqlstate", None)
    return fault_of(sqlstate if isinstance(sqlstate, str) else None, connection_lost=connection_lost)


def pool_was_closed(error: Error) -> bool:
    """Whether the pool was dropped between being found and being asked: another one is made at the next try."""
    return isinstance(error.__cause__, _pool_errors("PoolClosed"))


def _pool_errors(*names: str) -> tuple[type[BaseException], ...]:
    module: Any = sys.modules.get(POOL_MODULE)
    return tuple(getattr(module, name) for name in names) if module else ()
