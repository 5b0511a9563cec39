"""Forks: the child has the parent's state, and neither its threads nor its trials."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from breaker_steps import consecutive, make_trial_due
from seawall._forks import renew_after_fork
from seawall.breaker import CircuitBreakerRegistry, State
from seawall.events import Event, EventBus, _subscribing
from seawall.testing import FakeClock

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning"),
]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_fork_while_another_thread_holds_the_lock_does_not_deadlock_the_child(clock):
    """Pre-forking servers fork when they like; the lock's owner does not exist in the child."""
    breaker = consecutive(clock, failures=1)
    with held_by_another_thread(breaker._core._lock):
        assert in_child(lambda: breaker.acquire().failure() is None and breaker.state is State.OPEN)
    assert breaker.state is State.CLOSED  # the child's outcomes are the child's


def test_a_child_does_not_wait_for_the_parents_trials(clock):
    """The frames of the parent's threads are in the child's memory and never end; their permits must not count."""
    breaker = consecutive(clock, failures=1)
    make_trial_due(breaker, clock)
    parents = breaker.acquire()

    def child() -> bool:
        own = breaker.try_acquire()
        assert own is not None
        parents.success()
        assert breaker.state is State.HALF_OPEN
        own.success()
        return breaker.state is State.CLOSED

    assert in_child(child)
    assert breaker.state is State.HALF_OPEN
    assert breaker.try_acquire() is None


def test_counters_with_locks_are_free_in_the_child(clock, monkeypatch):
    """Free-threaded builds count under locks, and a thread of the parent may hold one of them for good."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    breaker = consecutive(clock)
    first: Any = breaker._core.window
    breaker.force_open()
    breaker.metrics_only()
    second: Any = breaker._core.window
    rejections: Any = breaker._core.refused
    counters = [tick.__self__ for tick in (first.tick, second.tick, rejections)]
    for counter in counters:
        counter._lock.acquire()
    guarded = breaker(lambda: "called")
    assert in_child(lambda: guarded() == "called" and breaker.snapshot().total_succeeded == 1)
    for counter in counters:
        counter._lock.release()


def test_a_registry_whose_lock_was_held_answers_in_the_child():
    """Or the first request of each worker process hangs, now and then, after a deploy."""
    registry = CircuitBreakerRegistry()
    known = registry.get("known")
    with held_by_another_thread(registry._lock):
        assert in_child(lambda: registry.get("known") is known and registry.get("new") is not known)


def test_events_are_delivered_in_the_child():
    """Although a thread of the parent was just delivering one, and another one subscribing."""
    bus, seen = EventBus(), []
    bus.subscribe(seen.append)
    event = Event(source="test", at_seconds=0.0)

    def child() -> bool:
        bus.publish(event)
        with bus.subscribe(seen.append):
            bus.publish(event)
        return seen == [event] * 3

    with held_by_another_thread(bus._delivering), held_by_another_thread(_subscribing.lock):
        assert in_child(child)


def test_a_subscriber_that_forks_leaves_its_bus_whole():
    """The child returns out of a delivery that its parent began, under a lock that is not the bus's any more."""
    bus, seen = EventBus(), []
    event = Event(source="test", at_seconds=0.0)

    def fork(_: Event) -> None:
        seen.append(os.fork())

    with bus.subscribe(fork):
        try:
            bus.publish(event)
        finally:
            if seen == [0]:
                os._exit(0 if sys.exception() is None else 1)
    _, status = os.waitpid(seen[0], 0)
    assert status == 0


def test_threads_start_in_the_child_after_all_locks_are_new():
    """Whatever the order in which the modules were imported: a thread that starts first hangs at a dead lock."""
    order: list[str] = []

    class Noted:
        def __init__(self, name: str, *, starts_thread: bool) -> None:
            self.name = name
            renew_after_fork(self, starts_thread=starts_thread)

        def after_fork(self) -> None:
            order.append(self.name)

    kept = [Noted("thread", starts_thread=True), Noted("lock", starts_thread=False)]
    assert in_child(lambda: order == ["lock", "thread"])
    assert len(kept) == 2
    assert order == []


@contextlib.contextmanager
def held_by_another_thread(lock: Any) -> Iterator[None]:
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            let_go.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield
    let_go.set()
    thread.join()


def in_child(check) -> bool:
    """Whether `check` is true in a forked child that ends in time."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)  # a deadlocked child ends by this signal
            code = 0 if check() else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0
