"""Children that cannot outlive whoever asked for them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from localcloud.child import Child, ChildFailed, run, wait

ENVIRON = {"PATH": "/usr/bin:/bin"}
ASKER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell inherits it as ignored
from localcloud.child import run
run(["/bin/sh", "-c", sys.argv[1]], environ=dict(os.environ), limit_seconds=60)
"""


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
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


def test_a_command_gives_its_lines_of_both_streams() -> None:
    """Go writes progress and errors to standard error and answers to standard output; both are needed."""
    lines = run(["/bin/sh", "-c", "echo out; echo err >&2"], environ=ENVIRON, limit_seconds=20)

    assert lines == ["out", "err"]


def test_a_failure_is_named_by_its_last_line_and_exit_code() -> None:
    """The one-line error of the engine is made of these."""
    with pytest.raises(ChildFailed, match=r"^no such module \(exit code 3\)$"):
        run(["/bin/sh", "-c", "echo loading; echo no such module; echo; exit 3"], environ=ENVIRON, limit_seconds=20)


def test_a_command_killed_by_a_signal_fails_with_the_shells_code() -> None:
    """A build that the system killed for memory must not count as done."""
    with pytest.raises(ChildFailed, match=r"\(exit code 137\)$"):
        run(["/bin/sh", "-c", "kill -9 $$"], environ=ENVIRON, limit_seconds=20)


def test_a_missing_program_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    """What was a program a moment ago may be gone; the reason still has to fit into one line."""
    missing = tmp_path / "gone"

    with pytest.raises(ChildFailed, match=rf"^{re.escape(str(missing))}: No such file or directory \(exit code 1\)$"):
        run([missing], environ=ENVIRON, limit_seconds=20)


def test_standard_input_is_empty_and_there_is_no_terminal() -> None:
    """Nothing may ask a question that nobody sees."""
    lines = run(["/bin/sh", "-c", "cat; (: </dev/tty) 2>/dev/null || echo none"], environ=ENVIRON, limit_seconds=20)

    assert lines == ["none"]


def test_a_time_limit_ends_the_grandchildren_too(tmp_path: Path) -> None:
    """`go build` starts compilers; killing only the first process would leave them at work."""
    note = tmp_path / "pid"

    with pytest.raises(ChildFailed, match=r"^sh not done after 1 s$"):
        run(["/bin/sh", "-c", f"sleep 60 & echo $! > {note}; wait"], environ=ENVIRON, limit_seconds=1)

    until(lambda: gone(int(note.read_text())))


def test_an_exception_in_a_beat_ends_the_child() -> None:
    """Ctrl-C arrives as an exception somewhere within the wait."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    child = Child(["/bin/sleep", "60"], environ=ENVIRON)
    with pytest.raises(KeyboardInterrupt), child:
        wait([child], limit_seconds=20, beat=interrupt, beat_seconds=0.01)

    assert gone(child.pid)


def test_beats_come_while_waiting_and_lines_come_as_they_are_written(tmp_path: Path) -> None:
    """Progress counts lines of a build that still runs."""
    seen: list[str] = []
    go_on = tmp_path / "go-on"
    command = ["/bin/sh", "-c", f"echo first; until [ -e {go_on} ]; do sleep 0.02; done; echo last"]

    def beat() -> None:
        if seen == ["first"]:
            go_on.touch()

    with Child(command, environ=ENVIRON, on_line=seen.append) as child:
        wait([child], limit_seconds=20, beat=beat, beat_seconds=0.02)

    assert seen == ["first", "last"]


def test_a_failure_of_one_child_shows_while_the_other_runs() -> None:
    """Of two steps side by side the failing one must not wait for the longer one."""
    with (
        Child(["/bin/sleep", "60"], environ=ENVIRON) as slow,
        Child(["/bin/sh", "-c", "echo broken; exit 1"], environ=ENVIRON) as failing,
        pytest.raises(ChildFailed, match="broken"),
    ):
        wait([slow, failing], limit_seconds=20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_when_the_asking_one_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """A killed `make dev` must not leave a build that keeps both cores busy for minutes."""
    note = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {note}.new; mv {note}.new {note}; wait"
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKER, script],
        env={**os.environ, **ENVIRON},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(note.exists)
        asking.send_signal(number)
        asking.wait(20)
    finally:
        asking.kill()
        asking.wait(20)

    for pid in note.read_text().split():
        until(lambda pid=pid: gone(int(pid)))
