"""Whether the old writer is fenced: directly, or because every app that could write to it has lost its epoch since.

The second is for a region whose API is gone. Apps with an `EpochLease` write for at most `ttl_seconds - margin_seconds` after
a reading *began* that still showed them their epoch. A reading that shows the old one was answered before the arbiter had the
new one. So `ttl_seconds` after somebody has *seen* the new one there, nobody writes any more. The time counts from this
process's own first sight, by its own monotonic clock: a process that takes over counts anew, which is late and never early.
"""

import threading
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from seawall.errors import SeawallError
from seawall_ops.failover.plans.candidate import servers_of
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.servers import MemberUnreachable
from seawall_ops.failover.plans.standing import Standing, standing_of
from seawall_ops.failover.plans.surroundings import Surroundings

__all__ = ["NO_FENCE", "Fencing", "FencingLook", "FencingState"]

NO_FENCE: Final = "give epoch_lease_seconds, if every app has that lease, or a reason (--force-without-fence)"


class FencingState(Enum):
    """How the old writer is kept from being written to."""

    OPEN = "it answers, and is not fenced"
    CLOSED = "it is fenced"
    SILENT = "it does not answer, and nothing keeps anybody from it"
    WAITING = "it does not answer, and apps may still have its epoch"
    EXPIRED = "it does not answer, and no app has its epoch any more"
    FORCED = "it does not answer, and a person goes on all the same"

    @property
    def closed(self) -> bool:
        """Whether a candidate may be promoted."""
        return self in (FencingState.CLOSED, FencingState.EXPIRED, FencingState.FORCED)

    @property
    def answered(self) -> bool:
        """Whether it, or what fences it, did."""
        return self in (FencingState.OPEN, FencingState.CLOSED)


@dataclass(frozen=True, slots=True)
class FencingLook:
    """What one look at it has shown.

    Args:
        state: How it is.
        shown: In one line.
        left_seconds: Until no app has the old epoch any more; 0 unless that is waited for.
    """

    state: FencingState
    shown: str
    left_seconds: float = 0.0


@final
class Fencing:
    """The old writer's fence, as one process knows it. Shared by the steps of one plan."""

    def __init__(self, handover: Handover, around: Surroundings) -> None:
        self._handover: Final = handover
        self._around: Final = around
        self._lock: Final = threading.Lock()
        self._seen_at: float | None = None  # when the announcement was first seen at the arbiter
        self._forgotten = False
        self._lifted = False
        self.promotion_begun: bool = False
        """Whether a process before this one began to promote the candidate: then there is no way back."""

    def look(self, operation: str) -> FencingLook:
        """Ask the old writer, and where it is silent count the time.

        Raises:
            StepRefused: It answers, and does not say: the fence is not known.
        """
        member = str(self._handover.old_writer)
        self._note(operation)
        try:
            found = servers_of(self._around).fence_of(member)
        except MemberUnreachable as error:
            return self._silent(str(error))
        return FencingLook(FencingState.CLOSED if found.closed else FencingState.OPEN, found.shown)

    def forget(self) -> None:
        """It is to be let go: from now on nothing but its own answer counts as a fence."""
        with self._lock:
            self._forgotten = True

    def let_go(self) -> None:
        """The fence was lifted, all of it, by this process."""
        with self._lock:
            self._lifted = True

    @property
    def is_let_go(self) -> bool:
        """Whether it was."""
        with self._lock:
            return self._lifted

    def _note(self, operation: str) -> None:
        """See whether the announcement is at the arbiter. While it cannot be asked, what was seen there stands: it is changed
        under the lease alone."""
        try:
            standing = standing_of(self._around.live.read(), self._handover, operation)
        except SeawallError:
            return
        now = self._around.clock.monotonic()
        with self._lock:
            if standing not in (Standing.ANNOUNCED, Standing.PUBLISHED):
                self._seen_at = None
            elif self._seen_at is None:
                self._seen_at = now

    def _silent(self, because: str) -> FencingLook:
        ttl, forced = self._handover.epoch_lease_seconds, self._handover.unfenced_because
        with self._lock:
            seen_at, forgotten = self._seen_at, self._forgotten
        if forgotten:
            return FencingLook(FencingState.SILENT, because)
        if ttl is not None and seen_at is not None:
            left = seen_at + ttl - self._around.clock.monotonic()
            if left <= 0:
                return FencingLook(FencingState.EXPIRED, f"{because}; every app has lost its epoch by now")
            if forced is None:
                return FencingLook(FencingState.WAITING, f"{because}; apps lose its epoch in {left:.1f} s", left)
        if forced is not None:
            return FencingLook(FencingState.FORCED, f"{because}; unfenced, because {forced}")
        if ttl is not None:
            return FencingLook(
                FencingState.WAITING, f"{because}; apps lose its epoch {ttl:g} s after it is announced", ttl
            )
        return FencingLook(FencingState.SILENT, f"{because}; apps have no epoch that runs out")
