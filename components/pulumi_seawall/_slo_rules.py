"""Recording rules and multi-window, multi-burn-rate alerts of an SLO. Pure; `seawall.slo` has the numbers.

What is recorded never is NaN: without requests there is no ratio at all, so that no long window is poisoned by a quiet
night. Windows up to `LONGEST_RAW_SECONDS` are computed from the scraped counters; longer ones average what the shortest
window has recorded, requests and bad ones over the same samples: few series instead of every route of every pod.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._alert_timing import firing_terms
from pulumi_seawall._promql import bucket_of, by, count_of, duration, literal, matchers, series, up_to
from pulumi_seawall._rule_groups import Alert, Recording, RuleGroup, Scope
from seawall.contract import HTTP_REQUEST_DURATION, duration_buckets, prometheus_label
from seawall.errors import InvalidInput
from seawall.escalation import AlertLevel
from seawall.slo import AlertSeverity, BurnRateWindow, NoData, Slo

REQUESTS: Final = "seawall_slo:requests:rate"
BAD: Final = "seawall_slo:bad_requests:rate"
RATIO: Final = "seawall_slo:error_ratio:rate"
REMAINING: Final = "seawall_slo:error_budget:remaining_ratio"
"""Names of recorded series; a window follows the first three: `seawall_slo:error_ratio:rate5m`."""

STATUS: Final = prometheus_label("http.response.status_code")
FAILED: Final = f'{STATUS}=~"5.."'
"""A request that failed: an exception that leaves the app is counted as a 500 too."""
LONGEST_RAW_SECONDS: Final = 2 * 3600.0
SAMPLES_IN_A_WINDOW: Final = 4
"""Scrapes that the shortest window must span: a rate takes two, and one or two may be missed."""
NO_DATA_SECONDS: Final = 600.0
"""How long there must be nothing to judge before somebody is told: longer than a release restarts every process."""
SEEN_SECONDS: Final = 3600.0
"""How far back a group of a grouped SLO is remembered once it has vanished."""
LEVELS: Final = {AlertSeverity.PAGE: AlertLevel.SEV1, AlertSeverity.TICKET: AlertLevel.SEV3}
BURN_ALERTS: Final = {AlertSeverity.PAGE: "ErrorBudgetFastBurn", AlertSeverity.TICKET: "ErrorBudgetSlowBurn"}
SPLITS_GOOD_FROM_BAD: Final = (STATUS, prometheus_label("error.type"))
GROUPS: Final = tuple(
    label
    for label in (*HTTP_REQUEST_DURATION.labels, "pod", "instance", "container")
    if label not in SPLITS_GOOD_FROM_BAD
)
"""Labels that an SLO can be grouped by: what the contract's metric has, and what every scrape of pods adds."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """One SLO's rules in the making."""

    slo: Slo
    scope: Scope
    group_by: tuple[str, ...]

    @property
    def labels(self) -> dict[str, str]:
        return {**self.scope.labels, "slo": self.slo.name}

    @property
    def base_seconds(self) -> float:
        """The shortest window."""
        return min(window.short_seconds for window in self.slo.windows)

    @property
    def window_seconds(self) -> tuple[float, ...]:
        """Every window that an alert looks at, the period last."""
        alerting = {s for each in self.slo.windows for s in (each.short_seconds, each.long_seconds)}
        return tuple(sorted({*alerting, self.slo.period_seconds}))

    def recorded(self, name: str, seconds: float | None = None) -> str:
        """Selects what these rules have recorded."""
        return series(f"{name}{'' if seconds is None else duration(seconds)}", *matchers(self.labels))

    def record(self, name: str, expr: str) -> Recording:
        return Recording(name, expr, self.labels)

    def summed(self, metric: str, seconds: float, *conditions: str) -> str:
        chosen = series(metric, *self.scope.matchers, *conditions)
        return f"{by(self.group_by)}(rate({chosen}[{duration(seconds)}]))"

    def requests(self, seconds: float) -> str:
        return self.summed(count_of(HTTP_REQUEST_DURATION), seconds)

    def bad(self, seconds: float) -> str:
        """Requests per second that were bad; 0, with the labels of its group, before the first one is."""
        if self.slo.latency_seconds is not None:
            # Nothing is put in place of a bucket that is missing: its requests are unjudged, not good.
            good = self.summed(bucket_of(HTTP_REQUEST_DURATION), seconds, up_to(self.slo.latency_seconds))
            return f"{self.requests(seconds)} - {good}"
        return f"{self.summed(count_of(HTTP_REQUEST_DURATION), seconds, FAILED)} or 0 * {self.requests(seconds)}"

    def averaged(self, name: str, seconds: float) -> str:
        return f"avg_over_time({self.recorded(name, self.base_seconds)}[{duration(seconds)}])"

    def recordings(self) -> list[Recording]:
        base, rules = self.base_seconds, list[Recording]()
        for seconds in self.window_seconds:
            window = duration(seconds)
            raw = seconds == base or seconds <= LONGEST_RAW_SECONDS
            requests = self.requests(seconds) if raw else self.averaged(REQUESTS, seconds)
            rules.append(self.record(f"{REQUESTS}{window}", requests))
            bad = f"({self.bad(seconds)})"
            if seconds == base:
                rules.append(self.record(f"{BAD}{window}", self.bad(seconds)))
                bad, requests = self.recorded(BAD, base), self.recorded(REQUESTS, base)
            elif not raw:
                bad, requests = self.averaged(BAD, seconds), self.recorded(REQUESTS, seconds)
            rules.append(self.record(f"{RATIO}{window}", f"{bad} / ({requests} > 0)"))
        spent = f"{self.recorded(RATIO, self.slo.period_seconds)} / {literal(self.slo.budget_ratio)}"
        return [*rules, self.record(REMAINING, f"1 - {spent}")]

    def enough(self, seconds: float) -> str:
        """The window has as many requests as it takes to judge."""
        return f"{self.recorded(REQUESTS, seconds)} * {literal(seconds)} >= {self.slo.minimum_requests}"

    def burn(self, window: BurnRateWindow) -> Alert:
        limit = literal(window.threshold_ratio)
        long, short = duration(window.long_seconds), duration(window.short_seconds)
        crossing = window.seconds_to_fire(1.0) or 0.0  # never None: a threshold of 1 or more is refused by the Slo
        return Alert(
            BURN_ALERTS[window.severity],
            f"{self.recorded(RATIO, window.long_seconds)} > {limit}"
            f" and {self.recorded(RATIO, window.short_seconds)} > {limit}"
            f" and {self.enough(window.long_seconds)}",
            LEVELS[window.severity],
            f"{self.slo.name} of {self.scope.service} spends its error budget {literal(window.burn_rate)} times too fast",
            f"{{{{ $value | humanizePercentage }}}} of the requests in {long} were bad (limit {limit}).",
            firing_terms(
                self.scope,
                window_seconds=crossing,
                window_reason=f"bad requests fill {literal(window.threshold_ratio)} of {long} when all are bad",
                rate=True,
            ),
            "every request is bad",
            {"slo": self.slo.name, "long_window": long, "short_window": short},
        )

    def budget_gone(self) -> Alert:
        period = self.slo.period_seconds
        return Alert(
            "ErrorBudgetGone",
            f"{self.recorded(REMAINING)} <= 0 and {self.enough(period)}",
            AlertLevel.SEV2,
            f"{self.slo.name} of {self.scope.service} has no error budget left",
            f"{{{{ $value | humanizePercentage }}}} of the budget of {duration(period)} is left: releases wait.",
            firing_terms(
                self.scope,
                window_seconds=self.slo.budget_ratio * period,
                window_reason="bad requests fill the whole budget when all are bad and there was no other failure",
                rate=True,
            ),
            "every request is bad",
            {"slo": self.slo.name},
        )

    def nothing_to_judge(self) -> Alert | None:
        """What `no_data` says; None for `PASS`."""
        if self.slo.no_data is NoData.PASS:
            return None
        requests = self.recorded(REQUESTS, self.base_seconds)
        cases = [
            f"absent({requests})",
            f"{requests} == 0",
            f"{requests} unless {self.recorded(RATIO, self.base_seconds)}",
        ]
        if self.group_by:
            cases.append(f"0 * max_over_time({requests}[{duration(SEEN_SECONDS)}]) unless {requests}")
        fails = self.slo.no_data is NoData.FAIL
        return Alert(
            "SloWithoutData",
            " or ".join(cases),
            AlertLevel.SEV1 if fails else AlertLevel.SEV3,
            f"{self.slo.name} of {self.scope.service} has nothing to judge",
            f"No requests, no series, or no bucket at the objective: {'silence counts as an outage' if fails else 'nothing is decided'}.",
            firing_terms(
                self.scope,
                window_seconds=self.base_seconds,
                window_reason="the shortest window runs empty",
                for_seconds=NO_DATA_SECONDS,
            ),
            "no request arrives any more",
            {"slo": self.slo.name},
            for_seconds=NO_DATA_SECONDS,
        )

    def alerts(self) -> list[Alert]:
        silent = self.nothing_to_judge()
        return [*map(self.burn, self.slo.windows), self.budget_gone(), *([silent] if silent else [])]


def slo_rules(
    slo: Slo,
    scope: Scope,
    *,
    retention_seconds: float,
    group_by: tuple[str, ...] = (),
    buckets_seconds: Collection[float] | None = None,
) -> RuleGroup:
    """The rules of one SLO.

    Args:
        slo: Availability, or with `latency_seconds` latency.
        scope: The service, and where its rules are evaluated.
        retention_seconds: How long that Prometheus keeps what it recorded.
        group_by: Labels whose values are judged apart, e.g. `http_route`.
        buckets_seconds: Upper bounds that the app exports; by default the runtime's, with one at the SLO's latency.

    Raises:
        InvalidInput: The retention is shorter than the period, the shortest window has too few scrapes, a label cannot
            be grouped by, or no bucket ends at the latency.
    """
    slo.require_retention(retention_seconds)
    rules = _Rules(slo, scope, group_by)
    most = rules.base_seconds / SAMPLES_IN_A_WINDOW
    if scope.scrape_seconds > most:
        raise InvalidInput(
            "monitoring.scrape_interval_seconds",
            scope.scrape_seconds,
            allowed=f"at most {most:g} seconds",
            because=f"the shortest window of {slo.name}, {duration(rules.base_seconds)}, is to span "
            f"{SAMPLES_IN_A_WINDOW} scrapes",
        )
    for place, label in enumerate(group_by):
        if label not in GROUPS or label in group_by[:place]:
            raise InvalidInput(
                f"group_by[{place}]",
                label,
                allowed=f"each once: {', '.join(GROUPS)}",
                because="it tells bad requests from good ones" if label in SPLITS_GOOD_FROM_BAD else None,
            )
    if slo.latency_seconds is not None:
        buckets = duration_buckets(slo.latency_seconds) if buckets_seconds is None else sorted(buckets_seconds)
        if slo.latency_seconds not in buckets:
            raise InvalidInput(
                "monitoring.buckets_seconds",
                ", ".join(map(literal, buckets)),
                allowed=f"with a bound at {literal(slo.latency_seconds)}, the latency of {slo.name}",
                because="between two bounds the share of slow requests is a guess",
            )
    name = f"seawall-slo-{scope.service}-{slo.name}-{scope.region}"
    return RuleGroup(name, (*rules.recordings(), *rules.alerts()), scope)
