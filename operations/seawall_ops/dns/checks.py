"""Whether Route 53 considers a health check healthy. Pure: no I/O.

Source: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy", and API reference,
`HealthCheckConfig`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from seawall.errors import InvalidInput
from seawall_ops.dns.rules import Rule

__all__ = ["CheckKind", "HealthCheck", "InsufficientData", "Signal", "Verdict", "considered"]


class CheckKind(Enum):
    """What a health check looks at."""

    ENDPOINT = "endpoint"
    CALCULATED = "calculated"
    ALARM = "alarm"
    ROUTING_CONTROL = "routing control"


class InsufficientData(Enum):
    """What an alarm's check says while the alarm has no data; the values are Route 53's."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    LAST_KNOWN = "LastKnownStatus"


class Signal(Enum):
    """What a check sees, before it is inverted or disabled."""

    HEALTHY = "healthy"
    """The endpoint answers; the alarm is OK; the routing control is on."""
    UNHEALTHY = "unhealthy"
    """The endpoint does not answer; the alarm rings; the routing control is off."""
    NO_DATA = "no data"
    """The alarm has insufficient data. Only for alarms."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A health check, as far as it decides answers."""

    id: str
    kind: CheckKind
    name: str | None = None
    """From its tags."""
    host: str | None = None
    """Of an endpoint: the IP address that is probed, else the canonical name that is resolved."""
    inverted: bool = False
    disabled: bool = False
    children: tuple[str, ...] = ()
    """Of a calculated one: ids."""
    threshold: int = 0
    """Of a calculated one: how many children must be healthy."""
    insufficient_data: InsufficientData = InsufficientData.LAST_KNOWN
    """Of an alarm's."""

    @property
    def label(self) -> str:
        """How lines name it."""
        return f"check {self.name} ({self.id})" if self.name else f"check {self.id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something counts as healthy, and why."""

    healthy: bool
    rule: Rule
    because: str


def considered(
    check_id: str,
    checks: Mapping[str, HealthCheck],
    signals: Mapping[str, Signal],
    last_known: Mapping[str, bool] | None = None,
) -> Verdict:
    """Whether Route 53 considers a check healthy.

    A disabled check that is inverted counts as unhealthy: disabled it is healthy, and inverted that is the opposite. AWS
    names inverting as the way to stop traffic to what a disabled check stands for.

    Args:
        check_id: The check.
        checks: Every check, by id.
        signals: What endpoint, alarm and routing-control checks see; a check that is absent sees health, as new ones do.
        last_known: By id, whether an alarm without data was healthy when it last had some; absent means healthy.

    Raises:
        InvalidInput: There is no such check, or a calculated check has a calculated child.
    """
    check = checks.get(check_id)
    if check is None:
        raise InvalidInput(
            "health check",
            check_id,
            allowed="one that exists",
            because="Route 53 promises nothing for records whose check was deleted",
        )
    seen = Verdict(True, Rule.DISABLED, f"{check.label} is disabled") if check.disabled else None
    seen = seen or _seen(check, checks, signals, last_known or {})
    if not check.inverted:
        return seen
    state = "healthy" if seen.healthy else "unhealthy"
    return Verdict(not seen.healthy, Rule.INVERTED, f"{seen.because}, and inverted: {state} counts as the opposite")


def _seen(
    check: HealthCheck,
    checks: Mapping[str, HealthCheck],
    signals: Mapping[str, Signal],
    last_known: Mapping[str, bool],
) -> Verdict:
    signal = signals.get(check.id, Signal.HEALTHY)
    healthy = signal is Signal.HEALTHY
    match check.kind:
        case CheckKind.CALCULATED:
            return _calculated(check, checks, signals, last_known)
        case CheckKind.ENDPOINT:
            found = "gets answers" if healthy else "gets no good answer"
            return Verdict(
                healthy, Rule.CHECK_PROBES, f"{check.label} {found} from {(check.host or 'its endpoint').rstrip('.')}"
            )
        case CheckKind.ROUTING_CONTROL:
            state = "on" if healthy else "off"
            return Verdict(healthy, Rule.ROUTING_CONTROL, f"the routing control of {check.label} is {state}")
        case CheckKind.ALARM if signal is not Signal.NO_DATA:
            state = "is OK" if healthy else "rings"
            return Verdict(healthy, Rule.CHECK_PROBES, f"the alarm of {check.label} {state}")
        case CheckKind.ALARM:
            return _without_data(check, last_known)


def _without_data(check: HealthCheck, last_known: Mapping[str, bool]) -> Verdict:
    if check.insufficient_data is InsufficientData.LAST_KNOWN:
        healthy = last_known.get(check.id, True)
        was = "healthy" if healthy else "unhealthy"
        return Verdict(healthy, Rule.NO_DATA, f"the alarm of {check.label} has no data, and was {was} when it last had")
    healthy = check.insufficient_data is InsufficientData.HEALTHY
    setting = check.insufficient_data.value
    return Verdict(healthy, Rule.NO_DATA, f"the alarm of {check.label} has no data, which is set to count as {setting}")


def _calculated(
    check: HealthCheck,
    checks: Mapping[str, HealthCheck],
    signals: Mapping[str, Signal],
    last_known: Mapping[str, bool],
) -> Verdict:
    for child in check.children:
        if child in checks and checks[child].kind is CheckKind.CALCULATED:
            raise InvalidInput(
                f"{check.label} child", child, allowed="a check that is not calculated", because="Route 53 refuses it"
            )
    if check.threshold == 0:
        return Verdict(True, Rule.THRESHOLD_ZERO, f"{check.label} wants 0 healthy children")
    healthy = [child for child in check.children if considered(child, checks, signals, last_known).healthy]
    counted = f"{check.label} wants {check.threshold} healthy of {len(check.children)} children and has {len(healthy)}"
    if check.threshold > len(check.children):
        return Verdict(False, Rule.THRESHOLD_TOO_HIGH, counted)
    return Verdict(len(healthy) >= check.threshold, Rule.THRESHOLD, counted)
