"""Alerts on symptoms and causes: the service's requests and processes, its breakers, endpoints and replicas. Pure.

Every metric and label is one of `seawall.contract`. A state is looked at over `flap_seconds`, so that something that flaps
is one alert that lasts, and something that happened once is none.
"""

from dataclasses import dataclass
from typing import Final

from pulumi_seawall._alert_timing import firing_terms
from pulumi_seawall._promql import bucket_of, by, count_of, duration, literal, series
from pulumi_seawall._rule_groups import Alert, RuleGroup, Scope
from pulumi_seawall._slo_rules import FAILED, SAMPLES_IN_A_WINDOW
from seawall.contract import (
    BREAKER_STATE,
    HTTP_REQUEST_DURATION,
    REPLICA_LAG,
    REPLICA_LOST_WRITES,
    REPLICA_ROLE_CHANGES,
    REPLICA_STATE,
    SELECTOR_ENDPOINTS,
    SELECTOR_SWITCHES,
    MetricSpec,
)
from seawall.escalation import AlertLevel

UP: Final = "up"
"""Prometheus' own series of each target: 1 when the last scrape succeeded."""
ERROR_RATE_SECONDS: Final = 120.0  # the seed's "over the last 2 minutes"
LATENCY_SECONDS: Final = 300.0
P95: Final = 0.95
SHORTEST_FLAP_SECONDS: Final = 60.0
KEEP_SECONDS: Final = 300.0  # so that what comes and goes within minutes is one alert
HAPPENED_SECONDS: Final = 900.0  # how long something that happens in a moment is shown
LOST_SECONDS: Final = 3600.0
MINUTE: Final = 60.0

NOT_CLOSED: Final = "open|half_open|forced_open"
OUT: Final = "ejected|failed"
USABLE: Final = "available|recovering"
UNFIT: Final = "diverged|foreign|unknown"
TAKES_WRITES: Final = "writer|stray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too much.

    Args:
        error_ratio: Share of failed requests, above 0 and below 1.
        latency_p95_seconds: Of the 95th percentile; a bucket ends there.
        replica_lag_seconds: How old what a replica shows may be.
        minimum_requests: In a rate's window, below which ratios mean nothing.
    """

    error_ratio: float
    latency_p95_seconds: float
    replica_lag_seconds: float
    minimum_requests: int


def service_rules(scope: Scope, limits: Limits) -> RuleGroup:
    """Every alert of a service that is not an SLO's."""
    alerts = (
        _high_error_rate(scope, limits),
        _service_down(scope),
        _high_latency(scope, limits),
        _breaker_open(scope),
        _endpoint_ejected(scope),
        _no_healthy_endpoint(scope),
        _replica_lag(scope, limits),
        _replica_unfit(scope),
        _no_writer(scope),
        _two_writers(scope),
        _lost_writes(scope),
        _failover_happened(scope),
    )
    return RuleGroup(f"seawall-alerts-{scope.service}-{scope.region}", alerts, scope)


def flap_seconds(scope: Scope) -> float:
    """The span over which a state is looked at: at least a minute, longer where scrapes are rare."""
    return _window(scope, SHORTEST_FLAP_SECONDS)


def _window(scope: Scope, seconds: float) -> float:
    """A rate's window, longer where scrapes are rare."""
    return max(seconds, scope.scrape_seconds * SAMPLES_IN_A_WINDOW)


def _state(scope: Scope, spec: MetricSpec, states: str) -> str:
    return series(spec.prometheus, *scope.matchers, f'state=~"{states}"')


def _lately(scope: Scope, spec: MetricSpec, states: str) -> str:
    """The highest value of lately: also of a state that is left between two looks."""
    return f"max_over_time({_state(scope, spec, states)}[{duration(flap_seconds(scope))}])"


def _rose(scope: Scope, spec: MetricSpec, label: str, seconds: float) -> str:
    return f"sum by ({label}) (increase({series(spec.prometheus, *scope.matchers)}[{duration(seconds)}])) > 0"


def _enough(scope: Scope, limits: Limits, seconds: float) -> str:
    requests = series(count_of(HTTP_REQUEST_DURATION), *scope.matchers)
    return f"sum(increase({requests}[{duration(seconds)}])) >= {limits.minimum_requests}"


def _high_error_rate(scope: Scope, limits: Limits) -> Alert:
    window = _window(scope, ERROR_RATE_SECONDS)
    name, span = count_of(HTTP_REQUEST_DURATION), duration(window)
    failed = f"sum(rate({series(name, *scope.matchers, FAILED)}[{span}]))"
    total = f"sum(rate({series(name, *scope.matchers)}[{span}]))"
    return Alert(
        "HighErrorRate",
        f"{failed} / ({total} > 0) > {literal(limits.error_ratio)} and {_enough(scope, limits, window)}",
        AlertLevel.SEV2,
        f"Many requests to {scope.service} fail",
        f"{{{{ $value | humanizePercentage }}}} failed over the last {span} (limit {literal(limits.error_ratio)}).",
        firing_terms(
            scope,
            window_seconds=window * limits.error_ratio,
            window_reason=f"failures fill {literal(limits.error_ratio)} of {span} when all fail",
            for_seconds=2 * MINUTE,
            rate=True,
        ),
        "every request fails",
        for_seconds=2 * MINUTE,
    )


def _service_down(scope: Scope) -> Alert:
    up = series(UP, *scope.matchers)
    return Alert(
        "ServiceDown",
        f"{up} == 0 or absent({up})",
        AlertLevel.SEV1,
        f"{scope.service} does not answer",
        "{{ with $labels.instance }}{{ . }} has{{ else }}Every instance has{{ end }} been down for more than a minute.",
        firing_terms(scope, for_seconds=MINUTE),
        "an instance stops answering",
        for_seconds=MINUTE,
    )


def _high_latency(scope: Scope, limits: Limits) -> Alert:
    window = _window(scope, LATENCY_SECONDS)
    span, limit = duration(window), literal(limits.latency_p95_seconds)
    buckets = series(bucket_of(HTTP_REQUEST_DURATION), *scope.matchers)
    p95 = f"histogram_quantile({P95}, {by(('le',))}(rate({buckets}[{span}])))"
    return Alert(
        "HighLatency",
        f"{p95} > {limit} and {_enough(scope, limits, window)}",
        AlertLevel.SEV2,
        f"{scope.service} answers slowly",
        f"The 95th percentile of {span} is {{{{ $value | humanizeDuration }}}} (limit {limit} s).",
        firing_terms(
            scope,
            window_seconds=window * (1 - P95),
            window_reason=f"slow requests fill {1 - P95:.2g} of {span} when all are slow",
            for_seconds=5 * MINUTE,
            rate=True,
        ),
        "every request is slow",
        for_seconds=5 * MINUTE,
    )


def _breaker_open(scope: Scope) -> Alert:
    return Alert(
        "BreakerOpen",
        f"sum by (breaker) ({_lately(scope, BREAKER_STATE, NOT_CLOSED)}) > 0",
        AlertLevel.SEV2,
        f"A circuit breaker of {scope.service} does not stay closed",
        "{{ $labels.breaker }} is or was open in {{ $value }} processes: what it guards fails or is slow.",
        firing_terms(scope, for_seconds=MINUTE),
        "a breaker opens",
        for_seconds=MINUTE,
        keep_firing_seconds=KEEP_SECONDS,
    )


def _endpoint_ejected(scope: Scope) -> Alert:
    return Alert(
        "EndpointEjected",
        f"sum by (selector) ({_lately(scope, SELECTOR_ENDPOINTS, OUT)}) > 0",
        AlertLevel.SEV3,
        f"{scope.service} has stopped calling an endpoint",
        "{{ $labels.selector }} has taken {{ $value }} endpoints out, counted over all processes.",
        firing_terms(scope, for_seconds=MINUTE),
        "an endpoint is ejected",
        for_seconds=MINUTE,
        keep_firing_seconds=KEEP_SECONDS,
    )


def _no_healthy_endpoint(scope: Scope) -> Alert:
    usable = f"sum by (selector, instance) ({_state(scope, SELECTOR_ENDPOINTS, USABLE)})"
    return Alert(
        "NoHealthyEndpoint",
        f"count by (selector) ({usable} == 0)",
        AlertLevel.SEV1,
        f"{scope.service} has nowhere to send its calls",
        "No endpoint of {{ $labels.selector }} is healthy, as {{ $value }} instances see it.",
        firing_terms(scope, for_seconds=MINUTE),
        "every endpoint becomes unhealthy",
        for_seconds=MINUTE,
    )


def _replica_lag(scope: Scope, limits: Limits) -> Alert:
    limit = literal(limits.replica_lag_seconds)
    lag = series(REPLICA_LAG.prometheus, *scope.matchers)
    return Alert(
        "ReplicaLag",
        f"max by (router, server) ({lag}) > {limit}",
        AlertLevel.SEV2,
        f"A replica of {scope.service} is behind",
        f"{{{{ $labels.server }}}} is {{{{ $value | humanizeDuration }}}} behind (limit {limit} s): a failover to it loses that.",
        firing_terms(scope, for_seconds=5 * MINUTE),
        "the lag passes its limit",
        for_seconds=5 * MINUTE,
    )


def _replica_unfit(scope: Scope) -> Alert:
    return Alert(
        "ReplicaUnfit",
        f"sum by (router, server, state) ({_lately(scope, REPLICA_STATE, UNFIT)}) > 0",
        AlertLevel.SEV3,
        f"A replica of {scope.service} cannot be read from",
        "{{ $labels.server }} is or was {{ $labels.state }}, as {{ $value }} processes see it.",
        firing_terms(scope, for_seconds=5 * MINUTE),
        "a replica cannot be measured, or does not follow the writer",
        for_seconds=5 * MINUTE,
        keep_firing_seconds=KEEP_SECONDS,
    )


def _no_writer(scope: Scope) -> Alert:
    writers = f"sum by (router, instance) ({_state(scope, REPLICA_STATE, 'writer')})"
    return Alert(
        "NoWriter",
        f"count by (router) ({writers} == 0)",
        AlertLevel.SEV1,
        f"{scope.service} has nowhere to write",
        "{{ $value }} instances know no writer of {{ $labels.router }}.",
        firing_terms(scope, for_seconds=MINUTE),
        "the writer is gone",
        for_seconds=MINUTE,
    )


def _two_writers(scope: Scope) -> Alert:
    per_server = f"sum by (router, server) ({_state(scope, REPLICA_STATE, TAKES_WRITES)})"
    return Alert(
        "TwoWriters",
        f"count by (router) ({per_server} > 0) > 1",
        AlertLevel.SEV1,
        f"More than one database of {scope.service} takes writes",
        "{{ $value }} servers of {{ $labels.router }} take writes: what goes to the wrong one is lost.",
        firing_terms(scope, for_seconds=MINUTE),
        "a second server takes writes",
        for_seconds=MINUTE,
    )


def _lost_writes(scope: Scope) -> Alert:
    return Alert(
        "LostWrites",
        _rose(scope, REPLICA_LOST_WRITES, "router", LOST_SECONDS),
        AlertLevel.SEV2,
        f"A failover of {scope.service} lost writes, or may have",
        "{{ $value | humanize }} sessions of {{ $labels.router }} were told that what they wrote may be gone.",
        firing_terms(scope, rate=True),
        "a session is told that its write is lost",
    )


def _failover_happened(scope: Scope) -> Alert:
    writer = _rose(scope, REPLICA_ROLE_CHANGES, "router", HAPPENED_SECONDS)
    endpoint = _rose(scope, SELECTOR_SWITCHES, "selector", HAPPENED_SECONDS)
    return Alert(
        "FailoverHappened",
        f"{writer} or {endpoint}",
        AlertLevel.SEV3,
        f"{scope.service} has failed over, or back",
        "{{ with $labels.router }}The writer of {{ . }}{{ end }}{{ with $labels.selector }}The endpoint of {{ . }}{{ end }}"
        " has changed in the last 15 minutes.",
        firing_terms(scope, rate=True),
        "the writer or the active endpoint changes",
    )
