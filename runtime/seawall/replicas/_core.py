"""What a router knows of its servers, kept up to date by measurements and by the topology.

Everything that a choice looks at is in one `Standing`, which is replaced whole: choosing takes no lock of ours.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from seawall._forks import renew_after_fork
from seawall.clock import Clock
from seawall.errors import InvalidInput
from seawall.events import EventBus
from seawall.replicas._events import ReaderStateChanged, WriterChanged, WriterLeaseChanged, WriterTrouble
from seawall.replicas._fallback import Fallback
from seawall.replicas._lag import Reading, Trail, judge
from seawall.replicas._lease import HeldLease
from seawall.replicas._lineage import Lineage, grown
from seawall.replicas._model import (
    ChoiceReason,
    DatabaseServer,
    EpochLease,
    FallbackPolicy,
    LagPolicy,
    Observation,
    ReaderState,
)
from seawall.replicas._roles import Roles, Seen
from seawall.replicas._waiting import Desk
from seawall.selector import Endpoint, EndpointSelector

__all__ = ["Core", "Standing"]

_log: Final = logging.getLogger("seawall.replicas")

UNMEASURED: Final = Reading(ReaderState.UNKNOWN)
TRUSTED: Final = Reading(ReaderState.FRESH)  # where nobody measures: fit, and of no known position

Change = Callable[[], Iterable[DatabaseServer] | None]
"""A change under the lock; what it gives are servers whose connections mean nothing any more."""
Retire = Callable[[DatabaseServer], None]
Sight = Callable[[], tuple[int, float] | None]


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, at one moment."""

    servers: dict[str, DatabaseServer]
    current: str
    """Who is the writer, or was the last one."""
    writer: str | None
    """Who may be written to."""
    trouble: str | None
    rivals: tuple[str, ...]
    epoch: int
    generation: int
    lineage: Lineage | None
    system_id: int
    """Of the lineage; -1 while there is none."""
    timeline: int
    """Of the lineage; -1 while there is none."""
    readings: dict[str, Reading]
    """Of all but the current writer."""
    sure: bool
    """Whether the current writer was reached when it was last tried: else it may come back as something else."""
    expires: float
    """When one of the verdicts means nothing any more."""


@final
class Core:
    """The state of a router, and its lock.

    Args:
        name: The router's.
        writer: Who is the writer by configuration.
        readers: The other servers.
        measured: Whether anybody measures them.
        make_selector: Makes the selector of readers.
        lag: Limits of lag.
        fallback: Limits of what the writer reads.
        lease: Terms of the epoch's lease; with one the topology alone says who is the writer.
        epoch: Of the topology that named the writer.
        clock: Monotonic time.
        bus: For events.
    """

    def __init__(
        self,
        name: str,
        writer: DatabaseServer,
        readers: Iterable[DatabaseServer],
        *,
        measured: bool,
        make_selector: Callable[[Iterable[Endpoint]], EndpointSelector],
        lag: LagPolicy,
        fallback: FallbackPolicy,
        lease: EpochLease | None,
        epoch: int,
        clock: Clock,
        bus: EventBus,
    ) -> None:
        self.name: Final = name
        self.measured: Final = measured
        self.lag: Final = lag
        self.bus: Final = bus
        self.now: Final = clock.monotonic
        self.desk: Desk = Desk()
        self.lock: threading.Lock = threading.Lock()
        self.fallback: Final = Fallback(fallback)
        self.lease: Final = HeldLease(lease)
        self.sight: Sight | None = None
        """The epoch, and when the reading of it began; `None`: nothing was read yet."""
        self.retire: tuple[Retire, ...] = ()
        self.errors: Final[dict[str, str]] = {}
        self.choices: Final[dict[tuple[str, ChoiceReason], int]] = {}
        self.waits = self.waits_in_vain = self.refused_reads = self.refused_writes = self.lost_writes = 0
        self._servers = _by_name((writer, *readers))
        self._roles: Final = Roles(writer.name, tuple(self._servers), epoch=epoch, authority=lease is not None)
        self._trail: Final = Trail(lag)
        self._lineage: Lineage | None = None
        self._lease_held = True
        self.selector: Final = make_selector(())
        self._applying = self._apply_again = False
        self._applied_readers: tuple[DatabaseServer, ...] = ()
        self._applied_fit: dict[str, bool] = {}
        self.standing: Standing = self._stand(self.now())
        self._apply()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In the child: locks may be held by threads that are gone."""
        self.lock = threading.Lock()
        self.desk = Desk()
        self._applying = self._apply_again = False

    @property
    def servers(self) -> tuple[DatabaseServer, ...]:
        """All of them, the present writer first."""
        standing = self.standing
        rest = [each for name, each in standing.servers.items() if name != standing.current]
        return (*(each for name, each in standing.servers.items() if name == standing.current), *rest)

    def seen(self, name: str) -> Seen | None:
        """What is known of a server. For looking only."""
        return self._roles.members.get(name)

    def too_early(self, name: str) -> bool:
        """Whether a reader only seems to lag, because for its lag to be known the writer was not watched for long enough."""
        reading = self.standing.readings.get(name)
        if reading is None or reading.state is not ReaderState.LAGGING or reading.fresh_as_of != -math.inf:
            return False
        return self.now() - self._trail.began < self.lag.max_lag_seconds

    def is_writer(self, name: str) -> bool:
        """Whether the current writer takes writes, as far as anybody knows: it was reached, or never asked."""
        seen = self._roles.members.get(name)
        return seen is not None and not self._roles.lost and (seen.observation is None or seen.takes_writes)

    # What comes in

    def observed(self, name: str, observation: Observation, began: float) -> None:
        """A measurement of that server, which began then."""

        def change() -> None:
            self.errors.pop(name, None)
            self._roles.observed(name, observation, began)

        self._do(change, "observed")

    def unmeasured(self, name: str, error: str, began: float) -> None:
        """A measurement of that server failed; it began then."""

        def change() -> None:
            self.errors[name] = error
            self._roles.unmeasured(name, began)

        self._do(change, "observed")

    def suspect(self, name: str) -> None:
        """A connection to that server was lost: until it has been measured again, nothing is known of it."""
        seen = self._roles.members.get(name)
        if seen is not None and self.measured and not seen.suspected:

            def change() -> None:
                seen.suspected = True

            self._do(change, "observed")

    def told(self, writer: DatabaseServer, readers: Iterable[DatabaseServer], epoch: int) -> None:
        """The topology names the servers, and which of them is the writer."""
        servers = _by_name((writer, *readers))

        def change() -> list[DatabaseServer]:
            gone = [each for name, each in self._servers.items() if name not in servers or servers[name] != each]
            self._servers = servers
            self._roles.use(tuple(servers))
            if self._roles.current not in servers:
                self._roles.settle(writer.name)
            self._roles.told(writer.name, epoch)
            return gone

        self._do(change, "topology")

    def settle(self, writer: str) -> None:
        """An operator says who of several is the writer.

        Raises:
            InvalidInput: there is no such server.
        """
        if writer not in self._servers:
            raise InvalidInput("writer", writer, allowed="one of " + ", ".join(self._servers))
        self._do(lambda: self._roles.settle(writer), "operator")

    def refresh(self) -> Standing:
        """Judge anew: time has passed."""
        self._do(lambda: None, "observed")
        return self.standing

    # What follows from it

    def _do(self, change: Change, reason: str) -> None:
        # Not under the lock: the selector tells its subscribers of what the clock asks for.
        served = sum(each.total_picks for each in self.selector.snapshot().endpoints)
        with self.lock:
            before = self.standing
            retired = list(change() or ())
            self._renew()
            now = self.now()
            self.fallback.served(served, now)
            self._follow_writer(before)
            self.standing = after = self._stand(now)
            if after.generation != before.generation:
                retired.append(before.servers[before.current])
            self._tell(before, after, reason, now)
        self._apply()
        self.bus.deliver()
        self.desk.announce()
        for server in retired:
            for retire in self.retire:
                try:
                    retire(server)
                except Exception:  # noqa: BLE001 - one adapter must not keep the others from dropping their pools
                    _log.exception("router %s: connections to %s could not be dropped", self.name, server.name)

    def renew(self) -> None:
        """Look at the epoch once more."""
        with self.lock:
            self._renew()

    def _renew(self) -> None:
        sight = self.sight() if self.sight is not None else None
        if sight is not None:
            self.lease.seen(*sight)

    def _follow_writer(self, before: Standing) -> None:
        roles = self._roles
        if roles.generation != before.generation:
            self._trail.clear()
        writer = roles.members.get(roles.current)
        if writer is None or writer.observation is None or writer.observation.in_recovery:
            return
        observation = writer.observation
        if observation.position is None or observation.timeline is None or observation.system_id is None:
            return
        self._lineage = grown(
            self._lineage,
            observation.system_id,
            observation.timeline,
            fork=observation.fork,
            left=writer.left,
            bounds=(writer.replayed or 0, observation.position),
        )
        self._trail.note(writer.began, observation.position)

    def _stand(self, now: float) -> Standing:
        roles, lineage = self._roles, self._lineage
        readings = self._judged(now)
        writer = roles.members.get(roles.current)
        return Standing(
            servers=dict(self._servers),
            current=roles.current,
            writer=roles.writer,
            trouble=roles.trouble,
            rivals=tuple(sorted(roles.rivals)),
            epoch=roles.epoch,
            generation=roles.generation,
            lineage=lineage,
            system_id=-1 if lineage is None else lineage.system_id,
            timeline=-1 if lineage is None else lineage.timeline,
            readings=readings,
            sure=writer is not None and not writer.failures and not writer.suspected,
            expires=min((each.expires for each in readings.values() if each.fit), default=math.inf),
        )

    def _judged(self, now: float) -> dict[str, Reading]:
        others = {name: seen for name, seen in self._roles.members.items() if name != self._roles.current}
        if not self.measured:
            return dict.fromkeys(others, TRUSTED)
        positions = [
            seen.observation.position
            for seen in others.values()
            if seen.observation is not None and seen.observation.in_recovery and seen.observation.position is not None
        ]
        return {
            name: judge(
                seen,
                policy=self.lag,
                trail=self._trail,
                lineage=self._lineage,
                now=now,
                writer_lost=self._roles.lost,
                furthest=max(positions, default=None),
            )
            for name, seen in others.items()
        }

    def _tell(self, before: Standing, after: Standing, reason: str, now: float) -> None:
        """Note the events; the caller delivers them without the lock."""
        if after.generation != before.generation:
            self.bus.enqueue(
                WriterChanged(
                    source=self.name,
                    at_seconds=now,
                    previous=before.current,
                    current=after.current,
                    reason=reason,
                    epoch=after.epoch,
                    generation=after.generation,
                )
            )
        if after.trouble != before.trouble:
            self.bus.enqueue(
                WriterTrouble(source=self.name, at_seconds=now, trouble=after.trouble, rivals=after.rivals)
            )
        held = now < self.lease.until
        if held is not self._lease_held:
            self._lease_held = held
            self.bus.enqueue(WriterLeaseChanged(source=self.name, at_seconds=now, held=held, epoch=self.lease.epoch))
        for name, reading in after.readings.items():
            previous = before.readings.get(name, UNMEASURED).state
            if previous is not reading.state:
                self.bus.enqueue(
                    ReaderStateChanged(
                        source=self.name, at_seconds=now, server=name, previous=previous, current=reading.state
                    )
                )

    def _apply(self) -> None:
        """Give the selector the servers that are readers now, and whether each is fit.

        One thread at a time and without a lock, because the selector tells its subscribers; whoever comes meanwhile leaves
        it to the one who is at it.
        """
        with self.lock:
            self._apply_again = True
            if self._applying:
                return
            self._applying = True
        while True:
            with self.lock:
                if not self._apply_again:
                    self._applying = False
                    return
                self._apply_again = False
                standing = self.standing
            self._apply_one(standing)

    def _apply_one(self, standing: Standing) -> None:
        readers = tuple(each for name, each in standing.servers.items() if name != standing.current)
        if readers != self._applied_readers:
            self._applied_readers = readers
            self.selector.update(Endpoint(each.name, each.address, each.region, weight=each.weight) for each in readers)
            self._applied_fit = {name: fit for name, fit in self._applied_fit.items() if name in standing.readings}
        for each in readers:
            fit = standing.readings[each.name].fit
            if self._applied_fit.get(each.name, True) is not fit:
                self.selector.probed(each.name, passed=fit, healthy=fit)
            self._applied_fit[each.name] = fit


def _by_name(servers: Iterable[DatabaseServer]) -> dict[str, DatabaseServer]:
    found: dict[str, DatabaseServer] = {}
    for each in servers:
        if each.name in found:
            raise InvalidInput("readers", each.name, allowed="names that differ, the writer's included")
        found[each.name] = each
    return found
