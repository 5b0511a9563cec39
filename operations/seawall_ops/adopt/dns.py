"""The failover name: from its records, checks and alarms to `dns`, `regions` and `health_check` of the file."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seawall.errors import MISSING, InvalidInput
from seawall.timing import (
    LARGEST_FAILOVER_TTL_SECONDS,
    alias_ttl,
    client_caches,
    record_ttl,
)
from seawall_ops.adopt.checks import SidePlan, detection_of, differences, inexpressible, new_check, section_of
from seawall_ops.adopt.findings import Findings
from seawall_ops.adopt.observed import Check, Estate, Record, Zone

__all__ = ["ROLES", "EdgeProposal", "balancer_region", "propose_edge", "zone_of"]

ROLES: Final = ("primary", "secondary")
FAMILIES: Final = ("A", "AAAA")
ROUTE53_REGION: Final = "us-east-1"  # where Route 53's metrics and their alarms are
# Of a load balancer's own name: an ALB's region stands before `elb`, an NLB's after it.
BALANCER_REGIONS: Final = (
    re.compile(r"\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.elb\.amazonaws\.com(?:\.cn)?$"),
    re.compile(r"\.elb\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$"),
)


@dataclass(slots=True)
class EdgeProposal:
    """What the name's part of the file says."""

    dns: dict[str, Any]
    regions: list[dict[str, Any]]
    health_check: dict[str, Any] | None
    topic_arn: str | None
    worst_seconds: float
    """From the loss of the primary's region until clients reach the standby, at worst, as it stands."""


@dataclass(frozen=True, slots=True)
class _Side:
    role: str
    region: str
    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def check_id(self) -> str | None:
        return next((record.health_check_id for record in self.records if record.health_check_id), None)


def zone_of(name: str, zones: Iterable[Zone]) -> Zone:
    """The public zone that holds a name: the one with the longest name.

    Raises:
        InvalidInput: There is none, or several of that name.
    """
    holding = [zone for zone in zones if not zone.private and (name == zone.name or name.endswith(f".{zone.name}"))]
    longest = [zone for zone in holding if len(zone.name) == max(len(other.name) for other in holding)]
    if len(longest) != 1:
        found = ", ".join(f"{zone.name} ({zone.id})" for zone in longest) or "none"
        raise InvalidInput("name", name, allowed=f"a name in one public hosted zone; there is {found}")
    return longest[0]


def balancer_region(record: Record) -> str | None:
    """The region that a load balancer's name gives away; `None` where the record points at no load balancer."""
    for pattern in BALANCER_REGIONS:
        match = pattern.search(record.alias.dns_name) if record.alias else None
        if match:
            return match["region"]
    return None


def propose_edge(
    estate: Estate, name: str, regions: dict[str, str | None], findings: Findings, *, own_zone: bool
) -> EdgeProposal:
    """The name's part of the file.

    Args:
        estate: What was seen.
        name: The failover name, without a trailing dot.
        regions: Region of each role, where it was said.
        findings: Takes what stays outside and what to know.
        own_zone: Whether to take the zone over too, or only to use it.

    Raises:
        InvalidInput: The name has no pair of failover records, or a region cannot be known.
    """
    zone = zone_of(name, estate.zones)
    here = [record for record in estate.records if record.zone_id == zone.id]
    sides = _sides(name, [record for record in here if record.name == name], regions, findings)
    dns: dict[str, Any] = {"name": name, "zone_name": zone.name}
    dns["zone_import_id" if own_zone else "zone_id"] = zone.id
    ttl = _ttl(sides, findings)
    if ttl is not None:
        dns["ttl_seconds"] = ttl
    identifiers = {side.role: side.first.set_identifier for side in sides if side.first.set_identifier != side.role}
    if identifiers:
        dns["set_identifiers"] = identifiers
    plans, section = _checks(estate, name, zone, here, sides, findings)
    imports = {f"{side.role}_{record.type.lower()}": record.import_id for side in sides for record in side.records}
    entries: list[dict[str, Any]] = []
    for side, plan in zip(sides, plans, strict=True):
        entries.append(_region(side, plan))
        if plan.form == "adopt" and plan.check is not None:
            imports[f"{side.role}_health_check"] = plan.check.id
        if plan.regional_name is not None:
            types = [record.type for record in side.records]
            for record in here:
                if record.name == plan.regional_name and record.type in types:
                    imports[f"{side.role}_regional_{record.type.lower()}"] = record.import_id
    alarms, topic = _alarms(estate, sides, plans, findings)
    imports |= alarms
    dns["import_ids"] = imports
    return EdgeProposal(dns, entries, section, topic, _worst(sides[0], plans[0].check or new_check(section), ttl))


def _sides(
    name: str, records: Sequence[Record], regions: dict[str, str | None], findings: Findings
) -> tuple[_Side, _Side]:
    for record in records:
        if record.policy != "failover" and record.type in (*FAMILIES, "CNAME"):
            findings.refuse(f"record {name} {record.type}", f"its routing is {record.policy}, not failover")
        elif record.policy == "failover" and record.type not in FAMILIES:
            findings.refuse(
                f"record {name} {record.type}", "failover records are A and AAAA: answer addresses or an alias instead"
            )
    pair: list[_Side] = []
    for role in ROLES:
        own = tuple(
            sorted((one for one in records if one.failover == role and one.type in FAMILIES), key=lambda one: one.type)
        )
        if not own:
            found = ", ".join(f"{one.type} {one.policy}" for one in records) or "no record"
            raise InvalidInput("name", name, allowed=f"a name with a {role} failover record; it has {found}")
        pair.append(_Side(role, regions.get(role) or _region_of(role, own[0]), own))
    if [one.type for one in pair[0].records] != [one.type for one in pair[1].records]:
        raise InvalidInput(
            "name", name, allowed="the same record types on both sides, or clients of one family have no standby"
        )
    return pair[0], pair[1]


def _region_of(role: str, record: Record) -> str:
    region = balancer_region(record)
    if region is not None:
        return region
    option = "--primary-region" if role == "primary" else "--standby-region"
    raise InvalidInput(option, MISSING, allowed="an AWS region", because=f"what {role} answers does not say its region")


def _ttl(sides: Sequence[_Side], findings: Findings) -> int | None:
    """The one TTL of all records with addresses; `None` when there are none."""
    found = sorted({record.ttl_seconds for side in sides for record in side.records if record.ttl_seconds is not None})
    if not found:
        return None
    ttl = min(found[0], LARGEST_FAILOVER_TTL_SECONDS)
    if found != [ttl]:
        shown = ", ".join(map(str, found))
        findings.note(f"the records' TTL becomes {ttl} s, in place (found: {shown}; at most 60, the same for all)")
    return ttl


def _checks(
    estate: Estate, name: str, zone: Zone, here: Sequence[Record], sides: Sequence[_Side], findings: Findings
) -> tuple[list[SidePlan], dict[str, Any] | None]:
    """Each side's plan, and the section that describes the adopted ones."""
    section: dict[str, Any] | None = None
    plans: list[SidePlan] = []
    for side in sides:
        check = estate.check(side.check_id)
        if check is None:
            if side.check_id is not None:
                findings.refuse(f"health check {side.check_id}", f"the {side.role} names it, and it does not exist")
            findings.note(f"the {side.role} has no health check: one is declared, on {side.region}.{name}")
            plans.append(SidePlan("declare"))
            continue
        if check.fqdn == name and check.ip_address is None:
            findings.refuse(
                f"health check {check.id}",
                f"it probes {name} itself, which answers with the other region once this one fails: one on "
                f"{side.region}.{name} is declared instead; delete the old one afterwards",
            )
            plans.append(SidePlan("declare"))
            continue
        why = inexpressible(check) or _regional(check, zone, here, side)
        if why is None and section is not None and section_of(check) != section:
            keys = ", ".join(differences(section_of(check), section))
            why = f"it differs from the primary's in {keys}, and the file has one section for both"
        if why is not None:
            findings.note(f"health check {check.id} of the {side.role} is used as it is and not taken over: {why}")
            plans.append(SidePlan("refer", check))
            continue
        section = section or section_of(check)
        plans.append(SidePlan("adopt", check, check.fqdn))
    return plans, section


def _regional(check: Check, zone: Zone, here: Sequence[Record], side: _Side) -> str | None:
    """Why the name that a check probes cannot be the region's own one; `None` when it can."""
    probed = check.fqdn or ""
    if probed != zone.name and not probed.endswith(f".{zone.name}"):
        return f"it probes {probed}, which is not in the zone {zone.name}"
    own = {record.type: record for record in here if record.name == probed and record.type in (*FAMILIES, "CNAME")}
    if "CNAME" in own or any(record.policy != "simple" for record in own.values()):
        return f"{probed} is no simple record with the {side.role}'s own target"
    for record in side.records:
        there = own.get(record.type)
        if there is not None and (there.values, there.alias) != (record.values, record.alias):
            return f"{probed} answers something else than the {side.role}"
    return None


def _region(side: _Side, plan: SidePlan) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": side.region, "role": "primary" if side.role == "primary" else "standby"}
    alias = side.first.alias
    if alias is not None:
        dual_stack = {"dual_stack": True} if len(side.records) > 1 else {}
        entry["load_balancer"] = {"dns_name": alias.dns_name, "zone_id": alias.zone_id, **dual_stack}
    else:
        entry["addresses"] = [value for record in side.records for value in record.values]
    if plan.regional_name is not None:
        entry["regional_name"] = plan.regional_name
    if plan.form == "refer" and plan.check is not None:
        terms = detection_of(plan.check)
        entry["health_check_id"] = plan.check.id
        entry["detection"] = {
            "typical_seconds": round(math.fsum(term.typical_seconds for term in terms), 1),
            "worst_seconds": round(math.fsum(term.worst_seconds for term in terms), 1),
        }
    return entry


def _alarms(
    estate: Estate, sides: Sequence[_Side], plans: Sequence[SidePlan], findings: Findings
) -> tuple[dict[str, str], str | None]:
    """Import ids of the alarms, and the topic that they notify."""
    imports: dict[str, str] = {}
    topics: list[str] = []
    for side, plan in zip(sides, plans, strict=True):
        if plan.check is None:
            continue
        watching = [
            alarm
            for alarm in estate.alarms
            if alarm.region == ROUTE53_REGION and alarm.watches("AWS/Route53", "HealthCheckId", plan.check.id)
        ]
        for alarm in watching:
            status = alarm.metric == "HealthCheckStatus" and f"{side.role}_status_alarm" not in imports
            if not status:
                findings.refuse(
                    f"alarm {alarm.name}", f"one status alarm of health check {plan.check.id} is taken over; it stays"
                )
                continue
            imports[f"{side.role}_status_alarm"] = alarm.name
            topics += [arn for arn in alarm.actions if arn.split(":")[2:4] == ["sns", ROUTE53_REGION]]
            findings.note(
                f"alarm {alarm.name} keeps its name while its import id stands in the file; its definition becomes "
                "Seawall's, in place"
            )
    for alarm in estate.alarms:
        names = [imports.get(f"{role}_status_alarm") for role in ROLES]
        if alarm.rule and all(name is not None and name in alarm.rule for name in names):
            imports["both_unhealthy_alarm"] = alarm.name
            break
    others = sorted(set(topics[1:]) - set(topics[:1]))
    if others:
        findings.note(f"alarms notify {topics[0]} from then on, and not {', '.join(others)}")
    return imports, topics[0] if topics else None


def _worst(side: _Side, check: Check, ttl: int | None) -> float:
    """Worst seconds from the primary's loss: detection, its answer's TTL, and clients' own caches."""
    kept = alias_ttl() if side.first.alias else record_ttl(ttl or LARGEST_FAILOVER_TTL_SECONDS)
    return math.fsum(term.worst_seconds for term in (*detection_of(check), kept, client_caches()))
