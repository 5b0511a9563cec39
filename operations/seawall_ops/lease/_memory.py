"""Leases and states in this process's memory: for tests, rehearsals and dry runs. It arbitrates between threads only."""

import threading
from typing import Final, final

from seawall.errors import FenceOutrun
from seawall_ops.lease._domains import Location
from seawall_ops.lease._fencing import Fenced, FencedDocument
from seawall_ops.lease._model import LeaseRecord, Stored

__all__ = ["MemoryLeaseStore", "MemoryState"]


@final
class MemoryLeaseStore:
    """Leases in memory.

    Args:
        region: Where to pretend to be.
    """

    def __init__(self, region: str = "this process") -> None:
        self._records: dict[str, LeaseRecord] = {}
        self._highest: dict[str, int] = {}
        self._lock: Final = threading.Lock()
        self._region: Final = region

    @property
    def where(self) -> str:
        """For messages."""
        return f"memory of {self._region}"

    @property
    def location(self) -> Location:
        """As given."""
        return Location(self._region)

    def read(self, name: str) -> Stored | None:
        """The latest record."""
        with self._lock:
            record = self._records.get(name)
        return None if record is None else Stored(record, record.write)

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make a record where there is none."""
        with self._lock:
            if name not in self._records:
                fence = max(record.fence, self._highest.get(name, 0))
                self._put(
                    name,
                    LeaseRecord(holder=record.holder, fence=fence, ttl_seconds=record.ttl_seconds, write=record.write),
                )

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write a record over another one."""
        with self._lock:
            present = self._records.get(name)
            if present is None or present.write != over.version:
                return None
            self._put(name, record)
        return Stored(record, record.write)

    def delete(self, name: str) -> None:
        """Take a record away, as somebody might do by hand."""
        with self._lock:
            self._records.pop(name, None)

    def _put(self, name: str, record: LeaseRecord) -> None:
        self._records[name] = record
        self._highest[name] = max(record.fence, self._highest.get(name, 0))


@final
class MemoryState:
    """Fenced states in memory."""

    def __init__(self) -> None:
        self._documents: dict[str, FencedDocument] = {}
        self._lock: Final = threading.Lock()

    @property
    def where(self) -> str:
        """For messages."""
        return "memory of this process"

    def read(self, key: str) -> FencedDocument | None:
        """What is there."""
        with self._lock:
            return self._documents.get(key)

    def claim(self, key: str, held: Fenced) -> FencedDocument:
        """Let nobody with a lower fence write any more, and read."""
        held.check()
        with self._lock:
            present = self._refuse_lower(key, held.fence)
            claimed = FencedDocument(present.text if present else None, held.fence)
            self._documents[key] = claimed
        return claimed

    def put(self, key: str, text: str, held: Fenced) -> None:
        """Write."""
        held.check()
        with self._lock:
            self._refuse_lower(key, held.fence)
            self._documents[key] = FencedDocument(text, held.fence)

    def _refuse_lower(self, key: str, fence: int) -> FencedDocument | None:
        present = self._documents.get(key)
        if present is not None and present.fence > fence:
            raise FenceOutrun(f"{self.where}, key {key}", fence, present.fence)
        return present
