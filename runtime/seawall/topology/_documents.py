"""The two documents as frozen dataclasses. Whatever exists as an object here is consistent: it was checked when made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, cast

from seawall.contract._documents import checked_environment, checked_service
from seawall.errors import InvalidInput
from seawall.objectives import Objectives
from seawall.topology import _checks

SCHEMA_VERSION: Final = 1
"""What this version of Seawall writes. A version only adds keys; it never changes what a key means."""
LONGEST_REASON: Final = 300  # characters: one line for people
LARGEST_WEIGHT: Final = 65_535  # what the selector can spread exactly
DEFAULT_PORTS: Final = {"postgres": 5432, "mysql": 3306, "mariadb": 3306}


class Role(StrEnum):
    """What an endpoint is for."""

    PRIMARY = "primary"
    """Serves while everything is well."""
    STANDBY = "standby"
    """Takes over."""
    READER = "reader"
    """Serves reads beside a replica; takes no part in the failover name."""


class Engine(StrEnum):
    """What a replicated database runs."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    MARIADB = "mariadb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where one region serves.

    Raises:
        InvalidInput: A value is not allowed.
    """

    name: str
    """Unique in the document."""
    region: str
    role: Role
    url: str
    """Where callers reach the service in that region: absolute, http or https, no credentials."""
    health_url: str | None = None
    """What probes ask; `None`: `url` itself."""
    weight: int = 1
    """Share of the calls where all endpoints are called; 0 takes none."""

    def __post_init__(self) -> None:
        _checks.named("name", self.name)
        _checks.region("region", self.region)
        _set(self, "role", _one_of("role", self.role, Role))
        _checks.url("url", self.url)
        if self.health_url is not None:
            _checks.url("health_url", self.health_url)
        _set(self, "weight", _checks.whole("weight", self.weight, 0, LARGEST_WEIGHT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of the replicated database.

    Raises:
        InvalidInput: A value is not allowed.
    """

    name: str
    """Unique in the document."""
    region: str
    identifier: str
    """The RDS instance's identifier."""
    host: str
    """Where its clients connect; the port is the database's."""

    def __post_init__(self) -> None:
        _checks.named("name", self.name)
        _checks.region("region", self.region)
        _checks.identifier("identifier", self.identifier)
        _checks.host("host", self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The replicated database: who writes, and every member. Never a user or a password.

    Raises:
        InvalidInput: A value is not allowed, a member's name stands twice, or the writer is no member.
    """

    engine: Engine
    database: str
    """Name of the database that is connected to."""
    port: int
    writer: str
    """Name of the member that takes writes, as declared. Who writes now: `merge(...).writer`."""
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        _set(self, "engine", _one_of("engine", self.engine, Engine))
        _checks.line("database", self.database, 63)  # the shortest of the engines' limits: PostgreSQL's
        _set(self, "port", _checks.whole("port", self.port, 1, _checks.HIGHEST_PORT))
        _set(self, "members", _tuple("members", self.members, Member))
        _unique("members", [member.name for member in self.members])
        if self.writer not in [member.name for member in self.members]:
            raise InvalidInput(
                "writer", self.writer, allowed="one of the members: " + _listed(member.name for member in self.members)
            )

    def member(self, name: str) -> Member:
        """The member of that name.

        Raises:
            InvalidInput: There is none.
        """
        for member in self.members:
            if member.name == name:
                return member
        raise InvalidInput("member", name, allowed="one of " + _listed(member.name for member in self.members))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """As `seawall.breaker.OpenBackoff`.

    Raises:
        InvalidInput: A value is not allowed.
    """

    multiplier: float = 2.0
    max_wait_seconds: float = 600.0
    jitter_ratio: float = 0.1

    def __post_init__(self) -> None:
        _checks.number("multiplier", self.multiplier, 1.0)
        _checks.number("max_wait_seconds", self.max_wait_seconds, 0.0, open_=True)
        _checks.number("jitter_ratio", self.jitter_ratio, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """What of `seawall.breaker.CircuitBreakerConfig` can be written down; same names, same defaults, same meaning.

    Raises:
        InvalidInput: A value is not allowed.
    """

    sliding_window: str = "count"
    sliding_window_size: int = 100
    minimum_calls: int = 10
    failure_rate_threshold: float = 0.5
    slow_call_seconds: float | None = None
    slow_call_rate_threshold: float = 1.0
    consecutive_failures: int = 5
    wait_in_open_seconds: float = 60.0
    open_backoff: BackoffPolicy | None = None
    permitted_calls_in_half_open: int = 1
    max_wait_in_half_open_seconds: float | None = None
    after_half_open_wait: str = "open"

    def __post_init__(self) -> None:
        for name, words in (
            ("sliding_window", ("count", "time", "consecutive")),
            ("after_half_open_wait", ("open", "closed")),
        ):
            if getattr(self, name) not in words:
                raise InvalidInput(name, getattr(self, name), allowed=" or ".join(words))
        for name in ("sliding_window_size", "minimum_calls", "consecutive_failures", "permitted_calls_in_half_open"):
            _set(self, name, _checks.whole(name, getattr(self, name), 1, 1_000_000))
        if self.sliding_window == "count" and self.minimum_calls > self.sliding_window_size:
            raise InvalidInput("minimum_calls", self.minimum_calls, allowed=f"at most {self.sliding_window_size}")
        for name in ("failure_rate_threshold", "slow_call_rate_threshold"):
            _checks.number(name, getattr(self, name), 0.0, 1.0, open_=True)
        _checks.number("wait_in_open_seconds", self.wait_in_open_seconds, 0.0, open_=True)
        if self.slow_call_seconds is not None:
            _checks.number("slow_call_seconds", self.slow_call_seconds, 0.0)
        if self.max_wait_in_half_open_seconds is not None:
            _checks.number("max_wait_in_half_open_seconds", self.max_wait_in_half_open_seconds, 0.0, open_=True)
        if self.open_backoff is not None and self.open_backoff.max_wait_seconds < self.wait_in_open_seconds:
            raise InvalidInput(
                "open_backoff.max_wait_seconds",
                self.open_backoff.max_wait_seconds,
                allowed=f"at least wait_in_open_seconds = {self.wait_in_open_seconds:g}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """What is declared: the document that Pulumi owns and publishes.

    Raises:
        InvalidInput: A value is not allowed, or two of them contradict each other.
    """

    service: str
    environment: str
    regions: tuple[str, ...]
    """Every region that the service uses, also those without an endpoint."""
    endpoints: tuple[Endpoint, ...]
    """At most one per region; exactly one is the primary."""
    objectives: Objectives
    epoch: int = 0
    """How many failovers this document knows of. Grows, never shrinks."""
    database: Database | None = None
    breaker: BreakerPolicy | None = None
    schema_version: int = SCHEMA_VERSION
    """Of the text that it was read from."""

    def __post_init__(self) -> None:
        checked_service("service", self.service)
        checked_environment("environment", self.environment)
        _set(self, "epoch", _epoch(self.epoch))
        _set(self, "regions", _tuple("regions", self.regions, str))
        _set(self, "endpoints", _tuple("endpoints", self.endpoints, Endpoint))
        for position, region in enumerate(self.regions):
            _checks.region(f"regions[{position}]", region)
        _unique("regions", self.regions)
        _unique("endpoints", [endpoint.name for endpoint in self.endpoints])
        _unique("endpoints by region", [endpoint.region for endpoint in self.endpoints])
        primaries = [endpoint.name for endpoint in self.endpoints if endpoint.role is Role.PRIMARY]
        if len(primaries) != 1:
            raise InvalidInput("endpoints with role primary", ", ".join(primaries) or "none", allowed="exactly one")
        members = self.database.members if self.database else ()
        for name, region in [
            *((f"endpoints[{place}].region", endpoint.region) for place, endpoint in enumerate(self.endpoints)),
            *((f"database.members[{place}].region", member.region) for place, member in enumerate(members)),
        ]:
            if region not in self.regions:
                raise InvalidInput(name, region, allowed="one of the regions: " + _listed(self.regions))

    @property
    def primary(self) -> Endpoint:
        """The primary endpoint, as declared. Who it is now: `merge(...).primary`."""
        return next(endpoint for endpoint in self.endpoints if endpoint.role is Role.PRIMARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is true now: the document that operations write at a failover.

    Raises:
        InvalidInput: A value is not allowed.
    """

    service: str
    environment: str
    epoch: int
    """One more than the one before, at each change of a role."""
    primary_region: str
    changed_at: datetime
    """With a time zone; kept in UTC."""
    reason: str
    """One line for people."""
    writer: str | None = None
    """Name of the member that takes writes; `None` where there is no database."""
    schema_version: int = SCHEMA_VERSION
    """Of the text that it was read from."""

    def __post_init__(self) -> None:
        checked_service("service", self.service)
        checked_environment("environment", self.environment)
        _set(self, "epoch", _epoch(self.epoch))
        _checks.region("primary_region", self.primary_region)
        if self.writer is not None:
            _checks.named("writer", self.writer)
        if not isinstance(cast("object", self.changed_at), datetime) or self.changed_at.tzinfo is None:
            raise InvalidInput("changed_at", self.changed_at, allowed="a time with its zone")
        try:
            _set(self, "changed_at", self.changed_at.astimezone(UTC))
        except OverflowError:  # the first and the last hours that a datetime can say
            raise InvalidInput("changed_at", self.changed_at, allowed="a time that can be said in UTC") from None
        _checks.line("reason", self.reason, LONGEST_REASON)

    def next(self, *, primary_region: str, writer: str | None, changed_at: datetime, reason: str) -> "Live":
        """The document that follows this one: one epoch later."""
        return replace(
            self,
            epoch=self.epoch + 1,
            primary_region=primary_region,
            writer=writer,
            changed_at=changed_at,
            reason=reason,
            schema_version=SCHEMA_VERSION,
        )


def _epoch(value: object) -> int:
    return _checks.whole("epoch", value, 0, _checks.LARGEST_EPOCH)


def _set(target: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass while it is being made: only to normalize."""
    object.__setattr__(target, name, value)


def _one_of(name: str, value: object, choices: type[StrEnum]) -> StrEnum:
    for choice in choices:
        if value == choice.value:
            return choice
    raise InvalidInput(name, value, allowed=_listed(choice.value for choice in choices))


def _tuple(name: str, value: object, kind: type) -> tuple[object, ...]:
    items: tuple[object, ...] = tuple(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()
    if not items:
        shown: object = cast("object", value)
        raise InvalidInput(name, shown, allowed="a list of at least one")
    for position, item in enumerate(items):
        if not isinstance(item, kind):
            raise InvalidInput(f"{name}[{position}]", item, allowed=f"a {kind.__name__}")
    return items


def _unique(name: str, values: Sequence[str]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise InvalidInput(name, ", ".join(values), allowed=f"each once, but {repeated[0]} stands twice")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
