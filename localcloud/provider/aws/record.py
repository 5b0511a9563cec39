"""Route 53 record sets.

A record is replaced only when its zone or its name changes. Its type and its set identifier change in place, by one
batch of DELETE and CREATE, so that the name is never without a record. What Route 53 refuses and the local server does
not is refused here, by `record_rules`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.aws import dns_names, record_rules
from localcloud.provider.aws.record_rules import POLICIES, TEXT_TYPES, TYPES
from localcloud.provider.clients import Cloud

_ID: Final = re.compile(rf"(?P<zone>[^_]+)_(?P<name>.*?)_(?P<type>{'|'.join(TYPES)})(?:_(?P<set>.+))?")


def _quoted(type_: str, value: str) -> str:
    return f'"{value}"' if type_ in TEXT_TYPES else value


def _unquoted(type_: str, value: str) -> str:
    quoted = type_ in TEXT_TYPES and len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def _record_set(inputs: Properties, full_name: str) -> dict[str, Any]:
    """As the API takes it."""
    wire: dict[str, Any] = {"Name": full_name, "Type": inputs["type"]}
    for alias in inputs.get("aliases") or []:
        wire["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    if inputs.get("records"):
        wire["ResourceRecords"] = [{"Value": _quoted(inputs["type"], value)} for value in inputs["records"]]
        wire["TTL"] = inputs.get("ttl", 0)
    for name, key in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId")):
        if inputs.get(name):
            wire[key] = inputs[name]
    for policy in POLICIES:
        wire.update(policy.to_wire(inputs.get(policy.input)))
    return wire


def _properties(found: dict[str, Any], zone_id: str) -> Properties:
    """As the program knows it."""
    type_, alias = found["Type"], found.get("AliasTarget")
    told: Properties = {
        "zoneId": zone_id,
        "name": dns_names.normal(found["Name"]),
        "fqdn": dns_names.normal(found["Name"]),
        "type": type_,
        "setIdentifier": found.get("SetIdentifier") or None,
        "healthCheckId": found.get("HealthCheckId") or None,
    }
    if alias:
        told["aliases"] = [
            {
                "zoneId": alias["HostedZoneId"],
                "name": dns_names.normal(alias["DNSName"]),
                "evaluateTargetHealth": alias["EvaluateTargetHealth"],
            }
        ]
    else:
        told["ttl"] = int(found.get("TTL") or 0)
        told["records"] = [_unquoted(type_, one["Value"]) for one in found.get("ResourceRecords") or []]
    for policy in POLICIES:
        told[policy.input] = policy.from_wire(found)
    return told


def record_sets(cloud: Cloud, zone_id: str, full_name: str) -> list[dict[str, Any]]:
    """All record sets of one name, as the API gives them."""
    client, found = cloud.client("route53"), []
    start: dict[str, Any] = {"StartRecordName": full_name}
    while True:
        answer = client.list_resource_record_sets(HostedZoneId=zone_id, **start)
        page = [one for one in answer["ResourceRecordSets"] if dns_names.normal(one["Name"]) == full_name]
        found += [one for one in page if one not in found]
        following: dict[str, Any] = {
            key: answer[f"Next{key.removeprefix('Start')}"]
            for key in ("StartRecordName", "StartRecordType", "StartRecordIdentifier")
            if answer.get(f"Next{key.removeprefix('Start')}")
        }
        if (
            not answer["IsTruncated"]
            or dns_names.normal(following["StartRecordName"]) != full_name
            or following == start
        ):
            return found
        start = following


def _one(cloud: Cloud, zone_id: str, name: str, type_: str, set_identifier: str | None) -> dict[str, Any] | None:
    for one in record_sets(cloud, zone_id, dns_names.full(name, _zone_name(cloud, zone_id))):
        if one["Type"] == type_ and (one.get("SetIdentifier") or None) == (set_identifier or None):
            return one
    return None


def _zone_name(cloud: Cloud, zone_id: str) -> str:
    return cloud.client("route53").get_hosted_zone(Id=zone_id)["HostedZone"]["Name"]


def _id(inputs: Properties) -> str:
    parts = [dns_names.bare_zone_id(inputs["zoneId"]), dns_names.normal(inputs["name"]), inputs["type"]]
    return "_".join([*parts, *([inputs["setIdentifier"]] if inputs.get("setIdentifier") else [])])


def _key(id_: str, known: Properties) -> tuple[str, str, str, str | None]:
    """Zone, name, type and set identifier. The state has the last word: an update changes two of them, not the id."""
    if "type" in known and "name" in known and "zoneId" in known:
        return dns_names.bare_zone_id(known["zoneId"]), known["name"], known["type"], known.get("setIdentifier")
    match = _ID.fullmatch(id_)
    if match is None:
        raise LocalCloudError(f"{id_}: no record's id; it is ZONEID_name_TYPE, or ZONEID_name_TYPE_setidentifier")
    return match["zone"], match["name"], match["type"], match["set"]


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # the id says it all
    zone_id = dns_names.bare_zone_id(inputs["zoneId"])
    full_name = dns_names.full(inputs["name"], _zone_name(cloud, zone_id))
    wire, existing = _record_set(inputs, full_name), record_sets(cloud, zone_id, full_name)
    same = record_rules.same_key(existing, wire)
    if same is not None and not inputs.get("allowOverwrite"):
        raise LocalCloudError(
            f"record {record_rules.shown(wire)}: already exists and is not this stack's; import it as {_id(inputs)},"
            " or remove it (allowOverwrite would take over a record that somebody else relies on)"
        )
    others = [one for one in existing if one is not same]
    record_rules.refuse(cloud, wire, others, _zone_name(cloud, zone_id))
    _change(cloud, zone_id, [("UPSERT" if inputs.get("allowOverwrite") else "CREATE", wire)])
    return _id(inputs)


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """A record with exactly the wanted content, where a creation was begun, is that creation's."""
    del reference
    if "zoneId" not in inputs:
        return None
    key = _key("", inputs)
    found, full_name = _one(cloud, *key), dns_names.full(inputs["name"], _zone_name(cloud, key[0]))
    return _id(inputs) if found is not None and record_rules.equal(found, _record_set(inputs, full_name)) else None


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    zone_id, name, type_, set_identifier = _key(id_, known)
    found = _one(cloud, zone_id, name, type_, set_identifier)
    if found is None:
        return None
    told = _properties(found, zone_id)
    written = known.get("name", name)
    if dns_names.full(written, _zone_name(cloud, zone_id)) == told["fqdn"]:
        told["name"] = dns_names.normal(written)  # relative names stay as they were written
    return told


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    zone_id, name, type_, set_identifier = _key(id_, state)
    full_name = dns_names.full(name, _zone_name(cloud, zone_id))
    wire, existing = _record_set(inputs, full_name), record_sets(cloud, zone_id, full_name)
    old = record_rules.same_key(existing, {"Type": type_, "SetIdentifier": set_identifier})
    record_rules.refuse(cloud, wire, [one for one in existing if one is not old], _zone_name(cloud, zone_id))
    moved = (wire["Type"], wire.get("SetIdentifier")) != (type_, set_identifier)
    if old is not None and (moved or record_rules.policy_of(old) != record_rules.policy_of(wire)):
        _change(cloud, zone_id, [("DELETE", old), ("CREATE", wire)])
    else:
        _change(cloud, zone_id, [("UPSERT", wire)])


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    key = _key(id_, state)
    found = _one(cloud, *key)
    if found is not None:
        _change(cloud, key[0], [("DELETE", found)])


def _change(cloud: Cloud, zone_id: str, changes: list[tuple[str, dict[str, Any]]]) -> None:
    batch = [{"Action": action, "ResourceRecordSet": wire} for action, wire in changes]
    cloud.client("route53").change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Comment": "Managed by Pulumi", "Changes": batch}
    )


def _aliases_normal(aliases: list[Properties]) -> list[tuple[Any, ...]]:
    return [
        (alias.get("zoneId"), dns_names.normal(alias.get("name")), alias.get("evaluateTargetHealth"))
        for alias in aliases
    ]


def _refusals(inputs: Properties) -> Iterator[Exception]:
    yield from record_rules.refusals(inputs)


RECORD: Final = Adapter(
    resource_type="aws:route53/record:Record",
    regional=False,
    inputs={
        "zoneId": str,
        "name": str,
        "type": str,
        "ttl": int,
        "records": [str],
        "aliases": [{"name": str, "zoneId": str, "evaluateTargetHealth": bool}],
        "allowOverwrite": bool,
        "healthCheckId": str,
        "setIdentifier": str,
        **{policy.input: policy.kind for policy in POLICIES},
    },
    required=frozenset({"zoneId", "name", "type"}),
    replaces=frozenset({"zoneId", "name"}),
    keeps=frozenset({"allowOverwrite"}),
    write_only=frozenset({"allowOverwrite"} | {policy.input for policy in POLICIES if policy.untold}),
    computed=frozenset({"fqdn"}),
    normalizers={
        "name": dns_names.normal,
        "zoneId": dns_names.bare_zone_id,
        "records": record_rules.values_normal,
        "aliases": _aliases_normal,
    },
    absent_codes=frozenset({"NoSuchHostedZone"}),
    refusals=_refusals,
    create=_create,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
