"""Prometheus' own checker of rules: on PATH, kept from an earlier run, or built once from its Go module.

`make promtool` builds it (some four minutes on two cores); tests marked `promtool` use it when it is there.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import filelock

from localcloud.child import ChildFailed, run
from localcloud.engine import Limits, cache_folder
from localcloud.errors import LocalCloudError
from localcloud.gobuild import STRIP, Tool, build_one, recipe
from localcloud.gotoolchain import GoUnavailable, find_go

__all__ = ["PROMTOOL", "ensure_promtool", "find_promtool"]

MODULE_VERSION: Final = "v0.316.0"  # of the Go module; the release calls itself 3.16.0
RELEASE: Final = "3.16.0"
OLDEST: Final = (3, 0)  # since then ranges are open at their left end, which the test cases count on
PROBE_SECONDS: Final = 30.0  # for `promtool --version`, which takes a tenth of a second
PROMTOOL: Final = Tool(
    "promtool",
    "github.com/prometheus/prometheus/cmd/promtool",
    MODULE_VERSION,
    f"{STRIP} -X github.com/prometheus/common/version.Version={RELEASE}",
)


class PromtoolUnavailable(LocalCloudError):
    """There is no promtool, and none could be built; the one line says why."""


def find_promtool(environ: Mapping[str, str] = os.environ, cache: Path | None = None) -> Path | None:
    """The promtool on PATH when it is new enough, else the one that is kept; None where there is neither."""
    found = shutil.which(PROMTOOL.name, path=environ.get("PATH", os.defpath))
    for binary in (Path(found) if found else None, _kept(cache or cache_folder(environ))):
        if binary is not None and os.access(binary, os.X_OK) and _new_enough(binary, environ):
            return binary
    return None


def ensure_promtool(
    *, progress: Callable[[str], None], environ: Mapping[str, str] | None = None, cache: Path | None = None
) -> Path:
    """A promtool that runs; built where there is none. Of several processes one builds, the others wait.

    Raises:
        PromtoolUnavailable: It could not be built.
    """
    environ = dict(os.environ if environ is None else environ)
    cache = cache or cache_folder(environ)
    found = find_promtool(environ, cache)
    return found or _build(cache, environ, progress, Limits())


def _build(cache: Path, environ: Mapping[str, str], progress: Callable[[str], None], limits: Limits) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / "engine.lock", timeout=limits.wait_seconds):  # Go's wheel is the engine's too
            found = find_promtool(environ, cache)
            if found:
                return found
            tools = PROMTOOL.name
            go = find_go(cache=cache, environ=environ, say=progress, beat_seconds=limits.beat_seconds, tools=tools)
            kept = _kept(cache)
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=kept.parent) as making:
                build_one(
                    PROMTOOL,
                    Path(making),
                    go,
                    say=progress,
                    limit_seconds=limits.build_seconds,
                    beat_seconds=limits.beat_seconds,
                )
                (Path(making) / PROMTOOL.name).replace(kept)  # whole or not at all
    except (ChildFailed, GoUnavailable, OSError, filelock.Timeout) as error:
        raise PromtoolUnavailable(
            f"no promtool: {' '.join(str(error).split())}. Put one on PATH, and run again"
        ) from error
    if not _new_enough(kept, environ):
        raise PromtoolUnavailable(f"no promtool: the one built in {kept.parent} does not run")
    return kept


def _kept(cache: Path) -> Path:
    """Where a promtool of exactly these module files, for this machine, is kept."""
    return cache / PROMTOOL.name / recipe(MODULE_VERSION, MODULE_VERSION, PROMTOOL.name) / PROMTOOL.name


def _new_enough(binary: Path, environ: Mapping[str, str]) -> bool:
    try:
        lines = run([binary, "--version"], environ=environ, limit_seconds=PROBE_SECONDS)
    except (ChildFailed, OSError):
        return False
    found = re.search(r"version v?(\d+)\.(\d+)", "\n".join(lines))
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST
