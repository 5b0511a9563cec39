"""Arguments of `FaultExperiment`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi


class FaultKind(Enum):
    """What is broken on purpose."""

    TERMINATE_INSTANCES = "terminate_instances"
    """EC2 instances are gone for good; whoever owns them makes new ones."""
    STOP_INSTANCES = "stop_instances"
    """EC2 instances stop, and start again afterwards."""
    NETWORK_CUT = "network_cut"
    """Subnets lose their connections, by a network ACL that denies."""
    DISK_FILL = "disk_fill"
    """The root volumes of EC2 instances fill up."""
    CPU_STRESS = "cpu_stress"
    """EC2 instances are busy with nothing."""
    ZONE_LOSS = "zone_loss"
    """Everything tagged in one availability zone goes at once."""


class NetworkScope(Enum):
    """Which traffic a network cut denies. Traffic within a subnet always goes on."""

    ALL = "all"
    """Everything that enters or leaves the subnet."""
    AVAILABILITY_ZONE = "availability-zone"
    """Between the subnet and the VPC's subnets in other zones."""
    VPC = "vpc"
    """Everything that enters or leaves the VPC."""
    S3 = "s3"
    """To and from S3's endpoint of the region."""
    DYNAMODB = "dynamodb"
    """To and from DynamoDB's endpoint of the region."""


class ZonePart(Enum):
    """What a zone's loss takes with it."""

    INSTANCES = "instances"
    """Tagged EC2 instances in the zone stop, and start again afterwards."""
    LAUNCHES = "launches"
    """Tagged Auto Scaling groups get no capacity in the zone: otherwise they replace what was stopped at once."""
    SUBNETS = "subnets"
    """Tagged subnets of the zone lose their connections."""
    DATABASE = "database"
    """Tagged RDS instances whose writer is in the zone fail over; one that is not Multi-AZ only reboots."""


class FaultLimit(Enum):
    """A limit that an experiment may go beyond, when the reason stands beside it."""

    PRODUCTION = "production"
    """That production is spared."""
    COUNT = "count"
    """That at most 5 are hit: FIS's default quota for targets by tag, which must have been raised too."""
    PERCENT = "percent"
    """That at most 34 % of the fleet are hit: what is lost with one zone of three."""
    DURATION = "duration"
    """That it lasts an hour at most."""


class FaultExceptionArgs(TypedDict):
    """A limit that this experiment goes beyond."""

    limit: FaultLimit
    """Which limit."""
    reason: str
    """Why that is right, for whoever reads the template later: 10 to 200 characters. It stands in the description."""


class FaultExperimentImportIds(TypedDict):
    """Existing resources to adopt."""

    template: NotRequired[str]
    """The experiment template's id, e.g. `EXT123AbCdEfGhIjK`."""
    role: NotRequired[str]
    """The role's name."""
    role_policy: NotRequired[str]
    """`role:policy`, both by name."""
    log_group: NotRequired[str]
    """The log group's name."""


class FaultExperimentArgs(TypedDict):
    """One fault, whom it may hit, and what stops it."""

    kind: FaultKind
    """What is broken."""
    region: str
    """AWS region of the targets, the alarms and the template."""
    account_id: str
    """The account's 12 digits."""
    environment: str
    """Where this would run, e.g. `staging`."""
    allowed_environments: list[str]
    """Where faults may be injected at all. Production (`prod`, `production`, `prd` or `live` as a part of its name) must
    stand here and in `exceptions`."""
    stop_alarms: list[pulumi.Input[str]]
    """ARNs of 1 to 5 CloudWatch alarms, in the same region and account: one in ALARM stops the experiment, and keeps it
    from starting. They should treat missing data as breaching."""
    fleet_size: int
    """How many bear the tags, at least; for a network cut, how many subnets. At least two must stay untouched."""
    count: NotRequired[int]
    """How many are hit. Give this, `percent`, or both: then the smaller one counts."""
    percent: NotRequired[int]
    """Which share is hit, 1 to 100; FIS rounds down."""
    in_zone: NotRequired[int]
    """For a zone's loss, in place of `count` and `percent`: how many of the fleet are in the zone."""
    zone: NotRequired[str]
    """Only in this availability zone, e.g. `eu-west-1a`. A zone's loss needs it."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """For a network cut: only subnets of this VPC."""
    duration_seconds: NotRequired[int]
    """60 to 43200 seconds; over 3600 with an exception. Not for terminated instances: those do not come back."""
    scope: NotRequired[NetworkScope]
    """For a network cut; default `all`."""
    fill_percent: NotRequired[int]
    """For a disk fill: percent of the disk that are taken, 1 to 95; default 90. On a full disk Systems Manager could not
    take the fault back."""
    load_percent: NotRequired[int]
    """For CPU stress: 1 to 100; default 100."""
    zone_parts: NotRequired[list[ZonePart]]
    """For a zone's loss; default `instances`, `launches` and `subnets`. Each must have a target, or the experiment fails."""
    target_tags: NotRequired[dict[str, str]]
    """1 to 5 tags that a target must bear, all of them; default `seawall:faults` = the environment. Targets are never
    named in any other way."""
    volume_key_arns: NotRequired[list[str]]
    """KMS keys of your own that encrypt the instances' volumes: without a grant stopped instances cannot start again."""
    exceptions: NotRequired[list[FaultExceptionArgs]]
    """Limits that this experiment goes beyond, each with its reason. One that is not needed is refused."""
    role_arn: NotRequired[pulumi.Input[str]]
    """A role that exists, in place of the one that is declared."""
    permissions_boundary_arn: NotRequired[str]
    """ARN of a policy that bounds the declared role, where the account asks for one."""
    log_group_arn: NotRequired[pulumi.Input[str]]
    """A log group that exists, in place of the one that is declared."""
    log_retention_days: NotRequired[int]
    """Of the declared log group: one of CloudWatch's periods, in days; default 90."""
    import_ids: NotRequired[FaultExperimentImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for the template, the role and the log group."""
