"""AnalysisTemplates of Argo Rollouts: conditions that cannot trip over an empty answer, and limits that are all stated. Pure.

Source: Argo Rollouts v1.10, `utils/evaluate` and `analysis`: `result` is a list of numbers, empty where Prometheus has no
series; a measurement that fulfils the failure condition failed, one that fulfils neither is inconclusive, and a condition
that cannot be evaluated is an error. An inconclusive run pauses the Rollout, a failed or erroneous one aborts it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_seawall._canary_analysis_queries import CANARY_HASH, HASH_PLACE, CanaryQuery
from pulumi_seawall._promql import literal
from seawall.slo import NoData

SOMETHING: Final = "len(result) > 0 && !isNaN(result[0])"
NOTHING: Final = "len(result) == 0 || isNaN(result[0])"
NEVER: Final = "false"
ERRORS_IN_A_ROW: Final = 11
"""Questions that may go unanswered one after another. Argo asks again after 10 s, so a Prometheus that restarts has two
minutes; the twelfth aborts the release."""
QUERY_SECONDS: Final = 10
"""For one answer."""
LONGEST_RECORD: Final = 100
"""Measurements of a metric that an AnalysisRun keeps: Argo's own limit of 10 forgets how a release went."""


def conditions(passes: str, fails: str, no_data: NoData) -> dict[str, str]:
    """Both conditions of a metric.

    Args:
        passes: Of a value `result[0]` that is there: good enough.
        fails: Of such a value: not good enough. Where neither holds, people decide.
        no_data: What it means that there is none.
    """
    success, failure = f"{SOMETHING} && {passes}", f"{SOMETHING} && {fails}"
    if no_data is NoData.PASS:
        success = f"{NOTHING} || {passes}"
    elif no_data is NoData.FAIL:
        failure = f"{NOTHING} || {fails}"
    return {"successCondition": success, "failureCondition": failure}


def share_conditions(*, passes_up_to: float, fails_from: float, no_data: NoData) -> dict[str, str]:
    """Conditions on a share of bad requests, with room for doubt between both bounds."""
    return conditions(f"result[0] <= {literal(passes_up_to)}", f"result[0] >= {literal(fails_from)}", no_data)


def abort_conditions(*, fails_from: float) -> dict[str, str]:
    """Conditions that abort and decide nothing else: what has too few requests yet goes on to its step's look."""
    bound = literal(fails_from)
    return conditions(f"result[0] < {bound}", f"result[0] >= {bound}", NoData.PASS)


def budget_conditions(*, above: float, no_data: NoData) -> dict[str, str]:
    """Conditions on the error budget. One that is gone never aborts: the release may be the remedy, and people decide."""
    return conditions(f"result[0] > {literal(above)}", NEVER, no_data)


def metric(
    query: CanaryQuery,
    address: str,
    given: Mapping[str, str],
    *,
    interval_seconds: float | None = None,
    initial_delay_seconds: float | None = None,
) -> dict[str, Any]:
    """A metric of a template: measured once, or without an end where it has an interval."""
    times = {
        key: f"{round(seconds)}s"  # Go's durations know no days
        for key, seconds in (("interval", interval_seconds), ("initialDelay", initial_delay_seconds))
        if seconds is not None
    }
    return {
        "name": query.metric,
        **times,
        **({} if interval_seconds is not None else {"count": 1}),
        **given,
        "failureLimit": 0,
        "inconclusiveLimit": 0,
        "consecutiveErrorLimit": ERRORS_IN_A_ROW,
        "provider": {"prometheus": {"address": address, "query": query.expr, "timeout": QUERY_SECONDS}},
    }


def template(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The `spec` of an AnalysisTemplate. Argo refuses an argument that nothing gives, and overlooks one too many."""
    asks = any(HASH_PLACE in each["provider"]["prometheus"]["query"] for each in metrics)
    return {
        **({"args": [{"name": CANARY_HASH}]} if asks else {}),
        "metrics": [dict(each) for each in metrics],
        "measurementRetention": [{"metricName": each["name"], "limit": LONGEST_RECORD} for each in metrics],
    }
