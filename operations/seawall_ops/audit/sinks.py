"""Where records go besides the file: places outside of what may fail."""

from collections.abc import Iterator
from typing import Protocol

from seawall_ops.audit.records import Record

__all__ = ["Sink"]


class Sink(Protocol):
    """A place for records that never overwrites one."""

    @property
    def name(self) -> str:
        """What it is called in messages, e.g. `s3://acme-audit/seawall/`."""
        ...

    def put(self, record: Record) -> None:
        """Keep a record. One that is there already is well.

        Raises:
            AuditConflict: Another one is there in its place.
            CloudUnavailable: It cannot be reached now.
        """
        ...

    def read(self, operation: str | None = None) -> Iterator[Record]:
        """The records that it holds, of one operation or of all, in no order.

        Raises:
            CloudUnavailable: It cannot be reached.
        """
        ...
