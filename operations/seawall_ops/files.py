"""Files that operators name."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seawall.errors import InvalidInput

__all__ = ["reading"]


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
