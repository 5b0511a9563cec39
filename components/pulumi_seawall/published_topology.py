"""`PublishedTopology`: the declared document in SSM in every region, and in a ConfigMap in every cluster."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from pulumi_seawall._clusters import guarded
from pulumi_seawall._inputs import known
from pulumi_seawall._naming import own_tags
from pulumi_seawall._regions import import_in
from pulumi_seawall._topology_args import PublishedTopologyArgs
from pulumi_seawall._topology_plan import NO_SECRETS, ClusterPlan, TopologyPlan, plan_published_topology
from seawall.contract import DECLARED_KEY
from seawall.errors import InvalidInput


class PublishedTopology(pulumi.ComponentResource):
    """What apps load with `seawall.topology.load()`: one document, in SSM in every region and in every cluster.

    Each region has its own parameter, so that an app reads it from the region that it runs in; a region that is added has
    its parameter before one that is removed loses it. ConfigMaps are changed in place, which needs a Kubernetes provider
    per region that is told so; the component makes it from the kubeconfig and context. Mount the ConfigMap as a folder:
    Kubernetes never updates a file that is mounted by `subPath`.

    The live document is not touched: operations write it. The document holds no secret, and an Output that is marked
    secret is refused.
    """

    document: pulumi.Output[str]
    """The document, as published."""
    parameter_name: pulumi.Output[str]
    """Name of the parameter, the same in every region."""
    live_parameter_name: pulumi.Output[str]
    """Name of the parameter that operations write the live document to."""
    parameter_arns: pulumi.Output[dict[str, str]]
    """By region."""
    tier: pulumi.Output[str]
    """`Standard` or `Advanced`."""
    config_maps: pulumi.Output[dict[str, str]]
    """By region: `namespace/name`."""
    epoch: pulumi.Output[int]
    """How many failovers the document knows of."""

    def __init__(self, name: str, args: PublishedTopologyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Publish the document.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_published_topology(args)
        super().__init__("seawall:index:PublishedTopology", name, {}, opts)
        text = _text(plan)
        parameters = {region: self._parameter(name, region, text, plan) for region in plan.document.regions}
        self.providers: dict[str, kubernetes.Provider] = {
            cluster.region: self._cluster_provider(name, cluster) for cluster in plan.clusters
        }
        for cluster in plan.clusters:
            self._config_map(name, cluster, text, plan)

        self.document = pulumi.Output.from_input(text)
        self.parameter_name = pulumi.Output.from_input(plan.parameter_name)
        self.live_parameter_name = pulumi.Output.from_input(plan.live_parameter_name)
        self.parameter_arns = pulumi.Output.all(**{region: each.arn for region, each in parameters.items()})
        self.tier = pulumi.Output.from_input(plan.tier.value)
        self.config_maps = known(
            {cluster.region: f"{cluster.namespace}/{plan.config_map_name}" for cluster in plan.clusters}
        )
        self.epoch = pulumi.Output.from_input(plan.document.epoch)
        self.register_outputs(
            {
                "document": self.document,
                "parameter_name": self.parameter_name,
                "live_parameter_name": self.live_parameter_name,
                "parameter_arns": self.parameter_arns,
                "tier": self.tier,
                "config_maps": self.config_maps,
                "epoch": self.epoch,
            }
        )

    def _parameter(self, name: str, region: str, text: pulumi.Input[str], plan: TopologyPlan) -> aws.ssm.Parameter:
        import_id = import_in(region, plan.parameter_name if region in plan.adopted else None)
        # `overwrite` stays unset: a parameter of somebody else's is never taken over, ours is updated.
        return aws.ssm.Parameter(
            f"{name}-{region}",
            region=region,
            name=plan.parameter_name,
            description=f"Declared topology of {plan.document.service} in {plan.document.environment}, for its apps.",
            type="String",
            tier=plan.tier.value,
            insecure_value=text,  # `value` is a secret to Pulumi: no preview would show what changes for the apps
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_id),
        )

    def _cluster_provider(self, name: str, cluster: ClusterPlan) -> kubernetes.Provider:
        return kubernetes.Provider(
            f"{name}-{cluster.region}",
            context=cluster.context,
            kubeconfig=guarded(cluster.kubeconfig),
            # Otherwise each new content is a deletion and then a creation: in between, pods start without a topology.
            enable_config_map_mutable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _config_map(self, name: str, cluster: ClusterPlan, text: pulumi.Input[str], plan: TopologyPlan) -> None:
        import_id = f"{cluster.namespace}/{plan.config_map_name}" if cluster.adopt else None
        kubernetes.core.v1.ConfigMap(
            f"{name}-{cluster.region}",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=plan.config_map_name,
                namespace=cluster.namespace,
                labels={"app.kubernetes.io/name": plan.document.service, "app.kubernetes.io/component": "topology"},
            ),
            data={DECLARED_KEY: text},
            opts=pulumi.ResourceOptions(parent=self, provider=self.providers[cluster.region], import_=import_id),
        )


def _text(plan: TopologyPlan) -> pulumi.Input[str]:
    """The document: now, or when its last host is known."""
    if not plan.later:
        return plan.text({})
    public = {path: _refuse_secret(path, value) for path, value in plan.later.items()}
    return pulumi.Output.from_input(public).apply(lambda known: plan.text(_strings(known)))


def _refuse_secret(path: str, value: pulumi.Output[str]) -> pulumi.Output[str]:
    """The same Output, once it is known not to be secret: its mark would make the whole document secret."""

    async def checked() -> str:
        if await value.is_secret():
            raise InvalidInput(path, "(secret)", allowed="an Output that is not marked secret", because=NO_SECRETS)
        return ""

    return pulumi.Output.all(pulumi.Output.from_input(checked()), value).apply(lambda both: str(both[1]))


def _strings(known: Mapping[str, object]) -> dict[str, str]:
    for path, value in known.items():
        if not isinstance(value, str):
            raise InvalidInput(path, value, allowed="a string")
    return {path: str(value) for path, value in known.items()}
