"""EC2: the rules of security groups."""

from typing import Any, Final

from moto.ec2.exceptions import InvalidParameterValueError, InvalidSecurityGroupNotFoundError
from moto.ec2.exceptions import InvalidSecurityGroupRuleIdNotFoundError as RuleNotFound
from moto.ec2.models import security_groups as models

ALL_PROTOCOLS: Final = "-1"
TARGETS: Final = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")


def describe_rules_of_every_kind() -> None:
    """moto loses the description of a rule that names another security group."""

    def description(self: Any) -> str | None:
        return self.ip_range.get("Description") or self.source_group.get("Description")

    models.SecurityGroupRule.description = property(description)  # type: ignore[method-assign,assignment]


def change_rules_of_every_kind() -> None:
    """moto changes only IPv4 rules, and asks for ports where there are none.

    Fault: ModifySecurityGroupRules with an IPv6 block, a prefix list or a group answers that all is well and changes
    nothing; a rule for all protocols is refused. AWS: each is changed in place; a rule keeps the kind of its target.
    """

    def modify_security_group_rules(self: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
        group = self.get_security_group_by_name_or_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        for rule_id, wanted in rules.items():
            rule = group.get_rule(rule_id)
            if rule is None:
                raise RuleNotFound(rule_id)
            _change(rule, rule_id, wanted)

    models.SecurityGroupBackend.modify_security_group_rules = modify_security_group_rules  # type: ignore[method-assign]


def _change(rule: Any, rule_id: str, wanted: dict[str, Any]) -> None:
    targets = [name for name in TARGETS if wanted.get(name)]
    protocol = wanted.get("IpProtocol")
    if len(targets) != 1 or not protocol:
        raise InvalidParameterValueError(f"{rule_id}: exactly one target and a protocol")
    (target,) = targets
    if target != _target(rule):
        raise InvalidParameterValueError(f"{rule_id}: the kind of a rule's target cannot be changed")
    described = {"Description": wanted["Description"]} if wanted.get("Description") else {}
    value = wanted[target]
    if target == "PrefixListId":
        rule.prefix_list_id = value
    elif target == "ReferencedGroupId":
        rule.source_group = {**rule.source_group, "GroupId": value} | {"Description": "", **described}
    else:
        rule.ip_range = {"CidrIp" if target == "CidrIpv4" else "CidrIpv6": value, **described}
    rule.ip_protocol = protocol
    rule.from_port = rule.to_port = None
    if protocol != ALL_PROTOCOLS:
        rule.from_port, rule.to_port = int(wanted["FromPort"]), int(wanted["ToPort"])


def _target(rule: Any) -> str:
    if rule.cidr_ipv4:
        return "CidrIpv4"
    if rule.cidr_ipv6:
        return "CidrIpv6"
    return "PrefixListId" if rule.prefix_list_id else "ReferencedGroupId"


PATCHES: Final = (describe_rules_of_every_kind, change_rules_of_every_kind)
