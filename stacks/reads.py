"""The name for reads: each client gets the nearest healthy region, readers among them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from pulumi_seawall import (
    DetectionArgs,
    FailoverPlan,
    GroupPlan,
    LatencyEntryArgs,
    LatencyRecord,
    LatencyRecordArgs,
    ObjectivesArgs,
    TargetPlan,
    plan_latency,
)
from seawall.timing import FailureClass
from stacks.claims import check_claim, group_records, watching
from stacks.edge import UNKNOWN_TOPIC, UNKNOWN_ZONE, Edge, check_of, place_of
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.settings import Region, Role

UNKNOWN_CHECK: Final = "CHECK"  # stands for the id of a check that is not made yet, while the plan is checked
ENTRY: Final = re.compile(r"entries\[(?P<place>\d+)\]\.(?:target)?(?P<rest>.*)")


@dataclass(frozen=True)
class ReadsName:
    """The component, and what it tells the world."""

    record: LatencyRecord
    outputs: Mapping[str, pulumi.Input[Any]]


def plan_reads(environment: Environment, pair: FailoverPlan) -> GroupPlan | None:
    """Check the name for reads, where there is one; registers nothing.

    Args:
        environment: The environment.
        pair: From `plan_edge`: how long its regions' checks take.

    Raises:
        InvalidInput: A value is not allowed.
        ObjectiveNotMet: It cannot meet the environment's objectives.
    """
    if environment.dns.reads is None:
        return None
    checks: dict[Role, pulumi.Input[str | None]] = {
        Role.PRIMARY: UNKNOWN_CHECK,
        Role.STANDBY: UNKNOWN_CHECK,
    }
    with named_as(_in_the_file):
        args = _args(environment, pair, environment.dns.zone_id or UNKNOWN_ZONE, checks, [UNKNOWN_TOPIC])
        return plan_latency(args)


def _in_the_file(name: str) -> str:
    """The component's name of an input as the key of `Pulumi.<env>.yaml` that gave it."""
    if name in ObjectivesArgs.__annotations__:
        return f"seawall:objectives.{name}"
    entry = ENTRY.fullmatch(name)
    if entry is None:
        return f"seawall:dns.reads.{name}"
    if entry["rest"].startswith(".health_check."):
        return f"seawall:health_check.{entry['rest'].removeprefix('.health_check.')}"
    return f"seawall:regions[{entry['place']}]{entry['rest'] or '.target'}"


def declare_reads(
    environment: Environment,
    plan: GroupPlan | None,
    pair: FailoverPlan,
    edge: Edge,
    topic: pulumi.Input[str],
    options: pulumi.ResourceOptions,
) -> ReadsName | None:
    """Declare the name for reads, where there is one.

    Args:
        environment: The environment.
        plan: From `plan_reads`.
        pair: From `plan_edge`.
        edge: Whose zone holds the name, and whose checks say whether the pair's regions serve.
        topic: ARN of the topic for Route 53's alarms.
        options: For every resource.
    """
    if plan is None:
        return None
    # The pair's regions follow the same checks here as there: whoever throws the switch moves reads too.
    checks: dict[Role, pulumi.Input[str | None]] = {
        Role.PRIMARY: edge.record.primary_record_check_id,
        Role.STANDBY: edge.record.secondary_record_check_id,
    }
    record = LatencyRecord(
        f"{environment.label}-reads", _args(environment, pair, edge.zone_id, checks, [topic]), options
    )
    declared = [entry for entry in plan.entries if entry.target.health_check and entry.target.health_check.check]
    ids = record.health_check_ids
    return ReadsName(
        record,
        {
            "reads_fqdn": record.fqdn,
            "records": group_records(plan, ids),
            "health_checks": [
                check_claim(f"reads {entry.name}", ids.apply(lambda known, name=entry.name: known[name]), check)
                for entry in declared
                if (check := entry.target.health_check) is not None
            ],
            "alarms": pulumi.Output.all(record.alarm_names, ids).apply(
                lambda known: watching(known[0], [known[1][entry.name] for entry in declared])
            ),
            "reads_predictions": record.predictions,
        },
    )


def _args(
    environment: Environment,
    pair: FailoverPlan,
    zone_id: pulumi.Input[str],
    checks: Mapping[Role, pulumi.Input[str | None]],
    alarm_actions: list[pulumi.Input[str]],
) -> LatencyRecordArgs:
    reads = environment.dns.reads
    assert reads is not None  # noqa: S101 -- the callers have looked
    args = LatencyRecordArgs(
        zone_id=zone_id,
        zone_name=environment.dns.zone_name,
        name=reads.name,
        entries=[_entry(environment, pair, region, checks) for region in environment.regions],
        objectives=environment.objectives.arguments(),
        alarm_actions=alarm_actions,
        tags=environment.tags,
    )
    if reads.ttl_seconds is not None:
        args["ttl_seconds"] = reads.ttl_seconds
    if environment.dns.client_cache_seconds is not None:
        args["client_cache_seconds"] = environment.dns.client_cache_seconds
    return args


def _entry(
    environment: Environment, pair: FailoverPlan, region: Region, checks: Mapping[Role, pulumi.Input[Any]]
) -> LatencyEntryArgs:
    """One region, called after itself: regions that change places must not meet under one name even for a moment."""
    target = place_of(region)
    if region.role is Role.READER:
        target.update(check_of(environment, region))
    else:
        target["health_check_id"] = checks[region.role]
        target["detection"] = _detection(pair.primary if region.role is Role.PRIMARY else pair.secondary)
    # The pair has an alarm on that check already.
    return LatencyEntryArgs(name=region.name, target=target, status_alarm=region.role is Role.READER)


def _detection(side: TargetPlan) -> DetectionArgs:
    """What the pair is known to take."""
    terms = side.detection(FailureClass.REGION)
    return DetectionArgs(
        typical_seconds=sum(term.typical_seconds for term in terms),
        worst_seconds=sum(term.worst_seconds for term in terms),
    )
