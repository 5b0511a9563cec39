"""What a statement's first word says of it: all that can be known without a parser, and enough to refuse a write."""

import re
from typing import Final

from seawall.replicas._model import StatementKind

__all__ = ["CONTROLS", "WRITES", "first_word", "kind_by_word"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WRITES: Final = _words(
    """
    ALTER ANALYZE CLUSTER COMMENT CREATE DELETE DROP GRANT IMPORT INSERT LOAD MERGE NOTIFY REASSIGN REFRESH REINDEX RENAME
    REPLACE REVOKE SECURITY TRUNCATE UPDATE VACUUM
    """
)
"""What begins with these writes, whatever follows."""

CONTROLS: Final = _words(
    """
    ABORT BEGIN COMMIT DEALLOCATE DISCARD END LISTEN RELEASE RESET ROLLBACK SAVEPOINT SET START UNLISTEN
    """
)
"""What begins with these steers the session or its transaction, and belongs where that is."""

_FIRST_WORD: Final = re.compile(r"(?:[\s(;]|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*+([A-Za-z]*)", re.DOTALL)


def first_word(sql: str) -> str:
    """The first word in capitals, behind white space, comments and parentheses; empty when something else comes first."""
    found = _FIRST_WORD.match(sql)
    return "" if found is None else found[1].upper()


def kind_by_word(sql: str) -> StatementKind:
    """`WRITE` for what begins as one; else `UNKNOWN`: a SELECT too may lock rows, or call what writes."""
    return StatementKind.WRITE if first_word(sql) in WRITES else StatementKind.UNKNOWN
