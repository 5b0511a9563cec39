"""Arguments of `ReplicatedDatabase`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._failover_args import ObjectivesArgs, WaiverArgs


class DatabaseEngine(Enum):
    """What RDS replicates across regions instance by instance. Aurora replicates otherwise and is refused."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    MARIADB = "mariadb"


class LagMeasure(Enum):
    """How far replicas are behind, as an alarm can see it."""

    POSITION = "position"
    """PostgreSQL: bytes of WAL that the farthest replica has not received (`OldestReplicationSlotLag` of the writer).
    Right also while nothing is written."""
    HEARTBEAT = "heartbeat"
    """Seconds (`ReplicaLag` of each replica). On PostgreSQL it rises to five minutes while nothing is written, so
    something must write a row every few seconds."""


class MissingData(Enum):
    """What an alarm makes of missing data: always a choice, never a default."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


class DatabaseAlarmsArgs(TypedDict):
    """When the alarms of each member ring. Every one looks at minutes."""

    missing_data: MissingData
    """What missing data means for a metric that the member should have."""
    lag: NotRequired[LagMeasure]
    """Default: `position` for PostgreSQL, `heartbeat` for MySQL and MariaDB, which have no positions in CloudWatch."""
    lag_limit_seconds: NotRequired[float]
    """The lag that predictions count with as the worst; with `heartbeat` the alarm rings above it. Default 30, or the
    recovery point for the loss of a region where that is less."""
    lag_limit_bytes: NotRequired[int]
    """With `position` the alarm rings above it; default 134 217 728: two WAL segments of RDS. State what your writes take
    in `lag_limit_seconds`."""
    cpu_ratio: NotRequired[float]
    """Share of the CPU, above 0 and at most 1; default 0.9."""
    free_storage_ratio: NotRequired[float]
    """Share of `storage_gib` that must stay free, above 0 and below 1; default 0.1."""
    connections_ratio: NotRequired[float]
    """Share of `max_connections` in use, above 0 and at most 1; default 0.8."""


class SpanArgs(TypedDict):
    """How long something takes, as you state it."""

    typical_seconds: float
    """What to expect, in seconds."""
    worst_seconds: float
    """What can happen, in seconds; at least the typical value."""


class DatabaseRecoveryArgs(TypedDict):
    """Times that predictions rest on and nobody can compute; what is absent is assumed. All stay assumptions."""

    decision_seconds: NotRequired[SpanArgs]
    """From an alarm until somebody, or something, says fail over; assumed 300 to 900."""
    fence_seconds: NotRequired[SpanArgs]
    """Until the old writer can take no more writes; assumed 15 to 60."""
    promotion_seconds: NotRequired[SpanArgs]
    """Of a replica, with its reboot; assumed 300 to 1200."""
    restore_seconds: NotRequired[SpanArgs]
    """Of a backup into a new instance; assumed 1800 to 14 400."""
    capacity_seconds: NotRequired[SpanArgs]
    """Until the region that takes over can carry the load; assumed none."""
    client_cache_seconds: NotRequired[float]
    """The longest that clients keep an answer of DNS beyond its TTL; assumed 30, a JVM's own cache."""


class WriterNameArgs(TypedDict):
    """A name for whichever member writes, in a private zone: exactly one of `zone_id` and `zone_name`."""

    name: str
    """Fully qualified, e.g. `db.shop.internal`."""
    zone_id: NotRequired[pulumi.Input[str]]
    """An existing private zone that holds the name."""
    zone_name: NotRequired[str]
    """A private zone to declare, e.g. `shop.internal`, for the VPCs of all members."""
    ttl_seconds: NotRequired[int]
    """0 to 30; default 5: after a promotion clients go on to the old writer for that long."""


class DatabaseMemberArgs(TypedDict):
    """One instance in one region. All members are alike: which one writes is said by `writer` alone."""

    region: str
    """AWS region. For a replica a change builds a new one before the old is deleted; for the writer it is refused."""
    name: NotRequired[str]
    """What the member is called, in resource names too; default its region. It never says a role."""
    instance_class: str
    """E.g. `db.r6g.large`."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """Where a security group is declared; with `allowed_cidrs`."""
    subnet_ids: NotRequired[list[pulumi.Input[str]]]
    """At least two subnets of this region, for a subnet group that is declared."""
    subnet_group_arn: NotRequired[pulumi.Input[str]]
    """An existing subnet group of this region instead of `subnet_ids`."""
    allowed_cidrs: NotRequired[list[pulumi.Input[str]]]
    """Networks that may connect; never the whole internet."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Existing security groups of this region instead of `vpc_id` and `allowed_cidrs`."""
    parameter_group_name: NotRequired[pulumi.Input[str]]
    """An existing parameter group of this region instead of a declared one."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """An existing key of this region; without it one is declared. A later change is refused."""
    identifier: NotRequired[str]
    """The instance's identifier: 1 to 63 lower-case letters, digits and single hyphens, a letter first, no hyphen last.
    Default: project, stack, component and member, cut to fit. A later change is refused."""
    multi_az: NotRequired[bool]
    """A second zone for a replica; the writer always has one. Default: no, and a replica that has one keeps it."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics of this region."""
    import_id: NotRequired[str]
    """Identifier of an existing instance to adopt. It is taken over as it is: nothing is changed on it until this key is
    taken out again; then the declared settings are applied in place."""


class ReplicatedDatabaseArgs(TypedDict):
    """A database in several regions: one member writes, the others follow it asynchronously."""

    engine: DatabaseEngine
    """`postgres`, `mysql` or `mariadb`."""
    engine_version: str
    """The major version only, e.g. `17`, `8.4` or `11.4`: RDS upgrades minors by itself."""
    members: list[DatabaseMemberArgs]
    """One per region."""
    writer: str
    """Name of the member that writes. After a promotion outside of Pulumi this is what changes, and nothing is replaced."""
    created_in: NotRequired[str]
    """Name of the member in which the database is created, empty, when it does not exist yet. It stays when the writer
    changes. Without it nothing is ever created empty: the writer must exist."""
    rebuild_as_replica: NotRequired[dict[str, str]]
    """Members that are deleted and built anew as a replica, each with the name of the writer it follows. Only for members
    that `unprotected` names, too; not the writer. An entry that names a former writer is refused."""
    unprotected: NotRequired[list[str]]
    """Names of members that may be deleted; deploy this before their deletion. Never the writer."""
    database_name: str
    """Name of the database that is created with the instance."""
    username: str
    """The master user."""
    password: pulumi.Input[str]
    """The master user's password, kept as a secret. Replicas have the writer's."""
    storage_gib: int
    """GiB at creation, 20 to 65 536; a larger number grows the writer in place."""
    storage_limit_gib: NotRequired[int]
    """GiB to which RDS may grow it by itself; at least a tenth above `storage_gib`."""
    max_connections: int
    """The same on every member: a PostgreSQL standby with fewer than its writer does not start."""
    parameters: NotRequired[dict[str, str]]
    """Further parameters for the declared parameter groups; applied at the next reboot."""
    port: NotRequired[int]
    """1150 to 65 535; default the engine's own."""
    backup_retention_days: NotRequired[int]
    """1 to 35 days of automated backups on the writer; default 7. Replicas cannot be made from a source without."""
    deletion_protection: NotRequired[bool]
    """Whether RDS refuses to delete the members; default yes."""
    keep_backups: NotRequired[bool]
    """Whether a deletion leaves a final snapshot, the automated backups and the keys that they need; default yes."""
    allow_major_version_upgrade: NotRequired[bool]
    """For the deployment that raises `engine_version`; default no. Upgrade replicas before."""
    epoch: NotRequired[int]
    """How many failovers have been adopted; default 0. Keeps names of final snapshots apart."""
    alarms: DatabaseAlarmsArgs
    """When the alarms ring."""
    writer_name: NotRequired[WriterNameArgs]
    """A short-lived private name that follows the writer."""
    objectives: NotRequired[ObjectivesArgs]
    """What the service promises; what replication cannot meet is refused."""
    recovered_elsewhere: NotRequired[list[str]]
    """Failure classes that this alone does not recover from and something beside it does, a `BackupPlan`: of `region`,
    `corruption`, `account`. They are not warned of here."""
    recovery: NotRequired[DatabaseRecoveryArgs]
    """Times of your own for the predictions."""
    waivers: NotRequired[list[WaiverArgs]]
    """Objectives that are known not to be met, each until a date; with `objectives`."""
    tags: NotRequired[dict[str, str]]
    """Tags for everything that has tags, beside `Name` and `seawall:component`."""
