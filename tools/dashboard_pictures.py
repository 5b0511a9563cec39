"""The pictures of the dashboards in the manual: `python tools/dashboard_pictures.py` makes all of them, in a quarter of an hour.

The shop lives through `dashboard_story.py`, and Prometheus sees it; then every panel of the generated JSON asks its own queries, and
`dashboard_drawing.py` draws the answers where the JSON places them. With `--keep FOLDER` what Prometheus saw is kept, and with
`--from FOLDER` such a folder is drawn again, which takes seconds.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from dashboard_drawing import draw  # noqa: E402  # the folder is no package
from dashboard_story import OBJECTIVES, REGIONS, SCRAPE_SECONDS, free_port, monitoring_args, record, serving  # noqa: E402
from dashboard_values import NAMED, Answered, Line, Mark  # noqa: E402
from localcloud.checkers import ensure_checker  # noqa: E402
from pulumi_seawall import plan_dashboards  # noqa: E402

ASSETS: Final = ROOT / "docs" / "assets"
STEP_SECONDS: Final = SCRAPE_SECONDS
VARIABLES: Final = {
    "$__rate_interval": f"{4 * SCRAPE_SECONDS}s",  # as Grafana works it out for this step
    "$region": "|".join(REGIONS),
    "$instance": ".*",
}
LARGEST_BYTES: Final = 200_000
QUIET_SECONDS: Final = 30  # an event that has been away for longer is another one
PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def main() -> int:
    """Let the story happen, and draw it; 1 when a picture is too large for the manual."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder that is made, and keeps what Prometheus saw")
    parser.add_argument("--from", dest="kept", type=Path, help="folder that `--keep` has made: nothing happens anew")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that was started is ended as well
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.kept or given.keep or Path(scratch) / "story"
        if given.kept is None:
            record(folder.absolute(), _say)
        return _draw_all(folder.absolute())


def _draw_all(folder: Path) -> int:
    span = json.loads((folder / "span.json").read_text(encoding="utf-8"))
    plan = plan_dashboards(
        {
            "monitoring": monitoring_args(),
            "objectives": OBJECTIVES,
            "environment": "loopback",
            "sidecar_labels": {"grafana_dashboard": "1"},
            "region_label": "region",
        }
    )
    (folder / "nothing.json").write_text("{}", encoding="utf-8")
    port, large = free_port(), 0
    with (
        serving(ensure_checker("prometheus", progress=_say), folder, "nothing.json", port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as prometheus,
    ):
        for key, text in plan.files.items():
            answered = answer(prometheus, json.loads(text), span["begin"], span["end"])
            path = ASSETS / f"dashboard-{key}.png"
            draw(answered, path)
            size = path.stat().st_size
            large += size > LARGEST_BYTES
            _say(f"{path.relative_to(ROOT)}: {size} bytes")
    return 1 if large else 0


def answer(prometheus: httpx.Client, page: dict[str, Any], begin: float, end: float) -> Answered:
    """Ask what every panel and annotation asks.

    Args:
        prometheus: Client of its API.
        page: Grafana's JSON.
        begin: Unix time.
        end: Unix time; what is asked for now is asked for then.

    Raises:
        RuntimeError: Prometheus refused a query.
    """
    lines: dict[int, list[Line]] = {}
    for panel in page["panels"]:
        found: list[Line] = []
        for place, target in enumerate(panel.get("targets", [])):
            for labels, samples in _ask(prometheus, target["expr"], begin, end, instant=target["instant"]):
                pattern = target.get("legendFormat", "")
                name = PLACEHOLDER.sub(lambda match, known=labels: known.get(match[1], ""), pattern)
                found.append(Line(" ".join(name.split()), samples, labels, place))
        lines[panel["id"]] = found
    marks: list[Mark] = []
    for annotation in page["annotations"]["list"]:
        color = NAMED[annotation["iconColor"]]
        for _, samples in _ask(prometheus, annotation["target"]["expr"], begin, end, instant=False):
            marks.extend(Mark(at, color) for at in _beginnings(samples))
    return Answered(page, lines, marks, begin, end)


def _ask(
    prometheus: httpx.Client, expression: str, begin: float, end: float, *, instant: bool
) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    span = {"time": end} if instant else {"start": begin, "end": end, "step": STEP_SECONDS}
    response = prometheus.get(f"/api/v1/{'query' if instant else 'query_range'}", params={"query": expression, **span})
    answered = response.json()
    if answered["status"] != "success":
        raise RuntimeError(f"{answered.get('error')}: {expression}")
    for series in answered["data"]["result"]:
        samples = [series["value"]] if instant else series["values"]
        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
        yield labels, [(float(at), float(value)) for at, value in samples if value != "NaN"]


def _beginnings(samples: list[tuple[float, float]]) -> Iterator[float]:
    """When it began, each time."""
    before = 0.0
    for at, _ in samples:
        if at - before > QUIET_SECONDS:
            yield at
        before = at


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
