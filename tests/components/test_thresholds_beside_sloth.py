"""The same objective asks for the same alerts, whichever tool writes them: sloth v0.16.0's thresholds are ours.

What sloth wrote is committed, so that the comparison always runs; where sloth is built, it is asked again.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rule_samples import availability_rules

GOLDEN = Path(__file__).parent / "golden" / "sloth" / "thresholds.json"
DAYS = (28, 30)
PERCENT = ("99", "99.5", "99.9", "99.95", "99.99")
CASES = [(days, percent) for days in DAYS for percent in PERCENT]
SEVERITIES = {"page": "critical", "ticket": "info"}
"""Ours for each of sloth's."""
WINDOW = re.compile(r"ratio_rate(\w+)\{[^}]*\} > \((\S+) \* ([0-9.e-]+)\)")
LIMIT_SECONDS = 60
Window = dict[str, Any]


def written_by_sloth(sloth: Path, folder: Path, days: int, percent: str) -> list[Window]:
    """Windows and thresholds of the alerts that sloth generates for an objective over some days."""
    ratio = "sum(rate({}_total[{{{{.window}}}}]))"
    spec = {
        "version": "prometheus/v1",
        "service": "shop",
        "slos": [
            {
                "name": "availability",
                "objective": float(percent),
                "sli": {"events": {"error_query": ratio.format("errors"), "total_query": ratio.format("requests")}},
                "alerting": {"name": "Burns", "page_alert": {}, "ticket_alert": {}},
            }
        ],
    }
    place = folder / "slo.yml"
    place.write_text(yaml.safe_dump(spec), encoding="utf-8")
    command = [sloth, "generate", "--input", place, "--default-slo-period", f"{days}d", "--out", folder / "rules.yml"]
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_SECONDS)
    groups = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [
        window
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
        for window in _pairs(rule["labels"]["sloth_severity"], WINDOW.findall(rule["expr"]))
    ]


def _pairs(severity: str, found: list[tuple[str, str, str]]) -> Iterable[Window]:
    """Sloth writes the short window before the long one."""
    for (short, *first), (long, *second) in zip(found[::2], found[1::2], strict=True):
        assert first == second
        factor, budget = map(float, first)
        yield {"severity": severity, "short": short, "long": long, "threshold": factor * budget}


def committed(days: int, percent: str) -> list[Window]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))["windows"][f"{percent} over {days}d"]


def written_by_us(days: int, percent: str) -> list[Window]:
    """The same of our rules; each condition of an alert has the same limit."""
    windows: list[Window] = []
    for alert in availability_rules(period_seconds=days * 86400.0, objective=float(percent) / 100).alerts:
        if "long_window" in alert.labels:
            limits = {float(limit) for limit in re.findall(r"\} > (\S+)", alert.expr)}
            assert len(limits) == 1
            labels = alert.labels
            windows.append(
                {
                    "severity": alert.level.severity,
                    "short": labels["short_window"],
                    "long": labels["long_window"],
                    "threshold": limits.pop(),
                }
            )
    return windows


@pytest.mark.parametrize(("days", "percent"), CASES)
def test_thresholds_are_those_that_sloth_wrote(days: int, percent: str) -> None:
    """Windows, severities, and each limit to nine digits: what is left is the order of multiplication."""
    assert written_by_us(days, percent) == [
        {
            **window,
            "severity": SEVERITIES[window["severity"]],
            "threshold": pytest.approx(window["threshold"], rel=1e-9),
        }
        for window in committed(days, percent)
    ]


def test_what_is_committed_is_what_sloth_writes(sloth: Path, tmp_path: Path) -> None:
    """Numbers that were typed in would prove nothing. `SEAWALL_UPDATE_GOLDEN=1` writes them anew."""
    written = {f"{percent} over {days}d": written_by_sloth(sloth, tmp_path, days, percent) for days, percent in CASES}
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        source = "sloth v0.16.0: sloth generate --default-slo-period; percent over days, thresholds of the error ratio"
        GOLDEN.write_text(json.dumps({"source": source, "windows": written}, indent=1) + "\n", encoding="utf-8")
    assert all(len(windows) == 4 for windows in written.values())
    assert json.loads(GOLDEN.read_text(encoding="utf-8"))["windows"] == written
