"""The Pulumi engine: found on PATH, kept from an earlier run, installed, or built from Go modules.

Pulumi's packages for Python are SDKs only; the engine (the `pulumi` command) and the host that runs Python programs
come separately, and where nothing but package registries can be reached their download is refused. `ensure_engine`
tries, in this order:

1. a `pulumi` on PATH that is at least as new as the SDK, with a Python language host;
2. what an earlier run kept in the cache folder;
3. the SDK's own installer, given up within seconds where its host cannot be reached;
4. a build from Go modules, pinned by `tools/*/go.mod` and `go.sum`: about four minutes on two cores.

A `pulumi` on PATH without a language host is passed over, not completed with ours: the engine looks for the host beside
its own binary and warns at each run about one found elsewhere, and we write into no folder of the user's.
"""

import dataclasses
import hashlib
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import platformdirs
from seawall.errors import SeawallError

__all__ = ["ENGINE_VERSION", "LANGUAGE_HOST_VERSION", "Engine", "EngineUnavailable", "cache_folder", "ensure_engine"]

ENGINE_VERSION: Final = "v3.274.1"
LANGUAGE_HOST_VERSION: Final = "v3.68.0"  # the newest release of Pulumi's Go module that still contains the host
TOOLS: Final = Path(__file__).resolve().parent / "tools"

Progress = Callable[[str], None]


class EngineUnavailable(SeawallError):
    """No Pulumi engine could be had; the one line names each thing that was tried and why it failed."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine that runs.

    Attributes:
        binary: The `pulumi` executable.
        folder: What must lead PATH: holds `pulumi`, `pulumi-language-python` and `pulumi-language-python-exec`.
        version: As the engine prints it, e.g. `v3.274.1`.
        origin: Where it is from, for people: `found on PATH`, `installed by Pulumi's SDK`, `built from Go modules`.
    """

    binary: Path
    folder: Path
    version: str
    origin: str


def cache_folder() -> Path:
    """Where engines are kept: `SEAWALL_CACHE_DIR`, else the user's cache folder."""
    return Path(os.environ.get("SEAWALL_CACHE_DIR") or platformdirs.user_cache_dir("seawall"))


def kept_folder(cache: Path) -> Path:
    """The folder of exactly this recipe (versions, Go module files, machine) inside the cache."""
    digest = hashlib.sha256(f"{ENGINE_VERSION} {LANGUAGE_HOST_VERSION}".encode())
    for path in sorted(TOOLS.glob("pulumi*/go.*")):
        digest.update(path.read_bytes())
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache / "engine" / f"{ENGINE_VERSION}-{machine}-{digest.hexdigest()[:8]}"


def write_stamp(folder: Path, *, version: str, origin: str) -> None:
    """Note what the folder holds; written last, after the engine was seen to run."""
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    stamp = {"version": version, "origin": origin, "files": files}
    (folder / "stamp.json").write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def kept(cache: Path) -> Engine | None:
    """The engine an earlier run kept, if it is whole: nothing is started, only sizes are compared."""
    folder = kept_folder(cache)
    try:
        stamp: dict[str, Any] = json.loads((folder / "stamp.json").read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in stamp["files"].items())
        if whole and os.access(folder / "pulumi", os.X_OK):
            return Engine(folder / "pulumi", folder, stamp["version"], stamp["origin"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None


def ensure_engine(*, cache: Path | None = None, progress: Progress) -> Engine:
    """An engine that runs, by the quickest of the ways above."""
    engine = kept(cache or cache_folder())
    if engine is None:
        raise EngineUnavailable("no Pulumi engine; tried: one kept by an earlier run (none)")
    progress(f"engine {engine.version}, {engine.origin}")
    return engine
