"""Files out of Go modules that are data and not code, such as custom resource definitions: fetched, compared, laid down.

Nothing of them is committed. What is committed is a list of a module, its version, the hash that Go knows it by, and a
pattern of paths within it, a line each.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from localcloud.child import ChildFailed, run
from localcloud.gotoolchain import Go

__all__ = ["ModuleFiles", "fetch", "listed"]

DOWNLOAD_SECONDS: Final = 300.0  # for one module; the largest has 30 MB


class ModuleFiles(NamedTuple):
    """Some files of one module."""

    module: str
    version: str
    hash: str
    """As in a go.sum, `h1:` first."""
    pattern: str
    """Of paths within the module."""


def listed(text: str) -> list[ModuleFiles]:
    """The entries of such a list, without its comments.

    Raises:
        ValueError: A line has not its four parts.
    """
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [ModuleFiles(*_four(line)) for line in lines]


def _four(parts: list[str]) -> tuple[str, str, str, str]:
    module, version, digest, pattern = parts
    return module, version, digest, pattern


def fetch(wanted: list[ModuleFiles], into: Path, go: Go) -> None:
    """Lay the files into a new folder, those of one module beside those of the others.

    Raises:
        ChildFailed: A module could not be had, is not the one that was listed, or has no such files.
        OSError: The files could not be written.
    """
    into.mkdir()
    for each in wanted:
        place = f"{each.module}@{each.version}"
        removable = ["-modcacherw"] if go.own_module_cache else []
        with tempfile.TemporaryDirectory() as nowhere:  # in a module's folder Go would ask its go.mod
            command = [go.binary, "mod", "download", *removable, "-json", place]
            text = "\n".join(run(command, environ=go.environ, limit_seconds=DOWNLOAD_SECONDS, folder=Path(nowhere)))
        try:
            answer = json.loads(text[text.index("{") : text.rindex("}") + 1])
            found, folder = answer["Sum"], Path(answer["Dir"])
        except (ValueError, KeyError) as error:
            raise ChildFailed(f"go mod download {place} does not say where it is") from error
        if found != each.hash:
            raise ChildFailed(f"{place} has the hash {found}, and not {each.hash}")
        files = sorted(folder.glob(each.pattern))
        if not files:
            raise ChildFailed(f"{place} has no {each.pattern}")
        for file in files:
            shutil.copyfile(file, into / file.name)  # without its mode: the module cache is read only
