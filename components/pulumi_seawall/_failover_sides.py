"""The two sides of a `FailoverRecord`: each checked by itself, then against the other.

Sources: Route 53 API reference, `ResourceRecordSet` and `HealthCheckConfig`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import pulumi

from pulumi_seawall._dns import address, address_v4, dns_name, family
from pulumi_seawall._failover_args import FailoverImportIds, LoadBalancerArgs, RecordTarget
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
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, listed, plain, plain_string, text
from pulumi_seawall._naming import LONGEST_SET_IDENTIFIER
from pulumi_seawall._regions import known_region
from seawall import timing
from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass, Term

CHECK_FORMS: Final = ("health_check", "alarm_check", "health_check_id")
LONGEST_ZONE_ID: Final = 32  # characters, Route 53


@dataclass(frozen=True, slots=True)
class SidePlan:
    """One side of the pair, checked.

    Args:
        role: `primary` or `secondary`.
        region: The AWS region.
        addresses: Record values by family, 4 or 6; empty for a load balancer.
        load_balancer: The alias target.
        families: The families it answers.
        regional_name: Its own name, when it has one.
        set_identifier: Of its records.
        health_check_args: Arguments of its `HealthCheck`, when it has one.
        health_check: What that declares.
    """

    role: str
    region: str
    addresses: Mapping[int, tuple[pulumi.Input[str], ...]]
    load_balancer: LoadBalancerArgs | None
    families: tuple[int, ...]
    regional_name: str | None
    set_identifier: str
    health_check_args: HealthCheckArgs | None
    health_check: HealthCheckPlan | None

    def detection(self, failure_class: FailureClass) -> tuple[Term, ...]:
        """How long until Route 53 knows that this side failed."""
        if self.health_check is None:
            return timing.load_balancer_detection()
        if failure_class is FailureClass.ENDPOINT:
            return self.health_check.endpoint_detection
        return self.health_check.detection


@dataclass(frozen=True, slots=True)
class Shared:
    """What both sides need to know of the whole."""

    name: str
    status_alarms: bool
    actions: tuple[pulumi.Input[str], ...]
    tags: Mapping[str, str]
    import_ids: FailoverImportIds


def plan_side(role: str, args: object, shared: Shared) -> SidePlan:
    where = f"{role}."
    if isinstance(args, list | tuple):
        given_targets = len(listed(role, cast("object", args)))
        raise InvalidInput(role, f"{given_targets} targets", allowed="exactly one target")
    given = checked_keys(where, args, RecordTarget)
    region = known_region(f"{where}region", given["region"])
    if ("addresses" in given) == ("load_balancer" in given):
        raise InvalidInput(
            f"{where}target",
            "addresses and load_balancer" if "addresses" in given else MISSING,
            allowed="exactly one of addresses and load_balancer",
        )
    regional_name = given.get("regional_name")
    if regional_name is not None:
        regional_name = dns_name(f"{where}regional_name", plain_string(f"{where}regional_name", regional_name))
        if regional_name == shared.name:
            raise InvalidInput(
                f"{where}regional_name",
                regional_name,
                allowed="a name of this region alone",
                because="it is the failover name itself",
            )
    addresses: dict[int, tuple[pulumi.Input[str], ...]] = {}
    balancer: LoadBalancerArgs | None = None
    if "load_balancer" in given:
        balancer = _plan_load_balancer(given["load_balancer"], f"{where}load_balancer.")
        families = (4, 6) if balancer.get("dual_stack") else (4,)
    else:
        addresses = _plan_addresses(f"{where}addresses", given.get("addresses"))
        families = tuple(addresses)
    check = _plan_side_check(role, given, regional_name, families, shared)
    return SidePlan(
        role,
        region,
        addresses,
        balancer,
        families,
        regional_name,
        line(f"{where}set_identifier", given.get("set_identifier", role), LONGEST_SET_IDENTIFIER),
        check,
        plan_health_check(check, where) if check else None,
    )


def _plan_load_balancer(args: LoadBalancerArgs, where: str) -> LoadBalancerArgs:
    given = checked_keys(where, args, LoadBalancerArgs)

    def regional(name: str, value: str) -> str:
        known = dns_name(name, value)
        if known.endswith(".cloudfront.net"):
            raise InvalidInput(
                name,
                value,
                allowed="a load balancer of the region",
                because="CloudFront has no region and no health of its own",
            )
        return known

    return {
        "dns_name": text(f"{where}dns_name", given["dns_name"], regional),
        "zone_id": text(f"{where}zone_id", given["zone_id"], lambda name, value: line(name, value, LONGEST_ZONE_ID)),
        "dual_stack": flag(f"{where}dual_stack", given.get("dual_stack", False)),
    }


def _plan_addresses(name: str, given: object) -> dict[int, tuple[pulumi.Input[str], ...]]:
    values = listed(name, given)
    if not values:
        raise InvalidInput(name, values, allowed="at least one address")
    by_family: dict[int, list[pulumi.Input[str]]] = {}
    for place, value in enumerate(values):
        label = f"{name}[{place}]"
        if not is_plain(value):
            by_family.setdefault(4, []).append(text(label, value, address_v4))
            continue
        known = address(label, plain_string(label, value))
        same = by_family.setdefault(family(known), [])
        if known in [plain(other) for other in same]:
            raise InvalidInput(label, known, allowed="each address once")
        same.append(known)
    return {version: tuple(by_family[version]) for version in sorted(by_family)}


def _plan_side_check(
    role: str, given: RecordTarget, regional_name: str | None, families: Sequence[int], shared: Shared
) -> HealthCheckArgs | None:
    where = f"{role}."
    forms = [form for form in CHECK_FORMS if form in given]
    if len(forms) > 1:
        raise InvalidInput(f"{where}health_check", " and ".join(forms), allowed="at most one of them")
    if "detection" in given and "health_check_id" not in given:
        raise InvalidInput(f"{where}detection", given["detection"], allowed="only with health_check_id")
    import_id = import_id_of(shared.import_ids, f"{role}_health_check")
    alarm_import_id = import_id_of(shared.import_ids, f"{role}_status_alarm")
    child: HealthCheckArgs = {"status_alarm": shared.status_alarms, "tags": dict(shared.tags)}
    if shared.status_alarms:
        child["alarm_actions"] = list(shared.actions)
    if alarm_import_id is not None:
        child["status_alarm_import_id"] = alarm_import_id
    if import_id is not None:
        child["import_id"] = import_id
    if "health_check" in given:
        endpoint = checked_keys(f"{where}health_check.", given["health_check"], EndpointCheckArgs, DISABLED)
        child["endpoint"] = _probe_region(role, endpoint, regional_name, families, shared.name)
        plan_endpoint(child["endpoint"], f"{where}health_check.")  # names in messages as the caller wrote them
    elif "alarm_check" in given:
        child["alarm"] = given["alarm_check"]
        plan_alarm(child["alarm"], f"{where}alarm_check.")
    elif "health_check_id" in given:
        child["health_check_id"] = check_id(f"{where}health_check_id", given["health_check_id"])
        if "detection" in given:
            plan_detection(f"{where}detection.", given["detection"])
            child["detection"] = given["detection"]
    elif role == "primary" and "load_balancer" not in given:
        raise InvalidInput(
            f"{where}health_check",
            MISSING,
            allowed="one of health_check, alarm_check and health_check_id",
            because="without one Route 53 always answers the primary",
        )
    if import_id is not None and (not forms or "health_check_id" in forms):
        raise InvalidInput(
            f"import_ids.{role}_health_check", import_id, allowed=f"only with {role}.health_check or {role}.alarm_check"
        )
    if alarm_import_id is not None and not (forms and shared.status_alarms):
        raise InvalidInput(
            f"import_ids.{role}_status_alarm", alarm_import_id, allowed=f"only with a check on the {role}"
        )
    return child if forms else None


def _probe_region(
    role: str, endpoint: EndpointCheckArgs, regional_name: str | None, families: Sequence[int], failover_name: str
) -> EndpointCheckArgs:
    """A check must look at its own region: by its name, or by address, never by the failover name."""
    where = f"{role}.health_check."
    if "ip_address" in endpoint:
        return endpoint  # a name is only the Host header then
    if "fqdn" not in endpoint:
        if regional_name is None:
            raise InvalidInput(
                f"{where}fqdn", MISSING, allowed=f"a name of the region, an ip_address, or {role}.regional_name"
            )
        endpoint = {**endpoint, "fqdn": regional_name}

    def own_name(name: str, value: str) -> str:
        known = dns_name(name, value)
        wild = failover_name.startswith("*.") and known.endswith(failover_name[1:]) and known != regional_name
        if known == failover_name or wild:
            raise InvalidInput(
                name,
                value,
                allowed=f"a name of the region alone, e.g. {role}.regional_name",
                because="the failover name answers with the other region once this one fails",
            )
        return known

    fqdn = text(f"{where}fqdn", endpoint["fqdn"], own_name) if "fqdn" in endpoint else ""
    if plain(fqdn) == regional_name and 4 not in families:
        raise InvalidInput(
            f"{where}fqdn",
            regional_name,
            allowed="an ip_address",
            because="names are probed by IPv4 only and this region has IPv6 addresses only",
        )
    return {**endpoint, "fqdn": fqdn}


def check_pair(primary: SidePlan, secondary: SidePlan) -> None:
    if primary.region == secondary.region:
        raise InvalidInput(
            "secondary.region",
            secondary.region,
            allowed="another region than the primary's",
            because="one region's loss would take both",
        )
    if primary.set_identifier == secondary.set_identifier:
        raise InvalidInput("secondary.set_identifier", secondary.set_identifier, allowed="another than the primary's")
    if primary.regional_name is not None and primary.regional_name == secondary.regional_name:
        raise InvalidInput("secondary.regional_name", secondary.regional_name, allowed="another than the primary's")
    for this, other in ((primary, secondary), (secondary, primary)):
        probed = this.health_check.check if this.health_check else None
        if probed and "ip_address" not in probed.settings and plain(probed.fqdn) == other.regional_name is not None:
            raise InvalidInput(
                f"{this.role}.health_check.fqdn",
                other.regional_name,
                allowed="a name of its own region",
                because=f"that is the {other.role}'s",
            )
    if primary.families != secondary.families:
        raise InvalidInput(
            "secondary",
            _family_names(secondary),
            allowed=f"{_family_names(primary)} as the primary",
            because="clients of the other family would have no standby",
        )
    for version in primary.families:
        both = {plain(value) for value in primary.addresses.get(version, ())} & {
            plain(value) for value in secondary.addresses.get(version, ())
        } - {None}
        if both:
            raise InvalidInput(
                "secondary.addresses", ", ".join(sorted(map(str, both))), allowed="other addresses than the primary's"
            )
    if primary.load_balancer and secondary.load_balancer:
        balancer = plain(primary.load_balancer["dns_name"])
        if balancer is not None and balancer == plain(secondary.load_balancer["dns_name"]):
            raise InvalidInput("secondary.load_balancer.dns_name", balancer, allowed="another than the primary's")


def _family_names(side: SidePlan) -> str:
    return " and ".join(f"IPv{version}" for version in side.families)


def import_id_of(ids: FailoverImportIds, key: str) -> str | None:
    found: object = ids.get(key)
    return found if isinstance(found, str) else None
