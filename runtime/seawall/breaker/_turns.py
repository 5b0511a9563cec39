"""One thing at a time, within one thread as well."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns:
    """A lock under which steps are done one after another.

    A thread that is inside may be asked again before it is done: signal handlers run between any two instructions, and
    so do finalizers. A plain lock would deadlock then, and a re-entrant one would show the second step a first one that
    is half done. Here the second waits until the first has ended, in the same thread, or is answered with what was said
    for that case.
    """

    __slots__ = ("_busy", "_late", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy = False
        self._late: Final[list[Callable[[], object]]] = []

    def take_turn(self, step: Callable[[], T], otherwise: T) -> T:
        """What `step` answers; `otherwise` if this very thread is inside another step."""
        with self._lock:
            if self._busy:
                return otherwise
            try:
                self._busy = True
                self._catch_up()
                answer = step()
                self._catch_up()
            finally:
                self._busy = False
        return answer

    def queue_turn(self, step: Callable[[], object]) -> None:
        """Do `step`; if this very thread is inside another one, as soon as that has ended."""
        with self._lock:
            self._late.append(step)
            if self._busy:
                return
            try:
                self._busy = True
                self._catch_up()
            finally:
                self._busy = False

    def renew_turns(self) -> None:
        """In a forked child: whoever was inside is gone."""
        self._lock = threading.RLock()
        self._busy = False
        self._late.clear()

    def _catch_up(self) -> None:
        while self._late:
            self._late.pop(0)()
