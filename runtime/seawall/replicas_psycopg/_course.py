"""What a unit of work with psycopg decides, without any I/O: shared by the sync and the async one."""

from typing import Any, Final, Literal, final

import psycopg
from psycopg import sql

from seawall._raw_statements import classifier, steers
from seawall.errors import WriteAfterRead, WriteInReadOnlyScope
from seawall.replicas import POSTGRES_POSITION, Fault, ReplicaRouter, Route, StatementKind, UnitOfWork
from seawall.replicas_psycopg._faults import fault_in

__all__ = ["COMMITTED", "COMMIT_AND_ASK", "Course", "Purpose", "rolled_back"]

COMMIT_AND_ASK: Final = f"COMMIT; {POSTGRES_POSITION}"
"""One query, one round trip: the position after it is the token of the commit."""

COMMITTED: Final = "COMMIT"
"""The answer to a COMMIT; that of a failed transaction is ROLLBACK."""

CONFLICT_WITH_RECOVERY: Final = "40001"  # what a replica says when it ends a query to go on replaying

Purpose = Literal["read", "write", "unit"]
Connection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


@final
class Course:
    """One unit's way.

    Args:
        router: Who decides.
        purpose: What the app said that the unit is for.
        start_on: See `ReplicaRouter.unit`.
    """

    __slots__ = ("_classify", "_router", "purpose", "route", "sent", "unit")

    def __init__(
        self, router: ReplicaRouter, purpose: Purpose, start_on: Literal["reader", "writer"] | None = None
    ) -> None:
        self._router: Final = router
        self._classify: Final = classifier()
        self.purpose: Final = purpose
        self.unit: Final[UnitOfWork] = router.unit(start_on="writer" if purpose == "write" else start_on)
        self.route: Route | None = None
        self.sent: int = 0

    def kind(self, query: object) -> StatementKind | None:
        """What to ask the unit for; `None`: it belongs where the unit is.

        Raises:
            WriteInReadOnlyScope: a write in a unit that only reads.
        """
        if self.purpose == "write":
            return StatementKind.WRITE
        text = _text_of(query)
        if text is not None and self.route is not None and steers(text):
            return None
        kind = StatementKind.UNKNOWN if text is None else self._classify(text)
        if self.purpose == "unit":
            return kind
        if kind is StatementKind.WRITE:
            raise WriteInReadOnlyScope(self._router.name)
        return StatementKind.READ

    def kind_of_connection(self) -> StatementKind | None:
        """As `kind`, for a connection that is handed out: whatever is sent on it."""
        if self.purpose == "read":
            return StatementKind.READ
        if self.purpose == "write":
            return StatementKind.WRITE
        return None if self.route is not None and self.route.read_only else StatementKind.UNKNOWN

    @property
    def reads_only(self) -> bool:
        """Whether the transaction is to be begun READ ONLY, so that the server refuses what the text did not show."""
        return self.purpose == "read" or (self.route is not None and self.route.read_only)

    def fault(self, error: psycopg.Error, connection: Connection | None) -> Fault:
        """What an error means, as seen from this unit."""
        if error.sqlstate == CONFLICT_WITH_RECOVERY and self.route is not None and not self.route.is_writer:
            return Fault.POOL_FULL  # says nothing about the server, and another one may have time for it
        return fault_in(error, connection)

    def refused(self, error: psycopg.Error, fault: Fault) -> bool:
        """Whether a statement that seemed to read was refused as a write, and nothing came before it: it is the writer's.

        Raises:
            WriteAfterRead, WriteInReadOnlyScope: it was refused as a write, and cannot go there.
        """
        route = self.route
        if fault is not Fault.READ_ONLY or route is None or not self.reads_only:
            return False
        if self.purpose == "read":
            raise WriteInReadOnlyScope(self._router.name) from error
        if self.sent > 1:
            raise WriteAfterRead(self._router.name, route.server.name) from error
        self.unit.rolled_back()
        self.restart()
        return True

    def restart(self) -> None:
        """Nothing has been sent."""
        self.route = None
        self.sent = 0

    def give_up(self, error: psycopg.Error, connection: Connection | None) -> None:
        """Raise `DatabaseInterrupted` if that is what the error means; return if it is the app's own."""
        interrupted = self.unit.interrupted(error, self.fault(error, connection))
        if interrupted is not None and error.sqlstate != CONFLICT_WITH_RECOVERY:
            raise interrupted from error

    def __str__(self) -> str:
        return self.purpose if self.route is None else f"{self.purpose} at {self.route.server.name!r}"


def rolled_back() -> psycopg.Error:
    """The error of a COMMIT that the server answered with ROLLBACK."""
    return psycopg.errors.InFailedSqlTransaction(
        "a statement in this transaction had failed: it was rolled back in place of being committed"
    )


def _text_of(query: object) -> str | None:
    """The text of a query of one of psycopg's kinds; `None`: it has none yet."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    if isinstance(query, sql.Composable):
        try:
            return query.as_string()
        except psycopg.Error:
            return None  # it needs a connection, e.g. for the encoding
    return None
