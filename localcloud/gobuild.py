"""Build the engine, its Python language host and other tools from Go modules.

The modules are pinned by `tools/<tool>/go.mod` and `go.sum`; nothing else of them is ours. Almost all of the time is
compiling (six minutes of processor time for the engine, one for the host), the download about 15 s. So the engine's
modules are fetched while the host compiles, and then the engine has both cores.

Measured for the engine, processor seconds: 495 with Go's defaults, 451 without debug information, 363 when the
compiler is also spared its garbage collection (`_faster`).
"""

import dataclasses
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

from localcloud.child import Child, ChildFailed, run, wait
from localcloud.gotoolchain import TOOLS, Go

__all__ = ["ENGINE", "ENGINE_VERSION", "HOST", "LANGUAGE_HOST_VERSION", "STRIP", "Tool", "build", "build_one", "recipe"]

ENGINE_VERSION: Final = "v3.274.1"
LANGUAGE_HOST_VERSION: Final = "v3.68.0"  # the newest release of Pulumi's Go module that still contains the host

SDK: Final = "github.com/pulumi/pulumi/sdk/v3"
STRIP: Final = "-s -w"  # no symbols, no debug information: a third smaller

ENOUGH_MEBIBYTES: Final = 1500
"""Memory for one compiler: only the largest packages, and the linker, reach it before they are done."""
LEAST_MEBIBYTES: Final = 500
"""With less, a limit would make the larger packages collect all the time."""

QUESTION_SECONDS: Final = 60.0  # for what Go answers from its module cache


@dataclasses.dataclass(frozen=True)
class Tool:
    """One program to build: its binary's name, Go package and version."""

    name: str
    package: str
    version: str
    link: str
    """Flags for the linker."""
    modules: str = ""
    """Name of the folder under `tools/` with its module files; the program's own name when empty."""

    @property
    def folder(self) -> Path:
        """Holds the committed go.mod and go.sum, and the source of a program that is ours."""
        return TOOLS / (self.modules or self.name)


ENGINE: Final = Tool(
    "pulumi",
    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ENGINE_VERSION,
    f"{STRIP} -X {SDK}/go/common/version.Version={ENGINE_VERSION}",
)
HOST: Final = Tool(
    "pulumi-language-python",
    f"{SDK}/python/cmd/pulumi-language-python",
    LANGUAGE_HOST_VERSION,
    f"{STRIP} -X {SDK}/go/common/version.Version={LANGUAGE_HOST_VERSION}",
)


class _Packages:
    """Counts what `go build -v` and `go list` say: packages compiled, modules being downloaded."""

    def __init__(self) -> None:
        self.compiled = 0
        self.downloaded = 0
        self.latest = ""

    def __call__(self, line: str) -> None:
        if line.startswith("go: downloading "):
            self.downloaded += 1
        elif line and not line.startswith(("go: ", "#", " ", "\t")):
            self.compiled += 1
            self.latest = line


def build(into: Path, go: Go, *, say: Callable[[str], None], limit_seconds: float, beat_seconds: float) -> None:
    """Build both programs, and put the host's script beside them.

    Args:
        into: An existing folder for `pulumi`, `pulumi-language-python` and `pulumi-language-python-exec`.
        go: The toolchain and its environment.
        say: Takes a line of progress, at least every `beat_seconds`.
        limit_seconds: For each of the two phases.
        beat_seconds: Seconds between two signs of life.

    Raises:
        ChildFailed: a step ended badly or took too long.
        OSError: the files could not be written.
    """
    host, modules = _Packages(), _Packages()
    line = f"building {HOST.name} {HOST.version} from Go modules, fetching those of {ENGINE.name} {ENGINE.version}"

    def first_phase() -> None:
        say(f"{line}: {host.compiled} packages compiled, {host.downloaded + modules.downloaded} modules downloaded")

    first_phase()
    with (
        _go(go, _build_command(HOST, into, go), HOST, on_line=host) as building,
        _go(go, ["list", *_common(go), "-deps", ENGINE.package], ENGINE, on_line=modules) as listing,
    ):
        wait([building, listing], limit_seconds=limit_seconds, beat=first_phase, beat_seconds=beat_seconds)

    total, engine = modules.compiled, _Packages()
    line = f"building {ENGINE.name} {ENGINE.version} from Go modules"

    def second_phase() -> None:
        linking = engine.latest == ENGINE.package
        say(f"{line}: {'linking' if linking else f'{engine.compiled} of at most {total} packages compiled'}")

    second_phase()
    with _go(go, _build_command(ENGINE, into, go), ENGINE, on_line=engine) as building:
        wait([building], limit_seconds=limit_seconds, beat=second_phase, beat_seconds=beat_seconds)

    script = "pulumi-language-python-exec"
    shutil.copyfile(_module_folder(go) / "python" / "cmd" / script, into / script)
    (into / script).chmod(0o755)


def build_one(
    tool: Tool, into: Path, go: Go, *, say: Callable[[str], None], limit_seconds: float, beat_seconds: float
) -> None:
    """Build one program into an existing folder, under its own name.

    Raises:
        ChildFailed: it ended badly or took longer than `limit_seconds`.
    """
    seen = _Packages()

    def beat() -> None:
        say(
            f"building {tool.name} {tool.version} from Go modules: {seen.compiled} packages compiled, "
            f"{seen.downloaded} modules downloaded"
        )

    beat()
    with _go(go, _build_command(tool, into, go), tool, on_line=seen) as building:
        wait([building], limit_seconds=limit_seconds, beat=beat, beat_seconds=beat_seconds)


def recipe(version: str, pins: str, tools: str) -> str:
    """Name of what is built from exactly these module and source files, for this machine: another recipe, another name.

    Args:
        version: How the name begins.
        pins: Versions that the module files do not tell.
        tools: Whose files: a pattern of their folders' names.
    """
    digest = hashlib.sha256(pins.encode())
    for path in sorted({*TOOLS.glob(f"{tools}/go.*"), *TOOLS.glob(f"{tools}/*.go")}):
        digest.update(path.read_bytes())
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return f"{version}-{machine}-{digest.hexdigest()[:8]}"


def _common(go: Go) -> list[str]:
    """Flags of every step: our module files are read only, and a module cache of ours stays removable."""
    return ["-mod=readonly", *(["-modcacherw"] if go.own_module_cache else [])]


def _build_command(tool: Tool, into: Path, go: Go) -> list[str]:
    # -dwarf=false: no debug information is written that the linker would drop, a tenth less work. -trimpath: no path of
    # this machine in the binary or in the keys of the build cache.
    reproducible = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", f"-ldflags={tool.link}"]
    return ["build", *_common(go), "-v", *reproducible, "-o", str(into / tool.name), tool.package]


def _go(go: Go, arguments: Sequence[str], tool: Tool, *, on_line: Callable[[str], None]) -> Child:
    return Child([go.binary, *arguments], environ={**go.environ, **_faster()}, folder=tool.folder, on_line=on_line)


def _faster() -> dict[str, str]:
    """Let the compilers collect garbage only near a limit: each lives for seconds and the system cleans up after it."""
    share = psutil.virtual_memory().available // (2 * (os.cpu_count() or 1)) // 2**20
    limit = min(ENOUGH_MEBIBYTES, share)
    return {"GOGC": "off", "GOMEMLIMIT": f"{limit}MiB"} if limit >= LEAST_MEBIBYTES else {}


def _module_folder(go: Go) -> Path:
    """Where the module cache has the module of the language host."""
    command = [go.binary, "list", *_common(go), "-m", "-f", "{{.Dir}}", SDK]
    lines = run(command, environ=go.environ, folder=HOST.folder, limit_seconds=QUESTION_SECONDS)
    if not lines or not Path(lines[-1]).is_absolute():
        raise ChildFailed(f"go list -m does not know where {SDK} is")
    return Path(lines[-1])
