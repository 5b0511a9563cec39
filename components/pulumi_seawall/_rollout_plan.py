"""What a `CanaryRollout` will declare: every check before anything is registered.

Sources: Argo Rollouts 1.10, `docs/features`, and its own validation of a Rollout; Kubernetes API reference.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_seawall._canary_analysis import AnalysisPlan, JudgedStep, plan_analysis
from pulumi_seawall._clusters import NAMESPACE
from pulumi_seawall._inputs import checked_keys, line, listed, member, plain, plain_string, whole
from pulumi_seawall._kubernetes_target import object_name
from pulumi_seawall._monitoring_plan import MonitoringPlan, plan_labels, plan_monitoring
from pulumi_seawall._objectives import plan_objectives
from pulumi_seawall._rollout_args import (
    AdoptedDeploymentArgs,
    CanaryRolloutArgs,
    ScaleDown,
    ZoneSpread,
)
from pulumi_seawall._rollout_pod import PodPlan, Times, plan_pod, plan_times
from pulumi_seawall._rollout_router import REFUSED, RouterPlan, plan_router
from pulumi_seawall._rollout_size import Autoscaling, Step, plan_autoscaling, plan_replicas, plan_steps, plan_surge
from seawall.contract import HTTP_REQUEST_DURATION, prometheus_label
from seawall.errors import MISSING, InvalidInput

LONGEST_NAME: Final = 45  # characters; longer ones break what Argo names after a Rollout (argo-rollouts#795)
HIGHEST_PORT: Final = 65_535
ROLLBACK_REVISIONS: Final = 3
MOST_REVISIONS: Final = 10  # of old ReplicaSets to keep: Kubernetes' own default for a Deployment's history
LONGEST_PATH: Final = 253  # characters
SCHEDULING_SECONDS: Final = (
    480  # for new nodes, before a start counts as failed; with 120 s to start Kubernetes' own 600
)
OF_THE_METRIC: Final = frozenset(map(prometheus_label, HTTP_REQUEST_DURATION.attributes))
"""Labels that the app itself gives to the series that are judged."""
POD_ONLY: Final = (
    "image",
    "resources",
    "command",
    "env",
    "secrets",
    "topology",
    "service_account",
    "run_as_user",
    "writable_paths",
    "zone_spread",
    "drain_by",
)
"""Arguments that make the pods' template, which an adopted Deployment keeps."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A Deployment whose pods are taken over."""

    name: str
    labels: Mapping[str, str]
    scale_down: ScaleDown


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Everything that a `CanaryRollout` declares.

    Args:
        monitoring: The service, and its clusters.
        name: Of the Rollout.
        order: Regions, in the order of the release.
        analyses: By region, what judges a release there.
        steps: Shares and pauses.
        router: Who splits the traffic.
        replicas: Pods; None with autoscaling, so that nobody but the autoscaler sets a number.
        autoscaling: Between how many.
        most_unavailable: Pods that a drain of nodes may take.
        surge: `maxSurge` and `maxUnavailable`, as Argo takes them.
        zone_spread: Whether zones must stay even.
        port: Of the pods.
        service_port: Of the Services.
        metrics_path: Where pods show their metrics.
        pod_monitor_labels: Of the PodMonitor.
        pod: What runs; None where a Deployment is adopted.
        times: How long pods take.
        service_account: An existing one; None for one that is declared.
        rollback_revisions: How far back one may go without steps.
        adopted: The Deployment that is taken over.
    """

    monitoring: MonitoringPlan
    name: str
    order: tuple[str, ...]
    analyses: Mapping[str, AnalysisPlan]
    steps: tuple[Step, ...]
    router: RouterPlan
    replicas: int | None
    autoscaling: Autoscaling | None
    most_unavailable: int
    surge: tuple[int | str, int | str]
    zone_spread: ZoneSpread
    port: int
    service_port: int
    metrics_path: str
    pod_monitor_labels: Mapping[str, str]
    pod: PodPlan | None
    times: Times
    service_account: str | None
    rollback_revisions: int
    adopted: Adopted | None

    @property
    def labels(self) -> dict[str, str]:
        """By which pods are found, those of the stable release and of the canary alike."""
        if self.adopted is not None:
            return dict(self.adopted.labels)
        return {"app.kubernetes.io/name": self.monitoring.service, "app.kubernetes.io/instance": self.name}

    @property
    def progress_deadline_seconds(self) -> int:
        """Within which new pods must be ready, or the release is aborted."""
        return self.times.startup_seconds + SCHEDULING_SECONDS

    @property
    def region_seconds(self) -> float:
        """How long a release takes in one region when all goes well: its pauses. The gate and each step's look ask once."""
        return float(sum(step.pause_seconds for step in self.steps))

    @property
    def wait_seconds(self) -> int:
        """How long a deployment waits for one region before it fails, and leaves the next one alone."""
        return math.ceil(self.region_seconds) + (len(self.steps) + 1) * self.progress_deadline_seconds


def plan_canary_rollout(args: CanaryRolloutArgs) -> RolloutPlan:
    """Check the arguments of a `CanaryRollout` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed, or two regions could be released to at once; nothing has been registered.
    """
    given = cast("dict[str, Any]", checked_keys("", args, CanaryRolloutArgs, REFUSED))
    monitoring = plan_monitoring(given["monitoring"])
    order = _order(given, monitoring)
    adopted = _adopted(given, order)
    name = _name(given, monitoring)
    service_port = whole("service_port", given.get("service_port", 80), 1, HIGHEST_PORT)
    router = plan_router(given.get("router", {}), name, service_port)
    autoscaling = plan_autoscaling(given, adopting=adopted is not None)
    replicas = plan_replicas(given, autoscaling)
    fewest = autoscaling.minimum if autoscaling else replicas or 0
    steps = plan_steps(given, router, fewest)
    objectives = plan_objectives(given["objectives"])
    most = whole(
        "most_unavailable",
        given.get("most_unavailable", 1),
        1,
        fewest - 1,
        "pods",
        f"of {fewest} at least one must stay",
    )
    return RolloutPlan(
        monitoring,
        name,
        order,
        {
            region: plan_analysis(
                given["analysis"],
                name=name,
                monitoring=monitoring,
                region=region,
                objectives=objectives,
                steps=[JudgedStep(step.weight, step.pause_seconds) for step in steps],
            )
            for region in order
        },
        steps,
        router,
        replicas,
        autoscaling,
        most,
        plan_surge(given),
        member("zone_spread", given.get("zone_spread", ZoneSpread.REQUIRED), ZoneSpread),
        whole("port", given.get("port", 8000), 1, HIGHEST_PORT),
        service_port,
        _path(given),
        plan_labels("pod_monitor_labels", given["pod_monitor_labels"])
        if "pod_monitor_labels" in given
        else monitoring.rule_labels,
        plan_pod(_with_required(given), order) if adopted is None else None,
        plan_times(given),
        object_name("service_account", given["service_account"]) if "service_account" in given else None,
        whole("rollback_revisions", given.get("rollback_revisions", ROLLBACK_REVISIONS), 0, MOST_REVISIONS),
        adopted,
    )


def _order(given: Mapping[str, Any], monitoring: MonitoringPlan) -> tuple[str, ...]:
    """The regions in the order of the release, no two of which are the same cluster."""
    clusters = monitoring.clusters
    if not clusters:
        raise InvalidInput("monitoring.clusters", [], allowed="at least one cluster, in which the release runs")
    order = [
        plain_string(f"order[{place}]", region)
        for place, region in enumerate(listed("order", given.get("order", [*clusters])))
    ]
    if sorted(order) != sorted(clusters):
        raise InvalidInput(
            "order", ", ".join(order) or "[]", allowed=f"each cluster's region once: {', '.join(clusters)}"
        )
    places: dict[object, str] = {}
    for region, reach in clusters.items():
        place = (reach.context, plain(reach.kubeconfig), reach.namespace)
        if place in places and plain(reach.kubeconfig) is reach.kubeconfig:
            raise InvalidInput(
                "monitoring.clusters",
                f"{places[place]}, {region}",
                allowed="another cluster for each region",
                because=f"both are {reach.context or 'the current context'}, and one release would be two at once",
            )
        places[place] = region
    for region, reach in clusters.items():
        _refuse_other_series(monitoring, region, reach.namespace)
    return tuple(order)


def _refuse_other_series(monitoring: MonitoringPlan, region: str, namespace: str) -> None:
    """A label that neither the PodMonitor gives nor the app finds no series of the release's pods."""
    given = {"job": monitoring.service, "namespace": namespace}
    for label, value in monitoring.selector.items():
        if label not in OF_THE_METRIC and value != given.get(label):
            raise InvalidInput(
                f"monitoring.selector[{label}]",
                value,
                allowed=f"{given.get(label, 'job and namespace')}, which the pods' series in {region} have",
                because="the analysis would find nothing",
            )


def _adopted(given: Mapping[str, Any], order: tuple[str, ...]) -> Adopted | None:
    """The Deployment that is taken over, in one region: its changes are releases that nobody puts in order."""
    if "deployment" not in given:
        return None
    entry = cast("dict[str, Any]", checked_keys("deployment.", given["deployment"], AdoptedDeploymentArgs))
    name = object_name("deployment.name", entry["name"])
    if len(order) > 1:
        raise InvalidInput(
            "deployment.name",
            name,
            allowed=f"one cluster, but there are {', '.join(order)}",
            because="who changes a Deployment in every region releases to all of them at once: adopt one region at a time",
        )
    for key in POD_ONLY:
        if key in given:
            raise InvalidInput(
                key,
                given[key] if key != "secrets" else "(hidden)",
                allowed="only without deployment, which keeps the pods' template",
            )
    return Adopted(
        name,
        plan_labels("deployment.labels", entry["labels"]),
        member("deployment.scale_down", entry.get("scale_down", ScaleDown.PROGRESSIVELY), ScaleDown),
    )


def _with_required(given: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("image", "resources"):
        if key not in given:
            raise InvalidInput(key, MISSING, allowed="required without deployment")
    return given


def _name(given: Mapping[str, Any], monitoring: MonitoringPlan) -> str:
    name = line("name", given.get("name", monitoring.service), LONGEST_NAME)
    if not NAMESPACE.fullmatch(name) or not name[0].isalpha():
        raise InvalidInput(
            "name", name, allowed="lower-case letters, digits and hyphens, a letter first, no hyphen last"
        )
    return name


def _path(given: Mapping[str, Any]) -> str:
    path = line("metrics_path", given.get("metrics_path", "/metrics"), LONGEST_PATH)
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        raise InvalidInput("metrics_path", path, allowed="an absolute path, e.g. /metrics")
    return path
