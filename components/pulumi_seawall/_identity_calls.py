"""Which calls of AWS's APIs Seawall's code makes for whom, and the policies that follow.

This table is the one source of the policies. A test runs the code, has botocore record what goes out, and compares: a call
that is not here would be denied in production, and one that nobody makes would be allowed for nothing. What the code does
not do yet (`callers` is empty) is prepared here, and the test says which calls those are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pulumi

from pulumi_seawall._arns import arn, partition_of
from pulumi_seawall._identity_args import WorkloadPurpose
from pulumi_seawall._policy import Statement, in_regions

# Where the control planes of global services are, as `aws:RequestedRegion` has it: botocore's endpoints.json.
GLOBAL_REGIONS: Final = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}


class On(Enum):
    """What a call is made on."""

    DOCUMENTS = "the two topology parameters"
    LIVE_DOCUMENT = "the live topology parameter"
    NAMED_DATABASES = "the databases that are named"
    DATABASES = "any RDS instance"
    SUBNET_GROUPS = "any subnet group of RDS"
    PARAMETER_GROUPS = "any parameter group of RDS"
    HEALTH_CHECKS = "the health checks, all or those that are named"
    ZONES = "any hosted zone"
    ALARMS = "any alarm"
    SWITCH_OBJECTS = "the switches' objects in S3"
    ROUTING_CONTROLS = "the routing controls"
    REGION = "whatever is in the region: IAM knows no resource"
    GLOBAL = "whatever is in a global service: IAM knows no resource"


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Args:
        service: boto3's name of the service.
        operation: As botocore has it.
        on: What it is made on.
        callers: The modules whose code makes it; none while that is not written.
        action: IAM's name, where it is not the service's and the operation's.
    """

    service: str
    operation: str
    on: On
    callers: tuple[str, ...] = ()
    action: str = ""

    @property
    def permission(self) -> str:
        """As IAM names it."""
        return self.action or f"{self.service}:{self.operation}"


TOPOLOGY: Final = "seawall.topology"
ADOPT: Final = "seawall_ops.adopt"
EXPLAIN: Final = "seawall_ops.explain"

CALLS: Final[Mapping[WorkloadPurpose, tuple[Call, ...]]] = {
    WorkloadPurpose.APP: (Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY,)),),
    WorkloadPurpose.OBSERVER: (
        Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY,)),
        Call("route53", "GetHealthCheck", On.HEALTH_CHECKS),
        Call("route53", "GetHealthCheckStatus", On.HEALTH_CHECKS),
        Call("cloudwatch", "DescribeAlarms", On.ALARMS),
        Call("cloudwatch", "GetMetricData", On.REGION),
    ),
    WorkloadPurpose.OPERATOR: (
        Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY,)),
        Call("ssm", "PutParameter", On.LIVE_DOCUMENT),
        Call("rds", "DescribeDBInstances", On.NAMED_DATABASES),
        Call("rds", "PromoteReadReplica", On.NAMED_DATABASES),
        Call("route53", "GetHealthCheckStatus", On.HEALTH_CHECKS),
        Call("s3", "GetObject", On.SWITCH_OBJECTS),
        Call("s3", "PutObject", On.SWITCH_OBJECTS),
        Call("s3", "DeleteObject", On.SWITCH_OBJECTS),
        Call("route53-recovery-cluster", "GetRoutingControlState", On.ROUTING_CONTROLS),
        Call("route53-recovery-cluster", "UpdateRoutingControlState", On.ROUTING_CONTROLS),
    ),
    WorkloadPurpose.SURVEYOR: (
        Call("route53", "ListHostedZones", On.GLOBAL, (ADOPT, EXPLAIN)),
        Call("route53", "ListResourceRecordSets", On.ZONES, (ADOPT, EXPLAIN)),
        Call("route53", "ListHealthChecks", On.GLOBAL, (ADOPT, EXPLAIN)),
        Call("route53", "GetHostedZone", On.ZONES, (EXPLAIN,)),
        Call("route53", "GetHealthCheckStatus", On.HEALTH_CHECKS, (EXPLAIN,)),
        Call("route53", "ListTagsForResources", On.HEALTH_CHECKS, (EXPLAIN,)),
        Call("cloudwatch", "DescribeAlarms", On.ALARMS, (ADOPT,)),
        Call("rds", "DescribeDBInstances", On.DATABASES, (ADOPT,)),
        Call("rds", "DescribeDBSubnetGroups", On.SUBNET_GROUPS, (ADOPT,)),
        Call("rds", "DescribeDBParameters", On.PARAMETER_GROUPS, (ADOPT,)),
        Call("backup", "ListBackupVaults", On.REGION, (ADOPT,)),
        Call("backup", "ListBackupPlans", On.REGION, (ADOPT,)),
    ),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What in particular an identity reaches.

    Args:
        account_id: Of the resources.
        regions: At least one.
        parameters: Names of the declared and the live parameter.
        arbiter_region: Beyond those, of the live document that counts.
        databases: Region and identifier of each.
        logins: Region, resource id and user of each.
        health_check_ids: Those that are named; empty for all.
        switch_object_arns: Of S3.
        routing_control_arns: Of ARC.
    """

    account_id: str
    regions: tuple[str, ...]
    parameters: tuple[str, str]
    arbiter_region: str | None = None
    databases: tuple[tuple[str, str], ...] = ()
    logins: tuple[tuple[str, pulumi.Input[str], str], ...] = ()
    health_check_ids: tuple[pulumi.Input[str], ...] = ()
    switch_object_arns: tuple[pulumi.Input[str], ...] = ()
    routing_control_arns: tuple[pulumi.Input[str], ...] = ()

    @property
    def partition(self) -> str:
        """AWS's partition that the regions are in, e.g. `aws-cn`."""
        return partition_of(self.regions[0])

    def in_each_region(self, service: str, *resources: str) -> tuple[str, ...]:
        """The ARNs of some resources of a service, in each region."""
        return tuple(arn(service, region, self.account_id, each) for region in self.regions for each in resources)

    @property
    def arbiter_documents(self) -> tuple[str, ...]:
        """The ARN of the live document that counts, where that is in a region of its own."""
        if self.arbiter_region is None:
            return ()
        return (arn("ssm", self.arbiter_region, self.account_id, f"parameter{self.parameters[1]}"),)

    def resources(self, on: On) -> tuple[pulumi.Input[str], ...]:
        """ARNs; empty when nothing of that kind is in reach, so that nothing is allowed on it."""
        route53 = f"arn:{self.partition}:route53:::"
        declared, live = self.parameters
        match on:
            case On.DOCUMENTS:
                return self.in_each_region("ssm", f"parameter{declared}", f"parameter{live}") + self.arbiter_documents
            case On.LIVE_DOCUMENT:
                return self.in_each_region("ssm", f"parameter{live}") + self.arbiter_documents
            case On.NAMED_DATABASES:
                return tuple(arn("rds", region, self.account_id, f"db:{name}") for region, name in self.databases)
            case On.DATABASES:
                return self.in_each_region("rds", "db:*")
            case On.SUBNET_GROUPS:
                return self.in_each_region("rds", "subgrp:*")
            case On.PARAMETER_GROUPS:
                return self.in_each_region("rds", "pg:*")
            case On.HEALTH_CHECKS:
                return tuple(_joined(f"{route53}healthcheck/", id_) for id_ in self.health_check_ids) or (
                    f"{route53}healthcheck/*",
                )
            case On.ZONES:
                return (f"{route53}hostedzone/*",)
            case On.ALARMS:
                return self.in_each_region("cloudwatch", "alarm:*")
            case On.SWITCH_OBJECTS:
                return self.switch_object_arns
            case On.ROUTING_CONTROLS:
                return self.routing_control_arns
            case On.REGION | On.GLOBAL:
                return ("*",)


def workload_statements(purpose: WorkloadPurpose, reach: Reach) -> list[Statement]:
    """The policy of a purpose: a statement for each kind of thing that its calls are made on."""
    return [*_from_calls(CALLS[purpose], reach), *_logins(reach)]


def _from_calls(calls: Sequence[Call], reach: Reach) -> Iterator[Statement]:
    kinds = list(dict.fromkeys(call.on for call in calls))
    for on in kinds:
        resources = reach.resources(on)
        if resources:
            actions = tuple(call.permission for call in calls if call.on is on)
            sid = "".join(part.capitalize() for part in on.name.split("_"))
            yield Statement(sid, actions, resources, _where(on, reach))


def _where(on: On, reach: Reach) -> dict[str, dict[str, list[str]]]:
    """An ARN names its region; what has none is held to the regions by a condition."""
    if on is On.REGION:
        return in_regions(*reach.regions)
    return in_regions(GLOBAL_REGIONS[reach.partition]) if on is On.GLOBAL else {}


def _logins(reach: Reach) -> Iterator[Statement]:
    """Logging in is no call: the database itself asks IAM whether the token's owner may."""
    if reach.logins:
        resources = tuple(
            _joined(arn("rds-db", region, reach.account_id, "dbuser:"), resource_id, f"/{username}")
            for region, resource_id, username in reach.logins
        )
        yield Statement("LogIn", ("rds-db:connect",), resources)


def _joined(start: str, middle: pulumi.Input[str], end: str = "") -> pulumi.Input[str]:
    """The three as one text: known now when the middle is."""
    return f"{start}{middle}{end}" if isinstance(middle, str) else pulumi.Output.concat(start, middle, end)
