"""The forms that a target has: addresses, a load balancer, a group of the same zone."""

from dataclasses import dataclass
from typing import Final

import pulumi

from pulumi_seawall._dns import address, address_v4, dns_name, family, in_zone
from pulumi_seawall._failover_args import GroupTargetArgs, LoadBalancerArgs
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, listed, plain, plain_string, text, whole
from seawall import timing
from seawall.errors import InvalidInput

LONGEST_ZONE_ID: Final = 32  # characters, Route 53


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias record points at.

    Args:
        dns_name: The target's name.
        zone_id: The zone of that name; `None` for the zone of the record itself.
    """

    dns_name: pulumi.Input[str]
    zone_id: pulumi.Input[str] | None


def plan_load_balancer(args: LoadBalancerArgs, where: str) -> LoadBalancerArgs:
    """A load balancer's own attributes, checked.

    Raises:
        InvalidInput: One is not allowed.
    """
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


def plan_group(args: GroupTargetArgs, where: str, own_name: str, zone_name: str | None) -> GroupTargetArgs:
    """A group of the same zone, checked.

    Args:
        args: As given.
        where: Prefix for names in messages.
        own_name: The name that will point at it.
        zone_name: Of the zone, when it is known.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = checked_keys(where, args, GroupTargetArgs)

    def another(name: str, value: str) -> str:
        known = dns_name(name, value)
        if known == own_name:
            raise InvalidInput(name, value, allowed="another name", because="an alias to itself has no answer")
        return in_zone(name, known, zone_name) if zone_name is not None else known

    planned: GroupTargetArgs = {
        "name": text(f"{where}name", given["name"], another),
        "dual_stack": flag(f"{where}dual_stack", given.get("dual_stack", False)),
        "ttl_seconds": whole(
            f"{where}ttl_seconds",
            given.get("ttl_seconds", timing.LARGEST_FAILOVER_TTL_SECONDS),
            0,
            timing.LARGEST_FAILOVER_TTL_SECONDS,
            because="clients keep a dead address for that long",
        ),
    }
    if "detection" in given:
        planned["detection"] = given["detection"]
    return planned


def plan_addresses(name: str, given: object) -> dict[int, tuple[pulumi.Input[str], ...]]:
    """Addresses by family, 4 or 6.

    Raises:
        InvalidInput: One is none, stands there twice, or there are none.
    """
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
