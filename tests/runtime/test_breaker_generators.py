"""Guarded generators and async generators: one call from the first step to the end."""

import contextlib
import gc
import weakref

import pytest

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, State
from seawall.testing import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock) -> CircuitBreaker:
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=2, slow_call_seconds=5.0)
    return CircuitBreaker("dependency", config, clock=clock)


def test_a_generator_passes_all_three_ways_through(breaker):
    """What is sent, thrown and returned arrives as if nothing were around it."""

    @breaker
    def talk():
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"
        return "returned"

    talking = talk()
    assert next(talking) == "first"
    assert talking.send("sent") == "sent"
    assert talking.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(talking)
    assert stop.value.value == "returned"
    assert breaker.snapshot().total_succeeded == 1


async def test_an_async_generator_passes_all_three_ways_through(breaker):
    """The same for async generators."""

    @breaker
    async def talk():
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    talking = talk()
    assert await anext(talking) == "first"
    assert await talking.asend("sent") == "sent"
    assert await talking.athrow(KeyError()) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(talking)
    assert breaker.snapshot().total_succeeded == 1


def test_a_generator_that_is_closed_early_is_neutral_and_cleans_up(breaker, clock):
    """`break` in a loop says nothing about the dependency; in half-open it gives the trial's place back."""
    cleaned: list[str] = []

    @breaker
    def rows():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append("up")

    breaker.acquire().failure()
    breaker.acquire().failure()
    clock.advance(60.0)
    for _ in rows():
        assert breaker.snapshot().trials_under_way == 1
        break
    assert cleaned == ["up"]
    assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().trials_under_way == 0
    assert list(rows()) == [1, 2]
    assert breaker.state is State.CLOSED


async def test_an_async_generator_that_is_closed_early_is_neutral_and_cleans_up(breaker, clock):
    """The same, with `aclosing`, as asynchronous generators want it."""
    cleaned: list[str] = []

    @breaker
    async def rows():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append("up")

    breaker.acquire().failure()
    breaker.acquire().failure()
    clock.advance(60.0)
    async with contextlib.aclosing(rows()) as open_rows:
        async for _ in open_rows:
            break
    assert cleaned == ["up"]
    assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().trials_under_way == 0


def test_a_generator_is_as_slow_as_itself_not_as_its_consumer(breaker, clock):
    """A consumer that thinks for a minute between two rows does not make the database slow."""

    @breaker
    def rows(seconds: float):
        for row in range(3):
            clock.advance(seconds)
            yield row

    for _ in rows(0.1):
        clock.advance(60.0)
    assert breaker.snapshot().total_slow == 0
    for _ in rows(2.0):
        pass
    assert breaker.snapshot().total_slow == 1


async def test_an_async_generator_is_as_slow_as_itself_not_as_its_consumer(breaker, clock):
    """The same for `async for`."""

    @breaker
    async def rows(seconds: float):
        for row in range(3):
            clock.advance(seconds)
            yield row

    async for _ in rows(0.1):
        clock.advance(60.0)
    assert breaker.snapshot().total_slow == 0
    async for _ in rows(2.0):
        pass
    assert breaker.snapshot().total_slow == 1


def test_a_generator_is_admitted_when_it_starts(breaker):
    """Made before the opening and started after it, it is rejected: its body has not touched the dependency yet."""

    @breaker
    def rows():
        yield 1

    made = rows()
    breaker.force_open()
    with pytest.raises(CallNotPermitted):
        next(made)


def test_what_a_block_raises_is_judged(breaker):
    """Below `@contextmanager` the block's exception is thrown into the generator, and out of it again."""

    @contextlib.contextmanager
    @breaker
    def connection():
        yield "connection"

    with pytest.raises(ConnectionError), connection():
        raise ConnectionError
    assert breaker.snapshot().total_failed == 1


def test_what_is_thrown_into_a_generator_leaves_no_garbage_cycle(breaker):
    """A guard that keeps it for its next step keeps its own frame alive, which the exception's traceback holds."""

    @breaker
    def rows():
        yield 1

    class Lost(ConnectionError):
        """One that can be referred to weakly."""

    error = Lost()
    kept = weakref.WeakSet([error])
    reading = rows()
    next(reading)
    gc.disable()
    try:
        with contextlib.suppress(ConnectionError):
            reading.throw(error)
        del error
        assert len(kept) == 0
    finally:
        gc.enable()


def test_the_return_value_of_a_generator_is_judged(clock):
    """It is the only result that a generator has."""
    config = CircuitBreakerConfig(minimum_calls=1, record_result=lambda result: result is None)
    breaker = CircuitBreaker("dependency", config, clock=clock)

    @breaker
    def rows(result: object):
        yield 1
        return result

    list(rows("complete"))
    assert breaker.state is State.CLOSED
    list(rows(None))
    assert breaker.state is State.OPEN


async def test_an_async_generator_has_no_result_to_judge(clock, caplog):
    """A predicate that is made for responses must be handed no `None` when the last row has been read."""
    config = CircuitBreakerConfig(minimum_calls=1, record_result=lambda response: response.status >= 500)
    breaker = CircuitBreaker("dependency", config, clock=clock)

    @breaker
    async def rows():
        yield 1

    assert [row async for row in rows()] == [1]
    assert breaker.snapshot().total_succeeded == 1
    assert not caplog.records
