"""What a failover of a Service reads of Kubernetes' objects: Services, Deployments and Rollouts, Pods, EndpointSlices.

Pure: plain JSON in, small values out. Nothing here asks a cluster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from seawall.errors import InvalidInput, StepRefused

__all__ = [
    "AUTOSCALERS",
    "DEPLOYMENTS",
    "ENDPOINT_SLICES",
    "PODS",
    "ROLLOUTS",
    "SCALED_OBJECTS",
    "SERVICES",
    "Backend",
    "Json",
    "Manager",
    "Meta",
    "Resource",
    "Service",
    "Workload",
    "WorkloadRef",
    "backends",
    "in_text",
    "labels_in",
    "objects_at",
    "parse_workload",
    "ready_pods",
    "service_of",
    "value_at",
    "workload_of",
]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API and RBAC name it."""

    group: str
    version: str
    kind: str
    plural: str


SERVICES: Final = Resource("", "v1", "Service", "services")
PODS: Final = Resource("", "v1", "Pod", "pods")
DEPLOYMENTS: Final = Resource("apps", "v1", "Deployment", "deployments")
ROLLOUTS: Final = Resource("argoproj.io", "v1alpha1", "Rollout", "rollouts")
ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
AUTOSCALERS: Final = Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECTS: Final = Resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
_WORKLOADS: Final = {"deployment": DEPLOYMENTS, "rollout": ROLLOUTS}

DEFAULT_REPLICAS: Final = 1  # where `spec.replicas` is left out: the API's default


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """A Deployment or an Argo Rollout, by name."""

    resource: Resource
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.name}"

    @property
    def given(self) -> str:
        """As it is typed: `rollout/shop-green`."""
        return f"{self.resource.kind.lower()}/{self.name}"


def parse_workload(option: str, text: str) -> WorkloadRef:
    """`shop-green` (a Deployment), `deployment/shop-green` or `rollout/shop-green`.

    Raises:
        InvalidInput: Another kind, or no name.
    """
    kind, slash, name = text.partition("/") if "/" in text else ("deployment", "/", text)
    if kind not in _WORKLOADS or not slash or not name or "/" in name:
        raise InvalidInput(option, text, allowed="a name, deployment/<name> or rollout/<name>")
    return WorkloadRef(_WORKLOADS[kind], name)


@dataclass(frozen=True, slots=True)
class Manager:
    """One entry of `metadata.managedFields`: who has written which fields."""

    name: str
    fields: Json

    def owns(self, path: Sequence[str]) -> bool:
        """Whether it has written that field, or one below it."""
        found: Any = self.fields
        for part in path:
            found = found.get(f"f:{part}") if isinstance(found, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return found is not None


@dataclass(frozen=True, slots=True)
class Meta:
    """Of an object: its version, and what others have put onto it."""

    version: str
    generation: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    managers: tuple[Manager, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """What of a Service decides where its traffic goes."""

    name: str
    meta: Meta
    selector: Mapping[str, str]
    ports: int
    external: bool
    """Whether it is a name for something outside: it selects nothing."""

    @property
    def resource(self) -> Resource:
        """Its kind."""
        return SERVICES

    def __str__(self) -> str:
        return f"Service {self.name}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or Rollout: what it should be, and how far it is."""

    ref: WorkloadRef
    meta: Meta
    replicas: int
    selector: Mapping[str, str]
    """Labels of the pods that are its own."""
    template: Mapping[str, str]
    """Labels of the pods that it makes."""
    observed_generation: str
    updated: int
    ready: int
    available: int
    release: str
    """Why a Rollout is in the middle of a release; empty when it is not."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.ref.name

    @property
    def resource(self) -> Resource:
        """Its kind."""
        return self.ref.resource

    def __str__(self) -> str:
        return str(self.ref)

    def missing(self, replicas: int) -> str:
        """What is missing until so many pods of its newest template serve; empty when nothing is."""
        # Rollouts before 1.0 had a hash there: what is no number is not compared.
        seen, now = self.observed_generation, self.meta.generation
        if seen.isdecimal() and now.isdecimal() and int(seen) < int(now):
            return f"its controller has seen generation {seen} of {now}"
        for what, have in (("updated", self.updated), ("ready", self.ready), ("available", self.available)):
            if have < replicas:
                return f"{have} of {replicas} {what}"
        return ""


@dataclass(frozen=True, slots=True)
class Backend:
    """One endpoint that gets traffic."""

    pod: str
    """The uid of its pod; empty where it is none."""
    shown: str
    ports: int


def value_at(found: object, *path: str) -> Any:
    """The value below those keys; `None` where there is none."""
    for part in path:
        found = cast("Json", found).get(part) if isinstance(found, Mapping) else None
    return found


def objects_at(found: object, *path: str) -> Iterator[Json]:
    """The objects in a list below those keys."""
    value: object = value_at(found, *path)
    for each in cast("list[object]", value) if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            yield cast("Json", each)


def _texts(found: object, *path: str) -> Mapping[str, str]:
    return cast("Mapping[str, str]", value_at(found, *path) or {})


def _count(found: object, *path: str) -> int:
    return int(value_at(found, *path) or 0)


def _meta(found: Json) -> Meta:
    managers = tuple(
        Manager(str(each.get("manager", "")), cast("Json", each.get("fieldsV1") or {}))
        for each in objects_at(found, "metadata", "managedFields")
    )
    return Meta(
        version=str(value_at(found, "metadata", "resourceVersion") or ""),
        generation=str(value_at(found, "metadata", "generation") or ""),
        labels=_texts(found, "metadata", "labels"),
        annotations=_texts(found, "metadata", "annotations"),
        managers=managers,
    )


def service_of(found: Json) -> Service:
    """Read a Service."""
    return Service(
        name=str(value_at(found, "metadata", "name")),
        meta=_meta(found),
        selector=_texts(found, "spec", "selector"),
        ports=len(list(objects_at(found, "spec", "ports"))),
        external=value_at(found, "spec", "type") == "ExternalName",
    )


def workload_of(ref: WorkloadRef, found: Json, referred: Json | None = None) -> Workload:
    """Read a Deployment or a Rollout.

    Args:
        ref: Which.
        found: The object.
        referred: The Deployment that a Rollout's `workloadRef` takes its pods' template from.

    Raises:
        StepRefused: Its selector has expressions: labels alone do not tell which pods are its own.
    """
    described = found if referred is None else referred
    if value_at(described, "spec", "selector", "matchExpressions"):
        raise StepRefused(f"{ref} selects its pods by matchExpressions: labels alone do not tell which are its own")
    given = value_at(found, "spec", "replicas")
    return Workload(
        ref=ref,
        meta=_meta(found),
        replicas=DEFAULT_REPLICAS if given is None else int(given),
        selector=_texts(described, "spec", "selector", "matchLabels"),
        template=_texts(described, "spec", "template", "metadata", "labels"),
        observed_generation=str(value_at(found, "status", "observedGeneration") or 0),
        updated=_count(found, "status", "updatedReplicas"),
        ready=_count(found, "status", "readyReplicas"),
        available=_count(found, "status", "availableReplicas"),
        release=_release(found) if ref.resource is ROLLOUTS else "",
    )


def _release(found: Json) -> str:
    """A Rollout shifts pods and traffic by itself until its newest template is the stable one."""
    status = value_at(found, "status")
    if value_at(status, "abort"):
        return "its release was aborted"
    if value_at(found, "spec", "paused") or value_at(status, "pauseConditions"):
        return "its release is paused"
    stable, newest = value_at(status, "stableRS"), value_at(status, "currentPodHash")
    if not stable or stable != newest:
        return f"its release of {newest or 'the first template'} is under way"
    return ""


def ready_pods(found: Iterable[Json]) -> frozenset[str]:
    """The uids of pods that are ready, and are not being deleted."""
    return frozenset(
        str(value_at(pod, "metadata", "uid"))
        for pod in found
        if not value_at(pod, "metadata", "deletionTimestamp")
        and any(
            each.get("type") == "Ready" and each.get("status") == "True"
            for each in objects_at(pod, "status", "conditions")
        )
    )


def backends(slices: Iterable[Json]) -> tuple[Backend, ...]:
    """All endpoints that get traffic: those that are not said to be unready (nothing said means ready, as the API has it)."""
    return tuple(
        Backend(
            pod=str(value_at(each, "targetRef", "uid") or "") if value_at(each, "targetRef", "kind") == "Pod" else "",
            shown=str(value_at(each, "targetRef", "name") or ", ".join(value_at(each, "addresses") or ())),
            ports=len(list(objects_at(slice_, "ports"))),
        )
        for slice_ in slices
        for each in objects_at(slice_, "endpoints")
        if value_at(each, "conditions", "ready") is not False
    )


def in_text(selector: Mapping[str, str]) -> str:
    """A selector as kubectl writes it: `app=shop,side=green`."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def labels_in(text: str) -> dict[str, str]:
    """What `in_text` wrote."""
    return {key: value for key, _, value in (each.partition("=") for each in text.split(",") if each)}
