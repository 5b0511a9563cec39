"""A rebuild by the operator's own command: what it is told, how it is ended, and what it may not touch."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fenced_servers import until
from rebuild_members import NEW, OLD, PYTHON, TIMEOUT_SECONDS, members
from seawall.errors import InvalidInput, StepRefused
from seawall_ops.failover.plans.command_rebuilder import CommandRebuilder
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.postgres_lineage import alone_bytes, forks_of
from seawall_ops.failover.plans.rebuilder import RebuildFailed
from seawall_ops.failover.plans.servers import MemberLook

SAYS_ENVIRON = (
    "import json, os, sys; print(json.dumps([{k: v for k, v in os.environ.items() if k.startswith('SEAWALL_')},"
    " sys.argv[1:], sys.stdin.read()]))"
)


def rebuilder_of(
    folder: Path, *command: str, told: Callable[[str], None] = print, seconds: float = 20.0
) -> CommandRebuilder:
    """Over servers that nobody asks: `look` is replaced where this is used."""
    servers = PostgresServers(members(), port=5433, database="shop", timeout_seconds=TIMEOUT_SECONDS)
    return CommandRebuilder(servers, command, timeout_seconds=seconds, folder=folder, told=told)


def nothing() -> None:
    """A lease that is never lost."""


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> dict[str, MemberLook]:
    """What servers say."""
    said = {OLD: MemberLook(takes_writes=True, system_id=1), NEW: MemberLook(takes_writes=True, system_id=1)}
    monkeypatch.setattr(PostgresServers, "look", lambda self, member: said[member])
    return said


@pytest.mark.usefixtures("looked")
def test_a_command_is_told_who_is_to_follow_whom_and_no_shell_reads_its_words(tmp_path: Path):
    """Names come from a document: none of them is ever a command."""
    lines: list[str] = []
    rebuilder_of(tmp_path, *PYTHON, SAYS_ENVIRON, "$HOME; false", told=lines.append).rebuild(OLD, NEW, nothing)
    environ, words, stdin = json.loads(lines[0])
    assert environ == {
        "SEAWALL_MEMBER": OLD,
        "SEAWALL_MEMBER_HOST": "127.0.0.1",
        "SEAWALL_WRITER": NEW,
        "SEAWALL_WRITER_HOST": "127.0.0.1",
        "SEAWALL_WRITER_PORT": "5433",
    } | {key: value for key, value in environ.items() if key in os.environ}
    assert words == ["$HOME; false"]
    assert stdin == ""


@pytest.mark.usefixtures("looked")
def test_a_command_that_fails_says_so_by_its_last_line_without_secrets(tmp_path: Path):
    """What tools write may repeat how they connect, and a record is kept for years."""
    lines: list[str] = []
    code = "print('pass' + 'word=hunter2 host=h'); print('gave up', flush=True); raise SystemExit(3)"
    with pytest.raises(RebuildFailed, match="ended with 3: gave up"):
        rebuilder_of(tmp_path, *PYTHON, code, told=lines.append).rebuild(OLD, NEW, nothing)
    assert "hunter2" not in " ".join(lines)
    assert lines[-1] == "gave up"


@pytest.mark.usefixtures("looked")
def test_a_command_s_output_is_bounded(tmp_path: Path):
    """One that reports every file, or one endless line, fills neither memory nor the record."""
    lines: list[str] = []
    code = "import sys; [print(i) for i in range(5000)]; sys.stdout.write('x' * 3_000_000)"
    rebuilder_of(tmp_path, *PYTHON, code, told=lines.append).rebuild(OLD, NEW, nothing)
    assert lines == [str(number) for number in range(200)]


@pytest.mark.usefixtures("looked")
def test_a_command_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path):
    """A copy that goes on by itself would write over the next one."""
    pids = tmp_path / "pids"
    code = (
        "import os, pathlib, subprocess, sys, time; child = subprocess.Popen(['sleep', '60']);"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}'); print('at it', flush=True);"
        "time.sleep(60)"
    )
    with pytest.raises(RebuildFailed, match=r"killed after 1 s: at it"):
        rebuilder_of(tmp_path, *PYTHON, code, seconds=1.0).rebuild(OLD, NEW, nothing)
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not alive(pid))


@pytest.mark.usefixtures("looked")
def test_a_command_ends_once_its_caller_may_not_write_any_more(tmp_path: Path):
    """Whoever has the lease now may run another one."""
    began = time.monotonic()

    def lost() -> None:
        raise StepRefused("the lease is lost")

    with pytest.raises(StepRefused, match="the lease is lost"):
        rebuilder_of(tmp_path, "sleep", "60").rebuild(OLD, NEW, lost)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("looked")
def test_a_command_that_outlives_its_caller_keeps_the_next_one_out(tmp_path: Path):
    """Two of them in one data folder would leave neither server's data."""
    started = tmp_path / "started"
    command = [
        *PYTHON,
        f"import pathlib, time, os; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(60)",
    ]
    code = (
        "import pathlib, sys\n"
        "from seawall.topology import Member\n"
        "from seawall_ops.failover.plans.command_rebuilder import CommandRebuilder\n"
        "from seawall_ops.failover.plans.postgres import PostgresServers\n"
        "from seawall_ops.failover.plans.servers import MemberLook\n"
        "PostgresServers.look = lambda self, member: MemberLook(takes_writes=True, system_id=1)\n"
        f"of = [Member(name=n, region='eu-west-1', identifier=n, host='127.0.0.1') for n in {[OLD, NEW]!r}]\n"
        "servers = PostgresServers(of, port=1, database='d', timeout_seconds=1)\n"
        f"maker = CommandRebuilder(servers, {command!r}, timeout_seconds=60, folder=pathlib.Path({str(tmp_path)!r}))\n"
        f"maker.rebuild({OLD!r}, {NEW!r}, lambda: None)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", code])
    until(lambda: started.exists() and started.read_text())
    caller.kill()
    caller.wait()
    orphan = int(started.read_text())
    try:
        with pytest.raises(StepRefused, match="still runs here"):
            rebuilder_of(tmp_path, "true").rebuild(OLD, NEW, nothing)
        rebuilder_of(tmp_path, "true").rebuild(NEW, OLD, nothing)
    finally:
        os.kill(orphan, signal.SIGKILL)
    until(lambda: not alive(orphan))
    rebuilder_of(tmp_path, "true").rebuild(OLD, NEW, nothing)


@pytest.mark.usefixtures("looked")
def test_a_server_that_a_command_leaves_running_holds_nothing(tmp_path: Path):
    """`pg_ctl start` leaves one behind that has the command's output and lock."""
    pid = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, os; child = subprocess.Popen(['sleep', '60'], start_new_session=True,"
        f" close_fds=False); pathlib.Path({str(pid)!r}).write_text(str(child.pid))"
    )
    began = time.monotonic()
    rebuilder_of(tmp_path, *PYTHON, code).rebuild(OLD, NEW, nothing)
    left = int(pid.read_text())
    try:
        assert time.monotonic() - began < 10
        assert alive(left)
        rebuilder_of(tmp_path, "true").rebuild(OLD, NEW, nothing)
    finally:
        os.kill(left, signal.SIGKILL)


@pytest.mark.usefixtures("looked")
def test_a_command_that_is_not_there_has_changed_nothing(tmp_path: Path):
    """The plan is taken back, and nobody is told that it is stuck."""
    with pytest.raises(StepRefused, match="cannot be started: No such file"):
        rebuilder_of(tmp_path, "no-such-program").rebuild(OLD, NEW, nothing)


def test_another_cluster_is_never_thrown_away(tmp_path: Path, looked: dict[str, MemberLook]):
    """A wrong address leads to somebody else's database."""
    looked[OLD] = MemberLook(takes_writes=True, system_id=2)
    mark = tmp_path / "mark"
    rebuilder = rebuilder_of(tmp_path, "touch", str(mark))
    with pytest.raises(StepRefused, match="another cluster"):
        rebuilder.rebuild(OLD, NEW, nothing)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("command", "named"),
    [((), "rebuild_command"), (("",), "rebuild_command"), (("rewind", "postgres://u:hunter2@h/d"), "hidden")],
)
def test_a_command_without_a_program_or_with_a_secret_is_refused(tmp_path: Path, command: tuple[str, ...], named: str):
    """Arguments are seen by every user of the machine, and stand in the plan."""
    with pytest.raises(InvalidInput, match=named) as refused:
        rebuilder_of(tmp_path, *command)
    assert "hunter2" not in str(refused.value)


def test_what_a_server_has_alone_is_counted_from_where_its_history_was_left():
    """By the history file of the writer, as PostgreSQL writes it."""
    history = "1\t0/3000000\tno recovery target specified\n\n2\t0/5000100\tno recovery target specified\n"
    assert forks_of(history) == {1: 0x3000000, 2: 0x5000100}
    lead = MemberLook(takes_writes=True, timeline=3, position=0x6000000)

    def alone(timeline: int | None, position: int | None, history: str | None = history) -> int | None:
        return alone_bytes(MemberLook(takes_writes=True, timeline=timeline, position=position), lead, history)

    assert alone(2, 0x5000180) == 0x80
    assert alone(1, 0x2FFFFFF) == 0
    assert alone(3, 0x6000010) == 0x10
    assert alone(3, 0x5FFFFF0) == 0
    assert alone(4, 0x6000010) is None
    assert alone(2, None) is None
    assert alone(None, 0x6000010) is None
    assert alone(2, 0x5000180, None) is None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
