"""What the apps of every region are told: where the service runs, who has which role, and by which numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    PublishedClusterArgs,
    PublishedTopology,
    PublishedTopologyArgs,
    plan_published_topology,
    topology_args,
)
from seawall.timing import HealthCheckProtocol
from seawall.topology import Database, Endpoint, Topology
from seawall.topology import Role as EndpointRole
from stacks.data import Data
from stacks.edge import DEFAULT_PATH
from stacks.environment import Environment
from stacks.file_keys import below, named_as
from stacks.settings import Region, Role

DEFAULT_PORTS: Final = {HealthCheckProtocol.HTTP: 80, HealthCheckProtocol.HTTPS: 443}


def plan_topology(environment: Environment, database: Database | None) -> Topology:
    """The document that will be published; registers nothing.

    Args:
        environment: The environment.
        database: Its database; hosts that are not known before a deployment may be any names.

    Raises:
        InvalidInput: A value is not allowed.
    """
    endpoints = [
        Endpoint(
            name=region.name,
            region=region.name,
            role=EndpointRole(region.role.value),
            url=region.url or f"https://{environment.regional_name(region)}",
            health_url=_health_url(environment, region),
            weight=region.weight,
        )
        for region in environment.regions
        if region.role is not Role.READER or region.url is not None
    ]
    with named_as(below("seawall:")):
        return Topology(
            service=environment.service,
            environment=environment.environment,
            epoch=environment.epoch,
            regions=tuple(region.name for region in environment.regions),
            endpoints=tuple(endpoints),
            database=database,
            objectives=environment.objectives.checked(),
            breaker=environment.breaker.policy() if environment.breaker else None,
        )


def _health_url(environment: Environment, region: Region) -> str | None:
    """What the runtime's probes ask: the same path as Route 53 does; None where that asks no path."""
    check = environment.health_check
    if check.protocol is HealthCheckProtocol.TCP or region.url is not None:
        return None
    default_port = DEFAULT_PORTS[check.protocol]
    port = "" if check.port in (None, default_port) else f":{check.port}"
    return f"{check.protocol.value.lower()}://{environment.regional_name(region)}{port}{check.path or DEFAULT_PATH}"


@dataclass(frozen=True)
class Workload:
    """What apps are told, and what the stack tells the world of it."""

    component: PublishedTopology
    outputs: Mapping[str, pulumi.Input[Any]]


def plan_workload(environment: Environment, topology: Topology) -> None:
    """Check what will be published, and where; registers nothing.

    Raises:
        InvalidInput: A value is not allowed, or the document is too large for a parameter.
    """
    with named_as(below("seawall:")):
        plan_published_topology(_args(environment, topology, {}))


def declare_workload(
    environment: Environment, topology: Topology, data: Data | None, options: pulumi.ResourceOptions
) -> Workload:
    """Publish the topology in every region and every cluster.

    Args:
        environment: The environment.
        topology: From `plan_topology`.
        data: Whose instances have the hosts that the plan did not know.
        options: For every resource.
    """
    component = PublishedTopology(environment.label, _args(environment, topology, _hosts(data)), options)
    return Workload(
        component,
        {
            "topology": {
                "service": topology.service,
                "environment": topology.environment,
                "epoch": topology.epoch,
                "regions": list(topology.regions),
                "primary_region": topology.primary.region,
            },
            "topology_parameter": component.parameter_name,
            "config_maps": component.config_maps,
            "clusters": {region.name: region.cluster.context for region in environment.regions if region.cluster},
        },
    )


def _hosts(data: Data | None) -> dict[str, pulumi.Output[str]]:
    """Each member's host, known only after its instance."""
    if data is None:
        return {}
    hosts = data.component.hosts
    return {member.name: hosts.apply(lambda known, name=member.name: known[name]) for member in data.plan.members}


def _args(
    environment: Environment, topology: Topology, hosts: Mapping[str, pulumi.Input[str]]
) -> PublishedTopologyArgs:
    clusters = [
        cast(PublishedClusterArgs, {"region": region.name, **region.cluster.model_dump(exclude_none=True)})
        for region in environment.regions
        if region.cluster is not None
    ]
    return topology_args(topology, hosts=hosts, clusters=clusters, tags=environment.tags)
