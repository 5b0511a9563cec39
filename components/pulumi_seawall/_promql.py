"""Pieces of PromQL as text: durations, numbers, selectors of the contract's metrics. Pure."""

from collections.abc import Mapping
from typing import Final

from seawall.contract import MetricSpec

UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))  # seconds each, longest first
DIGITS: Final = 12  # significant ones of a number: what floating point adds to 14.4 x 0.001 is left out


def duration(seconds: float) -> str:
    """Seconds as Prometheus writes them, in the longest unit that fits exactly: 300 is `5m`, 90 is `90s`."""
    whole = round(seconds)
    unit, size = next((name, size) for name, size in UNITS if whole % size == 0)
    return f"{whole // size}{unit}"


def literal(number: float) -> str:
    """A number as PromQL reads it."""
    return f"{number:.{DIGITS}g}"


def quoted(value: str) -> str:
    """A label's value between quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def matchers(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Labels that must be equal, in the order of their names."""
    return tuple(f"{name}={quoted(value)}" for name, value in sorted(labels.items()))


def series(name: str, *conditions: str) -> str:
    """A selector: `up{job="shop"}`."""
    return f"{name}{{{','.join(conditions)}}}" if conditions else name


def count_of(histogram: MetricSpec) -> str:
    """The name under which a histogram has the number of its observations."""
    return f"{histogram.family}_count"


def bucket_of(histogram: MetricSpec) -> str:
    """The name of a histogram's buckets."""
    return f"{histogram.family}_bucket"


def up_to(seconds: float) -> str:
    """The condition for the bucket that ends at a bound, however it is written: clients say `1.0`, some scrapers `1`."""
    bound = literal(seconds)
    return f'le=~"{bound}(\\\\.0)?"' if bound.isdecimal() else f'le="{bound}"'


def by(labels: tuple[str, ...], operator: str = "sum") -> str:
    """An aggregation that keeps labels: `sum by (http_route)`."""
    return f"{operator} by ({', '.join(labels)}) " if labels else operator
