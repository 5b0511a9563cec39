"""Health checks: which can be taken over as they are, which can only be referred to.

A check is *adopted* when the environment's one `health_check` section says the same as it does: then nothing of it is
replaced. Its interval, its type and whether it has an address can never change in place, so a check that differs there,
or says what the section cannot, is *referred to* by its id: it stays as it is and belongs to whoever made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seawall.timing import HealthCheckProtocol, Term, endpoint_detection, undeclared_detection
from seawall_ops.adopt.observed import Check

__all__ = ["SidePlan", "detection_of", "differences", "inexpressible", "new_check", "section_of"]

PLAIN_TYPES: Final = ("HTTP", "HTTPS", "TCP")
SEARCHING: Final = "_STR_MATCH"
ENDPOINT_TYPES: Final = (*PLAIN_TYPES, *(f"{kind}{SEARCHING}" for kind in ("HTTP", "HTTPS")))
DEFAULT_PORTS: Final = {HealthCheckProtocol.HTTP: 80, HealthCheckProtocol.HTTPS: 443}
DEFAULT_INTERVAL_SECONDS: Final = 30  # Route 53, when a check says none
DEFAULT_THRESHOLD: Final = 3  # the same, and Seawall's own
NEW_INTERVAL_SECONDS: Final = 10  # Seawall's own default: a failover waits for it


@dataclass(frozen=True, slots=True)
class SidePlan:
    """What becomes of one side's check: adopted, referred to, or a new one declared."""

    form: str
    """`adopt`, `refer` or `declare`."""
    check: Check | None = None
    regional_name: str | None = None


def protocol_of(check: Check) -> HealthCheckProtocol:
    """What the checkers speak."""
    return HealthCheckProtocol(check.type.removesuffix(SEARCHING))


def inexpressible(check: Check) -> str | None:
    """Why the environment's file cannot say what this check is; `None` when it can."""
    if check.type not in ENDPOINT_TYPES:
        return f"it is of type {check.type}, and the file describes endpoint checks"
    if check.ip_address is not None:
        return f"it probes the address {check.ip_address}, and a check's address cannot be taken from it"
    if check.fqdn is None:
        return "it has no name to probe"
    if check.inverted:
        return "it is inverted"
    if check.disabled:
        return "it is disabled, which counts as healthy"
    if check.type.startswith("HTTPS") and not check.sends_name:
        return "it sends no name in the TLS handshake"
    return None


def section_of(check: Check) -> dict[str, Any]:
    """The `health_check` section that says what the check is."""
    protocol = protocol_of(check)
    section: dict[str, Any] = {
        "protocol": protocol.value,
        "interval_seconds": check.interval_seconds or DEFAULT_INTERVAL_SECONDS,
        "failure_threshold": check.failure_threshold or DEFAULT_THRESHOLD,
    }
    if protocol is not HealthCheckProtocol.TCP:
        section["path"] = check.path or "/"
    if check.port is not None and check.port != DEFAULT_PORTS.get(protocol):
        section["port"] = check.port
    if check.search_string is not None:
        section["search_string"] = check.search_string
    if check.checker_regions:
        section["checker_regions"] = sorted(check.checker_regions)
    if check.measure_latency:
        section["measure_latency"] = True
    return section


def new_check(section: Mapping[str, Any] | None) -> Check:
    """The check that is declared where there is none: as the section says, else with Seawall's own defaults."""
    defaults: dict[str, Any] = {
        "protocol": HealthCheckProtocol.HTTPS.value,
        "interval_seconds": NEW_INTERVAL_SECONDS,
        "failure_threshold": DEFAULT_THRESHOLD,
    }
    given = {**defaults, **(section or {})}
    return Check(
        "", given["protocol"], interval_seconds=given["interval_seconds"], failure_threshold=given["failure_threshold"]
    )


def detection_of(check: Check) -> tuple[Term, ...]:
    """How long a check takes, by its own settings where they are known, else assumed."""
    if check.type not in ENDPOINT_TYPES:
        return undeclared_detection()
    return endpoint_detection(
        protocol=protocol_of(check),
        interval_seconds=check.interval_seconds or DEFAULT_INTERVAL_SECONDS,
        failure_threshold=check.failure_threshold or DEFAULT_THRESHOLD,
        search=check.type.endswith(SEARCHING),
    )


def differences(mine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Keys under which two sections differ, in order."""
    return sorted(key for key in {*mine, *other} if mine.get(key) != other.get(key))
