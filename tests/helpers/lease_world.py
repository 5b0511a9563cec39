"""Processes that contend for one lease, each by clocks of its own, over a network that slows, loses and delays.

Time is simulated; the store may be a real one. What is under way takes its time while the other processes go on.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from seawall.errors import FenceOutrun, LeaseLost, LeaseUnavailable
from seawall_ops.lease import (
    FREE,
    Arbitrated,
    Held,
    Lease,
    LeaseRecord,
    LeaseStore,
    LeaseTerms,
    Location,
    MemoryState,
    Stored,
)

NAME = "failover-shop"
TERMS = LeaseTerms()
FASTEST, SLOWEST = 1.03, 0.97  # clocks, beside true time: less apart than the terms' margin allows
DEEPEST = 3  # calls under way at once, one inside of the other's time


class Fault(Enum):
    """What the network does to one request."""

    NONE = "none"
    SLOW = "slow"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"
    LATE = "arrives after it was given up"


@dataclass
class Clock:
    """Monotonic time of one machine, which runs fast or slow and starts anywhere; and its wall clock, which is stepped."""

    world: "World"
    rate: float
    start: float
    stepped: float = 0.0

    def monotonic(self) -> float:
        return self.start + self.rate * self.world.now

    def wall(self) -> float:
        return 1.7e9 + self.start + self.rate * self.world.now + self.stepped


@dataclass
class Process:
    """One contender."""

    world: "World"
    name: str
    clock: Clock
    lease: Lease
    held: Held | None = None
    paused_until: float = 0.0
    busy: bool = False
    losses: int = 0

    @property
    def holds(self) -> bool:
        """Whether it would write now."""
        return self.held is not None and self.held.remaining_seconds() > 0.0

    def step(self) -> None:
        """Renew, or try to acquire."""
        self._do(self._renew_or_acquire)

    def write(self, pause_seconds: float) -> None:
        """Write to the state, stopped for a while between asking whether the lease is held and writing."""
        self._do(lambda: self._write(pause_seconds))

    def release(self) -> None:
        """Give it up."""
        self._do(self._release)

    def _do(self, action: Callable[[], None]) -> None:
        if self.busy or self.world.now < self.paused_until:
            return
        self.busy = True
        try:
            action()
        except LeaseUnavailable:
            pass
        except LeaseLost:
            self.held = None
            self.losses += 1
        finally:
            self.busy = False
        self.world.look()

    def _renew_or_acquire(self) -> None:
        if self.held is not None:
            self.held.renew()
            return
        self.held = self.lease.try_acquire(renew=False)
        if self.held is not None:
            self.world.acquired(self, self.held)

    def _write(self, pause_seconds: float) -> None:
        if self.held is not None:
            try:
                self.world.state.put("key", self.name, _Stopped(self.held, self.world, pause_seconds))
                self.world.written.append(self.held.fence)
            except FenceOutrun:
                self.world.refused += 1

    def _release(self) -> None:
        if self.held is not None:
            held, self.held = self.held, None
            held.release()


@dataclass
class _Stopped:
    """A holder that is stopped right after it has asked."""

    held: Held
    world: "World"
    seconds: float

    @property
    def fence(self) -> int:
        return self.held.fence

    def check(self) -> None:
        self.held.check()
        self.world.pass_time(self.seconds)


class Bearer:
    """Writes under a fence, without a lease."""

    def __init__(self, fence: int) -> None:
        self.fence = fence

    def check(self) -> None:
        """It always is."""


class Network:
    """A store as one process reaches it."""

    def __init__(self, world: "World", inner: LeaseStore) -> None:
        self.world, self.inner = world, inner

    @property
    def where(self) -> str:
        return self.inner.where

    @property
    def location(self) -> Location:
        return self.inner.location

    def read(self, name: str) -> Stored | None:
        return self._call(lambda: self.inner.read(name), writes=False)

    def create(self, name: str, record: LeaseRecord) -> None:
        self._call(lambda: self.inner.create(name, record), writes=True)

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        def write() -> Stored | None:
            written = self.inner.replace(name, record, over)
            if written is not None:
                self.world.arrived(record)
            return written

        return self._call(write, writes=True)

    def _call(self, do: Callable[[], Any], *, writes: bool) -> Any:
        world = self.world
        fault = world.next_fault()
        if fault is Fault.NONE:
            return do()
        if fault is Fault.SLOW:
            world.pass_time(world.random.uniform(0.0, TERMS.request_timeout_seconds / 2))
            answer = do()
            world.pass_time(world.random.uniform(0.0, TERMS.request_timeout_seconds / 2))
            return answer
        if fault is Fault.LOST_ANSWER:
            do()
        elif fault is Fault.LATE and writes:
            world.on_its_way.append((world.now + world.random.uniform(1.0, 2.0 * TERMS.ttl_seconds), do))
        world.pass_time(TERMS.request_timeout_seconds)
        raise LeaseUnavailable(self.where, fault.value)


@dataclass
class World:
    """All of it. `look` holds the invariants against it, wherever time has passed or something has been written."""

    store: LeaseStore
    delete: Callable[[str], None]
    random: random.Random
    processes: int = 2
    fault_ratio: float = 0.0
    now: float = 0.0
    fault: Fault | None = None
    """Of the next request, whatever the ratio."""
    on_its_way: list[tuple[float, Callable[[], Any]]] = field(default_factory=list)
    fences: list[int] = field(default_factory=list)
    """Of each acquisition, in their order."""
    written: list[int] = field(default_factory=list)
    """Of each accepted write to the state, in their order."""
    refused: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        self.state = MemoryState()
        self.members = [self._process(f"p{number}") for number in range(self.processes)]

    def _process(self, name: str) -> Process:
        clock = Clock(self, self.random.uniform(SLOWEST, FASTEST), self.random.uniform(0.0, 1e6))
        lease = Lease(
            Network(self, self.store),
            NAME,
            holder=name,
            arbitrates=Arbitrated(),
            terms=TERMS,
            clock=clock,
            wall=clock.wall,
            sleep=self.pass_time,
            random=lambda: 0.5,
        )
        return Process(self, name, clock, lease)

    def next_fault(self) -> Fault:
        """For the request that is being made."""
        fault, self.fault = self.fault, None
        if fault is not None:
            return fault
        if self.random.random() < self.fault_ratio:
            return self.random.choice([each for each in Fault if each is not Fault.NONE])
        return Fault.NONE

    def pass_time(self, seconds: float) -> None:
        """Let true time pass, while whoever is not busy goes on."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + self.random.uniform(0.2, 2.0))
            due = [each for each in self.on_its_way if each[0] <= self.now]
            self.on_its_way = [each for each in self.on_its_way if each[0] > self.now]
            for _, do in due:
                do()
            self.look()
            if 0 < self.depth < DEEPEST:
                self.one_goes_on()

    def one_goes_on(self) -> None:
        """Some process does what it does."""
        self.depth += 1
        try:
            self.random.choice(self.members).step()
        finally:
            self.depth -= 1

    def round(self) -> None:
        """One of all the things that happen."""
        someone, draw = self.random.choice(self.members), self.random.random()
        self.depth = 1
        if draw < 0.70:
            someone.step()
        elif draw < 0.80:
            someone.write(self.random.choice([0.0, 1.0, 40.0, 60.0]))
        elif draw < 0.84:
            someone.paused_until = self.now + self.random.uniform(1.0, 90.0)
        elif draw < 0.88:
            someone.clock.stepped += self.random.uniform(-3600.0, 3600.0)
        elif draw < 0.92:
            someone.release()
        elif draw < 0.93:
            self.delete(NAME)
        self.depth = 0
        self.pass_time(self.random.uniform(0.5, 6.0))

    def settle(self) -> Process:
        """Let the network and all processes be well for a while: then somebody holds the lease."""
        self.fault_ratio, self.fault = 0.0, None
        self.pass_time(100.0)  # pauses end, and what was late has arrived
        for _ in range(40):
            for each in self.members:
                each.step()
            self.pass_time(2.0)
        return next(each for each in self.members if each.holds)

    # ---- what must be true

    def look(self) -> None:
        holders = [each.name for each in self.members if each.holds]
        assert len(holders) <= 1, f"two holders at {self.now:.1f}: {holders}"

    def arrived(self, record: LeaseRecord) -> None:
        """A write over the lease was made. Whoever has another fence must have stopped by then."""
        for each in self.members:
            if each.held is not None and each.held.fence != record.fence and record.holder != FREE:
                assert not each.holds, f"{each.name} still holds when fence {record.fence} is given"

    def acquired(self, process: Process, held: Held) -> None:
        assert all(held.fence > each for each in self.fences), f"fence {held.fence} after {max(self.fences)}"
        self.fences.append(held.fence)
        self.look()
        self.state.claim("key", held)
