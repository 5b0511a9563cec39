"""Whether Route 53 considers a record healthy. Pure.

Source: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is configured" and "How health
checks work in complex Amazon Route 53 configurations".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from seawall.errors import InvalidInput
from seawall_ops.dns.checks import HealthCheck, Signal, Verdict, considered
from seawall_ops.dns.records import Alias, Record, Zone, canonical
from seawall_ops.dns.rules import Rule

__all__ = ["Health", "health_of"]

DEEPEST_ALIAS: Final = 16  # aliases from the first record to the last; more is a loop
UNPREDICTABLE: Final = "but it asks for the very name that it decides, and AWS calls that unpredictable"
"""API reference, `ResourceRecordSet`, `HealthCheckId`: such a check follows whichever record is answered."""
BLIND_TARGETS: Final = (".cloudfront.net.", "s3-website", ".execute-api.", ".vpce.amazonaws.com.")
"""Parts of names whose evaluated health does not tell whether an application works (API reference, `AliasTarget`)."""


@dataclass(frozen=True, slots=True)
class Health:
    """What Route 53 knows."""

    checks: Mapping[str, HealthCheck] = field(default_factory=dict[str, HealthCheck])
    """Every health check, by id."""
    signals: Mapping[str, Signal] = field(default_factory=dict[str, Signal])
    """What checks see, by id; an absent one sees health."""
    last_known: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Whether an alarm without data was healthy when it last had some; absent means healthy."""
    unhealthy_targets: frozenset[str] = frozenset()
    """Canonical names of the AWS resources (load balancers) without a healthy target."""


def health_of(record: Record, zone: Zone, health: Health, depth: int = 0) -> Verdict:
    """Whether a record is considered healthy: its check passes, if it has one, and its alias's target is, if evaluated.

    Raises:
        InvalidInput: Its check does not exist, or its alias points at nothing or in a circle.
    """
    checked = None
    if record.health_check_id is not None:
        checked = considered(record.health_check_id, health.checks, health.signals, health.last_known)
        if _asks_itself(record, health.checks):
            checked = replace(checked, because=f"{checked.because}, {UNPREDICTABLE}")
        if not checked.healthy:
            return checked
    if record.alias is None:
        return checked or Verdict(True, Rule.NO_HEALTH_CHECK, "it has no health check")
    if not record.alias.evaluate_target_health:
        return checked or Verdict(True, Rule.TARGET_NOT_EVALUATED, "it does not evaluate its target's health")
    target = _target_health(record, record.alias, zone, health, depth)
    return target if checked is None or not target.healthy else _both(target, checked)


def _asks_itself(record: Record, checks: Mapping[str, HealthCheck]) -> bool:
    """Whether the record's check, or a child of it, looks up the very name whose answer it decides."""
    check = checks[record.health_check_id or ""]
    hosts = {each.host for each in (check, *(checks[child] for child in check.children if child in checks))}
    return canonical(record.name) in hosts


def _both(target: Verdict, checked: Verdict) -> Verdict:
    """Both the check and the target are healthy: the target's verdict, with both reasons."""
    return Verdict(True, target.rule, f"{checked.because}, and {target.because}")


def _target_health(record: Record, alias: Alias, zone: Zone, health: Health, depth: int) -> Verdict:
    name = canonical(alias.name)
    shown = name.rstrip(".")
    if not zone.holds_target(alias):
        if any(part in name for part in BLIND_TARGETS):
            return Verdict(True, Rule.RESOURCE_HAS_NO_HEALTH, f"{shown} counts as healthy by its kind")
        healthy = name not in health.unhealthy_targets
        return Verdict(healthy, Rule.RESOURCE_HEALTH, f"{shown} {'has' if healthy else 'has no'} healthy targets")
    group = zone.find(name, record.type)
    if not group or depth >= DEEPEST_ALIAS:
        raise InvalidInput(f"{record.label} alias", name, allowed=f"a name with {record.type} records in the zone")
    healthy = sum(health_of(each, zone, health, depth + 1).healthy for each in group)
    return Verdict(healthy > 0, Rule.TARGET_HEALTH, f"{healthy} of {len(group)} records of {shown} are healthy")
