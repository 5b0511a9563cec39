"""One failure for each alert, from one moment on: how soon does it fire?"""

from dataclasses import dataclass, field
from typing import Final

from alert_lives import (
    BACKUPS,
    BREAKER,
    BUDGET,
    CHANGES,
    DB,
    ENDPOINTS,
    FAST,
    LAG,
    LOST,
    MINUTES,
    NEWEST,
    OTHER,
    PAUSING,
    PAY,
    PRIMARY,
    RELEASES,
    SLOW,
    STATE,
    TO,
    UP,
    gauges,
    rollout,
)
from pulumi_seawall._rule_groups import Alert, RuleGroup
from pulumi_seawall._service_alerts import service_rules
from pulumi_seawall._watchdog_rules import watchdog_rules
from rule_samples import LIMITS, SCRAPE, buckets, counter, gauge, requests, scope

WELL: Final = 20 * MINUTES
"""Samples before the failure."""
AFTER: Final = 4 * 60 * MINUTES
"""Samples after its begin."""
BEGINS: Final = WELL * SCRAPE
"""Second of the first sample that shows it; it began at most a scrape before."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Series of an alert's own failure, as its prediction has it."""

    alert: str
    series: dict[str, str]
    rules: RuleGroup = field(default_factory=lambda: service_rules(scope(), LIMITS))
    rising: str = ""
    """A label that tells the alert from others of its name."""

    @property
    def predicted(self) -> Alert:
        """The alert, with its terms."""
        return next(
            alert
            for alert in self.rules.alerts
            if alert.name == self.alert and self.rising in ("", alert.labels.get("long_window"))
        )


def _turns(before: float, after: float) -> str:
    return gauge((before, WELL), (after, AFTER))


ALL_FAIL = requests(counter((100, WELL), (0, AFTER)), counter((0, WELL), (100, AFTER)))
FAILURES = [
    Failure(alert="HighErrorRate", series=ALL_FAIL),
    Failure(alert="ErrorBudgetFastBurn", series=ALL_FAIL, rules=FAST, rising="1h"),
    Failure(alert="ErrorBudgetFastBurn", series=ALL_FAIL, rules=FAST, rising="6h"),
    Failure(alert="ErrorBudgetSlowBurn", series=ALL_FAIL, rules=SLOW),
    Failure(alert="ErrorBudgetGone", series=ALL_FAIL, rules=BUDGET),
    Failure(alert="SloWithoutData", series=requests(counter((100, WELL), (0, AFTER))), rules=PAUSING),
    Failure(
        alert="HighLatency",
        series=buckets(counter((100, WELL + AFTER)), fast=counter((100, WELL), (0, AFTER)), bound="1.0"),
    ),
    Failure(alert="ServiceDown", series={UP: _turns(1, 0)}),
    Failure(alert="BreakerOpen", series=gauges(BREAKER, PAY, ("open", _turns(0, 1)))),
    Failure(alert="EndpointEjected", series=gauges(ENDPOINTS, TO, ("ejected", _turns(0, 1)))),
    Failure(alert="NoHealthyEndpoint", series=gauges(ENDPOINTS, TO, ("available", _turns(2, 0)))),
    Failure(alert="ReplicaLag", series={LAG: _turns(1, 300)}),
    Failure(alert="ReplicaUnfit", series=gauges(STATE, OTHER, ("unknown", _turns(0, 1)))),
    Failure(alert="NoWriter", series=gauges(STATE, PRIMARY, ("writer", _turns(1, 0)))),
    Failure(
        alert="TwoWriters",
        series={
            **gauges(STATE, PRIMARY, ("writer", gauge((1, WELL + AFTER)))),
            **gauges(STATE, f'{DB},server="us"', ("stray", _turns(0, 1))),
        },
    ),
    Failure(alert="LostWrites", series={LOST: counter((0, WELL - 1), (1, 1), (0, AFTER))}),
    Failure(alert="FailoverHappened", series={CHANGES: counter((0, WELL - 1), (1, 1), (0, AFTER))}),
    Failure(
        alert="CanaryAborted",
        series={rollout("Abort"): gauge(("_", WELL), (1, AFTER))},
        rules=RELEASES,
    ),
    Failure(
        alert="CanaryUnwatched",
        series={rollout("Completed"): f"{gauge((1, WELL))} stale {gauge(('_', AFTER - 1))}"},
        rules=RELEASES,
    ),
    Failure(
        alert="BackupMissing",
        series={NEWEST: counter((SCRAPE, WELL), (0, AFTER))},
        rules=BACKUPS,
    ),
    Failure(alert="Watchdog", series={UP: _turns(0, 1)}, rules=watchdog_rules(scope())),
]
