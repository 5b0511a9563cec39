"""One session's way: which server it is at, and what its errors mean."""

from typing import Any, Final, Literal, final

from sqlalchemy import Dialect, PoolProxiedConnection
from sqlalchemy.util import await_only

from seawall.errors import DatabaseInterrupted, WriteAfterRead
from seawall.replicas import Fault, ReplicaRouter, Route, StatementKind, UnitOfWork
from seawall.replicas_sqlalchemy._drivers import Commit, RolledBack, Usual, fault_in, set_read_only

__all__ = ["COURSE", "Course"]

COURSE: Final = "seawall.course"
"""Where a connection's `info` keeps the course of the session that has a transaction on it."""

CONFLICT_WITH_RECOVERY: Final = "40001"  # what a replica says when it ends a query to go on replaying


@final
class Course:
    """A session's.

    Args:
        router: Who decides.
        start_on: See `ReplicaRouter.unit`.
        later: Whether waits are awaited: SQLAlchemy runs async sessions in greenlets.
    """

    __slots__ = ("_later", "_router", "guarded", "moved", "must_write", "route", "sent", "unit")

    def __init__(self, router: ReplicaRouter, start_on: Literal["reader", "writer"] | None, *, later: bool) -> None:
        self._router: Final = router
        self._later: Final = later
        self.unit: Final[UnitOfWork] = router.unit(start_on=start_on)
        self.route: Route | None = None
        self.sent: int = 0
        self.moved: bool = False
        """Whether the statement under way was sent elsewhere, so that the unit is not asked again."""
        self.must_write: bool = False
        """Whether the server said of the statement under way that it writes."""
        self.guarded: bool = False
        """Whether errors are judged further up."""

    # Where to

    def go(self, kind: StatementKind | None) -> Route:
        """The server for the next statement; `None`: it belongs where the session is.

        Raises:
            as `UnitOfWork.route`.
        """
        if self.route is not None and (kind is None or self.moved):
            self.moved = False
        else:
            asked = StatementKind.WRITE if self.must_write else StatementKind.UNKNOWN if kind is None else kind
            self.must_write = False
            self.route = await_only(self.unit.aroute(asked)) if self._later else self.unit.route(asked)
        self.sent += 1
        return self.route

    def begun(self, dialect: Dialect, connection: PoolProxiedConnection) -> None:
        """The session has a transaction on that connection from now on; nothing was sent yet."""
        connection.info[COURSE] = self
        set_read_only(dialect, connection, on=self.route is not None and self.route.read_only)

    @property
    def leaves_marks(self) -> bool:
        """Whether it reads at the writer, whose connections are not to stay read-only: migrations use them, too."""
        return self.route is not None and self.route.read_only and self.route.is_writer

    # What errors mean

    def goes_on(self, error: Exception, dialect: Dialect, *, movable: bool) -> bool:
        """Whether the statement that failed is to be sent again, where `go` says; false: it is the app's own error.

        Args:
            error: What SQLAlchemy raised.
            dialect: Of the engine.
            movable: Whether the transaction could begin anew: not when savepoints are in it.

        Raises:
            DatabaseInterrupted: the server went away, or no connection was free in time.
            WriteAfterRead, WriteInReadOnlyScope: the server refused as a write what seemed to read.
        """
        fault = fault_in(error, dialect)
        if self._refused(error, fault, movable=movable):
            return True
        passing = fault is Fault.OTHER and self._conflicts(error)
        other = self._elsewhere(error, Fault.POOL_FULL if passing else fault) if movable else None
        if other is None:
            interrupted = self.interrupted(error, fault)
            if interrupted is not None:
                raise interrupted from error
            return False
        self.route, self.moved, self.sent = other, True, 0
        return True

    def _refused(self, error: Exception, fault: Fault, *, movable: bool) -> bool:
        route = self.route
        if fault is not Fault.READ_ONLY or route is None or not route.read_only:
            return False
        if self.sent > 1 or not movable:
            raise WriteAfterRead(self._router.name, route.server.name) from error
        self.unit.rolled_back()
        self.restart()
        self.must_write = True
        return True

    def _conflicts(self, error: Exception) -> bool:
        """Whether a replica gave the query up to go on replaying: another server may have time for it."""
        route, orig = self.route, getattr(error, "orig", None)
        return route is not None and not route.is_writer and getattr(orig, "sqlstate", None) == CONFLICT_WITH_RECOVERY

    def _elsewhere(self, error: Exception, fault: Fault) -> Route | None:
        if self._later:
            return await_only(self.unit.aelsewhere(error, fault))
        return self.unit.elsewhere(error, fault)

    def interrupted(self, error: Exception, fault: Fault) -> DatabaseInterrupted | None:
        """See `UnitOfWork.interrupted`."""
        if self.route is not None and self.route.read_only and fault is Fault.READ_ONLY:
            return None  # that is what was asked for
        return self.unit.interrupted(error, fault)

    # How it ends

    def commit(self, dialect: Dialect, connection: PoolProxiedConnection, commit: Commit, usual: Usual) -> None:
        """Commit, and note the token.

        Raises:
            NoWriterAvailable, DatabaseInterrupted: nothing may be committed here any more.
            DatabaseInterrupted: the connection was lost; `safe_to_retry` is false.
        """
        unit = self.unit
        wanted = unit.committing()
        token = None
        try:
            if wanted:
                token = commit(connection, usual)
            else:
                usual(connection)
        except RolledBack as error:
            unit.rolled_back()
            self.restart()
            raise error.as_drivers() from None
        except Exception as error:
            lost = isinstance(error, OSError) or _is_lost(dialect, connection, error)
            if lost and not wanted:
                connection.invalidate()  # all that was to be read has been
            else:
                interrupted = self.interrupted(error, fault_in(error, None if lost else dialect))
                if interrupted is None:
                    raise
                if lost:
                    connection.invalidate(error)
                raise interrupted from error
        except BaseException:
            if wanted:
                unit.committed(None)  # cancelled in the middle of it: nobody knows
            raise
        unit.committed(token)
        self.restart()

    def ended(self) -> None:
        """The session's transaction is over; what was not committed is not."""
        self.unit.rolled_back()
        self.restart()

    def restart(self) -> None:
        """Nothing has been sent."""
        self.route = None
        self.sent = 0
        self.moved = self.must_write = False


def _is_lost(dialect: Dialect, connection: PoolProxiedConnection, error: Exception) -> bool:
    errors: Any = dialect.loaded_dbapi
    return isinstance(error, errors.Error) and dialect.is_disconnect(error, connection.dbapi_connection, None)  # pyright: ignore[reportArgumentType] - as SQLAlchemy itself calls it
