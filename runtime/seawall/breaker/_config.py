"""What a breaker can be told, checked when it is told. Vocabulary: resilience4j's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from seawall._numbers import number
from seawall.errors import InvalidInput

__all__ = ["CircuitBreakerConfig", "OpenBackoff"]

LARGEST_WINDOW: Final = 1_000_000  # calls: failures in the window are remembered one by one

Recorder = type[Exception] | Callable[[Exception], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBackoff:
    """Longer waits each time a trial fails, until the circuit closes again.

    The n-th opening in a row waits `wait_in_open_seconds * multiplier ** (n - 1)`, at most `max_wait_seconds`, and
    then less by a random part of up to `jitter_ratio`, so that many processes do not try in step.

    Raises:
        InvalidInput: a value outside what is said here.
    """

    multiplier: float = 2.0
    """At least 1."""
    max_wait_seconds: float = 600.0
    """At least `wait_in_open_seconds`."""
    jitter_ratio: float = 0.1
    """0 (none) to 1 (anything between no wait and the whole wait)."""

    def __post_init__(self) -> None:
        number("multiplier", self.multiplier, at_least=1.0)
        number("max_wait_seconds", self.max_wait_seconds, above=0.0)
        number("jitter_ratio", self.jitter_ratio, at_least=0.0, at_most=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerConfig:
    """When a breaker opens, how long it stays open, and what lets it close.

    Two configs are equal when all their values are; the registry refuses two different ones for one name.

    Raises:
        InvalidInput: a value outside what is said below, or values that contradict each other.
    """

    sliding_window: Literal["count", "time", "consecutive"] = "count"
    """What is judged: the last calls, the last seconds, or failures in a row."""
    sliding_window_size: int = 100
    """Calls for `"count"`, seconds for `"time"`; unused by `"consecutive"`. 1 to 1,000,000."""
    minimum_calls: int = 10
    """Calls in the window before its rates mean anything. At most `sliding_window_size` for `"count"`; unused by
    `"consecutive"`."""
    failure_rate_threshold: float = 0.5
    """Ratio of failures at which the breaker opens, above 0 and at most 1. Also judges the trials in half-open; with
    `"consecutive"` a single failed trial opens the breaker again."""
    slow_call_seconds: float | None = None
    """A call that takes longer is slow. `None`: durations are not looked at. With `"consecutive"`, a slow call counts as
    a failure."""
    slow_call_rate_threshold: float = 1.0
    """Ratio of slow calls at which the breaker opens, above 0 and at most 1."""
    consecutive_failures: int = 5
    """Failures in a row that open a `"consecutive"` breaker. At least 1."""
    wait_in_open_seconds: float = 60.0
    """Seconds from opening until the first trial is let through. Above 0."""
    open_backoff: OpenBackoff | None = None
    """Lets that wait grow from one opening to the next. `None`: it is always the same, without jitter."""
    permitted_calls_in_half_open: int = 1
    """Trials in half-open. When so many have ended, their rates decide. 1 to 1,000,000."""
    max_wait_in_half_open_seconds: float | None = None
    """Longest time in half-open without a decision. `None`: no limit; a trial then has to end, or be collected as
    garbage, before another is let through."""
    after_half_open_wait: Literal["open", "closed"] = "open"
    """The state after that time."""
    record: tuple[Recorder, ...] = (Exception,)
    """What counts as a failure: exception types and predicates. Any other exception is neutral: it is neither a failure
    nor a success, and it does not end a streak. Cancellation, `KeyboardInterrupt` and `GeneratorExit` always are."""
    ignore: tuple[Recorder, ...] = ()
    """Exceptions, out of `record`, that are neutral all the same."""
    record_result: Callable[[Any], bool] | None = None
    """A predicate for what was returned (by a generator: its return value; async generators have none); true means
    failure. One that raises makes the call neutral."""

    def __post_init__(self) -> None:
        _one_of("sliding_window", self.sliding_window, ("count", "time", "consecutive"))
        _whole("sliding_window_size", self.sliding_window_size, at_most=LARGEST_WINDOW)
        _whole("minimum_calls", self.minimum_calls)
        if self.sliding_window == "count" and self.minimum_calls > self.sliding_window_size:
            raise InvalidInput(
                "minimum_calls",
                self.minimum_calls,
                allowed=f"at most {self.sliding_window_size}",
                because=f"a window of sliding_window_size = {self.sliding_window_size} calls never holds more",
            )
        number("failure_rate_threshold", self.failure_rate_threshold, above=0.0, at_most=1.0)
        if self.slow_call_seconds is not None:
            number("slow_call_seconds", self.slow_call_seconds, at_least=0.0)
        number("slow_call_rate_threshold", self.slow_call_rate_threshold, above=0.0, at_most=1.0)
        _whole("consecutive_failures", self.consecutive_failures)
        number("wait_in_open_seconds", self.wait_in_open_seconds, above=0.0)
        self._check_backoff()
        _whole("permitted_calls_in_half_open", self.permitted_calls_in_half_open, at_most=LARGEST_WINDOW)
        if self.max_wait_in_half_open_seconds is not None:
            number("max_wait_in_half_open_seconds", self.max_wait_in_half_open_seconds, above=0.0)
        _one_of("after_half_open_wait", self.after_half_open_wait, ("open", "closed"))
        _recorders("record", self.record)
        _recorders("ignore", self.ignore)
        if self.record_result is not None and not callable(self.record_result):
            raise InvalidInput("record_result", self.record_result, allowed="a function of the result, or None")

    def _check_backoff(self) -> None:
        if self.open_backoff is None:
            return
        if not isinstance(cast("object", self.open_backoff), OpenBackoff):
            raise InvalidInput("open_backoff", self.open_backoff, allowed="an OpenBackoff, or None")
        if self.open_backoff.max_wait_seconds < self.wait_in_open_seconds:
            raise InvalidInput(
                "max_wait_seconds",
                self.open_backoff.max_wait_seconds,
                allowed=f"at least {self.wait_in_open_seconds:g}",
                because=f"the first wait already is wait_in_open_seconds = {self.wait_in_open_seconds:g}",
            )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInput(name, value, allowed=" or ".join(f'"{each}"' for each in allowed))


def _whole(name: str, value: object, *, at_most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (at_most is not None and value > at_most):
        raise InvalidInput(
            name,
            value,
            allowed="a whole number of at least 1" if at_most is None else f"a whole number, 1 to {at_most:,}",
        )


def _recorders(name: str, value: object) -> None:
    """Raise unless `value` is a tuple of exception types and predicates."""
    if not isinstance(value, tuple):
        raise InvalidInput(
            name, value, allowed="a tuple of exception types and predicates", because="configs are compared"
        )
    for each in cast("tuple[object, ...]", value):
        if isinstance(each, type):
            if not issubclass(each, Exception):
                raise InvalidInput(
                    name,
                    cast("object", each),
                    allowed="subclasses of Exception",
                    because="cancellation and interrupts say nothing about the dependency",
                )
        elif not callable(each):
            raise InvalidInput(name, each, allowed="exception types and predicates")
