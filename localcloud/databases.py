"""The database of a local environment as real PostgreSQL servers: one for each member, the replicas streaming.

    found = start(sandbox.databases, ["ap-northeast-1", "us-west-2"], "shop")   # or those that run there already
    stop(sandbox.databases)

`python -m localcloud.databases` is the process that owns them, in a session of its own: the servers end with it, however
it ends, and it ends with its folder. The writer is the member that the topology names when they are started; a promotion
in the local RDS changes no server until they are started anew.
"""

import argparse
import contextlib
import hashlib
import json
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from localcloud.errors import LocalCloudError
from localcloud.moto_server import detach, log_to, read_json
from localcloud.postgres_install import SUPERUSER, USER, find_postgres
from localcloud.processes import end, last_line, ours
from localcloud.provider.journal import write_atomically
from localcloud.sandbox import ROOT

__all__ = ["Databases", "DatabasesUnavailable", "ask", "start", "status", "stop"]

STATE_FILE: Final = "databases.json"
LOG_FILE: Final = "databases.log"
START_SECONDS: Final = 60.0  # 1.5 s on two idle cores
STOP_SECONDS: Final = 10.0  # after SIGTERM, and again after SIGKILL
POLL_SECONDS: Final = 0.02
WATCH_SECONDS: Final = 1.0  # between two looks at the folder

Progress = Callable[[str], None]


class DatabasesUnavailable(LocalCloudError):
    """The servers did not start; the line ends with the last one of their log."""


@dataclass(frozen=True)
class Databases:
    """The servers that run."""

    pid: int
    mark: str
    """Differs whenever servers that run already would not be those that a new start makes."""
    database: str
    password: str = field(repr=False)
    """Of the users `shop` and `postgres`; made up, and of use on this machine only."""
    token_key: str = field(repr=False)
    """For the demo app's cookies: the same for all its instances."""
    members: Mapping[str, str]
    """Address, `host:port`, by member; the writer first."""

    @property
    def writer(self) -> str:
        """The member that takes writes."""
        return next(iter(self.members))


def start(
    folder: Path, members: Sequence[str], database: str, progress: Progress | None = None
) -> tuple[Databases, bool]:
    """The servers of these members, started if they do not run, and whether this call did.

    Args:
        folder: Where their state and their log are kept; made when absent.
        members: Names, the writer first.
        database: Name of the database that the user `shop` owns.
        progress: Called with a line where there is something to say.

    Raises:
        DatabasesUnavailable: they did not become ready in time.
    """
    mark = hashlib.sha256(json.dumps([list(members), database]).encode()).hexdigest()[:32]
    running = status(folder)
    if running is not None and running.mark == mark:
        return running, False
    if running is not None:
        (progress or (lambda _: None))("the servers of before are ended: the members or their roles have changed")
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "localcloud.databases", str(folder), mark, database, *members]
    launched = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_SECONDS, check=True
    )
    pid = int(launched.stdout)
    deadline = time.monotonic() + START_SECONDS
    while (found := status(folder)) is None:
        if not psutil.pid_exists(pid) or time.monotonic() > deadline:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
            last = last_line(folder / LOG_FILE)
            raise DatabasesUnavailable(f"local databases: they did not start; the last line of {LOG_FILE}: {last}")
        time.sleep(POLL_SECONDS)
    return found, True


def status(folder: Path) -> Databases | None:
    """The servers, if the process that owns them is alive and ours."""
    noted = read_json(folder / STATE_FILE)
    try:
        found = Databases(**noted)
    except TypeError:  # there is no such file, or not one of this version
        return None
    return found if _owner(found) is not None else None


def stop(folder: Path) -> bool:
    """End the servers and forget them. True when there were some."""
    running = status(folder)
    if running is not None and (owner := _owner(running)) is not None:
        end([owner], STOP_SECONDS)
    (folder / STATE_FILE).unlink(missing_ok=True)
    return running is not None


def ask(databases: Databases, member: str, statement: str) -> str:
    """What a member answers to its superuser: a line per row, `|` between columns.

    Raises:
        LocalCloudError: it refused, or cannot be reached.
    """
    host, _, port = databases.members[member].rpartition(":")
    environ = {"PGPASSWORD": databases.password, "PGCONNECT_TIMEOUT": "5"}
    arguments = ("-XAtqw", "-h", host, "-p", port, "-U", SUPERUSER, "-d", SUPERUSER, "-c", statement)
    return find_postgres().run("psql", *arguments, environ=environ).strip()


def _owner(databases: Databases) -> psutil.Process | None:
    return ours(databases.pid, lambda process: databases.mark in process.cmdline())


def serve(folder: Path, mark: str, database: str, members: Sequence[str]) -> None:
    """Own the servers until SIGTERM, or until the folder names another owner."""
    from localcloud.postgres_fleet import PostgresFleet

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with PostgresFleet(replicas=len(members) - 1) as fleet:
        primary = fleet.servers[0]
        if database != USER:
            primary.sql(f'CREATE DATABASE "{database}" OWNER {USER}')
        primary.sql(f"GRANT pg_monitor TO {USER}")  # as docs/read-replicas.md advises
        addresses = {member: server.address for member, server in zip(members, fleet.servers, strict=True)}
        pid = psutil.Process().pid
        found = Databases(pid, mark, database, primary.password, secrets.token_hex(), addresses)
        state: dict[str, Any] = asdict(found)
        write_atomically(folder / STATE_FILE, state)
        while not ended.wait(WATCH_SECONDS):
            if read_json(folder / STATE_FILE) != state:
                return


def main(arguments: list[str] | None = None) -> int:
    """`python -m localcloud.databases FOLDER MARK DATABASE WRITER [REPLICA ...]`; for `start`. Prints its process id."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.databases")
    parser.add_argument("folder", type=Path)
    parser.add_argument("mark")
    parser.add_argument("database")
    parser.add_argument("members", nargs="+")
    given = parser.parse_args(arguments)
    detach()
    log_to(given.folder / LOG_FILE)
    try:
        serve(given.folder, given.mark, given.database, given.members)
    except LocalCloudError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
