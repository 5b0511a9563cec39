"""A unit of work over async psycopg connections of pools."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import psycopg
from psycopg.rows import tuple_row

from seawall.replicas import StatementKind
from seawall.replicas_psycopg._course import COMMIT_AND_ASK, COMMITTED, Course, rolled_back

if TYPE_CHECKING:
    from psycopg.abc import Params, Query

    from seawall.replicas_psycopg._async_pools import AsyncBorrowed, AsyncPsycopgReplicas

__all__ = ["AsyncPsycopgUnit"]

R = TypeVar("R")


@final
class AsyncPsycopgUnit:
    """One transaction, on one server. From `AsyncPsycopgReplicas.read`, `.write` and `.unit`; for one task at a time."""

    __slots__ = ("_course", "_held", "_replicas")

    def __init__(self, replicas: "AsyncPsycopgReplicas", course: Course) -> None:
        self._replicas: Final = replicas
        self._course: Final = course
        self._held: AsyncBorrowed | None = None

    async def execute(
        self, query: "Query", params: "Params | None" = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.AsyncCursor[Any]:
        """As `PsycopgUnit.execute`; the arguments are those of `psycopg.AsyncConnection.execute`.

        Raises:
            WriteInReadOnlyScope, WriteAfterRead, DatabaseInterrupted, NoReaderAvailable, NoWriterAvailable, WriteLost,
                psycopg.Error: see there.
        """
        sent: Any = query
        return await self._run(
            self._course.kind(query),
            lambda connection: connection.execute(sent, params, prepare=prepare, binary=binary),
        )

    async def executemany(
        self, query: "Query", params_seq: "Iterable[Params]", *, returning: bool = False
    ) -> psycopg.AsyncCursor[Any]:
        """As `execute`, with many sets of parameters; the arguments are those of `psycopg.AsyncCursor.executemany`."""
        sets = list(params_seq)

        async def send(connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Any]:
            cursor = connection.cursor()
            await cursor.executemany(query, sets, returning=returning)
            return cursor

        return await self._run(self._course.kind(query), send)

    async def connection(self) -> psycopg.AsyncConnection[Any]:
        """As `PsycopgUnit.connection`."""
        return await self._ready(self._course.kind_of_connection())

    async def _run(self, kind: StatementKind | None, send: Callable[[psycopg.AsyncConnection[Any]], Awaitable[R]]) -> R:
        while True:
            connection = await self._ready(kind)
            try:
                return await send(connection)
            except psycopg.Error as error:
                kind = await self._after(error, connection, kind)

    async def _after(
        self, error: psycopg.Error, connection: psycopg.AsyncConnection[Any], kind: StatementKind | None
    ) -> StatementKind | None:
        """As what to send it again; raises when it is not to be."""
        course = self._course
        fault = course.fault(error, connection)
        if course.refused(error, fault):
            await self._let_go()
            return StatementKind.WRITE
        other = await course.unit.aelsewhere(error, fault)
        if other is None:
            course.give_up(error, connection)
            raise error
        await self._let_go()
        course.restart()
        course.route = other
        return kind

    async def _ready(self, kind: StatementKind | None) -> psycopg.AsyncConnection[Any]:
        """The connection on which to send the next statement."""
        course = self._course
        if self._held is None:
            self._held = await self._borrowed(kind)
        elif kind is not None:
            await course.unit.aroute(kind)  # the same server, or an error
        course.sent += 1
        return self._held.connection

    async def _borrowed(self, kind: StatementKind | None) -> "AsyncBorrowed":
        course = self._course
        if course.route is None:
            course.route = await course.unit.aroute(StatementKind.UNKNOWN if kind is None else kind)
        while True:
            try:
                held = await self._replicas.borrow(course.route)
                break
            except psycopg.Error as error:
                other = await course.unit.aelsewhere(error, course.fault(error, None))
                if other is None:
                    course.give_up(error, None)
                    raise
                course.route = other
        wanted = True if course.reads_only else None
        if held.connection.read_only is not wanted:
            await held.connection.set_read_only(wanted)
        return held

    # How it ends

    async def commit(self) -> None:
        """For `AsyncPsycopgReplicas`: the block has ended well."""
        held, unit = self._held, self._course.unit
        if held is None:
            unit.close()
            return
        wanted = unit.committing()
        try:
            if wanted:
                await self._commit_and_ask(held.connection)
            else:
                await held.connection.commit()
                unit.committed()
        except psycopg.Error as error:
            if unit.wrote:
                self._course.give_up(error, held.connection)
                raise
            if not held.connection.closed:
                raise
            unit.committed()  # all that was to be read has been
        except BaseException:
            if wanted:
                unit.committed(None)  # nobody knows: cancelled in the middle of it
            raise
        await self._let_go()

    async def _commit_and_ask(self, connection: psycopg.AsyncConnection[Any]) -> None:
        unit = self._course.unit
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(COMMIT_AND_ASK, prepare=False)
            if cursor.statusmessage != COMMITTED:
                unit.rolled_back()
                raise rolled_back()
            cursor.nextset()
            row = await cursor.fetchone()
        unit.committed(None if row is None else self._replicas.router.position_token(row))

    async def roll_back(self, error: BaseException) -> None:
        """For `AsyncPsycopgReplicas`: the block has raised. Raises `DatabaseInterrupted` if that is what it means."""
        held, course = self._held, self._course
        try:
            if isinstance(error, psycopg.Error) and held is not None:
                course.give_up(error, held.connection)
        finally:
            course.unit.rolled_back()
            # Shielded: in a scope that was cancelled every wait is, and the connection would be lost to its pool.
            await asyncio.shield(asyncio.ensure_future(self._let_go()))

    async def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(psycopg.Error):
                await held.connection.rollback()
            await held.pool.putconn(held.connection)

    def __repr__(self) -> str:
        return f"<AsyncPsycopgUnit, a {self._course}>"
