"""Many threads, many tasks, forks, and what may interrupt a thread at any instruction."""

import asyncio
import concurrent.futures
import contextlib
import gc
import itertools
import os
import random
import signal
import sys
import threading
import time

import pytest
import trio

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, State, _windows
from seawall.testing import FakeClock

ROUNDS = 1000
THREADS = 30
TASKS = 100
PERMITTED = 3


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


def consecutive(clock: FakeClock, **more) -> CircuitBreaker:
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1, **more)
    return CircuitBreaker("dependency", config, clock=clock)


def make_trial_due(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.reset()
    breaker.acquire().failure()
    clock.advance(breaker.config.wait_in_open_seconds)


# The herd


def test_exactly_the_permitted_threads_enter_half_open(clock, switch_often):
    """1,000 rounds of 30 threads at once: three enter, 27 are rejected while the three are still inside.

    Nobody who is rejected waits for anybody: the trials of a round end only after all 27 rejections have been seen.
    """
    breaker = consecutive(clock, permitted_calls_in_half_open=PERMITTED)
    admitted: list[int] = []
    rejected: list[int] = []

    @breaker
    def call(number: int) -> None:
        admitted.append(number)
        decided.wait(60)

    def start_round() -> None:
        assert breaker.state in (State.CLOSED, State.OPEN)
        admitted.clear()
        rejected.clear()
        make_trial_due(breaker, clock)

    start = threading.Barrier(THREADS, action=start_round)
    decided = threading.Barrier(THREADS)

    def attempt(number: int) -> None:
        for _ in range(ROUNDS):
            start.wait(60)
            try:
                call(number)
            except CallNotPermitted:
                rejected.append(number)
                decided.wait(60)
            assert (len(admitted), len(rejected)) == (PERMITTED, THREADS - PERMITTED)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        attempts = [pool.submit(attempt, number) for number in range(THREADS)]
        for each in concurrent.futures.as_completed(attempts, timeout=200):
            if each.exception() is not None:
                start.abort()
                decided.abort()
            each.result()
    assert breaker.state is State.CLOSED


def test_exactly_the_permitted_tasks_enter_half_open(clock):
    """1,000 rounds of 100 asyncio tasks: three enter, 97 are rejected before any of the three has ended."""
    breaker = consecutive(clock, permitted_calls_in_half_open=PERMITTED)

    async def one_round() -> None:
        inside: list[int] = []
        finish = asyncio.Event()

        @breaker
        async def call(number: int) -> None:
            inside.append(number)
            await finish.wait()

        async def attempt(number: int) -> bool:
            await asyncio.sleep(0)
            try:
                await call(number)
            except CallNotPermitted:
                return False
            return True

        tasks = [asyncio.create_task(attempt(number)) for number in range(TASKS)]
        while sum(task.done() for task in tasks) < TASKS - PERMITTED:  # noqa: ASYNC110 - each turn of the loop counts
            await asyncio.sleep(0)
        assert len(inside) == PERMITTED
        finish.set()
        assert sum(await asyncio.gather(*tasks)) == PERMITTED

    async def rounds() -> None:
        for _ in range(ROUNDS):
            make_trial_due(breaker, clock)
            await one_round()
            assert breaker.state is State.CLOSED

    asyncio.run(rounds())


def test_exactly_the_permitted_trio_tasks_enter_half_open(clock):
    """The same breaker object under trio."""
    breaker = consecutive(clock, permitted_calls_in_half_open=PERMITTED)
    outcomes: list[bool] = []

    async def one_round() -> None:
        finish = trio.Event()

        @breaker
        async def call() -> None:
            await finish.wait()

        async def attempt() -> None:
            try:
                await call()
            except CallNotPermitted:
                outcomes.append(False)
                if outcomes.count(False) == TASKS - PERMITTED:
                    finish.set()
            else:
                outcomes.append(True)

        async with trio.open_nursery() as nursery:
            for _ in range(TASKS):
                nursery.start_soon(attempt)

    async def rounds() -> None:
        for _ in range(50):
            outcomes.clear()
            make_trial_due(breaker, clock)
            await one_round()
            assert outcomes.count(True) == PERMITTED
            assert outcomes[-PERMITTED:] == [True] * PERMITTED

    trio.run(rounds)


def test_trials_cancelled_in_a_herd_let_others_in_and_none_too_many(clock):
    """Half of the trials are cancelled, round after round: never more than permitted inside, never wedged."""
    breaker = consecutive(clock, permitted_calls_in_half_open=PERMITTED)
    inside = 0
    most = 0

    @breaker
    async def call(hang: bool) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            await asyncio.sleep(3600 if hang else 0)
        finally:
            inside -= 1

    async def herd() -> None:
        chance = random.Random(4)
        for _ in range(200):
            make_trial_due(breaker, clock)
            while breaker.state is not State.CLOSED:
                tasks = [asyncio.create_task(call(chance.random() < 0.5)) for _ in range(10)]
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(herd(), 60))
    assert most == PERMITTED


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


# Interruptions


def test_a_finalizer_that_calls_a_guarded_function_cannot_deadlock(clock):
    """Garbage is collected at any allocation, also inside the breaker, and finalizers run whatever they like."""
    breaker = consecutive(clock)
    guarded = breaker(lambda: "called")
    outcomes: list[str] = []

    class Finalized:
        def __del__(self) -> None:
            try:
                outcomes.append(guarded())
            except CallNotPermitted:
                outcomes.append("rejected")

    make_trial_due(breaker, clock)
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(300):
            garbage = Finalized()
            garbage.itself = garbage  # type: ignore[attr-defined]
            del garbage
            permit = breaker.try_acquire()
            if permit is not None:
                permit.failure()
            breaker.snapshot()
            clock.advance(30.0)
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert len(outcomes) == 300


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_a_signal_handler_that_calls_a_guarded_function_cannot_deadlock(clock, monkeypatch):
    """A handler runs between two instructions of the main thread, also of those inside the breaker."""
    breaker = consecutive(clock)
    guarded = breaker(lambda: "called")
    handled: list[str] = []

    def handler(*_: object) -> None:
        try:
            handled.append(guarded())
        except CallNotPermitted:
            handled.append("rejected")

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    deadline = time.monotonic() + 20
    try:
        while len(handled) < 200:
            assert time.monotonic() < deadline
            make_trial_due(breaker, clock)
            for _ in range(20):
                permit = breaker.try_acquire()
                if permit is not None:
                    assert breaker.snapshot().trials_under_way <= 1
                    permit.release()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_holds_the_lock_does_not_deadlock_the_child(clock):
    """Pre-forking servers fork when they like; the lock's owner does not exist in the child."""
    breaker = consecutive(clock)
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_the_parents_trials(clock):
    """The frames of the parent's threads are in the child's memory and never end; their permits must not count."""
    breaker = consecutive(clock)
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
