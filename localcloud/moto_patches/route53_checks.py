"""What Route 53 accepts as the configuration of a health check. Pure: a configuration in, a whole one out, or AWS's error.

Limits and defaults are those of the API reference (CreateHealthCheck, UpdateHealthCheck, HealthCheckConfig).
"""

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any, Final

from localcloud.moto_patches.route53_records import Refused

ENDPOINT_TYPES: Final = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
TYPES: Final = (*ENDPOINT_TYPES, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
INTERVALS: Final = (10, 30)  # seconds
DEFAULT_INTERVAL: Final = 30  # seconds
THRESHOLDS: Final = range(1, 11)
DEFAULT_THRESHOLD: Final = 3
HEALTHY_CHILDREN: Final = range(257)
MOST_CHILDREN: Final = 256
FEWEST_REGIONS: Final = 3
CHECKER_REGIONS: Final = (
    "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1",
)  # fmt: skip
INSUFFICIENT_DATA: Final = ("Healthy", "Unhealthy", "LastKnownStatus")
ENDPOINT_KEYS: Final = (
    "IPAddress", "Port", "ResourcePath", "FullyQualifiedDomainName", "SearchString", "RequestInterval", "FailureThreshold",
    "MeasureLatency", "EnableSNI", "Regions",
)  # fmt: skip
KEYS_OF: Final = {
    **dict.fromkeys(ENDPOINT_TYPES, ENDPOINT_KEYS),
    "CALCULATED": ("HealthThreshold", "ChildHealthChecks"),
    "CLOUDWATCH_METRIC": ("AlarmIdentifier", "InsufficientDataHealthStatus"),
    "RECOVERY_CONTROL": ("RoutingControlArn",),
}
COMMON_KEYS: Final = ("Type", "Inverted", "Disabled")
# An interface may send these for a type that has no use of them; AWS ignores their defaults.
HARMLESS: Final = {"MeasureLatency": False, "EnableSNI": False}
UPDATABLE: Final = (
    "IPAddress", "Port", "ResourcePath", "FullyQualifiedDomainName", "SearchString", "FailureThreshold", "Inverted",
    "Disabled", "HealthThreshold", "ChildHealthChecks", "EnableSNI", "Regions", "AlarmIdentifier",
    "InsufficientDataHealthStatus",
)  # fmt: skip
RESETTABLE: Final = {
    "ChildHealthChecks": "ChildHealthChecks",
    "FullyQualifiedDomainName": "FullyQualifiedDomainName",
    "Regions": "Regions",
    "ResourcePath": "ResourcePath",
}


def whole_config(given: Mapping[str, Any], known_checks: Collection[str]) -> dict[str, Any]:
    """The configuration with AWS's defaults filled in.

    Args:
        given: `HealthCheckConfig` of the request.
        known_checks: Ids of the health checks that exist; children must be among them.

    Raises:
        Refused: with AWS's code `InvalidInput`.
    """
    config = {key: value for key, value in given.items() if value is not None and value != []}
    kind = config.get("Type")
    if kind not in TYPES:
        raise _invalid(f"Type must be one of {', '.join(TYPES)}, not {kind}")
    own = (*COMMON_KEYS, *KEYS_OF[str(kind)])
    for key in list(config):
        if key in own:
            continue
        if HARMLESS.get(key) != config[key]:
            raise _invalid(f"{key} is not supported for health checks of type {kind}")
        del config[key]
    config.setdefault("Inverted", False)
    config.setdefault("Disabled", False)
    if kind in ENDPOINT_TYPES:
        _endpoint(config, str(kind))
    elif kind == "CALCULATED":
        _calculated(config, known_checks)
    elif kind == "CLOUDWATCH_METRIC":
        _alarm(config)
    elif not config.get("RoutingControlArn"):
        raise _invalid("Recovery control health checks must have a routing control ARN specified.")
    return config


def updated_config(
    present: Mapping[str, Any], changes: Mapping[str, Any], known_checks: Collection[str]
) -> dict[str, Any]:
    """The configuration after an update; what is absent from the changes stays.

    Raises:
        Refused: an address is added, or the result is not a valid configuration.
    """
    config = dict(present)
    for element in changes.get("ResetElements") or ():
        if element not in RESETTABLE:
            raise _invalid(f"ResetElements must be among {', '.join(RESETTABLE)}, not {element}")
        config.pop(RESETTABLE[element], None)
    given = {key: changes[key] for key in UPDATABLE if changes.get(key) not in (None, [])}
    if "IPAddress" in given and "IPAddress" not in present:
        raise _invalid("an IP address cannot be added to a health check that was created without one")
    return whole_config({**config, **given}, known_checks)


def _endpoint(config: dict[str, Any], kind: str) -> None:
    if not config.get("IPAddress") and not config.get("FullyQualifiedDomainName"):
        raise _invalid("either IPAddress or FullyQualifiedDomainName must be specified")
    if config.get("IPAddress"):
        _public_address(str(config["IPAddress"]))
    encrypted = kind.startswith("HTTPS")
    if kind == "TCP":
        if config.get("Port") is None:
            raise _invalid("Port must be specified for health checks of type TCP")
        for key in ("ResourcePath", "SearchString"):
            if config.get(key):
                raise _invalid(f"{key} is not supported for health checks of type TCP")
    config.setdefault("Port", 443 if encrypted else 80)
    matches = kind.endswith("STR_MATCH")
    if matches != bool(config.get("SearchString")):
        raise _invalid(f"SearchString {'must' if matches else 'must not'} be specified for type {kind}")
    config.setdefault("RequestInterval", DEFAULT_INTERVAL)
    config.setdefault("FailureThreshold", DEFAULT_THRESHOLD)
    config.setdefault("MeasureLatency", False)
    config.setdefault("EnableSNI", encrypted)
    if config["RequestInterval"] not in INTERVALS:
        raise _invalid(f"RequestInterval must be 10 or 30 seconds, not {config['RequestInterval']}")
    if config["FailureThreshold"] not in THRESHOLDS:
        raise _invalid(f"FailureThreshold must be from 1 to 10, not {config['FailureThreshold']}")
    regions = config.get("Regions")
    if regions is not None:
        unknown = [region for region in regions if region not in CHECKER_REGIONS]
        if unknown:
            raise _invalid(f"{unknown[0]} has no health checkers; {', '.join(CHECKER_REGIONS)} have")
        if len(set(regions)) < FEWEST_REGIONS:
            raise _invalid(f"at least {FEWEST_REGIONS} different Regions must be specified")


def _public_address(text: str) -> None:
    """Route 53's checkers are outside: they refuse addresses that nobody outside can reach."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise _invalid(f"IPAddress {text} is not an IP address") from None
    documentation = any(address in ipaddress.ip_network(net) for net in DOCUMENTATION[address.version])
    if address.is_multicast or not (address.is_global or documentation):
        raise _invalid(f"IPAddress {text} is in a private or reserved range that health checkers cannot reach")


# Examples and the dev environment use these; nothing answers there, which is for the data plane to find.
DOCUMENTATION: Final = {4: ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), 6: ("2001:db8::/32",)}


def _calculated(config: dict[str, Any], known_checks: Collection[str]) -> None:
    if config.get("HealthThreshold") is None:
        raise _invalid("Calculated health checks must have a health threshold specified.")
    if config["HealthThreshold"] not in HEALTHY_CHILDREN:
        raise _invalid(f"HealthThreshold must be from 0 to {MOST_CHILDREN}, not {config['HealthThreshold']}")
    children = config.setdefault("ChildHealthChecks", [])
    if len(children) > MOST_CHILDREN:
        raise _invalid(f"at most {MOST_CHILDREN} ChildHealthChecks, not {len(children)}")
    unknown = [child for child in children if child not in known_checks]
    if unknown:
        raise _invalid(f"the child health check {unknown[0]} does not exist")


def _alarm(config: dict[str, Any]) -> None:
    alarm = config.get("AlarmIdentifier")
    if not alarm or not alarm.get("Region") or not alarm.get("Name"):
        raise _invalid("CloudWatch metric health checks must have an alarm identifier specified.")
    config.setdefault("InsufficientDataHealthStatus", "LastKnownStatus")
    if config["InsufficientDataHealthStatus"] not in INSUFFICIENT_DATA:
        raise _invalid(f"InsufficientDataHealthStatus must be one of {', '.join(INSUFFICIENT_DATA)}")


def _invalid(what: str) -> Refused:
    return Refused("InvalidInput", f"Invalid parameter : {what}")
