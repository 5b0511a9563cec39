"""One phase of one step: with its time, its guard, and whatever it raised caught.

A phase runs in a thread of its own, because a call that hangs must not hang the operator. One that does not return in time
is given up: its `Context` refuses every further write, and the thread ends with the process at the latest.
"""

import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, final

from seawall.clock import Clock
from seawall.errors import SeawallError, StepRefused
from seawall_ops.steps.model import Guard, Values

__all__ = ["Call", "Taken", "take"]

T = TypeVar("T")


@final
class Call:
    """What one phase is told: the `Context` of a step's methods."""

    def __init__(
        self,
        operation: str,
        prior: Values,
        guard: Guard | None,
        seconds: float,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._operation: Final = operation
        self._prior: Final = prior
        self._guard: Final = guard
        self._deadline: Final = clock.monotonic() + seconds
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._given_up = False
        self.lost: SeawallError | None = None
        """What the guard raised, once it has."""

    @property
    def operation(self) -> str:
        """The operation's id."""
        return self._operation

    @property
    def fence(self) -> int | None:
        """The guard's number; `None` without a guard."""
        return None if self._guard is None else self._guard.fence

    @property
    def prior(self) -> Values:
        """What the observation before the first apply saved."""
        return self._prior

    def check(self) -> None:
        """Return while this phase may write.

        Raises:
            SeawallError: The lease is lost, or this phase was given up.
        """
        if self._given_up:
            raise StepRefused("this phase took too long and was given up: it may write no more")
        if self._guard is not None:
            try:
                self._guard.check()
            except SeawallError as error:
                self.lost = error
                raise

    def remaining_seconds(self) -> float:
        """Until this phase is given up; 0 or more."""
        return max(0.0, self._deadline - self._clock.monotonic())

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or for what remains, and `check` afterwards."""
        self._sleep(min(seconds, self.remaining_seconds()))
        self.check()

    def give_up(self) -> None:
        """From now on `check` refuses."""
        self._given_up = True


@dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """What came of a phase."""

    value: T | None
    error: Exception | None
    seconds: float
    timed_out: bool = False
    """It did not return; what it did is open, and it may still be doing it."""


def take(call: Call, function: Callable[[Call], T], clock: Clock) -> Taken[T]:
    """Call it, for at most its time. What is no `Exception` (a crash, an interrupt) passes."""
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((function(call), None))
        except BaseException as error:  # noqa: BLE001 - raised again, or kept, by the thread that waits
            answers.put((None, error))

    begun = clock.monotonic()
    context = copy_context()
    threading.Thread(target=context.run, args=(work,), name="seawall-phase", daemon=True).start()
    try:
        value, error = answers.get(timeout=call.remaining_seconds())
    except queue.Empty:
        call.give_up()
        return Taken(None, None, clock.monotonic() - begun, timed_out=True)
    except BaseException:
        call.give_up()  # the waiting thread is interrupted: what it waited for may write no more
        raise
    if error is not None and not isinstance(error, Exception):
        raise error
    return Taken(value, error, clock.monotonic() - begun)
