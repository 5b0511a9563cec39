"""How many reads fall on the writer, and whether one more may. The caller locks."""

from collections import deque
from typing import Final, final

from seawall._rolling import RollingCounts
from seawall.replicas._model import FallbackPolicy

__all__ = ["Fallback"]


@final
class Fallback:
    """Counts fallbacks against the reads that the readers served.

    Args:
        policy: The limits.
    """

    __slots__ = ("_concurrent", "_counts", "_policy", "_seen", "returned")

    def __init__(self, policy: FallbackPolicy) -> None:
        self._policy: Final = policy
        self._counts: Final = RollingCounts(policy.window_seconds)
        self._seen = 0
        self._concurrent = 0
        self.returned: Final[deque[None]] = deque()
        """One more entry for each fallback that is over; whoever appends needs no lock."""

    @property
    def concurrent(self) -> int:
        """Fallbacks that are under way."""
        while self.returned:
            self.returned.popleft()
            self._concurrent -= 1
        return self._concurrent

    def served(self, total: int, now: float) -> None:
        """Take note of how many reads the readers have served in all; called now and then, not for each read."""
        if total > self._seen:
            self._counts.add_good(now, total - self._seen)
        self._seen = total

    def refusal(self, now: float) -> str | None:
        """Why one more may not fall on the writer; `None`: it may, and is counted."""
        policy = self._policy
        if policy.max_concurrent is not None and self.concurrent >= policy.max_concurrent:
            return f"the writer serves max_concurrent = {policy.max_concurrent} reads in place of the readers already"
        self._counts.turn(now)
        fallbacks = self._counts.bad + 1
        share = fallbacks / (fallbacks + self._counts.good)
        if fallbacks > policy.always_allowed and share > policy.max_share_ratio:
            return (
                f"{share:.0%} of the reads of the last {policy.window_seconds:g} s would be the writer's, and "
                f"max_share_ratio = {policy.max_share_ratio:g}"
            )
        self._counts.add_bad(now)
        self._concurrent += 1
        return None
