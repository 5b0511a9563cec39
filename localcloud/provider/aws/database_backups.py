"""Automated backups of RDS instances that are replicated into another region. The id is the ARN there."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.clients import Cloud
from seawall.errors import InvalidInput

RETENTION_DAYS: Final = (1, 35)
DEFAULT_RETENTION_DAYS: Final = 7


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # found by its source, of which a region has one at most
    request: dict[str, Any] = {
        "SourceDBInstanceArn": inputs["sourceDbInstanceArn"],
        "BackupRetentionPeriod": inputs["retentionPeriod"],
    }
    if inputs.get("kmsKeyId"):
        request["KmsKeyId"] = inputs["kmsKeyId"]
    answer = cloud.client("rds").start_db_instance_automated_backups_replication(**request)
    return answer["DBInstanceAutomatedBackup"]["DBInstanceAutomatedBackupsArn"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del reference
    found = cloud.client("rds").describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    source = inputs.get("sourceDbInstanceArn")
    return next(
        (one["DBInstanceAutomatedBackupsArn"] for one in found if source and one.get("DBInstanceArn") == source), None
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    answer = cloud.client("rds").describe_db_instance_automated_backups(DBInstanceAutomatedBackupsArn=id_)
    found = answer["DBInstanceAutomatedBackups"][0]
    return {
        "sourceDbInstanceArn": found["DBInstanceArn"],
        "kmsKeyId": found.get("KmsKeyId"),
        "retentionPeriod": found["BackupRetentionPeriod"],
        "preSignedUrl": known.get("preSignedUrl"),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    """Every input replaces, as with the real provider: RDS has no call that changes a replication."""
    del cloud, id_, state, inputs


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del id_
    cloud.client("rds").stop_db_instance_automated_backups_replication(SourceDBInstanceArn=state["sourceDbInstanceArn"])


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    days, source = inputs.get("retentionPeriod"), inputs.get("sourceDbInstanceArn")
    least, most = RETENTION_DAYS
    if isinstance(days, int) and not least <= days <= most:
        yield InvalidInput("retentionPeriod", days, allowed=f"{least} to {most} days")
    if isinstance(source, str) and not source.startswith("arn:"):
        yield InvalidInput("sourceDbInstanceArn", source, allowed="the ARN of an instance")


AUTOMATED_BACKUPS_REPLICATION: Final = Adapter(
    resource_type="aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
    inputs={"kmsKeyId": str, "preSignedUrl": str, "retentionPeriod": int, "sourceDbInstanceArn": str},
    required=frozenset({"sourceDbInstanceArn"}),
    defaults={"retentionPeriod": DEFAULT_RETENTION_DAYS},
    replaces=frozenset({"kmsKeyId", "preSignedUrl", "retentionPeriod", "sourceDbInstanceArn"}),
    keeps=frozenset({"kmsKeyId"}),
    write_only=frozenset({"preSignedUrl"}),
    absent_codes=frozenset(
        {"DBInstanceAutomatedBackupNotFound", "DBInstanceAutomatedBackupNotFoundFault", "DBInstanceNotFound"}
    ),
    refusals=_refusals,
    create=_create,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
