"""Rules of SLOs as plain data: the numbers, the names, and what is refused before a rule exists that could never fire."""

import json
import os
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from promql_names import grouped, selectors
from pulumi_seawall._argo_rollouts import NAME, NAMESPACES, PHASE, ROLLOUT_INFO
from pulumi_seawall._promql import duration, up_to
from pulumi_seawall._rule_groups import Recording, RuleGroup, rule_file
from pulumi_seawall._slo_rules import slo_rules
from rule_samples import RETENTION, availability, availability_rules, every_group, latency, latency_rules, scope
from seawall.contract import ALL_METRICS, HTTP_REQUEST_DURATION, OPERATIONS_METRICS
from seawall.errors import InvalidInput
from seawall.slo import AlertSeverity, BudgetAlert, NoData, Slo

DAY = 86400.0
ADDED_BY_SCRAPES = {"job", "instance"}
ADDED_BY_HISTOGRAMS = {"le"}
OWN_LABELS = {"service", "region", "slo"}
"""Of every recorded series."""


def rules_of(groups: list[RuleGroup]) -> list[Any]:
    return [
        pytest.param(rule, id=f"{group.name}-{place}") for group in groups for place, rule in enumerate(group.rules)
    ]


@pytest.mark.parametrize("rule", rules_of(every_group()))
def test_each_expression_is_promql_over_names_of_the_contract(rule):
    """A name that no app exports is an alert that never fires."""
    exported = {name: set(spec.labels) for spec in (*ALL_METRICS, *OPERATIONS_METRICS) for name in spec.samples}
    exported[ROLLOUT_INFO] = {NAME, PHASE, *NAMESPACES}  # not ours
    recorded = {each.record for group in every_group() for each in group.rules if isinstance(each, Recording)}
    found = selectors(promql_parser.parse(rule.expr))
    assert found
    for selector in found:
        used = {matcher.name for matcher in selector.matchers.matchers}
        if selector.name in recorded:
            assert used == OWN_LABELS
        elif selector.name == "up":
            assert used <= ADDED_BY_SCRAPES
        else:
            assert used <= exported[selector.name] | ADDED_BY_SCRAPES | ADDED_BY_HISTOGRAMS
    known = {label for labels in exported.values() for label in labels} | ADDED_BY_SCRAPES | ADDED_BY_HISTOGRAMS
    assert grouped(rule.expr) <= known


def test_what_is_recorded_is_recorded_before_it_is_used():
    """Rules of a group are evaluated in their order: one that reads a later one is an interval late."""
    for group in every_group():
        seen: set[str] = set()
        for rule in group.rules:
            names = {each.name for each in selectors(promql_parser.parse(rule.expr))}
            assert {name for name in names if name.startswith("seawall_slo:")} <= seen
            seen |= {rule.record} if isinstance(rule, Recording) else set()


def test_the_rules_of_an_availability_slo_are_the_committed_ones():
    """A changed expression is a changed alert: it changes on purpose, with `SEAWALL_UPDATE_GOLDEN=1`."""
    golden = Path(__file__).parent / "golden" / "rules" / "slo_availability.json"
    text = rule_file([availability_rules()])
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(golden.read_text(encoding="utf-8"))


def test_a_grouped_slo_keeps_its_labels_where_nothing_has_failed():
    """`or vector(0)` would lose the group's label, and with it the group."""
    recordings = [rule for rule in availability_rules(("http_route",)).rules if isinstance(rule, Recording)]
    expr = next(rule.expr for rule in recordings if "bad_requests" in rule.record)
    assert "or 0 * sum by (http_route)" in expr
    assert "vector(" not in expr


@pytest.mark.parametrize(
    ("no_data", "severity"), [(NoData.FAIL, "critical"), (NoData.PAUSE, "info"), (NoData.PASS, None)]
)
def test_what_silence_means_is_what_was_chosen(no_data, severity):
    """Nobody is woken by a quiet night that was declared quiet, and somebody is by one that was not."""
    levels = {alert.name: alert.level.severity for alert in availability_rules(no_data=no_data).alerts}
    assert levels.get("SloWithoutData") == severity


@pytest.mark.parametrize(
    ("seconds", "shown"), [(300, "5m"), (90, "90s"), (3600, "1h"), (5400, "90m"), (2419200, "28d"), (1, "1s")]
)
def test_durations_are_in_the_longest_unit_that_fits(seconds, shown):
    """Names of recorded series have them in: the same window, the same name."""
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("bound", "condition"), [(0.5, 'le="0.5"'), (1.0, 'le=~"1(\\\\.0)?"'), (10, 'le=~"10(\\\\.0)?"')]
)
def test_a_bucket_is_found_however_its_bound_is_written(bound, condition):
    """Clients write 1.0, some scrapers 1."""
    assert up_to(bound) == condition


def test_every_alert_has_its_runbook_and_says_how_bad_it_is():
    """An alert at night without a page to read is a riddle."""
    for group in every_group():
        for rule in group.as_dict()["rules"]:
            if "alert" in rule:
                assert rule["annotations"]["runbook_url"] == f"https://runbooks.example.com/{rule['alert']}"
                assert {"severity", "level", "service", "region", "namespace"} <= set(rule["labels"])


def refused(*, slo: Slo | None = None, where: dict[str, Any] | None = None, **more: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        slo_rules(slo or availability(), scope(**(where or {})), **{"retention_seconds": RETENTION, **more})
    return str(caught.value)


def test_a_prometheus_that_forgets_within_the_period_is_refused():
    """Its default is 15 days; what is forgotten counts as good."""
    assert refused(retention_seconds=15 * DAY) == (
        "retention_seconds = 1296000.0: at least the period of availability, 2592000, because what is forgotten counts as "
        "good (Prometheus keeps 15 days unless it is told otherwise)"
    )
    slo_rules(availability(), scope(), retention_seconds=30 * DAY)


def test_scrapes_too_rare_for_the_shortest_window_are_refused():
    """A rate over less than two samples is nothing, and an alert on nothing is silent."""
    assert refused(where={"scrape_seconds": 76}) == (
        "monitoring.scrape_interval_seconds = 76: at most 75 seconds, because the shortest window of availability, 5m, is to span "
        "4 scrapes"
    )
    slo_rules(availability(), scope(scrape_seconds=75), retention_seconds=RETENTION)


def test_labels_that_tell_good_from_bad_cannot_be_grouped_by():
    """Grouped by status, a group is either all good or all bad."""
    assert refused(group_by=("http_response_status_code",)).endswith("because it tells bad requests from good ones")
    assert refused(group_by=("route",)).startswith("group_by[0] = route: each once: http_request_method, http_route")
    assert refused(group_by=("http_route", "http_route")).startswith("group_by[1] = http_route: each once")
    slo_rules(availability(), scope(), retention_seconds=RETENTION, group_by=("http_route", "http_request_method"))


def test_a_latency_without_a_bucket_is_refused():
    """Between two bounds the share of slow requests is a guess."""
    assert refused(slo=latency(latency_seconds=0.6), buckets_seconds=(0.5, 1.0)) == (
        "monitoring.buckets_seconds = 0.5, 1: with a bound at 0.6, the latency of latency, because between two bounds the share of "
        "slow requests is a guess"
    )
    slo_rules(latency(latency_seconds=0.6), scope(), retention_seconds=RETENTION)
    slo_rules(latency(), scope(), retention_seconds=RETENTION, buckets_seconds=(0.5,))


def test_an_alert_that_could_never_fire_is_refused():
    """14.4 x (1 - 0.93) is more than every request (sloth#341); just above 93.06 % it can."""
    with pytest.raises(InvalidInput, match="it never fires"):
        availability(objective=0.93)
    assert availability_rules(objective=0.931).alerts


def test_the_time_to_fire_is_a_sum_of_terms():
    """Two scrapes, the share of the window, an evaluation."""
    fast = availability_rules().alerts[0]
    assert [(term.name, term.worst_seconds) for term in fast.terms] == [
        ("scrape", 30),
        ("window", pytest.approx(51.84)),
        ("evaluation", 30),
    ]


def test_the_latency_alert_counts_at_the_objectives_bucket():
    """Exactly the requests above the objective, in every window that is computed from counters."""
    ratios = [rule.expr for rule in latency_rules().rules if isinstance(rule, Recording) and "le=" in rule.expr]
    assert len(ratios) == 4
    assert all('le="0.5"' in expr for expr in ratios)
    assert HTTP_REQUEST_DURATION.family in ratios[0]


def test_a_shorter_period_has_windows_of_its_own():
    """Windows follow from the alerts, not from a table."""
    group = availability_rules(period_seconds=6 * 3600.0, alerts=(BudgetAlert(0.5, 3600.0, AlertSeverity.PAGE),))
    assert [rule.record for rule in group.rules if isinstance(rule, Recording)][-2:] == [
        "seawall_slo:error_ratio:rate6h",
        "seawall_slo:error_budget:remaining_ratio",
    ]
