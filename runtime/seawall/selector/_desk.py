"""Where a selector's changes are made: one at a time, and told of afterwards.

What holds at all times:

1. `lock` is never held while foreign code runs: no call, no probe, no subscriber.
2. What a garbage collection or a signal handler asks for inside of a change is done after it.
"""

import functools
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from heapq import heappop, heappush
from typing import Final

from seawall._forks import renew_after_fork
from seawall.clock import Clock
from seawall.errors import SeawallError
from seawall.events import Event, EventBus
from seawall.selector._member import Member

__all__ = ["Desk"]

_log: Final = logging.getLogger("seawall.selector")


class Desk(ABC):
    """Lock, timers and events of one selector. Methods with an underscore are called with the lock held."""

    def __init__(self, clock: Clock, events: EventBus | None) -> None:
        self.now: Final = clock.monotonic
        self.bus: Final = EventBus() if events is None else events
        # Re-entrant, because a signal handler or a finalizer may come back while this thread is inside.
        self.lock: AbstractContextManager[object] = threading.RLock()
        self.busy: bool = False
        self.news: bool = False  # events wait to be delivered
        self.later: deque[Callable[[], None]] = deque()  # rule 2
        self.lost: deque[Member] = deque()  # whose attempts were collected without an outcome
        self.timers: list[tuple[float, int, Callable[[float], None]]] = []
        self._serial = 0
        renew_after_fork(self)

    @abstractmethod
    def _note_panic(self, now: float) -> None: ...

    def do(self, change: Callable[[float], None]) -> None:
        """Make a change at the present time, then tell of it. Inside of another change it is made later."""
        with self.lock:
            if self.busy:
                self.later.append(functools.partial(self.do, change))
                return
            self.busy = True
            try:
                now = self.now()
                self._catch_up(now)
                change(now)
                self._note_panic(now)
            finally:
                self.busy = False
        self.tell()

    def refresh(self) -> None:
        """Do what the clock asks for by now."""
        self.do(_nothing)

    def tell(self) -> None:
        """Do what had to wait, and deliver events. Called without the lock."""
        while self.later:
            try:
                late = self.later.popleft()
            except IndexError:  # another thread was faster
                break
            try:
                late()
            except SeawallError:
                _log.exception("a change that had to wait could not be made")
        if self.news:
            self.news = False
            self.bus.deliver()

    def enqueue(self, event: Event) -> None:
        """Note an event for `tell`."""
        self.bus.enqueue(event)
        self.news = True

    def catch_up(self) -> None:
        """Within a pick: do what the clock asks for. Called with the lock held."""
        now = self.now()
        self._catch_up(now)
        self._note_panic(now)

    def count_lost(self) -> None:
        """Attempts that were collected are no longer under way. Called with the lock held."""
        while self.lost:
            self.lost.popleft().outstanding -= 1

    def _catch_up(self, now: float) -> None:
        timers = self.timers
        while timers and timers[0][0] <= now:
            heappop(timers)[2](now)
        self.count_lost()

    def _at(self, due: float, action: Callable[[float], None]) -> None:
        self._serial += 1
        heappush(self.timers, (due, self._serial, action))

    def after_fork(self) -> None:
        """In the child: other threads' locks are gone, though their frames still seem to hold them."""
        self.lock = threading.RLock()
        self.busy = False


def _nothing(now: float) -> None:
    del now
