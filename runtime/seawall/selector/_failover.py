"""Active-passive: one endpoint is in use, and another takes over.

What holds at all times, while any endpoint has a weight:

1. There is an active endpoint. When it is not available, no other one is: one that is takes over at once.
2. Whoever takes over is the most preferred among the proven, else among the available, else (panic) among those whose
   probes pass, else the one that was left longest ago.
3. An available active endpoint is replaced only by failback: by one that is proven and preferred to it, after the hold.
"""

from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush
from typing import Final, final

from seawall.selector._member import NEVER, HeapEntry, Member
from seawall.selector._model import FailbackPolicy, PanicPolicy, RegionAffinity

__all__ = ["Failover"]

SPARE: Final = 64  # dead entries that a heap may hold beside as many as there are live ones


@final
class Ranking:
    """Members by a key, smallest first. An entry is live while its member points at it."""

    __slots__ = ("_heap", "size")

    def __init__(self) -> None:
        self.size = 0
        self._heap: list[HeapEntry] = []

    def add(self, member: Member, key: tuple[float, ...]) -> None:
        """Add `member`, which is in no other ranking. O(log n)."""
        member.entry = (key, member.order, member)
        member.pool = self
        heappush(self._heap, member.entry)
        self.size += 1
        if len(self._heap) > 2 * self.size + SPARE:
            self._heap = [each for each in self._heap if each[2].entry is each]
            heapify(self._heap)

    def remove(self, member: Member) -> None:
        """Take it out. O(1)."""
        member.entry = None
        member.pool = None
        self.size -= 1

    def first(self, exclude: Collection[str] = ()) -> Member | None:
        """The first that is not excluded. O(log n) for each that is."""
        heap = self._heap
        passed_over: list[HeapEntry] = []
        found: Member | None = None
        while heap:
            entry = heap[0]
            if entry[2].entry is entry:
                if entry[2].endpoint.name not in exclude:
                    found = entry[2]
                    break
                passed_over.append(entry)
            heappop(heap)
        for entry in passed_over:
            heappush(heap, entry)
        return found


@final
class Failover:
    """The strategy of `ActivePassive`.

    Args:
        switched: Called with the lock held: previous, current, reason, cause.
        wake_at: Asks for `settle` at a time.
        random: Random numbers in [0, 1).
    """

    __slots__ = (
        "_affinity", "_asked_for", "_down", "_failback_at", "_failovers", "_proven", "_random", "_switched", "_unproven",
        "_wake_at", "active", "available", "failback", "hold_until", "panic", "panicking", "quick", "switches", "total",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        panic: PanicPolicy,
        affinity: RegionAffinity | None,
        failback: FailbackPolicy,
        *,
        switched: Callable[[Member | None, Member | None, str, str], None],
        wake_at: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self.panic: Final = panic
        self.failback: Final = failback
        self._affinity: Final = affinity
        self._switched: Final = switched
        self._wake_at: Final = wake_at
        self._random: Final = random
        self._proven = Ranking()
        self._unproven = Ranking()
        self._down = Ranking()
        self.active: Member | None = None
        self.hold_until: float = NEVER
        self.switches: int = 0
        self.panicking: bool = False
        self.quick: Callable[[], Member | None] | None = None
        self.available: int = 0
        self.total: int = 0
        self._failovers = 0  # since the last failback that lasted
        self._failback_at = NEVER
        self._asked_for = NEVER
        self.waiting: bool = False  # for `follow`, while several endpoints change together

    def place(self, member: Member, now: float) -> None:
        """Put `member` where it belongs now, and see who is to be active. O(log n)."""
        self._take_out(member)
        if member.endpoint.weight:
            if not member.available:
                self._down.add(member, (not member.healthy, member.left_at, *self._rank(member)))
            elif member.proven:
                self._proven.add(member, self._rank(member))
            else:
                self._unproven.add(member, self._rank(member))
        self.settle(now)

    def remove(self, member: Member, now: float) -> None:
        """Take `member` out."""
        self._take_out(member)
        if self.active is member:
            self._switch(self._best(), now, "endpoints changed", "")
        self.settle(now)

    def leave(self, member: Member, now: float, cause: str) -> float:
        """Its calls fail: use another one. Seconds until it counts as available again without good probes."""
        member.failed = True
        member.proven = self.failback.good_probes == 0
        member.good_probes = 0
        member.left_at = now
        self._take_out(member)
        self._down.add(member, (not member.healthy, now, *self._rank(member)))
        self.settle(now, cause)
        return self._hold(max(1, self._failovers))

    def settle(self, now: float, cause: str = "") -> None:
        """Choose the active endpoint by the rules above."""
        self.available = self._proven.size + self._unproven.size
        self.total = self.available + self._down.size
        self.panicking = self.total > 0 and not self.available
        active = self.active
        if active is None or active.pool is None:  # has no weight any more, or there was none before
            if self.total or active is not None:
                self._switch(self._best(), now, "endpoints changed", cause)
        elif active.pool is self._down:
            best = self._best()
            if best is not active:
                self._switch(best, now, "failover", cause or "probes")
        elif not self.waiting:
            self._consider_failback(active, now)

    def follow(self, now: float) -> None:
        """Somebody changed who is preferred: that is an order, and no hold stands against it, only health does."""
        self.waiting = False
        self.hold_until = NEVER
        active = self.active
        best = min(
            (each for each in (self._proven.first(), self._unproven.first()) if each is not None),
            key=self._rank,
            default=None,
        )
        if best is not None and active is not None and self._rank(best) < self._rank(active):
            self._switch(best, now, "endpoints changed", "")

    def _consider_failback(self, active: Member, now: float) -> None:
        better = self._proven.first()
        if better is None or better is active or self._rank(better) >= self._rank(active):
            return
        if now >= self.hold_until:
            self._switch(better, now, "failback", "")
        elif self._asked_for != self.hold_until:
            self._asked_for = self.hold_until
            self._wake_at(self.hold_until)

    def _best(self) -> Member | None:
        return self._proven.first() or self._unproven.first() or self._down.first()

    def _switch(self, to: Member | None, now: float, reason: str, cause: str) -> None:
        previous, self.active = self.active, to
        if to is previous:
            return
        if reason == "failover":
            lasted = now - self._failback_at >= self.failback.max_hold_seconds
            self._failovers = 1 if lasted else self._failovers + 1
            self.hold_until = now + self._hold(self._failovers)
            self.switches += 1
        elif reason == "failback":
            self._failback_at = now
            self.hold_until = now + self._hold(1)  # on the way home, too, one step at a time
            self.switches += 1
        self._switched(previous, to, reason, cause)

    def _hold(self, failovers: int) -> float:
        policy = self.failback
        doubled = policy.minimum_hold_seconds * 2.0 ** min(failovers - 1, 60)  # 60: far beyond any maximum
        return min(doubled, policy.max_hold_seconds) * (1.0 + policy.jitter_ratio * self._random())

    def _rank(self, member: Member) -> tuple[float, ...]:
        endpoint = member.endpoint
        far = self._affinity is not None and endpoint.region != self._affinity.region
        return (endpoint.role != "primary", far, member.order)

    def _take_out(self, member: Member) -> None:
        if member.pool is not None:
            member.pool.remove(member)

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """The active endpoint, or where it is excluded the one that would take over; `None`: nobody may."""
        if self.panicking and self.panic.action == "fail":
            return None
        active = self.active
        if not exclude or active is None or active.endpoint.name not in exclude:
            return active
        other = self._proven.first(exclude) or self._unproven.first(exclude)
        if other is None and self.panicking:
            other = self._down.first(exclude)
        return other
