"""Arguments of `BackupPlan`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._database_args import SpanArgs
from pulumi_seawall._failover_args import ObjectivesArgs, WaiverArgs


class BackupResourceType(Enum):
    """What is backed up, by AWS Backup's own names. Each brings the permissions that AWS documents for it, and no more."""

    RDS = "RDS"
    DYNAMODB = "DynamoDB"
    EBS = "EBS"
    EFS = "EFS"


class VaultLockMode(Enum):
    """Who can take a vault's lock away."""

    GOVERNANCE = "governance"
    """Whoever has the permission to."""
    COMPLIANCE = "compliance"
    """Nobody, not AWS either, once `changeable_for_days` are over: neither the lock nor a backup can go before its time."""


class RestoreAlgorithm(Enum):
    """Which backup a restore test takes."""

    LATEST = "LATEST_WITHIN_WINDOW"
    RANDOM = "RANDOM_WITHIN_WINDOW"


class VaultLockArgs(TypedDict):
    """For how long a vault keeps what is in it. A backup whose retention is outside fails: rules are held against it."""

    min_retention_days: int
    """Days, 1 to 36 500: nobody deletes a backup earlier."""
    max_retention_days: int
    """Days, at least `min_retention_days`, at most 36 500: nothing is kept, and paid for, longer."""
    mode: NotRequired[VaultLockMode]
    """Default `governance`. `compliance` cannot be undone and must be asked for by name."""
    changeable_for_days: NotRequired[int]
    """Days, 3 to 36 500, until a compliance lock can no longer be changed; required with `compliance`, refused without."""


class BackupVaultImportIds(TypedDict):
    """Existing resources of one region to adopt. A key is imported by its id, an alias by its name, the rest by the
    vault's name."""

    key: NotRequired[str]
    """Id of the vault's KMS key."""
    key_alias: NotRequired[str]
    """Name of its alias, e.g. `alias/backups`."""
    vault: NotRequired[str]
    """Name of the vault."""
    lock: NotRequired[str]
    """Name of the vault whose lock is adopted."""
    policy: NotRequired[str]
    """Name of the vault whose access policy is adopted."""
    notifications: NotRequired[str]
    """Name of the vault whose notifications are adopted."""
    region_settings: NotRequired[str]
    """The region's name."""


class BackupVaultArgs(TypedDict):
    """The vault of one region."""

    region: str
    """AWS region; each once."""
    name: NotRequired[str]
    """2 to 50 letters, digits, hyphens and underscores. Default: project, stack and component, cut to fit."""
    existing_arn: NotRequired[str]
    """ARN of a vault of this account that exists and stays whose it is: nothing of it is declared. Then `kms_key_arn` is its
    customer key, and `lock` says what its lock is."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """An existing customer key of this region; without it one is declared."""
    lock: NotRequired[VaultLockArgs]
    """The vault's lock. Default: governance, from the shortest to the longest retention in the plan's vaults."""
    unlocked_because: NotRequired[str]
    """One line, instead of a lock: why anybody with the permission may delete backups at any time."""
    deleters: NotRequired[list[pulumi.Input[str]]]
    """ARNs of the principals that may delete single backups before their time, as far as the lock lets them; default
    nobody. Expiry is not affected."""
    copies_from_accounts: NotRequired[list[str]]
    """Ids of other accounts that may copy into this vault; 12 digits each."""
    notification_topic_arn: NotRequired[pulumi.Input[str]]
    """An SNS topic of this region to which AWS Backup writes what becomes of jobs; the topic's policy must let
    `backup.amazonaws.com` publish."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics of this region, for this region's alarms."""
    opt_in: NotRequired[dict[str, bool]]
    """Every resource type that AWS Backup knows in this region (`aws backup describe-region-settings`), and whether it looks
    after it. The setting is the account's, and whole: what is left out shows as a change. A selection by tags needs it."""
    import_ids: NotRequired[BackupVaultImportIds]
    """Existing resources to adopt."""


class BackupCopyArgs(TypedDict):
    """A further place for a rule's backups: `region` for a vault of this plan, or `vault_arn` for another one."""

    region: NotRequired[str]
    """Region of a vault of this plan."""
    vault_arn: NotRequired[str]
    """ARN of a vault elsewhere, of another account above all; with `kms_key_arn` and `lock`."""
    kms_key_arn: NotRequired[str]
    """That vault's key: a customer key. Nothing can be copied into a vault with AWS's own key."""
    lock: NotRequired[VaultLockArgs]
    """That vault's lock, as its owner states it: a copy outside of it fails, when nobody looks."""
    delete_after_days: NotRequired[int]
    """Days, 1 to 36 500; default the rule's own."""
    cold_after_days: NotRequired[int]
    """Days until the copy moves to cold storage; default never."""


class BackupRuleArgs(TypedDict):
    """When backups are made and how long they are kept."""

    name: str
    """1 to 50 letters, digits, hyphens, underscores and periods; each once."""
    schedule: str
    """`cron(…)` with AWS's six fields, or `rate(1 day)`, `rate(6 hours)` and the like, which becomes cron. At most hourly."""
    timezone: NotRequired[str]
    """IANA name in which the schedule is read; default `Etc/UTC`."""
    start_window_minutes: NotRequired[int]
    """Minutes within which a backup starts, at least 60; default 480. All of it counts in the recovery point."""
    completion_window_minutes: NotRequired[int]
    """Minutes after which a backup that is not complete is cancelled; at least an hour above the start window. Default
    10 080: a week."""
    delete_after_days: int
    """Days, 1 to 36 500; at most 35 for continuous backups."""
    cold_after_days: NotRequired[int]
    """Days until backups move to cold storage, where they stay at least 90; default never. Not for RDS and EBS."""
    continuous: NotRequired[bool]
    """Whether RDS can be restored to any second. AWS Backup then owns the instance's automated backups. Default no."""
    copies: NotRequired[list[BackupCopyArgs]]
    """Where else each backup goes."""


class BackupSourceImportIds(TypedDict):
    """Existing resources of one source region to adopt."""

    plan: NotRequired[str]
    """Id of the backup plan."""
    selection: NotRequired[str]
    """`<plan id>|<selection id>`."""
    restore_testing_plan: NotRequired[str]
    """Name of the restore testing plan."""
    restore_testing_selections: NotRequired[dict[str, str]]
    """`<selection name>:<plan name>`, by resource type."""
    alarms: NotRequired[dict[str, str]]
    """Names of existing alarms, by what follows the region in ours: `backup-failed`, `backup-missing-rds`, ..."""


class BackupSourceArgs(TypedDict):
    """A region in which something is backed up, into its vault: by ARN, by tag, or both."""

    region: str
    """AWS region with one of the `vaults`; each once."""
    resource_arns: NotRequired[list[pulumi.Input[str]]]
    """ARNs of what is backed up, at most 500."""
    tags: NotRequired[dict[str, str]]
    """Tags of which one is enough to be backed up, beside what `resource_arns` names."""
    import_ids: NotRequired[BackupSourceImportIds]
    """Existing resources to adopt."""


class RestoreTestingArgs(TypedDict):
    """Restores of real backups into something new, on a schedule, deleted afterwards. A backup counts when one worked."""

    off_because: NotRequired[str]
    """One line that switches restore tests off and says why; nothing else may stand beside it."""
    schedule: NotRequired[str]
    """As a rule's; default `cron(0 9 ? * SUN,WED *)`. A test that is missing must be seen within seven days, which is as far
    as an alarm looks back."""
    timezone: NotRequired[str]
    """IANA name in which the schedule is read; default `Etc/UTC`."""
    start_window_hours: NotRequired[int]
    """Hours within which a test starts, 1 to 168; default 24."""
    validation_window_hours: NotRequired[int]
    """Hours that the restored resource stays for your checks, 0 to 168, and is paid for; default 1."""
    selection_window_days: NotRequired[int]
    """Days, 1 to 365, back to which backups are taken from. Default: as few as always hold one."""
    algorithm: NotRequired[RestoreAlgorithm]
    """Default the latest backup."""
    overrides: NotRequired[dict[str, dict[str, str]]]
    """What a restore is given beside what AWS Backup infers, by resource type: e.g. a subnet group for RDS, where an account
    has no default network."""


class BackupRecoveryArgs(TypedDict):
    """Times that predictions rest on and nobody can compute; what is absent is assumed. All stay assumptions."""

    backup_seconds: NotRequired[SpanArgs]
    """Until a backup is complete; assumed 600 to 3600."""
    copy_seconds: NotRequired[SpanArgs]
    """Until a copy is complete; assumed 1200 to 7200."""
    decision_seconds: NotRequired[SpanArgs]
    """From an alarm until somebody says restore; assumed 300 to 900."""
    restore_seconds: NotRequired[SpanArgs]
    """Of a backup into something new; assumed 1800 to 14 400."""


class BackupRoleImportIds(TypedDict):
    """Existing roles to adopt, by name; their policies as `<role>:<policy>`."""

    backup_role: NotRequired[str]
    """Name of the role that backs up."""
    backup_role_policy: NotRequired[str]
    """`<role>:<policy>` of its inline policy."""
    restore_role: NotRequired[str]
    """Name of the role that restores."""
    restore_role_policy: NotRequired[str]
    """`<role>:<policy>` of its inline policy."""


class BackupPlanArgs(TypedDict):
    """Backups of one service: vaults, rules, copies, restore tests, and alarms on what fails and on what is missing."""

    resource_types: list[BackupResourceType]
    """What is backed up: decides what the roles may do."""
    vaults: list[BackupVaultArgs]
    """One per region."""
    sources: list[BackupSourceArgs]
    """The regions in which something is backed up."""
    rules: list[BackupRuleArgs]
    """When, and for how long."""
    restore_testing: NotRequired[RestoreTestingArgs]
    """On by default, in every source's region."""
    backup_role_arn: NotRequired[pulumi.Input[str]]
    """An existing role that backs up; without it one is declared."""
    restore_role_arn: NotRequired[pulumi.Input[str]]
    """An existing role that restores; without it one is declared, when there are restore tests."""
    covers: NotRequired[list[str]]
    """Failure classes that this plan is to recover from and is held against: of `corruption`, `region`, `account`; default
    corruption and account."""
    objectives: NotRequired[ObjectivesArgs]
    """What the service promises; what these backups cannot meet is refused."""
    waivers: NotRequired[list[WaiverArgs]]
    """Objectives that are known not to be met, each until a date; with `objectives`."""
    recovery: NotRequired[BackupRecoveryArgs]
    """Times of your own for the predictions."""
    import_ids: NotRequired[BackupRoleImportIds]
    """Existing roles to adopt."""
    keep_backups: NotRequired[bool]
    """Whether vaults and keys stay when this is destroyed; default yes. A vault with backups cannot be deleted anyway."""
    tags: NotRequired[dict[str, str]]
    """Tags for everything that has tags, beside `Name` and `seawall:component`."""
