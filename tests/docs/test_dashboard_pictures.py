"""The pictures of the dashboards: there is one of each, the manual shows it, and values in it are as an operator reads them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from asked_metrics import dashboards_args
from dashboard_drawing import draw
from dashboard_values import Answered, Line, Mark, formatted, runs, with_gaps
from pulumi_seawall import plan_dashboards

ROOT = Path(__file__).resolve().parents[2]
LARGEST_BYTES = 200_000
BEGIN, END = 1_800_000_000.0, 1_800_000_900.0
KEYS = ["service", "resilience", "data", "release"]


@pytest.mark.parametrize("key", KEYS)
def test_the_manual_shows_each_dashboard_in_a_picture_that_loads_at_once(key):
    """A page of the manual is read on a telephone too."""
    picture = ROOT / "docs" / "assets" / f"dashboard-{key}.png"
    assert picture.stat().st_size < LARGEST_BYTES
    assert f"(assets/{picture.name})" in (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")


def test_every_kind_of_panel_is_drawn_with_answers_and_without(tmp_path):
    """A dashboard that gains a panel needs no new drawing."""
    page = json.loads(plan_dashboards(dashboards_args()).files["service"])
    samples = [(BEGIN + 5 * place, float(place % 2)) for place in range(181)]
    labels = {"http_route": "/orders", "alertname": "ServiceDown", "level": "SEV1"}
    lines = {
        panel["id"]: [
            Line(f"line {target}", samples, labels, target) for target in range(len(panel.get("targets", [])))
        ]
        for panel in page["panels"]
    }
    marks = [Mark(BEGIN + 60, "#f2495c")]
    for name, answers in (("full", lines), ("empty", {number: list[Line]() for number in lines})):
        path = tmp_path / f"{name}.png"
        draw(Answered(page, answers, marks, BEGIN, END), path)
        with Image.open(path) as image:
            assert image.width > 1000
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "shown"),
    [
        (0.0215, "percentunit", None, "2.15 %"),
        (-8.5, "percentunit", 0, "-850 %"),
        (0.0211, "s", None, "21.1 ms"),
        (0.0, "s", None, "0 s"),
        (90.0, "s", None, "90 s"),
        (595.0, "s", None, "9.92 min"),
        (344_064.0, "bytes", None, "336 KiB"),
        (26.81, "reqps", None, "26.8 req/s"),
        (2.34, "short", 0, "2"),
        (float("nan"), "short", None, "NaN"),
    ],
)
def test_values_are_shown_as_an_operator_reads_them(value, unit, decimals, shown):
    """Seconds as milliseconds where they are few, ratios as percent."""
    assert formatted(value, unit, decimals) == shown


def test_a_hole_in_the_samples_is_a_hole_in_the_line_and_ends_a_state():
    """A line over a gap would show what nobody measured."""
    samples = [(0.0, 1.0), (5.0, 1.0), (10.0, 0.0), (30.0, 0.0), (35.0, 0.0)]
    times, values = with_gaps(samples)
    assert times == [0, 5, 10, 15, 30, 35]
    assert str(values) == "[1.0, 1.0, 0.0, nan, 0.0, 0.0]"
    assert runs(samples) == [(0, 10, 1), (10, 15, 0), (30, 40, 0)]
