"""The check of a number that somebody configures, and its one line."""

import math
from typing import cast

from seawall.errors import InvalidInput

__all__ = ["number"]


def number(
    name: str, value: object, *, above: float | None = None, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Raise unless `value` is a finite number within the bounds."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if fits:
        given = cast("float", value)
        fits = (
            (above is None or given > above)
            and (at_least is None or given >= at_least)
            and (at_most is None or given <= at_most)
        )
    if not fits:
        bounds = [
            "" if above is None else f"above {above:g}",
            "" if at_least is None else f"at least {at_least:g}",
            "" if at_most is None else f"at most {at_most:g}",
        ]
        raise InvalidInput(name, value, allowed="a number, " + " and ".join(each for each in bounds if each))
