"""What differs between drivers: how a COMMIT gets its token, and how a transaction is begun READ ONLY."""

import contextlib
from collections.abc import Callable
from typing import Any, Final, cast

from sqlalchemy import Dialect, PoolProxiedConnection, exc

from seawall.replicas import POSTGRES_POSITION, Fault, ReplicaRouter, Token, fault_of

__all__ = ["RolledBack", "committer", "fault_in", "raw_dialect", "set_read_only"]

COMMIT_AND_ASK: Final = f"COMMIT; {POSTGRES_POSITION}"
COMMITTED: Final = "COMMIT"  # the answer to one; that of a failed transaction is ROLLBACK
POSTGRESQL: Final = "postgresql"
PSYCOPG: Final = "psycopg"
RAW_DIALECTS: Final = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}

Usual = Callable[[Any], None]
Commit = Callable[[PoolProxiedConnection, Usual], Token | None]


class RolledBack(Exception):
    """The transaction had failed, and the server answered its COMMIT with ROLLBACK."""

    def __init__(self, dialect: Dialect) -> None:
        self.errors: Final = cast("Any", dialect.loaded_dbapi)

    def as_drivers(self) -> Exception:
        """The same as an error of the driver's."""
        return cast(
            "Exception",
            self.errors.InternalError(
                "a statement in this transaction had failed: it was rolled back in place of being committed"
            ),
        )


def raw_dialect(dialect: Dialect) -> str:
    """The name by which raw SQL of that dialect is understood; its own when it is not."""
    return RAW_DIALECTS.get(dialect.name, dialect.name)


def committer(dialect: Dialect, router: ReplicaRouter) -> Commit:
    """How to commit with that dialect's driver, and get the token.

    It raises `RolledBack` where the driver tells that this is what happened, and else what the driver raises.
    """

    def psycopg(connection: PoolProxiedConnection, usual: Usual) -> Token | None:
        del usual
        cursor = cast("Any", connection.driver_connection).cursor(row_factory=_rows())
        cursor.execute(COMMIT_AND_ASK, prepare=False)
        if cursor.statusmessage != COMMITTED:
            raise RolledBack(dialect)
        cursor.nextset()
        return router.position_token(cursor.fetchone())

    def psycopg_async(connection: PoolProxiedConnection, usual: Usual) -> Token | None:
        del usual

        async def send(driver: Any) -> tuple[str, Any]:
            cursor = driver.cursor(row_factory=_rows())
            await cursor.execute(COMMIT_AND_ASK, prepare=False)
            answer = cursor.statusmessage
            cursor.nextset()
            return answer, await cursor.fetchone() if answer == COMMITTED else None

        answer, row = cast("Any", connection.dbapi_connection).run_async(send)
        if answer != COMMITTED:
            raise RolledBack(dialect)
        return router.position_token(row)

    def asyncpg(connection: PoolProxiedConnection, usual: Usual) -> Token | None:
        usual(connection)

        async def ask(driver: Any) -> Any:
            return await driver.fetchrow(POSTGRES_POSITION)

        with contextlib.suppress(Exception):  # what is committed is committed
            return router.position_token(tuple(cast("Any", connection.dbapi_connection).run_async(ask)))
        return None

    def others(connection: PoolProxiedConnection, usual: Usual) -> Token | None:
        usual(connection)
        with contextlib.suppress(Exception):
            cursor = connection.cursor()
            cursor.execute(POSTGRES_POSITION)
            row = cursor.fetchone()
            connection.rollback()
            return router.position_token(tuple(row or ()))
        return None

    def by_time(connection: PoolProxiedConnection, usual: Usual) -> Token | None:
        usual(connection)
        return router.time_token()

    if dialect.name != POSTGRESQL:
        return by_time
    if dialect.driver == PSYCOPG:
        return psycopg_async if dialect.is_async else psycopg
    return asyncpg if dialect.driver == "asyncpg" else others


def _rows() -> Any:
    from psycopg.rows import tuple_row

    return tuple_row


def set_read_only(dialect: Dialect, connection: PoolProxiedConnection, *, on: bool) -> None:
    """Let the next transaction be READ ONLY, or as the server has it, without a round trip.

    With other drivers that is left to the server, which is a replica as a rule.
    """
    if dialect.name != POSTGRESQL or dialect.driver not in (PSYCOPG, "asyncpg", "psycopg2"):
        return
    wanted = True if on else False if dialect.driver == "asyncpg" else None
    driver: Any = connection.dbapi_connection
    marked = driver.read_only if dialect.driver == PSYCOPG else driver.readonly
    if marked is not wanted:
        cast("Any", dialect).set_readonly(driver, wanted)


def fault_in(error: BaseException, dialect: Dialect | None) -> Fault:
    """What an error of SQLAlchemy's, or one of its driver's, means.

    Args:
        error: It.
        dialect: Of its engine; `None`: no connection could be had.
    """
    if isinstance(error, exc.TimeoutError):
        return Fault.POOL_FULL
    if isinstance(error, OSError):
        return Fault.CONNECTION_LOST  # asyncpg lets these through as they are
    lost = dialect is None
    if isinstance(error, exc.DBAPIError):
        # Without a statement it failed before there was one: when connecting.
        lost = lost or error.connection_invalidated or error.statement is None
        error = cast("BaseException", error.orig)
    return fault_of(_sqlstate(error), connection_lost=lost)


def _sqlstate(error: BaseException) -> str | None:
    for name in ("sqlstate", "pgcode"):
        state: object = getattr(error, name, None)
        if isinstance(state, str):
            return state
    details: object = error.args[0] if error.args else None  # pg8000's way
    return str(cast("dict[str, object]", details).get("C")) if isinstance(details, dict) else None
