"""The objects of a release as manifests, each whole, for one region.

Sources: Argo Rollouts 1.10, prometheus-operator 0.85 and Kubernetes 1.36, whose schemas tests hold these against; the
provider for Kubernetes 4.25, `pkg/metadata` (its annotations).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pulumi_seawall._argo_rollouts import POD_HASH_LABEL
from pulumi_seawall._canary_analysis import AnalysisPlan
from pulumi_seawall._promql import duration
from pulumi_seawall._rollout_args import ZoneSpread
from pulumi_seawall._rollout_plan import RolloutPlan
from pulumi_seawall._rollout_pod import PodPlan, pod_template
from pulumi_seawall._rollout_router import GATEWAY_VERSION, READINESS_GATES, http_route

ARGO_VERSION: Final = "argoproj.io/v1alpha1"
SKIP_AWAIT: Final = {"pulumi.com/skipAwait": "true"}
"""The provider would wait for a Service's pods, which only the Rollout after it makes."""
WAIT_FOR: Final = "pulumi.com/waitFor"
FORCE: Final = "pulumi.com/patchForce"
MARK_BASE: Final = datetime(1980, 1, 1, tzinfo=UTC)
MARK_SECONDS: Final = 2**29  # 17 years of them: until 1997, before the first pod there was
KEPT_RUNS: Final = 5  # analyses to look back at, of each outcome
MIN_READY_SECONDS: Final = 10  # two looks of the kubelet: a pod that dies at once was not available
LONGEST_SCRAPE_TIMEOUT_SECONDS: Final = 10  # Prometheus' own default; the operator refuses one above the interval

Manifest = dict[str, Any]


def release_mark(spec: Mapping[str, Any]) -> str:
    """A time before all pods that stands for this content of a Rollout's `spec`, and for no other.

    As `restartAt` it restarts nothing, since no pod is older; but Argo copies it to `status.restartedAt` once it acts by
    this spec, and nothing else of the spec appears in the status. So who waits for the mark there, and for `Healthy` in the
    same status, does not take the last release's `Healthy` for this one's.
    """
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).digest()
    mark = MARK_BASE + timedelta(seconds=int.from_bytes(digest[:8], "big") % MARK_SECONDS)
    return mark.strftime("%Y-%m-%dT%H:%M:%SZ")


def rollout(plan: RolloutPlan, region: str, image: str | None) -> Manifest:
    """The Rollout, once its image is known."""
    spec = _rollout_spec(plan, region, image)
    mark = release_mark(spec)
    waits = [f"jsonpath={{.status.restartedAt}}={mark}", "jsonpath={.status.phase}=Healthy"]
    annotations = {WAIT_FOR: json.dumps(waits), FORCE: "true"}  # what somebody set by hand is what is declared again
    return _object(
        plan, region, ARGO_VERSION, "Rollout", plan.name, {**spec, "restartAt": mark}, annotations=annotations
    )


def analysis_templates(plan: RolloutPlan, region: str) -> dict[str, Manifest]:
    """Each AnalysisTemplate, by its name."""
    return {
        name: _object(plan, region, ARGO_VERSION, "AnalysisTemplate", name, dict(spec))
        for name, spec in plan.analyses[region].templates.items()
    }


def services(plan: RolloutPlan, region: str) -> dict[str, Manifest]:
    """By name: the Service of all pods, and those of the stable release and of the canary."""
    spec = {
        "type": "ClusterIP",
        "selector": plan.labels,
        "ports": [{"name": "http", "port": plan.service_port, "targetPort": plan.port, "protocol": "TCP"}],
    }
    return {
        name: _object(plan, region, "v1", "Service", name, spec, annotations=SKIP_AWAIT)
        for name in (plan.name, *plan.router.services)
    }


def service_account(plan: RolloutPlan, region: str) -> Manifest | None:
    """The pods' service account, where it is ours."""
    if plan.pod is None or plan.service_account is not None:
        return None
    account = _object(plan, region, "v1", "ServiceAccount", plan.name, None)
    return {**account, "automountServiceAccountToken": False}


def disruption_budget(plan: RolloutPlan, region: str) -> Manifest:
    """Covers the pods of both releases: one of its own for each would let a drain take from both at once."""
    spec = {
        "maxUnavailable": plan.most_unavailable,
        "selector": {"matchLabels": plan.labels},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",  # a pod that never gets ready must not hold up a drain for ever
    }
    return _object(plan, region, "policy/v1", "PodDisruptionBudget", plan.name, spec)


def autoscaler(plan: RolloutPlan, region: str) -> Manifest | None:
    """The HorizontalPodAutoscaler, where there is one."""
    scaling = plan.autoscaling
    if scaling is None:
        return None
    spec = {
        "scaleTargetRef": {"apiVersion": ARGO_VERSION, "kind": "Rollout", "name": plan.name},
        "minReplicas": scaling.minimum,
        "maxReplicas": scaling.maximum,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": round(scaling.cpu_ratio * 100)},
                },
            }
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.scale_down_wait_seconds}},
    }
    return _object(plan, region, "autoscaling/v2", "HorizontalPodAutoscaler", plan.name, spec)


def pod_monitor(plan: RolloutPlan, region: str) -> Manifest:
    """Has the pods scraped with the hash of their template, without which no query finds the canary."""
    scrape = plan.monitoring.scrape_seconds
    spec = {
        "selector": {"matchLabels": plan.labels},
        "podTargetLabels": [POD_HASH_LABEL],
        "podMetricsEndpoints": [
            {
                "portNumber": plan.port,
                "path": plan.metrics_path,
                "interval": duration(scrape),
                "scrapeTimeout": duration(min(scrape, LONGEST_SCRAPE_TIMEOUT_SECONDS)),
                "relabelings": [{"targetLabel": "job", "replacement": plan.monitoring.service, "action": "replace"}],
            }
        ],
    }
    monitor = _object(plan, region, "monitoring.coreos.com/v1", "PodMonitor", plan.name, spec)
    monitor["metadata"]["labels"] |= plan.pod_monitor_labels
    return monitor


def route(plan: RolloutPlan, region: str) -> Manifest | None:
    """The HTTPRoute, where it is ours."""
    spec = http_route(plan.router, _namespace(plan, region), plan.service_port)
    return None if spec is None else _object(plan, region, GATEWAY_VERSION, "HTTPRoute", plan.name, spec)


def namespace_labels(plan: RolloutPlan, region: str) -> Manifest | None:
    """What of the namespace is patched; None for nothing."""
    if not plan.router.readiness_gates:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": _namespace(plan, region), "labels": dict(READINESS_GATES)},
    }


def _namespace(plan: RolloutPlan, region: str) -> str:
    return plan.monitoring.clusters[region].namespace


def _object(
    plan: RolloutPlan,
    region: str,
    version: str,
    kind: str,
    name: str,
    spec: Mapping[str, Any] | None,
    *,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    labels = {
        "app.kubernetes.io/name": plan.monitoring.service,
        "app.kubernetes.io/instance": plan.name,
        "app.kubernetes.io/component": "release",
    }
    metadata: dict[str, Any] = {"name": name, "namespace": _namespace(plan, region), "labels": labels}
    if annotations:
        metadata["annotations"] = dict(annotations)
    made: Manifest = {"apiVersion": version, "kind": kind, "metadata": metadata}
    return made if spec is None else {**made, "spec": dict(spec)}


def _rollout_spec(plan: RolloutPlan, region: str, image: str | None) -> dict[str, Any]:
    surge, unavailable = plan.surge
    analysis = plan.analyses[region]
    return {
        **({"replicas": plan.replicas} if plan.replicas is not None else {}),
        **_pods(plan, region, image),
        "minReadySeconds": MIN_READY_SECONDS,
        "progressDeadlineSeconds": plan.progress_deadline_seconds,
        "progressDeadlineAbort": True,
        "revisionHistoryLimit": max(plan.rollback_revisions + 1, KEPT_RUNS),
        **({"rollbackWindow": {"revisions": plan.rollback_revisions}} if plan.rollback_revisions else {}),
        "analysis": {"successfulRunHistoryLimit": KEPT_RUNS, "unsuccessfulRunHistoryLimit": KEPT_RUNS},
        "strategy": {
            "canary": {
                "maxSurge": surge,
                "maxUnavailable": unavailable,
                **plan.router.strategy(_namespace(plan, region)),
                "analysis": {
                    **_judged_by(analysis, analysis.background),
                    "startingStep": analysis.background_starting_step,
                },
                "steps": _steps(plan, analysis),
            }
        },
    }


def _steps(plan: RolloutPlan, analysis: AnalysisPlan) -> list[dict[str, Any]]:
    """The gate, then for each share: its weight, its pause, its judgement."""
    steps: list[dict[str, Any]] = [{"analysis": _judged_by(analysis, analysis.gate)}]
    for step in plan.steps:
        steps += [
            {"setWeight": step.weight},
            {"pause": {"duration": f"{step.pause_seconds}s"}},
            {"analysis": _judged_by(analysis, analysis.step)},
        ]
    return steps


def _judged_by(analysis: AnalysisPlan, template: str) -> dict[str, Any]:
    return {"templates": [{"templateName": template}], "args": [dict(argument) for argument in analysis.arguments]}


def _pods(plan: RolloutPlan, region: str, image: str | None) -> dict[str, Any]:
    """The template, or the Deployment that has it."""
    if plan.adopted is not None:
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": plan.adopted.name}
        return {"workloadRef": {**reference, "scaleDown": plan.adopted.scale_down.value}}
    return {
        "selector": {"matchLabels": plan.labels},
        "template": _template(plan, plan.pod, region, image or "") if plan.pod else {},
    }


def _template(plan: RolloutPlan, pod: PodPlan, region: str, image: str) -> dict[str, Any]:
    template = pod_template(
        pod, plan.times, image, service=plan.monitoring.service, region=region, labels=plan.labels, port=plan.port
    )
    zones = "DoNotSchedule" if plan.zone_spread is ZoneSpread.REQUIRED else "ScheduleAnyway"
    template["spec"] |= {
        "serviceAccountName": plan.service_account or plan.name,
        "topologySpreadConstraints": [
            _spread(plan, "topology.kubernetes.io/zone", zones),
            _spread(plan, "kubernetes.io/hostname", "ScheduleAnyway"),
        ],
    }
    return template


def _spread(plan: RolloutPlan, over: str, unsatisfiable: str) -> dict[str, Any]:
    return {
        "topologyKey": over,
        "maxSkew": 1,
        "whenUnsatisfiable": unsatisfiable,
        "labelSelector": {"matchLabels": plan.labels},
        "matchLabelKeys": [POD_HASH_LABEL],  # each release by itself: else the old one's pods bend the new one's spread
        "nodeTaintsPolicy": "Honor",  # a zone whose nodes are all tainted is no zone to wait for
    }
