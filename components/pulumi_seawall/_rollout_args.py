"""Arguments of `CanaryRollout`. TypedDicts and Enums only, for schema inference."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._canary_analysis_args import CanaryAnalysisArgs
from pulumi_seawall._failover_args import ObjectivesArgs
from pulumi_seawall._monitoring_args import MonitoringArgs


class DrainBy(Enum):
    """Who waits, after a pod was told to stop, until nobody sends it requests any more."""

    APP = "app"
    """The app, on SIGTERM: `seawall.health.draining_on_signals`."""
    PRE_STOP = "pre_stop"
    """The kubelet, before it sends SIGTERM: for apps that stop at once."""


class ZoneSpread(Enum):
    """What happens to a pod that no zone can take without becoming uneven."""

    REQUIRED = "required"
    """It waits: the zones stay even."""
    PREFERRED = "preferred"
    """It starts anyway: a full zone holds up no release."""


class ScaleDown(Enum):
    """When the pods of an adopted Deployment go."""

    PROGRESSIVELY = "progressively"
    """As those of the Rollout become ready."""
    ON_SUCCESS = "onsuccess"
    """All at once, when the Rollout is healthy."""
    NEVER = "never"
    """When you scale it."""


class CanaryStepArgs(TypedDict):
    """A share of the traffic, and how long it is looked at."""

    weight: int
    """Percent of the traffic that the new release gets, 1 to 100; each step more than the one before it."""
    pause_seconds: int
    """Seconds, at least 1, before the step is judged."""


class AlbRouterArgs(TypedDict):
    """Weights at an Application Load Balancer, by the AWS Load Balancer Controller."""

    ingress: str
    """Name of the Ingress. Its backend is the Service with the Rollout's name, and its port is called `use-annotation`."""
    ping_pong: NotRequired[bool]
    """Two Services that take turns and keep their pods, so that readiness gates hold; default true."""
    readiness_gates: NotRequired[bool]
    """Label the namespace, so that pods are ready only once their target is healthy; default true. False where somebody else
    labels it."""
    stickiness_seconds: NotRequired[int]
    """How long a client stays with the release that it met, 1 to 604800 seconds; default not at all."""
    annotation_prefix: NotRequired[str]
    """Of the controller's annotations, where it is not `alb.ingress.kubernetes.io`."""


class IstioRouterArgs(TypedDict):
    """Weights in a VirtualService of Istio."""

    virtual_service: str
    """Name of the VirtualService, with the stable and the canary Service as destinations."""
    routes: NotRequired[list[str]]
    """Names of its HTTP routes; required where it has more than one."""


class GatewayRouterArgs(TypedDict):
    """Weights in an HTTPRoute of the Gateway API, by Argo's plugin `argoproj-labs/gatewayAPI`.

    Give `http_route` for a route that exists, or `gateway` for one that is declared.
    """

    http_route: NotRequired[str]
    """Name of an existing HTTPRoute in the same namespace, with the stable and the canary Service as backends."""
    gateway: NotRequired[str]
    """Name of the Gateway, for which an HTTPRoute is declared."""
    gateway_namespace: NotRequired[str]
    """The Gateway's namespace; default the Rollout's."""
    hostnames: NotRequired[list[str]]
    """Names that the declared route answers to; default every name of the Gateway's listener."""


class CanaryRouterArgs(TypedDict):
    """Who splits the traffic: at most one of them. Without one a weight is rounded to whole pods."""

    alb: NotRequired[AlbRouterArgs]
    """An Application Load Balancer."""
    istio: NotRequired[IstioRouterArgs]
    """Istio."""
    gateway_api: NotRequired[GatewayRouterArgs]
    """The Gateway API."""


class AutoscalingArgs(TypedDict):
    """As many pods as the load needs."""

    minimum_replicas: int
    """Pods at least; 2 or more."""
    maximum_replicas: int
    """Pods at most; at least the minimum."""
    cpu_ratio: NotRequired[float]
    """Share of the requested CPU that is aimed at, above 0 and at most 1; default 0.6."""
    scale_down_wait_seconds: NotRequired[int]
    """How long less must be enough before pods go, 0 to 3600 seconds; default 300."""


class ContainerResourcesArgs(TypedDict):
    """What one pod needs, as Kubernetes writes quantities."""

    cpu: str
    """Requested CPU, e.g. `500m`."""
    memory: str
    """Requested memory, which is its limit too, e.g. `512Mi`."""
    cpu_limit: NotRequired[str]
    """Limit of CPU; default none, since one slows pods down that have idle CPUs beside them."""


class SecretKeyArgs(TypedDict):
    """A key of an existing Secret."""

    secret: str
    """The Secret's name."""
    key: str
    """The key in it."""


class MountedTopologyArgs(TypedDict):
    """Where pods find the topology: see `PublishedTopology`."""

    environment: str
    """The environment's name, as in the topology."""
    follow_live: NotRequired[bool]
    """Follow failovers by the live document in SSM, for which the pods need an identity; default true."""
    live_region: NotRequired[str]
    """The region whose live document counts, in which no pod of the release runs; only with `follow_live`. The pods need to
    be allowed to read it there. By default each pod reads its own region's."""


class AdoptedDeploymentArgs(TypedDict):
    """An existing Deployment whose pods the Rollout takes over. It keeps the pods' template."""

    name: str
    """The Deployment's name."""
    labels: dict[str, str]
    """Labels of its pods, by which it selects them."""
    scale_down: NotRequired[ScaleDown]
    """When its own pods go; default `progressively`."""


class CanaryRolloutArgs(TypedDict):
    """A release of a service, a bit at a time, in one region after another."""

    monitoring: MonitoringArgs
    """The service, its clusters, and how their Prometheus sees it."""
    objectives: ObjectivesArgs
    """What the service promises: its error budget is asked before a release."""
    analysis: CanaryAnalysisArgs
    """By what a release is judged."""
    image: NotRequired[pulumi.Input[str]]
    """The release: an image with a tag other than `latest`, or with a digest. Not with `deployment`."""
    resources: NotRequired[ContainerResourcesArgs]
    """What a pod needs; required without `deployment`."""
    name: NotRequired[str]
    """Of the Rollout and of what belongs to it, 1 to 45 lower-case letters, digits and hyphens; default the service's name."""
    order: NotRequired[list[str]]
    """Regions in the order of the release, each cluster's exactly once; default the order of the clusters."""
    steps: NotRequired[list[CanaryStepArgs]]
    """Default 10, 25, 50 and 100 percent, 300 seconds each."""
    router: NotRequired[CanaryRouterArgs]
    """Who splits the traffic; default nobody: by numbers of pods."""
    replicas: NotRequired[int]
    """Pods, at least 2; default 3. Not with `autoscaling`."""
    autoscaling: NotRequired[AutoscalingArgs]
    """As many pods as the load needs, in place of `replicas`."""
    most_unavailable: NotRequired[int]
    """Pods, stable and canary together, that a drain of nodes may take at a time, 1 or more; default 1."""
    max_surge: NotRequired[str]
    """Pods beyond the wanted ones while they are replaced, as a number or a percentage; default `25%`. Not 0 together with
    `max_unavailable`."""
    max_unavailable: NotRequired[str]
    """Pods fewer than the wanted ones while they are replaced, as a number or a percentage; default `0`."""
    zone_spread: NotRequired[ZoneSpread]
    """Whether zones stay even at the price of pods that wait; default `required`. Nodes are `preferred`."""
    port: NotRequired[int]
    """On which pods serve requests, health and metrics, 1 to 65535; default 8000."""
    service_port: NotRequired[int]
    """Of the Services, 1 to 65535; default 80."""
    metrics_path: NotRequired[str]
    """Where pods show their metrics; default `/metrics`."""
    pod_monitor_labels: NotRequired[dict[str, str]]
    """Labels that the Prometheus' `podMonitorSelector` asks for; default those of its `ruleSelector`."""
    command: NotRequired[list[str]]
    """In place of the image's own entry point."""
    env: NotRequired[dict[str, str]]
    """Environment variables. Never a secret: they stand in the state."""
    secrets: NotRequired[dict[str, SecretKeyArgs]]
    """Environment variables from existing Secrets."""
    topology: NotRequired[MountedTopologyArgs]
    """Mount what `PublishedTopology` has published, and tell the runtime where it is."""
    service_account: NotRequired[str]
    """An existing service account; default one with the Rollout's name is declared."""
    run_as_user: NotRequired[int]
    """User and group that the app runs as, 1 to 2147483647; default 10001. Never root."""
    writable_paths: NotRequired[list[str]]
    """Folders that the app may write to, empty at each start; default `/tmp`. All else is read-only."""
    startup_seconds: NotRequired[int]
    """How long a pod may take to start, 10 to 3600 seconds; default 120."""
    drain_seconds: NotRequired[int]
    """How long a pod that was told to stop serves on, until nobody sends it requests, 10 to 600 seconds; default 15."""
    drain_by: NotRequired[DrainBy]
    """Who waits that long; default `app`."""
    shutdown_seconds: NotRequired[int]
    """How long requests under way may take after that, 1 to 3600 seconds; default 10."""
    rollback_revisions: NotRequired[int]
    """How many releases back one may go without steps and without asking the error budget, 0 to 10; default 3."""
    deployment: NotRequired[AdoptedDeploymentArgs]
    """An existing Deployment to take over, in one region at a time."""
