"""The router as its users see it."""

import random as random_module
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import Final, NoReturn, Self, TypedDict, Unpack, cast, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput
from seawall.events import EventBus
from seawall.replicas._choosing import Ask, Chooser
from seawall.replicas._core import Core, Retire
from seawall.replicas._model import (
    Consistency,
    DatabaseServer,
    EpochLease,
    FallbackPolicy,
    Gauge,
    LagPolicy,
    ReadYourWrites,
    RouterSnapshot,
)
from seawall.replicas._monitor import Monitor
from seawall.replicas._postgres import token_of_position
from seawall.replicas._route import Route
from seawall.replicas._scope import StartOn
from seawall.replicas._snapshot import snapshot_of
from seawall.replicas._tokens import ConsistencyToken, TimeToken
from seawall.replicas._topology import FollowedDatabase, check_lease, servers_of
from seawall.replicas._unit import UnitOfWork
from seawall.selector import (
    Endpoint,
    EndpointSelector,
    OutlierDetection,
    PanicPolicy,
    Policy,
    PowerOfTwoChoices,
    RegionAffinity,
    SlowStart,
)
from seawall.selector._topology import follow_weakly
from seawall.topology import Effective
from seawall.topology._sources import own_region

__all__ = ["ReplicaRouter", "Retirement"]


OUTLIER: Final = OutlierDetection(ejection_seconds=5.0, max_ejection_seconds=60.0)
"""Shorter than a selector's own: readers are measured every second, and one that is fit again is wanted back."""


class Options(TypedDict, total=False):
    """The arguments of `ReplicaRouter` that `from_topology` passes on."""

    gauge: Gauge | None
    consistency: Consistency
    lag: LagPolicy
    fallback: FallbackPolicy
    lease: EpochLease | None
    policy: Policy
    outlier: OutlierDetection | None
    slow_start: SlowStart | None
    name: str
    clock: Clock
    events: EventBus | None
    random: Callable[[], float]


@final
class Retirement:
    """What `on_retire` returns: `cancel()` ends it."""

    __slots__ = ("_callback", "_core")

    def __init__(self, core: Core, callback: Retire) -> None:
        self._core: Final = core
        self._callback: Final = callback

    def cancel(self) -> None:
        """Call it no more. Idempotent."""
        with self._core.lock:
            self._core.retire = tuple(each for each in self._core.retire if each is not self._callback)


@final
class ReplicaRouter:
    """Writes to the writer, reads to the nearest reader that is fit and has what the session wrote.

    It sends nothing by itself: an adapter (`seawall.replicas_sqlalchemy`, `replicas_psycopg`, `replicas_django`) asks it
    where each statement goes. One object serves threads and event loops, all at once.

    ```python
    router = ReplicaRouter(
        DatabaseServer("tokyo", "10.0.0.1:5432", region="ap-northeast-1"),
        [DatabaseServer("osaka", "10.1.0.1:5432", region="ap-northeast-3")],
        gauge=PsycopgGauge(conninfo),
    )
    with router:
        serve()
    ```

    Args:
        writer: Who is the writer, as far as is known now.
        readers: The other servers. Names must differ.
        gauge: How to ask a server how it is. `None`: nobody does; then a session that has written reads at the writer, and
            roles change by the topology only.
        consistency: What a read is promised, unless its scope says otherwise.
        lag: How lag is measured, and how much of it is too much.
        fallback: How much the writer reads when readers cannot.
        lease: Self-fencing, see `EpochLease`; the epochs come from a followed topology, or by `follow`.
        region: The region to prefer; `None`: `AWS_REGION` or `AWS_DEFAULT_REGION` of the environment, where one is set.
        policy: How to choose among readers.
        outlier: Which readers are left out because connections to them fail; `None`: none is.
        slow_start: How a reader comes back into use; `None`: at once.
        epoch: Of the topology that named the writer.
        name: Shown in errors, events and metrics.
        clock: Monotonic time.
        events: The bus that its events go to; one of its own when left out.
        random: Random numbers in [0, 1).

    Raises:
        InvalidInput: two servers of one name, an empty name, or a consistency that its `LagPolicy` or the missing gauge
            cannot keep.
    """

    def __init__(
        self,
        writer: DatabaseServer,
        readers: Iterable[DatabaseServer] = (),
        *,
        gauge: Gauge | None = None,
        consistency: Consistency = ReadYourWrites(),  # noqa: B008 - frozen
        lag: LagPolicy = LagPolicy(),  # noqa: B008 - frozen
        fallback: FallbackPolicy = FallbackPolicy(),  # noqa: B008 - frozen
        lease: EpochLease | None = None,
        region: str | None = None,
        policy: Policy = PowerOfTwoChoices(),  # noqa: B008 - frozen
        outlier: OutlierDetection | None = OUTLIER,
        slow_start: SlowStart | None = SlowStart(),  # noqa: B008 - frozen
        epoch: int = 0,
        name: str = "database",
        clock: Clock = SYSTEM_CLOCK,
        events: EventBus | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if not isinstance(cast("object", name), str) or not name:
            raise InvalidInput("name", name, allowed="a text that is not empty")
        bus = EventBus() if events is None else events
        region = own_region() if region is None else region
        affinity = None if region is None else RegionAffinity(region=region)

        def make_selector(endpoints: Iterable[Endpoint]) -> EndpointSelector:
            return EndpointSelector(
                endpoints,
                policy,
                outlier,
                PanicPolicy(action="fail"),  # an unfit reader is worse than the writer
                affinity=affinity,
                slow_start=slow_start,
                name=f"{name} readers",
                clock=clock,
                events=bus,
                random=random,
            )

        core = self._core = Core(
            name,
            writer,
            readers,
            measured=gauge is not None,
            make_selector=make_selector,
            lag=lag,
            fallback=fallback,
            lease=lease,
            epoch=epoch,
            clock=clock,
            bus=bus,
        )
        self._lease: Final = lease
        self._monitor: Final = None if gauge is None else Monitor(core, gauge, clock=clock, random=random)
        self._chooser: Final = Chooser(core, self.suspect)
        self._chooser.check(consistency)
        self._usual: Final = Ask(consistency)

    @classmethod
    def from_topology(
        cls, topology: Effective | FollowedDatabase, *, region: str | None = None, **more: Unpack[Options]
    ) -> Self:
        """A router of the topology's database, with the roles that its members have now.

        Args:
            topology: A view from `seawall.topology.load`, or a `seawall.watch.TopologyWatch`, which is followed: the live
                document of a failover changes the writer at once, and with a lease its readings are what renews it.
            region: The region to prefer; `None`: that of the environment.
            more: The other arguments of the class; `name` is the service's name when left out.

        Raises:
            InvalidInput: the topology has no database, a lease without a followed topology, or an argument is not allowed.
        """
        view = topology if isinstance(topology, Effective) else topology.current
        writer, readers = servers_of(view)
        more.setdefault("name", view.declared.service)
        if more.get("lease") is not None and isinstance(topology, Effective):
            raise InvalidInput(
                "lease", more.get("lease"), allowed="None, or a TopologyWatch as topology, which renews it"
            )
        router = cls(writer, readers, region=region, epoch=view.epoch, **more)
        if not isinstance(topology, Effective):
            router.follow(topology)
        return router

    def follow(self, topology: FollowedDatabase) -> None:
        """Follow a topology from now on: its servers, its writer, and with a lease its epoch.

        Raises:
            InvalidInput: it has no database, or with a lease: it is read too seldom, or from a region that may fail over.
        """
        if self._lease is not None:
            check_lease(topology, self._lease)

        def sight() -> tuple[int, float] | None:
            began = topology.read_began  # before the view: a reading in between then only makes it look older
            return None if began is None else (topology.current.epoch, began)

        self._core.sight = sight
        follow_weakly(topology, self, ReplicaRouter._told)

    def _told(self, view: Effective) -> None:
        writer, readers = servers_of(view)
        self._core.told(writer, readers, view.epoch)
        if self._monitor is not None:
            self._monitor.follow()
            self._monitor.wake()

    # Running

    def start(self) -> Self:
        """Measure every server once, then from time to time in the background. Idempotent.

        Servers that hang are waited for no longer than the `LagPolicy` lets one measurement take.
        """
        monitor = self._monitor
        if monitor is not None and not monitor.running:
            monitor.start()
            monitor.await_first(self._core.lag.timeout_seconds)
        return self

    def stop(self) -> None:
        """Measure no more; choices go on with what is known, until it is too old. Idempotent."""
        if self._monitor is not None:
            self._monitor.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def measure(self, server: str | None = None) -> None:
        """Measure one server, or all one after another, in the calling thread.

        For tests, and for apps that schedule by themselves instead of calling `start`. Without a gauge nothing happens.

        Raises:
            InvalidInput: there is no such server.
        """
        servers = self._core.standing.servers
        if server is not None and server not in servers:
            raise InvalidInput("server", server, allowed="one of " + ", ".join(servers))
        if self._monitor is not None:
            for each in [servers[server]] if server is not None else list(servers.values()):
                self._monitor.round(each)

    # Choosing

    def unit(self, *, transaction: bool = True, start_on: StartOn | None = None) -> UnitOfWork:
        """A unit of work, for an adapter: one transaction, one session, or statements of which each stands for itself.

        Args:
            transaction: Whether its statements are one transaction; else each is committed by itself.
            start_on: Where it begins when its first statement reads; `None`: as the scope says, else on a reader.
        """
        return UnitOfWork(self._core, self._chooser, self._usual, transaction=transaction, start_on=start_on)

    def pick_reader(self, exclude: Collection[str] = (), *, consistency: Consistency | None = None) -> Route:
        """The server for one read, of this context's scope. May wait for as long as `ReadYourWrites` says.

        Args:
            exclude: Names not to pick: in a retry, those that were tried.
            consistency: What the read is promised; `None`: as the scope or the router says.

        Raises:
            NoReaderAvailable: no server may serve it.
            WriteLost: what the scope has written is not in the database's history.
        """
        return self._chooser.reader(exclude, self._ask(consistency))

    async def apick_reader(self, exclude: Collection[str] = (), *, consistency: Consistency | None = None) -> Route:
        """As `pick_reader`, for async code."""
        return await self._chooser.areader(exclude, self._ask(consistency))

    def _ask(self, consistency: Consistency | None) -> Ask:
        if consistency is None:
            return self._usual
        self._chooser.check(consistency)
        return Ask(consistency, given=True)

    def pick_writer(self) -> Route:
        """The server for a write, if there is one, and this process may write to it.

        Raises:
            NoWriterAvailable: nobody is known to be the writer; `TwoWriters`: several are; `WriterFenced`: the epoch's lease
                has run out.
        """
        return self._chooser.writer()

    # Looking

    @property
    def name(self) -> str:
        """The router's name."""
        return self._core.name

    @property
    def events(self) -> EventBus:
        """Where its events go, and those of the selector of its readers: `router.events.subscribe(...)`."""
        return self._core.bus

    @property
    def servers(self) -> tuple[DatabaseServer, ...]:
        """All of them, the present writer first."""
        return self._core.servers

    @property
    def generation(self) -> int:
        """Grows with each change of the writer."""
        return self._core.standing.generation

    def snapshot(self) -> RouterSnapshot:
        """All servers and the router at one moment. O(n)."""
        return snapshot_of(self._core)

    # What adapters and operators tell it

    def on_retire(self, callback: Retire) -> Retirement:
        """Call `callback` with each server whose connections mean nothing any more: its pool is to be dropped as a whole.

        Called without a lock, from the thread that found out.
        """
        with self._core.lock:
            self._core.retire = (*self._core.retire, callback)
        return Retirement(self._core, callback)

    def suspect(self, server: str | None = None) -> None:
        """Measure that server now, or all of them: a call to it failed in a way that speaks against it. Never blocks."""
        if server is not None:
            self._core.suspect(server)
        if self._monitor is not None:
            self._monitor.wake(server)

    def settle(self, writer: str) -> None:
        """Say who of several servers that take writes is the writer. The others are not written to until they were replicas.

        Raises:
            InvalidInput: there is no such server.
        """
        self._core.settle(writer)

    def position_token(self, row: tuple[object, ...]) -> ConsistencyToken | None:
        """The token of a commit at the present writer, from the row of `POSTGRES_POSITION`; `None`: no cluster is known yet."""
        system_id = self._core.standing.system_id
        return None if system_id < 0 else token_of_position(system_id, row)

    def time_token(self) -> TimeToken:
        """The token of a commit that was made now, for engines whose positions do not compare."""
        return self._chooser.time_token()

    def __repr__(self) -> str:
        return f"<ReplicaRouter {self.name!r} of {len(self._core.standing.servers)}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"ReplicaRouter {self.name!r}")
