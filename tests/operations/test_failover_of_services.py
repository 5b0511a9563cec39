"""A Service is moved from one Deployment to another with no moment without ready pods, and nobody else's change is overwritten."""

from pathlib import Path
from typing import Any

import pytest

from seawall.errors import InvalidInput
from seawall_ops.failover.services import plan_of
from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_objects import DEPLOYMENTS, WorkloadRef, parse_workload
from seawall_ops.failover.services_permissions import LEASES, role
from seawall_ops.steps import Done, Operation, Result, Undone
from service_cluster import NAMESPACE, FakeNamespace

BLUE, GREEN = (WorkloadRef(DEPLOYMENTS, f"shop-{side}") for side in ("blue", "green"))


@pytest.fixture
def namespace() -> FakeNamespace:
    return FakeNamespace()


def move(**more: Any) -> Move:
    return Move(
        **{"service": "shop", "source": BLUE, "target": GREEN, "drain_seconds": 0.0, "ready_seconds": 5.0, **more}
    )


def operation(namespace: FakeNamespace, folder: Path, wanted: Move, id_: str = "move-1") -> Operation:
    return Operation(plan_of(namespace.cluster, wanted), id=id_, folder=folder, sleep=lambda _: None)


def run(namespace: FakeNamespace, folder: Path, wanted: Move, id_: str = "move-1") -> Result:
    return operation(namespace, folder, wanted, id_).run()


def test_the_target_is_scaled_up_before_the_selector_moves_and_the_source_stays(namespace, tmp_path):
    """The seed's script moved traffic first and stopped the old pods next: for a while nobody served."""
    assert isinstance(run(namespace, tmp_path, move()), Done)
    assert namespace.replicas == {"shop-blue": 3, "shop-green": 3}
    assert namespace.selector == {"app": "shop", "side": "green"}
    first, second = (patch["spec"] for patch in namespace.patches if "spec" in patch)
    assert first == {"replicas": 3}
    assert second["selector"]["side"] == "green"


def test_the_source_is_scaled_down_last_and_only_where_that_is_asked_for(namespace, tmp_path):
    """It is the way back."""
    assert isinstance(run(namespace, tmp_path, move(scale_source_to=0)), Done)
    assert namespace.replicas == {"shop-blue": 0, "shop-green": 3}
    assert [patch["spec"] for patch in namespace.patches if "spec" in patch][-1] == {"replicas": 0}


def test_a_second_run_changes_nothing(namespace, tmp_path):
    """The observed state comes first."""
    run(namespace, tmp_path, move(scale_source_to=0))
    before = [patch for patch in namespace.patches if "spec" in patch]
    assert isinstance(run(namespace, tmp_path, move(scale_source_to=0), "move-2"), Done)
    assert [patch for patch in namespace.patches if "spec" in patch] == before


def test_an_undo_of_what_is_done_brings_all_of_it_back(namespace, tmp_path):
    """The prior values are in the journal, the marks are gone."""
    run(namespace, tmp_path, move(scale_source_to=0))
    assert isinstance(operation(namespace, tmp_path, move(scale_source_to=0)).undo("tried"), Undone)
    assert namespace.replicas == {"shop-blue": 3, "shop-green": 0}
    assert namespace.selector == {"app": "shop", "side": "blue"}
    notes = [body["metadata"]["annotations"] for body in namespace.objects.values()]
    assert not any(key.startswith("seawall/") and key != "seawall/fence" for each in notes for key in each)


def test_an_undo_leaves_alone_what_somebody_else_has_set_since(namespace, tmp_path):
    """Their change is later than ours."""
    run(namespace, tmp_path, move())
    namespace.change("deployments", "shop-green", replicas=9)
    result = operation(namespace, tmp_path, move()).undo("tried")
    assert not isinstance(result, Undone)
    assert namespace.replicas["shop-green"] == 9


def test_a_conflict_is_read_again_and_never_overwritten(namespace, tmp_path):
    """Somebody writes an annotation between reading and patching."""
    namespace.interfere = 2
    assert isinstance(run(namespace, tmp_path, move()), Done)
    assert namespace.selector["side"] == "green"


def autoscaler() -> tuple[str, dict[str, Any]]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-green"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
    return "horizontalpodautoscalers", {"metadata": {"name": "green"}, "spec": spec}


def keda() -> tuple[str, dict[str, Any]]:
    return "scaledobjects", {"metadata": {"name": "green"}, "spec": {"scaleTargetRef": {"name": "shop-green"}}}


@pytest.mark.parametrize(
    ("owner", "line"),
    [
        (
            autoscaler,
            (
                "Deployment shop-green is scaled by HorizontalPodAutoscaler green (1 to 2): set its minReplicas and maxReplicas so "
                "that shop-green has 3, then run again"
            ),
        ),
        (
            keda,
            (
                "Deployment shop-green is scaled by KEDA's ScaledObject green: set its replica counts so that shop-green has 3, "
                "then run again"
            ),
        ),
    ],
)
def test_an_autoscaler_stops_it_before_anything_is_changed(owner, line, namespace, tmp_path):
    """It would set the replicas back in the middle of the outage."""
    namespace.put(*owner())
    result = run(namespace, tmp_path, move())
    assert not isinstance(result, Done)
    assert line in result.because
    assert namespace.patches == []


def test_what_git_owns_stops_it_unless_its_controller_is_said_to_be_paused(namespace, tmp_path):
    """Argo CD would set the selector back; a person may say why it will not, for the record."""
    fields = {"f:spec": {"f:selector": {}}}
    written = [{"manager": "argocd-controller", "fieldsV1": fields}]
    namespace.objects["services", "shop"]["metadata"]["managedFields"] = written
    result = run(namespace, tmp_path, move())
    assert "spec.selector of Service shop is set by Argo CD" in result.because
    assert namespace.patches == []
    assert isinstance(run(namespace, tmp_path, move(gitops_paused="synced by hand today"), "move-2"), Done)


def test_a_selector_that_also_selects_the_source_is_refused(namespace, tmp_path):
    """Otherwise both would serve, and nothing would have moved."""
    result = run(namespace, tmp_path, move(selector={"app": "shop"}))
    assert "app=shop selects the pods of Deployment shop-blue, too" in result.because
    assert namespace.patches == []


def test_what_is_called_is_what_the_role_allows(namespace, tmp_path):
    """No more rights than it uses, and none too few; the lease's are the lease's own."""
    wanted = move(scale_source_to=0)
    run(namespace, tmp_path, wanted)
    rules: Any = role(wanted, NAMESPACE, changes=True)["rules"]
    allowed = {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert {each for each in allowed if each[1] != LEASES.plural} == namespace.calls


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"target": BLUE}, "--to = deployment/shop-blue: another one than --from"),
        ({"replicas": 0}, "--replicas = 0: at least 1: the target is to serve"),
        ({"scale_source_to": -1}, "--scale-source-to = -1: 0 or more"),
        ({"drain_seconds": -1.0}, "--drain-seconds = -1.0: 0 or more seconds"),
        ({"ready_seconds": 0.0}, "--ready-seconds = 0.0: above 0 seconds"),
        ({"selector": {}}, "--selector = none: at least one label: an empty selector selects nothing"),
        ({"gitops_paused": " "}, "--gitops-paused = ' ': a reason, for the record"),
    ],
)
def test_what_cannot_be_meant_is_one_line(changed, line):
    """Before the cluster is asked anything."""
    with pytest.raises(InvalidInput) as refused:
        move(**changed)
    assert str(refused.value) == line


@pytest.mark.parametrize("text", ["", "statefulset/shop", "rollout/", "deployment/a/b"])
def test_only_deployments_and_rollouts_are_taken(text):
    """The kinds whose replicas and readiness are understood."""
    with pytest.raises(InvalidInput, match="a name, deployment/<name> or rollout/<name>"):
        parse_workload("--to", text)
