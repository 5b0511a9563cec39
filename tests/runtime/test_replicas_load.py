"""Sixteen workers that write and read while servers die: nothing stale, nothing silently lost, and no read fails in vain.

Each scenario runs shortly in `make test`, and for half a minute in `make soak`.
"""

import time
from collections.abc import Iterator

import pytest

from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import MONITOR
from replica_load import ORDERS_A_PHASE, Account, Load, reported_lost
from replica_shop import Shop, numbers_at
from seawall.replicas import FallbackPolicy, ReadYourWrites

pytestmark = pytest.mark.xdist_group("postgres")

# Promised is a second from when a replica is told to take over to the first write there. In `make test` three workers share
# two cores with all of this, so there it only has to be soon.
FOLLOWED_SECONDS = {"short": 10.0, "soak": 1.0}
SAMPLE = 200  # orders that are looked for once more at the end
SECONDS = {"short": 1.2, "soak": 30.0}
FORMS = ["short", pytest.param("soak", marks=pytest.mark.soak)]


def shop_on(fleet: PostgresFleet) -> Shop:
    pool = {"max_size": 20, "reader_wait_seconds": 5.0}
    return Shop(
        fleet,
        consistency=ReadYourWrites(wait_seconds=1.0),
        gauge_user=MONITOR,
        networks=False,
        pool=pool,
        fallback=FallbackPolicy(
            max_share_ratio=1.0, max_concurrent=None
        ),  # how much the writer takes is not asked here
    )


def fork_of(promoted: PostgresServer) -> tuple[int, int]:
    """Where the timeline of a promoted server began, and which it is."""
    return int(promoted.sql("SELECT pg_last_wal_replay_lsn() - '0/0'")), promoted.timeline()


def check(account: Account) -> None:
    """What holds in every scenario."""
    assert not account.broken, account.broken[0]
    assert not account.stale
    assert len(account.reads) > len(account.acknowledged) > 2 * ORDERS_A_PHASE


@pytest.fixture
def synchronous_fleet() -> Iterator[PostgresFleet]:
    with PostgresFleet(replicas=2, synchronous_commit="on") as fleet:
        yield fleet


@pytest.mark.parametrize("form", FORMS)
def test_killing_a_replica_under_load_fails_no_read(postgres_fleet: PostgresFleet, form: str) -> None:
    """Its open connections break in the middle of reads, and new ones are refused; each such read is answered elsewhere."""
    seconds = SECONDS[form]
    with shop_on(postgres_fleet) as shop:
        with Load(shop) as account:
            account.go_on_for(seconds / 3)
            shop.others[0].kill()
            account.go_on_for(seconds / 3)
            shop.others[0].start()
            account.go_on_for(seconds / 3)
        check(account)
        assert not account.failed_reads
        assert not account.doubtful
        assert not account.refused
        assert account.numbers == numbers_at(shop.first)


@pytest.mark.parametrize("form", FORMS)
def test_killing_and_promoting_under_load_loses_nothing_when_replication_is_synchronous(
    synchronous_fleet: PostgresFleet, form: str
) -> None:
    """No stale read, each acknowledged order at the new writer, and the router there within a second."""
    fleet, seconds = synchronous_fleet, SECONDS[form]
    with shop_on(fleet) as shop:
        with Load(shop) as account:
            account.go_on_for(seconds / 3)
            shop.first.kill()
            new = fleet.furthest()
            asked = time.monotonic()
            fleet.promote(new)
            followed = account.await_order_after(asked)
            account.go_on_for(seconds / 3)
        check(account)
        assert followed < FOLLOWED_SECONDS[form]
        there = numbers_at(new)
        assert account.numbers <= there
        # A token stands for all that anybody had written by then: right at the fork, one that is there may be said to be lost.
        fork, timeline = fork_of(new)
        at_the_fork = {order.number for order in account.acknowledged if order.is_beyond(fork, timeline)}
        assert set(account.lost) <= at_the_fork
        assert there - account.numbers <= set(account.doubtful)


@pytest.mark.parametrize("form", FORMS)
def test_each_commit_that_an_asynchronous_promotion_lost_is_reported(postgres_fleet: PostgresFleet, form: str) -> None:
    """The replicas are cut off, orders go on being acknowledged, and then one of the replicas takes over."""
    fleet, seconds = postgres_fleet, SECONDS[form]
    with shop_on(fleet) as shop:
        with Load(shop) as account:
            account.go_on_for(seconds / 3)
            fleet.isolate(shop.first)
            account.go_on_for(min(seconds / 6, 1.0))
            shop.first.kill()
            new = fleet.furthest()
            asked = time.monotonic()
            new.promote()
            next(server for server in shop.others if server is not new).follow(new)
            followed = account.await_order_after(asked)
            account.go_on_for(seconds / 3)
        check(account)
        assert followed < FOLLOWED_SECONDS[form]
        there = numbers_at(new)
        lost = [order for order in account.acknowledged if order.number not in there]
        assert lost
        assert all(reported_lost(shop, order) for order in lost)
        # A replica that was not reached for a moment and has lost its source may name an earlier timeline than it was in: then
        # it is not known what was lost, and WriteLost says that. What it says for certain is so.
        fork, timeline = fork_of(new)
        said = set(account.certainly_lost)
        kept = [
            order for order in account.acknowledged if order.number in there and not order.is_beyond(fork, timeline)
        ]
        assert not [order for order in kept if order.number in said]
        reports = [reported_lost(shop, order) for order in kept[:SAMPLE] + kept[-SAMPLE:]]
        assert not any(report.certain for report in reports if report is not None)
