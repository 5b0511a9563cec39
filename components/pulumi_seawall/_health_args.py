"""Arguments of `HealthCheck`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from seawall.timing import HealthCheckProtocol


class InsufficientData(Enum):
    """What an alarm's health check says while CloudWatch has no data: always a choice, never a default."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    LAST_KNOWN_STATUS = "LastKnownStatus"


class AlarmStatistic(Enum):
    """The statistics that Route 53 can follow; percentiles and metric math are not among them."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SUM = "Sum"
    SAMPLE_COUNT = "SampleCount"


class AlarmComparison(Enum):
    """How the alarm compares its statistic with the threshold."""

    GREATER_THAN_OR_EQUAL = "GreaterThanOrEqualToThreshold"
    GREATER_THAN = "GreaterThanThreshold"
    LESS_THAN = "LessThanThreshold"
    LESS_THAN_OR_EQUAL = "LessThanOrEqualToThreshold"


class DetectionArgs(TypedDict):
    """How long a check that Seawall did not declare takes to turn unhealthy, as its owner states it."""

    typical_seconds: float
    """What to expect, in seconds."""
    worst_seconds: float
    """What can happen, in seconds; at least the typical value."""


class EndpointCheckArgs(TypedDict):
    """A check that Route 53's checkers make over the internet. They cannot reach private addresses."""

    protocol: HealthCheckProtocol
    """`HTTP`, `HTTPS` or `TCP`. Certificates are not validated; an endpoint that only speaks TLS 1.3 fails."""
    fqdn: NotRequired[pulumi.Input[str]]
    """Name to resolve and probe, by IPv4 only; with `ip_address` it is only the `Host` header and the SNI name."""
    ip_address: NotRequired[pulumi.Input[str]]
    """Public IPv4 or IPv6 address to probe. Cannot be added to or taken from a check later without replacing it."""
    port: NotRequired[int]
    """1 to 65535; default 80 for HTTP, 443 for HTTPS; required for TCP."""
    path: NotRequired[str]
    """Required for HTTP and HTTPS: starts with a slash, at most 255 characters. Choose a page that asks no dependency
    which both regions share, or a fault there fails both."""
    search_string: NotRequired[str]
    """Text that must stand in the first 5120 bytes of the body; at most 255 characters. HTTP and HTTPS only."""
    interval_seconds: NotRequired[int]
    """10 or 30; default 10. Changing it replaces the check."""
    failure_threshold: NotRequired[int]
    """1 to 10 consecutive checks; default 3."""
    checker_regions: NotRequired[list[str]]
    """At least three of the eight regions that have checkers; default all eight, written out, because leaving the
    argument out later has no effect."""
    measure_latency: NotRequired[bool]
    """Latency graphs in the Route 53 console; default no. Changing it replaces the check."""
    inverted: NotRequired[bool]
    """Healthy counts as unhealthy and the other way round; default no. The way to force a failover."""
    enable_sni: NotRequired[bool]
    """Send the name in the TLS handshake; HTTPS only; default yes when there is a name."""


class CalculatedRule(Enum):
    """How many children of a calculated check must be healthy, whatever their number is."""

    ALL = "all"
    """Every one: a single failure fails the whole."""
    MAJORITY = "majority"
    """More than half."""
    ANY = "any"
    """One is enough."""
    ALWAYS_HEALTHY = "always_healthy"
    """None: the check never fails (`inverted`: it never passes). The only way to a threshold of 0."""


class CalculatedCheckArgs(TypedDict):
    """A check of checks."""

    children: list[pulumi.Input[str]]
    """Ids of 1 to 255 other checks, none of them calculated itself."""
    rule: NotRequired[CalculatedRule]
    """How many children must be healthy, by name; default `majority`. Not together with `healthy_threshold`."""
    healthy_threshold: NotRequired[int]
    """How many children must be healthy, by number; 1 to the number of children."""
    inverted: NotRequired[bool]
    """Healthy counts as unhealthy and the other way round; default no."""


class AlarmDefinitionArgs(TypedDict):
    """What the alarm evaluates. Route 53 keeps its own copy, which is brought up to date whenever this changes."""

    namespace: str
    """E.g. `AWS/ApplicationELB`."""
    metric_name: str
    """E.g. `HealthyHostCount`."""
    statistic: AlarmStatistic
    """`Average`, `Minimum`, `Maximum`, `Sum` or `SampleCount`."""
    comparison: AlarmComparison
    """How the statistic is compared with the threshold."""
    threshold: float
    """The value that the statistic is compared with."""
    period_seconds: int
    """A multiple of 60: Route 53 follows standard-resolution metrics only."""
    evaluation_periods: int
    """Periods that are looked at, at least 1."""
    datapoints_to_alarm: NotRequired[int]
    """Periods among them that must breach, 1 to `evaluation_periods`; default all."""
    dimensions: NotRequired[dict[str, pulumi.Input[str]]]
    """The metric's dimensions."""


class AlarmCheckArgs(TypedDict):
    """A check that follows a CloudWatch alarm: the form for private targets, which no checker can reach."""

    name: pulumi.Input[str]
    """The alarm's name."""
    region: str
    """The alarm's region."""
    insufficient_data: InsufficientData
    """What the check says while the alarm has no data."""
    definition: AlarmDefinitionArgs
    """What the alarm evaluates."""
    inverted: NotRequired[bool]
    """Healthy counts as unhealthy and the other way round; default no."""


class HealthCheckArgs(TypedDict):
    """Exactly one of `endpoint`, `calculated`, `alarm`, `routing_control_arn` and `health_check_id`."""

    endpoint: NotRequired[EndpointCheckArgs]
    """Probe an endpoint over the internet."""
    calculated: NotRequired[CalculatedCheckArgs]
    """Count other checks."""
    alarm: NotRequired[AlarmCheckArgs]
    """Follow a CloudWatch alarm."""
    routing_control_arn: NotRequired[pulumi.Input[str]]
    """Follow a routing control of Application Recovery Controller: healthy while it is on. A new control is off. Changing
    the ARN replaces the check."""
    health_check_id: NotRequired[pulumi.Input[str]]
    """A check that somebody else owns: used as it is, never changed or deleted. It still gets a status alarm."""
    import_id: NotRequired[str]
    """Id of an existing check to adopt: from then on it is owned here. Its settings must be those of the arguments."""
    detection: NotRequired[DetectionArgs]
    """How long the check of `health_check_id`, or the slowest child, takes; unknown ones are assumed at Route 53's
    defaults."""
    status_alarm: NotRequired[bool]
    """Whether to declare an alarm on the check's status; default yes."""
    status_alarm_import_id: NotRequired[str]
    """Name of an existing alarm in us-east-1 to adopt as the status alarm."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics in us-east-1 that hear of unhealthy, healthy again and no data."""
    tags: NotRequired[dict[str, str]]
    """Tags for the check and its alarm, beside `Name` and `seawall:component`."""


class PredictedTerm(TypedDict):
    """One part of a prediction."""

    name: str
    """What takes the time, e.g. `TTL`."""
    typical_seconds: float
    """What to expect, in seconds."""
    worst_seconds: float
    """What can happen, in seconds."""
    source: str
    """`computed`, `documented`, `assumed`, `measured locally` or `measured in account`."""
    reason: str
    """How the numbers come about, in one sentence."""


class PredictedRecovery(TypedDict):
    """How long one class of failure lasts for clients: a sum of terms."""

    failure_class: str
    """`endpoint`, `writer`, `zone`, `region`, `corruption` or `account`."""
    path: str
    """`reads` or `writes`."""
    measure: str
    """`recovery_time_seconds` or `recovery_point_seconds`."""
    typical_seconds: float
    """The sum of the typical values, in seconds."""
    worst_seconds: float
    """The sum of the worst values, in seconds."""
    assumed: list[str]
    """Names of the terms that rest on an assumption."""
    terms: list[PredictedTerm]
    """The parts of the sum."""
    not_included: list[str]
    """What the sum leaves out."""
