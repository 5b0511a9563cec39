"""Contending for a lease."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from random import random as any_random
from typing import Final, NoReturn, final

from seawall._numbers import number
from seawall.clock import Clock
from seawall.errors import CannotPickle, InvalidInput, LeaseHeld, LeaseUnavailable
from seawall.events import EventBus
from seawall.worker import Worker
from seawall_ops.lease._clocks import BOOT_CLOCK, Clocks
from seawall_ops.lease._domains import Arbitrated
from seawall_ops.lease._events import LeaseAcquired
from seawall_ops.lease._held import Held, Tenure
from seawall_ops.lease._model import FREE, NEVER_SEEN, LeaseRecord, LeaseStore, LeaseTerms, Stored
from seawall_ops.lease._writes import Writes, new_write

__all__ = ["Lease"]

RUN_BYTES: Final = 4  # of randomness in a holder's name: tells two runs of one process apart
LONGEST_NAME: Final = 200  # characters; each store has a limit, none a lower one
POLLS_PER_TTL: Final = 6  # a contender looks at least so often, to notice a release
SHORTEST_PAUSE_SECONDS: Final = 0.02  # between two looks, whatever the arithmetic says


@final
class Lease:
    """One of those that contend for a lease. Use one object for as long as the process contends: what it has observed is in it.

    ```python
    lease = Lease(store, "failover-shop-prod", holder="observer-1", arbitrates=Arbitrated.of(topology))
    with lease.acquire(wait_seconds=60.0) as held:
        state.put("shop/prod", document, held)
    ```

    Args:
        store: Where it is kept.
        name: The same for all that contend for it.
        holder: Who this is, for people; what makes it unique is added.
        arbitrates: What its holder decides on: a store inside of that is refused.
        terms: The same for all that contend for it.
        above: Fences that are acquired are greater than this: for a store that was made anew, the last one in the audit.
        worker: What renews it in the background; default a worker of its own for each time that it is held.
        events: Where to tell what happens.
        clock: Monotonic time that goes on while the machine is suspended.
        wall: The wall clock of this machine, in seconds; it can only end a lease earlier.
        sleep: What waits, in seconds.
        random: From 0 to below 1, for jitter.

    Raises:
        InvalidInput: A name is empty or too long, or the store is inside of what the lease arbitrates.
    """

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        *,
        holder: str,
        arbitrates: Arbitrated,
        terms: LeaseTerms | None = None,
        above: int = 0,
        worker: Worker | None = None,
        events: EventBus | None = None,
        clock: Clock = BOOT_CLOCK,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = any_random,
    ) -> None:
        for what, given in (("name", name), ("holder", holder)):
            if not given or not given.isprintable() or len(given) > LONGEST_NAME:
                raise InvalidInput(what, given, allowed=f"1 to {LONGEST_NAME} printable characters")
        number("above", above, at_least=0)
        arbitrates.refuse_inside(store.where, store.location)
        self._tenure: Final = Tenure(
            store=store,
            name=name,
            terms=terms or LeaseTerms(),
            clocks=Clocks(clock, wall),
            random=random,
            events=events or EventBus(),
        )
        self._clock: Final = clock
        self._worker: Final = worker
        self._sleep: Final = sleep
        self._label: Final = holder
        self._highest = above
        self._begin_anew()

    @property
    def name(self) -> str:
        """Of the lease."""
        return self._tenure.name

    @property
    def terms(self) -> LeaseTerms:
        """As given."""
        return self._tenure.terms

    def create(self) -> None:
        """Make its record, free to be taken at once. Once, by whoever sets it up: nobody may hold it then.

        Without that the first to acquire it makes the record, and waits `ttl_seconds` as if somebody held it. Does nothing
        when there is a record.

        Raises:
            LeaseUnavailable: The store did not answer.
        """
        self._create(FREE)

    def try_acquire(self, *, renew: bool = True) -> Held | None:
        """Look at the record, and take it if it is free or has not changed for its time. Never waits.

        Args:
            renew: Whether it is renewed in the background from then on.

        Returns:
            `None`: not yet. Call it again, a few times in each `ttl_seconds`.

        Raises:
            LeaseHeld: This object holds it already.
            LeaseUnavailable: The store did not answer. If it was taken, the next call finds that out.
        """
        self._notice_fork()
        if self._held is not None and self._held.remaining_seconds() > 0.0:
            raise LeaseHeld(self.name, f"this object holds it already, with fence {self._held.fence}")
        stored = self._tenure.store.read(self.name)
        if stored is None:
            self._create(NEVER_SEEN)
            self._observed = None
            return None
        self._observe(stored)
        held = self._taken_unnoticed(stored) or (self._take(stored) if self._may_take(stored) else None)
        if held is not None:
            self._hold(held, renew=renew)
        return held

    def acquire(self, *, wait_seconds: float, renew: bool = True) -> Held:
        """Wait for it.

        Args:
            wait_seconds: At most so long. A holder that died leaves it after its `ttl_seconds`, from the first look on.
            renew: Whether it is renewed in the background from then on.

        Raises:
            LeaseHeld: Somebody else had it all the time.
            LeaseUnavailable: The store did not answer at the last look.
            InvalidInput: `wait_seconds` is negative.
        """
        number("wait_seconds", wait_seconds, at_least=0.0)
        began = self._clock.monotonic()
        while True:
            trouble: LeaseUnavailable | None = None
            try:
                held = self.try_acquire(renew=renew)
                if held is not None:
                    return held
            except LeaseUnavailable as error:
                trouble = error
            left = began + wait_seconds - self._clock.monotonic()
            if left <= 0.0:
                raise trouble or LeaseHeld(self.name, f"{self._whose()}, and {wait_seconds:g} s were waited")
            self._sleep(min(left, self._pause(trouble)))

    def __repr__(self) -> str:
        return f"<Lease {self.name} in {self._tenure.store.where} by {self._me}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"Lease {self.name!r}")

    # ---- who this is

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._me = f"{self._label}@{socket.gethostname()}/{self._pid}-{secrets.token_hex(RUN_BYTES)}"
        self._observed: tuple[Stored, float] | None = None
        self._writes: Writes | None = None
        self._held: Held | None = None

    def _notice_fork(self) -> None:
        """A forked child is somebody else: it must not take for its own what its parent holds."""
        if os.getpid() != self._pid:
            self._begin_anew()

    # ---- what is there

    def _observe(self, stored: Stored) -> None:
        """Since when has the record been as it is now? Counted from after the first read that showed it."""
        if self._observed is None or self._observed[0].version != stored.version:
            self._observed = (stored, self._clock.monotonic())
        self._highest = max(self._highest, stored.record.fence)

    def _may_take(self, stored: Stored) -> bool:
        # What is this object's own is not held, or `try_acquire` would not have come here: a write that arrived late.
        return stored.record.holder in (FREE, self._me) or self._until_it_runs_out() <= 0.0

    def _until_it_runs_out(self) -> float:
        if self._observed is None:
            return self._tenure.terms.ttl_seconds
        stored, since = self._observed
        return since + stored.record.ttl_seconds - self._clock.monotonic()

    def _whose(self) -> str:
        if self._observed is None:
            return "it has no record yet"
        record = self._observed[0].record
        if record.holder == NEVER_SEEN:
            return "its record was missing and was made anew, so somebody may hold it"
        return f"{record.holder or 'nobody'} had it with fence {record.fence}"

    def _pause(self, trouble: LeaseUnavailable | None) -> float:
        terms = self._tenure.terms
        longest = terms.retry_seconds if trouble is not None else terms.ttl_seconds / POLLS_PER_TTL
        # Right when it runs out, not a moment before: asking then would cost another pause.
        return max(min(self._tenure.jittered(longest), self._until_it_runs_out()), SHORTEST_PAUSE_SECONDS)

    # ---- taking it

    def _create(self, holder: str) -> None:
        record = LeaseRecord(
            holder=holder, fence=self._highest, ttl_seconds=self._tenure.terms.ttl_seconds, write=new_write()
        )
        self._tenure.store.create(self.name, record)

    def _take(self, stored: Stored) -> Held | None:
        if self._writes is None or self._writes.known.version != stored.version:
            self._writes = Writes(stored)
        wanted = LeaseRecord(
            holder=self._me, fence=self._highest + 1, ttl_seconds=self._tenure.terms.ttl_seconds, write=""
        )
        began = self._tenure.clocks.now()
        over, record = self._writes.begin(wanted, began)
        written = self._tenure.store.replace(self.name, record, over)
        return None if written is None else self._as_held(written)

    def _taken_unnoticed(self, stored: Stored) -> Held | None:
        """What was taken by a write that was not answered."""
        return self._as_held(stored) if self._writes is not None and stored.record.holder == self._me else None

    def _as_held(self, stored: Stored) -> Held | None:
        began = self._writes.settle(stored) if self._writes is not None else None
        self._writes = None
        self._observe(stored)
        if began is None or self._tenure.clocks.since(began) >= self._tenure.terms.usable_seconds:
            return None  # ours, but too late: the next look takes it again, with another fence
        return Held(self._tenure, stored, began)

    def _hold(self, held: Held, *, renew: bool) -> None:
        self._held = held
        tenure = self._tenure
        tenure.events.publish(
            LeaseAcquired(
                source=self.name,
                at_seconds=self._clock.monotonic(),
                holder=held.holder,
                fence=held.fence,
                store=tenure.store.where,
            )
        )
        if renew:
            worker = self._worker or Worker("seawall-lease", clock=self._clock)
            held.renew_by(worker, owned=self._worker is None)
