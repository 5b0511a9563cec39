"""Who may do what: a role for each purpose that the environment names, and the pipeline's two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    ArbiterPlan,
    FailoverPlan,
    PipelineIdentity,
    PipelineIdentityArgs,
    PipelinePlan,
    WorkloadIdentity,
    WorkloadIdentityArgs,
    WorkloadPlan,
    WorkloadPurpose,
    plan_pipeline_identity,
    plan_workload_identity,
)
from pulumi_seawall._arbiter_plan import KEYS
from pulumi_seawall._arns import arn
from pulumi_seawall._workload_plan import PURPOSES_OF, TABLES_OF_CLUSTERS
from seawall.errors import MISSING, InvalidInput
from seawall.topology import Topology
from stacks.arbiter import ArbiterTables, planned_table_arns
from stacks.claims import S3
from stacks.edge import Edge
from stacks.environment import PROJECT, Environment
from stacks.file_keys import below, named_as
from stacks.identity_settings import WorkloadSettings

# What stands for a switch's position while the plan is checked, by the argument that takes it.
UNKNOWN_POSITIONS: Final = {
    "switch_object_arns": "arn:aws:s3:::unknown/switch",
    "routing_control_arns": "arn:aws:route53-recovery-control::000000000000:controlpanel/0/routingcontrol/0",
}
READ_THE_LIVE_DOCUMENT: Final = PURPOSES_OF["arbiter_region"]
Switches = Mapping[str, list[pulumi.Input[str]]]
Tables = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class IdentityPlan:
    """What will be declared, checked."""

    workloads: Mapping[WorkloadPurpose, WorkloadPlan]
    pipeline: PipelinePlan | None


@dataclass(frozen=True)
class Identity:
    """What was declared."""

    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `identities` and `pipeline` against the cloud."""


def plan_identity(
    environment: Environment, topology: Topology, edge: FailoverPlan, arbiter: ArbiterPlan | None = None
) -> IdentityPlan | None:
    """Check every role; registers nothing. None where the section is absent.

    Args:
        environment: The environment.
        topology: With the databases that an operator may promote.
        edge: With the switch that an operator may throw, or without one.
        arbiter: With the tables of a failover, where they are declared here.

    Raises:
        InvalidInput: A value is not allowed.
    """
    settings = environment.identity
    if settings is None:
        return None
    environment.account("seawall:identity")
    if settings.tables is not None and environment.arbiter is None:
        allowed = "the region of seawall:identity.tables, outside of what fails over"
        raise InvalidInput("seawall:arbiter", MISSING, allowed=allowed)
    switches: Switches = {key: [UNKNOWN_POSITIONS[key]] for key in _switch_arguments(edge)}
    tables = planned_table_arns(environment, arbiter)
    with_cluster = [region.name for region in environment.regions if region.cluster is not None]
    workloads: dict[WorkloadPurpose, WorkloadPlan] = {}
    for purpose, workload in settings.workloads.items():
        where = f"seawall:identity.{purpose.value.replace('-', '_')}"
        for region in workload.clusters or {}:
            if region not in with_cluster:
                names = ", ".join(with_cluster) or "there is none"
                raise InvalidInput(f"{where}.clusters", region, allowed=f"a region with a cluster: {names}")
        with named_as(below(f"{where}.")):
            workloads[purpose] = plan_workload_identity(
                _args(environment, topology, purpose, workload, switches, tables)
            )
    if settings.pipeline is None:
        return IdentityPlan(workloads, None)
    with named_as(below("seawall:identity.pipeline.")):
        return IdentityPlan(workloads, plan_pipeline_identity(_pipeline_args(environment)))


def declare_identity(
    environment: Environment,
    plan: IdentityPlan | None,
    topology: Topology,
    edge_plan: FailoverPlan,
    edge: Edge,
    arbiter: ArbiterTables | None,
    options: pulumi.ResourceOptions,
) -> Identity | None:
    """Declare the roles. None where the section is absent.

    Args:
        environment: The environment.
        plan: From `plan_identity`.
        topology: With the databases that an operator may promote.
        edge_plan: With the switch that an operator may throw, or without one.
        edge: What came of that plan.
        arbiter: The tables of a failover, where they are declared here.
        options: For every resource.
    """
    settings = environment.identity
    if plan is None or settings is None:
        return None
    positions = edge.record.switch_positions
    regions = [side.region for side in edge_plan.sides]
    switches: Switches = {
        key: [positions.apply(lambda known, region=region: _position_arn(known[region])) for region in regions]
        for key in _switch_arguments(edge_plan)
    }
    tables: Tables = {}
    if arbiter is not None:
        arns = arbiter.component.table_arns
        tables = {table: arns.apply(lambda known, table=table: known[table]) for table in KEYS}
    workloads = {
        purpose: WorkloadIdentity(
            f"{environment.label}-{purpose.value}",
            _args(environment, topology, purpose, workload, switches, tables),
            options,
        )
        for purpose, workload in settings.workloads.items()
    }
    claims = [
        {
            "purpose": purpose.value,
            "role": component.role_name,
            "policy": component.policy,
            "trust": component.trust_policy,
            "associations": component.association_ids,
        }
        for purpose, component in workloads.items()
    ]
    outputs: dict[str, pulumi.Input[Any]] = {"identities": claims}
    if plan.pipeline is not None:
        pipeline = PipelineIdentity(f"{environment.label}-pipeline", _pipeline_args(environment), options)
        outputs["pipeline"] = {
            "provider_arn": pipeline.provider_arn,
            "preview_role_arn": pipeline.preview_role_arn,
            "deploy_role_arn": pipeline.deploy_role_arn,
            "read_policies": len(plan.pipeline.read_policies),
            "write_policies": len(plan.pipeline.write_policies),
        }
    return Identity(outputs)


def entitled_account(environment: Environment, purpose: WorkloadPurpose) -> str:
    """The service account that a purpose's role is for: named after the service, and others than the app after their purpose."""
    workload = environment.identity.workloads.get(purpose) if environment.identity else None
    own = environment.service if purpose is WorkloadPurpose.APP else f"{environment.service}-{purpose.value}"
    return (workload.service_account if workload else None) or own


def failover_cluster(environment: Environment) -> str:
    """The name of what fails over as one: the file's, else the service's and the environment's."""
    tables = environment.identity.tables if environment.identity else None
    return (tables.cluster if tables else None) or environment.label


def _switch_arguments(edge: FailoverPlan) -> list[str]:
    """The argument that takes what keeps the switch's position, where there is a switch."""
    if edge.switch is None:
        return []
    return ["switch_object_arns" if "object" in edge.switch else "routing_control_arns"]


def _position_arn(place: str) -> str:
    """The ARN of an object that is told as `s3://bucket/key`; a routing control is told by its own."""
    return f"arn:aws:s3:::{place.removeprefix(S3)}" if place.startswith(S3) else place


def _args(
    environment: Environment,
    topology: Topology,
    purpose: WorkloadPurpose,
    settings: WorkloadSettings,
    switches: Switches,
    tables: Tables,
) -> WorkloadIdentityArgs:
    """A purpose's role as the component wants it: the service, its regions, its databases and switches."""
    namespaces = {region.name: region.cluster.namespace for region in environment.regions if region.cluster}
    identity: dict[str, Any] = {
        **settings.given("clusters", "service_account"),
        "purpose": purpose,
        "service": environment.service,
        "environment": environment.environment,
        "account_id": environment.account("seawall:identity"),
        "regions": [region.name for region in environment.regions],
        "pods": [
            {
                "region": region,
                "cluster_name": cluster,
                "namespace": namespaces[region],
                "service_account": entitled_account(environment, purpose),
            }
            for region, cluster in (settings.clusters or {}).items()
        ],
        "tags": environment.tags,
    }
    if environment.identity and environment.identity.permissions_boundary_arn:
        identity["permissions_boundary_arn"] = environment.identity.permissions_boundary_arn
    if environment.arbiter and purpose in READ_THE_LIVE_DOCUMENT:
        identity["arbiter_region"] = environment.arbiter.region
    if purpose in (WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR):
        members = topology.database.members if topology.database else ()
        identity["databases"] = [
            {"region": member.region, "identifier": member.identifier} for member in members if member.identifier
        ]
        identity.update(_tables(environment, purpose, tables))
    if purpose is WorkloadPurpose.OPERATOR:
        identity.update(switches)
    return cast(WorkloadIdentityArgs, identity)


def _tables(environment: Environment, purpose: WorkloadPurpose, declared: Tables) -> dict[str, pulumi.Input[str]]:
    """The failover's tables that a purpose writes to, and whose items: those that are named, else those declared here."""
    named = environment.identity.tables if environment.identity else None
    if environment.arbiter is None:
        return {}
    account_id, region = environment.account("seawall:identity"), environment.arbiter.region
    names = named.given("cluster") if named else {}
    arns = {**declared, **{key: arn("dynamodb", region, account_id, f"table/{name}") for key, name in names.items()}}
    written = KEYS if purpose is WorkloadPurpose.OPERATOR else ("board",)
    found = {f"{key}_table_arn": arns[key] for key in written if key in arns}
    if found.keys() & set(TABLES_OF_CLUSTERS):
        found["cluster"] = failover_cluster(environment)
    return found


def _pipeline_args(environment: Environment) -> PipelineIdentityArgs:
    """The pipeline's roles as the component wants them."""
    settings = environment.identity.pipeline if environment.identity else None
    given = settings.given() if settings else {}
    return cast(
        PipelineIdentityArgs,
        {
            "name_prefixes": [f"{PROJECT}-{environment.environment}-", f"{environment.label}-"],
            **given,
            "account_id": environment.account("seawall:identity"),
            "regions": list(environment.live_regions),  # a deployment asks the arbiter, too
            "tags": environment.tags,
        },
    )
