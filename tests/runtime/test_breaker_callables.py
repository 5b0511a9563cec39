"""Every shape of callable is guarded or refused when it is decorated; none is left silently unguarded."""

import asyncio
import contextlib
import functools
import inspect
import types
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, cast

import pytest

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, State
from seawall.errors import UnguardableCallable
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


class Client:
    """Methods of each kind; each takes its failure as an argument."""

    def method(self, error: Exception | None = None) -> str:
        return answer(error)

    @classmethod
    def of_class(cls, error: Exception | None = None) -> str:
        assert cls is Client
        return answer(error)

    def __call__(self, error: Exception | None = None) -> str:
        return answer(error)


class AsyncClient:
    async def __call__(self, error: Exception | None = None) -> str:
        return answer(error)


def answer(error: Exception | None = None) -> str:
    if error is not None:
        raise error
    return "answer"


async def answer_async(error: Exception | None = None) -> str:
    return answer(error)


@types.coroutine
def answer_by_generator(error: Exception | None = None) -> Generator[None, None, str]:
    yield from ()
    return answer(error)


def guarded_methods(breaker: CircuitBreaker):
    class Guarded:
        @breaker
        def method(self, error: Exception | None = None) -> str:
            assert isinstance(self, Guarded)
            return answer(error)

        @classmethod
        @breaker
        def class_below(cls, error: Exception | None = None) -> str:
            assert cls is Guarded
            return answer(error)

        @breaker
        @classmethod
        def class_above(cls, error: Exception | None = None) -> str:
            assert cls is Guarded
            return answer(error)

        @breaker
        @staticmethod
        def static(error: Exception | None = None) -> str:
            return answer(error)

    return Guarded


SYNC = {
    "function": lambda breaker: breaker(answer),
    "lambda": lambda breaker: breaker(lambda error=None: answer(error)),
    "partial": lambda breaker: breaker(functools.partial(answer)),
    "callable object": lambda breaker: breaker(Client()),
    "partial of a callable object": lambda breaker: breaker(functools.partial(Client())),
    "bound method": lambda breaker: breaker(Client().method),
    "bound class method": lambda breaker: breaker(Client.of_class),
    "method": lambda breaker: guarded_methods(breaker)().method,
    "class method, decorated below": lambda breaker: guarded_methods(breaker).class_below,
    "class method, decorated above": lambda breaker: guarded_methods(breaker)().class_above,
    "static method": lambda breaker: guarded_methods(breaker).static,
    "call": lambda breaker: functools.partial(breaker.call, answer),
}
ASYNC = {
    "coroutine function": lambda breaker: breaker(answer_async),
    "generator made a coroutine": lambda breaker: breaker(answer_by_generator),
    "partial": lambda breaker: breaker(functools.partial(answer_async)),
    "callable object": lambda breaker: breaker(AsyncClient()),
    "partial of a callable object": lambda breaker: breaker(functools.partial(AsyncClient())),
    "acall": lambda breaker: functools.partial(breaker.acall, answer_async),
}


@pytest.mark.parametrize("shape", SYNC)
def test_a_plain_callable_is_guarded(breaker, shape):
    """Two failures open it, a success between them starts anew, and then it rejects."""
    call = SYNC[shape](breaker)
    for error in (ConnectionError("1"), None, ConnectionError("2"), ConnectionError("3")):
        assert breaker.state is State.CLOSED
        if error is None:
            assert call() == "answer"
        else:
            with pytest.raises(ConnectionError) as caught:
                call(error)
            assert caught.value is error
    with pytest.raises(CallNotPermitted):
        call()


@pytest.mark.parametrize("shape", ASYNC)
async def test_an_async_callable_is_guarded(breaker, clock, shape):
    """The same, awaited; and through half-open back to closed."""
    call = ASYNC[shape](breaker)
    for error in (ConnectionError("1"), None, ConnectionError("2"), ConnectionError("3")):
        assert breaker.state is State.CLOSED
        if error is None:
            assert await call() == "answer"
        else:
            with pytest.raises(ConnectionError) as caught:
                await call(error)
            assert caught.value is error
    with pytest.raises(CallNotPermitted):
        await call()
    clock.advance(60.0)
    assert await call() == "answer"
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("order", ["disable", "metrics_only"])
async def test_an_order_to_let_through_holds_for_every_shape(breaker, order):
    """Disabled means that not even the guard is in the way."""
    getattr(breaker, order)()
    assert breaker(answer)() == "answer"
    assert await breaker(answer_async)() == "answer"
    assert breaker.call(answer) == "answer"
    assert await breaker.acall(answer_async) == "answer"
    assert list(breaker(lambda: "ab")()) == ["a", "b"]


# Wrappers


def test_a_guarded_function_looks_like_the_function(breaker):
    """Name, documentation, signature and kind: frameworks look at all four."""

    async def fetch(order: int, *, fast: bool = False) -> str:
        """Fetch it."""
        return "fetched"

    guarded = breaker(fetch)
    assert guarded.__name__ == "fetch"
    assert guarded.__doc__ == "Fetch it."
    assert inspect.signature(guarded) == inspect.signature(fetch)
    assert inspect.iscoroutinefunction(guarded)
    assert inspect.isgeneratorfunction(breaker(lambda: (yield)))
    assert not inspect.iscoroutinefunction(breaker(answer))


def test_two_breakers_may_guard_one_function(clock):
    """One for the host, one for the route; a rejection by the inner one is no failure of the outer."""
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1)
    outer, inner = (CircuitBreaker(name, config, clock=clock) for name in ("outer", "inner"))
    guarded = outer(inner(answer))
    inner.force_open()
    with pytest.raises(CallNotPermitted) as rejection:
        guarded()
    assert rejection.value.breaker == "inner"
    assert outer.state is State.CLOSED
    assert outer.snapshot().total_failed == 0


# Refusals


class _Descriptor:
    @property
    def a_property(self) -> str:
        return "x"

    @functools.cached_property
    def a_cached_property(self) -> str:
        return "x"

    @functools.singledispatchmethod
    def dispatched(self, value: object) -> None: ...

    partial = functools.partialmethod(print, "x")


@contextlib.contextmanager
def _connection():
    yield "connection"


@contextlib.asynccontextmanager
async def _async_connection():
    yield "connection"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (Client, "a class would be replaced by a function"),
        (vars(_Descriptor)["a_property"], "a property or another descriptor"),
        (vars(_Descriptor)["a_cached_property"], "a property or another descriptor"),
        (vars(_Descriptor)["dispatched"], "a property or another descriptor"),
        (vars(_Descriptor)["partial"], "a property or another descriptor"),
        (_connection, "put the breaker below @contextmanager"),
        (_async_connection, "put the breaker below @contextmanager"),
        ("text", "it cannot be called"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_guarded_is_refused_when_it_is_decorated(breaker, what, why):
    """When the module is imported, not in the night when the dependency fails."""
    with pytest.raises(UnguardableCallable, match=why) as refusal:
        breaker(what)
    assert isinstance(refusal.value, TypeError)


def test_guarding_twice_with_one_breaker_is_refused(breaker):
    """In half-open the inner guard would wait for a permit that the outer one holds: the breaker would never close."""
    with pytest.raises(UnguardableCallable, match="guards it already"):
        breaker(breaker(answer))

    @functools.wraps(answer)
    def around(*args):
        return guarded(*args)

    guarded = breaker(answer)
    functools.update_wrapper(around, guarded)
    with pytest.raises(UnguardableCallable, match="guards it already"):
        breaker(around)


@pytest.mark.parametrize(
    "lazy",
    [
        lambda: answer_async(),
        lambda: (letter for letter in "ab"),
        lambda: _connection(),
        lambda: asyncio.Future(loop=cast("Any", _NoLoop())),
        lambda: Future(),
        lambda: map(answer, [None]),
        lambda: filter(answer, [None]),
    ],
    ids=["coroutine", "generator", "context manager", "asyncio future", "future", "map", "filter"],
)
def test_a_plain_function_whose_work_is_done_later_is_refused_at_its_first_call(breaker, lazy):
    """It cannot be told when it is decorated; but not one call goes by unseen."""
    with pytest.raises(UnguardableCallable, match="whose work is done later and unseen"):
        breaker(lazy)()
    with pytest.raises(UnguardableCallable):
        breaker.call(lazy)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().total_succeeded == 0


class _NoLoop:
    """Enough of an event loop for a Future that nobody awaits."""

    def get_debug(self) -> bool:
        return False


async def test_a_lazy_result_in_a_trial_gives_the_permit_back(breaker, clock):
    """The refusal is the caller's mistake and says nothing about the dependency."""

    async def returns_a_generator():
        return (letter for letter in "ab")

    guarded = breaker(returns_a_generator)
    with pytest.raises(UnguardableCallable):
        await guarded()
    breaker.acquire().failure()
    breaker.acquire().failure()
    clock.advance(60.0)
    with pytest.raises(UnguardableCallable):
        await guarded()
    with pytest.raises(UnguardableCallable):
        breaker(lambda: answer_async())()
    assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().trials_under_way == 0


def test_many_types_of_results_do_not_grow_the_memory(breaker):
    """A program that makes a type per call must not fill the set of types that are known to be finished."""
    from seawall.breaker import _shapes

    guarded = breaker(lambda kind: kind())
    for number in range(_shapes.MOST_EAGER + 100):
        guarded(type(f"Kind{number}", (), {}))
    assert len(_shapes.eager) <= _shapes.MOST_EAGER
