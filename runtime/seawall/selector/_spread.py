"""Spreading calls over endpoints: which set to pick from, by region, availability and panic.

Four pools hold the endpoints with a weight, each in exactly one: near or far (see `RegionAffinity`), available or not.
A change moves one endpoint from pool to pool, so it costs no more than the pool does; which pools are in use, and their
shares, follows from four sums.
"""

from collections.abc import Callable, Collection
from typing import Final, Protocol, final

from seawall.selector._member import Member
from seawall.selector._model import PanicPolicy, RegionAffinity

__all__ = ["Pool", "Spread", "Standing"]


class Pool(Protocol):
    """A set of endpoints to pick from: `WeightedPool`, `ChoicePool`."""

    size: int
    weight: int
    credit: float

    def add(self, member: Member, weight: int) -> None:
        """Take an endpoint in."""
        ...

    def remove(self, member: Member) -> None:
        """Take it out."""
        ...

    def reweigh(self, member: Member, weight: int) -> None:
        """Give it another weight."""
        ...

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """The endpoint whose turn it is, out of those not excluded."""
        ...

    def quickest(self) -> Callable[[], Member | None]:
        """`pick` without `exclude`, by the shortest way."""
        ...


class Standing(Protocol):
    """A strategy: `Spread` or `Failover`. The caller locks, and tells it of every change of an endpoint."""

    panicking: bool
    available: int
    """Endpoints that may be used without panic."""
    total: int
    """Endpoints with a weight."""
    quick: Callable[[], Member | None] | None
    """`pick` without `exclude`, where there is a shorter way."""

    def place(self, member: Member, now: float) -> None:
        """Take note of a change of `member`, or of its arrival."""
        ...

    def remove(self, member: Member, now: float) -> None:
        """Forget `member`."""
        ...

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """The endpoint for a call, out of those not excluded."""
        ...


@final
class Spread:
    """Weighted round robin or power of two choices.

    Args:
        make_pool: Makes an empty pool of the policy's kind.
        steps: What a whole weight is multiplied by, so that slow start can give tenths of it.
    """

    __slots__ = ("_far", "_near", "_pools", "_region", "_routes", "available", "panic", "panicking", "quick", "total")

    def __init__(self, make_pool: Callable[[], Pool], panic: PanicPolicy, affinity: RegionAffinity | None) -> None:
        self._near: Final = (make_pool(), make_pool())  # available, not available
        self._far: Final = (make_pool(), make_pool())
        self._pools: Final = (*self._near, *self._far)
        self._region: Final = affinity
        self.panic: Final = panic
        self.panicking: bool = False
        self.available: int = 0
        self.total: int = 0
        self._routes: list[tuple[Pool, float]] = []
        self.quick: Callable[[], Member | None] | None = None

    def place(self, member: Member, now: float) -> None:  # noqa: ARG002 - the other strategy needs the time
        """Put `member` where it belongs now. O(log n)."""
        weight = member.endpoint.weight * member.share
        wanted = self._pool_of(member) if weight else None
        if member.pool is not wanted:
            if member.pool is not None:
                member.pool.remove(member)
            member.pool = wanted
            if wanted is not None:
                wanted.add(member, weight)
        elif wanted is not None and member.pool_weight != weight:
            wanted.reweigh(member, weight)
        self._route()

    def remove(self, member: Member, now: float) -> None:  # noqa: ARG002 - the other strategy needs the time
        """Take `member` out."""
        if member.pool is not None:
            member.pool.remove(member)
            member.pool = None
        self._route()

    def _pool_of(self, member: Member) -> Pool:
        near = self._region is None or member.endpoint.region == self._region.region
        return (self._near if near else self._far)[0 if member.available else 1]

    def _route(self) -> None:
        """Which pools are in use, and with which shares."""
        near, near_out = self._near
        far, far_out = self._far
        self.available = near.size + far.size
        self.total = self.available + near_out.size + far_out.size
        self.panicking = self.total > 0 and (
            not self.available or self.available < self.panic.threshold_ratio * self.total
        )
        routes: list[tuple[Pool, float]] = []
        if self.panicking and self.panic.action == "fail":
            pass  # nobody may
        elif self.panicking:
            routes = [(pool, float(pool.weight)) for pool in self._pools if pool.weight]
        else:
            share = self._near_share()
            routes = [(pool, part) for pool, part in ((near, share), (far, 1.0 - share)) if part > 0.0 and pool.weight]
        if [pool for pool, _ in routes] != [pool for pool, _ in self._routes]:
            for pool in self._pools:
                pool.credit = 0.0
        self._routes = routes
        self.quick = routes[0][0].quickest() if len(routes) == 1 else None

    def _near_share(self) -> float:
        near, near_out = self._near
        if not near.weight:
            return 0.0
        if self._region is None or not self._far[0].weight:
            return 1.0
        return min(1.0, near.weight / (near.weight + near_out.weight) / self._region.spill_over_below_ratio)

    def pick(self, exclude: Collection[str] = ()) -> Member | None:
        """Who gets the next call; `None`: nobody may."""
        if not self._routes:
            return None
        for pool, share in self._routes:
            pool.credit += share
        # Whoever was promised most gets it; a pool in which all are excluded passes it on.
        order = sorted((pool for pool, _ in self._routes), key=lambda pool: pool.credit, reverse=True)
        order += [pool for pool in (self._near[0], self._far[0]) if pool.size and pool not in order]
        paid = sum(share for _, share in self._routes)
        for pool in order:
            member = pool.pick(exclude)
            if member is not None:
                pool.credit -= paid
                return member
        return None
