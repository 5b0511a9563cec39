"""A linter of IAM policies: what IAM would refuse or ignore, and what a reviewer would.

That an action exists is asked of botocore's service models: IAM's action is the service's prefix and, with the few
exceptions listed here, the operation's name.
"""

import functools
from collections.abc import Iterator
from typing import Any

import botocore.session

from pulumi_seawall._policy import VERSION, WITHOUT_RESOURCE

# IAM's prefix to botocore's name of the service, where they differ.
SERVICES = {"tag": "resourcegroupstaggingapi", "monitoring": "cloudwatch"}

# Actions without an operation of that name in botocore, and why they exist all the same.
WITHOUT_OPERATION = {
    "ec2:InjectApiError": "FIS's own permission, which no operation of EC2 has",
    "iam:PassRole": "asked of whoever hands a role to a service; no operation of its own",
    "logs:CreateLogDelivery": "asked of whoever sets up a vended log; it is no public operation",
    "rds-db:connect": "asked by the database when a token of IAM logs in",
    "sts:TagSession": "goes with AssumeRole when the session has tags",
    "backup-storage:MountCapsule": "asked when a vault of AWS Backup is made; its service has no public API",
}

# Operations that IAM knows by another name: the operation, as `service:operation`, to the permission.
IAM_NAMES = {
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}

# Condition keys by what they may begin with; anything else is a typing error that IAM takes for "never true".
CONDITION_KEYS = (
    *("aws:RequestedRegion", "aws:ResourceTag/", "aws:RequestTag/", "aws:SourceAccount", "aws:SourceArn"),
    *("cloudwatch:namespace", "dynamodb:LeadingKeys"),
    *("aws:PrincipalArn", "aws:MultiFactorAuthPresent", "aws:TagKeys"),
    *("ec2:CreateAction", "ec2:FisActionId", "ec2:FisTargetArns", "ssm:resourceTag/"),
    *("iam:PassedToService", "iam:PermissionsBoundary", "kms:GrantIsForAWSResource", "kms:ViaService"),
)
OPERATORS = {
    *("StringEquals", "StringLike", "ArnLike", "ArnEquals", "Bool"),
    *("ForAllValues:ArnLike", "ForAllValues:StringEquals"),
}


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def actions_in(policy: dict[str, Any]) -> set[str]:
    """Every action that the policy allows."""
    return {action for statement in policy["Statement"] for action in listed(statement["Action"])}


def grants(policy: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The statements that allow an action."""
    return [statement for statement in policy["Statement"] if action in listed(statement["Action"])]


@functools.cache
def operations(service: str) -> frozenset[str]:
    """What botocore knows of a service, by IAM's prefix; empty when it knows no such service."""
    session = botocore.session.get_session()
    name = SERVICES.get(service, service)
    if name not in session.get_available_services():
        return frozenset()
    return frozenset(str(each) for each in session.get_service_model(name).operation_names)  # type: ignore[union-attr]


def lint(policy: dict[str, Any]) -> list[str]:
    """What is wrong with a policy of an identity, a line each."""
    return list(_findings(policy))


def _findings(policy: dict[str, Any]) -> Iterator[str]:
    if policy["Version"] != VERSION:
        yield f"version {policy['Version']}"
    sids = [statement["Sid"] for statement in policy["Statement"]]
    for sid in sids:
        if not sid.isalnum() or sids.count(sid) > 1:
            yield f"{sid}: a Sid is letters and digits, each once"
    for statement in policy["Statement"]:
        yield from _statement_findings(statement)


def _statement_findings(statement: dict[str, Any]) -> Iterator[str]:
    sid = statement["Sid"]
    if statement["Effect"] != "Allow":
        yield f"{sid}: {statement['Effect']}"
    for action in listed(statement["Action"]):
        service, _, name = action.partition(":")
        if "*" in action:
            yield f"{sid}: {action} is a wildcard"
        elif name not in operations(service) and action not in (*WITHOUT_OPERATION, *IAM_NAMES.values()):
            yield f"{sid}: {action} is no action"
        if "*" in listed(statement["Resource"]) and action not in WITHOUT_RESOURCE:
            yield f"{sid}: {action} on everything"
    for resource in listed(statement["Resource"]):
        if resource != "*" and len(resource.split(":", 5)) != 6:
            yield f"{sid}: {resource} is no ARN"
    for operator, keys in statement.get("Condition", {}).items():
        if operator not in OPERATORS:
            yield f"{sid}: {operator} is no operator"
        for key in keys:
            if not key.startswith(CONDITION_KEYS):
                yield f"{sid}: {key} is no condition key"
    if "*" in listed(statement["Resource"]) and not statement.get("Condition"):
        yield f"{sid}: everything, everywhere"
