"""Who notices what is wrong: rules for the Prometheus of every region, from the environment's own objectives."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    AlertRules,
    AlertRulesArgs,
    MonitoringArgs,
    RulesPlan,
    ServiceLevelObjective,
    ServiceLevelObjectiveArgs,
    Watchdog,
    WatchdogArgs,
    plan_alert_rules,
    plan_service_level_objective,
    plan_watchdog,
)
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.monitoring_settings import MonitoringSettings
from stacks.workload import Workload

REACH: Final = {"context", "kubeconfig", "namespace"}
PARTS: Final = ("slo", "alerts", "watchdog", "dashboards")
"""Sections of components' own within the section."""
WHOLE_NAMES: Final = ("objectives.", "monitoring.")
"""Beginnings of names that components and the file have in common."""


@dataclass(frozen=True)
class MonitoringPlans:
    """What will be declared, checked."""

    slo: RulesPlan
    alerts: RulesPlan
    watchdog: RulesPlan

    @property
    def rules(self) -> tuple[RulesPlan, ...]:
        """All of them."""
        return (self.slo, self.alerts, self.watchdog)


@dataclass(frozen=True)
class Monitoring:
    """What was declared."""

    slo: ServiceLevelObjective
    alerts: AlertRules
    watchdog: Watchdog
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `monitoring` against what was rendered."""


def plan_monitoring(environment: Environment) -> MonitoringPlans | None:
    """Check what watches the service; registers nothing. None where nothing does.

    Raises:
        InvalidInput: A value is not allowed, or an alert could never fire.
    """
    settings = environment.monitoring
    if settings is None:
        return None
    with named_as(partial(_in_the_file, "alerts")):
        alerts = plan_alert_rules(_alerts(environment, settings))
    with named_as(partial(_in_the_file, "slo")):
        slo = plan_service_level_objective(_slo(environment, settings)).rules
    with named_as(partial(_in_the_file, "watchdog")):
        watchdog = plan_watchdog(_watchdog(environment, settings)).rules
    return MonitoringPlans(slo, alerts, watchdog)


def declare_monitoring(
    environment: Environment, plans: MonitoringPlans | None, workload: Workload, options: pulumi.ResourceOptions
) -> Monitoring | None:
    """Declare the rules in every cluster. None where nothing watches the service.

    Args:
        environment: The environment.
        plans: From `plan_monitoring`.
        workload: Whose Kubernetes providers are used: one for each cluster is enough.
        options: For every resource.
    """
    settings = environment.monitoring
    if plans is None or settings is None:
        return None
    label, providers = environment.label, workload.component.providers
    slo = ServiceLevelObjective(f"{label}-slo", _slo(environment, settings), options, providers=providers)
    alerts = AlertRules(f"{label}-alerts", _alerts(environment, settings), options, providers=providers)
    watchdog = Watchdog(f"{label}-watchdog", _watchdog(environment, settings), options, providers=providers)
    return Monitoring(
        slo,
        alerts,
        watchdog,
        {
            "monitoring": list(_claims(plans.rules)),
            "alert_predictions": pulumi.Output.all(slo.predictions, alerts.predictions).apply(
                lambda both: [*both[0], *both[1]]
            ),
            "alertmanager": watchdog.receivers,
            "watchdog_silent_after_seconds": watchdog.silent_after_seconds,
        },
    )


def _claims(rules: Iterable[RulesPlan]) -> Iterator[dict[str, Any]]:
    """Each PrometheusRule: where it is, and the alerts in it."""
    for plan in rules:
        for region, reach in plan.monitoring.clusters.items():
            yield {
                "region": region,
                "namespace": reach.namespace,
                "name": plan.object_name,
                "labels": dict(plan.monitoring.rule_labels),
                "alerts": [alert.name for group in plan.groups[region] for alert in group.alerts],
            }


def monitoring_args(environment: Environment, settings: MonitoringSettings) -> MonitoringArgs:
    """The service and its clusters, as every component takes them that watches or judges it."""
    clusters = [
        {"region": region.name, **region.cluster.model_dump(include=REACH, exclude_none=True)}
        for region in environment.regions
        if region.cluster is not None
    ]
    given = settings.given(*PARTS)
    regions = [region.name for region in environment.regions if region.cluster is None]
    return cast(MonitoringArgs, {**given, "service": environment.service, "clusters": clusters, "regions": regions})


def _slo(environment: Environment, settings: MonitoringSettings) -> ServiceLevelObjectiveArgs:
    return cast(
        ServiceLevelObjectiveArgs,
        {
            **settings.slo.given(),
            "monitoring": monitoring_args(environment, settings),
            "objectives": environment.objectives.arguments(),
        },
    )


def _alerts(environment: Environment, settings: MonitoringSettings) -> AlertRulesArgs:
    return cast(
        AlertRulesArgs,
        {
            **settings.alerts.given(),
            "monitoring": monitoring_args(environment, settings),
            "objectives": environment.objectives.arguments(),
        },
    )


def _watchdog(environment: Environment, settings: MonitoringSettings) -> WatchdogArgs:
    return cast(WatchdogArgs, {**settings.watchdog.given(), "monitoring": monitoring_args(environment, settings)})


def _in_the_file(part: str, name: str) -> str:
    return f"seawall:{name}" if name.startswith(WHOLE_NAMES) else f"seawall:monitoring.{part}.{name}"
