"""`FailoverRecord`: one name in two regions, with checks, alarms and a prediction of how long a failover takes."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._failover_args import FailoverRecordArgs
from pulumi_seawall._failover_plan import FailoverPlan, RecordPlan, plan_failover
from pulumi_seawall._failover_sides import import_id_of
from pulumi_seawall._health_args import CalculatedRule, HealthCheckArgs, PredictedRecovery
from pulumi_seawall._health_plan import stated_detection
from pulumi_seawall._inputs import known, plain_prediction
from pulumi_seawall._naming import alarm_name, own_tags
from pulumi_seawall._record_sets import declare_record, resolved_alias
from pulumi_seawall._regions import ROUTE53_METRICS_REGION, in_metrics_region
from pulumi_seawall._targets import TargetPlan
from pulumi_seawall.failover_switch import FailoverSwitch
from pulumi_seawall.health_check import HealthCheck
from seawall.timing import FailureClass


class FailoverRecord(pulumi.ComponentResource):
    """One name, two regions: Route 53 answers with the primary while its check passes, else with the secondary.

    Per family (A, AAAA) a pair of failover records with role-based set identifiers, so that moving a region, or letting
    the sides change places, is an update in place; with `regional_name` a simple record per region for the check to probe;
    a `HealthCheck` per side that asks for one; with `alarm_actions` and two checks an alarm on both being unhealthy.

    With `switch` an operator moves clients to the standby by one command and without a deployment: each record follows a
    calculated check of the side's own check and the switch.

    When both sides are unhealthy Route 53 answers the primary; when the secondary has no check, the secondary
    (`both_unhealthy_answers`). A standby scaled to zero is unhealthy to its load balancer: then the primary is answered.

    `protect` in `opts` reaches the records, checks and alarms; whether to protect is the environment's choice. Nothing is
    overwritten that is not owned here: adopt existing records with `import_ids`.
    """

    fqdn: pulumi.Output[str]
    """The failover name, without the trailing dot."""
    ttl_seconds: pulumi.Output[int]
    """Seconds that resolvers keep the primary's answer; 60 for a load balancer."""
    predictions: pulumi.Output[list[PredictedRecovery]]
    """How long a failure lasts for clients, per failure class, with terms and sources."""
    recovery_time_typical_seconds: pulumi.Output[float]
    """Typical seconds from the loss of the primary's region until its clients reach the secondary."""
    recovery_time_worst_seconds: pulumi.Output[float]
    """The same at worst."""
    warnings: pulumi.Output[list[str]]
    """What the objectives rest on or pay for, one line each."""
    primary_health_check_id: pulumi.Output[str | None]
    """Id of the primary's check, when it has one."""
    secondary_health_check_id: pulumi.Output[str | None]
    """Id of the secondary's check, when it has one."""
    primary_record_check_id: pulumi.Output[str | None]
    """Id of the check on the primary's record: its own, or with an armed `switch` the one that counts both."""
    secondary_record_check_id: pulumi.Output[str | None]
    """The same of the secondary's record."""
    in_service_check_ids: pulumi.Output[list[str]]
    """Ids of the checks that count a side's own check and the switch, primary first; empty without `switch`."""
    switch_check_ids: pulumi.Output[list[str]]
    """Ids of the switch's own checks, the primary's first; empty without `switch`."""
    switch_positions: pulumi.Output[dict[str, str]]
    """What keeps the switch's position, by the region that it switches off; empty without `switch`."""
    throw_commands: pulumi.Output[list[str]]
    """What an operator runs so that the standby takes over; to be tried in order. Empty without `switch`."""
    release_commands: pulumi.Output[list[str]]
    """What an operator runs so that the primary serves again. Empty without `switch`."""
    status_commands: pulumi.Output[list[str]]
    """What tells whether the switch is thrown. Empty without `switch`."""
    prepare_commands: pulumi.Output[list[str]]
    """What must be run once after the first deployment of a switch with routing controls."""
    both_unhealthy_answers: pulumi.Output[str]
    """`primary` or `secondary`: what Route 53 answers when neither side is healthy."""
    alarm_names: pulumi.Output[list[str]]
    """Names of the alarms in us-east-1."""
    record_names: pulumi.Output[list[str]]
    """Every name that has records here: the failover name, then the regions' own."""

    def __init__(self, name: str, args: FailoverRecordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the pair.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: The failover cannot meet the objectives; nothing has been registered.
        """
        plan = plan_failover(args)
        super().__init__("seawall:index:FailoverRecord", name, {}, opts)
        for warning in plan.warnings:
            pulumi.log.warn(warning.line, self)
        # What belongs to a region is named after it: when the sides change places, as after a failover, nothing of it is
        # touched, and each failover record is pointed at the other region's addresses and check in one change.
        checks = {
            side.role: HealthCheck(f"{name}-{side.region}", side.health_check_args, pulumi.ResourceOptions(parent=self))
            for side in plan.sides
            if side.health_check_args
        }
        switch = (
            FailoverSwitch(f"{name}-switch", plan.switch, pulumi.ResourceOptions(parent=self))
            if plan.switch is not None
            else None
        )
        in_service = {
            side.role: self._in_service(name, side, plan, checks[side.role], _switch_id(switch, side.role))
            for side in plan.counted_sides
            if switch is not None
        }
        on_record = {side.role: _on_record(side, checks, in_service, switch) for side in plan.sides}
        aliases = {
            side.role: found
            for side in plan.sides
            if (found := resolved_alias(self, f"{name}-{side.region}", side, plan.zone_id)) is not None
        }
        for record in plan.records:
            alias = aliases.get(record.role, record.alias)
            declare_record(self, name, record, plan.zone_id, alias, _routing(record, on_record[record.role]))
        watched = [*checks.values(), *in_service.values()]
        alarms: list[pulumi.Output[str | None]] = [check.alarm_name for check in watched]
        if plan.both_unhealthy_alarm:
            # Each side as Route 53 takes it: with the switch where its record obeys it.
            answered = {role: in_service[role] if plan.primary.switched else check for role, check in checks.items()}
            alarms.append(
                pulumi.Output.from_input(self._both_unhealthy(name, plan, list(answered.values())).alarm_name)
            )

        region_lost = next(p for p in plan.predictions if p.failure_class is FailureClass.REGION)
        self.fqdn = pulumi.Output.from_input(plan.name)
        self.ttl_seconds = pulumi.Output.from_input(_ttl(plan))
        self.predictions = known([plain_prediction(prediction) for prediction in plan.predictions])
        self.recovery_time_typical_seconds = pulumi.Output.from_input(region_lost.typical_seconds)
        self.recovery_time_worst_seconds = pulumi.Output.from_input(region_lost.worst_seconds)
        self.warnings = known([warning.line for warning in plan.warnings])
        own = {role: check.health_check_id for role, check in checks.items()}
        self.primary_health_check_id = _maybe(own.get("primary"))
        self.secondary_health_check_id = _maybe(own.get("secondary"))
        self.primary_record_check_id = _maybe(on_record["primary"])
        self.secondary_record_check_id = _maybe(on_record["secondary"])
        self.in_service_check_ids = pulumi.Output.all(*(check.health_check_id for check in in_service.values())).apply(
            lambda ids: [str(id_) for id_ in ids]
        )
        switch_ids = [switch.primary_check_id, switch.standby_check_id] if switch else []
        self.switch_check_ids = pulumi.Output.all(*switch_ids).apply(lambda ids: [str(id_) for id_ in ids])
        self.switch_positions = switch.positions if switch else known({})
        self.throw_commands = switch.throw_commands if switch else known([])
        self.release_commands = switch.release_commands if switch else known([])
        self.status_commands = switch.status_commands if switch else known([])
        self.prepare_commands = switch.prepare_commands if switch else known([])
        answers = "primary" if plan.secondary.checked else "secondary"
        self.both_unhealthy_answers = pulumi.Output.from_input(answers)
        self.alarm_names = pulumi.Output.all(*alarms).apply(lambda names: [name for name in names if name])
        self.record_names = known(list(dict.fromkeys(record.name for record in plan.records)))
        self.register_outputs(
            {
                "fqdn": self.fqdn,
                "ttl_seconds": self.ttl_seconds,
                "predictions": self.predictions,
                "recovery_time_typical_seconds": self.recovery_time_typical_seconds,
                "recovery_time_worst_seconds": self.recovery_time_worst_seconds,
                "warnings": self.warnings,
                "primary_health_check_id": self.primary_health_check_id,
                "secondary_health_check_id": self.secondary_health_check_id,
                "primary_record_check_id": self.primary_record_check_id,
                "secondary_record_check_id": self.secondary_record_check_id,
                "in_service_check_ids": self.in_service_check_ids,
                "switch_check_ids": self.switch_check_ids,
                "switch_positions": self.switch_positions,
                "throw_commands": self.throw_commands,
                "release_commands": self.release_commands,
                "status_commands": self.status_commands,
                "prepare_commands": self.prepare_commands,
                "both_unhealthy_answers": self.both_unhealthy_answers,
                "alarm_names": self.alarm_names,
                "record_names": self.record_names,
            }
        )

    def _in_service(
        self, name: str, side: TargetPlan, plan: FailoverPlan, own: HealthCheck, switch_id: pulumi.Output[str]
    ) -> HealthCheck:
        """Both the endpoint and the switch must be well. Named after the region, as what it counts is."""
        args: HealthCheckArgs = {
            "calculated": {"children": [own.health_check_id, switch_id], "rule": CalculatedRule.ALL},
            "status_alarm": plan.status_alarms,
            "tags": dict(plan.tags),
        }
        if side.health_check is not None:
            args["detection"] = stated_detection(side.health_check.detection)
        if plan.status_alarms:
            args["alarm_actions"] = list(plan.alarm_actions)
        import_id = import_id_of(plan.import_ids, f"{side.role}_in_service_check")
        if import_id is not None:
            args["import_id"] = import_id
        alarm_import_id = import_id_of(plan.import_ids, f"{side.role}_in_service_alarm")
        if alarm_import_id is not None:
            args["status_alarm_import_id"] = alarm_import_id
        return HealthCheck(f"{name}-{side.region}-in-service", args, pulumi.ResourceOptions(parent=self))

    def _both_unhealthy(
        self, name: str, plan: FailoverPlan, checks: list[HealthCheck]
    ) -> aws.cloudwatch.CompositeAlarm:
        import_id = plan.import_ids.get("both_unhealthy_alarm")
        actions = list(plan.alarm_actions)
        rule = pulumi.Output.all(*(check.alarm_name for check in checks)).apply(
            lambda names: " AND ".join(f'ALARM("{alarm}")' for alarm in names)
        )
        return aws.cloudwatch.CompositeAlarm(
            f"{name}-both-unhealthy",
            region=ROUTE53_METRICS_REGION,
            alarm_name=import_id or alarm_name(name, "both-unhealthy"),
            alarm_description=f"Both sides of {plan.name} are unhealthy; Route 53 answers the primary.",
            alarm_rule=rule,
            alarm_actions=actions,
            ok_actions=actions,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=in_metrics_region(import_id)),
        )


def _switch_id(switch: FailoverSwitch, role: str) -> pulumi.Output[str]:
    return switch.primary_check_id if role == "primary" else switch.standby_check_id


def _on_record(
    side: TargetPlan,
    checks: Mapping[str, HealthCheck],
    in_service: Mapping[str, HealthCheck],
    switch: FailoverSwitch | None,
) -> pulumi.Output[str] | None:
    """Id of the check that a side's records follow: its own, the switch's, or the one that counts both."""
    if switch is None or not side.switched:
        return checks[side.role].health_check_id if side.role in checks else None
    if side.role in in_service:
        return in_service[side.role].health_check_id
    return _switch_id(switch, side.role)


def _routing(record: RecordPlan, check_id: pulumi.Output[str] | None) -> dict[str, Any]:
    if not record.failover:
        return {}
    policy = aws.route53.RecordFailoverRoutingPolicyArgs(type=record.role.upper())
    return {"failover_routing_policies": [policy], **({} if check_id is None else {"health_check_id": check_id})}


def _maybe(id_: pulumi.Output[str] | None) -> pulumi.Output[str | None]:
    return id_ if id_ is not None else pulumi.Output.from_input(None)


def _ttl(plan: FailoverPlan) -> int:
    if plan.primary.alias is not None or plan.ttl_seconds is None:
        return plan.primary.alias_ttl_seconds
    return plan.ttl_seconds
