"""The breaker as its users see it."""

import random as random_module
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast, final, overload

from seawall.breaker._config import CircuitBreakerConfig
from seawall.breaker._core import Core
from seawall.breaker._guards import acall, call, guard_async, guard_async_generator, guard_generator, guard_sync
from seawall.breaker._phases import State, Ticket
from seawall.breaker._shapes import Kind, kind_of, note_guard
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput
from seawall.events import EventBus

__all__ = ["BreakerSnapshot", "CircuitBreaker", "Permit", "core_of"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_GUARDS: Final[dict[Kind, Callable[[Core, Callable[..., Any]], Callable[..., Any]]]] = {
    Kind.FUNCTION: guard_sync,
    Kind.COROUTINE: guard_async,
    Kind.GENERATOR: guard_generator,
    Kind.ASYNC_GENERATOR: guard_async_generator,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSnapshot:
    """A breaker at one moment. The totals only grow, from the breaker's making on, over all states."""

    name: str
    state: State
    generation: int
    """Grows by one with every change of state."""
    calls: int
    """Calls in the window, or ended trials in half-open; for `"consecutive"` the failures in a row."""
    failures: int
    slow_calls: int
    failure_rate: float | None
    """Ratio; `None` while there are fewer than `minimum_calls`."""
    slow_call_rate: float | None
    """Ratio; `None` while there are fewer than `minimum_calls`."""
    trials_under_way: int
    """Permits that are out in half-open."""
    retry_after_seconds: float | None
    """When open: seconds until a trial may be let through, 0 if one may now. Else `None`."""
    openings: int
    """Times the breaker opened since it was last closed."""
    total_succeeded: int
    """Calls that succeeded and were not slow."""
    total_failed: int
    total_slow: int
    """Calls that were slow, whether they failed or not."""
    total_rejected: int


@final
class Permit:
    """The right to one call, from `acquire` or `try_acquire`. Say once how it ended; a second time does nothing.

    As a context manager it says so itself: success at the end of the block; an exception is judged by the config.
    A permit that is dropped without a word gives its place back when it is collected as garbage.
    """

    __slots__ = ("_core", "_ticket")

    def __init__(self, core: Core, ticket: Ticket) -> None:
        self._core = core
        self._ticket = ticket

    def success(self) -> None:
        """The dependency answered. Slow if it took longer than `slow_call_seconds` since the permit was taken."""
        self._core.settle(self._ticket, failed=False)

    def failure(self, error: BaseException | None = None) -> None:
        """The dependency failed, whatever `record` and `ignore` say; `error` is only passed on to subscribers."""
        self._core.settle(self._ticket, failed=True, error=error)

    def release(self) -> None:
        """The outcome says nothing about the dependency; a trial's place is free again. Takes no lock."""
        self._ticket.done = True

    def __enter__(self) -> "Permit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._core.settle(self._ticket, failed=False)
        else:
            self._core.ticket_raised(self._ticket, error)

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a Permit")


@final
class CircuitBreaker:
    """Stops calling a dependency that fails, and tries again later with a few calls.

    One object serves threads, asyncio on any number of loops, and trio, all at once. Nothing is done in the background
    and no lock is held during a call. After a fork the child goes on with the parent's state and without its trials.

    Use it as a decorator of functions, coroutine functions, generator functions, async generator functions, methods,
    class and static methods, partials and callable objects; for one call with `call` and `acall`; or around a block
    with `with breaker.acquire():`.

    Args:
        name: Shown in errors, events and metrics.
        config: When to open and to close; the defaults of `CircuitBreakerConfig` when left out.
        clock: Monotonic time.
        events: The bus that its events go to; one of its own when left out.
        random: Random numbers in [0, 1) for the jitter of `open_backoff`.

    Raises:
        InvalidInput: an empty name, or a config of another type.
    """

    __slots__ = ("__weakref__", "_core")

    def __init__(
        self,
        name: str,
        config: CircuitBreakerConfig | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        events: EventBus | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if not isinstance(cast("object", name), str) or not name:
            raise InvalidInput("name", name, allowed="a text that is not empty")
        config = CircuitBreakerConfig() if config is None else config
        if not isinstance(cast("object", config), CircuitBreakerConfig):
            raise InvalidInput("config", config, allowed="a CircuitBreakerConfig")
        self._core: Final = Core(name, config, clock=clock, events=events, random=random)

    @property
    def name(self) -> str:
        """The breaker's name."""
        return self._core.name

    @property
    def config(self) -> CircuitBreakerConfig:
        """What it was made with."""
        return self._core.config

    @property
    def events(self) -> EventBus:
        """Where its events go: `breaker.events.subscribe(...)`."""
        return self._core.bus()

    @property
    def state(self) -> State:
        """The state. Asking takes no permit and changes nothing that the clock has not decided.

        A breaker whose wait is over is `OPEN` until a call comes, which is then the first trial.
        """
        return self._core.state()

    def snapshot(self) -> BreakerSnapshot:
        """State, window and totals at one moment."""
        reading = self._core.read()
        config, phase, counts = self._core.config, reading.phase, reading.counts
        rated = config.sliding_window != "consecutive" and counts.calls >= config.minimum_calls
        return BreakerSnapshot(
            name=self._core.name,
            state=phase.state,
            generation=phase.generation,
            calls=counts.calls,
            failures=counts.failures,
            slow_calls=counts.slow,
            failure_rate=counts.failures / counts.calls if rated else None,
            slow_call_rate=counts.slow / counts.calls if rated else None,
            trials_under_way=reading.trials_out,
            retry_after_seconds=max(0.0, phase.until - reading.now) if phase.state is State.OPEN else None,
            openings=reading.openings,
            total_succeeded=reading.succeeded,
            total_failed=reading.failed,
            total_slow=reading.slow,
            total_rejected=reading.rejected,
        )

    # Calls

    @overload
    def __call__(self, function: "staticmethod[P, R]") -> "staticmethod[P, R]": ...
    @overload
    def __call__(self, function: "classmethod[T, P, R]") -> "classmethod[T, P, R]": ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Callable[P, R]: ...
    def __call__(self, function: Any) -> Any:
        """Guard a callable; a decorator.

        Raises:
            UnguardableCallable: a class, a property, a context manager function, or one that this breaker guards
                already. The guarded function raises it when it returns a coroutine, a generator or something else
                whose work is done later, unseen.
        """
        if isinstance(function, staticmethod):
            return staticmethod(self(cast("staticmethod[..., Any]", function).__func__))
        if isinstance(function, classmethod):
            return classmethod(self(cast("classmethod[Any, ..., Any]", function).__func__))
        guarded = _GUARDS[kind_of(function, self)](self._core, function)
        note_guard(self, function, guarded)
        return guarded

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function(*args, **kwargs)` once, guarded.

        Raises:
            CallNotPermitted: the call was rejected.
            UnguardableCallable: `function` returned a coroutine, a generator or something else that is done later.
        """
        return call(self._core, function, *args, **kwargs)

    async def acall(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await `function(*args, **kwargs)` once, guarded. Raises as `call`."""
        return await acall(self._core, function, *args, **kwargs)

    def acquire(self) -> Permit:
        """A permit for one call that the caller makes itself: `with breaker.acquire(): ...`. Never waits.

        Raises:
            CallNotPermitted: the call is rejected.
        """
        ticket = self._core.admit()
        if ticket is None:
            raise self._core.refusal()
        return Permit(self._core, ticket)

    def try_acquire(self) -> Permit | None:
        """A permit, or `None` where `acquire` would raise."""
        ticket = self._core.admit()
        if ticket is None:
            self._core.refused()
            return None
        return Permit(self._core, ticket)

    # Orders

    def force_open(self) -> None:
        """Reject every call until `reset`. Idempotent."""
        self._core.stop(State.FORCED_OPEN)

    def disable(self) -> None:
        """Let every call through and watch none, until `reset`. Idempotent."""
        self._core.stop(State.DISABLED)

    def metrics_only(self) -> None:
        """Let every call through, watch, and never open, until `reset`. Idempotent."""
        self._core.watch(State.METRICS_ONLY)

    def reset(self) -> None:
        """Close, with an empty window. What calls and trials under way will report is ignored."""
        self._core.watch(State.CLOSED)

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name!r} {self.state}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"CircuitBreaker {self.name!r}")


def core_of(breaker: CircuitBreaker) -> Core:
    """The state machine inside, for seawall's own integrations."""
    return breaker._core  # pyright: ignore[reportPrivateUsage] # the one door, in the class's own module
