"""Behind the file: what a sink has not yet is sent in the background, from where it was left, in the file's order."""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from seawall.clock import Clock
from seawall.errors import AuditConflict, SeawallError
from seawall.worker import Worker
from seawall_ops.audit.files import AuditFile
from seawall_ops.audit.records import Record
from seawall_ops.audit.sinks import Sink

__all__ = ["Forwarder", "SinkState"]

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0  # between tries of a sink that is down
IDLE_SECONDS: Final = 60.0  # other processes may write to the file, too
MARK_DIGITS: Final = 12  # of the digest that keeps sinks' marks apart


@dataclass(frozen=True, slots=True)
class SinkState:
    """How far a sink is."""

    name: str
    error: str | None
    """Why it takes no records now; `None` while it does."""
    conflicts: int
    """Records that it holds otherwise. They were left as they are."""

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.name} is behind: {self.error}" if self.error else f"{self.name} has everything"


class Forwarder:
    """Sends a file's records to one sink. Everything goes out at least once; sinks take a record twice without harm.

    Args:
        sink: Where to.
        file: Where from.
        unfiled: The records that the disk could not take.
        told: Called with one line when the sink stops taking records, and when it takes them again.
        clock: Monotonic time.
    """

    def __init__(
        self,
        sink: Sink,
        file: AuditFile,
        unfiled: Callable[[], tuple[Record, ...]],
        *,
        told: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._sink: Final = sink
        self._file: Final = file
        self._unfiled: Final = unfiled
        self._told: Final = told
        self._mark: Final = _mark_path(file.path, sink.name)
        self._offset = _read_mark(self._mark)
        self._sent_unfiled: set[str] = set()
        self._pause = FIRST_PAUSE_SECONDS
        self._error: str | None = None
        self._conflicts = 0
        self._asked = 0  # counts up with every record
        self._served = -1
        self._tried = -1
        self._news: Final = threading.Condition()
        self._worker: Final = Worker(f"seawall-audit-{sink.name}", clock=clock)
        self._job: Final = self._worker.add(self._round)
        self._worker.start()

    @property
    def state(self) -> SinkState:
        """How far it is."""
        return SinkState(self._sink.name, self._error, self._conflicts)

    def wake(self) -> None:
        """There is something new. While the sink is down the next try waits for its pause all the same."""
        with self._news:
            self._asked += 1
        if self._error is None:
            self._job.wake()

    def drained(self, timeout_seconds: float) -> bool:
        """Wait, at most so long, until the sink has everything or refuses it; whether it has it."""
        with self._news:
            self._tried = -1
            self._job.wake()
            self._news.wait_for(lambda: max(self._served, self._tried) >= self._asked, timeout_seconds)
            return self._served >= self._asked

    def stop(self) -> None:
        """End the thread; a put that hangs is left to end by itself."""
        self._worker.stop(0.0)

    def _round(self) -> float:
        with self._news:
            asked = self._asked
        try:
            self._send_all()
        except SeawallError as error:
            if self._error is None:
                self._told(f"audit: {self._sink.name} takes no records, which wait in {self._file.path}: {error}")
            self._error = str(error)
            with self._news:
                self._tried = asked
                self._news.notify_all()
            pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            return pause
        if self._error is not None:
            self._told(f"audit: {self._sink.name} has caught up")
        self._error, self._pause = None, FIRST_PAUSE_SECONDS
        with self._news:
            self._served = asked
            self._news.notify_all()
        return IDLE_SECONDS

    def _send_all(self) -> None:
        for record in self._unfiled():
            if record.key not in self._sent_unfiled:
                self._put(record)
                self._sent_unfiled.add(record.key)
        with contextlib.suppress(OSError):  # the trail says itself what is wrong with its file
            if self._offset > self._file.path.stat().st_size:
                self._offset = 0  # another file stands there now, or it was cut: what the sink has does no harm
            for offset, found in self._file.read(self._offset):
                if isinstance(found, Record):
                    self._put(found)
                elif found.last:
                    break  # perhaps still being written
                self._offset = offset
            _write_mark(self._mark, self._offset)

    def _put(self, record: Record) -> None:
        try:
            self._sink.put(record)
        except AuditConflict as conflict:
            self._conflicts += 1  # shown, and found by `seawall audit verify`; the records behind it are not held up
            self._told(f"audit: {conflict}")


def _mark_path(file: Path, sink: str) -> Path:
    return file.with_name(f"{file.name}.{hashlib.sha256(sink.encode()).hexdigest()[:MARK_DIGITS]}.sent")


def _read_mark(path: Path) -> int:
    """The byte up to which a sink has the file. A mark that is lost or broken costs only that much sent twice."""
    try:
        content = cast("object", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0
    return content if isinstance(content, int) and content >= 0 else 0


def _write_mark(path: Path, offset: int) -> None:
    if offset and offset != _read_mark(path):
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(offset), encoding="utf-8")
        draft.replace(path)
