"""What a `WeightedRecord` or a `LatencyRecord` will declare: every check, before anything is registered.

Sources: Route 53 developer guide, "Weighted routing" (weights 0 to 255, all weights 0), "Latency-based routing", "How
Amazon Route 53 chooses records when health checking is configured" (entries of weight 0; all unhealthy); quotas, "Records
that have the same name and type".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi

from pulumi_seawall._group_args import (
    EntryImportIds,
    LatencyEntryArgs,
    LatencyRecordArgs,
    WeightedEntryArgs,
    WeightedRecordArgs,
)
from pulumi_seawall._inputs import checked_keys, flag, line, listed, plain_string, whole
from pulumi_seawall._name_plan import (
    FAMILIES,
    LONGEST_IMPORT_ID,
    OVERWRITE,
    RecordSet,
    adopted_records,
    check_zone,
    plan_caches,
    plan_shared,
    plan_ttl,
)
from pulumi_seawall._objectives import plan_objectives
from pulumi_seawall._targets import Adopted, Shared, TargetPlan, family_names, plan_target
from seawall.errors import InvalidInput
from seawall.objectives import Objectives, Violation, require_met
from seawall.timing import FailureClass, Path, Prediction, Term

LARGEST_WEIGHT: Final = 255  # Route 53
MOST_ENTRIES: Final = 100  # Route 53's quota of records with the same name and type
ENTRY_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
UNCHECKED: Final = "without one its share of the answers points there also when it is dead"
NOT_INCLUDED: Final = (
    "Connections that are open to an entry which is unhealthy but still answers: they stay until they are closed.",
    "Resolvers that keep answers beyond their TTL.",
    "Starting or growing the entries that take over its share: they must carry the load as they stand.",
)


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """One entry, checked. `weight` is `None` in a latency-based name."""

    target: TargetPlan
    weight: int | None
    adopted: Adopted

    @property
    def name(self) -> str:
        """What it is called."""
        return self.target.role


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecordPlan(RecordSet):
    """One record set.

    Args:
        entry: The entry that it belongs to.
        routed: Whether it is one of the group; else an entry's own simple record.
        weight: Of a weighted group's records.
        latency_region: Of a latency group's records.
    """

    entry: str
    routed: bool
    weight: int | None = None
    latency_region: str | None = None


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Everything that the component declares, and what it predicts.

    Args:
        name: The name that clients resolve.
        zone_id: The zone of every record.
        entries: In the order given.
        records: All record sets.
        ttl_seconds: Of records with addresses; `None` when there are none.
        predictions: Per failure class, for reads, of the entry that takes longest.
        warnings: What the objectives rest on; to be shown.
        tags: For checks and alarms.
    """

    name: str
    zone_id: pulumi.Input[str]
    entries: tuple[EntryPlan, ...]
    ttl_seconds: int | None
    predictions: tuple[Prediction, ...]
    warnings: tuple[Violation, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    records: tuple[GroupRecordPlan, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """Ratio of the answers that each entry gets while all are healthy; empty for a latency-based name."""
        total = sum(entry.weight or 0 for entry in self.entries)
        return {entry.name: (entry.weight or 0) / total for entry in self.entries} if total else {}

    @property
    def last_resorts(self) -> tuple[str, ...]:
        """Entries of weight 0: answered only once every entry with a weight is unhealthy."""
        return tuple(entry.name for entry in self.entries if entry.weight == 0)

    @property
    def all_unhealthy_answers(self) -> tuple[str, ...]:
        """Entries that are answered when none is healthy: Route 53 then takes all of them for healthy."""
        return tuple(entry.name for entry in self.entries if entry.weight != 0)

    @property
    def detection(self) -> tuple[Term, ...]:
        """How long until Route 53 knows that all of it failed: the entry that takes longest."""
        return _slowest([entry.target.detection(FailureClass.REGION) for entry in self.entries])

    @property
    def answered_ttl_seconds(self) -> int:
        """The longest that resolvers keep any of its answers."""
        return max(
            entry.target.alias_ttl_seconds if entry.target.alias else (self.ttl_seconds or 0) for entry in self.entries
        )


def plan_weighted(args: WeightedRecordArgs) -> GroupPlan:
    """Check the arguments of a `WeightedRecord` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: The name cannot meet the objectives with any TTL.
    """
    given = checked_keys("", args, WeightedRecordArgs, OVERWRITE)
    entries = _numbered("entries", given["entries"], 1)
    shared, parts = _plan_shared(given)
    planned: list[EntryPlan] = []
    for where, entry in entries:
        known = checked_keys(where, entry, WeightedEntryArgs)
        weight = whole(f"{where}weight", known["weight"], 0, LARGEST_WEIGHT, because="Route 53 offers no other weight")
        planned.append(_plan_entry(where, known, weight, shared))
    if not any(entry.weight for entry in planned):
        raise InvalidInput(
            "entries",
            f"{len(planned)} of weight 0",
            allowed="at least one weight above 0",
            because="Route 53 answers all alike when every weight is 0; give equal weights to mean that",
        )
    return _plan_group(given, planned, shared, parts)


def plan_latency(args: LatencyRecordArgs) -> GroupPlan:
    """Check the arguments of a `LatencyRecord` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: The name cannot meet the objectives with any TTL.
    """
    given = checked_keys("", args, LatencyRecordArgs, OVERWRITE)
    entries = _numbered("entries", given["entries"], 2)
    shared, parts = _plan_shared(given)
    planned: list[EntryPlan] = []
    for where, entry in entries:
        known = checked_keys(where, entry, LatencyEntryArgs)
        planned.append(_plan_entry(where, known, None, shared))
    _each_once(planned, "target.region", lambda entry: entry.target.region, "Route 53 has one latency record a region")
    return _plan_group(given, planned, shared, parts)


def _numbered(name: str, given: object, fewest: int) -> list[tuple[str, Any]]:
    values = listed(name, given)
    if not fewest <= len(values) <= MOST_ENTRIES:
        raise InvalidInput(name, len(values), allowed=f"{fewest} to {MOST_ENTRIES} entries")
    return [(f"{name}[{place}].", value) for place, value in enumerate(values)]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What does not depend on the entries."""

    zone_id: pulumi.Input[str]
    caches: Term
    objectives: Objectives | None


def _plan_shared(given: WeightedRecordArgs | LatencyRecordArgs) -> tuple[Shared, _Parts]:
    shared, zone_id = plan_shared(given, "the name that clients resolve", "another entry")
    objectives = plan_objectives(given["objectives"]) if "objectives" in given else None
    return shared, _Parts(zone_id, plan_caches(given), objectives)


def _plan_entry(
    where: str, given: WeightedEntryArgs | LatencyEntryArgs, weight: int | None, shared: Shared
) -> EntryPlan:
    name = plain_string(f"{where}name", given["name"])
    if not ENTRY_NAME.fullmatch(name):
        raise InvalidInput(
            f"{where}name", name, allowed="1 to 63 lower-case letters, digits and inner hyphens, e.g. blue"
        )
    label = f"{where}import_ids."
    ids = checked_keys(label, given.get("import_ids", {}), EntryImportIds)
    adopted = Adopted(label, {key: line(f"{label}{key}", value, LONGEST_IMPORT_ID) for key, value in ids.items()})
    alarmed = flag(f"{where}status_alarm", given.get("status_alarm", shared.status_alarms))
    own = replace(shared, status_alarms=alarmed, actions=shared.actions if alarmed else ())
    return EntryPlan(plan_target(name, f"{where}target.", given["target"], own, adopted, UNCHECKED), weight, adopted)


def _each_once(
    entries: Sequence[EntryPlan],
    key: str,
    value_of: Callable[[EntryPlan], str | None],
    because: str | None = None,
) -> None:
    seen: dict[str, int] = {}
    for place, entry in enumerate(entries):
        value = value_of(entry)
        if value is None:
            continue
        if value in seen:
            raise InvalidInput(
                f"entries[{place}].{key}",
                value,
                allowed=f"another than that of entries[{seen[value]}]",
                because=because,
            )
        seen[value] = place


def _plan_group(
    given: WeightedRecordArgs | LatencyRecordArgs, entries: Sequence[EntryPlan], shared: Shared, parts: _Parts
) -> GroupPlan:
    _each_once(entries, "name", lambda entry: entry.name)
    _each_once(entries, "target.set_identifier", lambda entry: entry.target.set_identifier)
    _each_once(entries, "target.regional_name", lambda entry: entry.target.regional_name)
    for place, entry in enumerate(entries[1:], start=1):
        if entry.target.families != entries[0].target.families:
            raise InvalidInput(
                f"entries[{place}].target",
                family_names(entry.target),
                allowed=f"{family_names(entries[0].target)} as entries[0]",
                because="clients of the other family would get other answers",
            )
    names = {"name": shared.name} | {
        f"{entry.target.where}regional_name": entry.target.regional_name for entry in entries
    }
    zone_id = check_zone(given.get("zone_name"), parts.zone_id, names)
    with_addresses = [entry.target for entry in entries if entry.target.alias is None]
    ttl: int | None = None
    if with_addresses:
        slowest = _slowest([target.detection(FailureClass.REGION) for target in with_addresses])
        ttl = plan_ttl(given.get("ttl_seconds"), slowest, parts.objectives, parts.caches)
    elif "ttl_seconds" in given:
        raise InvalidInput(
            "ttl_seconds",
            given["ttl_seconds"],
            allowed="not with aliases alone",
            because="an alias answers with its target's",
        )
    predictions = _predict(entries, ttl, parts.caches)
    warnings = require_met(parts.objectives, predictions) if parts.objectives else []
    plan = GroupPlan(shared.name, zone_id, tuple(entries), ttl, predictions, tuple(warnings), shared.tags)
    return replace(plan, records=_plan_records(plan))


def _slowest(detections: Sequence[tuple[Term, ...]]) -> tuple[Term, ...]:
    return max(detections, key=lambda terms: sum(term.worst_seconds for term in terms))


def _predict(entries: Sequence[EntryPlan], ttl: int | None, caches: Term) -> tuple[Prediction, ...]:
    """A lost region is predicted where another region is left."""
    classes = [FailureClass.ENDPOINT]
    if len({entry.target.region for entry in entries}) > 1:
        classes.append(FailureClass.REGION)
    return tuple(
        Prediction(
            failure_class,
            Path.READS,
            _slowest([(*entry.target.detection(failure_class), entry.target.kept(ttl), caches) for entry in entries]),
            not_included=NOT_INCLUDED,
        )
        for failure_class in classes
    )


def _plan_records(plan: GroupPlan) -> tuple[GroupRecordPlan, ...]:
    return tuple(record for entry in plan.entries for record in _records_of(entry, plan))


def _records_of(entry: EntryPlan, plan: GroupPlan) -> tuple[GroupRecordPlan, ...]:
    target, adopted = entry.target, entry.adopted
    records: dict[str, GroupRecordPlan] = {}
    for version in target.families:
        kind = FAMILIES[version].lower()
        base = GroupRecordPlan(
            suffix=f"{entry.name}-{kind}",
            name=plan.name,
            record_type=FAMILIES[version],
            entry=entry.name,
            routed=True,
            set_identifier=target.set_identifier,
            weight=entry.weight,
            latency_region=target.region if entry.weight is None else None,
            records=target.addresses.get(version, ()),
            alias=target.alias,
            ttl_seconds=None if target.alias else plan.ttl_seconds,
        )
        records[kind] = base
        if target.regional_name is not None:
            records[f"regional_{kind}"] = replace(
                base,
                suffix=f"{entry.name}-regional-{kind}",
                name=target.regional_name,
                routed=False,
                set_identifier=None,
                weight=None,
                latency_region=None,
            )
    return adopted_records(adopted.label, adopted.ids, records)
