"""Weighted round robin: earliest deadline first, among those whose turn has begun.

Each endpoint of weight w takes its k-th turn (k = 0, 1, ...) between the virtual times `base + k / w` (its release) and
`base + (k + 1) / w` (its deadline). Virtual time is the average of all releases, weighted by weight, so each pick moves
it on by 1 / W, W being the sum of weights. A pick takes, of the turns whose slot has been reached, the one whose deadline
is first. On one server that order meets every deadline (Baruah, Cohen, Plaxton and Varvel, "Proportionate progress",
1996), from which follows, while nothing changes:

1. After n picks an endpoint has had more than `n * w / W - 1` and fewer than `n * w / W + 1` of them.
2. Any W picks in a row hold exactly w of it.

An endpoint that joins starts at the present virtual time: it neither catches up on what it missed nor waits. One that
leaves takes its share of the average along (Stoica and Abdel-Wahab, "Earliest eligible virtual deadline first", 1995).

Times are whole numbers in units of about 2**-60. Two releases or deadlines k / w that differ do so by at least 1 / (w * W), so
rounding up never changes an order as long as w * W < 2**59. Below the unit, a time carries the number of its endpoint's seat:
a heap entry is then one integer, which says when and whose, breaks ties, and is compared faster than a tuple.
"""

import math
from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final, final

from seawall.selector._member import Member

__all__ = ["WeightedPool"]

SEAT_BITS: Final = 24  # 16 million endpoints
SEAT: Final = (1 << SEAT_BITS) - 1
ONE: Final = 720_720 << 41 << SEAT_BITS  # above 2**60; a multiple of 1 to 16, whose turns are then all equally long
AHEAD: Final = ONE - 1
LONGEST_CYCLE: Final = 64  # picks; bounds what a change costs on top of the heaps
NOT_LOOKED_AT: Final = -1
SPARE: Final = 64  # dead entries that a heap may hold beside as many as there are live ones


@final
class WeightedPool:
    """A set of endpoints that take turns. The caller locks.

    A heap entry is live while its member points at it (at that very object, since dead ones may be equal to it); so leaving
    costs nothing, and dead entries go when they come up. Virtual time begins at ONE: Python shares small integers.

    Picks repeat after a full cycle. A short one is written down while it is played for the first time, and then read off;
    the heaps stay as they were at its end, and are played forward to the present place before anything changes.
    """

    __slots__ = (
        "_ahead",
        "_cycle",
        "_free",
        "_length",
        "_pending",
        "_place",
        "_ready",
        "_seats",
        "credit",
        "members",
        "size",
        "weight",
    )

    def __init__(self) -> None:
        self.size = 0
        self.weight = 0
        self.credit = 0.0  # used by whoever chooses among pools
        self.members: set[Member] = set()
        self._ahead = AHEAD  # the sum of weight * base + turns * ONE over all members, and AHEAD; see `_next`
        self._ready: list[int] = []  # by deadline
        self._pending: list[int] = []  # by release
        self._seats: list[Member] = []  # who sits where; a free seat still names who left it
        self._free: list[int] = []
        self._cycle: list[Member] = []
        self._length = NOT_LOOKED_AT  # of the cycle; 0: too long to write down
        self._place = -1  # in the cycle that is read off; -1: none is

    def add(self, member: Member, weight: int) -> None:
        """Let `member` take turns from now on. O(log n)."""
        self._play_forward()
        self._join(member, weight, (self._ahead - AHEAD) // self.weight if self.weight else ONE)
        self.members.add(member)
        self.size += 1

    def remove(self, member: Member) -> None:
        """Let it take no more turns. O(1)."""
        self._play_forward()
        self._leave(member)
        self.members.discard(member)
        self.size -= 1
        if not self.size:
            self._ready.clear()
            self._pending.clear()
            self._ahead = AHEAD
        self._sweep()

    def reweigh(self, member: Member, weight: int) -> None:
        """Change its weight from its next turn on. O(log n)."""
        self._play_forward()
        release = member.base + _units(-((-_turns(member) * ONE) // member.pool_weight))
        self._leave(member)
        self._join(member, weight, release)
        self._sweep()

    def _join(self, member: Member, weight: int, release: int) -> None:
        if self._free:
            seat = self._free.pop()
            self._seats[seat] = member
        else:
            seat = len(self._seats)
            self._seats.append(member)
        member.pool_weight = weight
        member.base = base = release & ~SEAT
        member.turns = 0
        member.step = 0 if ONE % weight else ONE // weight
        member.entry = base + seat
        member.deadline = base + seat + _units(-(-ONE // weight))
        self.weight += weight
        self._ahead += weight * base
        heappush(self._pending, member.entry)

    def _leave(self, member: Member) -> None:
        self.weight -= member.pool_weight
        self._ahead -= member.pool_weight * member.base + _turns(member) * ONE
        self._free.append(member.deadline & SEAT)
        member.entry = None

    def _sweep(self) -> None:
        """Drop dead entries when they outnumber the live ones. O(1) per entry that was ever made."""
        if len(self._ready) + len(self._pending) <= 2 * self.size + SPARE:
            return
        self._ready = [each for each in self._ready if self._seats[each & SEAT].entry is each]
        self._pending = [each for each in self._pending if self._seats[each & SEAT].entry is each]
        heapify(self._ready)
        heapify(self._pending)

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """Whose turn it is; `None` when there is nobody, or all are excluded. O(log n) for each that is excluded."""
        place = self._place
        if place >= 0 and not exclude:
            self._place = place + 1 if place + 1 < self._length else 0
            return self._cycle[place]
        if not self.weight:
            return None
        if exclude:
            self._play_forward()
            return self._pick_other(exclude)
        member = self._next()
        if self._length:
            self._write_down(member)
        return member

    def quickest(self) -> Callable[[], Member | None]:
        """What to call instead of `pick()` until something changes."""
        self._length = self._cycle_length() if self._length == NOT_LOOKED_AT and self.size else self._length
        return self.pick if self._length else self._next

    def _next(self) -> Member:
        """The next pick, from the heaps."""
        pending, ready, seats = self._pending, self._ready, self._seats
        # Virtual time after this pick, rounded down unless it is whole: a turn is ready when its release is below that time.
        reached = self._ahead // self.weight
        moved = False  # whether the first pending entry is ready, too, and is still to be taken out
        while pending and (entry := pending[0]) <= reached:
            member = seats[entry & SEAT]
            if member.entry is entry:
                member.entry = entry = member.deadline
                heappush(ready, entry)
                if len(pending) > 2 and pending[1] > reached < pending[2]:
                    moved = True  # the usual case: just one; replacing it below costs half of a pop and a push
                    break
            heappop(pending)
        while True:  # ends: the smallest release is never above the average of all
            entry = heappop(ready)
            member = seats[entry & SEAT]
            if member.entry is entry:
                break
        # The next turn begins where this one ends: the entry goes from one heap to the other as it is.
        step = member.step
        if step:
            member.deadline = entry + step
        else:
            self._count_turn(member, member.turns + 1)
        self._ahead += ONE
        if moved:
            heapreplace(pending, entry)
        else:
            heappush(pending, entry)
        return member

    def _count_turn(self, member: Member, turns: int) -> None:
        """It has had so many turns: the deadline of the next one."""
        member.turns = turns
        seat = member.deadline & SEAT
        member.deadline = member.base + seat + _units(-((~turns * ONE) // member.pool_weight))  # ~turns is -(turns + 1)

    def _pick_other(self, exclude: Collection[str]) -> Member | None:
        """As `_next`; the turns of the excluded stay as they are."""
        for heap in (self._ready, self._pending):
            passed_over: list[int] = []
            found: Member | None = None
            while heap and found is None:
                entry = heappop(heap)
                member = self._seats[entry & SEAT]
                if member.entry is entry:
                    if member.endpoint.name in exclude:
                        passed_over.append(entry)
                    else:
                        found = member
            for entry in passed_over:
                heappush(heap, entry)
            if found is not None:
                found.entry = found.deadline
                heappush(self._pending, found.deadline)
                self._count_turn(found, _turns(found) + 1)
                self._ahead += ONE
                return found
        return None

    # The cycle

    def _write_down(self, member: Member) -> None:
        if self._length == NOT_LOOKED_AT:
            self._length = self._cycle_length()
        if not self._length:
            return
        self._cycle.append(member)
        if len(self._cycle) == self._length:
            # After a change it may take a cycle until all have come into step.
            if all(self._cycle.count(each) * self.weight == each.pool_weight * self._length for each in self.members):
                self._place = 0
            else:
                self._cycle = []

    def _cycle_length(self) -> int:
        """Picks in a cycle, 0 where that is too many to write down."""
        if self.size > LONGEST_CYCLE:
            return 0
        length = self.weight // math.gcd(*(each.pool_weight for each in self.members))
        return length if length <= LONGEST_CYCLE else 0

    def _play_forward(self) -> None:
        """Bring the heaps to the present place. Whole cycles need not be played: they move all alike."""
        for _ in range(self._place):  # none while no cycle is read off
            self._next()
        self._place = -1
        self._length = NOT_LOOKED_AT
        self._cycle = []


def _units(time: int) -> int:
    """A time rounded up to whole units, with room for a seat."""
    return -(-time >> SEAT_BITS) << SEAT_BITS


def _turns(member: Member) -> int:
    """How many it has had since `base`. Where all are equally long, they are not counted, for it costs every pick."""
    return ((member.deadline & ~SEAT) - member.base) // member.step - 1 if member.step else member.turns
