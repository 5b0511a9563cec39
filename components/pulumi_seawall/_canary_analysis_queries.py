"""What is asked of Prometheus about a canary: the share of bad requests to its pods, and the error budget. Pure.

A canary's pods are new, and so is each of their series: it begins, in its first scrape, with what was counted before. That
first value is no increase to Prometheus, and a status that occurs once per pod and route would never be seen. So what a
series had when it began is added where it began within the window.

A share has no value, and the answer is empty, where there are fewer requests than a look needs, or no bucket at the bound.
"""

from dataclasses import dataclass
from typing import Final

from pulumi_seawall._argo_rollouts import POD_HASH
from pulumi_seawall._promql import bucket_of, count_of, duration, literal, matchers, series, up_to
from pulumi_seawall._rule_groups import Scope
from pulumi_seawall._slo_rules import FAILED, REMAINING, STATUS
from seawall.contract import HTTP_REQUEST_DURATION

CANARY_HASH: Final = "canary-hash"
"""Name of the templates' argument."""
HASH_PLACE: Final = "{{args." + CANARY_HASH + "}}"
ERROR_METRIC: Final = "error-ratio"
SLOW_METRIC: Final = "slow-ratio"
BUDGET_METRIC: Final = "error-budget"
"""Names of metrics in an AnalysisRun: at most 20 characters (argo-rollouts#1637)."""


@dataclass(frozen=True, slots=True)
class CanaryQuery:
    """A question to Prometheus.

    Args:
        template: Name of the AnalysisTemplate.
        metric: Name of its metric.
        expr: PromQL, with a place for the canary's hash.
        series: Names of the series that it reads.
        labels: Names of the labels that it selects by.
    """

    template: str
    metric: str
    expr: str
    series: tuple[str, ...]
    labels: tuple[str, ...]

    def of(self, pod_hash: str) -> str:
        """As Argo asks about pods with this hash."""
        return self.expr.replace(HASH_PLACE, pod_hash)


def error_ratio(template: str, scope: Scope, *, window_seconds: float, minimum_requests: int) -> CanaryQuery:
    """The share of the canary's requests that failed."""
    requests = count_of(HTTP_REQUEST_DURATION)
    failed = _counted(requests, scope, window_seconds, FAILED, first_may_be_missing=True)
    expr = f"{failed} / {_enough(scope, window_seconds, minimum_requests)}"
    return CanaryQuery(template, ERROR_METRIC, expr, (requests,), (*_labels(scope), STATUS))


def slow_ratio(
    template: str, scope: Scope, *, latency_seconds: float, window_seconds: float, minimum_requests: int
) -> CanaryQuery:
    """The share of the canary's requests that took longer than a bucket's bound."""
    buckets = bucket_of(HTTP_REQUEST_DURATION)
    quick = _counted(buckets, scope, window_seconds, up_to(latency_seconds))
    expr = f"1 - {quick} / {_enough(scope, window_seconds, minimum_requests)}"
    return CanaryQuery(template, SLOW_METRIC, expr, (buckets, count_of(HTTP_REQUEST_DURATION)), (*_labels(scope), "le"))


def remaining_budget(template: str, scope: Scope) -> CanaryQuery:
    """The least that is left of the error budgets of the service's SLOs in its region."""
    expr = f"min({series(REMAINING, *matchers(scope.labels))})"
    return CanaryQuery(template, BUDGET_METRIC, expr, (REMAINING,), tuple(sorted(scope.labels)))


def _labels(scope: Scope) -> tuple[str, ...]:
    return (*sorted(scope.selector), POD_HASH)


def _counted(
    metric: str, scope: Scope, window_seconds: float, *conditions: str, first_may_be_missing: bool = False
) -> str:
    """How much counters grew within a window, with what they began with there.

    Args:
        metric: Name of the counters.
        scope: Whose.
        window_seconds: The window.
        conditions: Beyond being the canary's.
        first_may_be_missing: No such series counts as 0, and not as unknown: of what does not happen there is none.
    """
    chosen = series(metric, *scope.matchers, f'{POD_HASH}="{HASH_PLACE}"', *conditions)
    span = duration(window_seconds)
    grown = f"sum(increase({chosen}[{span}]))"
    begun = f"sum(min_over_time({chosen}[{span}]) unless {chosen} offset {span})"
    none = " or vector(0)"
    return f"({f'({grown}{none})' if first_may_be_missing else grown} + ({begun}{none}))"


def _enough(scope: Scope, window_seconds: float, minimum_requests: int) -> str:
    """The canary's requests, where there are as many as it takes to judge."""
    return f"({_counted(count_of(HTTP_REQUEST_DURATION), scope, window_seconds)} >= {literal(minimum_requests)})"
