"""Arguments of `FailoverSwitch`. TypedDicts only: the schema for other languages is inferred from them."""

from typing import NotRequired, TypedDict

import pulumi


class SwitchObjectArgs(TypedDict):
    """A switch that is thrown by putting an object into a bucket: each region is switched off from the other one."""

    key: NotRequired[str]
    """Key of the object whose presence throws the switch; default `out-of-service`. 1 to 254 characters of letters,
    digits, `-`, `_`, `.` and inner slashes."""
    checker_cidrs: NotRequired[list[pulumi.Input[str]]]
    """IPv4 ranges of Route 53's checkers, which alone may read the object. Default: those that AWS publishes, asked for
    in every preview and deployment."""
    interval_seconds: NotRequired[int]
    """10 or 30; default 10. Changing it replaces the check."""
    failure_threshold: NotRequired[int]
    """1 to 10 consecutive checks, in both directions; default 3."""
    checker_regions: NotRequired[list[str]]
    """At least three of the eight regions that have checkers; default all eight."""


class SwitchRoutingControlArgs(TypedDict):
    """A switch that is a pair of routing controls of Application Recovery Controller, kept in five regions."""

    cluster_arn: NotRequired[pulumi.Input[str]]
    """An existing cluster, which is what costs: one serves many switches. Declared when absent."""
    cluster_endpoints: NotRequired[dict[str, str]]
    """The existing cluster's five endpoint URLs by region: required with `cluster_arn`, because the operator's command
    must not have to ask the control plane for them."""


class SwitchedRegionImportIds(TypedDict):
    """Existing resources that switch one region off."""

    bucket: NotRequired[str]
    """Name of the bucket, in the other region, that holds the object; from then on it is owned here with its policy."""
    routing_control: NotRequired[str]
    """ARN of the region's routing control."""
    health_check: NotRequired[str]
    """Id of the check on the object or the routing control."""


class SwitchImportIds(TypedDict):
    """Existing resources of a switch to adopt."""

    primary: NotRequired[SwitchedRegionImportIds]
    """What switches the primary's region off."""
    standby: NotRequired[SwitchedRegionImportIds]
    """What switches the standby's region off."""
    cluster: NotRequired[str]
    """ARN of the cluster."""
    control_panel: NotRequired[str]
    """ARN of the control panel."""
    safety_rule: NotRequired[str]
    """ARN of the safety rule."""


class SwitchArgs(TypedDict):
    """The switch of a `FailoverRecord`: exactly one of `object` and `routing_control`."""

    object: NotRequired[SwitchObjectArgs]
    """Thrown by an object in the standby's region: costs little."""
    routing_control: NotRequired[SwitchRoutingControlArgs]
    """Thrown by a routing control: five regions keep it, at the price of a cluster."""
    import_ids: NotRequired[SwitchImportIds]
    """Existing resources to adopt."""
    armed: NotRequired[bool]
    """Whether the records obey the switch; default yes. Route 53 takes a new inverted check for unhealthy until its first
    results, so add a switch to a name that already serves in two deployments: first with false, a minute later with
    true."""


class FailoverSwitchArgs(TypedDict):
    """By hand, and in the data plane alone: the standby takes over. Exactly one of `object` and `routing_control`."""

    primary_region: str
    """The region that is to be left; throwing the switch needs nothing of it."""
    standby_region: str
    """The region that takes over; what the operator's command touches is there, or in the cluster's five regions."""
    object: NotRequired[SwitchObjectArgs]
    """Thrown by an object in the standby's region: costs little."""
    routing_control: NotRequired[SwitchRoutingControlArgs]
    """Thrown by a routing control: five regions keep it, at the price of a cluster."""
    import_ids: NotRequired[SwitchImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for what has any, beside `Name` and `seawall:component`."""
