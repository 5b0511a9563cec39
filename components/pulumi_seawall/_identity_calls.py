"""Which calls of AWS's APIs Seawall's code makes for whom, and the policies that follow.

This table is the one source of the policies. A test runs the code, has botocore record what goes out, and compares: a call
that is not here would be denied in production, and one that nobody makes would be allowed for nothing. Sources of what IAM
wants for a call: the Service Authorization Reference, and of S3 the API reference, "HeadObject" (who may not list the bucket
is told "denied" of an object that is not there).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pulumi

from pulumi_seawall._arns import arn, partition_of
from pulumi_seawall._identity_args import WorkloadPurpose
from pulumi_seawall._policy import Statement, in_regions
from seawall.contract import BACKUP_METRICS_NAMESPACE

# Where the control planes of global services are, as `aws:RequestedRegion` has it: botocore's endpoints.json.
GLOBAL_REGIONS: Final = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}


ITEMS_KEY: Final = "dynamodb:LeadingKeys"
ONLY: Final = "ForAllValues:StringEquals"
NAMESPACE_KEY: Final = "cloudwatch:namespace"


class On(Enum):
    """What a call is made on."""

    DOCUMENTS = "the two topology parameters"
    LIVE_DOCUMENT = "the live topology parameter"
    NAMED_DATABASES = "the databases that are named"
    DATABASES = "any RDS instance"
    REPLACED_DATABASES = "the databases that are named, and those that they have replaced"
    REPLICA_PARTS = (
        "what an instance is made with: any option, parameter and subnet group of the named databases' regions"
    )
    KEYS = "any key of the named databases' regions"
    KEYS_BY_RDS = "any such key, by way of RDS"
    MONITORING_ROLES = "any role, handed on to RDS's monitoring"
    SECURITY_GROUPS = "any VPC of the named databases' regions, and a new security group in it"
    NEIGHBORS = "any RDS instance of the named databases' regions, to see whom a fence would cut off, too"
    DATABASE_EVENTS = "what has happened to the named databases"
    DATABASE_REGIONS = "whatever is in the named databases' regions: IAM knows no resource"
    NETWORK_ACLS = "any network ACL of the named databases' regions"
    REPLICATED_BACKUPS = "any automated backup that is replicated"
    BOARD = "the items of the cluster in the table of votes"
    LEASES = "the items of the cluster in the table of leases"
    JOURNALS = "the table of journals and records"
    SUBNET_GROUPS = "any subnet group of RDS"
    PARAMETER_GROUPS = "any parameter group of RDS"
    HEALTH_CHECKS = "the health checks, all or those that are named"
    ZONES = "any hosted zone"
    ALARMS = "any alarm"
    SWITCH_OBJECTS = "the switches' objects in S3"
    SWITCH_BUCKETS = "the buckets of the switches' objects"
    ROUTING_CONTROLS = "the routing controls"
    BACKUP_METRICS = "the metric of backups' ages: IAM knows no resource, and a namespace"
    REGION = "whatever is in the region: IAM knows no resource"
    GLOBAL = "whatever is in a global service: IAM knows no resource"


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Args:
        service: boto3's name of the service.
        operation: As botocore has it.
        on: What it is made on.
        callers: The modules whose code makes it, or prints it for an operator.
        action: IAM's name, where it is not the service's and the operation's.
    """

    service: str
    operation: str
    on: On
    callers: tuple[str, ...]
    action: str = ""

    @property
    def permission(self) -> str:
        """As IAM names it."""
        return self.action or f"{self.service}:{self.operation}"


TOPOLOGY: Final = "seawall.topology"
ADOPT: Final = "seawall_ops.adopt"
AUDIT: Final = "seawall_ops.audit.tables"
BACKUPS: Final = "seawall_ops.backups"
BOARD: Final = "seawall_ops.failover.store_dynamodb"
EXPLAIN: Final = "seawall_ops.explain"
JOURNALS: Final = "seawall_ops.steps.dynamodb"
LEASES: Final = "seawall_ops.lease.dynamodb"
LIVE: Final = "seawall_ops.failover.plans.ssm"
OBSERVE: Final = "seawall_ops.failover.observe"
PRINTED: Final = "pulumi_seawall.FailoverSwitch"  # its outputs are commands, which an operator runs by hand
RDS: Final = "seawall_ops.failover.plans.rds"
SWITCH: Final = "seawall_ops.failover.plans.switches"

# Before the cluster's name: of a failover, and of the rebuild after it.
LEASE_KEYS: Final = ("lease/failover-", "fence/failover-", "lease/rebuild-", "fence/rebuild-")
LONGEST_STEM: Final = 47  # characters of a name that one which is put aside keeps, before `-before-` and eight more
MONITORING: Final = "monitoring.rds.amazonaws.com"

_BOARD: Final = (
    Call("dynamodb", "Query", On.BOARD, (BOARD,)),
    Call("dynamodb", "PutItem", On.BOARD, (BOARD,)),
    Call("dynamodb", "DeleteItem", On.BOARD, (BOARD,)),
)

# The last two are what RDS does in the caller's name, for an encrypted instance and for one with enhanced monitoring.
_REBUILD: Final = (
    Call("rds", "AddTagsToResource", On.NAMED_DATABASES, (RDS,)),
    Call("rds", "CreateDBInstanceReadReplica", On.NAMED_DATABASES, (RDS,)),
    Call("rds", "CreateDBInstanceReadReplica", On.REPLICA_PARTS, (RDS,)),
    Call("rds", "ModifyDBInstance", On.REPLACED_DATABASES, (RDS,)),
    Call("rds", "ModifyDBInstance", On.REPLICA_PARTS, (RDS,)),
    Call("rds", "DescribeAccountAttributes", On.DATABASE_REGIONS, (RDS,)),
    Call("ec2", "DescribeSecurityGroups", On.DATABASE_REGIONS, (RDS,)),
    Call("ec2", "CreateSecurityGroup", On.SECURITY_GROUPS, (RDS,)),
    Call("kms", "DescribeKey", On.KEYS, (RDS,)),
    Call("rds", "CreateDBInstanceReadReplica", On.KEYS_BY_RDS, (RDS,), "kms:CreateGrant"),
    Call("rds", "CreateDBInstanceReadReplica", On.MONITORING_ROLES, (RDS,), "iam:PassRole"),
)

CALLS: Final[Mapping[WorkloadPurpose, tuple[Call, ...]]] = {
    WorkloadPurpose.APP: (Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY,)),),
    WorkloadPurpose.OBSERVER: (
        Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY,)),
        *_BOARD,
        Call("rds", "DescribeDBInstances", On.NAMED_DATABASES, (OBSERVE,)),
    ),
    WorkloadPurpose.OPERATOR: (
        Call("ssm", "GetParameters", On.DOCUMENTS, (TOPOLOGY, LIVE)),
        Call("ssm", "GetParameterHistory", On.LIVE_DOCUMENT, (LIVE,)),
        Call("ssm", "PutParameter", On.LIVE_DOCUMENT, (LIVE,)),
        *_BOARD,
        Call("dynamodb", "GetItem", On.LEASES, (LEASES,)),
        Call("dynamodb", "PutItem", On.LEASES, (LEASES,)),
        Call("dynamodb", "UpdateItem", On.LEASES, (LEASES,)),
        Call("dynamodb", "GetItem", On.JOURNALS, (JOURNALS, AUDIT)),
        Call("dynamodb", "PutItem", On.JOURNALS, (JOURNALS, AUDIT)),
        Call("rds", "DescribeDBInstances", On.NEIGHBORS, (OBSERVE, RDS)),
        Call("rds", "DescribeEvents", On.DATABASE_EVENTS, (RDS,)),
        Call("rds", "PromoteReadReplica", On.NAMED_DATABASES, (RDS,)),
        Call("rds", "RebootDBInstance", On.NAMED_DATABASES, (RDS,)),
        Call("cloudwatch", "GetMetricData", On.DATABASE_REGIONS, (RDS,)),
        Call("ec2", "DescribeNetworkAcls", On.DATABASE_REGIONS, (RDS,)),
        Call("ec2", "DescribeNetworkInterfaces", On.DATABASE_REGIONS, (RDS,)),
        Call("ec2", "CreateNetworkAclEntry", On.NETWORK_ACLS, (RDS,)),
        Call("ec2", "DeleteNetworkAclEntry", On.NETWORK_ACLS, (RDS,)),
        Call("ec2", "CreateTags", On.NETWORK_ACLS, (RDS,)),
        Call("ec2", "DeleteTags", On.NETWORK_ACLS, (RDS,)),
        *_REBUILD,
        Call("s3", "ListObjectsV2", On.SWITCH_BUCKETS, (SWITCH,), "s3:ListBucket"),
        Call("s3", "HeadObject", On.SWITCH_OBJECTS, (PRINTED,), "s3:GetObject"),
        Call("s3", "PutObject", On.SWITCH_OBJECTS, (SWITCH, PRINTED)),
        Call("s3", "DeleteObject", On.SWITCH_OBJECTS, (SWITCH, PRINTED)),
        Call("route53-recovery-cluster", "GetRoutingControlState", On.ROUTING_CONTROLS, (SWITCH, PRINTED)),
        Call("route53-recovery-cluster", "UpdateRoutingControlStates", On.ROUTING_CONTROLS, (SWITCH, PRINTED)),
    ),
    WorkloadPurpose.BACKUP_WATCHER: (
        Call("rds", "DescribeDBInstanceAutomatedBackups", On.REPLICATED_BACKUPS, (BACKUPS,)),
        Call("backup", "ListRecoveryPointsByResource", On.REGION, (BACKUPS,)),
        Call("cloudwatch", "PutMetricData", On.BACKUP_METRICS, (BACKUPS,)),
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
        cluster: Whose items of the boards and leases, as a failover's settings name it.
        board_table_arn: Of votes, in DynamoDB; `None`: it is elsewhere. The other two likewise.
        leases_table_arn: Of leases.
        journals_table_arn: Of journals and records.
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
    cluster: str = ""
    board_table_arn: pulumi.Input[str] | None = None
    leases_table_arn: pulumi.Input[str] | None = None
    journals_table_arn: pulumi.Input[str] | None = None

    @property
    def partition(self) -> str:
        """AWS's partition that the regions are in, e.g. `aws-cn`."""
        return partition_of(self.regions[0])

    def in_each_region(self, service: str, *resources: str) -> tuple[str, ...]:
        """The ARNs of some resources of a service, in each region."""
        return tuple(arn(service, region, self.account_id, each) for region in self.regions for each in resources)

    @property
    def database_regions(self) -> tuple[str, ...]:
        """Regions of the named databases, each once."""
        return tuple(dict.fromkeys(region for region, _ in self.databases))

    def near_databases(self, service: str, resource: str) -> tuple[str, ...]:
        """The ARN of some resource of a service, in each region of a named database."""
        return tuple(arn(service, region, self.account_id, resource) for region in self.database_regions)

    @property
    def replaced_databases(self) -> tuple[str, ...]:
        """The ARNs under which an operator keeps old writers."""
        return tuple(
            arn("rds", region, self.account_id, f"db:{name[:LONGEST_STEM].rstrip('-')}-before-*")
            for region, name in self.databases
        )

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
            case On.REPLACED_DATABASES:
                return (*self.resources(On.NAMED_DATABASES), *self.replaced_databases)
            case On.REPLICA_PARTS:
                return tuple(
                    each for kind in ("og", "pg", "subgrp") for each in self.near_databases("rds", f"{kind}:*")
                )
            case On.KEYS | On.KEYS_BY_RDS:
                return self.near_databases("kms", "key/*")
            case On.MONITORING_ROLES:
                return (f"arn:{self.partition}:iam::{self.account_id}:role/*",) if self.databases else ()
            case On.SECURITY_GROUPS:
                return (*self.near_databases("ec2", "security-group/*"), *self.near_databases("ec2", "vpc/*"))
            case On.NEIGHBORS:
                return self.near_databases("rds", "db:*")
            case On.DATABASE_EVENTS:
                return (*self.near_databases("rds", "es:*"), *self.resources(On.NAMED_DATABASES))
            case On.DATABASE_REGIONS:
                return ("*",) if self.databases else ()
            case On.NETWORK_ACLS:
                return self.near_databases("ec2", "network-acl/*")
            case On.REPLICATED_BACKUPS:
                return self.in_each_region("rds", "auto-backup:*", "db:*")
            case On.BOARD:
                return _given(self.board_table_arn)
            case On.LEASES:
                return _given(self.leases_table_arn)
            case On.JOURNALS:
                return _given(self.journals_table_arn)
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
            case On.SWITCH_BUCKETS:
                return tuple(_bucket(each) for each in self.switch_object_arns)
            case On.ROUTING_CONTROLS:
                return self.routing_control_arns
            case On.REGION | On.GLOBAL | On.BACKUP_METRICS:
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
    match on:
        case On.REGION:
            return in_regions(*reach.regions)
        case On.DATABASE_REGIONS:
            return in_regions(*reach.database_regions)
        case On.KEYS_BY_RDS:
            suffix = ".cn" if reach.partition == "aws-cn" else ""
            via = [f"rds.{region}.amazonaws.com{suffix}" for region in reach.database_regions]
            return {"StringEquals": {"kms:ViaService": via}, "Bool": {"kms:GrantIsForAWSResource": ["true"]}}
        case On.MONITORING_ROLES:
            return {"StringEquals": {"iam:PassedToService": [MONITORING]}}
        case On.GLOBAL:
            return in_regions(GLOBAL_REGIONS[reach.partition])
        case On.BACKUP_METRICS:
            return {
                "StringEquals": {
                    **in_regions(*reach.regions)["StringEquals"],
                    NAMESPACE_KEY: [BACKUP_METRICS_NAMESPACE],
                }
            }
        case On.BOARD:
            return {ONLY: {ITEMS_KEY: [reach.cluster]}}
        case On.LEASES:
            return {ONLY: {ITEMS_KEY: [f"{key}{reach.cluster}" for key in LEASE_KEYS]}}
        case _:
            return {}


def _given(table_arn: pulumi.Input[str] | None) -> tuple[pulumi.Input[str], ...]:
    return () if table_arn is None else (table_arn,)


def _bucket(object_arn: pulumi.Input[str]) -> pulumi.Input[str]:
    """The ARN of an object's bucket."""
    if isinstance(object_arn, str):
        return object_arn.partition("/")[0]
    return pulumi.Output.from_input(object_arn).apply(lambda known: known.partition("/")[0])


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
