"""What a type checker sees through the breaker: `make check` fails where a line here is not what it says.

Not run, only checked.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import assert_type

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, CircuitBreakerRegistry, Permit, State

breaker = CircuitBreaker("payments", CircuitBreakerConfig(sliding_window="time", sliding_window_size=60))


@breaker
def charge(cents: int, *, currency: str = "EUR") -> bool:
    return cents > 0 and bool(currency)


@breaker
async def acharge(cents: int, *, currency: str = "EUR") -> bool:
    return cents > 0 and bool(currency)


@breaker
def pages(first: int) -> Iterator[str]:
    yield str(first)


@breaker
def conversation(first: int) -> Generator[str, bytes, float]:
    yield str(first)
    return 1.0


@breaker
async def apages(first: int) -> AsyncIterator[str]:
    yield str(first)


@breaker
async def aconversation(first: int) -> AsyncGenerator[str, bytes]:
    yield str(first)


class Client:
    @breaker
    def method(self, cents: int) -> str:
        return str(cents)

    @classmethod
    @breaker
    def for_class(cls, cents: int) -> str:
        return str(cents)

    @staticmethod
    @breaker
    def for_none(cents: int) -> str:
        return str(cents)


def check_decorated() -> None:
    assert_type(charge(1, currency="JPY"), bool)
    assert_type(pages(1), Iterator[str])
    assert_type(conversation(1), Generator[str, bytes, float])
    assert_type(apages(1), AsyncIterator[str])
    assert_type(aconversation(1), AsyncGenerator[str, bytes])
    assert_type(Client().method(1), str)
    assert_type(Client.for_class(1), str)
    assert_type(Client.for_none(1), str)
    plain: Callable[..., bool] = charge
    assert_type(plain(), bool)


async def check_calls() -> None:
    assert_type(breaker.call(charge, 1, currency="JPY"), bool)
    assert_type(await acharge(1), bool)
    assert_type(await breaker.acall(acharge, 1), bool)


def check_permits() -> None:
    assert_type(breaker.acquire(), Permit)
    assert_type(breaker.try_acquire(), Permit | None)
    with breaker.acquire() as permit:
        assert_type(permit, Permit)
    assert_type(breaker.state, State)
    assert_type(CircuitBreakerRegistry().get("payments"), CircuitBreaker)


def check_what_is_refused() -> None:
    charge("1")  # pyright: ignore[reportArgumentType]
    charge(1, curency="JPY")  # pyright: ignore[reportCallIssue]
    breaker.call(charge, "1")  # pyright: ignore[reportArgumentType]
    CircuitBreakerConfig("count")  # pyright: ignore[reportCallIssue]
    CircuitBreakerConfig(sliding_window="calls")  # pyright: ignore[reportArgumentType]
