"""Files that operators name, and files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seawall.errors import InvalidInput

__all__ = ["reading", "replace_file", "sync_folder"]


@contextmanager
def reading(option: str, file: Path | str) -> Generator[None]:
    """A file that cannot be read becomes one line.

    Args:
        option: That names it, e.g. `--state`.
        file: What was given.

    Raises:
        InvalidInput: It is not there, may not be read, or is no text.
    """
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(option, str(file), allowed="a file that can be read") from error


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile sees the old one or the new one.

    Through a file beside it whose name begins with a dot and ends in `.new`. Lines end as they do in the text.

    Args:
        path: In a folder that is there.
        text: What is to be in it, in UTF-8.
        mode: Its rights, e.g. 0o600.

    Raises:
        OSError: It cannot be written; what was there is there still.
    """
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(mode)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Put what was made or renamed in a folder on the disk: a power cut may take it back before.

    Raises:
        OSError: The folder cannot be read, or the disk does not take it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
