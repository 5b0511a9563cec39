"""What `WeightedRecord` and `LatencyRecord` register: a check per entry that asks for one, and the record sets."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._failover_args import GroupTargetArgs
from pulumi_seawall._group_plan import GroupPlan, GroupRecordPlan
from pulumi_seawall._health_args import PredictedRecovery
from pulumi_seawall._health_plan import stated_detection
from pulumi_seawall._inputs import known, plain_prediction
from pulumi_seawall._record_sets import declare_record, resolved_alias
from pulumi_seawall.health_check import HealthCheck


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """What was registered, as both components give it out.

    Args:
        fqdn: The name that clients resolve, once its records are there.
        ttl_seconds: The longest that resolvers keep an answer.
        all_unhealthy_answers: Entries that are answered when none is healthy.
        predictions: Per failure class, with terms and sources.
        warnings: What the objectives rest on, one line each.
        health_check_ids: By entry; `None` where an alias follows its target's own health.
        alarm_names: Of the checks.
        record_names: Every name that has records.
    """

    fqdn: pulumi.Output[str]
    ttl_seconds: pulumi.Output[int]
    all_unhealthy_answers: pulumi.Output[list[str]]
    predictions: pulumi.Output[list[PredictedRecovery]]
    warnings: pulumi.Output[list[str]]
    health_check_ids: pulumi.Output[dict[str, str | None]]
    alarm_names: pulumi.Output[list[str]]
    record_names: pulumi.Output[list[str]]

    @property
    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """All of them by name, to be registered."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def declare_group(component: pulumi.ComponentResource, name: str, plan: GroupPlan) -> DeclaredGroup:
    """Register a plan's checks and records as children of a component, and tell its warnings."""
    for warning in plan.warnings:
        pulumi.log.warn(warning.line, component)
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
        (
            record.routed,
            declare_record(
                component,
                name,
                record,
                plan.zone_id,
                aliases.get(record.entry, record.alias),
                _routing(record, checks),
            ),
        )
        for record in plan.records
    ]
    routed = [record.fqdn for is_routed, record in made if is_routed]
    ids: dict[str, pulumi.Output[str] | None] = {
        entry.name: checks[entry.name].health_check_id if entry.name in checks else None for entry in plan.entries
    }
    alarms = pulumi.Output.all(*(check.alarm_name for check in checks.values()))
    return DeclaredGroup(
        # Whoever points an alias at the name waits for its records: Route 53 refuses an alias to nothing.
        fqdn=pulumi.Output.all(*routed).apply(lambda _: plan.name),
        ttl_seconds=pulumi.Output.from_input(plan.answered_ttl_seconds),
        all_unhealthy_answers=known(list(plan.all_unhealthy_answers)),
        predictions=known([plain_prediction(prediction) for prediction in plan.predictions]),
        warnings=known([warning.line for warning in plan.warnings]),
        health_check_ids=pulumi.Output.all(**ids).apply(lambda found: {key: found[key] for key in ids}),
        alarm_names=alarms.apply(lambda names: [alarm for alarm in names if alarm]),
        record_names=known(list(dict.fromkeys(record.name for record in plan.records))),
    )


def _routing(record: GroupRecordPlan, checks: Mapping[str, HealthCheck]) -> dict[str, Any]:
    if not record.routed:
        return {}
    settings: dict[str, Any] = {}
    if record.weight is not None:
        settings["weighted_routing_policies"] = [aws.route53.RecordWeightedRoutingPolicyArgs(weight=record.weight)]
    if record.latency_region is not None:
        settings["latency_routing_policies"] = [
            aws.route53.RecordLatencyRoutingPolicyArgs(region=record.latency_region)
        ]
    if record.entry in checks:
        settings["health_check_id"] = checks[record.entry].health_check_id
    return settings


def as_group(plan: GroupPlan, fqdn: pulumi.Output[str]) -> GroupTargetArgs:
    """The group as one target of another name, with what its checks and records are known to take."""
    return {
        "name": fqdn,
        "dual_stack": plan.entries[0].target.families == (4, 6),
        "ttl_seconds": plan.answered_ttl_seconds,
        "detection": stated_detection(plan.detection),
    }
