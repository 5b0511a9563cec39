"""What `WeightedRecord` and `LatencyRecord` register: a check per entry that asks for one, and the record sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._failover_args import GroupTargetArgs
from pulumi_seawall._group_plan import GroupPlan, GroupRecordPlan
from pulumi_seawall._kubernetes_target import resolve
from pulumi_seawall._target_forms import Alias
from pulumi_seawall._targets import TargetPlan
from pulumi_seawall.health_check import HealthCheck


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """What was registered.

    Args:
        fqdn: The name that clients resolve, once its records are there.
        health_check_ids: By entry; `None` where an alias follows its target's own health.
        alarm_names: Of the checks.
    """

    fqdn: pulumi.Output[str]
    health_check_ids: pulumi.Output[dict[str, str | None]]
    alarm_names: pulumi.Output[list[str]]


def declare_group(component: pulumi.ComponentResource, name: str, plan: GroupPlan) -> DeclaredGroup:
    """Register a plan's checks and records as children of a component."""
    opts = pulumi.ResourceOptions(parent=component)
    checks = {
        entry.name: HealthCheck(f"{name}-{entry.name}", entry.target.health_check_args, opts)
        for entry in plan.entries
        if entry.target.health_check_args
    }
    aliases = {
        entry.name: found
        for entry in plan.entries
        if (found := resolved_alias(component, f"{name}-{entry.name}", entry.target, plan.zone_id)) is not None
    }
    made = [
        (record.routed, _record(component, name, record, plan, checks, aliases.get(record.entry, record.alias)))
        for record in plan.records
    ]
    routed = [record.fqdn for is_routed, record in made if is_routed]
    ids: dict[str, pulumi.Output[str] | None] = {
        entry.name: checks[entry.name].health_check_id if entry.name in checks else None for entry in plan.entries
    }
    alarms = pulumi.Output.all(*(check.alarm_name for check in checks.values()))
    return DeclaredGroup(
        # Whoever points an alias at the name waits for its records: Route 53 refuses an alias to nothing.
        pulumi.Output.all(*routed).apply(lambda _: plan.name),
        pulumi.Output.all(**ids).apply(lambda known: {key: known[key] for key in ids}),
        alarms.apply(lambda names: [alarm for alarm in names if alarm]),
    )


def _record(
    component: pulumi.ComponentResource,
    name: str,
    record: GroupRecordPlan,
    plan: GroupPlan,
    checks: Mapping[str, HealthCheck],
    alias: Alias | None,
) -> aws.route53.Record:
    settings = record_target(alias, record.records, record.ttl_seconds, plan.zone_id)
    if record.routed:
        settings["set_identifier"] = record.set_identifier
        if record.weight is not None:
            settings["weighted_routing_policies"] = [aws.route53.RecordWeightedRoutingPolicyArgs(weight=record.weight)]
        if record.latency_region is not None:
            settings["latency_routing_policies"] = [
                aws.route53.RecordLatencyRoutingPolicyArgs(region=record.latency_region)
            ]
        if record.entry in checks:
            settings["health_check_id"] = checks[record.entry].health_check_id
    return aws.route53.Record(
        f"{name}-{record.suffix}",
        zone_id=plan.zone_id,
        name=record.name,
        type=record.record_type,
        allow_overwrite=False,
        **settings,
        opts=pulumi.ResourceOptions(parent=component, import_=record.import_id),
    )


def resolved_alias(
    component: pulumi.ComponentResource, name: str, target: TargetPlan, zone_id: pulumi.Input[str]
) -> Alias | None:
    """What a target points at, where it has to be asked for in a cluster."""
    if target.kubernetes is None:
        return None
    return Alias(*resolve(component, name, target.kubernetes, zone_id))


def record_target(
    alias: Alias | None, records: tuple[pulumi.Input[str], ...], ttl_seconds: int | None, zone_id: pulumi.Input[str]
) -> dict[str, Any]:
    """The arguments of a record set that say where it points: an alias, or addresses with a TTL.

    Args:
        alias: What an alias points at; with it the next two say nothing.
        records: Addresses.
        ttl_seconds: Of the addresses.
        zone_id: Of the record, and so of an alias into the same zone.
    """
    if alias is None:
        return {"records": list(records), "ttl": ttl_seconds}
    target = aws.route53.RecordAliasArgs(
        name=alias.dns_name, zone_id=alias.zone_id or zone_id, evaluate_target_health=True
    )
    return {"aliases": [target]}


def as_group(plan: GroupPlan, fqdn: pulumi.Output[str]) -> GroupTargetArgs:
    """The group as one target of another name, with what its checks and records are known to take."""
    return {
        "name": fqdn,
        "dual_stack": plan.entries[0].target.families == (4, 6),
        "ttl_seconds": plan.answered_ttl_seconds,
        "detection": {
            "typical_seconds": sum(term.typical_seconds for term in plan.detection),
            "worst_seconds": sum(term.worst_seconds for term in plan.detection),
        },
    }
