"""The `faults` section of `Pulumi.<env>.yaml`. Limits: see `pulumi_seawall.FaultExperiment`."""

from pydantic import Field

from pulumi_seawall import FaultKind, FaultLimit, NetworkScope, ZonePart
from stacks.section import Section


class FaultExceptionSettings(Section):
    """See `FaultExceptionArgs`."""

    limit: FaultLimit
    reason: str


class ExperimentSettings(Section):
    """One experiment: the same names as `FaultExperimentArgs`, whose limits hold."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    """Follows the environment's own name in the names of what is declared."""
    kind: FaultKind
    region: str
    fleet_size: int
    count: int | None = None
    percent: int | None = None
    in_zone: int | None = None
    zone: str | None = None
    vpc_id: str | None = None
    duration_seconds: int | None = None
    scope: NetworkScope | None = None
    fill_percent: int | None = None
    load_percent: int | None = None
    zone_parts: tuple[ZonePart, ...] | None = None
    target_tags: dict[str, str] | None = None
    volume_key_arns: tuple[str, ...] | None = None
    stop_alarms: tuple[str, ...]
    """ARNs, or names of alarms in the experiment's region."""
    exceptions: tuple[FaultExceptionSettings, ...] | None = None
    role_arn: str | None = None
    permissions_boundary_arn: str | None = None
    log_group_arn: str | None = None
    log_retention_days: int | None = None
    import_ids: dict[str, str] | None = None


class FaultSettings(Section):
    """What may be broken on purpose, and where."""

    allowed_environments: tuple[str, ...]
    """Environments in which faults may be injected: one that does not stand here cannot declare any."""
    experiments: tuple[ExperimentSettings, ...]
