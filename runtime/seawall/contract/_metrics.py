"""The metrics that the runtime counts and that scrape configuration, alert rules, dashboards and canaries query.

Each is described once, in OpenTelemetry's words; the name in Prometheus follows from that by OpenTelemetry's rules
(specification, "Prometheus and OpenMetrics compatibility"): dots become underscores, the unit becomes a suffix, a
counter ends in `_total`. The HTTP metrics are OpenTelemetry's own (semantic conventions, "HTTP metrics", stable).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seawall.errors import InvalidInput

__all__ = [
    "ALL_METRICS",
    "BREAKER_CALLS",
    "BREAKER_FAILURE_RATE",
    "BREAKER_SLOW_CALLS",
    "BREAKER_STATE",
    "BREAKER_TRANSITIONS",
    "ERROR_BUDGET_BURN_RATE",
    "ERROR_BUDGET_REMAINING",
    "FAULTS_INJECTED",
    "HEALTH_CHECK_DURATION",
    "HEALTH_CHECK_HEALTHY",
    "HEALTH_CHECK_RUNS",
    "HEALTH_DRAINING",
    "HTTP_ACTIVE_REQUESTS",
    "HTTP_DURATION_BUCKETS_SECONDS",
    "HTTP_REQUEST_DURATION",
    "REPLICA_CHOICES",
    "REPLICA_LAG",
    "REPLICA_LAG_SIZE",
    "REPLICA_LOST_WRITES",
    "REPLICA_REFUSALS",
    "REPLICA_ROLE_CHANGES",
    "REPLICA_STATE",
    "REPLICA_WAITS",
    "SELECTOR_EJECTIONS",
    "SELECTOR_ENDPOINTS",
    "SELECTOR_PICKS",
    "SELECTOR_SWITCHES",
    "MetricKind",
    "MetricSpec",
    "duration_buckets",
    "prometheus_label",
]


class MetricKind(StrEnum):
    """What kind of instrument it is. The values are Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    """Also OpenTelemetry's up-down counters: Prometheus has one type for both."""
    HISTOGRAM = "histogram"


_UNIT_SUFFIXES: Final = {"s": "seconds", "By": "bytes"}  # UCUM, as OpenTelemetry's rules spell it out
_RATIO: Final = "1"  # a gauge without a dimension ends in `_ratio`


def prometheus_label(attribute: str) -> str:
    """An OpenTelemetry attribute as a Prometheus label: `http.route` is `http_route`."""
    return attribute.replace(".", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One metric: its name, its kind, its labels."""

    otel: str
    """OpenTelemetry's name, e.g. `http.server.request.duration`."""
    kind: MetricKind
    unit: str
    """UCUM: `s`, `By`, `1` for a ratio, or what is counted in braces, e.g. `{request}`."""
    attributes: tuple[str, ...] = ()
    """OpenTelemetry's names of what it is told apart by."""
    description: str

    @property
    def family(self) -> str:
        """Prometheus' name without the suffixes of samples: of a counter without `_total`."""
        stem = self.otel.replace(".", "_")
        if self.unit == _RATIO and self.kind is MetricKind.GAUGE:
            return f"{stem}_ratio"
        suffix = _UNIT_SUFFIXES.get(self.unit)
        return f"{stem}_{suffix}" if suffix else stem

    @property
    def prometheus(self) -> str:
        """The name to query; of a histogram the stem of `_bucket`, `_sum` and `_count`."""
        return f"{self.family}_total" if self.kind is MetricKind.COUNTER else self.family

    @property
    def samples(self) -> tuple[str, ...]:
        """Every name under which a scrape has it."""
        if self.kind is MetricKind.HISTOGRAM:
            return tuple(f"{self.family}_{suffix}" for suffix in ("bucket", "sum", "count"))
        return (self.prometheus,)

    @property
    def labels(self) -> tuple[str, ...]:
        """Prometheus' names of the attributes, in their order."""
        return tuple(prometheus_label(each) for each in self.attributes)


HTTP_DURATION_BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds: OpenTelemetry's advice for `http.server.request.duration`."""


def duration_buckets(*thresholds_seconds: float) -> tuple[float, ...]:
    """`HTTP_DURATION_BUCKETS_SECONDS` with a bound at each threshold that somebody queries.

    A latency objective can be counted exactly only where a bucket ends; between two bounds it is a guess.

    Raises:
        InvalidInput: a threshold that is not a positive, finite number of seconds.
    """
    for each in thresholds_seconds:
        if not 0.0 < each < float("inf"):
            raise InvalidInput("thresholds_seconds", each, allowed="above 0 seconds, finite")
    return tuple(sorted({*HTTP_DURATION_BUCKETS_SECONDS, *map(float, thresholds_seconds)}))


HTTP_REQUEST_DURATION: Final = MetricSpec(
    otel="http.server.request.duration",
    kind=MetricKind.HISTOGRAM,
    unit="s",
    attributes=("http.request.method", "http.route", "http.response.status_code", "url.scheme", "error.type"),
    description="Duration of HTTP server requests, until the last byte was handed to the server.",
)
HTTP_ACTIVE_REQUESTS: Final = MetricSpec(
    otel="http.server.active_requests",
    kind=MetricKind.GAUGE,
    unit="{request}",
    attributes=("http.request.method", "url.scheme"),
    description="HTTP server requests in flight.",
)

BREAKER_STATE: Final = MetricSpec(
    otel="seawall.circuit_breaker.state",
    kind=MetricKind.GAUGE,
    unit="{breaker}",
    attributes=("breaker", "state"),
    description="1 for the state that the breaker is in, 0 for the others; over several processes, how many are in it.",
)
BREAKER_CALLS: Final = MetricSpec(
    otel="seawall.circuit_breaker.calls",
    kind=MetricKind.COUNTER,
    unit="{call}",
    attributes=("breaker", "outcome"),
    description="Calls by outcome: succeeded (and not slow), failed, rejected.",
)
BREAKER_SLOW_CALLS: Final = MetricSpec(
    otel="seawall.circuit_breaker.slow_calls",
    kind=MetricKind.COUNTER,
    unit="{call}",
    attributes=("breaker",),
    description="Calls above slow_call_seconds, whether they failed or not.",
)
BREAKER_TRANSITIONS: Final = MetricSpec(
    otel="seawall.circuit_breaker.transitions",
    kind=MetricKind.COUNTER,
    unit="{transition}",
    attributes=("breaker", "state"),
    description="Changes of state, by the state that was entered.",
)
BREAKER_FAILURE_RATE: Final = MetricSpec(
    otel="seawall.circuit_breaker.failure_rate",
    kind=MetricKind.GAUGE,
    unit="1",
    attributes=("breaker",),
    description="Failures among the calls in the window; absent while there are fewer than minimum_calls.",
)

SELECTOR_ENDPOINTS: Final = MetricSpec(
    otel="seawall.selector.endpoints",
    kind=MetricKind.GAUGE,
    unit="{endpoint}",
    attributes=("selector", "state"),
    description="Endpoints by state.",
)
SELECTOR_PICKS: Final = MetricSpec(
    otel="seawall.selector.picks",
    kind=MetricKind.COUNTER,
    unit="{pick}",
    attributes=("selector", "endpoint"),
    description="Picks of each endpoint.",
)
SELECTOR_EJECTIONS: Final = MetricSpec(
    otel="seawall.selector.ejections",
    kind=MetricKind.COUNTER,
    unit="{ejection}",
    attributes=("selector", "endpoint"),
    description="Ejections of an endpoint by outlier detection.",
)
SELECTOR_SWITCHES: Final = MetricSpec(
    otel="seawall.selector.switches",
    kind=MetricKind.COUNTER,
    unit="{switch}",
    attributes=("selector",),
    description="Changes of the endpoint that active-passive selection uses: failovers and failbacks.",
)

REPLICA_CHOICES: Final = MetricSpec(
    otel="seawall.replicas.choices",
    kind=MetricKind.COUNTER,
    unit="{choice}",
    attributes=("router", "server", "reason"),
    description="Units of work by the server that they were given, and why; reasons behind and no_reader are fallbacks.",
)
REPLICA_STATE: Final = MetricSpec(
    otel="seawall.replicas.state",
    kind=MetricKind.GAUGE,
    unit="{server}",
    attributes=("router", "server", "state"),
    description="1 for the state that the server is in, 0 for the others; over several processes, how many see it so.",
)
REPLICA_LAG: Final = MetricSpec(
    otel="seawall.replicas.lag",
    kind=MetricKind.GAUGE,
    unit="s",
    attributes=("router", "server"),
    description="How old at most what the replica shows is; absent while nobody knows.",
)
REPLICA_LAG_SIZE: Final = MetricSpec(
    otel="seawall.replicas.lag.size",
    kind=MetricKind.GAUGE,
    unit="By",
    attributes=("router", "server"),
    description="Log that the replica has not replayed yet; absent while nobody knows.",
)
REPLICA_WAITS: Final = MetricSpec(
    otel="seawall.replicas.waits",
    kind=MetricKind.COUNTER,
    unit="{wait}",
    attributes=("router", "outcome"),
    description="Reads that waited for a replica to have what their session wrote, by outcome: caught_up, in_vain.",
)
REPLICA_REFUSALS: Final = MetricSpec(
    otel="seawall.replicas.refusals",
    kind=MetricKind.COUNTER,
    unit="{refusal}",
    attributes=("router", "kind"),
    description="Reads and writes that had nowhere to go.",
)
REPLICA_ROLE_CHANGES: Final = MetricSpec(
    otel="seawall.replicas.role_changes",
    kind=MetricKind.COUNTER,
    unit="{change}",
    attributes=("router",),
    description="Changes of the writer.",
)
REPLICA_LOST_WRITES: Final = MetricSpec(
    otel="seawall.replicas.lost_writes",
    kind=MetricKind.COUNTER,
    unit="{write}",
    attributes=("router",),
    description="Sessions that were told that a promotion lost, or may have lost, what they wrote.",
)

HEALTH_CHECK_HEALTHY: Final = MetricSpec(
    otel="seawall.health.check.healthy",
    kind=MetricKind.GAUGE,
    unit="{check}",
    attributes=("check", "critical"),
    description="1 when the check's last run found it healthy, 0 when not; absent until it has run.",
)
HEALTH_CHECK_DURATION: Final = MetricSpec(
    otel="seawall.health.check.duration",
    kind=MetricKind.GAUGE,
    unit="s",
    attributes=("check",),
    description="Duration of the check's last run.",
)
HEALTH_CHECK_RUNS: Final = MetricSpec(
    otel="seawall.health.check.runs",
    kind=MetricKind.COUNTER,
    unit="{run}",
    attributes=("check", "outcome"),
    description="Runs of the check by outcome: healthy, failed, timed_out.",
)
HEALTH_DRAINING: Final = MetricSpec(
    otel="seawall.health.draining",
    kind=MetricKind.GAUGE,
    unit="{process}",
    description="1 while the process asks to be sent no new requests.",
)

ERROR_BUDGET_REMAINING: Final = MetricSpec(
    otel="seawall.slo.error_budget.remaining",
    kind=MetricKind.GAUGE,
    unit="1",
    attributes=("slo",),
    description="What is left of the error budget of the requests counted since the process started; below 0 when overspent.",
)
ERROR_BUDGET_BURN_RATE: Final = MetricSpec(
    otel="seawall.slo.error_budget.burn_rate",
    kind=MetricKind.GAUGE,
    unit="1",
    attributes=("slo",),
    description="Error rate since the process started, over the rate that the objective allows; 1 spends the budget exactly.",
)

FAULTS_INJECTED: Final = MetricSpec(
    otel="seawall.faults.injected",
    kind=MetricKind.COUNTER,
    unit="{fault}",
    attributes=("fault", "kind"),
    description="Faults injected on purpose: latency, error, abort.",
)

ALL_METRICS: Final = (
    HTTP_REQUEST_DURATION,
    HTTP_ACTIVE_REQUESTS,
    BREAKER_STATE,
    BREAKER_CALLS,
    BREAKER_SLOW_CALLS,
    BREAKER_TRANSITIONS,
    BREAKER_FAILURE_RATE,
    SELECTOR_ENDPOINTS,
    SELECTOR_PICKS,
    SELECTOR_EJECTIONS,
    SELECTOR_SWITCHES,
    REPLICA_CHOICES,
    REPLICA_STATE,
    REPLICA_LAG,
    REPLICA_LAG_SIZE,
    REPLICA_WAITS,
    REPLICA_REFUSALS,
    REPLICA_ROLE_CHANGES,
    REPLICA_LOST_WRITES,
    HEALTH_CHECK_HEALTHY,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_RUNS,
    HEALTH_DRAINING,
    ERROR_BUDGET_REMAINING,
    ERROR_BUDGET_BURN_RATE,
    FAULTS_INJECTED,
)
"""Every metric of the runtime. A test scrapes a live app for each."""
