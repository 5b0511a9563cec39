"""The selector as its users see it."""

import random as random_module
from collections.abc import Callable, Collection, Iterable
from typing import Final, NoReturn, Self, TypedDict, Unpack, cast, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput, NoEndpointAvailable
from seawall.events import EventBus
from seawall.selector._attempt import Attempt, CountedAttempt, TimedAttempt
from seawall.selector._core import STEPS, Core
from seawall.selector._events import EndpointsChanged
from seawall.selector._member import Member
from seawall.selector._model import (
    ActivePassive,
    Endpoint,
    EndpointSnapshot,
    EndpointState,
    FailbackPolicy,
    OutlierDetection,
    PanicPolicy,
    Policy,
    PowerOfTwoChoices,
    RegionAffinity,
    SelectorSnapshot,
    SlowStart,
    WeightedRoundRobin,
    check_weight,
)
from seawall.selector._topology import FollowedTopology, endpoints_of, follow_weakly
from seawall.selector._update import update
from seawall.topology import Effective
from seawall.topology._sources import own_region

__all__ = ["Attempt", "EndpointSelector"]


class Options(TypedDict, total=False):
    """The arguments of `EndpointSelector` that `from_topology` passes on."""

    outlier: OutlierDetection | None
    panic: PanicPolicy | None
    failback: FailbackPolicy | None
    affinity: RegionAffinity | None
    slow_start: SlowStart | None
    name: str
    clock: Clock
    events: EventBus | None
    random: Callable[[], float]


@final
class EndpointSelector:
    """Chooses the endpoint of each call, by what calls and probes have shown.

    One object serves threads and event loops, all at once; it does no I/O and holds no lock during a call. Costs of a
    pick: constant for `ActivePassive` and `PowerOfTwoChoices`, O(log n) for `WeightedRoundRobin`; of any change of an
    endpoint: at most O(log n).

    ```python
    selector = EndpointSelector([Endpoint("a", "https://a.example"), Endpoint("b", "https://b.example")])
    with selector.pick() as attempt:
        call(attempt.endpoint.url)
    ```

    Args:
        endpoints: Names must differ. May be none: then `pick` raises until some are added.
        policy: How to choose.
        outlier: Which endpoints are taken out because their calls fail; `None`: none is.
        panic: What to do when too few are available.
        failback: When `ActivePassive` goes back.
        affinity: The region to prefer; `None`: no region.
        slow_start: How an endpoint comes back into use; `None`: at once.
        name: Shown in errors, events and metrics.
        clock: Monotonic time.
        events: The bus that its events go to; one of its own when left out.
        random: Random numbers in [0, 1) for draws and jitter.

    Raises:
        InvalidInput: two endpoints of one name, or an empty name.
    """

    __slots__ = ("__weakref__", "_core", "_counted")

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        policy: Policy | None = None,
        outlier: OutlierDetection | None = OutlierDetection(),  # noqa: B008 - frozen
        panic: PanicPolicy | None = None,
        failback: FailbackPolicy | None = None,
        *,
        affinity: RegionAffinity | None = None,
        slow_start: SlowStart | None = None,
        name: str = "endpoints",
        clock: Clock = SYSTEM_CLOCK,
        events: EventBus | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if not isinstance(cast("object", name), str) or not name:
            raise InvalidInput("name", name, allowed="a text that is not empty")
        policy = ActivePassive() if policy is None else policy
        if not isinstance(cast("object", policy), ActivePassive | WeightedRoundRobin | PowerOfTwoChoices):
            raise InvalidInput("policy", policy, allowed="ActivePassive, WeightedRoundRobin or PowerOfTwoChoices")
        core = self._core = Core(
            name,
            policy=policy,
            outlier=outlier,
            panic=PanicPolicy() if panic is None else panic,
            failback=FailbackPolicy() if failback is None else failback,
            affinity=affinity,
            slow_start=slow_start,
            clock=clock,
            events=events,
            random=random,
        )
        self._counted: Final = isinstance(policy, PowerOfTwoChoices)
        now = core.now()
        for each in endpoints:
            core.add(each, now, at_start=True)
        core.settle_start()

    @classmethod
    def from_topology(
        cls,
        topology: Effective | FollowedTopology,
        policy: Policy | None = None,
        *,
        region: str | None = None,
        readers: bool = False,
        **more: Unpack["Options"],
    ) -> Self:
        """A selector of the service's endpoints, with the roles that they have now.

        Args:
            topology: A view from `seawall.topology.load`, or a `seawall.watch.TopologyWatch`, which is followed: a failover
                that operations declare live changes who is preferred at once, where that endpoint is available.
            policy: How to choose; `ActivePassive` when left out.
            region: The region to prefer (`RegionAffinity`); `None`: `AWS_REGION` or `AWS_DEFAULT_REGION` of the
                environment, where one of them is set.
            readers: Whether regions that only read are among the endpoints, as standbys: for reads, never for writes.
            more: The other arguments of the class; `name` is the service's name when left out.

        Raises:
            InvalidInput: an argument is not allowed.
        """
        view = topology if isinstance(topology, Effective) else topology.current
        region = own_region() if region is None else region
        if region is not None:
            more.setdefault("affinity", RegionAffinity(region=region))
        more.setdefault("name", view.declared.service)
        selector = cls(endpoints_of(view, readers=readers), policy, **more)
        if not isinstance(topology, Effective):
            follow_weakly(topology, selector, lambda mine, now: mine.update(endpoints_of(now, readers=readers)))
        return selector

    def pick(self, exclude: Collection[str] = (), *, prefer: str | None = None) -> Attempt:
        """The endpoint for one call. Never waits.

        Args:
            exclude: Names not to pick: in a retry, those that were tried.
            prefer: A name to pick, whatever the policy, while that endpoint is available, has a weight and is not excluded:
                for sessions that had better stay where they were.

        Raises:
            NoEndpointAvailable: there is none to pick.
        """
        core = self._core
        with core.lock:
            if core.busy:  # a finalizer or a signal handler, inside of this very thread's bookkeeping
                member = core.last
                if member is None or member.endpoint.name in exclude:
                    raise NoEndpointAvailable(core.name, "it is being asked from inside of itself")
                return Attempt(core, member, member.epoch)
            core.busy = True
            try:
                if core.lost:
                    core.count_lost()
                if core.timers and core.timers[0][0] <= core.now():
                    core.catch_up()
                quick = core.standing.quick
                member = core.members.get(prefer) if prefer is not None else None
                if member is None or not member.available or not member.endpoint.weight or prefer in exclude:
                    member = core.standing.pick(exclude) if exclude or quick is None else quick()
                core.last = member
                if member is not None:
                    member.picks += 1
                    if not self._counted:
                        attempt = Attempt(core, member, member.epoch)
                    else:
                        member.outstanding += 1
                        if core.decay is None:
                            attempt = CountedAttempt(core, member, member.epoch)
                        else:
                            attempt = TimedAttempt(core, member, member.epoch, core.now())
                else:
                    attempt = None
            finally:
                core.busy = False
        if core.news or core.later:
            core.tell()
        if attempt is None:
            raise NoEndpointAvailable(core.name, self._why(exclude))
        return attempt

    def _why(self, exclude: Collection[str]) -> str:
        standing = self._core.standing
        if not standing.total:
            return "none has a weight above 0" if self._core.members else "it has no endpoints"
        if standing.panicking and standing.panic.action == "fail":
            return (
                f'{standing.available} of {standing.total} are available, and PanicPolicy(action="fail") refuses then'
            )
        return f"{standing.available} of {standing.total} are available, and excluded are {', '.join(sorted(exclude))}"

    # Endpoints

    def add(self, endpoint: Endpoint) -> None:
        """Use one more endpoint.

        Raises:
            InvalidInput: there is one of that name.
        """

        def change(now: float) -> None:
            self._core.add(endpoint, now)
            self._changed(now, added=(endpoint.name,))

        self._core.do(change)

    def remove(self, name: str) -> None:
        """Use that endpoint no more. Calls under way go on; how they end is ignored.

        Raises:
            InvalidInput: there is none of that name.
        """

        def change(now: float) -> None:
            self._core.remove(name, now)
            self._changed(now, removed=(name,))

        self._core.do(change)

    def set_weight(self, name: str, weight: int) -> None:
        """Give an endpoint another weight; with 0 it gets no calls.

        Raises:
            InvalidInput: there is none of that name, or the weight is outside 0 to 65,535.
        """
        check_weight(weight)

        def change(now: float) -> None:
            old = self._core.member(name).endpoint
            if old.weight != weight:
                new = Endpoint(old.name, old.url, old.region, old.role, weight, old.health_url)
                self._core.change(new, now)
                self._changed(now, changed=(name,))

        self._core.do(change)

    def update(self, endpoints: Iterable[Endpoint]) -> None:
        """Use exactly these. Those that stay keep what is known about them, unless their URL is another.

        Raises:
            InvalidInput: two of one name.
        """
        wanted = tuple(endpoints)
        seen: set[str] = set()
        for each in wanted:
            if each.name in seen:
                raise InvalidInput("endpoints", each.name, allowed="names that differ")
            seen.add(each.name)
        self._core.do(lambda now: update(self._core, wanted, now))

    def _changed(
        self, now: float, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = (), changed: tuple[str, ...] = ()
    ) -> None:
        self._core.enqueue(
            EndpointsChanged(source=self.name, at_seconds=now, added=added, removed=removed, changed=changed)
        )

    def probed(self, name: str, *, passed: bool, healthy: bool) -> None:
        """Take note of a probe; `HealthProber` calls this.

        Args:
            name: The endpoint. An unknown one is ignored: it may have been taken away meanwhile.
            passed: How this probe ended.
            healthy: The verdict after it, which may need several probes in a row to change.
        """
        self._core.do(lambda now: self._core.probed(name, now, passed=passed, healthy=healthy))

    # Looking

    @property
    def name(self) -> str:
        """The selector's name."""
        return self._core.name

    @property
    def events(self) -> EventBus:
        """Where its events go: `selector.events.subscribe(...)`."""
        return self._core.bus

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints, in order."""
        with self._core.lock:
            return tuple(each.endpoint for each in self._core.members.values())

    @property
    def active(self) -> Endpoint | None:
        """The endpoint in use by `ActivePassive`; `None` with other policies, or when none has a weight."""
        self._core.refresh()
        failover = self._core.failover
        return failover.active.endpoint if failover is not None and failover.active is not None else None

    def snapshot(self) -> SelectorSnapshot:
        """All endpoints and the selector at one moment. O(n)."""
        core = self._core
        core.refresh()
        with core.lock:
            now = core.now()
            failover = core.failover
            return SelectorSnapshot(
                name=core.name,
                active=failover.active.endpoint.name if failover and failover.active else None,
                panicking=core.standing.panicking,
                switches=failover.switches if failover else 0,
                endpoints=tuple(_snapshot(each, now, core) for each in core.members.values()),
            )

    def __repr__(self) -> str:
        return f"<EndpointSelector {self.name!r} of {len(self._core.members)}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"EndpointSelector {self.name!r}")


def _snapshot(member: Member, now: float, core: Core) -> EndpointSnapshot:
    return EndpointSnapshot(
        endpoint=member.endpoint,
        state=_state(member),
        share_ratio=1.0 if core.slow_start is None else member.share / STEPS,
        outstanding=member.outstanding,
        failures_in_a_row=member.streak,
        ejections=member.ejections,
        ejected_for_seconds=max(0.0, member.ejected_until - now) if member.ejection is not None else 0.0,
        total_picks=member.picks,
        total_failed=member.total_failed,
        total_ejections=member.total_ejections,
    )


def _state(member: Member) -> EndpointState:
    if not member.endpoint.weight:
        return EndpointState.DRAINED
    if not member.healthy:
        return EndpointState.UNHEALTHY
    if member.ejection is not None:
        return EndpointState.EJECTED
    if member.failed:
        return EndpointState.FAILED
    return EndpointState.AVAILABLE if member.proven else EndpointState.RECOVERING
