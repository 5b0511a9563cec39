"""What Route 53 accepts of a record set: the rules that moto lacks, checked before each change.

Sources: Route 53 API reference, "ResourceRecordSet" and "ChangeResourceRecordSets"; developer guide, "Values specific
for failover records" and "Supported DNS record types".
"""

import contextlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Kind, Properties
from localcloud.provider.aws import dns_names
from localcloud.provider.clients import Cloud
from localcloud.provider.failures import is_absent
from localcloud.provider.values import is_known
from seawall.errors import InvalidInput

TYPES: Final = (
    *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA"),
    *("SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
)
TEXT_TYPES: Final = ("SPF", "TXT")  # their values stand in quotes at the API, and without them in the program
FAILOVER_ROLES: Final = ("PRIMARY", "SECONDARY")
GREATEST_TTL: Final = 2_147_483_647  # seconds
GREATEST_WEIGHT: Final = 255
LONGEST_IDENTIFIER: Final = 128  # characters
BIAS_LIMIT: Final = 99  # a geoproximity bias is -99 to 99
CLOUDFRONT_ZONE: Final = "Z2FDTNDATAQYW2"  # each CloudFront alias names this zone


@dataclass(frozen=True)
class Policy:
    """One routing policy: the program's input and the API's members.

    Args:
        input: Name of the input.
        kind: Its kind; `bool`, an object, or a list of at most one object.
        members: The object's fields (or "" for the whole value) and where each stands at the API, as a dotted path.
        untold: The local server does not tell it back.
    """

    input: str
    kind: Kind
    members: dict[str, str]
    untold: bool = False

    def to_wire(self, value: Any) -> dict[str, Any]:
        """The members of the API's record set."""
        wire: dict[str, Any] = {}
        fields: Any = value[0] if isinstance(value, list) and value else value
        if not fields:
            return wire
        for field, path in self.members.items():
            given = fields if field == "" else fields.get(field)
            if given is not None:
                *parents, last = path.split(".")
                inside = wire
                for parent in parents:
                    inside = inside.setdefault(parent, {})
                inside[last] = given
        return wire

    def from_wire(self, found: dict[str, Any]) -> Any:
        """The input's value, or None where the record set has another policy."""
        fields: Properties = {}
        for field, path in self.members.items():
            value: Any = found
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None and (field == "" or value != ""):
                fields[field] = value
        if not fields:
            return None
        if "" in fields:
            return fields[""] or None
        return [fields] if isinstance(self.kind, list) else fields

    def is_of(self, wire: dict[str, Any]) -> bool:
        return any(path.split(".")[0] in wire for path in self.members.values())


_GEO: Final = {
    "continent": "GeoLocation.ContinentCode",
    "country": "GeoLocation.CountryCode",
    "subdivision": "GeoLocation.SubdivisionCode",
}
POLICIES: Final = (
    Policy("failoverRoutingPolicies", [{"type": str}], {"type": "Failover"}),
    Policy("weightedRoutingPolicies", [{"weight": int}], {"weight": "Weight"}),
    Policy("latencyRoutingPolicies", [{"region": str}], {"region": "Region"}),
    Policy("geolocationRoutingPolicies", [dict.fromkeys(_GEO, str)], _GEO),
    Policy("multivalueAnswerRoutingPolicy", bool, {"": "MultiValueAnswer"}),
    Policy(
        "cidrRoutingPolicy",
        {"collectionId": str, "locationName": str},
        {"collectionId": "CidrRoutingConfig.CollectionId", "locationName": "CidrRoutingConfig.LocationName"},
        untold=True,
    ),
    Policy(
        "geoproximityRoutingPolicy",
        {"awsRegion": str, "bias": int, "localZoneGroup": str},
        {
            "awsRegion": "GeoProximityLocation.AWSRegion",
            "bias": "GeoProximityLocation.Bias",
            "localZoneGroup": "GeoProximityLocation.LocalZoneGroup",
        },
        untold=True,
    ),
)


def refusals(inputs: Properties) -> Iterator[InvalidInput]:
    """What is wrong with one record by itself."""
    type_, ttl, identifier = inputs["type"], inputs.get("ttl"), inputs.get("setIdentifier")
    if isinstance(type_, str) and type_ not in TYPES:
        yield InvalidInput("type", type_, allowed=f"one of {', '.join(TYPES)}")
    if inputs.get("aliases"):
        for name in ("ttl", "records"):
            if inputs.get(name):
                yield InvalidInput(
                    name, inputs[name], allowed="none beside aliases: an alias answers with its target's"
                )
        if isinstance(inputs["aliases"], list) and len(inputs["aliases"]) > 1:
            yield InvalidInput("aliases", len(inputs["aliases"]), allowed="one alias")
    else:
        for name in ("records", "ttl"):
            if name not in inputs or inputs[name] == []:
                yield InvalidInput(name, "missing", allowed="a record needs ttl and records, or aliases")
    if isinstance(ttl, int) and not 0 <= ttl <= GREATEST_TTL:
        yield InvalidInput("ttl", ttl, allowed=f"0 to {GREATEST_TTL} seconds")
    if isinstance(identifier, str) and not 1 <= len(identifier) <= LONGEST_IDENTIFIER:
        yield InvalidInput("setIdentifier", identifier, allowed=f"1 to {LONGEST_IDENTIFIER} characters")
    yield from _policy_refusals(inputs)
    yield from _value_refusals(inputs)


def _policy_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    chosen = [policy.input for policy in POLICIES if inputs.get(policy.input)]
    if len(chosen) > 1:
        yield InvalidInput(chosen[1], "(given)", allowed=f"one routing policy, and there is {chosen[0]}")
    if chosen and not inputs.get("setIdentifier"):
        yield InvalidInput("setIdentifier", "missing", allowed=f"a text, because {chosen[0]} needs it")
    if inputs.get("setIdentifier") and not chosen:
        yield InvalidInput("setIdentifier", inputs["setIdentifier"], allowed="none without a routing policy")
    for policy in _known_items(inputs, "failoverRoutingPolicies"):
        if policy.get("type") not in FAILOVER_ROLES:
            yield InvalidInput("failoverRoutingPolicies.type", policy.get("type"), allowed="PRIMARY or SECONDARY")
        if policy.get("type") == "PRIMARY" and not inputs.get("aliases") and not inputs.get("healthCheckId"):
            yield InvalidInput(
                "healthCheckId", "missing", allowed="a health check's id, because a PRIMARY that is no alias needs one"
            )
    for policy in _known_items(inputs, "weightedRoutingPolicies"):
        if not 0 <= policy.get("weight", -1) <= GREATEST_WEIGHT:
            yield InvalidInput(
                "weightedRoutingPolicies.weight", policy.get("weight"), allowed=f"0 to {GREATEST_WEIGHT}"
            )
    if inputs.get("multivalueAnswerRoutingPolicy") and (inputs.get("aliases") or inputs["type"] in ("CNAME", "NS")):
        yield InvalidInput("multivalueAnswerRoutingPolicy", "(given)", allowed="none on an alias, a CNAME or an NS")
    near = inputs.get("geoproximityRoutingPolicy")
    if is_known(near) and near and abs(near.get("bias", 0)) > BIAS_LIMIT:
        yield InvalidInput("geoproximityRoutingPolicy.bias", near["bias"], allowed=f"-{BIAS_LIMIT} to {BIAS_LIMIT}")


def _value_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    for alias in _known_items(inputs, "aliases"):
        if alias.get("zoneId") == CLOUDFRONT_ZONE and alias.get("evaluateTargetHealth"):
            yield InvalidInput("aliases.evaluateTargetHealth", True, allowed="false for a CloudFront distribution")
    if not is_known(inputs.get("records")):
        return
    values: list[str] = inputs.get("records") or []
    if inputs["type"] == "CNAME" and len(values) > 1:
        yield InvalidInput("records", ", ".join(values), allowed="one name: a CNAME has no second")
    wanted = {"A": ipaddress.IPv4Address, "AAAA": ipaddress.IPv6Address}.get(inputs["type"])
    for value in values if wanted else ():
        try:
            wanted(value)  # type: ignore[misc] -- the loop is empty where it is None
        except ValueError:
            yield InvalidInput("records", value, allowed=f"an IPv{4 if inputs['type'] == 'A' else 6} address")


def _known_items(inputs: Properties, name: str) -> list[Properties]:
    value = inputs.get(name)
    return value if isinstance(value, list) and is_known(value) else []


def refuse(cloud: Cloud, wire: dict[str, Any], others: Sequence[dict[str, Any]], zone_name: str) -> None:
    """Refuse a record set that does not go together with the others of its name, or names no health check.

    Raises:
        LocalCloudError: it does not.
    """
    for line in conflicts(wire, others, zone_name):
        raise LocalCloudError(f"record {shown(wire)}: {line}")
    if wire.get("HealthCheckId"):
        try:
            cloud.client("route53").get_health_check(HealthCheckId=wire["HealthCheckId"])
        except Exception as error:
            if not is_absent(error, {"NoSuchHealthCheck"}):
                raise
            raise LocalCloudError(f"record {shown(wire)}: there is no health check {wire['HealthCheckId']}") from error


def conflicts(wire: dict[str, Any], others: Sequence[dict[str, Any]], zone_name: str) -> Iterator[str]:
    """Why Route 53 would refuse the record set beside the others of the same name. Pure."""
    if wire["Type"] == "CNAME" and dns_names.normal(wire["Name"]) == dns_names.normal(zone_name):
        yield "a CNAME cannot stand at the zone's own name; use an alias"
    for other in others:
        if (wire["Type"] == "CNAME") != (other["Type"] == "CNAME"):
            yield f"a CNAME stands alone, and {shown(other)} has the same name"
        if other["Type"] != wire["Type"]:
            continue
        mine, theirs = policy_of(wire), policy_of(other)
        if mine != theirs:
            yield f"records of one name and type share one routing policy; {shown(other)} has {theirs}, this has {mine}"
        elif same_key([other], wire) is not None:
            yield f"{shown(other)} already exists"
        for member, what in (("Failover", "role"), ("Region", "region"), ("GeoLocation", "location")):
            if member in wire and other.get(member) == wire[member]:
                yield f"{shown(other)} already has the {what} {wire[member]}"


def policy_of(wire: dict[str, Any]) -> str:
    """Name of the routing policy of a record set, `simple` where there is none."""
    return next((policy.input for policy in POLICIES if policy.is_of(wire)), "simple")


def same_key(existing: Sequence[dict[str, Any]], wire: dict[str, Any]) -> dict[str, Any] | None:
    """The record set with the same type and set identifier, of those of one name."""
    key = (wire["Type"], wire.get("SetIdentifier") or None)
    return next((one for one in existing if (one["Type"], one.get("SetIdentifier") or None) == key), None)


def shown(wire: dict[str, Any]) -> str:
    """For messages: name, type and set identifier."""
    identifier = f" ({wire['SetIdentifier']})" if wire.get("SetIdentifier") else ""
    return f"{dns_names.normal(wire['Name'])} {wire['Type']}{identifier}"


def equal(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether two record sets say the same."""
    return _comparable(found) == _comparable(wanted)


def _comparable(wire: dict[str, Any]) -> dict[str, Any]:
    alias = wire.get("AliasTarget")
    return {
        **{key: value for key, value in wire.items() if value not in (None, "", [])},
        "Name": dns_names.normal(wire["Name"]),
        "ResourceRecords": values_normal([one["Value"] for one in wire.get("ResourceRecords") or []]),
        "AliasTarget": {**alias, "DNSName": dns_names.normal(alias["DNSName"])} if alias else None,
    }


def values_normal(values: list[str]) -> list[str]:
    """Neither order nor repetition counts; addresses are compared as addresses."""
    normal: set[str] = set()
    for value in values:
        with contextlib.suppress(ValueError):
            normal.add(str(ipaddress.ip_address(value)))
            continue
        normal.add(value)
    return sorted(normal)
