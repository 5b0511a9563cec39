"""The analysis of a canary: what is asked of Prometheus, when, and what the answers mean to Argo Rollouts. Pure.

Three templates: the gate asks before a release whether there is error budget left; a step's look, once its pause is over,
lets the next step begin; looks in the background abort at any time, and let nothing pass.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_seawall._canary_analysis_args import CanaryAnalysisArgs, CanaryJudgement
from pulumi_seawall._canary_analysis_looks import (
    BACKGROUND,
    BAD_AT_LIMIT,
    STEP,
    JudgedStep,
    Look,
    needed_rate,
    plan_looks,
    plan_windows,
    require_rate,
)
from pulumi_seawall._canary_analysis_queries import (
    CANARY_HASH,
    ERROR_METRIC,
    CanaryQuery,
    error_ratio,
    remaining_budget,
    slow_ratio,
)
from pulumi_seawall._canary_analysis_templates import (
    abort_conditions,
    budget_conditions,
    metric,
    share_conditions,
    template,
)
from pulumi_seawall._inputs import checked_keys, line, member, number, whole
from pulumi_seawall._monitoring_plan import (
    ERROR_RATIO,
    LATENCY_P95_SECONDS,
    LONGEST_URL,
    MonitoringPlan,
)
from pulumi_seawall._promql import literal
from pulumi_seawall._rule_groups import Scope
from seawall.errors import InvalidInput
from seawall.objectives import Objectives
from seawall.slo import NoData

__all__ = ["AnalysisPlan", "JudgedStep", "plan_analysis"]

CONFIDENCE: Final = 0.95
CONFIDENCES: Final = (0.8, 0.9999)
MOST_REQUESTS: Final = 1_000_000
"""That a look is planned for: enough for one failure in 200 000, and summed in a moment."""
LEAST_RATIO: Final = BAD_AT_LIMIT / MOST_REQUESTS
INTERVAL_SECONDS: Final = 60
INTERVALS_SECONDS: Final = (10, 600)
ARGUMENT: Final = "{{"
"""Where Argo puts arguments in; in a label's value it would look for one."""

BACKGROUND_STARTING_STEP: Final = 2
"""Index of the first pause: the gate is step 0, the first weight step 1."""
ARGUMENTS: Final = ({"name": CANARY_HASH, "valueFrom": {"podTemplateHashValue": "Latest"}},)


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """The analysis of one region's canary.

    Args:
        templates: By name of the AnalysisTemplate, its whole `spec`.
        gate: Name of the template that a release begins with, before any weight.
        step: Name of the template that follows each pause.
        background: Name of the template that runs beside the steps.
        arguments: `args` of the Rollout's references to the templates.
        background_starting_step: Index of the Rollout's step from which the background runs: steps are the gate, then
            weight, pause and look by turns.
        initial_delay_seconds: What the background waits then, so that its window has the canary's requests only.
        queries: What is asked, for tests that hold it against a live app.
        judgement: What the looks can tell.
    """

    templates: Mapping[str, Mapping[str, Any]]
    gate: str
    step: str
    background: str
    arguments: tuple[Mapping[str, Any], ...]
    background_starting_step: int
    initial_delay_seconds: int
    queries: tuple[CanaryQuery, ...]
    judgement: CanaryJudgement


def plan_analysis(
    args: object,
    *,
    name: str,
    monitoring: MonitoringPlan,
    region: str,
    objectives: Objectives,
    steps: Sequence[JudgedStep],
) -> AnalysisPlan:
    """Check the arguments of a canary's analysis, and work out its templates.

    Args:
        args: `CanaryAnalysisArgs`.
        name: The Rollout's: part of the templates' names.
        monitoring: The service, and where it is watched.
        region: Whose Prometheus is asked.
        objectives: What the service promises.
        steps: Those with a pause, in their order; at least one.

    Raises:
        InvalidInput: A value is not allowed, or with these numbers no look could ever decide.
    """
    given = cast("dict[str, Any]", checked_keys("analysis.", args, CanaryAnalysisArgs))
    no_data = member("analysis.no_data", given["no_data"], NoData)
    address = _address(given["prometheus_url"])
    scope = _scope(monitoring, region)
    failed = _error_ratio(given, objectives)
    latency = _latency(given, objectives, monitoring)
    confidence = number("analysis.confidence", given.get("confidence", CONFIDENCE))
    if not CONFIDENCES[0] <= confidence <= CONFIDENCES[1]:
        raise InvalidInput("analysis.confidence", confidence, allowed=f"{CONFIDENCES[0]} to {CONFIDENCES[1]}")
    windows = plan_windows(steps, scrape_seconds=scope.scrape_seconds, interval_seconds=_interval(given, scope))
    minimum = (
        whole("analysis.minimum_requests", given["minimum_requests"], 1, MOST_REQUESTS)
        if "minimum_requests" in given
        else None
    )
    looks = plan_looks(windows, error_ratio=failed, confidence=confidence, minimum_requests=minimum)
    of_step = next(look for look in looks if look.when == STEP)
    if "requests_per_second" in given:
        rate = _rate(given["requests_per_second"])
        require_rate(steps, windows, of_step.minimum_requests, rate)

    gate, step, background = f"{name}-gate", f"{name}-step", f"{name}-background"
    budget = remaining_budget(gate, scope)
    asked = {
        look: _query(step if look.when == STEP else background, scope, look, latency_seconds=latency) for look in looks
    }
    delay = windows.background_seconds
    return AnalysisPlan(
        templates={
            gate: template([metric(budget, address, budget_conditions(above=_budget(given), no_data=no_data))]),
            step: template(
                [
                    metric(
                        query,
                        address,
                        share_conditions(
                            passes_up_to=look.limit_ratio, fails_from=look.aborts_from_ratio, no_data=no_data
                        ),
                    )
                    for look, query in asked.items()
                    if look.when == STEP
                ]
            ),
            background: template(
                [
                    metric(
                        query,
                        address,
                        abort_conditions(fails_from=look.aborts_from_ratio),
                        interval_seconds=windows.interval_seconds,
                        initial_delay_seconds=delay,
                    )
                    for look, query in asked.items()
                    if look.when == BACKGROUND
                ]
            ),
        },
        gate=gate,
        step=step,
        background=background,
        arguments=ARGUMENTS,
        background_starting_step=BACKGROUND_STARTING_STEP,
        initial_delay_seconds=math.ceil(delay),
        queries=(budget, *asked.values()),
        judgement={
            "confidence": confidence,
            "no_data": no_data.value,
            "step_looks": windows.step_looks,
            "background_looks": windows.background_looks,
            "false_abort_ratio": math.fsum(
                look.false_abort_ratio * (windows.step_looks if look.when == STEP else windows.background_looks)
                for look in looks
            ),
            "needed_requests_per_second": needed_rate(steps, windows, of_step.minimum_requests),
            "looks": [look.as_dict() for look in looks],
        },
    )


def _query(template_name: str, scope: Scope, look: Look, *, latency_seconds: float) -> CanaryQuery:
    if look.metric == ERROR_METRIC:
        return error_ratio(
            template_name, scope, window_seconds=look.window_seconds, minimum_requests=look.minimum_requests
        )
    return slow_ratio(
        template_name,
        scope,
        latency_seconds=latency_seconds,
        window_seconds=look.window_seconds,
        minimum_requests=look.minimum_requests,
    )


def _address(value: object) -> str:
    """Prometheus' address, without anything secret in it."""
    name = "analysis.prometheus_url"
    url = line(name, value, LONGEST_URL)
    if re.match(r"[a-z]+://[^/]*@", url) or "?" in url:
        raise InvalidInput(
            name,
            "(hidden)",
            allowed="without user, password and parameters",
            because="it stands in the AnalysisTemplate for everybody in the cluster to read",
        )
    if not re.fullmatch(r"https?://[^/\s@{}]+(/[^\s{}]*)?", url):
        raise InvalidInput(
            name, url, allowed="an http or https address, e.g. http://prometheus-operated.monitoring:9090"
        )
    return url


def _scope(monitoring: MonitoringPlan, region: str) -> Scope:
    """What the queries are about; its labels' values hold nothing that Argo would take for an argument."""
    scope = monitoring.scope(region)
    for label, value in scope.selector.items():
        if ARGUMENT in value:
            raise InvalidInput(
                f"monitoring.selector[{label}]", value, allowed="without {{", because="Argo puts arguments in there"
            )
    return scope


def _error_ratio(given: Mapping[str, Any], objectives: Objectives) -> float:
    most = objectives.error_rate
    value = number("analysis.error_ratio", given.get("error_ratio", min(ERROR_RATIO, most)))
    if not 0 < value <= most:
        raise InvalidInput(
            "analysis.error_ratio",
            value,
            allowed=f"above 0 and at most {literal(most)}",
            because=f"objectives.error_rate = {literal(most)} stops a release",
        )
    if value < LEAST_RATIO:
        raise InvalidInput(
            "analysis.error_ratio",
            value,
            allowed=f"at least {literal(LEAST_RATIO)}",
            because=f"of {MOST_REQUESTS} requests, the most that one look judges, too few fail to tell",
        )
    return value


def _latency(given: Mapping[str, Any], objectives: Objectives, monitoring: MonitoringPlan) -> float:
    """The bound of a bucket: between two bounds the share of slow requests is a guess."""
    name, most = "analysis.latency_p95_seconds", objectives.latency_p95_seconds
    value = float(number(name, given.get("latency_p95_seconds", min(LATENCY_P95_SECONDS, most))))
    if not 0 < value <= most:
        raise InvalidInput(
            name,
            value,
            allowed=f"above 0 and at most {literal(most)} seconds",
            because=f"a slower release breaks objectives.latency_p95_seconds = {literal(most)}",
        )
    buckets = monitoring.buckets(objectives)
    if value not in buckets:
        raise InvalidInput(
            name,
            value,
            allowed=f"a bound of the app's buckets: {', '.join(map(literal, buckets))}",
            because="between two bounds the share of slow requests is a guess",
        )
    return value


def _interval(given: Mapping[str, Any], scope: Scope) -> int:
    name = "analysis.interval_seconds"
    interval = whole(name, given.get("interval_seconds", INTERVAL_SECONDS), *INTERVALS_SECONDS, "seconds")
    if interval < scope.scrape_seconds:
        raise InvalidInput(
            name,
            interval,
            allowed=f"at least {literal(scope.scrape_seconds)} seconds",
            because=f"monitoring.scrape_interval_seconds = {literal(scope.scrape_seconds)} brings nothing new in between",
        )
    return interval


def _budget(given: Mapping[str, Any]) -> float:
    name = "analysis.minimum_error_budget_ratio"
    share = number(name, given.get("minimum_error_budget_ratio", 0.0))
    if not 0 <= share < 1:
        raise InvalidInput(
            name, share, allowed="0 to below 1", because="of a whole budget nothing may be missing, ever"
        )
    return share


def _rate(value: object) -> float:
    rate = number("analysis.requests_per_second", value)
    if not 0 < rate < math.inf:
        raise InvalidInput("analysis.requests_per_second", rate, allowed="above 0")
    return rate
