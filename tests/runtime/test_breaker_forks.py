"""Forks: the child has the parent's state, and neither its threads nor its trials."""

import os
import signal
import threading

import pytest

from breaker_steps import consecutive, make_trial_due
from seawall.breaker import State
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
    held, let_go = threading.Event(), threading.Event()
    core = breaker._core

    def hold() -> None:
        with core._lock:
            held.set()
            let_go.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    assert in_child(lambda: breaker.acquire().failure() is None and breaker.state is State.OPEN)
    let_go.set()
    thread.join()
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
