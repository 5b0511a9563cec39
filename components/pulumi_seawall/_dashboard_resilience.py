"""What the service leans on and how it copes: breakers, endpoints, checks, faults. Pure."""

from collections.abc import Iterator
from typing import Final

from pulumi_seawall._dashboard_model import Color, Dashboard, Limit, Panel, PanelKind, Query, Row, State, Unit
from pulumi_seawall._dashboard_scope import RATE_INTERVAL, DashboardScope, is_one_of
from pulumi_seawall._service_alerts import OUT, USABLE
from seawall.contract import (
    BREAKER_CALLS,
    BREAKER_FAILURE_RATE,
    BREAKER_SLOW_CALLS,
    BREAKER_STATE,
    BREAKER_TRANSITIONS,
    FAULTS_INJECTED,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_HEALTHY,
    HEALTH_CHECK_RUNS,
    HEALTH_DRAINING,
    SELECTOR_EJECTIONS,
    SELECTOR_ENDPOINTS,
    SELECTOR_PICKS,
    SELECTOR_SWITCHES,
    MetricSpec,
)

KEY: Final = "resilience"
UNHEALTHY: Final = "|unhealthy"
"""What a probe finds, beside what outlier detection does."""
NO_BREAKERS: Final = "no breaker is watched"
NO_SELECTORS: Final = "no selector is watched"
NO_CHECKS: Final = "no check is watched"
BREAKER_STATES: Final = (
    (State(0, "closed", Color.GREEN), "closed"),
    (State(1, "not judging", Color.BLUE), "disabled|metrics_only"),
    (State(2, "trying", Color.ORANGE), "half_open"),
    (State(3, "open", Color.RED), "open|forced_open"),
)
"""Ordered by how bad they are: of several processes the worst is shown."""


def coded(scope: DashboardScope, metric: MetricSpec, states: tuple[tuple[State, str], ...], *labels: str) -> str:
    """The worst state that any process sees, as its number."""
    found = ((state.value, scope.of(metric, is_one_of("state", names))) for state, names in states)
    series = (f"{value} * clamp_max({selected}, 1)" for value, selected in found)
    return f"{scope.by(*labels, operator='max')}({' or '.join(series)})"


def resilience_dashboard(scope: DashboardScope) -> Dashboard:
    """Dependencies first: they fail more often than we do."""
    return Dashboard(
        KEY,
        "Resilience",
        "Which dependency fails, where calls go instead, and what the instances say of themselves.",
        (
            Row("Breakers: what is called at all", tuple(_breakers(scope))),
            Row("Endpoints: where calls go", tuple(_endpoints(scope))),
            Row("Health: what instances say of themselves", tuple(_health(scope))),
        ),
    )


def _breakers(scope: DashboardScope) -> Iterator[Panel]:
    region = scope.region_legend
    yield Panel(
        kind=PanelKind.STATES,
        title="Breakers",
        description="The worst of all processes. An open breaker protects: look at what it guards.",
        queries=(Query(coded(scope, BREAKER_STATE, BREAKER_STATES, "breaker"), "{{breaker}}" + region),),
        states=tuple(state for state, _ in BREAKER_STATES),
        width=12,
        height=7,
        no_data=NO_BREAKERS,
        alerts=("BreakerOpen",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Calls by outcome",
        description="A rejected call was not made: the breaker was open, and the caller did without.",
        queries=(Query(scope.rate(BREAKER_CALLS, labels=("breaker", "outcome")), "{{breaker}} {{outcome}}" + region),),
        unit=Unit.PER_SECOND,
        stacked=True,
        width=12,
        height=7,
        no_data=NO_BREAKERS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Failures in the breaker's window",
        description="As the worst process sees it; nothing while it has seen too few calls.",
        queries=(
            Query(f"{scope.by('breaker', operator='max')}({scope.of(BREAKER_FAILURE_RATE)})", "{{breaker}}" + region),
        ),
        unit=Unit.RATIO,
        highest=1,
        width=8,
        height=7,
        no_data="too few calls to judge",
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Slow calls",
        description="Above slow_call_seconds, whether they failed or not: what is slow today is gone tomorrow.",
        queries=(Query(scope.rate(BREAKER_SLOW_CALLS, labels=("breaker",)), "{{breaker}}" + region),),
        unit=Unit.PER_SECOND,
        width=8,
        height=7,
        no_data=NO_BREAKERS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Changes of state",
        description="By the state that was entered. Open, half open, open again: the dependency is not back.",
        queries=(Query(_rose(scope, BREAKER_TRANSITIONS, "breaker", "state"), "{{breaker}} {{state}}" + region),),
        decimals=0,
        width=8,
        height=7,
        no_data="no change yet",
    )


def _endpoints(scope: DashboardScope) -> Iterator[Panel]:
    seen = scope.seen_legend
    usable = scope.of(SELECTOR_ENDPOINTS, is_one_of("state", USABLE))
    out = scope.of(SELECTOR_ENDPOINTS, is_one_of("state", OUT + UNHEALTHY + "|drained"))
    yield Panel(
        kind=PanelKind.STAT,
        title="Endpoints to choose from",
        description="As the instance sees it that sees the fewest. With none left, calls fail or go to any.",
        queries=(Query(f"min by (selector) (sum by (selector, instance) ({usable}))", "{{selector}}"),),
        limits=(Limit(1, Color.ORANGE), Limit(2, Color.GREEN)),
        base=Color.RED,
        width=6,
        height=7,
        no_data=NO_SELECTORS,
        alerts=("NoHealthyEndpoint",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Endpoints that are out",
        description="Ejected by outlier detection, failed, unhealthy by their probe, or drained; counted over all processes.",
        queries=(
            Query(
                f"{scope.by('selector', 'state')}({out})",
                "{{selector}} {{state}}" + seen,
            ),
        ),
        width=9,
        height=7,
        no_data=NO_SELECTORS,
        alerts=("EndpointEjected",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Picks: where calls go",
        description="Each try is a pick: what rises here without more requests is retried.",
        queries=(
            Query(scope.rate(SELECTOR_PICKS, labels=("selector", "endpoint")), "{{selector}} {{endpoint}}" + seen),
        ),
        unit=Unit.PER_SECOND,
        stacked=True,
        width=9,
        height=7,
        no_data=NO_SELECTORS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Ejections",
        description="By endpoint. One endpoint is that endpoint; all of them are the network, or us.",
        queries=(Query(_rose(scope, SELECTOR_EJECTIONS, "selector", "endpoint"), "{{selector}} {{endpoint}}" + seen),),
        decimals=0,
        width=12,
        height=6,
        no_data=NO_SELECTORS,
        alerts=("EndpointEjected",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Failovers and failbacks",
        description="Changes of the endpoint that active-passive selection uses.",
        queries=(Query(_rose(scope, SELECTOR_SWITCHES, "selector"), "{{selector}}" + seen),),
        decimals=0,
        width=12,
        height=6,
        no_data=NO_SELECTORS,
        alerts=("FailoverHappened",),
    )


def _health(scope: DashboardScope) -> Iterator[Panel]:
    region = scope.region_legend
    yield Panel(
        kind=PanelKind.STATES,
        title="Checks",
        description="The worst of all instances. A critical one that fails takes its instance out; the others only tell.",
        queries=(
            Query(
                f"{scope.by('check', 'critical', operator='min')}({scope.of(HEALTH_CHECK_HEALTHY)})",
                "{{check}} (critical: {{critical}})" + region,
            ),
        ),
        states=(State(0, "failing", Color.RED), State(1, "healthy", Color.GREEN)),
        width=12,
        height=7,
        no_data=NO_CHECKS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Runs that fail or time out",
        description="By check. A time-out is somebody who does not answer; a failure is an answer.",
        queries=(
            Query(
                scope.rate(HEALTH_CHECK_RUNS, 'outcome!="healthy"', labels=("check", "outcome")),
                "{{check}} {{outcome}}" + region,
            ),
        ),
        unit=Unit.PER_SECOND,
        width=12,
        height=7,
        no_data=NO_CHECKS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="How long checks take",
        description="The slowest instance. What nears its time-out fails next.",
        queries=(
            Query(f"{scope.by('check', operator='max')}({scope.of(HEALTH_CHECK_DURATION)})", "{{check}}" + region),
        ),
        unit=Unit.SECONDS,
        width=8,
        height=6,
        no_data=NO_CHECKS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Processes that drain",
        description="Asked to stop: by a release, by a smaller fleet, by somebody.",
        queries=(Query(f"{scope.by()}({scope.of(HEALTH_DRAINING)})", f"draining{region}"),),
        width=8,
        height=6,
        no_data=NO_CHECKS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Faults injected on purpose",
        description="Somebody tries something. If nobody should: switch it off, then ask who.",
        queries=(Query(scope.rate(FAULTS_INJECTED, labels=("fault", "kind")), "{{fault}} {{kind}}" + region),),
        unit=Unit.PER_SECOND,
        stacked=True,
        width=8,
        height=6,
        no_data="nobody injects faults",
    )


def _rose(scope: DashboardScope, metric: MetricSpec, *labels: str) -> str:
    """By how much a counter of rare things rose."""
    return f"{scope.by(*labels)}(increase({scope.of(metric)}[{RATE_INTERVAL}]))"
