"""Records and health checks from the shapes of Route 53's API, as boto3 and the AWS command line give them. Pure.

Source: Route 53 API reference, `ResourceRecordSet` and `HealthCheck`.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from seawall.errors import MISSING, InvalidInput
from seawall_ops.dns.checks import CheckKind, HealthCheck, InsufficientData
from seawall_ops.dns.records import (
    Alias,
    Failover,
    GeoLocation,
    Latency,
    Multivalue,
    Policy,
    Record,
    Simple,
    Unsupported,
    Weighted,
    Zone,
    canonical,
)

__all__ = ["parse_checks", "parse_zone"]

ENDPOINT_TYPES: Final = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
KINDS: Final = {
    **dict.fromkeys(ENDPOINT_TYPES, CheckKind.ENDPOINT),
    "CALCULATED": CheckKind.CALCULATED,
    "CLOUDWATCH_METRIC": CheckKind.ALARM,
    "RECOVERY_CONTROL": CheckKind.ROUTING_CONTROL,
}
DUAL_STACK: Final = "dualstack."  # the console puts it before a load balancer's name, which stays the same one
UNSUPPORTED: Final = {"GeoProximityLocation": "geoproximity", "CidrRoutingConfig": "IP-based"}


def parse_zone(record_sets: Iterable[object], *, name: str | None = None, id: str | None = None) -> Zone:  # noqa: A002
    """A zone from its `ResourceRecordSets`.

    Args:
        record_sets: As the API lists them.
        name: The zone's name.
        id: Its id, with or without `/hostedzone/`.

    Raises:
        InvalidInput: A record set lacks something, or has another form.
    """
    records = [_record(f"ResourceRecordSets[{at}]", one) for at, one in enumerate(record_sets)]
    return Zone(records, name=name, id=id.rpartition("/")[2] if id is not None else None)


def parse_checks(checks: Iterable[object], names: Mapping[str, str] | None = None) -> dict[str, HealthCheck]:
    """Health checks by id, from the API's `HealthChecks`.

    Args:
        checks: As the API lists them.
        names: What they are called, by id; from their tags.

    Raises:
        InvalidInput: A check lacks something, or is of a type that is not known.
    """
    parsed = [_check(f"HealthChecks[{at}]", one, names or {}) for at, one in enumerate(checks)]
    return {check.id: check for check in parsed}


def _record(where: str, given: object) -> Record:
    raw = _mapping(where, given)
    name, kind = _text(where, raw, "Name"), _text(where, raw, "Type")
    ttl = raw.get("TTL")
    return Record(
        name=canonical(name),
        type=kind.upper(),
        policy=_policy(where, raw),
        values=tuple(
            _value(kind, _text(f"{where}.ResourceRecords[{at}]", _mapping(where, one), "Value"))
            for at, one in enumerate(_list(f"{where}.ResourceRecords", raw.get("ResourceRecords")))
        ),
        alias=_alias(f"{where}.AliasTarget", raw.get("AliasTarget")),
        ttl_seconds=_whole(f"{where}.TTL", ttl) if ttl is not None else None,
        set_identifier=_optional(where, raw, "SetIdentifier"),
        health_check_id=_optional(where, raw, "HealthCheckId"),
    )


def _value(kind: str, value: str) -> str:
    """Addresses in one form, so that a check of `2001:DB8:0::1` is found to probe `2001:db8::1`."""
    if kind.upper() in ("A", "AAAA"):
        return _address(value) or value
    return value


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _alias(where: str, given: object) -> Alias | None:
    if given is None:
        return None
    raw = _mapping(where, given)
    zone = _optional(where, raw, "HostedZoneId")
    name = canonical(_text(where, raw, "DNSName"))
    if ".elb." in name:
        name = name.removeprefix(DUAL_STACK)
    return Alias(name, _flag(where, raw, "EvaluateTargetHealth"), zone)


def _policy(where: str, raw: Mapping[str, Any]) -> Policy:
    for key, name in UNSUPPORTED.items():
        if raw.get(key) is not None:
            return Unsupported(name)
    if raw.get("Weight") is not None:
        return Weighted(_whole(f"{where}.Weight", raw["Weight"]))
    if raw.get("Region") is not None:
        return Latency(_text(where, raw, "Region"))
    if raw.get("Failover") is not None:
        side = _text(where, raw, "Failover")
        if side not in ("PRIMARY", "SECONDARY"):
            raise InvalidInput(f"{where}.Failover", side, allowed="PRIMARY or SECONDARY")
        return Failover(side == "PRIMARY")
    if raw.get("GeoLocation") is not None:
        place = _mapping(f"{where}.GeoLocation", raw["GeoLocation"])
        return GeoLocation(
            _optional(where, place, "ContinentCode"),
            _optional(where, place, "CountryCode"),
            _optional(where, place, "SubdivisionCode"),
        )
    return Multivalue() if raw.get("MultiValueAnswer") else Simple()


def _check(where: str, given: object, names: Mapping[str, str]) -> HealthCheck:
    raw = _mapping(where, given)
    id_ = _text(where, raw, "Id")
    config = _mapping(f"{where}.HealthCheckConfig", raw.get("HealthCheckConfig", MISSING))
    kind = _text(f"{where}.HealthCheckConfig", config, "Type")
    if kind not in KINDS:
        raise InvalidInput(f"{where}.HealthCheckConfig.Type", kind, allowed=", ".join(KINDS))
    setting = config.get("InsufficientDataHealthStatus") or InsufficientData.LAST_KNOWN.value
    if setting not in [one.value for one in InsufficientData]:
        allowed = ", ".join(one.value for one in InsufficientData)
        raise InvalidInput(f"{where}.HealthCheckConfig.InsufficientDataHealthStatus", setting, allowed=allowed)
    return HealthCheck(
        id=id_,
        kind=KINDS[kind],
        name=names.get(id_),
        host=_host(where, config),
        inverted=_flag(where, config, "Inverted"),
        disabled=_flag(where, config, "Disabled"),
        children=tuple(str(child) for child in _list(f"{where}.ChildHealthChecks", config.get("ChildHealthChecks"))),
        threshold=_whole(f"{where}.HealthThreshold", config.get("HealthThreshold", 0)),
        insufficient_data=InsufficientData(setting),
    )


def _host(where: str, config: Mapping[str, Any]) -> str | None:
    """Where a check looks: an address, a canonical name, or the region of an alarm."""
    alarm = config.get("AlarmIdentifier")
    if alarm is not None:
        return _text(f"{where}.AlarmIdentifier", _mapping(f"{where}.AlarmIdentifier", alarm), "Region")
    address = _optional(where, config, "IPAddress")
    if address is not None:
        return _address(address) or address
    name = _optional(where, config, "FullyQualifiedDomainName")
    return canonical(name) if name is not None else None


def _mapping(where: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(where, value, allowed="an object, as Route 53's API returns it")
    return cast("Mapping[str, Any]", value)


def _list(where: str, value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(where, value, allowed="a list, as Route 53's API returns it")
    return cast("list[Any]", value)


def _text(where: str, raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key, MISSING)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{where}.{key}", value, allowed="text")
    return value


def _optional(where: str, raw: Mapping[str, Any], key: str) -> str | None:
    return _text(where, raw, key) if raw.get(key) else None


def _flag(where: str, raw: Mapping[str, Any], key: str) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise InvalidInput(f"{where}.{key}", value, allowed="true or false")
    return value


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(where, value, allowed="a whole number")
    return value
