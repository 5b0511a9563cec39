"""A session whose statements go to the right server."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from sqlalchemy import ClauseElement, Connection, Engine, event, exc
from sqlalchemy.orm import Session, SessionTransaction

from seawall.errors import InvalidInput
from seawall.replicas import StatementKind
from seawall.replicas_sqlalchemy._course import Course
from seawall.replicas_sqlalchemy._fleet import EngineFleet
from seawall.replicas_sqlalchemy._statements import text_of

__all__ = ["RoutingSession"]

R = TypeVar("R")

CAUGHT = (exc.DBAPIError, exc.TimeoutError, OSError)  # asyncpg raises what the operating system says as it is


class RoutingSession(Session):
    """A `Session`, each transaction of which is on one server: what it begins with decides which.

    It begins with a read: at a reader that has what the scope has written, READ ONLY; a write after it raises
    `WriteAfterRead`, unless it was told to start on the writer. It begins with anything else, a flush, a lock, a function
    that is not known to change nothing, raw SQL that is not known to read: at the writer, and stays. After a commit the next
    transaction begins anew.

    Errors of the server's going away are `DatabaseInterrupted`, with SQLAlchemy's as the cause. A first read is run again
    elsewhere instead. For other engines give a statement its `bind_arguments={"bind": ...}`.

    Args:
        fleet: The engines.
        start_on: Where transactions begin; `None`: as the scope says, else on a reader.
        bind, binds: Not to be given: the fleet says.
        options: Of `Session`; not `twophase`.

    Raises:
        InvalidInput: an option that contradicts the fleet.
    """

    def __init__(
        self,
        fleet: EngineFleet,
        *,
        start_on: Literal["reader", "writer"] | None = None,
        bind: None = None,
        binds: None = None,
        **options: Any,
    ) -> None:
        for name, value in (("bind", bind), ("binds", binds), ("twophase", options.get("twophase"))):
            if value:
                raise InvalidInput(name, type(value).__name__, allowed="absent", because="the fleet says where to go")
        later = bool(options.pop("_seawall_later", False))
        super().__init__(**options)
        self._seawall_fleet = fleet
        self._seawall_course = Course(fleet.router, start_on, later=later)

    def get_bind(
        self,
        mapper: Any = None,  # noqa: ARG002 - all mappers are of one database
        *,
        clause: ClauseElement | None = None,
        bind: Engine | Connection | None = None,
        **more: Any,  # noqa: ARG002 - what SQLAlchemy tells itself
    ) -> Engine | Connection:
        """The engine for a statement, and with it the decision where the transaction is.

        Raises:
            WriteAfterRead, WriteInReadOnlyScope, NoReaderAvailable, NoWriterAvailable, WriteLost, DatabaseInterrupted: see
                `UnitOfWork.route`.
        """
        if bind is not None:
            return bind
        route = self._seawall_course.go(self._seawall_kind(clause))
        return self._seawall_fleet.engine(route.server)

    def _seawall_kind(self, clause: ClauseElement | None) -> StatementKind | None:
        course = self._seawall_course
        if self._flushing:
            return StatementKind.WRITE
        if clause is not None:
            if course.route is not None and text_of(clause) is not None:
                return None
            return self._seawall_fleet.kind(clause)
        # A connection is asked for. On one that only reads, the server sees to it.
        return None if course.route is not None and course.route.read_only else StatementKind.UNKNOWN

    def _seawall_guard(self, run: Callable[..., R], *args: Any, **more: Any) -> R:
        course = self._seawall_course
        if course.guarded:
            return run(*args, **more)
        course.guarded = True
        try:
            while True:
                try:
                    return run(*args, **more)
                except CAUGHT as error:
                    if not self._seawall_again(error):
                        raise
        finally:
            course.guarded = False

    def _seawall_again(self, error: Exception) -> bool:
        """Whether to run it again; then nothing is left of the first attempt."""
        course = self._seawall_course
        if course.route is None:
            return False
        engine = self._seawall_fleet.engine(course.route.server)
        again = course.goes_on(error, engine.dialect, movable=not self.in_nested_transaction())
        if again:
            self._seawall_let_go(engine)
        return again

    def _seawall_let_go(self, engine: Engine) -> None:
        """Take that engine's connection out of the transaction. Objects of the session stay as they are: to roll back would
        throw out those that were added, and nothing has been done."""
        transaction = self.get_transaction()
        held = cast("dict[Any, tuple[Any, ...]]", getattr(transaction, "_connections", {}))
        for key, (connection, began, *_) in list(held.items()):
            if connection.engine is engine:
                del held[key]
                with contextlib.suppress(Exception):  # it is lost
                    began.close()
                with contextlib.suppress(Exception):
                    connection.close()

    if not TYPE_CHECKING:  # their signatures are those of `Session`

        def execute(self, statement, *args, **more):
            """See `Session.execute`."""
            return self._seawall_guard(super().execute, statement, *args, **more)

        def scalar(self, statement, *args, **more):
            """See `Session.scalar`."""
            return self._seawall_guard(super().scalar, statement, *args, **more)

        def scalars(self, statement, *args, **more):
            """See `Session.scalars`."""
            return self._seawall_guard(super().scalars, statement, *args, **more)

        def flush(self, *args, **more):
            """See `Session.flush`."""
            return self._seawall_guard(super().flush, *args, **more)

        def connection(self, *args, **more):
            """See `Session.connection`. What is sent on it is not looked at: on a reader it only reads."""
            return self._seawall_guard(super().connection, *args, **more)

        def bulk_save_objects(self, *args, **more):
            """See `Session.bulk_save_objects`."""
            return self._seawall_guard(super().bulk_save_objects, *args, **more)

        def bulk_insert_mappings(self, *args, **more):
            """See `Session.bulk_insert_mappings`."""
            return self._seawall_guard(super().bulk_insert_mappings, *args, **more)

        def bulk_update_mappings(self, *args, **more):
            """See `Session.bulk_update_mappings`."""
            return self._seawall_guard(super().bulk_update_mappings, *args, **more)


def _began(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.parent is None:  # else it is a savepoint, which is under way already
        course = cast("RoutingSession", session)._seawall_course  # pyright: ignore[reportPrivateUsage]
        course.begun(connection.dialect, connection.connection)


def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        cast("RoutingSession", session)._seawall_course.ended()  # pyright: ignore[reportPrivateUsage]


event.listen(RoutingSession, "after_begin", _began)
event.listen(RoutingSession, "after_transaction_end", _ended)
