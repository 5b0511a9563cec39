"""Right arguments with one value changed, however deep."""

from collections.abc import Sequence
from typing import Any, Final

ABSENT: Final = object()
"""Stands for no value at all."""


def put(args: Any, path: Sequence[str], value: object) -> None:
    """Set what is at the end of a path, whose digits are places in lists; `ABSENT` takes it out."""
    *parents, last = [int(part) if part.isdecimal() else part for part in path]
    place = args
    for part in parents:
        place = place[part] if isinstance(part, int) else place.setdefault(part, {})
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
