"""Alerts of an environment: what the files say, what is declared, and the line that each mistake gets."""

import copy
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from seawall.errors import InvalidInput, SeawallError
from stacks.environment import Environment, parse_environment
from stacks.monitoring import declare_monitoring, plan_monitoring
from stacks.workload import declare_workload, plan_topology

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "seawall:database_password"
MONITORING = "seawall:monitoring"


def file_of(stack: str) -> dict[str, Any]:
    """A committed file, with the secret in the clear."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {**copy.deepcopy(config), PASSWORD: "correct-horse-battery"}


def parsed(config: dict[str, Any], stack: str = "dev") -> Environment:
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=[PASSWORD])


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_files_are_watched_in_every_region(stack: str) -> None:
    """What only one environment uses is never tried before the day that it is needed."""
    config = file_of(stack)
    plans = plan_monitoring(parsed(config, stack))
    assert plans is not None
    assert [plan.object_name for plan in plans.rules] == ["shop-slo", "shop-alerts", "shop-watchdog"]
    for plan in plans.rules:
        assert list(plan.groups) == [region["name"] for region in config["seawall:regions"]]
        assert {reach.namespace for reach in plan.monitoring.clusters.values()} == {"shop"}


def test_an_environment_without_the_section_declares_no_rules() -> None:
    """Whoever has other monitoring keeps it."""
    config = file_of("dev")
    del config[MONITORING]
    assert plan_monitoring(parsed(config)) is None


def test_a_region_without_a_cluster_gets_a_file_only() -> None:
    """A plain Prometheus there loads the same rules."""
    config = file_of("dev")
    del config["seawall:regions"][1]["cluster"]
    plans = plan_monitoring(parsed(config))
    assert plans is not None
    assert list(plans.alerts.monitoring.clusters) == ["ap-northeast-1"]
    assert list(plans.alerts.groups) == ["ap-northeast-1", "us-west-2"]


def test_the_limit_of_the_lag_is_the_recovery_point() -> None:
    """The number stands in the file once."""
    plans = plan_monitoring(parsed(file_of("dev")))
    assert plans is not None
    lag = next(alert for alert in plans.alerts.alerts if alert.name == "ReplicaLag")
    assert lag.expr.endswith("> 60")


class Recorder(mocks.Mocks):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, list[str]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made.setdefault(args.typ.rpartition(":")[2], []).append(args.name)
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:aws:mock:::{args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"rules ask nothing, but {args.token}")


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_each_cluster_has_one_provider_and_three_rules_and_each_is_claimed(stack: str) -> None:
    """What is not claimed is not read back, and each further provider is a process more in every deployment."""
    recorder, outputs, environment = Recorder(), dict[str, Any](), parsed(file_of(stack), stack)
    mocks.set_mocks(recorder, project="seawall", stack=stack, preview=False)

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        options = pulumi.ResourceOptions()
        workload = declare_workload(environment, plan_topology(environment, None), None, options)
        monitoring = declare_monitoring(environment, plan_monitoring(environment), workload, options)
        assert monitoring is not None
        return pulumi.Output.from_input(dict(monitoring.outputs)).apply(outputs.update)

    main()
    clusters = [region.name for region in environment.regions if region.cluster]
    assert len(recorder.made["kubernetes"]) == len(clusters)
    assert len(recorder.made["PrometheusRule"]) == 3 * len(clusters) == len(outputs["monitoring"])
    assert {claim["region"] for claim in outputs["monitoring"]} == set(clusters) == set(outputs["alertmanager"])
    assert {"ServiceDown", "ErrorBudgetFastBurn"} <= {each["alert"] for each in outputs["alert_predictions"]}


BAD: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "a Prometheus that forgets": (
        (MONITORING, "slo", "retention_seconds"),
        1296000,
        (
            "seawall:monitoring.slo.retention_seconds = 1296000.0: at least the period of availability, 2592000, because "
            "what is forgotten counts as good (Prometheus keeps 15 days unless it is told otherwise)"
        ),
    ),
    "an objective that cannot be alerted on": (
        ("seawall:objectives", "availability"),
        0.9,
        (
            "seawall:objectives.availability = 0.9: above 0.9306, because an alert on 0.02 of the budget in 3600 s has burn "
            "rate 14.4, and 14.4 x 0.1 is an error ratio of 1.44: it never fires"
        ),
    ),
    "a runbook for all": (
        (MONITORING, "runbook_url"),
        "http://runbooks.seawall.test/",
        (
            "seawall:monitoring.runbook_url = http://runbooks.seawall.test/: an http or https address with {alert} for the "
            "alert's name"
        ),
    ),
    "no labels for the rule selector": (
        (MONITORING, "rule_selector_labels"),
        {},
        "seawall:monitoring.rule_selector_labels = {}: at least one label",
    ),
    "all may fail": (
        (MONITORING, "alerts"),
        {"error_ratio": 1},
        "seawall:monitoring.alerts.error_ratio = 1.0: a ratio above 0 and below 1",
    ),
    "an address where a file belongs": (
        (MONITORING, "watchdog", "url_file"),
        "https://hc.example.com/x",
        (
            "seawall:monitoring.watchdog.url_file = (hidden): an absolute path, as Alertmanager sees it, because whoever knows "
            "the switch's address can keep it quiet: it must not stand in a state"
        ),
    ),
    "nothing said about silence": (
        (MONITORING, "slo"),
        {"retention_seconds": 2592000},
        "seawall:monitoring.slo.no_data is missing: required",
    ),
    "a misspelled key": (
        (MONITORING, "alerts"),
        {"error_rate": 0.1},
        "seawall:monitoring.alerts.error_rate = 0.1: no such key; did you mean error_ratio?",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_in_the_file_is_one_line_that_names_its_key(case: str) -> None:
    """The name is that of the key in the file, not that of a component's argument."""
    path, value, line = BAD[case]
    config = file_of("dev")
    target: Any = config
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    with pytest.raises(SeawallError) as caught:
        plan_monitoring(parsed(config))
    assert isinstance(caught.value, InvalidInput)
    assert str(caught.value) == line
