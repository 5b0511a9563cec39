"""What a `FailoverSwitch` will declare: every check and the operator's commands, before anything is registered.

Sources: S3 user guide, "Blocking public access" (a policy that allows a fixed set of `aws:SourceIp` ranges is not public;
ranges wider than /8 are); Route 53 developer guide, "How Route 53 determines the status of health checks that monitor
CloudWatch alarms" (`SetAlarmState` has no effect on a check); Application Recovery Controller developer guide, "Best
practices" (use the five endpoints in turn, keep their URLs) and "Safety rules".
"""

import ipaddress
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from pulumi_seawall._arns import arn_of
from pulumi_seawall._control_check import control_terms
from pulumi_seawall._health_args import EndpointCheckArgs
from pulumi_seawall._health_plan import CheckPlan, plan_endpoint
from pulumi_seawall._inputs import checked_keys, flag, line, listed, text
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._policy import VERSION, compact
from pulumi_seawall._regions import known_region
from pulumi_seawall._switch_args import (
    FailoverSwitchArgs,
    SwitchArgs,
    SwitchedRegionImportIds,
    SwitchImportIds,
    SwitchObjectArgs,
    SwitchRoutingControlArgs,
)
from seawall.errors import MISSING, InvalidInput
from seawall.timing import HealthCheckProtocol, Term

FORMS: Final = ("object", "routing_control")
DEFAULT_KEY: Final = "out-of-service"
KEY: Final = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
LONGEST_KEY: Final = 254  # characters: with its slash it is the check's path, of which Route 53 takes 255
WIDEST_IPV4_PREFIX: Final = 8  # S3 calls a policy public whose IPv4 ranges are wider
CLUSTER_ENDPOINTS: Final = 5  # regions that keep a cluster's state
LONGEST_IMPORT_ID: Final = 2048  # characters; an ARN fits
STAND_IN: Final = "switch.s3.amazonaws.com"  # for the bucket's name, which is known only during the deployment
OF_FORM: Final = {"bucket": "object", "routing_control": "routing_control"}
OF_CLUSTER: Final = ("cluster", "control_panel", "safety_rule")


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """An object in each region that switches the other one off. `cidrs` is `None` where AWS's own list is asked for."""

    key: str
    cidrs: tuple[pulumi.Input[str], ...] | None
    check: CheckPlan


@dataclass(frozen=True, slots=True)
class RoutingControlPlan:
    """A pair of routing controls. `cluster_arn` is `None` where a cluster is to be declared."""

    cluster_arn: pulumi.Input[str] | None
    cluster_endpoints: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SwitchedRegion:
    """One region that can be switched off.

    Args:
        role: `primary` or `standby`.
        region: The region.
        switched_from: The other region, where its object is.
        import_ids: Existing resources to adopt.
    """

    role: str
    region: str
    switched_from: str
    import_ids: SwitchedRegionImportIds = field(default_factory=SwitchedRegionImportIds)


@dataclass(frozen=True, slots=True)
class SwitchPlan:
    """Everything that a `FailoverSwitch` declares.

    Args:
        primary: The region that is left when the switch is thrown.
        standby: The region that takes over.
        form: What throws it.
        takes: From the operator's command until Route 53's DNS servers know; without TTL and client caches.
        import_ids: Existing resources to adopt.
        tags: For what has any.
    """

    primary: SwitchedRegion
    standby: SwitchedRegion
    form: ObjectPlan | RoutingControlPlan
    takes: tuple[Term, ...]
    import_ids: SwitchImportIds = field(default_factory=SwitchImportIds)
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def regions(self) -> tuple[SwitchedRegion, SwitchedRegion]:
        """Primary and standby."""
        return self.primary, self.standby


@dataclass(frozen=True, slots=True)
class Commands:
    """What an operator runs, each list in the order in which to try: the first that answers is enough.

    Args:
        prepare: Once, after the first deployment; empty where nothing is to prepare.
        throw: The standby takes over.
        release: The primary serves again.
        status: Which of both holds.
    """

    prepare: list[str]
    throw: list[str]
    release: list[str]
    status: list[str]


def plan_switch(args: FailoverSwitchArgs, where: str = "") -> SwitchPlan:
    """Check the arguments of a `FailoverSwitch` and work out what it declares.

    Args:
        args: As given to the component.
        where: Prefix for names in messages; empty at the top.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
    """
    given = checked_keys(where, args, FailoverSwitchArgs)
    primary = known_region(f"{where}primary_region", given["primary_region"])
    standby = known_region(f"{where}standby_region", given["standby_region"])
    if primary == standby:
        raise InvalidInput(
            f"{where}standby_region",
            standby,
            allowed="another region than the primary's",
            because="the switch must work while the primary's region does not",
        )
    forms = [form for form in FORMS if form in given]
    if len(forms) != 1:
        raise InvalidInput(
            f"{where}form",
            " and ".join(forms) if forms else MISSING,
            allowed="exactly one of object and routing_control",
        )
    import_ids = _plan_import_ids(f"{where}import_ids.", given.get("import_ids", {}), forms[0])
    form: ObjectPlan | RoutingControlPlan
    takes: tuple[Term, ...]
    if "object" in given:
        form = _plan_object(given["object"], f"{where}object.")
        takes = form.check.endpoint_detection
    else:
        form = _plan_control(given.get("routing_control", {}), f"{where}routing_control.", import_ids)
        takes = control_terms()
    return SwitchPlan(
        SwitchedRegion("primary", primary, standby, import_ids.get("primary", {})),
        SwitchedRegion("standby", standby, primary, import_ids.get("standby", {})),
        form,
        takes,
        import_ids,
        checked_tags(where, given.get("tags")),
    )


def plan_switch_of_record(
    switch: SwitchArgs, primary_region: str, standby_region: str, tags: Mapping[str, str]
) -> tuple[FailoverSwitchArgs, bool]:
    """The switch of a `FailoverRecord` as a component's arguments, and whether the records obey it.

    Raises:
        InvalidInput: A value is not allowed; names in the message begin with `switch.`.
    """
    given = checked_keys("switch.", switch, SwitchArgs)
    args: FailoverSwitchArgs = {
        "primary_region": primary_region,
        "standby_region": standby_region,
        "tags": dict(tags),
    }
    if "object" in given:
        args["object"] = given["object"]
    if "routing_control" in given:
        args["routing_control"] = given["routing_control"]
    if "import_ids" in given:
        args["import_ids"] = given["import_ids"]
    plan_switch(args, "switch.")
    return args, flag("switch.armed", given.get("armed", True))


def _plan_import_ids(where: str, args: object, form: str) -> SwitchImportIds:
    given = checked_keys(where, args, SwitchImportIds)
    for key in OF_CLUSTER:
        value: object = given.get(key)
        if value is not None:
            line(f"{where}{key}", value, LONGEST_IMPORT_ID)
            if form != "routing_control":
                raise InvalidInput(f"{where}{key}", value, allowed=f"not with {form}")
    planned: SwitchImportIds = {**given}
    for role in ("primary", "standby"):
        ids = checked_keys(f"{where}{role}.", given.get(role, {}), SwitchedRegionImportIds)
        for key, import_id in ids.items():
            line(f"{where}{role}.{key}", import_id, LONGEST_IMPORT_ID)
            if OF_FORM.get(key, form) != form:
                raise InvalidInput(f"{where}{role}.{key}", import_id, allowed=f"not with {form}")
        planned[role] = ids
    return planned


def _plan_object(args: SwitchObjectArgs, where: str) -> ObjectPlan:
    given = checked_keys(where, args, SwitchObjectArgs)
    key = line(f"{where}key", given.get("key", DEFAULT_KEY), LONGEST_KEY)
    if not KEY.fullmatch(key):
        raise InvalidInput(
            f"{where}key", key, allowed="letters, digits, dots, hyphens and underscores between single slashes"
        )
    endpoint: EndpointCheckArgs = {
        "protocol": HealthCheckProtocol.HTTPS,
        "fqdn": STAND_IN,
        "path": f"/{key}",
        "inverted": True,  # the object's presence, which the check finds well, is what counts as unhealthy
    }
    if "interval_seconds" in given:
        endpoint["interval_seconds"] = given["interval_seconds"]
    if "failure_threshold" in given:
        endpoint["failure_threshold"] = given["failure_threshold"]
    if "checker_regions" in given:
        endpoint["checker_regions"] = given["checker_regions"]
    cidrs = None
    if "checker_cidrs" in given:
        listing = listed(f"{where}checker_cidrs", given["checker_cidrs"])
        if not listing:
            raise InvalidInput(f"{where}checker_cidrs", listing, allowed="at least one range")
        cidrs = tuple(text(f"{where}checker_cidrs[{place}]", value, _range) for place, value in enumerate(listing))
    return ObjectPlan(key, cidrs, plan_endpoint(endpoint, where))


def _range(name: str, value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise InvalidInput(name, value, allowed="an IPv4 range, e.g. 192.0.2.0/24") from None
    if network.prefixlen < WIDEST_IPV4_PREFIX:
        raise InvalidInput(
            name,
            value,
            allowed=f"at most a /{WIDEST_IPV4_PREFIX}",
            because="S3 calls a policy with wider ranges public, and Block Public Access refuses it",
        )
    return value


def _plan_control(args: SwitchRoutingControlArgs, where: str, import_ids: SwitchImportIds) -> RoutingControlPlan:
    given = checked_keys(where, args, SwitchRoutingControlArgs)
    cluster, endpoints = given.get("cluster_arn"), given.get("cluster_endpoints", {})
    if cluster is None:
        if "cluster_endpoints" in given:
            raise InvalidInput(
                f"{where}cluster_endpoints", f"{len(endpoints)} endpoints", allowed="only with cluster_arn"
            )
        return RoutingControlPlan(None, {})
    if "cluster" in import_ids:
        raise InvalidInput(
            f"{where}cluster_arn", cluster, allowed="not together with import_ids.cluster, which adopts it"
        )
    checked = text(
        f"{where}cluster_arn",
        cluster,
        lambda name, value: arn_of(name, value, "route53-recovery-control", "cluster/", ""),
    )
    if len(endpoints) != CLUSTER_ENDPOINTS:
        raise InvalidInput(
            f"{where}cluster_endpoints",
            len(endpoints),
            allowed=f"the cluster's {CLUSTER_ENDPOINTS} endpoint URLs by region",
            because="the operator's command must not have to ask the control plane for them",
        )
    for region, url in endpoints.items():
        known_region(f"{where}cluster_endpoints", region)
        if not url.startswith("https://"):
            raise InvalidInput(f"{where}cluster_endpoints.{region}", url, allowed="a URL that begins with https://")
    return RoutingControlPlan(checked, endpoints)


def bucket_policy(bucket_arn: str, key: str, cidrs: Sequence[str]) -> str:
    """A policy by which Route 53's checkers, and nobody else, may read the object, over TLS.

    It names a fixed set of source ranges, so S3 does not call it public: Block Public Access stays on as a whole.

    Raises:
        InvalidInput: There are no ranges, or one is none.
    """
    ranges = sorted({_range("checker_cidrs", cidr) for cidr in cidrs})
    if not ranges:
        raise InvalidInput(
            "checker_cidrs", "[]", allowed="at least one range", because="no checker could see the switch"
        )
    statement: dict[str, Any] = {
        "Sid": "Route53CheckersMayLook",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{bucket_arn}/{key}",
        "Condition": {"IpAddress": {"aws:SourceIp": ranges}, "Bool": {"aws:SecureTransport": "true"}},
    }
    return compact({"Version": VERSION, "Statement": [statement]})


def object_commands(region: str, bucket: str, key: str) -> Commands:
    """S3's own commands, in the standby's region alone."""

    def command(verb: str) -> list[str]:
        return [shlex.join(["aws", "s3api", verb, "--region", region, "--bucket", bucket, "--key", key])]

    return Commands([], command("put-object"), command("delete-object"), command("head-object"))


def control_commands(plan: SwitchPlan, endpoints: Mapping[str, str], primary_arn: str, standby_arn: str) -> Commands:
    """The cluster's commands, one per endpoint: the standby's region first, the primary's last.

    Both controls are on while nothing is switched; throwing turns the primary's off. The safety rule refuses to turn both
    off. New controls are off, so both have to be turned on once.
    """

    def order(region: str) -> tuple[bool, bool, str]:
        return region == plan.primary.region, region != plan.standby.region, region

    def at(verb: str, *more: str) -> list[str]:
        return [
            shlex.join(
                [
                    "aws",
                    "route53-recovery-cluster",
                    verb,
                    "--region",
                    region,
                    "--endpoint-url",
                    endpoints[region],
                    *more,
                ]
            )
            for region in sorted(endpoints, key=order)
        ]

    def states(primary: str, standby: str) -> list[str]:
        return at(
            "update-routing-control-states",
            "--update-routing-control-state-entries",
            f"RoutingControlArn={primary_arn},RoutingControlState={primary}",
            f"RoutingControlArn={standby_arn},RoutingControlState={standby}",
        )

    both_on = states("On", "On")
    return Commands(
        both_on, states("Off", "On"), both_on, at("get-routing-control-state", "--routing-control-arn", primary_arn)
    )


def takes_seconds(plan: SwitchPlan, *, worst: bool) -> float:
    """Seconds from the operator's command until Route 53's DNS servers answer otherwise."""
    return sum(term.worst_seconds if worst else term.typical_seconds for term in plan.takes)
