"""RDS: instances that are told apart, and replicas that are instances of their own."""

import hashlib
import string
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from moto.moto_api._internal import mock_random
from moto.rds import models
from moto.rds.exceptions import DBInstanceNotFoundError, RDSClientError

from localcloud.moto_patches import rds_backups, rds_groups

RESOURCE_ID_CHARACTERS: Final = string.ascii_uppercase + string.digits
RESOURCE_ID_LENGTH: Final = 26
ZONE_ID_LENGTH: Final = 14  # of the hosted zone that holds the names of a region's instances
# RDS takes its current default minor version of a major one. Which that is changes; here it is always this one.
DEFAULT_MINOR: Final = "4"
DEFAULT_MAJORS: Final = {"postgres": "17", "mysql": "8.4", "mariadb": "11.4"}  # moto's are ten years old
MAJOR_PARTS: Final = {"postgres": 1, "mysql": 2, "mariadb": 2}  # how many numbers name a major version
# What a replica gets when its creation does not say: never the source's, with AWS's value.
REPLICA_DEFAULTS: Final[dict[str, Any]] = {
    "multi_az": False,
    "backup_retention_period": 0,
    "deletion_protection": False,
}


def give_each_instance_its_resource_id() -> None:
    """moto gives every instance the same DbiResourceId. AWS: unique in a region, and kept for the instance's life."""
    original: Callable[..., None] = models.DBInstance.__init__

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.dbi_resource_id = _resource_id()

    models.DBInstance.__init__ = init  # type: ignore[method-assign]


def name_automated_snapshots_apart() -> None:
    """moto names them by the minute, so an instance that is deleted and made again at once clashes with its own."""
    original: Any = models.RDSBackend.create_auto_snapshot

    def create(self: Any, db_instance_identifier: str, db_snapshot_identifier: str) -> Any:
        name, count = db_snapshot_identifier, 1
        while name in self.database_snapshots:
            count += 1
            name = f"{db_snapshot_identifier}-{count}"
        return original(self, db_instance_identifier, name)

    models.RDSBackend.create_auto_snapshot = create  # type: ignore[method-assign]


def name_the_zone_of_each_endpoint() -> None:
    """moto's endpoints lack the hosted zone that an alias record needs. AWS: one for each region; this one is made up."""

    def endpoint(self: Any) -> dict[str, Any]:
        digest = hashlib.sha256(self.region.encode()).hexdigest().upper()
        return {"Address": self.address, "Port": self.port, "HostedZoneId": f"Z{digest[: ZONE_ID_LENGTH - 1]}"}

    models.DBInstance.endpoint = property(endpoint)  # type: ignore[method-assign,assignment]


def complete_major_versions() -> None:
    """moto keeps a major version as it is given, and takes its parameter group's family for the engine alone.

    AWS: "17" becomes the full version that is the default of that major one.
    """
    original: Any = models.DBInstance.engine_version

    def keep(self: Any, value: str) -> None:
        original.fset(self, full_version(self.engine, value))

    models.DBInstance.engine_version = original.setter(keep)  # type: ignore[method-assign]
    models.DBInstance.default_engine_versions.update(DEFAULT_MAJORS)


def full_version(engine: str, version: str) -> str:
    """The version, with a minor one when it is only a major one."""
    parts = MAJOR_PARTS.get(engine)
    return f"{version}.{DEFAULT_MINOR}" if parts is not None and version.count(".") < parts else version


def major_version(engine: str, version: str) -> str:
    """The major version of a version."""
    return ".".join(version.split(".")[: MAJOR_PARTS.get(engine, 1)])


def check_keys_of_new_instances() -> None:
    """moto encrypts with any key, one that does not exist too. AWS: the key is of the region and usable."""
    original: Callable[..., Any] = models.RDSBackend.create_db_instance

    def create_db_instance(self: Any, db_kwargs: dict[str, Any]) -> Any:
        key = db_kwargs.get("kms_key_id")
        if not key:
            return original(self, db_kwargs)
        if not db_kwargs.get("storage_encrypted"):
            raise RDSClientError("InvalidParameterCombination", "A KmsKeyId needs StorageEncrypted.")
        return original(self, {**db_kwargs, "kms_key_id": self._validate_kms_key(key)})

    models.RDSBackend.create_db_instance = create_db_instance  # type: ignore[method-assign]


def hold_changes_to_their_rules() -> None:
    """moto changes what AWS refuses to, and does not change the port.

    AWS: a source of replicas keeps its automated backups; another major version needs AllowMajorVersionUpgrade, and no
    version is lower than before.
    """
    original: Callable[..., Any] = models.RDSBackend.modify_db_instance

    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        if db_kwargs.get("backup_retention_period") == 0 and database.replicas:
            raise RDSClientError(
                "InvalidDBInstanceState", "Automated backups cannot be turned off on a DB instance with read replicas."
            )
        version = db_kwargs.get("engine_version")
        if version:
            _check_upgrade(database, version, allowed=bool(db_kwargs.get("allow_major_version_upgrade")))
        port = db_kwargs.pop("db_port_number", None)
        changed = original(self, db_instance_identifier, db_kwargs)
        if port is not None:
            changed.port = port
        return changed

    models.RDSBackend.modify_db_instance = modify_db_instance  # type: ignore[method-assign]


def _check_upgrade(database: Any, version: str, *, allowed: bool) -> None:
    engine, before = database.engine, database.engine_version
    if engine not in MAJOR_PARTS:
        return
    wanted = full_version(engine, version)
    if [int(part) for part in wanted.split(".")] < [int(part) for part in before.split(".")]:
        raise RDSClientError("InvalidParameterCombination", f"Cannot upgrade {engine} from {before} to {wanted}.")
    if major_version(engine, wanted) != major_version(engine, before) and not allowed:
        raise RDSClientError(
            "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        )


def make_replicas_instances_of_their_own() -> None:
    """moto copies the source, with all that is set on it.

    Fault: a replica has its source's Multi-AZ, backup retention and deletion protection; across regions its subnet
    group, zone, security groups and parameter group too, which do not exist there (a KeyError, after which nothing can
    be listed in that region). AWS: those start at their defaults; within a region networking and parameters are
    inherited. The source needs automated backups. An encrypted source's replica in another region needs a key of that
    region, an unencrypted source has no encrypted replica, one with a managed master password has none at all.
    """

    def create_db_instance_read_replica(self: Any, db_kwargs: dict[str, Any]) -> Any:
        identifier = db_kwargs["db_instance_identifier"]
        if identifier in self.databases:
            raise RDSClientError("DBInstanceAlreadyExists", "DB instance already exists")
        source = self.find_db_from_id(db_kwargs["source_db_instance_identifier"])
        if not source.backup_retention_period:
            raise RDSClientError(
                "InvalidDBInstanceState",
                "Automated backups are not enabled for this database instance. To enable automated backups, use "
                "ModifyDBInstance to set the backup retention period to a non-zero value.",
            )
        if source.manage_master_user_password and not source.engine.startswith("sqlserver"):
            raise RDSClientError(
                "InvalidDBInstanceState", "A DB instance whose master password RDS manages cannot have read replicas."
            )
        far = source.region != self.region_name
        key = _replica_key(self, source, db_kwargs.get("kms_key_id"), far=far)
        inherited = {} if far else _inherited(source)
        asked = {name: value for name, value in db_kwargs.items() if value is not None and name != "kms_key_id"}
        own = {
            "db_instance_class": source.db_instance_class,
            "allocated_storage": source.allocated_storage,
            "storage_type": source.storage_type,
            "iops": source.iops,
            "port": source.port,
            "auto_minor_version_upgrade": source.auto_minor_version_upgrade,
            "copy_tags_to_snapshot": source.copy_tags_to_snapshot,
            "ca_certificate_identifier": source.ca_certificate_identifier,
            **REPLICA_DEFAULTS,
            **inherited,
            **asked,
            "engine": source.engine,
            "engine_version": source.engine_version,
            "master_username": source.master_username,
            "master_user_password": source._master_user_password,
            "db_name": source.db_name,
            "storage_encrypted": source.storage_encrypted,
            **({"kms_key_id": key} if key else {}),
        }
        replica: Any = models.DBInstance(self, **{name: value for name, value in own.items() if value is not None})
        replica.set_as_replica()
        self.databases[identifier] = replica
        source.add_replica(replica)
        return replica

    models.RDSBackend.create_db_instance_read_replica = create_db_instance_read_replica  # type: ignore[method-assign]


def delete_either_side_of_a_replication() -> None:
    """moto cannot delete a replica in another region, nor any replica whose source is gone.

    Fault: an internal server error, since the source knows the replica by its ARN and is asked for its name. AWS: the
    source forgets the replica; when a source is deleted its replicas go on as instances of their own.
    """

    def remove_replica(self: Any, replica: Any) -> None:
        names = (replica.db_instance_identifier, replica.db_instance_arn)
        self.replicas = [known for known in self.replicas if known not in names]

    original: Callable[..., Any] = models.RDSBackend.delete_db_instance

    def delete_db_instance(self: Any, db_instance_identifier: str, *arguments: Any, **named: Any) -> Any:
        leaving = self.databases.get(db_instance_identifier)
        replicas = list(leaving.replicas) if leaving is not None else []
        if leaving is not None and leaving.is_replica:
            try:
                self.find_db_from_id(leaving.source_db_instance_identifier)
            except DBInstanceNotFoundError:
                _let_go(leaving)
        deleted = original(self, db_instance_identifier, *arguments, **named)
        for replica in replicas:
            with suppress(DBInstanceNotFoundError):
                _let_go(self.find_db_from_id(replica))
        return deleted

    models.DBInstance.remove_replica = remove_replica  # type: ignore[method-assign]
    models.RDSBackend.delete_db_instance = delete_db_instance  # type: ignore[method-assign]


def promote_replicas_only() -> None:
    """moto keeps the source on both sides after a promotion, and promotes what is no replica.

    AWS: neither side names the other any more; promoting anything else is InvalidDBInstanceState.
    """

    def promote_read_replica(self: Any, db_kwargs: dict[str, Any]) -> Any:
        replica = self.find_db_from_id(db_kwargs["db_instance_identifier"])
        if not replica.is_replica:
            raise RDSClientError("InvalidDBInstanceState", "DB Instance is not a read replica.")
        with suppress(DBInstanceNotFoundError):
            self.find_db_from_id(replica.source_db_instance_identifier).remove_replica(replica)
        _let_go(replica)
        replica.update(**db_kwargs)
        return replica

    models.RDSBackend.promote_read_replica = promote_read_replica  # type: ignore[method-assign]


def _resource_id() -> str:
    return "db-" + "".join(mock_random.choice(RESOURCE_ID_CHARACTERS) for _ in range(RESOURCE_ID_LENGTH))


def _let_go(replica: Any) -> None:
    replica.is_replica = False
    replica.source_db_instance_identifier = None


def _inherited(source: Any) -> dict[str, Any]:
    """What a replica in the source's region has of it."""
    return {
        "db_subnet_group_name": source._db_subnet_group_name,
        "vpc_security_group_ids": list(source.vpc_security_group_ids or []),
        "db_parameter_group_name": source.db_parameter_group_name,
        "option_group_name": source.option_group_name if source.option_group_supplied else None,
        "kms_key_id": source.kms_key_id if source.storage_encrypted else None,
    }


def _replica_key(backend: Any, source: Any, key: str | None, *, far: bool) -> str | None:
    """The key of a replica's storage, if the creation names one.

    Raises:
        RDSClientError: a key is missing, of another region, or has nothing to encrypt.
    """
    if key is None:
        if far and source.storage_encrypted:
            raise RDSClientError(
                "InvalidParameterCombination",
                "A replica of an encrypted DB instance in another region needs a KmsKeyId of that region.",
            )
        return None
    if not source.storage_encrypted:
        raise RDSClientError(
            "InvalidParameterCombination", "A replica of an unencrypted DB instance cannot be encrypted."
        )
    if key.startswith("arn:") and key.split(":")[3] != backend.region_name:
        raise RDSClientError("KMSKeyNotAccessibleFault", f"The key {key} is not in the region {backend.region_name}.")
    return backend._validate_kms_key(key)


PATCHES: Final = (
    give_each_instance_its_resource_id,
    name_automated_snapshots_apart,
    name_the_zone_of_each_endpoint,
    complete_major_versions,
    check_keys_of_new_instances,
    hold_changes_to_their_rules,
    make_replicas_instances_of_their_own,
    delete_either_side_of_a_replication,
    promote_replicas_only,
    *rds_groups.PATCHES,
    *rds_backups.PATCHES,
)
