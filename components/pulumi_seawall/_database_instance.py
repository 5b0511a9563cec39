"""What an RDS instance is given in each role, and which of it an instance that exists keeps.

The invariant: a change of `writer` alone changes nothing that would replace an instance, and nothing on the instance
that no longer writes. What only a creation decides is therefore ignored afterwards (a replacement is created from all
inputs, the ignored ones too: the engine checks them anew). Where ignoring would hide a wish that cannot be granted
without losing data (another region, network, key or identifier), `refuse_moved` says so.

Sources: the AWS provider's `aws_db_instance`: which inputs replace (engine, username, database name, key, encryption,
region), that a removed source is a promotion, and that another source is an error.
"""

from typing import Any, Final

from pulumi_seawall._database_members import DatabaseMemberPlan
from pulumi_seawall._database_plan import DatabasePlan
from seawall.errors import InvalidInput

DECIDED_AT_CREATION: Final = ("dbName", "engine", "identifier", "kmsKeyId", "storageEncrypted", "username")
DECIDED_BY_THE_WRITER: Final = (
    "allocatedStorage",
    "allowMajorVersionUpgrade",
    "backupRetentionPeriod",
    "engineVersion",
    "finalSnapshotIdentifier",
    "password",
    "replicateSourceDb",
    "skipFinalSnapshot",
)
SETTINGS: Final = (
    "applyImmediately",
    "autoMinorVersionUpgrade",
    "copyTagsToSnapshot",
    "dbSubnetGroupName",
    "deleteAutomatedBackups",
    "deletionProtection",
    "instanceClass",
    "maxAllocatedStorage",
    "multiAz",
    "parameterGroupName",
    "port",
    "publiclyAccessible",
    "storageType",
    "tags",
    "vpcSecurityGroupIds",
)
STORAGE_TYPE: Final = "gp3"  # its throughput does not depend on its size, so members of one size are alike


def instance_settings(plan: DatabasePlan, member: DatabaseMemberPlan) -> dict[str, Any]:
    """Arguments of `aws.rds.Instance`, by name, as far as they do not come from other resources."""
    settings: dict[str, Any] = {
        "region": member.region,
        "instance_class": member.instance_class,
        "port": plan.port,
        "publicly_accessible": False,
        "storage_encrypted": True,
        "storage_type": STORAGE_TYPE,
        "auto_minor_version_upgrade": True,
        "apply_immediately": True,
        "copy_tags_to_snapshot": True,
        "delete_automated_backups": not plan.keep_backups,
        "deletion_protection": plan.deletion_protection and not member.unprotected,
    }
    if plan.storage_limit_gib is not None:
        settings["max_allocated_storage"] = plan.storage_limit_gib
    if not member.writes:
        return settings | {"multi_az": member.multi_az or False, "skip_final_snapshot": True}
    settings |= {
        "multi_az": True,
        "engine_version": plan.engine_version,
        "allow_major_version_upgrade": plan.allow_major_version_upgrade,
        "allocated_storage": plan.storage_gib,
        "password": plan.password,
        "backup_retention_period": plan.backup_retention_days,
        "skip_final_snapshot": not plan.keep_backups,
    }
    if plan.created_in == member.name:
        settings |= {"engine": plan.engine.value, "username": plan.username, "db_name": plan.database_name}
    return settings


def ignored_inputs(plan: DatabasePlan, member: DatabaseMemberPlan) -> list[str]:
    """Inputs whose changes an instance that exists does not follow, in the wire's spelling."""
    if member.rebuilt:
        return []
    ignored = [*DECIDED_AT_CREATION]
    if member.import_id is not None:  # adopted as it is
        ignored += [*DECIDED_BY_THE_WRITER, *SETTINGS, "region"]
    elif member.writes:
        ignored.append("region")
        if not plan.allow_major_version_upgrade:  # or an adopted 17.2 would be brought to what 17 means today
            ignored.append("engineVersion")
    else:
        ignored += DECIDED_BY_THE_WRITER
        if member.multi_az is None:
            ignored.append("multiAz")
    return sorted(ignored)


def refuse_moved(member: DatabaseMemberPlan, key: str, declared: str, deployed: str | None) -> None:
    """Refuse what a member that exists cannot become without losing its data.

    Args:
        member: The member.
        key: `region`, `identifier`, `kms_key_arn` or `vpc_id`.
        declared: What the program wants.
        deployed: What the instance has.

    Raises:
        InvalidInput: They differ; nothing has been done to the instance.
    """
    if deployed == declared or (not deployed and key != "kms_key_arn"):
        return
    if not deployed:
        raise InvalidInput(
            f"{member.where}{key}",
            declared,
            allowed="an encrypted instance",
            because=f"{member.name} is not encrypted: it can have no encrypted replica, and encrypting it replaces it",
        )
    how = "build a replica there and promote it" if member.writes else "name it in rebuild_as_replica"
    raise InvalidInput(
        f"{member.where}{key}",
        declared,
        allowed=f"{deployed}, where {member.name} is deployed",
        because=f"a change would replace the instance and lose its data; {how} instead",
    )


def refuse_upgrade(plan: DatabasePlan, deployed: str | None) -> None:
    """Refuse another major version that nobody asked for.

    Args:
        plan: The plan.
        deployed: The version that the writer runs, e.g. `17.4`; `None` while nobody knows.

    Raises:
        InvalidInput: It is of another major version, and upgrades are not allowed.
    """
    if plan.allow_major_version_upgrade or not deployed:
        return
    if deployed != plan.engine_version and not deployed.startswith(f"{plan.engine_version}."):
        raise InvalidInput(
            "engine_version",
            plan.engine_version,
            allowed=f"that of {deployed}, which is deployed; or allow_major_version_upgrade",
            because="RDS upgrades replicas before their writer, and goes back to no older version",
        )
