"""The way to a Pulumi engine: order, cache, two at once, killed half-way, and the one line when nothing works.

Nothing is downloaded or built here: `go`, `pulumi`, `uv` and the installer are small scripts of these tests.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
import unittest.mock
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pulumi.automation
import pytest

from localcloud import engine as engine_module
from localcloud import gotoolchain
from localcloud.engine import (
    ENGINE_VERSION,
    INSTALL,
    LANGUAGE_HOST_VERSION,
    REACHED,
    Engine,
    EngineUnavailable,
    Limits,
    ensure_engine,
)

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


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine where nothing is installed; also without this project's own uv."""
    monkeypatch.setattr(gotoolchain, "ROOT", tmp_path)
    return Machine(tmp_path)


# --- an engine on PATH


@pytest.mark.parametrize("version", [f"v{SDK_VERSION}", "v3.999.0"])
def test_a_new_enough_pulumi_on_path_with_its_host_is_used_as_it_is(machine: Machine, version: str) -> None:
    """Whoever has Pulumi gets their own, at once, and no cache folder."""
    real = machine.program("pulumi", f"echo {version}", machine.folder / "opt")
    machine.program("pulumi-language-python", "exit 1", machine.folder / "opt")
    (machine.bin / "pulumi").symlink_to(real)

    engine = machine.ensure()

    assert engine == Engine(real, machine.folder / "opt", version, "found on PATH")
    assert not machine.cache.exists()


def test_a_language_host_elsewhere_on_path_is_enough(machine: Machine) -> None:
    """Distributions package the two apart; the user's own set-up is not second-guessed."""
    hosts = machine.folder / "hosts"
    machine.program("pulumi-language-python", "exit 1", hosts)
    pulumi_ = machine.program("pulumi", "echo v3.999.0")
    machine.environ["PATH"] += f":{hosts}"

    assert machine.ensure().binary == pulumi_


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo v3.100.0", f"v3.100.0; the SDK wants {SDK_VERSION} or newer"),
        ("echo v4.0.0", f"v4.0.0; the SDK wants {SDK_VERSION} or newer, of the same major version"),
        ("echo broken; exit 2", "broken (exit code 2)"),
        ("echo hello", "printed no version"),
        ("echo v3.999.0", "has no pulumi-language-python beside it"),
    ],
)
def test_an_unsuitable_pulumi_on_path_is_passed_over_with_its_reason(machine: Machine, body: str, reason: str) -> None:
    """Too old, too new, broken or without a host: none of them may stop the run, and all are told."""
    machine.program("pulumi", body)
    machine.go()

    engine = machine.ensure()

    assert engine.origin == "built from Go modules"
    assert reason in machine.lines[0]


def test_asking_a_pulumi_for_its_version_leaves_the_users_folders_alone(machine: Machine) -> None:
    """The engine writes logs into PULUMI_HOME even for `version`, and looks for updates of itself."""
    machine.program("pulumi-language-python", "exit 1")
    machine.program("pulumi", 'mkdir -p "$PULUMI_HOME/logs"; [ "$PULUMI_SKIP_UPDATE_CHECK" ] && echo v3.999.0')
    machine.environ["PULUMI_HOME"] = str(machine.home / ".pulumi")

    machine.ensure()

    assert list(machine.home.iterdir()) == []


# --- a build


def test_a_build_gives_all_three_files_and_is_kept(machine: Machine) -> None:
    """The folder leads PATH later: the engine finds the host and its script only beside its binary."""
    machine.go()

    first, second = machine.ensure(), machine.ensure()

    assert first == second
    assert first.version == ENGINE_VERSION
    assert first.binary == first.folder / "pulumi"
    made = {path.name for path in first.folder.iterdir()}
    assert made == {"pulumi", "pulumi-language-python", "pulumi-language-python-exec", "stamp.json"}
    assert os.access(first.folder / "pulumi-language-python-exec", os.X_OK)
    assert machine.builds() == 2
    assert {line.split()[1] for line in machine.log.read_text().splitlines()} == {"local"}


def test_a_kept_engine_starts_no_process_at_all(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every later `make dev` goes through here; it must cost nothing."""
    machine.go()
    kept = machine.ensure()
    monkeypatch.setattr(subprocess, "Popen", unittest.mock.Mock(side_effect=AssertionError("a process was started")))

    assert machine.ensure() == kept


def test_a_kept_engine_on_path_is_known_as_ours(machine: Machine) -> None:
    """`make shell` puts it there; it is then neither asked for its version nor called the user's."""
    machine.go()
    kept = machine.ensure()
    machine.environ["PATH"] = str(kept.folder)

    assert machine.ensure() == kept


@pytest.mark.parametrize("damage", ["truncated", "missing", "stamp"])
def test_a_damaged_kept_engine_is_made_anew(machine: Machine, damage: str) -> None:
    """A full disk or a cleaner of caches must not leave an engine that fails strangely."""
    machine.go()
    kept = machine.ensure()
    match damage:
        case "truncated":
            kept.binary.write_text("")
        case "missing":
            (kept.folder / "pulumi-language-python-exec").unlink()
        case _:
            (kept.folder / "stamp.json").write_text('{"version": ')

    again = machine.ensure()

    assert again == kept
    assert machine.builds() == 4
    assert json.loads((again.folder / "stamp.json").read_text())["version"] == ENGINE_VERSION


def test_an_engine_that_calls_itself_otherwise_is_not_kept(machine: Machine) -> None:
    """Without the linker's -X the engine calls itself v3.0.0-dev and refuses plugins and stacks."""
    machine.go(built="v3.0.0-dev")

    line = machine.refusal()

    assert f"a build from Go modules (it is v3.0.0-dev, not {ENGINE_VERSION})" in line
    assert list((machine.cache / "engine").iterdir()) == []


def test_each_thing_that_was_tried_is_named_in_one_line(machine: Machine) -> None:
    """A tired person learns from one line what to put right."""
    machine.program("pulumi", "echo v3.1.0")
    machine.program("go", "echo 'go: broken'; exit 1")
    machine.program("uv", "echo 'no network'; exit 2")

    line = machine.refusal()

    for reason in (
        f"pulumi on PATH ({machine.bin}/pulumi is v3.1.0;",
        f"one kept by an earlier run (none in {machine.cache})",
        "the SDK's installer (name not known (exit code 1))",
        "a build from Go modules (go on PATH (go: broken (exit code 1))",
        "uv: no network (exit code 2); pip: ERROR:",
    ):
        assert reason in line


def test_a_cache_folder_that_cannot_be_made_is_named(machine: Machine) -> None:
    """The reason lies outside of everything tried, so it must be said by itself."""
    machine.cache.write_text("a file is in the way")

    assert f"the cache folder ({machine.cache}: " in machine.refusal()


def test_progress_tells_phase_count_and_elapsed_seconds_while_a_build_runs(machine: Machine) -> None:
    """Four silent minutes look like a hang."""
    machine.go()
    machine.hold_builds()

    def release() -> bool:
        return len([line for line in machine.lines if "pulumi-language-python" in line]) > 3

    def progress(line: str) -> None:
        machine.lines.append(line)
        if release():
            machine.go_on.touch()

    ensure_engine(
        progress=progress, cache=machine.cache, environ=machine.environ, installer=[str(machine.refusing)], limits=QUICK
    )

    assert all(re.search(r" \(\d+ s\)$", line) for line in machine.lines)
    host = f"building pulumi-language-python {LANGUAGE_HOST_VERSION} from Go modules"
    assert any(line.startswith(host) and "0 packages compiled, 1 modules downloaded" in line for line in machine.lines)
    assert any(f"building pulumi {ENGINE_VERSION} from Go modules: 0 of at most 2" in line for line in machine.lines)
    assert f"{ENGINE_VERSION} is ready, built from Go modules" in machine.lines[-1]


def test_elapsed_seconds_count_from_the_start_of_the_whole_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader wants to know how long they have waited, not how long this phase has."""
    now = [100.0]
    monkeypatch.setattr(engine_module, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    lines: list[str] = []
    steps = engine_module._Steps(lines.append)

    now[0] = 165.4
    steps.say("building")

    assert lines == ["building (65 s)"]


# --- the installer


def test_an_engine_from_the_installer_is_kept_with_all_its_programs(machine: Machine) -> None:
    """With internet this takes seconds; Go is never asked."""
    machine.go()
    version = 'printf "#!/bin/sh\\necho $2\\n" > "$1/bin/$name"; chmod +x "$1/bin/$name"'
    loop = f"for name in pulumi pulumi-language-python pulumi-language-nodejs; do {version}; done"
    installer = machine.program("works", f'echo {REACHED}; mkdir -p "$1/bin"; {loop}', machine.folder)

    engine = machine.ensure(installer=installer)

    assert engine.origin == "installed by Pulumi's SDK"
    assert machine.ensure() == engine
    made = {path.name for path in engine.folder.iterdir()}
    assert made == {"pulumi", "pulumi-language-python", "pulumi-language-nodejs", "stamp.json"}
    assert machine.builds() == 0


@pytest.mark.parametrize(
    ("first_line", "reason"),
    [
        ("echo connecting", "its host did not answer within 0 s"),
        (f"echo {REACHED}", "hangs not done after 0 s"),
    ],
)
def test_an_installer_that_hangs_is_given_up_and_ended(machine: Machine, first_line: str, reason: str) -> None:
    """A firewall that drops packets would cost minutes otherwise."""
    machine.go()
    note = machine.folder / "pid"
    body = f"sleep 60 & echo $! > {note}; {first_line}; wait"
    installer = machine.program("hangs", body, machine.folder)
    contact = 0.4 if "connecting" in first_line else 20.0

    engine = machine.ensure(installer=installer, limits=Limits(contact_seconds=contact, install_seconds=0.4))

    assert engine.origin == "built from Go modules"
    assert any(f"the SDK's installer: {reason}" in line for line in machine.lines)
    until(lambda: gone(int(note.read_text())))


def test_the_default_limits_give_an_unreachable_host_seconds() -> None:
    """Not minutes: most machines without downloads come through here."""
    assert Limits().contact_seconds <= 10


def test_the_installers_program_says_when_it_has_reached_its_host_and_calls_the_sdk_rightly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs only where downloads are possible, so a slip in it would not show here."""
    install = unittest.mock.create_autospec(pulumi.automation.PulumiCommand.install)
    monkeypatch.setattr(pulumi.automation.PulumiCommand, "install", install)
    opened = unittest.mock.Mock(return_value=io.BytesIO(b"#!/bin/sh"))
    monkeypatch.setattr(urllib.request, "urlopen", opened)
    monkeypatch.setattr(sys, "argv", ["-c", "/some/root", ENGINE_VERSION])

    exec(compile(INSTALL, "INSTALL", "exec"), {})  # noqa: S102 - our own text

    assert capsys.readouterr().out == f"{REACHED}\n"
    assert opened.call_args.kwargs["timeout"] < Limits().contact_seconds
    install.assert_called_once()
    assert install.call_args.kwargs["root"] == "/some/root"
    assert str(install.call_args.kwargs["version"]) == ENGINE_VERSION.removeprefix("v")


# --- which Go

UV = """mkdir -p "{kept}"; echo "$*" >> {log}
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin"; cp {go} "$2/go/bin/go" """


@pytest.fixture
def wheel(machine: Machine) -> Path:
    """A uv on PATH that "installs" a wheel; gives the log of its calls."""
    log, source = machine.folder / "uv.log", machine.go("1.27.3", folder=machine.folder / "wheel")
    machine.program("uv", UV.format(kept=machine.folder, log=log, go=source))
    return log


@pytest.mark.parametrize("version", ["1.26.6", "1.27rc1", "1.30"])
def test_a_go_on_path_that_is_new_enough_is_used(machine: Machine, wheel: Path, version: str) -> None:
    """No second toolchain of 250 MB where there is a good one."""
    machine.go(version)

    machine.ensure()

    assert not wheel.exists()


@pytest.mark.parametrize(
    "body",
    [
        GO.format(version="1.19.8", built="v0.0.0"),
        GO.format(version="1.26.5", built="v0.0.0"),
        "exit 127",
        "echo 'go version devel'",
        'case "$1" in version) echo go version go1.27.0 linux/amd64 ;; tool) exit 0 ;; *) exit 1 ;; esac',
        'case "$1" in version) echo go version go1.27.0 linux/amd64 ;; *) exit 1 ;; esac',
    ],
    ids=["far too old", "a patch too old", "broken", "without version", "without library", "without compiler"],
)
def test_an_unsuitable_go_on_path_falls_through_to_the_wheel(machine: Machine, wheel: Path, body: str) -> None:
    """A half-removed or aged toolchain is common, and no reason to fail."""
    machine.program("go", body)

    assert machine.ensure().origin == "built from Go modules"
    assert "--require-hashes" in wheel.read_text()


def test_the_wheel_is_kept_for_the_next_build(machine: Machine, wheel: Path) -> None:
    """A new engine version needs a build, not another 71 MB of the same Go."""
    (machine.cache / ".go-1.27.3-1").mkdir(parents=True)  # left by a killed run
    first = machine.ensure()
    (first.folder / "stamp.json").unlink()

    machine.ensure()

    assert len(wheel.read_text().splitlines()) == 1
    assert machine.builds() == 4
    assert not list(machine.cache.glob(".go-*"))


def test_go_settings_of_the_user_do_not_reach_the_build(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """GOOS=windows or -mod=vendor in somebody's shell would build the wrong thing or nothing."""
    machine.go()
    hostile = {"GOOS": "windows", "GOROOT": "/old/go", "GOFLAGS": "-mod=vendor", "GOTOOLCHAIN": "auto", "GOWORK": "/x"}

    go = gotoolchain.find_go(
        cache=machine.folder, environ={**machine.environ, **hostile, "GOPROXY": "keep"}, say=machine.lines.append
    )

    assert not {"GOOS", "GOROOT", "GOFLAGS"} & set(go.environ)
    assert (go.environ["GOTOOLCHAIN"], go.environ["GOWORK"], go.environ["GOPROXY"]) == ("local", "off", "keep")
    assert go.own_module_cache is False


def test_go_caches_move_into_ours_when_there_is_no_home(machine: Machine) -> None:
    """A service account has none; Go would fail, or make /nonexistent."""
    machine.go()
    machine.environ["HOME"] = str(machine.folder / "nonexistent")

    go = gotoolchain.find_go(cache=machine.folder, environ=machine.environ, say=machine.lines.append)

    assert go.own_module_cache is True
    assert Path(go.environ["GOMODCACHE"]).is_relative_to(machine.folder / "go-caches")
    assert Path(go.environ["GOCACHE"]).is_relative_to(machine.folder / "go-caches")


# --- two at once, and killed half-way


def test_of_two_at_once_one_builds_and_the_other_waits_and_says_so(machine: Machine) -> None:
    """`make dev` and `make test` side by side must not build twice, nor into each other."""
    machine.go()
    machine.hold_builds()

    with machine.other_process() as other:
        until(machine.go_pid.exists)

        def progress(line: str) -> None:
            machine.lines.append(line)
            if f"waiting for process {other.pid}, which is already at it" in line:
                machine.go_on.touch()

        engine = ensure_engine(
            progress=progress, cache=machine.cache, environ=machine.environ, installer=["/nonexistent"], limits=QUICK
        )
        output, _ = other.communicate(timeout=30)

    assert other.returncode == 0, output
    assert machine.go_on.exists()
    assert machine.builds() == 2
    assert engine.binary.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_run_ended_half_way_no_builder_is_left_and_the_next_run_succeeds(
    machine: Machine, number: signal.Signals
) -> None:
    """Half an engine under the right name would be used for ever; a builder left behind keeps both cores busy."""
    machine.go()
    machine.hold_builds()
    with machine.other_process() as other:
        until(machine.go_pid.exists)
        other.send_signal(number)
        other.communicate(timeout=30)
    until(lambda: gone(int(machine.go_pid.read_text())))
    left = list((machine.cache / "engine").glob(".making-*"))
    assert len(left) == (0 if number is signal.SIGINT else 1)
    machine.go_on.touch()

    engine = machine.ensure()

    assert engine.version == ENGINE_VERSION
    assert [path.name for path in (machine.cache / "engine").iterdir()] == [engine.folder.name]


# --- what is committed


def test_the_module_files_pin_the_versions_that_the_code_names() -> None:
    """The linker is told the version by the code; the code that is built comes from go.mod."""
    tools = gotoolchain.TOOLS
    engine_mod = (tools / "pulumi" / "go.mod").read_text()
    host_mod = (tools / "pulumi-language-python" / "go.mod").read_text()

    assert f"github.com/pulumi/pulumi/pkg/v3 {ENGINE_VERSION}" in engine_mod
    assert f"github.com/pulumi/pulumi/sdk/v3 {LANGUAGE_HOST_VERSION}" in host_mod


def test_the_engine_we_make_is_one_we_would_accept() -> None:
    """After an update of the SDK alone, the kept engine would be older than what is demanded of others."""
    assert engine_module._numbers(ENGINE_VERSION) >= engine_module._numbers(SDK_VERSION)


def test_the_go_wheel_is_new_enough_for_the_module_files() -> None:
    """It is the last resort, so it must suffice."""
    assert gotoolchain._parse(gotoolchain.WHEEL_VERSION) >= gotoolchain.needed_version()


def test_the_cache_folder_is_the_users_unless_named_or_unwritable(machine: Machine) -> None:
    """An empty HOME, a missing one and an explicit wish each have a place."""
    assert engine_module.cache_folder({"SEAWALL_CACHE_DIR": "/var/cache/seawall"}) == Path("/var/cache/seawall")
    assert engine_module.cache_folder({"HOME": str(machine.home)}).name == "seawall"
