"""The `backups` section of `Pulumi.<env>.yaml`. Limits: see `pulumi_seawall.BackupPlan` and `BackupReplication`."""

from pulumi_seawall import MissingData, RestoreAlgorithm, VaultLockMode
from stacks.database_settings import Span, Waiver
from stacks.section import Section


class LockSettings(Section):
    """See `VaultLockArgs`."""

    min_retention_days: int
    max_retention_days: int
    mode: VaultLockMode | None = None
    """Governance when absent. A compliance lock can never be taken away again."""
    changeable_for_days: int | None = None


class VaultSettings(Section):
    """What a region's vault has beside the defaults; see `BackupVaultArgs`."""

    region: str
    name: str | None = None
    existing_arn: str | None = None
    kms_key_arn: str | None = None
    lock: LockSettings | None = None
    unlocked_because: str | None = None
    deleters: tuple[str, ...] | None = None
    copies_from_accounts: tuple[str, ...] | None = None
    notification_topic_arn: str | None = None
    """An existing topic, whose policy lets AWS Backup publish. Default: the region's topic for alarms, where it is declared."""
    alarm_actions: tuple[str, ...] | None = None
    opt_in: dict[str, bool] | None = None
    import_ids: dict[str, str] | None = None


class CopySettings(Section):
    """See `BackupCopyArgs`."""

    region: str | None = None
    """A region, whose vault is declared here; never the writer's."""
    regions: tuple[str, ...] | None = None
    """Instead of `region`: of these the first that is not the writer's. All have a vault, so that a failover moves no vault."""
    vault_arn: str | None = None
    """A vault of another account."""
    kms_key_arn: str | None = None
    lock: LockSettings | None = None
    delete_after_days: int | None = None
    cold_after_days: int | None = None


class RuleSettings(Section):
    """See `BackupRuleArgs`."""

    name: str
    schedule: str
    timezone: str | None = None
    start_window_minutes: int | None = None
    completion_window_minutes: int | None = None
    delete_after_days: int
    cold_after_days: int | None = None
    continuous: bool | None = None
    """Not for an instance whose `database.backup_retention_days` are declared here: AWS Backup would own them then."""
    copies: tuple[CopySettings, ...] = ()


class RestoreTestingSettings(Section):
    """See `RestoreTestingArgs`."""

    off_because: str | None = None
    """Switches restore tests off, and says why."""
    schedule: str | None = None
    timezone: str | None = None
    start_window_hours: int | None = None
    validation_window_hours: int | None = None
    selection_window_days: int | None = None
    algorithm: RestoreAlgorithm | None = None
    overrides: dict[str, dict[str, str]] | None = None


class BackupRecoverySettings(Section):
    """See `BackupRecoveryArgs`."""

    backup_seconds: Span | None = None
    copy_seconds: Span | None = None
    decision_seconds: Span | None = None
    restore_seconds: Span | None = None


class ReplicationSettings(Section):
    """The writer's automated backups in another region; see `BackupReplicationArgs`."""

    regions: tuple[str, ...]
    """Of these the first that is not the writer's: after a failover the backups go the other way."""
    kms_key_arn: str | None = None
    """Default: the key of the database's member in that region, where there is one, else one that is declared."""
    retention_days: int | None = None
    missing_data: MissingData
    age_limit_seconds: float | None = None


class BackupSettings(Section):
    """Backups of the database, by AWS Backup, in the writer's region."""

    rules: tuple[RuleSettings, ...]
    vaults: tuple[VaultSettings, ...] = ()
    """For regions whose vault is to differ from the defaults. Every region that is needed has one anyway."""
    restore_testing: RestoreTestingSettings | None = None
    replication: ReplicationSettings | None = None
    recovery: BackupRecoverySettings | None = None
    covers: tuple[str, ...] = ("account",)
    """Failure classes that these backups are held against: what replicas and the database's own backups do not cover."""
    notifications: bool = True
    """Whether AWS Backup writes to the declared topics what becomes of jobs."""
    waivers: tuple[Waiver, ...] = ()
    import_ids: dict[str, str] | None = None
    """Existing roles: see `BackupRoleImportIds`."""
    source_import_ids: dict[str, str] | None = None
    """An existing plan, selection and restore testing plan: see `BackupSourceImportIds`."""
