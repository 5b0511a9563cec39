"""What a pipeline needs of AWS's APIs for each resource type that a stack declares: to read it, and to change it.

A test runs every adapter of the local cloud through the whole life of an object and compares what botocore sends with this
table; what the real provider asks beyond that stands in `PROVIDER_ONLY`, with the reason. Source of ARNs: the Service
Authorization Reference, "Resource types defined by" each service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TypeAccess:
    """What one type needs.

    Args:
        reads: To look at an object.
        writes: To make, change and delete one; `reads` come on top.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]


def _of(service: str, reads: str, writes: str = "") -> TypeAccess:
    return TypeAccess(
        tuple(f"{service}:{name}" for name in reads.split()), tuple(f"{service}:{name}" for name in writes.split())
    )


_RULES: Final = "AuthorizeSecurityGroup{0} ModifySecurityGroupRules RevokeSecurityGroup{0} CreateTags DeleteTags"

TYPES: Final[Mapping[str, TypeAccess]] = {
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _of(
        "cloudwatch", "DescribeAlarms ListTagsForResource", "PutCompositeAlarm DeleteAlarms TagResource UntagResource"
    ),
    "aws:cloudwatch/logGroup:LogGroup": _of(
        "logs",
        "DescribeLogGroups ListTagsForResource",
        "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy PutRetentionPolicy TagResource UntagResource",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _of(
        "cloudwatch", "DescribeAlarms ListTagsForResource", "PutMetricAlarm DeleteAlarms TagResource UntagResource"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _of(
        "ec2",
        "DescribeSecurityGroups DescribeSecurityGroupRules",
        "CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress "
        "RevokeSecurityGroupIngress RevokeSecurityGroupEgress CreateTags DeleteTags",
    ),
    "aws:ec2/subnet:Subnet": _of(
        "ec2", "DescribeSubnets", "CreateSubnet DeleteSubnet ModifySubnetAttribute CreateTags DeleteTags"
    ),
    "aws:ec2/vpc:Vpc": _of(
        "ec2",
        "DescribeVpcs DescribeVpcAttribute DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups",
        "CreateVpc DeleteVpc ModifyVpcAttribute CreateTags DeleteTags",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _of(
        "eks",
        "DescribePodIdentityAssociation",
        "CreatePodIdentityAssociation DeletePodIdentityAssociation UpdatePodIdentityAssociation TagResource UntagResource",
    ),
    "aws:fis/experimentTemplate:ExperimentTemplate": _of(
        "fis",
        "GetExperimentTemplate",
        "CreateExperimentTemplate DeleteExperimentTemplate UpdateExperimentTemplate TagResource UntagResource",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _of(
        "iam",
        "GetOpenIDConnectProvider ListOpenIDConnectProviderTags",
        "CreateOpenIDConnectProvider DeleteOpenIDConnectProvider AddClientIDToOpenIDConnectProvider "
        "RemoveClientIDFromOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint TagOpenIDConnectProvider "
        "UntagOpenIDConnectProvider",
    ),
    "aws:iam/policy:Policy": _of(
        "iam",
        "GetPolicy GetPolicyVersion ListPolicyTags ListPolicyVersions",
        "CreatePolicy DeletePolicy CreatePolicyVersion DeletePolicyVersion TagPolicy UntagPolicy",
    ),
    "aws:iam/role:Role": _of(
        "iam",
        "GetRole ListRoleTags ListRolePolicies ListAttachedRolePolicies",
        "CreateRole DeleteRole UpdateRole UpdateAssumeRolePolicy PutRolePermissionsBoundary "
        "DeleteRolePermissionsBoundary TagRole UntagRole",
    ),
    "aws:iam/rolePolicy:RolePolicy": _of("iam", "GetRolePolicy", "PutRolePolicy DeleteRolePolicy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _of(
        "iam", "ListAttachedRolePolicies", "AttachRolePolicy DetachRolePolicy"
    ),
    "aws:kms/alias:Alias": _of("kms", "ListAliases", "CreateAlias DeleteAlias UpdateAlias"),
    "aws:kms/key:Key": _of(
        "kms",
        "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
        "CreateKey DisableKey DisableKeyRotation EnableKey EnableKeyRotation PutKeyPolicy ScheduleKeyDeletion TagResource "
        "UntagResource UpdateKeyDescription",
    ),
    "aws:rds/instance:Instance": _of(
        "rds",
        "DescribeDBInstances ListTagsForResource",
        "CreateDBInstance CreateDBInstanceReadReplica DeleteDBInstance ModifyDBInstance PromoteReadReplica "
        "CreateDBSnapshot AddTagsToResource RemoveTagsFromResource",
    ),
    "aws:rds/parameterGroup:ParameterGroup": _of(
        "rds",
        "DescribeDBParameterGroups DescribeDBParameters ListTagsForResource",
        "CreateDBParameterGroup DeleteDBParameterGroup ModifyDBParameterGroup ResetDBParameterGroup AddTagsToResource "
        "RemoveTagsFromResource",
    ),
    "aws:rds/subnetGroup:SubnetGroup": _of(
        "rds",
        "DescribeDBSubnetGroups ListTagsForResource",
        "CreateDBSubnetGroup DeleteDBSubnetGroup ModifyDBSubnetGroup AddTagsToResource RemoveTagsFromResource",
    ),
    "aws:route53/healthCheck:HealthCheck": _of(
        "route53",
        "GetHealthCheck ListTagsForResource",
        "CreateHealthCheck DeleteHealthCheck UpdateHealthCheck ChangeTagsForResource",
    ),
    "aws:route53/record:Record": _of(
        "route53",
        "GetHostedZone ListResourceRecordSets GetHealthCheck",
        "ChangeResourceRecordSets GetChange",
    ),
    "aws:route53/zone:Zone": _of(
        "route53",
        "GetHostedZone ListTagsForResource ListResourceRecordSets",
        "CreateHostedZone DeleteHostedZone UpdateHostedZoneComment ChangeTagsForResource GetChange "
        "AssociateVPCWithHostedZone DisassociateVPCFromHostedZone",
    ),
    "aws:sns/topic:Topic": _of(
        "sns",
        "GetTopicAttributes ListTagsForResource",
        "CreateTopic DeleteTopic SetTopicAttributes TagResource UntagResource",
    ),
    "aws:sns/topicSubscription:TopicSubscription": _of(
        "sns", "GetSubscriptionAttributes", "Subscribe Unsubscribe SetSubscriptionAttributes"
    ),
    "aws:ssm/parameter:Parameter": _of(
        "ssm",
        "GetParameter DescribeParameters ListTagsForResource",
        "PutParameter DeleteParameter AddTagsToResource RemoveTagsFromResource",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _of(
        "ec2", "DescribeSecurityGroupRules", _RULES.format("Egress")
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _of(
        "ec2", "DescribeSecurityGroupRules", _RULES.format("Ingress")
    ),
}
"""Resource types, by token."""

LOOKS: Final = ("ssm:GetParametersByPath",)  # the live document, which the program reads before it declares anything

_RECORDED: Final = "the local cloud only keeps it in a file, so nothing is sent"
PROVIDER_ONLY: Final[Mapping[str, str]] = {
    "cloudwatch:PutCompositeAlarm": _RECORDED,
    "cloudwatch:TagResource": "tags of an alarm that exists",
    "cloudwatch:UntagResource": "tags of an alarm that exists",
    "eks:CreatePodIdentityAssociation": _RECORDED,
    "eks:DeletePodIdentityAssociation": _RECORDED,
    "eks:DescribePodIdentityAssociation": _RECORDED,
    "eks:TagResource": _RECORDED,
    "eks:UntagResource": _RECORDED,
    "eks:UpdatePodIdentityAssociation": _RECORDED,
    "rds:CreateDBInstanceReadReplica": "a replica; the sample that the test takes through its life is a writer",
    "rds:CreateDBSnapshot": "the final snapshot of a writer",
    "rds:PromoteReadReplica": "a replica that becomes the writer",
    "route53:AssociateVPCWithHostedZone": "a private zone; the test's sample is a public one",
    "route53:DisassociateVPCFromHostedZone": "a private zone; the test's sample is a public one",
    "route53:GetChange": "the real provider waits until a change has reached all servers",
    "sns:SetSubscriptionAttributes": "a subscription with a filter; the test's sample has none",
}
"""Permissions that no adapter needs, and why they are there all the same."""

# What an object's ARN looks like, after the account, by service; `{prefix}` where the stack's names stand in it.
ARNS: Final[Mapping[str, tuple[str, ...]]] = {
    "cloudwatch": ("alarm:{prefix}*",),
    "ec2": ("network-acl/*", "route-table/*", "security-group/*", "security-group-rule/*", "subnet/*", "vpc/*"),
    "eks": ("cluster/*", "podidentityassociation/*"),
    "fis": ("action/*", "experiment-template/*"),
    "iam": ("policy/{prefix}*", "role/{prefix}*", "oidc-provider/*"),
    "kms": ("alias/*", "key/*"),
    "logs": ("log-group:/aws/vendedlogs/fis/*",),
    "rds": ("db:{prefix}*", "og:*", "pg:{prefix}*", "pg:default.*", "snapshot:{prefix}*", "subgrp:{prefix}*"),
    "route53": ("change/*", "healthcheck/*", "hostedzone/*"),
    "sns": ("{prefix}*",),
    "ssm": ("parameter/seawall/*",),
}
GLOBAL_SERVICES: Final = frozenset({"iam", "route53"})  # their ARNs have no region
WITHOUT_ACCOUNT: Final = frozenset({"route53"})  # nor an account
PASSED_TO: Final = ("backup.amazonaws.com", "fis.amazonaws.com", "pods.eks.amazonaws.com")

KEY_USERS: Final = frozenset({"aws:rds/instance:Instance"})
"""Types whose service uses a KMS key in the name of whoever makes an object: it asks for a grant."""

ADMINISTRATORS: Final = frozenset({"aws:iam/openIdConnectProvider:OpenIdConnectProvider", "aws:iam/policy:Policy"})
"""Types that no pipeline changes: they are what bounds the pipeline itself."""
UNBOUND: Final = "iam:DeleteRolePermissionsBoundary"  # never: it is the way out
BOUNDED: Final = frozenset(
    {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
)
"""Changes of roles for which IAM knows the condition key `iam:PermissionsBoundary`."""
