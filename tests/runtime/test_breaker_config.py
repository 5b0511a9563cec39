"""Each value that cannot work is refused in one line that names it."""

import dataclasses
import math

import pytest

from seawall.breaker import CircuitBreakerConfig, OpenBackoff
from seawall.errors import InvalidInput


def test_the_defaults_are_those_of_the_manual():
    """People tune against these numbers: changing one is a breaking change."""
    assert dataclasses.asdict(CircuitBreakerConfig()) == {
        "sliding_window": "count",
        "sliding_window_size": 100,
        "minimum_calls": 10,
        "failure_rate_threshold": 0.5,
        "slow_call_seconds": None,
        "slow_call_rate_threshold": 1.0,
        "consecutive_failures": 5,
        "wait_in_open_seconds": 60.0,
        "open_backoff": None,
        "permitted_calls_in_half_open": 1,
        "max_wait_in_half_open_seconds": None,
        "after_half_open_wait": "open",
        "record": (Exception,),
        "ignore": (),
        "record_result": None,
    }


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("sliding_window", "calls", '"count" or "time" or "consecutive"'),
        ("sliding_window_size", 0, "1 to 1,000,000"),
        ("sliding_window_size", 10.0, "a whole number"),
        ("sliding_window_size", True, "a whole number"),
        ("minimum_calls", 0, "at least 1"),
        ("minimum_calls", 101, "at most 100, because a window of sliding_window_size = 100 calls never holds more"),
        ("failure_rate_threshold", 0.0, "above 0 and at most 1"),
        ("failure_rate_threshold", 50, "above 0 and at most 1"),
        ("failure_rate_threshold", math.nan, "a number"),
        ("slow_call_seconds", -1.0, "at least 0"),
        ("slow_call_seconds", math.inf, "a number"),
        ("slow_call_rate_threshold", 1.5, "at most 1"),
        ("consecutive_failures", 0, "at least 1"),
        ("wait_in_open_seconds", 0, "above 0"),
        ("wait_in_open_seconds", "60", "a number"),
        ("open_backoff", 2.0, "an OpenBackoff"),
        ("permitted_calls_in_half_open", 0, "1 to 1,000,000"),
        ("max_wait_in_half_open_seconds", 0.0, "above 0"),
        ("after_half_open_wait", "half_open", '"open" or "closed"'),
        ("record", ConnectionError, "a tuple"),
        ("record", [ConnectionError], "a tuple"),
        ("record", (BaseException,), "subclasses of Exception, because cancellation"),
        ("ignore", (KeyboardInterrupt,), "subclasses of Exception"),
        ("ignore", ("KeyError",), "exception types and predicates"),
        ("record_result", 500, "a function"),
    ],
)
def test_a_value_that_cannot_work_is_refused(name, value, allowed):
    """The line names the key, the value and what is allowed."""
    with pytest.raises(InvalidInput) as refusal:
        CircuitBreakerConfig(**{name: value})
    assert refusal.value.name == name
    assert allowed in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("multiplier", 0.5), ("max_wait_seconds", 0.0), ("jitter_ratio", -0.1), ("jitter_ratio", 1.1)],
)
def test_a_backoff_that_cannot_work_is_refused(name, value):
    """A wait that shrinks, or is longer than its limit."""
    with pytest.raises(InvalidInput, match=name):
        OpenBackoff(**{name: value})


def test_a_backoff_limit_below_the_first_wait_is_refused():
    """The two numbers stand in two objects; together they must make sense."""
    with pytest.raises(InvalidInput, match="at least 60, because the first wait already is wait_in_open_seconds = 60"):
        CircuitBreakerConfig(open_backoff=OpenBackoff(max_wait_seconds=30.0))


def test_configs_are_keyword_only():
    """Fifteen numbers in a row could not be read."""
    with pytest.raises(TypeError):
        CircuitBreakerConfig("count", 100)  # pyright: ignore[reportCallIssue]
