"""The breaker against a plain model of it, driven by Hypothesis.

What holds, whatever is done in whatever order:

1. A call is admitted exactly when the model admits it, and is told apart as such by its permit.
2. In half-open the permits that are out and the trials that have ended are never more than are permitted.
3. An outcome counts only in the phase that admitted its call; anything else it changes only the totals.
4. Released, dropped and cancelled permits count nowhere and, in half-open, give their place back.
5. A count window holds the last N outcomes; a time window those of the last 20 twentieths of its size; a streak the
   failures since the last success. The breaker opens on the failure or slow call with which a rate reaches its threshold,
   and never on a fast success.
6. Open lasts until the clock says so; forced open and disabled until they are told otherwise; metrics-only never opens.
7. Totals never shrink. Reading changes nothing.

The model keeps every outcome in a list and counts it anew each time. It knows nothing of ticks, buckets or locks.
"""

import contextlib
import math
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, Permit, State
from seawall.testing import FakeClock

TWENTIETHS = 20


@dataclass
class Outcome:
    """One counted call."""

    at: float
    failed: bool
    slow: bool


@dataclass(eq=False)
class ModelPhase:
    """One stay in one state."""

    state: State
    began: float
    until: float = -math.inf
    outcomes: list[Outcome] = field(default_factory=list)
    out: int = 0  # permits under way in half-open


@dataclass(eq=False)
class Call:
    """A permit that was asked for, and what the model made of it."""

    permit: Permit | None
    phase: ModelPhase | None
    began: float
    ended: bool = False


class Model:
    """The rules, said as plainly as possible."""

    def __init__(self, config: CircuitBreakerConfig, now: float) -> None:
        self.config = config
        self.phase = ModelPhase(State.CLOSED, now)

    def advance(self, now: float) -> None:
        limit = self.config.max_wait_in_half_open_seconds
        if self.phase.state is State.HALF_OPEN and limit is not None and now >= self.phase.began + limit:
            ended = self.phase.began + limit
            if self.config.after_half_open_wait == "open":
                self.open(ended)
            else:
                self.phase = ModelPhase(State.CLOSED, ended)

    def open(self, now: float) -> None:
        self.phase = ModelPhase(State.OPEN, now, until=now + self.config.wait_in_open_seconds)

    def admit(self, now: float) -> ModelPhase | None:
        """The phase that admitted a call, or None."""
        self.advance(now)
        phase = self.phase
        if phase.state is State.FORCED_OPEN or (phase.state is State.OPEN and now < phase.until):
            return None
        if phase.state is State.OPEN:
            self.phase = phase = ModelPhase(State.HALF_OPEN, now)
        if phase.state is State.HALF_OPEN:
            if phase.out + len(phase.outcomes) >= self.config.permitted_calls_in_half_open:
                return None
            phase.out += 1
        return phase

    def settle(self, phase: ModelPhase, now: float, *, failed: bool, slow: bool) -> None:
        self.advance(now)
        phase.out -= phase.state is State.HALF_OPEN
        phase.outcomes.append(Outcome(now, failed, slow))
        if phase is not self.phase:
            return
        if phase.state is State.HALF_OPEN:
            self.decide()
        elif phase.state is State.CLOSED and (failed or slow) and self.must_open(now):
            self.open(now)

    def release(self, phase: ModelPhase) -> None:
        phase.out -= phase.state is State.HALF_OPEN

    def decide(self) -> None:
        config, trials = self.config, self.phase.outcomes
        permitted = config.permitted_calls_in_half_open
        failures = sum(each.failed for each in trials)
        slow = sum(each.slow for each in trials)
        if config.sliding_window == "consecutive":
            bad = any(each.failed or each.slow for each in trials)
        else:
            bad = (failures > 0 and failures / permitted >= config.failure_rate_threshold) or (
                slow > 0 and slow / permitted >= config.slow_call_rate_threshold
            )
        now = trials[-1].at
        if bad:
            self.open(now)
        elif len(trials) == permitted:
            self.phase = ModelPhase(State.CLOSED, now)

    def window(self, now: float) -> list[Outcome]:
        """The outcomes that count now."""
        outcomes, size = self.phase.outcomes, self.config.sliding_window_size
        if self.config.sliding_window == "count":
            return outcomes[-size:]
        if self.config.sliding_window == "time":
            width = size / TWENTIETHS

            def part(at: float) -> int:
                return int((at - self.phase.began) / width)

            return [each for each in outcomes if part(each.at) > part(now) - TWENTIETHS]
        good = [index for index, each in enumerate(outcomes) if not (each.failed or each.slow)]
        return outcomes[good[-1] + 1 :] if good else outcomes

    def must_open(self, now: float) -> bool:
        window, config = self.window(now), self.config
        if config.sliding_window == "consecutive":
            return len(window) >= config.consecutive_failures
        if len(window) < config.minimum_calls:
            return False
        return (
            sum(each.failed for each in window) / len(window) >= config.failure_rate_threshold
            or sum(each.slow for each in window) / len(window) >= config.slow_call_rate_threshold
        )


ratios = st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0])


@st.composite
def configs(draw: st.DrawFn) -> CircuitBreakerConfig:
    kinds: tuple[Literal["count", "time", "consecutive"], ...] = ("count", "time", "consecutive")
    kind = draw(st.sampled_from(kinds))
    size = draw(st.integers(1, 12)) if kind == "count" else 10  # seconds: a twentieth is then exact in binary
    return CircuitBreakerConfig(
        sliding_window=kind,
        sliding_window_size=size,
        minimum_calls=draw(st.integers(1, min(size, 4))),
        failure_rate_threshold=draw(ratios),
        slow_call_seconds=draw(st.sampled_from([None, 1.0])),
        slow_call_rate_threshold=draw(ratios),
        consecutive_failures=draw(st.integers(1, 4)),
        wait_in_open_seconds=4.0,
        permitted_calls_in_half_open=draw(st.integers(1, 4)),
        max_wait_in_half_open_seconds=draw(st.sampled_from([None, 3.0])),
        after_half_open_wait=draw(st.sampled_from(["open", "closed"])),
        ignore=(KeyError,),
    )


class BreakerMachine(RuleBasedStateMachine):
    """Does to both what Hypothesis thinks of."""

    calls = Bundle("calls")

    @initialize(config=configs())
    def start(self, config: CircuitBreakerConfig) -> None:
        self.clock = FakeClock(64.0)
        self.breaker = CircuitBreaker("dependency", config, clock=self.clock)
        self.model = Model(config, 64.0)
        self.limit = config.slow_call_seconds or math.inf
        self.totals = self.breaker.snapshot()
        self.guarded = self.breaker(self.perform)

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def perform(self, seconds: float, error: type[BaseException] | None) -> str:
        self.clock.advance(seconds)
        if error is not None:
            raise error
        return "done"

    @rule(target=calls)
    def take_a_permit(self) -> Call:
        permit, phase = self.breaker.try_acquire(), self.model.admit(self.now)
        assert (permit is None) == (phase is None)
        return Call(permit, phase, self.now)

    @rule(call=calls, failed=st.booleans())
    def say_how_it_ended(self, call: Call, failed: bool) -> None:
        """Not consumed: said a second time, or after a release, it must do nothing."""
        if call.permit is None or call.phase is None:
            return
        if not call.ended:
            call.ended = True
            self.model.settle(call.phase, self.now, failed=failed, slow=self.now - call.began > self.limit)
        if failed:
            call.permit.failure()
        else:
            call.permit.success()

    @rule(call=calls)
    def release(self, call: Call) -> None:
        if call.permit is None or call.phase is None:
            return
        if not call.ended:
            call.ended = True
            self.model.release(call.phase)
        call.permit.release()

    @rule()
    def take_a_permit_and_lose_it(self) -> None:
        permit, phase = self.breaker.try_acquire(), self.model.admit(self.now)
        assert (permit is None) == (phase is None)
        if phase is not None:
            self.model.release(phase)

    @rule(
        seconds=st.sampled_from([0.0, 0.25, 1.0, 1.25]),
        error=st.sampled_from([None, None, OSError, KeyError, KeyboardInterrupt]),
    )
    def call_a_guarded_function(self, seconds: float, error: type[BaseException] | None) -> None:
        phase = self.model.admit(self.now)
        if phase is None:
            with pytest.raises(CallNotPermitted) as rejection:
                self.guarded(seconds, error)
            assert (rejection.value.retry_after_seconds is not None) == (self.model.phase.state is State.OPEN)
            return
        with pytest.raises(error) if error else contextlib.nullcontext():
            self.guarded(seconds, error)
        if error in (None, OSError):
            self.model.settle(phase, self.now, failed=error is not None, slow=seconds > self.limit)
        else:
            self.model.release(phase)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 3.0, 4.0, 9.5, 10.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    @precondition(lambda self: self.model.phase.state is State.OPEN)
    def wait_for_the_trial(self) -> None:
        self.clock.advance(max(0.0, self.model.phase.until - self.now))

    @rule()
    @precondition(lambda self: self.model.phase.state is State.HALF_OPEN)
    def wait_for_the_end_of_half_open(self) -> None:
        limit = self.breaker.config.max_wait_in_half_open_seconds
        if limit is not None:
            self.clock.advance(max(0.0, self.model.phase.began + limit - self.now))

    @rule(outcomes=st.lists(st.sampled_from(["good", "good", "failed", "slow"]), min_size=3, max_size=15))
    def make_many_calls(self, outcomes: list[str]) -> None:
        for outcome in outcomes:
            seconds = 1.25 if outcome == "slow" else 0.0
            self.call_a_guarded_function(seconds, OSError if outcome == "failed" else None)
            self.state_and_window_agree()

    @rule(order=st.sampled_from(["force_open", "disable", "metrics_only", "reset"]), really=st.integers(0, 3))
    def order(self, order: str, really: int) -> None:
        if really:
            return  # orders end what the other rules have built up: one in four is enough
        states = {"force_open": State.FORCED_OPEN, "disable": State.DISABLED, "metrics_only": State.METRICS_ONLY}
        state = states.get(order, State.CLOSED)
        getattr(self.breaker, order)()
        if order == "reset" or self.model.phase.state is not state:
            self.model.phase = ModelPhase(state, self.now)

    @invariant()
    def state_and_window_agree(self) -> None:
        self.model.advance(self.now)
        phase, snapshot = self.model.phase, self.breaker.snapshot()
        assert self.breaker.state is phase.state
        assert snapshot.state is phase.state
        if phase.state is State.HALF_OPEN:
            assert snapshot.trials_under_way == phase.out
            assert phase.out + snapshot.calls <= self.breaker.config.permitted_calls_in_half_open
        if phase.state in (State.CLOSED, State.METRICS_ONLY):
            window = self.model.window(self.now)
            assert snapshot.calls == len(window)
            if self.breaker.config.sliding_window != "consecutive":
                assert snapshot.failures == sum(each.failed for each in window)
                assert snapshot.slow_calls == sum(each.slow for each in window)

    @invariant()
    def totals_never_shrink(self) -> None:
        before, now = self.totals, self.breaker.snapshot()
        for total in ("total_succeeded", "total_failed", "total_slow", "total_rejected", "generation"):
            assert getattr(now, total) >= getattr(before, total), total
        self.totals = now


TestBreakerAgainstModel = BreakerMachine.TestCase
TestBreakerAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.mark.soak
def test_breaker_agrees_with_the_model_for_long():
    """Thousands of long runs of the same machine."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        BreakerMachine, settings=settings(max_examples=3000, stateful_step_count=80, deadline=None)
    )
