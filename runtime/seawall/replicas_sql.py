"""What a statement does, read off its text with sqlglot: whether it may go to a replica.

```python
classify("SELECT * FROM orders WHERE id = %s")  # READ
classify("SELECT * FROM orders FOR UPDATE")  # WRITE
classify("SELECT settle(id) FROM orders")  # UNKNOWN: who knows what settle() does
```

When in doubt it is no read: what is not understood, or calls a function that is not known to change nothing, is `UNKNOWN`,
which goes where writes go. What text cannot show, a view or an operator that calls such a function, is left to the server:
an adapter begins its transactions on readers READ ONLY.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final, cast

from seawall.errors import InvalidInput, MissingExtra
from seawall.replicas import StatementKind
from seawall.replicas._pure import PURE_FUNCTIONS
from seawall.replicas._words import WRITES, first_word

try:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ErrorLevel, SqlglotError
except ImportError as _error:
    raise MissingExtra("sql", feature="seawall.replicas_sql") from _error

__all__ = ["DIALECTS", "classify"]

DIALECTS: Final = ("postgres", "mysql", "sqlite")
"""That are understood; MariaDB's is `mysql`."""

LONGEST_CHARACTERS: Final = 50_000  # parsing takes some 10 ms for these; texts beyond are loads of data, as a rule
CACHED_STATEMENTS: Final = 1_024

_QUERIES: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
_LOOKS: Final = frozenset({"SHOW", "DESCRIBE", "DESC"})
_PLANNED: Final = _QUERIES | {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"}
_EXPLAIN: Final = re.compile(r"\s*(\([^()]*\)|(?:(?:ANALY[SZ]E|VERBOSE)\b\s*)*)", re.IGNORECASE)
_RUNS_IT: Final = re.compile(r"ANALY[SZ]E", re.IGNORECASE)
_HIDDEN: Final = "/*!"  # MySQL runs what is in such a comment
_END: Final = "SEMICOLON"  # among the types of tokens
_PLACEHOLDER: Final = re.compile(r"(?<!%)%(?:\(\w+\))?[sbt]\b")  # psycopg's; parsers differ about them
_ESCAPED_PERCENT: Final = "%%"  # in a text for a driver that takes %s

Tokens = Sequence[Any]  # of sqlglot's Token, which has lived in several of its modules


def classify(sql: str, dialect: str = "postgres") -> StatementKind:
    """What a statement does. The answer is remembered by the text, for 1,024 of them.

    Args:
        sql: One statement, as it is given to a driver: parameters are not looked at.
        dialect: One of `DIALECTS`.

    Raises:
        InvalidInput: another dialect.
    """
    if dialect not in DIALECTS:
        raise InvalidInput("dialect", dialect, allowed="one of " + ", ".join(DIALECTS))
    if len(sql) > LONGEST_CHARACTERS:
        return StatementKind.WRITE if first_word(sql) in WRITES else StatementKind.UNKNOWN
    return _remembered(sql, dialect)


@functools.lru_cache(maxsize=CACHED_STATEMENTS)
def _remembered(sql: str, dialect: str) -> StatementKind:
    for text in (_PLACEHOLDER.sub("NULL", sql).replace(_ESCAPED_PERCENT, "%"), sql):
        try:
            return _kind(text, dialect)
        except (SqlglotError, RecursionError):
            continue  # what looked like a placeholder was one of SQL's own signs
    return StatementKind.UNKNOWN


def _kind(sql: str, dialect: str) -> StatementKind:
    if _HIDDEN in sql:
        return StatementKind.UNKNOWN
    tokens = _one_statement(sql, dialect)
    if not tokens:
        return StatementKind.UNKNOWN
    word = tokens[0].text.upper()
    if word in WRITES:
        return StatementKind.WRITE
    if word in _LOOKS:
        return StatementKind.READ
    if word == "EXPLAIN":
        return _explained(sql[tokens[0].end + 1 :], dialect)
    if word in _QUERIES:
        return _query(tokens, sql, dialect)
    return StatementKind.UNKNOWN


def _one_statement(sql: str, dialect: str) -> Tokens:
    """Its tokens; none when there are several statements, or there is none."""
    tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    while tokens and tokens[-1].token_type.name == _END:
        tokens.pop()
    several = any(each.token_type.name == _END for each in tokens)
    return () if several else tokens


def _explained(sql: str, dialect: str) -> StatementKind:
    """EXPLAIN only plans a statement, EXPLAIN ANALYZE runs it."""
    options = _EXPLAIN.match(sql)
    planned = sql[options.end() :] if options is not None else sql
    tokens = _one_statement(planned, dialect)
    if not tokens or tokens[0].text.upper() not in _PLANNED:
        return StatementKind.UNKNOWN
    if options is not None and _RUNS_IT.search(options[0]):
        return _kind(planned, dialect)
    return StatementKind.READ


def _query(tokens: Tokens, sql: str, dialect: str) -> StatementKind:
    roots = _parser(dialect).parse(list(tokens), sql)
    kind = StatementKind.READ
    for root in roots:
        for node in root.walk() if root is not None else ():
            if isinstance(node, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Create | exp.Lock | exp.Into):
                return StatementKind.WRITE
            if isinstance(node, exp.Command) or (isinstance(node, exp.Anonymous) and not _pure(node)):
                kind = StatementKind.UNKNOWN
    return kind


def _pure(call: exp.Anonymous) -> bool:
    """Whether the function is known to change nothing. A schema before it is not the server's own, except `pg_catalog`."""
    name = call.this
    text = name.this if isinstance(name, exp.Identifier) and name.args.get("quoted") else call.name.lower()
    if text not in PURE_FUNCTIONS:
        return False
    around = call.parent
    if not isinstance(around, exp.Dot) or around.expression is not call:
        return True
    return around.this.name.lower() == "pg_catalog" and not isinstance(around.this, exp.Dot)


@functools.lru_cache(maxsize=len(DIALECTS))
def _parser_class(dialect: str) -> type[Any]:
    """The dialect's parser, to which all functions are alike: of those that it knows it would not tell the names."""
    usual = cast("type[Any]", Dialect.get_or_raise(dialect).parser_class)
    special = {name: parse for name, parse in usual.FUNCTION_PARSERS.items() if name.lower() in PURE_FUNCTIONS}
    return type("Parser", (usual,), {"FUNCTIONS": {}, "FUNCTION_PARSERS": special})


def _parser(dialect: str) -> Any:
    """One for a single text."""
    return _parser_class(dialect)(dialect=Dialect.get_or_raise(dialect), error_level=ErrorLevel.RAISE)
