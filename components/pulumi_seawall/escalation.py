"""`Escalation`: who is told of which alerts, and who next, in every region."""

import json
from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._clusters import provider_of
from pulumi_seawall._escalation_args import EscalationArgs
from pulumi_seawall._escalation_plan import PURPOSE, PredictedStep, plan_escalation
from pulumi_seawall._inputs import known
from pulumi_seawall._kubernetes_object import KubernetesObject

API_VERSION: Final = "monitoring.coreos.com/v1alpha1"
"""What the operator serves by default: v1beta1 takes a conversion webhook that is set up by hand."""
KIND: Final = "AlertmanagerConfig"
RESOURCE: Final = "kubernetes:monitoring.coreos.com/v1alpha1:AlertmanagerConfig"


class Escalation(pulumi.ComponentResource):
    """Routes from each level of alerts to those who are told: on-call at once, then the manager, then the team.

    SEV1 has 15 minutes until the next party is told, SEV2 60, SEV3 240 and the team alone; Alertmanager's own times follow from
    these. By time alone a silence is the acknowledgement; with `incidents` the later parties are told by
    `seawall incident serve`, which knows acknowledgements. Everybody is told when an alert has ended. While ServiceDown fires,
    milder alerts of the service in the region are kept back, those on lost data excepted. The Watchdog's heartbeat goes first.

    In Python, `providers` takes the program's own Kubernetes providers by region, so that each cluster needs one only.
    """

    config_names: pulumi.Output[dict[str, str]]
    """By region with a cluster: `namespace/name` of the AlertmanagerConfig."""
    alertmanager_files: pulumi.Output[dict[str, str]]
    """By region, a whole configuration for an Alertmanager without the operator: JSON, which is YAML too. Secrets are files."""
    steps: pulumi.Output[list[PredictedStep]]
    """Seconds from an alert's firing until each party is told."""

    def __init__(
        self,
        name: str,
        args: EscalationArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the routes.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_escalation(args)
        super().__init__("seawall:index:Escalation", name, {}, opts)
        service = plan.monitoring.service
        names: dict[str, str] = {}
        for region, reach in plan.monitoring.clusters.items():
            labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/component": PURPOSE, **plan.labels}
            namespace = plan.namespaces[region]
            KubernetesObject(
                RESOURCE,
                f"{name}-{region}",
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "metadata": {"name": plan.object_name, "namespace": namespace, "labels": labels},
                    "spec": plan.specs[region],
                },
                pulumi.ResourceOptions(parent=self, provider=provider_of(self, name, region, reach, providers)),
            )
            names[region] = f"{namespace}/{plan.object_name}"
        self.config_names = known(names)
        self.alertmanager_files = known(
            {region: json.dumps(config, indent=2) + "\n" for region, config in plan.configs.items()}
        )
        self.steps = known(list(plan.steps))
        self.register_outputs(
            {"config_names": self.config_names, "alertmanager_files": self.alertmanager_files, "steps": self.steps}
        )
