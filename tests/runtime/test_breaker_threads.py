"""Many threads at once: no call is lost, and none is let through that should not be."""

import concurrent.futures
import contextlib
import itertools
import random
import sys
import time

import pytest

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State, _windows
from seawall.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["with a global lock", "free-threaded"])
def interpreter(request, monkeypatch):
    """Both ways to count. The second one is what runs on free-threaded builds, and is right on every build."""
    if request.param == "free-threaded":
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    return request.param


@pytest.fixture
def switch_often():
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# Counting under load


@pytest.mark.parametrize("window", ["count", "time", "consecutive"])
def test_no_call_is_lost_between_threads(clock, interpreter, switch_often, window):
    """Eight threads, each call counted once: a lost failure keeps a breaker closed, a lost success opens it."""
    config = CircuitBreakerConfig(
        sliding_window=window, sliding_window_size=1_000_000, minimum_calls=1_000_000, consecutive_failures=1_000_000
    )
    breaker = CircuitBreaker("dependency", config, clock=clock)

    @breaker
    def call(fails: bool) -> None:
        if fails:
            raise ConnectionError

    def work(seed: int) -> int:
        chance = random.Random(seed)
        failed = 0
        for _ in range(1500):
            fails = chance.random() < 0.3
            failed += fails
            with contextlib.suppress(ConnectionError):
                call(fails)
        return failed

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        failed = sum(pool.map(work, range(8)))
    snapshot = breaker.snapshot()
    assert snapshot.total_failed == failed
    assert snapshot.total_succeeded == 8 * 1500 - failed
    if window != "consecutive":
        assert (snapshot.calls, snapshot.failures) == (8 * 1500, failed)


def test_threads_that_open_and_close_it_leave_it_whole(interpreter, switch_often):
    """Everything at once for a while: never more trials than permitted, totals that add up, and no deadlock."""
    config = CircuitBreakerConfig(
        minimum_calls=2, sliding_window_size=10, wait_in_open_seconds=0.0005, permitted_calls_in_half_open=2
    )
    breaker = CircuitBreaker("dependency", config)
    stop = time.monotonic() + 0.7
    calls = [0] * 6

    def work(number: int) -> tuple[int, int]:
        chance = random.Random(number)
        admitted = rejected = 0
        while time.monotonic() < stop:
            permit = breaker.try_acquire()
            if permit is None:
                rejected += 1
                continue
            admitted += 1
            outcome = chance.choice([permit.success, permit.success, permit.failure, permit.release])
            outcome()
            if chance.random() < 0.02:
                chance.choice([breaker.reset, breaker.force_open, breaker.disable, breaker.metrics_only])()
                breaker.reset()
            snapshot = breaker.snapshot()
            assert snapshot.trials_under_way <= 2
            if snapshot.state is State.HALF_OPEN:
                assert snapshot.trials_under_way + snapshot.calls <= 2
        return admitted, rejected

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(work, range(len(calls)), timeout=60))
    admitted, rejected = (sum(each) for each in zip(*results, strict=True))
    snapshot = breaker.snapshot()
    assert snapshot.total_rejected == rejected
    assert 0 < snapshot.total_succeeded + snapshot.total_failed <= admitted


def test_free_threaded_interpreters_get_a_counter_with_a_lock(monkeypatch):
    """`itertools.count` is not atomic there (CPython 3.13t); what the interpreter says when the window is made decides."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    locked = _windows.new_counter()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    fast = _windows.new_counter()
    monkeypatch.delattr(sys, "_is_gil_enabled")
    oldest = _windows.new_counter()
    kinds = [type(getattr(tick, "__self__")) for tick in (locked, fast, oldest)]  # noqa: B009 - not every callable has it
    assert kinds == [_windows._LockedCount, itertools.count, itertools.count]
    for tick in (locked, fast, oldest):
        assert [tick(), tick(), tick()] == [0, 1, 2]
        assert _windows.read_counter(tick) == 3
