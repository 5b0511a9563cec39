"""Arguments of `WeightedRecord` and `LatencyRecord`. TypedDicts only: the schema for other languages comes from them."""

from typing import NotRequired, TypedDict

import pulumi

from pulumi_seawall._failover_args import ObjectivesArgs, RecordTarget


class EntryImportIds(TypedDict):
    """Existing resources of one entry to adopt. A record's id is `ZONEID_name_type_setidentifier`, without the set
    identifier for the simple records of a `regional_name`; an alarm's is its name."""

    a: NotRequired[str]
    """The entry's A record."""
    aaaa: NotRequired[str]
    """The entry's AAAA record."""
    regional_a: NotRequired[str]
    """The A record of its `regional_name`."""
    regional_aaaa: NotRequired[str]
    """The AAAA record of its `regional_name`."""
    health_check: NotRequired[str]
    """Its health check."""
    status_alarm: NotRequired[str]
    """The alarm on its health check's status."""


class WeightedEntryArgs(TypedDict):
    """One entry of a weighted name."""

    name: str
    """What the entry is for, e.g. `blue`: its set identifier, and part of its resources' names. Not a region: an entry
    that moves keeps its name, and is updated in place."""
    weight: int
    """Its share is its weight over the sum of all healthy entries' weights. 0 to 255. 0: answered only once every entry
    with a weight is unhealthy."""
    target: RecordTarget
    """Where it points. Addresses must have a check; an alias follows its target's own health."""
    status_alarm: NotRequired[bool]
    """Whether its check gets an alarm on its status; default as `status_alarms` says. No for a `health_check_id` whose
    owner has one already."""
    import_ids: NotRequired[EntryImportIds]
    """Existing resources to adopt."""


class LatencyEntryArgs(TypedDict):
    """One region of a latency-based name."""

    name: str
    """Its set identifier, and part of its resources' names. Use the region's own name where regions may change places:
    Route 53 refuses two entries of one region, even for the moment between two updates."""
    target: RecordTarget
    """Where it points; its `region` is the one whose latency counts, and no two entries have the same."""
    status_alarm: NotRequired[bool]
    """Whether its check gets an alarm on its status; default as `status_alarms` says. No for a `health_check_id` whose
    owner has one already."""
    import_ids: NotRequired[EntryImportIds]
    """Existing resources to adopt."""


class WeightedRecordArgs(TypedDict):
    """One name whose answers are spread by weight over the healthy entries."""

    zone_id: pulumi.Input[str]
    """Existing hosted zone that holds the name."""
    zone_name: NotRequired[pulumi.Input[str]]
    """The zone's name; when given, every name is checked to lie in it."""
    private_zone: NotRequired[bool]
    """Whether the zone is private; default no. Checks over the internet are refused then: use `alarm_check`."""
    name: str
    """Fully qualified name that clients resolve, e.g. `shop.example.com`."""
    entries: list[WeightedEntryArgs]
    """1 to 100 entries, at least one of them with a weight above 0."""
    ttl_seconds: NotRequired[int]
    """Of entries with addresses, in seconds: at most 60 and what `recovery_time_seconds` can afford; default the larger
    of what both allow. Resolvers keep one answer for all their clients, so shares hold over many resolvers only."""
    client_cache_seconds: NotRequired[float]
    """The longest that your clients keep an answer beyond its TTL, in seconds; default 30, a JVM's own cache."""
    objectives: NotRequired[ObjectivesArgs]
    """What the predictions are held against before anything is registered."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics in us-east-1 that hear of every check."""
    status_alarms: NotRequired[bool]
    """Whether each check gets an alarm on its status; default yes."""
    tags: NotRequired[dict[str, str]]
    """Tags for checks and alarms; records have none."""


class LatencyRecordArgs(TypedDict):
    """One name that answers each client with the healthy region that is nearest to it in time."""

    zone_id: pulumi.Input[str]
    """Existing hosted zone that holds the name."""
    zone_name: NotRequired[pulumi.Input[str]]
    """The zone's name; when given, every name is checked to lie in it."""
    private_zone: NotRequired[bool]
    """Whether the zone is private; default no. Checks over the internet are refused then: use `alarm_check`."""
    name: str
    """Fully qualified name that clients resolve, e.g. `reads.shop.example.com`."""
    entries: list[LatencyEntryArgs]
    """2 to 100 entries, each in another region."""
    ttl_seconds: NotRequired[int]
    """Of entries with addresses, in seconds: at most 60 and what `recovery_time_seconds` can afford; default the larger
    of what both allow."""
    client_cache_seconds: NotRequired[float]
    """The longest that your clients keep an answer beyond its TTL, in seconds; default 30, a JVM's own cache."""
    objectives: NotRequired[ObjectivesArgs]
    """What the predictions are held against before anything is registered."""
    alarm_actions: NotRequired[list[pulumi.Input[str]]]
    """ARNs of at most five SNS topics in us-east-1 that hear of every check."""
    status_alarms: NotRequired[bool]
    """Whether each check gets an alarm on its status; default yes."""
    tags: NotRequired[dict[str, str]]
    """Tags for checks and alarms; records have none."""
