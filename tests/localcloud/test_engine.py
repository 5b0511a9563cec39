"""The way to a Pulumi engine: order, cache, installer, and the one line when nothing works.

Nothing is downloaded or built here: `go`, `pulumi`, `uv` and the installer are small scripts of these tests.
"""

import io
import json
import os
import re
import subprocess
import sys
import types
import unittest.mock
import urllib.request

import pulumi.automation
import pytest

from engine_machine import QUICK, SDK_VERSION, Machine, gone, until
from localcloud import engine as engine_module
from localcloud.engine import (
    ENGINE_VERSION,
    INSTALL,
    LANGUAGE_HOST_VERSION,
    REACHED,
    Engine,
    Limits,
    ensure_engine,
)

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
