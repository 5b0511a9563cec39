"""What the components that watch a service will declare: every check, and every rule, before anything is registered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from pulumi_seawall._clusters import Reach, plan_reach
from pulumi_seawall._inputs import checked_keys, line, listed, member, number, plain_string, whole
from pulumi_seawall._monitoring_args import (
    AlertRulesArgs,
    MonitoredClusterArgs,
    MonitoringArgs,
    ServiceLevelObjectiveArgs,
    WatchdogArgs,
)
from pulumi_seawall._objectives import plan_objectives
from pulumi_seawall._promql import literal
from pulumi_seawall._regions import known_region
from pulumi_seawall._release_alerts import backup_rules, release_rules
from pulumi_seawall._rule_groups import ALL_REGIONS, RUNBOOK_PLACE, Alert, RuleGroup, Scope
from pulumi_seawall._service_alerts import Limits, service_rules
from pulumi_seawall._slo_rules import slo_rules
from pulumi_seawall._watchdog_rules import receiver_config, silent_after_seconds, watchdog_rules
from pulumi_seawall._watched import plan_heartbeat, plan_rollouts, plan_url_file, plan_watched_backups
from seawall.contract import checked_service, duration_buckets
from seawall.errors import InvalidInput
from seawall.objectives import BUDGET_PERIOD_SECONDS, Objectives
from seawall.slo import NoData, Slo

DEFAULT_INTERVAL_SECONDS: Final = 30
LONGEST_SCRAPE_SECONDS: Final = 75  # four of them span the shortest window of the standard alerts, five minutes
LONGEST_EVALUATION_SECONDS: Final = 300  # beyond Prometheus' look-back a recorded value is gone before the next one
SLO_MINIMUM_REQUESTS: Final = 30
ALERT_MINIMUM_REQUESTS: Final = 10
ERROR_RATIO: Final = 0.05
LATENCY_P95_SECONDS: Final = 1.0
LONGEST_URL: Final = 2000  # characters; what browsers agree on
LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")  # Prometheus
KEY: Final = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")  # Kubernetes' labels


@dataclass(frozen=True, slots=True)
class MonitoringPlan:
    """A service, and where it is watched.

    Args:
        service: Its name.
        clusters: By region, those with the operator.
        regions: Every region, those without it among them.
        selector: Labels of the service's series.
        rule_labels: Of each PrometheusRule.
        runbook_url: With a place for the alert's name.
        scrape_seconds: Between two scrapes.
        evaluation_seconds: Between two evaluations.
        stated_buckets: Upper bounds of the app's latency buckets, if they are stated.
    """

    service: str
    clusters: Mapping[str, Reach]
    regions: tuple[str, ...]
    selector: Mapping[str, str]
    rule_labels: Mapping[str, str]
    runbook_url: str
    scrape_seconds: int
    evaluation_seconds: int
    stated_buckets: tuple[float, ...] | None

    def buckets(self, objectives: Objectives) -> tuple[float, ...]:
        """Upper bounds of the app's latency buckets, as they are stated or as the runtime has them."""
        return self.stated_buckets or duration_buckets(objectives.latency_p95_seconds)

    def scope(self, region: str) -> Scope:
        """What rules of a region are about."""
        reach = self.clusters.get(region)
        return Scope(
            self.service,
            self.selector,
            region,
            reach.namespace if reach else "default",
            self.runbook_url,
            self.scrape_seconds,
            self.evaluation_seconds,
        )


@dataclass(frozen=True, slots=True)
class RulesPlan:
    """The rules of one component.

    Args:
        monitoring: The service, and where it is watched.
        purpose: What the rules are for: part of the PrometheusRule's name.
        groups: By region.
    """

    monitoring: MonitoringPlan
    purpose: str
    groups: Mapping[str, tuple[RuleGroup, ...]]

    @property
    def object_name(self) -> str:
        """Of each PrometheusRule."""
        return f"{self.monitoring.service}-{self.purpose}"

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Each once: most are the same in every region, those on backups are where the backups are."""
        every = [alert for groups in self.groups.values() for group in groups for alert in group.alerts]
        return tuple({(alert.name, *sorted(alert.labels.items())): alert for alert in reversed(every)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class SloPlan:
    """What a `ServiceLevelObjective` declares.

    Args:
        rules: Per region.
        slos: Availability and latency.
        across: Rules over all regions, for a Prometheus that sees them all.
    """

    rules: RulesPlan
    slos: tuple[Slo, ...]
    across: tuple[RuleGroup, ...]


@dataclass(frozen=True, slots=True)
class WatchdogPlan:
    """What a `Watchdog` declares.

    Args:
        rules: Per region.
        receivers: By region, the parts of Alertmanager's configuration.
        silent_after_seconds: What the switch outside waits.
    """

    rules: RulesPlan
    receivers: Mapping[str, Mapping[str, Any]]
    silent_after_seconds: float


def plan_monitoring(args: object) -> MonitoringPlan:
    """The service, and where it is watched, checked.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("monitoring.", args, MonitoringArgs))
    clusters: dict[str, Reach] = {}
    for place, entry in enumerate(listed("monitoring.clusters", given.get("clusters", []))):
        where = f"monitoring.clusters[{place}]."
        cluster = cast("dict[str, Any]", checked_keys(where, entry, MonitoredClusterArgs))
        region = known_region(f"{where}region", cluster["region"])
        if region in clusters:
            raise InvalidInput(f"{where}region", region, allowed="one cluster per region")
        clusters[region] = plan_reach(where, cluster)
    regions = list(clusters)
    for place, region in enumerate(listed("monitoring.regions", given.get("regions", []))):
        name = f"monitoring.regions[{place}]"
        if known_region(name, region) in regions:
            raise InvalidInput(name, region, allowed="each region once, in `clusters` or in `regions`")
        regions.append(region)
    if not regions:
        raise InvalidInput("monitoring.clusters", [], allowed="at least one cluster or region")
    return MonitoringPlan(
        checked_service("monitoring.service", given["service"]),
        clusters,
        tuple(regions),
        _labels("monitoring.selector", given["selector"], LABEL, None),
        plan_labels("monitoring.rule_selector_labels", given["rule_selector_labels"]),
        _runbook_url(given["runbook_url"]),
        _interval("scrape_interval_seconds", given, LONGEST_SCRAPE_SECONDS),
        _interval("evaluation_interval_seconds", given, LONGEST_EVALUATION_SECONDS),
        _buckets(given),
    )


def plan_service_level_objective(args: ServiceLevelObjectiveArgs) -> SloPlan:
    """Check the arguments of a `ServiceLevelObjective` and work out its rules.

    Raises:
        InvalidInput: A value is not allowed, an alert could never fire, or the retention is shorter than the period.
    """
    given = cast("dict[str, Any]", checked_keys("", args, ServiceLevelObjectiveArgs))
    monitoring = plan_monitoring(given["monitoring"])
    objectives = plan_objectives(given["objectives"])
    slos = plan_slos(given, objectives)
    retention = number("retention_seconds", given["retention_seconds"])
    buckets = monitoring.buckets(objectives)
    labels = tuple(
        plain_string(f"group_by[{place}]", label)
        for place, label in enumerate(listed("group_by", given.get("group_by", [])))
    )

    def groups(scope: Scope) -> tuple[RuleGroup, ...]:
        return tuple(
            slo_rules(slo, scope, retention_seconds=retention, group_by=labels, buckets_seconds=buckets) for slo in slos
        )

    rules = RulesPlan(monitoring, "slo", {region: groups(monitoring.scope(region)) for region in monitoring.regions})
    return SloPlan(rules, slos, groups(monitoring.scope(ALL_REGIONS)))


def plan_alert_rules(args: AlertRulesArgs) -> RulesPlan:
    """Check the arguments of `AlertRules` and work out its rules.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("", args, AlertRulesArgs))
    monitoring = plan_monitoring(given["monitoring"])
    objectives = plan_objectives(given["objectives"])
    limits = plan_limits(given, monitoring, objectives)
    rollouts, backups = plan_rollouts(given), plan_watched_backups(given, monitoring.regions)

    def groups(region: str) -> tuple[RuleGroup, ...]:
        scope, here = monitoring.scope(region), [each for each in backups if each.region == region]
        watched = [replace(each, namespace=each.namespace or scope.namespace) for each in rollouts]
        return (
            service_rules(scope, limits),
            *([release_rules(scope, watched)] if watched else []),
            *([backup_rules(scope, here)] if here else []),
        )

    return RulesPlan(monitoring, "alerts", {region: groups(region) for region in monitoring.regions})


def plan_limits(given: Mapping[str, Any], monitoring: MonitoringPlan, objectives: Objectives) -> Limits:
    """What is too much: where alerts fire, and what charts draw.

    Raises:
        InvalidInput: A value is not allowed.
    """
    error_ratio = number("error_ratio", given.get("error_ratio", ERROR_RATIO))
    if not 0 < error_ratio < 1:
        raise InvalidInput("error_ratio", error_ratio, allowed="a ratio above 0 and below 1")
    latency = number("latency_p95_seconds", given.get("latency_p95_seconds", LATENCY_P95_SECONDS))
    buckets = monitoring.buckets(objectives)
    if latency not in buckets[:-1]:
        raise InvalidInput(
            "latency_p95_seconds",
            latency,
            allowed=f"a bound of the app's buckets, but not the last: {', '.join(map(literal, buckets))}",
            because="between two bounds a percentile is a guess, and none is above the last",
        )
    lag = number("replica_lag_seconds", given.get("replica_lag_seconds", objectives.recovery_point_seconds))
    if not lag > 0:
        raise InvalidInput(
            "replica_lag_seconds",
            lag,
            allowed="above 0 seconds",
            because="a replica always is a moment behind"
            if "replica_lag_seconds" in given
            else "objectives.recovery_point_seconds = 0 gives no limit: state one",
        )
    minimum = whole("minimum_requests", given.get("minimum_requests", ALERT_MINIMUM_REQUESTS), 1, None)
    return Limits(
        error_ratio=error_ratio, latency_p95_seconds=latency, replica_lag_seconds=lag, minimum_requests=minimum
    )


def plan_watchdog(args: WatchdogArgs) -> WatchdogPlan:
    """Check the arguments of a `Watchdog` and work out its rules.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("", args, WatchdogArgs))
    monitoring = plan_monitoring(given["monitoring"])
    url_file, beat = plan_url_file("url_file", given["url_file"]), plan_heartbeat("", given)
    scopes = {region: monitoring.scope(region) for region in monitoring.regions}
    rules = RulesPlan(monitoring, "watchdog", {region: (watchdog_rules(scope),) for region, scope in scopes.items()})
    receivers = {
        region: receiver_config(scope, beat_seconds=beat, url_file=url_file) for region, scope in scopes.items()
    }
    return WatchdogPlan(rules, receivers, silent_after_seconds(scopes[monitoring.regions[0]], beat))


def plan_slos(given: Mapping[str, Any], objectives: Objectives) -> tuple[Slo, ...]:
    """Availability and latency, over the period that is asked for.

    Raises:
        InvalidInput: A value is not allowed, or an alert could never fire.
    """
    no_data = member("no_data", given["no_data"], NoData)
    period = number("period_seconds", given.get("period_seconds", BUDGET_PERIOD_SECONDS))
    minimum = whole("minimum_requests", given.get("minimum_requests", SLO_MINIMUM_REQUESTS), 1, None)
    try:
        return tuple(
            replace(slo, period_seconds=period, minimum_requests=minimum)
            for slo in (
                Slo.availability_of("availability", objectives, no_data=no_data),
                Slo.latency_of("latency", objectives, no_data=no_data),
            )
        )
    except InvalidInput as error:
        name = {"objective": "objectives.availability", "alerts[3].long_seconds": "period_seconds"}.get(
            error.name, error.name
        )
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from None


def plan_labels(name: str, value: object) -> dict[str, str]:
    """Labels of an object in Kubernetes, at least one.

    Raises:
        InvalidInput: There is none, or one is not allowed.
    """
    return _labels(name, value, KEY, VALUE)


def _labels(name: str, value: object, key: re.Pattern[str], text: re.Pattern[str] | None) -> dict[str, str]:
    """Labels that are names and texts, at least one."""
    if not isinstance(value, Mapping) or not value:
        raise InvalidInput(name, cast("object", value), allowed="at least one label")
    labels: dict[str, str] = {}
    for label, content in cast("Mapping[object, object]", value).items():
        if not isinstance(label, str) or not key.fullmatch(label) or label.startswith("__"):
            raise InvalidInput(f"{name}[{label}]", content, allowed="a label's name")
        if not isinstance(content, str) or not content or (text is not None and not text.fullmatch(content)):
            raise InvalidInput(f"{name}[{label}]", content, allowed="a label's value")
        labels[label] = content
    return labels


def _runbook_url(value: object) -> str:
    url = line("monitoring.runbook_url", value, LONGEST_URL)
    if not re.match(r"https?://[^/\s]+", url) or url.count(RUNBOOK_PLACE) != 1 or re.search(r"\s", url):
        raise InvalidInput(
            "monitoring.runbook_url", url, allowed=f"an http or https address with {RUNBOOK_PLACE} for the alert's name"
        )
    return url


def _interval(key: str, given: Mapping[str, Any], longest: int) -> int:
    return whole(f"monitoring.{key}", given.get(key, DEFAULT_INTERVAL_SECONDS), 1, longest, "seconds")


def _buckets(given: Mapping[str, Any]) -> tuple[float, ...] | None:
    """The bounds that are stated, in their order; None for none."""
    if "buckets_seconds" not in given:
        return None
    name = "monitoring.buckets_seconds"
    bounds = [number(f"{name}[{place}]", bound) for place, bound in enumerate(listed(name, given["buckets_seconds"]))]
    if not bounds or min(bounds) <= 0:
        raise InvalidInput(name, given["buckets_seconds"], allowed="at least one bound, each above 0 seconds")
    return tuple(sorted({float(bound) for bound in bounds}))
