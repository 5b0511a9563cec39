"""What raw SQL does: by sqlglot where it is installed, else by the first word."""

import functools
from collections.abc import Callable

from seawall.errors import MissingExtra
from seawall.replicas import StatementKind
from seawall.replicas._words import CONTROLS, first_word, kind_by_word

__all__ = ["Classify", "classifier", "steers"]

Classify = Callable[[str], StatementKind]


@functools.cache
def classifier(dialect: str = "postgres") -> Classify:
    """Tells kinds of statements of that dialect, one of `seawall.replicas_sql.DIALECTS`; of another one by the first word."""
    try:
        from seawall.replicas_sql import DIALECTS, classify
    except MissingExtra:
        return kind_by_word
    if dialect not in DIALECTS:
        return kind_by_word

    def known(sql: str) -> StatementKind:
        return classify(sql, dialect)

    return known


@functools.lru_cache(maxsize=1_024)
def steers(sql: str) -> bool:
    """Whether it steers the session or its transaction, so that it belongs where that is."""
    return first_word(sql) in CONTROLS
