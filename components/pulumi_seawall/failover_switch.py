"""`FailoverSwitch`: by hand, and in the data plane alone, the standby takes over the primary's place."""

from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._control_check import control_settings
from pulumi_seawall._naming import own_tags, physical_name
from pulumi_seawall._regions import import_in
from pulumi_seawall._s3_bucket import S3Resource, declare_bucket, declare_policy
from pulumi_seawall._switch_args import FailoverSwitchArgs
from pulumi_seawall._switch_plan import (
    Commands,
    ObjectPlan,
    RoutingControlPlan,
    SwitchedRegion,
    bucket_policy,
    control_commands,
    object_commands,
    plan_switch,
    takes_seconds,
)

CHECKERS_SERVICE = "route53_healthchecks"  # how AWS's list of address ranges calls Route 53's checkers
LONGEST_CONTROL_NAME = 64  # characters of a cluster's, panel's, control's and safety rule's name
SAFETY_WAIT_MS = 5000  # milliseconds for which a changed set of controls is looked at, AWS's own example
FEWEST_CONTROLS_ON = 1  # the safety rule: somebody serves


_ByRegion = dict[str, pulumi.Output[str]]
_Declared = tuple[_ByRegion, _ByRegion, pulumi.Output[Commands]]  # checks and positions by the region switched off


class FailoverSwitch(pulumi.ComponentResource):
    """The operator's switch: thrown, the primary counts as unhealthy and the standby is answered.

    Two forms behind one interface. `object`: each region has a bucket, with Block Public Access on, whose policy lets
    Route 53's checkers alone see one object; its presence switches the *other* region off. `routing_control`: a pair of
    routing controls of Application Recovery Controller, which five regions keep, with a safety rule that refuses to turn
    both off.

    Neither form needs the primary's region, nor a control plane, nor a deployment: `throw_commands` are calls to S3 in
    the standby's region, or to a cluster's endpoints. When the standby's region is lost too, its object cannot be seen,
    which counts as not thrown, and the primary stays.

    Everything is named after the region that it switches, so that regions which change places after a failover replace
    nothing: a new inverted check counts as unhealthy until its first results. Put `primary_check_id` on the primary's
    record, counted with the endpoint's own check by a calculated check of rule `all`, and `standby_check_id` likewise on
    the standby's. `FailoverRecord` does all of that with its argument `switch`.
    """

    primary_check_id: pulumi.Output[str]
    """Id of the check that is healthy while the primary may serve."""
    standby_check_id: pulumi.Output[str]
    """Id of the check that is healthy while the standby may serve."""
    positions: pulumi.Output[dict[str, str]]
    """What keeps the switch's position, by the region that it switches off: `s3://BUCKET/KEY`, where an object means
    switched off, or a routing control's ARN."""
    throw_commands: pulumi.Output[list[str]]
    """What an operator runs so that the standby takes over; to be tried in order, the first that answers is enough."""
    release_commands: pulumi.Output[list[str]]
    """What an operator runs so that the primary serves again."""
    status_commands: pulumi.Output[list[str]]
    """What tells whether it is thrown: `object`: found means thrown; `routing_control`: Off means thrown."""
    prepare_commands: pulumi.Output[list[str]]
    """What must be run once after the first deployment; empty with `object`. New routing controls are off, and while
    both are, the primary is answered and nothing fails over by itself."""
    takes_typical_seconds: pulumi.Output[float]
    """Seconds from the command until Route 53 answers otherwise, typically; without TTL and client caches."""
    takes_worst_seconds: pulumi.Output[float]
    """The same at worst."""

    def __init__(self, name: str, args: FailoverSwitchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the switch, not thrown.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_switch(args)
        super().__init__("seawall:index:FailoverSwitch", name, {}, opts)
        self._name = name
        self._plan = plan
        form = plan.form
        object_form = isinstance(form, ObjectPlan)
        checks, positions, commands = self._object(form) if object_form else self._routing_control(form)
        self.primary_check_id = checks[plan.primary.region]
        self.standby_check_id = checks[plan.standby.region]
        self.positions = pulumi.Output.all(**positions).apply(lambda known: {key: str(known[key]) for key in positions})
        self.throw_commands = commands.apply(lambda known: known.throw)
        self.release_commands = commands.apply(lambda known: known.release)
        self.status_commands = commands.apply(lambda known: known.status)
        self.prepare_commands = commands.apply(lambda known: known.prepare)
        self.takes_typical_seconds = pulumi.Output.from_input(takes_seconds(plan, worst=False))
        self.takes_worst_seconds = pulumi.Output.from_input(takes_seconds(plan, worst=True))
        self.register_outputs(
            {
                "primary_check_id": self.primary_check_id,
                "standby_check_id": self.standby_check_id,
                "positions": self.positions,
                "throw_commands": self.throw_commands,
                "release_commands": self.release_commands,
                "status_commands": self.status_commands,
                "prepare_commands": self.prepare_commands,
                "takes_typical_seconds": self.takes_typical_seconds,
                "takes_worst_seconds": self.takes_worst_seconds,
            }
        )

    def _options(self, import_id: str | None = None, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, import_=import_id, depends_on=list(after))

    def _tags(self) -> dict[str, str]:
        return {**own_tags(self._name), **self._plan.tags}

    def _object(self, form: ObjectPlan) -> _Declared:
        cidrs = (
            pulumi.Output.all(*form.cidrs)
            if form.cidrs is not None
            else aws.get_ip_ranges_output(services=[CHECKERS_SERVICE]).apply(lambda found: list(found.cidr_blocks))
        )
        checks: _ByRegion = {}
        positions: _ByRegion = {}
        buckets: dict[str, S3Resource] = {}
        for side in self._plan.regions:
            bucket, policy = self._bucket(form, side, cidrs)
            settings = {**form.check.settings, "fqdn": bucket.output("bucketRegionalDomainName")}
            checks[side.region] = self._check(side, settings, policy)
            buckets[side.role] = bucket
            positions[side.region] = pulumi.Output.concat("s3://", bucket.output("bucket"), "/", form.key)
        primary = self._plan.primary
        commands = (
            buckets["primary"]
            .output("bucket")
            .apply(lambda bucket: object_commands(primary.switched_from, bucket, form.key))
        )
        return checks, positions, commands

    def _bucket(
        self, form: ObjectPlan, side: SwitchedRegion, cidrs: pulumi.Output[list[str]]
    ) -> tuple[S3Resource, S3Resource]:
        """A bucket in the other region, which is what is left when this one is lost, and who may look into it."""
        name, region = f"{self._name}-{side.region}", side.switched_from
        adopted = side.import_ids.get("bucket")
        opts = self._options(import_in(region, adopted))
        bucket = declare_bucket(name, region, adopted, {**self._tags(), "Name": name}, opts)
        text = pulumi.Output.all(bucket.output("arn"), cidrs).apply(
            lambda known: bucket_policy(str(known[0]), form.key, [str(cidr) for cidr in known[1]])
        )
        policy = declare_policy(name, region, bucket.output("bucket"), text, self)
        return bucket, policy

    def _routing_control(self, form: RoutingControlPlan) -> _Declared:
        plan, ids = self._plan, self._plan.import_ids
        label = physical_name(pulumi.get_project(), pulumi.get_stack(), self._name, longest=LONGEST_CONTROL_NAME)
        cluster_arn, endpoints = self._cluster(form, label)
        panel = aws.route53recoverycontrol.ControlPanel(
            self._name,
            name=label,
            cluster_arn=cluster_arn,
            tags=self._tags(),
            opts=self._options(ids.get("control_panel")),
        )
        arns: _ByRegion = {}
        checks: _ByRegion = {}
        positions: _ByRegion = {}
        for side in plan.regions:
            control = aws.route53recoverycontrol.RoutingControl(
                f"{self._name}-{side.region}",
                name=physical_name(label, side.region, longest=LONGEST_CONTROL_NAME),
                cluster_arn=cluster_arn,
                control_panel_arn=panel.arn,
                opts=self._options(side.import_ids.get("routing_control")),
            )
            arns[side.role] = positions[side.region] = control.arn
            checks[side.region] = self._check(side, control_settings(control.arn))
        aws.route53recoverycontrol.SafetyRule(
            self._name,
            name=physical_name(label, "somebody-serves", longest=LONGEST_CONTROL_NAME),
            control_panel_arn=panel.arn,
            asserted_controls=[positions[region] for region in sorted(positions)],  # another order is another rule
            wait_period_ms=SAFETY_WAIT_MS,
            rule_config=aws.route53recoverycontrol.SafetyRuleRuleConfigArgs(
                inverted=False, threshold=FEWEST_CONTROLS_ON, type="ATLEAST"
            ),
            tags=self._tags(),
            opts=self._options(ids.get("safety_rule")),
        )
        commands = pulumi.Output.all(endpoints, arns["primary"], arns["standby"]).apply(
            lambda known: control_commands(plan, known[0], str(known[1]), str(known[2]))
        )
        return checks, positions, commands

    def _cluster(self, form: RoutingControlPlan, label: str) -> tuple[pulumi.Input[str], pulumi.Input[dict[str, str]]]:
        """ARN, and endpoint URLs by region, of the cluster that is there already or of one declared here."""
        if form.cluster_arn is not None:
            return form.cluster_arn, dict(form.cluster_endpoints)
        cluster = aws.route53recoverycontrol.Cluster(
            self._name,
            name=label,
            tags=self._tags(),
            opts=self._options(self._plan.import_ids.get("cluster")),
        )
        return cluster.arn, cluster.cluster_endpoints.apply(
            lambda known: {str(one.region): str(one.endpoint) for one in known}
        )

    def _check(self, side: SwitchedRegion, settings: dict[str, Any], *after: pulumi.Resource) -> pulumi.Output[str]:
        name = f"{self._name}-{side.region}"
        check = aws.route53.HealthCheck(
            name,
            **settings,
            tags={**self._tags(), "Name": name},
            opts=self._options(side.import_ids.get("health_check"), *after),
        )
        return check.id
