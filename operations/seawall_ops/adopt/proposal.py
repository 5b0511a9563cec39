"""What to write into the project, from what was seen: a pure function.

The configuration adopts by ids (`import_ids`, `import_id`): a preview then shows imports and no replacement. The import
file has what no key of the configuration adopts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import yaml

from seawall import objectives as promises
from seawall.timing import DEFAULT_LAG_LIMIT_SECONDS, predict_database
from seawall_ops.adopt.database import DatabaseProposal, propose_database
from seawall_ops.adopt.dns import EdgeProposal, propose_edge
from seawall_ops.adopt.findings import Findings, Refusal
from seawall_ops.adopt.observed import Estate

__all__ = ["Proposal", "Wishes", "propose"]

NAMESPACE: Final = "seawall"
WAIVED_DAYS: Final = 90  # a quarter to mend what the objectives find, or to change them
WAIVER_REASON: Final = "adopted as it stands; decide before this day"
STARTING_OBJECTIVES: Final = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 120,
    "recovery_point_seconds": 60,
}
"""Those of the dev environment: numbers to begin with, for somebody to decide."""
STEP_SECONDS: Final = 30  # the recovery time is raised in steps of it, to what the name needs as it stands
BACKUP_REASONS: Final = {
    "vault": (
        "which rules write to it is yours to say: seawall:backups.vaults[] uses it by existing_arn or takes it over by "
        "import_ids"
    ),
    "plan": (
        "what else it selects is not known: seawall:backups.source_import_ids takes it over when its rules and selection "
        "are those that you declare; else keep it until Seawall's own had a tested restore"
    ),
}
PASSWORD_COMMAND: Final = "pulumi config set --secret seawall:database_password"  # noqa: S105 -- it asks for the value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be adopted, and as what."""

    name: str
    """The failover name, e.g. `shop.example.com`."""
    service: str
    environment: str = "prod"
    regions: dict[str, str | None]
    """Region of `primary` and `secondary`, where it was said."""
    database: str | None = None
    """Identifier of the writer."""
    max_connections: int | None = None
    own_zone: bool = False
    today: date


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to write, and what to know before."""

    environment: str
    configuration: dict[str, Any]
    """The file's `config`, by key with namespace."""
    imports: tuple[dict[str, Any], ...]
    """Resources for `pulumi import --file`."""
    commands: tuple[str, ...]
    """What to run, in order."""
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """`Pulumi.<env>.yaml`."""
        return f"Pulumi.{self.environment}.yaml"

    def as_yaml(self) -> str:
        """The configuration, with what to know as comments above it."""
        lines = [f"# {self.file_name}: what exists, adopted. Objectives are numbers to begin with: decide them."]
        lines += [f"# Run: {command}" for command in self.commands]
        lines += [f"# Note: {note}" for note in self.notes]
        lines += [f"# Not adopted: {refusal}" for refusal in self.refusals]
        body = yaml.safe_dump({"config": self.configuration}, sort_keys=False, allow_unicode=True, width=120)
        return "\n".join([*lines, body])

    def as_import_file(self) -> dict[str, Any]:
        """What `pulumi import --file` reads."""
        return {"resources": list(self.imports)}


def propose(estate: Estate, wishes: Wishes, import_file: str = "adopt-import.json") -> Proposal:
    """Work out how to adopt an estate.

    Args:
        estate: What was seen.
        wishes: What to adopt, and as what.
        import_file: What the commands call the import file.

    Raises:
        InvalidInput: The name has no failover pair, or something has to be said by an option.
    """
    findings = Findings()
    edge = propose_edge(estate, wishes.name, wishes.regions, findings, own_zone=wishes.own_zone)
    database = propose_database(estate, wishes.database, wishes.max_connections, findings)
    for backup in estate.backups:
        findings.refuse(f"backup {backup.kind} {backup.name} in {backup.region}", BACKUP_REASONS[backup.kind])
    objectives, waivers = _objectives(edge, database, wishes.today)
    configuration: dict[str, Any] = {
        "aws:region": edge.regions[0]["name"],
        f"{NAMESPACE}:service": wishes.service,
        f"{NAMESPACE}:protect": True,
        f"{NAMESPACE}:regions": _regions(edge, database),
        f"{NAMESPACE}:dns": edge.dns,
    }
    if edge.health_check is not None:
        configuration[f"{NAMESPACE}:health_check"] = edge.health_check
    topics = _topics(edge, database)
    if topics:
        configuration[f"{NAMESPACE}:alarms"] = topics
    configuration[f"{NAMESPACE}:objectives"] = objectives
    if database is not None:
        configuration[f"{NAMESPACE}:database"] = database.section | ({"waivers": waivers} if waivers else {})
    _owned_elsewhere(estate, edge, database, findings)
    return Proposal(
        wishes.environment,
        configuration,
        _imports(wishes, database),
        _commands(wishes, database, import_file),
        tuple(findings.refusals),
        tuple(findings.notes),
    )


def _regions(edge: EdgeProposal, database: DatabaseProposal | None) -> list[dict[str, Any]]:
    """The pair, and a reader for each further region with a replica."""
    known = [region["name"] for region in edge.regions]
    members = [one.region for one in (database.writer, *database.replicas)] if database else []
    return [*edge.regions, *({"name": region, "role": "reader"} for region in members if region not in known)]


def _topics(edge: EdgeProposal, database: DatabaseProposal | None) -> dict[str, Any]:
    topics: dict[str, Any] = {}
    if edge.topic_arn is not None:
        topics["topic_arn"] = edge.topic_arn
    others = dict(database.topic_arns) if database else {}
    if edge.topic_arn is not None:
        others.pop("us-east-1", None)  # one topic there, which topic_arn names
    if others:
        topics["topic_arns"] = others
    return topics


def _objectives(
    edge: EdgeProposal, database: DatabaseProposal | None, today: date
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Numbers that the name meets as it stands, and dated waivers for what the database does not meet."""
    given: dict[str, Any] = dict(STARTING_OBJECTIVES)
    needed = math.ceil(edge.worst_seconds / STEP_SECONDS) * STEP_SECONDS
    given["recovery_time_seconds"] = max(given["recovery_time_seconds"], needed)
    if database is None:
        return given, []
    stated = promises.Objectives(**given)
    ttl = database.section.get("writer_name", {}).get("ttl_seconds")
    found = predict_database(
        region=database.writer.region,
        multi_az=True,
        replica_regions=[one.region for one in database.replicas],
        lag_limit_seconds=min(DEFAULT_LAG_LIMIT_SECONDS, stated.recovery_point_seconds),
        **({"name_ttl_seconds": ttl} if ttl is not None else {}),
    )
    until = (today + timedelta(days=WAIVED_DAYS)).isoformat()
    unmet = promises.check(stated, found.predictions, uncovered=found.uncovered, today=today)
    return given, [
        {"key": violation.key, "until": until, "reason": WAIVER_REASON}
        for violation in unmet
        if violation.severity is promises.Severity.VIOLATION
    ]


def _imports(wishes: Wishes, database: DatabaseProposal | None) -> tuple[dict[str, Any], ...]:
    """The writer's name, under its component: `writer_name` has no import id."""
    if database is None or database.name_record is None:
        return ()
    component = f"{wishes.service}-{wishes.environment}"  # what `stacks` calls the environment's components
    return (
        {"type": "seawall:index:ReplicatedDatabase", "name": component, "component": True},
        {
            "type": "aws:route53/record:Record",
            "name": f"{component}-writer",
            "id": database.name_record.import_id,
            "parent": component,
        },
    )


def _commands(wishes: Wishes, database: DatabaseProposal | None, import_file: str) -> tuple[str, ...]:
    stack = f"--stack {wishes.environment}"
    commands = [f"pulumi stack init {wishes.environment}"]
    if database is not None:
        commands.append(f"{PASSWORD_COMMAND} {stack}")
        if database.name_record is not None:
            commands.append(f"pulumi import --file {import_file} --generate-code=false {stack}")
    commands += [f"pulumi preview --diff {stack}", f"pulumi up {stack}"]
    return tuple(commands)


def _owned_elsewhere(estate: Estate, edge: EdgeProposal, database: DatabaseProposal | None, findings: Findings) -> None:
    """What another stack owns must leave its state, or both would change it."""
    members: Sequence[Any] = [database.writer, *database.replicas] if database else []
    taken = {*edge.dns["import_ids"].values(), *(one.identifier for one in members)}
    taken |= {edge.dns["zone_import_id"]} if "zone_import_id" in edge.dns else set()
    if database is not None and database.name_record is not None:
        taken.add(database.name_record.import_id)
    for id_, urn in estate.owners:
        if id_ in taken:
            findings.note(f"another stack owns {id_}; after the adoption: pulumi state delete '{urn}' there")
