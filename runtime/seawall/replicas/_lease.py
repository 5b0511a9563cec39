"""The epoch's lease: whether this process may still believe that its writer is the writer. The caller locks."""

import math
from typing import Final, final

from seawall.replicas._model import EpochLease

__all__ = ["HeldLease"]


@final
class HeldLease:
    """What is left of a lease.

    Args:
        terms: How long one sight of the epoch is good for; `None`: for ever, nobody fences.
    """

    __slots__ = ("_terms", "epoch", "until")

    def __init__(self, terms: EpochLease | None) -> None:
        self._terms: Final = terms
        self.epoch: int = -1
        """The latest epoch seen."""
        self.until: float = math.inf if terms is None else -math.inf
        """Until when, by the monotonic clock, writes may begin."""

    def seen(self, epoch: int, began: float) -> None:
        """The topology was read, the reading began then, and said this epoch. An earlier epoch than before is an old copy."""
        if epoch < self.epoch:
            return
        self.epoch = epoch
        if self._terms is not None:
            self.until = max(self.until, began + self._terms.ttl_seconds - self._terms.margin_seconds)
