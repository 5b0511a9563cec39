"""A budget for retries: when everything fails, retries must not multiply the load.

The ratio is Finagle's idea and Envoy's `retry_budget`: retries may be so many of the calls of the last seconds, plus a
few that are always allowed, so that a quiet client can retry at all.
"""

import threading
from dataclasses import dataclass
from typing import Final, final

from seawall._forks import renew_after_fork
from seawall._rolling import RollingCounts
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput

__all__ = ["RetryBudget", "RetryBudgetSnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudgetSnapshot:
    """A budget at one moment."""

    calls: int
    """First attempts in the window."""
    retries: int
    """Retries in the window."""
    left: int
    """Retries that would be allowed now."""
    total_refused: int


@final
class RetryBudget:
    """Allows retries for at most `ratio` of the calls in the last `window_seconds`, plus `minimum_per_second`.

    One budget may serve many clients of a dependency, in threads and event loops at once. The window moves in tenths.

    ```python
    budget = RetryBudget()
    budget.call()                 # for each call, once, before its first attempt
    if budget.try_retry(): ...    # before each retry
    ```

    Args:
        ratio: Retries per call. 0 or more; 0.2 is Finagle's and Envoy's.
        minimum_per_second: Retries per second that are allowed however few calls there are. 0 or more.
        window_seconds: Above 0.
        clock: Monotonic time.

    Raises:
        InvalidInput: a value outside what is said here.
    """

    def __init__(
        self,
        *,
        ratio: float = 0.2,
        minimum_per_second: float = 1.0,
        window_seconds: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        for name, value in (("ratio", ratio), ("minimum_per_second", minimum_per_second)):
            if not 0.0 <= value < float("inf"):
                raise InvalidInput(name, value, allowed="0 or more, finite")
        if not 0.0 < window_seconds < float("inf"):
            raise InvalidInput("window_seconds", window_seconds, allowed="above 0 seconds, finite")
        self.ratio: Final = ratio
        self.minimum_per_second: Final = minimum_per_second
        self.window_seconds: Final = window_seconds
        self._clock: Final = clock
        self._counts: Final = RollingCounts(window_seconds)  # good: calls, bad: retries
        self._refused = 0
        self._lock = threading.Lock()
        renew_after_fork(self)

    def call(self) -> None:
        """Note a call, once, whatever becomes of it."""
        with self._lock:
            self._counts.add_good(self._clock.monotonic())

    def try_retry(self) -> bool:
        """Whether one more retry is allowed; if so, it is noted."""
        with self._lock:
            now = self._clock.monotonic()
            self._counts.turn(now)
            if self._left() < 1.0:
                self._refused += 1
                return False
            self._counts.add_bad(now)
            return True

    def snapshot(self) -> RetryBudgetSnapshot:
        """Counts at one moment."""
        with self._lock:
            self._counts.turn(self._clock.monotonic())
            return RetryBudgetSnapshot(
                calls=self._counts.good,
                retries=self._counts.bad,
                left=max(0, int(self._left())),
                total_refused=self._refused,
            )

    def _left(self) -> float:
        rounding = 1e-9  # 0.1 * 30 is 3.0000000000000004, 0.7 * 10 is 6.999...
        return (
            self.ratio * self._counts.good + self.minimum_per_second * self.window_seconds - self._counts.bad + rounding
        )

    def after_fork(self) -> None:
        """In the child: the lock may be held by a thread that does not exist here."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<RetryBudget {self.ratio:g} of calls, {self.minimum_per_second:g}/s>"
