"""`Pulumi.<env>.yaml` as a typed, validated value: everything an environment is made of, read once.

Nothing is registered here. What is wrong in the file is said in one line per key, before the first resource.
Limits that belong to a component (intervals, thresholds, names) stay with the component, which is asked by
`stacks.edge.plan` before anything is registered; this module knows only what spans the whole environment.
"""

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Self, cast, get_args

import pulumi.runtime.config
from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from pulumi_seawall._regions import region_outside
from seawall.errors import MISSING, InvalidInput, SeawallError
from stacks.backup_settings import BackupSettings
from stacks.database_settings import DatabaseSettings
from stacks.fault_settings import FaultSettings
from stacks.identity_settings import IdentitySettings
from stacks.monitoring_settings import MonitoringSettings
from stacks.observer_settings import ObserversSettings
from stacks.release_settings import ReleaseSettings
from stacks.section import Section
from stacks.settings import (
    ONE_OF_EACH,
    Alarms,
    Arbiter,
    BreakerSettings,
    Dns,
    HealthCheckSettings,
    ObjectivesSettings,
    Region,
    Role,
)

PROJECT: Final = "seawall"
MINIMUM_REGIONS: Final = 2
PASSWORD_KEY: Final = "database_password"  # noqa: S105 -- the key, not the password
SHOWN_SECRET: Final = "(secret)"  # noqa: S105 -- what messages show instead
PATTERNS: Final = {
    "seawall:service": "2 to 32 lower-case letters, digits and hyphens, a letter first",
    "seawall:account_id": "the 12 digits of an AWS account",
}
"""What a text must be, where a pattern says it less clearly."""
NEAR_ENOUGH: Final = 0.6  # difflib's ratio from which a key counts as a misspelling of another


class InvalidEnvironment(SeawallError):
    """Several keys of one file are wrong: a line each."""

    def __init__(self, problems: Sequence[InvalidInput]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def _from_json(value: object) -> object:
    """The engine hands structured configuration over as JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Environment(Section):
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
    arbiter: Annotated[Arbiter | None, BeforeValidator(_from_json)] = None
    """Whose live document counts; without it each app reads its own region's, and cannot fence itself."""
    database: Annotated[DatabaseSettings | None, BeforeValidator(_from_json)] = None
    """The replicated database, where there is one."""
    database_password: SecretStr | None = None
    """The master user's; `pulumi config set --secret seawall:database_password`."""
    backups: Annotated[BackupSettings | None, BeforeValidator(_from_json)] = None
    """Backups of the database, where there are some."""
    breaker: Annotated[BreakerSettings | None, BeforeValidator(_from_json)] = None
    """The policy of the service's circuit breakers; the library's own when absent."""
    account_id: Annotated[str | None, Field(pattern=r"^\d{12}$")] = None
    """The AWS account's 12 digits; faults and identities need it, since it stands in what they name."""
    faults: Annotated[FaultSettings | None, BeforeValidator(_from_json)] = None
    """What may be broken on purpose."""
    identity: Annotated[IdentitySettings | None, BeforeValidator(_from_json)] = None
    """Roles of the service and of those who look after it."""
    monitoring: Annotated[MonitoringSettings | None, BeforeValidator(_from_json)] = None
    """Alerts, and who evaluates them."""
    observers: Annotated[ObserversSettings | None, BeforeValidator(_from_json)] = None
    """Who watches from each failure domain, and perhaps fails over."""
    release: Annotated[ReleaseSettings | None, BeforeValidator(_from_json)] = None
    """What runs, and how a new version of it gets to the clients."""
    protect: bool = True
    """Refuse to delete what clients depend on."""
    epoch: int = Field(default=0, ge=0)
    """How many failovers this file knows of: raised when one is adopted, never lowered."""

    @property
    def label(self) -> str:
        """What resources of this environment are named after."""
        return f"{self.service}-{self.environment}"

    @property
    def tags(self) -> dict[str, str]:
        """For everything that has tags."""
        return {"seawall:service": self.service, "seawall:environment": self.environment}

    def account(self, section: str) -> str:
        """The account's id, for a section that needs it.

        Raises:
            InvalidInput: The file has none.
        """
        if self.account_id is None:
            raise InvalidInput(
                "seawall:account_id", MISSING, allowed=f"the account's 12 digits, because {section} needs it"
            )
        return self.account_id

    def regional_name(self, region: Region) -> str:
        """The name of one region alone."""
        return region.regional_name or f"{region.name}.{self.dns.name}"

    @property
    def live_regions(self) -> tuple[str, ...]:
        """Where there may be a live document: every region, and the arbiter's."""
        return (*(region.name for region in self.regions), *((self.arbiter.region,) if self.arbiter else ()))

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
        if self.arbiter is not None:
            region_outside("seawall:arbiter.region", self.arbiter.region, names)
        for position, region in enumerate(self.regions):
            for key in (
                ("addresses", "load_balancer", "health_check_id", "detection")
                if region.role is Role.READER and self.dns.reads is None
                else ()
            ):
                if getattr(region, key) is not None:
                    raise InvalidInput(
                        f"seawall:regions[{position}].{key}",
                        getattr(region, key),
                        allowed="no such key for a reader",
                        because=f"{region.name} takes no part in the failover name",
                    )
        return self


def parse_environment(config: Mapping[str, str], *, stack: str, secrets: Collection[str] = ()) -> Environment:
    """Build the environment from the stack's configuration.

    Args:
        config: Keys with their namespace, e.g. `seawall:service`, and values as the engine gives them: text, or JSON.
        stack: The stack's name, which becomes the environment's.
        secrets: Keys whose values are secrets: they never stand in a message.

    Raises:
        InvalidInput: one key is wrong. `InvalidEnvironment` when several are.
    """
    own: dict[str, object] = {
        key.partition(":")[2]: value for key, value in config.items() if key.partition(":")[0] == PROJECT
    }
    hidden = {key.partition(":")[2] for key in secrets}
    _refuse_misplaced_secrets(own, hidden)
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


def _refuse_misplaced_secrets(own: Mapping[str, object], hidden: Collection[str]) -> None:
    """A secret may stand under one key only, and must be one there. Checked first: whatever follows shows values."""
    for key in own:
        if key == PASSWORD_KEY and key not in hidden:
            raise InvalidInput(
                f"{PROJECT}:{key}",
                SHOWN_SECRET,
                allowed=f"a secret: pulumi config set --secret {PROJECT}:{key}",
                because="it stands in plain text in the file",
            )
        if key != PASSWORD_KEY and key in hidden:
            raise InvalidInput(
                f"{PROJECT}:{key}", SHOWN_SECRET, allowed=f"plain; only {PROJECT}:{PASSWORD_KEY} is kept as a secret"
            )


def load_environment() -> Environment:
    """The environment of the stack that is being deployed."""
    # The public Config class cannot list its keys, and a misspelled key is found only by listing them.
    config = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    secrets = [key for key in config if pulumi.runtime.config.is_config_secret(key)]
    return parse_environment(cast(Mapping[str, str], config), stack=pulumi.get_stack(), secrets=secrets)


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
                name, details["input"], allowed=PATTERNS.get(name, f"what matches {context['pattern']}")
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
