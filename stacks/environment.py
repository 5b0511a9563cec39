"""`Pulumi.<env>.yaml` as a typed, validated value: everything an environment is made of, read once.

Nothing is registered here. What is wrong in the file is said in one line per key, before the first resource.
Limits that belong to a component (intervals, thresholds, names) stay with the component, which is asked by
`stacks.edge.plan` before anything is registered; this module knows only what spans the whole environment.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Final, Self, cast, get_args

import pulumi.runtime.config
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from seawall.errors import MISSING, InvalidInput, SeawallError
from seawall.objectives import Objectives
from seawall.timing import HealthCheckProtocol
from seawall.topology import BackoffPolicy, BreakerPolicy

PROJECT: Final = "seawall"
MINIMUM_REGIONS: Final = 2
NEAR_ENOUGH: Final = 0.6  # difflib's ratio from which a key counts as a misspelling of another


class InvalidEnvironment(SeawallError):
    """Several keys of one file are wrong: a line each."""

    def __init__(self, problems: Sequence[InvalidInput]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class Role(Enum):
    """What a region is for while everything is well."""

    PRIMARY = "primary"
    STANDBY = "standby"
    READER = "reader"
    """Runs the app for reads beside a replica of the database; takes no part in the failover name."""


ONE_OF_EACH: Final = (Role.PRIMARY, Role.STANDBY)


class _Section(BaseModel):
    """Part of the file: no key beyond those declared, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LoadBalancer(_Section):
    """An existing load balancer, as its DNS record sees it."""

    dns_name: str
    """The load balancer's own DNS name."""
    zone_id: str
    """Hosted zone of the load balancer's name (not of yours)."""
    dual_stack: bool = False
    """Also answer AAAA queries."""


class HealthCheckSettings(_Section):
    """How Route 53 asks each region whether it is well. Limits: see `pulumi_seawall.HealthCheck`."""

    protocol: HealthCheckProtocol = HealthCheckProtocol.HTTPS
    path: str | None = None
    """`/livez` when absent; a TCP check has none."""
    port: int | None = None
    search_string: str | None = None
    interval_seconds: int = 10
    failure_threshold: int = 3
    checker_regions: tuple[str, ...] | None = None
    measure_latency: bool = False


class Detection(_Section):
    """How long an existing health check takes to turn unhealthy, as its owner states it."""

    typical_seconds: float
    worst_seconds: float


class Cluster(_Section):
    """The region's Kubernetes cluster, as `kubectl` would name it."""

    context: str
    """Of the kubeconfig."""
    kubeconfig: str | None = None
    """A file's path; the user's own kubeconfig when absent."""
    namespace: str = "default"
    """Where the service runs, and its topology is published."""


class Region(_Section):
    """One region of the service: exactly one of `addresses` and `load_balancer`, but none for a reader."""

    name: str
    """AWS region, e.g. `eu-west-1`."""
    role: Role
    addresses: tuple[str, ...] | None = None
    load_balancer: LoadBalancer | None = None
    regional_name: str | None = None
    """Name of this region alone, which the health check probes; default `<region>.<dns.name>`."""
    health_check_id: str | None = None
    """An existing health check to use instead of declaring one."""
    detection: Detection | None = None
    """How long that existing check takes."""
    url: str | None = None
    """Where other regions reach the service here; default `https://<regional_name>`. A reader without one is not called."""
    weight: int = 1
    """Share of the calls that this region gets where all regions are called."""
    cluster: Cluster | None = None
    """Without one the topology is published to the region's parameters only."""


class Dns(_Section):
    """The name that clients resolve."""

    name: str
    """Fully qualified, e.g. `shop.example.com`."""
    zone_name: str
    """Hosted zone that holds the name."""
    zone_id: str | None = None
    """An existing zone. Without it the zone is declared here."""
    zone_import_id: str | None = None
    """An existing zone that this environment takes over."""
    ttl_seconds: int | None = None
    """At most 60; by default what the recovery objective affords. Not for two load balancers: aliases have their own."""
    client_cache_seconds: float | None = None
    """The longest that clients keep an answer beyond its TTL; 30, a JVM's own cache, when absent."""
    import_ids: dict[str, str] = Field(default_factory=dict[str, str])
    """Existing records, checks and alarms to take over: see `FailoverImportIds`."""


class Alarms(_Section):
    """Where alarms of Route 53 are sent; such alarms live in us-east-1, and so must the topic."""

    topic_arn: str | None = None
    """An existing SNS topic. Without it one is declared."""
    emails: tuple[str, ...] = ()
    """Subscribers of the declared topic; each must confirm by a link in a mail."""


class ObjectivesSettings(_Section):
    """See `seawall.objectives.Objectives`, which checks the values."""

    availability: float
    latency_p95_seconds: float
    error_rate: float
    recovery_time_seconds: float
    recovery_point_seconds: float

    def checked(self) -> Objectives:
        return Objectives(**self.model_dump())


class BreakerBackoff(_Section):
    """See `seawall.breaker.OpenBackoff`."""

    multiplier: float | None = None
    max_wait_seconds: float | None = None
    jitter_ratio: float | None = None


class BreakerSettings(_Section):
    """The policy that apps guard their dependencies with: see `seawall.breaker.CircuitBreakerConfig`."""

    sliding_window: str | None = None
    sliding_window_size: int | None = None
    minimum_calls: int | None = None
    failure_rate_threshold: float | None = None
    slow_call_seconds: float | None = None
    slow_call_rate_threshold: float | None = None
    consecutive_failures: int | None = None
    wait_in_open_seconds: float | None = None
    open_backoff: BreakerBackoff | None = None
    permitted_calls_in_half_open: int | None = None
    max_wait_in_half_open_seconds: float | None = None
    after_half_open_wait: str | None = None

    def policy(self) -> BreakerPolicy:
        """The policy, checked.

        Raises:
            InvalidInput: A value is not allowed.
        """
        values = self.model_dump(exclude_none=True)
        try:
            if "open_backoff" in values:
                values["open_backoff"] = BackoffPolicy(**values["open_backoff"])
            return BreakerPolicy(**values)
        except InvalidInput as error:
            name = f"seawall:breaker.{error.name}"
            raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from None


def _from_json(value: object) -> object:
    """The engine hands structured configuration over as JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Environment(_Section):
    """One environment: a service, where it runs, under which name, and what is asked of it."""

    service: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$")]
    """Short name: lower-case letters, digits and hyphens; 2 to 32 characters."""
    environment: str
    """The stack's name."""
    regions: Annotated[tuple[Region, ...], BeforeValidator(_from_json)]
    dns: Annotated[Dns, BeforeValidator(_from_json)]
    objectives: Annotated[ObjectivesSettings, BeforeValidator(_from_json)]
    health_check: Annotated[HealthCheckSettings, BeforeValidator(_from_json)] = HealthCheckSettings()
    alarms: Annotated[Alarms, BeforeValidator(_from_json)] = Alarms()
    breaker: Annotated[BreakerSettings | None, BeforeValidator(_from_json)] = None
    """The policy of the service's circuit breakers; the library's own when absent."""
    protect: bool = True
    """Refuse to delete what clients depend on."""
    epoch: int = Field(default=0, ge=0)
    """How many failovers this file knows of: raised when one is adopted, never lowered."""

    @property
    def primary(self) -> Region:
        return next(region for region in self.regions if region.role is Role.PRIMARY)

    @property
    def standby(self) -> Region:
        return next(region for region in self.regions if region.role is Role.STANDBY)

    @model_validator(mode="after")
    def _regions_make_a_pair(self) -> Self:
        names = [region.name for region in self.regions]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InvalidInput(
                "seawall:regions", ", ".join(names), allowed=f"each region once, but {repeated[0]} stands twice"
            )
        for role in ONE_OF_EACH:
            holders = [region.name for region in self.regions if region.role is role]
            if len(holders) != 1:
                shown = ", ".join(holders) or "none"
                raise InvalidInput(f"seawall:regions with role {role.value}", shown, allowed="exactly one region")
        for position, region in enumerate(self.regions):
            for key in (
                ("addresses", "load_balancer", "health_check_id", "detection") if region.role is Role.READER else ()
            ):
                if getattr(region, key) is not None:
                    raise InvalidInput(
                        f"seawall:regions[{position}].{key}",
                        getattr(region, key),
                        allowed="no such key for a reader",
                        because=f"{region.name} takes no part in the failover name",
                    )
        return self


def parse_environment(config: Mapping[str, str], *, stack: str) -> Environment:
    """Build the environment from the stack's configuration.

    Args:
        config: Keys with their namespace, e.g. `seawall:service`, and values as the engine gives them: text, or JSON.
        stack: The stack's name, which becomes the environment's.

    Raises:
        InvalidInput: one key is wrong. `InvalidEnvironment` when several are.
    """
    own = {key.partition(":")[2]: value for key, value in config.items() if key.partition(":")[0] == PROJECT}
    if "environment" in own:
        raise InvalidInput("seawall:environment", own["environment"], allowed="not a key: the stack's name is used")
    try:
        environment = Environment.model_validate({**own, "environment": stack})
        environment.objectives.checked()
        if environment.breaker is not None:
            environment.breaker.policy()
    except ValidationError as error:
        problems = [_in_our_words(details) for details in error.errors(include_url=False)]
        raise (problems[0] if len(problems) == 1 else InvalidEnvironment(problems)) from None
    return environment


def load_environment() -> Environment:
    """The environment of the stack that is being deployed."""
    # The public Config class cannot list its keys, and a misspelled key is found only by listing them.
    config = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    return parse_environment(cast(Mapping[str, str], config), stack=pulumi.get_stack())


def _in_our_words(details: ErrorDetails) -> InvalidInput:
    """One pydantic error as name, value and what is allowed."""
    location = [part for part in details["loc"] if part != "function-before"]
    name = _dotted(location)
    context = details.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, InvalidInput):
        return cause
    match details["type"]:
        case "extra_forbidden":
            return InvalidInput(name, details["input"], allowed=f"no such key{_nearest(location)}")
        case "missing":
            return InvalidInput(name, MISSING, allowed="required")
        case "string_pattern_mismatch":
            return InvalidInput(
                name, details["input"], allowed="2 to 32 lower-case letters, digits and hyphens, a letter first"
            )
        case "enum":
            return InvalidInput(name, details["input"], allowed=f"one of {context['expected']}")
        case _:
            message = details["msg"].removeprefix("Input should be ")
            return InvalidInput(name, details["input"], allowed=message)


def _dotted(location: Sequence[int | str]) -> str:
    """`("regions", 1, "role")` as the file's reader would write it: `seawall:regions[1].role`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{PROJECT}:{text.removeprefix('.')}"


def _nearest(location: Sequence[int | str]) -> str:
    """The right key that the wrong one is most like, or all keys of its section."""
    section: type[BaseModel] = Environment
    for part in location[:-1]:
        if isinstance(part, str):
            section = _section_of(section, part)
    keys = [key for key in section.model_fields if (section, key) != (Environment, "environment")]
    near = difflib.get_close_matches(str(location[-1]), keys, n=1, cutoff=NEAR_ENOUGH)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(keys)}"


def _section_of(section: type[BaseModel], key: str) -> type[BaseModel]:
    """The model behind a key, also where it stands in a tuple or may be absent."""
    pending: list[Any] = [section.model_fields[key].annotation]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        pending.extend(get_args(annotation))
    return section
