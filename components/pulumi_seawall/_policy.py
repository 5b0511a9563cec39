"""IAM policy documents: statements in, text out, held to IAM's sizes.

A statement names the resources that it is for. The few actions for which IAM knows no resource stand in `WITHOUT_RESOURCE`,
each with the reason; for any other action `*` is refused. Sources: the Service Authorization Reference, "Actions, resources,
and condition keys" of each service; IAM user guide, "IAM and AWS STS quotas".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from seawall.errors import InvalidInput

VERSION: Final = "2012-10-17"
LARGEST_MANAGED_POLICY: Final = 6144  # characters without white space; fixed by IAM
LARGEST_INLINE_POLICIES: Final = 10_240  # characters without white space, all of one role's together; fixed by IAM
LARGEST_TRUST_POLICY: Final = 2048  # characters; IAM's default quota, which it raises to 4096 when asked
EVERYTHING: Final = "*"
REGION_KEY: Final = "aws:RequestedRegion"

_NO_TYPE: Final = "the service authorization reference gives it no resource type"
WITHOUT_RESOURCE: Final[Mapping[str, str]] = {
    "autoscaling:DescribeAutoScalingGroups": _NO_TYPE,
    "backup-storage:MountCapsule": _NO_TYPE,
    "backup:DescribeRegionSettings": _NO_TYPE,
    "backup:ListBackupPlans": _NO_TYPE,
    "backup:ListBackupVaults": _NO_TYPE,
    "backup:ListRecoveryPointsByResource": _NO_TYPE,
    "backup:UpdateRegionSettings": _NO_TYPE,
    "cloudwatch:GetMetricData": _NO_TYPE,
    "cloudwatch:PutMetricData": "it takes none; its condition key cloudwatch:namespace bounds it",
    "ec2:DescribeInstances": _NO_TYPE,
    "ec2:DescribeManagedPrefixLists": _NO_TYPE,
    "ec2:DescribeNetworkAcls": _NO_TYPE,
    "ec2:DescribeNetworkInterfaces": _NO_TYPE,
    "ec2:DescribeRouteTables": _NO_TYPE,
    "ec2:DescribeSecurityGroupRules": _NO_TYPE,
    "ec2:DescribeSecurityGroups": _NO_TYPE,
    "ec2:DescribeSnapshots": _NO_TYPE,
    "ec2:DescribeSubnets": _NO_TYPE,
    "ec2:DescribeTags": _NO_TYPE,
    "ec2:DescribeVolumes": _NO_TYPE,
    "ec2:DescribeVpcAttribute": "reads only, like the others that describe; an ARN is not relied on",
    "ec2:DescribeVpcs": _NO_TYPE,
    "ec2:InjectApiError": "it takes none; its condition keys ec2:FisActionId and ec2:FisTargetArns bound it",
    "kms:CreateKey": _NO_TYPE,
    "kms:ListAliases": _NO_TYPE,
    "logs:CreateLogDelivery": _NO_TYPE,
    "logs:DescribeLogGroups": "whoever sets up a delivery looks over all groups of the region",
    "logs:DescribeResourcePolicies": _NO_TYPE,
    "logs:PutResourcePolicy": _NO_TYPE,
    "rds:DescribeAccountAttributes": _NO_TYPE,
    "route53:CreateHealthCheck": _NO_TYPE,
    "route53:CreateHostedZone": _NO_TYPE,
    "route53:ListHealthChecks": _NO_TYPE,
    "route53:ListHostedZones": _NO_TYPE,
    "sns:GetSubscriptionAttributes": _NO_TYPE,
    "sns:SetSubscriptionAttributes": _NO_TYPE,
    "sns:Unsubscribe": _NO_TYPE,
    "ssm:CancelCommand": _NO_TYPE,
    "ssm:DescribeParameters": _NO_TYPE,
    "ssm:ListCommands": _NO_TYPE,
    "tag:GetResources": _NO_TYPE,
}
"""Actions that stand with `*`, and why."""

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Statement:
    """What is allowed, on what, and when.

    Args:
        sid: Letters and digits.
        actions: As IAM names them, none with a wildcard.
        resources: ARNs; `*` only for actions of `WITHOUT_RESOURCE`.
        conditions: By operator and key.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[pulumi.Input[str], ...] = (EVERYTHING,)
    conditions: Conditions = field(default_factory=dict[str, Mapping[str, str | Sequence[str]]])

    def __post_init__(self) -> None:
        if EVERYTHING in self.resources:
            for action in self.actions:
                if action not in WITHOUT_RESOURCE:
                    raise InvalidInput(f"{self.sid}.resources", EVERYTHING, allowed=f"an ARN, since {action} takes one")

    def as_dict(self) -> dict[str, Any]:
        """In IAM's words."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": list(self.resources),
        }
        if self.conditions:
            statement["Condition"] = {operator: dict(keys) for operator, keys in self.conditions.items()}
        return statement


def in_regions(*regions: str) -> dict[str, dict[str, list[str]]]:
    """The condition that a call goes to one of these regions."""
    return {"StringEquals": {REGION_KEY: sorted(regions)}}


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    """The policy in IAM's words. Resources may be known only during the deployment."""
    return {"Version": VERSION, "Statement": [statement.as_dict() for statement in statements]}


def policy_text(name: str, statements: Sequence[Statement], largest: int) -> pulumi.Input[str]:
    """The policy as text, checked at once when it is known, else during the deployment.

    Args:
        name: What it is, for the message.
        statements: At least one.
        largest: Characters without white space that IAM takes.

    Raises:
        InvalidInput: It is larger.
    """
    if any(not isinstance(resource, str) for statement in statements for resource in statement.resources):
        written = pulumi.Output.json_dumps(document(statements), separators=(",", ":"))
        return written.apply(lambda text: of_size(name, text, largest))
    return of_size(name, compact(document(statements)), largest)


def trust_text(name: str, statements: Sequence[Mapping[str, Any]]) -> str:
    """A trust policy as text.

    Args:
        name: What it is, for the message.
        statements: In IAM's words, at least one.

    Raises:
        InvalidInput: It is larger than IAM takes by default.
    """
    return of_size(name, compact({"Version": VERSION, "Statement": list(statements)}), LARGEST_TRUST_POLICY)


def compact(whole: Mapping[str, Any]) -> str:
    """A document without white space."""
    return json.dumps(whole, separators=(",", ":"))


def of_size(name: str, text: str, largest: int) -> str:
    """The text, when IAM takes it.

    Raises:
        InvalidInput: It is too large.
    """
    size = sum(not character.isspace() for character in text)
    if size > largest:
        raise InvalidInput(name, f"{size} characters", allowed=f"at most {largest} without white space, IAM's quota")
    return text
