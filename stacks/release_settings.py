"""The `release` section of `Pulumi.<env>.yaml`. Limits: see the component that it is for."""

from pulumi_seawall import DrainBy, ZoneSpread
from seawall.slo import NoData
from stacks.section import Section


class StepSettings(Section):
    """See `pulumi_seawall.CanaryStepArgs`."""

    weight: int
    pause_seconds: int


class AlbSettings(Section):
    """See `pulumi_seawall.AlbRouterArgs`."""

    ingress: str
    ping_pong: bool | None = None
    readiness_gates: bool | None = None
    stickiness_seconds: int | None = None
    annotation_prefix: str | None = None


class IstioSettings(Section):
    """See `pulumi_seawall.IstioRouterArgs`."""

    virtual_service: str
    routes: tuple[str, ...] | None = None


class GatewaySettings(Section):
    """See `pulumi_seawall.GatewayRouterArgs`."""

    http_route: str | None = None
    gateway: str | None = None
    gateway_namespace: str | None = None
    hostnames: tuple[str, ...] | None = None


class RouterSettings(Section):
    """See `pulumi_seawall.CanaryRouterArgs`."""

    alb: AlbSettings | None = None
    istio: IstioSettings | None = None
    gateway_api: GatewaySettings | None = None


class AutoscalingSettings(Section):
    """See `pulumi_seawall.AutoscalingArgs`."""

    minimum_replicas: int
    maximum_replicas: int
    cpu_ratio: float | None = None
    scale_down_wait_seconds: int | None = None


class ResourceSettings(Section):
    """See `pulumi_seawall.ContainerResourcesArgs`."""

    cpu: str
    memory: str
    cpu_limit: str | None = None


class SecretKeySettings(Section):
    """See `pulumi_seawall.SecretKeyArgs`."""

    secret: str
    key: str


class AnalysisSettings(Section):
    """See `pulumi_seawall.CanaryAnalysisArgs`."""

    no_data: NoData
    prometheus_url: str
    error_ratio: float | None = None
    latency_p95_seconds: float | None = None
    minimum_requests: int | None = None
    confidence: float | None = None
    interval_seconds: int | None = None
    minimum_error_budget_ratio: float | None = None
    requests_per_second: float | None = None


class ReleaseSettings(Section):
    """What is released, how fast, and by what it is judged: see `pulumi_seawall.CanaryRolloutArgs`.

    The service, its clusters and its Prometheus come from the rest of the file, as does where its pods find the topology.
    """

    image: str
    """The release: `pulumi config set --path seawall:release.image <image>` before each."""
    resources: ResourceSettings
    analysis: AnalysisSettings
    order: tuple[str, ...] | None = None
    """Regions in the order of a release; by default readers, then the standby, then the primary."""
    steps: tuple[StepSettings, ...] | None = None
    router: RouterSettings | None = None
    replicas: int | None = None
    autoscaling: AutoscalingSettings | None = None
    most_unavailable: int | None = None
    max_surge: str | None = None
    max_unavailable: str | None = None
    zone_spread: ZoneSpread | None = None
    port: int | None = None
    service_port: int | None = None
    metrics_path: str | None = None
    pod_monitor_labels: dict[str, str] | None = None
    command: tuple[str, ...] | None = None
    env: dict[str, str] | None = None
    secrets: dict[str, SecretKeySettings] | None = None
    follow_live: bool | None = None
    """Whether pods follow failovers by the live document; by default if `seawall:identity` lets the app read it."""
    service_account: str | None = None
    run_as_user: int | None = None
    writable_paths: tuple[str, ...] | None = None
    startup_seconds: int | None = None
    drain_seconds: int | None = None
    drain_by: DrainBy | None = None
    shutdown_seconds: int | None = None
    rollback_revisions: int | None = None
