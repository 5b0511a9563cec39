"""Panels of Grafana's JSON drawn with matplotlib: a rendering of what they ask and how they are laid out, not Grafana itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from dashboard_values import (
    NAMED,
    TEXT,
    Answered,
    Line,
    by_limit,
    formatted,
    mapped,
    runs,
    spacing,
    step_color,
    with_gaps,
)

COLUMN, ROW, GAP = 58, 34, 8  # pixels of a grid's column and row, and between two panels
HEADER, MARGIN, DPI = 74, 10, 100
TITLE, LEGEND_LINE = 26, 15  # pixels
LEGEND_ROWS: Final = 5
LOW_PANEL: Final = 240  # pixels; below, fewer legends leave room for the lines
LETTER: Final = 6.1  # pixels of an average one in a legend
COLORS_IN_FILE: Final = 224  # a palette is enough for lines on a dark ground, and a third of the size
PAGE, PANEL, EDGE, DIM = "#111217", "#181b1f", "#2c3235", "#8e9297"
PALETTE: Final = (
    "#73bf69",
    "#f2cc0c",
    "#8ab8ff",
    "#ff780a",
    "#b877d9",
    "#5794f2",
    "#ff7383",
    "#96d98d",
    "#ffb357",
    "#37872d",
)


def draw(answered: Answered, path: Path) -> None:
    """Write a picture of a dashboard as PNG.

    Args:
        answered: What is drawn.
        path: Where it goes.
    """
    mpl.rcParams.update({"font.family": "DejaVu Sans", "text.color": TEXT, "axes.edgecolor": EDGE})
    panels = answered.page["panels"]
    bottom = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels)
    width, height = 24 * COLUMN + 2 * MARGIN, HEADER + bottom * ROW + MARGIN
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAGE)
    canvas = Canvas(figure, width, height)
    _header(canvas, answered)
    for panel in panels:
        at = panel["gridPos"]
        box = Box(MARGIN + at["x"] * COLUMN, HEADER + at["y"] * ROW, at["w"] * COLUMN, at["h"] * ROW)
        if panel["type"] == "row":
            canvas.text(box.x + 2, box.y + box.height / 2, f"▾  {panel['title']}", size=12, weight="bold", va="center")
            continue
        box = Box(box.x, box.y, box.width - GAP, box.height - GAP)
        canvas.box(box, PANEL)
        lines = answered.lines[panel["id"]]
        drawing = {"stat": _stat, "timeseries": _chart, "state-timeline": _states, "table": _table}[panel["type"]]
        if panel["type"] != "stat" or not panel["fieldConfig"]["defaults"]["mappings"]:
            canvas.text(box.x + 10, box.y + 15, panel["title"], size=9.5, weight="bold", va="center")
        if lines:
            drawing(canvas, box, panel, lines, answered)
        else:
            _nothing(canvas, box, panel)
    figure.savefig(path, facecolor=PAGE)
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLORS_IN_FILE, dither=Image.Dither.NONE).save(path, optimize=True)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, from the top left."""

    x: float
    y: float
    width: float
    height: float


class Canvas:
    """A figure that is drawn on in pixels, from the top left."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self.figure, self.width, self.height = figure, width, height
        self.page = figure.add_axes((0, 0, 1, 1))
        self.page.set_xlim(0, width)
        self.page.set_ylim(height, 0)
        self.page.axis("off")

    def axes(self, box: Box) -> Axes:
        """Axes in a rectangle."""
        x, y = box.x / self.width, 1 - (box.y + box.height) / self.height
        made = self.figure.add_axes((x, y, box.width / self.width, box.height / self.height))
        made.set_facecolor("none")
        return made

    def box(self, box: Box, color: str, edge: str = EDGE) -> None:
        """A rectangle with round corners."""
        style = "round,pad=0,rounding_size=3"
        self.page.add_patch(
            FancyBboxPatch(
                (box.x, box.y), box.width, box.height, boxstyle=style, facecolor=color, edgecolor=edge, lw=0.8
            )
        )

    def text(self, x: float, y: float, text: str, *, size: float, color: str = TEXT, **more: Any) -> Any:
        """Words."""
        return self.page.text(x, y, text, fontsize=size, color=color, **more)


def _header(canvas: Canvas, answered: Answered) -> None:
    begin, end = (datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") for at in (answered.begin, answered.end))
    canvas.text(MARGIN, 22, answered.page["title"], size=15, weight="bold", va="center")
    x = float(MARGIN)
    for variable in answered.page["templating"]["list"]:
        value = "Prometheus" if variable["type"] == "datasource" else "All"
        label = "Data source" if variable["type"] == "datasource" else variable["label"]
        canvas.text(x, 52, f"{label}: ", size=9.5, color=DIM, va="center")
        canvas.text(x + 7.2 * len(label) + 10, 52, value, size=9.5, va="center")
        x += 7.2 * len(label) + 9 * len(value) + 34
    canvas.text(canvas.width - MARGIN, 22, f"{begin} to {end} UTC", size=9.5, va="center", ha="right")
    note = "drawn from the dashboard's own queries and layout; not a screenshot of Grafana"
    canvas.text(canvas.width - MARGIN, 52, note, size=8.5, color=DIM, va="center", ha="right", style="italic")


def _nothing(canvas: Canvas, box: Box, panel: Mapping[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] == "stat" and defaults["mappings"]:
        canvas.text(box.x + 10, box.y + 15, panel["title"], size=9.5, weight="bold", va="center")
    size = 12 if panel["type"] != "stat" else min(15, 1.35 * box.width / len(defaults["noValue"]))
    canvas.text(
        box.x + box.width / 2,
        box.y + box.height / 2 + 8,
        defaults["noValue"],
        size=size,
        color=DIM,
        ha="center",
        va="center",
    )


def _stat(canvas: Canvas, box: Box, panel: Mapping[str, Any], lines: list[Line], _: Answered) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    names = panel["options"]["textMode"] == "value_and_name"
    if defaults["mappings"]:
        text, color = mapped(defaults, lines[0].samples[-1][1])
        canvas.box(box, color, color)
        canvas.text(box.x + 10, box.y + 15, panel["title"], size=9.5, color="white", weight="bold", va="center")
        canvas.text(
            box.x + box.width / 2,
            box.y + box.height / 2 + 8,
            text,
            size=21,
            color="white",
            ha="center",
            va="center",
            weight="bold",
        )
        return
    share = box.width / len(lines)
    for place, line in enumerate(lines):
        value, x = line.samples[-1][1], box.x + share * (place + 0.5)
        y = box.y + box.height / 2 + (16 if names else 8)
        if names:
            canvas.text(x, box.y + 46, line.name, size=9, ha="center", va="center", color=DIM)
        shown = formatted(value, defaults["unit"], defaults.get("decimals"))
        canvas.text(x, y, shown, size=23, color=by_limit(defaults, value), ha="center", va="center", weight="bold")


def _chart(canvas: Canvas, box: Box, panel: Mapping[str, Any], lines: list[Line], answered: Answered) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    ordered = sorted(lines, key=lambda line: max(value for _, value in line.samples), reverse=True)
    words = {line.name: _legend(line, defaults) for line in ordered}
    columns = max(1, int((box.width - 20) // (LETTER * max(map(len, words.values())) + 30)))
    shown = ordered[: columns * (LEGEND_ROWS if box.height > LOW_PANEL else LEGEND_ROWS - 2)]
    legend_rows = math.ceil((len(shown) + (len(lines) > len(shown))) / columns)
    plot = Box(box.x + 62, box.y + TITLE + 8, box.width - 76, box.height - TITLE - 34 - LEGEND_LINE * legend_rows)
    axes = canvas.axes(plot)
    stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    color_of = {line.name: PALETTE[place % len(PALETTE)] for place, line in enumerate(lines)}
    top = _plot_stack(axes, lines, color_of, answered) if stacked else _plot_lines(axes, lines, color_of)
    for step in (
        defaults["thresholds"]["steps"][1:] if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed" else []
    ):
        axes.axhline(step["value"], color=NAMED[step["color"]], lw=1.1, ls=(0, (5, 4)), alpha=0.9)
        top = max(top, step["value"] * 1.12) if step["value"] < 6 * max(top, 1e-9) else top
    for mark in answered.marks:
        axes.axvline(_date(mark.at), color=mark.color, lw=0.8, ls=(0, (2, 3)), alpha=0.5)
    low = min((value for line in lines for _, value in line.samples), default=0)
    bottom = defaults.get("min", min(low * 1.1, low - 0.1 * abs(low), 0))
    axes.set_ylim(bottom, top * 1.08 if top > bottom else bottom + 1)
    _time_axis(axes, answered)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=defaults["unit"] == "short"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: formatted(value, defaults["unit"])))
    axes.tick_params(colors=DIM, labelsize=7.5, length=0)
    axes.grid(color="#ffffff", alpha=0.07, lw=0.7)
    for side in axes.spines.values():
        side.set_visible(False)
    y = plot.y + plot.height + 32
    for place, line in enumerate(shown):
        x = box.x + 14 + (place % columns) * box.width / columns
        at = y + (place // columns) * LEGEND_LINE
        canvas.page.plot([x, x + 13], [at, at], color=color_of[line.name], lw=2.4, solid_capstyle="butt")
        canvas.text(x + 19, at, _fitting(words[line.name], box.width / columns - 34), size=7.8, color=TEXT, va="center")
    if len(lines) > len(shown):
        canvas.text(
            box.x + 14,
            y + (legend_rows - 1) * LEGEND_LINE,
            f"and {len(lines) - len(shown)} more",
            size=7.8,
            color=DIM,
            va="center",
        )


def _legend(line: Line, defaults: Mapping[str, Any]) -> str:
    unit, decimals = defaults["unit"], defaults.get("decimals")
    last, most = (formatted(each, unit, decimals) for each in (line.samples[-1][1], max(v for _, v in line.samples)))
    return f"{line.name}   last {last}   max {most}"


def _fitting(words: str, width: float) -> str:
    """As much of a legend as there is room for: the highest value goes before the last one does."""
    while len(words) * LETTER > width and "   " in words:
        words = words.rpartition("   ")[0]
    return words


def _plot_lines(axes: Axes, lines: list[Line], color_of: Mapping[str, str]) -> float:
    for line in lines:
        times, values = with_gaps(line.samples)
        axes.plot(list(map(_date, times)), values, color=color_of[line.name], lw=1.5)
    return max((value for line in lines for _, value in line.samples), default=0)


def _plot_stack(axes: Axes, lines: list[Line], color_of: Mapping[str, str], answered: Answered) -> float:
    step = min(filter(None, (spacing(line.samples) for line in lines)), default=answered.end - answered.begin)
    first = min(at for line in lines for at, _ in line.samples)
    times = [first + step * place for place in range(int((answered.end - first) / step) + 1)]
    values = [[dict(line.samples).get(at, 0.0) for at in times] for line in lines]
    dates = [_date(at) for at in times]
    base = [0.0] * len(times)
    for line, own in zip(lines, values, strict=True):
        upper = [low + value for low, value in zip(base, own, strict=True)]
        axes.fill_between(dates, base, upper, color=color_of[line.name], alpha=0.3, lw=0)
        axes.plot(dates, upper, color=color_of[line.name], lw=1.3)
        base = upper
    return max(base, default=0)


def _states(canvas: Canvas, box: Box, panel: Mapping[str, Any], lines: list[Line], answered: Answered) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    lines = sorted(lines, key=lambda line: line.name)
    names = max(len(line.name) for line in lines) * 6.2 + 24
    plot = Box(box.x + names, box.y + TITLE + 6, box.width - names - 14, box.height - TITLE - 32)
    axes = canvas.axes(plot)
    end = _date(answered.end)
    for place, line in enumerate(lines):
        for begin, until, value in runs(line.samples):
            text, color = mapped(defaults, value)
            left, right = _date(begin), min(_date(until), end)
            axes.add_patch(Rectangle((left, place + 0.1), right - left, 0.8, facecolor=color, alpha=0.85, lw=0))
            if (right - left) / (end - _date(answered.begin)) * plot.width > 7.6 * len(text):
                axes.text(
                    (left + right) / 2, place + 0.5, text, fontsize=7.8, color="#0b0c0e", ha="center", va="center"
                )
        canvas.text(box.x + 12, plot.y + plot.height * (place + 0.5) / len(lines), line.name, size=7.8, va="center")
    axes.set_ylim(len(lines), 0)
    axes.set_yticks([])
    _time_axis(axes, answered)
    axes.tick_params(colors=DIM, labelsize=7.5, length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _table(canvas: Canvas, box: Box, panel: Mapping[str, Any], lines: list[Line], _: Answered) -> None:
    shown = next(each for each in panel["transformations"] if each["id"] == "organize")["options"]
    order = sorted(shown["indexByName"], key=shown["indexByName"].get)
    styles = {
        each["matcher"]["options"]: {one["id"]: one["value"] for one in each["properties"]}
        for each in panel["fieldConfig"]["overrides"]
    }
    merged: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    single = len(panel["targets"]) == 1
    for line in lines:
        key = tuple(sorted(line.labels.items()))
        value = "Value" if single else f"Value #{chr(ord('A') + line.target)}"
        merged.setdefault(key, dict(line.labels))[value] = line.samples[-1][1]
    rows = sorted(merged.values(), key=lambda row: str(row.get(order[0], "")))
    widths = [3.0 if name in ("http_route", "alertname") else 1.2 for name in order]
    scale, x, heads = (box.width - 24) / sum(widths), box.x + 14, list[float]()
    for name, width in zip(order, widths, strict=True):
        heads.append(x)
        canvas.text(
            x, box.y + 42, shown["renameByName"][name], size=8.6, color=NAMED["blue"], va="center", weight="bold"
        )
        x += width * scale
    room = int((box.height - 60) // 21)
    for place, row in enumerate(rows[:room]):
        y = box.y + 66 + place * 21
        canvas.page.plot([box.x + 10, box.x + box.width - 10], [y - 11, y - 11], color=EDGE, lw=0.7)
        for name, at in zip(order, heads, strict=True):
            style, value = styles.get(shown["renameByName"][name], {}), row.get(name, "")
            is_number = isinstance(value, float)
            text = formatted(value, style.get("unit", "short")) if is_number else str(value)
            color = step_color(style["thresholds"]["steps"], value) if is_number and "thresholds" in style else TEXT
            canvas.text(at, y, text, size=8.6, color=NAMED["blue"] if "links" in style else color, va="center")
    if len(rows) > room:
        canvas.text(box.x + box.width - 14, box.y + 15, f"{len(rows)} rows", size=8, color=DIM, ha="right", va="center")


def _time_axis(axes: Axes, answered: Answered) -> None:
    axes.set_xlim(_date(answered.begin), _date(answered.end))
    axes.xaxis_date(UTC)
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=7, tz=UTC))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))


def _date(at: float) -> float:
    return at / 86400  # matplotlib counts days since the same epoch
