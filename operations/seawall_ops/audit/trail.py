"""Writing the record: to the file at once, to every sink behind it in the background.

The file is the queue. A sink that fails is tried again later, from where it was left, by this process or by the next one
that opens the file; nothing waits for it. `Trail.write` never raises: an operation in an outage goes on, and what could not
be kept is said once and again by `problems`.
"""

import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import AuditConflict
from seawall_ops.audit.facts import Fact
from seawall_ops.audit.files import AuditFile
from seawall_ops.audit.forwarding import Forwarder, SinkState
from seawall_ops.audit.records import GENESIS, Draft, Record
from seawall_ops.audit.sinks import Sink
from seawall_ops.who import user

__all__ = ["Trail", "send_all"]

CLOSING_SECONDS: Final = 5.0  # what the end of a command waits for slow sinks; the file has it all
FILE: Final = "file"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Trail:
    """The record of this process: one chain, in one file, forwarded to any number of sinks.

    ```python
    with Trail(Path("audit.jsonl"), sinks=[S3Sink("acme-audit", region="eu-central-1")]) as trail:
        trail.write("failover-7f3a", Decision(subject="eu-west-1", decision="fail over", because="3 of 3 say unhealthy"))
    ```

    Args:
        path: The file.
        sinks: Besides the file.
        actor: On whose behalf; default the user of this process.
        host: Default this machine's name.
        now: The wall clock, in UTC.
        clock: The monotonic one.
        told: Called with one line when a place stops taking records, and when it takes them again.
    """

    def __init__(
        self,
        path: Path,
        *,
        sinks: Sequence[Sink] = (),
        actor: str | None = None,
        host: str | None = None,
        now: Callable[[], datetime] = _utc_now,
        clock: Clock = SYSTEM_CLOCK,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.chain: Final = uuid.uuid4().hex
        self._actor: Final = actor or user()
        self._host: Final = host or socket.gethostname()
        self._now: Final = now
        self._clock: Final = clock
        self._told: Final[Callable[[str], None]] = told or _to_nobody
        self._file: Final = AuditFile(path)
        self._lock: Final = threading.Lock()
        self._sequence = 0
        self._unfiled: list[Record] = []
        self._file_error: str | None = None
        self._head = self._found_head()
        self._forwarders: Final = [
            Forwarder(sink, self._file, lambda: tuple(self._unfiled), told=self._told, clock=clock) for sink in sinks
        ]

    @property
    def problems(self) -> tuple[str, ...]:
        """One line per place that is behind; empty while all of them have everything."""
        own = f"{FILE} {self._file.path}: {len(self._unfiled)} records are not on the disk: {self._file_error}"
        return (*((own,) if self._file_error else ()), *(state.line for state in self.sinks if state.error))

    @property
    def sinks(self) -> tuple[SinkState, ...]:
        """How far each sink is."""
        return tuple(forwarder.state for forwarder in self._forwarders)

    def write(self, operation: str, fact: Fact, *, fence: int | None = None) -> Record:
        """Record a fact: on the disk when this returns, at the sinks soon after.

        Never raises an error: what fails stands in `problems`, and is tried again with the next record.

        Args:
            operation: The operation's id; observers use one of their own.
            fact: What happened. Texts that look like a secret are replaced.
            fence: The lease's number under which it happened.
        """
        with self._lock:  # also around the file: the order on the disk is the chain's
            draft = Draft(
                operation=operation,
                at=self._now(),
                monotonic_seconds=self._clock.monotonic(),
                actor=self._actor,
                host=self._host,
                fence=fence,
                fact=fact,
            )
            record = draft.chained(self.chain, self._sequence + 1, self._head)
            self._sequence, self._head = record.sequence, record.digest
            self._unfiled.append(record)
            news = self._file_all()
        if news:
            self._told(news)
        for forwarder in self._forwarders:
            forwarder.wake()
        return record

    def flush(self, timeout_seconds: float = CLOSING_SECONDS) -> bool:
        """Wait until every sink has everything, at most so long; whether all have."""
        deadline = self._clock.monotonic() + timeout_seconds
        done = [each.drained(max(0.0, deadline - self._clock.monotonic())) for each in self._forwarders]
        return all(done) and not self._unfiled

    def close(self, timeout_seconds: float = CLOSING_SECONDS) -> bool:
        """Wait as `flush` does, then stop forwarding; the next trail of this file goes on where this one stops."""
        done = self.flush(timeout_seconds)
        for forwarder in self._forwarders:
            forwarder.stop()
        return done

    def __enter__(self) -> "Trail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _found_head(self) -> str:
        try:
            last = self._file.last()
        except OSError:
            return GENESIS  # the first record will say what is wrong
        return GENESIS if last is None else last.digest

    def _file_all(self) -> str | None:
        """Append what the disk has not; the news, if there are any."""
        failed_before = self._file_error is not None
        try:
            while self._unfiled:
                self._file.append(self._unfiled[0])
                self._unfiled.pop(0)
        except OSError as error:
            self._file_error = _line_of(error)
            return None if failed_before else f"{FILE} {self._file.path} takes no records: {self._file_error}"
        self._file_error = None
        return f"{FILE} {self._file.path} takes records again" if failed_before else None


def send_all(file: AuditFile, sink: Sink) -> tuple[int, tuple[AuditConflict, ...]]:
    """Send every record of a file to a sink, from the first: what it has does no harm.

    Returns:
        How many records it has now as the file has them, and those that it holds otherwise.

    Raises:
        CloudUnavailable: The sink cannot be reached.
        OSError: The file cannot be read.
    """
    sent, conflicts = 0, list[AuditConflict]()
    for _, found in file.read():
        if isinstance(found, Record):
            try:
                sink.put(found)
                sent += 1
            except AuditConflict as conflict:
                conflicts.append(conflict)
    return sent, tuple(conflicts)


def _to_nobody(_line: str) -> None:
    """Where nobody listens; `Trail.problems` says the same."""


def _line_of(error: OSError) -> str:
    return error.strerror or str(error)
