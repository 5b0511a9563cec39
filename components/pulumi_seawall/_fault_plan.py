"""From the arguments of a `FaultExperiment` to what FIS is told: every check, and nothing registered.

Source: AWS FIS user guide, "Quotas" (5 stop conditions), "Use Systems Manager SSM documents" (a full disk).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._arns import account, arn_of, boundary
from pulumi_seawall._fault_actions import FaultAction, FaultShape, actions_of, longest_seconds
from pulumi_seawall._fault_args import (
    FaultExperimentArgs,
    FaultExperimentImportIds,
    FaultKind,
    FaultLimit,
    NetworkScope,
    ZonePart,
)
from pulumi_seawall._fault_caps import (
    FEWEST_HEALTHY,
    WHOLE_PERCENT,
    FaultExceptions,
    checked_duration,
    checked_environment,
    hit_in_zone,
    hit_of_fleet,
    why_left,
)
from pulumi_seawall._fault_permissions import FaultScope, statements_of
from pulumi_seawall._inputs import checked_keys, is_plain, listed, member, plain_string, shown, text, whole
from pulumi_seawall._naming import LONGEST_TAG_KEY, LONGEST_TAG_VALUE, checked_tags
from pulumi_seawall._policy import LARGEST_INLINE_POLICIES, policy_text
from pulumi_seawall._regions import known_region
from seawall.errors import MISSING, InvalidInput

MOST_STOP_ALARMS: Final = 5
MOST_TARGET_TAGS: Final = 5  # ours; FIS takes 50
DEFAULT_TARGET_TAG: Final = "seawall:faults"
DEFAULT_FILL_PERCENT: Final = 90
MOST_FILL_PERCENT: Final = 95  # on a full disk Systems Manager may be unable to cancel
LONGEST_DESCRIPTION: Final = 512  # characters; FIS
LOG_PERIODS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)  # days; CloudWatch Logs offers no others
DEFAULT_LOG_PERIOD: Final = 90
DEFAULT_PARTS: Final = (ZonePart.INSTANCES, ZonePart.LAUNCHES, ZonePart.SUBNETS)

_BY_ARN: Final = "targets are selected by tag, so that nothing is hit that was not meant to be"
REFUSED: Final = MappingProxyType(
    {"resource_arns": _BY_ARN, "target_arns": _BY_ARN, "stop_conditions": "see stop_alarms"}
)

# Arguments that only some kinds take.
KINDS_OF: Final[Mapping[str, frozenset[FaultKind]]] = {
    "count": frozenset(FaultKind) - {FaultKind.ZONE_LOSS},
    "percent": frozenset(FaultKind) - {FaultKind.ZONE_LOSS},
    "in_zone": frozenset({FaultKind.ZONE_LOSS}),
    "zone_parts": frozenset({FaultKind.ZONE_LOSS}),
    "vpc_id": frozenset({FaultKind.NETWORK_CUT}),
    "scope": frozenset({FaultKind.NETWORK_CUT}),
    "fill_percent": frozenset({FaultKind.DISK_FILL}),
    "load_percent": frozenset({FaultKind.CPU_STRESS}),
    "volume_key_arns": frozenset({FaultKind.STOP_INSTANCES, FaultKind.ZONE_LOSS}),
    "duration_seconds": frozenset(FaultKind) - {FaultKind.TERMINATE_INSTANCES},
}
WORDS: Final = {
    FaultKind.TERMINATE_INSTANCES: "Terminate EC2 instances",
    FaultKind.STOP_INSTANCES: "Stop EC2 instances",
    FaultKind.NETWORK_CUT: "Cut subnets off",
    FaultKind.DISK_FILL: "Fill the disks of EC2 instances",
    FaultKind.CPU_STRESS: "Keep the CPUs of EC2 instances busy",
    FaultKind.ZONE_LOSS: "Lose an availability zone",
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A fault experiment, checked.

    Args:
        kind: What is broken.
        region: Of everything.
        account_id: Of everything.
        environment: Where it would run.
        description: What it does, to how many, and which limits it goes beyond.
        actions: What FIS does.
        target_tags: What a target bears.
        stop_alarms: ARNs of the alarms that stop it.
        hit: How many are hit at most, of the fleet that was stated.
        healthy_left: How many of that fleet stay untouched.
        longest_seconds: How long FIS works on it at most; 0 for what is over at once.
        policy: What FIS's role may do.
        role_arn: A role that exists.
        permissions_boundary_arn: Of a policy that bounds the declared role.
        log_group_arn: A log group that exists.
        log_retention_days: Of the declared one.
        import_ids: Existing resources to adopt.
        tags: The user's own.
    """

    kind: FaultKind
    region: str
    account_id: str
    environment: str
    description: str
    actions: tuple[FaultAction, ...]
    target_tags: Mapping[str, str]
    stop_alarms: tuple[pulumi.Input[str], ...]
    hit: int
    healthy_left: int
    longest_seconds: int
    policy: pulumi.Input[str]
    role_arn: pulumi.Input[str] | None
    permissions_boundary_arn: str | None
    log_group_arn: pulumi.Input[str] | None
    log_retention_days: int
    import_ids: FaultExperimentImportIds
    tags: Mapping[str, str]


def plan_fault(args: FaultExperimentArgs) -> FaultPlan:
    """Check a fault experiment.

    Raises:
        InvalidInput: An argument is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("", args, FaultExperimentArgs, REFUSED))
    kind = member("kind", given["kind"], FaultKind)
    for name, kinds in KINDS_OF.items():
        if name in given and kind not in kinds:
            raise InvalidInput(name, shown(given[name]), allowed=f"not with kind = {kind.value}")
    region, account_id = known_region("region", given["region"]), account("account_id", given["account_id"])
    exceptions = FaultExceptions(given.get("exceptions", []))
    environment = checked_environment(given, exceptions)
    zone = _zone(given, kind, region)
    fleet = whole("fleet_size", given["fleet_size"], FEWEST_HEALTHY + 1, None, because=why_left())
    hit, selection = (
        hit_in_zone(given, fleet, exceptions) if kind is FaultKind.ZONE_LOSS else hit_of_fleet(given, fleet, exceptions)
    )
    shape = FaultShape(
        kind=kind,
        region=region,
        selection=selection,
        duration_seconds=checked_duration(given, kind, exceptions),
        zone=zone,
        vpc_id=given.get("vpc_id"),
        scope=member("scope", given.get("scope", NetworkScope.ALL), NetworkScope),
        intensity_percent=_intensity(given, kind),
        parts=_parts(given),
    )
    exceptions.refuse_unneeded()
    actions = actions_of(shape)
    tags = _target_tags(given.get("target_tags", {DEFAULT_TARGET_TAG: environment}))
    keys = tuple(
        arn_of(f"volume_key_arns[{place}]", plain_string(f"volume_key_arns[{place}]", key), "kms", "key/", region)
        for place, key in enumerate(listed("volume_key_arns", given.get("volume_key_arns", [])))
    )
    statements = statements_of(shape, actions, FaultScope(region, account_id, tags, keys))
    return FaultPlan(
        kind=kind,
        region=region,
        account_id=account_id,
        environment=environment,
        description=_description(shape, environment, hit, fleet, exceptions.reasons),
        actions=actions,
        target_tags=tags,
        stop_alarms=_stop_alarms(given["stop_alarms"], region, account_id),
        hit=hit,
        healthy_left=fleet - hit,
        longest_seconds=longest_seconds(shape),
        policy=policy_text("the role's policy", statements, LARGEST_INLINE_POLICIES),
        role_arn=_existing(given, "role_arn", "iam", "role/", "", account_id),
        permissions_boundary_arn=boundary("permissions_boundary_arn", given.get("permissions_boundary_arn")),
        log_group_arn=_existing(given, "log_group_arn", "logs", "log-group:", region, account_id),
        log_retention_days=_log_period(given),
        import_ids=_import_ids(given),
        tags=checked_tags("", given.get("tags")),
    )


def _zone(given: Mapping[str, Any], kind: FaultKind, region: str) -> str | None:
    zone = given.get("zone")
    if zone is None:
        if kind is FaultKind.ZONE_LOSS:
            raise InvalidInput("zone", MISSING, allowed=f"a zone of {region}, e.g. {region}a")
        return None
    if not isinstance(zone, str) or not re.fullmatch(rf"{re.escape(region)}[a-z]", zone):
        raise InvalidInput("zone", shown(zone), allowed=f"a zone of {region} by its name, e.g. {region}a")
    return zone


def _intensity(given: Mapping[str, Any], kind: FaultKind) -> int:
    if kind is FaultKind.DISK_FILL:
        because = "on a full disk Systems Manager could not take the fault back"
        value = given.get("fill_percent", DEFAULT_FILL_PERCENT)
        return whole("fill_percent", value, 1, MOST_FILL_PERCENT, "percent", because)
    return whole("load_percent", given.get("load_percent", WHOLE_PERCENT), 1, WHOLE_PERCENT, "percent")


def _parts(given: Mapping[str, Any]) -> tuple[ZonePart, ...]:
    names = listed("zone_parts", given.get("zone_parts", DEFAULT_PARTS))
    parts = tuple(member(f"zone_parts[{place}]", part, ZonePart) for place, part in enumerate(names))
    if not parts or len(set(parts)) < len(parts):
        raise InvalidInput("zone_parts", [part.value for part in parts], allowed="at least one, each once")
    return parts


def _target_tags(given: object) -> dict[str, str]:
    asked = dict(cast("Mapping[object, object]", given)) if isinstance(given, Mapping) else dict[object, object]()
    if not 1 <= len(asked) <= MOST_TARGET_TAGS:
        raise InvalidInput(
            "target_tags", shown(cast("object", given)), allowed=f"1 to {MOST_TARGET_TAGS} tags, as a dictionary"
        )
    tags: dict[str, str] = {}
    for key, value in asked.items():
        name = f"target_tags[{key}]"
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_TAG_KEY:
            raise InvalidInput(name, value, allowed=f"a key of 1 to {LONGEST_TAG_KEY} characters")
        if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TAG_VALUE or "*" in value or "?" in value:
            raise InvalidInput(
                name, value, allowed=f"a value of 1 to {LONGEST_TAG_VALUE} characters, none of them * or ?"
            )
        tags[key] = value
    return tags


def _stop_alarms(given: object, region: str, account_id: str) -> tuple[pulumi.Input[str], ...]:
    alarms = listed("stop_alarms", given)
    if not 1 <= len(alarms) <= MOST_STOP_ALARMS:
        because = "an experiment that nothing stops is an outage"
        raise InvalidInput("stop_alarms", len(alarms), allowed=f"1 to {MOST_STOP_ALARMS}", because=because)
    for place, alarm in enumerate(alarms):
        if is_plain(alarm) and alarm in [other for other in alarms[:place] if is_plain(other)]:
            raise InvalidInput(f"stop_alarms[{place}]", alarm, allowed="each alarm once")
    return tuple(
        text(
            f"stop_alarms[{place}]",
            alarm,
            lambda name, value: arn_of(name, value, "cloudwatch", "alarm:", region, account_id),
        )
        for place, alarm in enumerate(alarms)
    )


def _existing(
    given: Mapping[str, Any], name: str, service: str, resource: str, region: str, account_id: str
) -> pulumi.Input[str] | None:
    value = given.get(name)
    if value is None:
        return None
    return text(name, value, lambda where, known: arn_of(where, known, service, resource, region, account_id))


def _log_period(given: Mapping[str, Any]) -> int:
    if "log_group_arn" in given and "log_retention_days" in given:
        raise InvalidInput(
            "log_retention_days", given["log_retention_days"], allowed="not with log_group_arn, which has its own"
        )
    days = whole("log_retention_days", given.get("log_retention_days", DEFAULT_LOG_PERIOD), 1, LOG_PERIODS[-1], "days")
    if days not in LOG_PERIODS:
        raise InvalidInput("log_retention_days", days, allowed=f"one of {', '.join(map(str, LOG_PERIODS))}")
    return days


def _import_ids(given: Mapping[str, Any]) -> FaultExperimentImportIds:
    ids = checked_keys("import_ids.", given.get("import_ids", {}), FaultExperimentImportIds)
    for key, existing in (("role", "role_arn"), ("role_policy", "role_arn"), ("log_group", "log_group_arn")):
        if key in ids and existing in given:
            raise InvalidInput(
                f"import_ids.{key}", ids.get(key), allowed=f"not with {existing}, which is not declared here"
            )
    if "role_policy" in ids and ids["role_policy"].count(":") != 1:
        raise InvalidInput(
            "import_ids.role_policy", ids["role_policy"], allowed="the role's and the policy's name, role:policy"
        )
    return ids


def _description(shape: FaultShape, environment: str, hit: int, fleet: int, reasons: Mapping[FaultLimit, str]) -> str:
    """What whoever starts it reads in the console."""
    where = shape.zone or shape.region
    seconds = f" for {shape.duration_seconds} s" if shape.duration_seconds else ""
    beyond = "".join(f" Beyond {limit.value}: {reason}" for limit, reason in reasons.items())
    whole_text = (
        f"{WORDS[shape.kind]} of {environment} in {where}{seconds}: {hit} of {fleet} hit, {fleet - hit} left.{beyond}"
    )
    return whole_text if len(whole_text) <= LONGEST_DESCRIPTION else f"{whole_text[: LONGEST_DESCRIPTION - 1]}…"
