"""What the commands of recovery call on AWS: the least that their roles have to allow."""

from collections.abc import Mapping
from typing import Final

__all__ = ["RECOVERY_CALLS", "RECOVERY_RIGHTS"]

RECOVERY_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshot create": (
        "rds:CreateDBSnapshot",
        "rds:DeleteDBSnapshot",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
    ),
    "snapshot copy": ("kms:DescribeKey", "rds:CopyDBSnapshot", "rds:DeleteDBSnapshot", "rds:DescribeDBSnapshots"),
    "snapshot list": ("rds:DescribeDBSnapshots",),
    "snapshot verify": ("kms:DescribeKey", "rds:DescribeDBSnapshots"),
    "snapshot prune": ("rds:DeleteDBSnapshot", "rds:DescribeDBSnapshotAttributes", "rds:DescribeDBSnapshots"),
}
"""By command, as IAM names them; `rds:DeleteDBSnapshot` of `create` and `copy` is for their undo."""

RECOVERY_RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshot create": ("rds:AddTagsToResource",),
    "snapshot copy": ("kms:CreateGrant", "kms:DescribeKey", "rds:AddTagsToResource"),
}
"""What RDS checks beside the call itself: tags that are given with it, and grants on the key of an encrypted copy, which RDS
makes in the caller's name (KMS's condition `kms:GrantIsForAWSResource` may hold it to that)."""
