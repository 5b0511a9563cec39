"""A real Prometheus scrapes the real shop: all that is declared finds what it asks for, and an alert fires in time."""

import json
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
from shop_fleet import PRIMARY, TOPOLOGY

from declared_queries import questions
from live_prometheus import Payments, Prometheus, Shop, until
from localcloud import mocked
from localcloud.postgres_fleet import PostgresFleet
from promql_names import grouped, selectors
from pulumi_seawall import _service_alerts
from pulumi_seawall._rule_groups import RuleGroup
from pulumi_seawall._service_alerts import service_rules
from rule_samples import LIMITS, scope
from seawall.contract import OPERATIONS_METRICS

STACKS: Final = ("dev", "prod")
INTERVAL: Final = 1  # seconds between two scrapes, and between two evaluations
FASTER: Final = 20
"""How many times shorter than declared the alert's window and `for` are; its prediction is worked out from the same."""
BUSY_SECONDS: Final = 2.0
"""How late scrapes may be on a machine that other tests run on; the soak tier has it for itself, and allows nothing."""
WARM_SECONDS: Final = 60.0  # until every recording has a value, on a machine that has other things to do
HASH: Final = "6d5f8b7c9"
POD: Final = {"namespace": "shop", "pod": f"shop-{HASH}-x2x4x", "rollouts_pod_template_hash": HASH}
"""Labels that the PodMonitor gives to the series of a pod; the region is what a Prometheus over all regions adds."""
CONTROLLER: Final = re.compile(r"rollout_info(_replicas_\w+)?|analysis_run_info")
"""Argo Rollouts' controller exports these; its own tests hold them against its source."""
PROMETHEUS_OWN: Final = {"ALERTS", "ALERTS_FOR_STATE"}
OPERATIONS: Final = {name: set(spec.labels) for spec in OPERATIONS_METRICS for name in spec.samples}
"""What the observer exports, and not the app."""
OF_ALL_SERIES: Final = {"job", "instance", "region"}
"""Labels that are not an exporter's own."""
Manifests = dict[str, dict[str, Any]]


def topology() -> dict[str, Any]:
    """The shop's, with a database of two members."""
    members = [
        {"name": name, "region": PRIMARY, "identifier": f"shop-{name}", "host": f"{name}.example"}
        for name in ("writer", "reader")
    ]
    database = {"engine": "postgres", "database": "shop", "port": 5432, "writer": "writer", "members": members}
    return {**TOPOLOGY, "database": database}


@pytest.fixture
def payments() -> Iterator[Payments]:
    """What the shop calls through a breaker."""
    with Payments() as running:
        yield running


@pytest.fixture
def shop(postgres_fleet: PostgresFleet, payments: Payments, tmp_path: Path) -> Iterator[Shop]:
    """The shop with a database, a replica, payments and customers."""
    writer = postgres_fleet.primary
    reader = next(each for each in postgres_fleet.servers if each is not writer)
    document = tmp_path / "topology.json"
    document.write_text(json.dumps(topology()), encoding="utf-8")
    environ = {
        "SEAWALL_TOPOLOGY_PATH": str(document),
        "SHOP_PAYMENTS_URL": payments.url,
        "SHOP_DATABASE_USER": "shop",
        "SHOP_DATABASE_PASSWORD": writer.password,
        "SHOP_TOKEN_KEY": "a secret of sixteen bytes",
        "SHOP_DATABASE_ADDRESSES": f"writer={writer.address};reader={reader.address}",
    }
    with Shop(PRIMARY, environ) as running:
        yield running


@pytest.fixture
def live(prometheus: Path, shop: Shop, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the shop as a pod."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    targets = [(shop.place, {"job": "shop", "region": PRIMARY, **POD})]
    with Prometheus(prometheus, folder, interval_seconds=INTERVAL, targets=targets) as server:
        yield server


def rule_files(manifests: Manifests) -> dict[str, Any]:
    """Each PrometheusRule as the file that a plain Prometheus gets."""
    return {name: each["spec"] for name, each in manifests.items() if each["kind"] == "PrometheusRule"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_canarys_pods_are_told_apart_all_the_way_to_its_queries(stack: str, pulumi_loop: Any) -> None:
    """From the pod's label by the PodMonitor to the series, and from the Rollout's hash by an argument to the query."""
    declared = mocked.manifests(mocked.declare_environment(stack)).values()
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for each in declared:
        of_kind.setdefault(each["kind"], []).append(each.get("spec", {}))
    assert all("rollouts-pod-template-hash" in spec["podTargetLabels"] for spec in of_kind["PodMonitor"])
    queries = [
        metric["provider"]["prometheus"]["query"] for spec in of_kind["AnalysisTemplate"] for metric in spec["metrics"]
    ]
    asked = [query for query in queries if "http_server_request_duration_seconds" in query]
    assert asked
    assert all('rollouts_pod_template_hash="{{args.canary-hash}}"' in query for query in asked)
    for spec in of_kind["Rollout"]:
        given = spec["strategy"]["canary"]["analysis"]["args"]
        assert {"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}} in given


def hurried(files: Mapping[str, Any]) -> dict[str, Any]:
    """The same, evaluated each second; nothing else is changed."""
    return {
        name: {"groups": [{**group, "interval": f"{INTERVAL}s"} for group in spec["groups"]]}
        for name, spec in files.items()
    }


@dataclass(frozen=True)
class Asked:
    """One question, held against the series of a live Prometheus."""

    live: Prometheus
    known: dict[str, list[dict[str, str]]]

    def faults(self, expr: str) -> Iterator[str]:
        """What it asks for that is not there."""
        found = selectors(promql_parser.parse(expr))
        labels: set[str] = {"le"}
        for selector in found:
            if CONTROLLER.fullmatch(selector.name) or selector.name in PROMETHEUS_OWN:
                labels |= {matcher.name for matcher in selector.matchers.matchers} | grouped(expr)
                continue
            if selector.name in OPERATIONS:
                labels |= OPERATIONS[selector.name] | OF_ALL_SERIES
                surplus = {each.name for each in selector.matchers.matchers} - labels
                yield from (f"{selector.name} has no label {name}" for name in sorted(surplus))
                continue
            if selector.name not in self.known:
                self.known[selector.name] = self.live.labels(selector.name)
            series = self.known[selector.name]
            if not series:
                yield f"no series {selector.name}"
            labels |= {name for each in series for name in each}
            for matcher in selector.matchers.matchers if series else ():
                values = {each[matcher.name] for each in series if matcher.name in each}
                if not values:
                    yield f"{selector.name} has no label {matcher.name}"
                elif not any(_matches(str(matcher.op), matcher.value, value) for value in values):
                    yield f"{selector.name} has no {matcher.name} that {matcher.op} {matcher.value}, but {sorted(values)}"
        yield from (f"nothing has the label {name} to group by" for name in sorted(grouped(expr) - labels))


def _matches(operator: str, wanted: str, value: str) -> bool:
    """Whether a value is what is asked for. What is asked away may be there or not."""
    match operator:
        case "MatchOp.Equal":
            return wanted == value
        case "MatchOp.Re":
            return re.fullmatch(wanted, value) is not None
        case _:
            return True


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("postgres")
def test_everything_that_is_declared_finds_what_it_asks_for(
    live: Prometheus, shop: Shop, payments: Payments, postgres_fleet: PostgresFleet, pulumi_loop: Any
) -> None:
    """A name or a label that nobody exports is an alert that never fires, and a panel that is empty for ever.

    Rules, analyses and dashboards of both environments, whichever component they are from.
    """
    declared: Manifests = {
        f"{stack}: {name}": manifest
        for stack in STACKS
        for name, manifest in mocked.manifests(mocked.declare_environment(stack)).items()
    }
    files = {name.replace(": ", "-"): spec for name, spec in rule_files(declared).items()}
    live.load(files)
    assert len(live.rules()) == sum(len(group["rules"]) for spec in files.values() for group in spec["groups"])

    live.load(hurried(files))
    recorded = {
        rule["record"]
        for spec in files.values()
        for group in spec["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    until(lambda: all(rule["health"] == "ok" for rule in live.rules()), WARM_SECONDS, "every rule was evaluated well")
    until(lambda: live.query("seawall_circuit_breaker_failure_rate_ratio"), WARM_SECONDS, "calls enough for a rate")
    # What is counted in bad times only: reads without a replica, calls through a breaker that opens, failed requests.
    payments.fail()
    for replica in (each for each in postgres_fleet.servers if each is not postgres_fleet.primary):
        replica.stop()
    bad = ('seawall_replicas_choices_total{reason="no_reader"}', 'seawall_circuit_breaker_state{state="open"} == 1')
    until(lambda: all(live.query(expr) for expr in bad), WARM_SECONDS, "no replica, and an open breaker")
    shop.fail()
    until(
        lambda: live.query('http_server_request_duration_seconds_count{http_response_status_code="503"}'),
        WARM_SECONDS,
        "a 503",
    )
    until(lambda: all(live.query(name) for name in recorded), WARM_SECONDS, "every recording has a value")

    asked, faults, seen = Asked(live, {}), dict[str, str](), 0
    for where, expr in questions(declared, HASH):
        seen += 1
        live.query(expr)
        faults |= dict.fromkeys(asked.faults(expr), where)  # one place of each is enough
    assert not [rule["lastError"] for rule in live.rules() if rule["health"] != "ok"]
    kinds = {manifest["kind"] for manifest in declared.values()}
    assert {"PrometheusRule", "AnalysisTemplate", "ConfigMap"} <= kinds
    assert list(asked.faults('sum by (color) (seawall_selector_endpoints{state="nowhere"})')) != []
    assert list(asked.faults("seawall_selector_endpoint")) == ["no series seawall_selector_endpoint"]
    assert [f"{fault} ({where})" for fault, where in faults.items()] == []
    sys.stdout.write(f"{seen} questions, {len(asked.known)} names of series\n")


def fires_after(live: Prometheus, shop: Shop, rules: RuleGroup) -> tuple[float, float]:
    """Seconds from the first failing request until HighErrorRate fires, by Prometheus' own clock; and those predicted."""
    alert = next(each for each in rules.alerts if each.name == "HighErrorRate")
    worst = math.fsum(term.worst_seconds for term in alert.terms)
    live.load({"rules": {"groups": [rules.as_dict()]}})
    requests = 'sum(rate(http_server_request_duration_seconds_count{job="shop"}[10s]))'
    until(lambda: live.query(requests) and float(live.query(requests)[0]["value"][1]) > 10, WARM_SECONDS, "customers")
    firing = 'ALERTS{alertname="HighErrorRate",alertstate="firing"}'
    assert live.query(firing) == []
    began = shop.fail()

    def fired() -> Any:
        return live.ask("query_range", query=firing, start=began, end=time.time(), step=INTERVAL / 4)["result"]

    measured = float(until(fired, 2 * worst + WARM_SECONDS, "HighErrorRate fires")[0]["values"][0][0]) - began
    sys.stdout.write(f"HighErrorRate fired after {measured:.1f} s; predicted: at most {worst:.1f} s\n")
    return measured, worst


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("postgres")
def test_an_alert_on_a_real_outage_fires_within_its_predicted_time(
    live: Prometheus, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Window and `for` are a twentieth of those declared, and so is what follows from them; the rule is the same."""
    for name in ("ERROR_RATE_SECONDS", "MINUTE"):
        monkeypatch.setattr(_service_alerts, name, getattr(_service_alerts, name) / FASTER)
    where = scope(scrape_seconds=INTERVAL, evaluation_seconds=INTERVAL)
    measured, worst = fires_after(live, shop, service_rules(where, LIMITS))
    assert _service_alerts.MINUTE * 2 <= measured <= worst + BUSY_SECONDS


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("postgres")
def test_the_alert_as_it_is_declared_fires_within_its_predicted_time(live: Prometheus, shop: Shop) -> None:
    """The real window of two minutes and the real `for`."""
    where = scope(scrape_seconds=INTERVAL, evaluation_seconds=INTERVAL)
    measured, worst = fires_after(live, shop, service_rules(where, LIMITS))
    assert _service_alerts.MINUTE * 2 <= measured <= worst
