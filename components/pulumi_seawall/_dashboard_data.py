"""The database as the service sees it: who writes, how far behind the others are, where reads go, what was lost. Pure."""

from collections.abc import Iterator
from typing import Final

from pulumi_seawall._dashboard_model import Color, Dashboard, Limit, Panel, PanelKind, Query, Row, State, Unit
from pulumi_seawall._dashboard_resilience import coded
from pulumi_seawall._dashboard_scope import RATE_INTERVAL, DashboardScope, is_one_of
from pulumi_seawall._promql import duration, literal, series
from pulumi_seawall._service_alerts import LOST_SECONDS, TAKES_WRITES, UNFIT
from seawall.contract import (
    BACKUP_NEWEST,
    REPLICA_CHOICES,
    REPLICA_LAG,
    REPLICA_LAG_SIZE,
    REPLICA_LOST_WRITES,
    REPLICA_REFUSALS,
    REPLICA_ROLE_CHANGES,
    REPLICA_STATE,
    REPLICA_WAITS,
)

KEY: Final = "data"
NO_ROUTER: Final = "no database is watched"
FALLBACKS: Final = "behind|no_reader"
"""Reasons for which the writer is read although a replica would do."""
SERVER_STATES: Final = (
    (State(0, "fresh", Color.GREEN), "fresh"),
    (State(1, "writer", Color.BLUE), "writer"),
    (State(2, "lagging", Color.ORANGE), "lagging"),
    (State(3, "unknown", Color.ORANGE), "unknown"),
    (State(4, "diverged", Color.RED), "diverged"),
    (State(5, "foreign", Color.RED), "foreign"),
    (State(6, "stray writer", Color.RED), "stray"),
)
"""Ordered by how bad they are: of several processes the worst is shown."""


def data_dashboard(scope: DashboardScope) -> Dashboard:
    """Whether writes are safe comes before where reads go."""
    return Dashboard(
        KEY,
        "Data",
        "Who takes writes, how much a failover would lose, where reads go, and what has been lost.",
        (
            Row("Is the data safe?", tuple(_safety(scope))),
            Row("Servers", tuple(_servers(scope))),
            Row("Reads by place", tuple(_reads(scope))),
            Row("What has happened", tuple(_history(scope))),
        ),
    )


def _safety(scope: DashboardScope) -> Iterator[Panel]:
    lag = scope.limits.replica_lag_seconds
    writes = scope.of(REPLICA_STATE, is_one_of("state", TAKES_WRITES))
    unfit = scope.of(REPLICA_STATE, is_one_of("state", UNFIT))
    yield Panel(
        kind=PanelKind.STAT,
        title="Servers that take writes",
        description="One is right. None: nothing is kept. Two: what goes to the wrong one is lost.",
        queries=(Query(f"sum by (router) (max by (router, server) ({writes} > bool 0))", "{{router}}"),),
        limits=(Limit(1, Color.GREEN), Limit(2, Color.RED)),
        base=Color.RED,
        width=5,
        height=4,
        no_data=NO_ROUTER,
        alerts=("NoWriter", "TwoWriters"),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Furthest behind",
        description=f"What a failover now would lose. Red where ReplicaLag fires, {literal(lag)} s.",
        queries=(Query(f"max by (router) ({scope.of(REPLICA_LAG)})", "{{router}}"),),
        unit=Unit.SECONDS,
        limits=(Limit(lag, Color.RED),),
        width=5,
        height=4,
        no_data="nobody knows",
        alerts=("ReplicaLag",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Replicas that are unfit",
        description="Unknown, of another history, or another database altogether.",
        queries=(Query(f"sum by (router) (max by (router, server) ({unfit} > bool 0))", "{{router}}"),),
        limits=(Limit(1, Color.RED),),
        width=5,
        height=4,
        no_data=NO_ROUTER,
        alerts=("ReplicaUnfit",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title=f"Lost writes in {duration(LOST_SECONDS)}",
        description="Sessions that were told that a promotion lost, or may have lost, what they wrote.",
        queries=(
            Query(
                f"sum by (router) (increase({scope.of(REPLICA_LOST_WRITES)}[{duration(LOST_SECONDS)}]))", "{{router}}"
            ),
        ),
        limits=(Limit(1, Color.RED),),
        decimals=0,
        width=5,
        height=4,
        no_data=NO_ROUTER,
        alerts=("LostWrites",),
    )
    yield Panel(
        kind=PanelKind.STAT,
        title="Refused per second",
        description="Reads and writes that had nowhere to go.",
        queries=(Query(f"sum by (router) (rate({scope.of(REPLICA_REFUSALS)}[{RATE_INTERVAL}]))", "{{router}}"),),
        unit=Unit.PER_SECOND,
        limits=(Limit(0.001, Color.RED),),  # any at all: one in a quarter of an hour
        width=4,
        height=4,
        no_data=NO_ROUTER,
    )


def _servers(scope: DashboardScope) -> Iterator[Panel]:
    seen, limit = scope.seen_legend, scope.limits.replica_lag_seconds
    yield Panel(
        kind=PanelKind.STATES,
        title="Servers",
        description="The worst that any process sees. A stray writer takes writes that nobody else sees.",
        queries=(
            Query(coded(scope, REPLICA_STATE, SERVER_STATES, "router", "server"), "{{router}} {{server}}" + seen),
        ),
        states=tuple(state for state, _ in SERVER_STATES),
        width=12,
        height=8,
        no_data=NO_ROUTER,
        alerts=("ReplicaUnfit", "NoWriter", "TwoWriters"),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="How far behind, in time",
        description=f"Line: where ReplicaLag fires, {literal(limit)} s. No line means that nobody knows.",
        queries=(Query(f"{scope.by('server', operator='max')}({scope.of(REPLICA_LAG)})", "{{server}}" + seen),),
        unit=Unit.SECONDS,
        limits=(Limit(limit, Color.RED),),
        width=6,
        height=8,
        no_data="nobody knows",
        alerts=("ReplicaLag",),
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="How far behind, in bytes",
        description="Log that is not replayed. Bytes that grow while time does not: more is written than can be replayed.",
        queries=(Query(f"{scope.by('server', operator='max')}({scope.of(REPLICA_LAG_SIZE)})", "{{server}}" + seen),),
        unit=Unit.BYTES,
        width=6,
        height=8,
        no_data="nobody knows",
        alerts=("ReplicaLag",),
    )


def _reads(scope: DashboardScope) -> Iterator[Panel]:
    region, seen = scope.region_legend, scope.seen_legend
    fallbacks = scope.rate(REPLICA_CHOICES, is_one_of("reason", FALLBACKS))
    yield Panel(
        kind=PanelKind.SERIES,
        title="Units of work by server",
        description="Where transactions go. A server that gets nothing is out, or nobody is near it.",
        queries=(Query(scope.rate(REPLICA_CHOICES, labels=("server",)), "{{server}}" + seen),),
        unit=Unit.PER_SECOND,
        stacked=True,
        width=8,
        height=8,
        no_data=NO_ROUTER,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Units of work by reason",
        description="Why each went where it went.",
        queries=(Query(scope.rate(REPLICA_CHOICES, labels=("reason",)), "{{reason}}" + region),),
        unit=Unit.PER_SECOND,
        stacked=True,
        width=8,
        height=8,
        no_data=NO_ROUTER,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Reads that fell back to the writer",
        description="Share of all units of work. Replicas that are behind or gone load the writer: it is next.",
        queries=(
            Query(
                f"({fallbacks} or 0 * {scope.rate(REPLICA_CHOICES)}) / ({scope.rate(REPLICA_CHOICES)} > 0)",
                f"fell back{region}",
            ),
        ),
        unit=Unit.RATIO,
        highest=1,
        width=8,
        height=8,
        no_data="no work",
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Reads that waited for what their session wrote",
        description="In vain: the replica did not have it in time, and the writer was read.",
        queries=(Query(scope.rate(REPLICA_WAITS, labels=("outcome",)), "{{outcome}}" + region),),
        unit=Unit.PER_SECOND,
        width=12,
        height=7,
        no_data=NO_ROUTER,
    )
    yield Panel(
        kind=PanelKind.SERIES,
        title="Refused",
        description="Reads and writes that had nowhere to go.",
        queries=(Query(scope.rate(REPLICA_REFUSALS, labels=("kind",)), "{{kind}}" + region),),
        unit=Unit.PER_SECOND,
        width=12,
        height=7,
        no_data=NO_ROUTER,
        alerts=("NoWriter",),
    )


def _history(scope: DashboardScope) -> Iterator[Panel]:
    seen = scope.seen_legend
    for metric, title, description, alert in (
        (REPLICA_ROLE_CHANGES, "Changes of the writer", "Each process follows a failover once.", "FailoverHappened"),
        (REPLICA_LOST_WRITES, "Lost writes", "Sessions that were told that their write may be gone.", "LostWrites"),
    ):
        yield Panel(
            kind=PanelKind.SERIES,
            title=title,
            description=description,
            queries=(
                Query(f"{scope.by('router')}(increase({scope.of(metric)}[{RATE_INTERVAL}]))", "{{router}}" + seen),
            ),
            decimals=0,
            width=8,
            height=6,
            no_data=NO_ROUTER,
            alerts=(alert,),
        )
    newest = series(BACKUP_NEWEST.prometheus, *scope.in_regions)
    yield Panel(
        kind=PanelKind.SERIES,
        title="Age of the newest backup",
        description="Of each source that `seawall backups` writes: what a restore would lose. It only falls when one is made.",
        queries=(
            Query(f"time() - {scope.by('source', 'kind', operator='max')}({newest})", "{{source}} {{kind}}" + seen),
        ),
        unit=Unit.SECONDS,
        width=8,
        height=6,
        no_data="nobody writes how old backups are",
        alerts=("BackupMissing",),
    )
