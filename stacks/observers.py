"""Who notices that a region is lost: an observer in each region with a cluster, and perhaps one that fails over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    ArbiterPlan,
    DatabaseEngine,
    FailoverObservers,
    FailoverObserversArgs,
    FailoverPlan,
    ObserversPlan,
    WorkloadPurpose,
    plan_failover_observers,
)
from seawall._failover import FEWEST_DOMAINS
from seawall.errors import MISSING, InvalidInput
from stacks.arbiter import ArbiterTables, planned_tables
from stacks.edge import Edge
from stacks.environment import Environment
from stacks.file_keys import below, named_as
from stacks.identity import entitled_account, failover_cluster
from stacks.observer_settings import ObserversSettings
from stacks.settings import Arbiter
from stacks.workload import Workload

SECTION: Final = "seawall:observers"
UNKNOWN_POSITION: Final = "s3://unknown/switch"  # what stands for a switch's position while the plan is checked
Switch = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Observers:
    """What was declared."""

    component: FailoverObservers
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `observers` against what was rendered."""


def plan_observers(
    environment: Environment, edge: FailoverPlan, tables: ArbiterPlan | None = None
) -> ObserversPlan | None:
    """Check who watches; registers nothing. None where the section is absent.

    Args:
        environment: The environment.
        edge: With the name's switch, or without one.
        tables: Those of a failover, where they are declared here.

    Raises:
        InvalidInput: A value is not allowed, or pods would have no right to do what they are there for.
    """
    settings = environment.observers
    if settings is None:
        return None
    if environment.arbiter is None:
        raise InvalidInput(
            "seawall:arbiter",
            MISSING,
            allowed=f"required with {SECTION}",
            because="observers follow the live document that counts, and vote outside of what may fail over",
        )
    _refuse_other_databases(environment, settings)
    switch = dict.fromkeys(_switched(environment, edge), UNKNOWN_POSITION)
    if settings.act and edge.switch is not None and not switch and settings.settings.switch is None:
        raise InvalidInput(
            f"{SECTION}.settings.switch",
            MISSING,
            allowed="required with act, beside switch_endpoints",
            because="seawall:dns.switch declares the cluster of its routing controls, whose endpoints the file does not know",
        )
    with named_as(below(f"{SECTION}.")):
        plan = plan_failover_observers(_args(environment, settings, environment.arbiter, tables, switch))
    _refuse_without_rights(environment, plan)
    return plan


def declare_observers(
    environment: Environment,
    plan: ObserversPlan | None,
    edge_plan: FailoverPlan,
    edge: Edge,
    tables_plan: ArbiterPlan | None,
    tables: ArbiterTables | None,
    workload: Workload,
    options: pulumi.ResourceOptions,
) -> Observers | None:
    """Declare the observers. None where the section is absent.

    Args:
        environment: The environment.
        plan: From `plan_observers`.
        edge_plan: What that was given.
        edge: What came of that plan.
        tables_plan: Of the failover's tables, where they are declared here.
        tables: What came of that plan.
        workload: Whose Kubernetes providers are used, and whose topology must be there before the pods.
        options: For every resource.
    """
    settings, arbiter = environment.observers, environment.arbiter
    if plan is None or settings is None or arbiter is None:
        return None
    positions = edge.record.switch_positions
    switch = {
        region: positions.apply(lambda known, region=region: known[region])
        for region in _switched(environment, edge_plan)
    }
    before: list[pulumi.Resource] = [workload.component, *([tables.component] if tables else [])]
    component = FailoverObservers(
        f"{environment.label}-observers",
        _args(environment, settings, arbiter, tables_plan, switch),
        pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=before)),
        providers=workload.component.providers,
    )
    claims = [
        {
            "region": region,
            "namespace": reach.namespace,
            "name": plan.name,
            "image": settings.image,
            "observer": plan.observer(region),
            "acts": plan.act,
            "account": plan.account,
            "purpose": _purpose(acts=plan.act).value,
            "settings": component.settings,
        }
        for region, reach in plan.clusters.items()
    ]
    return Observers(
        component,
        {
            "observers": claims,
            "observer_settings": component.settings,
            "observers_elsewhere": component.elsewhere,
            "warnings": component.warnings,
        },
    )


def _purpose(*, acts: bool) -> WorkloadPurpose:
    """Whose role the pods have."""
    return WorkloadPurpose.OPERATOR if acts else WorkloadPurpose.OBSERVER


def _switched(environment: Environment, edge: FailoverPlan) -> tuple[str, ...]:
    """The regions of the name, where observers and operators can throw its switch by what the file knows."""
    switch = environment.dns.switch
    if edge.switch is None or switch is None:
        return ()
    control = switch.routing_control
    known = control is None or bool(control.cluster_endpoints)
    return tuple(side.region for side in edge.sides) if known else ()


def _refuse_other_databases(environment: Environment, settings: ObserversSettings) -> None:
    """Observers speak to PostgreSQL alone, and only to a database that there is."""
    database = environment.database
    if database is None:
        if settings.database is not None:
            raise InvalidInput(f"{SECTION}.database", "given", allowed="only with seawall:database")
        return
    if database.engine is not DatabaseEngine.POSTGRES:
        raise InvalidInput(
            "seawall:database.engine",
            database.engine.value,
            allowed=f"postgres, with {SECTION}",
            because="observers speak no other language",
        )
    if settings.database is None:
        raise InvalidInput(f"{SECTION}.database", MISSING, allowed="required with seawall:database, which they look at")


def _refuse_without_rights(environment: Environment, plan: ObserversPlan) -> None:
    """Pods of another service account, or of another cluster, would be denied the board."""
    identity = environment.identity
    if identity is None:
        return
    purpose = _purpose(acts=plan.act)
    key = f"seawall:identity.{purpose.value}"
    workload = identity.workloads.get(purpose)
    there = (workload.clusters if workload else None) or {}
    for region in plan.clusters:
        if region not in there:
            raise InvalidInput(
                f"{key}.clusters",
                ", ".join(there) or MISSING,
                allowed=f"with {region}",
                because=f"the pods of {SECTION} there need its role",
            )
    entitled = entitled_account(environment, purpose)
    if plan.account != entitled:
        raise InvalidInput(
            f"{SECTION}.service_account", plan.account, allowed=entitled, because=f"{key} gives its role to that one"
        )


def _args(
    environment: Environment,
    settings: ObserversSettings,
    arbiter: Arbiter,
    tables: ArbiterPlan | None,
    switch: Switch,
) -> FailoverObserversArgs:
    given = settings.given("settings")
    return cast(
        FailoverObserversArgs,
        {
            "name": entitled_account(environment, _purpose(acts=bool(settings.act))),
            **given,
            "service": environment.service,
            "environment": environment.environment,
            "regions": [region.name for region in environment.regions],
            "clusters": _clusters(environment, settings, arbiter),
            "settings": _file(environment, settings, arbiter, tables, switch),
        },
    )


def _domains(environment: Environment, settings: ObserversSettings, arbiter: Arbiter) -> tuple[str, ...]:
    if settings.settings.domains is not None:
        return settings.settings.domains
    own = tuple(region.name for region in environment.regions if region.cluster is not None)
    return own if len(own) >= FEWEST_DOMAINS else (*own, arbiter.region)


def _clusters(environment: Environment, settings: ObserversSettings, arbiter: Arbiter) -> list[dict[str, Any]]:
    """Of the regions that have a voice."""
    domains = _domains(environment, settings, arbiter)
    return [
        {"region": region.name, **region.cluster.given()}
        for region in environment.regions
        if region.cluster is not None and region.name in domains
    ]


def _file(
    environment: Environment,
    settings: ObserversSettings,
    arbiter: Arbiter,
    tables: ArbiterPlan | None,
    switch: Switch,
) -> dict[str, Any]:
    """The settings, with what the rest of the file says of them."""
    identity = environment.identity.tables if environment.identity else None
    named = {**planned_tables(environment, tables), **(identity.given("cluster") if identity else {})}
    content: dict[str, Any] = {
        "cluster": failover_cluster(environment),
        "arbiter": arbiter.region,
        **{key: {"table": table} for key, table in named.items()},
        **settings.settings.given(),
        "domains": list(_domains(environment, settings, arbiter)),
    }
    for key in ("board", "leases", "journals"):
        if key in content:
            content[key] = {"region": arbiter.region, **content[key]}
    if switch and "switch" not in content:
        content["switch"] = dict(switch)
        control = environment.dns.switch.routing_control if environment.dns.switch else None
        if control is not None and control.cluster_endpoints:
            content.setdefault("switch_endpoints", control.cluster_endpoints)
    return content
