"""A zone with its health checks, from Route 53 (read only) or from files that hold what its API returned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from seawall.errors import MISSING, CloudUnavailable, InvalidInput
from seawall_ops.clients import asking, client
from seawall_ops.dns import CheckKind, HealthCheck, Signal, World, Zone, canonical, parse_checks, parse_zone, regions_of
from seawall_ops.files import reading

__all__ = ["from_files", "from_route53"]

TAGS_AT_ONCE: Final = 10  # ids that ListTagsForResources takes
NAME_TAG: Final = "Name"  # what the console shows as a check's name
HEALTHY_RATIO: Final = 0.18  # of the checkers; more than that and Route 53 considers an endpoint healthy
SUCCESS: Final = "Success"  # how a checker's status begins when it got a good answer


def from_route53(
    name: str,
    *,
    zone_id: str | None = None,
    zone_name: str | None = None,
    regions: Mapping[str, str] | None = None,
    now: bool = False,
) -> World:
    """The zone that holds a name, with the health checks that its records use.

    Args:
        name: The name that is asked for: without `zone_id` and `zone_name` the zone with the longest name that holds it.
        zone_id: The zone's id.
        zone_name: The zone's name; refused when several zones have it.
        regions: The AWS region of endpoints whose names do not tell.
        now: Whether to ask what each checker sees at this moment; costs one request per check of an endpoint.

    Raises:
        InvalidInput: There is no such zone, or there are several.
        CloudUnavailable: AWS refused, throttled or did not answer.
    """
    route53 = client("route53", "us-east-1")  # a global service; boto3 wants some region
    id_, found = _zone(route53, name, zone_id, zone_name)
    with asking("route53 ListResourceRecordSets"):
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=id_)
        record_sets = [record for page in pages for record in page["ResourceRecordSets"]]
    zone = parse_zone(record_sets, name=found, id=id_)
    checks = _checks(route53, zone)
    signals = _signals(route53, checks.values()) if now else {}
    return World(zone, checks, regions_of(zone, regions), signals)


def _zone(route53: Any, name: str, zone_id: str | None, zone_name: str | None) -> tuple[str, str]:
    if zone_id is not None:
        with asking("route53 GetHostedZone"):
            zone = route53.get_hosted_zone(Id=zone_id)["HostedZone"]
        return zone["Id"].rpartition("/")[2], zone["Name"]
    with asking("route53 ListHostedZones"):
        pages = route53.get_paginator("list_hosted_zones").paginate()
        zones = [zone for page in pages for zone in page["HostedZones"]]
    if zone_name is not None:
        holding = [zone for zone in zones if canonical(zone["Name"]) == canonical(zone_name)]
    else:
        holding = [zone for zone in zones if f".{canonical(name)}".endswith(f".{canonical(zone['Name'])}")]
    longest = max((len(zone["Name"]) for zone in holding), default=0)
    holding = [zone for zone in holding if len(zone["Name"]) == longest]
    if not holding:
        raise InvalidInput("zone", zone_name or name, allowed="a zone of this account that holds the name")
    if len(holding) > 1:
        ids = ", ".join(zone["Id"].rpartition("/")[2] for zone in holding)
        raise InvalidInput("zone", holding[0]["Name"], allowed=f"the --zone-id of one of {ids}")
    return holding[0]["Id"].rpartition("/")[2], holding[0]["Name"]


def _checks(route53: Any, zone: Zone) -> dict[str, HealthCheck]:
    used = {record.health_check_id for record in zone.records if record.health_check_id is not None}
    if not used:
        return {}
    with asking("route53 ListHealthChecks"):
        pages = route53.get_paginator("list_health_checks").paginate()
        every = parse_checks([check for page in pages for check in page["HealthChecks"]])
    used |= {child for id_ in used if id_ in every for child in every[id_].children}
    names = _names(route53, sorted(used & set(every)))
    return {id_: replace(every[id_], name=names.get(id_)) for id_ in sorted(used & set(every))}


def _names(route53: Any, ids: Sequence[str]) -> dict[str, str]:
    """What the checks are called. A comfort: where reading tags is not allowed, they go by their ids."""
    names: dict[str, str] = {}
    try:
        for start in range(0, len(ids), TAGS_AT_ONCE):
            some = list(ids[start : start + TAGS_AT_ONCE])
            with asking("route53 ListTagsForResources"):
                answer = route53.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=some)
            for each in answer["ResourceTagSets"]:
                tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
                if NAME_TAG in tags:
                    names[each["ResourceId"]] = tags[NAME_TAG]
    except CloudUnavailable:
        return names
    return names


def _signals(route53: Any, checks: Iterable[HealthCheck]) -> dict[str, Signal]:
    """What the checkers of endpoints see now. Route 53 does not tell it of alarms and routing controls in this way."""
    signals: dict[str, Signal] = {}
    for check in checks:
        if check.kind is not CheckKind.ENDPOINT:
            continue
        with asking("route53 GetHealthCheckStatus"):
            seen = route53.get_health_check_status(HealthCheckId=check.id)["HealthCheckObservations"]
        good = sum(str(each["StatusReport"]["Status"]).startswith(SUCCESS) for each in seen)
        if seen:
            signals[check.id] = Signal.HEALTHY if good > HEALTHY_RATIO * len(seen) else Signal.UNHEALTHY
    return signals


def from_files(paths: Sequence[Path], regions: Mapping[str, str] | None = None) -> World:
    """A zone from JSON or YAML files, merged: what the AWS command line prints, or one document of your own.

    Keys: `ResourceRecordSets` (needed), `HealthChecks`, `HostedZone` with `Id` and `Name`, and `regions`: the AWS region
    by endpoint.

    Raises:
        InvalidInput: A file cannot be read, is cut short, or has another form.
    """
    documents = [_document(path) for path in paths]
    if not any("ResourceRecordSets" in document for document in documents):
        raise InvalidInput("ResourceRecordSets", MISSING, allowed="in one of the files")
    records = [one for document in documents for one in _listed(document, "ResourceRecordSets")]
    checks = parse_checks([one for document in documents for one in _listed(document, "HealthChecks")])
    about: dict[str, Any] = {}
    places: dict[str, str] = {}
    for document in documents:
        about |= _mapped(document, "HostedZone")
        places |= _mapped(document, "regions")
    zone = parse_zone(records, name=about.get("Name"), id=about.get("Id"))
    return World(zone, checks, regions_of(zone, {**places, **(regions or {})}))


def _document(path: Path) -> Mapping[str, Any]:
    import yaml

    with reading("--file", path):
        text = path.read_text(encoding="utf-8")
    try:
        document = cast("object", yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InvalidInput("--file", str(path), allowed="JSON or YAML") from error
    if not isinstance(document, Mapping):
        raise InvalidInput("--file", str(path), allowed="an object with ResourceRecordSets or HealthChecks")
    found = cast("Mapping[str, Any]", document)
    if found.get("IsTruncated"):
        raise InvalidInput("--file", str(path), allowed="a whole list", because="IsTruncated says that more follows")
    return found


def _listed(document: Mapping[str, Any], key: str) -> list[Any]:
    value = cast("object", document.get(key) or [])
    if not isinstance(value, list):
        raise InvalidInput(key, value, allowed="a list, as Route 53's API returns it")
    return cast("list[Any]", value)


def _mapped(document: Mapping[str, Any], key: str) -> dict[str, str]:
    value = cast("object", document.get(key) or {})
    if not isinstance(value, Mapping):
        raise InvalidInput(key, value, allowed="an object with text")
    for name, each in cast("Mapping[str, object]", value).items():
        if key == "regions" and not isinstance(each, str):
            raise InvalidInput(f"{key}.{name}", each, allowed="an AWS region")
    return dict(cast("Mapping[str, str]", value))
