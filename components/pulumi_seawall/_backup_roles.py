"""What AWS Backup's roles may do: for the chosen resource types, in the plan's regions, on what is selected.

Source: AWS Backup developer guide, "Managed policies for AWS Backup": `AWSBackupServiceRolePolicyForBackup` and
`AWSBackupServiceRolePolicyForRestores`, of which these are the parts that the chosen types need, without their wildcards of
regions and resources.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from pulumi_seawall._arns import partition_of
from pulumi_seawall._backup_args import BackupResourceType
from pulumi_seawall._policy import LARGEST_INLINE_POLICIES, Conditions, Statement, in_regions, policy_text, trust_text
from seawall.errors import InvalidInput

SERVICE: Final = "backup.amazonaws.com"
TESTED: Final = "awsbackup-restore-test-*"  # how restore tests name what they make
SNAPSHOTS: Final = "awsbackup:*"  # how AWS Backup names RDS snapshots that it makes
OF_AWS: Final = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
SERVICES: Final = {
    BackupResourceType.RDS: "rds",
    BackupResourceType.DYNAMODB: "dynamodb",
    BackupResourceType.EBS: "ec2",
    BackupResourceType.EFS: "elasticfilesystem",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What the roles are for.

    Args:
        types: What is backed up.
        regions: Where it is, and where its backups go.
        selected: ARNs by type, where every source selects by ARN alone; else empty: everything of that type.
    """

    types: tuple[BackupResourceType, ...]
    regions: tuple[str, ...]
    selected: Mapping[BackupResourceType, tuple[pulumi.Input[str], ...]]

    def all_of(self, service: str, *resources: str) -> tuple[str, ...]:
        """ARNs of a service in the plan's regions, of whichever account has the role."""
        return tuple(
            f"arn:{partition_of(region)}:{service}:{region}:*:{resource}"
            for region in self.regions
            for resource in resources
        )

    def chosen(self, kind: BackupResourceType, resource: str) -> tuple[pulumi.Input[str], ...]:
        """What is selected of a type, or everything of it."""
        return tuple(self.selected.get(kind, ())) or self.all_of(SERVICES[kind], resource)


def type_of(arn: str) -> BackupResourceType | None:
    """The type that an ARN is of; `None` for one that is not among those offered."""
    service = arn.split(":")[2:3]
    return next((kind for kind, name in SERVICES.items() if service == [name]), None)


def trust(name: str) -> str:
    """Only AWS Backup may take the role."""
    return trust_text(name, [{"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}])


def backup_policy(reach: Reach) -> pulumi.Input[str]:
    """What the role that backs up and copies may do.

    Raises:
        InvalidInput: It is larger than IAM takes; select by tags, or make several plans.
    """
    statements = [statement for kind in reach.types for statement in _BACKUP[kind](reach)]
    statements.append(
        Statement(
            "Vaults",
            ("backup:CopyIntoBackupVault", "backup:DescribeBackupVault", "backup:TagResource"),
            # Wherever a rule copies to, in other accounts too: the vault's own policy decides there.
            reach.all_of("backup", "backup-vault:*", "recovery-point:*"),
        )
    )
    statements.append(Statement("SelectByTag", ("tag:GetResources",), conditions=in_regions(*reach.regions)))
    return policy_text("backup role's policy", [*statements, *_keys(reach)], LARGEST_INLINE_POLICIES)


def restore_policy(reach: Reach) -> pulumi.Input[str]:
    """What the role that restores, and tests restores, may do.

    Raises:
        InvalidInput: It is larger than IAM takes.
    """
    statements = [statement for kind in reach.types for statement in _RESTORE[kind](reach)]
    return policy_text("restore role's policy", [*statements, *_keys(reach)], LARGEST_INLINE_POLICIES)


def _keys(reach: Reach) -> Iterator[Statement]:
    """KMS keys of what is backed up and of vaults: through the services alone, never by itself."""
    keys = reach.all_of("kms", "key/*")
    yield Statement("DescribeKeys", ("kms:DescribeKey",), keys)
    yield Statement("GrantKeys", ("kms:CreateGrant",), keys, OF_AWS)
    services = [f"{SERVICES[kind]}.{region}.amazonaws.com" for kind in reach.types for region in reach.regions]
    via: Conditions = {"StringEquals": {"kms:ViaService": sorted([*services, *_of_backup(reach)])}}
    yield Statement("UseKeys", ("kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"), keys, via)


def _of_backup(reach: Reach) -> list[str]:
    return [f"backup.{region}.amazonaws.com" for region in reach.regions]


def _rds_look(reach: Reach) -> Statement:
    return Statement(
        "RdsLook",
        ("rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "rds:ListTagsForResource"),
        reach.all_of("rds", "db:*", "snapshot:*"),
    )


def _backup_rds(reach: Reach) -> Iterator[Statement]:
    instances = reach.chosen(BackupResourceType.RDS, "db:*")
    snapshots = reach.all_of("rds", f"snapshot:{SNAPSHOTS}")
    yield _rds_look(reach)
    yield Statement("RdsBackUp", ("rds:CreateDBSnapshot", "rds:AddTagsToResource"), (*instances, *snapshots))
    yield Statement("RdsPointInTime", ("rds:ModifyDBInstance",), instances)  # retention of continuous backups
    yield Statement(
        "RdsCopyAndExpire",
        ("rds:CopyDBSnapshot", "rds:DeleteDBSnapshot", "rds:ModifyDBSnapshotAttribute"),
        snapshots,
    )
    yield Statement(
        "RdsExpirePointInTime", ("rds:DeleteDBInstanceAutomatedBackup",), reach.all_of("rds", "auto-backup:*")
    )


def _restore_rds(reach: Reach) -> Iterator[Statement]:
    yield _rds_look(reach)
    yield Statement(
        "RdsRestore",
        (
            "rds:AddTagsToResource",
            "rds:RestoreDBInstanceFromDBSnapshot",
            "rds:RestoreDBInstanceToPointInTime",
        ),
        reach.all_of("rds", "db:*", "snapshot:*", "subgrp:*", "pg:*", "og:*", "auto-backup:*"),
    )
    yield Statement("RdsCleanUp", ("rds:DeleteDBInstance",), reach.all_of("rds", f"db:{TESTED}"))


def _backup_dynamodb(reach: Reach) -> Iterator[Statement]:
    yield Statement(
        "DynamoDbBackUp",
        (
            "dynamodb:CreateBackup",
            "dynamodb:DescribeTable",
            "dynamodb:ListTagsOfResource",
            "dynamodb:StartAwsBackupJob",
        ),
        reach.chosen(BackupResourceType.DYNAMODB, "table/*"),
    )
    yield Statement(
        "DynamoDbExpire",
        ("dynamodb:DeleteBackup", "dynamodb:DescribeBackup"),
        reach.all_of("dynamodb", "table/*/backup/*"),
    )


def _restore_dynamodb(reach: Reach) -> Iterator[Statement]:
    yield Statement(
        "DynamoDbRestore",
        (
            "dynamodb:BatchWriteItem",
            "dynamodb:DescribeTable",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:RestoreTableFromAwsBackup",
            "dynamodb:RestoreTableFromBackup",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
        ),
        reach.all_of("dynamodb", "table/*"),
    )
    yield Statement("DynamoDbCleanUp", ("dynamodb:DeleteTable",), reach.all_of("dynamodb", f"table/{TESTED}"))


def _backup_efs(reach: Reach) -> Iterator[Statement]:
    yield Statement(
        "EfsBackUp",
        ("elasticfilesystem:Backup", "elasticfilesystem:DescribeTags"),
        reach.chosen(BackupResourceType.EFS, "file-system/*"),
    )


def _restore_efs(reach: Reach) -> Iterator[Statement]:
    yield Statement(
        "EfsRestore",
        (
            "elasticfilesystem:CreateFilesystem",
            "elasticfilesystem:DescribeFilesystems",
            "elasticfilesystem:Restore",
            "elasticfilesystem:TagResource",
        ),
        reach.all_of("elasticfilesystem", "file-system/*"),
    )


def _ebs_look(reach: Reach) -> Statement:
    actions = ("ec2:DescribeSnapshots", "ec2:DescribeTags", "ec2:DescribeVolumes")
    return Statement("EbsLook", actions, conditions=in_regions(*reach.regions))


def _ebs_snapshots(reach: Reach) -> tuple[str, ...]:
    """They have no account in their ARN."""
    return tuple(f"arn:{partition_of(region)}:ec2:{region}::snapshot/*" for region in reach.regions)


def _backup_ebs(reach: Reach) -> Iterator[Statement]:
    snapshots = _ebs_snapshots(reach)
    yield _ebs_look(reach)
    yield Statement(
        "EbsBackUp", ("ec2:CreateSnapshot",), (*reach.chosen(BackupResourceType.EBS, "volume/*"), *snapshots)
    )
    yield Statement("EbsCopy", ("ec2:CopySnapshot", "ec2:CreateTags"), snapshots)
    made: Conditions = {"Null": {"aws:ResourceTag/aws:backup:source-resource": "false"}}
    yield Statement("EbsExpire", ("ec2:DeleteSnapshot", "ec2:ModifySnapshotAttribute"), snapshots, made)


def _restore_ebs(reach: Reach) -> Iterator[Statement]:
    snapshots = _ebs_snapshots(reach)
    yield _ebs_look(reach)
    volumes = reach.all_of("ec2", "volume/*")
    yield Statement("EbsRestore", ("ec2:CreateVolume", "ec2:CreateTags"), (*snapshots, *volumes))
    made: Conditions = {"Null": {"aws:ResourceTag/awsbackup-restore-test": "false"}}
    yield Statement("EbsCleanUp", ("ec2:DeleteVolume",), volumes, made)


_BACKUP: Final = {
    BackupResourceType.RDS: _backup_rds,
    BackupResourceType.DYNAMODB: _backup_dynamodb,
    BackupResourceType.EBS: _backup_ebs,
    BackupResourceType.EFS: _backup_efs,
}
_RESTORE: Final = {
    BackupResourceType.RDS: _restore_rds,
    BackupResourceType.DYNAMODB: _restore_dynamodb,
    BackupResourceType.EBS: _restore_ebs,
    BackupResourceType.EFS: _restore_efs,
}


def plan_types(given: Sequence[BackupResourceType]) -> tuple[BackupResourceType, ...]:
    """The resource types, each once.

    Raises:
        InvalidInput: There is none, or one stands there twice.
    """
    if not given:
        raise InvalidInput("resource_types", [], allowed="at least one resource type")
    for one in given:
        if list(given).count(one) > 1:
            raise InvalidInput("resource_types", one.value, allowed="each type once")
    return tuple(given)
