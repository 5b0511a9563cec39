"""What was seen of an estate, as plain data: the same from an account and from a state. Never a secret."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Alarm", "BackupObject", "Check", "Estate", "Instance", "Record", "Target", "Zone", "plain_name"]

OCTAL: Final = re.compile(r"\\([0-7]{3})")  # how Route 53 writes what is no letter, digit or hyphen, e.g. \052 for *


def plain_name(name: str) -> str:
    """A name as people write it: lower-case, no trailing dot, `*` for `\\052`."""
    return OCTAL.sub(lambda code: chr(int(code[1], 8)), name).rstrip(".").lower()


@dataclass(frozen=True, slots=True)
class Zone:
    """A hosted zone: `private` ones answer VPCs only."""

    id: str
    name: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What an alias record points at."""

    dns_name: str
    zone_id: str
    evaluates_health: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One record set. `policy` is `simple`, `failover`, or the name of another routing policy."""

    zone_id: str
    name: str
    type: str
    policy: str = "simple"
    set_identifier: str | None = None
    failover: str | None = None
    ttl_seconds: int | None = None
    values: tuple[str, ...] = ()
    alias: Target | None = None
    health_check_id: str | None = None

    @property
    def import_id(self) -> str:
        """What Pulumi imports it by: zone, name, type and set identifier."""
        parts = (self.zone_id, self.name, self.type, self.set_identifier)
        return "_".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Check:
    """A Route 53 health check."""

    id: str
    type: str
    fqdn: str | None = None
    ip_address: str | None = None
    port: int | None = None
    path: str | None = None
    search_string: str | None = None
    interval_seconds: int | None = None
    failure_threshold: int | None = None
    checker_regions: tuple[str, ...] = ()
    measure_latency: bool = False
    inverted: bool = False
    disabled: bool = False
    sends_name: bool = True
    """Whether HTTPS sends the name in its handshake (SNI)."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An RDS instance. `source` is the identifier of what it replicates; `cluster` that of an Aurora cluster."""

    identifier: str
    region: str
    engine: str
    engine_version: str
    instance_class: str
    status: str = "available"
    storage_gib: int = 0
    storage_limit_gib: int | None = None
    storage_type: str = "gp3"
    multi_az: bool = False
    encrypted: bool = False
    kms_key_arn: str | None = None
    host: str | None = None
    port: int | None = None
    username: str | None = None
    database_name: str | None = None
    password_managed: bool = False
    """Whether RDS keeps the master user's password itself."""
    subnet_group_arn: str | None = None
    security_group_ids: tuple[str, ...] = ()
    parameter_group_name: str | None = None
    max_connections: int | None = None
    """As its parameter group says, where that is a plain number."""
    backup_retention_days: int = 0
    publicly_accessible: bool = False
    source: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm on one metric, or on other alarms (`rule`)."""

    name: str
    region: str
    namespace: str | None = None
    metric: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    rule: str | None = None

    def watches(self, namespace: str, dimension: str, value: str) -> bool:
        """Whether it is on a metric of that one object."""
        return self.namespace == namespace and (dimension, value) in self.dimensions


@dataclass(frozen=True, slots=True)
class BackupObject:
    """A vault or a plan of AWS Backup. `kind` is `vault` or `plan`."""

    kind: str
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Estate:
    """All that was seen."""

    zones: tuple[Zone, ...] = ()
    records: tuple[Record, ...] = ()
    checks: tuple[Check, ...] = ()
    instances: tuple[Instance, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    backups: tuple[BackupObject, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    """Id and URN of what another Pulumi stack owns: both would manage it after an adoption."""

    def check(self, id_: str | None) -> Check | None:
        """The health check with that id."""
        return next((check for check in self.checks if check.id == id_), None)
