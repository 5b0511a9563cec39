"""One statement on its way: what it does, by its first word, and how it is sent, here or elsewhere."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, final

from seawall.replicas import StatementKind
from seawall.replicas._words import CONTROLS, first_word, kind_by_word

if TYPE_CHECKING:
    from seawall.replicas_django._wrapper import Replicated

__all__ = ["Statement", "kind_of"]


def kind_of(sql: object) -> StatementKind | None:
    """`WRITE` for what begins as one, `UNKNOWN` for the rest: a SELECT, too, may call functions or lock rows.

    `None`: it only steers the session, or a savepoint in its transaction.
    """
    if not isinstance(sql, str):
        return StatementKind.UNKNOWN
    return None if first_word(sql) in CONTROLS else kind_by_word(sql)


@final
class Statement:
    """What Django's execute wrappers are called with.

    Args:
        execute: Sends it: the wrappers behind ours, and the cursor.
        sql: The text.
        params: Its parameters.
        many: Whether these are many sets of them.
        context: With the cursor, and the wrapper that it belongs to.
    """

    __slots__ = ("_context", "_execute", "_many", "_params", "sql")

    def __init__(
        self, execute: Callable[..., Any], sql: Any, params: Any, context: Mapping[str, Any], *, many: bool
    ) -> None:
        self.sql: Final = sql
        self._execute: Final = execute
        self._params: Final = params
        self._many: Final = many
        self._context: Final = dict(context)

    @property
    def kind(self) -> StatementKind | None:
        """See `kind_of`."""
        return kind_of(self.sql)

    def send(self) -> Any:
        """Send it where its cursor is."""
        return self._execute(self.sql, self._params, self._many, self._context)

    def move(self, wrapper: "Replicated") -> None:
        """Give its cursor, which somebody holds, another connection below: rows are fetched from there."""
        cursor = self._context["cursor"]
        opened = wrapper.open_cursor(getattr(cursor.cursor, "name", None))  # a cursor on the server keeps its name
        cursor.cursor, cursor.db = opened.cursor, wrapper
        self._context["connection"] = wrapper
