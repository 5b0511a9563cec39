"""What clients meet first: the zone, the failover name with its checks, and where their alarms go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from pulumi_seawall import (
    DetectionArgs,
    EndpointCheckArgs,
    FailoverImportIds,
    FailoverPlan,
    FailoverRecord,
    FailoverRecordArgs,
    LoadBalancerArgs,
    ObjectivesArgs,
    RecordTarget,
    plan_failover,
)
from seawall.errors import InvalidInput
from seawall.timing import HealthCheckProtocol
from stacks.environment import Environment
from stacks.settings import Region

DEFAULT_PATH: Final = "/regionz"  # of `seawall.health`: what this region needs, without what both regions share
UNKNOWN_ZONE: Final = "ZONE"  # stands for the id of a zone that is not made yet, while the plan is checked
UNKNOWN_TOPIC: Final = "arn:aws:sns:us-east-1:000000000000:unknown"  # the same for the topic of the alarms


@dataclass(frozen=True)
class Edge:
    """What the edge declares, and what it tells the world."""

    record: FailoverRecord
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack. `make dev` holds `zone_id`, `records`, `health_checks` and `alarms` against the cloud."""


def plan_edge(environment: Environment) -> FailoverPlan:
    """Check everything that the edge will declare; registers nothing.

    Raises:
        InvalidInput: A value is not allowed.
        ObjectiveNotMet: The failover cannot meet the environment's objectives.
    """
    try:
        return plan_failover(_failover_args(environment, environment.dns.zone_id or UNKNOWN_ZONE, [UNKNOWN_TOPIC]))
    except InvalidInput as error:
        name = _in_the_file(error.name, environment)
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from error


def _in_the_file(name: str, environment: Environment) -> str:
    """The component's name of an input as the key of `Pulumi.<env>.yaml` that gave it."""
    for side, region in (("primary", environment.primary), ("secondary", environment.standby)):
        if name.startswith(f"{side}.health_check."):
            return f"seawall:health_check.{name.removeprefix(f'{side}.health_check.')}"
        if name == f"{side}.set_identifier":
            return f"seawall:dns.set_identifiers.{side}"
        if name == side or name.startswith(f"{side}."):
            key = name.removeprefix(side)
            key = ".name" if key == ".region" else key
            return f"seawall:regions[{environment.regions.index(region)}]{key}"
    if name in ObjectivesArgs.__annotations__:
        return f"seawall:objectives.{name}"
    return f"seawall:dns.{name}"


def declare_edge(
    environment: Environment, plan: FailoverPlan, topic: pulumi.Input[str], options: pulumi.ResourceOptions
) -> Edge:
    """Declare the zone unless it exists, and the failover name.

    Args:
        environment: The environment.
        plan: From `plan_edge`.
        topic: ARN of the topic for Route 53's alarms.
        options: For every resource.
    """
    name = environment.label
    zone_id, name_servers = _zone(environment, name, options)
    args = _failover_args(environment, zone_id, [topic])
    record = FailoverRecord(name, args, options)
    return Edge(
        record,
        {
            "fqdn": record.fqdn,
            "zone_id": zone_id,
            "zone_name": environment.dns.zone_name,
            "name_servers": name_servers,
            "records": _claimed_records(plan, record),
            "health_checks": _claimed_checks(plan, record),
            "alarms": pulumi.Output.all(
                record.alarm_names, record.primary_health_check_id, record.secondary_health_check_id
            ).apply(lambda known: _claimed_alarms(*known)),
            "both_unhealthy_answers": record.both_unhealthy_answers,
            "predictions": record.predictions,
            "warnings": record.warnings,
        },
    )


def _zone(
    environment: Environment, name: str, protection: pulumi.ResourceOptions
) -> tuple[pulumi.Input[str], pulumi.Input[Any]]:
    """Id and name servers: of the zone that is there already, or of one declared here."""
    dns = environment.dns
    if dns.zone_id is not None:
        return dns.zone_id, []
    options = pulumi.ResourceOptions.merge(protection, pulumi.ResourceOptions(import_=dns.zone_import_id))
    zone = aws.route53.Zone(name, name=dns.zone_name, tags=environment.tags, opts=options)
    return zone.zone_id, zone.name_servers


def _failover_args(
    environment: Environment, zone_id: pulumi.Input[str], alarm_actions: list[pulumi.Input[str]]
) -> FailoverRecordArgs:
    """The environment's numbers as the component wants them; what is absent is left to the component's defaults."""
    dns = environment.dns
    args = FailoverRecordArgs(
        zone_id=zone_id,
        zone_name=dns.zone_name,
        name=dns.name,
        primary=_target(environment, environment.primary),
        secondary=_target(environment, environment.standby),
        objectives=environment.objectives.arguments(),
        alarm_actions=alarm_actions,
        tags=environment.tags,
    )
    if dns.ttl_seconds is not None:
        args["ttl_seconds"] = dns.ttl_seconds
    if dns.client_cache_seconds is not None:
        args["client_cache_seconds"] = dns.client_cache_seconds
    if dns.import_ids:
        args["import_ids"] = FailoverImportIds(**dns.import_ids)  # its keys are checked by the component
    return args


def _target(environment: Environment, region: Region) -> RecordTarget:
    """One side: where it is, and its check, which asks for the region's own name and never for the failover name."""
    target = RecordTarget(region=region.name)
    called = environment.dns.set_identifiers
    identifier = called.primary if region is environment.primary else called.secondary
    if identifier is not None:
        target["set_identifier"] = identifier
    if region.addresses is not None:
        target["addresses"] = list(region.addresses)
    if region.load_balancer is not None:
        target["load_balancer"] = LoadBalancerArgs(**region.load_balancer.model_dump())
    if region.health_check_id is not None:
        target["health_check_id"] = region.health_check_id
        if region.detection is not None:
            target["detection"] = DetectionArgs(**region.detection.model_dump())
        if region.regional_name is not None:
            target["regional_name"] = region.regional_name
    else:
        settings = environment.health_check.model_dump(exclude_none=True)
        if environment.health_check.protocol is not HealthCheckProtocol.TCP:
            settings.setdefault("path", DEFAULT_PATH)
        if "checker_regions" in settings:
            settings["checker_regions"] = list(settings["checker_regions"])
        target["health_check"] = EndpointCheckArgs(**settings)
        target["regional_name"] = environment.regional_name(region)
    return target


def _claimed_records(plan: FailoverPlan, record: FailoverRecord) -> list[dict[str, Any]]:
    """Each record set as the cloud should have it."""
    checks = {"primary": record.primary_health_check_id, "secondary": record.secondary_health_check_id}
    return [
        {
            "name": claim.name,
            "type": claim.record_type,
            "set_identifier": claim.set_identifier,
            "failover": claim.role.upper() if claim.failover else None,
            "ttl_seconds": claim.ttl_seconds,
            "values": list(claim.records),
            "alias": claim.alias.dns_name if claim.alias else None,
            "health_check_id": checks[claim.role] if claim.failover else None,
        }
        for claim in plan.records
    ]


def _claimed_checks(plan: FailoverPlan, record: FailoverRecord) -> list[dict[str, Any]]:
    """Each check with its pace, so that the cloud's copy can be held against the prediction's arithmetic."""
    ids = {"primary": record.primary_health_check_id, "secondary": record.secondary_health_check_id}
    claims: list[dict[str, Any]] = []
    for side in plan.sides:
        check = side.health_check
        if check is None or check.check is None:
            continue
        settings = check.check.settings
        claims.append(
            {
                "name": side.role,
                "id": ids[side.role],
                "type": settings["type"],
                "host": settings.get("ip_address") or settings.get("fqdn"),
                "interval_seconds": settings["request_interval"],
                "failure_threshold": settings["failure_threshold"],
            }
        )
    return claims


def _claimed_alarms(names: list[str], primary: str | None, secondary: str | None) -> list[dict[str, Any]]:
    """Each alarm with the check that it watches; the one on both sides watches alarms instead."""
    watched = [check for check in (primary, secondary) if check is not None]
    return [
        {"name": name, "health_check_id": watched[position] if position < len(watched) else None}
        for position, name in enumerate(names)
    ]
