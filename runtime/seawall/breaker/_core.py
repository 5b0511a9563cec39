"""The breaker's state machine, without I/O and without a call in it: the way in. Its moves are in `_machine`.

What holds at all times:

1. In half-open at most `permitted_calls_in_half_open` tickets are out or have been settled; all other calls are
   rejected at once.
2. A ticket decides only about the phase that issued it. When the phase is over, its outcome goes into a dead object.
3. A ticket that is released, or whose owner is gone, gives its place back: places are held by weak references, so no
   finalizer runs and no lock is taken while garbage is collected.
4. Its lock is never held while foreign code runs: no guarded call, predicate, subscriber, or I/O. What interrupts a step
   in the step's own thread (a signal handler, a finalizer) sees none half done; see `Turns`.
5. Time moves states only forward from what the clock says; reading a state takes no permit.
"""

from collections.abc import Callable
from functools import partial
from typing import final

from seawall._forks import fork_aware, renew_after_fork
from seawall.breaker._config import CircuitBreakerConfig
from seawall.breaker._machine import NO_CALLS, Machine, Reading
from seawall.breaker._outcome import exception_counts, result_counts
from seawall.breaker._phases import HalfOpen, State, Stop, Ticket, TrialGate, Watching
from seawall.breaker._windows import Window
from seawall.clock import Clock
from seawall.errors import CallNotPermitted
from seawall.events import EventBus

__all__ = ["Core", "live_cores"]


@final
class Core(Machine):
    """One breaker's state machine, as calls, people and other processes reach it. See the module for what holds."""

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        name: str,
        config: CircuitBreakerConfig,
        *,
        clock: Clock,
        events: EventBus | None,
        random: Callable[[], float],
    ) -> None:
        super().__init__(name, config, clock=clock, events=events, random=random)
        renew_after_fork(self)

    # Admission

    def admit(self) -> Ticket | None:
        """A ticket, or None: the call is to be rejected. Never blocks for longer than other threads' bookkeeping."""
        now = self.now()
        window = self.window
        if window is not None:
            return Ticket(window, now)
        if self.phase.state is State.DISABLED:
            return Ticket(None, now)
        # Whoever interrupts a step of this breaker is rejected: what the step will lead to is not known yet.
        ticket, wanted = self.take_turn(partial(self._admit, now), (None, False))
        self._tell()
        if wanted and self._gate is not None:
            self._gate.wake()
        return ticket

    def refusal(self) -> CallNotPermitted:
        """What to raise for a call that was not admitted; counts it."""
        self.refused()
        phase = self.phase
        if isinstance(phase, Watching) or phase.state is State.DISABLED:  # since the rejection, by another thread
            return CallNotPermitted(0.0, self.name, State.OPEN)
        after = max(0.0, phase.until - self.now()) if phase.state is State.OPEN else None
        return CallNotPermitted(after, self.name, phase.state)

    # Outcomes of calls that only looked at the window

    def raised(self, window: Window, error: BaseException, began: float) -> None:
        """A call that was let through by `window` raised."""
        if exception_counts(self.config, error):
            now = self.now()
            self._record(window, now, failed=True, slow=now - began > self.slow_after, error=error)

    def returned(self, window: Window, result: object, began: float) -> None:
        """A call that was let through by `window` returned, and may be more than a fast success."""
        failed = result_counts(self.config, result)
        if failed is None:
            return
        now = self.now()
        slow = now - began > self.slow_after
        if failed or slow:
            self._record(window, now, failed=failed, slow=slow, error=None)
        else:
            self.queue_turn(partial(window.success, now))

    def _record(self, window: Window, now: float, *, failed: bool, slow: bool, error: BaseException | None) -> None:
        self.queue_turn(partial(self._note, window, now, failed=failed, slow=slow, error=error))
        self._tell()

    # Outcomes of tickets

    def ticket_raised(self, ticket: Ticket, error: BaseException, spent: float | None = None) -> None:
        """The call of `ticket` raised. `spent`: its own seconds, where they are not those since it began."""
        if exception_counts(self.config, error):
            self.settle(ticket, failed=True, error=error, spent=spent)
        else:
            ticket.done = True

    def ticket_returned(self, ticket: Ticket, result: object, spent: float | None = None) -> None:
        """The call of `ticket` returned `result`."""
        failed = result_counts(self.config, result)
        if failed is None:
            ticket.done = True
        else:
            self.settle(ticket, failed=failed, spent=spent)

    def settle(
        self, ticket: Ticket, *, failed: bool, error: BaseException | None = None, spent: float | None = None
    ) -> None:
        """End a ticket. A second time does nothing."""
        now = self.now()
        slow = (now - ticket.began if spent is None else spent) > self.slow_after
        self.queue_turn(partial(self._settle, ticket, now, failed=failed, slow=slow, error=error))
        self._tell()
        if isinstance(ticket.phase, HalfOpen) and ticket.phase.shared and self._gate is not None:
            self._gate.wake()

    # Orders from people

    def stop(self, state: State) -> None:
        """Go to `FORCED_OPEN` or `DISABLED`. Idempotent."""
        self.queue_turn(partial(self._order_stop, state, self.now()))
        self._tell()

    def watch(self, state: State) -> None:
        """Go to `CLOSED` (always with a new window) or to `METRICS_ONLY` (idempotent)."""
        self.queue_turn(partial(self._order_watch, state, self.now()))
        self._tell()
        if self._gate is not None:
            self._gate.wake()

    # Answers

    def read(self) -> Reading:
        """All there is to know, consistent with one another. From inside a step: as the step has left it so far."""
        now = self.now()
        reading = self.take_turn(partial(self._read, now), None)
        if reading is None:
            reading = self._reading(now, NO_CALLS)
        self._tell()
        return reading

    def state(self) -> State:
        """The state, after what the clock alone decides."""
        phase = self.phase
        return phase.state if isinstance(phase, Watching | Stop) else self.read().phase.state

    # Events

    def bus(self) -> EventBus:
        """The bus; made when it is first asked for, since most breakers have no subscriber of their own."""
        bus = EventBus()
        with self._lock:
            if self._bus is None:
                self._bus = bus
            return self._bus

    def _tell(self) -> None:
        if self._bus is not None:
            self._bus.deliver()

    # What the shared state asks for

    def attach(self, gate: TrialGate | None) -> None:
        """Share trials through `gate`; None ends that, and trials under way are then judged here."""
        self._gate = gate
        if gate is None:
            self.decide_alone()

    def decide_alone(self) -> None:
        """The shared state is away: judge the trials that are under way by what is known here."""
        self.queue_turn(partial(self._decide_alone, self.now()))
        self._tell()

    def grant(self, generation: int) -> bool:
        """Other processes agree to one trial here; false when this breaker no longer waits for it."""
        granted = self.take_turn(partial(self._grant, generation, self.now()), otherwise=False)
        self._tell()
        return granted

    def align(self, wait_seconds: float) -> None:
        """Stay open for as long as other processes do; nothing when not open."""
        self.queue_turn(partial(self._align, self.now() + wait_seconds))

    def hold(self, generation: int, reason: str) -> None:
        """Go back from the half-open of that generation to open, with a trial due: the next one needs a lease anew."""
        self.queue_turn(partial(self._hold, generation, self.now(), reason))
        self._tell()

    def follow(self, state: State, wait_seconds: float, reason: str) -> None:
        """Take over what other processes decided: open for so long, or closed. Orders from people here stand."""
        self.queue_turn(partial(self._follow, state, wait_seconds, self.now(), reason))
        self._tell()

    # Forks

    def after_fork(self) -> None:
        """In the child: other threads' locks and trials are gone, though their frames still seem to hold them."""
        self.renew_turns()
        self._renew()


def live_cores() -> list[Core]:
    """Every breaker of this process."""
    return [each for each in fork_aware() if isinstance(each, Core)]
