"""`BackupReplication`: the automated backups of an RDS instance, kept in another region too."""

from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._backup_names import default_vault_name
from pulumi_seawall._backup_vault import KEY_DELETION_DAYS
from pulumi_seawall._health_args import PredictedRecovery
from pulumi_seawall._inputs import known, plain_prediction
from pulumi_seawall._naming import alarm_name, own_tags
from pulumi_seawall._regions import import_in
from pulumi_seawall._replication_args import BackupReplicationArgs
from pulumi_seawall._replication_plan import ReplicationPlan, plan_replication
from seawall.contract import BACKUP_AGE_DIMENSION, BACKUP_AGE_METRIC, BACKUP_METRICS_NAMESPACE

AGE_PERIOD_SECONDS = 300  # as often as logs are uploaded
AGE_DATAPOINTS = 3  # a quarter of an hour: one late measurement is no incident


class BackupReplication(pulumi.ComponentResource):
    """Snapshots and transaction logs of one RDS instance in another region, from which any second can be restored there.

    The replication is a resource of the destination region, with a key of it. RDS publishes no metric of it, so the alarm
    watches the age of the newest replicated backup as `seawall backups publish-age` measures it; `missing_data` says what it
    makes of nobody measuring.

    After a failover the writer is another instance: give its ARN, and the backups of the old one stay until they expire.
    """

    replication_arn: pulumi.Output[str]
    """ARN of the replicated automated backups: what a restore in the destination names."""
    kms_key_arn: pulumi.Output[str]
    """The key in the destination region."""
    region: pulumi.Output[str]
    """Where the backups are replicated to."""
    alarm_name: pulumi.Output[str]
    """The alarm on their age, in the destination region."""
    restore_command: pulumi.Output[str]
    """What an operator runs in the loss of the source's region, but for the new instance's name and network."""
    predictions: pulumi.Output[list[PredictedRecovery]]
    """How long the loss of the source's region lasts when only this is left, and how much it loses."""
    warnings: pulumi.Output[list[str]]
    """What the objectives rest on, one line each."""

    def __init__(self, name: str, args: BackupReplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare key, replication and alarm.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: It cannot meet the objectives; nothing has been registered.
        """
        plan = plan_replication(args)
        super().__init__("seawall:index:BackupReplication", name, {}, opts)
        for warning in plan.warnings:
            pulumi.log.warn(warning, self)
        tags = {**own_tags(name), **plan.tags}
        key = plan.kms_key_arn if plan.kms_key_arn is not None else self._key(name, plan, tags)
        replication = aws.rds.InstanceAutomatedBackupsReplication(
            name,
            region=plan.region,
            source_db_instance_arn=plan.source_arn,
            kms_key_id=key,
            retention_period=plan.retention_days,
            # One instance has one replication per region. It follows the writer: stopping it keeps what is there until
            # that expires, so there is nothing to protect.
            opts=self._options(plan, "replication", delete_before_replace=True, protect=False),
        )
        self.replication_arn = replication.id
        self.kms_key_arn = pulumi.Output.from_input(key)
        self.region = known(plan.region)
        self.alarm_name = self._alarm(name, plan, tags)
        self.restore_command = replication.id.apply(
            lambda arn: (
                f"aws rds restore-db-instance-to-point-in-time --region {plan.region} "
                f"--source-db-instance-automated-backups-arn {arn} --use-latest-restorable-time "
                "--target-db-instance-identifier NAME --db-subnet-group-name GROUP"
            )
        )
        self.predictions = known([plain_prediction(prediction) for prediction in plan.predictions])
        self.warnings = known(list(plan.warnings))
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def _options(self, plan: ReplicationPlan, imported: str, **more: Any) -> pulumi.ResourceOptions:
        import_id = import_in(plan.region, plan.imported(imported))
        return pulumi.ResourceOptions(parent=self, import_=import_id, **more)

    def _key(self, name: str, plan: ReplicationPlan, tags: dict[str, str]) -> pulumi.Output[str]:
        key = aws.kms.Key(
            name,
            region=plan.region,
            description=f"Replicated backups of {name}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            tags=tags,
            opts=self._options(plan, "key", retain_on_delete=plan.keep_backups),
        )
        aws.kms.Alias(
            name,
            region=plan.region,
            name=plan.imported("key_alias") or f"alias/{default_vault_name(name)}-replicated",
            target_key_id=key.key_id,
            opts=self._options(plan, "key_alias", retain_on_delete=plan.keep_backups),
        )
        return key.arn

    def _alarm(self, name: str, plan: ReplicationPlan, tags: dict[str, str]) -> pulumi.Output[str]:
        actions = list(plan.alarm_actions)
        return aws.cloudwatch.MetricAlarm(
            f"{name}-age",
            region=plan.region,
            name=plan.imported("age_alarm") or alarm_name(name, "replicated-backup-age"),
            alarm_description=f"The newest backup of {name} that was replicated from {plan.source_region} is older than "
            f"{plan.age_limit_seconds:g} s, or nobody measures it.",
            namespace=BACKUP_METRICS_NAMESPACE,
            metric_name=BACKUP_AGE_METRIC,
            dimensions={BACKUP_AGE_DIMENSION: plan.source_arn},
            statistic="Maximum",
            comparison_operator="GreaterThanThreshold",
            threshold=plan.age_limit_seconds,
            period=AGE_PERIOD_SECONDS,
            evaluation_periods=AGE_DATAPOINTS,
            datapoints_to_alarm=AGE_DATAPOINTS,
            treat_missing_data=plan.missing_data.value,
            alarm_actions=actions,
            ok_actions=actions,
            tags=tags,
            opts=self._options(plan, "age_alarm", protect=False),
        ).name
