"""`ServiceLevelObjective`, `AlertRules`, `Watchdog`: what cannot work is one exact line before anything is registered."""

from collections.abc import Callable
from typing import Any

import pytest

import pulumi_seawall
from monitoring_args import alert_rules_args, slo_args, watchdog_args
from seawall.errors import InvalidInput

DAY = 86400
COMPONENTS: dict[str, tuple[Any, Callable[..., Any]]] = {
    "slo": (pulumi_seawall.ServiceLevelObjective, slo_args),
    "alerts": (pulumi_seawall.AlertRules, alert_rules_args),
    "watchdog": (pulumi_seawall.Watchdog, watchdog_args),
}
BOUNDS = "0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10"

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing said about silence": ("slo", {"no_data": ...}, "no_data is missing: required"),
    "an unknown choice": ("slo", {"no_data": "ignore"}, "no_data = ignore: pass, pause or fail"),
    "a Prometheus that forgets": (
        "slo",
        {"retention_seconds": 15 * DAY},
        (
            "retention_seconds = 1296000: at least the period of availability, 2592000, because what is forgotten counts as "
            "good (Prometheus keeps 15 days unless it is told otherwise)"
        ),
    ),
    "an alert that never fires": (
        "slo",
        {"objectives__availability": 0.93},
        (
            "objectives.availability = 0.93: above 0.9306, because an alert on 0.02 of the budget in 3600 s has burn rate 14.4, "
            "and 14.4 x 0.07 is an error ratio of 1.01: it never fires"
        ),
    ),
    "a period shorter than a window": (
        "slo",
        {"period_seconds": 2 * DAY},
        "period_seconds = 259200.0: at most the period 172800",
    ),
    "a latency without a bucket": (
        "slo",
        {"monitoring__buckets_seconds": [0.1, 1]},
        (
            "monitoring.buckets_seconds = 0.1, 1: with a bound at 0.5, the latency of latency, because between two bounds the share of "
            "slow requests is a guess"
        ),
    ),
    "no bounds at all": (
        "alerts",
        {"monitoring__buckets_seconds": []},
        "monitoring.buckets_seconds = []: at least one bound, each above 0 seconds",
    ),
    "groups by what tells good from bad": (
        "slo",
        {"group_by": ["error_type"]},
        (
            "group_by[0] = error_type: each once: http_request_method, http_route, url_scheme, pod, instance, container, "
            "because it tells bad requests from good ones"
        ),
    ),
    "nothing is enough": ("slo", {"minimum_requests": 0}, "minimum_requests = 0: at least 1"),
    "no labels for the rule selector": (
        "alerts",
        {"monitoring__rule_selector_labels": {}},
        "monitoring.rule_selector_labels = {}: at least one label",
    ),
    "rule labels left out": (
        "alerts",
        {"monitoring__rule_selector_labels": ...},
        "monitoring.rule_selector_labels is missing: required",
    ),
    "a label that Kubernetes refuses": (
        "alerts",
        {"monitoring__rule_selector_labels": {"release": "a b"}},
        "monitoring.rule_selector_labels[release] = a b: a label's value",
    ),
    "every series there is": (
        "alerts",
        {"monitoring__selector": {}},
        "monitoring.selector = {}: at least one label",
    ),
    "a metric's name for a label": (
        "alerts",
        {"monitoring__selector": {"__name__": "up"}},
        "monitoring.selector[__name__] = up: a label's name",
    ),
    "one runbook for all": (
        "alerts",
        {"monitoring__runbook_url": "https://wiki.example.com/runbooks"},
        (
            "monitoring.runbook_url = https://wiki.example.com/runbooks: an http or https address with {alert} for the alert's "
            "name"
        ),
    ),
    "scrapes that are too rare": (
        "alerts",
        {"monitoring__scrape_interval_seconds": 76},
        "monitoring.scrape_interval_seconds = 76: 1 to 75 seconds",
    ),
    "evaluations that are too rare": (
        "alerts",
        {"monitoring__evaluation_interval_seconds": 301},
        "monitoring.evaluation_interval_seconds = 301: 1 to 300 seconds",
    ),
    "a region that AWS has not": (
        "alerts",
        {"monitoring__clusters__0__region": "eu-west-9"},
        "monitoring.clusters[0].region = eu-west-9: an AWS region; did you mean eu-west-3?",
    ),
    "two clusters of a region": (
        "alerts",
        {"monitoring__clusters__1__region": "eu-west-1"},
        "monitoring.clusters[1].region = eu-west-1: one cluster per region",
    ),
    "a region with and without the operator": (
        "alerts",
        {"monitoring__regions": ["eu-west-1"]},
        "monitoring.regions[0] = eu-west-1: each region once, in `clusters` or in `regions`",
    ),
    "nowhere": ("alerts", {"monitoring__clusters": []}, "monitoring.clusters = []: at least one cluster or region"),
    "a namespace in capitals": (
        "alerts",
        {"monitoring__clusters__0__namespace": "Shop"},
        "monitoring.clusters[0].namespace = Shop: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "a service in capitals": (
        "alerts",
        {"monitoring__service": "Shop"},
        "monitoring.service = Shop: 2 to 32 lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
    "a misspelled key": ("alerts", {"error_rate": 0.1}, "error_rate = 0.1: did you mean error_ratio?"),
    "all may fail": ("alerts", {"error_ratio": 1}, "error_ratio = 1: a ratio above 0 and below 1"),
    "a percentile between two bounds": (
        "alerts",
        {"latency_p95_seconds": 0.8},
        (
            f"latency_p95_seconds = 0.8: a bound of the app's buckets, but not the last: {BOUNDS}, because between two bounds a "
            "percentile is a guess, and none is above the last"
        ),
    ),
    "a percentile above the last bound": (
        "alerts",
        {"latency_p95_seconds": 10},
        (
            f"latency_p95_seconds = 10: a bound of the app's buckets, but not the last: {BOUNDS}, because between two bounds a "
            "percentile is a guess, and none is above the last"
        ),
    ),
    "no limit for the lag": (
        "alerts",
        {"objectives__recovery_point_seconds": 0},
        "replica_lag_seconds = 0: above 0 seconds, because objectives.recovery_point_seconds = 0 gives no limit: state one",
    ),
    "a limit of nothing for the lag": (
        "alerts",
        {"replica_lag_seconds": 0},
        "replica_lag_seconds = 0: above 0 seconds, because a replica always is a moment behind",
    ),
    "an address where a file belongs": (
        "watchdog",
        {"url_file": "https://hc.example.com/secret"},
        (
            "url_file = (hidden): an absolute path, as Alertmanager sees it, because whoever knows the switch's address can keep "
            "it quiet: it must not stand in a state"
        ),
    ),
    "a heartbeat that is too slow": (
        "watchdog",
        {"heartbeat_seconds": 3601},
        "heartbeat_seconds = 3601: 30 to 3600 seconds",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """Nothing half-declared, in one cluster and not in the other."""
    name, changes, line = BAD[case]
    component, args = COMPONENTS[name]
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: component("shop", args(**changes)))
    assert str(caught.value) == line
    assert deployment.made == []


JUST_INSIDE: list[tuple[str, dict[str, Any]]] = [
    ("slo", {"retention_seconds": 30 * DAY}),
    ("slo", {"objectives__availability": 0.9306}),
    ("slo", {"period_seconds": 3 * DAY}),
    ("slo", {"monitoring__buckets_seconds": [0.5]}),
    ("slo", {"group_by": ["http_route", "http_request_method"]}),
    ("slo", {"minimum_requests": 1}),
    ("alerts", {"monitoring__scrape_interval_seconds": 75}),
    ("alerts", {"monitoring__evaluation_interval_seconds": 300}),
    ("alerts", {"monitoring__clusters": [], "monitoring__regions": ["eu-west-1"]}),
    ("alerts", {"error_ratio": 0.99}),
    ("alerts", {"latency_p95_seconds": 7.5}),
    ("alerts", {"objectives__recovery_point_seconds": 0, "replica_lag_seconds": 0.1}),
    ("watchdog", {"heartbeat_seconds": 3600}),
    ("watchdog", {"heartbeat_seconds": 30}),
]
PLANS: dict[str, Callable[[Any], object]] = {
    "slo": pulumi_seawall.plan_service_level_objective,
    "alerts": pulumi_seawall.plan_alert_rules,
    "watchdog": pulumi_seawall.plan_watchdog,
}


@pytest.mark.parametrize(("name", "changes"), JUST_INSIDE, ids=str)
def test_what_is_just_inside_a_limit_is_taken(name, changes):
    """A limit that refuses its own value is another limit than it says."""
    assert PLANS[name](COMPONENTS[name][1](**changes))
