"""Who notices what is wrong: rules for the Prometheus of every region, from the environment's own objectives."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    AlertRules,
    AlertRulesArgs,
    Escalation,
    EscalationArgs,
    EscalationPlan,
    MonitoringArgs,
    RulesPlan,
    ServiceLevelObjective,
    ServiceLevelObjectiveArgs,
    Watchdog,
    WatchdogArgs,
    plan_alert_rules,
    plan_escalation,
    plan_service_level_objective,
    plan_watchdog,
)
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.monitoring_settings import EscalationSettings, MonitoringSettings
from stacks.recovery import RecoveryPlan
from stacks.workload import Workload

REACH: Final = {"context", "kubeconfig", "namespace"}
PARTS: Final = ("slo", "alerts", "watchdog", "escalation", "dashboards")
"""Sections of components' own within the section."""
SECRET: Final = "heartbeat.url_secret"  # noqa: S105 -- an argument's name
WHOLE_NAMES: Final = ("objectives.", "monitoring.")
"""Beginnings of names that components and the file have in common."""


@dataclass(frozen=True)
class MonitoringPlans:
    """What will be declared, checked."""

    slo: RulesPlan
    alerts: RulesPlan
    watchdog: RulesPlan
    escalation: EscalationPlan | None

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
    escalation: Escalation | None
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `monitoring` against what was rendered."""


def plan_monitoring(environment: Environment, recovery: RecoveryPlan | None) -> MonitoringPlans | None:
    """Check what watches the service; registers nothing. None where nothing does.

    Args:
        environment: The environment.
        recovery: Its backups, whose age is watched by their own prediction.

    Raises:
        InvalidInput: A value is not allowed, or an alert could never fire.
    """
    settings = environment.monitoring
    if settings is None:
        return None
    with named_as(partial(_in_the_file, "alerts")):
        alerts = plan_alert_rules(_alerts(environment, settings, recovery))
    with named_as(partial(_in_the_file, "slo")):
        slo = plan_service_level_objective(_slo(environment, settings)).rules
    with named_as(partial(_in_the_file, "watchdog")):
        watchdog = plan_watchdog(_watchdog(environment, settings)).rules
    escalation = None
    if settings.escalation is not None:
        with named_as(_escalation_in_the_file):
            escalation = plan_escalation(_escalation(environment, settings, settings.escalation))
    return MonitoringPlans(slo, alerts, watchdog, escalation)


def declare_monitoring(
    environment: Environment,
    plans: MonitoringPlans | None,
    recovery: RecoveryPlan | None,
    workload: Workload,
    options: pulumi.ResourceOptions,
) -> Monitoring | None:
    """Declare the rules and the routes in every cluster. None where nothing watches the service.

    Args:
        environment: The environment.
        plans: From `plan_monitoring`.
        recovery: What that was given.
        workload: Whose Kubernetes providers are used: one for each cluster is enough.
        options: For every resource.
    """
    settings = environment.monitoring
    if plans is None or settings is None:
        return None
    label, providers = environment.label, workload.component.providers
    slo = ServiceLevelObjective(f"{label}-slo", _slo(environment, settings), options, providers=providers)
    alerts = AlertRules(f"{label}-alerts", _alerts(environment, settings, recovery), options, providers=providers)
    watchdog = Watchdog(f"{label}-watchdog", _watchdog(environment, settings), options, providers=providers)
    escalation = None
    if settings.escalation is not None:
        args = _escalation(environment, settings, settings.escalation)
        escalation = Escalation(f"{label}-escalation", args, options, providers=providers)
    return Monitoring(
        slo,
        alerts,
        watchdog,
        escalation,
        {
            "monitoring": list(_claims(plans.rules)),
            "alert_predictions": pulumi.Output.all(slo.predictions, alerts.predictions).apply(
                lambda both: [*both[0], *both[1]]
            ),
            "alertmanager": watchdog.receivers,
            "watchdog_silent_after_seconds": watchdog.silent_after_seconds,
            **_told(plans.escalation, escalation),
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


def _told(plan: EscalationPlan | None, escalation: Escalation | None) -> dict[str, pulumi.Input[Any]]:
    """Who is told when, whole configurations for Alertmanagers without the operator, and each AlertmanagerConfig."""
    if plan is None or escalation is None:
        return {}
    claims = [
        {
            "region": region,
            "namespace": namespace,
            "name": plan.object_name,
            "labels": dict(plan.labels),
            "service": plan.monitoring.service,
            "receivers": [receiver["name"] for receiver in plan.specs[region]["receivers"]],
        }
        for region, namespace in plan.namespaces.items()
    ]
    return {
        "escalation": claims,
        "escalation_steps": escalation.steps,
        "alertmanager_files": escalation.alertmanager_files,
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


def _alerts(environment: Environment, settings: MonitoringSettings, recovery: RecoveryPlan | None) -> AlertRulesArgs:
    """With the release's Rollout, and with each backup whose region has a Prometheus of ours."""
    watched = {region.name for region in environment.regions}
    backups = [backup for backup in (recovery.watched if recovery else ()) if backup["region"] in watched]
    return cast(
        AlertRulesArgs,
        {
            **settings.alerts.given(),
            "rollouts": [{"name": environment.service}] if environment.release is not None else [],
            "backups": backups,
            "monitoring": monitoring_args(environment, settings),
            "objectives": environment.objectives.arguments(),
        },
    )


def _watchdog(environment: Environment, settings: MonitoringSettings) -> WatchdogArgs:
    return cast(WatchdogArgs, {**settings.watchdog.given(), "monitoring": monitoring_args(environment, settings)})


def _escalation(
    environment: Environment, settings: MonitoringSettings, escalation: EscalationSettings
) -> EscalationArgs:
    given = escalation.given("heartbeat_secret")
    given["heartbeat"] = settings.watchdog.given()
    if escalation.heartbeat_secret is not None:
        given["heartbeat"]["url_secret"] = escalation.heartbeat_secret.given()
    return cast(EscalationArgs, {**given, "monitoring": monitoring_args(environment, settings)})


def _escalation_in_the_file(name: str) -> str:
    """The key below `seawall:monitoring.escalation`, or the Watchdog's own."""
    if name.startswith("heartbeat.") and not name.startswith(SECRET):
        return _in_the_file("watchdog", name.removeprefix("heartbeat."))
    return _in_the_file("escalation", name.replace(SECRET, "heartbeat_secret"))


def _in_the_file(part: str, name: str) -> str:
    return f"seawall:{name}" if name.startswith(WHOLE_NAMES) else f"seawall:monitoring.{part}.{name}"
