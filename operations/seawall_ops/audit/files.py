"""The record on disk: a file of JSON lines that is only ever appended to.

Each record is one write with O_APPEND and one fsync, so that processes may share a file and a crash can tear at most the
last line. A torn line stays where it is: the next record begins a line of its own, and readers set the torn one aside.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seawall_ops.audit.records import Record, parse
from seawall_ops.files import sync_folder

__all__ = ["AuditFile", "TornLine"]

NEWLINE: Final = b"\n"
MODE: Final = 0o600  # who may read what happened is for the operator to widen
TAIL_BYTES: Final = 65_536  # of the file's end that are looked through for the last record; a record is 1 to 3 KB


@dataclass(frozen=True, slots=True)
class TornLine:
    """A line that is no record: cut off by a crash, or damaged."""

    number: int
    """From 1."""
    length_bytes: int
    last: bool
    """Whether it is the file's end, where a crash tears."""


class AuditFile:
    """One file of records.

    Args:
        path: Made at the first record, with its folders, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    def append(self, record: Record) -> None:
        """Keep a record: on the disk when this returns.

        Raises:
            OSError: It could not be written as a whole.
        """
        new = not self.path.exists()
        if new:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            torn = _ends_torn(handle)
            line = (NEWLINE if torn else b"") + record.line.encode() + NEWLINE
            if os.write(handle, line) != len(line):
                raise OSError(f"only a part of a record of {len(line)} bytes was written")
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            sync_folder(self.path.parent)

    def last(self) -> Record | None:
        """The last whole record; `None` where there is none, or no file."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                lines = file.read().split(NEWLINE)
        except FileNotFoundError:
            return None
        found = (parse(line.decode(errors="replace")) for line in reversed(lines))
        return next((record for record in found if record is not None), None)

    def read(self, offset: int = 0) -> Iterator[tuple[int, Record | TornLine]]:
        """The records from a byte on, each with the byte after it; torn lines in their places.

        What follows the last newline is not read while it is no record: it may still be being written.
        """
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(offset)
            for number, line in enumerate(file, 1):
                offset += len(line)
                text = line.rstrip(NEWLINE)
                if text:
                    record = parse(text.decode(errors="replace"))
                    yield offset, record or TornLine(number, len(text), last=offset >= size)


def _ends_torn(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != NEWLINE
