"""Arguments of `PublishedTopology`. TypedDicts only, in the shape of the document, for schema inference."""

from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._failover_args import ObjectivesArgs


class PublishedEndpointArgs(TypedDict):
    """Where one region serves; as `seawall.topology.Endpoint`."""

    name: str
    """Unique in the document."""
    region: str
    """One of the regions; at most one endpoint each."""
    role: str
    """`primary` (exactly one), `standby` or `reader`."""
    url: pulumi.Input[str]
    """Where callers reach the service: absolute, http or https, no credentials."""
    health_url: NotRequired[pulumi.Input[str]]
    """What probes ask; default `url`."""
    weight: NotRequired[int]
    """Share of the calls where all endpoints are called; default 1."""


class PublishedMemberArgs(TypedDict):
    """One instance of the replicated database; as `seawall.topology.Member`."""

    name: str
    """Unique in the document."""
    region: str
    """One of the regions."""
    identifier: str
    """The RDS instance's identifier."""
    host: pulumi.Input[str]
    """Where its clients connect, without the port: an instance's `address`, or a name of yours."""


class PublishedDatabaseArgs(TypedDict):
    """The replicated database; as `seawall.topology.Database`. Never a user or a password."""

    engine: str
    """`postgres`, `mysql` or `mariadb`."""
    database: str
    """Name of the database that is connected to."""
    port: int
    """Of every member."""
    writer: str
    """Name of the member that takes writes, as declared."""
    members: list[PublishedMemberArgs]
    """Every member, the writer among them."""


class PublishedBackoffArgs(TypedDict):
    """As `seawall.breaker.OpenBackoff`."""

    multiplier: NotRequired[float]
    """At least 1."""
    max_wait_seconds: NotRequired[float]
    """Seconds, at least `wait_in_open_seconds`."""
    jitter_ratio: NotRequired[float]
    """0 to 1."""


class PublishedBreakerArgs(TypedDict):
    """What apps build their breakers from; as `seawall.breaker.CircuitBreakerConfig`, with its defaults."""

    sliding_window: NotRequired[str]
    """`count`, `time` or `consecutive`."""
    sliding_window_size: NotRequired[int]
    """Calls or seconds."""
    minimum_calls: NotRequired[int]
    """Calls before rates mean anything."""
    failure_rate_threshold: NotRequired[float]
    """Ratio, above 0 and at most 1."""
    slow_call_seconds: NotRequired[float]
    """Seconds from which a call is slow."""
    slow_call_rate_threshold: NotRequired[float]
    """Ratio, above 0 and at most 1."""
    consecutive_failures: NotRequired[int]
    """Failures in a row."""
    wait_in_open_seconds: NotRequired[float]
    """Seconds, above 0."""
    open_backoff: NotRequired[PublishedBackoffArgs]
    """Longer waits each time a trial fails."""
    permitted_calls_in_half_open: NotRequired[int]
    """Trials."""
    max_wait_in_half_open_seconds: NotRequired[float]
    """Seconds, above 0."""
    after_half_open_wait: NotRequired[str]
    """`open` or `closed`."""


class PublishedClusterArgs(TypedDict):
    """A region's Kubernetes cluster, which gets the document as a ConfigMap."""

    region: str
    """One of the regions; at most one cluster each."""
    context: NotRequired[str]
    """Of the kubeconfig; default its current context."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents or path; default the deploying user's own. May be secret: it is not in the document."""
    namespace: NotRequired[str]
    """Default `default`."""
    adopt: NotRequired[bool]
    """Whether the ConfigMap exists already and is to be taken over; default no."""


class PublishedTopologyArgs(TypedDict):
    """The declared document, and where besides SSM it goes."""

    service: str
    """2 to 32 lower-case letters, digits and hyphens."""
    environment: str
    """The stack's name."""
    regions: list[str]
    """Every region that the service uses: each gets the document as an SSM parameter."""
    endpoints: list[PublishedEndpointArgs]
    """At most one per region; exactly one is the primary."""
    objectives: ObjectivesArgs
    """What the service promises."""
    epoch: NotRequired[int]
    """How many failovers this declaration knows of; default 0. Raised when one is adopted, never lowered."""
    database: NotRequired[PublishedDatabaseArgs]
    """The replicated database."""
    breaker: NotRequired[PublishedBreakerArgs]
    """What apps build their breakers from."""
    clusters: NotRequired[list[PublishedClusterArgs]]
    """At most one per region."""
    tier: NotRequired[str]
    """`Standard` or `Advanced`; default by the document's size. A parameter that is `Advanced` cannot become `Standard`
    again without being recreated: give `Advanced` when the document shrinks."""
    adopt_parameters: NotRequired[list[str]]
    """Regions whose parameter exists already and is to be taken over."""
    tags: NotRequired[dict[str, str]]
    """Tags for the parameters."""
