"""A lease while it is held: whether it still is, and what keeps it."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, NoReturn, Self, final

from seawall.errors import CannotPickle, LeaseLost, LeaseUnavailable
from seawall.events import Event, EventBus
from seawall.worker import Job, Worker
from seawall_ops.lease._clocks import Clocks, Instant
from seawall_ops.lease._events import LeaseEnded, LeaseRenewalFailed
from seawall_ops.lease._model import FREE, LeaseStore, LeaseTerms, Stored
from seawall_ops.lease._writes import Writes

__all__ = ["Held", "Tenure"]

_log: Final = logging.getLogger("seawall_ops.lease")

RENEWAL_ATTEMPTS: Final = 2  # the second one over the version that the first one found
RELEASE_ATTEMPTS: Final = 3  # each may take request_timeout_seconds; then the lease is left to run out
IDLE_SECONDS: Final = 60.0  # what an ended job answers, which runs no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """What a holder works with."""

    store: LeaseStore
    name: str
    terms: LeaseTerms
    clocks: Clocks
    random: Callable[[], float]
    events: EventBus

    def jittered(self, seconds: float) -> float:
        """Shorter by a random part."""
        return seconds * (1.0 - self.terms.jitter_ratio * self.random())


@final
class Held:
    """A lease that this process holds, from `Lease.acquire`. Leaving its `with` block releases it.

    Ask `check` right before each write, and let the write itself be refused by its fence: between the two a process can
    be stopped for as long as it pleases somebody. Losing is for good. Safe to use from many threads; a forked child does
    not hold what its parent holds.
    """

    def __init__(self, tenure: Tenure, stored: Stored, began: Instant) -> None:
        self._tenure: Final = tenure
        self._pid: Final = os.getpid()
        self._lock: Final = threading.Lock()
        self._writes: Final = Writes(stored)
        self._began = began  # of the latest write that is known to have been made
        self._ended: str | None = None  # why
        self._job: Job | None = None
        self._worker: Worker | None = None

    @property
    def name(self) -> str:
        """Of the lease."""
        return self._tenure.name

    @property
    def fence(self) -> int:
        """Greater than that of every earlier holder. Put it into each write."""
        return self._writes.known.record.fence

    @property
    def holder(self) -> str:
        """Who holds it: what the lease was told, and what makes this run of this process unique."""
        return self._writes.known.record.holder

    def remaining_seconds(self) -> float:
        """Until nothing may be written under it any more, unless it is renewed; 0 when it is lost or released."""
        if os.getpid() != self._pid or self._ended is not None:
            return 0.0
        return max(0.0, self._tenure.terms.usable_seconds - self._tenure.clocks.since(self._began))

    def check(self) -> None:
        """Return while it is held.

        Raises:
            LeaseLost: It is not, from now on and for good.
        """
        if self.remaining_seconds() <= 0.0:
            raise self._lost()

    def renew(self) -> None:
        """Renew it now. Done in the background, unless the lease was acquired with `renew=False`.

        Raises:
            LeaseLost: Somebody else has it, its record is gone, or it ran out before or while it was renewed.
            LeaseUnavailable: The store did not answer. It is still held, for `remaining_seconds`.
        """
        self.check()
        if self._writes.in_doubt:
            self._look()
        for _ in range(RENEWAL_ATTEMPTS):
            if self._renewed():
                break
        self.check()

    def release(self) -> bool:
        """Stop holding it, and let others have it at once. Idempotent. What was lost is given up as well, if it still can be.

        Returns:
            Whether others need not wait for it to run out.
        """
        if os.getpid() != self._pid:
            return False  # it is the parent's
        self._end("it was released", lost=False)
        self._stop_renewing()
        for _ in range(RELEASE_ATTEMPTS):
            try:
                if self._give_up():
                    return True
            except LeaseUnavailable as error:
                _log.warning("lease %s with fence %d is not released yet: %s", self.name, self.fence, error)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Held {self.name} with fence {self.fence} by {self.holder}, {self.remaining_seconds():.1f} s left>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"Held {self.name!r}")

    # ---- in the background

    def renew_by(self, worker: Worker, *, owned: bool) -> None:
        """Renew it by a job of a worker, which is started and stopped with it if it is `owned`. Called once."""
        self._job = worker.add(self._round, in_seconds=self._tenure.jittered(self._tenure.terms.renew_every_seconds))
        if owned:
            self._worker = worker
            worker.start()

    def _round(self) -> float:
        terms = self._tenure.terms
        pause = terms.renew_every_seconds
        try:
            self.renew()
        except LeaseLost:
            self._stop_renewing()
            return IDLE_SECONDS
        except LeaseUnavailable as error:
            _log.warning("lease %s with fence %d was not renewed: %s", self.name, self.fence, error)
            self._publish_failure(error)
            pause = terms.retry_seconds
        # Not later than the end, so that whoever subscribed hears of it then.
        return min(self._tenure.jittered(pause), self.remaining_seconds())

    def _stop_renewing(self) -> None:
        if self._job is not None:
            self._job.cancel()
        if self._worker is not None:
            self._worker.stop(0.0)  # a renewal under way ends by itself, and finds that nothing is held

    # ---- what is known of the record

    def _renewed(self) -> bool:
        tenure = self._tenure
        began = tenure.clocks.now()
        over, record = self._writes.begin(self._writes.known.record, began)
        stored = tenure.store.replace(tenure.name, record, over)
        if stored is None:
            self._look()
            # Perhaps by another thread, just now.
            return self._ended is not None or self._began >= began
        self._settle(stored)
        return True

    def _look(self) -> None:
        """Find out what became of writes that were not answered."""
        stored = self._tenure.store.read(self._tenure.name)
        if stored is None:
            self._end("its record is gone")
        elif (stored.record.holder, stored.record.fence) != (self.holder, self.fence):
            whose = "is free" if stored.record.holder == FREE else f"is {stored.record.holder}'s"
            self._end(f"it {whose} with fence {stored.record.fence}")
        else:
            self._settle(stored)

    def _settle(self, stored: Stored) -> None:
        """A write of ours was made. What ran out meanwhile does not come back."""
        self._end_if_over()
        began = self._writes.settle(stored)
        if began is not None:
            with self._lock:
                self._began = max(self._began, began)

    def _end_if_over(self) -> None:
        if self.remaining_seconds() <= 0.0 and os.getpid() == self._pid:
            self._end(self._out_of_time())

    def _give_up(self) -> bool:
        tenure = self._tenure
        over, record = self._writes.begin(replace(self._writes.known.record, holder=FREE), tenure.clocks.now())
        if tenure.store.replace(tenure.name, record, over) is not None:
            return True
        stored = tenure.store.read(tenure.name)
        if stored is None or (stored.record.holder, stored.record.fence) != (self.holder, self.fence):
            return True
        self._writes.settle(stored)  # a renewal has arrived late
        return False

    # ---- its end

    def _end(self, because: str, *, lost: bool = True) -> None:
        with self._lock:
            if self._ended is not None:
                return
            self._ended = because
        if lost:
            _log.error("lease %s with fence %d is lost: %s", self.name, self.fence, because)
        self._publish(
            LeaseEnded(
                source=self.name,
                at_seconds=self._now(),
                holder=self.holder,
                fence=self.fence,
                because=because,
                lost=lost,
            )
        )

    def _lost(self) -> LeaseLost:
        if os.getpid() != self._pid:
            return LeaseLost(self.name, self.fence, f"process {os.getpid()} was forked from its holder {self._pid}")
        self._end(self._out_of_time())
        return LeaseLost(self.name, self.fence, self._ended or "")

    def _out_of_time(self) -> str:
        terms = self._tenure.terms
        return (
            f"it was last renewed {self._tenure.clocks.since(self._began):.1f} s ago, and its holder stops after "
            f"{terms.usable_seconds:g} s (ttl_seconds - margin_seconds)"
        )

    def _now(self) -> float:
        return self._tenure.clocks.now().monotonic

    def _publish(self, event: Event) -> None:
        self._tenure.events.publish(event)

    def _publish_failure(self, error: LeaseUnavailable) -> None:
        self._publish(
            LeaseRenewalFailed(
                source=self.name,
                at_seconds=self._now(),
                holder=self.holder,
                fence=self.fence,
                because=str(error),
                remaining_seconds=self.remaining_seconds(),
            )
        )
