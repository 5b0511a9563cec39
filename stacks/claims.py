"""What the edge claims to be in Route 53: `make dev` holds it against the cloud, and operators read it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from pulumi_seawall import FailoverPlan, FailoverRecord, GroupPlan, HealthCheckPlan, ObjectPlan, plan_switch

S3 = "s3://"
ANYWHERE = None  # a host that is not claimed


def pair_records(plan: FailoverPlan, record: FailoverRecord) -> list[dict[str, Any]]:
    """Each record set of a failover pair as the cloud should have it."""
    checks = {"primary": record.primary_record_check_id, "secondary": record.secondary_record_check_id}
    return [
        {
            "name": claim.name,
            "type": claim.record_type,
            "set_identifier": claim.set_identifier,
            "failover": claim.role.upper() if claim.failover else None,
            "weight": None,
            "latency_region": None,
            "ttl_seconds": claim.ttl_seconds,
            "values": list(claim.records),
            "alias": claim.alias.dns_name if claim.alias else None,
            "health_check_id": checks[claim.role] if claim.failover else None,
        }
        for claim in plan.records
    ]


def group_records(plan: GroupPlan, health_check_ids: pulumi.Output[dict[str, str | None]]) -> list[dict[str, Any]]:
    """Each record set of a weighted or latency-based name as the cloud should have it."""
    return [
        {
            "name": claim.name,
            "type": claim.record_type,
            "set_identifier": claim.set_identifier,
            "failover": None,
            "weight": claim.weight,
            "latency_region": claim.latency_region,
            "ttl_seconds": claim.ttl_seconds,
            "values": list(claim.records),
            "alias": claim.alias.dns_name if claim.alias else None,
            "health_check_id": health_check_ids.apply(lambda ids, entry=claim.entry: ids[entry])
            if claim.routed
            else None,
        }
        for claim in plan.records
    ]


def pair_checks(plan: FailoverPlan, record: FailoverRecord) -> list[dict[str, Any]]:
    """Each check of a pair with its pace, so that the cloud's copy can be held against the prediction's arithmetic."""
    ids = {"primary": record.primary_health_check_id, "secondary": record.secondary_health_check_id}
    own = [
        check_claim(side.role, ids[side.role], side.health_check)
        for side in plan.sides
        if side.health_check is not None and side.health_check.check is not None
    ]
    counted = [
        {
            **_claim(f"{side.role} in service", _at(record.in_service_check_ids, place), {"type": "CALCULATED"}),
            "children": pulumi.Output.all(ids[side.role], _at(record.switch_check_ids, plan.sides.index(side))).apply(
                lambda known: sorted(str(child) for child in known)
            ),
        }
        for place, side in enumerate(plan.counted_sides)
    ]
    return [*own, *_switch_checks(plan, record), *counted]


def _switch_checks(plan: FailoverPlan, record: FailoverRecord) -> list[dict[str, Any]]:
    """The switch's checks; where each looks is claimed with its position."""
    if plan.switch is None:
        return []
    form = plan_switch(plan.switch).form
    settings = form.check.settings if isinstance(form, ObjectPlan) else {"type": "RECOVERY_CONTROL"}
    looks = {**settings, "fqdn": ANYWHERE}
    return [
        _claim(f"{side.role} switch", _at(record.switch_check_ids, place), looks)
        for place, side in enumerate(plan.sides)
    ]


def check_claim(name: str, id_: pulumi.Input[str | None], plan: HealthCheckPlan) -> dict[str, Any]:
    """One declared check."""
    return _claim(name, id_, plan.check.settings if plan.check else {})


def _claim(name: str, id_: pulumi.Input[str | None], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "id": id_,
        "type": settings.get("type"),
        "host": settings.get("ip_address") or settings.get("fqdn", ""),
        "interval_seconds": settings.get("request_interval"),
        "failure_threshold": settings.get("failure_threshold"),
        "inverted": bool(settings.get("invert_healthcheck")),
        "children": None,
    }


def _at(ids: pulumi.Output[list[str]], place: int) -> pulumi.Output[str]:
    return ids.apply(lambda known: known[place])


def pair_alarms(record: FailoverRecord) -> pulumi.Output[list[dict[str, Any]]]:
    """Each alarm with the check that it watches; the one on both sides watches alarms instead."""

    def claimed(known: list[Any]) -> list[dict[str, Any]]:
        names, primary, secondary, in_service = known
        watched = [check for check in (primary, secondary, *in_service) if check is not None]
        return watching(names, watched)

    return pulumi.Output.all(
        record.alarm_names,
        record.primary_health_check_id,
        record.secondary_health_check_id,
        record.in_service_check_ids,
    ).apply(claimed)


def watching(names: Sequence[str], checks: Sequence[str]) -> list[dict[str, Any]]:
    """Alarms in the order of the checks that they watch; those beyond them watch none."""
    return [
        {"name": name, "health_check_id": checks[place] if place < len(checks) else None}
        for place, name in enumerate(names)
    ]


def switch_claim(plan: FailoverPlan, record: FailoverRecord) -> dict[str, Any] | None:
    """Where the switch's position is kept, and what an operator runs; None without a switch."""
    if plan.switch is None:
        return None
    others = {side.region: other.region for side, other in zip(plan.sides, reversed(plan.sides), strict=True)}
    return {
        "positions": record.switch_positions.apply(
            lambda known: [
                {"switches_off": region, "kept_in": others[region] if place.startswith(S3) else None, "place": place}
                for region, place in known.items()
            ]
        ),
        "throw": record.throw_commands,
        "release": record.release_commands,
        "status": record.status_commands,
        "prepare": record.prepare_commands,
    }
