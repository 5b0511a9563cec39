"""Real PostgreSQL servers: they replicate, they can be hurt in every way that tests need, and nothing of them stays."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from localcloud import postgres_install
from localcloud.errors import LocalCloudError
from localcloud.postgres_fleet import FOLDER_PREFIX, PostgresFleet
from localcloud.postgres_install import USER, copy_programs, find_postgres
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.xdist_group("postgres2")

HOLDER = """
import sys, time
from localcloud.postgres_fleet import PostgresFleet
with PostgresFleet(replicas=1) as fleet:
    print(*(process.pid for server in fleet.servers for process in server.processes()), flush=True)
    time.sleep(600)
"""


def rows(dsn: str, statement: str) -> list[tuple[object, ...]]:
    """What a new session gets."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as session:
        return session.execute(statement.encode()).fetchall()


def write(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, connect_timeout=5) as session:
        session.execute(statement.encode())


def under_way(session: "psycopg.Connection[Any]", statement: str) -> "Future[object]":
    """A statement that was sent and gets no answer for now."""
    answer: Future[object] = Future()

    def run() -> None:
        try:
            answer.set_result(session.execute(statement.encode()))
        except psycopg.Error as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    time.sleep(0.1)
    assert not answer.done()
    return answer


def test_a_write_arrives_at_each_replica(postgres_fleet: PostgresFleet) -> None:
    """Replication is real, and the ordinary user may read and write what is its own."""
    write(postgres_fleet.primary.dsn(), "CREATE TABLE item AS SELECT 7 AS number")
    postgres_fleet.wait_in_step()

    assert [rows(replica.dsn(), "SELECT number FROM item") for replica in postgres_fleet.replicas] == [[(7,)]] * 2
    assert rows(postgres_fleet.primary.dsn(), "SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = user") == [
        (False, False)
    ]


def test_a_wrong_password_is_refused(postgres_fleet: PostgresFleet) -> None:
    """Whoever else is on this machine may not become the superuser of a process of ours."""
    server = postgres_fleet.primary

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn("postgres", "postgres").replace(server.password, "guessed"))


def test_a_replica_refuses_writes_and_a_paused_one_falls_behind(postgres_fleet: PostgresFleet) -> None:
    """The commonest fault of all: a replica that answers, from the past."""
    replica = postgres_fleet.replicas[0]
    write(postgres_fleet.primary.dsn(), "CREATE TABLE item (number int)")
    postgres_fleet.wait_in_step()
    replica.pause_replay()
    write(postgres_fleet.primary.dsn(), "INSERT INTO item VALUES (1)")

    assert rows(replica.dsn(), "SELECT * FROM item") == []
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        write(replica.dsn(), "INSERT INTO item VALUES (2)")

    replica.resume_replay()
    replica.wait_for(postgres_fleet.primary.position())
    assert rows(replica.dsn(), "SELECT * FROM item") == [(1,)]


def test_a_killed_writer_is_replaced_and_comes_back_as_a_replica(postgres_fleet: PostgresFleet) -> None:
    """Kill, promote, follow, rewind: the whole way of a failover, on the same ports."""
    old, new = postgres_fleet.primary, postgres_fleet.replicas[0]
    write(old.dsn(), "CREATE TABLE item AS SELECT 1 AS number")
    postgres_fleet.wait_in_step()
    processes = old.processes()
    old.kill()

    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)
    postgres_fleet.promote(new)
    write(new.dsn(), "INSERT INTO item VALUES (2)")
    assert postgres_fleet.primary is new

    assert old.rebuild_as_replica(new) == "rewound"
    postgres_fleet.wait_in_step()
    assert [len(rows(server.dsn(), "SELECT * FROM item")) for server in postgres_fleet.servers] == [2, 2, 2]
    assert old.in_recovery()


def test_what_only_an_isolated_writer_has_is_undone_when_it_is_rebuilt(postgres_fleet: PostgresFleet) -> None:
    """Commits that were never replicated are lost by a promotion; the fault that `WriteLost` reports is made so."""
    old, new = postgres_fleet.primary, postgres_fleet.replicas[0]
    write(old.dsn(), "CREATE TABLE item (number int)")
    postgres_fleet.wait_in_step()
    postgres_fleet.isolate(old)
    write(old.dsn(), "INSERT INTO item VALUES (1)")
    postgres_fleet.promote(new)
    write(new.dsn(), "INSERT INTO item VALUES (2)")

    assert not old.in_recovery()
    assert rows(old.dsn(), "SELECT * FROM item") == [(1,)]
    assert new.timeline() > old.timeline()

    assert old.rebuild_as_replica(new, afresh=True) == "copied"
    assert rows(old.dsn(), "SELECT * FROM item") == [(2,)]


def test_a_frozen_server_neither_answers_nor_refuses(postgres_fleet: PostgresFleet) -> None:
    """A machine that hangs keeps its connections open, which is why every wait needs a limit."""
    server = postgres_fleet.replicas[0]
    with closing(psycopg.connect(server.dsn(), autocommit=True)) as session:
        server.freeze()
        answer = under_way(session, "SELECT 1")

        server.thaw()
        answer.result(10)


def test_with_synchronous_replication_an_acknowledged_commit_is_on_another_server() -> None:
    """A commit waits while no replica confirms: that is what zero lost commits cost."""
    with PostgresFleet(replicas=1, synchronous_commit="remote_apply") as fleet:
        first, second = fleet.servers
        write(first.dsn(), "CREATE TABLE item AS SELECT 1 AS number")
        assert rows(second.dsn(), "SELECT * FROM item") == [(1,)]  # applied there, without waiting for it here

        fleet.isolate(first)
        with closing(psycopg.connect(first.dsn(), autocommit=True)) as session:
            answer = under_way(session, "INSERT INTO item VALUES (2)")
            second.follow(first)
            answer.result(10)


def test_settings_of_a_fleet_hold_and_a_changed_one_is_put_back(postgres_fleet: PostgresFleet) -> None:
    """A full pool is made by few connections; the next test must not inherit that."""
    server = postgres_fleet.primary
    server.configure(work_mem="8MB")

    def work_mem() -> object:
        return rows(server.dsn(), "SHOW work_mem")[0][0]

    deadline = time.monotonic() + 10
    while work_mem() != "8MB":
        assert time.monotonic() < deadline
    postgres_fleet.mend()
    while work_mem() != "4MB":
        assert time.monotonic() < deadline


def test_a_server_that_cannot_start_says_why(postgres_fleet: PostgresFleet) -> None:
    """One line of the server's own, not a wait for half a minute."""
    replica = postgres_fleet.replicas[0]
    replica.stop()
    replica.configure(max_connections="nonsense")

    with pytest.raises(
        LocalCloudError, match=rf"^{replica.name} did not start: invalid value for parameter .max_connections"
    ):
        replica.start()
    replica.reset_settings()


def test_a_fleet_has_its_own_system_identifier_if_asked(postgres_fleet: PostgresFleet) -> None:
    """Positions of two systems do not compare; tests of that need two systems."""
    with PostgresFleet(replicas=1, system_of_its_own=True) as fleet:
        ours = {server.sql("SELECT system_identifier FROM pg_control_system()") for server in fleet.servers}
    theirs = postgres_fleet.primary.sql("SELECT system_identifier FROM pg_control_system()")

    assert len(ours) == 1
    assert theirs not in ours


def test_nothing_is_left_at_the_end() -> None:
    """No process, no file, no shared memory; also of a server that was killed."""
    with PostgresFleet(replicas=1) as fleet:
        processes = [process for server in fleet.servers for process in server.processes()]
        folder = fleet.servers[0].folder.parent
        fleet.servers[0].kill()

    assert len(processes) > 4
    assert not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not folder.exists()


def test_servers_end_with_the_process_that_made_them_and_the_next_fleet_removes_their_folder() -> None:
    """A killed test run leaves no server behind, and no folder for ever."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert holder.stdout is not None
    processes = [
        psutil.Process(int(pid)) for pid in holder.stdout.readline().split() if psutil.pid_exists(int(pid))
    ]  # a session that ended meanwhile is none of the servers
    folders = {Path(process.cwd()).parent for process in processes if FOLDER_PREFIX in process.cwd()}
    assert len(folders) == 1
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    holder.stdout.close()

    gone, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
    assert len(gone) == len(processes)
    with PostgresFleet(replicas=0) as other:
        assert other.servers[0].folder.parent not in folders
        assert not any(folder.exists() for folder in folders)


def test_the_programs_are_copied_once_and_only_a_copy_of_ours_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may not run what another user laid into the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = find_postgres().programs.parent
    copied = copy_programs(root, "1")
    made = copied.stat().st_ino

    assert (copied / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert copy_programs(root, "1").stat().st_ino == made
    assert [each.name for each in tmp_path.iterdir()] == [copied.name]

    copied.chmod(0o777)
    with pytest.raises(LocalCloudError, match="was not made by this user"):
        copy_programs(root, "1")


def test_without_the_wheel_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app's environment has no database servers."""
    monkeypatch.setattr(postgres_install, "WHEEL", "no-such-wheel")

    with pytest.raises(LocalCloudError, match="the wheel no-such-wheel is not installed"):
        find_postgres.__wrapped__()


def test_the_proxy_passes_cuts_and_comes_back(postgres_fleet: PostgresFleet) -> None:
    """A cut resets what is open and refuses what is new; after it the way is free again."""
    server = postgres_fleet.primary
    with TcpProxy(server.port) as proxy:
        session = psycopg.connect(server.dsn(port=proxy.port))
        assert session.execute("SELECT repeat('x', 1000000)").fetchone() == ("x" * 1_000_000,)

        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="refused"):
            psycopg.connect(server.dsn(port=proxy.port), connect_timeout=5)

        proxy.restore()
        assert rows(server.dsn(port=proxy.port), f"SELECT '{USER}'") == [(USER,)]
        session.close()


def test_a_stalled_proxy_swallows_all_and_gives_it_back_late(postgres_fleet: PostgresFleet) -> None:
    """A black hole: no error, no answer, for open and new connections alike."""
    server = postgres_fleet.primary
    with TcpProxy(server.port) as proxy, closing(psycopg.connect(server.dsn(port=proxy.port))) as session:
        proxy.stall()
        answer = under_way(session, "SELECT 1")
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(server.dsn(port=proxy.port), connect_timeout=2)  # libpq's least

        proxy.restore()
        answer.result(10)


def test_a_slow_proxy_delays_each_way(postgres_fleet: PostgresFleet) -> None:
    """A far region: a round trip takes twice the delay."""
    server = postgres_fleet.primary
    with TcpProxy(server.port) as proxy, closing(psycopg.connect(server.dsn(port=proxy.port))) as session:
        proxy.delay_seconds = 0.05
        began = time.monotonic()
        session.execute("SELECT 1")

        assert time.monotonic() - began >= 0.1
        assert (proxy.accepted, proxy.connections) == (1, 1)
        proxy.delay_seconds = 0.0


def test_a_proxy_that_holds_answers_lets_the_server_do_what_it_was_told(postgres_fleet: PostgresFleet) -> None:
    """The worst moment of a failure: it is done, and nobody knows."""
    server = postgres_fleet.primary
    write(server.dsn(), "CREATE TABLE item (number int)")
    with TcpProxy(server.port) as proxy, closing(psycopg.connect(server.dsn(port=proxy.port))) as session:
        session.autocommit = True
        proxy.hold_answers()
        answer = under_way(session, "INSERT INTO item VALUES (1)")
        assert rows(server.dsn(), "SELECT * FROM item") == [(1,)]

        proxy.restore()
        answer.result(10)
