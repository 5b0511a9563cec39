"""`HealthCheck`: a Route 53 health check, declared, adopted or used as it is, and the alarm on its status."""

from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_seawall._health_args import HealthCheckArgs, PredictedTerm
from pulumi_seawall._health_plan import HealthCheckPlan, plan_health_check
from pulumi_seawall._inputs import known, plain_terms
from pulumi_seawall._naming import alarm_name, own_tags
from pulumi_seawall._regions import ROUTE53_METRICS_REGION, in_metrics_region
from seawall.timing import Term

STATUS_PERIOD_SECONDS = 60  # Route 53 publishes HealthCheckStatus once a minute


class HealthCheck(pulumi.ComponentResource):
    """A Route 53 health check and the alarm on its status.

    Five forms: `endpoint` (checkers probe over the internet), `calculated` (counts other checks), `alarm` (follows a
    CloudWatch alarm; the form for private targets), `routing_control_arn` (follows a routing control), `health_check_id` (a
    check that exists and stays someone else's).

    A check's type, interval and latency measuring cannot change: Pulumi then makes the new check, moves what refers to
    it, and deletes the old one. No name stands in the way of that. `disabled` is not offered: a disabled check counts as
    healthy; use `inverted` to force a failover. A new check counts as healthy until its first results.

    The status alarm watches `HealthCheckStatus` in us-east-1, where these metrics are. Missing data is no failure and no
    success: the alarm then turns INSUFFICIENT_DATA and notifies of that, so that a check deleted by hand is noticed and
    a new one pages nobody.
    """

    health_check_id: pulumi.Output[str]
    """Id of the check."""
    alarm_name: pulumi.Output[str | None]
    """Name of the status alarm in us-east-1, when there is one."""
    alarm_arn: pulumi.Output[str | None]
    """Its ARN."""
    detection_typical_seconds: pulumi.Output[float]
    """Seconds from a region's loss until Route 53 knows, typically."""
    detection_worst_seconds: pulumi.Output[float]
    """The same at worst."""
    detection: pulumi.Output[list[PredictedTerm]]
    """The terms of both, with their sources."""

    def __init__(self, name: str, args: HealthCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the check.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_health_check(args)
        super().__init__("seawall:index:HealthCheck", name, {}, opts)
        self.health_check_id = pulumi.Output.from_input(self._check(name, plan))
        alarm = self._status_alarm(name, plan) if plan.status_alarm else None
        self.alarm_name = alarm.name if alarm else pulumi.Output.from_input(None)
        self.alarm_arn = alarm.arn if alarm else pulumi.Output.from_input(None)
        self.detection_typical_seconds = pulumi.Output.from_input(_total(plan.detection, worst=False))
        self.detection_worst_seconds = pulumi.Output.from_input(_total(plan.detection, worst=True))
        self.detection = known(plain_terms(plan.detection))
        self.register_outputs(
            {
                "health_check_id": self.health_check_id,
                "alarm_name": self.alarm_name,
                "alarm_arn": self.alarm_arn,
                "detection_typical_seconds": self.detection_typical_seconds,
                "detection_worst_seconds": self.detection_worst_seconds,
                "detection": self.detection,
            }
        )

    def _check(self, name: str, plan: HealthCheckPlan) -> pulumi.Input[str]:
        if plan.check is None:
            assert plan.health_check_id is not None  # noqa: S101  # the plan has one of the two
            return plan.health_check_id
        settings: dict[str, Any] = dict(plan.check.settings)
        check = aws.route53.HealthCheck(
            name,
            **settings,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=plan.import_id),
        )
        return check.id

    def _status_alarm(self, name: str, plan: HealthCheckPlan) -> aws.cloudwatch.MetricAlarm:
        actions = list(plan.alarm_actions)
        return aws.cloudwatch.MetricAlarm(
            f"{name}-status",
            region=ROUTE53_METRICS_REGION,
            name=plan.status_alarm_import_id or alarm_name(name, "unhealthy"),
            alarm_description=f"Route 53 calls {name} unhealthy.",
            namespace="AWS/Route53",
            metric_name="HealthCheckStatus",
            dimensions={"HealthCheckId": self.health_check_id},
            statistic="Minimum",
            comparison_operator="LessThanThreshold",
            threshold=1,
            period=STATUS_PERIOD_SECONDS,
            evaluation_periods=1,
            treat_missing_data="missing",
            alarm_actions=actions,
            ok_actions=actions,
            insufficient_data_actions=actions,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=in_metrics_region(plan.status_alarm_import_id)),
        )


def _total(terms: tuple[Term, ...], *, worst: bool) -> float:
    return sum(term.worst_seconds if worst else term.typical_seconds for term in terms)
