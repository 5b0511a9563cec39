"""A unit of work over psycopg connections of pools."""

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import psycopg
from psycopg.rows import tuple_row

from seawall.replicas import StatementKind
from seawall.replicas_psycopg._course import COMMIT_AND_ASK, COMMITTED, Course, rolled_back

if TYPE_CHECKING:
    from psycopg.abc import Params, Query

    from seawall.replicas_psycopg._pools import Borrowed, PsycopgReplicas

__all__ = ["PsycopgUnit"]

R = TypeVar("R")


@final
class PsycopgUnit:
    """One transaction, on one server. From `PsycopgReplicas.read`, `.write` and `.unit`; for one thread at a time."""

    __slots__ = ("_course", "_held", "_replicas")

    def __init__(self, replicas: "PsycopgReplicas", course: Course) -> None:
        self._replicas: Final = replicas
        self._course: Final = course
        self._held: Borrowed | None = None

    def execute(
        self, query: "Query", params: "Params | None" = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.Cursor[Any]:
        """Run a statement where it belongs; the arguments are those of `psycopg.Connection.execute`.

        A first statement that reads is run again on another server when its connection is lost.

        Raises:
            WriteInReadOnlyScope: a write in `read()` or inside of `read_only()`.
            WriteAfterRead: a write in a `unit()` that has read from a reader.
            DatabaseInterrupted: the server went away, or no connection was free in time.
            NoReaderAvailable, NoWriterAvailable, WriteLost: see `ReplicaRouter`.
            psycopg.Error: the app's own errors, as they are.
        """
        sent: Any = query
        return self._run(
            self._course.kind(query),
            lambda connection: connection.execute(sent, params, prepare=prepare, binary=binary),
        )

    def executemany(
        self, query: "Query", params_seq: "Iterable[Params]", *, returning: bool = False
    ) -> psycopg.Cursor[Any]:
        """As `execute`, with many sets of parameters; the arguments are those of `psycopg.Cursor.executemany`."""
        sets = list(params_seq)

        def send(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
            cursor = connection.cursor()
            cursor.executemany(query, sets, returning=returning)
            return cursor

        return self._run(self._course.kind(query), send)

    def connection(self) -> psycopg.Connection[Any]:
        """The unit's connection, for COPY, pipelines, cursors on the server and the like.

        What is sent on it is not looked at: in a unit that has read from a reader it only reads, by the server's own rule;
        else it is the writer's. Do not commit on it. Raises as `execute` does.
        """
        return self._ready(self._course.kind_of_connection())

    def _run(self, kind: StatementKind | None, send: Callable[[psycopg.Connection[Any]], R]) -> R:
        while True:
            connection = self._ready(kind)
            try:
                return send(connection)
            except psycopg.Error as error:
                kind = self._after(error, connection, kind)

    def _after(
        self, error: psycopg.Error, connection: psycopg.Connection[Any], kind: StatementKind | None
    ) -> StatementKind | None:
        """As what to send it again; raises when it is not to be."""
        course = self._course
        fault = course.fault(error, connection)
        if course.refused(error, fault):
            self._let_go()
            return StatementKind.WRITE
        other = course.unit.elsewhere(error, fault)
        if other is None:
            course.give_up(error, connection)
            raise error
        self._let_go()
        course.restart()
        course.route = other
        return kind

    def _ready(self, kind: StatementKind | None) -> psycopg.Connection[Any]:
        """The connection on which to send the next statement."""
        course = self._course
        if self._held is None:
            self._held = self._borrowed(kind)
        elif kind is not None:
            course.unit.route(kind)  # the same server, or an error
        course.sent += 1
        return self._held.connection

    def _borrowed(self, kind: StatementKind | None) -> "Borrowed":
        course = self._course
        if course.route is None:
            course.route = course.unit.route(StatementKind.UNKNOWN if kind is None else kind)
        while True:
            try:
                held = self._replicas.borrow(course.route)
                break
            except psycopg.Error as error:
                other = course.unit.elsewhere(error, course.fault(error, None))
                if other is None:
                    course.give_up(error, None)
                    raise
                course.route = other
        wanted = True if course.reads_only else None
        if held.connection.read_only is not wanted:  # to set it takes a lock, even to what it is
            held.connection.read_only = wanted
        return held

    # How it ends

    def commit(self) -> None:
        """For `PsycopgReplicas`: the block has ended well."""
        held, unit = self._held, self._course.unit
        if held is None:
            unit.close()
            return
        wanted = unit.committing()
        try:
            if wanted:
                self._commit_and_ask(held.connection)
            else:
                held.connection.commit()
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
                unit.committed(None)  # nobody knows: interrupted in the middle of it
            raise
        self._let_go()

    def _commit_and_ask(self, connection: psycopg.Connection[Any]) -> None:
        unit = self._course.unit
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(COMMIT_AND_ASK, prepare=False)
            if cursor.statusmessage != COMMITTED:
                unit.rolled_back()
                raise rolled_back()
            cursor.nextset()
            row = cursor.fetchone()
        unit.committed(None if row is None else self._replicas.router.position_token(row))

    def roll_back(self, error: BaseException) -> None:
        """For `PsycopgReplicas`: the block has raised. Raises `DatabaseInterrupted` if that is what it means."""
        held, course = self._held, self._course
        try:
            if isinstance(error, psycopg.Error) and held is not None:
                course.give_up(error, held.connection)
        finally:
            course.unit.rolled_back()
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(psycopg.Error):
                held.connection.rollback()
            held.pool.putconn(held.connection)

    def __repr__(self) -> str:
        return f"<PsycopgUnit, a {self._course}>"
