"""The members of a `ReplicatedDatabase`: each checked by itself, then against the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import pulumi

from pulumi_seawall._database_args import DatabaseMemberArgs
from pulumi_seawall._database_names import LONGEST_IDENTIFIER, identifier, key_arn, network, subnet_group
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, listed, plain, plain_string, text
from pulumi_seawall._naming import plan_actions
from pulumi_seawall._regions import known_region
from seawall.errors import MISSING, InvalidInput

LONGEST_ID: Final = 64  # characters of ids of VPCs, subnets and security groups; today's have 24
LONGEST_PARAMETER_GROUP: Final = 255  # characters, RDS
FEWEST_SUBNETS: Final = 2  # RDS: a subnet group covers two zones
REFUSED: Final = {
    "role": "writer names the member that writes, and roles change",
    "replicate_source_db": "every member but the writer follows the writer",
    "publicly_accessible": "a database is reached from its networks only",
    "storage_encrypted": "every member is encrypted",
}


@dataclass(frozen=True, slots=True)
class DatabaseMemberPlan:
    """One instance, checked.

    Args:
        name: The member's.
        region: The AWS region.
        where: Prefix for names in messages, e.g. `members[0].`.
        instance_class: E.g. `db.r6g.large`.
        identifier: The instance's, when it was given.
        vpc_id: Where a security group is declared.
        subnet_ids: Of a subnet group that is declared; empty when one exists.
        subnet_group_name: Of one that exists.
        networks: CIDR blocks that may connect, by family, 4 or 6.
        security_group_ids: Of groups that exist.
        parameter_group_name: Of one that exists.
        kms_key_arn: Of a key that exists.
        multi_az: What was asked of it as a replica.
        alarm_actions: Topics.
        import_id: Of an instance to adopt.
        writes: Whether it is the writer.
        rebuilt: Whether it is built anew as a replica, by name.
        unprotected: Whether it may be deleted.
    """

    name: str
    region: str
    where: str
    instance_class: str
    identifier: str | None
    vpc_id: pulumi.Input[str] | None
    subnet_ids: tuple[pulumi.Input[str], ...]
    subnet_group_name: pulumi.Input[str] | None
    networks: Mapping[int, tuple[pulumi.Input[str], ...]]
    security_group_ids: tuple[pulumi.Input[str], ...]
    parameter_group_name: pulumi.Input[str] | None
    kms_key_arn: pulumi.Input[str] | None
    multi_az: bool | None
    alarm_actions: tuple[pulumi.Input[str], ...]
    import_id: str | None
    writes: bool
    rebuilt: bool
    unprotected: bool


def plan_members(
    given: object, writer: str, rebuilt: Mapping[str, str], unprotected: Sequence[str]
) -> tuple[DatabaseMemberPlan, ...]:
    """All members, in the order given.

    Raises:
        InvalidInput: One is not allowed, or two do not go together.
    """
    entries = [
        checked_keys(f"members[{place}].", entry, DatabaseMemberArgs, REFUSED)
        for place, entry in enumerate(listed("members", given))
    ]
    if not entries:
        raise InvalidInput("members", "none", allowed="at least one member")
    regions = [known_region(f"members[{place}].region", entry["region"]) for place, entry in enumerate(entries)]
    names = [
        line(f"members[{place}].name", entry.get("name", region), LONGEST_IDENTIFIER)
        for place, (entry, region) in enumerate(zip(entries, regions, strict=True))
    ]
    for kind, values in (("region", regions), ("name", names)):
        for place, value in enumerate(values):
            if value in values[:place]:
                raise InvalidInput(f"members[{place}].{kind}", value, allowed=f"each {kind} once", because=_twice(kind))
    by_region = dict(zip(regions, names, strict=True))
    members = tuple(
        _plan_member(entry, f"members[{place}].", names[place], by_region, writer, rebuilt, unprotected)
        for place, entry in enumerate(entries)
    )
    _subnets_apart(members)
    return members


def _twice(kind: str) -> str:
    return "one region's loss would take both" if kind == "region" else "resources are named after it"


def _plan_member(
    given: DatabaseMemberArgs,
    where: str,
    name: str,
    by_region: Mapping[str, str],
    writer: str,
    rebuilt: Mapping[str, str],
    unprotected: Sequence[str],
) -> DatabaseMemberPlan:
    region = given["region"]
    import_id = given.get("import_id")
    if import_id is not None:
        import_id = identifier(f"{where}import_id", plain_string(f"{where}import_id", import_id))
    own = given.get("identifier")
    if own is not None:
        own = identifier(f"{where}identifier", plain_string(f"{where}identifier", own))
        if import_id not in (None, own):
            raise InvalidInput(f"{where}identifier", own, allowed=f"{import_id}, as import_id says")
    kms_key_arn = given.get("kms_key_arn")
    if kms_key_arn is not None:
        kms_key_arn = text(f"{where}kms_key_arn", kms_key_arn, lambda label, value: key_arn(label, value, region))
    elif import_id is not None:
        raise InvalidInput(
            f"{where}kms_key_arn",
            MISSING,
            allowed="required with import_id",
            because="the instance has its key already",
        )
    subnet_ids, group = _plan_subnets(given, where, by_region)
    vpc_id, networks, security_groups = _plan_networks(given, where)
    multi_az = given.get("multi_az")
    if multi_az is not None and not flag(f"{where}multi_az", multi_az) and name == writer:
        raise InvalidInput(f"{where}multi_az", multi_az, allowed="true", because="the writer always has a second zone")
    actions = plan_actions(f"{where}alarm_actions", region, given.get("alarm_actions", []))
    parameter_group = given.get("parameter_group_name")
    if parameter_group is not None:
        parameter_group = text(
            f"{where}parameter_group_name",
            parameter_group,
            lambda label, value: line(label, value, LONGEST_PARAMETER_GROUP),
        )
    return DatabaseMemberPlan(
        name,
        region,
        where,
        _instance_class(f"{where}instance_class", given["instance_class"]),
        own or import_id,
        vpc_id,
        subnet_ids,
        group,
        networks,
        security_groups,
        parameter_group,
        kms_key_arn,
        multi_az,
        actions,
        import_id,
        name == writer,
        name in rebuilt,
        name in unprotected,
    )


def _instance_class(name: str, value: object) -> str:
    known = line(name, value, LONGEST_ID)
    if not known.startswith("db."):
        raise InvalidInput(name, known, allowed="an instance class, e.g. db.r6g.large")
    return known


def _plan_subnets(
    given: DatabaseMemberArgs, where: str, by_region: Mapping[str, str]
) -> tuple[tuple[pulumi.Input[str], ...], pulumi.Input[str] | None]:
    if ("subnet_ids" in given) == ("subnet_group_arn" in given):
        raise InvalidInput(
            f"{where}subnet_ids",
            "given beside subnet_group_arn" if "subnet_ids" in given else MISSING,
            allowed="exactly one of subnet_ids and subnet_group_arn",
        )
    if "subnet_group_arn" in given:
        region = given["region"]
        others = {place: name for place, name in by_region.items() if place != region}
        label = f"{where}subnet_group_arn"
        return (), text(label, given["subnet_group_arn"], lambda name, value: subnet_group(name, value, region, others))
    ids = _ids(f"{where}subnet_ids", given.get("subnet_ids"), "subnet-")
    if len(ids) < FEWEST_SUBNETS:
        raise InvalidInput(
            f"{where}subnet_ids",
            len(ids),
            allowed=f"at least {FEWEST_SUBNETS} subnets",
            because="a subnet group covers two zones",
        )
    return ids, None


def _plan_networks(
    given: DatabaseMemberArgs, where: str
) -> tuple[pulumi.Input[str] | None, Mapping[int, tuple[pulumi.Input[str], ...]], tuple[pulumi.Input[str], ...]]:
    vpc_id = given.get("vpc_id")
    if vpc_id is not None:
        vpc_id = text(f"{where}vpc_id", vpc_id, lambda name, value: _id(name, value, "vpc-"))
    if ("allowed_cidrs" in given) == ("security_group_ids" in given):
        raise InvalidInput(
            f"{where}allowed_cidrs",
            "given beside security_group_ids" if "allowed_cidrs" in given else MISSING,
            allowed="exactly one of allowed_cidrs and security_group_ids",
        )
    if "security_group_ids" in given:
        groups = _ids(f"{where}security_group_ids", given["security_group_ids"], "sg-")
        if not groups:
            raise InvalidInput(f"{where}security_group_ids", "none", allowed="at least one security group")
        return vpc_id, {}, groups
    if vpc_id is None:
        raise InvalidInput(f"{where}vpc_id", MISSING, allowed="required with allowed_cidrs")
    blocks: dict[int, list[pulumi.Input[str]]] = {}
    for place, value in enumerate(listed(f"{where}allowed_cidrs", given.get("allowed_cidrs"))):
        label = f"{where}allowed_cidrs[{place}]"
        if not is_plain(value):
            blocks.setdefault(4, []).append(text(label, value, _network_v4))
            continue
        known = network(label, plain_string(label, value))
        blocks.setdefault(6 if ":" in known else 4, []).append(known)
    if not blocks:
        raise InvalidInput(f"{where}allowed_cidrs", "none", allowed="at least one network")
    return vpc_id, {family: tuple(blocks[family]) for family in sorted(blocks)}, ()


def _network_v4(name: str, value: str) -> str:
    known = network(name, value)
    if ":" in known:
        raise InvalidInput(
            name,
            value,
            allowed="an IPv4 network",
            because="a network known only during the deployment goes among these",
        )
    return known


def _ids(name: str, given: object, prefix: str) -> tuple[pulumi.Input[str], ...]:
    found: list[pulumi.Input[str]] = []
    for place, value in enumerate(listed(name, given)):
        checked = text(f"{name}[{place}]", value, lambda label, known: _id(label, known, prefix))
        if is_plain(checked) and checked in [plain(other) for other in found]:
            raise InvalidInput(f"{name}[{place}]", checked, allowed="each once")
        found.append(checked)
    return tuple(found)


def _id(name: str, value: str, prefix: str) -> str:
    if len(value) > LONGEST_ID or not value.startswith(prefix):
        raise InvalidInput(name, value, allowed=f"an id that begins with {prefix}")
    return value


def _subnets_apart(members: Sequence[DatabaseMemberPlan]) -> None:
    """A subnet lies in one region, so two members cannot share one."""
    owners: dict[str, DatabaseMemberPlan] = {}
    for member in sorted(members, key=lambda one: not one.writes):
        for place, subnet in enumerate(member.subnet_ids):
            known = plain(cast("pulumi.Input[str] | None", subnet))
            owner = owners.get(known) if known is not None else None
            if owner is not None and owner is not member:
                raise InvalidInput(
                    f"{member.where}subnet_ids[{place}]",
                    known,
                    allowed=f"a subnet of {member.region}",
                    because=f"it is in {owner.name}'s subnet group, and a subnet group has subnets of one region only",
                )
            if known is not None:
                owners[known] = member
