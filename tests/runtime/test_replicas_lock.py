"""Nothing of a user's runs while the router holds its lock."""

import contextlib
import threading

from replica_world import World
from seawall.errors import SeawallError
from seawall.events import Event
from seawall.replicas import DatabaseServer, ReadYourWrites, ReplicaRouter, WriterChanged
from seawall.selector import EndpointEjected, EndpointRestored, OutlierDetection
from seawall.testing import FakeClock


def test_subscribers_and_callbacks_may_ask_the_router_anything() -> None:
    """Each event, the selector's own included, is told without the lock: a subscriber that looks at the router, or changes
    it, neither waits for ever nor sees half of a change."""
    clock, world = FakeClock(1000.0), World(("a", "b", "c", "d", "e"))
    router = ReplicaRouter(
        world.writer,
        world.readers,
        gauge=world,
        consistency=ReadYourWrites(wait_seconds=0.0),
        outlier=OutlierDetection(consecutive_failures=1, ejection_seconds=2.0, jitter_ratio=0.0),
        clock=clock,
    )
    seen: list[type[Event]] = []
    retired: list[str] = []

    def asks(event: Event) -> None:
        seen.append(type(event))
        # Another thread is not helped by a lock that this one may take again.
        other = threading.Thread(target=ask_everything)
        other.start()
        other.join(5.0)
        assert not other.is_alive(), f"{type(event).__name__} was told under a lock"

    def ask_everything() -> None:
        router.snapshot()
        router.suspect("e")
        for choose in (router.pick_reader, router.pick_writer):
            with contextlib.suppress(SeawallError):
                choose().release()

    def retire(server: DatabaseServer) -> None:
        retired.append(server.name)
        ask_everything()
        raise RuntimeError("an adapter that cannot")

    router.events.subscribe(asks)
    router.on_retire(retire)
    router.measure()
    router.pick_reader().failure(ConnectionError())
    clock.advance(2.5)  # the ejection ends at the next look at the selector
    router.measure()
    world.servers["a"].up = False
    world.promote("b")
    for _ in range(3):
        router.measure()
    assert {EndpointEjected, EndpointRestored, WriterChanged} <= set(seen)
    assert retired == ["a"]
    assert router.pick_writer().server.name == "b"


def test_a_lock_that_is_never_given_back_is_noticed_by_the_test_above() -> None:
    """The check itself can fail: under the router's lock the questions do hang."""
    world = World(("a", "b"))
    router = ReplicaRouter(world.writer, world.readers, gauge=world)

    def ask() -> None:
        router.pick_writer()
        router.snapshot()

    with router._core.lock:
        other = threading.Thread(target=ask, daemon=True)
        other.start()
        other.join(0.2)
        assert other.is_alive()
    other.join(5.0)
    assert not other.is_alive()
