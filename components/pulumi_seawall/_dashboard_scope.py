"""What the panels of dashboards ask about, as PromQL with Grafana's variables. Pure.

A panel that shows an alert's limit asks over the window of that alert, so that the line means what it seems to mean. Other
rates are over Grafana's `$__rate_interval`, which grows with the time that is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._argo_rollouts import NAME, POD_HASH, ROLLOUT_INFO
from pulumi_seawall._dashboard_model import Color, Event, Limit
from pulumi_seawall._promql import bucket_of, by, count_of, duration, matchers, quoted, series
from pulumi_seawall._rule_groups import ALL_REGIONS, RUNBOOK_PLACE
from pulumi_seawall._service_alerts import ERROR_RATE_SECONDS, LATENCY_SECONDS, UP, Limits
from pulumi_seawall._slo_rules import FAILED, SAMPLES_IN_A_WINDOW
from pulumi_seawall._watchdog_rules import NAME as WATCHDOG
from seawall.contract import HTTP_REQUEST_DURATION, REPLICA_ROLE_CHANGES, SELECTOR_SWITCHES, MetricSpec
from seawall.objectives import Objectives
from seawall.slo import Slo

DATA_SOURCE: Final = "datasource"
REGION: Final = "region"
INSTANCE: Final = "instance"
"""Names of the variables; a recorded series and an alert have the second as a label."""
RATE_INTERVAL: Final = "$__rate_interval"
ALERTS: Final = "ALERTS"
ALERTS_SINCE: Final = "ALERTS_FOR_STATE"
"""Prometheus' own series of each alert: that it fires, and since when it has been true (Unix time)."""
ROLLOUT_REPLICAS: Final = "rollout_info_replicas_"
ANALYSIS_INFO: Final = "analysis_run_info"
"""More series of Argo Rollouts' controller."""
WITH_HASH: Final = f'{POD_HASH}!=""'
FIRING: Final = 'alertstate="firing"'
"""Conditions."""


def is_one_of(label: str, pattern: str) -> str:
    """The condition that a label's value is one of some: `state=~"open|half_open"`."""
    return f"{label}=~{quoted(pattern)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardScope:
    """A service as its dashboards see it.

    Args:
        service: Its name.
        environment: Its environment's name.
        selector: Labels of the scraped series that are the service's.
        region_label: Label of scraped series with their region; None where a data source has one region only.
        scrape_seconds: Between two scrapes.
        runbook_url: With a place for the alert's name.
        objectives: What is promised.
        limits: What alerts call too much.
        slos: Availability and latency.
        rollout: Name of the Rollout.
    """

    service: str
    environment: str
    selector: Mapping[str, str]
    region_label: str | None
    scrape_seconds: int
    runbook_url: str
    objectives: Objectives
    limits: Limits
    slos: tuple[Slo, ...]
    rollout: str

    @property
    def regions(self) -> tuple[str, ...]:
        """The label that tells regions apart in scraped series, if there is one."""
        return (self.region_label,) if self.region_label else ()

    @property
    def region_legend(self) -> str:
        """The same for the end of a legend."""
        return f" in {{{{{self.region_label}}}}}" if self.region_label else ""

    @property
    def seen_legend(self) -> str:
        """The same where what is named may itself be in another region, or be called like one."""
        return f", seen from {{{{{self.region_label}}}}}" if self.region_label else ""

    @property
    def in_regions(self) -> tuple[str, ...]:
        """The condition for the chosen regions."""
        return tuple(f'{label}=~"${REGION}"' for label in self.regions)

    def of(self, metric: MetricSpec | str, *conditions: str) -> str:
        """Selects scraped series of the service, in the chosen regions and instances."""
        name = metric if isinstance(metric, str) else metric.prometheus
        own = matchers(self.selector)
        return series(name, *own, *self.in_regions, f'{INSTANCE}=~"${INSTANCE}"', *conditions)

    def by(self, *labels: str, operator: str = "sum") -> str:
        """An aggregation that keeps labels, and tells regions apart."""
        return by((*labels, *self.regions), operator)

    def rate(self, metric: MetricSpec | str, *conditions: str, labels: tuple[str, ...] = ()) -> str:
        """Per second, summed up by labels and regions."""
        return f"{self.by(*labels)}(rate({self.of(metric, *conditions)}[{RATE_INTERVAL}]))"

    def window(self, seconds: float) -> str:
        """An alert's window, longer where scrapes are rare."""
        return duration(max(seconds, self.scrape_seconds * SAMPLES_IN_A_WINDOW))

    def error_ratio(self, aggregation: str, *conditions: str) -> str:
        """Failed requests among all, over the window of HighErrorRate; 0 before the first one fails."""
        window, name = self.window(ERROR_RATE_SECONDS), count_of(HTTP_REQUEST_DURATION)
        total = f"{aggregation}(rate({self.of(name, *conditions)}[{window}]))"
        failed = f"{aggregation}(rate({self.of(name, *conditions, FAILED)}[{window}]))"
        return f"({failed} or 0 * {total}) / ({total} > 0)"

    def latency(self, share: float, *labels: str, conditions: tuple[str, ...] = ()) -> str:
        """A percentile in seconds, over the window of HighLatency."""
        buckets = self.of(bucket_of(HTTP_REQUEST_DURATION), *conditions)
        rates = f"{by(('le', *labels))}(rate({buckets}[{self.window(LATENCY_SECONDS)}]))"
        return f"histogram_quantile({share}, {rates})"

    def recorded(self, name: str, *conditions: str) -> str:
        """Selects what an SLO's rules have recorded, of all regions as one among it."""
        return series(name, f"service={quoted(self.service)}", f'{REGION}=~"${REGION}|{ALL_REGIONS}"', *conditions)

    def alerts(self, name: str = ALERTS, *conditions: str) -> str:
        """Selects the service's alerts in the chosen regions, the heartbeat not among them."""
        own = f"service={quoted(self.service)}", f'{REGION}=~"${REGION}"'
        return series(name, *own, f'alertname!="{WATCHDOG}"', *conditions)

    def rollouts(self, *conditions: str) -> str:
        """Selects the Rollout's phase: the only series says it, and its value is 1."""
        return series(ROLLOUT_INFO, f"{NAME}={quoted(self.rollout)}", *self.in_regions, *conditions)

    def runbook(self, alert: str) -> str:
        """Address of an alert's runbook."""
        return self.runbook_url.replace(RUNBOOK_PLACE, alert)

    @property
    def error_limits(self) -> tuple[Limit, ...]:
        """What is promised, and what is alerted on."""
        return _ascending(self.objectives.error_rate, self.limits.error_ratio)

    @property
    def latency_limits(self) -> tuple[Limit, ...]:
        """The same in seconds."""
        return _ascending(self.objectives.latency_p95_seconds, self.limits.latency_p95_seconds)

    @property
    def events(self) -> tuple[Event, ...]:
        """Alerts, failovers and new releases."""
        lately = self.window(0)
        moved = [
            f"{self.by(label)}(increase({self.of(spec)}[{lately}])) > 0"
            for spec, label in ((REPLICA_ROLE_CHANGES, "router"), (SELECTOR_SWITCHES, "selector"))
        ]
        pods = f"{self.by(POD_HASH, operator='count')}({self.of(UP, WITH_HASH)}"
        runbook = self.runbook("{{alertname}}")
        return (
            Event(
                "Alerts",
                self.alerts(ALERTS, FIRING),
                Color.RED,
                "{{alertname}}",
                f'{{{{level}}}} in {{{{region}}}}: <a href="{runbook}">runbook</a>',
            ),
            Event("Failovers", " or ".join(moved), Color.ORANGE, "Failover", "{{router}}{{selector}}"),
            Event(
                "Releases",
                f"{pods}) unless {pods} offset {self.window(LATENCY_SECONDS)})",
                Color.BLUE,
                "New release",
                f"pods {{{{{POD_HASH}}}}}",
            ),
        )


def _ascending(promised: float, alerted: float) -> tuple[Limit, ...]:
    """Two limits in order; one where they are the same, or where what is alerted on is the stricter."""
    if promised < alerted:
        return Limit(promised, Color.ORANGE), Limit(alerted, Color.RED)
    return (Limit(alerted, Color.RED),)
