"""The live document that counts: in a region outside of what may fail over, so that an isolated region stops writing."""

import logging
from typing import Any

import pytest

from replica_world import World
from seawall.contract import declared_parameter, live_parameter
from seawall.errors import InvalidInput, TopologyUnavailable, WriterFenced
from seawall.replicas import EpochLease, LagPolicy, ReadYourWrites, ReplicaRouter
from seawall.testing import FakeClock
from seawall.topology import LiveFromSsm, SsmSource, Texts, TextSource, default_source, dump, load
from seawall.watch import TopologyWatch
from seawall.worker import Worker
from topology_documents import failed_over, shop

DECLARED, LIVE = declared_parameter("shop", "prod"), live_parameter("shop", "prod")
OLD, NEW, ARBITER = "eu-west-1", "eu-central-1", "eu-north-1"
LEASE = EpochLease(ttl_seconds=30.0, margin_seconds=3.0)
GOOD_SECONDS = LEASE.ttl_seconds - LEASE.margin_seconds
INTERVAL_SECONDS = 10.0
VARIABLES = {
    "SEAWALL_SERVICE": "shop",
    "SEAWALL_ENVIRONMENT": "prod",
    "AWS_REGION": OLD,
    "SEAWALL_LIVE_REGION": ARBITER,
}


class Ssm:
    """SSM of all regions, as an app in one of them reaches it."""

    def __init__(self) -> None:
        self.parameters = {OLD: {DECLARED: dump(shop())}, NEW: {DECLARED: dump(shop())}, ARBITER: dict[str, str]()}
        self.unreachable = set[str]()
        self.requests: list[tuple[str, tuple[str, ...]]] = []

    def client(self, region: str) -> Any:
        class Client:
            @staticmethod
            def get_parameters(*, Names: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's own spelling
                self.requests.append((region, tuple(Names)))
                if region in self.unreachable:
                    raise ConnectionError("no route")
                known = self.parameters[region]
                return {"Parameters": [{"Name": name, "Value": known[name]} for name in Names if name in known]}

        return Client()


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Ssm:
    found = Ssm()
    monkeypatch.setattr("seawall.topology._ssm._new_client", found.client)
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


def watch_of(source: Any, clock: FakeClock) -> TopologyWatch:
    """Read by the tests themselves."""
    return TopologyWatch(
        source, worker=Worker(clock=clock), clock=clock, interval_seconds=INTERVAL_SECONDS, jitter_ratio=0.0
    )


def router_of(watch: TopologyWatch, clock: FakeClock, world: World, lease: EpochLease | None = LEASE) -> ReplicaRouter:
    patient = LagPolicy(verdict_ttl_seconds=1000.0, max_lag_seconds=1000.0)
    router = ReplicaRouter.from_topology(
        watch, gauge=world, consistency=ReadYourWrites(wait_seconds=0.0), lag=patient, clock=clock, lease=lease
    )
    router.measure()
    return router


@pytest.fixture
def world() -> World:
    return World((OLD, NEW, "us-east-1"))


def test_the_declared_document_comes_from_here_and_the_live_one_from_the_arbiter(ssm: Ssm) -> None:
    """A copy in the own region, however new it says that it is, is not asked while the arbiter answers."""
    ssm.parameters[ARBITER] = {LIVE: dump(failed_over())}
    assert load(default_source(VARIABLES)).primary.region == NEW
    assert [region for region, _ in ssm.requests] == [OLD, ARBITER]


def test_a_mounted_topology_reads_the_arbiters_live_document(ssm: Ssm) -> None:
    """What the pods of a release are given."""
    ssm.parameters[ARBITER] = {LIVE: dump(failed_over())}
    source = default_source({**VARIABLES, "SEAWALL_TOPOLOGY": dump(shop()), "SEAWALL_LIVE_SOURCE": "ssm"})
    assert load(source).primary.region == NEW
    assert [region for region, _ in ssm.requests] == [ARBITER]


def test_the_arbiters_own_apps_read_it_in_one_request(ssm: Ssm) -> None:
    """An observer may run there; its own region is the arbiter then."""
    source = default_source({**VARIABLES, "AWS_REGION": ARBITER})
    assert isinstance(source, SsmSource)
    assert source.live_region == ARBITER


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"SEAWALL_TOPOLOGY": "{}"},
            "SEAWALL_LIVE_REGION = eu-north-1: only where the live document is in SSM: with SEAWALL_LIVE_SOURCE = ssm",
        ),
        (
            {"SEAWALL_TOPOLOGY_PATH": "/topology", "SEAWALL_LIVE_PATH": "/live.json"},
            "SEAWALL_LIVE_REGION = eu-north-1: only where the live document is in SSM: with SEAWALL_LIVE_SOURCE = ssm",
        ),
        ({"SEAWALL_LIVE_REGION": "north"}, "SEAWALL_LIVE_REGION = north: an AWS region, e.g. eu-west-1"),
    ],
)
def test_a_region_that_nothing_is_read_from_is_refused(variables: dict[str, str], line: str) -> None:
    """Ignored, it would look like self-fencing and be none."""
    with pytest.raises(InvalidInput) as caught:
        default_source({**VARIABLES, **variables})
    assert str(caught.value) == line


def test_an_isolated_region_stops_writing_although_its_own_ssm_answers(
    ssm: Ssm, clock: FakeClock, world: World
) -> None:
    """The partition that self-fencing is for: the old region reaches its database and its own SSM, and nothing else.

    Elsewhere the next epoch is announced at the arbiter. Whoever waits `ttl_seconds` from then knows that nobody writes.
    """
    watch = watch_of(default_source(VARIABLES), clock)
    router = router_of(watch, clock, world)
    for _ in range(5):
        clock.advance(INTERVAL_SECONDS)
        watch.refresh()
        assert router.pick_writer().server.name == OLD

    last_seen = clock.monotonic()  # the latest sight of the arbiter before the partition
    ssm.unreachable = {ARBITER, NEW}
    ssm.parameters[ARBITER] = {LIVE: dump(failed_over())}
    announced = clock.monotonic()
    ssm.requests.clear()
    stopped: float | None = None
    while clock.monotonic() < announced + 10 * LEASE.ttl_seconds:
        clock.advance(1.0)
        assert watch.refresh()  # a reading of the copy: epoch 3, as before
        try:
            router.pick_writer()
            assert stopped is None, "once fenced, a copy let it write again"
        except WriterFenced:
            stopped = stopped or clock.monotonic()
    assert (OLD, (DECLARED, LIVE)) in ssm.requests
    assert stopped is not None
    assert stopped - last_seen <= GOOD_SECONDS + 1.0
    assert stopped < announced + LEASE.ttl_seconds
    assert watch.current.epoch == 3  # it never heard
    assert router.pick_reader().server.name in world.servers  # and reads go on

    ssm.unreachable.clear()
    world.promote(NEW)
    watch.refresh()
    router.measure()
    assert (router.pick_writer().server.name, router.snapshot().epoch) == (NEW, 4)


def test_while_the_arbiter_is_down_roles_follow_the_copy_and_the_lease_does_not(
    ssm: Ssm, clock: FakeClock, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Its region's outage must not keep apps from starting, nor from following; it must never renew a lease either."""
    ssm.unreachable = {ARBITER}
    with caplog.at_level(logging.WARNING, "seawall.watch"):
        watch = watch_of(default_source(VARIABLES), clock)
        watch.refresh()
    doubt = f"topology from ssm {ARBITER} {DECLARED} cannot be read: ConnectionError: no route"
    assert [each.getMessage() for each in caplog.records] == [
        f"topology: roles are those of a copy, which renews no lease: {doubt}"
    ]
    assert (watch.snapshot().doubt, watch.snapshot().failures, watch.read_began) == (doubt, 0, None)
    fenced, plain = router_of(watch, clock, world), router_of(watch, clock, world, lease=None)
    assert plain.pick_writer().server.name == OLD
    with pytest.raises(WriterFenced, match="no epoch was seen yet"):
        fenced.pick_writer()

    ssm.parameters[OLD][LIVE] = dump(failed_over())
    world.promote(NEW)
    watch.refresh()
    plain.measure()
    fenced.measure()
    assert plain.pick_writer().server.name == NEW
    with pytest.raises(WriterFenced):
        fenced.pick_writer()

    ssm.unreachable.clear()
    ssm.parameters[ARBITER] = {LIVE: dump(failed_over())}
    watch.refresh()
    assert watch.snapshot().doubt is None
    assert fenced.pick_writer().server.name == NEW


def test_a_copy_that_is_ahead_of_the_last_sight_adds_nothing_to_it(ssm: Ssm, clock: FakeClock, world: World) -> None:
    """A newer epoch from a copy must not be taken for a newer sight of the arbiter."""
    watch = watch_of(default_source(VARIABLES), clock)
    router = router_of(watch, clock, world)
    began = watch.read_began
    ssm.unreachable = {ARBITER}
    ssm.parameters[OLD][LIVE] = dump(failed_over())
    world.promote(NEW)
    clock.advance(GOOD_SECONDS - 1.0)
    watch.refresh()
    router.measure()
    assert (watch.current.epoch, watch.read_began) == (4, began)
    assert router.pick_writer().server.name == NEW
    clock.advance(1.1)
    watch.refresh()
    with pytest.raises(WriterFenced):
        router.pick_writer()


def test_an_arbiter_that_is_behind_renews_nothing(ssm: Ssm, clock: FakeClock, world: World) -> None:
    """A restored table or parameter would otherwise give a lease for an epoch that is over."""
    ssm.parameters[ARBITER] = {LIVE: dump(failed_over())}
    world.promote(NEW)
    watch = watch_of(default_source(VARIABLES), clock)
    router = router_of(watch, clock, world)
    ssm.parameters[ARBITER] = {}
    clock.advance(GOOD_SECONDS + 0.1)
    assert watch.refresh() is False
    with pytest.raises(WriterFenced):
        router.pick_writer()


def test_without_a_copy_an_arbiter_that_is_down_is_said(ssm: Ssm) -> None:
    """Whoever builds the source decides; the default has a copy."""
    ssm.unreachable = {ARBITER}
    with pytest.raises(TopologyUnavailable, match="no route"):
        load(LiveFromSsm(TextSource(dump(shop())), SsmSource("shop", "prod", region=ARBITER)))


def test_a_lease_from_a_region_that_may_fail_over_is_refused(ssm: Ssm, clock: FakeClock, world: World) -> None:
    """The silent trap: the variables of before, and a lease that never runs out where it has to."""
    watch = watch_of(default_source({**VARIABLES, "SEAWALL_LIVE_REGION": ""}), clock)
    assert watch.live_region == OLD
    with pytest.raises(InvalidInput) as caught:
        router_of(watch, clock, world)
    assert str(caught.value) == (
        "topology.live_region = eu-west-1: by SEAWALL_LIVE_REGION a region other than eu-west-1, eu-central-1, us-east-1, or "
        "trust_own_regions, because a region that is cut off from the others would renew the lease by its own old document "
        "for ever"
    )
    trusting = EpochLease(ttl_seconds=30.0, margin_seconds=3.0, trust_own_regions=True)
    assert router_of(watch, clock, world, lease=trusting).pick_writer().server.name == OLD
    assert router_of(watch, clock, world, lease=None).pick_writer().server.name == OLD


def test_a_source_of_ones_own_may_renew_a_lease(clock: FakeClock, world: World) -> None:
    """Nobody knows where it reads from; it is its author's to know."""

    class Own:
        def read(self) -> Texts:
            return Texts(dump(shop()))

    watch = watch_of(Own(), clock)
    assert watch.live_region is None
    assert router_of(watch, clock, world).pick_writer().server.name == OLD
