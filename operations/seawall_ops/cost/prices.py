"""The table of prices: a YAML file with the date and the source of each."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast

import yaml

from seawall.errors import InvalidInput
from seawall_ops.files import reading

__all__ = ["Prices", "load_prices"]

TABLE: Final = "prices.yaml"
PIECES: Final = ("monthly", "hourly", "storage")
SECTIONS: Final = ("currency", "region", "region_factors", *PIECES, "instances", "free", "usage")
HOURS_PER_MONTH: Final = 730  # how AWS counts


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, before tax, discounts and free tiers; those of instances and storage for `us-east-1`."""

    monthly: Mapping[str, float]
    hourly: Mapping[str, float]
    storage: Mapping[str, float]
    """Per GB and month, by storage type."""
    instances: Mapping[str, Mapping[str, float]]
    """Per hour, by engine and class."""
    region_factors: Mapping[str, float]
    free: frozenset[str]
    usage: Mapping[str, str]
    dates: tuple[str, ...] = ()
    """Months that the prices are of, oldest first."""


def load_prices(override: Path | None = None) -> Prices:
    """The table that comes with Seawall, with a user's own over it.

    Args:
        override: A file of the same form; what it names replaces the table's.

    Raises:
        InvalidInput: The file is no such table.
    """
    own = resources.files("seawall_ops.cost").joinpath(TABLE).read_text(encoding="utf-8")
    table = _checked(TABLE, own)
    if override is not None:
        with reading("--prices", override):
            text = override.read_text(encoding="utf-8")
        table = _over(table, _checked(str(override), text))
    return Prices(
        **{piece: {name: price["usd"] for name, price in table[piece].items()} for piece in PIECES},
        instances=table["instances"]["engines"],
        region_factors=table["region_factors"]["factors"],
        free=frozenset(table["free"]),
        usage=table["usage"],
        dates=tuple(sorted({str(date) for date in _dates(table)})),
    )


def _checked(name: str, text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InvalidInput(name, "no YAML", allowed="a table of prices") from None
    table = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    for section in table or {"no section": None}:
        if section not in SECTIONS:
            raise InvalidInput(name, section, allowed=f"sections {', '.join(SECTIONS)}")
    for piece in PIECES:
        for key, price in table.get(piece, {}).items():
            _price(
                f"{name}: {piece}.{key}", cast("dict[str, Any]", price).get("usd") if isinstance(price, dict) else None
            )
    for engine, classes in table.get("instances", {}).get("engines", {}).items():
        for size, usd in classes.items():
            _price(f"{name}: instances.engines.{engine}.{size}", usd)
    return table


def _price(name: str, usd: object) -> None:
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not math.isfinite(usd) or usd < 0:
        raise InvalidInput(name, usd, allowed="a price in US dollars, e.g. {usd: 0.50}")


def _over(table: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The second table over the first, key by key."""
    merged = dict(table)
    for key, value in other.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _over(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = [*cast("list[Any]", old), *cast("list[Any]", value)]
        else:
            merged[key] = value
    return merged


def _dates(table: Mapping[str, Any]) -> Iterable[object]:
    for key, value in table.items():
        if key == "as_of":
            yield value
        elif isinstance(value, dict):
            yield from _dates(cast("Mapping[str, Any]", value))
