"""What hangs beneath a name: its endpoints, the records on the way, the checks that decide. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from seawall_ops.dns.checks import CheckKind, HealthCheck
from seawall_ops.dns.places import region_in
from seawall_ops.dns.records import Latency, Record, Zone, canonical

__all__ = ["beneath", "checks_of", "endpoints_of", "records_of", "regions_of", "watched_by"]

DEEPEST: Final = 16  # aliases and CNAMEs from the first name to the last; what is deeper is a loop
ADDRESS_TYPES: Final = ("A", "AAAA")


def endpoints_of(zone: Zone, name: str, kind: str) -> tuple[str, ...]:
    """Every endpoint that a query for the name may ever be answered with: values, and names of AWS resources."""
    return tuple(dict.fromkeys(end for record in records_of(zone, name, kind) for end in _own(zone, record, kind)))


def beneath(zone: Zone, record: Record, kind: str) -> frozenset[str]:
    """The endpoints of a record, and of all that it leads to."""
    below = _next_name(zone, record, kind)
    return frozenset(_own(zone, record, kind) if below is None else endpoints_of(zone, below, kind))


def records_of(zone: Zone, name: str, kind: str, depth: int = 0) -> Iterator[Record]:
    """Every record on every way that a query for the name may take, the name's own first."""
    if depth > DEEPEST:
        return
    for record in zone.find(name, kind) or zone.find(name, "CNAME"):
        yield record
        below = _next_name(zone, record, kind)
        if below is not None:
            yield from records_of(zone, below, kind, depth + 1)


def _next_name(zone: Zone, record: Record, kind: str) -> str | None:
    """The name in the zone that a record leads to, if it leads to one."""
    if record.alias is not None:
        return canonical(record.alias.name) if zone.holds_target(record.alias) else None
    if record.type == "CNAME" and kind != "CNAME":
        target = canonical(record.values[0])
        return target if zone.find(target, kind) or zone.find(target, "CNAME") else None
    return None


def _own(zone: Zone, record: Record, kind: str) -> tuple[str, ...]:
    if _next_name(zone, record, kind) is not None:
        return ()
    if record.alias is not None:
        return (canonical(record.alias.name),)
    return tuple(canonical(value) for value in record.values) if record.type == "CNAME" else record.values


def checks_of(records: Iterable[Record], checks: Mapping[str, HealthCheck]) -> tuple[HealthCheck, ...]:
    """The checks of the records that are not calculated from others, and the children of those that are."""
    found: dict[str, HealthCheck] = {}
    for record in records:
        check = checks.get(record.health_check_id or "")
        if check is not None:
            leaves = check.children if check.kind is CheckKind.CALCULATED else (check.id,)
            found |= {leaf: checks[leaf] for leaf in leaves if leaf in checks}
    return tuple(found.values())


def watched_by(zone: Zone, check: HealthCheck, checks: Mapping[str, HealthCheck]) -> frozenset[str]:
    """The endpoints of the zone whose death a check sees; empty for a switch, or when it looks elsewhere.

    A check of an endpoint sees what its host leads to, by IPv4 when the host is a name, as checkers do. An alarm is
    assumed to ring for the endpoints of the records that carry its check: what it measures is not known here.
    """
    if check.kind is CheckKind.ENDPOINT and check.host is not None:
        everywhere = {end for record in zone.records for end in _own(zone, record, record.type)}
        if check.host in everywhere:
            return frozenset({check.host})
        return frozenset(endpoints_of(zone, check.host, "A"))
    if check.kind is CheckKind.ALARM:
        carriers = {check.id} | {one.id for one in checks.values() if check.id in one.children}
        return frozenset(
            end
            for record in zone.records
            if record.health_check_id in carriers
            for end in beneath(zone, record, record.type)
        )
    return frozenset()


def regions_of(zone: Zone, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The AWS region of each endpoint of the zone, as far as it can be told.

    Args:
        zone: The records.
        given: What is known already, by endpoint; it goes first. Then the region that stands in the endpoint's own DNS
            name, then that of a latency record that leads to it, then the one that stands in a name that does.
    """
    known = {canonical(end) if _is_name(end) else end: region for end, region in (given or {}).items()}
    named: dict[str, set[str]] = {}
    latency: dict[str, set[str]] = {}
    for record in zone.records:
        if record.type not in (*ADDRESS_TYPES, "CNAME"):
            continue
        ends = beneath(zone, record, record.type)
        region = region_in([record.name, record.alias.name if record.alias is not None else ""])
        for end in ends:
            own = region_in([end])
            if own is not None:
                known.setdefault(end, own)
            if region is not None:
                named.setdefault(end, set()).add(region)
            if isinstance(record.policy, Latency):
                latency.setdefault(end, set()).add(record.policy.region)
    for source in (latency, named):
        for end, regions in source.items():
            if len(regions) == 1:
                known.setdefault(end, next(iter(regions)))
    return known


def _is_name(endpoint: str) -> bool:
    return ":" not in endpoint and not endpoint.replace(".", "").isdecimal()
