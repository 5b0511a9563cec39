"""Arguments of the components that watch a service. TypedDicts and Enums only, for schema inference."""

from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._failover_args import ObjectivesArgs
from seawall.contract import BackupKind
from seawall.slo import NoData


class MonitoredClusterArgs(TypedDict):
    """A region's Kubernetes cluster, whose Prometheus evaluates the rules."""

    region: str
    """AWS region; at most one cluster each."""
    context: NotRequired[str]
    """Of the kubeconfig; default its current context."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents or path; default the deploying user's own. May be secret."""
    namespace: NotRequired[str]
    """Of the PrometheusRule, and the label `namespace` of its alerts; default `default`."""


class MonitoringArgs(TypedDict):
    """How a service is watched by the Prometheus of each of its regions."""

    service: str
    """2 to 32 lower-case letters, digits and hyphens; the label `service` of every rule."""
    clusters: NotRequired[list[MonitoredClusterArgs]]
    """Clusters with the Prometheus operator; each gets a PrometheusRule."""
    regions: NotRequired[list[str]]
    """Regions whose Prometheus has no operator: they get a rule file as an output only."""
    selector: dict[str, str]
    """Labels of the scraped series that are the service's, e.g. `{"job": "shop"}`."""
    rule_selector_labels: dict[str, str]
    """Labels of each PrometheusRule: what the Prometheus' `ruleSelector` asks for. Without them it loads nothing, and says
    nothing."""
    runbook_url: str
    """Where the runbooks are, with `{alert}` for the alert's name, e.g. `https://wiki.example.com/runbooks/{alert}`."""
    scrape_interval_seconds: NotRequired[int]
    """Seconds between two scrapes of the service, 1 to 75; default 30."""
    evaluation_interval_seconds: NotRequired[int]
    """Seconds between two evaluations of the rules, 1 to 300; default 30."""
    buckets_seconds: NotRequired[list[float]]
    """Upper bounds of the app's latency buckets, in seconds; default what the runtime exports when its middleware is given the
    latency SLO: OpenTelemetry's advice, and the latency objective."""


class ServiceLevelObjectiveArgs(TypedDict):
    """What is promised, and who is told when it is not kept."""

    monitoring: MonitoringArgs
    """The service, and where it is watched."""
    objectives: ObjectivesArgs
    """Two SLOs follow: its availability, and 95 % of requests within its latency."""
    no_data: NoData
    """What no requests mean: `fail` wakes somebody, `pause` tells people, `pass` is quiet. Required: there is no good default."""
    retention_seconds: float
    """How long the Prometheus keeps its data, in seconds; at least the period. Its own default, 15 days, is too short for 30."""
    period_seconds: NotRequired[float]
    """Seconds over which the budgets are counted; default 30 days."""
    minimum_requests: NotRequired[int]
    """Requests in an alert's long window below which nothing is judged; default 30."""
    group_by: NotRequired[list[str]]
    """Labels whose values are judged apart, e.g. `http_route`; default none."""


class WatchedRolloutArgs(TypedDict):
    """A Rollout of Argo's, in every cluster, whose releases are watched."""

    name: str
    """Its name."""
    namespace: NotRequired[str]
    """Its namespace; default that of the rules."""


class WatchedBackupArgs(TypedDict):
    """Backups whose age `seawall backups` writes for the Prometheus of the region that they are in."""

    region: str
    """Where the backups are; one of those that are watched."""
    source: str
    """What is backed up: its ARN without partition, service, region and account, e.g. `db:shop`."""
    kind: BackupKind
    """`recovery_point` of AWS Backup, or `replicated` by RDS."""
    limit_seconds: float
    """How old the newest may be, in seconds: what the schedule, its windows and the backup itself take at most."""


class AlertRulesArgs(TypedDict):
    """What is too much."""

    monitoring: MonitoringArgs
    """The service, and where it is watched."""
    objectives: ObjectivesArgs
    """From its recovery point follows how far behind a replica may be."""
    error_ratio: NotRequired[float]
    """Share of failed requests over two minutes, above 0 and below 1; default 0.05."""
    latency_p95_seconds: NotRequired[float]
    """95th percentile over five minutes, in seconds, at one of the buckets; default 1."""
    replica_lag_seconds: NotRequired[float]
    """Seconds; default the recovery point. Required where that is 0."""
    minimum_requests: NotRequired[int]
    """Requests in a ratio's window below which it means nothing; default 10."""
    rollouts: NotRequired[list[WatchedRolloutArgs]]
    """Rollouts of Argo's whose aborted releases are told; default none."""
    backups: NotRequired[list[WatchedBackupArgs]]
    """Backups that are told of when they do not come; default none."""


class WatchdogArgs(TypedDict):
    """A heartbeat, and the switch outside that notices when it stops."""

    monitoring: MonitoringArgs
    """The service, and where it is watched."""
    url_file: str
    """File with the switch's address, as Alertmanager sees it: the address is a secret, and stands in no state."""
    heartbeat_seconds: NotRequired[int]
    """Seconds between two heartbeats, 30 to 3600; default 60."""
