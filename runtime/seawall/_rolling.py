"""Two counts over the last seconds, in slots, so that what is old goes away by itself. Pure; the caller locks."""

from typing import Final, final

__all__ = ["RollingCounts"]

SLOTS: Final = 10  # the window moves in steps of a tenth: an answer is at most that much too old


@final
class RollingCounts:
    """How often the one and the other thing happened in the last `seconds`, to within a tenth of them.

    Args:
        seconds: The window, in seconds. Above 0.
    """

    __slots__ = ("_at", "_bad", "_good", "_slot_seconds", "bad", "good")

    def __init__(self, seconds: float) -> None:
        self._slot_seconds: Final = seconds / SLOTS
        self._good = [0] * SLOTS
        self._bad = [0] * SLOTS
        self._at = 0
        self.good: int = 0
        self.bad: int = 0

    def add_good(self, now: float, count: int = 1) -> None:
        """Count the one thing at `now`, in seconds of a monotonic clock."""
        slot = self.turn(now)
        self._good[slot] += count
        self.good += count

    def add_bad(self, now: float, count: int = 1) -> None:
        """Count the other thing at `now`."""
        slot = self.turn(now)
        self._bad[slot] += count
        self.bad += count

    def turn(self, now: float) -> int:
        """Forget what is older than the window; the slot of `now`."""
        at = int(now / self._slot_seconds)
        passed = at - self._at
        if passed > 0:
            if self.good or self.bad:
                for each in range(self._at + 1, self._at + 1 + min(passed, SLOTS)):
                    slot = each % SLOTS
                    self.good -= self._good[slot]
                    self.bad -= self._bad[slot]
                    self._good[slot] = self._bad[slot] = 0
            self._at = at
        return self._at % SLOTS
