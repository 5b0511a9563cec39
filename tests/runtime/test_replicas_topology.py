"""A router that follows the topology: members, roles, and the epoch's lease."""

from typing import Any

import pytest

from replica_world import World
from seawall.errors import InvalidInput, NoWriterAvailable, TopologyUnavailable, WriterFenced
from seawall.replicas import DatabaseServer, EpochLease, LagPolicy, ReadYourWrites, ReplicaRouter
from seawall.testing import FakeClock
from seawall.topology import Texts, dump, merge
from seawall.watch import TopologyWatch
from seawall.worker import Worker
from topology_documents import failed_over, shop

NAMES = ("eu-west-1", "eu-central-1", "us-east-1")
PATIENT = LagPolicy(verdict_ttl_seconds=1000.0, max_lag_seconds=1000.0)


class Store:
    """A source whose next answer is set by the test."""

    def __init__(self) -> None:
        self.answer: Any = Texts(dump(shop()))

    def read(self) -> Texts:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def watch(store: Store, clock: FakeClock) -> TopologyWatch:
    """Read by the tests themselves."""
    return TopologyWatch(store, worker=Worker(clock=clock), clock=clock, interval_seconds=10, jitter_ratio=0.0)


@pytest.fixture
def world() -> World:
    return World(NAMES)


def router_of(topology: Any, world: World, clock: FakeClock, **more: Any) -> ReplicaRouter:
    router = ReplicaRouter.from_topology(
        topology, gauge=world, consistency=ReadYourWrites(wait_seconds=0.0), lag=PATIENT, clock=clock, **more
    )
    router.measure()
    return router


def test_members_become_servers_with_their_addresses_and_regions(world: World, clock: FakeClock) -> None:
    """The app says nothing of hosts: what was declared is what is used, and the nearest reader is used first."""
    router = router_of(merge(shop()), world, clock, region="us-east-1")
    assert router.servers == tuple(DatabaseServer(name, f"db.{name}.example.com:5432", name) for name in NAMES)
    assert (router.name, router.pick_writer().server.name) == ("shop", "eu-west-1")
    assert {router.pick_reader().server.name for _ in range(50)} == {"us-east-1"}


def test_the_region_is_that_of_the_environment_when_none_is_given(
    world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere: the same variable, read by the same function."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert {router_of(merge(shop()), world, clock).pick_reader().server.name for _ in range(50)} == {"eu-central-1"}


def test_a_live_document_changes_the_writer_while_running(
    world: World, clock: FakeClock, store: Store, watch: TopologyWatch
) -> None:
    """A failover by operations: the router writes to the promoted member as soon as both have happened."""
    router = router_of(watch, world, clock)
    world.servers["eu-west-1"].up = False
    store.answer = Texts(dump(shop()), dump(failed_over()))
    watch.refresh()
    with pytest.raises(NoWriterAvailable):
        router.pick_writer()
    world.promote("eu-central-1")
    router.measure()
    assert (router.pick_writer().server.name, router.snapshot().epoch) == ("eu-central-1", 4)


def test_a_router_that_is_gone_is_not_kept_by_the_watch(
    world: World, clock: FakeClock, store: Store, watch: TopologyWatch
) -> None:
    """The watch may outlive many routers."""
    router_of(watch, world, clock)
    store.answer = Texts(dump(shop()), dump(failed_over()))
    assert watch.refresh()


def test_the_watchs_readings_renew_the_lease_and_failed_ones_do_not(
    world: World, clock: FakeClock, store: Store, watch: TopologyWatch
) -> None:
    """Self-fencing: without sight of the epoch writing ends before anybody may rely on its having ended."""
    router = router_of(watch, world, clock, lease=EpochLease(ttl_seconds=30, margin_seconds=3))
    for _ in range(10):
        clock.advance(20.0)
        watch.refresh()
        assert router.pick_writer().server.name == "eu-west-1"
    store.answer = TopologyUnavailable("ssm", "down")
    clock.advance(20.0)
    watch.refresh()
    assert router.pick_writer().server.name == "eu-west-1"
    clock.advance(7.1)
    with pytest.raises(WriterFenced):
        router.pick_writer()
    assert router.snapshot().lease_seconds == 0.0
    store.answer = Texts(dump(shop()), dump(failed_over()))
    watch.refresh()
    world.promote("eu-central-1")
    router.measure()
    assert router.pick_writer().server.name == "eu-central-1"


def test_a_reading_that_took_long_renews_from_its_beginning(
    world: World, clock: FakeClock, store: Store, watch: TopologyWatch
) -> None:
    """What the document says was true when the reading began, and perhaps no longer when it ended."""
    router = router_of(watch, world, clock, lease=EpochLease(ttl_seconds=30, margin_seconds=3))
    read = store.read

    def slowly() -> Texts:
        clock.advance(25.0)
        return read()

    store.read = slowly
    watch.refresh()
    clock.advance(1.9)
    router.pick_writer()
    clock.advance(0.2)
    with pytest.raises(WriterFenced):
        router.pick_writer()


def test_a_view_of_unknown_age_is_no_lease(world: World, clock: FakeClock, store: Store) -> None:
    """`initial` was read by somebody, some time ago: nothing is written until the watch has read by itself."""
    watch = TopologyWatch(
        store, worker=Worker(clock=clock), initial=merge(shop()), clock=clock, interval_seconds=10, jitter_ratio=0.0
    )
    router = router_of(watch, world, clock, lease=EpochLease())
    with pytest.raises(WriterFenced, match="no epoch was seen yet"):
        router.pick_writer()
    watch.refresh()
    assert router.pick_writer().server.name == "eu-west-1"


def test_what_cannot_be_followed_is_refused_in_one_line(world: World, clock: FakeClock, watch: TopologyWatch) -> None:
    """A lease that nobody renews, one that is renewed too seldom, and a topology without a database."""
    with pytest.raises(InvalidInput, match="None, or a TopologyWatch as topology, which renews it"):
        router_of(merge(shop()), world, clock, lease=EpochLease())
    with pytest.raises(InvalidInput) as seldom:
        router_of(watch, world, clock, lease=EpochLease(ttl_seconds=12, margin_seconds=2))
    assert str(seldom.value) == (
        "topology.interval_seconds = 10: below 10, because one reading allows to write for ttl_seconds - margin_seconds = 10"
    )
    with pytest.raises(InvalidInput, match=r"topology\.database = None: a database, for a router of its members"):
        router_of(merge(shop(database=None)), world, clock)
