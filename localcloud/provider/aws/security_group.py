"""EC2 security groups, with their rules inline.

Rules are compared one target at a time: how a program groups blocks into one rule makes no difference to what is let in.
A program that leaves `ingress` or `egress` out leaves those rules to the resources for single rules.
"""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import ACCOUNT_ID, Cloud
from localcloud.provider.values import UNKNOWN, is_known
from seawall.errors import InvalidInput

ALL_PROTOCOLS: Final = "-1"
PROTOCOLS: Final = {
    "all": ALL_PROTOCOLS,
    "6": "tcp",
    "17": "udp",
    "1": "icmp",
    "58": "icmpv6",
}  # as the API writes them
LONGEST: Final = 255  # characters of a name, and of a description
RULE: Final[dict[str, Any]] = {
    "cidrBlocks": [str],
    "description": str,
    "fromPort": int,
    "ipv6CidrBlocks": [str],
    "prefixListIds": [str],
    "protocol": str,
    "securityGroups": [str],
    "self": bool,
    "toPort": int,
}
# Input list of a rule: its list in the API's permissions, and the field there.
_TARGETS: Final = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
SELF: Final = "self"

Atom = tuple[str, int, int, str, str, str]  # protocol, from, to, list, target, description


def protocol_of(given: str) -> str:
    """A protocol as the API writes it."""
    return PROTOCOLS.get(given.lower(), given.lower())


def _atoms(rules: list[Properties]) -> list[Atom]:
    """One entry for each target that a rule lets in."""
    found: set[Atom] = set()
    for rule in rules:
        protocol = protocol_of(str(rule.get("protocol", "")))
        everything = protocol == ALL_PROTOCOLS
        first, last = (0, 0) if everything else (rule.get("fromPort", 0), rule.get("toPort", 0))
        described = rule.get("description") or ""
        for kind in _TARGETS:
            found |= {(protocol, first, last, kind, target, described) for target in rule.get(kind) or []}
        if rule.get("self"):
            found.add((protocol, first, last, SELF, "", described))
    return sorted(found)


def _normal(rules: Any) -> Any:
    """Normalizer: which targets are let in, in one order. Rules with something unknown stay as they are."""
    return _atoms(rules) if isinstance(rules, list) and is_known(rules) else rules


def _rules(atoms: list[Atom]) -> list[Properties]:
    """Rules as the real provider reads them: targets with the same protocol, ports and description in one."""
    rules: dict[tuple[str, int, int, str], Properties] = {}
    for protocol, first, last, kind, target, described in atoms:
        empty = {"protocol": protocol, "fromPort": first, "toPort": last, "description": described}
        rule = rules.setdefault((protocol, first, last, described), empty)
        if kind == SELF:
            rule["self"] = True
        else:
            rule.setdefault(kind, []).append(target)
    return list(rules.values())


def _current(client: Any, id_: str, *, egress: bool) -> dict[str, Atom]:
    """The group's rules in one direction, by their ids."""
    pages = client.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [id_]}]
    )
    return {
        rule["SecurityGroupRuleId"]: _atom(rule, id_)
        for page in pages
        for rule in page["SecurityGroupRules"]
        if rule["IsEgress"] == egress
    }


def _atom(rule: Properties, id_: str) -> Atom:
    protocol = protocol_of(rule["IpProtocol"])
    first, last = (0, 0) if protocol == ALL_PROTOCOLS else (rule["FromPort"], rule["ToPort"])
    described = rule.get("Description") or ""
    for kind, field in (("cidrBlocks", "CidrIpv4"), ("ipv6CidrBlocks", "CidrIpv6"), ("prefixListIds", "PrefixListId")):
        if rule.get(field):
            return (protocol, first, last, kind, rule[field], described)
    group = (rule.get("ReferencedGroupInfo") or {}).get("GroupId", "")
    kind, target = (SELF, "") if group == id_ else ("securityGroups", group)
    return (protocol, first, last, kind, target, described)


def _permission(atom: Atom, id_: str) -> Properties:
    protocol, first, last, kind, target, described = atom
    listed, field = _TARGETS["securityGroups" if kind == SELF else kind]
    ports = {} if protocol == ALL_PROTOCOLS else {"FromPort": first, "ToPort": last}
    entry = {field: id_ if kind == SELF else target, **({"Description": described} if described else {})}
    return {"IpProtocol": protocol, **ports, listed: [entry]}


def _bring(client: Any, id_: str, wanted: list[Properties], *, egress: bool) -> None:
    """Bring one direction's rules to those wanted: first what goes, then what comes, as the real provider does."""
    direction = "egress" if egress else "ingress"
    current, atoms = _current(client, id_, egress=egress), _atoms(wanted)
    leaving = [rule for rule, atom in current.items() if atom not in atoms]
    if leaving:
        getattr(client, f"revoke_security_group_{direction}")(GroupId=id_, SecurityGroupRuleIds=leaving)
    coming = [_permission(atom, id_) for atom in atoms if atom not in current.values()]
    if coming:
        getattr(client, f"authorize_security_group_{direction}")(GroupId=id_, IpPermissions=coming)


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request: dict[str, Any] = {"GroupName": inputs["name"], "Description": inputs["description"]}
    if inputs.get("vpcId"):
        request["VpcId"] = inputs["vpcId"]
    labels = tags.ec2_creation("security-group", reference)
    return cloud.client("ec2").create_security_group(**request, TagSpecifications=labels)["GroupId"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    found = cloud.client("ec2").describe_security_groups(Filters=tags.ec2_made_with(reference))["SecurityGroups"]
    return found[0]["GroupId"] if found else None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    """Rules and tags. The rule that AWS gives a new group, everything out, goes: the program did not ask for it."""
    client = cloud.client("ec2")
    _bring(client, id_, inputs.get("egress") or [], egress=True)
    _bring(client, id_, inputs.get("ingress") or [], egress=False)
    _write_tags(client, id_, inputs)


def _write_tags(client: Any, id_: str, inputs: Properties) -> None:
    group = client.describe_security_groups(GroupIds=[id_])["SecurityGroups"][0]
    tags.ec2_write(client, id_, tags.as_map(group.get("Tags")), inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("ec2")
    found = client.describe_security_groups(GroupIds=[id_])["SecurityGroups"]
    if not found:
        return None
    group = found[0]
    return {
        "name": group["GroupName"],
        "description": group["Description"],
        "vpcId": group.get("VpcId"),
        "ingress": _rules(sorted(_current(client, id_, egress=False).values())),
        "egress": _rules(sorted(_current(client, id_, egress=True).values())),
        "arn": group.get("SecurityGroupArn") or cloud.arn("ec2", f"security-group/{id_}"),
        "ownerId": group.get("OwnerId", ACCOUNT_ID),
        TAGS_ALL: tags.without_reference(tags.as_map(group.get("Tags"))),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    client = cloud.client("ec2")
    for name in ("ingress", "egress"):
        if name in inputs:
            _bring(client, id_, inputs[name], egress=name == "egress")
    _write_tags(client, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    client = cloud.client("ec2")
    if state.get("revokeRulesOnDelete"):
        for egress in (False, True):
            _bring(client, id_, [], egress=egress)
    client.delete_security_group(GroupId=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str) and (name.startswith("sg-") or not 0 < len(name) <= LONGEST):
        yield InvalidInput("name", name, allowed=f"1 to {LONGEST} characters, not beginning with sg-")
    description = inputs.get("description")
    if isinstance(description, str) and not 0 < len(description) <= LONGEST:
        yield InvalidInput("description", f"{len(description)} characters", allowed=f"1 to {LONGEST} characters")
    for direction in ("ingress", "egress"):
        rules = inputs.get(direction)
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            if rule is not UNKNOWN:
                yield from _rule_refusals(f"{direction}[{index}]", rule)


def _rule_refusals(where: str, rule: Properties) -> Iterator[InvalidInput]:
    missing = [name for name in ("protocol", "fromPort", "toPort") if rule.get(name) is None]
    if missing:
        yield InvalidInput(f"{where}.{missing[0]}", None, allowed="given with every rule")
        return
    ports = (rule["fromPort"], rule["toPort"])
    everything = isinstance(rule["protocol"], str) and protocol_of(rule["protocol"]) == ALL_PROTOCOLS
    if everything and is_known(list(ports)) and ports != (0, 0):
        yield InvalidInput(f"{where}.fromPort", rule["fromPort"], allowed="0, as toPort, when all protocols are meant")


SECURITY_GROUP: Final = Adapter(
    resource_type="aws:ec2/securityGroup:SecurityGroup",
    inputs={
        "description": str,
        "egress": [RULE],
        "ingress": [RULE],
        "name": str,
        "revokeRulesOnDelete": bool,
        "tags": dict,
        "vpcId": str,
    },
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    autoname=Autoname(longest=LONGEST),
    replaces=frozenset({"description", "name", "vpcId"}),
    keeps=frozenset({"egress", "ingress", "vpcId"}),
    write_only=frozenset({"revokeRulesOnDelete"}),
    computed=frozenset({"arn", "ownerId"}),
    normalizers={"egress": _normal, "ingress": _normal},
    absent_codes=frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
