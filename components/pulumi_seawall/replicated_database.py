"""`ReplicatedDatabase`: one database in several regions, whose writer can change without replacing anything."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import pulumi
import pulumi_aws as aws

from pulumi_seawall._database_alarms import PERIOD_SECONDS, AlarmPlan, member_alarms
from pulumi_seawall._database_args import ReplicatedDatabaseArgs
from pulumi_seawall._database_instance import ignored_inputs, instance_settings, refuse_moved, refuse_upgrade
from pulumi_seawall._database_members import DatabaseMemberPlan
from pulumi_seawall._database_names import instance_identifier, parameter_family
from pulumi_seawall._database_plan import DatabasePlan, WriterNamePlan, plan_database
from pulumi_seawall._health_args import PredictedRecovery
from pulumi_seawall._inputs import known, plain_prediction
from pulumi_seawall._naming import alarm_name, own_tags
from pulumi_seawall._regions import import_in
from pulumi_seawall._security_group import SecurityGroup
from seawall.errors import InvalidInput

KEY_DELETION_DAYS = 30  # KMS's longest: backups that need the key are found missing in time
MARK_LENGTH = 8  # characters of a key's or security group's id: tells two creations of one name apart


class ReplicatedDatabase(pulumi.ComponentResource):
    """A PostgreSQL, MySQL or MariaDB database on RDS: one member per region, of which one writes.

    All members are alike and named after themselves, never after a role. When another one was promoted (by an operator,
    while the writer's region was gone), adopting that is a change of `writer` and nothing else: the new writer loses its
    source and gets the writer's settings in place, the old one is left as it is, standing alone, until it is rebuilt by
    name (`rebuild_as_replica`). After a promotion outside of Pulumi refresh first (`pulumi up --refresh`): Pulumi would
    otherwise ask RDS to promote what is promoted already, which RDS refuses.

    The writer has a second zone, is encrypted, keeps automated backups, is protected from deletion and leaves a final
    snapshot. Each member has its own key, subnet group, security group and parameter group, declared or given, and its
    own alarms. Replication is asynchronous: in a region's loss the last commits are lost, and `predictions` says how many
    seconds of them.

    Raises during a deployment: `InvalidInput`, when a region, key or identifier was changed that an instance cannot
    change without losing its data.
    """

    writer: pulumi.Output[str]
    """Name of the member that writes."""
    writer_host: pulumi.Output[str]
    """What clients that write connect to: the short-lived name where there is one, else the instance's own."""
    port: pulumi.Output[int]
    """The same on every member."""
    hosts: pulumi.Output[dict[str, str]]
    """Each member's own DNS name, by member."""
    identifiers: pulumi.Output[dict[str, str]]
    """Each member's instance identifier."""
    regions: pulumi.Output[dict[str, str]]
    """Each member's region."""
    arns: pulumi.Output[dict[str, str]]
    """Each member's ARN: what a backup plan selects."""
    kms_key_arns: pulumi.Output[dict[str, str]]
    """Each member's key."""
    security_group_ids: pulumi.Output[dict[str, list[str]]]
    """Each member's security groups."""
    zone_id: pulumi.Output[str | None]
    """The private zone of the writer's name, when there is one."""
    writer_ttl_seconds: pulumi.Output[int | None]
    """How long resolvers keep the old writer after a change of the name."""
    alarm_names: pulumi.Output[dict[str, list[str]]]
    """Each member's alarms, in its region."""
    predictions: pulumi.Output[list[PredictedRecovery]]
    """How long failures last for reads and writes, and how much they lose, with terms and sources."""
    warnings: pulumi.Output[list[str]]
    """What the objectives rest on or pay for, one line each."""

    def __init__(self, name: str, args: ReplicatedDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the database.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: Replication cannot meet the objectives; nothing has been registered.
        """
        plan = plan_database(args)
        super().__init__("seawall:index:ReplicatedDatabase", name, {}, opts)
        for warning in plan.warnings:
            pulumi.log.warn(warning.line, self)
        writer = _Member(self, name, plan, plan.writer, None)
        members = {plan.writer.name: writer} | {
            one.name: _Member(self, name, plan, one, writer.arn) for one in plan.replicas
        }
        self._members = members
        zone_id = self._writer_name(name, plan, plan.writer_name, writer.host) if plan.writer_name else None

        def by_member(attribute: str) -> pulumi.Output[Any]:
            return pulumi.Output.all(**{one.name: getattr(members[one.name], attribute) for one in plan.members})

        self.writer = pulumi.Output.from_input(plan.writer.name)
        self.writer_host = pulumi.Output.from_input(plan.writer_name.name) if plan.writer_name else writer.host
        self.port = pulumi.Output.from_input(plan.port)
        self.hosts = by_member("host")
        self.identifiers = by_member("identifier")
        self.regions = known({one.name: one.region for one in plan.members})
        self.arns = by_member("arn")
        self.kms_key_arns = by_member("key_arn")
        self.security_group_ids = by_member("security_group_ids")
        self.zone_id = pulumi.Output.from_input(zone_id)
        self.writer_ttl_seconds = pulumi.Output.from_input(plan.writer_name.ttl_seconds if plan.writer_name else None)
        self.alarm_names = by_member("alarm_names")
        self.predictions = known([plain_prediction(prediction) for prediction in plan.predictions])
        self.warnings = known([warning.line for warning in plan.warnings])
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def arn_of(self, member: str) -> pulumi.Output[str]:
        """A member's ARN, which depends on that member alone: what uses it is left alone when another one is rebuilt."""
        return self._members[member].arn

    def key_arn_of(self, member: str) -> pulumi.Output[str]:
        """A member's key, as `arn_of`."""
        return pulumi.Output.from_input(self._members[member].key_arn)

    def _writer_name(
        self, component: str, plan: DatabasePlan, name: WriterNamePlan, host: pulumi.Output[str]
    ) -> pulumi.Input[str]:
        """Declare the name that follows the writer; returns its zone's id."""
        zone_id = name.zone_id
        if zone_id is None:
            zone_id = aws.route53.Zone(
                component,
                name=name.zone_name,
                comment=f"The writer of {component}",
                vpcs=[
                    aws.route53.ZoneVpcArgs(vpc_id=one.vpc_id, vpc_region=one.region)
                    for one in plan.members
                    if one.vpc_id is not None
                ],
                tags={**own_tags(component), **plan.tags},
                opts=pulumi.ResourceOptions(parent=self),
            ).zone_id
        aws.route53.Record(
            f"{component}-writer",
            zone_id=zone_id,
            name=name.name,
            type="CNAME",
            ttl=name.ttl_seconds,
            records=[host],
            allow_overwrite=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return zone_id


class _Member:
    """The resources of one member, all in its region and named after it."""

    def __init__(
        self,
        parent: ReplicatedDatabase,
        component: str,
        plan: DatabasePlan,
        member: DatabaseMemberPlan,
        source_arn: pulumi.Output[str] | None,
    ) -> None:
        self._parent, self._component, self._plan, self._member = parent, component, plan, member
        self._name = f"{self._component}-{member.name}"
        # What an adopted instance is called may be taken by its old subnet group: ours have names of their own.
        self._own = instance_identifier(self._component, member.name)
        self._physical = member.identifier or self._own
        self._tags = {**own_tags(self._component), "seawall:member": member.name, **self._plan.tags}
        self._mark: pulumi.Output[str] | None = None
        self._vpc_id: pulumi.Output[str] | None = None
        self.security_group_ids: list[pulumi.Input[str]] = list(member.security_group_ids) or [self._security_group()]
        self.key_arn: pulumi.Input[str] = member.kms_key_arn if member.kms_key_arn is not None else self._key()
        instance = self._instance(source_arn)
        there = self._there(instance)
        self.arn = _after(there, instance.arn)
        self.host = _after(there, instance.address)
        self.identifier = _after(there, instance.identifier)
        self.alarm_names = [self._alarm(alarm) for alarm in self._alarms()]

    def _options(self, **more: Any) -> pulumi.ResourceOptions:
        settings: dict[str, Any] = {
            "protect": False if self._member.unprotected else None,
            # The provider deletes first what has a given name. Ours are free in another region: what is new comes first.
            "delete_before_replace": False,
            # The writer does not move; what belongs to it must not move ahead of that being refused.
            "ignore_changes": ["region"] if self._member.writes else [],
            **more,
        }
        return pulumi.ResourceOptions(parent=self._parent, **settings)

    def _security_group(self) -> pulumi.Output[str]:
        rule: dict[str, Any] = {
            "protocol": "tcp",
            "fromPort": self._plan.port,
            "toPort": self._plan.port,
            "description": "Networks that may connect",
        }
        for family, key in ((4, "cidrBlocks"), (6, "ipv6CidrBlocks")):
            if family in self._member.networks:
                rule[key] = list(self._member.networks[family])
        group = SecurityGroup(
            self._name,
            {
                "region": self._member.region,
                "name": self._own,
                "description": f"Who may connect to {self._component}",
                "vpcId": self._member.vpc_id,
                "ingress": [rule],
                "tags": self._tags,
            },
            # A subnet group stays in one network, and so does what runs in it.
            self._options(ignore_changes=[] if self._member.rebuilt else ["vpcId"] + ["region"] * self._member.writes),
        )
        self._vpc_id = group.vpc_id
        self._mark = group.id.apply(lambda known: known.removeprefix("sg-")[:MARK_LENGTH])
        return group.id

    def _key(self) -> pulumi.Output[str]:
        key = aws.kms.Key(
            self._name,
            region=self._member.region,
            description=f"Storage and backups of {self._physical}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            tags=self._tags,
            # What a deletion leaves behind (snapshots, automated backups) cannot be read without it.
            opts=self._options(retain_on_delete=self._plan.keep_backups),
        )
        aws.kms.Alias(
            self._name,
            region=self._member.region,
            name=f"alias/{self._own}",
            target_key_id=key.key_id,
            opts=self._options(),
        )
        self._mark = key.arn.apply(lambda known: known.rpartition("/")[2][:MARK_LENGTH])
        return key.arn

    def _subnet_group(self) -> pulumi.Input[str]:
        if self._member.subnet_group_name is not None:
            return self._member.subnet_group_name
        return aws.rds.SubnetGroup(
            self._name,
            region=self._member.region,
            name=self._own,
            description=f"Where {self._component} runs",
            subnet_ids=list(self._member.subnet_ids),
            tags=self._tags,
            opts=self._options(),
        ).name

    def _parameter_group(self) -> pulumi.Input[str]:
        if self._member.parameter_group_name is not None:
            return self._member.parameter_group_name
        family = parameter_family(self._plan.engine, self._plan.engine_version)
        return aws.rds.ParameterGroup(
            self._name,
            region=self._member.region,
            name=f"{self._own}-{family.replace('.', '-')}",  # a new major version has its group beside the old one's
            family=family,
            description=f"Parameters of {self._component}",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=one.name, value=one.value, apply_method=one.apply_method)
                for one in self._plan.parameters
            ],
            tags=self._tags,
            opts=self._options(),
        ).name

    def _instance(self, source_arn: pulumi.Output[str] | None) -> aws.rds.Instance:
        member, plan = self._member, self._plan
        settings = instance_settings(plan, member)
        if "password" in settings:
            settings["password"] = pulumi.Output.secret(settings["password"])
        if source_arn is not None:
            settings["replicate_source_db"] = source_arn
        elif plan.keep_backups:
            settings["final_snapshot_identifier"] = self._final_snapshot()
        more: dict[str, Any] = {
            "ignore_changes": ignored_inputs(plan, member),
            "import_": import_in(member.region, member.import_id),
        }
        if member.rebuilt:  # its name must be free before it is made anew
            more |= {"replace_on_changes": ["replicateSourceDb"], "delete_before_replace": True}
        return aws.rds.Instance(
            self._name,
            **settings,
            identifier=self._physical,
            db_subnet_group_name=self._subnet_group(),
            parameter_group_name=self._parameter_group(),
            vpc_security_group_ids=self.security_group_ids,
            kms_key_id=self.key_arn,
            tags=self._tags,
            opts=self._options(**more),
        )

    def _final_snapshot(self) -> pulumi.Input[str]:
        """The same while the instance lives, another one after it was made anew or promoted again."""
        stem = f"{self._physical}-final-{self._plan.epoch}"
        return self._mark.apply(lambda mark: f"{stem}-{mark}") if self._mark is not None else stem

    def _there(self, instance: aws.rds.Instance) -> pulumi.Output[None]:
        """Known once the instance is where, and encrypted as, the arguments say; raises when it is not."""

        def check(
            refuse: Callable[..., None], known: Sequence[pulumi.Input[Any]], *after: pulumi.Output[None]
        ) -> pulumi.Output[None]:
            def compare(values: list[Any]) -> None:
                try:
                    refuse(*values[: len(known)])
                except InvalidInput as error:
                    pulumi.log.error(str(error), self._parent)  # one line; what Pulumi makes of the exception is many
                    raise

            return pulumi.Output.all(*known, *after).apply(compare)

        moved = partial(refuse_moved, self._member)
        # One by one: a preview knows a region while it does not know a key yet. The region first: all else follows it.
        region = check(partial(moved, "region"), [self._member.region, instance.region])
        checks = [
            check(partial(moved, "identifier"), [self._physical, instance.identifier], region),
            check(partial(moved, "kms_key_arn"), [self.key_arn, instance.kms_key_id], region),
        ]
        if self._vpc_id is not None and self._member.vpc_id is not None:
            checks.append(check(partial(moved, "vpc_id"), [self._member.vpc_id, self._vpc_id], region))
        if self._member.writes:
            checks.append(check(partial(refuse_upgrade, self._plan), [instance.engine_version_actual], region))
        return pulumi.Output.all(*checks).apply(lambda _: None)

    def _alarms(self) -> tuple[AlarmPlan, ...]:
        plan = self._plan
        return member_alarms(plan.limits, plan.engine, writes=self._member.writes, replicas=len(plan.replicas))

    def _alarm(self, alarm: AlarmPlan) -> pulumi.Output[str]:
        actions = list(self._member.alarm_actions)
        return aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.purpose}",
            region=self._member.region,
            name=alarm_name(self._component, f"{self._member.name}-{alarm.purpose}"),
            alarm_description=f"{self._member.name} of {self._component} {alarm.says}.",
            namespace="AWS/RDS",
            metric_name=alarm.metric,
            dimensions={"DBInstanceIdentifier": self._physical},
            statistic=alarm.statistic,
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            period=PERIOD_SECONDS,
            evaluation_periods=alarm.datapoints,
            datapoints_to_alarm=alarm.datapoints,
            treat_missing_data=alarm.missing_data.value,
            alarm_actions=actions,
            ok_actions=actions,
            insufficient_data_actions=actions,
            tags=self._tags,
            opts=self._options(),
        ).name


def _after(there: pulumi.Output[None], value: pulumi.Output[str]) -> pulumi.Output[str]:
    """The value, once the instance was found where it should be."""
    return pulumi.Output.all(there, value).apply(lambda known: cast("str", known[1]))
