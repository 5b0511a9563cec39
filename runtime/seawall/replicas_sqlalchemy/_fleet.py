"""One engine per server, each of which takes tokens at its COMMITs and is disposed of when its server is retired."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NoReturn, Self, cast, final

from sqlalchemy import Dialect, Engine, PoolProxiedConnection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from seawall._raw_statements import classifier
from seawall.errors import CannotPickle, InvalidInput
from seawall.events import Event
from seawall.replicas import DatabaseServer, ReplicaRouter, Retirement, StatementKind, WriterChanged
from seawall.replicas_sqlalchemy._course import COURSE, Course
from seawall.replicas_sqlalchemy._drivers import committer, fault_in, raw_dialect, set_read_only
from seawall.replicas_sqlalchemy._statements import Reader

__all__ = ["EngineFleet"]

MakeEngine = Callable[[DatabaseServer], Engine | AsyncEngine]


@final
class _Slot:
    """One server's engine."""

    __slots__ = ("engine", "loop", "made", "retired", "server")

    def __init__(self, server: DatabaseServer, made: Engine | AsyncEngine) -> None:
        self.server: Final = server
        self.made: Final = made
        self.engine: Final[Engine] = made.sync_engine if isinstance(made, AsyncEngine) else made
        self.loop: asyncio.AbstractEventLoop | None = None
        self.retired = False
        if isinstance(made, AsyncEngine):
            with contextlib.suppress(RuntimeError):
                self.loop = asyncio.get_running_loop()

    def retire(self) -> None:
        """Close its idle connections now, and those in use when they come back."""
        self.retired = True
        if not isinstance(self.made, AsyncEngine):
            self.made.dispose()
        elif self.loop is not None and not self.loop.is_closed():
            # Its connections are closed by its own loop only; the one that found out is another thread.
            asyncio.run_coroutine_threadsafe(self.made.dispose(), self.loop)


@final
class EngineFleet:
    """The engines of a router's servers, for `RoutingSession` and `RoutingAsyncSession`.

    Engines are made when they are first needed. `pool_pre_ping` is not: a read that meets a dead connection is run again
    elsewhere, and a write says that it is safe to retry.

    ```python
    fleet = EngineFleet(router, lambda server: create_engine(f"postgresql+psycopg://shop@{server.address}/shop"))
    ```

    Args:
        router: Who decides. Start it separately.
        make_engine: Makes a new engine for a server, by `create_engine` or, for async sessions, `create_async_engine`.
    """

    def __init__(self, router: ReplicaRouter, make_engine: MakeEngine) -> None:
        self.router: Final = router
        self._make: Final = make_engine
        self._lock: Final = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._reader: Reader | None = None
        self._retirement: Final[Retirement] = router.on_retire(self.retire)
        self._subscription: Final = router.events.subscribe(self._promoted)

    def engine(self, server: DatabaseServer) -> Engine:
        """The engine of that server, for sync code; of an async engine the one below it."""
        slot = self._slots.get(server.name)
        if slot is None or slot.server.address != server.address:
            slot = self._slot(server)
        return slot.engine

    def _slot(self, server: DatabaseServer) -> _Slot:
        old = None
        with self._lock:
            slot = self._slots.get(server.name)
            if slot is None or slot.server.address != server.address:
                old = slot
                made = self._make(server)
                if not isinstance(cast("object", made), Engine | AsyncEngine):
                    raise InvalidInput("make_engine", type(made).__name__, allowed="a function that makes an engine")
                slot = _Slot(server, made)
                self._prepare(slot)
                self._slots[server.name] = slot
        if old is not None:
            old.retire()
        return slot

    def kind(self, statement: object) -> StatementKind:
        """What a statement does; raw SQL is read with the dialect of the fleet's engines."""
        reader = self._reader
        if reader is None:
            dialect = self.engine(self.router.servers[0]).dialect
            reader = self._reader = Reader(classifier(raw_dialect(dialect)))
        return reader.kind(statement)

    def _promoted(self, event: Event) -> None:
        """A promoted server's connections are from when it was read from: they are read-only."""
        if isinstance(event, WriterChanged):
            self.retire(DatabaseServer(event.current))

    def retire(self, server: DatabaseServer) -> None:
        """Drop that server's pool as a whole; the next one who needs the server makes another."""
        with self._lock:
            slot = self._slots.pop(server.name, None)
        if slot is not None:
            slot.retire()

    def dispose(self) -> None:
        """Close all pools of sync engines, and follow the router no longer. Idempotent."""
        self._retirement.cancel()
        self._subscription.cancel()
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            slot.retire()

    async def aclose(self) -> None:
        """As `dispose`, for async engines: all pools are closed when it returns."""
        self._retirement.cancel()
        self._subscription.cancel()
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            slot.retired = True
            if isinstance(slot.made, AsyncEngine):
                await slot.made.dispose()
            else:
                slot.made.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    # What an engine is given

    def _prepare(self, slot: _Slot) -> None:
        dialect = slot.engine.dialect
        _take_over(dialect, self.router)

        def checked_in(connection: object, record: ConnectionPoolEntry) -> None:
            if slot.retired and connection is not None:
                record.invalidate()

        event.listen(slot.engine, "handle_error", _judged)
        event.listen(slot.engine, "checkin", checked_in)

    def __repr__(self) -> str:
        return f"<EngineFleet of {self.router!r}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("an EngineFleet")


def _take_over(dialect: Dialect, router: ReplicaRouter) -> None:
    """Let COMMIT and ROLLBACK of that engine's dialect, an object of its own, tell the session's course."""
    commit = committer(dialect, router)
    usual_commit, usual_rollback = dialect.do_commit, dialect.do_rollback

    def do_commit(connection: PoolProxiedConnection) -> None:
        course = _take(connection)
        if course is None:
            usual_commit(connection)
            return
        marked = course.leaves_marks
        course.commit(dialect, connection, commit, usual_commit)
        if marked:
            _unmark(connection)

    def do_rollback(connection: PoolProxiedConnection) -> None:
        course = _take(connection)
        marked = course is not None and course.leaves_marks
        usual_rollback(connection)
        if marked:
            _unmark(connection)

    def _unmark(connection: PoolProxiedConnection) -> None:
        if connection.is_valid:
            with contextlib.suppress(Exception):  # a connection that is lost is closed by its pool
                set_read_only(dialect, connection, on=False)

    setattr(dialect, "do_commit", do_commit)  # noqa: B010 - type checkers know it as a method
    setattr(dialect, "do_rollback", do_rollback)  # noqa: B010


def _take(connection: Any) -> Course | None:
    """The course of the session whose transaction ends on that connection; it is over then."""
    try:
        course = connection.info.pop(COURSE, None) if connection.is_valid else None
    except (AttributeError, NotImplementedError):  # a pool's own, before it is anybody's
        return None
    return course if isinstance(course, Course) else None


def _judged(context: ExceptionContext) -> BaseException | None:
    """Map errors that nobody further up judges: of a connection that was handed out, of a result that is read late."""
    connection, error = context.connection, context.sqlalchemy_exception
    if connection is None or connection.invalidated or connection.closed or error is None:
        return None
    course = connection.info.get(COURSE)
    if not isinstance(course, Course) or course.guarded or not isinstance(context.original_exception, Exception):
        return None
    lost = context.is_disconnect
    return course.interrupted(context.original_exception, fault_in(error, None if lost else context.dialect))
