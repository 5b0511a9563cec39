"""Where one record of a name points: each target checked by itself, with its check and its region's own name.

Sources: Route 53 API reference, `ResourceRecordSet`, `AliasTarget` and `HealthCheckConfig`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import pulumi

from pulumi_seawall._dns import dns_name, public_address
from pulumi_seawall._failover_args import RecordTarget
from pulumi_seawall._health_args import EndpointCheckArgs, HealthCheckArgs
from pulumi_seawall._health_plan import (
    DISABLED,
    HealthCheckPlan,
    check_id,
    plan_alarm,
    plan_detection,
    plan_endpoint,
    plan_health_check,
)
from pulumi_seawall._inputs import checked_keys, line, listed, plain, plain_string, text
from pulumi_seawall._kubernetes_target import KubernetesPlan, plan_kubernetes
from pulumi_seawall._naming import LONGEST_SET_IDENTIFIER
from pulumi_seawall._regions import known_region
from pulumi_seawall._target_forms import Alias, plan_addresses, plan_group, plan_load_balancer
from seawall import timing
from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass, Term

TARGET_FORMS: Final = ("addresses", "load_balancer", "group", "kubernetes")
LOOKED_UP: Final = "(looked up)"  # stands for the zone of a load balancer that is asked for in a cluster
CHECK_FORMS: Final = ("health_check", "alarm_check", "health_check_id")


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One target, checked.

    Args:
        role: What it is called: `primary`, `secondary`, or an entry's name.
        where: Prefix of its inputs in messages, e.g. `primary.`.
        region: The AWS region.
        addresses: Record values by family, 4 or 6; empty for an alias.
        alias: What an alias points at; `None` for addresses.
        alias_ttl_seconds: TTL with which an alias answers: a load balancer's 60 s, or that of a group's records.
        families: The families it answers.
        regional_name: Its own name, when it has one.
        set_identifier: Of its records.
        health_check_args: Arguments of its `HealthCheck`, when it has one.
        health_check: What that declares.
        alias_detection: How long a target takes to be known as failed through `evaluate_target_health`.
        switched: Whether its record obeys a switch too.
        kubernetes: Whose load balancer the alias is to be; then `alias` only stands for it.
    """

    role: str
    where: str
    region: str
    addresses: Mapping[int, tuple[pulumi.Input[str], ...]]
    alias: Alias | None
    alias_ttl_seconds: int
    families: tuple[int, ...]
    regional_name: str | None
    set_identifier: str
    health_check_args: HealthCheckArgs | None
    health_check: HealthCheckPlan | None
    alias_detection: tuple[Term, ...] = ()
    switched: bool = False
    kubernetes: KubernetesPlan | None = None

    @property
    def checked(self) -> bool:
        """Whether Route 53 can know that it failed."""
        return self.health_check is not None or self.alias is not None or self.switched

    def detection(self, failure_class: FailureClass) -> tuple[Term, ...]:
        """How long until Route 53 knows that this target failed."""
        if self.health_check is None:
            return self.alias_detection
        endpoint = failure_class is FailureClass.ENDPOINT
        own = self.health_check.endpoint_detection if endpoint else self.health_check.detection
        return timing.calculated_detection(own) if self.switched else own

    def kept(self, ttl_seconds: int | None) -> Term:
        """How long resolvers keep its answer, with that TTL on records with addresses."""
        if self.alias is None:
            return timing.record_ttl(ttl_seconds or 0)
        return timing.alias_ttl() if self.alias.zone_id is not None else timing.record_ttl(self.alias_ttl_seconds)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Existing resources of one target.

    Args:
        label: What stands before the key in messages, e.g. `import_ids.primary_`.
        ids: By key, e.g. `health_check`.
    """

    label: str
    ids: Mapping[str, str] = field(default_factory=dict[str, str])

    def get(self, key: str) -> str | None:
        """The id to adopt, if there is one."""
        return self.ids.get(key)


@dataclass(frozen=True, slots=True)
class Shared:
    """What every target needs to know of the whole.

    Args:
        name: The name that clients resolve.
        known_as: What messages call that name: `the failover name`.
        others: What it answers with once a target fails: `the other region`.
        status_alarms: Whether each check gets an alarm on its status.
        actions: Topics of those alarms.
        tags: For checks and alarms.
        zone_name: Of the zone, when it is known.
        private_zone: Whether the zone is private.
    """

    name: str
    known_as: str
    others: str
    status_alarms: bool
    actions: tuple[pulumi.Input[str], ...]
    tags: Mapping[str, str]
    zone_name: str | None = None
    private_zone: bool = False


def plan_target(role: str, where: str, args: object, shared: Shared, adopted: Adopted, unchecked: str) -> TargetPlan:
    """Check one target.

    Args:
        role: What it is called, and its set identifier unless another is given.
        where: Prefix for names in messages, e.g. `primary.`.
        args: As given to the component.
        shared: What it has in common with the others.
        adopted: Existing resources.
        unchecked: Why addresses must have a check; empty when they need none.

    Raises:
        InvalidInput: A value is not allowed.
    """
    label = where.removesuffix(".")
    if isinstance(args, list | tuple):
        raise InvalidInput(label, f"{len(listed(label, cast('object', args)))} targets", allowed="exactly one target")
    given = checked_keys(where, args, RecordTarget)
    region = known_region(f"{where}region", given["region"])
    forms = [form for form in TARGET_FORMS if form in given]
    if len(forms) != 1:
        raise InvalidInput(
            f"{where}target",
            " and ".join(forms) if forms else MISSING,
            allowed=f"exactly one of {', '.join(TARGET_FORMS[:-1])} and {TARGET_FORMS[-1]}",
        )
    regional_name = _plan_regional_name(where, given, shared)
    addresses: dict[int, tuple[pulumi.Input[str], ...]] = {}
    alias: Alias | None = None
    looked_up: KubernetesPlan | None = None
    ttl, detection = timing.ALIAS_TTL_SECONDS, timing.load_balancer_detection()
    if "load_balancer" in given:
        balancer = plan_load_balancer(given["load_balancer"], f"{where}load_balancer.")
        families = (4, 6) if balancer.get("dual_stack") else (4,)
        alias = Alias(balancer["dns_name"], balancer["zone_id"])
    elif "group" in given:
        group = plan_group(given["group"], f"{where}group.", shared.name, shared.zone_name)
        families = (4, 6) if group.get("dual_stack") else (4,)
        alias = Alias(group["name"], None)
        ttl = group.get("ttl_seconds", timing.LARGEST_FAILOVER_TTL_SECONDS)
        detection = (
            plan_detection(f"{where}group.detection.", group["detection"])
            if "detection" in group
            else timing.undeclared_detection()
        )
    elif "kubernetes" in given:
        looked_up = plan_kubernetes(
            f"{where}kubernetes.", given["kubernetes"], region, shared.name, private_zone=shared.private_zone
        )
        families = (4, 6) if looked_up.dual_stack else (4,)
        alias = Alias(f"{looked_up.shown}", LOOKED_UP)
    else:
        addresses = plan_addresses(f"{where}addresses", given.get("addresses"))
        families = tuple(addresses)
    if regional_name is not None and alias is not None and alias.zone_id is None:
        raise InvalidInput(
            f"{where}regional_name", regional_name, allowed="not with group", because="the group has a name of its own"
        )
    if _refuses_checkers(given, addresses, shared):
        raise InvalidInput(
            f"{where}health_check",
            "endpoint",
            allowed="alarm_check, or a health_check with a public ip_address",
            because="Route 53's checkers are outside the VPC and cannot reach a private target",
        )
    check = _plan_check(where, given, regional_name, families, shared, adopted)
    if check is None and alias is None and unchecked:
        raise InvalidInput(
            f"{where}health_check",
            MISSING,
            allowed="one of health_check, alarm_check and health_check_id",
            because=unchecked,
        )
    return TargetPlan(
        role,
        where,
        region,
        addresses,
        alias,
        ttl,
        families,
        regional_name,
        line(f"{where}set_identifier", given.get("set_identifier", role), LONGEST_SET_IDENTIFIER),
        check,
        plan_health_check(check, where) if check else None,
        detection if alias is not None else (),
        kubernetes=looked_up,
    )


def _plan_regional_name(where: str, given: RecordTarget, shared: Shared) -> str | None:
    if "regional_name" not in given:
        return None
    known = dns_name(f"{where}regional_name", plain_string(f"{where}regional_name", given["regional_name"]))
    if known == shared.name:
        raise InvalidInput(
            f"{where}regional_name",
            known,
            allowed="a name of this region alone",
            because=f"it is {shared.known_as} itself",
        )
    return known


def _refuses_checkers(
    given: RecordTarget, addresses: Mapping[int, tuple[pulumi.Input[str], ...]], shared: Shared
) -> bool:
    """Whether a check over the internet was asked for, of a target that only the inside can reach."""
    if "health_check" not in given or "ip_address" in given["health_check"]:
        return False  # the address is checked to be a public one
    return shared.private_zone or any(
        not _public(known) for values in addresses.values() for value in values if (known := plain(value)) is not None
    )


def _public(value: str) -> bool:
    try:
        public_address("address", value)
    except InvalidInput:
        return False
    return True


def _plan_check(
    where: str,
    given: RecordTarget,
    regional_name: str | None,
    families: Sequence[int],
    shared: Shared,
    adopted: Adopted,
) -> HealthCheckArgs | None:
    forms = [form for form in CHECK_FORMS if form in given]
    if len(forms) > 1:
        raise InvalidInput(f"{where}health_check", " and ".join(forms), allowed="at most one of them")
    if "detection" in given and "health_check_id" not in given:
        raise InvalidInput(f"{where}detection", given["detection"], allowed="only with health_check_id")
    import_id, alarm_import_id = adopted.get("health_check"), adopted.get("status_alarm")
    child: HealthCheckArgs = {"status_alarm": shared.status_alarms, "tags": dict(shared.tags)}
    if shared.status_alarms:
        child["alarm_actions"] = list(shared.actions)
    if alarm_import_id is not None:
        child["status_alarm_import_id"] = alarm_import_id
    if import_id is not None:
        child["import_id"] = import_id
    if "health_check" in given:
        endpoint = checked_keys(f"{where}health_check.", given["health_check"], EndpointCheckArgs, DISABLED)
        child["endpoint"] = _probe_region(where, endpoint, regional_name, families, shared)
        plan_endpoint(child["endpoint"], f"{where}health_check.")  # names in messages as the caller wrote them
    elif "alarm_check" in given:
        child["alarm"] = given["alarm_check"]
        plan_alarm(child["alarm"], f"{where}alarm_check.")
    elif "health_check_id" in given:
        child["health_check_id"] = check_id(f"{where}health_check_id", given["health_check_id"])
        if "detection" in given:
            plan_detection(f"{where}detection.", given["detection"])
            child["detection"] = given["detection"]
    label = where.removesuffix(".")
    if import_id is not None and (not forms or "health_check_id" in forms):
        raise InvalidInput(
            f"{adopted.label}health_check", import_id, allowed=f"only with {where}health_check or {where}alarm_check"
        )
    if alarm_import_id is not None and not (forms and shared.status_alarms):
        raise InvalidInput(f"{adopted.label}status_alarm", alarm_import_id, allowed=f"only with a check on the {label}")
    return child if forms else None


def _probe_region(
    where: str, endpoint: EndpointCheckArgs, regional_name: str | None, families: Sequence[int], shared: Shared
) -> EndpointCheckArgs:
    """A check must look at its own region: by its name, or by address, never by the name that clients resolve."""
    inner = f"{where}health_check."
    if "ip_address" in endpoint:
        return endpoint  # a name is only the Host header then
    if "fqdn" not in endpoint:
        if regional_name is None:
            raise InvalidInput(
                f"{inner}fqdn", MISSING, allowed=f"a name of the region, an ip_address, or {where}regional_name"
            )
        endpoint = {**endpoint, "fqdn": regional_name}

    def own_name(name: str, value: str) -> str:
        known = dns_name(name, value)
        wild = shared.name.startswith("*.") and known.endswith(shared.name[1:]) and known != regional_name
        if known == shared.name or wild:
            raise InvalidInput(
                name,
                value,
                allowed=f"a name of the region alone, e.g. {where}regional_name",
                because=f"{shared.known_as} answers with {shared.others} once this one fails",
            )
        return known

    fqdn = text(f"{inner}fqdn", endpoint["fqdn"], own_name) if "fqdn" in endpoint else ""
    if plain(fqdn) == regional_name and 4 not in families:
        raise InvalidInput(
            f"{inner}fqdn",
            regional_name,
            allowed="an ip_address",
            because="names are probed by IPv4 only and this region has IPv6 addresses only",
        )
    return {**endpoint, "fqdn": fqdn}


def family_names(target: TargetPlan) -> str:
    """`IPv4`, `IPv6`, or both."""
    return " and ".join(f"IPv{version}" for version in target.families)
