"""The breaker's moves: from what phase, by what, into which one. All of it within a turn, none of it calls foreign code."""

import math
import weakref
from collections.abc import Callable
from typing import Final, NamedTuple

from seawall.breaker._config import CircuitBreakerConfig
from seawall.breaker._phases import HalfOpen, Note, Phase, State, Stop, Ticket, TrialGate, Watching
from seawall.breaker._turns import Turns
from seawall.breaker._windows import Counts, Tick, Window, new_counter, new_window, read_counter, renew_counter
from seawall.clock import Clock
from seawall.events import CallRecorded, EventBus, StateChanged

__all__ = ["NO_CALLS", "Machine", "Reading"]

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


class Machine(Turns):
    """The state of one breaker, and its moves. `Core` is the way in."""

    __slots__ = (
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
        self._bus: EventBus | None = events
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

    # Calls and their outcomes

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

    # From phase to phase

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
        window = phase.window if isinstance(phase, Watching) else None
        past, folded = self._retired(previous.window) if isinstance(previous, Watching) else (self._past, self._folded)
        # In one statement without a call in it: nothing that a KeyboardInterrupt could come between.
        self.phase, self.window, self._past, self._folded = phase, window, past, folded
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

    def _retired(self, window: Window) -> tuple[tuple[Window, ...], int]:
        """The past windows with that one, and the successes of those that are no longer kept."""
        folded = self._folded
        if len(self._past) == KEPT_WINDOWS:
            folded += self._past[0].successes()
        return (*self._past[-(KEPT_WINDOWS - 1) :], window), folded

    # Orders from people

    def _order_stop(self, state: State, now: float) -> None:
        if self.phase.state is not state:
            until = math.inf if state is State.FORCED_OPEN else -math.inf
            phase = Stop(state, until=until, wait=None, generation=self.phase.generation + 1)
            self._move(phase, now, "ordered")

    def _order_watch(self, state: State, now: float) -> None:
        if state is State.CLOSED or self.phase.state is not state:
            self._watch(state, now, "reset" if state is State.CLOSED else "ordered")

    # What other processes decided

    def _decide_alone(self, now: float) -> None:
        phase = self.phase
        if isinstance(phase, HalfOpen) and phase.shared:
            phase.shared = False
            self._decide(phase, now)

    def _grant(self, generation: int, now: float) -> bool:
        phase = self.phase
        if phase.generation != generation or phase.state is not State.OPEN or now < phase.until:
            return False
        self._half_open(now, permitted=1, shared=True)
        return True

    def _align(self, until: float) -> None:
        if isinstance(self.phase, Stop) and self.phase.state is State.OPEN:
            self.phase.until = until

    def _hold(self, generation: int, now: float, reason: str) -> None:
        if self.phase.generation == generation:
            self._stop_for(0.0, now, reason)

    def _follow(self, state: State, wait_seconds: float, now: float, reason: str) -> None:
        if self.phase.state not in (State.CLOSED, State.OPEN, State.HALF_OPEN):
            return
        if state is State.OPEN:
            self._open(now, reason, wait=wait_seconds, tell=False)
        else:
            self._watch(State.CLOSED, now, reason, tell=False)

    # Forks

    def _renew(self) -> None:
        phase = self.phase
        if isinstance(phase, HalfOpen):
            phase = Stop(State.OPEN, until=-math.inf, wait=0.0, generation=phase.generation + 1)
        window = phase.window if isinstance(phase, Watching) else None
        self.phase, self.window = phase, window
        for each in self._past if window is None else (*self._past, window):
            renew_counter(each.tick)
        renew_counter(self.refused)

    # Answers

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
