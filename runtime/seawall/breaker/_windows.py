"""What a closed breaker remembers of its calls, and when that is enough to open.

A success is one atomic tick of `itertools.count`, made without a lock; only failures and slow calls are written down,
under the breaker's lock. Nothing is stored per success, so a window of a million calls costs a success what one of ten
does.

`CountWindow`: the n-th call has the n-th tick. A failure takes a tick for itself and notes its number; it belongs to the
window while that number is among the last `sliding_window_size`. The window is exact.

`TimeWindow`: the time is cut into `TIME_BUCKETS` parts; the part in which a failure fell is remembered, and how many ticks
there were when each part began. A failure older than the window never counts, one younger than 95 % of it always does.

Only a failure or a slow call opens a breaker, never a fast success: the rates do not grow with those.
"""

# ruff: noqa: ARG002 - every window is told what any of them needs
import itertools
import math
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, cast

from seawall.breaker._config import CircuitBreakerConfig

__all__ = [
    "CountWindow",
    "Counts",
    "StreakWindow",
    "TimeWindow",
    "Window",
    "new_counter",
    "new_window",
    "read_counter",
    "renew_counter",
]

TIME_BUCKETS: Final = 20  # the window's edge is sharp to a twentieth of its size
ALWAYS: Final = math.inf
NEVER: Final = -math.inf

Tick = Callable[[], int]


class _LockedCount:
    """`itertools.count` for interpreters without a global lock, where that one is not atomic (CPython 3.13t)."""

    __slots__ = ("_lock", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._lock = threading.Lock()

    def __next__(self) -> int:
        with self._lock:
            value = self._value
            self._value = value + 1
        return value

    def __repr__(self) -> str:
        return f"count({self._value})"

    def renew(self) -> None:
        """In a forked child: a thread of the parent may have held the lock."""
        self._lock = threading.Lock()


def gil_enabled() -> bool:
    """Whether this interpreter runs one thread at a time. Python before 3.13 always does."""
    asked = cast("Callable[[], bool] | None", getattr(sys, "_is_gil_enabled", None))
    return asked is None or asked()


def new_counter() -> Tick:
    """An atomic counter from 0: calling it answers the count before, and adds one."""
    # An interpreter whose global lock is on never turns it off while running, so asking now is enough.
    return itertools.count().__next__ if gil_enabled() else _LockedCount().__next__


def read_counter(tick: Tick) -> int:
    """How often `tick` was called, without calling it."""
    counter: object = tick.__self__  # type: ignore[attr-defined] # a bound method or a method wrapper: both have it
    return int(repr(counter)[len("count(") : -1])


def renew_counter(tick: Tick) -> None:
    """Make a counter usable in a forked child."""
    counter: object = tick.__self__  # type: ignore[attr-defined] # as above
    if isinstance(counter, _LockedCount):
        counter.renew()


class Counts(NamedTuple):
    """Calls in a window."""

    calls: int
    failures: int
    slow: int


class Window:
    """Base of the windows. All but `tick` is used with the breaker's lock held."""

    __slots__ = ("alert", "bad", "decides", "fresh_until", "generation", "judged", "tick")

    def __init__(self, config: CircuitBreakerConfig, *, generation: int, decides: bool) -> None:
        self.tick: Final = new_counter()
        self.judged: Final = config.record_result is not None
        # Two ways to say that a success may just tick: one for calls that look at the clock, one for those that do not.
        self.alert: bool = self.judged
        self.fresh_until: float = NEVER if self.judged else ALWAYS
        self.generation: Final = generation
        self.decides: Final = decides  # false for metrics only
        self.bad: int = 0  # failures and slow calls so far; slow failures once

    def success(self, now: float) -> None:
        """A fast success at `now` that could not just tick."""
        raise NotImplementedError

    def record(self, now: float, *, failed: bool, slow: bool) -> str | None:
        """Write down a failure or a slow call; the answer says why the breaker has to open, if it has."""
        raise NotImplementedError

    def counts(self, now: float) -> Counts:
        """What the window holds at `now`."""
        raise NotImplementedError

    def successes(self) -> int:
        """Fast successes since the window was made."""
        return read_counter(self.tick)


class StreakWindow(Window):
    """Failures in a row. A slow call counts as a failure."""

    __slots__ = ("limit", "streak")

    def __init__(self, config: CircuitBreakerConfig, *, generation: int, decides: bool) -> None:
        super().__init__(config, generation=generation, decides=decides)
        self.limit: Final = config.consecutive_failures
        self.streak = 0

    def success(self, now: float) -> None:
        self.tick()
        self.streak = 0
        if not self.judged:
            self.alert: bool = False
            self.fresh_until = ALWAYS

    def record(self, now: float, *, failed: bool, slow: bool) -> str | None:
        self.bad += 1
        self.alert = True
        self.fresh_until = NEVER
        self.streak += 1
        return "consecutive failures" if self.streak >= self.limit else None

    def counts(self, now: float) -> Counts:
        return Counts(self.streak, self.streak, 0)


class _RateWindow(Window):
    """What the two rate windows share: when rates are high enough to open."""

    __slots__ = ("failure_threshold", "minimum_calls", "slow_threshold")

    def __init__(self, config: CircuitBreakerConfig, *, generation: int, decides: bool) -> None:
        super().__init__(config, generation=generation, decides=decides)
        self.minimum_calls: Final = config.minimum_calls
        self.failure_threshold: Final = config.failure_rate_threshold
        self.slow_threshold: Final = config.slow_call_rate_threshold

    def _judge(self, counts: Counts) -> str | None:
        calls, failures, slow = counts
        if calls < self.minimum_calls:
            return None
        # Divided, not multiplied: 3 / 30 is the double nearest to 0.1, as the literal is; 0.1 * 30 is above 3.
        if failures / calls >= self.failure_threshold:
            return "failure rate"
        if slow / calls >= self.slow_threshold:
            return "slow call rate"
        return None


class CountWindow(_RateWindow):
    """The last `sliding_window_size` calls."""

    __slots__ = ("failed_at", "size", "slow_at")

    def __init__(self, config: CircuitBreakerConfig, *, generation: int, decides: bool) -> None:
        super().__init__(config, generation=generation, decides=decides)
        self.size: Final = config.sliding_window_size
        # Numbers of the calls that failed or were slow. Made when first needed: most breakers never need them.
        self.failed_at: deque[int] | None = None
        self.slow_at: deque[int] | None = None

    def success(self, now: float) -> None:
        self.tick()

    def record(self, now: float, *, failed: bool, slow: bool) -> str | None:
        self.bad += 1
        number = self.tick()
        if failed:
            if self.failed_at is None:
                self.failed_at = deque()
            self.failed_at.append(number)
        if slow:
            if self.slow_at is None:
                self.slow_at = deque()
            self.slow_at.append(number)
        return self._judge(self.counts(now))

    def counts(self, now: float) -> Counts:
        ticks = read_counter(self.tick)
        first = ticks - self.size  # the number of the oldest call that still belongs to the window
        return Counts(min(ticks, self.size), _since(first, self.failed_at), _since(first, self.slow_at))

    def successes(self) -> int:
        return read_counter(self.tick) - self.bad


def _since(first: int, numbers: deque[int] | None) -> int:
    """How many of `numbers` are at least `first`; drops the others."""
    if not numbers:
        return 0
    while numbers and numbers[0] < first:
        numbers.popleft()
    return len(numbers)


class _Bucket:
    """One part of a time window."""

    __slots__ = ("bad", "failures", "index", "slow", "ticks_before")

    def __init__(self, index: int, ticks_before: int) -> None:
        self.index: Final = index
        self.ticks_before: Final = ticks_before
        self.failures = 0
        self.slow = 0
        self.bad: int = 0


class TimeWindow(_RateWindow):
    """The last `sliding_window_size` seconds."""

    __slots__ = ("buckets", "counted_bad", "failures", "slow", "start", "width")

    def __init__(self, config: CircuitBreakerConfig, *, generation: int, decides: bool, now: float) -> None:
        super().__init__(config, generation=generation, decides=decides)
        self.width: Final = config.sliding_window_size / TIME_BUCKETS
        self.start: Final = now
        self.failures = 0
        self.slow = 0
        self.counted_bad = 0
        self.buckets = deque((_Bucket(0, 0),))
        if not self.judged:
            self.fresh_until = now + self.width

    def success(self, now: float) -> None:
        self._turn(now)
        self.tick()

    def record(self, now: float, *, failed: bool, slow: bool) -> str | None:
        self.bad += 1
        self._turn(now)
        bucket = self.buckets[-1]
        bucket.failures += failed
        bucket.slow += slow
        bucket.bad += 1
        self.failures += failed
        self.slow += slow
        self.counted_bad += 1
        return self._judge(self.counts(now))

    def counts(self, now: float) -> Counts:
        self._turn(now)
        calls = read_counter(self.tick) - self.buckets[0].ticks_before + self.counted_bad
        return Counts(calls, self.failures, self.slow)

    def _turn(self, now: float) -> None:
        """Make the bucket of `now` the current one and drop those that are too old."""
        index = int((now - self.start) / self.width)
        if index <= self.buckets[-1].index:
            return  # another thread read a later time and was here first
        ticks = read_counter(self.tick)
        while self.buckets and self.buckets[0].index <= index - TIME_BUCKETS:
            old = self.buckets.popleft()
            self.failures -= old.failures
            self.slow -= old.slow
            self.counted_bad -= old.bad
        self.buckets.append(_Bucket(index, ticks))
        if not self.judged:
            self.fresh_until = self.start + (index + 1) * self.width


def new_window(config: CircuitBreakerConfig, *, generation: int, decides: bool, now: float) -> Window:
    """An empty window as `config` asks for."""
    if config.sliding_window == "consecutive":
        return StreakWindow(config, generation=generation, decides=decides)
    if config.sliding_window == "count":
        return CountWindow(config, generation=generation, decides=decides)
    return TimeWindow(config, generation=generation, decides=decides, now=now)
