"""The sections of `Pulumi.<env>.yaml`, as typed values. Their limits stay with whom they are for."""

from enum import Enum
from typing import Annotated, Final, cast

from pydantic import BeforeValidator, Field

from pulumi_seawall import ObjectivesArgs, SwitchArgs
from seawall.objectives import ObjectiveException, Objectives
from seawall.timing import HealthCheckProtocol
from seawall.topology import BackoffPolicy, BreakerPolicy
from stacks.database_settings import Waiver
from stacks.file_keys import below, named_as
from stacks.section import Section


class Role(Enum):
    """What a region is for while everything is well."""

    PRIMARY = "primary"
    STANDBY = "standby"
    READER = "reader"
    """Runs the app for reads beside a replica of the database; takes no part in the failover name, but in that for reads."""


ONE_OF_EACH: Final = (Role.PRIMARY, Role.STANDBY)


class LoadBalancer(Section):
    """An existing load balancer, as its DNS record sees it."""

    dns_name: str
    """The load balancer's own DNS name."""
    zone_id: str
    """Hosted zone of the load balancer's name (not of yours)."""
    dual_stack: bool = False
    """Also answer AAAA queries."""


class HealthCheckSettings(Section):
    """How Route 53 asks each region whether it is well. Limits: see `pulumi_seawall.HealthCheck`."""

    protocol: HealthCheckProtocol = HealthCheckProtocol.HTTPS
    path: str | None = None
    """`/regionz` when absent; a TCP check has none."""
    port: int | None = None
    search_string: str | None = None
    interval_seconds: int = 10
    failure_threshold: int = 3
    checker_regions: tuple[str, ...] | None = None
    measure_latency: bool = False


class Detection(Section):
    """How long an existing health check takes to turn unhealthy, as its owner states it."""

    typical_seconds: float
    worst_seconds: float


class Cluster(Section):
    """The region's Kubernetes cluster, as `kubectl` would name it."""

    context: str
    """Of the kubeconfig."""
    kubeconfig: str | None = None
    """A file's path; the user's own kubeconfig when absent."""
    namespace: str = "default"
    """Where the service runs, and its topology is published."""


class Region(Section):
    """One region of the service: exactly one of `addresses` and `load_balancer`; for a reader only with `dns.reads`."""

    name: str
    """AWS region, e.g. `eu-west-1`."""
    role: Role
    addresses: tuple[str, ...] | None = None
    load_balancer: LoadBalancer | None = None
    regional_name: str | None = None
    """Name of this region alone, which the health check probes; default `<region>.<dns.name>`."""
    health_check_id: str | None = None
    """An existing health check to use instead of declaring one."""
    detection: Detection | None = None
    """How long that existing check takes."""
    url: str | None = None
    """Where other regions reach the service here; default `https://<regional_name>`. A reader without one is not called."""
    weight: int = 1
    """Share of the calls that this region gets where all regions are called."""
    cluster: Cluster | None = None
    """Without one the topology is published to the region's parameters only."""


class SetIdentifiers(Section):
    """What the records of each role are called in Route 53. They stay with the role when the regions change places."""

    primary: str | None = None
    """Default: `primary`."""
    secondary: str | None = None
    """Default: `secondary`."""


class SwitchObject(Section):
    """See `pulumi_seawall.SwitchObjectArgs`, which has the limits."""

    key: str | None = None
    checker_cidrs: tuple[str, ...] | None = None
    interval_seconds: int | None = None
    failure_threshold: int | None = None
    checker_regions: tuple[str, ...] | None = None


class SwitchRoutingControl(Section):
    """See `pulumi_seawall.SwitchRoutingControlArgs`, which has the limits."""

    cluster_arn: str | None = None
    cluster_endpoints: dict[str, str] | None = None


class Switch(Section):
    """By which an operator moves clients to the standby: exactly one of `object` and `routing_control`."""

    object: SwitchObject | None = None
    routing_control: SwitchRoutingControl | None = None
    armed: bool = True
    """Whether the records obey it. False for the first of the two deployments that add it to a name which serves."""
    import_ids: dict[str, str | dict[str, str]] = Field(default_factory=dict[str, str | dict[str, str]])
    """Existing buckets, controls and checks to take over: see `SwitchImportIds`."""

    def arguments(self) -> SwitchArgs:
        """The switch as the component wants it, which checks the values."""
        given = self.given("import_ids")
        return cast(SwitchArgs, given | ({"import_ids": self.import_ids} if self.import_ids else {}))


class Reads(Section):
    """A name for reads: each client gets the healthy region that is nearest to it, readers among them."""

    name: str
    """Fully qualified, e.g. `reads.shop.example.com`."""
    ttl_seconds: int | None = None
    """At most 60; by default what the recovery objective affords. Not for load balancers alone."""


class Dns(Section):
    """The name that clients resolve."""

    name: str
    """Fully qualified, e.g. `shop.example.com`."""
    zone_name: str
    """Hosted zone that holds the name."""
    zone_id: str | None = None
    """An existing zone. Without it the zone is declared here."""
    zone_import_id: str | None = None
    """An existing zone that this environment takes over."""
    ttl_seconds: int | None = None
    """At most 60; by default what the recovery objective affords. Not for two load balancers: aliases have their own."""
    client_cache_seconds: float | None = None
    """The longest that clients keep an answer beyond its TTL; 30, a JVM's own cache, when absent."""
    switch: Switch | None = None
    """The operator's switch. Without one clients move by health checks, or by a deployment."""
    reads: Reads | None = None
    """The name for reads. With one, readers have `addresses` or a `load_balancer` too."""
    set_identifiers: SetIdentifiers = SetIdentifiers()
    """Of records to take over that are called otherwise."""
    waivers: tuple[Waiver, ...] = ()
    """Objectives that the name is known not to meet, each until a date."""
    import_ids: dict[str, str] = Field(default_factory=dict[str, str])
    """Existing records, checks and alarms to take over: see `FailoverImportIds`."""


def _all_by_default(value: object) -> object:
    """`true` as the section with nothing in it, `false` as none."""
    return ({} if value else None) if isinstance(value, bool) else value


class ArbiterTables(Section):
    """A failover's tables, declared here. See `pulumi_seawall.FailoverArbiterArgs`, which has the limits."""

    kms_key_arn: str | None = None
    import_ids: dict[str, str] | None = None


class Arbiter(Section):
    """What says who has which role when regions disagree: outside of what may fail over."""

    region: str
    """AWS region, none of the environment's, whose live document counts."""
    tables: Annotated[ArbiterTables | None, BeforeValidator(_all_by_default)] = None
    """The tables of `seawall failover` in that region; `true` is all by default. Without it they are somebody else's."""


class Alarms(Section):
    """Where alarms are sent. Those of Route 53 live in us-east-1, and so must their topic; others in their own region."""

    topic_arn: str | None = None
    """An existing SNS topic in us-east-1. Without it one is declared."""
    topic_arns: dict[str, str] = Field(default_factory=dict[str, str])
    """Existing topics of other regions, by region, for the database's alarms. Without one it is declared."""
    emails: tuple[str, ...] = ()
    """Subscribers of the declared topics; each must confirm by a link in a mail."""


class ObjectiveExceptionSettings(Section):
    """See `seawall.objectives.ObjectiveException`."""

    failure_class: str
    path: str | None = None
    recovery_time_seconds: float | None = None
    recovery_point_seconds: float | None = None


class ObjectivesSettings(Section):
    """See `seawall.objectives.Objectives`, which checks the values."""

    availability: float
    latency_p95_seconds: float
    error_rate: float
    recovery_time_seconds: float
    recovery_point_seconds: float

    exceptions: tuple[ObjectiveExceptionSettings, ...] = ()

    def checked(self) -> Objectives:
        """The objectives as the runtime has them."""
        exceptions = tuple(ObjectiveException(**each.model_dump()) for each in self.exceptions)
        return Objectives(**self.model_dump(exclude={"exceptions"}), exceptions=exceptions)

    def arguments(self) -> ObjectivesArgs:
        """The objectives as the components want them."""
        return cast(ObjectivesArgs, self.given())


class BreakerBackoff(Section):
    """See `seawall.breaker.OpenBackoff`."""

    multiplier: float | None = None
    max_wait_seconds: float | None = None
    jitter_ratio: float | None = None


class BreakerSettings(Section):
    """The policy that apps guard their dependencies with: see `seawall.breaker.CircuitBreakerConfig`."""

    sliding_window: str | None = None
    sliding_window_size: int | None = None
    minimum_calls: int | None = None
    failure_rate_threshold: float | None = None
    slow_call_seconds: float | None = None
    slow_call_rate_threshold: float | None = None
    consecutive_failures: int | None = None
    wait_in_open_seconds: float | None = None
    open_backoff: BreakerBackoff | None = None
    permitted_calls_in_half_open: int | None = None
    max_wait_in_half_open_seconds: float | None = None
    after_half_open_wait: str | None = None

    def policy(self) -> BreakerPolicy:
        """The policy, checked.

        Raises:
            InvalidInput: A value is not allowed.
        """
        values = self.model_dump(exclude_none=True)
        with named_as(below("seawall:breaker.")):
            if "open_backoff" in values:
                values["open_backoff"] = BackoffPolicy(**values["open_backoff"])
            return BreakerPolicy(**values)
