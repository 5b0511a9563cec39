"""What an RDS instance was, as a replica in its place has to be made: names, tags and settings. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from seawall.errors import InvalidInput, StepRefused
from seawall_ops.failover.plans.rds_networks import port_of
from seawall_ops.failover.plans.rds_waiting import (
    AVAILABLE,
    Judgment,
    Progress,
    ended_badly,
    region_of,
    source_of,
    status_of,
    tags_of,
)

__all__ = [
    "LONGEST_NAME",
    "OURS",
    "closed_off",
    "creation",
    "groups_of",
    "is_replaced",
    "kept_name",
    "marks",
    "noted_name",
    "replaced",
    "settled",
    "storage_of",
    "unsettled",
]

LONGEST_NAME: Final = 63  # characters of an instance's identifier, RDS; 15 with SQL Server, which is none of ours
DIGEST: Final = 8  # characters that keep two shortened names apart
BEFORE: Final = "-before-"
LONGEST_STEM: Final = (
    LONGEST_NAME - len(BEFORE) - DIGEST
)  # of a name: the same in every operation, for policies to name it
LONGEST_TAG: Final = 256  # characters of a tag's value
OURS: Final = "seawall:replaced"  # before all tags of an instance that was put aside
OPERATION: Final = f"{OURS}:by"
GROUPS: Final = f"{OURS}:security-groups"
PROTECTED: Final = f"{OURS}:deletion-protection"
OF_AWS: Final = "aws:"  # tags that only AWS may set
WITH_OPTIONS: Final = ("mysql", "mariadb")  # PostgreSQL has no option groups but the default one
DEFAULT_GROUP: Final = "default:"
GENERAL_STORAGE: Final = "gp3"
STRIPED_GIB: Final = 400  # RDS user guide, gp3: below it neither IOPS nor throughput can be asked for
IN_SYNC: Final = "in-sync"
CREATING: Final = "creating"


def kept_name(identifier: str, operation: str) -> str:
    """The name under which an old writer is kept: `<name>-before-<operation>`, shortened by a digest where it is too long.

    Raises:
        InvalidInput: Nothing of the operation's id can stand in a name.
    """
    told = re.sub(r"[^a-z0-9]+", "-", operation.lower()).strip("-")
    if not told:
        raise InvalidInput("operation", operation, allowed="an id with letters or digits, for an instance's name")
    stem, whole = identifier[:LONGEST_STEM].rstrip("-"), f"{identifier}{BEFORE}{told}"
    if stem == identifier and len(whole) <= LONGEST_NAME:
        return whole
    return f"{stem}{BEFORE}{hashlib.sha256(whole.encode()).hexdigest()[:DIGEST]}"


def groups_of(instance: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of its security groups, as RDS lists them now."""
    return tuple(each["VpcSecurityGroupId"] for each in instance.get("VpcSecurityGroups") or ())


def marks(identifier: str, operation: str, instance: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an old writer that is about to be put aside: by whom, and what of it is changed, as it was.

    What an earlier call has noted stays, of another operation, too: it may have begun to change groups and name by now.

    Raises:
        StepRefused: Its groups do not fit into a tag, or it has none.
    """
    known = tags_of(instance)
    groups = known.get(GROUPS) or " ".join(groups_of(instance))
    if not groups or len(groups) > LONGEST_TAG:
        raise StepRefused(f"the security groups of {identifier} cannot be noted in a tag: {groups or 'there are none'}")
    protected = known.get(PROTECTED) or str(bool(instance.get("DeletionProtection"))).lower()
    return {OURS: identifier, OPERATION: known.get(OPERATION, operation), GROUPS: groups, PROTECTED: protected}


def replaced(identifier: str, instances: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The instance that was put aside last and had that name: no two of them have had it at the same time."""
    found = [
        each
        for each in instances
        if tags_of(each).get(OURS) == identifier and each["DBInstanceIdentifier"] != identifier
    ]
    return max(found, key=lambda each: str(each.get("InstanceCreateTime", "")), default=None)


def noted_name(noted: Mapping[str, str]) -> str:
    """The name under which an instance with these tags is kept."""
    return kept_name(noted[OURS], noted[OPERATION])


def is_replaced(instance: Mapping[str, Any]) -> bool:
    """Whether what has a member's name is what was there before, at whatever RDS is with it: a replica that is being made bears
    none of our tags, and names its source at the latest when it is there."""
    return OURS in tags_of(instance) or (source_of(instance) is None and status_of(instance) != CREATING)


def closed_off(instance: Mapping[str, Any], group: str) -> Judgment:
    """Whether a security group without rules is all that an instance has, and nobody can delete it unawares."""
    status, known = status_of(instance), instance.get("VpcSecurityGroups") or ()
    alone = [(each["VpcSecurityGroupId"], each.get("Status")) for each in known] == [(group, "active")]
    if alone and instance.get("DeletionProtection"):
        return Judgment(Progress.DONE, f"{status}, and lets nobody in")
    shown = f"{status}, its security groups are {', '.join(groups_of(instance)) or 'none'}"
    return Judgment(Progress.FAILED if ended_badly(status) else Progress.UNDER_WAY, shown)


def creation(identifier: str, old: Mapping[str, Any], source: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The parameters of `CreateDBInstanceReadReplica`, for a replica with all that the old instance had.

    A PostgreSQL replica takes no parameter group at its creation, and no replica a maintenance window: see `unsettled`.

    Args:
        identifier: Of the replica.
        old: As RDS describes it.
        source: Of the replica, described likewise.
        region: Of the replica.

    Raises:
        StepRefused: RDS does not say where the old one listens.
    """
    known, source_arn = tags_of(old), str(source["DBInstanceArn"])
    tags = [
        {"Key": key, "Value": value}
        for key, value in known.items()
        if not key.startswith(OF_AWS) and not key.startswith(OURS)
    ]
    given: dict[str, Any] = {
        "DBInstanceIdentifier": identifier,
        "SourceDBInstanceIdentifier": source_arn,
        "DBInstanceClass": old["DBInstanceClass"],
        "Port": port_of(old),
        "MultiAZ": bool(old.get("MultiAZ")),
        "DBSubnetGroupName": old["DBSubnetGroup"]["DBSubnetGroupName"],
        "VpcSecurityGroupIds": known.get(GROUPS, "").split() or list(groups_of(old)),
        "AutoMinorVersionUpgrade": bool(old.get("AutoMinorVersionUpgrade")),
        "PubliclyAccessible": bool(old.get("PubliclyAccessible")),
        "CopyTagsToSnapshot": bool(old.get("CopyTagsToSnapshot")),
        "EnableIAMDatabaseAuthentication": bool(old.get("IAMDatabaseAuthenticationEnabled")),
        "DeletionProtection": known.get(PROTECTED, str(bool(old.get("DeletionProtection"))).lower()) == "true",
        "Tags": tags,
    }
    for key in ("StorageType", "MaxAllocatedStorage", "NetworkType", "CACertificateIdentifier", "DatabaseInsightsMode"):
        if old.get(key):
            given[key] = old[key]
    for key in ("ProcessorFeatures", "DedicatedLogVolume"):
        if old.get(key):
            given[key] = old[key]
    if old.get("EnabledCloudwatchLogsExports"):
        given["EnableCloudwatchLogsExports"] = list(old["EnabledCloudwatchLogsExports"])
    given |= _storage(old, source) | _watched(old) | _options(old)
    if old.get("StorageEncrypted"):
        given["KmsKeyId"] = old["KmsKeyId"]
    source_region = region_of(source_arn)
    if source_region != region:
        given["SourceRegion"] = source_region
    return given


def storage_of(old: Mapping[str, Any], source: Mapping[str, Any]) -> int:
    """What a replica is to have, in GiB: the larger of both, 0 where RDS names neither."""
    return max(int(old.get("AllocatedStorage") or 0), int(source.get("AllocatedStorage") or 0))


def _storage(old: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """As much as the old one had, and never less than the source has."""
    size = storage_of(old, source)
    found: dict[str, Any] = {"AllocatedStorage": size} if size else {}
    if old.get("StorageType") == GENERAL_STORAGE and size < STRIPED_GIB:
        return found
    if old.get("Iops"):
        found["Iops"] = old["Iops"]
    if old.get("StorageThroughput"):
        found["StorageThroughput"] = old["StorageThroughput"]
    return found


def _watched(old: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if old.get("MonitoringInterval"):
        found |= {"MonitoringInterval": old["MonitoringInterval"], "MonitoringRoleArn": old["MonitoringRoleArn"]}
    if old.get("PerformanceInsightsEnabled"):
        found["EnablePerformanceInsights"] = True
        for key in ("PerformanceInsightsKMSKeyId", "PerformanceInsightsRetentionPeriod"):
            if old.get(key):
                found[key] = old[key]
    return found


def _options(old: Mapping[str, Any]) -> dict[str, Any]:
    if old.get("Engine") not in WITH_OPTIONS:
        return {}
    names = [each["OptionGroupName"] for each in old.get("OptionGroupMemberships") or ()]
    own = [each for each in names if not each.startswith(DEFAULT_GROUP)]
    return {"OptionGroupName": own[0]} if own else {}


def _parameter_groups(instance: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    return cast("Sequence[Mapping[str, str]]", instance.get("DBParameterGroups") or ())


def unsettled(replica: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """What of the old instance's settings the replica can only be given once it is there; parameters of `ModifyDBInstance`."""
    found: dict[str, Any] = {}
    wanted = [each["DBParameterGroupName"] for each in _parameter_groups(old)]
    has = [each["DBParameterGroupName"] for each in _parameter_groups(replica)]
    if wanted and wanted != has:
        found["DBParameterGroupName"] = wanted[0]
    window = old.get("PreferredMaintenanceWindow")
    if window and window != replica.get("PreferredMaintenanceWindow"):
        found["PreferredMaintenanceWindow"] = window
    return found


def settled(replica: Mapping[str, Any], old: Mapping[str, Any]) -> Judgment:
    """Whether it has all of them, and its parameters are those in use: static ones wait for a reboot."""
    status, missing = status_of(replica), ", ".join(unsettled(replica, old))
    if missing:
        return Judgment(Progress.UNDER_WAY, f"{status}, and not yet given its {missing}")
    for each in _parameter_groups(replica):
        if each.get("ParameterApplyStatus", IN_SYNC) != IN_SYNC:
            return Judgment(Progress.UNDER_WAY, f"{status}, and its parameters are {each['ParameterApplyStatus']}")
    return Judgment(Progress.DONE if status == AVAILABLE else Progress.UNDER_WAY, status)
