"""One namespace of one cluster, as the failover of a Service asks and patches it.

Each patch names the `resourceVersion` that it goes over: where somebody was faster nothing is written, and whoever asked
reads again. Nothing is asked twice by itself, and every request has its time.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, final

from seawall.errors import CloudUnavailable, InvalidInput, MissingExtra, StepRefused
from seawall_ops.failover.services_objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    PODS,
    ROLLOUTS,
    SCALED_OBJECTS,
    SERVICES,
    Json,
    Resource,
    Service,
    Workload,
    WorkloadRef,
    service_of,
    value_at,
    workload_of,
)

try:
    import httpx2
    import lightkube
    import msgspec
    from lightkube import ApiError, Client, KubeConfig, SingleConfig
    from lightkube.generic_resource import (
        GenericNamespacedResource,
        create_api_info,  # pyright: ignore[reportUnknownVariableType]
    )
    from lightkube.types import PatchType
except ImportError as error:
    raise MissingExtra("kubernetes", feature="seawall failover service", distribution="seawall-ops") from error

__all__ = ["FIELD_MANAGER", "Cluster", "ClusterUnavailable", "configured"]

FIELD_MANAGER: Final = "seawall"  # stands in managedFields beside what we wrote
REQUEST_TIMEOUT_SECONDS: Final = 5.0
NOT_FOUND: Final = 404
CONFLICT: Final = 409
REFUSALS: Final = (400, 401, 403, 404, 422)  # of a patch as a whole: malformed, denied, gone, invalid

Result = TypeVar("Result")


def _model(resource: Resource) -> type[GenericNamespacedResource]:
    """lightkube's class for plain JSON of that kind: its models drop fields that they do not know."""
    info = create_api_info(resource.group, resource.version, resource.kind, resource.plural)  # pyright: ignore[reportUnknownMemberType]
    return type(resource.kind, (GenericNamespacedResource,), {"_api_info": info})


_MODELS: Final = {
    each: _model(each) for each in (SERVICES, PODS, DEPLOYMENTS, ROLLOUTS, ENDPOINT_SLICES, AUTOSCALERS, SCALED_OBJECTS)
}


class ClusterUnavailable(CloudUnavailable):
    """The API server did not answer. A patch that was under way may have happened.

    Args:
        asked: Which server and namespace.
        because: Why, in one line.
    """

    def __init__(self, asked: str, because: str) -> None:
        super().__init__(asked, because)
        self.args = (f"{asked} could not be asked: {because}",)

    def __reduce__(self) -> "tuple[object, ...]":
        return ClusterUnavailable, (self.asked, self.because)


def configured(kubeconfig: str | None, context: str | None) -> SingleConfig:
    """The cluster and the user of a context.

    Args:
        kubeconfig: A file; default `KUBECONFIG`, the pod's own account, or `~/.kube/config`.
        context: A name in it; default the current one.

    Raises:
        InvalidInput: There is no such file or context, or it has no user.
    """
    try:
        found = KubeConfig.from_env() if kubeconfig is None else KubeConfig.from_file(kubeconfig)
        config = found.get(context)
    except (lightkube.ConfigError, OSError, ValueError) as error:
        because = str(error).partition("\n")[0]
        raise InvalidInput(
            "--context", context, allowed="one of a kubeconfig that can be read", because=because
        ) from error
    if config is None or config.user is None:
        raise InvalidInput("--context", context, allowed="one with a user, or a current context")
    return config


@final
class Cluster:
    """A namespace.

    Args:
        namespace: Its name.
        config: The cluster and the user, see `configured`.
        timeout_seconds: Of each request: half to connect, half for an answer.
        transport: httpx's, in place of the network.
    """

    def __init__(
        self,
        namespace: str,
        config: SingleConfig,
        *,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        self.namespace: Final = namespace
        self.where: Final = f"Kubernetes at {config.cluster.server}, namespace {namespace}"
        timeout = httpx2.Timeout(timeout_seconds / 2)
        self._client: Final = Client(
            config, namespace=namespace, timeout=timeout, field_manager=FIELD_MANAGER, transport=transport
        )

    def service(self, name: str) -> Service:
        """A Service.

        Raises:
            StepRefused: There is none, or it may not be read.
            ClusterUnavailable: No answer.
        """
        return service_of(self._found(SERVICES, name))

    def workload(self, ref: WorkloadRef) -> Workload:
        """A Deployment or Rollout; with the Deployment that the Rollout's `workloadRef` names.

        Raises:
            StepRefused: There is none, or it may not be read; it selects pods by expressions or by another kind.
            ClusterUnavailable: No answer.
        """
        found = self._found(ref.resource, ref.name)
        elsewhere = value_at(found, "spec", "workloadRef")
        if elsewhere is None:
            return workload_of(ref, found)
        if value_at(elsewhere, "kind") != DEPLOYMENTS.kind:
            raise StepRefused(f"{ref} takes its pods from a {value_at(elsewhere, 'kind')}: only a Deployment is known")
        return workload_of(ref, found, self._found(DEPLOYMENTS, str(value_at(elsewhere, "name"))))

    def listed(
        self, resource: Resource, labels: Mapping[str, str] | None = None, *, perhaps_unknown: bool = False
    ) -> tuple[Json, ...]:
        """All objects of a kind, with these labels.

        Args:
            resource: The kind.
            labels: That they must have.
            perhaps_unknown: Whether a cluster that does not know the kind has none of it.

        Raises:
            StepRefused: They may not be listed.
            ClusterUnavailable: No answer.
        """

        def ask() -> tuple[Json, ...]:
            wanted = cast("dict[str, Any] | None", None if labels is None else dict(labels))
            return tuple(self._client.list(_MODELS[resource], labels=wanted))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]

        found = self._ask(f"{resource.plural} may not be listed", ask, none_for=NOT_FOUND if perhaps_unknown else 0)
        return () if found is None else found

    def patch(self, resource: Resource, name: str, over: str, changes: Json) -> bool:
        """Merge changes into an object of exactly that version.

        Args:
            resource: Its kind.
            name: Its name.
            over: The `resourceVersion` that was read.
            changes: A JSON merge patch: `None` takes a key away.

        Returns:
            Whether it was written; not, when somebody else has written since.

        Raises:
            StepRefused: It was refused as a whole; nothing was written.
            ClusterUnavailable: No answer; it may have been written.
        """
        metadata = {**cast("Json", changes.get("metadata") or {}), "resourceVersion": over}
        body = {**changes, "metadata": metadata}

        def ask() -> Any:
            return self._client.patch(_MODELS[resource], name, body, patch_type=PatchType.MERGE)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

        return self._ask(f"{resource.kind} {name} was not patched", ask, none_for=CONFLICT) is not None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _found(self, resource: Resource, name: str) -> Json:
        def ask() -> Json:
            return self._client.get(_MODELS[resource], name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

        found = self._ask(f"{resource.kind} {name} may not be read", ask, none_for=NOT_FOUND)
        if found is None:
            raise StepRefused(f"there is no {resource.kind} {name} in namespace {self.namespace}")
        return found

    def _ask(self, refused: str, question: Callable[[], Result], *, none_for: int) -> Result | None:
        try:
            return question()
        except ApiError as error:
            code = int(error.status.code or 0)
            if code == none_for:
                return None
            because = (error.status.message or error.status.reason or "").partition("\n")[0]
            if code in REFUSALS:
                raise StepRefused(f"{refused}: {code}: {because}") from error
            raise ClusterUnavailable(self.where, f"{code}: {because}") from error
        except (httpx2.HTTPError, lightkube.ConfigError, OSError, msgspec.MsgspecError, ValueError) as error:
            raise ClusterUnavailable(self.where, f"{type(error).__name__}: {error}".partition("\n")[0]) from error
