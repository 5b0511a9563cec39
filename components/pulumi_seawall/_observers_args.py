"""Arguments of `FailoverObservers`. TypedDicts and Enums only, for schema inference."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._rollout_args import ContainerResourcesArgs, SecretKeyArgs


class FailoverMode(Enum):
    """What a decision may lead to."""

    AUTOMATIC = "automatic"
    """It is acted on by observers with `act`, where all conditions for that are met."""
    RECOMMEND = "recommend"
    """Nothing is ever acted on without a person."""


class FailoverClass(Enum):
    """What is lost."""

    WRITER = "writer"
    """The database's writer."""
    REGION = "region"
    """A region's service and all its members."""
    ENDPOINT = "endpoint"
    """The primary's service alone, which Route 53's health checks move by themselves."""


class FailoverServers(Enum):
    """By what the servers of the database are fenced and promoted."""

    RDS = "rds"
    """RDS's and EC2's APIs."""
    POSTGRES = "postgres"
    """SQL alone: servers of your own."""


class WriterProof(Enum):
    """What proves that a new writer takes writes."""

    WRITE = "write"
    """A write that is taken back."""
    STATUS = "status"
    """RDS's word."""


class SslMode(Enum):
    """How observers make sure of the database: libpq's `sslmode`."""

    VERIFY_FULL = "verify-full"
    """Encrypted, with a trusted certificate of that host."""
    VERIFY_CA = "verify-ca"
    """Encrypted, with a trusted certificate."""
    REQUIRE = "require"
    """Encrypted, with whomever."""
    PREFER = "prefer"
    """Encrypted where the server can."""
    DISABLE = "disable"
    """In the clear."""


class FailoverTableArgs(TypedDict):
    """A table in DynamoDB. Never a global one: those are last-writer-wins."""

    region: str
    """AWS region of the table; none that may fail over, unless nothing is ever acted on."""
    table: pulumi.Input[str]
    """The table's name, 3 to 255 letters, digits, dots, hyphens and underscores."""


class MaintenanceWindowArgs(TypedDict):
    """A pause that comes back every week, in UTC."""

    day: str
    """`mon` to `sun`."""
    start: str
    """Time of day in UTC, e.g. `03:30`."""
    minutes: int
    """Length in minutes, 1 to 1440."""
    why: NotRequired[str]
    """For whoever looks; default `maintenance window`."""


class FailoverLeaseArgs(TypedDict):
    """How long the lease is good for under which one failover is run at a time; the same for all that contend for it."""

    ttl_seconds: NotRequired[float]
    """Seconds after which a holder that died loses it; default 30."""
    margin_seconds: NotRequired[float]
    """Seconds before its end at which the holder stops; default 3."""
    renew_every_seconds: NotRequired[float]
    """Seconds between two renewals; default 8."""
    request_timeout_seconds: NotRequired[float]
    """Seconds until a request to the table counts as not answered; default 5."""
    retry_seconds: NotRequired[float]
    """Seconds from a renewal that was not answered to the next one; default 1."""
    jitter_ratio: NotRequired[float]
    """Random part, 0 to 1, by which each wait is shorter at most; default 0.1."""


class FailoverFenceArgs(TypedDict):
    """What the fence of an RDS instance may cut off, too."""

    cut_also: NotRequired[list[str]]
    """Identifiers of other instances, and ids of subnets, that may be cut off with the old writer."""
    uncut_because: NotRequired[str]
    """Why other network interfaces in the database's subnets, which no fence cuts off, do not matter."""


class FailoverSettingsArgs(TypedDict):
    """What stands in the file that observers and operators share, by the same names; see "Failover" in the manual."""

    cluster: str
    """Name of what fails over as one, e.g. `shop-prod`: 1 to 63 characters."""
    domains: list[str]
    """Failure domains with a voice, each once: AWS regions. Below three nothing is ever acted on. There may be more than
    clusters: somebody has to run an observer in each."""
    board: FailoverTableArgs
    """The table of votes: partition key `cluster`, sort key `record`, both text."""
    references: list[str]
    """At least one `host` or `host:port` that tells an observer whether its own network is lost; `{domain}` is the observer's
    own, e.g. `dynamodb.{domain}.amazonaws.com:443`."""
    aws_status: NotRequired[bool]
    """Whether AWS is asked about the database's instances; default true."""
    write_statement: NotRequired[str]
    """What the writer is asked to execute, and to take back; default nothing: it is asked whether it would."""
    mode: NotRequired[FailoverMode]
    """What a decision may lead to; default `automatic`, and `recommend` with fewer than three domains."""
    interval_seconds: NotRequired[float]
    """Seconds from the start of a round of checks to the start of the next; default 30."""
    timeout_seconds: NotRequired[float]
    """Seconds of each check, and of each reading and writing of the board, at most half the interval; default 5."""
    failures_to_trip: NotRequired[int]
    """Failed checks of the last `window` that make a subject unhealthy, at least 1; default 3."""
    window: NotRequired[int]
    """Checks that are looked back at, at least `failures_to_trip`; default 3."""
    successes_to_clear: NotRequired[int]
    """Checks in a row that make it healthy again, more than `failures_to_trip`; default 6."""
    decision_interval_seconds: NotRequired[float]
    """Seconds between two decisions; default 10."""
    stale_after_seconds: NotRequired[float]
    """Seconds without a change after which a vote is unknown; default and least two rounds with their time-outs."""
    lag_limit_seconds: NotRequired[float]
    """Seconds that a replica may be behind, when the writer was last seen, to be a candidate; default 30."""
    cool_down_seconds: NotRequired[float]
    """Seconds after an operation in which nothing is acted on; default 3600, at least `stale_after_seconds`."""
    most_operations: NotRequired[int]
    """Automatic operations within `operations_window_seconds`, at least 1; default 1."""
    operations_window_seconds: NotRequired[float]
    """Seconds, at least `cool_down_seconds`; default 86400."""
    act_on: NotRequired[list[FailoverClass]]
    """What is acted on; default `writer` and `region`."""
    windows: NotRequired[list[MaintenanceWindowArgs]]
    """Pauses that come back every week, e.g. RDS's own maintenance window."""
    leases: NotRequired[FailoverTableArgs]
    """The table of leases, partition key `id`; required with `act`."""
    lease_terms: NotRequired[FailoverLeaseArgs]
    """How long a lease is good for."""
    journals: NotRequired[FailoverTableArgs]
    """The table of journals and records, keys `operation` and `position`; required with `act`."""
    arbiter: NotRequired[str]
    """AWS region of the live document that counts; default the board's."""
    servers: NotRequired[FailoverServers]
    """By what servers are fenced and promoted; default `rds`, and `postgres` without `aws_status`."""
    verify_by: NotRequired[WriterProof]
    """What proves that a new writer takes writes; default `write`."""
    retention_days: NotRequired[int]
    """Days that a promoted RDS instance keeps automated backups, 1 to 35; default as the old writer's."""
    fence: NotRequired[FailoverFenceArgs]
    """What the fence of an RDS instance may cut off, too."""
    switch: NotRequired[dict[str, pulumi.Input[str]]]
    """By region: what switches it off, as `FailoverSwitch.positions` has it; default the name follows the health checks."""
    switch_endpoints: NotRequired[dict[str, pulumi.Input[str]]]
    """With routing controls: the cluster's URLs by region."""
    epoch_lease_seconds: NotRequired[float]
    """Seconds, at least the `ttl_seconds` of every app's `EpochLease`; default not every app has one."""
    members: NotRequired[dict[str, str]]
    """`host:port` of database members where that is not the topology's."""
    promote_seconds: NotRequired[float]
    """Seconds after which a promotion that is not done needs a person; default 3600."""


class ObserverClusterArgs(TypedDict):
    """A failure domain's Kubernetes cluster, in which an observer runs."""

    region: str
    """AWS region: the domain; one of `settings.domains`, and at most one cluster each."""
    context: NotRequired[str]
    """Of the kubeconfig; default its current context."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents or path; default the deploying user's own."""
    namespace: NotRequired[str]
    """Default `default`. In the service's regions the one that `PublishedTopology` has published in."""


class ObserverCertificateArgs(TypedDict):
    """Certificates of authorities that the database is trusted by: in a ConfigMap or a Secret, exactly one of the two."""

    config_map: NotRequired[str]
    """An existing ConfigMap's name."""
    secret: NotRequired[str]
    """An existing Secret's name."""
    key: str
    """The key in it, with certificates in PEM."""


class ObserverDatabaseArgs(TypedDict):
    """How observers log in to PostgreSQL, by existing Secrets of each cluster's namespace."""

    user: SecretKeyArgs
    """The role's name. One that may connect is enough to observe; see the manual for one that acts."""
    password: SecretKeyArgs
    """Its password."""
    ssl_mode: NotRequired[SslMode]
    """Default `verify-full` with `root_certificate`, else `require`."""
    root_certificate: NotRequired[ObserverCertificateArgs]
    """Who is trusted; required with `verify-full` and `verify-ca`."""


class FailoverObserversArgs(TypedDict):
    """Who watches a service from each failure domain, votes, and perhaps fails over."""

    service: str
    """The service's name, as in its topology."""
    environment: str
    """The environment's name, as in its topology."""
    regions: list[str]
    """AWS regions of the service: those of its endpoints and of its database's members, which may fail over."""
    clusters: list[ObserverClusterArgs]
    """At least one."""
    image: pulumi.Input[str]
    """With `seawall` of `seawall-ops[postgres]` and `python` on its PATH: a tag other than `latest`, or a digest."""
    settings: FailoverSettingsArgs
    """The file that observers and operators share."""
    act: NotRequired[bool]
    """Whether observers fail over by themselves, and go on with what another one left; default no. It takes three domains,
    `leases` and `journals`, and the rights of an operator."""
    database: NotRequired[ObserverDatabaseArgs]
    """How observers log in to the database; without one for a service that has no database."""
    document: NotRequired[pulumi.Input[str]]
    """The declared topology, as `PublishedTopology.document` has it; required for clusters outside of `regions`."""
    name: NotRequired[str]
    """Of the Deployment and of what belongs to it, 1 to 45 lower-case letters, digits and hyphens; default the service's and
    `-observer`."""
    service_account: NotRequired[str]
    """An existing service account, whose pods have the role of a `WorkloadIdentity`; default one with the Deployment's name is
    declared."""
    resources: NotRequired[ContainerResourcesArgs]
    """What a pod needs; default 100m and 256Mi, with `act` 768Mi."""
    env: NotRequired[dict[str, str]]
    """Further environment variables, e.g. `HTTPS_PROXY`. Never a secret: they stand in the state."""
    secrets: NotRequired[dict[str, SecretKeyArgs]]
    """Further environment variables from existing Secrets."""
    priority_class: NotRequired[str]
    """An existing PriorityClass, so that a full cluster keeps its observer."""
    deny_ingress: NotRequired[bool]
    """Whether a NetworkPolicy refuses every connection to the pods; default true: nobody has to reach them."""
    run_as_user: NotRequired[int]
    """User and group of the process, 1 to 2147483647; default 10001. Never root."""
