"""One breaker per name, and not more of them than were allowed."""

import gc
import pickle
import threading

import pytest

from seawall.breaker import CircuitBreakerConfig, CircuitBreakerRegistry, State
from seawall.errors import CannotPickle, ConflictingConfig, InvalidInput, RegistryFull
from seawall.testing import FakeClock, events_of


def test_the_same_name_is_the_same_breaker():
    """From every thread, also when all ask at once for a name that is new."""
    registry = CircuitBreakerRegistry()
    found: list[object] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait(20)
        found.append(registry.get("api.example.com"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_conflicting_config_is_refused_with_what_differs():
    """Two modules that disagree about one dependency: the second one would silently get the first one's numbers."""
    registry = CircuitBreakerRegistry()
    registry.get("payments", CircuitBreakerConfig(minimum_calls=20))
    registry.get("payments", CircuitBreakerConfig(minimum_calls=20))
    registry.get("payments")
    with pytest.raises(ConflictingConfig, match=r"another config: minimum_calls = 5 \(has 20\)"):
        registry.get("payments", CircuitBreakerConfig(minimum_calls=5))


def test_the_default_and_the_clock_are_for_all():
    """A registry is made once, with what its breakers share."""
    clock = FakeClock(5.0)
    default = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1)
    registry = CircuitBreakerRegistry(default, clock=clock)
    with events_of(registry.events) as events:
        registry.get("a").acquire().failure()
    assert registry.get("a").config is default
    assert {event.source for event in events} == {"a"}
    assert {event.at_seconds for event in events} == {5.0}


def test_the_closed_one_that_was_asked_for_longest_ago_makes_room():
    """Names that come from outside must not fill the memory."""
    registry = CircuitBreakerRegistry(max_breakers=3)
    for name in ("a", "b", "c"):
        registry.get(name)
    registry.get("a")
    registry.get("d")
    assert [breaker.name for breaker in registry] == ["c", "a", "d"]
    assert len(registry) == 3
    assert "b" not in registry


def test_an_open_breaker_is_never_forgotten():
    """Or a flood of new names would close every circuit."""
    registry = CircuitBreakerRegistry(max_breakers=2)
    registry.get("down").force_open()
    for number in range(10):
        registry.get(f"up-{number}")
    assert registry.get("down").state is State.FORCED_OPEN
    registry.get("up-9").force_open()
    with pytest.raises(RegistryFull, match="no room for breaker new: max_breakers = 2"):
        registry.get("new")
    assert "new" not in registry


def test_a_breaker_that_somebody_holds_is_found_again_after_it_made_room():
    """Two breakers of one name would each see half of the failures."""
    registry = CircuitBreakerRegistry(max_breakers=1)
    held = registry.get("held")
    guarded = registry.get("used")(lambda: None)  # a guarded function holds its breaker, too
    registry.get("other")
    gc.collect()
    assert registry.get("held") is held
    used = registry.get("used")
    guarded()
    assert used.snapshot().total_succeeded == 1
    used.force_open()
    assert registry.get("held") is held  # although there is no room for it


def test_making_room_calls_no_subscriber():
    """It happens under the registry's lock; a subscriber that asks the registry from another thread would hang."""
    clock = FakeClock()
    config = CircuitBreakerConfig(minimum_calls=1, max_wait_in_half_open_seconds=5.0, after_half_open_wait="closed")
    registry = CircuitBreakerRegistry(config, max_breakers=1, clock=clock)
    breaker = registry.get("down")
    breaker.acquire().failure()
    clock.advance(60.0)
    trial = breaker.try_acquire()
    clock.advance(5.0)  # its half-open is over, which nobody has noticed yet
    with events_of(registry.events) as events, pytest.raises(RegistryFull):
        registry.get("new")
    assert events == []
    assert breaker.state is State.CLOSED
    assert trial is not None
    registry.get("new")


def test_limits_and_copies_are_refused():
    """As for the breakers themselves."""
    with pytest.raises(InvalidInput, match="max_breakers = 0: at least 1"):
        CircuitBreakerRegistry(max_breakers=0)
    with pytest.raises(CannotPickle):
        pickle.dumps(CircuitBreakerRegistry())
