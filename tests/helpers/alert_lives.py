"""What each alert must do: fire when it should, and be silent when it should not, without data and without traffic.

A case is a life of series, a sample every `SCRAPE` seconds, and whether the alert fires at the end of it. promtool runs
them all against the generated rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pulumi_seawall._release_alerts import backup_rules, release_rules
from pulumi_seawall._rule_groups import RuleGroup
from pulumi_seawall._service_alerts import service_rules
from rule_samples import (
    BACKUP,
    LIMITS,
    ROLLOUT,
    SCRAPE,
    availability_rules,
    latency_rules,
    scope,
)
from seawall.slo import STANDARD_ALERTS, AlertSeverity, BudgetAlert, NoData

HOUR: Final = 3600.0
MINUTES: Final = 60 // SCRAPE
"""Samples in one."""
UP: Final = 'up{job="shop",instance="a"}'
SECOND: Final = 'up{job="shop",instance="b"}'


@dataclass(frozen=True, kw_only=True)
class Case:
    """One life, and how it ends."""

    alert: str
    life: str
    """What happens, in words."""
    series: Mapping[str, str]
    fires: int
    """How many alerts of the name fire at the end; 0 for silence."""
    samples: int
    """How long it is."""
    rules: RuleGroup = field(default_factory=lambda: service_rules(scope(), LIMITS))


def gauges(metric: str, labels: str, *lives: tuple[str, str]) -> dict[str, str]:
    """Series of one metric in states."""
    return {f'{metric}{{job="shop",instance="a",{labels},state="{state}"}}': life for state, life in lives}


BUDGET = availability_rules(period_seconds=6 * HOUR, alerts=(BudgetAlert(0.5, HOUR, AlertSeverity.PAGE),))
"""A period short enough to live through: half of the budget in an hour."""
SLOW = availability_rules(period_seconds=6 * HOUR, alerts=(BudgetAlert(0.5, 3 * HOUR, AlertSeverity.TICKET),))
"""The same for a ticket, over a window that is averaged from what was recorded."""
PAGES = STANDARD_ALERTS[:2]
FAST = availability_rules(alerts=PAGES)
"""The standard pages, without the tickets: they take promtool a third of the time."""
ROUTES = availability_rules(("http_route",), name="routes", alerts=PAGES)
PAUSING = availability_rules(no_data=NoData.PAUSE, alerts=PAGES)
PASSING = availability_rules(no_data=NoData.PASS, alerts=PAGES)
LATENCY = latency_rules(alerts=PAGES)

TEN, HALF_HOUR, TWO_HOURS, THREE_HOURS = 10 * MINUTES, 30 * MINUTES, 120 * MINUTES, 180 * MINUTES

BREAKER, ENDPOINTS, STATE = "seawall_circuit_breaker_state", "seawall_selector_endpoints", "seawall_replicas_state"
PAY, TO, DB = 'breaker="pay"', 'selector="stock"', 'router="db"'
PRIMARY, OTHER = f'{DB},server="eu"', f'{DB},server="us"'
LAG = 'seawall_replicas_lag_seconds{job="shop",instance="a",router="db",server="us"}'
LOST = 'seawall_replicas_lost_writes_total{job="shop",instance="a",router="db"}'
CHANGES = 'seawall_replicas_role_changes_total{job="shop",instance="a",router="db"}'
SWITCHES = 'seawall_selector_switches_total{job="shop",instance="a",selector="stock"}'

RELEASES, BACKUPS = release_rules(scope(), [ROLLOUT]), backup_rules(scope(), [BACKUP])
NEWEST = 'seawall_backup_newest_timestamp_seconds{job="node",instance="n",source="db:shop",kind="recovery_point"}'


def rollout(phase: str, *, namespace: str = 'namespace="shop"', name: str = "shop", pod: str = "p") -> str:
    """A series of Argo's controller, as a scrape with `honorLabels` has it unless told otherwise."""
    labels = f'job="argo",pod="{pod}",{namespace},name="{name}",strategy="canary",traffic_router="ALB",phase="{phase}"'
    return f"rollout_info{{{labels}}}"


RENAMED = 'namespace="argo-rollouts",exported_namespace="shop"'
"""The same of a scrape without it: the metric's own namespace has another name."""
