"""What the apps of every region are told: where the service runs, who has which role, and by which numbers."""

from typing import Final

from seawall.errors import InvalidInput
from seawall.timing import HealthCheckProtocol
from seawall.topology import Database, Endpoint, Topology
from seawall.topology import Role as EndpointRole
from stacks.edge import DEFAULT_PATH
from stacks.environment import Environment, Region, Role

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
            url=region.url or f"https://{regional_name(environment, region)}",
            health_url=_health_url(environment, region),
            weight=region.weight,
        )
        for region in environment.regions
        if region.role is not Role.READER or region.url is not None
    ]
    try:
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
    except InvalidInput as error:
        name = f"seawall:{error.name}"
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from error


def regional_name(environment: Environment, region: Region) -> str:
    """The name of one region alone."""
    return region.regional_name or f"{region.name}.{environment.dns.name}"


def _health_url(environment: Environment, region: Region) -> str | None:
    """What the runtime's probes ask: the same path as Route 53 does; None where that asks no path."""
    check = environment.health_check
    if check.protocol is HealthCheckProtocol.TCP or region.url is not None:
        return None
    default_port = DEFAULT_PORTS[check.protocol]
    port = "" if check.port in (None, default_port) else f":{check.port}"
    return f"{check.protocol.value.lower()}://{regional_name(environment, region)}{port}{check.path or DEFAULT_PATH}"
