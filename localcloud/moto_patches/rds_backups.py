"""RDS: automated backups that are replicated into another region."""

from collections.abc import Callable
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.moto_api._internal import mock_random
from moto.rds import models, responses
from moto.rds.exceptions import RDSClientError
from moto.rds.models import rds_backends

RETENTION_DAYS: Final = range(1, 36)
DEFAULT_RETENTION_DAYS: Final = 7
ID_LENGTH: Final = 39  # characters after `ab-`


def replicate_automated_backups() -> None:
    """moto can neither start nor stop the replication of automated backups.

    AWS: it is started in the destination region, for a source in another one that keeps backups; an encrypted source needs
    a key of the destination. Nothing is ever copied here.
    """
    describe: Callable[..., list[Any]] = models.RDSBackend.describe_db_instance_automated_backups

    def describe_db_instance_automated_backups(
        self: Any, db_instance_identifier: str | None = None, **named: Any
    ) -> list[Any]:
        arn = named.get("db_instance_automated_backups_arn")
        replicated = [
            one
            for one in _replicated(self).values()
            if db_instance_identifier in (None, one["DBInstanceIdentifier"])
            and arn in (None, one["DBInstanceAutomatedBackupsArn"])
        ]
        if arn is not None:
            if not replicated:
                raise RDSClientError("DBInstanceAutomatedBackupNotFound", f"{arn} was not found.")
            return replicated
        return [*describe(self, db_instance_identifier, **named), *replicated]

    def start(self: Any) -> ActionResult:
        return ActionResult({"DBInstanceAutomatedBackup": _start(self.backend, self.params)})

    def stop(self: Any) -> ActionResult:
        source = self.params["SourceDBInstanceArn"]
        kept = _replicated(self.backend).pop(source, None)
        if kept is None:
            raise RDSClientError("DBInstanceNotFound", f"{source} is not replicated.")
        return ActionResult({"DBInstanceAutomatedBackup": kept})

    def told(self: Any) -> ActionResult:
        found = self.backend.describe_db_instance_automated_backups(
            self.params.get("DBInstanceIdentifier"),
            db_instance_automated_backups_arn=self.params.get("DBInstanceAutomatedBackupsArn"),
        )
        return ActionResult({"DBInstanceAutomatedBackups": found})

    models.RDSBackend.describe_db_instance_automated_backups = (  # type: ignore[method-assign]
        describe_db_instance_automated_backups
    )
    for name, operation in {
        "start_db_instance_automated_backups_replication": start,
        "stop_db_instance_automated_backups_replication": stop,
        "describe_db_instance_automated_backups": told,
    }.items():
        setattr(responses.RDSResponse, name, operation)


def _replicated(backend: Any) -> dict[str, dict[str, Any]]:
    """What a region keeps of other regions' backups, by the source's ARN."""
    return backend.__dict__.setdefault("replicated_backups", {})


def _start(backend: Any, params: Any) -> dict[str, Any]:
    source_arn = params["SourceDBInstanceArn"]
    region, identifier = source_arn.split(":")[3], source_arn.rpartition(":")[2]
    if region == backend.region_name:
        raise RDSClientError("InvalidParameterValue", "The source must be in another region.")
    source = rds_backends[backend.account_id][region].databases.get(identifier)
    if source is None:
        raise RDSClientError("DBInstanceNotFound", f"DBInstance {identifier} not found.")
    if not source.backup_retention_period:
        raise RDSClientError("InvalidDBInstanceState", "The source has no automated backups.")
    if source_arn in _replicated(backend):
        raise RDSClientError("InvalidDBInstanceState", f"{source_arn} is replicated already.")
    days = params.get("BackupRetentionPeriod") or DEFAULT_RETENTION_DAYS
    if days not in RETENTION_DAYS:
        raise RDSClientError("InvalidParameterValue", "BackupRetentionPeriod must be 1 to 35.")
    key = params.get("KmsKeyId")
    if source.storage_encrypted and not key:
        raise RDSClientError("InvalidParameterCombination", "An encrypted source needs a KmsKeyId of this region.")
    mark = mock_random.get_random_string(ID_LENGTH, lower_case=True)
    kept = {
        "DBInstanceArn": source_arn,
        "DBInstanceIdentifier": identifier,
        "DbiResourceId": source.dbi_resource_id,
        "Region": region,
        "Status": "replicating",
        "Engine": source.engine,
        "EngineVersion": source.engine_version,
        "Encrypted": bool(source.storage_encrypted),
        "KmsKeyId": backend._validate_kms_key(key) if key else None,
        "BackupRetentionPeriod": days,
        "DBInstanceAutomatedBackupsArn": (
            f"arn:aws:rds:{backend.region_name}:{backend.account_id}:auto-backup:ab-{mark}"
        ),
    }
    _replicated(backend)[source_arn] = kept
    return kept


PATCHES: Final = (replicate_automated_backups,)
