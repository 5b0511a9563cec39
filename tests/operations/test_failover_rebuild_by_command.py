"""A rebuild by the operator's own command: what it is told, how it is ended, and a real server that follows again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from failover_plan_case import Holding
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER
from seawall.errors import InvalidInput, StepRefused
from seawall.topology import Live, Member
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans.command_rebuilder import CommandRebuilder
from seawall_ops.failover.plans.places import FilePlace, LiveTopology
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.postgres_lineage import alone_bytes, forks_of
from seawall_ops.failover.plans.rebuild import Rebuild, rebuild_plan
from seawall_ops.failover.plans.rebuilder import Following, RebuildFailed
from seawall_ops.failover.plans.servers import MemberLook, MemberUnreachable
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.steps import Operation

pytestmark = pytest.mark.xdist_group("postgres")
TIMEOUT_SECONDS = 2.0
OLD, NEW = "db-old", "db-new"
PYTHON = (sys.executable, "-c")
SAYS_ENVIRON = (
    "import json, os, sys; print(json.dumps([{k: v for k, v in os.environ.items() if k.startswith('SEAWALL_')},"
    " sys.argv[1:], sys.stdin.read()]))"
)
# Asks whoever sits beside the server, as ssh would, and ends as that does.
ASKS = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
asked = folder / "asked.new"
asked.write_text(json.dumps({key: os.environ["SEAWALL_" + key] for key in ("MEMBER", "WRITER", "WRITER_PORT")}))
asked.rename(folder / "asked")
while not (folder / "answer").exists():
    time.sleep(0.02)
print((folder / "answer").read_text())
"""


def members() -> list[Member]:
    regions = {OLD: "eu-west-1", NEW: "eu-central-1"}
    return [Member(name=name, region=region, identifier=name, host="127.0.0.1") for name, region in regions.items()]


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


# ---- real servers


@pytest.fixture
def heirs(
    postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A writer and the replica that is to take over, asked as the superuser."""
    monkeypatch.setenv("PGUSER", SUPERUSER)
    monkeypatch.setenv("PGPASSWORD", postgres_fleet.primary.password)
    yield postgres_fleet.primary, postgres_fleet.replicas[0]
    for server in postgres_fleet.servers:
        if server.running:
            server.sql("ALTER SYSTEM RESET ALL")
            server.sql("SELECT pg_reload_conf()")


def servers_of(old: PostgresServer, new: PostgresServer) -> PostgresServers:
    return PostgresServers(
        members(),
        port=5432,
        database=SUPERUSER,
        timeout_seconds=TIMEOUT_SECONDS,
        addresses={OLD: old.address, NEW: new.address},
    )


def handed_over(servers: PostgresServers) -> None:
    """As a failover does it: fenced, caught up, promoted."""
    servers.fence(OLD)
    position = servers.look(OLD).position or 0
    until(lambda: (servers.look(NEW).position or 0) >= position)
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)


def beside_the_server(folder: Path, old: PostgresServer, new: PostgresServer) -> threading.Thread:
    """Whoever the command asks: rewinds the server by pg_rewind, and starts it as a replica."""

    def serve() -> None:
        until(lambda: (folder / "asked").exists(), 30.0)
        asked = json.loads((folder / "asked").read_text())
        assert asked == {"MEMBER": OLD, "WRITER": NEW, "WRITER_PORT": str(new.port)}
        done = old.rebuild_as_replica(new)
        (folder / "answer.new").write_text(done)
        (folder / "answer.new").rename(folder / "answer")

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_an_old_writer_that_went_on_follows_again_and_can_take_over_once_more(
    heirs: tuple[PostgresServer, PostgresServer], tmp_path: Path
):
    """All of it: what it has alone is shown and thrown away, its fence does not outlive it, and the next promotion writes."""
    old, new = heirs
    servers = servers_of(old, new)
    handed_over(servers)
    with psycopg.connect(old.dsn(), autocommit=True) as stubborn:
        stubborn.execute("SET default_transaction_read_only = off")
        stubborn.execute("CREATE TABLE alone AS SELECT generate_series(1, 1000)")
    board = Board(SqliteStore(tmp_path / "board.sqlite", "shop-prod"), "shop-prod")
    board.change(lambda ledger: ledger.fenced_with((OLD,)))
    live = LiveTopology(FilePlace(tmp_path / "live.json"))
    live.publish(_live())
    told: list[str] = []
    rebuilder = CommandRebuilder(
        servers, (*PYTHON, ASKS, str(tmp_path)), timeout_seconds=60, folder=tmp_path, told=told.append
    )
    before = rebuilder.look(OLD, NEW)
    assert before.following is Following.APART
    assert (before.alone_bytes or 0) > 1000
    request = Rebuild(
        cluster="shop-prod",
        member=OLD,
        region="eu-west-1",
        writer=NEW,
        reason="it is back",
        opened_by="somebody",
        lag_limit_seconds=5.0,
    )
    plan = rebuild_plan(request, Surroundings(board=board, live=live, servers=servers), rebuilder)
    operation = Operation(plan, id="rebuild-1", folder=tmp_path, guard=Holding(), confirm=lambda _: True)
    assert f"{before.alone_bytes:,} bytes" in operation.preview().steps[0].shown
    thread = beside_the_server(tmp_path, old, new)
    result = operation.run()
    thread.join()
    assert result.end == "done", result
    assert told == ["rewound"]
    assert rebuilder.look(OLD, NEW).following is Following.FOLLOWS
    assert board.read().ledger.fenced == ()
    assert old.sql("SELECT count(*) FROM pg_class WHERE relname = 'alone'", database="shop") == "0"
    assert old.sql("SHOW default_transaction_read_only") == "off"
    servers.promote(OLD)
    until(lambda: servers.look(OLD).takes_writes)
    servers.try_write(OLD)


def test_a_fence_that_a_rebuild_has_kept_is_lifted_on_the_replica(heirs: tuple[PostgresServer, PostgresServer]):
    """A tool that brings back the server's own configuration brings back the fence: it would come up with it."""
    servers = servers_of(*heirs)
    servers.fence(NEW)
    assert servers.fence_of(NEW).closed
    servers.lift(NEW)
    assert not servers.fence_of(NEW).closed
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)
    servers.try_write(NEW)


def test_what_does_not_follow_is_told_apart(heirs: tuple[PostgresServer, PostgresServer], tmp_path: Path):
    """A replica, one that nothing is sent to, one of a history of its own, one that is gone; a writer that is gone is an error."""
    old, new = heirs
    servers = servers_of(old, new)
    rebuilder = CommandRebuilder(servers, ("true",), timeout_seconds=1, folder=tmp_path)
    until(lambda: rebuilder.look(NEW, OLD).following is Following.FOLLOWS)
    assert rebuilder.look(NEW, OLD).alone_bytes is None
    new.follow(None)
    until(lambda: "nothing is sent to it" in rebuilder.look(NEW, OLD).shown)
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)
    assert "takes writes, on timeline" in rebuilder.look(NEW, OLD).shown
    old.kill()
    assert rebuilder.look(OLD, NEW).following is Following.APART
    assert "nobody listens" in rebuilder.look(OLD, NEW).shown
    with pytest.raises(MemberUnreachable):
        rebuilder.look(NEW, OLD)


def test_a_role_that_may_not_read_a_history_is_not_told_a_number(
    heirs: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch
):
    """Rather none than a wrong one; nor is a receiver that is not shown taken for a silent one."""
    old, new = heirs
    servers = servers_of(old, new)
    handed_over(servers)
    timeline = servers.look(NEW).timeline or 0
    assert servers.history(NEW, timeline) is not None
    assert servers.history(NEW, timeline + 7) is None
    monkeypatch.setenv("PGUSER", "shop")
    assert servers_of(old, new).history(NEW, timeline) is None


def _live() -> Live:
    from datetime import UTC, datetime

    return Live(
        service="shop",
        environment="prod",
        epoch=2,
        primary_region="eu-central-1",
        writer=NEW,
        changed_at=datetime(2026, 11, 26, tzinfo=UTC),
        reason="a failover",
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)
