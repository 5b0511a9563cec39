"""Who else writes what a failover of a Service would write: autoscalers, GitOps, Argo Rollouts.

A replica count that an autoscaler owns, or a selector that Git owns, is set back minutes after it was patched, in the middle
of the outage. So each of them stops the failover before anything is changed, with a line of what to do instead.

Sources: the API's `autoscaling/v2` and `managedFields`; Argo CD's resource tracking; Flux's labels and its `reconcile`
annotation; KEDA's `scaleTargetRef`; Argo Rollouts' `managed-by-rollouts`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from seawall_ops.failover.services_objects import DEPLOYMENTS, Json, Meta, Service, Workload, WorkloadRef, value_at

__all__ = ["REPLICAS", "SELECTOR", "autoscaled", "git_owned", "released_by", "set_by_others"]

REPLICAS: Final = ("spec", "replicas")
SELECTOR: Final = ("spec", "selector")

MANAGERS: Final[Mapping[str, str]] = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}
"""Field managers of controllers that write again and again."""
TRACKED: Final[Mapping[str, str]] = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
"""Annotations and labels by which they find what is theirs."""
LEFT_ALONE: Final = ("kustomize.toolkit.fluxcd.io/reconcile", "disabled")
ROLLOUTS_MANAGE: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
POD_HASH: Final = "rollouts-pod-template-hash"
DECLARING: Final = ("pulumi", "terraform", "helm")  # beginnings of managers that write when somebody runs them


def autoscaled(workload: Workload, autoscalers: Iterable[Json], scaled: Iterable[Json], wanted: int) -> str:
    """The autoscaler that sets its replicas, and what to do instead; empty when none does.

    Args:
        workload: Whose replicas would be patched.
        autoscalers: All HorizontalPodAutoscalers of the namespace.
        scaled: All of KEDA's ScaledObjects there. KEDA makes an autoscaler for each, so they are looked at first.
        wanted: The replicas that would be set.
    """
    for each in scaled:
        if _names(value_at(each, "spec", "scaleTargetRef"), workload.ref):
            return (
                f"{workload} is scaled by KEDA's ScaledObject {value_at(each, 'metadata', 'name')}: "
                f"set its replica counts so that {workload.name} has {wanted}, then run again"
            )
    for each in autoscalers:
        if _names(value_at(each, "spec", "scaleTargetRef"), workload.ref):
            least, most = value_at(each, "spec", "minReplicas") or 1, value_at(each, "spec", "maxReplicas")
            return (
                f"{workload} is scaled by HorizontalPodAutoscaler {value_at(each, 'metadata', 'name')} ({least} to {most}): "
                f"set its minReplicas and maxReplicas so that {workload.name} has {wanted}, then run again"
            )
    return ""


def _names(target: object, ref: WorkloadRef) -> bool:
    """Whether a `scaleTargetRef` is that workload; KEDA leaves out what is a Deployment's."""
    group = str(value_at(target, "apiVersion") or f"{DEPLOYMENTS.group}/{DEPLOYMENTS.version}").partition("/")[0]
    kind = value_at(target, "kind") or DEPLOYMENTS.kind
    return (group, kind, value_at(target, "name")) == (ref.resource.group, ref.resource.kind, ref.name)


def git_owned(thing: Service | Workload, path: tuple[str, ...]) -> str:
    """The GitOps controller that would set a field back, and what to do instead; empty when none does.

    One that has written the field owns it. Where an object is only tracked, the field is left alone if nobody has ever
    set it; if somebody else has set it last, Git may declare it all the same, and nobody can tell from the object.
    """
    meta = thing.meta
    if LEFT_ALONE in {*meta.labels.items(), *meta.annotations.items()}:
        return ""
    field = ".".join(path)
    for manager in meta.managers:
        tool = MANAGERS.get(manager.name)
        if tool is not None and manager.owns(path):
            return _advice(f"{field} of {thing} is set by {tool} (field manager {manager.name})", tool)
    set_at_all = not meta.managers or any(manager.owns(path) for manager in meta.managers)
    for mark, tool in TRACKED.items():
        if set_at_all and (mark in meta.annotations or mark in meta.labels):
            return _advice(f"{thing} is tracked by {tool} ({mark}), which may set {field}", tool)
    return ""


def _advice(found: str, tool: str) -> str:
    return f"{found}: change it in Git, or pause {tool} for it and say so by --gitops-paused"


def released_by(service: Service) -> str:
    """The Rollout that writes a Service's selector; empty when none does."""
    rollout = service.meta.annotations.get(ROLLOUTS_MANAGE)
    if rollout is not None:
        return f"spec.selector of {service} is set by Argo Rollouts for Rollout {rollout}: fail over what is in front of it"
    if POD_HASH in service.selector:
        return f"spec.selector of {service} has {POD_HASH}, which Argo Rollouts sets: fail over what is in front of it"
    return ""


def set_by_others(meta: Meta, path: tuple[str, ...]) -> str:
    """A tool that has declared the field, and sets it back when somebody runs it; empty when none has."""
    names = (manager.name for manager in meta.managers if manager.owns(path))
    return next((name for name in names if name.lower().startswith(DECLARING)), "")
