"""One real PostgreSQL server on this machine, with all that can happen to it. `postgres_fleet` makes several.

It listens on loopback only, on a port that stays its own over restarts, and wants a password, so that nobody else on
the machine gets in. Durability is off, since nothing is kept. It ends with the process that started it, however that
ends.
"""

import contextlib
import ctypes
import random
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import psutil

from localcloud.child import Child, ChildFailed
from localcloud.errors import LocalCloudError
from localcloud.postgres_install import ENVIRON, SUPERUSER, USER, PostgresInstall
from localcloud.postgres_settings import HOST, configuration
from localcloud.processes import alive

__all__ = ["PostgresServer", "until"]

PORTS: Final = range(20_000, 32_000)  # below those that systems give to clients, or a restart could find its port taken
POLL_SECONDS: Final = (0.005, 0.05)  # at first, and at last: to ask a server takes a process each time
LIMIT_SECONDS: Final = 30.0  # for what takes a fraction of a second on an idle machine
IPC_RMID: Final = 0
SIGNS_OF_FAILURE: Final = ("could not", "invalid", "FATAL")  # in what a server writes; the first says most
STATUS_LINE: Final = 7  # of postmaster.pid: what the server is doing
SHARED_MEMORY_LINE: Final = 6  # key and id of a small System V segment


class PostgresServer:
    """One server: a data folder, a port, and a process while it runs.

    Args:
        name: What it calls itself to the server that it streams from, for `synchronous_standby_names`.
        folder: The data folder, which holds a cluster (`PostgresInstall.copy_cluster`).
        password: Of both users.
        settings: Of the server, beyond and before those of `postgres_settings`.
    """

    def __init__(
        self, name: str, folder: Path, *, password: str, install: PostgresInstall, settings: Mapping[str, str]
    ) -> None:
        self.name: Final = name
        self.folder: Final = folder
        self.port: Final = _free_port()
        self.upstream: PostgresServer | None = None
        """The server that it streams from while in recovery."""
        self.password: Final = password
        self._install: Final = install
        self._first_settings: Final = dict(settings)
        self._settings = dict(settings)
        self._conninfo = ""
        self._child: Child | None = None

    def __repr__(self) -> str:
        return f"<PostgresServer {self.name} on {self.address}>"

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return f"{HOST}:{self.port}"

    def dsn(self, user: str = USER, database: str = USER, *, port: int | None = None, driver: str | None = None) -> str:
        """A URL to connect with, by default as the application's ordinary user.

        Args:
            port: Of a proxy on this machine, in place of the server's own.
            driver: For SQLAlchemy, e.g. `psycopg`.
        """
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{user}:{self.password}@{HOST}:{port or self.port}/{database}"

    # ---- its process

    @property
    def running(self) -> bool:
        """Whether its process lives, be it ready or not."""
        if self._child is None:
            return False
        with contextlib.suppress(ChildFailed):
            if not self._child.finished():
                return True
        self._forget_child()
        return False

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it takes connections. Does nothing when it runs.

        Raises:
            LocalCloudError: it ended instead, or was not ready within 30 s; the line is the server's own.
        """
        if self.running:
            return
        (self.folder / "postmaster.pid").unlink(missing_ok=True)  # a killed one's; its processes are gone
        self._write_configuration()
        self._child = Child(
            [self._install.programs / "postgres", "-D", self.folder],
            environ=ENVIRON, folder=Path("/"), account=self._install.account,
        )  # fmt: skip
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it takes connections, at most 30 s.

        Raises:
            LocalCloudError: as `start`.
        """
        child = self._child
        if child is None:
            raise LocalCloudError(f"{self.name} was not started")

        def ready() -> bool:
            with contextlib.suppress(ChildFailed):
                if not child.finished():
                    return self._pid_line(STATUS_LINE) == "ready"
            child.__exit__(None, None, None)  # has read all its lines then
            told = next(
                (line for line in child.lines if any(sign in line for sign in SIGNS_OF_FAILURE)), "no reason told"
            )
            self._forget_child()
            raise LocalCloudError(f"{self.name} did not start: {told.rpartition(':  ')[2]}")

        until(ready, f"{self.name} is ready")
        # Marked as to be removed now, the segment goes with its last process, whatever becomes of that.
        segment = self._pid_line(SHARED_MEMORY_LINE).split()
        if segment:
            ctypes.CDLL(None).shmctl(int(segment[-1]), IPC_RMID, None)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it in one of PostgreSQL's ways: `fast` ends its sessions and lets its replicas have all it wrote."""
        self.begin_to_stop(mode)
        until(lambda: not self.running, f"{self.name} has stopped")

    def begin_to_stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """As `stop`, without waiting for the end."""
        if self.running:
            sent = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
            self._postmaster().send_signal(sent)

    def kill(self) -> None:
        """End all its processes at once by SIGKILL, as a machine does that loses power."""
        if self.running:
            everyone = self._frozen()
            for process in everyone:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            until(lambda: not any(alive(process) for process in everyone), f"{self.name} is dead")
        self._forget_child()

    def freeze(self) -> None:
        """Stop all its processes where they are: connections stay open, nothing answers. `thaw` lets them go on."""
        self._frozen()

    def thaw(self) -> None:
        """Let frozen processes go on."""
        postmaster = self._postmaster()
        for process in [*postmaster.children(recursive=True), postmaster]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def processes(self) -> list[psutil.Process]:
        """All its processes, the first one first."""
        postmaster = self._postmaster()
        return [postmaster, *postmaster.children(recursive=True)]

    def _frozen(self) -> list[psutil.Process]:
        postmaster = self._postmaster()
        postmaster.suspend()  # first: it starts no others meanwhile
        everyone = [postmaster, *postmaster.children(recursive=True)]
        for process in everyone[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        return everyone

    def _postmaster(self) -> psutil.Process:
        if not self.running or self._child is None:
            raise LocalCloudError(f"{self.name} does not run")
        children: list[psutil.Process] = []

        def there() -> bool:
            children[:] = psutil.Process(self._child.pid).children() if self._child else []
            return bool(children)

        until(there, f"{self.name} has a process")
        return children[0]

    def _pid_line(self, number: int) -> str:
        with contextlib.suppress(OSError):
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            return lines[number].strip() if len(lines) > number else ""
        return ""

    def _forget_child(self) -> None:
        if self._child is not None:
            self._child.__exit__(None, None, None)
            self._child = None

    # ---- its settings

    def configure(self, **settings: str) -> None:
        """Change settings; those that need a restart take effect at the next `start`, the others at once."""
        self._settings.update(settings)
        self._apply()

    def reset_settings(self) -> None:
        """Undo what `configure` changed."""
        if self._settings != self._first_settings:
            self._settings = dict(self._first_settings)
            self._apply()

    def _apply(self) -> None:
        self._write_configuration()
        if self.running:
            self._postmaster().send_signal(signal.SIGHUP)

    def _write_configuration(self) -> None:
        """Write all of it anew: pg_rewind and pg_basebackup leave another server's there."""
        own = {"port": str(self.port), "primary_conninfo": self._conninfo, "cluster_name": self.name}
        for name, text in configuration({**self._settings, **own}).items():
            new = self.folder / f"{name}.new"
            new.write_text(text, encoding="utf-8")
            new.chmod(0o600)
            self._install.give([new])
            new.replace(self.folder / name)

    # ---- its role

    def sql(self, statement: str, *, user: str = SUPERUSER, database: str = SUPERUSER) -> str:
        """What a statement answers: a line per row, `|` between columns. It takes a new session, by default the superuser's.

        Raises:
            LocalCloudError: the server refused it or could not be reached.
        """
        return self._install.run(
            "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-h", HOST, "-p", str(self.port), "-U", user, "-d", database,
            "-c", statement, environ={"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10"},
        ).rstrip("\n")  # fmt: skip

    def in_recovery(self) -> bool:
        """Whether it is a replica."""
        return self.sql("SELECT pg_is_in_recovery()") == "t"

    def promote(self) -> None:
        """Make a replica a server of its own, and wait until it takes writes.

        Raises:
            LocalCloudError: it does not run, or does not take writes within 30 s.
        """
        request = self.folder / "promote.asked"
        request.touch()
        self._install.give([request])
        request.rename(self.folder / "promote")  # the server may take it at once, whatever else has woken it
        self._postmaster().send_signal(signal.SIGUSR1)
        until(lambda: not (self.folder / "standby.signal").exists(), f"{self.name} ends its recovery")
        until(lambda: not self.in_recovery(), f"{self.name} takes writes")
        self.upstream = None

    def follow(self, upstream: "PostgresServer | None", *, port: int | None = None) -> None:
        """Stream from that server from now on, or from none. A server that takes writes has to be rebuilt for that.

        Args:
            port: Of a proxy on this machine, in place of the upstream's own.
        """
        self.upstream = upstream
        self._conninfo = upstream.conninfo(self.name, port) if upstream else ""
        self._apply()

    def conninfo(self, name: str, port: int | None = None) -> str:
        return (
            f"host={HOST} port={port or self.port} user={SUPERUSER} password={self.password} "
            f"application_name={name} sslmode=disable gssencmode=disable connect_timeout=10"
        )

    def pause_replay(self) -> None:
        """Let a replica receive and not show what it receives: its lag grows."""
        self.sql("SELECT pg_wal_replay_pause()")
        until(lambda: self.sql("SELECT pg_get_wal_replay_pause_state()") == "paused", f"{self.name} pauses")

    def resume_replay(self) -> None:
        """Let a replica catch up."""
        self.sql("SELECT pg_wal_replay_resume()")

    def timeline(self) -> int:
        """The timeline that a server which takes writes is on."""
        return int(self.sql("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"), 16)

    def position(self) -> str:
        """Up to where it has written to disk, or replayed as a replica.

        The position to insert at would be the wrong question: just behind a page's header, where no record is yet, no
        replica gets until the next record is written.
        """
        return self.sql(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END"
        )

    def wait_for(self, position: str, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        """Wait until a replica has replayed up to a position.

        Raises:
            LocalCloudError: it has not in time.
        """
        behind = f"SELECT pg_last_wal_replay_lsn() < '{position}'"
        until(lambda: self.sql(behind) == "f", f"{self.name} has replayed {position}", limit_seconds=limit_seconds)

    def rebuild_as_replica(self, of: "PostgresServer", *, afresh: bool = False) -> Literal["rewound", "copied"]:
        """Make it a replica of another server, whatever it was, and start it.

        What it wrote and the other one has not is undone by `pg_rewind`. Where that cannot be, or with `afresh`, it
        gets a new copy of everything. Returns which of the two was done.

        Raises:
            LocalCloudError: the other one cannot be copied, or this one does not start.
        """
        self.stop()
        if not afresh:
            with contextlib.suppress(LocalCloudError):
                self._rewind(of)
                return "rewound"
        self.kill()
        shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)
        self._install.give([self.folder])
        source = of.conninfo(self.name)
        options = ("--checkpoint=fast", "--wal-method=stream", "--no-sync", "-D", self.folder, "-d", source)
        self._install.run("pg_basebackup", *options)
        self._start_as_replica(of)
        return "copied"

    def _rewind(self, of: "PostgresServer") -> None:
        self._write_configuration()  # it starts the server for a moment if that did not end cleanly
        source = of.conninfo(self.name) + f" dbname={SUPERUSER}"
        self._install.run("pg_rewind", "--target-pgdata", self.folder, "--source-server", source, "--no-sync")
        self._start_as_replica(of)
        self.wait_for(of.position())  # a rewound server that cannot follow is no replica

    def _start_as_replica(self, of: "PostgresServer") -> None:
        self.become_standby(of)
        self.start()

    def become_standby(self, of: "PostgresServer") -> None:
        """Let a stopped server come up as a replica of another one."""
        mark = self.folder / "standby.signal"
        mark.touch()
        self._install.give([mark])
        self.follow(of)


def until(condition: Callable[[], object], what: str, *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Wait until a condition holds.

    Raises:
        LocalCloudError: it did not; the line says for what it waited.
    """
    deadline = time.monotonic() + limit_seconds
    pause = POLL_SECONDS[0]
    while not condition():
        if time.monotonic() > deadline:
            raise LocalCloudError(f"waited {limit_seconds:.0f} s in vain: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, POLL_SECONDS[1])


def _free_port() -> int:
    """A port that nothing listens on now."""
    for port in random.SystemRandom().sample(PORTS, 200):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
    raise LocalCloudError(f"no free port among {PORTS.start} to {PORTS.stop - 1}")
