"""Leases as Kubernetes' own objects, and fenced states as ConfigMaps: for work inside of that cluster.

Every write names the `resourceVersion` before it (optimistic concurrency) and the object's `uid`, without which a PUT makes a
Lease that was deleted meanwhile anew; reads ask etcd itself. The fence is an
annotation: `leaseTransitions` counts changes of the holder only, has 32 bits, and begins anew when the object is deleted; it
and the times are kept for whoever looks with kubectl, and never read.

An object that was made anew after it was deleted begins with its `resourceVersion`, etcd's revision, which every taking of
a lease uses up at least one of, so that fences never come again unless etcd itself was restored from a backup without
`--bump-revision`. Versions are comparable whole numbers since Kubernetes 1.35 by promise, and in every earlier one in fact.
"""

import math
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar, cast, final

from seawall.errors import FenceOutrun, InvalidInput, LeaseUnavailable, MissingExtra
from seawall_ops.lease._domains import Location, host_of
from seawall_ops.lease._fencing import Fenced, FencedDocument
from seawall_ops.lease._model import FREE, REQUEST_TIMEOUT_SECONDS, LeaseRecord, Stored

try:
    import httpx2
    import lightkube
    import msgspec
    from lightkube import ApiError, Client, KubeConfig, SingleConfig
    from lightkube.models.coordination_v1 import LeaseSpec
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.coordination_v1 import Lease as LeaseObject
    from lightkube.resources.core_v1 import ConfigMap
except ImportError as error:
    raise MissingExtra("kubernetes", feature="seawall_ops.lease.kubernetes", distribution="seawall-ops") from error

__all__ = ["RULES", "KubernetesLeaseStore", "KubernetesState"]

RULES: Final[tuple[Mapping[str, tuple[str, ...]], ...]] = (
    {"apiGroups": ("coordination.k8s.io",), "resources": ("leases",), "verbs": ("create", "get", "update")},
    {"apiGroups": ("",), "resources": ("configmaps",), "verbs": ("create", "get", "update")},
)
"""Of the Role that the user needs, in the namespace. `create` cannot be held to names; nothing here deletes an object."""

FENCE: Final = "seawall/fence"
ABOVE: Final = "seawall/fence-above"  # in place of a fence, while the lease has never been taken
TTL: Final = "seawall/ttl-seconds"
WRITE: Final = "seawall/write"
DOCUMENT: Final = "document"  # the key in a ConfigMap

USABLE_CONFIG: Final = "a kubeconfig that can be read, with a current context that has a user"
NOT_FOUND: Final = 404
CONFLICT: Final = 409  # another version, or it exists already
STATE_ATTEMPTS: Final = 5  # of a write while others write too

Result = TypeVar("Result")


class _Cluster:
    """One namespace of one cluster, asked one question at a time, without retries."""

    def __init__(self, config: "KubeConfig | SingleConfig | None", namespace: str, timeout_seconds: float) -> None:
        if not namespace:
            raise InvalidInput("namespace", namespace, allowed="a name")
        self.namespace: Final = namespace
        self._timeout: Final = timeout_seconds
        try:
            given = config if config is not None else KubeConfig.from_env()
            self._config: Final = given if isinstance(given, SingleConfig) else given.get()
        except (lightkube.ConfigError, OSError, ValueError) as error:
            raise InvalidInput("config", type(error).__name__, allowed=USABLE_CONFIG) from error
        if self._config is None or self._config.user is None:
            raise InvalidInput("config", None, allowed=USABLE_CONFIG)
        self.server: Final = self._config.cluster.server
        self.where: Final = f"Kubernetes at {self.server}, namespace {namespace}"
        self._client: Client | None = None
        self._pid = 0

    def ask(self, question: Callable[[Client], Result], *, but: tuple[int, ...] = ()) -> Result | None:
        """The answer; `None` when it was refused with one of the statuses `but`.

        Raises:
            LeaseUnavailable: There is no answer, or another refusal.
        """
        try:
            return question(self._connected())
        except ApiError as error:
            code = error.status.code
            if code in but:
                return None
            reason = (error.status.message or error.status.reason or "").partition("\n")[0]
            raise LeaseUnavailable(self.where, f"{code}: {reason}") from error
        except (httpx2.HTTPError, lightkube.ConfigError, OSError, msgspec.MsgspecError, ValueError) as error:
            raise LeaseUnavailable(self.where, f"{type(error).__name__}: {error}".partition("\n")[0]) from error

    def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None and self._pid == os.getpid():
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        if self._client is None or self._pid != os.getpid():  # a forked child must not share its parent's connections
            # Half for connecting, half for an answer: httpx counts each part by itself.
            timeout = httpx2.Timeout(self._timeout / 2)
            self._client = Client(self._config, namespace=self.namespace, timeout=timeout)
            self._pid = os.getpid()
        return self._client


@final
class KubernetesLeaseStore:
    """Leases as objects of `coordination.k8s.io/v1`, which must be no other program's: their annotations tell the fence.

    Args:
        namespace: Theirs.
        region: Where the cluster is: an AWS region, or a name of your own for a place elsewhere.
        config: lightkube's; default the pod's own, or the user's kubeconfig with its current context.
        timeout_seconds: Of each request; that of the lease's terms.

    Raises:
        InvalidInput: There is no such configuration.
    """

    def __init__(
        self,
        namespace: str,
        *,
        region: str,
        config: "KubeConfig | SingleConfig | None" = None,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        self._cluster: Final = _Cluster(config, namespace, timeout_seconds)
        self._region: Final = region

    @property
    def where(self) -> str:
        """The API server, and the namespace."""
        return self._cluster.where

    @property
    def location(self) -> Location:
        """The cluster's region, and its API server."""
        return Location(self._region, frozenset({host_of(self._cluster.server.partition("://")[2].partition("/")[0])}))

    def read(self, name: str) -> Stored | None:
        """The latest record."""
        found = self._cluster.ask(lambda client: client.get(LeaseObject, name), but=(NOT_FOUND,))
        return None if found is None else self._stored(found)

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make an object where there is none. Its first fence follows from the version that it gets."""
        made = self._object(name, record, None)
        self._cluster.ask(lambda client: client.create(made), but=(CONFLICT,))

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write an object over another version of it."""
        written = self._object(name, record, over)
        found = self._cluster.ask(lambda client: client.replace(written), but=(CONFLICT, NOT_FOUND))
        return None if found is None else self._stored(found)

    def _object(self, name: str, record: LeaseRecord, over: Stored | None) -> LeaseObject:
        fence = {ABOVE: str(record.fence)} if over is None else {FENCE: str(record.fence)}
        metadata = _metadata(name, self._cluster.namespace, "" if over is None else over.version)
        metadata.annotations = {**fence, TTL: repr(record.ttl_seconds), WRITE: record.write}
        spec = LeaseSpec(
            holderIdentity=record.holder,
            leaseDurationSeconds=math.ceil(record.ttl_seconds),
            renewTime=datetime.now(UTC),
        )
        return LeaseObject(metadata=metadata, spec=spec)

    def _stored(self, found: LeaseObject) -> Stored:
        metadata, spec = found.metadata or ObjectMeta(), found.spec or LeaseSpec()
        notes = _texts(metadata, "annotations")
        try:
            born = max(int(notes[ABOVE]), int(metadata.resourceVersion or "")) if ABOVE in notes else 0
            record = LeaseRecord(
                holder=spec.holderIdentity or FREE,
                fence=born or int(notes[FENCE]),
                ttl_seconds=float(notes[TTL]),
                write=notes[WRITE],
            )
        except (KeyError, ValueError) as error:
            because = (
                f"the lease {metadata.name} is another program's: it lacks our annotations, or its version is no number"
            )
            raise LeaseUnavailable(self.where, because) from error
        return Stored(record, _version(metadata))

    def close(self) -> None:
        """Close its connections; the next request makes new ones."""
        self._cluster.close()

    def __repr__(self) -> str:
        return f"<KubernetesLeaseStore {self.where}>"


@final
class KubernetesState:
    """Fenced states in ConfigMaps, one for each key, which is its name.

    Args:
        namespace: Theirs.
        config: lightkube's; default the pod's own, or the user's kubeconfig with its current context.
        timeout_seconds: Of each request.

    Raises:
        InvalidInput: There is no such configuration.
    """

    def __init__(
        self,
        namespace: str,
        *,
        config: "KubeConfig | SingleConfig | None" = None,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        self._cluster: Final = _Cluster(config, namespace, timeout_seconds)

    @property
    def where(self) -> str:
        """The API server, and the namespace."""
        return self._cluster.where

    def read(self, key: str) -> FencedDocument | None:
        """What is there."""
        found, _ = self._find(key)
        return found

    def claim(self, key: str, held: Fenced) -> FencedDocument:
        """Let nobody with a lower fence write any more, and read."""
        return self._write(key, held, lambda present: present.text if present is not None else None)

    def put(self, key: str, text: str, held: Fenced) -> None:
        """Write."""
        self._write(key, held, lambda _: text)

    def _write(
        self, key: str, held: Fenced, text_over: Callable[[FencedDocument | None], str | None]
    ) -> FencedDocument:
        for _ in range(STATE_ATTEMPTS):
            held.check()
            present, version = self._find(key)
            if present is not None and present.fence > held.fence:
                raise FenceOutrun(f"{self.where}, ConfigMap {key}", held.fence, present.fence)
            written = FencedDocument(text_over(present), held.fence)
            metadata = _metadata(key, self._cluster.namespace, version)
            metadata.annotations = {FENCE: str(written.fence)}
            made = ConfigMap(metadata=metadata, data={} if written.text is None else {DOCUMENT: written.text})
            if version:
                done = self._cluster.ask(lambda client, made=made: client.replace(made), but=(CONFLICT, NOT_FOUND))
            else:
                done = self._cluster.ask(lambda client, made=made: client.create(made), but=(CONFLICT,))
            if done is not None:
                return written
        raise LeaseUnavailable(self.where, f"ConfigMap {key} was changed by others {STATE_ATTEMPTS} times meanwhile")

    def _find(self, key: str) -> tuple[FencedDocument | None, str]:
        found = self._cluster.ask(lambda client: client.get(ConfigMap, key), but=(NOT_FOUND,))
        if found is None:
            return None, ""
        metadata = found.metadata or ObjectMeta()
        fence = _texts(metadata, "annotations").get(FENCE, "")
        if not fence.isdecimal():
            raise LeaseUnavailable(self.where, f"the ConfigMap {key} is another program's: it lacks our annotation")
        text = _texts(found, "data").get(DOCUMENT)
        return FencedDocument(text, int(fence)), _version(metadata)

    def close(self) -> None:
        """Close its connections; the next request makes new ones."""
        self._cluster.close()

    def __repr__(self) -> str:
        return f"<KubernetesState {self.where}>"


def _texts(of: object, field: str) -> Mapping[str, str]:
    """A field that is a bare `dict` in lightkube's models."""
    return cast("Mapping[str, str]", getattr(of, field) or {})


def _version(metadata: ObjectMeta) -> str:
    """Which object, and which version of it."""
    return f"{metadata.uid or ''} {metadata.resourceVersion or ''}"


def _metadata(name: str, namespace: str, version: str) -> ObjectMeta:
    """Of an object that is to be written over that version; of a new one where it is empty."""
    uid, _, number = version.partition(" ")
    return ObjectMeta(name=name, namespace=namespace, uid=uid or None, resourceVersion=number or None)
