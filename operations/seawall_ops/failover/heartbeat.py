"""A file that says when an observer has last ended a round of votes, for whoever starts it anew when it is stuck.

It says nothing about decisions and operations: those wait for servers as long as they must, in threads of their own.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput

__all__ = ["heartbeat"]

_log: Final = logging.getLogger("seawall.failover")


def heartbeat(path: Path, clock: Clock = SYSTEM_CLOCK) -> Callable[[], None]:
    """What writes the time of this machine's monotonic clock to a file, in seconds; whoever reads it compares with the same.

    A wall clock that is set would have an observer killed that is well. What cannot be written is logged.

    Args:
        path: The file; what is there is replaced at once, never half.
        clock: Monotonic time.

    Raises:
        InvalidInput: Its folder is not there.
    """
    if not path.parent.is_dir():
        raise InvalidInput("--heartbeat", str(path), allowed="a file in a folder that is there")
    written = path.with_name(f".{path.name}.{os.getpid()}")

    def beat() -> None:
        try:
            written.write_text(f"{clock.monotonic()!r}\n", encoding="ascii")
            written.replace(path)
        except OSError as error:
            _log.warning("no heartbeat: %s", error)

    return beat
