"""What a `FailoverRecord` will declare: every check and all arithmetic, before anything is registered.

Sources: Route 53 API reference, `ResourceRecordSet` (failover, set identifiers, health checks on records).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi

from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
)
from pulumi_seawall._failover_sides import check_pair, import_id_of, plan_side
from pulumi_seawall._inputs import checked_keys, line
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
from pulumi_seawall._objectives import plan_waived
from pulumi_seawall._switch_args import FailoverSwitchArgs
from pulumi_seawall._switch_plan import plan_switch_of_record
from pulumi_seawall._targets import TargetPlan
from seawall.errors import InvalidInput
from seawall.objectives import Objectives, Violation, require_met
from seawall.timing import FailureClass, Path, Prediction, Term

LIMITS_THE_TTL: Final = "recovery_time_seconds/region/reads"  # the prediction that a TTL is part of
NOT_INCLUDED: Final = (
    "Connections that are open to a region which is unhealthy but still answers: they stay until they are closed.",
    "Resolvers that keep answers beyond their TTL.",
    "Route 53 counts an interval from the response: checks that run into their time-out may be spaced wider by it.",
    "Starting or growing the standby: it must carry the load as it stands.",
    "Promoting a database in the standby region, which writes wait for.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan(RecordSet):
    """One record set.

    Args:
        role: `primary` or `secondary`.
        failover: Whether it is one of the pair; else a region's own simple record.
    """

    role: str
    failover: bool


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
    shared, zone_id = plan_shared(given, "the failover name", "the other region")
    import_ids = checked_keys("import_ids.", given.get("import_ids", {}), FailoverImportIds)
    for key, import_id in import_ids.items():
        line(f"import_ids.{key}", import_id, LONGEST_IMPORT_ID)
    primary = plan_side("primary", given["primary"], shared, import_ids)
    secondary = plan_side("secondary", given["secondary"], shared, import_ids)
    check_pair(primary, secondary)
    switch: FailoverSwitchArgs | None = None
    if "switch" in given:
        switch, armed = plan_switch_of_record(given["switch"], primary.region, secondary.region, shared.tags)
        primary, secondary = replace(primary, switched=armed), replace(secondary, switched=armed)
    _check_in_service_ids(import_ids, (primary, secondary), switched=switch is not None)
    names = {"name": shared.name} | {f"{side.role}.regional_name": side.regional_name for side in (primary, secondary)}
    zone_id = check_zone(given.get("zone_name"), zone_id, names)
    caches = plan_caches(given)
    objectives, waivers = plan_waived(given)
    # A waived recovery time limits no TTL; one whose waiver ran out is refused with that waiver's line.
    limiting = None if any(waiver.key == LIMITS_THE_TTL for waiver in waivers) else objectives
    ttl = _plan_ttl(given.get("ttl_seconds"), primary, secondary, limiting, caches)
    predictions = _predict(primary, secondary, ttl, caches)
    warnings = require_met(objectives, predictions, waivers=waivers) if objectives else []
    both = bool(shared.actions) and shared.status_alarms and all(side.health_check for side in (primary, secondary))
    if "both_unhealthy_alarm" in import_ids and not both:
        raise InvalidInput(
            "import_ids.both_unhealthy_alarm",
            import_ids["both_unhealthy_alarm"],
            allowed="only with alarm_actions, status_alarms and a check on both sides",
        )
    plan = FailoverPlan(
        shared.name,
        zone_id,
        primary,
        secondary,
        (),
        ttl,
        predictions,
        tuple(warnings),
        shared.actions,
        both,
        import_ids,
        shared.tags,
        switch,
        shared.status_alarms,
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
    records: dict[str, RecordPlan] = {}
    for side in plan.sides:
        for version in side.families:
            kind = FAMILIES[version].lower()
            base = RecordPlan(
                suffix=f"{side.role}-{kind}",
                name=plan.name,
                record_type=FAMILIES[version],
                role=side.role,
                failover=True,
                set_identifier=side.set_identifier,
                records=side.addresses.get(version, ()),
                alias=side.alias,
                ttl_seconds=None if side.alias else plan.ttl_seconds,
            )
            records[f"{side.role}_{kind}"] = base
            if side.regional_name is not None:
                records[f"{side.role}_regional_{kind}"] = replace(
                    base,
                    suffix=f"{side.region}-{kind}",  # stays with the region when the sides change places
                    name=side.regional_name,
                    failover=False,
                    set_identifier=None,
                )
    return adopted_records("import_ids.", plan.import_ids, records)
