"""A pool of psycopg connections per server, and units of work on them."""

import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, Self, final

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed

from seawall._forks import renew_after_fork
from seawall.errors import CannotPickle, InvalidInput
from seawall.replicas import DatabaseServer, ReplicaRouter, Retirement, Route
from seawall.replicas_psycopg._conninfo import Connecting, Conninfo
from seawall.replicas_psycopg._course import Course
from seawall.replicas_psycopg._settings import PoolSettings, has_no_room
from seawall.replicas_psycopg._unit import PsycopgUnit

__all__ = ["Borrowed", "PsycopgReplicas"]

Pool = ConnectionPool[psycopg.Connection[Any]]


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A connection, and where to return it."""

    pool: Pool
    connection: psycopg.Connection[Any]


@final
class _ServerPool:
    """One server's pool. It is given up as a whole when the server cannot be connected to, so that nobody waits in vain.

    A pool by itself would go on trying in the background, and let everybody who asks wait for the whole of their time.
    """

    __slots__ = ("failure", "pool", "server")

    def __init__(
        self,
        server: DatabaseServer,
        settings: PoolSettings,
        *,
        configure: Callable[[psycopg.Connection[Any]], None] | None,
        drop: "Callable[[_ServerPool], None]",
    ) -> None:
        self.server: Final = server
        self.failure: psycopg.Error | None = None
        """Why it was given up."""

        class Noted(psycopg.Connection[Any]):
            @classmethod
            def connect(cls, conninfo: str = "", **more: Any) -> Self:
                try:
                    made = super().connect(conninfo, **more)
                except psycopg.Error as error:
                    self.failure = error
                    raise
                self.failure = None
                return made

        def failed(pool: object) -> None:
            del pool
            if not has_no_room(self.failure):
                drop(self)

        self.pool: Final[Pool] = ConnectionPool(
            connection_class=Noted, configure=configure, reconnect_failed=failed, **settings.options(server)
        )


@final
class PsycopgReplicas:
    """Units of work on the right server, each one transaction on a connection of that server's pool.

    Pools are made when they are first needed. The pool of a writer that was replaced is dropped as a whole, its connections
    that are in use then are closed when they come back.

    Args:
        router: Who decides. Start it separately.
        conninfo: libpq's parameters without host and port, e.g. `{"dbname": "shop", "user": "shop"}`, or a function that
            gives all of them for a `DatabaseServer`. Time-outs and keepalives are added unless they are there: a server
            that vanishes in the middle of a statement is noticed within some 11 seconds.
        min_size: Connections that each pool keeps.
        max_size: That it makes at most.
        reader_wait_seconds: How long a read waits for a connection to one reader; then it goes to another server.
        writer_wait_seconds: How long anything waits for a connection to the writer.
        configure: Called with each new connection, as psycopg's pools do it; must leave it outside of a transaction.

    Raises:
        InvalidInput: sizes or waits below 0 or that contradict each other, or host or port in `conninfo`.
    """

    def __init__(
        self,
        router: ReplicaRouter,
        conninfo: Conninfo,
        *,
        min_size: int = 0,
        max_size: int = 10,
        reader_wait_seconds: float = 1.0,
        writer_wait_seconds: float = 5.0,
        configure: Callable[[psycopg.Connection[Any]], None] | None = None,
    ) -> None:
        self.router: Final = router
        self._settings: Final = PoolSettings(
            connecting=Connecting(conninfo),
            min_size=min_size,
            max_size=max_size,
            reader_wait_seconds=reader_wait_seconds,
            writer_wait_seconds=writer_wait_seconds,
        )
        self._configure: Final = configure
        self._lock = threading.Lock()
        self._pools: dict[str, _ServerPool] = {}
        self._inherited: list[_ServerPool] = []
        self._open = False
        self._retirement: Retirement | None = None
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In the child: the pools are the parent's."""
        self._lock = threading.Lock()
        self._inherited += self._pools.values()  # not even finalized: that would end the parent's sessions
        self._pools = {}

    # Running

    def open(self) -> Self:
        """Take units from now on. Connects to nothing yet. Idempotent."""
        with self._lock:
            if not self._open:
                self._open = True
                self._retirement = self.router.on_retire(self.drop)
        return self

    def close(self) -> None:
        """Close all pools; connections in use are closed when they come back. Idempotent."""
        with self._lock:
            self._open = False
            pools, self._pools = list(self._pools.values()), {}
            retirement, self._retirement = self._retirement, None
        if retirement is not None:
            retirement.cancel()
        for each in pools:
            each.pool.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # Units of work

    def read(self) -> contextlib.AbstractContextManager[PsycopgUnit]:
        """A READ ONLY transaction, at a reader that has what the session wrote, or at the writer."""
        return self._unit(Course(self.router, "read"))

    def write(self) -> contextlib.AbstractContextManager[PsycopgUnit]:
        """A transaction on the writer. Committed at the end of the block, rolled back when it raises."""
        return self._unit(Course(self.router, "write"))

    def unit(
        self, *, start_on: Literal["reader", "writer"] | None = None
    ) -> contextlib.AbstractContextManager[PsycopgUnit]:
        """A transaction whose first statement decides where it runs: a reader for a read, else the writer.

        What is no read for certain goes to the writer; with the extra `sql` installed, SELECTs are told apart, without it
        no statement is known to be a read. A write after a read at a reader raises `WriteAfterRead`.

        Args:
            start_on: Where to begin; `None`: as the scope says, else on a reader.
        """
        return self._unit(Course(self.router, "unit", start_on))

    @contextlib.contextmanager
    def _unit(self, course: Course) -> Generator[PsycopgUnit]:
        unit = PsycopgUnit(self, course)
        try:
            yield unit
            unit.commit()
        except BaseException as error:
            unit.roll_back(error)
            raise

    # Pools

    def borrow(self, route: Route) -> Borrowed:
        """A connection to the route's server, for a unit.

        Raises:
            psycopg_pool.PoolTimeout: none was free in time.
            psycopg.OperationalError: the server cannot be connected to.
        """
        wait = self._settings.wait_seconds(route)
        ours = self._pool_of(route.server)
        try:
            return Borrowed(ours.pool, ours.pool.getconn(timeout=wait))
        except PoolClosed:
            if ours.failure is not None:
                raise ours.failure from None
            ours = self._pool_of(route.server)  # it was dropped in between, for what is over
            return Borrowed(ours.pool, ours.pool.getconn(timeout=wait))

    def _pool_of(self, server: DatabaseServer) -> _ServerPool:
        old: _ServerPool | None = None
        with self._lock:
            if not self._open:
                raise InvalidInput("replicas", "closed", allowed="opened before use, by `with` or open()")
            ours = self._pools.get(server.name)
            if ours is None or ours.server.address != server.address:
                old = ours
                ours = self._pools[server.name] = _ServerPool(
                    server, self._settings, configure=self._configure, drop=self._drop
                )
                ours.pool.open()
        if old is not None:
            _close_later(old)
        return ours

    def drop(self, server: DatabaseServer) -> None:
        """Close that server's pool; the next one who needs it makes another."""
        with self._lock:
            ours = self._pools.pop(server.name, None)
        if ours is not None:
            _close_later(ours)

    def _drop(self, ours: _ServerPool) -> None:
        with self._lock:
            if self._pools.get(ours.server.name) is ours:
                del self._pools[ours.server.name]
        _close_later(ours)

    def __repr__(self) -> str:
        return f"<PsycopgReplicas of {self.router!r}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a PsycopgReplicas")


def _close_later(ours: _ServerPool) -> None:
    """Close it in a thread of its own: the one that found out may be the pool's, or must not wait for it."""
    threading.Thread(target=ours.pool.close, name=f"closes {ours.pool.name}", daemon=True).start()
