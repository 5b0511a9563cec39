"""What people look at: dashboards of the service in every cluster's Grafana, over the same names and numbers as the rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import Dashboards, DashboardsArgs, DashboardsPlan, plan_dashboards
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.monitoring import WHOLE_NAMES, monitoring_args
from stacks.monitoring_settings import DashboardSettings, MonitoringSettings
from stacks.workload import Workload

SHARED: Final = ("error_ratio", "latency_p95_seconds", "replica_lag_seconds")
"""Numbers that stand in the file once, with the alerts."""


@dataclass(frozen=True)
class Shown:
    """What was declared."""

    component: Dashboards
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `dashboards` against what was rendered."""


def plan_shown(environment: Environment) -> DashboardsPlan | None:
    """Check the dashboards and make them; registers nothing. None where none are asked for.

    Raises:
        InvalidInput: A value is not allowed.
    """
    settings = environment.monitoring
    if settings is None or settings.dashboards is None:
        return None
    with named_as(_in_the_file):
        return plan_dashboards(_args(environment, settings, settings.dashboards))


def declare_shown(
    environment: Environment, plan: DashboardsPlan | None, workload: Workload, options: pulumi.ResourceOptions
) -> Shown | None:
    """Declare the dashboards in every cluster. None where none are asked for.

    Args:
        environment: The environment.
        plan: From `plan_shown`.
        workload: Whose Kubernetes providers are used: one for each cluster is enough.
        options: For every resource.
    """
    settings = environment.monitoring
    if plan is None or settings is None or settings.dashboards is None:
        return None
    args = _args(environment, settings, settings.dashboards)
    component = Dashboards(f"{environment.label}-dashboards", args, options, providers=workload.component.providers)
    return Shown(component, {"dashboards": list(_claims(plan))})


def _claims(plan: DashboardsPlan) -> Iterator[dict[str, Any]]:
    """Each ConfigMap: where it is, what the sidecar finds it by, and the dashboard in it."""
    for region in plan.monitoring.clusters:
        for dashboard in plan.dashboards:
            yield {
                "region": region,
                "namespace": plan.namespace_in(region),
                "name": plan.config_map(dashboard.key),
                "labels": dict(plan.labels),
                "uid": plan.uids[dashboard.key],
                "panels": [panel.title for panel in dashboard.panels],
            }


def _args(environment: Environment, settings: MonitoringSettings, shown: DashboardSettings) -> DashboardsArgs:
    limits = settings.alerts.given()
    return cast(
        DashboardsArgs,
        {
            **shown.given(),
            **{name: limits[name] for name in SHARED if name in limits},
            **({"period_seconds": settings.slo.period_seconds} if settings.slo.period_seconds else {}),
            "monitoring": monitoring_args(environment, settings),
            "objectives": environment.objectives.arguments(),
            "environment": environment.environment,
        },
    )


def _in_the_file(name: str) -> str:
    if name.startswith(WHOLE_NAMES):
        return f"seawall:{name}"
    part = "alerts" if name in SHARED else "slo" if name == "period_seconds" else "dashboards"
    return f"seawall:monitoring.{part}.{name}"
