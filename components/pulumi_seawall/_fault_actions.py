"""What FIS is told to do for each kind of fault: its actions, their targets and parameters.

Source: AWS FIS user guide, "Actions reference", "Targets" (filters and parameters), "Use Systems Manager SSM documents".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi

from pulumi_seawall._arns import partition_of
from pulumi_seawall._fault_args import FaultKind, NetworkScope, ZonePart

MINUTE: Final = 60  # seconds
DISK_FILL_DOCUMENT: Final = "AWSFIS-Run-Disk-Fill"
CPU_STRESS_DOCUMENT: Final = "AWSFIS-Run-CPU-Stress"
DOCUMENTS: Final = {FaultKind.DISK_FILL: DISK_FILL_DOCUMENT, FaultKind.CPU_STRESS: CPU_STRESS_DOCUMENT}
# FIS watches a command for the action's duration only, and installing what the document needs takes time beforehand:
# without the margin the experiment would be over while the fault is not.
DOCUMENT_MARGIN_SECONDS: Final = 300
RUNNING: Final = ("running",)
NO_CAPACITY_ACTION: Final = "aws:ec2:asg-insufficient-instance-capacity-error"
ALL_SELECTED: Final = "ALL"


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """Which of the tagged resources are hit.

    Args:
        name: In the template.
        resource_type: As FIS names it.
        selection: `COUNT(n)`, `PERCENT(n)`, or `ALL` within a zone.
        filters: Attribute path to the values of which one must match.
        parameters: Of the resource type.
    """

    name: str
    resource_type: str
    selection: str
    filters: Mapping[str, tuple[pulumi.Input[str], ...]] = field(
        default_factory=dict[str, tuple[pulumi.Input[str], ...]]
    )
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class FaultAction:
    """One thing that FIS does.

    Args:
        name: In the template.
        action_id: FIS's own.
        target_key: What the action calls its targets.
        target: Which they are.
        parameters: Of the action.
    """

    name: str
    action_id: str
    target_key: str
    target: FaultTarget
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class FaultShape:
    """What decides the actions, checked.

    Args:
        kind: Of the fault.
        region: Of the targets.
        selection: Of the targets, outside of a zone's loss.
        duration_seconds: How long it lasts; 0 for what is over at once.
        zone: Where, when it is only there.
        vpc_id: Of the subnets, when it is only those.
        scope: Of a network cut.
        intensity_percent: Of a disk fill or of CPU stress.
        parts: Of a zone's loss.
    """

    kind: FaultKind
    region: str
    selection: str
    duration_seconds: int
    zone: str | None
    vpc_id: pulumi.Input[str] | None
    scope: NetworkScope
    intensity_percent: int
    parts: tuple[ZonePart, ...]


def iso_duration(seconds: int) -> str:
    """A duration as FIS wants it: ISO 8601, in minutes where it is whole minutes."""
    return f"PT{seconds // MINUTE}M" if seconds % MINUTE == 0 else f"PT{seconds}S"


def actions_of(shape: FaultShape) -> tuple[FaultAction, ...]:
    """What FIS does; all of it begins at once."""
    match shape.kind:
        case FaultKind.TERMINATE_INSTANCES:
            return (FaultAction("terminate", "aws:ec2:terminate-instances", "Instances", _instances(shape)),)
        case FaultKind.STOP_INSTANCES:
            return (_stop("stop", _instances(shape), shape.duration_seconds),)
        case FaultKind.NETWORK_CUT:
            return (_cut("cut", _subnets(shape), shape),)
        case FaultKind.DISK_FILL | FaultKind.CPU_STRESS:
            return (_command(shape),)
        case FaultKind.ZONE_LOSS:
            return tuple(_zone_actions(shape))


def longest_seconds(shape: FaultShape) -> int:
    """How long FIS works on it at most, until the fault has been taken back."""
    return shape.duration_seconds + (DOCUMENT_MARGIN_SECONDS if shape.kind in DOCUMENTS else 0)


def _instances(shape: FaultShape) -> FaultTarget:
    filters: dict[str, tuple[pulumi.Input[str], ...]] = {"State.Name": RUNNING}
    if shape.zone is not None:
        filters["Placement.AvailabilityZone"] = (shape.zone,)
    return FaultTarget("instances", "aws:ec2:instance", shape.selection, filters)


def _subnets(shape: FaultShape) -> FaultTarget:
    filters: dict[str, tuple[pulumi.Input[str], ...]] = {}
    if shape.zone is not None:
        filters["AvailabilityZone"] = (shape.zone,)
    if shape.vpc_id is not None:
        filters["VpcId"] = (shape.vpc_id,)
    return FaultTarget("subnets", "aws:ec2:subnet", shape.selection, filters)


def _stop(name: str, target: FaultTarget, seconds: int) -> FaultAction:
    parameters = {
        "startInstancesAfterDuration": iso_duration(seconds),
        "completeIfInstancesTerminated": "true",  # an Auto Scaling group replaces what is stopped
    }
    return FaultAction(name, "aws:ec2:stop-instances", "Instances", target, parameters)


def _cut(name: str, target: FaultTarget, shape: FaultShape) -> FaultAction:
    parameters = {"duration": iso_duration(shape.duration_seconds), "scope": shape.scope.value}
    return FaultAction(name, "aws:network:disrupt-connectivity", "Subnets", target, parameters)


def _command(shape: FaultShape) -> FaultAction:
    fills = shape.kind is FaultKind.DISK_FILL
    document = DOCUMENTS[shape.kind]
    parameters = {
        "DurationSeconds": str(shape.duration_seconds),
        "Percent" if fills else "LoadPercent": str(shape.intensity_percent),
        "InstallDependencies": "True",
    }
    return FaultAction(
        "fill" if fills else "stress",
        "aws:ssm:send-command",
        "Instances",
        _instances(shape),
        {
            "documentArn": document_arn(shape.region, document),
            "documentParameters": json.dumps(parameters, separators=(",", ":")),
            "duration": iso_duration(longest_seconds(shape)),
        },
    )


def document_arn(region: str, document: str) -> str:
    """The ARN of an SSM document that belongs to AWS: it has no account."""
    return f"arn:{partition_of(region)}:ssm:{region}::document/{document}"


def _zone_actions(shape: FaultShape) -> Iterator[FaultAction]:
    """As the console's "AZ Availability: Power Interruption", from the actions that take targets by tag."""
    zone = shape.zone or ""
    if ZonePart.INSTANCES in shape.parts:
        yield _stop("stop", _instances(shape), shape.duration_seconds)
    if ZonePart.LAUNCHES in shape.parts:
        groups = FaultTarget("groups", "aws:ec2:autoscaling-group", ALL_SELECTED)
        parameters = {
            "availabilityZoneIdentifiers": zone,
            "duration": iso_duration(shape.duration_seconds),
            "percentage": "100",
        }
        yield FaultAction("refuse-launches", NO_CAPACITY_ACTION, "AutoScalingGroups", groups, parameters)
    if ZonePart.SUBNETS in shape.parts:
        yield _cut("cut", _subnets(shape), shape)
    if ZonePart.DATABASE in shape.parts:
        writers = FaultTarget("databases", "aws:rds:db", ALL_SELECTED, parameters={"availabilityZoneIdentifiers": zone})
        yield FaultAction(
            "fail-over-database", "aws:rds:reboot-db-instances", "DBInstances", writers, {"forceFailover": "true"}
        )
