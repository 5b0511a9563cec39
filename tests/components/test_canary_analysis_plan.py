"""The templates of a canary's analysis: when they ask, what they refuse, and what is refused for them."""

import re

import pytest

from canary_samples import PAUSES, PROMETHEUS, REGION, metrics_of, planned, promised, watched
from pulumi_seawall._canary_analysis import JudgedStep
from seawall.errors import InvalidInput


def every_metric(plan):
    return [metric for template in plan.templates.values() for metric in template["metrics"]]


def test_there_is_a_gate_a_look_at_each_step_and_one_in_the_background():
    """The Rollout refers to them by these names."""
    plan = planned()
    assert (
        (plan.gate, plan.step, plan.background)
        == tuple(plan.templates)
        == ("shop-gate", "shop-step", "shop-background")
    )
    assert list(metrics_of(plan, plan.gate)) == ["error-budget"]
    assert list(metrics_of(plan, plan.step)) == list(metrics_of(plan, plan.background)) == ["error-ratio", "slow-ratio"]


def test_each_metric_states_every_limit_and_has_a_short_name():
    """A default that changes would change releases; names above 20 characters break labels (argo-rollouts#1637)."""
    for metric in every_metric(planned()):
        assert {
            "successCondition",
            "failureCondition",
            "failureLimit",
            "inconclusiveLimit",
            "consecutiveErrorLimit",
        } < {*metric}
        assert (metric["failureLimit"], metric["inconclusiveLimit"], metric["consecutiveErrorLimit"]) == (0, 0, 11)
        assert len(metric["name"]) <= 20
        assert metric["provider"]["prometheus"]["address"] == PROMETHEUS


def test_gate_and_steps_measure_once_and_the_background_goes_on():
    """Argo refuses a step's metric without an end; one in the background that ended would leave the rest unwatched."""
    plan = planned()
    for name in (plan.gate, plan.step):
        assert all(metric["count"] == 1 and "interval" not in metric for metric in metrics_of(plan, name).values())
    for metric in metrics_of(plan, plan.background).values():
        assert "count" not in metric
        assert metric["interval"] == "60s"


def test_the_background_waits_for_a_window_of_the_canarys_own_traffic():
    """Begun at once, it would judge pods without requests (argo-rollouts#1700): the first pause, then a whole window."""
    plan = planned()
    assert plan.background_starting_step == 2
    assert plan.initial_delay_seconds == 120
    for metric in metrics_of(plan, plan.background).values():
        assert metric["initialDelay"] == "120s"
        assert set(re.findall(r"\[(\w+)\]", metric["provider"]["prometheus"]["query"])) == {"2m"}


def test_a_window_in_the_background_grows_with_the_scrape_interval():
    """A rate takes several samples."""
    plan = planned(monitoring=watched(scrape_interval_seconds=60))
    assert plan.initial_delay_seconds == 240


def test_the_canarys_hash_reaches_the_templates_that_ask_for_it():
    """Argo gives `Latest` the hash of the new pods; a template without an argument would ask about pods called {{...}}."""
    plan = planned()
    assert plan.arguments == ({"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}},)
    assert {name: "args" in spec for name, spec in plan.templates.items()} == {
        plan.gate: False,
        plan.step: True,
        plan.background: True,
    }


def test_limits_follow_from_the_objectives_where_these_are_stricter():
    """5 % and one second are the most that a canary may have by default; a promise of less counts."""
    strict = planned(objectives=promised(error_rate=0.002, latency_p95_seconds=0.25))
    lenient = planned(objectives=promised(error_rate=0.2, latency_p95_seconds=2.5))
    assert "result[0] <= 0.002" in metrics_of(strict, strict.step)["error-ratio"]["successCondition"]
    assert "result[0] <= 0.05" in metrics_of(lenient, lenient.step)["error-ratio"]["successCondition"]
    assert 'le="0.25"' in metrics_of(strict, strict.step)["slow-ratio"]["provider"]["prometheus"]["query"]
    assert r'le=~"1(\\.0)?"' in metrics_of(lenient, lenient.step)["slow-ratio"]["provider"]["prometheus"]["query"]


def test_measurements_of_the_whole_release_are_kept():
    """Argo keeps ten of each metric unless told otherwise."""
    for spec in planned().templates.values():
        kept = {each["metricName"]: each["limit"] for each in spec["measurementRetention"]}
        assert kept == {metric["name"]: 100 for metric in spec["metrics"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"no_data": None}, "analysis.no_data"),
        ({"no_data": "ignore"}, r"analysis.no_data = ignore: pass, pause or fail"),
        (
            {"prometheus_url": "prometheus:9090"},
            "analysis.prometheus_url = prometheus:9090: an http or https address",
        ),
        ({"prometheus_url": "http://{{args.host}}"}, "an http or https address"),
        ({"prometheus_url": "https://me:secret@prometheus"}, r"\(hidden\).*without user, password and parameters"),
        ({"prometheus_url": "https://prometheus/?token=secret"}, r"\(hidden\).*without user, password and parameters"),
        ({"error_ratio": 0.06}, "at most 0.05, because objectives.error_rate = 0.05 stops a release"),
        ({"error_ratio": 0}, "analysis.error_ratio = 0: above 0"),
        ({"error_ratio": 1e-6}, "analysis.error_ratio = 1e-06: at least 5e-06, because of 1000000 requests"),
        ({"latency_p95_seconds": 1.0}, "at most 0.5 seconds, because a slower release breaks objectives.latency"),
        ({"latency_p95_seconds": 0.3}, "a bound of the app's buckets"),
        ({"latency_p95_seconds": -1}, "analysis.latency_p95_seconds = -1.0: above 0"),
        ({"confidence": 0.5}, "analysis.confidence = 0.5: 0.8 to 0.9999"),
        ({"confidence": 1.0}, "analysis.confidence = 1.0: 0.8 to 0.9999"),
        ({"interval_seconds": 5}, "analysis.interval_seconds = 5: 10 to 600 seconds"),
        ({"interval_seconds": 10}, "at least 15 seconds, because monitoring.scrape_interval_seconds = 15"),
        ({"minimum_error_budget_ratio": 1}, "analysis.minimum_error_budget_ratio = 1: 0 to below 1"),
        ({"minimum_error_budget_ratio": -0.1}, "0 to below 1"),
        ({"minimum_requests": 0}, "analysis.minimum_requests = 0: 1 to 1000000"),
        ({"minimum_requests": 10**12}, "1 to 1000000"),
        (
            {"minimum_requests": 19},
            "at least 20, because one bad request of 19 is more than the limit of error-ratio, 0.05",
        ),
        ({"minimum_requests": 500, "error_ratio": 0.001}, "at least 1000, because one bad request of 500"),
        ({"requests_per_second": 0}, "analysis.requests_per_second = 0: above 0"),
        ({"requests_per_second": float("inf")}, "analysis.requests_per_second = inf: above 0"),
        (
            {"requests_per_second": 3},
            r"at most 90, or more weight or longer pauses, because steps\[0\] sends 10 % of requests_per_second = 3 for 300 s",
        ),
        ({"minimum_request": 100}, "did you mean minimum_requests"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_in_one_line(changes, message):
    """Each would be a release that waits for ever, or is aborted by chance, or judged by nothing."""
    with pytest.raises(InvalidInput, match=message) as refused:
        planned(**changes)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_limit_that_even_all_failures_do_not_prove_is_refused():
    """With two requests, each bad four times of five, nothing is proven at all."""
    generous = promised(error_rate=0.9)
    with pytest.raises(InvalidInput, match=r"even \d+ bad requests of \d+ abort too many releases by chance"):
        planned(objectives=generous, error_ratio=0.9, minimum_requests=20)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "steps = none with a pause: at least one"),
        (
            (JudgedStep(10, 300), JudgedStep(25, 59)),
            r"steps\[1\].pause_seconds = 59: at least 60 seconds.*span 4 scrapes",
        ),
    ],
)
def test_pauses_that_a_rate_does_not_fit_into_are_refused(steps, message):
    """A look after too short a pause would see the step before, or too few scrapes."""
    with pytest.raises(InvalidInput, match=message):
        planned(steps=steps)


def test_traffic_that_suffices_is_not_refused():
    """Exactly the minimum is enough."""
    assert planned(requests_per_second=10 / 3 + 1e-9).judgement["needed_requests_per_second"] == pytest.approx(10 / 3)


def test_a_label_that_argo_would_replace_is_refused():
    """`{{` begins an argument, wherever it stands."""
    with pytest.raises(InvalidInput, match=r"monitoring.selector\[job\]"):
        planned(monitoring=watched(selector={"job": "{{args.job}}"}))


def test_the_gate_asks_for_the_budget_of_the_region_that_is_released_to():
    """As the SLO's recording rules label it; the least of several SLOs and groups counts."""
    plan = planned(steps=PAUSES[:1])
    (metric,) = plan.templates[plan.gate]["metrics"]
    assert metric["provider"]["prometheus"]["query"] == (
        f'min(seawall_slo:error_budget:remaining_ratio{{region="{REGION}",service="shop"}})'
    )
