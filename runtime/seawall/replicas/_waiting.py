"""Reads that wait for a replica to catch up. They look at what the one poller has seen; none of them asks by itself."""

import threading
from typing import Final, final

__all__ = ["Desk"]


@final
class Desk:
    """Who waits, and how they are told that a measurement has come in."""

    __slots__ = ("_changed", "_waiting")

    def __init__(self) -> None:
        self._changed: Final = threading.Condition()
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether anybody waits, so that the poller is to hurry."""
        return self._waiting > 0

    def __enter__(self) -> "Desk":
        with self._changed:
            self._waiting += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._waiting -= 1

    def pause(self, seconds: float) -> None:
        """Wait for the next measurement, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def announce(self) -> None:
        """A measurement has come in."""
        if self._waiting:
            with self._changed:
                self._changed.notify_all()
