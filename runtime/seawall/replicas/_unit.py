"""A unit of work: which server each of its statements goes to, and what an error in the middle of it means.

What holds at all times:

1. A unit reads from at most one reader, or from the writer once it is there; only a first read that failed may move on.
2. A write goes to the writer of the generation in which the unit came to it, or nowhere.
3. Nothing that may have been done is done again: `DatabaseInterrupted.safe_to_retry` is true only if no commit, and no
   statement that commits by itself, can have reached a server.
"""

from typing import Final, Literal, NoReturn, final

from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    NoReaderAvailable,
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas._choosing import Ask, Chooser
from seawall.replicas._core import Core
from seawall.replicas._model import ChoiceReason, Fault, StatementKind
from seawall.replicas._route import Route
from seawall.replicas._scope import READ_ONLY, USE_WRITER, current_scope, mode, own_scope
from seawall.replicas._tokens import Token

__all__ = ["UnitOfWork"]

_ABOUT_THE_SERVER: Final = (Fault.READ_ONLY, Fault.SHUTTING_DOWN, Fault.CONNECTION_LOST)
_BECAUSE: Final = {
    Fault.READ_ONLY: "it takes no writes any more",
    Fault.SHUTTING_DOWN: "it is shutting down",
    Fault.CONNECTION_LOST: "the connection was lost",
    Fault.POOL_FULL: "no connection was free in time",
}


@final
class UnitOfWork:
    """What an adapter asks before each statement. From `ReplicaRouter.unit`; for one thread or task at a time."""

    __slots__ = (
        "_ask",
        "_at_writer",
        "_chooser",
        "_committing",
        "_core",
        "_moves",
        "_route",
        "_sent",
        "_start_on",
        "_transaction",
        "_tried",
        "_wrote",
    )

    def __init__(
        self,
        core: Core,
        chooser: Chooser,
        ask: Ask,
        *,
        transaction: bool,
        start_on: Literal["reader", "writer"] | None,
    ) -> None:
        self._core: Final = core
        self._chooser: Final = chooser
        self._ask: Final = ask
        self._at_writer: Final = Ask(ask.consistency, at_writer=True)
        self._transaction: Final = transaction
        self._start_on: Final = start_on
        self._route: Route | None = None
        self._tried: set[str] = set()
        self._sent = 0
        self._moves = True  # whether the statement under way may still go elsewhere
        self._wrote = False
        self._committing = False

    # Where to

    def route(self, kind: StatementKind) -> Route:
        """The server for the next statement; to be asked before each one is sent.

        Raises:
            WriteInReadOnlyScope: a write inside of `read_only()`.
            WriteAfterRead: a write in a transaction that has read from a reader.
            NoReaderAvailable, WriteLost: see `ReplicaRouter.pick_reader`.
            NoWriterAvailable: see `ReplicaRouter.pick_writer`.
            DatabaseInterrupted: the writer changed in the middle of the unit.
        """
        known = self._known(kind)
        return self._sends(self._chooser.reader(self._tried, self._wish()) if known is None else known)

    async def aroute(self, kind: StatementKind) -> Route:
        """As `route`, for async code."""
        known = self._known(kind)
        return self._sends(await self._chooser.areader(self._tried, self._wish()) if known is None else known)

    def _known(self, kind: StatementKind) -> Route | None:
        """The server, unless a reader is to be chosen."""
        route = self._route
        if kind is StatementKind.READ or (kind is StatementKind.UNKNOWN and mode() & READ_ONLY):
            return route
        return self._to_write(route)

    def _to_write(self, route: Route | None) -> Route:
        if mode() & READ_ONLY:
            raise WriteInReadOnlyScope(self._core.name)
        if route is not None and route.read_only:
            if self._transaction and not self._begins_at_writer:
                raise WriteAfterRead(self._core.name, route.server.name)
            route.success()
            route = None
        if route is None:
            route = self._chooser.writer()
        elif not self._chooser.may_write(route.generation):
            raise self._changed(route)
        self._wrote = True
        return route

    @property
    def _begins_at_writer(self) -> bool:
        if mode() & USE_WRITER:
            return True
        start_on = self._start_on
        scope = current_scope()
        if start_on is None and scope is not None:
            start_on = scope.start_on
        return start_on == "writer"

    def _wish(self) -> Ask:
        return self._at_writer if self._wrote or self._begins_at_writer else self._ask

    def _sends(self, route: Route) -> Route:
        self._moves = self._sent == 0 and not self._wrote
        self._sent += 1
        self._route = route
        return route

    def elsewhere(self, error: BaseException, fault: Fault) -> Route | None:
        """Another server for the statement that failed, or `None`: there is none, or something may have been done already.

        Args:
            error: What the driver raised.
            fault: What that means.
        """
        if not self._may_move(error, fault):
            return None
        try:
            return self._moved(self._chooser.reader(self._tried, self._elsewhere_wish()))
        except NoReaderAvailable:
            return None

    async def aelsewhere(self, error: BaseException, fault: Fault) -> Route | None:
        """As `elsewhere`, for async code."""
        if not self._may_move(error, fault):
            return None
        try:
            return self._moved(await self._chooser.areader(self._tried, self._elsewhere_wish()))
        except NoReaderAvailable:
            return None

    def _may_move(self, error: BaseException, fault: Fault) -> bool:
        route = self._route
        if route is None or route.is_writer or fault is Fault.OTHER or not self._moves:
            return False
        self._judge(route, error, fault)
        self._tried.add(route.server.name)
        self._route = None
        return True

    def _elsewhere_wish(self) -> Ask:
        return Ask(self._ask.consistency, reason=ChoiceReason.ELSEWHERE)

    def _moved(self, route: Route) -> Route:
        self._route = route
        return route

    # How it ends

    @property
    def wrote(self) -> bool:
        """Whether a statement was sent that may have written."""
        return self._wrote

    def committing(self) -> bool:
        """To be called right before a COMMIT is sent; whether its token is wanted.

        Raises:
            NoWriterAvailable: this process may not write any more: roll back.
            DatabaseInterrupted: the writer changed in the middle of the unit: roll back.
        """
        route = self._route
        if not self._wrote or route is None:
            return False
        if not self._chooser.may_write(route.generation):
            raise self._changed(route)
        self._committing = True
        return True

    def committed(self, token: Token | None = None) -> None:
        """The COMMIT was answered. The unit begins anew.

        Args:
            token: Up to where has been written; `None`: nothing was, or nobody could say.
        """
        if self._wrote:
            if token is not None:
                own_scope().note(token)
            else:
                self._doubt()
        self._finish()

    def wrote_by_itself(self, token: Token | None = None) -> None:
        """A statement that commits by itself was answered. The unit stays where it is.

        Args:
            token: As for `committed`.
        """
        if token is not None:
            own_scope().note(token)
        else:
            self._doubt()

    def _doubt(self) -> None:
        """Only the writer is sure to have it, until every reader has that is not left out for lagging."""
        lag = self._core.lag
        own_scope().doubtful_until = self._core.now() + lag.max_lag_seconds + lag.verdict_ttl_seconds

    def rolled_back(self) -> None:
        """The transaction is over, and has changed nothing. The unit begins anew."""
        self._finish()

    close = rolled_back

    def _finish(self) -> None:
        route = self._route
        if route is not None:
            route.success()
        self._route = None
        self._tried.clear()
        self._sent = 0
        self._wrote = self._committing = False

    def interrupted(self, error: BaseException, fault: Fault) -> DatabaseInterrupted | None:
        """What to raise in place of a driver's error; `None`: it is the application's own, raise it as it is.

        Args:
            error: What the driver raised.
            fault: What that means.
        """
        route = self._route
        if route is None or fault is Fault.OTHER:
            return None
        self._judge(route, error, fault)
        nothing_done = fault in (Fault.READ_ONLY, Fault.POOL_FULL)
        may_be_done = self._committing or (self._wrote and not self._transaction)
        safe = nothing_done or not may_be_done
        if not safe:
            self._doubt()
        return DatabaseInterrupted(route.server.name, safe_to_retry=safe, because=_BECAUSE[fault])

    def _judge(self, route: Route, error: BaseException, fault: Fault) -> None:
        """Tell the selector and the monitor what the error says of the server."""
        if fault not in _ABOUT_THE_SERVER:
            route.release()
            return
        route.failure(error)
        self._chooser.suspect(None if fault is Fault.READ_ONLY else route.server.name)

    def _changed(self, route: Route) -> DatabaseInterrupted:
        return DatabaseInterrupted(
            route.server.name,
            safe_to_retry=True,
            because="another server became the writer in the middle of the transaction",
        )

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a UnitOfWork")
