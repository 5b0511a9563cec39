"""Alerts of an environment: what the files say, what is declared, and the line that each mistake gets."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from seawall.errors import InvalidInput, SeawallError
from stack_files import file_of, parsed
from stacks.data import plan_data
from stacks.monitoring import MonitoringPlans, declare_monitoring, plan_monitoring
from stacks.recovery import plan_recovery
from stacks.workload import declare_workload, plan_topology

MONITORING = "seawall:monitoring"
pytestmark = pytest.mark.usefixtures("pulumi_loop")


def planned(config: dict[str, Any], stack: str = "dev") -> MonitoringPlans | None:
    """What the program would check."""
    environment = parsed(config, stack)
    return plan_monitoring(environment, plan_recovery(environment, plan_data(environment)))


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_files_are_watched_in_every_region(stack: str) -> None:
    """What only one environment uses is never tried before the day that it is needed."""
    config = file_of(stack)
    plans = planned(config, stack)
    assert plans is not None
    assert [plan.object_name for plan in plans.rules] == ["shop-slo", "shop-alerts", "shop-watchdog"]
    for plan in plans.rules:
        assert list(plan.groups) == [region["name"] for region in config["seawall:regions"]]
        assert {reach.namespace for reach in plan.monitoring.clusters.values()} == {"shop"}


def test_an_environment_without_the_section_declares_no_rules() -> None:
    """Whoever has other monitoring keeps it."""
    config = file_of("dev")
    del config[MONITORING]
    assert planned(config) is None


def test_a_region_without_a_cluster_gets_a_file_only() -> None:
    """A plain Prometheus there loads the same rules."""
    config = file_of("dev")
    del config["seawall:regions"][1]["cluster"]
    plans = planned(config)
    assert plans is not None
    assert list(plans.alerts.monitoring.clusters) == ["ap-northeast-1"]
    assert list(plans.alerts.groups) == ["ap-northeast-1", "us-west-2"]


def test_the_limit_of_the_lag_is_the_recovery_point() -> None:
    """The number stands in the file once."""
    plans = planned(file_of("dev"))
    assert plans is not None
    lag = next(alert for alert in plans.alerts.alerts if alert.name == "ReplicaLag")
    assert lag.expr.endswith("> 60")


HOUR = 3600


@pytest.mark.parametrize(
    ("stack", "watched"),
    [
        (
            "dev",
            {
                ("ap-northeast-1", "recovery_point"): (24 + 1 + 1) * HOUR,  # a day, the start window, the backup
                ("us-west-2", "replicated"): 1800,
            },
        ),
        (
            "prod",
            {
                ("eu-west-1", "recovery_point"): (6 + 1 + 1) * HOUR,
                ("eu-central-1", "recovery_point"): (6 + 1 + 1 + 2) * HOUR,  # and the copy
                ("eu-central-1", "replicated"): 1800,
            },
        ),
    ],
)
def test_backups_may_be_as_old_as_their_own_plan_predicts(stack: str, watched: dict[tuple[str, str], int]) -> None:
    """Where they are, by the numbers of `seawall:backups`: nobody states a limit again."""
    plans = planned(file_of(stack), stack)
    assert plans is not None
    found = {
        (region, alert.labels["kind"]): float(alert.expr.split(" > ")[1].split(" ")[0])
        for region, groups in plans.alerts.groups.items()
        for group in groups
        for alert in group.alerts
        if alert.name == "BackupMissing"
    }
    assert found == watched


def test_an_environment_without_backups_and_releases_watches_none() -> None:
    """What is not there cannot be missing."""
    config = file_of("dev")
    del config["seawall:backups"], config["seawall:release"]
    plans = planned(config)
    assert plans is not None
    assert not {"BackupMissing", "CanaryAborted", "CanaryUnwatched"} & {alert.name for alert in plans.alerts.alerts}


def test_backups_in_a_region_without_a_prometheus_of_ours_are_left_to_others() -> None:
    """The environment's copies may lie where it does not run."""
    config = file_of("dev")
    config["seawall:backups"]["replication"]["regions"] = ["us-east-2"]
    plans = planned(config)
    assert plans is not None
    kinds = [alert.labels["kind"] for alert in plans.alerts.alerts if alert.name == "BackupMissing"]
    assert kinds == ["recovery_point"]


def test_an_environment_may_leave_telling_people_to_others() -> None:
    """Rules without routes are of use, too."""
    config = file_of("dev")
    del config[MONITORING]["escalation"]
    plans = planned(config)
    assert plans is not None
    assert plans.escalation is None


class Recorder(mocks.Mocks):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, list[str]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made.setdefault(args.typ.rpartition(":")[2], []).append(args.name)
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:aws:mock:::{args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"rules ask nothing, but {args.token}")


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_each_cluster_has_one_provider_and_three_rules_and_each_is_claimed(stack: str) -> None:
    """What is not claimed is not read back, and each further provider is a process more in every deployment."""
    recorder, outputs, environment = Recorder(), dict[str, Any](), parsed(file_of(stack), stack)
    recovery = plan_recovery(environment, plan_data(environment))
    mocks.set_mocks(recorder, project="seawall", stack=stack, preview=False)

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        options = pulumi.ResourceOptions()
        workload = declare_workload(environment, plan_topology(environment, None), None, options)
        monitoring = declare_monitoring(
            environment, plan_monitoring(environment, recovery), recovery, workload, options
        )
        assert monitoring is not None
        return pulumi.Output.from_input(dict(monitoring.outputs)).apply(outputs.update)

    main()
    clusters = [region.name for region in environment.regions if region.cluster]
    assert len(recorder.made["kubernetes"]) == len(clusters)
    assert len(recorder.made["PrometheusRule"]) == 3 * len(clusters) == len(outputs["monitoring"])
    assert {claim["region"] for claim in outputs["monitoring"]} == set(clusters) == set(outputs["alertmanager"])
    assert len(recorder.made["AlertmanagerConfig"]) == len(clusters) == len(outputs["escalation"])
    assert {each["party"] for each in outputs["escalation_steps"]} == {"on_call", "manager", "team"}
    assert set(outputs["alertmanager_files"]) == {region.name for region in environment.regions}
    assert {"ServiceDown", "ErrorBudgetFastBurn", "BackupMissing", "CanaryAborted"} <= {
        each["alert"] for each in outputs["alert_predictions"]
    }


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
    "nobody on call": (
        (MONITORING, "escalation", "receivers"),
        {"team": {"webhooks": [{"url": "http://board.seawall.test/"}]}},
        ("seawall:monitoring.escalation.receivers.on_call is missing: required, because SEV1 comes to it after 0 s"),
    ),
    "a secret's value": (
        (MONITORING, "escalation", "heartbeat_secret"),
        {"name": "Switch's address", "key": "url"},
        (
            "seawall:monitoring.escalation.heartbeat_secret.name = (hidden): the name in Kubernetes, not the secret: it would "
            "stand in a state"
        ),
    ),
    "a namespace whose alerts are others": (
        (MONITORING, "escalation", "namespace"),
        "monitoring",
        (
            "seawall:monitoring.escalation.namespace = monitoring: shop, because the operator lets it see alerts with "
            "namespace=monitoring only, and the rules' have namespace=shop; with another matcher_strategy it sees them"
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
        planned(config)
    assert isinstance(caught.value, InvalidInput)
    assert str(caught.value) == line
