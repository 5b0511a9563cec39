"""Arguments of `BackupReplication`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._database_args import MissingData, SpanArgs
from pulumi_seawall._failover_args import ObjectivesArgs, WaiverArgs


class BackupReplicationImportIds(TypedDict):
    """Existing resources to adopt."""

    replication: NotRequired[str]
    """ARN of the replicated automated backups, in the destination region."""
    key: NotRequired[str]
    """Id of the KMS key in the destination region."""
    key_alias: NotRequired[str]
    """Name of its alias, e.g. `alias/shop-backups`."""
    age_alarm: NotRequired[str]
    """Name of the alarm."""


class BackupReplicationArgs(TypedDict):
    """Automated backups of one RDS instance, kept in another region too: every second of the last days, out of reach of
    what takes the source's region."""

    source_arn: pulumi.Input[str]
    """ARN of the instance: encrypted, and with automated backups."""
    source_region: str
    """The instance's region; a change of it, or of the source, builds the replica anew."""
    region: str
    """Where the backups are replicated to: another region."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """An existing key of the destination region; without it one is declared."""
    retention_days: NotRequired[int]
    """Days, 1 to 35, kept in the destination; default 7. It is not the source's own retention."""
    missing_data: MissingData
    """What the alarm makes of missing data: nothing measures the age of the newest replicated backup unless
    `seawall backups publish-age` (or your own) runs; `breaching` rings until it does."""
    age_limit_seconds: NotRequired[float]
    """Seconds behind now above which the alarm rings; default 1800. RDS uploads logs every five minutes."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics of the destination region."""
    objectives: NotRequired[ObjectivesArgs]
    """What the service promises; what this cannot meet in the loss of the source's region is refused."""
    waivers: NotRequired[list[WaiverArgs]]
    """Objectives that are known not to be met, each until a date; with `objectives`."""
    restore_seconds: NotRequired[SpanArgs]
    """Of a replicated backup into a new instance; assumed 1800 to 14 400."""
    keep_backups: NotRequired[bool]
    """Whether the key stays when this is destroyed, as the backups do until they expire; default yes."""
    import_ids: NotRequired[BackupReplicationImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for everything that has tags, beside `Name` and `seawall:component`."""
