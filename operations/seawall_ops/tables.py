"""Tables on a terminal and in a log."""

import sys
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["print_table"]

PIPE_WIDTH: Final = 200  # columns where there is no terminal to ask, e.g. in a log


def print_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Rows under their header on standard output; nothing in a cell is taken for markup."""
    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(table)
