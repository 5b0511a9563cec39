"""What a selector knows about its endpoints, and the rules by which calls, probes and time change it.

What holds at all times:

1. At most `floor(max_ejected_ratio * endpoints with a weight)` endpoints are ejected.
2. An outcome speaks for the epoch in which its attempt was picked. An ejection, a restoration, a failover or a change of
   health begins a new one, so late outcomes decide nothing; those of an endpoint that was taken away go to a dead object.
"""

import functools
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final, final

from seawall._rolling import RollingCounts
from seawall.clock import Clock
from seawall.errors import InvalidInput
from seawall.events import EventBus
from seawall.selector._choices import ChoicePool, observe_latency
from seawall.selector._desk import Desk
from seawall.selector._events import (
    ActiveChanged,
    EndpointEjected,
    EndpointHealthChanged,
    EndpointRestored,
    PanicChanged,
)
from seawall.selector._failover import Failover
from seawall.selector._member import NEVER, HeapEntry, Member
from seawall.selector._model import (
    ActivePassive,
    Endpoint,
    FailbackPolicy,
    OutlierDetection,
    PanicPolicy,
    Policy,
    PowerOfTwoChoices,
    RegionAffinity,
    SlowStart,
)
from seawall.selector._spread import Spread
from seawall.selector._weighted import WeightedPool

if TYPE_CHECKING:
    from seawall.selector._attempt import Attempt

__all__ = ["Core"]

STEPS: Final = 10  # of slow start
ROUNDING: Final = 1e-9  # 0.29 * 100 is 28.999999999999996, and 29 is meant


@final
class Core(Desk):
    """One selector's state. Public methods lock; those with an underscore are called with the lock held."""

    def __init__(
        self,
        name: str,
        *,
        policy: Policy,
        outlier: OutlierDetection | None,
        panic: PanicPolicy,
        failback: FailbackPolicy,
        affinity: RegionAffinity | None,
        slow_start: SlowStart | None,
        clock: Clock,
        events: EventBus | None,
        random: Callable[[], float],
    ) -> None:
        super().__init__(clock, events)
        self.name: Final = name
        self.policy: Final = policy
        self.outlier: Final = outlier
        self.failback: Final = failback
        self.slow_start: Final = None if isinstance(policy, ActivePassive) else slow_start
        self.last: Member | None = None
        self.members: dict[str, Member] = {}
        self._ejected: list[HeapEntry] = []
        self.ejected: int = 0
        self._random: Final = random
        self._panicking = False
        self.failover: Failover | None = None
        self.decay: Final = policy.peak_ewma_seconds if isinstance(policy, PowerOfTwoChoices) else None
        if isinstance(policy, ActivePassive):
            self._threshold = policy.failure_threshold
            self.standing: Failover | Spread = Failover(
                panic, affinity, failback, switched=self._switched, wake_at=self._settle_at, random=random
            )
            self.failover = self.standing
        else:
            self._threshold = outlier.consecutive_failures if outlier else 0
            make: Callable[[], Any] = WeightedPool
            if isinstance(policy, PowerOfTwoChoices):
                make = functools.partial(ChoicePool, random, self.decay)
            self.standing = Spread(make, panic, affinity)

    # Panic

    def settle_start(self) -> None:
        """The first endpoints are in place: that was no change."""
        self._panicking = self.standing.panicking

    def _note_panic(self, now: float) -> None:
        standing = self.standing
        if standing.panicking is not self._panicking:
            self._panicking = standing.panicking
            self.enqueue(
                PanicChanged(
                    source=self.name,
                    at_seconds=now,
                    panicking=standing.panicking,
                    available=standing.available,
                    total=standing.total,
                )
            )

    # Outcomes

    def settle(self, attempt: "Attempt", *, failed: bool | None, error: BaseException | None = None) -> None:
        """End an attempt: it failed, succeeded, or (`None`) says nothing. A second time does nothing."""
        with self.lock:
            if self.busy:
                self.later.append(functools.partial(self.settle, attempt, failed=failed, error=error))
                return
            taken = attempt.take()
            if taken is None:
                return
            self.busy = True
            try:
                self._settle(*taken, failed=failed)
            finally:
                self.busy: bool = False
        if self.news or self.later:
            self.tell()

    def _settle(self, member: Member, epoch: int, began: float | None, *, failed: bool | None) -> None:
        if began is not None:
            member.outstanding -= 1
            if self.decay is not None and failed is not None:
                now = self.now()
                observe_latency(member, now, now - began, self.decay)
        if failed is None:
            return
        if failed:
            member.total_failed += 1
        if epoch != member.epoch or (not failed and member.counts is None and not member.streak and not member.failed):
            return
        now = self.now()
        if failed:
            member.streak += 1
            if member.counts is not None:
                member.counts.add_bad(now)
            reason = self._reason(member)
            if reason is not None and self.members.get(member.endpoint.name) is member:
                self._condemn(member, now, reason)
                self._note_panic(now)
        else:
            member.streak = 0
            if member.counts is not None:
                member.counts.add_good(now)
            if member.failed and self.members.get(member.endpoint.name) is member:
                self._forgive(member, now)

    def _reason(self, member: Member) -> str | None:
        """Why `member` is to be condemned, or `None`."""
        if self._threshold and member.streak >= self._threshold:
            return "consecutive failures"
        outlier, counts = self.outlier, member.counts
        if outlier is not None and counts is not None and outlier.failure_rate_threshold is not None:
            calls = counts.good + counts.bad
            if calls >= outlier.minimum_calls and counts.bad / calls >= outlier.failure_rate_threshold:
                return "failure rate"
        return None

    def _condemn(self, member: Member, now: float, reason: str) -> None:
        if not member.endpoint.weight:
            return
        if self.failover is not None:
            self._new_epoch(member)
            hold = self.failover.leave(member, now, reason)
            self._at(now + hold, functools.partial(self._end_hold, member, member.left_at))
        elif self.outlier is not None and member.ejection is None:
            self._eject(member, now, reason, self.outlier)

    def _forgive(self, member: Member, now: float) -> None:
        """A call to an endpoint that active-passive had left succeeded: it is well."""
        member.failed = False
        self._new_epoch(member)
        self.standing.place(member, now)
        self._note_panic(now)

    def _end_hold(self, member: Member, left_at: float, now: float) -> None:
        if member.failed and member.left_at == left_at and self._has(member):
            member.failed = False
            self._new_epoch(member)
            self.standing.place(member, now)

    def _new_epoch(self, member: Member) -> None:
        member.epoch += 1
        member.streak = 0
        if member.counts is not None and self.outlier is not None:
            member.counts = RollingCounts(self.outlier.window_seconds)

    def _has(self, member: Member) -> bool:
        return self.members.get(member.endpoint.name) is member

    # Ejection

    def _allowed(self) -> int:
        return int(self.outlier.max_ejected_ratio * self.standing.total + ROUNDING) if self.outlier else 0

    def _eject(self, member: Member, now: float, reason: str, outlier: OutlierDetection) -> None:
        if self.ejected + 1 > self._allowed():
            return
        quiet = now - member.restored_at
        fallen = int(min(quiet / outlier.ejection_seconds, member.ejections))  # since the last one
        member.ejections += 1 - fallen
        longest = outlier.max_ejection_seconds
        seconds = min(outlier.ejection_seconds * member.ejections, longest)
        seconds *= 1.0 + outlier.jitter_ratio * self._random()
        member.total_ejections += 1
        member.ejected_until = now + seconds
        member.ejection = (member.ejected_until, member.order, member)
        heappush(self._ejected, member.ejection)
        self.ejected += 1
        self._at(member.ejected_until, functools.partial(self._end_ejection, member, member.ejection))
        self._new_epoch(member)
        self.standing.place(member, now)
        self.enqueue(
            EndpointEjected(
                source=self.name,
                at_seconds=now,
                endpoint=member.endpoint.name,
                reason=reason,
                seconds=seconds,
                ejections=member.ejections,
            )
        )

    def _end_ejection(self, member: Member, ejection: HeapEntry, now: float) -> None:
        if member.ejection is ejection:
            self._restore(member, now, "time")

    def _restore(self, member: Member, now: float, reason: str) -> None:
        self._forget_ejection(member, now)
        self._new_epoch(member)
        self._come_back(member, now)
        self.enqueue(EndpointRestored(source=self.name, at_seconds=now, endpoint=member.endpoint.name, reason=reason))

    def _forget_ejection(self, member: Member, now: float) -> None:
        if member.ejection is not None:
            member.ejection = None
            member.ejected_until = NEVER
            member.restored_at = now
            self.ejected -= 1
        while self._ejected and self._ejected[0][2].ejection is not self._ejected[0]:
            heappop(self._ejected)

    def _keep_maximum(self, now: float) -> None:
        """After endpoints went away: end the ejections that end soonest, until there are no more than may be."""
        while self.ejected > self._allowed():
            self._restore(self._ejected[0][2], now, "maximum")

    # Slow start

    def _come_back(self, member: Member, now: float) -> None:
        """An endpoint is in use again, or for the first time: with a part of its weight, if so configured."""
        if self.slow_start is not None and member.available:
            member.share = 1
            token = member.start = object()
            self._at(now + self.slow_start.seconds / STEPS, functools.partial(self._step, member, token))
        self.standing.place(member, now)

    def _step(self, member: Member, token: object, now: float) -> None:
        if member.start is token and self.slow_start is not None and self._has(member):
            member.share += 1
            self.standing.place(member, now)
            if member.share < STEPS:
                self._at(now + self.slow_start.seconds / STEPS, functools.partial(self._step, member, token))

    # Probes

    def probed(self, name: str, now: float, *, passed: bool, healthy: bool) -> None:
        """A probe of an endpoint ended, and with it the prober's verdict is `healthy`."""
        member = self.members.get(name)
        if member is None:  # taken away meanwhile
            return
        member.good_probes = member.good_probes + 1 if passed else 0
        turned = member.healthy is not healthy
        if turned:
            member.healthy = healthy
            self._new_epoch(member)
            if not healthy:
                member.proven = self.failover is None or self.failback.good_probes == 0
                member.left_at = now if not member.failed else member.left_at
            self.enqueue(EndpointHealthChanged(source=self.name, at_seconds=now, endpoint=name, healthy=healthy))
        proven = not member.proven and healthy and member.good_probes >= self.failback.good_probes
        if proven:
            member.proven = True
            member.failed = False
        if turned and healthy:
            self._come_back(member, now)
        elif turned or proven:
            self.standing.place(member, now)

    # Membership

    def add(self, endpoint: Endpoint, now: float, *, at_start: bool = False) -> None:
        """Use `endpoint` from now on."""
        if endpoint.name in self.members:
            raise InvalidInput("endpoints", endpoint.name, allowed="names that differ")
        self._serial += 1
        outlier = self.outlier
        counted = outlier is not None and outlier.failure_rate_threshold is not None
        member = Member(endpoint, self._serial, RollingCounts(outlier.window_seconds) if counted and outlier else None)
        member.share = 1 if self.slow_start is None else STEPS
        self.members[endpoint.name] = member
        if at_start:
            self.standing.place(member, now)
        else:
            self._come_back(member, now)

    def remove(self, name: str, now: float) -> None:
        """Use that endpoint no more."""
        member = self.member(name)
        del self.members[name]
        self._forget_ejection(member, now)
        self.standing.remove(member, now)
        if self.last is member:
            self.last = None
        self._keep_maximum(now)

    def change(self, endpoint: Endpoint, now: float) -> None:
        """Let an endpoint of that name have another weight, role or region. Another URL makes it another endpoint."""
        member = self.member(endpoint.name)
        if member.endpoint.url != endpoint.url:
            self.remove(endpoint.name, now)
            self.add(endpoint, now)
            return
        began = not member.endpoint.weight and endpoint.weight > 0
        member.endpoint = endpoint
        if not endpoint.weight:
            self._forget_ejection(member, now)
        if began:
            self._come_back(member, now)
        else:
            self.standing.place(member, now)
        self._keep_maximum(now)

    def reorder(self, names: Iterable[str], now: float) -> None:
        """Put the endpoints into that order, which is one of preference for active-passive."""
        self.members = {name: self.members[name] for name in names}
        for member in self.members.values():
            self._serial += 1
            member.order = self._serial
            if self.failover is not None:  # elsewhere the order only breaks ties
                self.standing.place(member, now)

    def member(self, name: str) -> Member:
        """The endpoint of that name.

        Raises:
            InvalidInput: there is none.
        """
        found = self.members.get(name)
        if found is None:
            raise InvalidInput("name", name, allowed="the name of one of the endpoints")
        return found

    # Active-passive

    def _switched(self, previous: Member | None, current: Member | None, reason: str, cause: str) -> None:
        if previous is None and reason == "endpoints changed" and not self.last:
            return  # the first one, before any call
        self.enqueue(
            ActiveChanged(
                source=self.name,
                at_seconds=self.now(),
                previous=previous.endpoint.name if previous else None,
                current=current.endpoint.name if current else None,
                reason=reason,
                cause=cause,
            )
        )

    def _settle_at(self, due: float) -> None:
        failover = self.failover
        if failover is not None:
            self._at(due, failover.settle)
