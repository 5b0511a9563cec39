"""Power of two choices: draw two endpoints at random and take the one that is less busy for its weight."""

import math
from collections.abc import Callable, Collection
from typing import Final, final

from seawall.selector._member import Member

__all__ = ["ChoicePool"]

DRAWS: Final = 8  # to get around the excluded; then all are looked at
LARGEST_AGE: Final = 700.0  # time constants; the exponential of more is no float


@final
class ChoicePool:
    """A set of endpoints to draw from. The caller locks.

    Args:
        random: Random numbers in [0, 1).
        decay_seconds: Time constant of the peak EWMA; `None`: latency is not looked at.
    """

    __slots__ = ("_decay", "_members", "_random", "credit", "size", "weight")

    def __init__(self, random: Callable[[], float], decay_seconds: float | None) -> None:
        self.size = 0
        self.weight = 0
        self.credit = 0.0  # used by whoever chooses among pools
        self._members: list[Member] = []
        self._random: Final = random
        self._decay: Final = decay_seconds

    def add(self, member: Member, weight: int) -> None:
        """Draw `member` from now on. O(1)."""
        member.index = self.size
        member.pool_weight = weight
        self._members.append(member)
        self.size += 1
        self.weight += weight

    def remove(self, member: Member) -> None:
        """Draw it no more. O(1): the last one takes its place."""
        last = self._members.pop()
        self.size -= 1
        self.weight -= member.pool_weight
        if last is not member:
            self._members[member.index] = last
            last.index = member.index

    def reweigh(self, member: Member, weight: int) -> None:
        """Change its weight. O(1)."""
        self.weight += weight - member.pool_weight
        member.pool_weight = weight

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """The less busy of two; `None` when there is nobody, or all are excluded. O(1), with `exclude` O(n) at worst."""
        size = self.size
        if exclude:
            return self._pick_other(exclude)
        if size < 2:
            return self._members[0] if size else None
        drawn = self._random() * size
        first = int(drawn)
        drawn = (drawn - first) * (size - 1)  # what is left of one random number is as good as another
        second = int(drawn)
        one = self._members[first]
        other = self._members[second if second < first else second + 1]
        if self._decay is None:
            busy = one.outstanding * other.pool_weight
            other_busy = other.outstanding * one.pool_weight
            if busy == other_busy and one.pool_weight != other.pool_weight:
                # Equally busy: by weight, or else a light one would get nothing from a client that calls in turn.
                return one if (drawn - second) * (one.pool_weight + other.pool_weight) < one.pool_weight else other
            return other if busy > other_busy else one
        return self._less_busy(one, other)

    def quickest(self) -> Callable[[], Member | None]:
        """What to call instead of `pick()` until something changes."""
        return self.pick

    def _less_busy(self, one: Member, other: Member) -> Member:
        """The one whose calls under way and the next one, by its weight, will take less time.

        Averages decay all alike while nobody answers, so of two it is enough to compare when and how high each was last:
        neither the clock nor two exponentials are needed.
        """
        if self._decay is None:
            return other if one.outstanding * other.pool_weight > other.outstanding * one.pool_weight else one
        if one.latency <= 0.0 or other.latency <= 0.0:
            return self._less_known(one, other)
        age = (one.latency_at - other.latency_at) / self._decay
        cost = one.latency * (one.outstanding + 1) * other.pool_weight
        other_cost = other.latency * (other.outstanding + 1) * one.pool_weight
        return other if cost > other_cost * math.exp(min(max(-age, -LARGEST_AGE), LARGEST_AGE)) else one

    def _less_known(self, one: Member, other: Member) -> Member:
        """Whoever has not answered yet gets one call, and no second one meanwhile."""
        if other.latency <= 0.0 and not other.outstanding:
            return other
        if one.latency <= 0.0 and not one.outstanding:
            return one
        return one if one.latency > 0.0 or one.outstanding <= other.outstanding else other

    def _pick_other(self, exclude: Collection[str]) -> Member | None:
        drawn: list[Member] = []
        if self.size:
            for _ in range(DRAWS):
                member = self._members[int(self._random() * self.size)]
                if member.endpoint.name not in exclude and member not in drawn:
                    drawn.append(member)
                    if len(drawn) == 2:
                        return self._less_busy(*drawn)
        rest = [each for each in self._members if each.endpoint.name not in exclude]
        if len(rest) < 2:
            return rest[0] if rest else None
        first = int(self._random() * len(rest))
        second = int(self._random() * (len(rest) - 1))
        return self._less_busy(rest[first], rest[second + (second >= first)])


def observe_latency(member: Member, now: float, seconds: float, decay_seconds: float) -> None:
    """Take a call's latency into the average: a peak at once, anything else by and by."""
    passed = max(0.0, now - member.latency_at)
    keep = math.exp(-passed / decay_seconds)
    average = member.latency * keep + seconds * (1.0 - keep)
    member.latency = max(seconds, average) if seconds > member.latency else average
    member.latency_at = now
