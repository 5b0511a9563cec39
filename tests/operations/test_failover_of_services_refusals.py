"""What stops the move of a Service, each in one line: before anything is changed, or with all of it undone."""

from pathlib import Path
from typing import Any

import pytest

from seawall.testing import FakeClock
from seawall_ops.failover.services import plan_of
from seawall_ops.failover.services_change import ATTEMPTS
from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_objects import parse_workload
from seawall_ops.steps import Operation, Phase, Result
from service_cluster import FakeNamespace

READY_SECONDS = 20.0
PAUSED = ": change it in Git, or pause {} for it and say so by --gitops-paused"


@pytest.fixture
def namespace() -> FakeNamespace:
    return FakeNamespace()


def run(namespace: FakeNamespace, folder: Path, **more: Any) -> Result:
    return operation(namespace, folder, **more).run()


def operation(namespace: FakeNamespace, folder: Path, **more: Any) -> Operation:
    clock = FakeClock()
    source, target = (parse_workload("--to", more.pop(side, f"shop-{side}")) for side in ("blue", "green"))
    move = Move(service="shop", source=source, target=target, ready_seconds=READY_SECONDS, **more)
    plan = plan_of(namespace.cluster, move, clock=clock)
    return Operation(plan, id="move-1", folder=folder, clock=clock, sleep=clock.advance)


def refused(namespace: FakeNamespace, folder: Path, **more: Any) -> str:
    """The line, where nothing was written."""
    result = run(namespace, folder, **more)
    assert result.end == "undone"
    assert namespace.patches == []
    return result.because.removeprefix("owners: precheck: ")


def rollout(**status: Any) -> dict[str, Any]:
    labels = {"app": "shop", "side": "green"}
    stable = {"stableRS": "6f", "currentPodHash": "6f", "observedGeneration": "2"}
    return {
        "metadata": {"name": "shop-green", "generation": 2, "annotations": {}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
        "status": {**stable, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3, **status},
    }


@pytest.mark.parametrize(
    ("status", "because"),
    [
        ({"abort": True}, "its release was aborted"),
        ({"pauseConditions": [{"reason": "CanaryPauseStep"}]}, "its release is paused"),
        ({"currentPodHash": "7a"}, "its release of 7a is under way"),
        ({"stableRS": ""}, "its release of 6f is under way"),
    ],
)
def test_a_rollout_in_the_middle_of_a_release_is_no_target(status, because, namespace, tmp_path):
    """Half of its pods are a canary that nobody has judged yet."""
    namespace.put("rollouts", rollout(**status))
    line = refused(namespace, tmp_path, green="rollout/shop-green")
    assert line == f"Rollout shop-green is no place to move to now: {because}"


def test_a_rollout_in_the_middle_of_a_release_is_not_scaled(namespace, tmp_path):
    """Its controller divides the replicas between two templates."""
    body = rollout(pauseConditions=[{"reason": "CanaryPauseStep"}])
    body["spec"]["replicas"] = 1
    namespace.put("rollouts", body)
    line = refused(namespace, tmp_path, green="rollout/shop-green")
    assert line == "Rollout shop-green cannot be scaled now: its release is paused; promote or abort it first"


def test_a_rollout_that_takes_its_pods_from_a_deployment_is_understood(namespace, tmp_path):
    """`workloadRef`: labels and selector are the Deployment's."""
    body = rollout()
    body["spec"] = {"replicas": 3, "workloadRef": {"kind": "Deployment", "name": "shop-blue"}}
    namespace.put("rollouts", body)
    line = refused(namespace, tmp_path, green="rollout/shop-green")
    assert line.startswith("app=shop,side=blue selects the pods of Deployment shop-blue, too")
    body["spec"]["workloadRef"]["kind"] = "ReplicaSet"
    assert "takes its pods from a ReplicaSet" in run_again(namespace, tmp_path)


def run_again(namespace: FakeNamespace, folder: Path) -> str:
    (folder / "second").mkdir()
    return refused(namespace, folder / "second", green="rollout/shop-green")


def managed(namespace: FakeNamespace, kind: str, name: str, manager: str, field: str) -> None:
    fields = {"f:spec": {f"f:{field}": {}}}
    namespace.objects[kind, name]["metadata"]["managedFields"] = [{"manager": manager, "fieldsV1": fields}]


@pytest.mark.parametrize(
    ("manager", "tool"),
    [("argocd-controller", "Argo CD"), ("kustomize-controller", "Flux"), ("helm-controller", "Flux")],
)
def test_replicas_that_git_sets_stop_it(manager, tool, namespace, tmp_path):
    """It would set them back minutes later, in the middle of the outage."""
    managed(namespace, "deployments", "shop-green", manager, "replicas")
    owner = f"spec.replicas of Deployment shop-green is set by {tool} (field manager {manager})"
    assert refused(namespace, tmp_path) == owner + PAUSED.format(tool)


def test_what_flux_is_told_to_leave_alone_does_not_stop_it(namespace, tmp_path):
    """Its own annotation says so."""
    managed(namespace, "deployments", "shop-green", "kustomize-controller", "replicas")
    namespace.objects["deployments", "shop-green"]["metadata"]["annotations"] = {
        "kustomize.toolkit.fluxcd.io/reconcile": "disabled"
    }
    assert run(namespace, tmp_path).end == "done"


@pytest.mark.parametrize(
    ("mark", "tool"),
    [("argocd.argoproj.io/tracking-id", "Argo CD"), ("kustomize.toolkit.fluxcd.io/name", "Flux")],
)
def test_what_is_tracked_and_was_set_by_somebody_else_last_stops_it(mark, tool, namespace, tmp_path):
    """Git may declare it all the same: an object does not tell, so nobody guesses."""
    managed(namespace, "services", "shop", "kubectl-edit", "selector")
    namespace.objects["services", "shop"]["metadata"]["annotations"] = {mark: "shop"}
    found = f"Service shop is tracked by {tool} ({mark}), which may set spec.selector"
    assert refused(namespace, tmp_path) == found + PAUSED.format(tool)


def test_a_tracked_object_whose_field_nobody_has_set_does_not_stop_it(namespace, tmp_path):
    """Who leaves `replicas` out of Git has left them to others."""
    managed(namespace, "deployments", "shop-green", "argocd-controller", "template")
    namespace.objects["deployments", "shop-green"]["metadata"]["annotations"] = {
        "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:prod/shop-green"
    }
    assert run(namespace, tmp_path).end == "done"


def test_a_selector_that_argo_rollouts_sets_stops_it(namespace, tmp_path):
    """Its controller writes the hash of the stable pods there."""
    service = namespace.objects["services", "shop"]
    service["metadata"]["annotations"] = {"argo-rollouts.argoproj.io/managed-by-rollouts": "shop"}
    line = "spec.selector of Service shop is set by Argo Rollouts for Rollout shop: fail over what is in front of it"
    assert refused(namespace, tmp_path) == line


def selects(namespace: FakeNamespace, **selector: str) -> None:
    namespace.objects["services", "shop"]["spec"]["selector"] = selector


@pytest.mark.parametrize(
    ("change", "more", "line"),
    [
        (lambda world: selects(world), {}, "Service shop has no selector: its endpoints are somebody else's"),
        (
            lambda world: world.change("services", "shop", type="ExternalName"),
            {},
            "Service shop is an ExternalName: it selects no pods",
        ),
        (
            lambda world: selects(world, tier="web"),
            {},
            "pods of Deployment shop-green have no label tier, which Service shop selects by: say --selector",
        ),
        (
            lambda world: None,
            {"selector": {"side": "red"}},
            "side=red does not select the pods of Deployment shop-green, which have app=shop,side=green",
        ),
        (
            lambda world: world.change("deployments", "shop-blue", replicas=0),
            {},
            "Deployment shop-blue and Deployment shop-green both have 0 replicas: say --replicas",
        ),
        (lambda world: None, {"green": "shop-red"}, "there is no Deployment shop-red in namespace prod"),
        (
            lambda world: world.denied.add(("list", "horizontalpodautoscalers")),
            {},
            "horizontalpodautoscalers may not be listed: 403: User cannot list resource horizontalpodautoscalers",
        ),
        (
            lambda world: world.objects["deployments", "shop-green"]["spec"]["selector"].update(
                matchExpressions=[{"key": "side", "operator": "Exists"}]
            ),
            {},
            "Deployment shop-green selects its pods by matchExpressions: labels alone do not tell which are its own",
        ),
    ],
)
def test_what_cannot_be_moved_is_one_line(change, more, line, namespace, tmp_path):
    """Seen before anything is changed."""
    change(namespace)
    assert refused(namespace, tmp_path, **more) == line


def test_an_owner_of_what_is_not_to_be_changed_does_not_stop_it(namespace, tmp_path):
    """The target has its pods already, so that its autoscaler's replicas are not touched."""
    namespace.change("deployments", "shop-green", replicas=3)
    namespace.put(
        "horizontalpodautoscalers",
        {
            "metadata": {"name": "green"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-green"}},
        },
    )
    assert run(namespace, tmp_path).end == "done"


def test_a_target_that_does_not_become_ready_is_scaled_back_and_gets_no_traffic(namespace, tmp_path):
    """Bounded by its time; the selector is never touched."""
    namespace.starting.add("shop-green")
    result = run(namespace, tmp_path)
    assert result.end == "undone"
    assert f"not verified within {READY_SECONDS:g} s" in result.because
    assert "0 of 3 ready" in result.because
    assert namespace.replicas == {"shop-blue": 3, "shop-green": 0}
    assert all("selector" not in patch.get("spec", {}) for patch in namespace.patches)


def test_a_target_that_did_not_need_scaling_and_is_not_ready_is_not_marked_for_good(namespace, tmp_path):
    """The undo takes its mark away, and leaves the replicas as they are."""
    namespace.change("deployments", "shop-green", replicas=3)
    namespace.starting.add("shop-green")
    assert run(namespace, tmp_path).end == "undone"
    assert namespace.replicas["shop-green"] == 3
    assert namespace.marks == set()


def test_somebody_elses_pod_behind_the_service_takes_the_move_back(namespace, tmp_path):
    """A third Deployment has the same labels: its pods would get traffic that nobody meant for them."""
    stray = {**namespace.objects["deployments", "shop-green"]}
    stray["metadata"] = {"name": "stray", "generation": 1, "annotations": {}}
    labels = {"app": "shop", "side": "green", "old": "yes"}
    stray["spec"] = {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    namespace.put("deployments", stray)
    target = namespace.objects["deployments", "shop-green"]["spec"]
    target["selector"] = {"matchLabels": {"app": "shop", "side": "green", "new": "yes"}}
    target["template"]["metadata"]["labels"] = {"app": "shop", "side": "green", "new": "yes"}
    result = run(namespace, tmp_path)
    assert result.end == "undone"
    assert "stray-0 is behind Service shop, and is no ready pod of Deployment shop-green" in result.because
    assert namespace.selector["side"] == "blue"


def test_who_is_always_outpaced_gives_up_and_has_changed_nothing(namespace, tmp_path):
    """Every patch finds that somebody else has just written: five times, then a line."""
    namespace.interfere = ATTEMPTS
    line = f"scale-target: apply: scale-target: others wrote the object {ATTEMPTS} times meanwhile; nothing was changed"
    assert refused(namespace, tmp_path) == line


def test_a_source_that_fails_counts_with_what_it_was_asked_for(namespace, tmp_path):
    """None of its pods is ready: that is why traffic moves, and no reason for none at the target."""
    namespace.starting.add("shop-blue")
    assert run(namespace, tmp_path).end == "done"
    assert namespace.replicas["shop-green"] == 3


def test_the_drain_takes_its_time_before_the_source_is_scaled_down(namespace, tmp_path):
    """Measured on the clock, and shown beside what was asked for."""
    result = run(namespace, tmp_path, scale_source_to=0, drain_seconds=45.0)
    assert result.end == "done"
    (drained,) = (
        timing
        for step in result.steps
        if step.name == "drain"
        for timing in step.timings
        if timing.predicted is not None
    )
    assert drained.seconds == pytest.approx(45.0, abs=1.0)
    assert drained.predicted is not None
    assert drained.predicted.worst_seconds == 45.0


def test_an_undo_drains_the_target_before_it_is_scaled_down_again(namespace, tmp_path):
    """It had traffic until the selector went back."""
    assert run(namespace, tmp_path, drain_seconds=45.0).end == "done"
    result = operation(namespace, tmp_path, drain_seconds=45.0).undo("a drill")
    assert result.end == "undone"
    (took,) = (
        timing.seconds
        for step in result.steps
        if step.name == "shift"
        for timing in step.timings
        if timing.phase is Phase.UNDO
    )
    assert took == 45.0
    assert namespace.replicas["shop-green"] == 0


def test_a_patch_that_is_denied_is_refused_as_a_whole(namespace, tmp_path):
    """A role without the right: nothing is open, and nothing to find out."""
    namespace.denied.add(("patch", "deployments"))
    result = run(namespace, tmp_path)
    assert result.end == "undone"
    assert "Deployment shop-green was not patched: 403: User cannot patch resource deployments" in result.because
