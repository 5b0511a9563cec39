"""What is checked alike for every name that clients resolve: its zone, its alarms, its TTL, ids of records to adopt.

Sources: Route 53 API reference, `ResourceRecordSet`; the provider's `aws_route53_record`, "Import".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import pulumi

from pulumi_seawall._dns import dns_name, in_zone
from pulumi_seawall._failover_args import FailoverRecordArgs
from pulumi_seawall._group_args import LatencyRecordArgs, WeightedRecordArgs
from pulumi_seawall._health_plan import plan_alarm_actions
from pulumi_seawall._inputs import flag, is_plain, line, number, plain, plain_string, text, whole
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._target_forms import LONGEST_ZONE_ID, Alias
from pulumi_seawall._targets import Shared
from seawall import timing
from seawall.errors import InvalidInput
from seawall.objectives import Objectives
from seawall.timing import Term

OVERWRITE: Final = {"allow_overwrite": "it takes over a record that is not owned here; adopt it with import_ids"}
FAMILIES: Final = {4: "A", 6: "AAAA"}
LONGEST_IMPORT_ID: Final = 1024  # characters; a name, a type and a set identifier fit

NameArgs = FailoverRecordArgs | WeightedRecordArgs | LatencyRecordArgs


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """One record set.

    Args:
        suffix: What follows the component's name in the resource's name, e.g. `primary-a`.
        name: Fully qualified name.
        record_type: `A` or `AAAA`.
        set_identifier: Of records that share a name and a type; `None` for a simple record.
        records: Addresses, or empty for an alias.
        alias: What an alias points at.
        ttl_seconds: Of records with addresses.
        import_id: Of a record to adopt.
    """

    suffix: str
    name: str
    record_type: str
    set_identifier: str | None
    records: tuple[pulumi.Input[str], ...] = ()
    alias: Alias | None = None
    ttl_seconds: int | None = None
    import_id: str | None = None


AnyRecord = TypeVar("AnyRecord", bound=RecordSet)


def plan_shared(given: NameArgs, whose: str, another: str) -> tuple[Shared, pulumi.Input[str]]:
    """What all targets of a name share, and the id of its zone.

    Args:
        given: The component's arguments, their keys checked.
        whose: What the name is called in messages, e.g. `the failover name`.
        another: What another target of it is called there, e.g. `the other region`.

    Raises:
        InvalidInput: A value is not allowed.
    """
    name = dns_name("name", plain_string("name", given["name"]), wildcard=True)
    zone_id = text("zone_id", given["zone_id"], lambda label, value: line(label, value, LONGEST_ZONE_ID))
    status_alarms = flag("status_alarms", given.get("status_alarms", True))
    actions = plan_alarm_actions("alarm_actions", given.get("alarm_actions", []))
    if actions and not status_alarms:
        raise InvalidInput("alarm_actions", f"{len(actions)} topics", allowed="only with status_alarms = true")
    tags = checked_tags("", given.get("tags"))
    zone_name = plain(given.get("zone_name"))
    zone = dns_name("zone_name", zone_name) if zone_name is not None else None
    private = flag("private_zone", given.get("private_zone", False))
    return Shared(name, whose, another, status_alarms, actions, tags, zone, private), zone_id


def plan_caches(given: NameArgs) -> Term:
    """How long clients keep an answer beyond its TTL.

    Raises:
        InvalidInput: It is no number of seconds.
    """
    return timing.client_caches(
        number("client_cache_seconds", given["client_cache_seconds"]) if "client_cache_seconds" in given else None
    )


def check_zone(
    zone_name: pulumi.Input[str] | None, zone_id: pulumi.Input[str], names: Mapping[str, str | None]
) -> pulumi.Input[str]:
    """The zone's id; when the zone's name is known only during the deployment, the id waits for the check.

    Args:
        zone_name: The zone's name, when it was given.
        zone_id: Its id.
        names: Every name that must lie in it, by the input that it comes from.

    Raises:
        InvalidInput: One lies outside.
    """
    if zone_name is None:
        return zone_id

    def holds(label: str, value: str) -> str:
        zone = dns_name(label, value)
        for key, name in names.items():
            if name is not None:
                in_zone(key, name, zone)
        return zone

    checked = text("zone_name", zone_name, holds)
    if is_plain(checked):
        return zone_id
    return pulumi.Output.all(zone_id, checked).apply(lambda values: str(values[0]))


def plan_ttl(given: int | None, detection: tuple[Term, ...] | None, objectives: Objectives | None, caches: Term) -> int:
    """The TTL of records with addresses, in seconds: what was asked for, within what the recovery time affords.

    Args:
        given: What was asked for; the largest that is allowed when nothing was.
        detection: How long it takes to know that what such a record points at failed; `None` when aliases alone count,
            which have a TTL of their own.
        objectives: What the service promises.
        caches: What clients keep after the TTL.

    Raises:
        InvalidInput: More than the recovery time, or a failover, can afford.
    """
    largest = timing.LARGEST_FAILOVER_TTL_SECONDS
    because = "clients keep a dead address for that long"
    if objectives is not None and detection is not None:
        affordable = timing.largest_ttl_affordable(objectives.recovery_time_seconds, (*detection, caches))
        if 0 <= affordable < largest:
            largest = affordable
            after = f"detection ({timing.arithmetic(detection)})"
            if caches.worst_seconds:
                after += f" and {timing.arithmetic([caches])}"
            because = f"recovery_time_seconds = {objectives.recovery_time_seconds:g} leaves {affordable} after {after}"
    if given is None:
        return largest
    ttl = whole("ttl_seconds", given, 0, None)
    if ttl > largest:
        raise InvalidInput("ttl_seconds", ttl, allowed=f"at most {largest}", because=because)
    return ttl


def adopted_records(label: str, ids: Mapping[str, object], records: Mapping[str, AnyRecord]) -> tuple[AnyRecord, ...]:
    """The records, those that have an id adopting what has it.

    Args:
        label: What stands before the key in messages, e.g. `import_ids.`.
        ids: Ids to adopt, by key, those of other resources among them.
        records: By key, which ends in the record's type, e.g. `primary_regional_aaaa`.

    Raises:
        InvalidInput: An id has another name, type or set identifier than its record, or is of a record that is not
            declared.
    """
    planned = tuple(_with_import(record, f"{label}{key}", ids.get(key)) for key, record in records.items())
    types = {kind.lower() for kind in FAMILIES.values()}
    for key, import_id in ids.items():
        if key.rpartition("_")[2] in types and key not in records:
            raise InvalidInput(f"{label}{key}", import_id, allowed="only for a record that is declared")
    return planned


def _with_import(record: AnyRecord, label: str, import_id: object) -> AnyRecord:
    """The record, adopting `ZONEID_name_type`, and `_setidentifier` where it has one."""
    if not isinstance(import_id, str):
        return record
    ending = f"_{record.name}_{record.record_type}" + (f"_{record.set_identifier}" if record.set_identifier else "")
    if not import_id.endswith(ending):
        raise InvalidInput(
            label,
            import_id,
            allowed=f"ZONEID{ending}",
            because="name, type and set identifier must be those declared here",
        )
    return replace(record, import_id=import_id)
