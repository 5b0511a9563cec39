"""RDS instances: writers and read replicas, within and across regions.

What the real provider does is done in its order: a replica is created, then brought to what its creation cannot say; a
removed `replicateSourceDb` promotes first and changes afterwards; a protected instance is unprotected before it is
deleted only when the program had taken the protection away and wants changes applied immediately.
"""

import re
from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.aws.database_groups import read_tags, write_tags
from localcloud.provider.aws.database_rules import LONGEST_IDENTIFIER, refusals
from localcloud.provider.clients import Cloud
from localcloud.provider.core import CloudIn
from localcloud.provider.values import is_known
from seawall.errors import InvalidInput

RESOURCE_ID: Final = re.compile(r"db-[0-9A-Za-z]{2,255}")

_IAM: Final = "EnableIAMDatabaseAuthentication"
# Input: field of the creation of a writer, of a replica (None: it is changed afterwards), of a change (None: never).
_FIELDS: Final[dict[str, tuple[str | None, str | None, str | None]]] = {
    "allocatedStorage": ("AllocatedStorage", None, "AllocatedStorage"),
    "autoMinorVersionUpgrade": ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
    "availabilityZone": ("AvailabilityZone", "AvailabilityZone", None),
    "backupRetentionPeriod": ("BackupRetentionPeriod", None, "BackupRetentionPeriod"),
    "backupWindow": ("PreferredBackupWindow", None, "PreferredBackupWindow"),
    "caCertIdentifier": ("CACertificateIdentifier", None, "CACertificateIdentifier"),
    "copyTagsToSnapshot": ("CopyTagsToSnapshot", "CopyTagsToSnapshot", "CopyTagsToSnapshot"),
    "dbName": ("DBName", None, None),
    "dbSubnetGroupName": ("DBSubnetGroupName", "DBSubnetGroupName", "DBSubnetGroupName"),
    "deletionProtection": ("DeletionProtection", "DeletionProtection", "DeletionProtection"),
    "engine": ("Engine", None, None),
    "engineVersion": ("EngineVersion", None, "EngineVersion"),
    "iamDatabaseAuthenticationEnabled": (_IAM, _IAM, _IAM),
    "identifier": ("DBInstanceIdentifier", "DBInstanceIdentifier", "NewDBInstanceIdentifier"),
    "instanceClass": ("DBInstanceClass", "DBInstanceClass", "DBInstanceClass"),
    "iops": ("Iops", "Iops", "Iops"),
    "kmsKeyId": ("KmsKeyId", "KmsKeyId", None),
    "maintenanceWindow": ("PreferredMaintenanceWindow", None, "PreferredMaintenanceWindow"),
    "manageMasterUserPassword": ("ManageMasterUserPassword", None, "ManageMasterUserPassword"),
    "maxAllocatedStorage": ("MaxAllocatedStorage", None, "MaxAllocatedStorage"),
    "multiAz": ("MultiAZ", "MultiAZ", "MultiAZ"),
    "parameterGroupName": ("DBParameterGroupName", None, "DBParameterGroupName"),
    "password": ("MasterUserPassword", None, "MasterUserPassword"),
    "port": ("Port", "Port", "DBPortNumber"),
    "publiclyAccessible": ("PubliclyAccessible", "PubliclyAccessible", "PubliclyAccessible"),
    "replicateSourceDb": (None, "SourceDBInstanceIdentifier", None),
    "storageEncrypted": ("StorageEncrypted", None, None),  # a replica is as its source
    "storageThroughput": ("StorageThroughput", "StorageThroughput", "StorageThroughput"),
    "storageType": ("StorageType", "StorageType", "StorageType"),
    "username": ("MasterUsername", None, None),
    "vpcSecurityGroupIds": ("VpcSecurityGroupIds", "VpcSecurityGroupIds", "VpcSecurityGroupIds"),
}
# Left out again, these are off.
_SWITCHES: Final = frozenset({"deletionProtection", "iamDatabaseAuthenticationEnabled", "manageMasterUserPassword"})
_ONLY_OF_A_WRITER: Final = ("dbName", "engine", "username")


def _describe(cloud: Cloud, id_: str) -> Properties | None:
    """The instance, by its resource id, or by its identifier as an import may name it."""
    client = cloud.client("rds")
    if RESOURCE_ID.fullmatch(id_):
        found = client.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [id_]}])["DBInstances"]
        if found:
            return found[0]
    try:
        return client.describe_db_instances(DBInstanceIdentifier=id_)["DBInstances"][0]
    except client.exceptions.DBInstanceNotFoundFault:
        return None


def _there(cloud: Cloud, id_: str) -> Properties:
    found = _describe(cloud, id_)
    if found is None:
        raise LocalCloudError(f"the DB instance {id_} is gone: refresh the stack")
    return found


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    client, replica = cloud.client("rds"), bool(inputs.get("replicateSourceDb"))
    for name in _ONLY_OF_A_WRITER if replica else ():
        if inputs.get(name):
            raise InvalidInput(name, "(given)", allowed="left out", because="a replica has its source's")
    for name in ("allocatedStorage", "engine", "username") if not replica else ():
        if not inputs.get(name):
            raise InvalidInput(name, None, allowed="given", because="without replicateSourceDb this is a writer")
    request = {
        field: inputs[name]
        for name, fields in _FIELDS.items()
        if (field := fields[1 if replica else 0]) and inputs.get(name) is not None
    }
    if not request.get("VpcSecurityGroupIds"):
        request.pop("VpcSecurityGroupIds", None)
    call = client.create_db_instance_read_replica if replica else client.create_db_instance
    return call(**request, Tags=tags.as_list({tags.REFERENCE_TAG: reference}))["DBInstance"]["DbiResourceId"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    for page in cloud.client("rds").get_paginator("describe_db_instances").paginate():
        for instance in page["DBInstances"]:
            if tags.as_map(instance.get("TagList")).get(tags.REFERENCE_TAG) == reference:
                return instance["DbiResourceId"]
    return None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    """For a replica, what its creation cannot say; and the tags."""
    instance = _there(cloud, id_)
    if inputs.get("replicateSourceDb"):
        current = _properties(instance, inputs)
        later = [name for name, fields in _FIELDS.items() if fields[2] and not fields[1] and name != "password"]
        names = [name for name in later if inputs.get(name) is not None and inputs[name] != current.get(name)]
        _modify(cloud, instance, names, {**inputs, "applyImmediately": True})
    write_tags(cloud, instance["DBInstanceArn"], inputs)


def _modify(cloud: Cloud, instance: Properties, names: list[str], inputs: Properties) -> None:
    wanted = {name: False if inputs.get(name) is None and name in _SWITCHES else inputs.get(name) for name in names}
    changes = {str(_FIELDS[name][2]): value for name, value in wanted.items() if value is not None}
    if "maxAllocatedStorage" in names and not inputs.get("maxAllocatedStorage"):  # as large as it is: no autoscaling
        changes["MaxAllocatedStorage"] = inputs.get("allocatedStorage") or instance["AllocatedStorage"]
    if "VpcSecurityGroupIds" in changes and not changes["VpcSecurityGroupIds"]:
        del changes["VpcSecurityGroupIds"]
    if "EngineVersion" in changes:
        changes["AllowMajorVersionUpgrade"] = bool(inputs.get("allowMajorVersionUpgrade"))
    if changes:
        cloud.client("rds").modify_db_instance(
            DBInstanceIdentifier=instance["DBInstanceIdentifier"],
            ApplyImmediately=bool(inputs.get("applyImmediately")),
            **changes,
        )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    instance = _describe(cloud, id_)
    if instance is None:
        return None
    # Nothing tells these on an import; the real provider takes the same.
    imported = {} if known else {"skipFinalSnapshot": True, "deleteAutomatedBackups": True}
    return {**_properties(instance, known), **imported, TAGS_ALL: read_tags(cloud, instance["DBInstanceArn"])}


def _properties(instance: Properties, known: Properties) -> Properties:
    endpoint = instance.get("Endpoint") or {}
    secret = instance.get("MasterUserSecret")
    given, actual = known.get("engineVersion"), instance["EngineVersion"]
    return {
        "allocatedStorage": instance["AllocatedStorage"],
        "autoMinorVersionUpgrade": instance["AutoMinorVersionUpgrade"],
        "availabilityZone": instance.get("AvailabilityZone"),
        "backupRetentionPeriod": instance["BackupRetentionPeriod"],
        "backupWindow": instance.get("PreferredBackupWindow"),
        "caCertIdentifier": instance.get("CACertificateIdentifier"),
        "copyTagsToSnapshot": instance.get("CopyTagsToSnapshot", False),
        "dbName": instance.get("DBName"),
        "dbSubnetGroupName": (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "deletionProtection": instance.get("DeletionProtection", False),
        "engine": instance["Engine"],
        "engineVersion": given if given and is_version_of(given, actual) else actual,
        "iamDatabaseAuthenticationEnabled": instance.get("IAMDatabaseAuthenticationEnabled", False),
        "identifier": instance["DBInstanceIdentifier"],
        "instanceClass": instance["DBInstanceClass"],
        "iops": instance.get("Iops"),
        "kmsKeyId": instance.get("KmsKeyId"),
        "maintenanceWindow": instance.get("PreferredMaintenanceWindow"),
        "manageMasterUserPassword": True if secret else None,
        "maxAllocatedStorage": instance.get("MaxAllocatedStorage"),
        "multiAz": instance["MultiAZ"],
        "parameterGroupName": next(
            (one["DBParameterGroupName"] for one in instance.get("DBParameterGroups", [])), None
        ),
        "port": endpoint.get("Port") or instance.get("DbInstancePort"),
        "publiclyAccessible": instance.get("PubliclyAccessible", False),
        "replicateSourceDb": instance.get("ReadReplicaSourceDBInstanceIdentifier"),
        "storageEncrypted": instance.get("StorageEncrypted", False),
        "storageThroughput": instance.get("StorageThroughput"),
        "storageType": instance.get("StorageType"),
        "username": instance.get("MasterUsername"),
        "vpcSecurityGroupIds": sorted(one["VpcSecurityGroupId"] for one in instance.get("VpcSecurityGroups", [])),
        "address": endpoint.get("Address"),
        "arn": instance["DBInstanceArn"],
        "endpoint": f"{endpoint['Address']}:{endpoint['Port']}" if endpoint else None,
        "engineVersionActual": actual,
        "hostedZoneId": endpoint.get("HostedZoneId"),
        "masterUserSecrets": [_secret(secret)] if secret else [],
        "replicas": instance.get("ReadReplicaDBInstanceIdentifiers", []),
        "resourceId": instance["DbiResourceId"],
        "status": instance["DBInstanceStatus"],
    }


def _secret(secret: Properties) -> Properties:
    fields = {"kmsKeyId": "KmsKeyId", "secretArn": "SecretArn", "secretStatus": "SecretStatus"}
    return {name: secret[field] for name, field in fields.items() if field in secret}


def is_version_of(given: str, actual: str) -> bool:
    """Whether the version that is running is one of those that was asked for: 17.4 is of 17."""
    return actual == given or actual.startswith(f"{given}.")


def _source(value: Any) -> Any:
    """Normalizer: a source by its ARN or its identifier."""
    return value.rpartition(":")[2] if isinstance(value, str) else value


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    instance = _there(cloud, id_)
    before, after = state.get("replicateSourceDb"), inputs.get("replicateSourceDb")
    if _source(before) != _source(after):
        if after:
            raise LocalCloudError(
                "replicateSourceDb: cannot elect new source database for replication: an instance that is no replica of"
                " it cannot become one in place"
            )
        _promote(cloud, instance, inputs)
    changed = [
        name
        for name, fields in _FIELDS.items()
        if fields[2] and INSTANCE.normal(name, inputs.get(name)) != INSTANCE.normal(name, state.get(name))
    ]
    _modify(cloud, instance, [name for name in changed if name in inputs or name not in INSTANCE.keeps], inputs)
    write_tags(cloud, _there(cloud, instance["DbiResourceId"])["DBInstanceArn"], inputs)


def _promote(cloud: Cloud, instance: Properties, inputs: Properties) -> None:
    fields = {"backupRetentionPeriod": "BackupRetentionPeriod", "backupWindow": "PreferredBackupWindow"}
    backups = {field: inputs[name] for name, field in fields.items() if inputs.get(name) is not None}
    cloud.client("rds").promote_read_replica(DBInstanceIdentifier=instance["DBInstanceIdentifier"], **backups)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    instance = _describe(cloud, id_)
    if instance is None:
        return
    client, identifier = cloud.client("rds"), instance["DBInstanceIdentifier"]
    request: dict[str, Any] = {
        "DBInstanceIdentifier": identifier,
        "DeleteAutomatedBackups": state.get("deleteAutomatedBackups", True),
        "SkipFinalSnapshot": bool(state.get("skipFinalSnapshot")),
    }
    if not request["SkipFinalSnapshot"]:
        if not state.get("finalSnapshotIdentifier"):
            raise InvalidInput(
                "finalSnapshotIdentifier",
                None,
                allowed="given",
                because="skipFinalSnapshot = false asks for a snapshot",
            )
        request["FinalDBSnapshotIdentifier"] = state["finalSnapshotIdentifier"]
    if instance.get("DeletionProtection") and not state.get("deletionProtection") and state.get("applyImmediately"):
        client.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
    client.delete_db_instance(**request)


# What `aws.rds.get_instance()` calls otherwise than the resource does.
_CALLED: Final = {
    "backupWindow": "preferredBackupWindow",
    "arn": "dbInstanceArn",
    "dbSubnetGroupName": "dbSubnetGroup",
    "engineVersionActual": "engineVersion",
    "identifier": "dbInstanceIdentifier",
    "instanceClass": "dbInstanceClass",
    "maintenanceWindow": "preferredMaintenanceWindow",
    "username": "masterUsername",
    "vpcSecurityGroupIds": "vpcSecurityGroups",
}
_UNTOLD: Final = frozenset(
    {*("copyTagsToSnapshot", "deletionProtection", "iamDatabaseAuthenticationEnabled", "manageMasterUserPassword")}
    | {"engineVersion", "parameterGroupName", "replicas", "status"}
)


def get_instance(cloud_in: CloudIn, arguments: Properties) -> Properties:
    """What `aws.rds.get_instance()` asks. An instance that does not exist is an error."""
    cloud, identifier = cloud_in(arguments.get("region") or ""), arguments.get("dbInstanceIdentifier")
    if not identifier:
        raise LocalCloudError("getInstance: give the dbInstanceIdentifier; the local cloud does not search by tags")
    instance = _there(cloud, identifier)
    told = {name: value for name, value in _properties(instance, {}).items() if name not in _UNTOLD}
    return {
        **{_CALLED.get(name, name): value for name, value in told.items() if value is not None},
        "id": instance["DBInstanceIdentifier"],
        "dbInstancePort": told["port"],
        "dbParameterGroups": [one["DBParameterGroupName"] for one in instance.get("DBParameterGroups", [])],
        "replicateSourceDb": told["replicateSourceDb"] or "",
        "tags": read_tags(cloud, instance["DBInstanceArn"]),
        "region": cloud.region,
    }


INSTANCE: Final = Adapter(
    resource_type="aws:rds/instance:Instance",
    inputs={
        **dict.fromkeys(_FIELDS, str),
        **dict.fromkeys(("allocatedStorage", "backupRetentionPeriod", "iops", "maxAllocatedStorage"), int),
        **dict.fromkeys(("port", "storageThroughput"), int),
        **dict.fromkeys(("autoMinorVersionUpgrade", "copyTagsToSnapshot", "deletionProtection"), bool),
        **dict.fromkeys(("iamDatabaseAuthenticationEnabled", "manageMasterUserPassword", "multiAz"), bool),
        **dict.fromkeys(("publiclyAccessible", "storageEncrypted"), bool),
        **dict.fromkeys(("allowMajorVersionUpgrade", "applyImmediately", "deleteAutomatedBackups"), bool),
        "finalSnapshotIdentifier": str,
        "skipFinalSnapshot": bool,
        "tags": dict,
        "vpcSecurityGroupIds": [str],
    },
    required=frozenset({"instanceClass"}),
    defaults={
        "autoMinorVersionUpgrade": True,
        "copyTagsToSnapshot": False,
        "deleteAutomatedBackups": True,
        "publiclyAccessible": False,
        "skipFinalSnapshot": False,
    },
    autoname=Autoname(property="identifier", longest=LONGEST_IDENTIFIER),
    replaces=frozenset({"availabilityZone", "dbName", "engine", "kmsKeyId", "storageEncrypted", "username"}),
    keeps=frozenset(
        {
            *("allocatedStorage", "applyImmediately", "availabilityZone", "backupRetentionPeriod", "backupWindow"),
            *("caCertIdentifier", "dbName", "dbSubnetGroupName", "engine", "engineVersion", "identifier", "iops"),
            *("kmsKeyId", "maintenanceWindow", "multiAz", "parameterGroupName", "port", "storageThroughput"),
            *("storageType", "username", "vpcSecurityGroupIds"),
        }
    ),
    write_only=frozenset(
        {
            *("allowMajorVersionUpgrade", "applyImmediately", "deleteAutomatedBackups", "finalSnapshotIdentifier"),
            *("password", "skipFinalSnapshot"),
        }
    ),
    computed=frozenset(
        {
            *("address", "arn", "endpoint", "engineVersionActual", "hostedZoneId", "masterUserSecrets", "replicas"),
            *("resourceId", "status"),
        }
    ),
    normalizers={
        "maintenanceWindow": lambda window: window.lower() if isinstance(window, str) else window,
        "replicateSourceDb": _source,
        "vpcSecurityGroupIds": lambda ids: as_set(ids) if is_known(ids) else ids,
    },
    absent_codes=frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"}),
    refusals=refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
