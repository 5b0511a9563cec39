"""The database engine's part: `default` follows promotions and takes tokens, members only read.

`Replicated` stands before a database wrapper of Django's for PostgreSQL, and overrides only what every Django since 4.2
has: making a connection, opening a cursor, running a statement (as one of Django's execute wrappers), COMMIT and ROLLBACK.

What holds at all times:

1. A connection to a server that is not the writer any more is closed before `default` uses it again. One with a transaction
   under way is not swapped below it: the transaction fails, and says whether it may be run again.
2. Only a read that was routed, and runs outside of a transaction, is sent twice. A write never is.
3. A member's alias has read-only sessions, so that nothing is written by way of it, whatever its server is.
"""

import contextlib
from typing import Any, Final, cast

import psycopg
from django.db import connections
from django.db.backends.base.base import NO_DB_ALIAS, BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper, debug_transaction
from django.db.utils import Error
from psycopg.rows import tuple_row
from psycopg_pool import PoolClosed

from seawall.errors import DatabaseInterrupted
from seawall.replicas import POSTGRES_POSITION, DatabaseServer, Fault, StatementKind, Token, UnitOfWork
from seawall.replicas._scope import READ_ONLY, mode
from seawall.replicas_django._desk import desk
from seawall.replicas_django._errors import DatabaseOperationInterrupted
from seawall.replicas_django._setup import MEMBER_KEY, WRITER_ALIAS, Replicas, installed
from seawall.replicas_django._statements import Statement
from seawall.replicas_psycopg._conninfo import WATCHFUL, split_address
from seawall.replicas_psycopg._course import COMMIT_AND_ASK, COMMITTED, CONFLICT_WITH_RECOVERY
from seawall.replicas_psycopg._faults import fault_in

__all__ = ["Replicated"]

IDLE: Final = 0  # libpq's PQTRANS_IDLE: connected, and no transaction under way
ABOUT_THE_SERVER: Final = (Fault.READ_ONLY, Fault.SHUTTING_DOWN, Fault.CONNECTION_LOST)


class Replicated(BaseDatabaseWrapper):
    """Put before a wrapper for PostgreSQL, e.g. PostGIS's: `class DatabaseWrapper(Replicated, postgis.DatabaseWrapper)`."""

    connection: Any  # as in Django's own class, which is not typed here

    def __init__(self, settings_dict: dict[str, Any], alias: str = WRITER_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        self._member: Final = cast("str | None", settings_dict.get(MEMBER_KEY))
        self._server: DatabaseServer | None = None  # that the connection goes to
        self._generation: int = 0  # of the router, when the connection was made
        self._unit: UnitOfWork | None = None  # of the transaction on `default`
        self.execute_wrappers.insert(0, self._run)  # first in the list: outside of all others

    @property
    def _replicas(self) -> Replicas | None:
        """The project's, if this wrapper is for one of its aliases."""
        ours = self._member is not None or self.alias in (WRITER_ALIAS, NO_DB_ALIAS)
        return installed() if ours else None

    # Connections

    def plain_connection_params(self) -> dict[str, Any]:
        """What the settings say, whichever server is connected to."""
        return super().get_connection_params()

    def get_connection_params(self) -> dict[str, Any]:
        """The settings', with the address of the alias's own member, or of the writer as it is now.

        Raises:
            NoWriterAvailable: there is none, or this process may not write.
        """
        params = super().get_connection_params()
        replicas = self._replicas
        if replicas is None:
            return params
        if self._member is None:
            route = replicas.running().pick_writer()
            route.release()
            self._server, self._generation = route.server, route.generation
        else:
            self._server = replicas.server(self._member) or DatabaseServer(self._member)
        return {**WATCHFUL, **params, **split_address(self._server.address)}

    def connect(self) -> None:
        """Connect anew; what was under way on a connection before is over."""
        self._drop_unit()  # of a connection that was lost
        super().connect()

    def ensure_connection(self) -> None:
        """Connect where there is no connection, or one to a server that is not the writer any more.

        Raises:
            DatabaseOperationInterrupted: the writer cannot be reached. Nothing was sent.
        """
        if self.connection is not None and not self._close_if_outdated():
            return
        try:
            super().ensure_connection()
        except Error as error:
            if not isinstance(error.__cause__, PoolClosed):  # dropped between being found and being asked
                self._unreachable(error)
                raise
            super().ensure_connection()

    def _unreachable(self, error: Error) -> None:
        """Tell the router, and say of the writer what that means."""
        replicas, server = self._replicas, self._server
        if replicas is None or server is None or self.closed_in_transaction:
            return
        if self._fault(error) is not Fault.POOL_FULL:
            replicas.router.suspect(server.name)
        if self._member is None:
            because = str(error).splitlines()[0]
            raise DatabaseOperationInterrupted(server.name, safe_to_retry=True, because=because) from error

    def close_if_unusable_or_obsolete(self) -> None:
        """Django's care before and after each request. It must not connect: a request may have no need of a database."""
        if self.connection is not None and not self._close_if_outdated():
            super().close_if_unusable_or_obsolete()

    def _close_if_outdated(self) -> bool:
        """Close a connection to what is not this alias's server any more, unless it is in a transaction."""
        outdated = self._outdated() and not self.in_atomic_block and self._idle()
        if outdated:
            self.close()
        return outdated

    def _outdated(self) -> bool:
        replicas, server = self._replicas, self._server
        if replicas is None or server is None:
            return False
        if self._member is None:
            return replicas.router.generation != self._generation
        now = replicas.server(self._member)
        return now is not None and now.address != server.address

    def _idle(self) -> bool:
        """Nothing of a transaction is under way, whoever began it."""
        connection: Any = self.connection
        return connection.closed or connection.info.transaction_status == IDLE

    def _close(self) -> None:
        self._drop_unit()
        pool: Any = getattr(self.connection, "_pool", None)
        if pool is None:
            cast("Any", super())._close()
            return
        # Back to where it is from. Django looks for the pool of today, and would make one for that.
        connection, self.connection = self.connection, None
        with self.wrap_database_errors:
            pool.putconn(connection)

    def _cursor(self, name: str | None = None) -> CursorWrapper:
        unit = desk.look(self.alias)
        if unit is None:
            return self.open_cursor(name)
        wrapper = self
        while True:
            try:
                return wrapper.open_cursor(name)
            except Error as error:
                other = wrapper.elsewhere(unit, error)
                if other is None:
                    desk.clear()
                    raise
                wrapper = other
                desk.move(wrapper.alias)

    def open_cursor(self, name: str | None = None) -> CursorWrapper:
        """A cursor on this alias and no other."""
        return cast("Any", super())._cursor(name)

    # Statements

    def _run(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        statement = Statement(execute, sql, params, context, many=many)
        unit = desk.take(self.alias)
        if unit is not None:
            with contextlib.closing(unit):
                return self._read(unit, statement)
        replicas = self._replicas
        if replicas is None:
            return statement.send()
        kind = statement.kind if self._member is None else None
        if kind is StatementKind.UNKNOWN and mode() & READ_ONLY:
            return self._read_only(replicas, statement)
        if kind is None:
            return self._unrouted(replicas, statement)
        if self._unit is not None:
            self._route(self._unit, kind)
            return self._watched(self._unit, statement)
        with contextlib.closing(replicas.running().unit(transaction=False, start_on="writer")) as unit:
            return self._alone(replicas, unit, kind, statement)

    def _read(self, unit: UnitOfWork, statement: Statement) -> Any:
        """A read that was routed, outside of any transaction: sent elsewhere when its server goes away."""
        wrapper: Replicated = self
        while True:
            try:
                if wrapper is not self:
                    statement.move(wrapper)
                return statement.send()
            except Error as error:
                other = wrapper.elsewhere(unit, error)
                if other is None:
                    wrapper.give_up(unit, error)
                    raise
                wrapper = other

    def _read_only(self, replicas: Replicas, statement: Statement) -> Any:
        """A statement that somebody wrote, inside of `read_only()`: where reads go, in a session that is read-only."""
        if self._unit is not None:  # in a transaction, which is read-only itself if it began inside
            return self._unrouted(replicas, statement)
        with contextlib.closing(replicas.running().unit(transaction=False)) as unit:
            route = unit.route(StatementKind.READ)
            wrapper = cast("Replicated", connections[replicas.alias_of(route.server)])
            statement.move(wrapper)
            return wrapper._read(unit, statement)

    def _unrouted(self, replicas: Replicas, statement: Statement) -> Any:
        """A statement on an alias that was named, or one that only steers its session."""
        try:
            return statement.send()
        except Error as error:
            if self._server is not None and self._fault(error) in ABOUT_THE_SERVER:
                replicas.router.suspect(self._server.name)
                self._let_go()
            raise

    def _alone(self, replicas: Replicas, unit: UnitOfWork, kind: StatementKind, statement: Statement) -> Any:
        """A statement on `default` that is a transaction by itself."""
        server = unit.route(kind).server
        if self._server is None or server.name != self._server.name:  # it changed since the cursor was opened
            self.close()
            statement.move(self)
        result = self._watched(unit, statement)
        unit.wrote_by_itself(self._position(replicas))
        return result

    def _watched(self, unit: UnitOfWork, statement: Statement) -> Any:
        try:
            return statement.send()
        except Error as error:
            self.give_up(unit, error)
            raise

    def _route(self, unit: UnitOfWork, kind: StatementKind) -> None:
        """Ask whether the transaction may go on where it is."""
        try:
            server = unit.route(kind).server
        except DatabaseInterrupted as error:
            raise DatabaseOperationInterrupted.of(error) from error
        if self._server is not None and server.name != self._server.name:
            raise DatabaseOperationInterrupted(
                self._server.name, safe_to_retry=True, because=f"{server.name} became the writer"
            )

    def elsewhere(self, unit: UnitOfWork, error: Error) -> "Replicated | None":
        """The wrapper that a read which failed here is to be sent by; `None`: it has failed."""
        route = None if self.in_atomic_block else unit.elsewhere(error, self._fault(error))
        if route is None:
            return None
        self._let_go()
        replicas = cast("Replicas", self._replicas)
        return cast("Replicated", connections[WRITER_ALIAS if route.is_writer else replicas.alias_of(route.server)])

    def give_up(self, unit: UnitOfWork, error: Error) -> None:
        """Raise what the error means, unless it is the application's own."""
        if isinstance(error, DatabaseOperationInterrupted) or self._conflicts(error):
            return
        interrupted = unit.interrupted(error, self._fault(error))
        if interrupted is not None:
            self._let_go()
            raise DatabaseOperationInterrupted.of(interrupted) from error

    def _fault(self, error: Error) -> Fault:
        """What an error means; Django keeps the driver's as its cause."""
        if self._conflicts(error):
            return Fault.POOL_FULL  # says nothing about the server, and another one may have time for it
        cause = error.__cause__
        return fault_in(cause, self.connection) if isinstance(cause, psycopg.Error) else Fault.OTHER

    def _conflicts(self, error: Error) -> bool:
        """Whether a replica has ended the statement to go on replaying."""
        return self._member is not None and getattr(error.__cause__, "sqlstate", None) == CONFLICT_WITH_RECOVERY

    def _let_go(self) -> None:
        """Close a connection that is lost. One in a transaction is left to the end of its block, as Django has it."""
        connection: Any = self.connection
        if connection is not None and connection.closed and not self.in_atomic_block:
            with contextlib.suppress(Error):
                self.close()

    # Transactions

    def _set_autocommit(self, autocommit: bool) -> None:
        cast("Any", super())._set_autocommit(autocommit)
        replicas = self._replicas
        if replicas is None:
            return
        if self._member is not None:
            desk.snapshot = None if autocommit else self.alias
            return
        self._drop_unit()
        if not autocommit:
            self._unit = replicas.running().unit(transaction=True, start_on="writer")
            connection: Any = self.connection
            read_only = True if mode() & READ_ONLY else None  # the server refuses what functions would write
            if connection.read_only is not read_only:
                connection.read_only = read_only

    def set_autocommit(self, autocommit: bool, *arguments: bool, **more: bool) -> None:
        """As Django's, but a lost connection is not made anew only to end the transaction that went with it."""
        if autocommit and self.connection is None and not self.in_atomic_block:
            # The end of a transaction whose connection was lost. To connect, only for this, would hide what happened.
            self._drop_unit()
            self.autocommit = True
            return
        super().set_autocommit(autocommit, *arguments, **more)

    def _commit(self) -> None:
        unit, replicas = self._unit, self._replicas
        if unit is None or replicas is None or self.connection is None or mode() & READ_ONLY:
            cast("Any", super())._commit()
            return
        try:
            if not self._idle():
                self._route(unit, StatementKind.UNKNOWN)  # COPY and the like do not come by `_run`
            wanted = unit.committing()
        except BaseException:
            with contextlib.suppress(Error):  # else the connection is lost, and the server rolls back
                self._rollback()
            raise
        committed, token = True, None
        try:
            if wanted:
                committed, token = self._commit_and_ask(replicas)
            else:
                cast("Any", super())._commit()
        except Error as error:
            self.give_up(unit, error)
            unit.rolled_back()
            raise
        if committed:
            unit.committed(token)
        else:
            unit.rolled_back()

    def _commit_and_ask(self, replicas: Replicas) -> tuple[bool, Token | None]:
        """COMMIT, and the position after it, in one round trip; whether it was one."""
        with debug_transaction(self, "COMMIT"), self.wrap_database_errors, self._plain_cursor() as cursor:
            cursor.execute(COMMIT_AND_ASK, prepare=False)  # of several commands none can be prepared
            committed = cursor.statusmessage == COMMITTED
            cursor.nextset()
            row = cursor.fetchone()
        return committed, replicas.router.position_token(row)

    def _position(self, replicas: Replicas) -> Token | None:
        """The position after a statement that committed by itself; `None`: the connection was lost since."""
        with contextlib.suppress(Error), self.wrap_database_errors, self._plain_cursor() as cursor:
            cursor.execute(POSTGRES_POSITION)
            return replicas.router.position_token(cursor.fetchone())
        return None

    def _plain_cursor(self) -> Any:
        connection: Any = self.connection
        return connection.cursor(row_factory=tuple_row)

    def _rollback(self) -> None:
        cast("Any", super())._rollback()
        if self._unit is not None:
            self._unit.rolled_back()

    def _drop_unit(self) -> None:
        unit, self._unit = self._unit, None
        if unit is not None:
            unit.close()
        if self._member is not None and desk.snapshot == self.alias:
            desk.snapshot = None
