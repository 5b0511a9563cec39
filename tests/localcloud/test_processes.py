"""Ending processes that outlive the command that started them."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from localcloud.processes import alive, end, last_line, ours

PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    """A process with a child that it never waits for."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_a_process_that_nobody_waits_for_counts_as_ended(parent: "subprocess.Popen[str]"):
    """An init that does not wait, as in many containers, keeps a zombie for good: `make down` must not wait for it."""
    assert parent.stdout is not None
    process = psutil.Process(int(parent.stdout.readline()))
    assert alive(process)
    begun = time.monotonic()
    assert end([process], 30) == []
    assert time.monotonic() - begun < 20
    assert process.status() == psutil.STATUS_ZOMBIE
    assert not alive(process)
    assert ours(process.pid, lambda _: True) is None


def test_a_process_that_does_not_hear_is_killed():
    """SIGKILL follows after the wait; a child of ours is waited for."""
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        process = psutil.Process(started.pid)
        assert end([process], 0.3) == []
        assert not psutil.pid_exists(process.pid)
    assert started.returncode != -signal.SIGTERM


def test_the_last_line_of_a_log_that_was_never_written_is_empty(tmp_path: Path):
    """A process that died before its log was opened must not hide its own failure behind a traceback."""
    assert last_line(tmp_path / "none.log") == "(empty)"
    (tmp_path / "some.log").write_text("one\ntwo\n\n", encoding="utf-8")
    assert last_line(tmp_path / "some.log") == "two"
