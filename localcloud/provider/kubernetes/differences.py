"""What differs between two manifests, and which differences need a new object. Pure.

A difference is a path of keys. Maps are compared key by key, lists element by element where both have as many, else
as a whole. `UNKNOWN` differs from everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from localcloud.provider.values import UNKNOWN

Path = tuple[str | int, ...]

# Fields that an API server does not let change, by API group and kind; a version of an API group does not change them.
# ConfigMaps and Secrets are replaced on purpose, so that a new content gets a new name and pods roll; see `mutable`.
SELECTOR: Final = ("spec.selector",)
IMMUTABLE: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "DaemonSet"): SELECTOR,
    ("apps", "Deployment"): SELECTOR,
    ("apps", "StatefulSet"): (
        *SELECTOR,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): (*SELECTOR, "spec.completions", "spec.parallelism", "spec.template"),
    ("", "ConfigMap"): ("data", "binaryData"),
    ("", "Secret"): ("data", "stringData", "type"),
    ("", "PersistentVolumeClaim"): ("spec",),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
ALWAYS: Final = ("kind", "metadata.name", "metadata.namespace")


@dataclass(frozen=True)
class Difference:
    """One: where, and whether the value is new (`add`), gone (`delete`) or another (`update`)."""

    path: Path
    kind: str

    @property
    def text(self) -> str:
        """The path as the engine writes it: `spec.template.spec.containers[0].image`."""
        text = ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
            elif any(sign in part for sign in '.["'):
                escaped = part.replace('"', '\\"')
                text += f'["{escaped}"]'
            else:
                text += f".{part}" if text else part
        return text


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """From the old value to the new one, in the order of the keys."""
    if old is UNKNOWN or new is UNKNOWN:
        yield Difference(path, "update")
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield Difference((*path, key), "delete")
            elif key not in old:
                yield Difference((*path, key), "add")
            else:
                yield from differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, (*path, index))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Difference(path, "update")


def replacing_fields(manifest: dict[str, Any], mutable: frozenset[str]) -> tuple[str, ...]:
    """Fields of the object whose change needs a new one.

    Args:
        manifest: The new object.
        mutable: Kinds among ConfigMap and Secret that the provider's configuration lets change in place.
    """
    group, slash, _ = str(manifest.get("apiVersion")).partition("/")
    kind = str(manifest.get("kind"))
    own = () if kind in mutable else IMMUTABLE.get((group if slash else "", kind), ())
    return (*ALWAYS, *own)


def touches(difference: Difference, field: str) -> bool:
    """Whether a difference lies in a field, or takes the field with it."""
    parts, keys = field.split("."), _keys(difference)
    shorter = min(len(parts), len(keys))
    return keys[:shorter] == parts[:shorter]


def lies_in(difference: Difference, parts: list[str]) -> bool:
    """Whether a difference is at or below a path of keys; `*` is any key."""
    keys = _keys(difference)
    return len(keys) >= len(parts) and all(part in ("*", key) for part, key in zip(parts, keys, strict=False))


def _keys(difference: Difference) -> list[str]:
    return [str(part) for part in difference.path]
