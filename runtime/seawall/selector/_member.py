"""One endpoint's standing within a selector. Only data; the rules are in the modules that use it."""

import math
from typing import TYPE_CHECKING, Any, Final, final

from seawall._rolling import RollingCounts
from seawall.selector._model import Endpoint

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["HeapEntry", "Member"]

NEVER: Final = -math.inf

HeapEntry: "TypeAlias" = "tuple[Any, int, Member]"  # key, order among equals, whose


@final
class Member:
    """An endpoint and what is known about it. Outcomes of calls find their way here, even after it was taken away."""

    __slots__ = (
        "base",
        "counts",
        "deadline",
        "ejected_until",
        "ejection",
        "ejections",
        "endpoint",
        "entry",
        "epoch",
        "failed",
        "good_probes",
        "healthy",
        "index",
        "latency",
        "latency_at",
        "left_at",
        "order",
        "outstanding",
        "picks",
        "pool",
        "pool_weight",
        "proven",
        "restored_at",
        "share",
        "start",
        "step",
        "streak",
        "total_ejections",
        "total_failed",
        "turns",
    )

    def __init__(self, endpoint: Endpoint, order: int, counts: RollingCounts | None) -> None:
        self.endpoint: Endpoint = endpoint
        self.order: int = order
        # What is known from probes and calls
        self.healthy: bool = True
        self.good_probes: int = 0
        self.proven: bool = True  # has had the good probes that failback asks for, or never needed them
        self.failed: bool = False  # left by active-passive
        self.left_at: float = NEVER
        self.epoch: int = 0  # an outcome of an older epoch no longer says anything
        self.streak: int = 0
        self.counts: RollingCounts | None = counts
        self.outstanding: int = 0
        self.latency: float = 0.0
        self.latency_at: float = 0.0
        # Ejection
        self.ejection: HeapEntry | None = None
        self.ejected_until: float = NEVER
        self.ejections: int = 0
        self.restored_at: float = NEVER
        # Totals
        self.picks: int = 0
        self.total_failed: int = 0
        self.total_ejections: int = 0
        # Its place in a pool
        self.pool: Any = None
        self.pool_weight: int = 0
        self.index: int = 0
        self.entry: object = None  # its live entry in a heap
        self.base: int = 0
        self.turns: int = 0
        self.step: int = 0
        self.deadline: int = 0
        # Slow start
        self.share: int = 0
        self.start: object = None

    @property
    def available(self) -> bool:
        """Whether calls may go here without panic."""
        return self.healthy and not self.failed and self.ejection is None

    def __lt__(self, other: object) -> bool:
        return False  # heap entries that are equal up to here may come in any order
