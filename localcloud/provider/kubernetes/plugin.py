"""The plugin: any `kubernetes:…` resource with an API version, a kind and metadata becomes a file.

Each provider resource of a program stands for one cluster, and has one folder: `renderYamlToDirectory` where it is
given, else a folder named for its context (or, without one, for the provider resource itself) below the folder that
the environment names. Nothing is sent anywhere. A `status` never exists, as with the real plugin's render mode.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pulumi.provider.experimental import provider as sdk

from localcloud.errors import LocalCloudError
from localcloud.provider import values
from localcloud.provider.differ import path_parts
from localcloud.provider.failures import one_line
from localcloud.provider.journal import Journal
from localcloud.provider.kubernetes import manifests
from localcloud.provider.kubernetes.differences import Difference, differences, lies_in, replacing_fields, touches
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.provider.serve import DiffRequest, UpdateRequest
from localcloud.provider.values import UNKNOWN, Secrets

Result = TypeVar("Result")

RENDER_VARIABLE: Final = "SEAWALL_LOCAL_RENDER"
AUTONAMED: Final = "pulumi.com/autonamed"  # the real plugin's mark of a made-up name
NAME_DIGITS: Final = 8  # hexadecimal, at the end of a made-up name, as the real plugin's
SECRET_FIELDS: Final = ("data", "stringData")
MUTABLE: Final = {  # kind to the provider's option and its environment variable
    "ConfigMap": ("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
    "Secret": ("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
}
# Objects that stand outside namespaces: the provider's default namespace is not for them.
CLUSTER_WIDE: Final = frozenset(
    {
        *("APIService", "ClusterRole", "ClusterRoleBinding", "ClusterIssuer", "CSIDriver", "CSINode"),
        *("CustomResourceDefinition", "ClusterAnalysisTemplate", "FlowSchema", "GatewayClass", "IngressClass"),
        *("MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass"),
        *("PriorityLevelConfiguration", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy"),
        *("ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment"),
    }
)
NOT_HERE: Final = ("kubernetes:helm.sh/", "kubernetes:kustomize", "kubernetes:yaml")


class Renderer(sdk.Provider):
    """A provider that renders.

    Args:
        journal: Where creations are written down, so that a killed run leaves no file that nobody knows.
        base: Holds a folder per cluster; None when only `renderYamlToDirectory` may name one.
    """

    def __init__(self, journal: Journal, base: Path | None) -> None:
        self._journal: Final = journal
        self._base: Final = base
        self._configuration: Manifest = {}

    # Configuration

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Remember which cluster this provider stands for: without a context, the one of the provider's own name.

        A destroy configures the provider from the state alone, and must find the same folder.
        """
        plain, secrets = values.to_plain(request.new_inputs)
        if self._base is not None and "renderYamlToDirectory" not in plain and not _cluster(plain):
            plain["context"] = _provider_name(request.urn)
        return sdk.CheckResponse(values.to_properties(plain, secrets))

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Take the provider's arguments."""
        self._configuration, _ = values.to_plain(request.args)
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:  # noqa: ARG002
        """Not the real schema, which comes with the SDK: every type is taken."""
        return sdk.GetSchemaResponse('{"name": "kubernetes"}')

    def _folder(self) -> Path | None:
        """This cluster's folder; None when nothing names one, or it is not known yet."""
        directory = self._configuration.get("renderYamlToDirectory")
        if directory is UNKNOWN:
            return None
        if directory:
            return Path(str(directory)).absolute()
        cluster = _cluster(self._configuration)
        if self._base is None or cluster is UNKNOWN:
            return None
        return self._base / manifests.folder_name(cluster or "default")

    def _known_folder(self) -> Path:
        folder = self._folder()
        if folder is None:
            raise LocalCloudError(self._homeless())
        return folder

    def _homeless(self) -> str:
        return (
            "there is no cluster in the local cloud: set render_yaml_to_directory on the kubernetes provider, "
            f"or {RENDER_VARIABLE} to a folder"
        )

    # Resources

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse what no API server would take, fill in a namespace and a name."""
        _refuse(_type(request.urn))
        inputs, secrets = values.to_plain(request.new_inputs)
        olds, _ = values.to_plain(request.old_inputs)
        failures = [
            (name, f"missing: {_type(request.urn)} needs it") for name in ("apiVersion", "kind") if not inputs.get(name)
        ]
        if self._base is None and not self._configuration.get("renderYamlToDirectory"):
            failures.append(("", self._homeless()))
        if olds:
            await asyncio.to_thread(self._journal.known_by_inputs, request.urn, olds)
        metadata = inputs.setdefault("metadata", {})
        if metadata is not UNKNOWN:
            if isinstance(metadata, dict):
                failures += await self._complete(request, inputs, metadata, olds)
            else:
                failures.append(("metadata", "must be an object"))
        return sdk.CheckResponse(
            values.to_properties(inputs, _secrets_of(inputs, secrets)),
            [sdk.CheckFailure(where, reason) for where, reason in failures],
        )

    async def _complete(
        self, request: sdk.CheckRequest, inputs: Manifest, metadata: Manifest, olds: Manifest
    ) -> list[tuple[str, str]]:
        namespace = self._configuration.get("namespace")
        if namespace and "namespace" not in metadata and inputs.get("kind") not in CLUSTER_WIDE:
            metadata["namespace"] = namespace
        if "name" not in metadata:
            if "generateName" in metadata:
                return [("metadata.generateName", "no API server is here to make up a name: set metadata.name")]
            metadata["name"] = await self._made_up_name(request, olds)
            annotations = metadata.setdefault("annotations", {})
            if isinstance(annotations, dict):
                annotations[AUTONAMED] = "true"
        failures = []
        for field in ("name", "namespace"):
            value = metadata.get(field)
            if value is None or value is UNKNOWN:
                continue
            reason = (
                manifests.bad_name(value, str(inputs.get("apiVersion")) if field == "name" else "")
                if isinstance(value, str)
                else "must be a text"
            )
            if reason:
                failures.append((f"metadata.{field}", reason))
        return failures

    async def _made_up_name(self, request: sdk.CheckRequest, olds: Manifest) -> str:
        """The one it had, the one that a killed run had made up, or a new one."""
        old = olds.get("metadata")
        if isinstance(old, dict) and (old.get("annotations") or {}).get(AUTONAMED) == "true" and old.get("name"):
            return str(old["name"])
        begun = await asyncio.to_thread(self._journal.entry, request.urn, _type(request.urn))
        if begun is not None and begun.names.get(AUTONAMED):
            return begun.names[AUTONAMED]
        return f"{request.name}-{request.random_seed.hex()[:NAME_DIGITS] or '0' * NAME_DIGITS}"

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """New inputs against the state; and, where those agree, against the file: somebody may have changed it."""
        state, _ = values.to_plain(request.old_state)
        news, _ = values.to_plain(request.new_inputs)
        olds, _ = values.to_plain(request.old_inputs if isinstance(request, DiffRequest) else {})
        await asyncio.to_thread(self._journal.known, request.urn, request.resource_id)
        ignored = [path_parts(path) for path in request.ignore_changes]
        found = _without(differences(state, news), ignored)
        if not found and values.is_known(news):
            folder = self._folder()
            present = await asyncio.to_thread(manifests.read, folder / manifests.path_of(news)) if folder else news
            found = _without(differences(present or {}, news), ignored)
            replacing: list[Difference] = []  # what changed is the file, not what it stands for
        else:
            fields = replacing_fields(news, self._mutable())
            replacing = [one for one in found if any(touches(one, field) for field in fields)]
        return sdk.DiffResponse(
            changes=bool(found),
            replaces=[one.text for one in replacing],
            diffs=sorted({str(one.path[0]) for one in found if one.path}),
            detailed_diff={
                one.text: _property_diff(one, replaces=one in replacing, by_input=_at(olds, one) != _at(news, one))
                for one in found
            },
            delete_before_replace=bool(replacing) and _name_stays(state, news),
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Write the file."""
        inputs, secrets = values.to_plain(request.properties)
        if request.preview:
            return sdk.CreateResponse("", request.properties)

        def make() -> str:
            folder = self._known_folder()
            self._remove_left_behind(request.urn, inputs)
            names = {"file": str(folder / manifests.path_of(inputs))}
            metadata = inputs["metadata"]
            if (metadata.get("annotations") or {}).get(AUTONAMED) == "true":
                names[AUTONAMED] = metadata["name"]
            entry = self._journal.begin(request.urn, _type(request.urn), inputs, names)
            manifests.write(folder, inputs)
            self._journal.made(entry, manifests.id_of(inputs), inputs)
            return manifests.id_of(inputs)

        id_ = await self._guarded(make, inputs, secrets)
        return sdk.CreateResponse(id_, values.to_properties(inputs, _secrets_of(inputs, secrets)))

    def _remove_left_behind(self, urn: str, inputs: Manifest) -> None:
        """A killed run may have written the object under another name: no state knows that file."""
        entry = self._journal.entry(urn, _type(urn))
        if entry is not None and entry.names.get("file"):
            left = Path(entry.names["file"])
            if left != self._known_folder() / manifests.path_of(inputs):
                left.unlink(missing_ok=True)

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """What the file holds now: for a refresh, or without a known state for an import."""
        _refuse(_type(request.urn))
        state, state_secrets = values.to_plain(request.properties)
        inputs, input_secrets = values.to_plain(request.inputs)
        await asyncio.to_thread(self._journal.known, request.urn, request.resource_id)
        known = state or inputs or _from_type(_type(request.urn), request.resource_id)
        secrets = state_secrets | input_secrets

        def look() -> Manifest | None:
            return manifests.read(self._known_folder() / manifests.path_of(known))

        found = await self._guarded(look, known, secrets)
        if found is None:
            return sdk.ReadResponse("")
        told = values.to_properties(found, _secrets_of(found, secrets))
        return sdk.ReadResponse(request.resource_id, told, told)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Write the file anew. Name and namespace stay, or it would have been a replacement; the version may move."""
        state, _ = values.to_plain(request.olds)
        news, secrets = values.to_plain(request.news)
        olds, _ = values.to_plain(request.old_inputs if isinstance(request, UpdateRequest) else {})
        if request.preview:
            kept = {key: value for key, value in state.items() if key not in olds}
            return sdk.UpdateResponse(values.to_properties({**kept, **news}, _secrets_of(news, secrets)))

        def change() -> None:
            folder = self._known_folder()
            self._journal.known(request.urn, request.resource_id)
            manifests.write(folder, news)
            if manifests.path_of(state) != manifests.path_of(news):
                (folder / manifests.path_of(state)).unlink(missing_ok=True)

        await self._guarded(change, news, secrets)
        return sdk.UpdateResponse(values.to_properties(news, _secrets_of(news, secrets)))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Remove the file. One that is gone already is no error."""
        state, secrets = values.to_plain(request.properties)

        def remove() -> None:
            (self._known_folder() / manifests.path_of(state)).unlink(missing_ok=True)
            self._journal.known(request.urn, request.resource_id)

        await self._guarded(remove, state, secrets)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        """Helm, Kustomize and YAML files are read by the real plugin only."""
        raise LocalCloudError(f"function {request.tok} is not in the local cloud: declare the objects as resources")

    async def construct(self, request: sdk.ConstructRequest) -> sdk.ConstructResponse:
        """Charts and the like are made by the real plugin only."""
        raise LocalCloudError(f"{request.resource_type} is not in the local cloud: declare the objects as resources")

    # What the above share

    def _mutable(self) -> frozenset[str]:
        return frozenset(
            kind
            for kind, (option, variable) in MUTABLE.items()
            if str(self._configuration.get(option, os.environ.get(variable, ""))).lower() == "true"
        )

    async def _guarded(self, call: Callable[[], Result], plain: Manifest, secrets: Secrets) -> Result:
        """Run a blocking call in a thread. What it raises becomes one line without a secret."""
        try:
            return await asyncio.to_thread(call)
        except Exception as error:
            texts = values.secret_texts(plain, _secrets_of(plain, secrets))
            raise LocalCloudError(values.redacted(one_line(error), texts)) from error


def _type(urn: str) -> str:
    return urn.split("::")[-2].rsplit("$", 1)[-1]


def _provider_name(urn: str) -> str:
    """`eu` of an explicit provider; `default` of the engine's own, whose names end in a version."""
    name = urn.rsplit("::", 1)[-1]
    return "default" if name == "default" or name.startswith("default_") else name


def _refuse(token: str) -> None:
    """Types that are no single object of a cluster."""
    if token.startswith(NOT_HERE):
        raise LocalCloudError(f"{token} is not in the local cloud: declare the objects as resources of their own")
    if token.endswith("Patch"):
        raise LocalCloudError(f"{token} is not in the local cloud: there is no object in a cluster that it could patch")


def _cluster(configuration: Mapping[str, Any]) -> Any:
    """What names the cluster: the context, the cluster's name, or the current context of an inline kubeconfig."""
    named = configuration.get("context") or configuration.get("cluster")
    kubeconfig = configuration.get("kubeconfig")
    if named or not kubeconfig or kubeconfig is UNKNOWN:
        return named or kubeconfig or ""
    try:
        document = yaml.safe_load(str(kubeconfig))
    except yaml.YAMLError:
        return ""
    return str(document.get("current-context") or "") if isinstance(document, dict) else ""


def _secrets_of(manifest: Manifest, secrets: Secrets) -> Secrets:
    """Secret paths, and the content of a Secret whether the program marked it or not."""
    if manifest.get("apiVersion") == "v1" and manifest.get("kind") == "Secret":
        return secrets | {(field,) for field in SECRET_FIELDS if field in manifest}
    return secrets


def _from_type(token: str, id_: str) -> Manifest:
    """The bare object that an import names: `kubernetes:apps/v1:Deployment` and `namespace/name`."""
    _, group, kind = token.split(":")
    namespace, _, name = id_.rpartition("/")
    api_version = group.removeprefix("core/")
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }


def _without(found: Iterable[Difference], ignored: list[list[str]]) -> list[Difference]:
    return [one for one in found if not any(lies_in(one, parts) for parts in ignored)]


def _name_stays(state: Manifest, news: Manifest) -> bool:
    """Whether a replacement would meet the old object under its name; a made-up name is made anew."""
    new, old = news.get("metadata"), state.get("metadata")
    if not isinstance(new, dict) or not isinstance(old, dict) or news.get("kind") != state.get("kind"):
        return False
    same = all(new.get(field) == old.get(field) for field in ("name", "namespace"))
    return same and (new.get("annotations") or {}).get(AUTONAMED) != "true"


def _at(manifest: Any, difference: Difference) -> Any:
    for part in difference.path:
        if isinstance(manifest, dict):
            manifest = manifest.get(part)
        elif isinstance(manifest, list) and isinstance(part, int) and part < len(manifest):
            manifest = manifest[part]
        else:
            return None
    return manifest


def _property_diff(difference: Difference, *, replaces: bool, by_input: bool) -> sdk.PropertyDiff:
    kind = f"{difference.kind}_replace" if replaces else difference.kind
    return sdk.PropertyDiff(sdk.PropertyDiffKind[kind.upper()], by_input)
