"""A machine with nothing on it, for the search of an engine. `go`, `pulumi`, `uv` and the installer are small scripts."""

import contextlib
import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from localcloud.engine import ENGINE_VERSION, Engine, EngineUnavailable, Limits, ensure_engine

SDK_VERSION = importlib.metadata.version("pulumi")
QUICK = Limits(beat_seconds=0.05, contact_seconds=10, install_seconds=10, build_seconds=30, wait_seconds=30)

# A Go that answers what is asked of it. A build writes a program that prints a version; it waits for $GO_ON if that is
# set, noting its process id in $GO_PID first.
GO = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$1 $GOTOOLCHAIN $PWD" >> "$GO_LOG"
case "$1" in
version) echo "go version go{version} linux/amd64" ;;
tool) echo /go/compile ;;
env) echo '{{"GOCACHE": "'"$HOME"'/.cache/go-build", "GOMODCACHE": "'"$HOME"'/go/pkg/mod"}}' ;;
list)
    case "$*" in
    *" -m "*) echo "$GO_MODULE" ;;
    *" -deps "*) echo "go: downloading example.com/module v1.0.0"; echo example.com/one; echo example.com/two ;;
    esac ;;
build)
    if [ -n "$GO_ON" ]; then
        echo $$ > "$GO_PID.new"; mv "$GO_PID.new" "$GO_PID"
        until [ -e "$GO_ON" ]; do sleep 0.02; done
    fi
    echo example.com/one
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho {built}\\n' > "$2"
    chmod +x "$2" ;;
esac
"""


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something another process does; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Machine:
    """A machine of its own: a PATH with nothing on it, a home, a cache, and no way out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.home, self.cache = (folder / name for name in ("bin", "home", "cache"))
        self.log, self.go_on, self.go_pid = (folder / name for name in ("go.log", "go-on", "go.pid"))
        for made in (self.bin, self.home, folder / "module" / "python" / "cmd"):
            made.mkdir(parents=True)
        (folder / "module" / "python" / "cmd" / "pulumi-language-python-exec").write_text("# script\n")
        self.log.touch()
        self.environ = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "GO_LOG": str(self.log),
            "GO_PID": str(self.go_pid),
            "GO_MODULE": str(folder / "module"),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        self.lines: list[str] = []
        self.refusing = self.program("installer", "echo 'name not known'; exit 1", folder)

    def program(self, name: str, body: str, folder: Path | None = None) -> Path:
        """A script on this machine's PATH, or in another folder."""
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if body.startswith("#!") else f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        path.chmod(0o755)
        return path

    def go(self, version: str = "1.27.0", *, built: str = ENGINE_VERSION, folder: Path | None = None) -> Path:
        """A Go on PATH."""
        return self.program("go", GO.format(version=version, built=built), folder)

    def hold_builds(self) -> None:
        """Let every build wait for the file `go_on`."""
        self.environ["GO_ON"] = str(self.go_on)

    def builds(self) -> int:
        """How many programs Go was asked to build."""
        return sum(line.startswith("build ") for line in self.log.read_text().splitlines())

    def ensure(self, *, limits: Limits = QUICK, installer: Path | None = None) -> Engine:
        """What the program under test makes of this machine."""
        command = [str(installer or self.refusing)]
        return ensure_engine(
            progress=self.lines.append, cache=self.cache, environ=self.environ, installer=command, limits=limits
        )

    def refusal(self, **arguments: object) -> str:
        """The one line when nothing works."""
        with pytest.raises(EngineUnavailable) as caught:
            self.ensure(**arguments)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        return str(caught.value)

    @contextlib.contextmanager
    def other_process(self) -> Iterator["subprocess.Popen[str]"]:
        """The same call in another process."""
        code = (
            "import os, signal, sys; from pathlib import Path; from localcloud.engine import Limits, ensure_engine;"
            "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's background job has it ignored
            "say = lambda line: print(line, flush=True);"
            "limits = Limits(beat_seconds=0.05);"
            "ensure_engine(progress=say, cache=Path(sys.argv[1]), installer=[sys.argv[2]], limits=limits)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.cache), str(self.refusing)],
            env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
