"""The resources of one vault, all in its region and named after it."""

from typing import Any, cast

import pulumi
import pulumi_aws as aws

from pulumi_seawall._backup_args import VaultLockMode
from pulumi_seawall._backup_names import default_vault_name
from pulumi_seawall._backup_plan import PlannedBackups
from pulumi_seawall._backup_vaults import EVENTS, INTERRUPTED, VaultPlan
from pulumi_seawall._naming import own_tags
from pulumi_seawall._regions import import_in

KEY_DELETION_DAYS = 30  # KMS's longest: backups that need the key are found missing in time


class VaultResources:
    """Key, vault, lock, access policy, notifications, and the region's opt-in."""

    def __init__(
        self, parent: pulumi.ComponentResource, component: str, plan: PlannedBackups, vault: VaultPlan
    ) -> None:
        """Declare them.

        Args:
            parent: The component.
            component: Its name.
            plan: All of it.
            vault: The one.
        """
        self._parent, self._component, self._plan, self._vault = parent, component, plan, vault
        self._child = f"{component}-{vault.region}"
        self._tags = {**own_tags(component), **plan.tags}
        self.name: pulumi.Input[str]
        """The vault's."""
        self.arn: pulumi.Input[str]
        """The vault's."""
        self.key_arn: pulumi.Input[str]
        """Its key's."""
        if vault.opt_in is not None:
            self._opt_in(dict(vault.opt_in))
        if vault.existing_arn is not None:
            self.name = vault.existing_arn.rpartition(":")[2]
            self.arn = vault.existing_arn
            self.key_arn = cast("pulumi.Input[str]", vault.kms_key_arn)  # the plan refuses one without
            return
        self.key_arn = vault.kms_key_arn if vault.kms_key_arn is not None else self._key()
        made = aws.backup.Vault(
            self._child,
            region=vault.region,
            name=vault.imported("vault") or self._physical,
            kms_key_arn=self.key_arn,
            force_destroy=False,
            tags=self._tags,
            opts=self._options("vault"),
        )
        self.name, self.arn = made.name, made.arn
        self._guard(made)

    @property
    def _physical(self) -> str:
        return self._vault.name or default_vault_name(self._component)

    def _options(self, imported: str, **more: Any) -> pulumi.ResourceOptions:
        """What keeps backups stays with them: a lock that goes before its vault protects nothing.

        Vault and key are protected where the component is; their settings change with the rules, a lock by being made anew.
        """
        return pulumi.ResourceOptions(
            parent=self._parent,
            import_=import_in(self._vault.region, self._vault.imported(imported)),
            retain_on_delete=self._plan.keep_backups,
            protect=None if imported in ("vault", "key", "key_alias") else False,
            **more,
        )

    def _key(self) -> pulumi.Output[str]:
        key = aws.kms.Key(
            self._child,
            region=self._vault.region,
            description=f"Backups in {self._physical}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            tags=self._tags,
            opts=self._options("key"),
        )
        aws.kms.Alias(
            self._child,
            region=self._vault.region,
            name=self._vault.imported("key_alias") or f"alias/{self._physical}-backups",
            target_key_id=key.key_id,
            opts=self._options("key_alias"),
        )
        return key.arn

    def _guard(self, made: aws.backup.Vault) -> None:
        vault = self._vault
        if vault.lock is not None:
            aws.backup.VaultLockConfiguration(
                self._child,
                region=vault.region,
                backup_vault_name=made.name,
                min_retention_days=vault.lock.min_retention_days,
                max_retention_days=vault.lock.max_retention_days,
                changeable_for_days=vault.lock.changeable_for_days
                if vault.lock.mode is VaultLockMode.COMPLIANCE
                else None,
                opts=self._options("lock", delete_before_replace=True),  # or the old one's deletion unlocks the vault
            )
        aws.backup.VaultPolicy(
            self._child,
            region=vault.region,
            backup_vault_name=made.name,
            policy=pulumi.Output.all(made.arn, *vault.deleters).apply(
                lambda found: vault.policy(found[0], [str(each) for each in found[1:]])
            ),
            opts=self._options("policy"),
        )
        if vault.topic_arn is not None:
            continuous = any(rule.continuous for rule in self._plan.rules)
            aws.backup.VaultNotifications(
                self._child,
                region=vault.region,
                backup_vault_name=made.name,
                sns_topic_arn=vault.topic_arn,
                backup_vault_events=[*EVENTS, *([INTERRUPTED] if continuous else [])],
                opts=self._options("notifications", delete_before_replace=True),
            )

    def _opt_in(self, settings: dict[str, bool]) -> None:
        aws.backup.RegionSettings(
            self._child,
            region=self._vault.region,
            resource_type_opt_in_preference=settings,
            opts=self._options("region_settings"),
        )
