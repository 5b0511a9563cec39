"""`Watchdog`: a heartbeat per region that stops when data stops, and the receiver that passes it on."""

import json
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._inputs import known
from pulumi_seawall._monitoring_args import WatchdogArgs
from pulumi_seawall._monitoring_plan import plan_watchdog
from pulumi_seawall._prometheus_rule import declare_rules, rule_files


class Watchdog(pulumi.ComponentResource):
    """An alert that always fires while fresh data of the service arrives, for a dead-man's switch outside.

    A dead region's Prometheus reports nothing, and neither does one that has stopped scraping: only somebody outside can
    notice. `receivers` holds the route and the receiver for each region's Alertmanager; put the route first. The switch tells
    somebody when no heartbeat has come for `silent_after_seconds`.

    In Python, `providers` takes the program's own Kubernetes providers by region, so that each cluster needs one only.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """By region with a cluster: `namespace/name` of the PrometheusRule."""
    rule_files: pulumi.Output[dict[str, str]]
    """By region, the same rule as a file for a Prometheus without the operator: JSON, which is YAML too."""
    receivers: pulumi.Output[dict[str, str]]
    """By region: `route` and `receiver` for Alertmanager's configuration, as JSON."""
    silent_after_seconds: pulumi.Output[float]
    """What the switch outside is to wait, in seconds."""

    def __init__(
        self,
        name: str,
        args: WatchdogArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the heartbeat.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_watchdog(args)
        super().__init__("seawall:index:Watchdog", name, {}, opts)
        self.rule_names = known(declare_rules(self, name, plan.rules, providers))
        self.rule_files = known(rule_files(plan.rules))
        self.receivers = known({region: json.dumps(config, indent=2) for region, config in plan.receivers.items()})
        self.silent_after_seconds = pulumi.Output.from_input(plan.silent_after_seconds)
        self.register_outputs(
            {
                "rule_names": self.rule_names,
                "rule_files": self.rule_files,
                "receivers": self.receivers,
                "silent_after_seconds": self.silent_after_seconds,
            }
        )
