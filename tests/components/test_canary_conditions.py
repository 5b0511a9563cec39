"""What each answer of Prometheus means to Argo: a table that always holds, and the same by Argo Rollouts' own code."""

import json
import math
import subprocess
from typing import Any, NamedTuple

import pytest

from canary_samples import metrics_of, planned
from seawall.slo import NoData

NAN = math.nan
PASSED, WAITS, FAILED = "Successful", "Inconclusive", "Failed"
OF_NOTHING = {NoData.PASS: PASSED, NoData.PAUSE: WAITS, NoData.FAIL: FAILED}


class Answer(NamedTuple):
    """A metric, what Prometheus says, and what follows."""

    template: str
    metric: str
    no_data: NoData
    result: tuple[float, ...]
    phase: str


def answers() -> list[Answer]:
    """Every kind of answer to every metric, for each choice about no data; limits are 5 %, proof 13 % (20 % behind)."""
    found: list[Answer] = []
    for no_data, nothing in OF_NOTHING.items():
        for metric in ("error-ratio", "slow-ratio"):
            for result, step, background in (
                ((), nothing, PASSED),
                ((NAN,), nothing, PASSED),
                ((0.0,), PASSED, PASSED),
                ((0.05,), PASSED, PASSED),
                ((0.050001,), WAITS, PASSED),
                ((0.129999,), WAITS, PASSED),
                ((0.13,), FAILED, PASSED),
                ((0.199999,), FAILED, PASSED),
                ((0.2,), FAILED, FAILED),
                ((1.0,), FAILED, FAILED),
            ):
                found.append(Answer("shop-step", metric, no_data, result, step))
                found.append(Answer("shop-background", metric, no_data, result, background))
        for result, phase in (
            ((), nothing),
            ((NAN,), nothing),
            ((1.0,), PASSED),
            ((0.100001,), PASSED),
            ((0.1,), WAITS),
            ((0.0,), WAITS),
            ((-3.5,), WAITS),
            ((-math.inf,), WAITS),
        ):
            found.append(Answer("shop-gate", "error-budget", no_data, result, phase))
    return found


def metric_of(answer: Answer) -> dict[str, Any]:
    """The metric as it is declared."""
    plan = planned(no_data=answer.no_data, minimum_error_budget_ratio=0.1)
    return metrics_of(plan, answer.template)[answer.metric]


def holds(condition: str, result: tuple[float, ...]) -> bool:
    """A condition on a result; Python's words for the few of expr-lang that are used."""
    text = condition.replace("&&", "and").replace("||", "or").replace("!isNaN", "not isNaN").replace("false", "False")
    known = {"result": result, "len": len, "isNaN": math.isnan, "__builtins__": {}}
    return bool(eval(text, known))  # noqa: S307 - our own conditions


def phase_of(metric: dict[str, Any], result: tuple[float, ...]) -> str:
    """As Argo decides: failure counts first, and neither is inconclusive."""
    passes, fails = holds(metric["successCondition"], result), holds(metric["failureCondition"], result)
    return FAILED if fails else PASSED if passes else WAITS


@pytest.mark.parametrize("answer", answers(), ids=str)
def test_each_answer_means_what_it_should(answer):
    """No data is what was chosen for it, doubt waits for people, and only proof aborts."""
    metric = metric_of(answer)
    assert phase_of(metric, answer.result) == answer.phase
    both = [holds(metric[f"{kind}Condition"], answer.result) for kind in ("success", "failure")]
    assert both != [True, True]


def vector(result: tuple[float, ...]) -> dict[str, Any]:
    """What Prometheus answers, as its API writes it."""
    names = {math.inf: "+Inf", -math.inf: "-Inf"}
    values = ["NaN" if math.isnan(value) else names.get(value, repr(value)) for value in result]
    return {"resultType": "vector", "result": [{"metric": {}, "value": [0, value]} for value in values]}


def judged(program, questions: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What Argo's own provider makes of each."""
    asked = "\n".join(map(json.dumps, questions))
    done = subprocess.run([str(program), "judge"], input=asked, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_argo_itself_judges_each_answer_so(argocheck):
    """Argo Rollouts 1.10: its client of Prometheus, its reading of the answer, its evaluation of both conditions."""
    table = answers()
    found = judged(argocheck, [{"metric": metric_of(answer), "data": vector(answer.result)} for answer in table])
    assert [verdict["phase"] for verdict in found] == [answer.phase for answer in table]
    assert {verdict["message"] for verdict in found} == {""}


def test_an_unguarded_condition_would_be_an_error_without_data(argocheck):
    """What the guards are for (argo-rollouts#1466): an error aborts, whatever was chosen for no data."""
    metric = metric_of(answers()[0])
    bare = {**metric, "successCondition": "result[0] <= 0.05", "failureCondition": "result[0] >= 0.13"}
    (verdict,) = judged(argocheck, [{"metric": bare, "data": vector(())}])
    assert verdict["phase"] == "Error"
    assert "no data returned from the metric provider" in verdict["message"]


def test_a_prometheus_that_is_out_of_order_is_an_error_and_no_verdict(argocheck):
    """It has a budget of its own: a dozen questions in a row."""
    for template in ("shop-gate", "shop-step", "shop-background"):
        plan = planned(no_data=NoData.PASS)
        for metric in metrics_of(plan, template).values():
            (verdict,) = judged(argocheck, [{"metric": metric, "data": None}])
            assert verdict["phase"] == "Error"
