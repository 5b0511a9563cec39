"""A release while it happens: the canary beside the stable pods, and what Argo Rollouts makes of it. Pure."""

from collections.abc import Iterator
from typing import Final

from pulumi_seawall._argo_rollouts import ENDED, NAME, PHASE, POD_HASH, ROLLOUT_INFO
from pulumi_seawall._dashboard_model import Color, Dashboard, Limit, Panel, PanelKind, Query, Row, State, Unit
from pulumi_seawall._dashboard_scope import ANALYSIS_INFO, ROLLOUT_REPLICAS, WITH_HASH, DashboardScope
from pulumi_seawall._promql import by, count_of, quoted, series
from pulumi_seawall._service_alerts import P95, UP
from pulumi_seawall._slo_rules import REMAINING
from seawall.contract import HTTP_REQUEST_DURATION

KEY: Final = "release"
NOT_SCRAPED: Final = "Argo's controller is not scraped"
NO_HASH: Final = f"no pod is scraped with {POD_HASH}"
PHASES: Final = (
    State(0, "Completed", Color.GREEN),
    State(1, "Progressing", Color.BLUE),
    State(2, "Paused", Color.ORANGE),
    *(State(3 + place, name, Color.RED) for place, name in enumerate(ENDED)),
)
"""Of a Rollout, as the controller's metric calls them."""
VERDICTS: Final = (
    State(0, "Successful", Color.GREEN),
    State(1, "Running", Color.BLUE),
    State(2, "Inconclusive", Color.ORANGE),
    State(3, "Failed", Color.RED),
    State(4, "Error", Color.RED),
)
"""Of an analysis, as Argo calls them."""
REPLICAS: Final = ("desired", "updated", "available", "unavailable")


def release_dashboard(scope: DashboardScope) -> Dashboard:
    """Canary beside stable comes before what the controller thinks."""
    return Dashboard(
        KEY,
        "Release",
        "Whether the new release is worse than the one before it, and whether to abort.",
        (
            Row("Where the release is", tuple(_now(scope))),
            Row("Canary beside stable", tuple(_beside(scope))),
            Row("What Argo Rollouts makes of it", tuple(_controller(scope))),
        ),
    )


def _phase(scope: DashboardScope, name: str, which: str, states: tuple[State, ...], *labels: str) -> str:
    """The only series says the phase; as its number."""
    phases = (
        f"{state.value} * {series(name, which, *scope.in_regions, f'{PHASE}={quoted(state.text)}')}" for state in states
    )
    return f"{by((*labels, *scope.regions), 'max')}({' or '.join(phases)})"


def _now(scope: DashboardScope) -> Iterator[Panel]:
    name = f"{NAME}={quoted(scope.rollout)}"
    yield Panel(
        kind=PanelKind.STAT,
        title="Rollout",
        description=f"Phase of {scope.rollout}, the worst of the chosen regions.",
        queries=(Query(f"max({_phase(scope, ROLLOUT_INFO, name, PHASES)})", "phase"),),
        states=PHASES,
        width=6,
        height=4,
        no_data=NOT_SCRAPED,
        alerts=("CanaryAborted", "CanaryUnwatched"),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Releases that serve",
        description="Pod-template hashes with at least one instance that is up. Two while a canary runs.",
        queries=(Query(f"count(count by ({POD_HASH}) ({scope.of(UP, WITH_HASH)} == 1))", "releases"),),
        limits=(Limit(2, Color.ORANGE),),
        width=6,
        height=4,
        no_data=NO_HASH,
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Worst failing share of a release",
        description="A canary at 10 % of the traffic hides in the total: this one looks at each release alone.",
        queries=(Query(f"max({scope.error_ratio(by((POD_HASH,)), WITH_HASH)})", "failed"),),
        unit=Unit.RATIO,
        limits=scope.error_limits,
        width=6,
        height=4,
        no_data=NO_HASH,
        alerts=("HighErrorRate",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Error budget left to release with",
        description="The least of all objectives. Below 0 a release waits.",
        queries=(Query(f"min({scope.recorded(REMAINING)})", "budget"),),
        unit=Unit.RATIO,
        limits=(Limit(0, Color.GREEN),),
        base=Color.RED,
        lowest=None,
        decimals=0,
        width=6,
        height=4,
        no_data="no rules loaded",
        alerts=("ErrorBudgetGone",),
    )


def _beside(scope: DashboardScope) -> Iterator[Panel]:
    region, legend = scope.region_legend, f"{{{{{POD_HASH}}}}}{scope.region_legend}"
    requests = count_of(HTTP_REQUEST_DURATION)
    yield Panel(
        kind=PanelKind.SERIES,
        title="Requests per second by release",
        description="The canary's share of the traffic, as it really is.",
        queries=(Query(scope.rate(requests, WITH_HASH, labels=(POD_HASH,)), legend),),
        unit=Unit.REQUESTS_PER_SECOND,
        stacked=True,
        width=12,
        height=8,
        no_data=NO_HASH,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Requests that fail by release",
        description="Lines: the objective, and where HighErrorRate fires. Few requests make a jagged line: look at both.",
        queries=(Query(scope.error_ratio(scope.by(POD_HASH), WITH_HASH), legend),),
        unit=Unit.RATIO,
        limits=scope.error_limits,
        width=12,
        height=8,
        no_data=NO_HASH,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="95 % are answered within, by release",
        description="Lines: the objective, and where HighLatency fires.",
        queries=(Query(scope.latency(P95, POD_HASH, *scope.regions, conditions=(WITH_HASH,)), legend),),
        unit=Unit.SECONDS,
        limits=scope.latency_limits,
        width=12,
        height=8,
        no_data=NO_HASH,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Instances by release",
        description="Those that answer their scrape.",
        queries=(Query(f"{scope.by(POD_HASH)}({scope.of(UP, WITH_HASH)})", f"{{{{{POD_HASH}}}}}{region}"),),
        stacked=True,
        width=12,
        height=8,
        no_data=NO_HASH,
    )


def _controller(scope: DashboardScope) -> Iterator[Panel]:
    region, name = scope.region_legend, f"{NAME}={quoted(scope.rollout)}"
    yield Panel(
        kind=PanelKind.STATES,
        title="Phase",
        description="Paused: the pause between two steps, or somebody has to decide. Abort: the release before it serves.",
        queries=(Query(_phase(scope, ROLLOUT_INFO, name, PHASES), f"{scope.rollout}{region}"),),
        states=PHASES,
        width=8,
        height=7,
        no_data=NOT_SCRAPED,
    )
    yield Panel(
        kind=PanelKind.STATES,
        title="Analyses",
        description="Each judges one step or the whole release. Inconclusive: there was too little to judge by.",
        queries=(
            Query(_phase(scope, ANALYSIS_INFO, f"{NAME}=~{quoted(scope.rollout + '-.+')}", VERDICTS, NAME), "{{name}}"),
        ),
        states=VERDICTS,
        width=8,
        height=7,
        no_data="no analysis, or " + NOT_SCRAPED,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Pods",
        description="As the controller counts them.",
        queries=tuple(
            Query(f"{scope.by()}({series(f'{ROLLOUT_REPLICAS}{what}', name, *scope.in_regions)})", f"{what}{region}")
            for what in REPLICAS
        ),
        width=8,
        height=7,
        no_data=NOT_SCRAPED,
    )
