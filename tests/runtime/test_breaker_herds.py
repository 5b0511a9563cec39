"""Half-open under a herd: exactly the permitted number enters, the others are rejected at once."""

import asyncio
import concurrent.futures
import random
import sys
import threading

import pytest
import trio

from breaker_steps import consecutive, make_trial_due
from seawall.breaker import CallNotPermitted, State
from seawall.testing import FakeClock

ROUNDS = [100, pytest.param(1000, marks=pytest.mark.soak)]
THREADS = 30
TASKS = 100
PERMITTED = 3


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def switch_often():
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_exactly_the_permitted_threads_enter_half_open(clock, switch_often, rounds):
    """30 threads at once, round after round: three enter, 27 are rejected while the three are still inside.

    Nobody who is rejected waits for anybody: the trials of a round end only after all 27 rejections have been seen.
    """
    breaker = consecutive(clock, failures=1, permitted_calls_in_half_open=PERMITTED)
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
        for _ in range(rounds):
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


@pytest.mark.parametrize("rounds", ROUNDS)
def test_exactly_the_permitted_tasks_enter_half_open(clock, rounds):
    """100 asyncio tasks at once, round after round: three enter, 97 are rejected before any of the three has ended."""
    breaker = consecutive(clock, failures=1, permitted_calls_in_half_open=PERMITTED)

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

    async def all_rounds() -> None:
        for _ in range(rounds):
            make_trial_due(breaker, clock)
            await one_round()
            assert breaker.state is State.CLOSED

    asyncio.run(all_rounds())


def test_exactly_the_permitted_trio_tasks_enter_half_open(clock):
    """The same breaker object under trio."""
    breaker = consecutive(clock, failures=1, permitted_calls_in_half_open=PERMITTED)
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
    breaker = consecutive(clock, failures=1, permitted_calls_in_half_open=PERMITTED)
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
