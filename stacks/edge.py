"""What clients meet first: the zone, the failover name with its checks, and where their alarms go."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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
    WaiverArgs,
    plan_failover,
)
from seawall.timing import HealthCheckProtocol
from stacks.claims import pair_alarms, pair_checks, pair_records, switch_claim
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.settings import Region

DEFAULT_PATH: Final = "/regionz"  # of `seawall.health`: what this region needs, without what both regions share
UNKNOWN_ZONE: Final = "ZONE"  # stands for the id of a zone that is not made yet, while the plan is checked
UNKNOWN_TOPIC: Final = "arn:aws:sns:us-east-1:000000000000:unknown"  # the same for the topic of the alarms


@dataclass(frozen=True)
class Edge:
    """What the edge declares, and what it tells the world."""

    record: FailoverRecord
    zone_id: pulumi.Input[str]
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack. `make dev` holds `zone_id`, `records`, `health_checks`, `alarms` and `switch` against the cloud."""


def plan_edge(environment: Environment) -> FailoverPlan:
    """Check everything that the edge will declare; registers nothing.

    Raises:
        InvalidInput: A value is not allowed.
        ObjectiveNotMet: The failover cannot meet the environment's objectives.
    """
    with named_as(partial(_in_the_file, environment)):
        return plan_failover(_failover_args(environment, environment.dns.zone_id or UNKNOWN_ZONE, [UNKNOWN_TOPIC]))


def _in_the_file(environment: Environment, name: str) -> str:
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
        zone_id,
        {
            "fqdn": record.fqdn,
            "zone_id": zone_id,
            "zone_name": environment.dns.zone_name,
            "name_servers": name_servers,
            "records": pair_records(plan, record),
            "health_checks": pair_checks(plan, record),
            "alarms": pair_alarms(record),
            "switch": switch_claim(plan, record),
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
    if dns.switch is not None:
        args["switch"] = dns.switch.arguments()
    if dns.waivers:
        args["waivers"] = [WaiverArgs(**waiver.model_dump()) for waiver in dns.waivers]
    if dns.import_ids:
        args["import_ids"] = FailoverImportIds(**dns.import_ids)  # its keys are checked by the component
    return args


def _target(environment: Environment, region: Region) -> RecordTarget:
    """One side: where it is, and its check, which asks for the region's own name and never for the failover name."""
    target = place_of(region)
    called = environment.dns.set_identifiers
    identifier = called.primary if region is environment.primary else called.secondary
    if identifier is not None:
        target["set_identifier"] = identifier
    return {**target, **check_of(environment, region)}


def place_of(region: Region) -> RecordTarget:
    """Where a region is."""
    target = RecordTarget(region=region.name)
    if region.addresses is not None:
        target["addresses"] = list(region.addresses)
    if region.load_balancer is not None:
        target["load_balancer"] = LoadBalancerArgs(**region.load_balancer.model_dump())
    return target


def check_of(environment: Environment, region: Region) -> RecordTarget:
    """A region's check, and the name of its own that it asks; without its place."""
    check = RecordTarget(region=region.name)
    if region.health_check_id is not None:
        check["health_check_id"] = region.health_check_id
        if region.detection is not None:
            check["detection"] = DetectionArgs(**region.detection.model_dump())
        if region.regional_name is not None:
            check["regional_name"] = region.regional_name
        return check
    settings = environment.health_check.given()
    if environment.health_check.protocol is not HealthCheckProtocol.TCP:
        settings.setdefault("path", DEFAULT_PATH)
    check["health_check"] = EndpointCheckArgs(**settings)
    check["regional_name"] = environment.regional_name(region)
    return check
