"""EC2 security group rules as resources of their own: one target each."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.security_group import ALL_PROTOCOLS, protocol_of
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

# Input to: the list in a permission, the field there, the field of a rule.
TARGETS: Final = {
    "cidrIpv4": ("IpRanges", "CidrIp", "CidrIpv4"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId", "ReferencedGroupId"),
}


def _ports(inputs: Properties) -> dict[str, int]:
    if protocol_of(inputs["ipProtocol"]) == ALL_PROTOCOLS:
        return {}
    return {"FromPort": inputs["fromPort"], "ToPort": inputs["toPort"]}


def _target(inputs: Properties) -> str:
    return next(name for name in TARGETS if inputs.get(name))


def _describe(cloud: Cloud, id_: str) -> Properties | None:
    found = cloud.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id_])["SecurityGroupRules"]
    return found[0] if found else None


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    rule = _describe(cloud, id_)
    if rule is None:
        return None
    protocol = protocol_of(rule["IpProtocol"])
    ported = protocol != ALL_PROTOCOLS
    return {
        "securityGroupId": rule["GroupId"],
        "ipProtocol": protocol,
        "fromPort": rule["FromPort"] if ported else None,
        "toPort": rule["ToPort"] if ported else None,
        "cidrIpv4": rule.get("CidrIpv4"),
        "cidrIpv6": rule.get("CidrIpv6"),
        "prefixListId": rule.get("PrefixListId"),
        "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
        "description": rule.get("Description"),
        "securityGroupRuleId": id_,
        "arn": cloud.arn("ec2", f"security-group-rule/{id_}"),
        TAGS_ALL: tags.without_reference(tags.as_map(rule.get("Tags"))),
    }


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    rule = _describe(cloud, id_) or {}
    tags.ec2_write(cloud.client("ec2"), id_, tags.as_map(rule.get("Tags")), inputs)


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    same = ("ipProtocol", "fromPort", "toPort", "description", *TARGETS)
    if any(state.get(name) != inputs.get(name) for name in same):
        target = _target(inputs)
        wanted = {
            "IpProtocol": protocol_of(inputs["ipProtocol"]),
            **_ports(inputs),
            TARGETS[target][2]: inputs[target],
            "Description": inputs.get("description", ""),
        }
        cloud.client("ec2").modify_security_group_rules(
            GroupId=inputs["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": id_, "SecurityGroupRule": wanted}],
        )
    _finish(cloud, id_, inputs)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    targets = [name for name in TARGETS if inputs.get(name)]
    if len(targets) != 1:
        yield InvalidInput("cidrIpv4", inputs.get("cidrIpv4"), allowed=f"exactly one of {', '.join(TARGETS)}")
    protocol = inputs.get("ipProtocol")
    if protocol is None or protocol is UNKNOWN:
        return
    everything = protocol_of(str(protocol)) == ALL_PROTOCOLS
    for name in ("fromPort", "toPort"):
        if everything == (inputs.get(name) is not None):
            allowed = "left out when all protocols are meant" if everything else "given with this protocol"
            yield InvalidInput(name, inputs.get(name), allowed=allowed)


def _rule(direction: str, token: str) -> Adapter:
    """The adapter of one direction, which are two types with the same properties."""

    def create(cloud: Cloud, inputs: Properties, reference: str) -> str:
        target = _target(inputs)
        listed, field, _ = TARGETS[target]
        described = {"Description": inputs["description"]} if inputs.get("description") else {}
        permission: dict[str, Any] = {
            "IpProtocol": protocol_of(inputs["ipProtocol"]),
            **_ports(inputs),
            listed: [{field: inputs[target], **described}],
        }
        answer = getattr(cloud.client("ec2"), f"authorize_security_group_{direction}")(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=tags.ec2_creation("security-group-rule", reference),
        )
        return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
        del inputs
        for page in cloud.client("ec2").get_paginator("describe_security_group_rules").paginate():
            for rule in page["SecurityGroupRules"]:
                if tags.as_map(rule.get("Tags")).get(tags.REFERENCE_TAG) == reference:
                    return rule["SecurityGroupRuleId"]
        return None

    def delete(cloud: Cloud, id_: str, state: Properties) -> None:
        del state
        rule = _describe(cloud, id_)
        if rule is not None:
            getattr(cloud.client("ec2"), f"revoke_security_group_{direction}")(
                GroupId=rule["GroupId"], SecurityGroupRuleIds=[id_]
            )

    return Adapter(
        resource_type=token,
        inputs={
            "cidrIpv4": str,
            "cidrIpv6": str,
            "description": str,
            "fromPort": int,
            "ipProtocol": str,
            "prefixListId": str,
            "referencedSecurityGroupId": str,
            "securityGroupId": str,
            "tags": dict,
            "toPort": int,
        },
        required=frozenset({"ipProtocol", "securityGroupId"}),
        replaces=frozenset({"securityGroupId"}),
        computed=frozenset({"arn", "securityGroupRuleId"}),
        normalizers={"ipProtocol": protocol_of},
        absent_codes=frozenset({"InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound"}),
        refusals=_refusals,
        create=create,
        finish=_finish,
        find=find,
        read=_read,
        update=_update,
        delete=delete,
    )


INGRESS_RULE: Final = _rule("ingress", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
EGRESS_RULE: Final = _rule("egress", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
