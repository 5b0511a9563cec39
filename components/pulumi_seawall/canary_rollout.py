"""`CanaryRollout`: releases a bit at a time, judged by their own pods' metrics, in one region after another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall import _rollout_manifests as manifests
from pulumi_seawall._canary_analysis_args import CanaryJudgement
from pulumi_seawall._clusters import provider_of
from pulumi_seawall._inputs import is_plain, known
from pulumi_seawall._kubernetes_object import KubernetesObject
from pulumi_seawall._rollout_args import CanaryRolloutArgs
from pulumi_seawall._rollout_plan import RolloutPlan, plan_canary_rollout

ROLLOUT: Final = "kubernetes:argoproj.io/v1alpha1:Rollout"
ANALYSIS_TEMPLATE: Final = "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate"
SERVICE: Final = "kubernetes:core/v1:Service"
SERVICE_ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"
NAMESPACE_PATCH: Final = "kubernetes:core/v1:NamespacePatch"
POD_MONITOR: Final = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
HTTP_ROUTE: Final = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
DISRUPTION_BUDGET: Final = "kubernetes:policy/v1:PodDisruptionBudget"
AUTOSCALER: Final = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"


class CanaryRollout(pulumi.ComponentResource):
    """An Argo Rollout per region, with everything around it: Services, analyses, a budget for disruptions, scraping.

    A release first asks the error budget, then takes a share of the traffic, waits, is judged by its own pods' errors and
    latency beside those of the stable release, and takes the next share. What fails is taken back by Argo, in the cluster
    itself.

    Regions follow one another: a deployment waits until the release is healthy in one before it begins the next, and fails
    after `wait_seconds` without having touched the others. In Python, `providers` takes the program's own Kubernetes
    providers by region, so that each cluster needs one only.
    """

    rollouts: pulumi.Output[dict[str, str]]
    """By region: `namespace/name` of the Rollout."""
    order: pulumi.Output[list[str]]
    """Regions in the order of a release."""
    services: pulumi.Output[dict[str, str]]
    """By region: `namespace/name` of the Service of all pods."""
    region_seconds: pulumi.Output[float]
    """How long a release takes in one region when all goes well, in seconds: pauses and analyses."""
    wait_seconds: pulumi.Output[int]
    """How long a deployment waits for one region before it fails, in seconds."""
    judgement: pulumi.Output[CanaryJudgement]
    """What the analysis looks at, and how sure it is; the same in every region."""

    def __init__(
        self,
        name: str,
        args: CanaryRolloutArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the release.

        Raises:
            InvalidInput: An argument is not allowed, or two regions could be released to at once; nothing has been
                registered.
        """
        plan = plan_canary_rollout(args)
        super().__init__("seawall:index:CanaryRollout", name, {}, opts)
        before: list[pulumi.Resource] = []
        for region in plan.order:
            provider = provider_of(self, name, region, plan.monitoring.clusters[region], providers)
            before = [_Region(self, f"{name}-{region}", plan, region, provider).declare(after=before)]

        places = {region: f"{plan.monitoring.clusters[region].namespace}/{plan.name}" for region in plan.order}
        self.rollouts = known(places)
        self.order = known(list(plan.order))
        self.services = known(dict(places))
        self.region_seconds = pulumi.Output.from_input(plan.region_seconds)
        self.wait_seconds = pulumi.Output.from_input(plan.wait_seconds)
        self.judgement = known(plan.analyses[plan.order[0]].judgement)
        self.register_outputs(
            {
                "rollouts": self.rollouts,
                "order": self.order,
                "services": self.services,
                "region_seconds": self.region_seconds,
                "wait_seconds": self.wait_seconds,
                "judgement": self.judgement,
            }
        )


class _Region:
    """The objects of one region."""

    def __init__(
        self,
        parent: pulumi.ComponentResource,
        name: str,
        plan: RolloutPlan,
        region: str,
        provider: kubernetes.Provider,
    ) -> None:
        self._name, self._plan, self._region = name, plan, region
        self._options = pulumi.ResourceOptions(parent=parent, provider=provider)

    def declare(self, *, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """Register them; gives the Rollout, whose creation and update end when the release has.

        Args:
            after: The Rollout of the region before this one.
        """
        plan, region = self._plan, self._region
        needed: list[pulumi.Resource] = [
            self._made(ANALYSIS_TEMPLATE, name, manifest)
            for name, manifest in manifests.analysis_templates(plan, region).items()
        ]
        owned = pulumi.ResourceOptions(ignore_changes=["spec.selector"])  # Argo points it at one release
        needed += [
            self._made(SERVICE, name, manifest, owned if name in plan.router.services else None)
            for name, manifest in manifests.services(plan, region).items()
        ]
        needed.append(self._made(POD_MONITOR, "pod-monitor", manifests.pod_monitor(plan, region)))
        if (account := manifests.service_account(plan, region)) is not None:
            needed.append(self._made(SERVICE_ACCOUNT, "account", account))
        if (labels := manifests.namespace_labels(plan, region)) is not None:
            needed.append(self._made(NAMESPACE_PATCH, "namespace", labels))
        if (route := manifests.route(plan, region)) is not None:
            weights = pulumi.ResourceOptions(ignore_changes=["spec.rules"])  # Argo's plugin sets them
            needed.append(self._made(HTTP_ROUTE, "route", route, weights))
        self._made(DISRUPTION_BUDGET, "disruption", manifests.disruption_budget(plan, region))
        if (autoscaler := manifests.autoscaler(plan, region)) is not None:
            self._made(AUTOSCALER, "autoscaler", autoscaler)
        return self._rollout([*needed, *after])

    def _rollout(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        plan, region = self._plan, self._region
        image = plan.pod.image if plan.pod else None
        if is_plain(image):
            manifest: Mapping[str, Any] = manifests.rollout(plan, region, image)  # type: ignore[arg-type]
        else:
            later = pulumi.Output.from_input(image).apply(lambda known: manifests.rollout(plan, region, known))
            manifest = {
                "apiVersion": manifests.ARGO_VERSION,
                "kind": "Rollout",
                "metadata": later.apply(lambda made: made["metadata"]),
                "spec": later.apply(lambda made: made["spec"]),
            }
        waiting = f"{plan.wait_seconds}s"
        options = pulumi.ResourceOptions(
            depends_on=list(after),
            custom_timeouts=pulumi.CustomTimeouts(create=waiting, update=waiting),
            # A number that was declared once must not go with the declaration: Argo would take its default, one pod.
            ignore_changes=["spec.replicas"] if plan.autoscaling else None,
        )
        return self._made(ROLLOUT, "rollout", manifest, options)

    def _made(
        self, token: str, purpose: str, manifest: Mapping[str, Any], options: pulumi.ResourceOptions | None = None
    ) -> KubernetesObject:
        merged = pulumi.ResourceOptions.merge(self._options, options)
        return KubernetesObject(token, f"{self._name}-{purpose}", manifest, merged)
