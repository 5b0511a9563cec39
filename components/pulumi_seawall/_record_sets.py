"""Record sets of Route 53 as every kind of name here declares them."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._kubernetes_target import resolve
from pulumi_seawall._name_plan import RecordSet
from pulumi_seawall._target_forms import Alias
from pulumi_seawall._targets import TargetPlan


def declare_record(
    component: pulumi.ComponentResource,
    name: str,
    record: RecordSet,
    zone_id: pulumi.Input[str],
    alias: Alias | None,
    routing: Mapping[str, Any],
) -> aws.route53.Record:
    """Register a record set as a child of a component. It never overwrites one that is not owned here.

    Args:
        component: Its parent.
        name: The component's.
        record: What was planned.
        zone_id: The zone's id, as the plan has it.
        alias: What an alias points at, looked up; `None` for addresses.
        routing: The routing policy and the check of a record that shares its name with others.
    """
    return aws.route53.Record(
        f"{name}-{record.suffix}",
        zone_id=zone_id,
        name=record.name,
        type=record.record_type,
        set_identifier=record.set_identifier,
        allow_overwrite=False,
        **_pointing(record, alias, zone_id),
        **routing,
        opts=pulumi.ResourceOptions(parent=component, import_=record.import_id),
    )


def resolved_alias(
    component: pulumi.ComponentResource, name: str, target: TargetPlan, zone_id: pulumi.Input[str]
) -> Alias | None:
    """What a target points at, where it has to be asked for in a cluster."""
    if target.kubernetes is None:
        return None
    return Alias(*resolve(component, name, target.kubernetes, zone_id))


def _pointing(record: RecordSet, alias: Alias | None, zone_id: pulumi.Input[str]) -> dict[str, Any]:
    """Where it points: an alias, which may be into the same zone, or addresses with a TTL."""
    if alias is None:
        return {"records": list(record.records), "ttl": record.ttl_seconds}
    target = aws.route53.RecordAliasArgs(
        name=alias.dns_name, zone_id=alias.zone_id or zone_id, evaluate_target_health=True
    )
    return {"aliases": [target]}
