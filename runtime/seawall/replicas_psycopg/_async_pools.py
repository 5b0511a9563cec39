"""A pool of async psycopg connections per server, and units of work on them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, Self, final

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed

from seawall.errors import CannotPickle, InvalidInput
from seawall.replicas import DatabaseServer, ReplicaRouter, Retirement, Route
from seawall.replicas_psycopg._async_unit import AsyncPsycopgUnit
from seawall.replicas_psycopg._conninfo import Connecting, Conninfo
from seawall.replicas_psycopg._course import Course
from seawall.replicas_psycopg._settings import PoolSettings, has_no_room

__all__ = ["AsyncBorrowed", "AsyncPsycopgReplicas"]

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]
Configure = Callable[[psycopg.AsyncConnection[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AsyncBorrowed:
    """A connection, and where to return it."""

    pool: Pool
    connection: psycopg.AsyncConnection[Any]


@final
class _ServerPool:
    """One server's pool; given up as a whole when the server cannot be connected to, as the sync one is."""

    __slots__ = ("failure", "pool", "server")

    def __init__(
        self,
        server: DatabaseServer,
        settings: PoolSettings,
        *,
        configure: Configure | None,
        drop: "Callable[[_ServerPool], None]",
    ) -> None:
        self.server: Final = server
        self.failure: psycopg.Error | None = None
        """Why it was given up."""

        class Noted(psycopg.AsyncConnection[Any]):
            @classmethod
            async def connect(cls, conninfo: str = "", **more: Any) -> Self:
                try:
                    made = await super().connect(conninfo, **more)
                except psycopg.Error as error:
                    self.failure = error
                    raise
                self.failure = None
                return made

        async def failed(pool: object) -> None:
            del pool
            if not has_no_room(self.failure):
                drop(self)

        self.pool: Final[Pool] = AsyncConnectionPool(
            connection_class=Noted, configure=configure, reconnect_failed=failed, **settings.options(server)
        )


@final
class AsyncPsycopgReplicas:
    """`PsycopgReplicas` for async code: the same units, pools and arguments. It belongs to the event loop that opens it.

    ```python
    async with AsyncPsycopgReplicas(router, conninfo) as database, database.write() as unit:
        await unit.execute("INSERT INTO orders (id) VALUES (%s)", [7])
    ```

    Args:
        router: Who decides. Start it separately.
        conninfo: As for `PsycopgReplicas`.
        min_size: Connections that each pool keeps.
        max_size: That it makes at most.
        reader_wait_seconds: How long a read waits for a connection to one reader; then it goes to another server.
        writer_wait_seconds: How long anything waits for a connection to the writer.
        configure: Awaited with each new connection; must leave it outside of a transaction.

    Raises:
        InvalidInput: as for `PsycopgReplicas`.
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
        configure: Configure | None = None,
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
        self._pools: Final[dict[str, _ServerPool]] = {}
        self._closing: Final[set[asyncio.Task[None]]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retirement: Retirement | None = None

    # Running

    async def open(self) -> Self:
        """Take units from now on, in this event loop. Connects to nothing yet. Idempotent."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._retirement = self.router.on_retire(self.drop)
        return self

    async def close(self) -> None:
        """Close all pools; connections in use are closed when they come back. Idempotent."""
        self._loop = None
        if self._retirement is not None:
            self._retirement.cancel()
        pools = list(self._pools.values())
        self._pools.clear()
        for each in pools:
            await each.pool.close()
        await asyncio.gather(*self._closing)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # Units of work

    def read(self) -> contextlib.AbstractAsyncContextManager[AsyncPsycopgUnit]:
        """As `PsycopgReplicas.read`."""
        return self._unit(Course(self.router, "read"))

    def write(self) -> contextlib.AbstractAsyncContextManager[AsyncPsycopgUnit]:
        """As `PsycopgReplicas.write`."""
        return self._unit(Course(self.router, "write"))

    def unit(
        self, *, start_on: Literal["reader", "writer"] | None = None
    ) -> contextlib.AbstractAsyncContextManager[AsyncPsycopgUnit]:
        """As `PsycopgReplicas.unit`."""
        return self._unit(Course(self.router, "unit", start_on))

    @contextlib.asynccontextmanager
    async def _unit(self, course: Course) -> AsyncGenerator[AsyncPsycopgUnit]:
        unit = AsyncPsycopgUnit(self, course)
        try:
            yield unit
            await unit.commit()
        except BaseException as error:
            await unit.roll_back(error)
            raise

    # Pools

    async def borrow(self, route: Route) -> AsyncBorrowed:
        """A connection to the route's server, for a unit.

        Raises:
            psycopg_pool.PoolTimeout: none was free in time.
            psycopg.OperationalError: the server cannot be connected to.
        """
        wait = self._settings.wait_seconds(route)
        ours = await self._pool_of(route.server)
        try:
            return AsyncBorrowed(ours.pool, await ours.pool.getconn(timeout=wait))
        except PoolClosed:
            if ours.failure is not None:
                raise ours.failure from None
            ours = await self._pool_of(route.server)  # it was dropped in between, for what is over
            return AsyncBorrowed(ours.pool, await ours.pool.getconn(timeout=wait))

    async def _pool_of(self, server: DatabaseServer) -> _ServerPool:
        if self._loop is not asyncio.get_running_loop():
            raise InvalidInput(
                "replicas", "closed", allowed="opened before use, by `async with` or open(), in this event loop"
            )
        ours = self._pools.get(server.name)
        if ours is None or ours.server.address != server.address:
            if ours is not None:
                self._close_later(ours)
            ours = self._pools[server.name] = _ServerPool(
                server, self._settings, configure=self._configure, drop=self._drop
            )
            await ours.pool.open()
        return ours

    def drop(self, server: DatabaseServer) -> None:
        """Close that server's pool, soon; the next one who needs it makes another. May be called from any thread."""
        loop = self._loop
        ours = self._pools.get(server.name)
        if loop is not None and ours is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._drop, ours)

    def _drop(self, ours: _ServerPool) -> None:
        if self._pools.get(ours.server.name) is ours:
            del self._pools[ours.server.name]
        self._close_later(ours)

    def _close_later(self, ours: _ServerPool) -> None:
        """Close it in a task of its own: the one that found out may be the pool's."""
        closing = asyncio.ensure_future(ours.pool.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def __repr__(self) -> str:
        return f"<AsyncPsycopgReplicas of {self.router!r}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("an AsyncPsycopgReplicas")
