"""The breaker's states, without I/O and without a call in it.

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

import math
import weakref
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, final

from seawall._forks import fork_aware, renew_after_fork
from seawall.breaker._config import CircuitBreakerConfig
from seawall.breaker._outcome import exception_counts, result_counts
from seawall.breaker._phases import HalfOpen, Note, Phase, State, Stop, Ticket, TrialGate, Watching
from seawall.breaker._turns import Turns
from seawall.breaker._windows import Counts, Tick, Window, new_counter, new_window, read_counter, renew_counter
from seawall.clock import Clock
from seawall.errors import CallNotPermitted
from seawall.events import CallRecorded, EventBus, StateChanged

__all__ = ["Core", "Reading", "live_cores"]

KEPT_WINDOWS: Final = 8  # past windows whose late successes still reach the totals


NO_CALLS: Final = Counts(0, 0, 0)


class Reading(NamedTuple):
    """A breaker at one moment."""

    phase: Phase
    counts: Counts
    """Calls in the window, or trials that have ended."""
    trials_out: int
    now: float
    openings: int
    succeeded: int
    failed: int
    slow: int
    rejected: int


@final
class Core(Turns):
    """One breaker's state. See the module for what holds."""

    __slots__ = (
        "__weakref__",
        "_bus",
        "_folded",
        "_gate",
        "_past",
        "_random",
        "clock",
        "config",
        "failed",
        "name",
        "now",
        "openings",
        "phase",
        "refused",
        "slow",
        "slow_after",
        "trial_successes",
        "window",
    )

    def __init__(
        self,
        name: str,
        config: CircuitBreakerConfig,
        *,
        clock: Clock,
        events: EventBus | None,
        random: Callable[[], float],
    ) -> None:
        super().__init__()
        self.name: Final = name
        self.config: Final = config
        self.clock: Final = clock
        self.now: Final = clock.monotonic
        self.slow_after: Final = math.inf if config.slow_call_seconds is None else config.slow_call_seconds
        self._bus = events
        self._gate: TrialGate | None = None
        self._random = random
        self._past: tuple[Window, ...] = ()
        self._folded = 0
        self.openings: int = 0
        self.failed: int = 0
        self.slow: int = 0
        self.trial_successes: int = 0
        self.refused: Final[Tick] = new_counter()
        # `window` is what guarded calls look at: None while calls are not simply let through and watched.
        self.window: Window | None = new_window(config, generation=0, decides=True, now=self.now())
        self.phase: Phase = Watching(State.CLOSED, self.window, 0)
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

    def _admit(self, now: float) -> tuple[Ticket | None, bool]:
        """A ticket or none, and whether the gate is to be woken."""
        self._advance(now)
        phase = self.phase
        if isinstance(phase, Watching):
            return Ticket(phase.window, now), False
        if phase.state is State.DISABLED:
            return Ticket(None, now), False
        if isinstance(phase, Stop):
            if phase.forced or now < phase.until:
                return None, False
            gate = self._gate
            if gate is not None and gate.lease_needed():
                gate.note(Note("wanted", phase.generation))
                return None, True
            phase = self._half_open(now, permitted=self.config.permitted_calls_in_half_open, shared=False)
        if not phase.has_room():
            return None, False
        ticket = Ticket(phase, now)
        phase.out.append(weakref.ref(ticket))
        return ticket, False

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

    def _note(self, window: Window, now: float, *, failed: bool, slow: bool, error: BaseException | None) -> None:
        reason = window.record(now, failed=failed, slow=slow)
        self._count(now, failed=failed, slow=slow, error=error)
        if reason is not None and window.decides and window is self.window:
            self._open(now, reason)

    def _count(self, now: float, *, failed: bool, slow: bool, error: BaseException | None) -> None:
        self.failed += failed
        self.slow += slow
        if self._bus is not None and self._bus.wanted:
            self._bus.enqueue(CallRecorded(source=self.name, at_seconds=now, failed=failed, slow=slow, error=error))

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

    def _settle(self, ticket: Ticket, now: float, *, failed: bool, slow: bool, error: BaseException | None) -> None:
        if ticket.done:
            return
        ticket.done = True
        self._advance(now)
        phase = ticket.phase
        if isinstance(phase, HalfOpen):
            self._trial_ended(phase, now, failed=failed, slow=slow, error=error)
        elif phase is not None:
            if failed or slow:
                self._note(phase, now, failed=failed, slow=slow, error=error)
            else:
                phase.success(now)

    def _trial_ended(
        self, phase: HalfOpen, now: float, *, failed: bool, slow: bool, error: BaseException | None
    ) -> None:
        if failed or slow:
            self._count(now, failed=failed, slow=slow, error=error)
        else:
            self.trial_successes += 1
        if self.config.sliding_window == "consecutive":
            failed = failed or slow
        if failed:
            phase.failures += 1
        else:
            phase.successes += 1
        phase.slow += slow
        if phase is not self.phase:
            return
        if phase.shared:
            if self._gate is not None:
                self._gate.note(Note("trial", phase.generation, failed=failed, slow=slow))
        else:
            self._decide(phase, now)

    def _decide(self, phase: HalfOpen, now: float) -> None:
        """Open as soon as the trials cannot end well; close when all have ended and did."""
        config = self.config
        if phase.failures and (
            config.sliding_window == "consecutive" or phase.failures / phase.permitted >= config.failure_rate_threshold
        ):
            self._open(now, "trial failed")
        elif phase.slow and phase.slow / phase.permitted >= config.slow_call_rate_threshold:
            self._open(now, "trial slow")
        elif phase.successes + phase.failures >= phase.permitted:
            self._watch(State.CLOSED, now, "trials succeeded")

    # Moves; all within a turn

    def _advance(self, now: float) -> None:
        """Do what the clock alone decides: the end of a half-open that took too long."""
        phase = self.phase
        if isinstance(phase, HalfOpen) and now >= phase.deadline:
            if self.config.after_half_open_wait == "open":
                self._open(phase.deadline, "half-open took too long")
            else:
                self._watch(State.CLOSED, phase.deadline, "half-open took too long")

    def _move(self, phase: Phase, now: float, reason: str) -> None:
        previous = self.phase
        if isinstance(previous, Watching):
            self._retire(previous.window)
        window = phase.window if isinstance(phase, Watching) else None
        self.phase, self.window = phase, window  # nothing that a KeyboardInterrupt could come between
        wait = phase.wait if isinstance(phase, Stop) else None
        if self._bus is not None and self._bus.wanted:
            self._bus.enqueue(
                StateChanged(
                    source=self.name,
                    at_seconds=now,
                    previous=previous.state,
                    current=phase.state,
                    reason=reason,
                    generation=phase.generation,
                    wait_seconds=wait,
                )
            )

    def _watch(self, state: State, now: float, reason: str, *, tell: bool = True) -> None:
        if state is State.CLOSED:
            self.openings = 0
        generation = self.phase.generation + 1
        window = new_window(self.config, generation=generation, decides=state is State.CLOSED, now=now)
        self._move(Watching(state, window, generation), now, reason)
        if tell and self._gate is not None and state is State.CLOSED:
            self._gate.note(Note("closed", generation))

    def _open(self, now: float, reason: str, *, wait: float | None = None, tell: bool = True) -> None:
        wait = self.next_wait() if wait is None else wait
        self.openings += 1
        self._stop_for(wait, now, reason)
        if tell and self._gate is not None:
            self._gate.note(Note("opened", self.phase.generation, wait_seconds=wait))

    def _stop_for(self, wait: float, now: float, reason: str) -> None:
        generation = self.phase.generation + 1
        self._move(Stop(State.OPEN, until=now + wait, wait=wait, generation=generation), now, reason)

    def _half_open(self, now: float, *, permitted: int, shared: bool) -> HalfOpen:
        limit = self.config.max_wait_in_half_open_seconds
        deadline = math.inf if limit is None else now + limit
        phase = HalfOpen(permitted=permitted, deadline=deadline, generation=self.phase.generation + 1, shared=shared)
        self._move(phase, now, "wait is over")
        return phase

    def next_wait(self) -> float:
        """Seconds that the next opening is to last."""
        base, backoff = self.config.wait_in_open_seconds, self.config.open_backoff
        if backoff is None:
            return base
        try:
            grown = base * backoff.multiplier**self.openings
        except OverflowError:
            grown = math.inf
        return min(grown, backoff.max_wait_seconds) * (1.0 - backoff.jitter_ratio * self._random())

    def _retire(self, window: Window) -> None:
        if len(self._past) == KEPT_WINDOWS:
            self._folded += self._past[0].successes()
        self._past = (*self._past[-(KEPT_WINDOWS - 1) :], window)

    # Orders from people

    def stop(self, state: State) -> None:
        """Go to `FORCED_OPEN` or `DISABLED`. Idempotent."""
        self.queue_turn(partial(self._order_stop, state, self.now()))
        self._tell()

    def _order_stop(self, state: State, now: float) -> None:
        if self.phase.state is not state:
            until = math.inf if state is State.FORCED_OPEN else -math.inf
            phase = Stop(state, until=until, wait=None, generation=self.phase.generation + 1)
            self._move(phase, now, "ordered")

    def watch(self, state: State) -> None:
        """Go to `CLOSED` (always with a new window) or to `METRICS_ONLY` (idempotent)."""
        self.queue_turn(partial(self._order_watch, state, self.now()))
        self._tell()
        if self._gate is not None:
            self._gate.wake()

    def _order_watch(self, state: State, now: float) -> None:
        if state is State.CLOSED or self.phase.state is not state:
            self._watch(state, now, "reset" if state is State.CLOSED else "ordered")

    # Answers

    def read(self) -> Reading:
        """All there is to know, consistent with one another. From inside a step: as the step has left it so far."""
        now = self.now()
        reading = self.take_turn(partial(self._read, now), None)
        if reading is None:
            reading = self._reading(now, NO_CALLS)
        self._tell()
        return reading

    def _read(self, now: float) -> Reading:
        self._advance(now)
        phase = self.phase
        counts = NO_CALLS
        if isinstance(phase, Watching):
            counts = phase.window.counts(now)
        elif isinstance(phase, HalfOpen):
            counts = Counts(phase.successes + phase.failures, phase.failures, phase.slow)
        return self._reading(now, counts)

    def _reading(self, now: float, counts: Counts) -> Reading:
        phase = self.phase
        windows = (*self._past, phase.window) if isinstance(phase, Watching) else self._past
        return Reading(
            phase=phase,
            counts=counts,
            trials_out=phase.trials_out() if isinstance(phase, HalfOpen) else 0,
            now=now,
            openings=self.openings,
            succeeded=self._folded + self.trial_successes + sum(each.successes() for each in windows),
            failed=self.failed,
            slow=self.slow,
            rejected=read_counter(self.refused),
        )

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

    def _decide_alone(self, now: float) -> None:
        phase = self.phase
        if isinstance(phase, HalfOpen) and phase.shared:
            phase.shared = False
            self._decide(phase, now)

    def grant(self, generation: int) -> bool:
        """Other processes agree to one trial here; false when this breaker no longer waits for it."""
        granted = self.take_turn(partial(self._grant, generation, self.now()), otherwise=False)
        self._tell()
        return granted

    def _grant(self, generation: int, now: float) -> bool:
        phase = self.phase
        if phase.generation != generation or phase.state is not State.OPEN or now < phase.until:
            return False
        self._half_open(now, permitted=1, shared=True)
        return True

    def align(self, wait_seconds: float) -> None:
        """Stay open for as long as other processes do; nothing when not open."""
        self.queue_turn(partial(self._align, self.now() + wait_seconds))

    def _align(self, until: float) -> None:
        if isinstance(self.phase, Stop) and self.phase.state is State.OPEN:
            self.phase.until = until

    def hold(self, generation: int, reason: str) -> None:
        """Go back from the half-open of that generation to open, with a trial due: the next one needs a lease anew."""
        self.queue_turn(partial(self._hold, generation, self.now(), reason))
        self._tell()

    def _hold(self, generation: int, now: float, reason: str) -> None:
        if self.phase.generation == generation:
            self._stop_for(0.0, now, reason)

    def follow(self, state: State, wait_seconds: float, reason: str) -> None:
        """Take over what other processes decided: open for so long, or closed. Orders from people here stand."""
        self.queue_turn(partial(self._follow, state, wait_seconds, self.now(), reason))
        self._tell()

    def _follow(self, state: State, wait_seconds: float, now: float, reason: str) -> None:
        if self.phase.state not in (State.CLOSED, State.OPEN, State.HALF_OPEN):
            return
        if state is State.OPEN:
            self._open(now, reason, wait=wait_seconds, tell=False)
        else:
            self._watch(State.CLOSED, now, reason, tell=False)

    # Forks

    def after_fork(self) -> None:
        """In the child: other threads' locks and trials are gone, though their frames still seem to hold them."""
        self.renew_turns()
        phase = self.phase
        if isinstance(phase, HalfOpen):
            phase = Stop(State.OPEN, until=-math.inf, wait=0.0, generation=phase.generation + 1)
        window = phase.window if isinstance(phase, Watching) else None
        self.phase, self.window = phase, window
        for each in self._past if window is None else (*self._past, window):
            renew_counter(each.tick)
        renew_counter(self.refused)


def live_cores() -> list[Core]:
    """Every breaker of this process."""
    return [each for each in fork_aware() if isinstance(each, Core)]
