"""`AlertRules`: alerts on a service's requests, processes, breakers, endpoints, replicas, releases and backups."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._alert_timing import PredictedAlert, predicted
from pulumi_seawall._inputs import known
from pulumi_seawall._monitoring_args import AlertRulesArgs
from pulumi_seawall._monitoring_plan import plan_alert_rules
from pulumi_seawall._prometheus_rule import declare_rules, rule_files


class AlertRules(pulumi.ComponentResource):
    """Twelve alerts over what the runtime exports; each has a runbook, a severity and a predicted time to fire.

    HighErrorRate, HighLatency and ServiceDown are symptoms. BreakerOpen, EndpointEjected, NoHealthyEndpoint, ReplicaLag,
    ReplicaUnfit, NoWriter and TwoWriters are causes; LostWrites and FailoverHappened say what has happened. What flaps is
    one alert that lasts. An app without breakers or replicas exports no such series, and those alerts stay silent. With
    `rollouts` there are CanaryAborted and CanaryUnwatched, with `backups` there is BackupMissing: that one fires without data, too.

    In Python, `providers` takes the program's own Kubernetes providers by region, so that each cluster needs one only.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """By region with a cluster: `namespace/name` of the PrometheusRule."""
    rule_files: pulumi.Output[dict[str, str]]
    """By region, the same rules as a file for a Prometheus without the operator: JSON, which is YAML too."""
    predictions: pulumi.Output[list[PredictedAlert]]
    """Seconds from a failure until each alert fires, with the terms."""

    def __init__(
        self,
        name: str,
        args: AlertRulesArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the rules.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_alert_rules(args)
        super().__init__("seawall:index:AlertRules", name, {}, opts)
        self.rule_names = known(declare_rules(self, name, plan, providers))
        self.rule_files = known(rule_files(plan))
        self.predictions = known([predicted(alert) for alert in plan.alerts])
        self.register_outputs(
            {"rule_names": self.rule_names, "rule_files": self.rule_files, "predictions": self.predictions}
        )
