"""Each place where leases are kept: its writes are conditional, its fences never go back, and contenders never meet in it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubernetes_api import KubernetesApi
from lease_places import (
    Place,
    dynamodb_client,
    in_dynamodb,
    in_kubernetes,
    in_memory,
    in_postgres,
    in_sqlite,
)
from lease_world import NAME, Bearer
from local_moto import moto_server
from localcloud.postgres_fleet import PostgresFleet
from seawall.errors import FenceOutrun
from seawall_ops.lease import FREE, Arbitrated, Lease, LeaseRecord

pytestmark = pytest.mark.xdist_group("leases")
ROUNDS = 1000
QUICK_ROUNDS = 200  # of a real store; all of them in the soak tier
RACERS = 8


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def servers() -> Iterator[PostgresFleet]:
    """One server, which nothing here harms."""
    with PostgresFleet(replicas=0) as fleet:
        yield fleet


@pytest.fixture(params=["memory", "sqlite", "dynamodb", "postgres", "kubernetes"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Every place in turn, empty."""
    match request.param:
        case "memory":
            yield in_memory()
        case "sqlite":
            yield in_sqlite(tmp_path / "leases.sqlite")
        case "dynamodb":
            client = dynamodb_client(request.getfixturevalue("moto"))
            yield in_dynamodb(client)
            client.close()
        case "postgres":
            yield in_postgres(request.getfixturevalue("servers"))
        case _:
            with KubernetesApi() as api:
                there = in_kubernetes(api)
                yield there
                there.close()


def record(write: str, holder: str = "a", fence: int = 1, ttl_seconds: float = 0.1) -> LeaseRecord:
    return LeaseRecord(holder=holder, fence=fence, ttl_seconds=ttl_seconds, write=write)


@pytest.mark.parametrize("rounds", [QUICK_ROUNDS, pytest.param(ROUNDS, marks=pytest.mark.soak)])
def test_contenders_never_meet_in_it(place, rounds):
    """The same rounds as in memory, over the real conditional writes. See test_lease_model.py for what must be true."""
    world = place.world(7, fault_ratio=0.3)
    for _ in range(rounds):
        world.round()
    assert len(world.fences) > rounds / 50
    assert world.written == sorted(world.written)
    world.settle()


def test_what_is_written_is_read(place):
    """All fields, to the last digit of the time to live."""
    assert place.store.read(NAME) is None
    place.store.create(NAME, record("w1", holder=FREE, fence=5))
    made = place.store.read(NAME)
    assert made is not None
    assert (made.record.holder, made.record.write, made.record.ttl_seconds) == (FREE, "w1", 0.1)
    assert made.record.fence >= 5
    wanted = record("w2", holder="o'brien@host/1-ab", fence=made.record.fence + 1)
    written = place.store.replace(NAME, wanted, made)
    assert written is not None
    assert written.record == wanted
    assert place.store.read(NAME) == written


def test_a_write_over_an_older_version_is_refused(place):
    """The condition is what all else stands on."""
    place.store.create(NAME, record("w1"))
    first = place.store.read(NAME)
    second = place.store.replace(NAME, record("w2", fence=10**12), first)
    assert place.store.replace(NAME, record("w3"), first) is None
    assert place.store.read(NAME) == second


def test_a_record_is_made_only_where_there_is_none(place):
    """Making it twice would free a lease that is held."""
    place.store.create(NAME, record("w1"))
    place.store.create(NAME, record("w2", holder="b"))
    assert place.store.read(NAME).record.write == "w1"


def test_a_write_over_a_record_that_was_deleted_makes_none(place):
    """Else a late renewal would bring back a lease that somebody else has by now."""
    place.store.create(NAME, record("w1"))
    seen = place.store.read(NAME)
    place.delete(NAME)
    assert place.store.replace(NAME, record("w2"), seen) is None
    assert place.store.read(NAME) is None
    place.store.create(NAME, record("w1"))  # the same content is another version
    if place.store.read(NAME).version != seen.version:
        assert place.store.replace(NAME, record("w2"), seen) is None


def test_fences_go_on_after_the_record_was_deleted_and_made_anew(place):
    """A process that knows nothing of the record that was there still gets a greater number."""
    fences = []
    for _ in range(3):
        lease = Lease(place.store, NAME, holder="a", arbitrates=Arbitrated())
        lease.create()
        with lease.acquire(wait_seconds=0.0, renew=False) as held:
            fences.append(held.fence)
        place.delete(NAME)
    assert fences == sorted(set(fences))


def test_of_many_that_write_over_one_version_one_succeeds(place):
    """At the same time, over connections of their own."""
    place.store.create(NAME, record("w0"))
    seen = place.store.read(NAME)
    won: list[str] = []
    start = threading.Barrier(RACERS)

    def race(number: int) -> None:
        start.wait(10)
        if place.store.replace(NAME, record(f"by {number}"), seen) is not None:
            won.append(f"by {number}")

    racers = [threading.Thread(target=race, args=(number,)) for number in range(RACERS)]
    for each in racers:
        each.start()
    for each in racers:
        each.join(30)
    assert len(won) == 1
    assert place.store.read(NAME).record.write == won[0]


def test_a_state_refuses_a_lower_fence_in_one_line(place):
    """A holder that was paused for a minute writes too late."""
    assert place.state.read("shop.prod") is None
    place.state.put("shop.prod", '{"epoch": 1}', Bearer(3))
    place.state.put("shop.prod", '{"epoch": 2}', Bearer(3))
    with pytest.raises(FenceOutrun) as caught:
        place.state.put("shop.prod", "late", Bearer(2))
    assert "refuses fence 2: fence 3 has been there; somebody else has taken over, stop" in str(caught.value)
    assert "\n" not in str(caught.value)
    found = place.state.read("shop.prod")
    assert (found.text, found.fence) == ('{"epoch": 2}', 3)


def test_who_claims_a_state_reads_it_and_keeps_earlier_holders_out(place):
    """Between taking over and the first write nothing of the old holder may arrive any more."""
    assert place.state.claim("shop.prod", Bearer(1)).text is None
    place.state.put("shop.prod", "old", Bearer(1))
    claimed = place.state.claim("shop.prod", Bearer(2))
    assert (claimed.text, claimed.fence) == ("old", 2)
    for refused in (
        lambda: place.state.put("shop.prod", "late", Bearer(1)),
        lambda: place.state.claim("shop.prod", Bearer(1)),
    ):
        with pytest.raises(FenceOutrun):
            refused()
    assert place.state.read("shop.prod") == claimed
