"""What may interrupt a thread at any instruction: signal handlers, finalizers, KeyboardInterrupt.

The tests that trace interrupt each single line of the breaker, one after another; the others are interrupted for real.
"""

import gc
import itertools
import linecache
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from breaker_steps import consecutive, make_trial_due
from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, State, _core
from seawall.breaker._phases import HalfOpen, Watching
from seawall.testing import FakeClock

OWN_CODE = str(Path(_core.__file__).parent)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def interrupting(action: Callable[[], object], interrupt: Callable[[], object]) -> None:
    """Do `action`, and `interrupt` before each line of the breaker's own code on the way."""

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and not _is_left_in_one_go(frame):
            interrupt()
        return line

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(OWN_CODE) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        action()
    finally:
        sys.settrace(before)


def _is_left_in_one_go(frame: FrameType) -> bool:
    """Lines between which and the end of their block the interpreter looks for no signals, though a tracer may."""
    text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return text.startswith("with self._lock") or text == "self._busy = False"


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_a_call_that_interrupts_the_end_of_a_trial_is_not_one_too_many(clock, outcome):
    """Between the ticket's end and the count of its outcome there was a place that nobody had left."""
    breaker = consecutive(clock, failures=1)
    make_trial_due(breaker, clock)
    trial = breaker.acquire()
    phase = breaker._core.phase
    assert isinstance(phase, HalfOpen)
    taken: list[Any] = []
    interrupting(getattr(trial, outcome), lambda: taken.append(breaker.try_acquire()))
    assert len(taken) > 10
    assert not any(permit is not None and permit._ticket.phase is phase for permit in taken)
    assert breaker.state is (State.CLOSED if outcome == "success" else State.OPEN)


@pytest.mark.parametrize("window", ["count", "time", "consecutive"])
def test_outcomes_that_interrupt_one_another_are_all_counted(clock, window):
    """A finalizer whose own guarded call fails while a failure is being written down."""
    config = CircuitBreakerConfig(
        sliding_window=window, sliding_window_size=10_000, minimum_calls=10_000, consecutive_failures=10_000
    )
    breaker = CircuitBreaker("dependency", config, clock=clock)
    reported = 1

    def interrupt() -> None:
        nonlocal reported
        if reported < 200:  # each one waits for its turn and is interrupted there in the same way
            reported += 1
            breaker.acquire().failure()

    interrupting(breaker.acquire().failure, interrupt)
    snapshot = breaker.snapshot()
    assert reported == 200
    assert snapshot.total_failed == snapshot.failures == snapshot.calls == reported


def test_a_disabled_breaker_lets_interrupting_calls_through(clock):
    """It is out of the way, whoever calls and from where."""
    breaker = consecutive(clock)
    breaker.disable()
    taken: list[Any] = []
    interrupting(breaker.snapshot, lambda: taken.append(breaker.try_acquire()))
    assert len(taken) > 5
    assert all(permit is not None for permit in taken)


def _fail_closed(breaker: CircuitBreaker, clock: FakeClock) -> Callable[[], object]:
    return breaker.acquire().failure


def _take_trial(breaker: CircuitBreaker, clock: FakeClock) -> Callable[[], object]:
    make_trial_due(breaker, clock)
    return breaker.try_acquire


def _end_trial(outcome: str) -> Callable[[CircuitBreaker, FakeClock], Callable[[], object]]:
    def prepare(breaker: CircuitBreaker, clock: FakeClock) -> Callable[[], object]:
        make_trial_due(breaker, clock)
        return getattr(breaker.acquire(), outcome)

    return prepare


@pytest.mark.parametrize(
    "prepare",
    [
        _fail_closed,
        _take_trial,
        _end_trial("success"),
        _end_trial("failure"),
        lambda breaker, clock: breaker.force_open,
        lambda breaker, clock: breaker.metrics_only,
        lambda breaker, clock: breaker.snapshot,
    ],
    ids=["opening", "trial", "closing", "opening again", "forced", "metrics only", "snapshot"],
)
def test_a_keyboard_interrupt_at_any_line_leaves_a_breaker_that_works(clock, prepare):
    """Ctrl-C, or a time-out by signal, in the middle of a step: not wedged, and never open in name only."""
    for number in itertools.count():
        breaker = consecutive(clock, failures=1)
        action = prepare(breaker, clock)
        lines = itertools.count()

        def interrupt(at: int = number, lines: "itertools.count[int]" = lines) -> None:
            if next(lines) == at:
                raise KeyboardInterrupt

        try:
            interrupting(action, interrupt)
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
        del action
        core = breaker._core
        assert (core.window is not None) == isinstance(core.phase, Watching)
        make_trial_due(breaker, clock)
        trial = breaker.try_acquire()
        assert trial is not None
        assert breaker.try_acquire() is None
        trial.success()
        assert breaker.state is State.CLOSED
        if not interrupted:
            assert number > 3
            return


def test_a_finalizer_that_calls_a_guarded_function_cannot_deadlock(clock):
    """Garbage is collected at any allocation, also inside the breaker, and finalizers run whatever they like."""
    breaker = consecutive(clock, failures=1)
    guarded = breaker(lambda: "called")
    outcomes: list[str] = []

    class Finalized:
        def __del__(self) -> None:
            try:
                outcomes.append(guarded())
            except CallNotPermitted:
                outcomes.append("rejected")

    make_trial_due(breaker, clock)
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(300):
            garbage = Finalized()
            garbage.itself = garbage  # type: ignore[attr-defined]
            del garbage
            permit = breaker.try_acquire()
            if permit is not None:
                permit.failure()
            breaker.snapshot()
            clock.advance(30.0)
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert len(outcomes) == 300


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_a_signal_handler_that_calls_a_guarded_function_cannot_deadlock(clock, monkeypatch):
    """A handler runs between two instructions of the main thread, also of those inside the breaker."""
    breaker = consecutive(clock, failures=1)
    guarded = breaker(lambda: "called")
    handled: list[str] = []

    def handler(*_: object) -> None:
        try:
            handled.append(guarded())
        except CallNotPermitted:
            handled.append("rejected")

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    deadline = time.monotonic() + 20
    try:
        while len(handled) < 200:
            assert time.monotonic() < deadline
            make_trial_due(breaker, clock)
            for _ in range(20):
                permit = breaker.try_acquire()
                if permit is not None:
                    assert breaker.snapshot().trials_under_way <= 1
                    permit.release()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
