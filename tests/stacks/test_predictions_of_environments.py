"""What each committed environment may expect of its failures: every figure with its terms, and every warning."""

import json
import os
from pathlib import Path

import pytest
import yaml

from seawall.timing import FailureClass, Measure, prediction_table, slowest_of_each
from seawall.timing import Path as Requests
from stacks.data import plan_data
from stacks.edge import plan_edge
from stacks.environment import Environment, parse_environment
from stacks.recovery import plan_recovery

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
PASSWORD = "seawall:database_password"


def environment(stack: str) -> Environment:
    """The committed file, with a password that is made up."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    given = {**config, PASSWORD: "correct-horse-battery"}
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    return parse_environment(text, stack=stack, secrets=(PASSWORD,))


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_predictions_of_an_environment_are_the_golden_table(stack, pulumi_loop):
    """A changed number of a committed environment is seen in review; rewritten with `SEAWALL_UPDATE_GOLDEN=1`."""
    environment_ = environment(stack)
    edge, data = plan_edge(environment_), plan_data(environment_)
    recovery = plan_recovery(environment_, data)
    assert data is not None
    assert recovery is not None
    predictions = slowest_of_each(edge.predictions, data.predictions, recovery.predictions)
    warnings = [f"- {warning}" for warning in (*edge.warnings, *data.warnings, *recovery.warnings)]
    shown = "\n".join([prediction_table(predictions), "Warnings:", "", *warnings]) + "\n"
    golden = GOLDEN / f"predictions_{stack}.md"
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_failure_of_a_committed_environment_is_predicted_or_warned_of(stack, pulumi_loop):
    """No failure is left out of the table in silence, and no assumption out of the warnings."""
    environment_ = environment(stack)
    edge, data = plan_edge(environment_), plan_data(environment_)
    recovery = plan_recovery(environment_, data)
    assert data is not None
    assert recovery is not None
    predictions = [*edge.predictions, *data.predictions, *recovery.predictions]
    known = {(each.failure_class, each.path) for each in predictions if each.measure is Measure.RECOVERY_TIME}
    warned = {warning.key for warning in data.warnings}
    for failure_class in FailureClass:
        for path in Requests:
            if (failure_class, path) not in known and failure_class is not FailureClass.ENDPOINT:
                assert f"uncovered/{failure_class.value}/{path.value}" in warned
    assumed = {f"{each.key}/assumed" for each in (*edge.predictions, *data.predictions) if each.assumed}
    assert assumed <= {warning.key for warning in (*edge.warnings, *data.warnings)}
    for each in recovery.predictions:
        case = f"({each.failure_class.value} failure, {each.path.value}) only if the assumed terms hold"
        assert any(each.measure.value in line and case in line for line in recovery.warnings)
