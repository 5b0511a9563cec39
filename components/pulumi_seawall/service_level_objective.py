"""`ServiceLevelObjective`: burn-rate alerts on availability and latency, in the Prometheus of every region."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._alert_timing import PredictedAlert, predicted
from pulumi_seawall._inputs import known
from pulumi_seawall._monitoring_args import ServiceLevelObjectiveArgs
from pulumi_seawall._monitoring_plan import plan_service_level_objective
from pulumi_seawall._prometheus_rule import declare_rules, rule_files
from pulumi_seawall._rule_groups import rule_file


class ServiceLevelObjective(pulumi.ComponentResource):
    """Two SLOs, availability and latency, as recording rules and multi-window, multi-burn-rate alerts.

    Windows and thresholds are computed from the period and the budget shares of Google's Site Reliability Workbook. An alert
    that could never fire, a Prometheus that forgets within the period, scrapes too rare for the shortest window and a
    latency at which no bucket ends are refused. Without requests nothing is recorded that could be NaN, and what silence
    means is a choice without a default.

    Each region's Prometheus judges its own region; `across_regions_file` judges all regions as one, in a Prometheus (or
    Thanos, or Mimir) that sees the series of every region. In Python, `providers` takes the program's own Kubernetes
    providers by region, so that each cluster needs one only.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """By region with a cluster: `namespace/name` of the PrometheusRule."""
    rule_files: pulumi.Output[dict[str, str]]
    """By region, the same rules as a file for a Prometheus without the operator: JSON, which is YAML too."""
    across_regions_file: pulumi.Output[str]
    """Rules over all regions, for a Prometheus that sees them all; their label `region` is `all`."""
    predictions: pulumi.Output[list[PredictedAlert]]
    """Seconds from a failure until each alert fires, with the terms."""

    def __init__(
        self,
        name: str,
        args: ServiceLevelObjectiveArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the rules.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_service_level_objective(args)
        super().__init__("seawall:index:ServiceLevelObjective", name, {}, opts)
        self.rule_names = known(declare_rules(self, name, plan.rules, providers))
        self.rule_files = known(rule_files(plan.rules))
        self.across_regions_file = known(rule_file(plan.across))
        self.predictions = known([predicted(alert) for alert in plan.rules.alerts])
        self.register_outputs(
            {
                "rule_names": self.rule_names,
                "rule_files": self.rule_files,
                "across_regions_file": self.across_regions_file,
                "predictions": self.predictions,
            }
        )
