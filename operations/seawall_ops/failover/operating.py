"""The part of the settings that a failover needs, and an observer that only watches does not: what is changed, and by what.

```yaml
leases: dynamodb://us-east-1/seawall-leases      # partition key `id`
journals: dynamodb://us-east-1/seawall-records   # keys `operation` and `position`; the record is sent there, too
epoch_lease_seconds: 30                          # the ttl_seconds of every app's EpochLease, or more
switch: {eu-west-1: "s3://shop-switch-1/out-of-service", eu-central-1: "s3://shop-switch-2/out-of-service"}
```
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from seawall._numbers import number
from seawall.errors import InvalidInput
from seawall_ops.lease import LeaseTerms

__all__ = [
    "DYNAMODB",
    "KEYS",
    "SQLITE",
    "Operating",
    "ServersKind",
    "Table",
    "parse_operating",
    "parse_place",
    "table_of",
]

DYNAMODB: Final = "dynamodb"
SQLITE: Final = "sqlite"
SSM: Final = "ssm"
FILE: Final = "file"
PROMOTE_SECONDS: Final = 3_600.0  # RDS documents "several minutes or longer", and a reboot
LONGEST_RETENTION_DAYS: Final = 35  # RDS's limit
FENCE_KEYS: Final = ("cut_also", "uncut_because")
VERIFIED_BY: Final = ("write", "status")


class ServersKind(StrEnum):
    """By what the servers of the database are fenced and promoted."""

    RDS = "rds"
    POSTGRES = "postgres"
    """By SQL alone: servers of one's own."""


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table."""

    region: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """What a failover works with."""

    leases: str | None = None
    """`dynamodb://region/table` or `sqlite:///path`; `None`: a file of this machine."""
    lease_terms: LeaseTerms = field(default_factory=LeaseTerms)
    """How long a holder that died keeps it, and the rest; the same for all."""
    journals: str | None = None
    """`dynamodb://region/table`; `None`: files of this machine."""
    arbiter: str | None = None
    """The region of the live document that counts; `None`: the board's."""
    live: str = SSM
    """`ssm`, or `file:///path` where apps of this host follow a file."""
    servers: ServersKind | None = None
    """`None`: `postgres` where `aws_status` is off, else `rds`."""
    verify_by: str = "write"
    """What proves that a new writer takes writes: `write`, by SQL, or with RDS `status`, its word alone."""
    retention_days: int | None = None
    """Of a promoted RDS instance's automated backups; `None`: as the old writer's."""
    cut_also: tuple[str, ...] = ()
    """Other instances and subnets that the fence of an RDS instance may cut off, too."""
    uncut_because: str | None = None
    """Why other network interfaces in the database's subnets, which no fence cuts off, do not matter."""
    rebuild_command: tuple[str, ...] = ()
    """What rebuilds a server of one's own as a replica."""
    switch: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the region that it switches off; empty: the name follows the health checks by itself."""
    switch_endpoints: Mapping[str, str] | None = None
    """With routing controls: the cluster's URLs by region."""
    epoch_lease_seconds: float | None = None
    """At least the `ttl_seconds` of every app's `EpochLease`; `None`: not every one has it."""
    members: Mapping[str, str] = field(default_factory=dict[str, str])
    """`host:port` by member, where that is not the topology's."""
    promote_seconds: float = PROMOTE_SECONDS
    """After which a promotion that is not done needs a person."""

    @property
    def lease_table(self) -> Table | None:
        """Where leases are shared by machines; `None`: they are in a file."""
        return table_of(self.leases)

    @property
    def journal_table(self) -> Table | None:
        """Where journals and the record are shared by machines; `None`: they are in files."""
        return table_of(self.journals)

    @property
    def live_file(self) -> Path | None:
        """The file of the live document; `None`: it is in SSM."""
        return None if self.live == SSM else Path(urlsplit(self.live).path)


KEYS: Final = ("fence", *(each.name for each in dataclasses.fields(Operating) if each.name not in FENCE_KEYS))
"""Of the settings' file."""


def table_of(place: str | None) -> Table | None:
    """The table of `dynamodb://region/table`; `None` for another place."""
    parts = urlsplit(place or "")
    return Table(parts.netloc, parts.path.strip("/")) if parts.scheme == DYNAMODB else None


def parse_operating(given: Mapping[str, Any]) -> Operating:
    """What stands under `KEYS`.

    Raises:
        InvalidInput: A value is not allowed.
    """
    values: dict[str, Any] = {key: given[key] for key in KEYS if key in given and key != "fence"}
    for name, schemes in (("leases", (DYNAMODB, SQLITE)), ("journals", (DYNAMODB,))):
        if name in values:
            values[name] = parse_place(name, values[name], schemes)
    if "lease_terms" in values:
        values["lease_terms"] = _terms(values["lease_terms"])
    if "live" in values and values["live"] != SSM:
        values["live"] = parse_place("live", values["live"], (FILE,))
    if "servers" in values:
        if values["servers"] not in list(ServersKind):
            raise InvalidInput("servers", values["servers"], allowed=", ".join(ServersKind))
        values["servers"] = ServersKind(values["servers"])
    if values.get("verify_by", "write") not in VERIFIED_BY:
        raise InvalidInput("verify_by", values["verify_by"], allowed=", ".join(VERIFIED_BY))
    for name in ("epoch_lease_seconds", "promote_seconds"):
        if name in values:
            number(name, values[name], above=0.0)
    days = values.get("retention_days", 1)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise InvalidInput("retention_days", days, allowed=f"1 to {LONGEST_RETENTION_DAYS} days")
    for name in ("switch", "switch_endpoints", "members"):
        if name in values:
            values[name] = _texts_by_name(name, values[name])
    for member, address in values.get("members", {}).items():
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise InvalidInput(f"members.{member}", address, allowed="host:port")
    if "arbiter" in values and (not isinstance(values["arbiter"], str) or not values["arbiter"]):
        raise InvalidInput("arbiter", values["arbiter"], allowed="an AWS region")
    if "rebuild_command" in values:
        values["rebuild_command"] = _words("rebuild_command", values["rebuild_command"])
    return Operating(**values, **_fence(given.get("fence", {})))


def _terms(given: object) -> LeaseTerms:
    known = [each.name for each in dataclasses.fields(LeaseTerms)]
    if not isinstance(given, dict) or not set(cast("dict[object, object]", given)) <= set(known):
        raise InvalidInput("lease_terms", cast("object", given), allowed=f"a mapping of {', '.join(known)}")
    return LeaseTerms(**cast("dict[str, Any]", given))


def _fence(given: object) -> dict[str, Any]:
    """The options of a fence of RDS; what each of them must be stands at `FenceTerms`."""
    if not isinstance(given, dict):
        raise InvalidInput("fence", given, allowed=f"a mapping of {', '.join(FENCE_KEYS)}")
    options = cast("dict[str, object]", given)
    for key in options:
        if key not in FENCE_KEYS:
            raise InvalidInput(f"fence.{key}", options[key], allowed=f"one of {', '.join(FENCE_KEYS)}")
    found: dict[str, Any] = {}
    if "cut_also" in options:
        found["cut_also"] = _words("fence.cut_also", options["cut_also"])
    because = options.get("uncut_because")
    if because is not None and not isinstance(because, str):
        raise InvalidInput("fence.uncut_because", because, allowed="one line, for the record")
    return {**found, "uncut_because": because}


def parse_place(name: str, value: object, schemes: tuple[str, ...]) -> str:
    """Where something is kept, as it was written.

    Args:
        name: Of the setting.
        value: What was given.
        schemes: Those that are allowed, of `dynamodb`, `sqlite` and `file`.

    Raises:
        InvalidInput: It is no such place.
    """
    forms = {
        DYNAMODB: "dynamodb://<region>/<table>",
        SQLITE: "sqlite:///<path> on a single host",
        FILE: "ssm, or file:///<path> on a single host",
    }
    parts = urlsplit(value) if isinstance(value, str) else None
    right = (
        parts is not None
        and parts.scheme in schemes
        and bool(parts.path.strip("/"))
        and bool(parts.netloc) == (parts.scheme == DYNAMODB)
    )
    if not right:
        raise InvalidInput(name, value, allowed=", or ".join(forms[each] for each in schemes))
    return str(value)


def _words(name: str, value: object) -> tuple[str, ...]:
    words = cast("list[object]", value) if isinstance(value, list) else []
    if not words or not all(isinstance(each, str) and each for each in words):
        raise InvalidInput(name, cast("object", value), allowed="a list of texts, not empty")
    return tuple(str(each) for each in words)


def _texts_by_name(name: str, value: object) -> dict[str, str]:
    given = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    if not given or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise InvalidInput(name, cast("object", value), allowed="a mapping of texts, not empty")
    return {str(key): str(each) for key, each in given.items()}
