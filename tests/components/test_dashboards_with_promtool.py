"""The panels that people act on, asked by Prometheus' own promtool over series as they are: fine, wrong, not there."""

import json
import subprocess
from dataclasses import dataclass

import pytest

from asked_metrics import dashboards_args, filled
from pulumi_seawall import plan_dashboards

AT = "10m"  # when it is asked; a sample every 15 s until then
WHO = 'job="shop",instance="a"'
FINE, LOOK, FAILING = 0.0, 1.0, 2.0
NOTHING = None
UP = f"up{{{WHO}}}"
READY = f'seawall_health_check_healthy{{{WHO},check="disk",critical="true"}}'
BREAKER = "seawall_circuit_breaker_state{" + WHO + ',breaker="payments",state="%s"}'
ENDPOINTS = "seawall_selector_endpoints{" + WHO + ',selector="shop",state="%s"}'
SERVER = "seawall_replicas_state{" + WHO + ',router="orders",server="%s",state="%s"}'
LAG = f'seawall_replicas_lag_seconds{{{WHO},router="orders",server="b"}}'
PODS = 'up{job="shop",instance="%s",rollouts_pod_template_hash="%s"}'
ROLLOUT = 'rollout_info{name="shop",namespace="shop",phase="%s"}'
ALERT = 'ALERTS{alertname="%s",alertstate="firing",service="shop",region="eu-west-1",level="SEV1",instance="%s"}'
COUNT = "http_server_request_duration_seconds_count{" + WHO + ',http_response_status_code="%s"}'
WELL = {
    SERVER % ("a", "writer"): 1,
    SERVER % ("a", "unknown"): 0,
    SERVER % ("b", "writer"): 0,
    SERVER % ("b", "unknown"): 0,
}


@dataclass(frozen=True)
class Asked:
    """A panel, the series that there are, and what it shows."""

    panel: str
    life: str
    series: dict[str, float]
    shows: float | None


CASES = [
    Asked("Us", "up and ready", {UP: 1, READY: 1}, FINE),
    Asked("Us", "up, without checks", {UP: 1}, FINE),
    Asked("Us", "down", {UP: 0}, LOOK),
    Asked("Us", "every instance is gone", {}, LOOK),
    Asked("Us", "up and not ready", {UP: 1, READY: 0}, LOOK),
    Asked("A dependency", "closed, and endpoints to choose from", {BREAKER % "open": 0, ENDPOINTS % "failed": 0}, FINE),
    Asked("A dependency", "no selector, a closed breaker", {BREAKER % "open": 0}, FINE),
    Asked("A dependency", "an open breaker", {BREAKER % "open": 1, ENDPOINTS % "failed": 0}, LOOK),
    Asked("A dependency", "a breaker that tries", {BREAKER % "half_open": 1}, LOOK),
    Asked("A dependency", "three endpoints out", {BREAKER % "open": 0, ENDPOINTS % "unhealthy": 3}, LOOK),
    Asked("A dependency", "nothing is watched", {UP: 1}, NOTHING),
    Asked("The database", "a writer and a replica", {**WELL, LAG: 1}, FINE),
    Asked("The database", "nobody writes", {**WELL, SERVER % ("a", "writer"): 0}, LOOK),
    Asked("The database", "a replica that nobody can measure", {**WELL, SERVER % ("b", "unknown"): 1}, LOOK),
    Asked("The database", "a second one takes writes", {**WELL, SERVER % ("b", "stray"): 1}, LOOK),
    Asked("The database", "behind by more than may be lost", {**WELL, LAG: 61}, LOOK),
    Asked("The database", "no database", {UP: 1}, NOTHING),
    Asked("The release", "one release, and Argo says so", {PODS % ("a", "x"): 1, ROLLOUT % "Completed": 1}, FINE),
    Asked("The release", "one release, and Argo is not scraped", {PODS % ("a", "x"): 1}, FINE),
    Asked("The release", "two releases", {PODS % ("a", "x"): 1, PODS % ("b", "y"): 1}, LOOK),
    Asked("The release", "a canary that waits", {ROLLOUT % "Paused": 1}, LOOK),
    Asked("The release", "an aborted canary", {PODS % ("a", "x"): 1, ROLLOUT % "Abort": 1}, FAILING),
    Asked("The release", "neither hash nor Argo", {UP: 1}, NOTHING),
    Asked("Alerts that fire", "none, and the Watchdog beats", {ALERT % ("Watchdog", ""): 1}, 0),
    Asked("Alerts that fire", "no rules are loaded", {UP: 1}, NOTHING),
    Asked(
        "Alerts that fire",
        "one, of two instances",
        {ALERT % ("ServiceDown", "a"): 1, ALERT % ("ServiceDown", "b"): 1},
        1,
    ),
]
RATES = [
    Asked("Requests that fail", "a tenth fails", {COUNT % "200": 90, COUNT % "503": 10}, 0.1),
    Asked("Requests that fail", "nothing has failed yet", {COUNT % "200": 90}, 0),
    Asked("Requests that fail", "no requests", {COUNT % "200": 0}, NOTHING),
    Asked("Requests that fail", "no series", {UP: 1}, NOTHING),
]


@pytest.fixture(scope="module")
def queries() -> dict[str, str]:
    """Of the service's dashboard, by the panel's title."""
    page = json.loads(plan_dashboards(dashboards_args()).files["service"])
    stats = (panel for panel in page["panels"] if panel["type"] == "stat")
    return {panel["title"]: filled(panel["targets"][0]["expr"]) for panel in stats}


def test_signs_are_what_they_say_over_series_as_they_are(queries, promtool, tmp_path):
    """A tile that is green while nothing is measured, or red for nothing, costs the first ten minutes of an outage."""
    tests = [
        {
            "name": f"{case.panel}: {case.life}",
            "interval": "15s",
            "input_series": [
                {"series": name, "values": f"0+{value:g}x40" if case in RATES else f"{value:g}x40"}
                for name, value in case.series.items()
            ],
            "promql_expr_test": [
                {
                    "expr": queries[case.panel],
                    "eval_time": AT,
                    "exp_samples": [] if case.shows is None else [{"labels": "{}", "value": case.shows}],
                }
            ],
        }
        for case in (*CASES, *RATES)
    ]
    (tmp_path / "cases.json").write_text(json.dumps({"tests": tests}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "cases.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
