"""Rules as tests use them, and the series that promtool is shown: a sample every `SCRAPE` seconds."""

from typing import Any

from pulumi_seawall._release_alerts import WatchedBackup, WatchedRollout, backup_rules, release_rules
from pulumi_seawall._rule_groups import RuleGroup, Scope
from pulumi_seawall._service_alerts import Limits, service_rules
from pulumi_seawall._slo_rules import slo_rules
from pulumi_seawall._watchdog_rules import watchdog_rules
from seawall.contract import BackupKind
from seawall.slo import NoData, Slo

SCRAPE, EVALUATION = 15, 30  # seconds
RUNBOOKS = "https://runbooks.example.com/{alert}"
LIMITS = Limits(error_ratio=0.05, latency_p95_seconds=1.0, replica_lag_seconds=60, minimum_requests=10)
BACKUP = WatchedBackup("eu-west-1", "db:shop", BackupKind.RECOVERY_POINT, 1200.0)
"""Short enough to live through: twenty minutes."""
ROLLOUT = WatchedRollout("shop", "shop")
RETENTION = 31 * 86400.0  # seconds


def scope(**changes: Any) -> Scope:
    """The shop in one region."""
    values: dict[str, Any] = {
        "service": "shop",
        "selector": {"job": "shop"},
        "region": "eu-west-1",
        "namespace": "shop",
        "runbook_url": RUNBOOKS,
        "scrape_seconds": SCRAPE,
        "evaluation_seconds": EVALUATION,
    }
    return Scope(**{**values, **changes})


def availability(**changes: Any) -> Slo:
    """99.9 % within 30 days."""
    values: dict[str, Any] = {
        "name": "availability",
        "objective": 0.999,
        "no_data": NoData.FAIL,
        "minimum_requests": 30,
    }
    return Slo(**{**values, **changes})


def latency(**changes: Any) -> Slo:
    """95 % within half a second."""
    return availability(**{"name": "latency", "objective": 0.95, "latency_seconds": 0.5, **changes})


def availability_rules(group_by: tuple[str, ...] = (), where: Scope | None = None, **changes: Any) -> RuleGroup:
    """Rules of `availability`."""
    return slo_rules(availability(**changes), where or scope(), retention_seconds=RETENTION, group_by=group_by)


def latency_rules(**changes: Any) -> RuleGroup:
    """Rules of `latency`."""
    return slo_rules(latency(**changes), scope(), retention_seconds=RETENTION)


def every_group() -> list[RuleGroup]:
    """One of each kind, and the grouped variant."""
    return [
        availability_rules(),
        availability_rules(("http_route",), name="routes"),
        latency_rules(no_data=NoData.PAUSE),
        service_rules(scope(), LIMITS),
        watchdog_rules(scope()),
        release_rules(scope(), [ROLLOUT]),
        backup_rules(scope(), [BACKUP]),
    ]


def counter(*pieces: tuple[float, int]) -> str:
    """A counter that grows by so much per sample for so many samples, and so on."""
    total, parts = 0.0, []
    for step, samples in pieces:
        parts.append(f"{total:g}+{step:g}x{samples - 1}")
        total += step * samples
    return " ".join(parts)


def gauge(*pieces: tuple[float | str, int]) -> str:
    """A gauge that is so much for so many samples, and so on; `_` is a scrape that brings nothing."""
    return " ".join(f"_x{samples}" if value == "_" else f"{value}x{samples - 1}" for value, samples in pieces)


def requests(ok: str, failed: str = "", **labels: str) -> dict[str, str]:
    """Series of the requests' histogram: answered well within a bucket of 0.1 s, or failed."""
    more = "".join(f',{name}="{value}"' for name, value in sorted(labels.items()))
    name, common = "http_server_request_duration_seconds", f'job="shop",instance="a"{more}'
    series = {f'{name}_count{{{common},http_response_status_code="200"}}': ok}
    if failed:
        series[f'{name}_count{{{common},http_response_status_code="500"}}'] = failed
    return series


def buckets(total: str, *, fast: str, bound: str = "0.5") -> dict[str, str]:
    """Series of the histogram: requests within a bound, and the others within 2.5 s."""
    name, common = "http_server_request_duration_seconds", 'job="shop",instance="a",http_response_status_code="200"'
    return {
        f"{name}_count{{{common}}}": total,
        f'{name}_bucket{{{common},le="{bound}"}}': fast,
        f'{name}_bucket{{{common},le="2.5"}}': total,
        f'{name}_bucket{{{common},le="+Inf"}}': total,
    }
