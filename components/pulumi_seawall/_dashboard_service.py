"""The first dashboard to open: whether clients are hurt, whose fault it is, since when. Pure."""

from collections.abc import Iterator
from typing import Final

from pulumi_seawall._argo_rollouts import ENDED, PHASE, POD_HASH
from pulumi_seawall._dashboard_model import Color, Column, Dashboard, Limit, Panel, PanelKind, Query, Row, State, Unit
from pulumi_seawall._dashboard_resilience import UNHEALTHY
from pulumi_seawall._dashboard_scope import ALERTS, ALERTS_SINCE, FIRING, WITH_HASH, DashboardScope, is_one_of
from pulumi_seawall._promql import bucket_of, count_of, duration, literal
from pulumi_seawall._service_alerts import ERROR_RATE_SECONDS, LATENCY_SECONDS, NOT_CLOSED, OUT, P95, UNFIT, UP
from pulumi_seawall._slo_rules import BURN_ALERTS, FAILED, RATIO, REMAINING
from seawall.contract import (
    BREAKER_STATE,
    HEALTH_CHECK_HEALTHY,
    HTTP_ACTIVE_REQUESTS,
    HTTP_REQUEST_DURATION,
    REPLICA_LAG,
    REPLICA_STATE,
    SELECTOR_ENDPOINTS,
    prometheus_label,
)
from seawall.slo import AlertSeverity, Slo

KEY: Final = "service"
ROUTE: Final = prometheus_label("http.route")
ERROR_TYPE: Final = prometheus_label("error.type")
MEDIAN, P99 = 0.5, 0.99
ALERT_LABELS: Final = "level, alertname, region, slo"
"""By which alerts are counted and listed: not by each instance and endpoint."""
LOW_BUDGET: Final = 0.25
"""Share of the error budget below which the dashboard says so: about what one fast burn of an afternoon takes."""
SIGNS: Final = (State(0, "no sign", Color.GREEN), State(1, "look here", Color.RED))
BUDGET_LIMITS: Final = (Limit(0, Color.ORANGE), Limit(LOW_BUDGET, Color.GREEN))
NO_REQUESTS: Final = "no requests"
NO_RULES: Final = "no rules loaded"


def service_dashboard(scope: DashboardScope) -> Dashboard:
    """Symptoms, then causes, then details."""
    return Dashboard(
        KEY,
        "Service",
        "Whether clients are hurt, whose fault it is, and since when. Open this one first.",
        (
            Row("Are clients hurt?", tuple(_symptoms(scope))),
            Row("Is it us, a dependency, the database or the release?", tuple(_causes(scope))),
            Row("What fires, and what to do about it", (_firing(scope),)),
            Row("Requests", tuple(_requests(scope))),
            Row("Service-level objectives", (_budget(scope), *(_burn(scope, slo) for slo in scope.slos))),
            Row("Where", tuple(_where(scope))),
        ),
    )


def _symptoms(scope: DashboardScope) -> Iterator[Panel]:
    errors, latency = scope.error_limits, scope.latency_limits
    yield Panel(
        kind=PanelKind.STAT,
        title="Requests that fail",
        description=f"Answers of 5xx and exceptions, over {scope.window(ERROR_RATE_SECONDS)}. Orange above the objective, "
        f"{literal(scope.objectives.error_rate)}; red where HighErrorRate fires, {literal(scope.limits.error_ratio)}.",
        queries=(Query(scope.error_ratio("sum"), "failed"),),
        unit=Unit.RATIO,
        limits=errors,
        width=5,
        height=4,
        no_data=NO_REQUESTS,
        alerts=("HighErrorRate",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="95 % are answered within",
        description=f"Over {scope.window(LATENCY_SECONDS)}. Orange above the objective, {literal(scope.objectives.latency_p95_seconds)} s; "
        f"red where HighLatency fires, {literal(scope.limits.latency_p95_seconds)} s.",
        queries=(Query(scope.latency(P95), "p95"),),
        unit=Unit.SECONDS,
        limits=latency,
        width=5,
        height=4,
        no_data=NO_REQUESTS,
        alerts=("HighLatency",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Requests per second",
        description="No color: no number is wrong by itself. Compare it with the same hour of yesterday.",
        queries=(
            Query(
                f"sum(rate({scope.of(count_of(HTTP_REQUEST_DURATION))}[{scope.window(ERROR_RATE_SECONDS)}]))",
                "requests",
            ),
        ),
        unit=Unit.REQUESTS_PER_SECOND,
        base=Color.PLAIN,
        width=4,
        height=4,
        no_data=NO_REQUESTS,
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Error budget left",
        description="Of the period, the worst of the chosen regions. Below 0 more has failed than was promised: releases wait.",
        queries=tuple(Query(f"min({scope.recorded(REMAINING, _slo_is(slo))})", slo.name) for slo in scope.slos),
        unit=Unit.RATIO,
        limits=BUDGET_LIMITS,
        base=Color.RED,
        lowest=None,
        decimals=0,
        width=6,
        height=4,
        no_data=NO_RULES,
        alerts=("ErrorBudgetGone",),
    )
    firing = scope.alerts(ALERTS, FIRING)
    beating = firing.replace('alertname!="Watchdog"', 'alertname="Watchdog"')
    yield Panel(
        kind=PanelKind.STAT,
        title="Alerts that fire",
        description="0 only while the Watchdog beats: without it nobody knows, and nothing is shown.",
        queries=(Query(f"count(count by ({ALERT_LABELS}) ({firing})) or 0 * count({beating})", "alerts"),),
        limits=(Limit(1, Color.RED),),
        width=4,
        height=4,
        no_data=NO_RULES,
        alerts=("Watchdog",),
    )


def _causes(scope: DashboardScope) -> Iterator[Panel]:
    """Each is the worst of what speaks for a cause; nothing where nothing that could speak for it is exported."""
    unready = scope.of(HEALTH_CHECK_HEALTHY, 'critical="true"')
    yield _cause(
        "Us",
        "An instance does not answer its scrape, or says that it is not ready.",
        (f"1 - {scope.of(UP)}", f"absent({scope.of(UP)})", f"1 - {unready}"),
        opens="resilience",
        alerts=("ServiceDown",),
    )
    yield _cause(
        "A dependency",
        "A breaker is not closed, an endpoint is out, or no endpoint is left.",
        (
            scope.of(BREAKER_STATE, is_one_of("state", NOT_CLOSED)) + " > bool 0",
            scope.of(SELECTOR_ENDPOINTS, is_one_of("state", OUT + UNHEALTHY)) + " > bool 0",
        ),
        opens="resilience",
        alerts=("BreakerOpen", "EndpointEjected", "NoHealthyEndpoint"),
    )
    state = scope.of(REPLICA_STATE, 'state="writer"')
    writers = scope.by("router", "instance")
    yield _cause(
        "The database",
        "No writer or two, a replica that is unfit, or one that is further behind than may be lost.",
        (
            f"{writers}({state}) == bool 0",
            scope.of(REPLICA_STATE, is_one_of("state", UNFIT + "|stray")) + " > bool 0",
            f"{scope.of(REPLICA_LAG)} > bool {literal(scope.limits.replica_lag_seconds)}",
        ),
        opens="data",
        alerts=("NoWriter", "TwoWriters", "ReplicaUnfit", "ReplicaLag"),
    )
    versions = f"count(count by ({POD_HASH}) ({scope.of(UP, WITH_HASH)}))"
    yield _cause(
        "The release",
        "The Rollout goes on or has failed, or pods of two releases serve. Compare canary and stable before anything else.",
        (
            f"2 * {scope.rollouts(is_one_of(PHASE, '|'.join(ENDED)))}",
            scope.rollouts(is_one_of(PHASE, "Progressing|Paused")),
            f"0 * {scope.rollouts(is_one_of(PHASE, 'Completed'))}",
            f"{versions} > bool 1",
        ),
        opens="release",
        alerts=("CanaryAborted",),
        states=(SIGNS[0], State(1, "under way", Color.ORANGE), State(2, "failing", Color.RED)),
    )


def _cause(
    title: str,
    description: str,
    signs: tuple[str, ...],
    *,
    opens: str,
    alerts: tuple[str, ...] = (),
    states: tuple[State, ...] = SIGNS,
) -> Panel:
    return Panel(
        kind=PanelKind.STAT,
        title=title,
        description=description,
        queries=(Query(f"max({' or '.join(f'({sign})' for sign in signs)})", title),),
        states=states,
        width=6,
        height=4,
        no_data="not measured",
        opens=opens,
        alerts=alerts,
    )


def _firing(scope: DashboardScope) -> Panel:
    since = f"time() - {scope.alerts(ALERTS_SINCE)} and ignoring (alertstate) {scope.alerts(ALERTS, FIRING)}"
    return Panel(
        kind=PanelKind.TABLE,
        title="Alerts that fire",
        description="The worst first. An alert's name leads to its runbook.",
        queries=(Query(f"max by ({ALERT_LABELS}) ({since})", "for"),),
        unit=Unit.SECONDS,
        base=Color.PLAIN,
        width=24,
        height=8,
        no_data="nothing fires",
        columns={
            "level": Column(title="level"),
            "alertname": Column(title="alert", url=scope.runbook("{value}")),
            "region": Column(title="region"),
            "slo": Column(title="objective"),
            "Value": Column(title="for", unit=Unit.SECONDS),
        },
        alerts=("SloWithoutData",),
    )


def _requests(scope: DashboardScope) -> Iterator[Panel]:
    region = scope.region_legend
    yield Panel(
        kind=PanelKind.SERIES,
        title="Requests per second",
        description="By region where the data source has several.",
        queries=(Query(scope.rate(count_of(HTTP_REQUEST_DURATION)), f"requests{region}"),),
        unit=Unit.REQUESTS_PER_SECOND,
        stacked=True,
        width=8,
        height=8,
        no_data=NO_REQUESTS,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Requests that fail",
        description="Lines: the objective, and where HighErrorRate fires.",
        queries=(Query(scope.error_ratio(scope.by()), f"failed{region}"),),
        unit=Unit.RATIO,
        limits=scope.error_limits,
        width=8,
        height=8,
        no_data=NO_REQUESTS,
        alerts=("HighErrorRate",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Time to answer",
        description="Percentiles between two buckets are estimates. Lines: the objective for p95, and where HighLatency fires.",
        queries=tuple(
            Query(scope.latency(share, *scope.regions), f"p{share * 100:.0f}{region}") for share in (MEDIAN, P95, P99)
        ),
        unit=Unit.SECONDS,
        limits=scope.latency_limits,
        width=8,
        height=8,
        no_data=NO_REQUESTS,
        alerts=("HighLatency",),
    )


def _budget(scope: DashboardScope) -> Panel:
    return Panel(
        kind=PanelKind.SERIES,
        title="Error budget left",
        description="What is left of the period's. Below 0 the promise is broken.",
        queries=tuple(
            Query(f"min by (region) ({scope.recorded(REMAINING, _slo_is(slo))})", f"{slo.name} {{{{region}}}}")
            for slo in scope.slos
        ),
        unit=Unit.RATIO,
        limits=BUDGET_LIMITS,
        base=Color.RED,
        lowest=None,
        highest=1,
        width=8,
        height=8,
        no_data=NO_RULES,
        alerts=("ErrorBudgetGone",),
    )


def _burn(scope: DashboardScope, slo: Slo) -> Panel:
    """Each window that an alert looks at, and the rates at which they do."""
    windows = sorted({seconds for each in slo.windows for seconds in (each.short_seconds, each.long_seconds)})
    rates = sorted({each.burn_rate: each.severity for each in slo.windows}.items())
    firing = ", ".join(f"{literal(each.burn_rate)} over {duration(each.long_seconds)}" for each in slo.windows)
    budget = literal(slo.budget_ratio)
    return Panel(
        kind=PanelKind.SERIES,
        title=f"Burn rate: {slo.name}",
        description=f"How many times faster than the period allows the budget is spent, by window. Alerts: above {firing}.",
        queries=tuple(
            Query(f"max({scope.recorded(f'{RATIO}{duration(seconds)}', _slo_is(slo))}) / {budget}", duration(seconds))
            for seconds in windows
        ),
        limits=tuple(
            Limit(rate, Color.RED if severity is AlertSeverity.PAGE else Color.ORANGE) for rate, severity in rates
        ),
        width=8,
        height=8,
        no_data=NO_RULES,
        alerts=tuple(BURN_ALERTS.values()),
    )


def _where(scope: DashboardScope) -> Iterator[Panel]:
    window, name = scope.window(LATENCY_SECONDS), count_of(HTTP_REQUEST_DURATION)
    total = f"sum by ({ROUTE}) (rate({scope.of(name)}[{window}]))"
    failed = f"sum by ({ROUTE}) (rate({scope.of(name, FAILED)}[{window}]))"
    slow = f"histogram_quantile({P95}, sum by (le, {ROUTE}) (rate({scope.of(bucket_of(HTTP_REQUEST_DURATION))}[{window}])))"
    yield Panel(
        kind=PanelKind.TABLE,
        title="Routes",
        description=f"Over {window}. One bad route is a bug or its dependency; all of them are the machine, the database or the network.",
        queries=(
            Query(total, "requests"),
            Query(f"({failed} or 0 * {total}) / ({total} > 0)", "failed"),
            Query(slow, "p95"),
        ),
        width=12,
        height=8,
        no_data=NO_REQUESTS,
        columns={
            ROUTE: Column(title="route"),
            "Value #A": Column(title="requests", unit=Unit.REQUESTS_PER_SECOND),
            "Value #B": Column(title="failed", unit=Unit.RATIO, limits=scope.error_limits),
            "Value #C": Column(title="p95", unit=Unit.SECONDS, limits=scope.latency_limits),
        },
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Failures by kind",
        description="The exception's class where one left the app, else the status.",
        queries=(Query(scope.rate(name, FAILED, labels=(ERROR_TYPE,)), f"{{{{{ERROR_TYPE}}}}}{scope.region_legend}"),),
        unit=Unit.REQUESTS_PER_SECOND,
        stacked=True,
        width=12,
        height=8,
        no_data="nothing has failed",
    )
    yield Panel(
        kind=PanelKind.STATES,
        title="Instances",
        description="Whether each answered its scrape.",
        queries=(Query(scope.of(UP), "{{instance}}" + scope.region_legend),),
        states=(State(0, "down", Color.RED), State(1, "up", Color.GREEN)),
        width=12,
        height=8,
        no_data="nothing is scraped",
        alerts=("ServiceDown",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Requests in flight",
        description="What rises here and falls in requests per second hangs.",
        queries=(
            Query(f"{scope.by('instance')}({scope.of(HTTP_ACTIVE_REQUESTS)})", "{{instance}}" + scope.region_legend),
        ),
        stacked=True,
        width=12,
        height=8,
        no_data=NO_REQUESTS,
    )


def _slo_is(slo: Slo) -> str:
    return f'slo="{slo.name}"'
