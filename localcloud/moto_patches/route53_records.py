"""What Route 53 accepts as a change of records. Pure: records in, records out, or the error that AWS would give.

The invariant: a zone that was valid before a batch is valid after it, and a refused batch changes nothing. Each change
is checked in turn against what the ones before it made (so DELETE and CREATE of one name fit in one batch); what a name's
records must have in common is checked once, at the end (so two UPSERTs can exchange PRIMARY and SECONDARY).
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ACTIONS: Final = ("CREATE", "DELETE", "UPSERT")
POLICIES: Final = ("Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer")
UNSUPPORTED_POLICIES: Final = ("GeoProximityLocation", "CidrRoutingConfig")  # moto cannot give them back
FAILOVER_ROLES: Final = ("PRIMARY", "SECONDARY")
LARGEST_WEIGHT: Final = 255
LARGEST_TTL: Final = 2_147_483_647  # seconds; RFC 2181
APEX_TYPES: Final = ("NS", "SOA")

Key = tuple[str, str, str | None]


class Refused(Exception):
    """A batch that AWS refuses.

    Args:
        code: AWS's error code: `InvalidInput`, `InvalidChangeBatch`, `NoSuchHealthCheck`.
        message: The line.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message


@dataclass(frozen=True)
class Record:
    """One record set, as Route 53 compares them."""

    name: str
    """Lower case, with its final dot."""
    type: str
    set_identifier: str | None
    ttl: int | None
    values: tuple[str, ...]
    alias: tuple[str, str, bool] | None
    """Zone id, lower-case name with its final dot, whether the target's health is evaluated."""
    policy: tuple[tuple[str, object], ...]
    """Names and values of the routing policies given: none or one in a valid record."""
    health_check_id: str | None

    @property
    def key(self) -> Key:
        return self.name, self.type, self.set_identifier

    def __str__(self) -> str:
        identifier = f", set identifier='{self.set_identifier}'" if self.set_identifier is not None else ""
        return f"[name='{self.name}', type='{self.type}'{identifier}]"

    @property
    def described(self) -> str:
        return f"RRSet with DNS name {self.name}, type {self.type}, SetIdentifier {self.set_identifier or 'null'}"

    @property
    def same(self) -> tuple[object, ...]:
        """What must agree for a DELETE; the order of values does not matter."""
        return self.key, self.ttl, sorted(self.values), self.alias, self.policy, self.health_check_id

    def as_arguments(self) -> dict[str, Any]:
        """The form in which moto keeps a record set."""
        arguments: dict[str, Any] = {
            "Name": self.name,
            "Type": self.type,
            "SetIdentifier": self.set_identifier,
            "TTL": self.ttl,
            "ResourceRecords": list(self.values),
            "HealthCheckId": self.health_check_id,
            **{name: dict(value) if isinstance(value, tuple) else value for name, value in self.policy},
        }
        if self.alias is not None:
            zone, name, evaluate = self.alias
            arguments["AliasTarget"] = {"HostedZoneId": zone, "DNSName": name, "EvaluateTargetHealth": evaluate}
        return arguments


def full_name(name: str) -> str:
    """Lower case with one final dot, as Route 53 answers with it."""
    return f"{name.rstrip('.')}.".lower()


def record_from(given: Mapping[str, Any]) -> Record:
    """A record of what a request, or moto's own creation of a zone, holds."""
    values = [str(value["Value"]) if isinstance(value, Mapping) else str(value) for value in _list(given)]
    alias = given.get("AliasTarget")
    return Record(
        name=full_name(str(given["Name"])),
        type=str(given["Type"]),
        set_identifier=given.get("SetIdentifier"),
        ttl=int(given["TTL"]) if given.get("TTL") is not None else None,
        values=tuple(values),
        alias=(alias["HostedZoneId"], full_name(alias["DNSName"]), bool(alias.get("EvaluateTargetHealth")))
        if alias
        else None,
        policy=tuple((name, _frozen(given[name])) for name in POLICIES if _is_given(name, given.get(name))),
        health_check_id=given.get("HealthCheckId") or None,
    )


def _list(given: Mapping[str, Any]) -> Sequence[Any]:
    return given.get("ResourceRecords") or ()


def _is_given(name: str, value: object) -> bool:
    return value is not None and not (name == "MultiValueAnswer" and value is False)


def _frozen(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value


def apply_batch(
    zone_name: str,
    zone_id: str,
    existing: Iterable[Record],
    changes: Sequence[Mapping[str, Any]],
    health_checks: Collection[str],
) -> list[Record]:
    """The zone's records after a batch.

    Args:
        zone_name: Of the zone, e.g. `example.com.`.
        zone_id: Its id without a prefix; an alias into the zone itself must hit a record.
        existing: The records before.
        changes: `Action` and `ResourceRecordSet` each, as in the request.
        health_checks: Ids of those that exist.

    Raises:
        Refused: nothing is to be changed.
    """
    for change in changes:
        _check_shape(change)
    parsed = [(str(change["Action"]), record_from(change["ResourceRecordSet"])) for change in changes]
    for action, record in parsed:  # a record whose check is gone already can still be deleted
        if action != "DELETE" and record.health_check_id is not None and record.health_check_id not in health_checks:
            raise Refused(
                "NoSuchHealthCheck", f"No health check exists with the specified ID: {record.health_check_id}"
            )
    records = {record.key: record for record in existing}
    problems: list[str] = []
    for action, record in parsed:
        problems += _apply(records, action, record, full_name(zone_name))
    if not problems:
        touched = {(record.name, record.type): None for action, record in parsed if action != "DELETE"}
        for name, kind in touched:
            problems += _check_set([r for r in records.values() if (r.name, r.type) == (name, kind)])
        problems += _check_zone(full_name(zone_name), zone_id, records.values(), {name for name, _ in touched})
    if problems:
        raise Refused("InvalidChangeBatch", f"[{', '.join(problems)}]")
    return list(records.values())


def _check_shape(change: Mapping[str, Any]) -> None:
    """What AWS refuses as malformed, before it looks at the zone."""
    action, given = change["Action"], change["ResourceRecordSet"]
    where = (
        f"in Change with [Action={action}, Name={given['Name']}, Type={given['Type']}, "
        f"SetIdentifier={given.get('SetIdentifier') or 'null'}]"
    )
    _check_enumeration(str(action), ACTIONS)
    if given.get("Failover") is not None:
        _check_enumeration(str(given["Failover"]), FAILOVER_ROLES)
    for name in UNSUPPORTED_POLICIES:
        if given.get(name) is not None:
            raise Refused("InvalidInput", f"Invalid request: {name} is not in the local cloud {where}")
    forms = [bool(given.get("AliasTarget")), given.get("TTL") is not None or bool(_list(given))]
    expected = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
    if all(forms):
        raise Refused("InvalidInput", f"Invalid request: {expected}, but found more than one {where}")
    if not forms[0] and (given.get("TTL") is None or not _list(given)):
        raise Refused("InvalidInput", f"Invalid request: {expected}, but found none {where}")
    policies = [name for name in POLICIES if _is_given(name, given.get(name))]
    one = "Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer]"
    if len(policies) > 1:
        raise Refused("InvalidInput", f"Invalid request: {one}, but found more than one {where}")
    if policies and not given.get("SetIdentifier"):
        raise Refused("InvalidInput", f"Invalid request: Missing field 'SetIdentifier' {where}")
    if given.get("SetIdentifier") and not policies:
        raise Refused("InvalidInput", f"Invalid request: {one}, but found none {where}")
    if not 0 <= int(given.get("Weight") or 0) <= LARGEST_WEIGHT:
        raise Refused("InvalidInput", f"Invalid request: Weight must be from 0 to {LARGEST_WEIGHT} {where}")
    if not 0 <= int(given.get("TTL") or 0) <= LARGEST_TTL:
        raise Refused("InvalidInput", f"Invalid request: TTL must be from 0 to {LARGEST_TTL} {where}")


def _check_enumeration(value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise Refused(
            "InvalidInput",
            f"Invalid XML ; cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration "
            f"'[{', '.join(allowed)}]'. It must be a value from the enumeration.",
        )


def _apply(records: dict[Key, Record], action: str, record: Record, zone_name: str) -> list[str]:
    """Make one change, or say why not."""
    if record.name != zone_name and not record.name.endswith(f".{zone_name}"):
        return [f"RRSet with DNS name {record.name} is not permitted in zone {zone_name}"]
    present = records.get(record.key)
    if action == "DELETE":
        if present is None:
            return [f"Tried to delete resource record set {record} but it was not found"]
        if present.same != record.same:
            return [
                f"Tried to delete resource record set {record} but the values provided do not match the current values"
            ]
        del records[record.key]
        return []
    if action == "CREATE" and present is not None:
        return [f"Tried to create resource record set {record} but it already exists"]
    problems = [*_bad_values(record)]
    if not problems:
        records[record.key] = record
    return problems


def _bad_values(record: Record) -> Iterable[str]:
    checks: dict[str, tuple[Callable[[str], object], str]] = {
        "A": (ipaddress.IPv4Address, "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
        "AAAA": (ipaddress.IPv6Address, "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"),
        "TXT": (_quoted, "InvalidCharacterString (Value should be enclosed in quotation marks)"),
    }
    check, fault = checks.get(record.type, (None, ""))
    for value in record.values if check is not None else ():
        try:
            check(value)  # type: ignore[misc]
        except ValueError:
            yield f"Invalid Resource Record: 'FATAL problem: {fault} encountered with '{value}''"
    if len(set(record.values)) != len(record.values):
        yield f"Duplicate Resource Record in {record}"
    if record.type == "CNAME" and len(record.values) > 1:
        yield f"CNAME resource record set {record} has more than one value"


def _quoted(value: str) -> None:
    if len(value) < len('""') or value[0] != '"' or value[-1] != '"':
        raise ValueError(value)


def _check_set(group: list[Record]) -> Iterable[str]:
    """What the records of one name and type must have in common."""
    kinds = {record.policy[0][0] if record.policy else None for record in group}
    if len(kinds) > 1:
        last = group[-1]
        yield (
            f"{last.described} cannot be created as other RRSets exist with the same name and type and another "
            f"routing policy ({', '.join(sorted(str(kind or 'simple') for kind in kinds))})"
        )
        return
    for kind in ("Failover", "Region", "GeoLocation"):
        roles = Counter(record.policy[0][1] for record in group if record.policy and record.policy[0][0] == kind)
        for role in [role for role, count in roles.items() if count > 1]:
            last = [record for record in group if record.policy[0][1] == role][-1]
            what = {"Failover": "failover", "Region": "latency", "GeoLocation": "geolocation"}[kind]
            yield (
                f"{last.described}, and {kind} {role} cannot be created because a {what} RRSet with the same name, "
                f"type and {kind.lower()} already exists."
            )
    for record in group:
        if record.policy == (("Failover", "PRIMARY"),) and record.alias is None and record.health_check_id is None:
            yield f"{record.described} cannot be created: a primary failover RRSet that is not an alias needs a health check"


def _check_zone(zone_name: str, zone_id: str, records: Collection[Record], touched: set[str]) -> Iterable[str]:
    """What the records of one zone must have in common."""
    for kind in APEX_TYPES:
        if not any(record.type == kind and record.name == zone_name for record in records):
            yield f"A HostedZone must contain at least one {kind} record for the zone itself."
    types: dict[str, set[str]] = {}
    for record in records:
        types.setdefault(record.name, set()).add(record.type)
    for name in sorted(touched):
        if "CNAME" not in types.get(name, ()):
            continue
        if name == zone_name:
            yield f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone_name}"
        elif len(types[name]) > 1:
            yield (
                f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the "
                f"same DNS name in zone {zone_name}"
            )
    for record in records:
        if record.name not in touched or record.alias is None or record.alias[0] != zone_id:
            continue
        if record.type not in types.get(record.alias[1], ()):
            yield (
                f"Tried to create an alias that targets {record.alias[1]}, type {record.type} in zone {zone_id}, but "
                "that target was not found"
            )
