"""`Dashboards`: four pages of a service for Grafana, in every cluster and as files."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._clusters import provider_of
from pulumi_seawall._dashboard_args import DashboardsArgs
from pulumi_seawall._dashboard_plan import DashboardsPlan, plan_dashboards
from pulumi_seawall._inputs import known


class Dashboards(pulumi.ComponentResource):
    """Four dashboards over what the runtime exports and what the rules record: service, resilience, data, release.

    The first says whether clients are hurt, and whether it is us, a dependency, the database or the release. Lines are the
    objectives and the alerts' limits; panels lead to the runbooks of the alerts that look at the same; alerts, failovers and
    releases are marked in every chart. Each is a ConfigMap that Grafana's sidecar loads, and a file for a Grafana without one.

    In Python, `providers` takes the program's own Kubernetes providers by region, so that each cluster needs one only.
    """

    config_maps: pulumi.Output[dict[str, list[str]]]
    """By region with a cluster: `namespace/name` of each ConfigMap."""
    dashboard_files: pulumi.Output[dict[str, str]]
    """By the file's name: the same dashboards for a Grafana without the sidecar."""
    provisioning_file: pulumi.Output[str]
    """Tells such a Grafana where the files are: for its folder `provisioning/dashboards`. JSON, which is YAML too."""
    uids: pulumi.Output[dict[str, str]]
    """By dashboard, its id: the address in Grafana is `/d/` and the id."""

    def __init__(
        self,
        name: str,
        args: DashboardsArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        providers: Mapping[str, kubernetes.Provider] | None = None,
    ) -> None:
        """Declare the dashboards.

        Raises:
            InvalidInput: An argument is not allowed, or a dashboard is too large; nothing has been registered.
        """
        plan = plan_dashboards(args)
        super().__init__("seawall:index:Dashboards", name, {}, opts)
        for region, reach in plan.monitoring.clusters.items():
            provider = provider_of(self, name, region, reach, providers, mutable_config_maps=True)
            for key in plan.files:
                self._config_map(f"{name}-{region}-{key}", plan, region, key, provider)
        self.config_maps = known(
            {
                region: [f"{plan.namespace_in(region)}/{plan.config_map(key)}" for key in plan.files]
                for region in plan.monitoring.clusters
            }
        )
        self.dashboard_files = known({f"{plan.config_map(key)}.json": text for key, text in plan.files.items()})
        self.provisioning_file = known(plan.provider)
        self.uids = known(dict(plan.uids))
        self.register_outputs(
            {
                "config_maps": self.config_maps,
                "dashboard_files": self.dashboard_files,
                "provisioning_file": self.provisioning_file,
                "uids": self.uids,
            }
        )

    def _config_map(
        self, name: str, plan: DashboardsPlan, region: str, key: str, provider: kubernetes.Provider
    ) -> kubernetes.core.v1.ConfigMap:
        labels = {
            "app.kubernetes.io/name": plan.monitoring.service,
            "app.kubernetes.io/component": "dashboards",
            **plan.labels,
        }
        return kubernetes.core.v1.ConfigMap(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=plan.config_map(key),
                namespace=plan.namespace_in(region),
                labels=labels,
                annotations=dict(plan.annotations) or None,
            ),
            data={f"{plan.config_map(key)}.json": plan.files[key]},
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
