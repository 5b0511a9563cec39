"""What a canary's queries answer, by Prometheus' own evaluation: canary and stable pods, few requests, none, new series."""

import json
import math
import subprocess
from dataclasses import dataclass
from typing import Any

import promql_parser
import pytest

from canary_samples import planned
from pulumi_seawall._argo_rollouts import POD_HASH
from pulumi_seawall._canary_analysis_queries import CanaryQuery
from rule_samples import SCRAPE, counter, gauge
from seawall.contract import HTTP_REQUEST_DURATION

NEW, OLD = "79c8bd6d7f", "5d4f8c7b9d"
SAMPLES = 41  # ten minutes
HALF = 21  # samples of a pod that began with the step, five minutes before its look
PLAN = planned()
COUNT, BUCKET = (f"{HTTP_REQUEST_DURATION.family}_{suffix}" for suffix in ("count", "bucket"))


def query(template: str, metric: str) -> CanaryQuery:
    """One of the plan's."""
    return next(each for each in PLAN.queries if (each.template, each.metric) == (template, metric))


def labels(pod_hash: str, *, pod: str = "a", route: str = "/", status: int = 200, job: str = "shop") -> str:
    """Of a pod's series, as a scrape by the PodMonitor has them."""
    return (
        f'job="{job}",pod="{pod}",http_route="{route}",http_response_status_code="{status}",'
        f'rollouts_pod_template_hash="{pod_hash}"'
    )


def requests(pod_hash: str, values: str, **more: Any) -> dict[str, str]:
    """A series of requests."""
    return {f"{COUNT}{{{labels(pod_hash, **more)}}}": values}


def quick(pod_hash: str, values: str, **more: Any) -> dict[str, str]:
    """A series of requests that were answered within the limit."""
    return {f'{BUCKET}{{{labels(pod_hash, **more)},le="0.5"}}': values}


def born(per_sample: float) -> str:
    """A counter of a pod that began with the step: its first scrape has what was counted until then."""
    return f"_x{SAMPLES - HALF} {per_sample:g}+{per_sample:g}x{HALF - 1}"


STABLE = {**requests(OLD, counter((50, SAMPLES))), **quick(OLD, counter((50, SAMPLES)))}


@dataclass(frozen=True)
class Asked:
    """Series, and what is answered at their end."""

    life: str
    series: dict[str, str]
    errors: float | None = None
    slow: float | None = None


CASES = (
    Asked(
        "8 % of the canary's requests fail, 12 % are slow, and the stable pods are well",
        {
            **STABLE,
            **requests(NEW, born(23)),
            **requests(NEW, born(2), status=500),
            **quick(NEW, born(22)),
        },
        errors=0.08,
        slow=0.12,
    ),
    Asked(
        "the stable pods fail and are slow, and the canary is well",
        {
            **requests(OLD, counter((50, SAMPLES)), status=503),
            **quick(OLD, counter((0, SAMPLES)), status=503),
            **requests(NEW, born(25)),
            **quick(NEW, born(25)),
        },
        errors=0,
        slow=0,
    ),
    Asked(
        "every request of the canary fails from the first on",
        {**STABLE, **requests(NEW, born(25), status=500), **quick(NEW, born(25), status=500)},
        errors=1,
        slow=0,
    ),
    Asked(
        "two pods, ten routes, and one failure of each that never comes again: each series begins at 1 and stays there",
        {
            **requests(NEW, born(9)),
            **quick(NEW, born(9)),
            **{
                series: values
                for pod in "ab"
                for route in range(10)
                for series, values in requests(
                    NEW, f"_x30 1x{SAMPLES - 31}", pod=pod, route=f"/{route}", status=500
                ).items()
            },
        },
        errors=20 / (9 * HALF + 20),
        slow=1 - 9 * HALF / (9 * HALF + 20),
    ),
    Asked(
        "the canary's process restarts in between, and goes on failing half of its requests",
        {
            **requests(NEW, f"_x20 10+10x9 10+10x{HALF - 11}"),
            **requests(NEW, f"_x20 10+10x9 10+10x{HALF - 11}", status=500),
            **quick(NEW, f"_x20 20+20x9 20+20x{HALF - 11}"),
        },
        errors=0.5,
        slow=0,
    ),
    Asked(
        "a canary that has run for long before: what it counted then is not this step's",
        {
            **requests(NEW, counter((0, 20), (20, HALF))),
            **requests(NEW, f"500x19 500+5x{HALF - 1}", status=500),
            **quick(NEW, counter((0, 20), (25, HALF))),
        },
        errors=0.2,
        slow=0,
    ),
    Asked(
        "the canary has fewer requests than the minimum",
        {**STABLE, **requests(NEW, born(4)), **quick(NEW, born(4))},
    ),
    Asked(
        "nobody asks the canary anything",
        {**STABLE, **requests(NEW, gauge(("_", 20), (0, HALF))), **quick(NEW, gauge(("_", 20), (0, HALF)))},
    ),
    Asked("no pod of the canary is scraped", STABLE),
    Asked("nothing is scraped at all", {}),
    Asked(
        "another service's pods happen to have the hash",
        {**STABLE, **requests(NEW, born(25), job="blog"), **quick(NEW, born(25), job="blog")},
    ),
    Asked("the app has no bucket at the limit", {**STABLE, **requests(NEW, born(25))}, errors=0),
    Asked(
        "a bucket is not a number",
        {**STABLE, **requests(NEW, born(25)), **quick(NEW, f"_x20{' NaN' * HALF}")},
        errors=0,
        slow=math.nan,
    ),
)


def asked(expr: str, at: float, value: float | None) -> dict[str, object]:
    """One question with its answer, as promtool's test files have it, which know no NaN: it is what differs from itself."""
    if value is not None and math.isnan(value):
        expr, value = f"count({expr} != ({expr}))", 1.0
    samples = [] if value is None else [{"labels": "{}", "value": round(value, 2)}]
    return {"expr": f"round({expr}, 0.01)", "eval_time": f"{at:g}s", "exp_samples": samples}


def told(promtool, folder, tests) -> str:
    """What promtool says; nothing when all is well."""
    path = folder / "queries.json"
    path.write_text(json.dumps({"evaluation_interval": "30s", "tests": tests}), encoding="utf-8")
    done = subprocess.run(
        [str(promtool), "test", "rules", str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_queries_see_the_canary_and_nothing_else(promtool, tmp_path):
    """Every life of the cases, a step's look at its end: a share where it can be told, else no answer at all."""
    tests = [
        {
            "name": case.life,
            "interval": f"{SCRAPE}s",
            "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
            "promql_expr_test": [
                asked(query(PLAN.step, metric).of(NEW), (SAMPLES - 1) * SCRAPE, value)
                for metric, value in (("error-ratio", case.errors), ("slow-ratio", case.slow))
            ],
        }
        for case in CASES
    ]
    assert told(promtool, tmp_path, tests) == ""


def test_a_look_in_the_background_sees_two_minutes(promtool, tmp_path):
    """Failures of the last minutes are not thinned by the good ones before, 7 of the 19 that five minutes see."""
    series = {**requests(NEW, counter((20, 33), (0, 8))), **requests(NEW, counter((0, 33), (20, 8)), status=500)}
    tests = [
        {
            "interval": f"{SCRAPE}s",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                asked(query(PLAN.background, "error-ratio").of(NEW), (SAMPLES - 1) * SCRAPE, 1.0),
                asked(query(PLAN.step, "error-ratio").of(NEW), (SAMPLES - 1) * SCRAPE, 0.36),
            ],
        }
    ]
    assert told(promtool, tmp_path, tests) == ""


def test_the_gate_sees_the_least_budget_of_its_own_region(promtool, tmp_path):
    """Neither another region's nor the budget over all of them; and nothing where none is recorded."""
    gate = query(PLAN.gate, "error-budget").of(NEW)
    name = "seawall_slo:error_budget:remaining_ratio"
    series = [
        {"series": f'{name}{{service="shop",region="{region}",slo="{slo}"}}', "values": f"{left}x3"}
        for region, slo, left in (
            ("eu-west-1", "availability", 0.4),
            ("eu-west-1", "latency", 0.7),
            ("eu-central-1", "availability", -1),
            ("all", "availability", -2),
        )
    ]
    tests = [
        {"interval": "30s", "input_series": series, "promql_expr_test": [asked(gate, 60, 0.4)]},
        {"interval": "30s", "input_series": series[2:], "promql_expr_test": [asked(gate, 60, None)]},
    ]
    assert told(promtool, tmp_path, tests) == ""


def selectors(node: object) -> list[promql_parser.VectorSelector]:
    """Every selector under a node."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    found: list[promql_parser.VectorSelector] = []
    for name in ("vector_selector", "expr", "lhs", "rhs"):
        found += selectors(getattr(node, name)) if hasattr(node, name) else []
    for each in getattr(node, "args", ()):
        found += selectors(each)
    return found


@pytest.mark.parametrize("each", planned().queries, ids=lambda each: f"{each.template} {each.metric}")
def test_each_query_names_what_it_reads(each):
    """So that a test can hold the names against a live app; and every one selects the canary's pods alone."""
    found = selectors(promql_parser.parse(each.of(NEW)))
    assert {selector.name for selector in found} == set(each.series)
    assert {matcher.name for selector in found for matcher in selector.matchers.matchers} == set(each.labels)
    if each.metric != "error-budget":
        for selector in found:
            hashes = [m.value for m in selector.matchers.matchers if m.name == POD_HASH]
            assert hashes == [NEW]
