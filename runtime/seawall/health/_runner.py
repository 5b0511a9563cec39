"""One check's runs: one at a time, within a deadline, remembered for a while.

Invariants:

1. At most one run is under way per event loop, however many ask.
2. Nobody waits longer than `timeout_seconds` for a run; a run that goes on after that is left alone, and no other is
   begun until it has ended.
3. A result that is given out is at most `ttl_seconds + timeout_seconds` old.
"""

import asyncio
import contextvars
import functools
import inspect
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast, final

from seawall.clock import Clock
from seawall.health._checks import Check, CheckFailed

__all__ = ["CheckResult", "Outcome", "Runner"]

_log: Final = logging.getLogger("seawall.health")


class Outcome(StrEnum):
    """How a run ended."""

    HEALTHY = "healthy"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a run found."""

    outcome: Outcome
    duration_seconds: float
    at_seconds: float
    """When it ended, in seconds of the registry's clock."""
    note: str | None = None
    """What the check had to say. Not for everybody."""
    error: str | None = None
    """What it raised, in one line. Not for everybody."""
    trace: str | None = None
    """Where. As text, because the exception itself would keep alive whatever its frames hold, until the next run."""

    @property
    def healthy(self) -> bool:
        """Whether it is well."""
        return self.outcome is Outcome.HEALTHY


@final
class Runner:
    """Runs one check, and remembers what it found."""

    def __init__(self, check: Check, *, timeout_seconds: float, ttl_seconds: float, clock: Clock) -> None:
        self.check: Final = check
        self.timeout_seconds: Final = timeout_seconds
        self.ttl_seconds: Final = ttl_seconds
        self.last: CheckResult | None = None
        self.runs: Final = dict.fromkeys(Outcome, 0)
        self._clock: Final = clock
        self._on_loop: Final = _is_async(check.run)
        self._flights: Final[dict[asyncio.AbstractEventLoop, asyncio.Task[CheckResult]]] = {}
        self._thread: threading.Thread | None = None
        self._left: asyncio.Task[Any] | None = None  # a coroutine that did not end when it was cancelled

    async def result(self) -> CheckResult:
        """The last result while it is fresh; for `timeout_seconds` more the same, while it is renewed; else a new one."""
        age = self.age()
        if self.last is not None and age < self.ttl_seconds:
            return self.last
        flight = self._flight()
        if self.last is not None and age < self.ttl_seconds + self.timeout_seconds:
            return self.last
        return await asyncio.shield(flight)  # a probe that hangs up must not end the run that others wait for

    def age(self) -> float:
        """Seconds since the last result; infinite when there is none."""
        return float("inf") if self.last is None else self._clock.monotonic() - self.last.at_seconds

    def _flight(self) -> "asyncio.Task[CheckResult]":
        loop = asyncio.get_running_loop()
        flight = self._flights.get(loop)
        if flight is None or flight.done():
            # An empty context: a run belongs to nobody's request, neither its trace nor its session.
            flight = loop.create_task(self._run(), context=contextvars.Context(), name=f"check {self.check.name}")
            self._flights[loop] = flight
            flight.add_done_callback(self._landed)
        return flight

    def _landed(self, flight: "asyncio.Task[CheckResult]") -> None:
        loop = flight.get_loop()
        if self._flights.get(loop) is flight:
            del self._flights[loop]

    async def _run(self) -> CheckResult:
        began = self._clock.monotonic()
        outcome, note, error = await self._attempt()
        ended = self._clock.monotonic()
        before = self.last
        self.last = CheckResult(
            outcome=outcome,
            duration_seconds=ended - began,
            at_seconds=ended,
            note=note,
            error=None if error is None else f"{type(error).__name__}: {error}",
            trace=None if error is None else "".join(traceback.format_exception(error)),
        )
        self.runs[outcome] += 1
        if (before is None or before.healthy) and not self.last.healthy:
            _log.warning("check %s is unhealthy: %s", self.check.name, note or outcome, exc_info=error)
        elif before is not None and not before.healthy and self.last.healthy:
            _log.info("check %s is healthy again", self.check.name)
        return self.last

    async def _attempt(self) -> tuple[Outcome, str | None, BaseException | None]:
        if self._still_hangs():
            return Outcome.TIMED_OUT, "an earlier run of it still hangs", None
        work = asyncio.get_running_loop().create_task(self._call())
        work.add_done_callback(_take_note)
        await asyncio.wait({work}, timeout=self.timeout_seconds)
        if not work.done():
            work.cancel()
            self._left = work
            return Outcome.TIMED_OUT, f"no answer within {self.timeout_seconds:g} s", None
        if work.cancelled():
            return Outcome.FAILED, "it was cancelled", None
        error = work.exception()
        if isinstance(error, CheckFailed):
            return Outcome.FAILED, str(error), None
        if error is not None:
            return Outcome.FAILED, None, error
        answer = work.result()
        if answer is False:
            return Outcome.FAILED, "it answered False", None
        return Outcome.HEALTHY, answer if isinstance(answer, str) else None, None

    def _still_hangs(self) -> bool:
        left = self._left
        if left is not None and (left.done() or left.get_loop().is_closed()):
            left = self._left = None
        return left is not None or (self._thread is not None and self._thread.is_alive())

    async def _call(self) -> object:
        run = self.check.run
        answer = run() if self._on_loop else await self._in_thread(run)
        return await cast("Awaitable[object]", answer) if inspect.isawaitable(answer) else answer

    async def _in_thread(self, run: Callable[[], Any]) -> object:
        # Neither the app's pool of threads, which a hanging check would use up, nor one that the interpreter waits for.
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()

        def work() -> None:
            found = None
            try:
                found = run()
                told = functools.partial(_tell, answer, found)
            except BaseException as error:  # noqa: BLE001 - it goes to whoever awaits
                told = functools.partial(_tell_error, answer, error)
            try:
                loop.call_soon_threadsafe(told)
            except RuntimeError:
                _log.debug("check %s ended after its event loop was closed", self.check.name)
                _discard(found)

        self._thread = threading.Thread(target=work, name=f"check {self.check.name}", daemon=True)
        self._thread.start()
        return await answer


def _tell(future: "asyncio.Future[object]", answer: object) -> None:
    if future.done():
        _discard(answer)  # it was given up at its deadline
    else:
        future.set_result(answer)


def _discard(answer: object) -> None:
    if inspect.iscoroutine(answer):
        answer.close()  # or Python complains that nobody awaited it


def _tell_error(future: "asyncio.Future[object]", error: BaseException) -> None:
    if future.done():
        return
    # A future cannot hold a StopIteration, nor ours a request to exit that was raised in a thread.
    future.set_exception(
        error if isinstance(error, Exception) and not isinstance(error, StopIteration) else _ended(error)
    )


def _ended(error: BaseException) -> RuntimeError:
    wrapped = RuntimeError(f"it raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


def _take_note(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()  # or asyncio complains about one that nobody asked for


def _is_async(run: Callable[[], object]) -> bool:
    while isinstance(run, functools.partial):
        run = cast("functools.partial[object]", run).func
    called = type(run).__call__  # of an object that can be called
    return inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(called)
