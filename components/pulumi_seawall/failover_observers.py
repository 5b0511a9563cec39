"""`FailoverObservers`: who watches a service from each failure domain, votes, and perhaps fails over."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall import _observers_manifests as manifests
from pulumi_seawall._clusters import provider_of
from pulumi_seawall._inputs import known
from pulumi_seawall._kubernetes_object import KubernetesObject
from pulumi_seawall._observers_args import FailoverObserversArgs
from pulumi_seawall._observers_plan import ObserversPlan, plan_failover_observers

CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
NETWORK_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
SERVICE_ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"


class FailoverObservers(pulumi.ComponentResource):
    """An observer per failure domain: a Deployment of one pod that runs `seawall failover observe`, and its settings.

    Each has one voice, and each decides for itself; with `act` one of them fails over. Their name is that of the domain, so
    that an observer that was restarted knows what it has seen healthy. A pod whose rounds have stopped is started anew, and so
    is every pod whose settings have changed. Observers export no metrics: a silent one is seen on the board, by
    `seawall failover status`, and by the others, to whom it is unknown.

    Pods have AWS's rights from a `WorkloadIdentity` for their service account: of the purpose `observer`, or with `act` of
    `operator`. In Python, `providers` takes the program's own Kubernetes providers by region, so that each cluster needs one
    only; ConfigMaps are changed in place by one that is told so.
    """

    deployments: pulumi.Output[dict[str, str]]
    """By region: `namespace/name` of the Deployment."""
    observers: pulumi.Output[dict[str, str]]
    """By region: the observer's name on the board."""
    settings: pulumi.Output[str]
    """The file that observers and operators share: `seawall failover status --settings`."""
    elsewhere: pulumi.Output[list[str]]
    """Domains without a cluster here: somebody else runs an observer in each, or it has no voice."""
    warnings: pulumi.Output[list[str]]
    """Where nothing is ever acted on although the arguments do not ask for that: why."""

    def __init__(
        self,
        name: str,
        args: FailoverObserversArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the observers.

        Raises:
            InvalidInput: An argument is not allowed, or something is kept where it is lost together with what it is for;
                nothing has been registered.
        """
        plan = plan_failover_observers(args)
        super().__init__("seawall:index:FailoverObservers", name, {}, opts)
        for warning in plan.warnings:
            pulumi.log.warn(warning, self)
        for region, reach in plan.clusters.items():
            provider = provider_of(self, name, region, reach, providers, mutable_config_maps=True)
            self._declare(f"{name}-{region}", plan, region, provider)

        self.deployments = known({region: f"{reach.namespace}/{plan.name}" for region, reach in plan.clusters.items()})
        self.observers = known({region: plan.observer(region) for region in plan.clusters})
        self.settings = pulumi.Output.from_input(plan.settings.text)
        self.elsewhere = known(list(plan.elsewhere))
        self.warnings = known(list(plan.warnings))
        self.register_outputs(
            {
                "deployments": self.deployments,
                "observers": self.observers,
                "settings": self.settings,
                "elsewhere": self.elsewhere,
                "warnings": self.warnings,
            }
        )

    def _declare(self, name: str, plan: ObserversPlan, region: str, provider: kubernetes.Provider) -> None:
        """The objects of one region; the Deployment after what its pods need."""
        options = pulumi.ResourceOptions(parent=self, provider=provider)

        def made(
            token: str, purpose: str, manifest: Mapping[str, Any], after: list[pulumi.Resource]
        ) -> pulumi.Resource:
            waiting = pulumi.ResourceOptions(depends_on=after)
            merged = pulumi.ResourceOptions.merge(options, waiting)
            return KubernetesObject(token, f"{name}-{purpose}", manifest, merged)

        needed = [made(CONFIG_MAP, "settings", manifests.config_map(plan, region), [])]
        if (account := manifests.service_account(plan, region)) is not None:
            needed.append(made(SERVICE_ACCOUNT, "account", account, []))
        if (policy := manifests.network_policy(plan, region)) is not None:
            needed.append(made(NETWORK_POLICY, "network", policy, []))
        made(DEPLOYMENT, "observer", manifests.deployment(plan, region), needed)
