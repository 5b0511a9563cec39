"""Rebuilds a PostgreSQL server of one's own by a command of the operator's, and sees by SQL what came of it.

The command gets its words as they are, without a shell, and these variables beside the caller's own:

    SEAWALL_MEMBER        the member that is to be rebuilt
    SEAWALL_MEMBER_HOST   where it is, as the topology or the settings say
    SEAWALL_WRITER        the member that it is to follow
    SEAWALL_WRITER_HOST   where that is
    SEAWALL_WRITER_PORT

It ends with 0 once the member is started as a replica: by pg_rewind, or by a new copy. It may be called again, also after it
was killed in the middle: pg_rewind leaves a data folder then that only a new copy mends (its manual, "Notes").
"""

import fcntl
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, cast, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput, StepRefused
from seawall.topology import refuse_secrets
from seawall_ops.audit.scrubbing import scrubbed
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.postgres_lineage import alone_bytes
from seawall_ops.failover.plans.rebuilder import Following, RebuildFailed, RebuildLook
from seawall_ops.failover.plans.servers import MemberLook, MemberUnreachable

__all__ = ["CommandRebuilder"]

POLL_SECONDS: Final = 0.5  # between two looks at the lease
GRACE_SECONDS: Final = 5.0  # between SIGTERM and SIGKILL: for ssh to say so to the other side
CHUNK_BYTES: Final = 65_536
MOST_LINES: Final = 200  # of output that are told; the rest is read and dropped
LONGEST_LINE: Final = 300  # characters
MODE: Final = 0o600


def _untold(line: str) -> None:
    del line


@final
class CommandRebuilder:
    """See `seawall_ops.failover.plans.rebuilder.Rebuilder`.

    Args:
        servers: How members are looked at.
        command: The program and its arguments; no secrets, since every user of this machine can read them.
        timeout_seconds: After which the command and all that it started are killed.
        folder: For a lock per member, which the command holds, too: one that outlives its caller keeps the next one out.
        told: Called with each line that the command writes, the first 200 of at most 300 characters, without secrets.
        clock: Monotonic time.

    Raises:
        InvalidInput: There is no command, or an argument looks like a secret.
    """

    def __init__(
        self,
        servers: PostgresServers,
        command: Sequence[str],
        *,
        timeout_seconds: float,
        folder: Path,
        told: Callable[[str], None] = _untold,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not command or not all(command):
            raise InvalidInput("rebuild_command", list(command), allowed="a program and its arguments")
        refuse_secrets("rebuild_command", list(command))
        self._servers: Final = servers
        self._command: Final = tuple(command)
        self._timeout_seconds: Final = timeout_seconds
        self._folder: Final = folder
        self._told: Final = told
        self._clock: Final = clock

    @property
    def where(self) -> str:
        """The command, and the servers."""
        return f"{' '.join(self._command)} on {self._servers.where}"

    def look(self, member: str, writer: str) -> RebuildLook:
        """How it is, by what both servers say."""
        silent: MemberUnreachable | None = None
        found, streams = MemberLook(takes_writes=False), False
        try:  # first: of what it has replayed by now nothing is beyond what its writer has written a moment later
            found = self._servers.look(member)
            streams = not found.takes_writes and self._servers.streams(member)
        except MemberUnreachable as error:
            silent = error
        lead = self._servers.look(writer)
        if silent is not None:
            return RebuildLook(following=Following.APART, shown=str(silent))
        because = _why_apart(member, writer, found, lead) or (
            None if streams else f"{member} is a replica, and nothing is sent to it"
        )
        if because is None:
            shown = f"{member} follows {writer} on timeline {found.timeline}"
            return RebuildLook(following=Following.FOLLOWS, shown=shown, lag_seconds=found.lag_seconds)
        history = None
        if lead.timeline is not None and lead.system_id == found.system_id:
            history = self._servers.history(writer, lead.timeline)
        alone = alone_bytes(found, lead, history) if lead.system_id == found.system_id else None
        return RebuildLook(following=Following.APART, shown=because, alone_bytes=alone)

    def rebuild(self, member: str, writer: str, check: Callable[[], None]) -> None:
        """Run the command to its end.

        Raises:
            StepRefused: It cannot be started, an earlier one still runs, or the member is of another cluster.
            RebuildFailed: It ended badly, or was killed; something may be half done.
        """
        self._refuse_other_cluster(member, writer)
        with self._alone(member) as lock:
            try:
                process = subprocess.Popen(
                    self._command,
                    env={**os.environ, **self._variables(member, writer)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
            except OSError as error:
                raise StepRefused(f"{self._command[0]} cannot be started: {error.strerror}") from error
            lines = _Lines(self._told)
            try:
                code = self._wait(process, lines, check)
            finally:
                _end(process)
        if code is None:
            raise RebuildFailed(member, f"{self._command[0]} was killed after {self._timeout_seconds:g} s{lines.last}")
        if code != 0:
            raise RebuildFailed(member, f"{self._command[0]} ended with {code}{lines.last}")

    def _wait(self, process: "subprocess.Popen[bytes]", lines: "_Lines", check: Callable[[], None]) -> int | None:
        """Its exit code; `None` once its time is up. Ends with the command, whoever else still holds its output."""
        output = cast("IO[bytes]", process.stdout).fileno()
        os.set_blocking(output, False)
        ends = self._clock.monotonic() + self._timeout_seconds
        open_ = True
        while True:
            if open_:
                select.select([output], [], [], POLL_SECONDS)
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_SECONDS)
            code = process.poll()
            while open_ and (chunk := _read(output)) is not None:
                open_ = bool(chunk)
                lines.add(chunk)
            if code is not None:
                lines.end()
                return code
            if self._clock.monotonic() >= ends:
                lines.end()
                return None
            check()

    def _variables(self, member: str, writer: str) -> Mapping[str, str]:
        host, port = self._servers.place(writer)
        return {
            "SEAWALL_MEMBER": member,
            "SEAWALL_MEMBER_HOST": self._servers.place(member)[0],
            "SEAWALL_WRITER": writer,
            "SEAWALL_WRITER_HOST": host,
            "SEAWALL_WRITER_PORT": str(port),
        }

    def _refuse_other_cluster(self, member: str, writer: str) -> None:
        """An address that leads to somebody else's database is a mistake that no copy is to follow."""
        lead = self._servers.look(writer)
        try:
            found = self._servers.look(member)
        except MemberUnreachable:
            return
        if found.of_another_cluster(lead):
            raise StepRefused(f"{member} is of another cluster than {writer}: {found.system_id}, not {lead.system_id}")

    @contextmanager
    def _alone(self, member: str) -> Generator[int]:
        """A lock that a command keeps for as long as it lives, also where whoever started it was killed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"rebuild-{member}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StepRefused(f"a command that rebuilds {member} still runs here: it holds {path}") from error
            try:
                yield lock
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # for a server that the command has left running, too
        finally:
            os.close(lock)


class _Lines:
    """Output, a line at a time and bounded."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told: Final = told
        self._count = 0
        self._rest = b""
        self.last = ""
        """`: ` and the last line that said something."""

    def add(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[:LONGEST_LINE]  # a line without an end is not kept
        for line in lines:
            self._tell(line)

    def end(self) -> None:
        """What stands there without a line's end."""
        self._tell(self._rest)
        self._rest = b""

    def _tell(self, line: bytes) -> None:
        text = scrubbed(line[:LONGEST_LINE].decode("utf-8", "replace").strip())
        text = "".join(each for each in text if each.isprintable())
        if not text:
            return
        self.last = f": {text}"
        self._count += 1
        if self._count <= MOST_LINES:
            self._told(text)


def _read(output: int) -> bytes | None:
    """What is there; nothing once it is closed, `None` while nothing is there."""
    try:
        return os.read(output, CHUNK_BYTES)
    except BlockingIOError:
        return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of it, all of its group. A server that it has started is in a session of its own by then."""
    if process.returncode is None:  # not waited for: the number of its group is its own still
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        ends = time.monotonic() + GRACE_SECONDS
        while (
            time.monotonic() < ends and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            time.sleep(POLL_SECONDS / 10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cast("IO[bytes]", process.stdout).close()


def _why_apart(member: str, writer: str, found: MemberLook, lead: MemberLook) -> str | None:
    """Why it does not follow the writer; `None`: as far as its history goes, it does."""
    if found.of_another_cluster(lead):
        return f"{member} is of another cluster than {writer}"
    if found.takes_writes:
        return f"{member} takes writes, on timeline {found.timeline}; {writer} is on {lead.timeline}"
    if found.timeline is None or found.timeline != lead.timeline:
        return f"{member} is on timeline {found.timeline}, and {writer} on {lead.timeline}"
    if (found.position or 0) > (lead.position or 0):
        return f"{member} has replayed more than {writer} has written: it has a history of its own"
    return None
