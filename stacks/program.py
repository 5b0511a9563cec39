"""An environment, top to bottom. It reads like a table of contents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from pulumi_seawall import (
    ArbiterPlan,
    DashboardsPlan,
    DatabasePlan,
    FailoverPlan,
    FaultPlan,
    GroupPlan,
    ObserversPlan,
    RolloutPlan,
)
from seawall.errors import SeawallError
from seawall.topology import Topology
from stacks.arbiter import declare_arbiter, plan_arbiter
from stacks.dashboards import declare_shown, plan_shown
from stacks.data import declare_data, plan_data, planned_database
from stacks.edge import declare_edge, plan_edge
from stacks.environment import Environment, load_environment
from stacks.faults import declare_faults, plan_faults
from stacks.identity import IdentityPlan, declare_identity, plan_identity
from stacks.live import read_live, refuse_to_undo
from stacks.monitoring import MonitoringPlans, declare_monitoring, plan_monitoring
from stacks.notifications import ROUTE53_REGION, declare_topics, plan_topics
from stacks.observers import declare_observers, plan_observers
from stacks.reads import declare_reads, plan_reads
from stacks.recovery import RecoveryPlan, declare_recovery, plan_recovery
from stacks.release import declare_release, plan_release
from stacks.workload import declare_workload, plan_topology, plan_workload


@dataclass(frozen=True)
class Plans:
    """What will be declared, checked."""

    edge: FailoverPlan
    reads: GroupPlan | None
    data: DatabasePlan | None
    recovery: RecoveryPlan | None
    topology: Topology
    arbiter: ArbiterPlan | None
    faults: Mapping[str, FaultPlan]
    identity: IdentityPlan | None
    observers: ObserversPlan | None
    monitoring: MonitoringPlans | None
    shown: DashboardsPlan | None
    release: RolloutPlan | None


def declare() -> None:
    """Declare the environment of the stack that is being deployed.

    Everything is checked before anything is registered. What is wrong with the configuration ends the program with a
    line per problem and no traceback.
    """
    try:
        environment = load_environment()
        plans = check(environment)
    except SeawallError as error:
        # The engine shows a RunError's message alone; anything else it shows with a traceback.
        raise pulumi.RunError(f"{type(error).__name__}: {error}") from error

    options = pulumi.ResourceOptions(protect=environment.protect)
    topics = declare_topics(environment, environment.label, environment.tags, options)
    data = declare_data(environment, plans.data, topics, options)
    recovery = declare_recovery(environment, plans.recovery, data, topics, options)
    edge = declare_edge(environment, plans.edge, topics[ROUTE53_REGION], options)
    reads = declare_reads(environment, plans.reads, plans.edge, edge, topics[ROUTE53_REGION], options)
    workload = declare_workload(environment, plans.topology, data, options)
    arbiter = declare_arbiter(environment, plans.arbiter, options)
    faults = declare_faults(environment, plans.faults, [data.component] if data else [], options)
    identity = declare_identity(environment, plans.identity, plans.topology, plans.edge, edge, arbiter, options)
    observers = declare_observers(
        environment, plans.observers, plans.edge, edge, plans.arbiter, arbiter, workload, options
    )
    monitoring = declare_monitoring(environment, plans.monitoring, plans.recovery, workload, options)
    shown = declare_shown(environment, plans.shown, workload, options)
    release = declare_release(environment, plans.release, workload, options)

    pulumi.export("service", environment.service)
    pulumi.export("environment", environment.environment)
    parts = (edge, reads, workload, data, recovery, arbiter, faults, identity, observers, monitoring, shown, release)
    for name, value in joined(*(part.outputs for part in parts if part is not None)).items():
        pulumi.export(name, value)


def joined(*parts: Mapping[str, pulumi.Input[Any]]) -> dict[str, pulumi.Input[Any]]:
    """The outputs of all parts; lists that several parts have (predictions, warnings) one after another."""
    outputs: dict[str, pulumi.Input[Any]] = {}
    for part in parts:
        for name, value in part.items():
            outputs[name] = _both(outputs[name], value) if name in outputs else value
    return outputs


def _both(first: pulumi.Input[Any], second: pulumi.Input[Any]) -> pulumi.Output[list[Any]]:
    return pulumi.Output.all(first=first, second=second).apply(lambda both: [*both["first"], *both["second"]])


def check(environment: Environment) -> Plans:
    """Check all that will be declared, and that it undoes no failover.

    Raises:
        SeawallError: Something cannot be declared like that.
    """
    plan_topics(environment)
    edge = plan_edge(environment)
    reads = plan_reads(environment, edge)
    data = plan_data(environment)
    recovery = plan_recovery(environment, data)
    topology = plan_topology(environment, planned_database(environment, data) if data else None)
    plan_workload(environment, topology)
    arbiter = plan_arbiter(environment)
    faults = plan_faults(environment)
    identity = plan_identity(environment, topology, edge, arbiter)
    observers = plan_observers(environment, edge, arbiter)
    monitoring = plan_monitoring(environment, recovery)
    shown = plan_shown(environment)
    release = plan_release(environment)
    refuse_to_undo(topology, read_live(environment.service, environment.environment, environment.live_regions))
    return Plans(
        edge, reads, data, recovery, topology, arbiter, faults, identity, observers, monitoring, shown, release
    )
