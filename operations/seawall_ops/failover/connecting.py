"""Connections to PostgreSQL for observers and operators: bounded in time, and by libpq's own variables.

User, password and TLS are `PGUSER`, `PGPASSWORD` or `PGPASSFILE`, `PGSSLMODE` and the others of libpq.
"""

from collections.abc import Callable
from typing import Any, Final, cast, final

from seawall.errors import MissingExtra

__all__ = ["Connecting"]

MILLISECONDS: Final = 1000
LEAST_CONNECT_SECONDS: Final = 2  # libpq takes no less


@final
class Connecting:
    """Connects anew each time: a connection that stands says nothing about whether others can be made.

    Args:
        database: Name of the database.
        timeout_seconds: For connecting, and for each statement.
        application: `application_name`, for whoever looks at the sessions.
        feature: What it is for, should psycopg be missing.

    Raises:
        MissingExtra: psycopg is not installed.
    """

    def __init__(self, *, database: str, timeout_seconds: float, application: str, feature: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtra("psycopg", feature=feature) from error
        self._connect: Final = cast("Callable[..., Any]", psycopg.connect)
        self._database: Final = database
        self._timeout_seconds: Final = timeout_seconds
        self._application: Final = application

    def __call__(self, host: str, port: int, *, address: str | None = None) -> Any:
        """A connection in autocommit. Whatever the driver raises is for `seawall_ops.failover.meanings.outcome_of`.

        Args:
            host: Its name, which its certificate is held against.
            port: Its port.
            address: Where the name leads, if that was looked up already.
        """
        milliseconds = int(self._timeout_seconds * MILLISECONDS)
        return self._connect(
            host=host,
            **({} if address is None else {"hostaddr": address}),
            port=port,
            dbname=self._database,
            autocommit=True,
            connect_timeout=max(LEAST_CONNECT_SECONDS, int(self._timeout_seconds)),
            tcp_user_timeout=milliseconds,
            options=f"-c statement_timeout={milliseconds}",
            application_name=self._application,
        )
