"""`FailoverArbiter`: the tables of a failover, in a region that nothing fails over from or to."""

import pulumi
import pulumi_aws as aws

from pulumi_seawall._arbiter_args import FailoverArbiterArgs
from pulumi_seawall._arbiter_plan import KEYS, ArbiterPlan, plan_failover_arbiter, settings_text
from pulumi_seawall._naming import own_tags
from pulumi_seawall._regions import import_in


class FailoverArbiter(pulumi.ComponentResource):
    """What `seawall failover` keeps in a third region: the board of votes, the leases, and the journals with the record.

    Three tables of DynamoDB: paid by the request, encrypted, with point-in-time recovery and protected from deletion. None is
    global and none forgets by itself: both would give two sides the same lease.
    """

    region: pulumi.Output[str]
    """AWS region of the tables, whose live document counts."""
    tables: pulumi.Output[dict[str, str]]
    """Name of each table: `board`, `leases` and `journals`."""
    table_arns: pulumi.Output[dict[str, str]]
    """ARN of each table, by the same keys."""
    settings: pulumi.Output[str]
    """The lines of the failover's settings that follow: `board`, `leases`, `journals` and `arbiter`."""

    def __init__(self, name: str, args: FailoverArbiterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the tables.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_failover_arbiter(args)
        super().__init__("seawall:index:FailoverArbiter", name, {}, opts)
        declared = {table: self._table(name, table, plan) for table in KEYS}

        self.region = pulumi.Output.from_input(plan.region)
        self.tables = pulumi.Output.all(**{table: each.name for table, each in declared.items()})
        self.table_arns = pulumi.Output.all(**{table: each.arn for table, each in declared.items()})
        self.settings = self.tables.apply(lambda names: settings_text(plan.region, names))
        self.register_outputs(
            {"region": self.region, "tables": self.tables, "table_arns": self.table_arns, "settings": self.settings}
        )

    def _table(self, name: str, table: str, plan: ArbiterPlan) -> aws.dynamodb.Table:
        partition, *sort = KEYS[table]
        encryption = aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=plan.kms_key_arn)
        return aws.dynamodb.Table(
            f"{name}-{table}",
            region=plan.region,
            name=plan.table_name(name, table),
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in KEYS[table]],
            hash_key=partition,
            range_key=sort[0] if sort else None,
            billing_mode="PAY_PER_REQUEST",
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            deletion_protection_enabled=plan.deletion_protection,
            server_side_encryption=encryption,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_in(plan.region, plan.adopted.get(table))),
        )
