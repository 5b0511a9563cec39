"""The resources of one source region: what is backed up, tested, and watched there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from pulumi_seawall._backup_alarms import BY_TYPE, BY_VAULT, NAMESPACE, BackupAlarm
from pulumi_seawall._backup_args import BackupResourceType
from pulumi_seawall._backup_names import LONGEST_RULE_NAME, VAULT_ARN, testing_name
from pulumi_seawall._backup_plan import PlannedBackups, SourcePlan
from pulumi_seawall._backup_rules import CopyPlan, RulePlan
from pulumi_seawall._backup_testing import TestingPlan
from pulumi_seawall._backup_vault import VaultResources
from pulumi_seawall._naming import alarm_name, own_tags, physical_name
from pulumi_seawall._regions import import_in
from seawall.errors import InvalidInput

SNAPSHOT: Final = "SNAPSHOT"
CONTINUOUS: Final = "CONTINUOUS"


class SourceResources:
    """Plan, selection, restore tests and alarms."""

    def __init__(
        self,
        parent: pulumi.ComponentResource,
        component: str,
        plan: PlannedBackups,
        source: SourcePlan,
        vaults: Mapping[str, VaultResources],
        roles: tuple[pulumi.Input[str], pulumi.Input[str] | None],
        permissions: Sequence[pulumi.Resource],
    ) -> None:
        """Declare them.

        Args:
            parent: The component.
            component: Its name.
            plan: All of it.
            source: The one.
            vaults: By region.
            roles: ARN of the role that backs up, and of the one that restores.
            permissions: What must be there before a role is used.
        """
        self._parent, self._component, self._plan, self._source = parent, component, plan, source
        self._vaults, self._vault = vaults, vaults[source.region]
        self._child = f"{component}-{source.region}"
        self._tags = {**own_tags(component), **plan.tags}
        self._permissions = list(permissions)
        backup_role, restore_role = roles
        made = self._backup_plan()
        self.plan_id: pulumi.Output[str] = made.id
        """The backup plan's."""
        self.selection_id: pulumi.Output[str] = self._selection(made, backup_role).id
        """The selection's."""
        self.testing_plan: pulumi.Output[str] | None = None
        """Name of the restore testing plan."""
        if plan.testing is not None and restore_role is not None:
            self.testing_plan = self._restore_tests(plan.testing, restore_role)
        self.alarm_names: list[pulumi.Output[str]] = [self._alarm(alarm) for alarm in plan.alarms]
        """The alarms'."""

    def _options(self, known: str | None, **more: Any) -> pulumi.ResourceOptions:
        """Options of a resource that may exist already, under an id in this region.

        Never protected: it holds no backup, and follows what is backed up into another region.
        """
        import_id = import_in(self._source.region, known)
        return pulumi.ResourceOptions(parent=self._parent, import_=import_id, protect=False, **more)

    @property
    def _physical(self) -> str:
        return physical_name(pulumi.get_project(), pulumi.get_stack(), self._component, longest=LONGEST_RULE_NAME)

    def _backup_plan(self) -> aws.backup.Plan:
        return aws.backup.Plan(
            self._child,
            region=self._source.region,
            name=self._physical,
            rules=[self._rule(rule) for rule in self._plan.rules],
            tags=self._tags,
            opts=self._options(self._source.imported("plan")),
        )

    def _rule(self, rule: RulePlan) -> aws.backup.PlanRuleArgs:
        return aws.backup.PlanRuleArgs(
            rule_name=rule.name,
            target_vault_name=self._vault.name,
            schedule=rule.schedule,
            schedule_expression_timezone=rule.timezone,
            start_window=rule.start_window_minutes,
            completion_window=rule.completion_window_minutes,
            enable_continuous_backup=rule.continuous,
            lifecycle=aws.backup.PlanRuleLifecycleArgs(
                delete_after=rule.retention.delete_after_days, cold_storage_after=rule.retention.cold_after_days
            ),
            copy_actions=[
                aws.backup.PlanRuleCopyActionArgs(
                    destination_vault_arn=self._destination(copy),
                    lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(
                        delete_after=copy.retention.delete_after_days, cold_storage_after=copy.retention.cold_after_days
                    ),
                )
                for copy in rule.copies
                if copy.vault_arn is not None or copy.region != self._source.region
            ],
            recovery_point_tags=self._tags,
        )

    def _destination(self, copy: CopyPlan) -> pulumi.Input[str]:
        """ARN of the vault that a copy goes to; raises when what is called another account's is not."""
        if copy.vault_arn is None:
            return self._vaults[copy.region].arn
        other, account = copy.vault_arn, copy.account

        def checked(own: str) -> str:
            match = VAULT_ARN.fullmatch(own)
            if match is not None and match["account"] == account:
                error = InvalidInput(
                    f"{copy.where}vault_arn",
                    other,
                    allowed="a vault of another account",
                    because="a loss of this account would take it along; this account's vaults stand in vaults",
                )
                pulumi.log.error(str(error), self._parent)  # one line; what Pulumi makes of the exception is many
                raise error
            return other

        return pulumi.Output.from_input(self._vault.arn).apply(checked)

    def _selection(self, made: aws.backup.Plan, role: pulumi.Input[str]) -> aws.backup.Selection:
        return aws.backup.Selection(
            self._child,
            region=self._source.region,
            name=self._physical,
            plan_id=made.id,
            iam_role_arn=role,
            resources=list(self._source.resource_arns),
            selection_tags=[
                aws.backup.SelectionSelectionTagArgs(type="STRINGEQUALS", key=key, value=value)
                for key, value in sorted(self._source.tags.items())
            ],
            opts=self._options(self._source.imported("selection"), depends_on=self._permissions),
        )

    def _restore_tests(self, testing: TestingPlan, role: pulumi.Input[str]) -> pulumi.Output[str]:
        kinds = sorted({CONTINUOUS if rule.continuous else SNAPSHOT for rule in self._plan.rules})
        made = aws.backup.RestoreTestingPlan(
            self._child,
            region=self._source.region,
            name=self._source.imported("restore_testing_plan")
            or testing_name(pulumi.get_project(), pulumi.get_stack(), self._component),
            schedule_expression=testing.schedule,
            schedule_expression_timezone=testing.timezone,
            start_window_hours=testing.start_window_hours,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm=testing.algorithm.value,
                include_vaults=[self._vault.arn],
                recovery_point_types=kinds,
                selection_window_days=testing.selection_window_days,
            ),
            tags=self._tags,
            opts=self._options(self._source.imported("restore_testing_plan")),
        )
        for kind in self._plan.types:
            self._tested(made, kind, testing, role)
        return made.name

    def _tested(
        self,
        made: aws.backup.RestoreTestingPlan,
        kind: BackupResourceType,
        testing: TestingPlan,
        role: pulumi.Input[str],
    ) -> None:
        imported = self._source.import_ids.get("restore_testing_selections", {}).get(kind.value)
        aws.backup.RestoreTestingSelection(
            f"{self._child}-{kind.value.lower()}",
            region=self._source.region,
            name=imported.partition(":")[0] if imported else testing_name(kind.value.lower()),
            restore_testing_plan_name=made.name,
            protected_resource_type=kind.value,
            # Whatever of that type has a backup in this plan's vault.
            protected_resource_arns=["*"],
            iam_role_arn=role,
            validation_window_hours=testing.validation_window_hours,
            restore_metadata_overrides=dict(testing.overrides.get(kind.value, {})) or None,
            opts=self._options(imported, depends_on=self._permissions),
        )

    def _alarm(self, alarm: BackupAlarm) -> pulumi.Output[str]:
        vault = self._plan.vault_in(self._source.region)
        actions = list(vault.alarm_actions)
        imported = self._source.import_ids.get("alarms", {}).get(alarm.purpose)
        dimensions: dict[str, pulumi.Input[str]] = {BY_VAULT: self._vault.name}
        if alarm.resource_type is not None:
            dimensions[BY_TYPE] = alarm.resource_type.value
        return aws.cloudwatch.MetricAlarm(
            f"{self._child}-{alarm.purpose}",
            region=self._source.region,
            name=imported or alarm_name(self._component, f"{self._source.region}-{alarm.purpose}"),
            alarm_description=f"The vault of {self._component} in {vault.region} {alarm.says}.",
            namespace=NAMESPACE,
            metric_name=alarm.metric,
            dimensions=dimensions,
            statistic="Sum",
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            period=alarm.period_seconds,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.periods,
            treat_missing_data=alarm.missing_data.value,
            alarm_actions=actions,
            ok_actions=actions,
            tags=self._tags,
            opts=self._options(imported),
        ).name
