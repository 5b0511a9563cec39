"""Real PostgreSQL servers on this machine: one that is written to, and replicas that stream from it.

    with PostgresFleet(replicas=2) as fleet:
        psycopg.connect(fleet.primary.dsn())
        fleet["db1"].pause_replay()
        fleet.primary.kill()
        fleet.promote(fleet["db1"])

All is in a temporary folder that is removed at the end. Servers end with the process that made the fleet, however that
ends; the folder of one that was killed is removed by the next fleet.
"""

import contextlib
import fcntl
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from localcloud.errors import LocalCloudError
from localcloud.postgres import PostgresServer, until
from localcloud.postgres_install import USER, PostgresInstall, find_postgres

__all__ = ["PostgresFleet"]

FOLLOW_SECONDS: Final = 5.0  # for a replica to be in step, on two busy cores
FOLDER_PREFIX: Final = "seawall-pg-"
OWNER_FILE: Final = "owner.lock"  # locked by the process that uses the folder, for as long as it lives


class PostgresFleet:
    """A server and its replicas, all of one system identifier. Use it with `with`.

    Args:
        replicas: How many.
        synchronous_commit: None for asynchronous replication; `on` or `remote_apply` to let each commit wait until one
            of the other servers has it on disk, or shows it.
        settings: Of each server, in PostgreSQL's names and units.
        system_of_its_own: Whether it has a system identifier that no other fleet has; costs half a second.
    """

    def __init__(
        self,
        replicas: int = 2,
        *,
        synchronous_commit: Literal["on", "remote_apply"] | None = None,
        settings: Mapping[str, str] | None = None,
        system_of_its_own: bool = False,
    ) -> None:
        self._names: Final = [f"db{number}" for number in range(replicas + 1)]
        self._settings = dict(settings or {})
        if synchronous_commit:
            self._settings["synchronous_commit"] = synchronous_commit
            self._settings["synchronous_standby_names"] = f"ANY 1 ({', '.join(self._names)})"
        self._own_system: Final = system_of_its_own
        self._ending = contextlib.ExitStack()
        self.servers: list[PostgresServer] = []
        """All of them, in the order of their names `db0`, `db1`, ...; roles change, names do not."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ending:
            folder = ending.enter_context(_own_folder())
            ending.callback(self._end)
            install = find_postgres()
            for name in self._names:
                self.servers.append(self._make(install, name, folder / name))
            for server in self.servers[1:]:
                server.become_standby(self.servers[0])
            for server in self.servers:
                server.start(wait=False)
            for server in self.servers:
                server.wait_until_ready()
            self.wait_until_streaming(self.servers[0], len(self._names) - 1)
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def _make(self, install: PostgresInstall, name: str, folder: Path) -> PostgresServer:
        if self.servers and self._own_system:
            first = self.servers[0]
            shutil.copytree(first.folder, folder)
            install.give([folder, *folder.rglob("*")])
            password = first.password
        elif self._own_system:
            password = secrets.token_hex()
            install.new_cluster(folder, password)
        else:
            password = install.copy_cluster(folder)
        return PostgresServer(name, folder, password=password, install=install, settings=self._settings)

    def _end(self) -> None:
        for server in self.servers:
            server.kill()
        self.servers.clear()

    @property
    def primary(self) -> PostgresServer:
        """The first server that runs and takes writes.

        Raises:
            LocalCloudError: there is none.
        """
        for server in self.servers:
            if server.running and not server.in_recovery():
                return server
        raise LocalCloudError("no server of the fleet takes writes")

    @property
    def replicas(self) -> list[PostgresServer]:
        """The running servers that take no writes."""
        return [server for server in self.servers if server.running and server.in_recovery()]

    def __getitem__(self, name: str) -> PostgresServer:
        return next(server for server in self.servers if server.name == name)

    def wait_until_streaming(self, upstream: PostgresServer, replicas: int = 1) -> None:
        """Wait until so many replicas stream from a server, at most 30 s."""
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        until(lambda: int(upstream.sql(streaming)) >= replicas, f"{replicas} replicas stream from {upstream.name}")

    def wait_in_step(self) -> None:
        """Wait until each running replica has replayed all that its upstream wrote, at most 30 s each."""
        for server in self.servers:
            if server.running and server.upstream is not None and server.upstream.running and server.in_recovery():
                server.wait_for(server.upstream.position())

    def furthest(self) -> PostgresServer:
        """The running replica that has received most: the one to promote, and the only one that all others can follow."""
        received = "SELECT coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'"
        return max(self.replicas, key=lambda server: int(server.sql(received)))

    def promote(self, server: PostgresServer) -> None:
        """Make a replica the primary, and let the other running replicas follow it."""
        server.promote()
        for other in self.servers:
            if other is not server and other.running and other.upstream is not None:
                other.follow(server)

    def isolate(self, server: PostgresServer) -> None:
        """Cut a server off from its replicas. Clients that reach it can go on writing; whoever takes over will not know."""
        for other in self.servers:
            if other.upstream is server:
                other.follow(None)
        streaming = "SELECT count(*) FROM pg_stat_replication"
        until(lambda: server.sql(streaming) == "0", f"nothing streams from {server.name}")

    def mend(self) -> None:
        """Make it whole and empty again, whatever was done to it: one server takes writes, the others stream from it.

        Of several that take writes the one on the latest timeline stays. Sessions of the ordinary user are ended.

        Raises:
            LocalCloudError: a server cannot be brought back.
        """
        for server in self.servers:
            if server.running:
                server.thaw()
            server.start()
            server.reset_settings()
        writing = [server for server in self.servers if not server.in_recovery()]
        if not writing:
            self.servers[0].promote()
            writing = [self.servers[0]]
        primary = max(writing, key=PostgresServer.timeline)
        for server in self.servers:
            if server is not primary and (server in writing or not _keeps_up(server, primary)):
                server.rebuild_as_replica(primary)
        self.wait_until_streaming(primary, len(self.servers) - 1)
        for server in self.servers:
            server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")  # noqa: S608
        primary.sql(f"DROP OWNED BY {USER}", database=USER)
        self.wait_in_step()


def _keeps_up(server: PostgresServer, primary: PostgresServer) -> bool:
    """Whether a replica follows that server: one that had received more than the server had when it was promoted cannot."""
    if server.upstream is not primary:
        return False
    server.resume_replay()
    with contextlib.suppress(LocalCloudError):
        server.wait_for(primary.position(), limit_seconds=FOLLOW_SECONDS)
        return True
    return False


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """A temporary folder that goes at the end; those of processes that were killed go at the beginning."""
    for other in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError), (other / OWNER_FILE).open("rb") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError while its owner lives
            shutil.rmtree(other, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    try:
        folder.chmod(0o711)  # the unprivileged user passes through
        unlocked = folder / f"{OWNER_FILE}.new"  # until it is locked, whoever tidies up finds no mark, and keeps off
        with unlocked.open("wb") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            unlocked.rename(folder / OWNER_FILE)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
