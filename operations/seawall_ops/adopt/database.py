"""The database: from RDS instances to the `database` section, its waivers, and what each instance keeps or changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from seawall.errors import InvalidInput
from seawall_ops.adopt.findings import Findings
from seawall_ops.adopt.observed import Estate, Instance, Record, plain_name

__all__ = ["DatabaseProposal", "propose_database"]

ENGINES: Final = ("postgres", "mysql", "mariadb")
MAJOR_PARTS: Final = {"postgres": 1, "mysql": 2, "mariadb": 2}  # how many numbers name a major version
DEFAULT_DATABASES: Final = {
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}  # what is there without a name
DEFAULT_CONNECTIONS: Final = 100  # PostgreSQL's own default, where the parameter group computes it
DEFAULT_RETENTION_DAYS: Final = 7  # Seawall's, where the writer keeps no automated backups
LARGEST_WRITER_TTL_SECONDS: Final = 30  # of the name that follows the writer
RESERVED_USERNAMES: Final = ("admin", "rdsadmin")  # refused by the component
MISSING_DATA: Final = "breaching"  # a database that sends no metrics is taken for dead
NEW_STORAGE_TYPE: Final = "gp3"


@dataclass(slots=True)
class DatabaseProposal:
    """What the database's part of the file says."""

    section: dict[str, Any]
    writer: Instance
    replicas: list[Instance]
    topic_arns: dict[str, str] = field(default_factory=dict[str, str])
    """Topic of each region, where an alarm of the database has one."""
    name_record: Record | None = None
    """The record that follows the writer: adopted by the import file, since the component has no key for it."""


def propose_database(
    estate: Estate, identifier: str | None, max_connections: int | None, findings: Findings
) -> DatabaseProposal | None:
    """The database's part of the file; `None` where there is none, or none that can be adopted.

    Args:
        estate: What was seen.
        identifier: The writer's; by default the one instance that has no source.
        max_connections: What the server says, where its parameter group computes it.
        findings: Takes what stays outside and what to know.

    Raises:
        InvalidInput: There is no such instance, or several could be the writer.
    """
    for instance in estate.instances:
        if instance.cluster is not None:
            findings.refuse(
                f"instance {instance.identifier}",
                f"it belongs to the Aurora cluster {instance.cluster}: Aurora replicates by clusters, in another way",
            )
    writer = _writer([one for one in estate.instances if one.cluster is None], identifier)
    if writer is None or not _adoptable(writer, findings):
        return None
    replicas = _replicas(estate, writer, findings)
    members = [writer, *replicas]
    section: dict[str, Any] = {
        "engine": writer.engine,
        "engine_version": ".".join(writer.engine_version.split(".")[: MAJOR_PARTS[writer.engine]]),
        "database_name": writer.database_name or DEFAULT_DATABASES[writer.engine],
        "username": writer.username,
        "storage_gib": writer.storage_gib,
    }
    if writer.database_name is None:
        findings.note(f"database_name: RDS names none; apps are told {section['database_name']} until you say another")
    if writer.storage_limit_gib is not None:
        section["storage_limit_gib"] = writer.storage_limit_gib
    section["max_connections"] = _connections(writer, max_connections, findings)
    if writer.port is not None:
        section["port"] = writer.port
    section["backup_retention_days"] = writer.backup_retention_days or DEFAULT_RETENTION_DAYS
    section |= {"writer": writer.region, "members": [_member(one, one is writer) for one in members]}
    section["alarms"] = {"missing_data": MISSING_DATA}
    proposal = DatabaseProposal(section, writer, replicas)
    _changes_later(writer, replicas, findings)
    _alarms(estate, members, proposal, findings)
    _writer_name(estate, writer, proposal, findings)
    return proposal


def _writer(instances: Sequence[Instance], identifier: str | None) -> Instance | None:
    if identifier is not None:
        for instance in instances:
            if instance.identifier == identifier and instance.source is None:
                return instance
        known = ", ".join(one.identifier for one in instances if one.source is None) or "none"
        raise InvalidInput("database", identifier, allowed=f"an instance that is no replica: {known}")
    sources = {one.source for one in instances}
    independent = [one for one in instances if one.source is None]
    replicated = [one for one in independent if one.identifier in sources]
    candidates = replicated or independent
    if len(candidates) > 1:
        shown = ", ".join(one.identifier for one in candidates)
        raise InvalidInput("database", None, allowed=f"--database with one of {shown}")
    return candidates[0] if candidates else None


def _adoptable(instance: Instance, findings: Findings) -> bool:
    """Whether an instance can become a member at all; if not, why is noted."""
    why: str | None = None
    if instance.engine not in ENGINES:
        why = f"its engine is {instance.engine}; there are {', '.join(ENGINES)}"
    elif instance.status != "available":
        why = f"it is {instance.status}: look again when it is available"
    elif not instance.encrypted or instance.kms_key_arn is None:
        why = "it is not encrypted, and encrypting replaces it: restore an encrypted copy of a snapshot first"
    elif instance.password_managed:
        why = (
            "RDS manages its master password and makes no replicas of such a source: "
            "set a password of your own (--no-manage-master-user-password) first"
        )
    elif instance.source is None and instance.username in (*RESERVED_USERNAMES, None):
        why = f"its master user is {instance.username}, a reserved name, and RDS cannot rename it"
    elif instance.subnet_group_arn is None or not instance.security_group_ids:
        why = "it is in no VPC"
    if why is not None:
        findings.refuse(f"instance {instance.identifier}", why)
    return why is None


def _replicas(estate: Estate, writer: Instance, findings: Findings) -> list[Instance]:
    """The replicas that can be members: one per region, encrypted, of the writer itself."""
    regions = {writer.region}
    chosen: list[Instance] = []
    identifiers = {one.identifier for one in estate.instances if one.source == writer.identifier}
    for instance in estate.instances:
        if instance is writer or instance.cluster is not None:
            continue
        if instance.source in identifiers:
            findings.refuse(f"instance {instance.identifier}", f"it replicates a replica ({instance.source})")
        elif instance.source == writer.identifier and _adoptable(instance, findings):
            if instance.region in regions:
                findings.refuse(
                    f"instance {instance.identifier}", f"{instance.region} has a member already, and one region has one"
                )
                continue
            regions.add(instance.region)
            chosen.append(instance)
        elif instance.source is None:
            findings.note(f"instance {instance.identifier} is not the database's writer: it is left alone")
    return chosen


def _connections(writer: Instance, stated: int | None, findings: Findings) -> int:
    if stated is not None:
        return stated
    if writer.max_connections is not None:
        return writer.max_connections
    findings.note(
        f"max_connections: its parameter group computes it; {DEFAULT_CONNECTIONS} stands in for alarms until you say "
        "what SHOW max_connections answers (--max-connections)"
    )
    return DEFAULT_CONNECTIONS


def _member(instance: Instance, writes: bool) -> dict[str, Any]:
    member: dict[str, Any] = {
        "region": instance.region,
        "instance_class": instance.instance_class,
        "import_id": instance.identifier,
        "identifier": instance.identifier,
        "kms_key_arn": instance.kms_key_arn,
        "subnet_group_arn": instance.subnet_group_arn,
        "security_group_ids": list(instance.security_group_ids),
    }
    if instance.parameter_group_name is not None:
        member["parameter_group_name"] = instance.parameter_group_name
    if instance.multi_az and not writes:
        member["multi_az"] = True
    return member


def _changes_later(writer: Instance, replicas: Sequence[Instance], findings: Findings) -> None:
    """What is changed in place once `import_id` is taken out of the file; an instance is adopted as it is before."""
    changes: dict[str, list[str]] = {one.identifier: [] for one in (writer, *replicas)}
    if not writer.multi_az:
        changes[writer.identifier].append("gets a second zone (and costs twice as much)")
    if not writer.backup_retention_days:
        changes[writer.identifier].append(f"keeps automated backups for {DEFAULT_RETENTION_DAYS} days")
    for one in (writer, *replicas):
        if one.storage_type != NEW_STORAGE_TYPE:
            changes[one.identifier].append(f"moves from {one.storage_type} to {NEW_STORAGE_TYPE} storage")
        if one.publicly_accessible:
            changes[one.identifier].append("is reached from its networks only")
    for identifier, lines in changes.items():
        if lines:
            findings.note(f"instance {identifier}, once import_id is taken out: {', '.join(lines)}")


def _alarms(estate: Estate, members: Sequence[Instance], proposal: DatabaseProposal, findings: Findings) -> None:
    for member in members:
        for alarm in estate.alarms:
            if alarm.region != member.region or not alarm.watches("AWS/RDS", "DBInstanceIdentifier", member.identifier):
                continue
            findings.refuse(
                f"alarm {alarm.name}", f"Seawall declares its own on {member.identifier}: delete it when those are up"
            )
            for arn in alarm.actions:
                if arn.split(":")[2:4] == ["sns", member.region]:
                    proposal.topic_arns.setdefault(member.region, arn)


def _writer_name(estate: Estate, writer: Instance, proposal: DatabaseProposal, findings: Findings) -> None:
    """The private name that follows the writer, where there is one."""
    private = {zone.id for zone in estate.zones if zone.private}
    for record in estate.records:
        if record.zone_id not in private or writer.host not in [plain_name(value) for value in record.values]:
            continue
        what = f"record {record.name} {record.type}"
        if record.type != "CNAME" or record.policy != "simple":
            findings.refuse(what, "the name that follows the writer is a simple CNAME")
        elif proposal.name_record is not None:
            findings.refuse(what, f"{proposal.name_record.name} follows the writer already")
        else:
            ttl = min(record.ttl_seconds or LARGEST_WRITER_TTL_SECONDS, LARGEST_WRITER_TTL_SECONDS)
            if ttl != record.ttl_seconds:
                findings.note(f"the TTL of {record.name} becomes {ttl} s, in place (found: {record.ttl_seconds})")
            proposal.section["writer_name"] = {"name": record.name, "zone_id": record.zone_id, "ttl_seconds": ttl}
            proposal.name_record = record
