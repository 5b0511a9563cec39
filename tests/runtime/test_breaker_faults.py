"""Faults that other breakers were found to have: one test each, named after it, with where it was reported.

Those of half-open are in `test_breaker_faults_half_open.py`, those of shared state in `test_breaker_faults_redis.py`.
"""

import asyncio
import concurrent.futures
import gc
import threading
import time
import weakref

import pytest

from breaker_steps import consecutive, fail, open_by_failures
from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, State
from seawall.errors import UnguardableCallable
from seawall.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


# Counting


@pytest.mark.parametrize("interrupt", [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit, SystemExit])
def test_cancellation_and_interrupts_do_not_count(clock, interrupt):
    """purgatory counts cancellation as a failure: a deploy that cancels all requests then opens every breaker."""
    breaker = consecutive(clock, failures=1)

    @breaker
    def interrupted() -> None:
        raise interrupt

    with pytest.raises(interrupt):
        interrupted()
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().total_failed == 0


def test_a_cancelled_future_does_not_count(clock):
    """concurrent.futures has a CancelledError of its own, and that one is an ordinary Exception."""
    breaker = consecutive(clock, failures=1)
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        breaker.call(future.result)
    assert breaker.state is State.CLOSED


def test_an_ignored_exception_does_not_end_the_streak(clock):
    """pybreaker and others take an ignored exception for a success and forget the failures before it."""
    breaker = consecutive(clock, failures=3, ignore=(KeyError,))

    def ignored() -> None:
        raise KeyError

    for call in (fail, ignored, fail, ignored, fail):
        assert breaker.state is State.CLOSED
        with pytest.raises((ConnectionError, KeyError)):
            breaker.call(call)
    assert breaker.state is State.OPEN


def test_failures_age_out_of_a_time_window(clock):
    """circuitbreaker#70: five failures in a week opened the circuit as five in a second do."""
    config = CircuitBreakerConfig(sliding_window="time", sliding_window_size=60, minimum_calls=5)
    breaker = CircuitBreaker("dependency", config, clock=clock)
    for _ in range(20):
        breaker.acquire().failure()
        clock.advance(61.0)
    assert breaker.state is State.CLOSED
    open_by_failures(breaker)


def test_an_interleaved_error_rate_opens_a_rate_window(clock):
    """Three failures of four calls never make five in a row: a consecutive-failure breaker stays closed for ever."""
    outcomes = ["failure", "failure", "failure", "success"] * 25
    rate = CircuitBreaker("rate", CircuitBreakerConfig(), clock=clock)
    streak = consecutive(clock, failures=5)
    for outcome in outcomes:
        for breaker in (rate, streak):
            permit = breaker.try_acquire()
            if permit is not None:
                getattr(permit, outcome)()
    assert rate.state is State.OPEN
    assert streak.state is State.CLOSED  # which is why "count" is the default


# Callables


def test_an_async_function_under_the_plain_decorator_is_seen_to_fail(clock):
    """pybreaker and purgatory guard only the making of the coroutine, which never fails."""
    breaker = consecutive(clock, failures=1)

    @breaker
    async def call() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(call())
    assert breaker.state is State.OPEN


def test_a_coroutine_from_a_plain_function_is_refused(clock):
    """A lambda around an `async def` cannot be told apart when it is decorated; its first call says so, loudly."""
    breaker = consecutive(clock, failures=1)

    async def call() -> None:
        raise ConnectionError

    guarded = breaker(lambda: call())
    with pytest.raises(UnguardableCallable, match="returned a coroutine"):
        _ = guarded()
    with pytest.raises(UnguardableCallable, match="returned a coroutine"):
        _ = breaker.call(call)
    assert breaker.state is State.CLOSED


def test_a_generator_that_raises_midway_is_seen(clock):
    """interlock-cb and others guard the making of the generator and never see its body fail."""
    breaker = consecutive(clock, failures=1)

    @breaker
    def rows():
        yield 1
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(rows())
    assert breaker.state is State.OPEN
    with pytest.raises(CallNotPermitted):
        list(rows())


def test_an_async_generator_that_raises_midway_is_seen(clock):
    """As above, for `async for`."""
    breaker = consecutive(clock, failures=1)

    @breaker
    async def rows():
        yield 1
        raise ConnectionError

    async def read() -> list[int]:
        return [row async for row in rows()]

    with pytest.raises(ConnectionError):
        asyncio.run(read())
    assert breaker.state is State.OPEN
    with pytest.raises(CallNotPermitted):
        asyncio.run(read())


def test_each_rejection_is_a_new_exception(clock):
    """purgatory raises one exception object again and again, and its traceback grows with every rejection."""
    breaker = consecutive(clock)
    open_by_failures(breaker)
    guarded = breaker(fail)
    rejections = []
    for _ in range(3):
        with pytest.raises(CallNotPermitted) as caught:
            guarded()
        rejections.append(caught.value)
    assert len({id(each) for each in rejections}) == 3
    assert len({depth(each) for each in rejections}) == 1


def depth(error: BaseException) -> int:
    count, traceback = 0, error.__traceback__
    while traceback is not None:
        count, traceback = count + 1, traceback.tb_next
    return count


def test_a_rejection_leaves_no_garbage_cycle(clock):
    """An exception kept in a local variable of its own frame lives until the collector runs: 10,000 a second add up."""
    breaker = consecutive(clock)
    guarded = breaker(fail)
    open_by_failures(breaker)
    gc.disable()
    rejection: weakref.ref[CallNotPermitted] | None = None
    try:
        try:
            guarded()
        except CallNotPermitted as error:
            rejection = weakref.ref(error)
        assert rejection is not None
        assert rejection() is None
    finally:
        gc.enable()


# Time


@pytest.mark.parametrize("step_seconds", [-86_400.0, 86_400.0])
def test_a_step_of_the_wall_clock_changes_nothing(monkeypatch, step_seconds):
    """pybreaker, aiobreaker, purgatory and hyx stay open for as long as the wall clock was set back."""
    breaker = CircuitBreaker(
        "dependency",
        CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1, wait_in_open_seconds=0.05),
    )
    breaker.acquire().failure()
    stepped = time.time() + step_seconds
    monkeypatch.setattr(time, "time", lambda: stepped)
    retry_after = breaker.snapshot().retry_after_seconds
    assert retry_after is not None
    assert 0.0 <= retry_after <= 0.05
    deadline = time.monotonic() + 20
    while breaker.try_acquire() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)  # the system's clock is what is tested here
    assert breaker.state is State.HALF_OPEN


# Locks


def test_no_lock_is_held_during_a_call(clock):
    """pybreaker#55: one slow call, and every other thread waited; here another call runs inside the first."""
    breaker = consecutive(clock)
    answer: list[str] = []

    @breaker
    def outer() -> None:
        thread = threading.Thread(target=lambda: answer.append(inner()))
        thread.start()
        thread.join(20)

    @breaker
    def inner() -> str:
        return "not blocked"

    outer()
    assert answer == ["not blocked"]


def test_one_breaker_serves_several_event_loops(clock):
    """Breakers with an asyncio.Lock are bound to the loop that used them first."""
    breaker = consecutive(clock, failures=2)

    @breaker
    async def call() -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    async def on_one_loop() -> None:
        with pytest.raises(ConnectionError):
            await call()

    threads = [threading.Thread(target=lambda: asyncio.run(on_one_loop())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert breaker.state is State.OPEN
