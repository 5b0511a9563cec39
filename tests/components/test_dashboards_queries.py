"""What the panels of `Dashboards` ask, and how they are laid out: PromQL over names that somebody exports."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from asked_metrics import VARIABLES, Asked, asked, asked_in, dashboards_args, expressions, filled, metrics_of
from monitoring_args import alert_rules_args, slo_args
from pulumi_seawall import plan_alert_rules, plan_dashboards, plan_service_level_objective
from pulumi_seawall._argo_rollouts import NAME, PHASE, POD_HASH, ROLLOUT_INFO
from pulumi_seawall._dashboard_scope import (
    ALERTS,
    ALERTS_SINCE,
    ANALYSIS_INFO,
    ROLLOUT_REPLICAS,
)
from pulumi_seawall._rule_groups import Recording
from rule_samples import every_group
from seawall.contract import ALL_METRICS, OPERATIONS_METRICS

GOLDEN = Path(__file__).parent / "golden" / "dashboards"
KEYS = ["service", "resilience", "data", "release"]
SCRAPED = {"job", "instance", POD_HASH, "le"}
"""Labels that scrapes and histograms add."""
OF_ALERTS = {"alertname", "alertstate", "level", "service", "region", "slo"}
ARGO = {ROLLOUT_INFO: {NAME, PHASE}, ANALYSIS_INFO: {NAME, PHASE}} | {
    f"{ROLLOUT_REPLICAS}{what}": {NAME} for what in ("desired", "updated", "available", "unavailable")
}


def pages(**changes: Any) -> dict[str, dict[str, Any]]:
    """The JSON of each dashboard."""
    return {key: json.loads(text) for key, text in plan_dashboards(dashboards_args(**changes)).files.items()}


def known_labels() -> dict[str, set[str]]:
    """Every series that exists, with its labels: of the contract, of the rules, of Prometheus itself, of Argo."""
    series = {name: set(spec.labels) | SCRAPED for spec in ALL_METRICS for name in spec.samples}
    series |= {name: set(spec.labels) for spec in OPERATIONS_METRICS for name in spec.samples}
    recorded = [
        rule for group in plan_service_level_objective(slo_args()).rules.groups["eu-west-1"] for rule in group.rules
    ]
    series |= {rule.record: set(rule.labels) for rule in recorded if isinstance(rule, Recording)}
    return series | ARGO | {"up": set(SCRAPED), ALERTS: OF_ALERTS, ALERTS_SINCE: OF_ALERTS}


@pytest.mark.parametrize("changes", [{}, {"region_label": "cluster_region"}], ids=["one region", "several"])
def test_each_query_is_promql_over_series_and_labels_that_exist(changes):
    """A panel over a name that nobody exports is empty on the day that it is needed, and looks like peace."""
    known, added = known_labels(), {changes["region_label"]} if changes else set[str]()
    found = asked(plan_dashboards(dashboards_args(**changes)))
    assert len(found) > 60
    for each in found:
        assert each.metric in known, each
        assert each.labels <= known[each.metric] | added, each


def test_every_metric_of_the_contract_that_says_something_is_shown():
    """What is counted and never looked at is not counted. Budgets are shown as the rules see them: over all processes."""
    ours = {name for spec in (*ALL_METRICS, *OPERATIONS_METRICS) for name in spec.samples}
    unseen = ours - metrics_of(asked(plan_dashboards(dashboards_args())))
    assert unseen == {
        "http_server_request_duration_seconds_sum",
        "seawall_slo_error_budget_remaining_ratio",
        "seawall_slo_error_budget_burn_rate_ratio",
    }


def test_labels_are_found_in_conditions_and_in_groups():
    """The walk that the other tests rely on."""
    expression = 'max by (breaker) (1 * a{state="open"} or 2 * rate(b{state="x"}[5m])) / ignoring (z) (c unless d)'
    assert set(asked_in(expression)) == {
        Asked("a", frozenset({"state", "breaker"})),
        Asked("b", frozenset({"state", "breaker"})),
        Asked("c", frozenset()),
        Asked("d", frozenset()),
    }


def test_a_variable_that_grafana_does_not_know_is_noticed():
    """It would be sent as it stands."""
    with pytest.raises(AssertionError):
        filled('up{job="$jbo"}')


def test_every_alert_is_linked_from_a_panel_and_every_link_leads_to_an_alert():
    """From what one sees to what to do about it, without a search."""
    alerts = {alert.name for group in every_group() for alert in group.alerts}
    runbook = re.compile(r"https://wiki\.example\.com/runbooks/(\w+)")
    linked = {
        match[1]
        for page in pages().values()
        for panel in page["panels"]
        for link in panel.get("links", [])
        if (match := runbook.fullmatch(link["url"]))
    }
    assert linked == alerts


def test_links_between_dashboards_lead_to_dashboards_and_take_the_choice_along():
    """Whoever has chosen a region and an hour does not choose them again."""
    made = pages()
    uids = {page["uid"] for page in made.values()}
    opened = [
        link["url"] for panel in made["service"]["panels"] for link in panel.get("links", []) if "/d/" in link["url"]
    ]
    assert len(opened) == 4
    for url in opened:
        assert url.removeprefix("/d/").partition("?")[0] in uids
        for carried in (
            "${datasource:queryparam}",
            "${region:queryparam}",
            "${instance:queryparam}",
            "${__url_time_range}",
        ):
            assert carried in url
    for page in made.values():
        (link,) = page["links"]
        assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)
        assert set(link["tags"]) <= set(page["tags"])


def test_lines_in_the_charts_are_the_objectives_and_the_alerts_own_limits():
    """A line where nothing fires teaches the wrong number."""
    changes = {"error_ratio": 0.02, "latency_p95_seconds": 2.5, "replica_lag_seconds": 12}
    made = pages(**changes)
    lines = {
        (key, panel["title"]): [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]]
        for key, page in made.items()
        for panel in page["panels"]
        if panel["type"] == "timeseries"
    }
    assert lines["service", "Requests that fail"] == lines["release", "Requests that fail by release"] == [0.001, 0.02]
    assert lines["service", "Time to answer"] == [0.5, 2.5]
    assert lines["data", "How far behind, in time"] == [12]
    assert lines["service", "Burn rate: availability"] == [1, 3, 6, 14.4]
    rules = {alert.name: alert.expr for alert in plan_alert_rules(alert_rules_args(**changes)).alerts}
    assert "> 0.02 and" in rules["HighErrorRate"]
    assert "> 2.5 and" in rules["HighLatency"]
    assert rules["ReplicaLag"].endswith("> 12")


def test_a_panel_with_an_alerts_line_asks_over_the_alerts_window():
    """Else the chart crosses the line and nothing fires, or the other way round."""
    rules = {alert.name: alert.expr for alert in plan_alert_rules(alert_rules_args()).alerts}
    for alert, title in (("HighErrorRate", "Requests that fail"), ("HighLatency", "95 % are answered within")):
        windows = {re.search(r"\[(\w+)\]", text)[1] for text in (rules[alert],)}  # type: ignore[index]
        panel = next(each for each in pages()["service"]["panels"] if each["title"] == title)
        assert set(re.findall(r"\[([^\]]+)\]", panel["targets"][0]["expr"])) == windows


def test_rates_are_told_how_often_is_scraped():
    """Grafana takes four times its data source's setting, which is 15 s unless somebody sets it: gaps, scraping each 60 s."""
    for page in pages(monitoring__scrape_interval_seconds=60).values():
        for panel in page["panels"]:
            assert {target["interval"] for target in panel.get("targets", [])} <= {"1m"}


@pytest.mark.parametrize("key", KEYS)
def test_panels_lie_side_by_side_and_say_what_they_mean(key):
    """No overlap, nothing outside the grid, and no panel without a unit, an explanation and a word for no data."""
    page = pages()[key]
    taken: set[tuple[int, int]] = set()
    for panel in page["panels"]:
        position = panel["gridPos"]
        columns = range(position["x"], position["x"] + position["w"])
        cells = set(itertools.product(columns, range(position["y"], position["y"] + position["h"])))
        assert columns.stop <= 24
        assert not cells & taken
        taken |= cells
        if panel["type"] != "row":
            defaults = panel["fieldConfig"]["defaults"]
            assert panel["description"].endswith((".", "!"))
            assert defaults["unit"]
            assert defaults["noValue"]
            assert panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    assert page["panels"][0]["gridPos"]["y"] == 0


def test_what_an_operator_wants_first_comes_first():
    """Are clients hurt, whose fault is it, what fires: on the first screen, some 25 rows of the grid."""
    rows = [panel for panel in pages()["service"]["panels"] if panel["type"] == "row"]
    assert [row["title"] for row in rows[:3]] == [
        "Are clients hurt?",
        "Is it us, a dependency, the database or the release?",
        "What fires, and what to do about it",
    ]
    assert rows[3]["gridPos"]["y"] <= 25


def test_no_answer_is_not_shown_as_peace():
    """`or vector(0)` would show a green 0 where nothing is scraped and no rule is loaded."""
    for _, expression in expressions(plan_dashboards(dashboards_args())):
        assert "vector(" not in expression


def test_nothing_is_hidden_in_a_menu():
    """The SDK puts each link and annotation there unless it is told not to."""
    assert all("inControlsMenu" not in text for text in plan_dashboards(dashboards_args()).files.values())


def test_with_a_regions_label_everything_scraped_is_told_apart_by_it():
    """In a data source of several regions, one that is well hides one that is not."""
    plain, several = (plan_dashboards(dashboards_args(**changes)) for changes in ({}, {"region_label": "region"}))
    ours = {name for spec in ALL_METRICS for name in spec.samples}
    assert all("region" not in each.labels for each in asked(plain) if each.metric in ours)
    assert all("region" in each.labels for each in asked(several) if each.metric in ours)
    assert VARIABLES["$region"]


@pytest.mark.parametrize("key", KEYS)
def test_the_queries_of_each_dashboard_are_the_committed_ones(key):
    """A changed question is changed on purpose, with `SEAWALL_UPDATE_GOLDEN=1`."""
    plan = plan_dashboards(dashboards_args(region_label="region"))
    lines = [f"# {plan.uids[key]}"]
    for panel in json.loads(plan.files[key])["panels"]:
        at = panel["gridPos"]
        lines.append(f"\n[{panel['type']}] {panel['title']} @ {at['x']},{at['y']} {at['w']}x{at['h']}")
        lines.extend(f"  {target['refId']}: {target['expr']}" for target in panel.get("targets", []))
    compare(f"{key}.txt", "\n".join(lines) + "\n")


def test_the_json_of_a_dashboard_is_the_committed_one():
    """What Grafana reads, whole, of the smallest one: the others are made by the same hand."""
    compare("release.json", plan_dashboards(dashboards_args()).files["release"])


def compare(name: str, text: str) -> None:
    """Hold a text against the committed one."""
    golden = GOLDEN / name
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
