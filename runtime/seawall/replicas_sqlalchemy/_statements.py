"""What a statement does that was built with SQLAlchemy: read off its parts, where text is only what nobody built.

A part that is not SQLAlchemy's own, a function that is not known to change nothing, and text that is not understood make a
statement `UNKNOWN`, which goes where writes go.
"""

from enum import Enum
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import schema, sql
from sqlalchemy.sql import elements, functions, selectable
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.lambdas import LambdaElement

from seawall._raw_statements import Classify, steers
from seawall.replicas import StatementKind
from seawall.replicas._pure import PURE_FUNCTIONS

__all__ = ["Reader", "text_of"]

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN
FRAGMENTS: Final = ("SELECT {}", "SELECT 1 WHERE {}", "SELECT 1 ORDER BY {}", "SELECT 1 FROM {}")
"""Where a piece of text may stand in a query: if it reads in one of these, it reads."""

WITH_HINTS: Final = ("_prefixes", "_suffixes", "_hints", "_statement_hints")
"""Where a query keeps texts that are put around it, which are not among its parts."""


class Part(Enum):
    """What kind of part a class stands for."""

    LEAF = 0
    PLAIN = 1
    QUERY = 2
    FUNCTION = 3
    TEXT = 4
    COLUMN = 5
    WRITES = 6
    STRANGE = 7


def _part(kind: type[Any]) -> Part:
    if issubclass(kind, UpdateBase | selectable.ForUpdateArg):
        return Part.WRITES
    if not kind.__module__.startswith("sqlalchemy.") or issubclass(kind, LambdaElement):
        return Part.STRANGE  # whatever it may be compiled to
    if issubclass(kind, elements.TextClause):
        return Part.TEXT
    if issubclass(kind, functions.FunctionElement):
        return Part.FUNCTION if issubclass(kind, functions.Function | functions.GenericFunction) else Part.PLAIN
    if issubclass(kind, schema.Column | elements.BindParameter | schema.Table):
        return Part.LEAF
    if issubclass(kind, elements.ColumnClause):
        return Part.COLUMN
    if issubclass(kind, selectable.HasPrefixes | selectable.HasSuffixes | selectable.HasHints):
        return Part.QUERY
    return Part.PLAIN


class Reader:
    """Reads statements of one dialect.

    Args:
        classify: Tells what raw SQL of that dialect does.
    """

    __slots__ = ("_classify", "_known", "_parts")

    def __init__(self, classify: Classify) -> None:
        self._classify: Final = classify
        self._parts: Final[dict[type[Any], Part]] = {}
        self._known: Final[WeakKeyDictionary[Any, StatementKind]] = WeakKeyDictionary()

    def kind(self, statement: object) -> StatementKind:
        """What it does. Remembered for as long as the statement lives, since statements do not change."""
        if isinstance(statement, elements.TextClause):
            return self._classify(statement.text)
        if isinstance(statement, UpdateBase):
            return WRITE
        if not isinstance(statement, Executable):
            return UNKNOWN
        if not isinstance(statement, selectable.SelectBase):
            return self._walk(statement)  # a function, whose == does not compare
        known = self._known.get(statement)
        if known is None:
            known = self._known[statement] = self._walk(statement)
        return known

    def _walk(self, statement: Any) -> StatementKind:
        if isinstance(statement, schema.ExecutableDDLElement):
            return WRITE
        whole = _only_text(statement)
        if whole is not None:
            return self._classify(whole)
        if not isinstance(statement, sql.ClauseElement):
            return UNKNOWN
        kind = READ
        seen: set[int] = set()
        rest: list[Any] = [statement]
        while rest:
            node = rest.pop()
            built_as: type[Any] = node.__class__
            part = self._parts.get(built_as)
            if part is None:
                part = self._parts[built_as] = _part(built_as)
            if part is Part.LEAF:
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            if part is Part.WRITES:
                return WRITE
            if not self._reads(part, node):
                kind = UNKNOWN
            rest.extend(node.get_children())
        return kind

    def _reads(self, part: Part, node: Any) -> bool:
        """Whether that part, for itself, only reads."""
        if part is Part.FUNCTION:
            return _pure(node)
        if part is Part.TEXT:
            return self._fragment(node.text)
        if part is Part.COLUMN:
            return not node.is_literal or self._fragment(node.name)
        if part is Part.QUERY:
            return not any(getattr(node, name, None) for name in WITH_HINTS)
        return part is Part.PLAIN

    def _fragment(self, text: str) -> bool:
        return any(self._classify(where.format(text)) is READ for where in FRAGMENTS)


def _pure(function: Any) -> bool:
    name = function.name
    known = name if isinstance(name, elements.quoted_name) else str(name).lower()
    packages = tuple(getattr(function, "packagenames", ()))
    return known in PURE_FUNCTIONS and packages in ((), ("pg_catalog",))


def _only_text(statement: Any) -> str | None:
    """The text of a statement that is nothing but text with columns given to it."""
    inner = getattr(statement, "element", None)
    if isinstance(statement, selectable.TextualSelect) or type(statement).__name__ == "FromStatement":
        if isinstance(inner, selectable.TextualSelect):
            inner = inner.element
        return inner.text if isinstance(inner, elements.TextClause) else None
    return None


def text_of(statement: object) -> str | None:
    """The text of a raw statement that only steers the session; `None` of any other."""
    text = statement.text if isinstance(statement, elements.TextClause) else None
    return text if text is not None and steers(text) else None
