"""Journals as files of this machine, and the lock that keeps an operation to one process."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from seawall.errors import OperationInProgress
from seawall_ops.files import reading, sync_folder
from seawall_ops.steps.journal import Journal, dump, parse
from seawall_ops.steps.model import check_name

__all__ = ["FileJournals", "only_run"]

MODE: Final = 0o600


class FileJournals:
    """Journals in a folder, a file each. Every write is on the disk before it returns, and whole or not at all.

    Args:
        folder: Made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def read(self, operation: str) -> Journal | None:
        """The journal; `None` where the operation was never begun.

        Raises:
            InvalidInput: It is of another version, broken, or cannot be read.
        """
        path = self._path(operation)
        if not path.exists():
            return None
        with reading("journal", path):
            text = path.read_text(encoding="utf-8")
        return parse(text, str(path))

    def write(self, journal: Journal) -> None:
        """Keep it: a file beside it, fsync, an atomic rename, fsync of the folder.

        Raises:
            OperationInProgress: Another process has written it since.
            OSError: The disk does not take it.
        """
        path = self._path(journal.operation)
        kept = self.read(journal.operation)
        if kept is not None and kept.revision != journal.revision - 1:
            raise OperationInProgress(journal.operation, f"{path} was written by another process meanwhile")
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dump(journal))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(self.folder)

    def operations(self) -> tuple[str, ...]:
        """The ids of all operations that have a journal here."""
        return tuple(sorted(path.name.removesuffix(".json") for path in self.folder.glob("*.json")))

    def _path(self, operation: str) -> Path:
        check_name("operation", operation)
        return self.folder / f"{operation}.json"


@contextmanager
def only_run(folder: Path, operation: str) -> Generator[None]:
    """Hold the lock of an operation on this machine; the system lets go of it when the process dies.

    Raises:
        OperationInProgress: Another run holds it.
    """
    check_name("operation", operation)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{operation}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OperationInProgress(operation, f"another process runs it and holds {lock.lock_file}") from None
    try:
        yield
    finally:
        lock.release()
