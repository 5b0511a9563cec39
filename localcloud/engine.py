"""The Pulumi engine: found on PATH, kept from an earlier run, installed, or built from Go modules.

Pulumi's packages for Python are SDKs only; the engine (the `pulumi` command) and the host that runs Python programs
come separately, and where nothing but package registries can be reached their download is refused. `ensure_engine`
tries, in this order:

1. a `pulumi` on PATH that is at least as new as the SDK, with a Python language host;
2. what an earlier run kept in the cache folder;
3. the SDK's own installer, given up within seconds where its host cannot be reached;
4. a build from Go modules: about four minutes on two cores (`gobuild`).

A `pulumi` on PATH without a language host is passed over, not completed with ours: the engine looks for the host beside
its own binary and warns at each run about one found elsewhere, and we write into no folder of the user's.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import filelock
import platformdirs

from localcloud import gobuild
from localcloud.child import Child, ChildFailed, run, wait
from localcloud.gobuild import ENGINE_VERSION, LANGUAGE_HOST_VERSION
from localcloud.gotoolchain import GoUnavailable, find_go, writable
from seawall.errors import SeawallError

__all__ = [
    "ENGINE_VERSION",
    "LANGUAGE_HOST_VERSION",
    "Engine",
    "EngineUnavailable",
    "Limits",
    "cache_folder",
    "ensure_engine",
]

ROOT: Final = Path(__file__).resolve().parent.parent
STAMP: Final = "stamp.json"
LONGEST_REASON: Final = 300  # characters of one attempt's failure within the one line
PROBE_SECONDS: Final = 30.0  # for `pulumi version`, which takes a tenth of a second
REACHED: Final = "reached"  # what the installer's process says once its host has answered

INSTALL: Final = f"""
import sys, urllib.request
urllib.request.urlopen("https://get.pulumi.com/install.sh", timeout=5).close()
print("{REACHED}", flush=True)
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2].removeprefix("v")))
"""
INSTALLER: Final = (sys.executable, "-c", INSTALL)

Progress = Callable[[str], None]


class EngineUnavailable(SeawallError):
    """No Pulumi engine could be had; the one line names each thing that was tried and why it failed."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine that runs.

    Attributes:
        binary: The `pulumi` executable.
        folder: What must lead PATH: holds `pulumi`, `pulumi-language-python` and `pulumi-language-python-exec` (of an
            engine found on PATH the last two may be elsewhere on PATH).
        version: As the engine prints it, e.g. `v3.274.1`.
        origin: Where it is from, for people: `found on PATH`, `installed by Pulumi's SDK`, `built from Go modules`.
    """

    binary: Path
    folder: Path
    version: str
    origin: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How long things may take, in seconds."""

    beat_seconds: float = 10.0
    """Between two lines of progress."""
    contact_seconds: float = 8.0
    """Until the installer's host has answered."""
    install_seconds: float = 240.0
    """For the installer's download, about 150 MB."""
    build_seconds: float = 1800.0
    """For each phase of the build; seven times what two cores need."""
    wait_seconds: float = 3600.0
    """For another run that is already at it."""


class _Steps:
    """What is told while it runs, with the elapsed time, and what failed, for the error at the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begun = time.monotonic()
        self._failed: list[str] = []

    def say(self, line: str) -> None:
        self._progress(f"{line} ({time.monotonic() - self._begun:.0f} s)")

    def failed(self, attempt: str, reason: object, *, tell: bool = True) -> None:
        text = " ".join(str(reason).split())
        text = text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
        self._failed.append(f"{attempt} ({text})")
        if tell:
            self.say(f"{attempt}: {text}")

    def error(self) -> EngineUnavailable:
        return EngineUnavailable(
            f"no Pulumi engine to be had; tried: {'; '.join(self._failed)}. "
            "Put pulumi and its Python language host on PATH, or give access to the Go modules, and run again"
        )


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where engines are kept: `SEAWALL_CACHE_DIR`, else the user's cache folder, else `.local/` of this project."""
    chosen = environ.get("SEAWALL_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    users = Path(platformdirs.user_cache_dir("seawall"))
    return users if writable(users, environ.get("HOME", "")) else ROOT / ".local" / "cache"


def ensure_engine(
    *,
    progress: Progress,
    cache: Path | None = None,
    environ: Mapping[str, str] | None = None,
    installer: Sequence[str] = INSTALLER,
    limits: Limits = Limits(),
) -> Engine:
    """An engine that runs, by the quickest of the four ways of this module.

    At once where one is on PATH or kept. Several processes may call it at the same time: one works, the others wait
    and say so. It may be killed at any moment: nothing half made is ever used, and no child lives on.

    Args:
        progress: Takes one line at a time, at least every `limits.beat_seconds` while something runs.
        cache: Instead of `cache_folder()`.
        environ: Instead of `os.environ`: where to search for programs, and what they get.
        installer: The command that installs an engine, called with a folder and a version.
        limits: How long things may take.

    Raises:
        EngineUnavailable: none of the ways worked; the line has each and its reason.
    """
    environ = dict(os.environ if environ is None else environ)
    cache = cache or cache_folder(environ)
    steps = _Steps(progress)
    engine = _on_path(environ, cache, steps) or _kept(cache)
    if engine:
        return engine
    steps.failed("one kept by an earlier run", f"none in {cache}", tell=False)
    try:
        with _only_one(cache, steps, limits):
            return _kept(cache) or _make(cache, environ, steps, installer, limits)
    except OSError as error:
        steps.failed("the cache folder", f"{cache}: {error.strerror or error}")
        raise steps.error() from error


def _on_path(environ: Mapping[str, str], cache: Path, steps: _Steps) -> Engine | None:
    """The `pulumi` on PATH, if it is new enough and has a language host."""
    attempt = "pulumi on PATH"
    path = environ.get("PATH", os.defpath)
    found = shutil.which("pulumi", path=path)
    if not found:
        steps.failed(attempt, "none", tell=False)
        return None
    real = Path(found).resolve()
    if real.is_relative_to(cache.resolve()):  # ours, put there by `make shell`: needs no questions
        return _kept(cache)
    try:
        version = _version_of(Path(found), environ)
    except ChildFailed as error:
        steps.failed(attempt, f"{found}: {error}")
        return None
    oldest = _numbers(importlib.metadata.version("pulumi"))
    if _numbers(version) < oldest or _numbers(version)[0] != oldest[0]:
        wanted = ".".join(map(str, oldest))
        steps.failed(attempt, f"{found} is {version}; the SDK wants {wanted} or newer, of the same major version")
        return None
    # Beside the real binary is where the engine itself looks first; a shim of a version manager has nothing there.
    for folder in (real.parent, Path(found).absolute().parent):
        if _executable(folder / "pulumi") and _executable(folder / gobuild.HOST.name):
            return Engine(folder / "pulumi", folder, version, "found on PATH")
    if shutil.which(gobuild.HOST.name, path=path):
        return Engine(Path(found), Path(found).parent, version, "found on PATH")
    steps.failed(attempt, f"{found} has no {gobuild.HOST.name} beside it, nor is one on PATH")
    return None


def _kept(cache: Path) -> Engine | None:
    """The engine an earlier run kept, if it is whole: nothing is started, only sizes are compared."""
    folder = _kept_folder(cache)
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in stamp["files"].items())
        if whole and _executable(folder / "pulumi"):
            return Engine(folder / "pulumi", folder, stamp["version"], stamp["origin"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not there, or damaged: made anew
    return None


def _kept_folder(cache: Path) -> Path:
    """The folder of exactly this recipe (versions, Go module files, machine) inside the cache."""
    return cache / "engine" / gobuild.recipe(ENGINE_VERSION, f"{ENGINE_VERSION} {LANGUAGE_HOST_VERSION}", "pulumi*")


@contextlib.contextmanager
def _only_one(cache: Path, steps: _Steps, limits: Limits) -> Iterator[None]:
    """Hold the lock of the cache folder; the system frees it when its holder dies in whatever way."""
    cache.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(cache / "engine.lock"), cache / "engine.lock.pid"
    deadline = time.monotonic() + limits.wait_seconds
    name = "another process"
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except filelock.Timeout:
            with contextlib.suppress(OSError):  # it has this moment begun or ended
                name = f"process {holder.read_text(encoding='utf-8')}"
            steps.say(f"waiting for {name}, which is already at it")
        if time.monotonic() > deadline:
            steps.failed("waiting for another run", f"not done after {limits.wait_seconds:.0f} s")
            raise steps.error()
        with contextlib.suppress(filelock.Timeout):
            lock.acquire(timeout=limits.beat_seconds, poll_interval=min(0.2, limits.beat_seconds))
            break
    try:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _make(cache: Path, environ: Mapping[str, str], steps: _Steps, installer: Sequence[str], limits: Limits) -> Engine:
    """Install or build, look whether it runs, and only then give it its name. The caller holds the lock."""
    folder = _kept_folder(cache)
    for leftover in folder.parent.glob(".making-*"):  # of a run that was killed, or it would hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        origin, version = _filled(making, cache, environ, steps, installer, limits)
        files = {path.name: path.stat().st_size for path in sorted(making.iterdir()) if path.is_file()}
        stamp = {"version": version, "origin": origin, "files": files}
        (making / STAMP).write_text(json.dumps(stamp, indent=1), encoding="utf-8")
        making.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # only ever a damaged one
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    steps.say(f"pulumi {version} is ready, {origin}")
    return Engine(folder / "pulumi", folder, version, origin)


def _filled(
    making: Path, cache: Path, environ: Mapping[str, str], steps: _Steps, installer: Sequence[str], limits: Limits
) -> tuple[str, str]:
    """Fill a folder with an engine that was seen to run; gives its origin and version."""
    try:
        _install(making, environ, steps, installer, limits)
        return "installed by Pulumi's SDK", _checked(making, environ)
    except (ChildFailed, OSError) as error:
        steps.failed("the SDK's installer", error)
    _empty(making)
    try:
        go = find_go(cache=cache, environ=environ, say=steps.say, beat_seconds=limits.beat_seconds)
        gobuild.build(making, go, say=steps.say, limit_seconds=limits.build_seconds, beat_seconds=limits.beat_seconds)
        return "built from Go modules", _checked(making, environ)
    except (ChildFailed, GoUnavailable, OSError) as error:
        steps.failed("a build from Go modules", error)
        raise steps.error() from error


def _install(making: Path, environ: Mapping[str, str], steps: _Steps, installer: Sequence[str], limits: Limits) -> None:
    """Let the SDK install the engine, and take over the folder with its programs."""
    root = making / "installed"
    line = f"trying to install pulumi {ENGINE_VERSION} with the SDK's installer"
    steps.say(line)
    quiet = _quiet(environ, making / "home")
    with Child([*installer, str(root), ENGINE_VERSION], environ=quiet) as child:
        reached_by = time.monotonic() + limits.contact_seconds
        while not child.finished() and REACHED not in child.lines:
            if time.monotonic() > reached_by:
                raise ChildFailed(f"its host did not answer within {limits.contact_seconds:.0f} s")
            time.sleep(0.05)
        wait(
            [child],
            limit_seconds=limits.install_seconds,
            beat=lambda: steps.say(line),
            beat_seconds=limits.beat_seconds,
        )
    for path in (root / "bin").iterdir():
        path.rename(making / path.name)
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(making / "home", ignore_errors=True)


def _checked(folder: Path, environ: Mapping[str, str]) -> str:
    """Version of the engine in a folder, after both programs were seen to start."""
    run([folder / gobuild.HOST.name, "-h"], environ=environ, limit_seconds=PROBE_SECONDS)
    version = _version_of(folder / "pulumi", environ)
    if version != ENGINE_VERSION:
        raise ChildFailed(f"it is {version}, not {ENGINE_VERSION}")
    return version


def _version_of(binary: Path, environ: Mapping[str, str]) -> str:
    """What an engine says of itself, without a trace in the user's folders."""
    with tempfile.TemporaryDirectory(prefix="seawall-engine-") as home:
        lines = run([binary, "version"], environ=_quiet(environ, Path(home)), limit_seconds=PROBE_SECONDS)
    for line in lines:
        if re.match(r"v?\d+\.\d+\.\d+\S*$", line):
            return f"v{line.removeprefix('v')}"
    raise ChildFailed("`pulumi version` printed no version")


def _quiet(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    return {**environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
