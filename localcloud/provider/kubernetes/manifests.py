"""Kubernetes objects as files: where each lies, and how it is written and read.

The layout is the real plugin's: `0-crd/` for CustomResourceDefinitions, `1-manifest/` for all else, so that
`kubectl apply -R -f <folder>` applies them in an order that works. Folders are for their owner, and so are files: a
Secret stands in them as plain text.
"""

import os
import re
import uuid
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

CRD_FOLDER: Final = "0-crd"
MANIFEST_FOLDER: Final = "1-manifest"
DEFAULT_NAMESPACE: Final = "default"
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
UNBROKEN: Final = 2**20  # columns: a line is never folded
LONGEST_NAME: Final = 253  # characters, of a DNS subdomain (RFC 1123)
# A DNS subdomain; role-based access control takes any path segment, `system:auth` for example.
SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
PATH_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[^/%\\\x00-\x1f]+")
RBAC_GROUP: Final = "rbac.authorization.k8s.io/"
# Go's YAML reader takes these for numbers, and PyYAML's writer, which follows YAML 1.1 to the letter, leaves them bare.
# A commit id such as 12e4567 in a label would arrive as infinity.
NUMBER_ELSEWHERE: Final = re.compile(r"[-+]?(\.?[0-9][0-9_.]*([eE][-+]?[0-9]+)?|0[oObBxX][0-9a-fA-F_]+)")


def path_of(manifest: Manifest) -> Path:
    """Where an object lies inside its cluster's folder."""
    metadata = manifest["metadata"]
    group = re.sub(r"[/:]", "_", str(manifest["apiVersion"]))
    kind, namespace = str(manifest["kind"]), metadata.get("namespace") or DEFAULT_NAMESPACE
    folder = CRD_FOLDER if kind == "CustomResourceDefinition" else MANIFEST_FOLDER
    return Path(folder) / re.sub(r"[/:]", "_", f"{group}-{kind.lower()}-{namespace}-{metadata['name']}.yaml")


def id_of(manifest: Manifest) -> str:
    """The engine's id of an object: `namespace/name`, or the name alone."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def bad_name(name: str, api_version: str) -> str | None:
    """Why an API server would refuse the name; None when it would not."""
    if len(name) > LONGEST_NAME:
        return f"at most {LONGEST_NAME} characters, not {len(name)}"
    if api_version.startswith(RBAC_GROUP):
        return None if PATH_SEGMENT.fullmatch(name) else "no slashes and no percent signs"
    if SUBDOMAIN.fullmatch(name):
        return None
    return "lower-case letters, digits, dashes and dots, with a letter or digit at both ends"


def folder_name(cluster: str) -> str:
    """A cluster's context (an ARN, say) as the name of a folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", cluster).strip(".")
    return name or "_"


def write(folder: Path, manifest: Manifest) -> Path:
    """Write an object's file, whole or not at all. Returns its path."""
    path = folder / path_of(manifest)
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(rendered(manifest))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read(path: Path) -> Manifest | None:
    """The object in a file; None when there is none, or what is there is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def rendered(manifest: Manifest) -> str:
    """The object as YAML: keys sorted, no line folded, texts of several lines as blocks."""
    return yaml.dump(
        manifest, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=True, width=UNBROKEN
    )


class _Dumper(yaml.SafeDumper):
    """SafeDumper, but sure that each text is read back as one by every reader."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- inherited
        """Always: an anchor shared between two fields surprises whoever edits one."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if not all(character.isprintable() or character == "\n" for character in value):
        style = '"'  # NEL and its like are line ends to some readers: written as escapes
    elif "\n" in value:
        style = "|"
    elif NUMBER_ELSEWHERE.fullmatch(value):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
