"""Dashboards of an environment: what the files say, what is declared, and the line that each mistake gets."""

import time
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from seawall.errors import InvalidInput, SeawallError
from stack_files import file_of, parsed
from stacks.dashboards import declare_shown, plan_shown
from stacks.workload import declare_workload, plan_topology

MONITORING = "seawall:monitoring"
LONGEST_SECONDS = 2.0
"""Of making every dashboard twice, as a preview does, Grafana's library included: it takes some 0.3 s on an idle core."""


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_files_show_the_numbers_that_they_alert_on(stack: str) -> None:
    """A limit that is changed for the alerts is changed for the lines in the charts."""
    config = file_of(stack)
    config[MONITORING]["alerts"] = {"error_ratio": 0.02, "replica_lag_seconds": 7}
    config[MONITORING]["slo"]["period_seconds"] = 28 * 86400
    plan = plan_shown(parsed(config, stack))
    assert plan is not None
    assert (plan.scope.environment, plan.scope.service) == (stack, "shop")
    assert (plan.scope.limits.error_ratio, plan.scope.limits.replica_lag_seconds) == (0.02, 7)
    assert {slo.period_seconds for slo in plan.scope.slos} == {28 * 86400}
    assert plan.scope.region_label == {"dev": None, "prod": "region"}[stack]
    assert set(plan.uids.values()) == {f"shop-{stack}-{key}" for key in plan.files}


@pytest.mark.parametrize("without", ["section", "dashboards"])
def test_an_environment_that_asks_for_none_declares_none(without: str) -> None:
    """Whoever has no Grafana is not given ConfigMaps for one."""
    config = file_of("dev")
    if without == "section":
        del config[MONITORING]
        config.pop("seawall:release", None)  # which is judged by what the section watches
    else:
        del config[MONITORING]["dashboards"]
    assert plan_shown(parsed(config)) is None


class Recorder(mocks.Mocks):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, list[str]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made.setdefault(args.typ.rpartition(":")[2], []).append(args.name)
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:aws:mock:::{args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"dashboards ask nothing, but {args.token}")


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_each_cluster_has_four_and_each_is_claimed_and_nobody_waits_for_them(stack: str) -> None:
    """What is not claimed is not read back; a preview stays within its time."""
    recorder, outputs, environment = Recorder(), dict[str, Any](), parsed(file_of(stack), stack)
    mocks.set_mocks(recorder, project="seawall", stack=stack, preview=False)
    took: list[float] = []

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        options = pulumi.ResourceOptions()
        workload = declare_workload(environment, plan_topology(environment, None), None, options)
        began = time.perf_counter()
        shown = declare_shown(environment, plan_shown(environment), workload, options)
        took.append(time.perf_counter() - began)
        assert shown is not None
        return pulumi.Output.from_input(dict(shown.outputs)).apply(outputs.update)

    main()
    assert took[0] < LONGEST_SECONDS
    clusters = [region.name for region in environment.regions if region.cluster]
    assert len(recorder.made["kubernetes"]) == len(clusters)
    names = [name for name in recorder.made["ConfigMap"] if "-dashboards-" in name]
    assert len(names) == 4 * len(clusters) == len(outputs["dashboards"])
    assert {claim["region"] for claim in outputs["dashboards"]} == set(clusters)
    assert all("Requests that fail" in each["panels"] for each in outputs["dashboards"] if "service" in each["name"])


BAD: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "no labels for the sidecar": (
        (MONITORING, "dashboards", "sidecar_labels"),
        {},
        "seawall:monitoring.dashboards.sidecar_labels = {}: at least one label",
    ),
    "a folder above": (
        (MONITORING, "dashboards", "folder"),
        "../secrets",
        (
            "seawall:monitoring.dashboards.folder = ../secrets: no slash or space at an end, and no .., because the sidecar "
            "makes a path of it"
        ),
    ),
    "a misspelled key": (
        (MONITORING, "dashboards", "sidecar_label"),
        {"grafana_dashboard": "1"},
        "seawall:monitoring.dashboards.sidecar_label = {'grafana_dashboard': '1'}: no such key; did you mean sidecar_labels?",
    ),
    "all may fail": (
        (MONITORING, "alerts"),
        {"error_ratio": 1},
        "seawall:monitoring.alerts.error_ratio = 1.0: a ratio above 0 and below 1",
    ),
    "a period shorter than a window": (
        (MONITORING, "slo", "period_seconds"),
        2 * 86400,
        "seawall:monitoring.slo.period_seconds = 259200.0: at most the period 172800",
    ),
    "an objective that cannot be alerted on": (
        ("seawall:objectives", "availability"),
        0.9,
        (
            "seawall:objectives.availability = 0.9: above 0.9306, because an alert on 0.02 of the budget in 3600 s has burn "
            "rate 14.4, and 14.4 x 0.1 is an error ratio of 1.44: it never fires"
        ),
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
        plan_shown(parsed(config))
    assert isinstance(caught.value, InvalidInput)
    assert str(caught.value) == line
