"""The way to a Pulumi engine: which Go builds it, two builds at once, killed half-way, and what is committed."""

import signal
from pathlib import Path

import pytest

from engine_machine import GO, QUICK, SDK_VERSION, Machine, gone, until
from localcloud import engine as engine_module
from localcloud import gotoolchain
from localcloud.engine import (
    ENGINE_VERSION,
    LANGUAGE_HOST_VERSION,
    ensure_engine,
)

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
