"""Dashboards as plain data: what each panel asks, and how its answer is to be read. Pure, and knows nothing of Grafana."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

COLUMNS: Final = 24
"""Of Grafana's grid; a row of it is 30 pixels high, with 8 between two."""


class PanelKind(StrEnum):
    """How an answer is shown. The values are Grafana's names of its panels."""

    STAT = "stat"
    SERIES = "timeseries"
    STATES = "state-timeline"
    TABLE = "table"


class Color(StrEnum):
    """Of what is well, worth a look, wrong; of what is neither. The values are Grafana's names."""

    GREEN = "green"
    ORANGE = "orange"
    RED = "red"
    BLUE = "blue"
    PLAIN = "text"


class Unit(StrEnum):
    """Of a panel's values. The values are Grafana's names."""

    RATIO = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    REQUESTS_PER_SECOND = "reqps"
    PER_SECOND = "ops"
    COUNT = "short"


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus.

    Args:
        expr: With Grafana's variables in it.
        legend: Of its series, with `{{label}}` for a label's value; in a table the column of its values.
    """

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Limit:
    """From a value on, another color; in a chart a line."""

    value: float
    color: Color


@dataclass(frozen=True, slots=True)
class State:
    """What a number stands for."""

    value: int
    text: str
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table that is not its first query's value.

    Args:
        title: At its head.
        unit: Of its values.
        limits: Where they change their color.
        url: Where its values lead, with `{value}` for the value.
    """

    title: str
    unit: Unit | None = None
    limits: tuple[Limit, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One answer.

    Args:
        kind: How it is shown.
        title: A few words.
        description: What it means, and what to do about it.
        queries: What it asks.
        unit: Of its values.
        width: Of `COLUMNS`.
        height: In rows of the grid.
        no_data: What no answer means.
        limits: In the order of their values.
        base: The color below the first limit.
        states: What its numbers stand for.
        stacked: Whether series add up to something.
        lowest: Where the axis begins, at most.
        highest: Where it ends.
        decimals: Digits after the point; as many as it takes where there is none.
        alerts: Which look at the same: their runbooks are linked.
        opens: Key of the dashboard that says more.
        columns: Of a table, in their order, by the label's name, or `Value` for the value of the only query, or
            `Value #A` for that of the first of several.
    """

    kind: PanelKind
    title: str
    description: str
    queries: tuple[Query, ...]
    width: int
    height: int
    no_data: str
    unit: Unit = Unit.COUNT
    limits: tuple[Limit, ...] = ()
    base: Color = Color.GREEN
    states: tuple[State, ...] = ()
    stacked: bool = False
    lowest: float | None = 0
    highest: float | None = None
    decimals: int | None = None
    alerts: tuple[str, ...] = ()
    opens: str | None = None
    columns: Mapping[str, Column] = field(default_factory=dict[str, Column])


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question, from left to right and on below."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A moment that every chart shows.

    Args:
        name: What is switched on and off with it.
        expr: Has series while it goes on.
        color: Of the line.
        title: With `{{label}}` for a label's value.
        text: The same, as HTML.
    """

    name: str
    expr: str
    color: Color
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page.

    Args:
        key: Short, the same in every environment.
        title: What people look for.
        description: When to look at it.
        rows: What comes first is read first.
    """

    key: str
    title: str
    description: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """Of every row."""
        return (panel for row in self.rows for panel in row.panels)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel is in the grid."""

    x: int
    y: int
    width: int
    height: int


def places(dashboard: Dashboard) -> Iterator[tuple[Row, Place, tuple[tuple[Panel, Place], ...]]]:
    """Each row with the place of its title and of its panels: a panel that no longer fits begins a new line."""
    y = 0
    for row in dashboard.rows:
        title = Place(0, y, COLUMNS, 1)
        x, y, line_height = 0, y + 1, 0
        placed: list[tuple[Panel, Place]] = []
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            placed.append((panel, Place(x, y, panel.width, panel.height)))
            x, line_height = x + panel.width, max(line_height, panel.height)
        y += line_height
        yield row, title, tuple(placed)
