"""The `database` section of `Pulumi.<env>.yaml`. Limits: see `pulumi_seawall.ReplicatedDatabase`, which checks the values."""

import ipaddress
from typing import Self

from pydantic import Field, model_validator

from pulumi_seawall import DatabaseEngine, LagMeasure, MissingData
from seawall.errors import InvalidInput
from stacks.section import Section

SUBNET_BITS = 4  # a sixteenth of the network for each zone's subnet: room for others beside the database's
LONGEST_PREFIX = 24  # RDS wants free addresses in each subnet: a /28 is the smallest that EC2 makes
ZONES = 2  # RDS: a subnet group covers at least two


class Network(Section):
    """A VPC that is declared with the database, for who has none: private subnets only, no way to the internet."""

    cidr: str
    """IPv4, up to /24, e.g. `10.10.0.0/16`; of no other region."""
    zones: tuple[str, ...]
    """At least two availability zones, e.g. `eu-west-1a`."""

    @model_validator(mode="after")
    def _is_large_enough(self) -> Self:
        try:
            network = ipaddress.IPv4Network(self.cidr)
        except ValueError as error:
            raise InvalidInput("network.cidr", self.cidr, allowed="an IPv4 network, e.g. 10.10.0.0/16") from error
        if network.prefixlen > LONGEST_PREFIX or not network.is_private:
            raise InvalidInput("network.cidr", self.cidr, allowed=f"a private network, /{LONGEST_PREFIX} or larger")
        if len(set(self.zones)) < ZONES or len(self.zones) > 2**SUBNET_BITS:
            raise InvalidInput("network.zones", ", ".join(self.zones), allowed=f"{ZONES} to {2**SUBNET_BITS} zones")
        return self

    def subnets(self) -> list[tuple[str, str]]:
        """Zone and CIDR block of each subnet."""
        blocks = ipaddress.IPv4Network(self.cidr).subnets(prefixlen_diff=SUBNET_BITS)
        return [(zone, str(block)) for zone, block in zip(self.zones, blocks, strict=False)]


class DatabaseMember(Section):
    """One instance; see `DatabaseMemberArgs`."""

    region: str
    name: str | None = None
    instance_class: str
    network: Network | None = None
    """Declares the VPC and its subnets, instead of `vpc_id` and `subnet_ids`."""
    vpc_id: str | None = None
    subnet_ids: tuple[str, ...] | None = None
    subnet_group_arn: str | None = None
    allowed_cidrs: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    parameter_group_name: str | None = None
    kms_key_arn: str | None = None
    identifier: str | None = None
    multi_az: bool | None = None
    alarm_actions: tuple[str, ...] | None = None
    import_id: str | None = None

    @property
    def member(self) -> str:
        """What the member is called."""
        return self.name or self.region


class DatabaseAlarms(Section):
    """See `DatabaseAlarmsArgs`."""

    missing_data: MissingData
    lag: LagMeasure | None = None
    lag_limit_seconds: float | None = None
    lag_limit_bytes: int | None = None
    cpu_ratio: float | None = None
    free_storage_ratio: float | None = None
    connections_ratio: float | None = None


class WriterName(Section):
    """See `WriterNameArgs`."""

    name: str
    zone_id: str | None = None
    zone_name: str | None = None
    ttl_seconds: int | None = None


class Span(Section):
    """See `SpanArgs`."""

    typical_seconds: float
    worst_seconds: float


class DatabaseRecovery(Section):
    """See `DatabaseRecoveryArgs`."""

    decision_seconds: Span | None = None
    fence_seconds: Span | None = None
    promotion_seconds: Span | None = None
    restore_seconds: Span | None = None
    capacity_seconds: Span | None = None
    client_cache_seconds: float | None = None


class Waiver(Section):
    """See `WaiverArgs`."""

    key: str
    until: str
    reason: str


class DatabaseSettings(Section):
    """See `ReplicatedDatabaseArgs`; the epoch, the objectives, the password and the tags are the environment's."""

    engine: DatabaseEngine
    engine_version: str
    members: tuple[DatabaseMember, ...]
    writer: str
    created_in: str | None = None
    rebuild_as_replica: dict[str, str] = Field(default_factory=dict[str, str])
    unprotected: tuple[str, ...] = ()
    database_name: str
    username: str
    storage_gib: int
    storage_limit_gib: int | None = None
    max_connections: int
    parameters: dict[str, str] = Field(default_factory=dict[str, str])
    port: int | None = None
    backup_retention_days: int | None = None
    deletion_protection: bool | None = None
    """Default: as `protect`."""
    keep_backups: bool | None = None
    """Default: as `protect`."""
    allow_major_version_upgrade: bool | None = None
    alarms: DatabaseAlarms
    writer_name: WriterName | None = None
    recovery: DatabaseRecovery | None = None
    waivers: tuple[Waiver, ...] = ()
