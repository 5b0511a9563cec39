"""Faults that other breakers were found to have in half-open: one test each, named after it, with where it was reported."""

import asyncio
import concurrent.futures
import threading

import pytest
import trio
import trio.testing

from breaker_steps import consecutive, half_open, open_by_failures
from seawall.breaker import CallNotPermitted, State
from seawall.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


def test_no_extra_call_passes_at_the_transition_to_half_open(clock):
    """resilience4j#1432: the call that makes the transition is itself a trial and takes a permit."""
    breaker = consecutive(clock, permitted_calls_in_half_open=2)
    half_open(breaker, clock)
    permits = [breaker.try_acquire() for _ in range(10)]
    assert sum(permit is not None for permit in permits) == 2


def test_one_permit_is_one_call_under_load(clock):
    """resilience4j#1090: with one permit, one of 30 threads gets through, however they are timed."""
    breaker = consecutive(clock, wait_in_open_seconds=10.0)
    half_open(breaker, clock)
    together = threading.Barrier(30)
    inside: list[int] = []

    @breaker
    def call(number: int) -> None:
        inside.append(number)
        finish.wait(20)

    def attempt(number: int) -> bool:
        together.wait(20)
        try:
            call(number)
        except CallNotPermitted:
            return False
        return True

    finish = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        attempts = [pool.submit(attempt, number) for number in range(30)]
        ended = concurrent.futures.as_completed(attempts, timeout=20)
        assert [next(ended).result() for _ in range(29)] == [False] * 29  # although the trial is still under way
        assert len(inside) == 1
        finish.set()
        assert next(ended).result()
    assert breaker.state is State.CLOSED


def test_an_ignored_exception_in_a_trial_gives_the_permit_back(clock):
    """resilience4j#544, #903: an ignored exception kept the permit, and the breaker stayed half-open for ever."""
    breaker = consecutive(clock, ignore=(KeyError,))
    half_open(breaker, clock)

    @breaker
    def ignored() -> None:
        raise KeyError("no such order")

    for _ in range(5):
        with pytest.raises(KeyError):
            ignored()
        assert breaker.state is State.HALF_OPEN
    assert breaker.call(lambda: "back") == "back"
    assert breaker.state is State.CLOSED


def test_asking_whether_it_is_open_takes_no_permit(clock):
    """resilience4j#858: dashboards and health checks that ask must not use up the trials."""
    breaker = consecutive(clock)
    half_open(breaker, clock)
    for _ in range(100):
        assert breaker.state is State.OPEN
        assert breaker.snapshot().retry_after_seconds == 0.0
    trial = breaker.try_acquire()
    assert trial is not None
    for _ in range(100):
        assert breaker.state is State.HALF_OPEN
        assert breaker.snapshot().trials_under_way == 1
    trial.success()
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_an_overhanging_call_does_not_decide_the_trial(clock, outcome):
    """Polly#217: a call from before the opening that returns during the trial decides nothing."""
    breaker = consecutive(clock)
    overhanging = breaker.acquire()
    half_open(breaker, clock)
    trial = breaker.acquire()
    getattr(overhanging, outcome)()
    assert breaker.state is State.HALF_OPEN
    assert breaker.try_acquire() is None
    trial.success()
    assert breaker.state is State.CLOSED


def test_a_late_success_from_before_opening_does_not_close_the_circuit(clock):
    """circuitbreaker: a call admitted while closed that returns after the opening closed the circuit again."""
    breaker = consecutive(clock)
    overhanging = breaker.acquire()
    open_by_failures(breaker)
    overhanging.success()
    assert breaker.state is State.OPEN


def test_a_trial_of_an_earlier_half_open_admits_nobody_in_the_next(clock):
    """nopanic: without fencing by generation a stale trial gave a place free that was not its own."""
    breaker = consecutive(clock)
    half_open(breaker, clock)
    stale = breaker.acquire()
    breaker.reset()
    half_open(breaker, clock)
    trial = breaker.acquire()
    for end in (stale.success, stale.failure, stale.release):
        end()
        assert breaker.try_acquire() is None
        assert breaker.state is State.HALF_OPEN
    trial.success()
    assert breaker.state is State.CLOSED


def test_a_cancelled_trial_neither_wedges_nor_closes_it(clock):
    """Hystrix#1621 wedged for ever; circuitbreaker closed the circuit: cancellation is neither."""
    breaker = consecutive(clock)
    half_open(breaker, clock)

    @breaker
    async def hang() -> None:
        await asyncio.sleep(3600)

    async def cancel_one() -> None:
        trial = asyncio.create_task(hang())
        await asyncio.sleep(0)
        assert breaker.snapshot().trials_under_way == 1
        trial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trial

    for _ in range(3):
        asyncio.run(cancel_one())
        assert breaker.state is State.HALF_OPEN
        assert breaker.snapshot().trials_under_way == 0
    assert breaker.try_acquire() is not None


def test_a_trial_that_hangs_does_not_keep_it_half_open(clock):
    """interlock-cb has no longest time in half-open: one call without a time-out, and the circuit never closes."""
    breaker = consecutive(clock, max_wait_in_half_open_seconds=5.0)
    half_open(breaker, clock)
    hanging = breaker.acquire()
    clock.advance(5.0)
    assert breaker.state is State.OPEN
    clock.advance(breaker.config.wait_in_open_seconds)
    trial = breaker.acquire()
    hanging.failure()
    assert breaker.state is State.HALF_OPEN
    trial.success()
    assert breaker.state is State.CLOSED


def test_a_trial_cancelled_by_trio_gives_the_permit_back(clock):
    """Trio's cancellation is no asyncio.CancelledError; it is neutral all the same, on the same breaker object."""
    breaker = consecutive(clock)
    half_open(breaker, clock)

    @breaker
    async def hang() -> None:
        await trio.sleep_forever()

    async def cancel_one() -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hang)
                await trio.testing.wait_all_tasks_blocked()
                assert breaker.snapshot().trials_under_way == 1
                scope.cancel()

    trio.run(cancel_one)
    assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().trials_under_way == 0


def test_a_herd_is_rejected_at_once_and_not_blocked(clock):
    """pybreaker: while one trial ran, the other threads waited for its lock until it had ended."""
    breaker = consecutive(clock)
    half_open(breaker, clock)
    trial = breaker.acquire()
    rejected = threading.Event()

    def attempt() -> None:
        with pytest.raises(CallNotPermitted):
            breaker.acquire()
        rejected.set()

    thread = threading.Thread(target=attempt)
    thread.start()
    assert rejected.wait(20)
    thread.join()
    trial.success()
