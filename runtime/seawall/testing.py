"""For the tests of apps that use seawall: time that is told, calls that are scripted, breakers that reject.

```python
clock = FakeClock()
breaker = CircuitBreaker("payments", clock=clock)
gateway = ScriptedCall(TimeoutError, Takes(3.0, "late"), "ok", clock=clock)
```

The pytest plugin (`seawall.pytest_plugin`, loaded by itself where seawall is installed) offers these as fixtures.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, cast, final

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State
from seawall.breaker._core import live_cores
from seawall.clock import Clock
from seawall.errors import InvalidInput
from seawall.events import Event, EventBus

__all__ = ["FakeClock", "ScriptedCall", "Takes", "always_open", "events_of", "rejecting", "reset_all_breakers"]


@final
class FakeClock:
    """A monotonic clock that moves only when told to. Safe to use from many threads.

    Args:
        start: First answer, in seconds.
    """

    __slots__ = ("_lock", "_seconds")

    def __init__(self, start: float = 0.0) -> None:
        self._seconds = start
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Seconds, as told."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            InvalidInput: `seconds` is negative: a monotonic clock never goes back.
        """
        if not seconds >= 0.0:
            raise InvalidInput("seconds", seconds, allowed="0 or more", because="a monotonic clock never goes back")
        with self._lock:
            self._seconds += seconds

    def __repr__(self) -> str:
        return f"FakeClock({self._seconds})"


@dataclass(frozen=True, slots=True)
class Takes:
    """In a script: let `seconds` pass on the script's clock, then do `outcome`."""

    seconds: float
    outcome: object = None


@final
class ScriptedCall:
    """A function that does what its script says, one entry per call.

    An exception, or a class of exceptions, is raised; `Takes` lets time pass first; anything else is returned.
    Call it as a function, or `await script.acall()`. Arguments are noted in `calls`.

    Args:
        script: The outcomes, in order.
        clock: The clock that `Takes` advances.
        repeat_last: Whether the last outcome goes on for ever; if not, one call too many is an `AssertionError`.
    """

    def __init__(self, *script: object, clock: FakeClock | None = None, repeat_last: bool = False) -> None:
        self._script: Final = deque(script)
        self._clock: Final = clock
        self._repeat_last: Final = repeat_last
        self.calls: Final[list[tuple[tuple[object, ...], dict[str, object]]]] = []
        """Positional and keyword arguments of each call so far."""

    @property
    def left(self) -> int:
        """Entries that were not used yet."""
        return len(self._script)

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls.append((args, kwargs))
        if not self._script:
            raise AssertionError(f"call {len(self.calls)} was not in the script")
        last = self._repeat_last and len(self._script) == 1
        outcome = self._script[0] if last else self._script.popleft()
        return self._do(outcome)

    async def acall(self, *args: object, **kwargs: object) -> object:
        """The same for async code; it does not sleep either."""
        return self(*args, **kwargs)

    def _do(self, outcome: object) -> object:
        if isinstance(outcome, Takes):
            if self._clock is None:
                raise InvalidInput("clock", None, allowed="a FakeClock", because="the script has a Takes")
            self._clock.advance(outcome.seconds)
            return self._do(outcome.outcome)
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, type) and issubclass(outcome, BaseException):
            raise outcome
        return cast("object", outcome)


def always_open(name: str = "always-open", config: CircuitBreakerConfig | None = None) -> CircuitBreaker:
    """A breaker that rejects every call, to see what the code around it does then."""
    breaker = CircuitBreaker(name, config)
    breaker.force_open()
    return breaker


@contextlib.contextmanager
def rejecting(breaker: CircuitBreaker) -> Generator[CircuitBreaker, None, None]:
    """Inside the block `breaker` rejects every call; afterwards it is closed and has forgotten everything."""
    breaker.force_open()
    try:
        yield breaker
    finally:
        breaker.reset()


@contextlib.contextmanager
def events_of(source: CircuitBreaker | EventBus) -> Generator[list[Event], None, None]:
    """The events of a breaker, or of all on a bus, while the block runs."""
    seen: list[Event] = []
    bus = source if isinstance(source, EventBus) else source.events
    with bus.subscribe(seen.append):
        yield seen


def reset_all_breakers() -> None:
    """Close every breaker of this process, with an empty window: tests then do not see each other's failures."""
    for core in live_cores():
        core.watch(State.CLOSED)


_: type[Clock] = FakeClock  # checked by the type checker: the fake is a Clock
