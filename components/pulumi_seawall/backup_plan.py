"""`BackupPlan`: backups that are made, copied, kept, and restored to see whether they are any good."""

from typing import Any, cast

import pulumi
import pulumi_aws as aws

from pulumi_seawall._backup_args import BackupPlanArgs
from pulumi_seawall._backup_plan import PlannedBackups, plan_backups
from pulumi_seawall._backup_roles import backup_policy, restore_policy, trust
from pulumi_seawall._backup_source import SourceResources
from pulumi_seawall._backup_vault import VaultResources
from pulumi_seawall._health_args import PredictedRecovery
from pulumi_seawall._inputs import known, plain_prediction
from pulumi_seawall._naming import LONGEST_ROLE_NAME, own_tags, physical_name

BACKUP, RESTORE = "backup", "restore"


class BackupPlan(pulumi.ComponentResource):
    """Backups of what is selected by ARN or tag, in one or more regions, by AWS Backup.

    Each region has a vault with a customer key, an access policy under which nobody deletes backups, and a lock (governance
    unless compliance is asked for by its name). Rules are held against every vault on the way: what a lock would make fail at
    night is refused here. Copies go to other regions and to other accounts' vaults. Restore tests are on unless they are
    switched off with a reason. Alarms ring on what failed, and on what never came: no data counts as missing.

    Predictions are those of failures that only a backup recovers from; what cannot meet the objectives is refused.

    Raises during a deployment: `InvalidInput`, when a vault given as another account's is of this one.
    """

    vault_names: pulumi.Output[dict[str, str]]
    """Each region's vault."""
    vault_arns: pulumi.Output[dict[str, str]]
    """The ARN of each region's vault: what another plan copies to."""
    kms_key_arns: pulumi.Output[dict[str, str]]
    """Each vault's key."""
    plan_ids: pulumi.Output[dict[str, str]]
    """Each source region's backup plan."""
    selection_ids: pulumi.Output[dict[str, str]]
    """Each source region's selection."""
    restore_testing_plans: pulumi.Output[dict[str, str]]
    """Each source region's restore testing plan, by name; empty when tests are off."""
    backup_role_arn: pulumi.Output[str]
    """The role that backs up and copies."""
    restore_role_arn: pulumi.Output[str | None]
    """The role that restores; none when there are no restore tests and none was given."""
    alarm_names: pulumi.Output[dict[str, list[str]]]
    """Each source region's alarms."""
    predictions: pulumi.Output[list[PredictedRecovery]]
    """How long failures last from which only a backup recovers, and how much they lose, with terms and sources."""
    warnings: pulumi.Output[list[str]]
    """What the objectives rest on, and what no alarm sees, one line each."""

    def __init__(self, name: str, args: BackupPlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare vaults, plans, roles, restore tests and alarms.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: These backups cannot meet the objectives; nothing has been registered.
        """
        plan = plan_backups(args)
        super().__init__("seawall:index:BackupPlan", name, {}, opts)
        for warning in plan.warnings:
            pulumi.log.warn(warning, self)
        permissions: list[pulumi.Resource] = []
        backup_role, restore_role = plan.backup_role_arn, plan.restore_role_arn
        if backup_role is None:
            backup_role, may_back_up = self._role(name, plan, BACKUP)
            permissions.append(may_back_up)
        if restore_role is None and plan.testing is not None:
            restore_role, may_restore = self._role(name, plan, RESTORE)
            permissions.append(may_restore)
        vaults = {vault.region: VaultResources(self, name, plan, vault) for vault in plan.vaults}
        sources = {
            source.region: SourceResources(self, name, plan, source, vaults, (backup_role, restore_role), permissions)
            for source in plan.sources
        }
        self.vault_names = _by_region({region: vault.name for region, vault in vaults.items()})
        self.vault_arns = _by_region({region: vault.arn for region, vault in vaults.items()})
        self.kms_key_arns = _by_region({region: vault.key_arn for region, vault in vaults.items()})
        self.plan_ids = _by_region({region: source.plan_id for region, source in sources.items()})
        self.selection_ids = _by_region({region: source.selection_id for region, source in sources.items()})
        self.restore_testing_plans = _by_region(
            {region: source.testing_plan for region, source in sources.items() if source.testing_plan is not None}
        )
        self.backup_role_arn = pulumi.Output.from_input(backup_role)
        self.restore_role_arn = pulumi.Output.from_input(restore_role)
        self.alarm_names = pulumi.Output.all(**{region: source.alarm_names for region, source in sources.items()})
        self.predictions = known([plain_prediction(prediction) for prediction in plan.predictions])
        self.warnings = known(list(plan.warnings))
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def _role(self, name: str, plan: PlannedBackups, purpose: str) -> tuple[pulumi.Input[str], aws.iam.RolePolicy]:
        """ARN of a role that is declared, and the policy that must be there before it is used."""
        role = aws.iam.Role(
            f"{name}-{purpose}",
            name=plan.imported(f"{purpose}_role")
            or physical_name(pulumi.get_project(), pulumi.get_stack(), name, purpose, longest=LONGEST_ROLE_NAME),
            description=f"Lets AWS Backup {'back up' if purpose == BACKUP else 'restore'} what {name} selects",
            assume_role_policy=trust(f"{purpose} role's trust policy"),
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=plan.imported(f"{purpose}_role")),
        )
        import_id = plan.imported(f"{purpose}_role_policy")
        policy = aws.iam.RolePolicy(
            f"{name}-{purpose}",
            name=import_id.partition(":")[2] if import_id else purpose,
            role=role.name,
            policy=backup_policy(plan.reach) if purpose == BACKUP else restore_policy(plan.reach),
            opts=pulumi.ResourceOptions(parent=self, import_=import_id),
        )
        return role.arn, policy


def _by_region(values: dict[str, Any]) -> pulumi.Output[dict[str, Any]]:
    return pulumi.Output.all(**values) if values else known(cast("dict[str, Any]", {}))
