"""What a `FailoverRecord` will declare: every check and all arithmetic, before anything is registered.

Sources: Route 53 API reference, `ResourceRecordSet` (failover, set identifiers, health checks on records).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi

from pulumi_seawall._dns import dns_name, in_zone
from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
)
from pulumi_seawall._failover_sides import check_pair, import_id_of, plan_side
from pulumi_seawall._health_plan import (
    plan_alarm_actions,
)
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, number, plain, plain_string, text, whole
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._objectives import plan_objectives, plan_waivers
from pulumi_seawall._switch_args import FailoverSwitchArgs
from pulumi_seawall._switch_plan import plan_switch_of_record
from pulumi_seawall._target_forms import LONGEST_ZONE_ID, Alias
from pulumi_seawall._targets import Shared, TargetPlan
from seawall import timing
from seawall.errors import InvalidInput
from seawall.objectives import Objectives, Violation, require_met
from seawall.timing import FailureClass, Path, Prediction, Term

LIMITS_THE_TTL: Final = "recovery_time_seconds/region/reads"  # the prediction that a TTL is part of
OVERWRITE: Final = {"allow_overwrite": "it takes over a record that is not owned here; adopt it with import_ids"}
FAMILIES: Final = {4: "A", 6: "AAAA"}
NOT_INCLUDED: Final = (
    "Connections that are open to a region which is unhealthy but still answers: they stay until they are closed.",
    "Resolvers that keep answers beyond their TTL.",
    "Route 53 counts an interval from the response: checks that run into their time-out may be spaced wider by it.",
    "Starting or growing the standby: it must carry the load as it stands.",
    "Promoting a database in the standby region, which writes wait for.",
)


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """One record set.

    Args:
        suffix: What follows the component's name in the resource's name, e.g. `primary-a`.
        name: Fully qualified name.
        record_type: `A` or `AAAA`.
        role: `primary` or `secondary`.
        failover: Whether it is one of the pair; else a region's own simple record.
        set_identifier: Of the pair's records.
        records: Addresses, or empty for an alias.
        alias: What an alias points at.
        ttl_seconds: Of records with addresses.
        import_id: Of a record to adopt.
    """

    suffix: str
    name: str
    record_type: str
    role: str
    failover: bool
    set_identifier: str | None
    records: tuple[pulumi.Input[str], ...] = ()
    alias: Alias | None = None
    ttl_seconds: int | None = None
    import_id: str | None = None


@dataclass(frozen=True, slots=True)
class FailoverPlan:
    """Everything that a `FailoverRecord` declares, and what it predicts.

    Args:
        name: The failover name.
        zone_id: The zone of every record.
        primary: The side that is answered while healthy.
        secondary: The other one.
        records: All record sets.
        ttl_seconds: Of records with addresses; `None` when there are none.
        predictions: Per failure class, for reads.
        warnings: What the objectives rest on; to be shown.
        alarm_actions: Topics of every alarm.
        both_unhealthy_alarm: Whether to declare the alarm on both sides.
        import_ids: Existing resources to adopt.
        tags: For checks and alarms.
        switch: Arguments of its `FailoverSwitch`, when it has one.
        status_alarms: Whether each check gets an alarm on its status.
    """

    name: str
    zone_id: pulumi.Input[str]
    primary: TargetPlan
    secondary: TargetPlan
    records: tuple[RecordPlan, ...]
    ttl_seconds: int | None
    predictions: tuple[Prediction, ...]
    warnings: tuple[Violation, ...] = ()
    alarm_actions: tuple[pulumi.Input[str], ...] = ()
    both_unhealthy_alarm: bool = False
    import_ids: FailoverImportIds = field(default_factory=FailoverImportIds)
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    switch: FailoverSwitchArgs | None = None
    status_alarms: bool = True

    @property
    def counted_sides(self) -> tuple[TargetPlan, ...]:
        """The sides whose own check is counted together with the switch."""
        return tuple(side for side in self.sides if side.health_check is not None) if self.switch is not None else ()

    @property
    def sides(self) -> tuple[TargetPlan, TargetPlan]:
        """Primary and secondary."""
        return self.primary, self.secondary


def plan_failover(args: FailoverRecordArgs) -> FailoverPlan:
    """Check the arguments of a `FailoverRecord` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: The failover cannot meet the objectives with any TTL.
    """
    given = checked_keys("", args, FailoverRecordArgs, OVERWRITE)
    name = dns_name("name", plain_string("name", given["name"]), wildcard=True)
    zone_id = text("zone_id", given["zone_id"], lambda label, value: line(label, value, LONGEST_ZONE_ID))
    import_ids = checked_keys("import_ids.", given.get("import_ids", {}), FailoverImportIds)
    for key, import_id in import_ids.items():
        line(f"import_ids.{key}", import_id, 1024)
    status_alarms = flag("status_alarms", given.get("status_alarms", True))
    actions = plan_alarm_actions("alarm_actions", given.get("alarm_actions", []))
    if actions and not status_alarms:
        raise InvalidInput("alarm_actions", f"{len(actions)} topics", allowed="only with status_alarms = true")
    tags = checked_tags("", given.get("tags"))
    zone_name = plain(given.get("zone_name"))
    shared = Shared(
        name,
        "the failover name",
        "the other region",
        status_alarms,
        actions,
        tags,
        dns_name("zone_name", zone_name) if zone_name is not None else None,
        flag("private_zone", given.get("private_zone", False)),
    )
    primary = plan_side("primary", given["primary"], shared, import_ids)
    secondary = plan_side("secondary", given["secondary"], shared, import_ids)
    check_pair(primary, secondary)
    switch: FailoverSwitchArgs | None = None
    if "switch" in given:
        switch, armed = plan_switch_of_record(given["switch"], primary.region, secondary.region, tags)
        primary, secondary = replace(primary, switched=armed), replace(secondary, switched=armed)
    _check_in_service_ids(import_ids, (primary, secondary), switched=switch is not None)
    names = {"name": name} | {f"{side.role}.regional_name": side.regional_name for side in (primary, secondary)}
    zone_id = check_zone(given.get("zone_name"), zone_id, names)
    caches = timing.client_caches(
        number("client_cache_seconds", given["client_cache_seconds"]) if "client_cache_seconds" in given else None
    )
    objectives = plan_objectives(given["objectives"]) if "objectives" in given else None
    waivers = plan_waivers(given.get("waivers", []))
    if waivers and objectives is None:
        raise InvalidInput("waivers", f"{len(waivers)} waivers", allowed="only with objectives")
    # A waived recovery time limits no TTL; one whose waiver ran out is refused with that waiver's line.
    limiting = None if any(waiver.key == LIMITS_THE_TTL for waiver in waivers) else objectives
    ttl = _plan_ttl(given.get("ttl_seconds"), primary, secondary, limiting, caches)
    predictions = _predict(primary, secondary, ttl, caches)
    warnings = require_met(objectives, predictions, waivers=waivers) if objectives else []
    both = bool(actions) and status_alarms and all(side.health_check for side in (primary, secondary))
    if "both_unhealthy_alarm" in import_ids and not both:
        raise InvalidInput(
            "import_ids.both_unhealthy_alarm",
            import_ids["both_unhealthy_alarm"],
            allowed="only with alarm_actions, status_alarms and a check on both sides",
        )
    plan = FailoverPlan(
        name,
        zone_id,
        primary,
        secondary,
        (),
        ttl,
        predictions,
        tuple(warnings),
        actions,
        both,
        import_ids,
        tags,
        switch,
        status_alarms,
    )
    return replace(plan, records=_plan_records(plan))


def _check_in_service_ids(
    import_ids: FailoverImportIds, sides: tuple[TargetPlan, TargetPlan], *, switched: bool
) -> None:
    """The checks that count a side's own check and the switch are there only with both."""
    for side in sides:
        for kind in ("check", "alarm"):
            key = f"{side.role}_in_service_{kind}"
            import_id = import_id_of(import_ids, key)
            if import_id is not None and not (switched and side.health_check):
                raise InvalidInput(
                    f"import_ids.{key}", import_id, allowed=f"only with switch and a check on the {side.role}"
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


def _plan_ttl(
    given: int | None, primary: TargetPlan, secondary: TargetPlan, objectives: Objectives | None, caches: Term
) -> int | None:
    """The TTL of the records with addresses: what was asked for, within what the recovery time affords."""
    if primary.alias and secondary.alias:
        if given is not None:
            balancers = primary.alias.zone_id is not None and secondary.alias.zone_id is not None
            raise InvalidInput(
                "ttl_seconds",
                given,
                allowed="not with two load balancers" if balancers else "not with two aliases",
                because="an alias answers with its own 60 s" if balancers else "an alias answers with its target's",
            )
        return None
    detection = primary.detection(FailureClass.REGION) if primary.alias is None else None
    return plan_ttl(given, detection, objectives, caches)


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


def _predict(primary: TargetPlan, secondary: TargetPlan, ttl: int | None, caches: Term) -> tuple[Prediction, ...]:
    """Clients hold the primary's answer when it fails, so its TTL counts."""
    kept = primary.kept(ttl)
    without_check = "" if secondary.checked else "The secondary is not checked."
    return tuple(
        Prediction(
            failure_class,
            Path.READS,
            (*primary.detection(failure_class), kept, caches),
            not_included=(*NOT_INCLUDED, without_check) if without_check else NOT_INCLUDED,
        )
        for failure_class in (FailureClass.ENDPOINT, FailureClass.REGION)
    )


def _plan_records(plan: FailoverPlan) -> tuple[RecordPlan, ...]:
    records: list[RecordPlan] = []
    declared: set[str] = set()
    for side in plan.sides:
        for version in side.families:
            record_type = FAMILIES[version]
            base = RecordPlan(
                f"{side.role}-{record_type.lower()}",
                plan.name,
                record_type,
                side.role,
                failover=True,
                set_identifier=side.set_identifier,
                records=side.addresses.get(version, ()),
                alias=side.alias,
                ttl_seconds=None if side.alias else plan.ttl_seconds,
                import_id=import_id_of(plan.import_ids, f"{side.role}_{record_type.lower()}"),
            )
            records.append(_checked_import(base, f"{side.role}_{record_type.lower()}"))
            declared.add(f"{side.role}_{record_type.lower()}")
            if side.regional_name is not None:
                key = f"{side.role}_regional_{record_type.lower()}"
                regional = replace(
                    base,
                    suffix=f"{side.region}-{record_type.lower()}",  # stays with the region when the sides change places
                    name=side.regional_name,
                    failover=False,
                    set_identifier=None,
                    import_id=import_id_of(plan.import_ids, key),
                )
                records.append(_checked_import(regional, key))
                declared.add(key)
    for key, import_id in plan.import_ids.items():
        if key.endswith(("_a", "_aaaa")) and key not in declared:
            raise InvalidInput(f"import_ids.{key}", import_id, allowed="only for a record that is declared")
    return tuple(records)


def _checked_import(record: RecordPlan, key: str) -> RecordPlan:
    if record.import_id is not None:
        check_import_id(f"import_ids.{key}", record.import_id, record.name, record.record_type, record.set_identifier)
    return record


def check_import_id(label: str, import_id: str, name: str, record_type: str, set_identifier: str | None) -> None:
    """Refuse to adopt another record than the one that is declared.

    Raises:
        InvalidInput: Name, type or set identifier are others.
    """
    ending = f"_{name}_{record_type}" + (f"_{set_identifier}" if set_identifier else "")
    if not import_id.endswith(ending):
        raise InvalidInput(
            label,
            import_id,
            allowed=f"ZONEID{ending}",
            because="name, type and set identifier must be those declared here",
        )
