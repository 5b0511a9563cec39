"""What a `ReplicatedDatabase` will declare: every check and all arithmetic, before anything is registered.

Sources: RDS API reference, `CreateDBInstance`, `CreateDBInstanceReadReplica`, `PromoteReadReplica`; Route 53 developer
guide, "Working with private hosted zones".
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._database_alarms import AlarmLimits, plan_limits
from pulumi_seawall._database_args import (
    DatabaseEngine,
    DatabaseRecoveryArgs,
    ReplicatedDatabaseArgs,
    SpanArgs,
    WriterNameArgs,
)
from pulumi_seawall._database_members import DatabaseMemberPlan
from pulumi_seawall._database_names import (
    LONGEST_DATABASE_NAME,
    Hidden,
    major_version,
    password,
    username,
    word,
)
from pulumi_seawall._database_roles import plan_roles
from pulumi_seawall._dns import dns_name, in_zone
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, member, number, plain_string, text, whole
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._objectives import plan_covered, plan_waived
from pulumi_seawall._target_forms import LONGEST_ZONE_ID
from seawall.errors import MISSING, InvalidInput
from seawall.objectives import Violation, require_met
from seawall.timing import DatabasePredictions, Prediction, predict_database

DEFAULT_PORTS: Final = {DatabaseEngine.POSTGRES: 5432, DatabaseEngine.MYSQL: 3306, DatabaseEngine.MARIADB: 3306}
LOWEST_PORT: Final = 1150  # RDS
HIGHEST_PORT: Final = 65_535
LONGEST_RETENTION_DAYS: Final = 35  # RDS
DEFAULT_RETENTION_DAYS: Final = 7
LEAST_STORAGE_GIB: Final = 20  # RDS, gp3
MOST_STORAGE_GIB: Final = 65_536  # RDS, gp3
GROWTH_PERCENT: Final = 110  # RDS: autoscaling wants a limit at least a tenth above the storage
FEWEST_CONNECTIONS: Final = 6  # PostgreSQL on RDS takes no fewer
MOST_CONNECTIONS: Final = 100_000  # MySQL and MariaDB; PostgreSQL takes more
LARGEST_WRITER_TTL_SECONDS: Final = 30
DEFAULT_WRITER_TTL_SECONDS: Final = 5
LONGEST_PARAMETER: Final = 255  # characters, RDS
LIKE_PASSWORD: Final = 0.75  # difflib's ratio from which a key may be a mistyped `password`
REFUSED: Final = {
    "manage_master_user_password": "RDS makes no replicas of a source whose master password it manages",
    "multi_az": "the writer always has a second zone; for replicas it is members[].multi_az",
    "publicly_accessible": "a database is reached from its networks only",
    "storage_encrypted": "every member is encrypted",
    "skip_final_snapshot": "keep_backups says it",
    "final_snapshot_identifier": "it is computed, or a second destroy would find the first one's snapshot",
}
PENDING: Final = "pending-reboot"  # right for static and for dynamic parameters
OWN_PARAMETERS: Final = {
    DatabaseEngine.POSTGRES: ("rds.force_ssl", "1", "immediate"),
    DatabaseEngine.MYSQL: ("require_secure_transport", "1", "immediate"),
    DatabaseEngine.MARIADB: ("require_secure_transport", "1", "immediate"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the declared groups: when it is applied is `immediate` or `pending-reboot`."""

    name: str
    value: str
    apply_method: str


@dataclass(frozen=True, slots=True)
class WriterNamePlan:
    """The name that follows the writer, in a zone that exists (`zone_id`) or one to declare (`zone_name`)."""

    name: str
    ttl_seconds: int
    zone_id: pulumi.Input[str] | None
    zone_name: str | None


@dataclass(frozen=True, slots=True)
class DatabasePlan:
    """Everything that a `ReplicatedDatabase` declares, and what it predicts.

    Args:
        engine: PostgreSQL, MySQL or MariaDB.
        engine_version: The major version.
        members: All members, in the order given.
        created_in: The member that may be created empty.
        database_name: Created with the instance.
        username: The master user.
        password: Its password; not yet a secret when it is plain.
        port: Of every member.
        storage_gib: At creation.
        storage_limit_gib: To which RDS may grow it.
        parameters: Of declared parameter groups.
        backup_retention_days: On the writer.
        deletion_protection: Whether RDS refuses deletions.
        keep_backups: Whether a deletion leaves backups.
        allow_major_version_upgrade: For this deployment.
        epoch: How many failovers have been adopted.
        limits: When the alarms ring.
        writer_name: The name that follows the writer.
        predictions: Per failure class and path.
        warnings: What the objectives rest on; to be shown.
        tags: For everything that has tags.
    """

    engine: DatabaseEngine
    engine_version: str
    members: tuple[DatabaseMemberPlan, ...]
    created_in: str | None
    database_name: str
    username: str
    password: pulumi.Input[str] = field(repr=False)
    port: int
    storage_gib: int
    storage_limit_gib: int | None
    parameters: tuple[Parameter, ...]
    backup_retention_days: int
    deletion_protection: bool
    keep_backups: bool
    allow_major_version_upgrade: bool
    epoch: int
    limits: AlarmLimits
    writer_name: WriterNamePlan | None
    predictions: tuple[Prediction, ...] = ()
    warnings: tuple[Violation, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def writer(self) -> DatabaseMemberPlan:
        """The member that writes."""
        return next(one for one in self.members if one.writes)

    @property
    def replicas(self) -> tuple[DatabaseMemberPlan, ...]:
        """The other members. Whether each follows the writer is RDS's to know: a former writer does not."""
        return tuple(one for one in self.members if not one.writes)


def plan_database(args: ReplicatedDatabaseArgs) -> DatabasePlan:
    """Check the arguments of a `ReplicatedDatabase` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: Replication cannot meet the objectives.
    """
    given = checked_keys("", _without_secrets(args), ReplicatedDatabaseArgs, REFUSED)
    engine = _plan_engine(given["engine"])
    members, created_in, deletion_protection = plan_roles(given)
    retention = whole(
        "backup_retention_days",
        given.get("backup_retention_days", DEFAULT_RETENTION_DAYS),
        1,
        LONGEST_RETENTION_DAYS,
        "days",
        because="RDS makes replicas only from a source with automated backups",
    )
    storage, limit = _plan_storage(given)
    connections = whole(
        "max_connections", given["max_connections"], FEWEST_CONNECTIONS, MOST_CONNECTIONS, "connections"
    )
    objectives, waivers = plan_waived(given)
    plan = DatabasePlan(
        engine=engine,
        engine_version=major_version("engine_version", plain_string("engine_version", given["engine_version"]), engine),
        members=members,
        created_in=created_in,
        database_name=word(
            "database_name", plain_string("database_name", given["database_name"]), LONGEST_DATABASE_NAME
        ),
        username=username("username", plain_string("username", given["username"]), engine),
        password=_plan_password(args["password"], engine),
        port=whole("port", given.get("port", DEFAULT_PORTS[engine]), LOWEST_PORT, HIGHEST_PORT),
        storage_gib=storage,
        storage_limit_gib=limit,
        parameters=_plan_parameters(given.get("parameters", {}), engine, connections),
        backup_retention_days=retention,
        deletion_protection=deletion_protection,
        keep_backups=flag("keep_backups", given.get("keep_backups", True)),
        allow_major_version_upgrade=flag(
            "allow_major_version_upgrade", given.get("allow_major_version_upgrade", False)
        ),
        epoch=whole("epoch", given.get("epoch", 0), 0, None),
        limits=plan_limits(given["alarms"], engine, storage, connections, objectives),
        writer_name=_plan_writer_name(given["writer_name"], members) if "writer_name" in given else None,
        tags=checked_tags("", given.get("tags")),
    )
    found = _predict(plan, given)
    elsewhere = plan_covered("recovered_elsewhere", given.get("recovered_elsewhere", []))
    uncovered = [each for each in found.uncovered if each.failure_class not in elsewhere]
    warnings = require_met(objectives, found.predictions, uncovered=uncovered, waivers=waivers) if objectives else []
    return replace(plan, predictions=found.predictions, warnings=tuple(warnings))


def _without_secrets(args: object) -> object:
    """The arguments with whatever may be a secret hidden, also under a mistyped key: messages show values."""
    if not isinstance(args, Mapping):
        return args
    return {
        key: Hidden() if value is not None and not isinstance(value, bool) and _sounds_secret(str(key)) else value
        for key, value in cast("Mapping[object, object]", args).items()
    }


def _sounds_secret(key: str) -> bool:
    lowered = key.lower()
    if any(word in lowered for word in ("pass", "pwd", "secret")):
        return True
    return difflib.SequenceMatcher(None, lowered, "password").ratio() >= LIKE_PASSWORD


def _plan_engine(value: object) -> DatabaseEngine:
    name = value.value if isinstance(value, DatabaseEngine) else value
    if isinstance(name, str) and name.startswith("aurora"):
        raise InvalidInput(
            "engine",
            name,
            allowed="postgres, mysql or mariadb",
            because="Aurora replicates by clusters and global databases, which are promoted and adopted in other ways",
        )
    return member("engine", value, DatabaseEngine)


def _plan_storage(given: ReplicatedDatabaseArgs) -> tuple[int, int | None]:
    storage = whole("storage_gib", given["storage_gib"], LEAST_STORAGE_GIB, MOST_STORAGE_GIB, "GiB")
    if "storage_limit_gib" not in given:
        return storage, None
    lowest = -(-storage * GROWTH_PERCENT // 100)
    because = "RDS wants the limit at least a tenth above storage_gib"
    return storage, whole("storage_limit_gib", given["storage_limit_gib"], lowest, MOST_STORAGE_GIB, "GiB", because)


def _plan_password(value: pulumi.Input[str], engine: DatabaseEngine) -> pulumi.Input[str]:
    """The password, checked at once or when it is known; messages hide it."""

    def checked(known: object) -> str:
        if not isinstance(known, str):
            raise InvalidInput("password", Hidden(), allowed="a string")
        return password("password", known, engine)

    return checked(value) if is_plain(value) else pulumi.Output.secret(value).apply(checked)


def _plan_parameters(given: object, engine: DatabaseEngine, connections: int) -> tuple[Parameter, ...]:
    """Encrypted connections only, the same number of connections everywhere, and what else was asked for."""
    name, value, method = OWN_PARAMETERS[engine]
    static = engine is DatabaseEngine.POSTGRES
    own = {
        name: Parameter(name, value, method),
        "max_connections": Parameter("max_connections", str(connections), PENDING if static else "immediate"),
    }
    if not isinstance(given, Mapping):
        raise InvalidInput("parameters", given, allowed="a dictionary of parameters")
    for key, setting in cast("Mapping[object, object]", given).items():
        label = f"parameters.{key}"
        known = line(label, key, LONGEST_PARAMETER)
        if known in own:
            raise InvalidInput(
                label,
                setting,
                allowed="not here",
                because="max_connections has its own argument"
                if known == "max_connections"
                else "connections are always encrypted",
            )
        own[known] = Parameter(known, line(label, setting, LONGEST_PARAMETER), PENDING)
    return tuple(own[key] for key in sorted(own))


def _plan_writer_name(args: WriterNameArgs, members: tuple[DatabaseMemberPlan, ...]) -> WriterNamePlan:
    where = "writer_name."
    given = checked_keys(where, args, WriterNameArgs)
    name = dns_name(f"{where}name", plain_string(f"{where}name", given["name"]))
    if ("zone_id" in given) == ("zone_name" in given):
        raise InvalidInput(
            f"{where}zone_id",
            "given beside zone_name" if "zone_id" in given else MISSING,
            allowed="exactly one of zone_id and zone_name",
        )
    ttl = whole(
        f"{where}ttl_seconds",
        given.get("ttl_seconds", DEFAULT_WRITER_TTL_SECONDS),
        0,
        LARGEST_WRITER_TTL_SECONDS,
        "seconds",
        because="after a promotion clients go on to the old writer for that long",
    )
    if "zone_id" in given:
        zone_id = text(f"{where}zone_id", given["zone_id"], lambda label, value: line(label, value, LONGEST_ZONE_ID))
        return WriterNamePlan(name, ttl, zone_id, None)
    zone_name = dns_name(f"{where}zone_name", plain_string(f"{where}zone_name", given.get("zone_name")))
    in_zone(f"{where}name", name, zone_name)
    if name == zone_name:
        raise InvalidInput(
            f"{where}name", name, allowed="a name below the zone's", because="a zone's own name takes no CNAME"
        )
    for one in members:
        if one.vpc_id is None:
            raise InvalidInput(
                f"{one.where}vpc_id",
                MISSING,
                allowed="required with writer_name.zone_name",
                because="a private zone answers its VPCs only",
            )
    return WriterNamePlan(name, ttl, None, zone_name)


def _predict(plan: DatabasePlan, args: ReplicatedDatabaseArgs) -> DatabasePredictions:
    """What the database promises by itself; backup plans are not known here."""
    where = "recovery."
    given = cast("dict[str, Any]", checked_keys(where, args.get("recovery", {}), DatabaseRecoveryArgs))
    spans: dict[str, Any] = {}
    for key, value in given.items():
        if key == "client_cache_seconds":
            spans[key] = number(f"{where}{key}", value)
            continue
        span = checked_keys(f"{where}{key}.", value, SpanArgs)
        spans[key] = tuple(number(f"{where}{key}.{part}", span[part]) for part in ("typical_seconds", "worst_seconds"))
    if plan.writer_name is not None:
        spans["name_ttl_seconds"] = plan.writer_name.ttl_seconds
    try:
        return predict_database(
            region=plan.writer.region,
            multi_az=True,
            replica_regions=[one.region for one in plan.replicas],
            lag_limit_seconds=plan.limits.lag_limit_seconds,
            **spans,
        )
    except InvalidInput as error:
        name = error.name.replace("[0]", ".typical_seconds").replace("[1]", ".worst_seconds")
        raise InvalidInput(f"{where}{name}", error.value, allowed=error.allowed, because=error.because) from None
