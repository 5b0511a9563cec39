"""What a failover of a Service is asked to do, and what follows from it for the objects that are there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from seawall.errors import InvalidInput, StepRefused
from seawall_ops.failover.services_objects import Service, Workload, WorkloadRef, in_text
from seawall_ops.failover.services_owners import SELECTOR, git_owned, released_by
from seawall_ops.steps import Values

__all__ = [
    "DRAIN_SECONDS",
    "READY_SECONDS",
    "Move",
    "covers",
    "needed",
    "not_apart",
    "selector_owner",
    "wanted_selector",
]

DRAIN_SECONDS: Final = 30.0  # Kubernetes' own patience with a pod that ends: terminationGracePeriodSeconds
READY_SECONDS: Final = 300.0  # for pulling an image and starting; half of a Deployment's own progressDeadlineSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From one workload behind a Service to another.

    Args:
        service: Its name.
        source: What serves now.
        target: What is to serve.
        replicas: Of the target, at least; default as many as the source is asked for, or has ready if that is more.
        selector: The Service's new one; default its present labels, with the values that the target's pods have.
        scale_source_to: Replicas of the source in the end, where it has more; default it keeps what it has.
        drain_seconds: Between the last request that the source may get and its scaling down.
        ready_seconds: For the target to become ready.
        gitops_paused: Why a GitOps controller that owns what is changed will not set it back; default none may own it.

    Raises:
        InvalidInput: A number is out of bounds, both are the same, or the reason is empty.
    """

    service: str
    source: WorkloadRef
    target: WorkloadRef
    replicas: int | None = None
    selector: Mapping[str, str] | None = None
    scale_source_to: int | None = None
    drain_seconds: float = DRAIN_SECONDS
    ready_seconds: float = READY_SECONDS
    gitops_paused: str | None = None

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise InvalidInput("--to", self.target.given, allowed="another one than --from")
        if self.replicas is not None and self.replicas < 1:
            raise InvalidInput("--replicas", self.replicas, allowed="at least 1: the target is to serve")
        if self.scale_source_to is not None and self.scale_source_to < 0:
            raise InvalidInput("--scale-source-to", self.scale_source_to, allowed="0 or more")
        if not self.drain_seconds >= 0:
            raise InvalidInput("--drain-seconds", self.drain_seconds, allowed="0 or more seconds")
        if not self.ready_seconds > 0:
            raise InvalidInput("--ready-seconds", self.ready_seconds, allowed="above 0 seconds")
        if self.selector is not None and not self.selector:
            raise InvalidInput("--selector", "none", allowed="at least one label: an empty selector selects nothing")
        if self.gitops_paused is not None and not self.gitops_paused.strip():
            raise InvalidInput("--gitops-paused", self.gitops_paused, allowed="a reason, for the record")

    @property
    def inputs(self) -> Values:
        """For the plan: whoever resumes has to say the same."""
        return {
            "service": self.service,
            "from": self.source.given,
            "to": self.target.given,
            "replicas": self.replicas,
            "selector": None if self.selector is None else in_text(self.selector),
            "scale_source_to": self.scale_source_to,
            "drain_seconds": self.drain_seconds,
            "ready_seconds": self.ready_seconds,
            "gitops_paused": self.gitops_paused,
        }

    def owned_by_git(self, thing: Service | Workload, path: tuple[str, ...]) -> str:
        """The GitOps controller in the way; empty where it is said to be paused."""
        return "" if self.gitops_paused is not None else git_owned(thing, path)


def needed(move: Move, source: Workload) -> int:
    """Replicas that the target needs: what the source is asked for counts too, because a source that fails has few ready."""
    return move.replicas if move.replicas is not None else max(source.replicas, source.ready)


def covers(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a selector selects pods with these labels. An empty one selects none."""
    return bool(selector) and selector.items() <= labels.items()


def wanted_selector(move: Move, present: Mapping[str, str], target: Workload) -> Mapping[str, str]:
    """The Service's new selector: that which was asked for, or its present keys with the target's values.

    Raises:
        StepRefused: The target's pods lack a label that the Service selects by.
    """
    if move.selector is not None:
        return move.selector
    for key in present:
        if key not in target.template:
            raise StepRefused(
                f"pods of {target} have no label {key}, which Service {move.service} selects by: say --selector"
            )
    return {key: target.template[key] for key in present}


def not_apart(service: Service, source: Workload, target: Workload, wanted: Mapping[str, str]) -> str:
    """Why no selector can move this Service; empty where the wanted one selects the target's pods and none of the source's."""
    if service.external:
        return f"{service} is an ExternalName: it selects no pods"
    if not wanted:
        return f"{service} has no selector: its endpoints are somebody else's"
    if not covers(wanted, target.template):
        return f"{in_text(wanted)} does not select the pods of {target}, which have {in_text(target.template)}"
    if covers(wanted, source.template):
        return f"{in_text(wanted)} selects the pods of {source}, too: say --selector with a label that tells them apart"
    return ""


def selector_owner(move: Move, service: Service) -> str:
    """Who else writes the Service's selector; empty where nobody does."""
    return released_by(service) or move.owned_by_git(service, SELECTOR)
