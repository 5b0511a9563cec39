"""The heartbeat of an observer: written after each round, and read by the probe that a component has the kubelet run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from failover_world import HOME, World
from pulumi_seawall import _observers_manifests as manifests
from seawall.errors import InvalidInput
from seawall.testing import FakeClock
from seawall.topology import dump
from seawall_ops import cli
from seawall_ops.failover.heartbeat import heartbeat
from seawall_ops.failover.observer import NameTaken, Observer
from topology_documents import shop

OLDEST = "80"  # seconds


def is_alive(file: Path) -> bool:
    """What the probe of `FailoverObservers` finds, with nothing but an interpreter."""
    command = [sys.executable, "-I", "-S", "-c", manifests.ALIVE, str(file), OLDEST]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def beating(world: World, file: Path) -> Observer:
    """An observer of the home region that writes its heartbeat."""
    return Observer(
        policy=world.policy,
        board=world.board(HOME),
        name=f"observer-{HOME}",
        domain=HOME,
        look=lambda view: world.look(view, HOME),
        topology=lambda: world.view,
        clock=world.clock,
        beat=heartbeat(file, world.clock),
    )


def test_an_observer_that_is_cut_off_from_the_board_lives(tmp_path):
    """To be started anew would heal nothing, and lose what it has seen."""
    world, file = World(), tmp_path / "heartbeat"
    observer = beating(world, file)
    world.isolated.add(HOME)
    world.clock.advance(12.5)
    observer.vote_round()
    assert float(file.read_text(encoding="ascii")) == 12.5
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat"]


def test_an_observer_that_ends_beats_no_more(tmp_path):
    """Whose name was taken has no round behind it."""
    world, file = World(), tmp_path / "heartbeat"
    observer = beating(world, file)
    observer.vote_round()
    file.unlink()
    world.observers[f"observer-{HOME}"].vote_round()  # of the same name, and later
    with pytest.raises(NameTaken):
        observer.vote_round()
    assert not file.exists()


@pytest.mark.parametrize(
    ("age", "alive"),
    [(0.0, True), (60.0, True), (90.0, False), (-3600.0, False)],
    ids=["now", "within two rounds", "too old", "before the machine was started anew"],
)
def test_the_probe_of_the_component_reads_what_the_observer_writes(age, alive, tmp_path):
    """Both by the monotonic clock of one machine, whatever its wall clock is set to."""
    machine, file = FakeClock(), tmp_path / "heartbeat"
    machine.advance(time.monotonic() - age)
    heartbeat(file, machine)()
    os.utime(file, (0, 0))
    assert is_alive(file) is alive


@pytest.mark.parametrize("text", [None, "", "soon"])
def test_without_a_heartbeat_nobody_is_alive(text, tmp_path):
    """Before the first round, and when something else has written there."""
    file = tmp_path / "heartbeat"
    if text is not None:
        file.write_text(text, encoding="ascii")
    assert not is_alive(file)


def test_a_heartbeat_that_cannot_be_written_is_logged_and_no_end(tmp_path, caplog):
    """Votes go on; the kubelet sees the age."""
    file = tmp_path / "folder" / "heartbeat"
    file.parent.mkdir()
    beat = heartbeat(file)
    file.parent.rmdir()
    beat()
    assert "no heartbeat: " in caplog.text


def test_a_heartbeat_in_no_folder_is_one_line(tmp_path):
    """Told at the start, and not by a kubelet that kills."""
    with pytest.raises(InvalidInput, match=r"--heartbeat = .*/nowhere/file: a file in a folder that is there"):
        heartbeat(tmp_path / "nowhere" / "file")


def test_the_command_writes_it_after_each_round(tmp_path, monkeypatch):
    """As the component's pods run it."""
    settings, file = tmp_path / "failover.yaml", tmp_path / "heartbeat"
    content = {
        "cluster": "shop-prod",
        "domains": [HOME],
        "board": f"sqlite://{tmp_path}/board.sqlite",
        "references": ["127.0.0.1:9"],
        "aws_status": False,
        "interval_seconds": 1.0,
        "timeout_seconds": 0.1,
    }
    settings.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("SEAWALL_TOPOLOGY", dump(shop()))
    monkeypatch.delenv("SEAWALL_TOPOLOGY_PATH", raising=False)
    monkeypatch.setattr(Observer, "run", lambda self: self._beat())
    words = ["failover", "observe", "--settings", str(settings), "--domain", HOME, "--heartbeat", str(file)]
    assert cli.main(words) == 0
    assert is_alive(file)
