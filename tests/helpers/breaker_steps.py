"""Steps that tests of the breaker have in common."""

from typing import Any

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State
from seawall.testing import FakeClock


def consecutive(clock: FakeClock, *, failures: int = 3, **more: Any) -> CircuitBreaker:
    """A breaker that opens after so many failures in a row."""
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=failures, **more)
    return CircuitBreaker("dependency", config, clock=clock)


def open_by_failures(breaker: CircuitBreaker) -> None:
    while breaker.state is State.CLOSED:
        breaker.acquire().failure()
    assert breaker.state is State.OPEN


def half_open(breaker: CircuitBreaker, clock: FakeClock) -> None:
    """Open it and let its wait pass: the next call is the first trial."""
    open_by_failures(breaker)
    clock.advance(breaker.config.wait_in_open_seconds)


def make_trial_due(breaker: CircuitBreaker, clock: FakeClock) -> None:
    """The same from any state, for a breaker that opens at its first failure."""
    breaker.reset()
    breaker.acquire().failure()
    clock.advance(breaker.config.wait_in_open_seconds)


def fail() -> None:
    raise ConnectionError("refused")
