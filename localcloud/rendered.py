"""Hold one object of each cluster, as it was rendered, against what the program says that it declared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.findings import GONE, Finding, unlike
from localcloud.provider.kubernetes.manifests import Manifest, folder_name, path_of, read

Claim = Mapping[str, Any]
"""What the program says of an object: its region, namespace and name, and more."""
Judge = Callable[[Claim, Manifest], tuple[str, Mapping[str, tuple[object, object]]]]
"""Of a claim and its object: what was rendered, in a few words, and each pair of declared and found."""


def folder_of(claim: Claim, outputs: Mapping[str, Any], manifests: Path) -> Path:
    """The folder of the cluster that a claim is about."""
    return manifests / folder_name(outputs["clusters"][claim["region"]])


def held_against(
    claims: str, outputs: Mapping[str, Any], manifests: Path, api_version: str, kind: str, what: str, judge: Judge
) -> Iterator[Finding]:
    """Each object that is claimed.

    Args:
        claims: Name of the output that has them.
        outputs: The program's, with `clusters` (context by region).
        manifests: Folder with a folder per cluster.
        api_version: Of the objects.
        kind: Of the objects.
        what: Of the findings, for people.
        judge: Of an object that is there.
    """
    for claim in outputs.get(claims, []):
        metadata = {"name": claim["name"], "namespace": claim["namespace"]}
        wanted = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        found = read(folder_of(claim, outputs, manifests) / path_of(wanted))
        title = f"{claim['namespace']}/{claim['name']} in {outputs['clusters'][claim['region']]}"
        if found is None:
            yield Finding(what, title, "missing", GONE)
        else:
            summary, pairs = judge(claim, found)
            yield Finding(what, title, f"rendered: {summary}", unlike(pairs))


class Rendered:
    """The rendered objects of one namespace of a cluster.

    Args:
        folder: The cluster's.
        namespace: The namespace.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        self._folder, self._namespace = folder, namespace

    def object(self, version: str, kind: str, name: str) -> Manifest | None:
        """An object, or None."""
        metadata = {"name": name, "namespace": self._namespace}
        return read(self._folder / path_of({"apiVersion": version, "kind": kind, "metadata": metadata}))

    def among(self, version: str, kind: str, names: Iterable[str]) -> set[str]:
        """Those of the names that there are objects of."""
        return {name for name in names if self.object(version, kind, name) is not None}

    def has_config_maps_of(self, pod: Mapping[str, Any]) -> bool:
        """Whether every ConfigMap that a pod mounts is there, and there is one: a pod does not start without."""
        names = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        return bool(names) and self.among("v1", "ConfigMap", names) == set(names)


def labels(claim: Claim, found: Manifest) -> tuple[object, object]:
    """The labels that are claimed, and the same of the object: what selects it."""
    given = found["metadata"].get("labels", {})
    return claim["labels"], {key: given.get(key) for key in claim["labels"]}
