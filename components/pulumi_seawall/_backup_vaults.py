"""The vaults of a `BackupPlan`: one per region, with key, lock and access policy.

Sources: AWS Backup developer guide, "Vault access policies", "AWS Backup Vault Lock", "Creating backup copies across AWS
accounts", "Notification options with AWS Backup".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._arns import account, partition_of
from pulumi_seawall._backup_args import (
    BackupResourceType,
    BackupVaultArgs,
    BackupVaultImportIds,
)
from pulumi_seawall._backup_names import (
    LONGEST_REASON,
    PRINCIPAL_ARN,
    existing_vault,
    vault_key,
    vault_name,
)
from pulumi_seawall._backup_rules import Lock, RulePlan, hold_to_lock, plan_lock
from pulumi_seawall._inputs import checked_keys, flag, line, listed, matching, text
from pulumi_seawall._naming import plan_actions, topic_in_region
from pulumi_seawall._policy import VERSION
from pulumi_seawall._regions import known_region
from seawall.errors import MISSING, InvalidInput

LONGEST_IMPORT_ID: Final = 1024  # characters
NOT_FOR_EXISTING: Final = (
    "name",
    "unlocked_because",
    "deleters",
    "copies_from_accounts",
    "notification_topic_arn",
    "import_ids",
)
EVENTS: Final = (
    "BACKUP_JOB_COMPLETED",  # with its state in the message: complete, failed or expired
    "COPY_JOB_FAILED",
    "COPY_JOB_SUCCESSFUL",
    "RECOVERY_POINT_MODIFIED",
    "RESTORE_JOB_COMPLETED",
)
INTERRUPTED: Final = "CONTINUOUS_BACKUP_INTERRUPTED"


@dataclass(frozen=True, slots=True)
class VaultPlan:
    """One vault.

    Args:
        where: The argument, for messages.
        region: Its region.
        name: Its name; `None`: computed when it is declared.
        existing_arn: Of one that is not declared here.
        kms_key_arn: Its key; `None`: declared.
        lock: Its lock; `None`: it has none.
        unlocked_because: Why it has none.
        deleters: Who may delete single backups.
        copies_from_accounts: Which accounts may copy into it.
        topic_arn: To which AWS Backup writes.
        alarm_actions: Of the alarms in its region.
        opt_in: The region's settings.
        import_ids: What is adopted.
    """

    where: str
    region: str
    name: str | None
    existing_arn: str | None = None
    kms_key_arn: pulumi.Input[str] | None = None
    lock: Lock | None = None
    unlocked_because: str | None = None
    deleters: tuple[pulumi.Input[str], ...] = ()
    copies_from_accounts: tuple[str, ...] = ()
    topic_arn: pulumi.Input[str] | None = None
    alarm_actions: tuple[pulumi.Input[str], ...] = ()
    opt_in: Mapping[str, bool] | None = None
    import_ids: BackupVaultImportIds | None = None

    def imported(self, key: str) -> str | None:
        """The id of an existing resource to adopt."""
        return cast("Mapping[str, str]", self.import_ids or {}).get(key)

    def policy(self, vault_arn: str, deleters: Sequence[str]) -> str:
        """Who may do what with the vault beside what IAM allows.

        Args:
            vault_arn: The vault's.
            deleters: Principals that may delete backups.
        """
        denied: dict[str, Any] = {
            "Sid": "KeepBackups",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"],
            "Resource": "*",  # of a vault's policy: every backup in this vault
        }
        if deleters:
            denied["Condition"] = {"ArnNotLike": {"aws:PrincipalArn": sorted(deleters)}}
        statements = [denied]
        partition = partition_of(self.region)
        if self.copies_from_accounts:
            statements.append(
                {
                    "Sid": "TakeCopies",
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:{partition}:iam::{each}:root" for each in self.copies_from_accounts]},
                    "Action": "backup:CopyIntoBackupVault",
                    "Resource": vault_arn,
                }
            )
        return json.dumps({"Version": VERSION, "Statement": statements})


def plan_vaults(given: object, types: Sequence[BackupResourceType]) -> tuple[VaultPlan, ...]:
    """The vaults, without the locks that follow from the rules.

    Raises:
        InvalidInput: A value is not allowed.
    """
    vaults = tuple(
        _plan_vault(f"vaults[{place}].", entry, types) for place, entry in enumerate(listed("vaults", given))
    )
    if not vaults:
        raise InvalidInput("vaults", [], allowed="at least one vault")
    regions = [vault.region for vault in vaults]
    for vault in vaults:
        if regions.count(vault.region) > 1:
            raise InvalidInput(f"{vault.where}region", vault.region, allowed="each region once")
    return vaults


def _plan_vault(where: str, entry: BackupVaultArgs, types: Sequence[BackupResourceType]) -> VaultPlan:
    given = checked_keys(where, entry, BackupVaultArgs)
    region = known_region(f"{where}region", given["region"])
    existing = None
    if "existing_arn" in given:
        existing = existing_vault(f"{where}existing_arn", given["existing_arn"], region)
        _check_existing(where, given)
    if "lock" in given and "unlocked_because" in given:
        raise InvalidInput(f"{where}unlocked_because", given["unlocked_because"], allowed="not beside lock")
    deleters = [
        matching(f"{where}deleters[{place}]", deleter, PRINCIPAL_ARN, "the ARN of a role, a user or a session")
        for place, deleter in enumerate(listed(f"{where}deleters", given.get("deleters", [])))
    ]
    accounts = [
        account(f"{where}copies_from_accounts[{place}]", each)
        for place, each in enumerate(listed(f"{where}copies_from_accounts", given.get("copies_from_accounts", [])))
    ]
    return VaultPlan(
        where,
        region,
        vault_name(f"{where}name", given["name"]) if "name" in given else None,
        existing,
        text(f"{where}kms_key_arn", given["kms_key_arn"], partial(vault_key, region))
        if "kms_key_arn" in given
        else None,
        plan_lock(f"{where}lock.", given["lock"]) if "lock" in given else None,
        line(f"{where}unlocked_because", given["unlocked_because"], LONGEST_REASON)
        if "unlocked_because" in given
        else None,
        tuple(deleters),
        tuple(accounts),
        text(f"{where}notification_topic_arn", given["notification_topic_arn"], partial(_topic, region))
        if "notification_topic_arn" in given
        else None,
        plan_actions(f"{where}alarm_actions", region, given.get("alarm_actions", [])),
        _plan_opt_in(f"{where}opt_in", given["opt_in"], types) if "opt_in" in given else None,
        _plan_import_ids(where, given),
    )


def _check_existing(where: str, given: BackupVaultArgs) -> None:
    for key, because in (
        ("kms_key_arn", "nothing can be copied into a vault with AWS's own key"),
        ("lock", "a backup outside of it fails, when nobody looks"),
    ):
        if key not in given:
            raise InvalidInput(f"{where}{key}", MISSING, allowed="required with existing_arn", because=because)
    for key in NOT_FOR_EXISTING:
        if key in given:
            raise InvalidInput(f"{where}{key}", "given", allowed="not with existing_arn, which declares nothing of it")


def _topic(region: str, name: str, value: str) -> str:
    return topic_in_region(name, value, region, "AWS Backup writes to topics of the vault's region, and ")


def _plan_opt_in(name: str, given: object, types: Sequence[BackupResourceType]) -> dict[str, bool]:
    if not isinstance(given, Mapping):
        raise InvalidInput(name, given, allowed="a dictionary of resource types")
    settings = {str(key): flag(f"{name}.{key}", value) for key, value in cast("Mapping[object, object]", given).items()}
    for one in types:
        if not settings.get(one.value, False):
            raise InvalidInput(
                f"{name}.{one.value}",
                settings.get(one.value, MISSING),
                allowed="true",
                because="resource_types has it, and a selection by tags would skip it",
            )
    return settings


def _plan_import_ids(where: str, given: BackupVaultArgs) -> BackupVaultImportIds | None:
    if "import_ids" not in given:
        return None
    ids = checked_keys(f"{where}import_ids.", given["import_ids"], BackupVaultImportIds)
    for key, value in ids.items():
        line(f"{where}import_ids.{key}", value, LONGEST_IMPORT_ID)
    needs = {
        "key": "kms_key_arn" not in given,
        "key_alias": "kms_key_arn" not in given,
        "lock": "unlocked_because" not in given,
        "notifications": "notification_topic_arn" in given,
        "region_settings": "opt_in" in given,
    }
    for key, declared in needs.items():
        if key in ids and not declared:
            raise InvalidInput(
                f"{where}import_ids.{key}", cast("Mapping[str, str]", ids)[key], allowed="nothing that is not declared"
            )
    return ids


def with_locks(vaults: Sequence[VaultPlan], rules: Sequence[RulePlan], sources: Sequence[str]) -> tuple[VaultPlan, ...]:
    """The vaults with the locks that follow from what is put into them, after a check of those that were given.

    Args:
        vaults: From `plan_vaults`.
        rules: Every source's.
        sources: Regions in which something is backed up.

    Raises:
        InvalidInput: A rule or a copy keeps backups for a time that a lock refuses.
    """
    kept = {vault.region: _put_into(vault.region, rules, sources) for vault in vaults}
    days = [each for put in kept.values() for _, each in put]
    # The same in each: which vault is the source's and which the copies' changes with a failover, and a lock is made anew
    # for every change.
    own = Lock(min(days), max(days))
    locked: list[VaultPlan] = []
    for vault in vaults:
        if vault.lock is not None:
            for name, each in kept[vault.region]:
                hold_to_lock(name, each, vault.lock, f"the vault in {vault.region}")
        elif vault.unlocked_because is None and vault.copies_from_accounts:
            raise InvalidInput(
                f"{vault.where}lock", MISSING, allowed="required with copies_from_accounts, unless unlocked_because is given",
                because="nobody here knows how long other accounts keep what they copy into this vault",
            )  # fmt: skip
        locked.append(
            vault if vault.lock is not None or vault.unlocked_because is not None else replace(vault, lock=own)
        )
    return tuple(locked)


def _put_into(region: str, rules: Sequence[RulePlan], sources: Sequence[str]) -> list[tuple[str, int]]:
    """Argument and days of each retention in the plan's own vault of a region."""
    kept: list[tuple[str, int]] = []
    for rule in rules:
        if region in sources:
            kept.append((f"{rule.where}delete_after_days", rule.retention.delete_after_days))
        kept += [
            (f"{copy.where}delete_after_days", copy.retention.delete_after_days)
            for copy in rule.copies
            if copy.vault_arn is None and copy.region == region
        ]
    return kept
