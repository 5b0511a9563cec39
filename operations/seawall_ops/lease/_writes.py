"""What a holder has written, and which of it is known to have been made. An unanswered write may still be on its way."""

import secrets
import threading
from dataclasses import replace
from typing import Final, final

from seawall_ops.lease._clocks import Instant
from seawall_ops.lease._model import LeaseRecord, Stored

__all__ = ["Writes", "new_write"]

WRITE_BYTES: Final = 12  # of randomness: no two writes of anybody have the same


def new_write() -> str:
    """A name for one write."""
    return secrets.token_hex(WRITE_BYTES)


@final
class Writes:
    """The writes over one record since it was last known.

    All that are in doubt name the version before them. So at most one of those that name one version is ever made, and as
    soon as a later version is known, the others cannot be any more.
    """

    __slots__ = ("_lock", "_sent", "known")

    def __init__(self, known: Stored) -> None:
        self.known: Stored = known
        """The latest version that is known to be there, or to have been."""
        self._sent: dict[str, Instant] = {}
        self._lock: Final = threading.Lock()

    @property
    def in_doubt(self) -> bool:
        """Whether a write may have been made that nobody knows of."""
        return bool(self._sent)

    def begin(self, record: LeaseRecord, began: Instant) -> tuple[Stored, LeaseRecord]:
        """Note a write before it is sent: over what, and with its own name."""
        named = replace(record, write=new_write())
        with self._lock:
            self._sent[named.write] = began
            return self.known, named

    def settle(self, stored: Stored) -> Instant | None:
        """This was found to be there: when the write began that made it, if it is one that was in doubt."""
        write = stored.record.write
        with self._lock:
            began = self._sent.get(write)
            # The same write under another version: somebody else has touched what is around the record, e.g. a label. Under
            # the same version nothing is settled: what is in doubt may still arrive.
            touched = write == self.known.record.write and stored.version != self.known.version
            if began is not None or touched:
                self.known = stored
                self._sent.clear()
            return began
