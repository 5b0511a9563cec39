"""Alerts on releases and on backups: what the service's own series do not show. Pure.

Releases are what Argo Rollouts' controller shows; backups are what `seawall backups` writes for Prometheus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._alert_timing import firing_terms
from pulumi_seawall._argo_rollouts import ENDED, NAME, NAMESPACES, PHASE, ROLLOUT_INFO
from pulumi_seawall._promql import duration, literal, matchers, series
from pulumi_seawall._rule_groups import Alert, RuleGroup, Scope
from pulumi_seawall._service_alerts import KEEP_SECONDS, MINUTE, flap_seconds
from seawall.contract import BACKUP_NEWEST, BackupKind
from seawall.escalation import AlertLevel

UNWATCHED_SECONDS: Final = 10 * MINUTE  # a controller's restart or upgrade takes less
PUBLISHED_EVERY_SECONDS: Final = 5 * MINUTE  # how often `seawall backups` is to be run
BACKUP_FOR_SECONDS: Final = 3 * PUBLISHED_EVERY_SECONDS  # one run may fail, and one may be late


@dataclass(frozen=True, slots=True)
class WatchedRollout:
    """A Rollout whose releases are watched.

    Args:
        name: Its name.
        namespace: Its namespace.
    """

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class WatchedBackup:
    """Backups whose age is watched, by the Prometheus of the region that they are in.

    Args:
        region: Where they are.
        source: What is backed up, as `seawall.contract.backup_source` has it.
        kind: What they are.
        limit_seconds: How old the newest may be.
    """

    region: str
    source: str
    kind: BackupKind
    limit_seconds: float


def release_rules(scope: Scope, rollouts: Sequence[WatchedRollout]) -> RuleGroup:
    """Alerts on Rollouts: an alert of each kind for each of them."""
    alerts = [alert for rollout in rollouts for alert in (_aborted(scope, rollout), _unwatched(scope, rollout))]
    return RuleGroup(f"seawall-releases-{scope.service}-{scope.region}", tuple(alerts), scope)


def backup_rules(scope: Scope, backups: Sequence[WatchedBackup]) -> RuleGroup:
    """Alerts on backups that do not come: one for each source and kind."""
    alerts = tuple(_missing(scope, backup) for backup in backups)
    return RuleGroup(f"seawall-backups-{scope.service}-{scope.region}", alerts, scope)


def _infos(rollout: WatchedRollout, *conditions: str) -> tuple[str, ...]:
    """The Rollout's series, under either of the names that a scrape gives to its namespace."""
    return tuple(
        series(ROLLOUT_INFO, *matchers({NAME: rollout.name, label: rollout.namespace}), *conditions)
        for label in NAMESPACES
    )


def _aborted(scope: Scope, rollout: WatchedRollout) -> Alert:
    span, ended = duration(flap_seconds(scope)), f'{PHASE}=~"{"|".join(ENDED)}"'
    lately = " or ".join(f"max_over_time({info}[{span}])" for info in _infos(rollout, ended))
    return Alert(
        "CanaryAborted",
        f"max by ({NAME}, {PHASE}) ({lately}) > 0",
        AlertLevel.SEV3,
        f"A release of {scope.service} was aborted, or does not go on",
        "Rollout {{ $labels.name }} is or was in phase {{ $labels.phase }}: the version before it serves.",
        firing_terms(scope, for_seconds=MINUTE),
        "a release is aborted",
        {"rollout": rollout.name},
        for_seconds=MINUTE,
        keep_firing_seconds=KEEP_SECONDS,
    )


def _unwatched(scope: Scope, rollout: WatchedRollout) -> Alert:
    either = " or ".join(_infos(rollout))
    return Alert(
        "CanaryUnwatched",
        f"absent({either})",
        AlertLevel.SEV3,
        f"Nobody would notice that a release of {scope.service} is aborted",
        f"Prometheus has no {ROLLOUT_INFO} of Rollout {rollout.name}: it is gone, or its controller is not scraped.",
        firing_terms(scope, for_seconds=UNWATCHED_SECONDS),
        "the controller is not scraped any more",
        {"rollout": rollout.name},
        for_seconds=UNWATCHED_SECONDS,
    )


def _missing(scope: Scope, backup: WatchedBackup) -> Alert:
    labels = {"source": backup.source, "kind": backup.kind.value}
    newest, limit = series(BACKUP_NEWEST.prometheus, *matchers(labels)), literal(backup.limit_seconds)
    return Alert(
        "BackupMissing",
        f"time() - max by (source, kind) ({newest}) > {limit} or absent({newest})",
        AlertLevel.SEV2,
        f"No recent backup of {scope.service}",
        # Values differ: a time in seconds, or the 1 of `absent`.
        f"{{{{ if eq $value 1.0 }}}}Nobody says how old the newest {backup.kind.value} of {backup.source} is"
        f"{{{{ else }}}}The newest {backup.kind.value} of {backup.source} is {{{{ $value | humanizeDuration }}}} old"
        f"{{{{ end }}}} (limit {limit} s).",
        firing_terms(
            scope,
            window_seconds=backup.limit_seconds,
            window_reason="how old the newest may be",
            for_seconds=BACKUP_FOR_SECONDS,
        ),
        "no backup is made any more",
        {"source": backup.source, "kind": backup.kind.value},
        for_seconds=BACKUP_FOR_SECONDS,
    )
