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


_ARC: Final = "route53-recovery-control-config"
_RULES: Final = "AuthorizeSecurityGroup{0} ModifySecurityGroupRules RevokeSecurityGroup{0} CreateTags DeleteTags"

TYPES: Final[Mapping[str, TypeAccess]] = {
    "aws:backup/plan:Plan": _of(
        "backup",
        "GetBackupPlan ListTags",
        "CreateBackupPlan DeleteBackupPlan UpdateBackupPlan TagResource UntagResource",
    ),
    "aws:backup/regionSettings:RegionSettings": _of("backup", "DescribeRegionSettings", "UpdateRegionSettings"),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _of(
        "backup",
        "GetRestoreTestingPlan ListTags",
        "CreateRestoreTestingPlan DeleteRestoreTestingPlan UpdateRestoreTestingPlan TagResource UntagResource",
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": _of(
        "backup",
        "GetRestoreTestingSelection",
        "CreateRestoreTestingSelection DeleteRestoreTestingSelection UpdateRestoreTestingSelection",
    ),
    "aws:backup/selection:Selection": _of(
        "backup", "GetBackupSelection", "CreateBackupSelection DeleteBackupSelection"
    ),
    "aws:backup/vault:Vault": TypeAccess(
        ("backup:DescribeBackupVault", "backup:ListTags"),
        (
            *("backup:CreateBackupVault", "backup:DeleteBackupVault", "backup:TagResource", "backup:UntagResource"),
            "backup-storage:MountCapsule",
        ),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": _of(
        "backup", "DescribeBackupVault", "PutBackupVaultLockConfiguration DeleteBackupVaultLockConfiguration"
    ),
    "aws:backup/vaultNotifications:VaultNotifications": _of(
        "backup", "GetBackupVaultNotifications", "PutBackupVaultNotifications DeleteBackupVaultNotifications"
    ),
    "aws:backup/vaultPolicy:VaultPolicy": _of(
        "backup", "GetBackupVaultAccessPolicy", "PutBackupVaultAccessPolicy DeleteBackupVaultAccessPolicy"
    ),
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
    "aws:dynamodb/table:Table": _of(
        "dynamodb",
        "DescribeContinuousBackups DescribeTable DescribeTimeToLive ListTagsOfResource",
        "CreateTable DeleteTable UpdateContinuousBackups UpdateTable TagResource UntagResource",
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
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": _of(
        "rds",
        "DescribeDBInstanceAutomatedBackups",
        "StartDBInstanceAutomatedBackupsReplication StopDBInstanceAutomatedBackupsReplication",
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
    "aws:route53/zoneAssociation:ZoneAssociation": TypeAccess(
        ("route53:GetHostedZone", "ec2:DescribeVpcs"),
        ("route53:AssociateVPCWithHostedZone", "route53:DisassociateVPCFromHostedZone", "route53:GetChange"),
    ),
    "aws:route53recoverycontrol/cluster:Cluster": _of(
        _ARC,
        "DescribeCluster ListTagsForResource",
        "CreateCluster DeleteCluster UpdateCluster TagResource UntagResource",
    ),
    "aws:route53recoverycontrol/controlPanel:ControlPanel": _of(
        _ARC,
        "DescribeControlPanel ListTagsForResource",
        "CreateControlPanel DeleteControlPanel UpdateControlPanel TagResource UntagResource",
    ),
    "aws:route53recoverycontrol/routingControl:RoutingControl": _of(
        _ARC, "DescribeRoutingControl", "CreateRoutingControl DeleteRoutingControl UpdateRoutingControl"
    ),
    "aws:route53recoverycontrol/safetyRule:SafetyRule": _of(
        _ARC,
        "DescribeSafetyRule ListTagsForResource",
        "CreateSafetyRule DeleteSafetyRule UpdateSafetyRule TagResource UntagResource",
    ),
    "aws:s3/bucket:Bucket": _of(
        "s3",
        "GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging "
        "GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging GetBucketVersioning "
        "GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration ListBucket",
        "CreateBucket DeleteBucket ListBucketVersions PutBucketTagging",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _of("s3", "GetBucketPolicy", "PutBucketPolicy DeleteBucketPolicy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of(
        "s3", "GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock"
    ),
    "aws:sns/topic:Topic": _of(
        "sns",
        "GetTopicAttributes ListTagsForResource",
        "CreateTopic DeleteTopic SetTopicAttributes TagResource UntagResource",
    ),
    "aws:sns/topicPolicy:TopicPolicy": _of("sns", "GetTopicAttributes", "SetTopicAttributes"),
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

_BUCKET: Final = "the real provider reads the whole of a bucket's configuration"
PROVIDER_ONLY: Final[Mapping[str, str]] = {
    "backup-storage:MountCapsule": "AWS Backup asks for it when a vault is made",
    "cloudwatch:TagResource": "tags of an alarm that exists",
    "cloudwatch:UntagResource": "tags of an alarm that exists",
    "dynamodb:DescribeTimeToLive": "the real provider reads whether items end by themselves",
    "ec2:DescribeVpcs": "Route 53 looks at the VPC that a private zone is for",
    "rds:CreateDBInstanceReadReplica": "a replica; the sample that the test takes through its life is a writer",
    "rds:CreateDBSnapshot": "the final snapshot of a writer",
    "rds:PromoteReadReplica": "a replica that becomes the writer",
    "route53:AssociateVPCWithHostedZone": "a private zone; the test's sample is a public one",
    "route53:DisassociateVPCFromHostedZone": "a private zone; the test's sample is a public one",
    "route53:GetChange": "the real provider waits until a change has reached all servers",
    "s3:GetAccelerateConfiguration": _BUCKET,
    "s3:GetBucketAcl": _BUCKET,
    "s3:GetBucketCORS": _BUCKET,
    "s3:GetBucketLocation": _BUCKET,
    "s3:GetBucketLogging": _BUCKET,
    "s3:GetBucketObjectLockConfiguration": _BUCKET,
    "s3:GetBucketPolicy": _BUCKET,
    "s3:GetBucketRequestPayment": _BUCKET,
    "s3:GetBucketTagging": _BUCKET,
    "s3:GetBucketVersioning": _BUCKET,
    "s3:GetBucketWebsite": _BUCKET,
    "s3:GetEncryptionConfiguration": _BUCKET,
    "s3:GetLifecycleConfiguration": _BUCKET,
    "s3:GetReplicationConfiguration": _BUCKET,
    "sns:SetSubscriptionAttributes": "a subscription with a filter; the test's sample has none",
}
"""Permissions that no adapter needs, and why they are there all the same. Of what the local cloud only records, nothing is
sent at all, so that the test compares nothing there."""

# What an object's ARN looks like, after the account, by service; `{prefix}` where the stack's names stand in it.
ARNS: Final[Mapping[str, tuple[str, ...]]] = {
    "backup": ("backup-plan:*", "backup-vault:{prefix}*", "restore-testing-plan:*"),
    "cloudwatch": ("alarm:{prefix}*",),
    "dynamodb": ("table/{prefix}*",),
    "ec2": ("network-acl/*", "route-table/*", "security-group/*", "security-group-rule/*", "subnet/*", "vpc/*"),
    "eks": ("cluster/*", "podidentityassociation/*"),
    "fis": ("action/*", "experiment-template/*"),
    "iam": ("policy/{prefix}*", "role/{prefix}*", "oidc-provider/*"),
    "kms": ("alias/*", "key/*"),
    "logs": ("log-group:/aws/vendedlogs/fis/*",),
    "rds": (
        "auto-backup:*",
        "db:{prefix}*",
        "og:*",
        "pg:{prefix}*",
        "pg:default.*",
        "snapshot:{prefix}*",
        "subgrp:{prefix}*",
    ),
    "route53": ("change/*", "healthcheck/*", "hostedzone/*"),
    _ARC: ("cluster/*", "controlpanel/*"),
    "s3": ("{prefix}*",),
    "sns": ("{prefix}*",),
    "ssm": ("parameter/seawall/*",),
}
ARN_SERVICES: Final[Mapping[str, str]] = {_ARC: "route53-recovery-control"}
"""What a service is called in ARNs, where that is not its name in actions."""
GLOBAL_SERVICES: Final = frozenset({"iam", "route53"})  # their ARNs have no region, their calls go to one for all
HOMES: Final[Mapping[str, str]] = {_ARC: "us-west-2"}  # where the control plane of a service is, when only there
WITHOUT_REGION: Final = GLOBAL_SERVICES | {_ARC, "s3"}  # in ARNs
WITHOUT_ACCOUNT: Final = frozenset({"route53", "s3"})  # in ARNs
BY_NAME_ONLY: Final = frozenset({"s3"})  # looked at by the stack's names only: a listing shows what is in a bucket
PASSED_TO: Final = ("backup.amazonaws.com", "fis.amazonaws.com", "pods.eks.amazonaws.com")

KEY_USERS: Final = frozenset({"aws:backup/vault:Vault", "aws:dynamodb/table:Table", "aws:rds/instance:Instance"})
"""Types whose service uses a KMS key in the name of whoever makes an object: it asks for a grant."""

OWN_PATH: Final = "/seawall-pipeline/"
"""Where the pipeline's own roles and policies are in IAM: a path stands before the name in an ARN, so that what the pipeline
may do to roles with the stack's names never reaches its own."""
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
