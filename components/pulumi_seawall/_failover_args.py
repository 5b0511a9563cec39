"""Arguments of `FailoverRecord`. TypedDicts and Enums only: the schema for other languages is inferred from them."""

from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._health_args import AlarmCheckArgs, DetectionArgs, EndpointCheckArgs
from pulumi_seawall._kubernetes_args import KubernetesTargetArgs
from pulumi_seawall._switch_args import SwitchArgs


class LoadBalancerArgs(TypedDict):
    """A load balancer as an alias target: an ALB's or NLB's own attributes."""

    dns_name: pulumi.Input[str]
    """Its DNS name."""
    zone_id: pulumi.Input[str]
    """Its canonical hosted zone id (not the zone of your records)."""
    dual_stack: NotRequired[bool]
    """Whether it answers on IPv6 too; default no. Must be the same on both sides."""


class GroupTargetArgs(TypedDict):
    """A weighted or latency group of the same zone as an alias target: healthy while any of its records is."""

    name: pulumi.Input[str]
    """The group's name: the `fqdn` of a `WeightedRecord` or `LatencyRecord`, so that its records are there first."""
    dual_stack: NotRequired[bool]
    """Whether it has AAAA records too; default no."""
    ttl_seconds: NotRequired[int]
    """TTL of the group's records, with which the alias answers; at most and by default 60."""
    detection: NotRequired[DetectionArgs]
    """How long the group's checks take to find that all of it failed; assumed at Route 53's defaults without it."""


class RecordTarget(TypedDict):
    """One target of a name: a region, and exactly one of `addresses`, `load_balancer`, `group` and `kubernetes`."""

    region: str
    """The AWS region that serves."""
    addresses: NotRequired[list[pulumi.Input[str]]]
    """IPv4 addresses (an A record) and IPv6 addresses (an AAAA record). An address that is known only during the
    deployment is taken for IPv4, and refused then if it is not. Both sides must have the same families."""
    load_balancer: NotRequired[LoadBalancerArgs]
    """Alias to a load balancer, with `evaluate_target_health`."""
    group: NotRequired[GroupTargetArgs]
    """Alias to a weighted or latency group of the same zone, with `evaluate_target_health`."""
    kubernetes: NotRequired[KubernetesTargetArgs]
    """Alias to the load balancer of an Ingress or a Gateway, which is looked up in the region's cluster. A name that
    external-dns writes, by the object's annotation or by its records in the zone, is refused."""
    health_check: NotRequired[EndpointCheckArgs]
    """A check to declare. Without `fqdn` and `ip_address` it probes `regional_name`."""
    alarm_check: NotRequired[AlarmCheckArgs]
    """A check to declare that follows an alarm: the form for a private target."""
    health_check_id: NotRequired[pulumi.Input[str]]
    """A check that exists. At most one of `health_check`, `alarm_check` and `health_check_id`."""
    detection: NotRequired[DetectionArgs]
    """How long the check of `health_check_id` takes; without it Route 53's default settings are assumed."""
    regional_name: NotRequired[str]
    """A name for this target alone, e.g. `ap-northeast-1.shop.example.com`: declared as a simple record beside the
    others, so that the check probes the region and never the name that clients resolve."""
    set_identifier: NotRequired[str]
    """Default: the role (`primary`, `secondary`) or the entry's name. Give the old one only to adopt a record that has
    another."""


class ObjectiveExceptionArgs(TypedDict):
    """Other limits for one kind of failure; as `seawall.objectives.ObjectiveException`."""

    failure_class: str
    """`endpoint`, `writer`, `zone`, `region`, `corruption` or `account`."""
    path: NotRequired[str]
    """`reads` or `writes`; default both."""
    recovery_time_seconds: NotRequired[float]
    """In place of the objectives' own."""
    recovery_point_seconds: NotRequired[float]
    """In place of the objectives' own."""


class ObjectivesArgs(TypedDict):
    """What the service promises; as `seawall.objectives.Objectives`."""

    availability: float
    """Ratio over 30 days, above 0 and below 1."""
    latency_p95_seconds: float
    """Seconds."""
    error_rate: float
    """Ratio, above 0 and below 1."""
    recovery_time_seconds: float
    """Seconds; the TTL must leave the failover within it."""
    recovery_point_seconds: float
    """Seconds."""
    exceptions: NotRequired[list[ObjectiveExceptionArgs]]
    """Other limits for some kinds of failure: a promoted database is not back as fast as a name."""


class WaiverArgs(TypedDict):
    """A violation that is known and let pass until a date; as `seawall.objectives.Waiver`."""

    key: str
    """E.g. `recovery_time_seconds/region/writes`."""
    until: str
    """The last day, in UTC, e.g. `2027-03-31`."""
    reason: str
    """One line: why, and what is done about it."""


class FailoverImportIds(TypedDict):
    """Existing resources to adopt. A record's id is `ZONEID_name_type_setidentifier`, without the set identifier for
    the simple records of a region; an alarm's is its name. The switch's own are in `switch.import_ids`."""

    primary_a: NotRequired[str]
    """The primary's A record."""
    primary_aaaa: NotRequired[str]
    """The primary's AAAA record."""
    secondary_a: NotRequired[str]
    """The secondary's A record."""
    secondary_aaaa: NotRequired[str]
    """The secondary's AAAA record."""
    primary_regional_a: NotRequired[str]
    """The A record of the primary's own name."""
    primary_regional_aaaa: NotRequired[str]
    """The AAAA record of the primary's own name."""
    secondary_regional_a: NotRequired[str]
    """The A record of the secondary's own name."""
    secondary_regional_aaaa: NotRequired[str]
    """The AAAA record of the secondary's own name."""
    primary_health_check: NotRequired[str]
    """The primary's health check."""
    secondary_health_check: NotRequired[str]
    """The secondary's health check."""
    primary_status_alarm: NotRequired[str]
    """The alarm on the status of the primary's check."""
    secondary_status_alarm: NotRequired[str]
    """The alarm on the status of the secondary's check."""
    primary_in_service_check: NotRequired[str]
    """The calculated check that counts the primary's own check and the switch."""
    secondary_in_service_check: NotRequired[str]
    """The calculated check that counts the secondary's own check and the switch."""
    primary_in_service_alarm: NotRequired[str]
    """The alarm on that check's status."""
    secondary_in_service_alarm: NotRequired[str]
    """The alarm on that check's status."""
    both_unhealthy_alarm: NotRequired[str]
    """The alarm on both sides being unhealthy."""


class FailoverRecordArgs(TypedDict):
    """One name in two regions."""

    zone_id: pulumi.Input[str]
    """Existing hosted zone that holds the name."""
    zone_name: NotRequired[pulumi.Input[str]]
    """The zone's name; when given, every name is checked to lie in it."""
    private_zone: NotRequired[bool]
    """Whether the zone is private; default no. Checks over the internet are refused then: use `alarm_check`."""
    name: str
    """Fully qualified name that clients resolve, e.g. `shop.example.com`."""
    primary: RecordTarget
    """Answered while its check passes. Without a load balancer it must have a check."""
    secondary: RecordTarget
    """Answered while the primary's check fails. When it has a check too and both fail, Route 53 answers the primary;
    without a check the secondary is always answered then."""
    ttl_seconds: NotRequired[int]
    """At most 60 and what `recovery_time_seconds` can afford; default the larger of what both allow. An alias answers with
    its own 60 s, so it cannot be given when both sides are load balancers."""
    client_cache_seconds: NotRequired[float]
    """The longest that your clients keep an answer beyond its TTL; default 30, a JVM's own cache."""
    objectives: NotRequired[ObjectivesArgs]
    """What the predictions are held against before anything is registered."""
    waivers: NotRequired[list[WaiverArgs]]
    """Objectives that are known not to be met, each until a date; with `objectives`."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics in us-east-1. With them, and a check on both sides, comes an alarm on both being
    unhealthy."""
    status_alarms: NotRequired[bool]
    """Whether each check gets an alarm on its status; default yes."""
    switch: NotRequired[SwitchArgs]
    """An operator's switch, by which the standby takes over without a deployment. Each record then follows a calculated
    check: the target's own check and the switch must both be well."""
    import_ids: NotRequired[FailoverImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for checks and alarms; records have none."""
