"""Answers of Prometheus, and how Grafana would put them: in words, units, colors, spans of one state."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

TEXT: Final = "#d8d9da"
NAMED: Final = {
    "green": "#73bf69",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "text": TEXT,
}

Samples = list[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One series: its name, and its values by Unix time; of an instant query one value."""

    name: str
    samples: Samples
    labels: Mapping[str, str]
    target: int


@dataclass(frozen=True)
class Mark:
    """A moment that every chart shows."""

    at: float
    color: str


@dataclass(frozen=True)
class Answered:
    """A dashboard with the answers to its questions.

    Args:
        page: Grafana's JSON.
        lines: By panel id.
        marks: From its annotations.
        begin: Unix time.
        end: Unix time.
    """

    page: dict[str, Any]
    lines: Mapping[int, list[Line]]
    marks: Sequence[Mark]
    begin: float
    end: float


def runs(samples: Samples) -> list[tuple[float, float, float]]:
    """Spans of one value each, up to the next sample."""
    runs: list[tuple[float, float, float]] = []
    step = spacing(samples)
    for at, value in samples:
        if runs and runs[-1][2] == value and at - runs[-1][1] <= step * 1.5:
            runs[-1] = (runs[-1][0], at + step, value)
        else:
            runs.append((at, at + step, value))
    return runs


def with_gaps(samples: Samples) -> tuple[list[float], list[float]]:
    """Times and values, with a hole where values are missing."""
    times, values = list[float](), list[float]()
    step = spacing(samples)
    before = math.inf
    for at, value in samples:
        if at - before > 1.5 * step:
            times.append(before + step)
            values.append(math.nan)
        times.append(at)
        values.append(value)
        before = at
    return times, values


def spacing(samples: Samples) -> float:
    """Seconds between two samples that follow each other."""
    return min((later - sooner for (sooner, _), (later, _) in itertools.pairwise(samples)), default=0)


def mapped(defaults: Mapping[str, Any], value: float) -> tuple[str, str]:
    found = defaults["mappings"][0]["options"].get(str(int(value)), {"text": f"{value:g}", "color": "text"})
    return found["text"], NAMED[found["color"]]


def by_limit(defaults: Mapping[str, Any], value: float) -> str:
    return step_color(defaults["thresholds"]["steps"], value)


def step_color(steps: Sequence[Mapping[str, Any]], value: float) -> str:
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return NAMED[reached[-1]["color"]]


def formatted(value: float, unit: str, decimals: int | None = None) -> str:
    """A value as an operator reads it: 0.25 as 25 %, 0.004 s as 4 ms."""
    if math.isnan(value):
        return "NaN"
    number: Callable[[float], str] = (
        (lambda each: f"{each:.{decimals}f}") if decimals is not None else (lambda each: f"{each:.3g}")
    )
    match unit:
        case "percentunit":
            return f"{number(value * 100)} %"
        case "s":
            if abs(value) < 1 and value:
                return f"{number(value * 1000)} ms"
            return f"{number(value)} s" if abs(value) < 120 else f"{number(value / 60)} min"
        case "bytes":
            size = next(
                (each for each in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")) if abs(value) >= each[0]),
                (1, "B"),
            )
            return f"{number(value / size[0])} {size[1]}"
        case "reqps":
            return f"{number(value)} req/s"
        case "ops":
            return f"{number(value)} /s"
        case _:
            return number(value)
