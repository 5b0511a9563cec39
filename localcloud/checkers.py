"""The field's own programs that tests judge Seawall by: on PATH, kept from an earlier run, or built once from Go modules.

`make tools` builds all of them, `make tools ARGS=sloth` one. Each test that asks for one is skipped where it is
missing, with a line that says how to get it. What is built lies in the cache folder under a name that follows from its
module files: other versions, another folder.
"""

import dataclasses
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import filelock

from localcloud.child import ChildFailed, run
from localcloud.engine import Limits, cache_folder
from localcloud.errors import LocalCloudError
from localcloud.gobuild import STRIP, Tool, build_one, recipe
from localcloud.gotoolchain import GoUnavailable, find_go
from localcloud.modulefiles import fetch, listed
from seawall.errors import InvalidInput

__all__ = ["CHECKERS", "Checker", "CheckerUnavailable", "ensure_checker", "ensure_checkers", "find_checker"]

PROBE_SECONDS: Final = 30.0  # for a question that each answers in a tenth of a second
PROMETHEUS_MODULE: Final = "v0.316.0"  # of the Go module; the release calls itself 3.16.0
PROMETHEUS_RELEASE: Final = "3.16.0"
PROMETHEUS_OLDEST: Final = (3, 0)  # since then ranges are open at their left end, which the test cases count on
ALERTMANAGER_MODULE: Final = "v0.34.1"
SLOTH_MODULE: Final = "v0.16.0"
KUBERNETES_MODULE: Final = "v1.36.3"
ARGO_ROLLOUTS_MODULE: Final = "v1.10.1"
COMMON_VERSION: Final = "github.com/prometheus/common/version.Version"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checker:
    """One program, and which versions of it do."""

    tool: Tool
    what: str
    """What tests do with it, for people."""
    oldest: tuple[int, int]
    """The first version (major, minor) that is accepted from PATH."""
    question: tuple[str, ...] = ("--version",)
    """Arguments that make it say its version."""
    on_path: bool = True
    """Whether one on PATH does; a program of our own is always built from its source here."""
    data: str = ""
    """Name of the folder that it reads beside itself, filled by the list of that name in its folder under `tools/`."""

    @property
    def name(self) -> str:
        """Of the program."""
        return self.tool.name

    def kept(self, cache: Path) -> Path:
        """Where one of exactly these module files, for this machine, is kept."""
        version = self.tool.version
        return cache / self.name / recipe(version, version + self.list_text, self.tool.folder.name) / self.name

    @property
    def list_text(self) -> str:
        """The list of the files that it reads, as committed; empty where it reads none."""
        return (self.tool.folder / f"{self.data}.txt").read_text(encoding="utf-8") if self.data else ""


CHECKERS: Final[Mapping[str, Checker]] = {
    checker.name: checker
    for checker in (
        Checker(
            tool=Tool(
                "promtool",
                "github.com/prometheus/prometheus/cmd/promtool",
                PROMETHEUS_MODULE,
                f"{STRIP} -X {COMMON_VERSION}={PROMETHEUS_RELEASE}",
                modules="prometheus",
            ),
            what="reads each alert rule and lives through its cases",
            oldest=PROMETHEUS_OLDEST,
        ),
        Checker(
            tool=Tool(
                "prometheus",
                "github.com/prometheus/prometheus/cmd/prometheus",
                PROMETHEUS_MODULE,
                f"{STRIP} -X {COMMON_VERSION}={PROMETHEUS_RELEASE}",
            ),
            what="scrapes the demo app and fires the alerts",
            oldest=PROMETHEUS_OLDEST,
        ),
        Checker(
            tool=Tool(
                "amtool",
                "github.com/prometheus/alertmanager/cmd/amtool",
                ALERTMANAGER_MODULE,
                f"{STRIP} -X {COMMON_VERSION}={ALERTMANAGER_MODULE.removeprefix('v')}",
            ),
            what="reads Alertmanager's configuration and follows its routes",
            oldest=(0, 27),  # the first that reads matchers as UTF-8 as today's Alertmanager does
        ),
        Checker(
            tool=Tool(
                "sloth",
                "github.com/slok/sloth/cmd/sloth",
                SLOTH_MODULE,
                f"{STRIP} -X github.com/slok/sloth/internal/info.Version={SLOTH_MODULE}",
            ),
            what="writes rules of the same objectives, to compare thresholds with",
            oldest=(0, 16),  # whose windows are the ones that were compared
            question=("version",),
        ),
        Checker(
            tool=Tool("manifestcheck", ".", KUBERNETES_MODULE, f"{STRIP} -X main.version={KUBERNETES_MODULE[1:]}"),
            what="judges Kubernetes manifests with the API server's own code",
            oldest=(1, 36),
            question=("-version",),
            on_path=False,
            data="crds",
        ),
        Checker(
            tool=Tool("argocheck", ".", ARGO_ROLLOUTS_MODULE, f"{STRIP} -X main.version={ARGO_ROLLOUTS_MODULE[1:]}"),
            what="judges canaries' measurements and Rollouts with Argo Rollouts' own code",
            oldest=(1, 10),
            question=("-version",),
            on_path=False,
        ),
    )
}
"""By name, in the order in which they are built: the two that share their modules come first."""


class CheckerUnavailable(LocalCloudError):
    """One of the programs is not there, and could not be built; the one line says why."""


def find_checker(name: str, environ: Mapping[str, str] = os.environ, cache: Path | None = None) -> Path | None:
    """The program on PATH when it is new enough, else the one that is kept; None where there is neither.

    Raises:
        InvalidInput: There is no checker of that name.
    """
    checker = _checker(name)
    found = shutil.which(name, path=environ.get("PATH", os.defpath)) if checker.on_path else None
    for binary in (Path(found) if found else None, checker.kept(cache or cache_folder(environ))):
        if binary is not None and os.access(binary, os.X_OK) and _new_enough(checker, binary, environ):
            return binary
    return None


def ensure_checker(
    name: str, *, progress: Callable[[str], None], environ: Mapping[str, str] | None = None, cache: Path | None = None
) -> Path:
    """The program, built where there is none. Of several processes one builds, the others wait.

    Raises:
        InvalidInput: There is no checker of that name.
        CheckerUnavailable: It could not be built.
    """
    environ = dict(os.environ if environ is None else environ)
    cache = cache or cache_folder(environ)
    return find_checker(name, environ, cache) or _build(_checker(name), cache, environ, progress, Limits())


def ensure_checkers(
    names: Sequence[str],
    *,
    progress: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> dict[str, Path]:
    """Each of the named programs, or all of them; one that cannot be built does not keep the others from being built.

    Raises:
        InvalidInput: There is no checker of one of the names.
        CheckerUnavailable: At least one could not be built; a line for each.
    """
    wanted = [_checker(name).name for name in names] or list(CHECKERS)
    found: dict[str, Path] = {}
    failures: list[str] = []
    for place, name in enumerate(wanted, start=1):

        def tell(line: str, head: str = f"{name} ({place} of {len(wanted)})") -> None:
            progress(f"{head}: {line}")

        try:
            found[name] = ensure_checker(name, progress=tell, environ=environ, cache=cache)
            tell(str(found[name]))
        except CheckerUnavailable as error:
            failures.append(str(error))
            tell(str(error))
    if failures:
        raise CheckerUnavailable("\n".join(failures))
    return found


def _checker(name: str) -> Checker:
    if name not in CHECKERS:
        raise InvalidInput("tool", name, allowed=", ".join(CHECKERS))
    return CHECKERS[name]


def _build(
    checker: Checker, cache: Path, environ: Mapping[str, str], progress: Callable[[str], None], limits: Limits
) -> Path:
    name, kept = checker.name, checker.kept(cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / "engine.lock", timeout=limits.wait_seconds):  # Go's wheel is the engine's too
            found = find_checker(name, environ, cache)
            if found:
                return found
            modules = checker.tool.folder.name
            go = find_go(cache=cache, environ=environ, say=progress, beat_seconds=limits.beat_seconds, tools=modules)
            home = kept.parent.parent
            home.mkdir(parents=True, exist_ok=True)
            for leftover in home.glob(".making-*"):  # of a run that was killed, or it would hold the lock
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=home) as making:
                whole = Path(making) / "whole"
                whole.mkdir()
                if checker.data:
                    progress(f"fetching the {checker.data} that {name} reads")
                    fetch(listed(checker.list_text), whole / checker.data, go)
                build_one(
                    checker.tool,
                    whole,
                    go,
                    say=progress,
                    limit_seconds=limits.build_seconds,
                    beat_seconds=limits.beat_seconds,
                )
                shutil.rmtree(kept.parent, ignore_errors=True)
                whole.rename(kept.parent)  # whole or not at all
    except (ChildFailed, GoUnavailable, OSError, filelock.Timeout) as error:
        advice = "Put one on PATH, and run again" if checker.on_path else "Run again when that is mended"
        raise CheckerUnavailable(f"no {name}: {' '.join(str(error).split())}. {advice}") from error
    if not _new_enough(checker, kept, environ):
        raise CheckerUnavailable(f"no {name}: the one built in {kept.parent} does not run")
    return kept


def _new_enough(checker: Checker, binary: Path, environ: Mapping[str, str]) -> bool:
    try:
        lines = run([binary, *checker.question], environ=environ, limit_seconds=PROBE_SECONDS)
    except (ChildFailed, OSError):
        return False
    found = re.search(r"(?:version |^)v?(\d+)\.(\d+)", "\n".join(lines), re.MULTILINE)
    return found is not None and (int(found[1]), int(found[2])) >= checker.oldest
