"""Opening, waiting, trying, closing; and what people order."""

import copy
import gc
import pickle

import pytest

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, OpenBackoff, State
from seawall.errors import CannotPickle, InvalidInput
from seawall.events import CallRecorded, StateChanged
from seawall.testing import FakeClock, events_of


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(100.0)


def make(clock: FakeClock, **config) -> CircuitBreaker:
    config = {"sliding_window": "consecutive", "consecutive_failures": 1, "wait_in_open_seconds": 10.0, **config}
    return CircuitBreaker("payments", CircuitBreakerConfig(**config), clock=clock)


def open_it(breaker: CircuitBreaker) -> None:
    breaker.reset()
    while breaker.state is State.CLOSED:
        breaker.acquire().failure()


def test_it_opens_waits_tries_and_closes(clock):
    """The whole round, with what a caller is told on the way."""
    breaker = make(clock)
    open_it(breaker)
    clock.advance(4.0)
    with pytest.raises(CallNotPermitted) as rejection:
        breaker.acquire()
    assert rejection.value.retry_after_seconds == 6.0
    assert rejection.value.breaker == "payments"
    assert rejection.value.state == "open"
    assert str(rejection.value) == "breaker payments is open: call not permitted, next trial in 6 s"
    clock.advance(6.0)
    with breaker.acquire():
        assert breaker.state is State.HALF_OPEN
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().failures == 0


def test_a_failed_trial_opens_it_for_another_wait(clock):
    """The wait starts anew when the trial fails, not when the breaker first opened."""
    breaker = make(clock)
    open_it(breaker)
    clock.advance(13.0)
    trial = breaker.acquire()
    clock.advance(2.0)
    trial.failure()
    assert breaker.snapshot().retry_after_seconds == 10.0
    assert breaker.snapshot().openings == 2


@pytest.mark.parametrize(
    ("failures", "state"), [(0, State.CLOSED), (1, State.CLOSED), (2, State.OPEN), (3, State.OPEN)]
)
def test_the_rate_of_the_trials_decides(clock, failures, state):
    """Two of four trials are the threshold of one half."""
    breaker = make(clock, sliding_window="count", minimum_calls=1, permitted_calls_in_half_open=4)
    open_it(breaker)
    clock.advance(10.0)
    trials = [breaker.acquire() for _ in range(4)]
    for number, trial in enumerate(trials):
        if number < 4 - failures:
            trial.success()
        else:
            trial.failure()
    assert breaker.state is state


def test_it_opens_as_soon_as_the_trials_cannot_end_well(clock):
    """A dependency that is down is not called by the trials that are left."""
    breaker = make(clock, sliding_window="count", minimum_calls=1, permitted_calls_in_half_open=10)
    open_it(breaker)
    clock.advance(10.0)
    for _ in range(5):
        assert breaker.snapshot().state is not State.CLOSED
        breaker.acquire().failure()
    assert breaker.state is State.OPEN
    assert breaker.snapshot().retry_after_seconds == 10.0


def test_slow_trials_open_it_again(clock):
    """A dependency that answers, but late, is not back."""
    breaker = make(clock, sliding_window="count", minimum_calls=1, slow_call_seconds=1.0)
    open_it(breaker)
    clock.advance(10.0)
    with breaker.acquire():
        clock.advance(1.5)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize(("after", "state"), [("open", State.OPEN), ("closed", State.CLOSED)])
def test_half_open_ends_after_its_longest_wait(clock, after, state):
    """A trial that hangs does not keep everybody else out for ever; what it says at last decides nothing."""
    breaker = make(clock, max_wait_in_half_open_seconds=5.0, after_half_open_wait=after)
    open_it(breaker)
    clock.advance(10.0)
    trial = breaker.acquire()
    clock.advance(4.75)
    assert breaker.state is State.HALF_OPEN
    clock.advance(0.25)
    assert breaker.state is state
    trial.failure() if state is State.CLOSED else trial.success()
    assert breaker.state is state


def test_the_end_of_half_open_is_dated_when_it_was_due(clock):
    """Nobody called for an hour: the wait that follows has long passed, and the next call is a trial."""
    breaker = make(clock, max_wait_in_half_open_seconds=5.0)
    open_it(breaker)
    clock.advance(10.0)
    hanging = breaker.acquire()
    clock.advance(8.0)
    assert breaker.snapshot().retry_after_seconds == 7.0
    clock.advance(3600.0)
    assert breaker.try_acquire() is not None
    assert breaker.state is State.HALF_OPEN
    hanging.success()
    assert breaker.state is State.HALF_OPEN


def test_a_dropped_trial_gives_its_place_back(clock):
    """A permit whose owner forgot it is collected; no finalizer of ours runs, so none can deadlock."""
    breaker = make(clock)
    open_it(breaker)
    clock.advance(10.0)
    trial = breaker.acquire()
    cycle: list[object] = [trial]
    cycle.append(cycle)
    del trial
    assert breaker.try_acquire() is None
    del cycle
    gc.collect()
    assert breaker.try_acquire() is not None


def test_a_rejection_never_says_that_the_breaker_is_closed(clock):
    """Another thread may have closed it since; `closed: call not permitted` would send its reader the wrong way."""
    breaker = CircuitBreaker("dependency", clock=clock)
    for order in (breaker.reset, breaker.disable, breaker.metrics_only):
        order()
        rejection = breaker._core.refusal()
        assert (rejection.state, rejection.retry_after_seconds) == ("open", 0.0)


def test_a_permit_is_settled_once(clock):
    """The second word about a call does nothing, whatever it is."""
    breaker = make(clock, sliding_window="count", minimum_calls=100)
    for first in ("success", "failure", "release"):
        permit = breaker.acquire()
        getattr(permit, first)()
        before = breaker.snapshot()
        for second in (permit.success, permit.failure, permit.release):
            second()
        assert breaker.snapshot() == before


def test_failures_after_the_opening_do_not_extend_it(clock):
    """Calls from before that fail one by one must not push the trial further away."""
    breaker = make(clock)
    overhanging = [breaker.acquire() for _ in range(5)]
    open_it(breaker)
    for permit in overhanging:
        clock.advance(1.0)
        permit.failure()
    assert breaker.snapshot().retry_after_seconds == 5.0


# The wait


def waits(breaker: CircuitBreaker, clock: FakeClock, times: int) -> list[float]:
    """The waits of so many openings in a row."""
    open_it(breaker)
    found: list[float] = []
    for _ in range(times):
        wait = breaker.snapshot().retry_after_seconds
        assert wait is not None
        found.append(wait)
        clock.advance(wait)
        breaker.acquire().failure()
    return found


def test_the_wait_is_always_the_same_without_a_backoff(clock):
    """Default: what was configured, without growth or jitter."""
    assert waits(make(clock), clock, 4) == [10.0] * 4


def test_the_wait_grows_with_each_failed_trial_and_starts_anew_after_closing(clock):
    """A dependency that stays down is tried less and less often, up to a limit."""
    backoff = OpenBackoff(multiplier=2.0, max_wait_seconds=60.0, jitter_ratio=0.0)
    breaker = make(clock, open_backoff=backoff)
    assert waits(breaker, clock, 5) == [10.0, 20.0, 40.0, 60.0, 60.0]
    assert waits(breaker, clock, 2) == [10.0, 20.0]


def test_jitter_shortens_the_wait_by_a_random_part(clock):
    """At the limit, too: a fleet whose waits have all reached it must not try in step."""
    numbers = iter([0.0, 0.5, 1.0, 0.5])
    config = CircuitBreakerConfig(
        sliding_window="consecutive",
        consecutive_failures=1,
        wait_in_open_seconds=10.0,
        open_backoff=OpenBackoff(multiplier=2.0, max_wait_seconds=40.0, jitter_ratio=0.2),
    )
    breaker = CircuitBreaker("payments", config, clock=clock, random=lambda: next(numbers))
    assert waits(breaker, clock, 3) == [10.0, 18.0, 32.0]


# Orders


def test_forced_open_rejects_until_reset(clock):
    """Whatever time passes and whatever calls from before report."""
    breaker = make(clock)
    overhanging = breaker.acquire()
    breaker.force_open()
    overhanging.success()
    clock.advance(1e6)
    with pytest.raises(CallNotPermitted) as rejection:
        breaker.acquire()
    assert rejection.value.retry_after_seconds is None
    assert str(rejection.value) == "breaker payments is forced open: call not permitted"
    breaker.reset()
    assert breaker.state is State.CLOSED


def test_disabled_lets_all_through_and_watches_none(clock):
    """Not even a function that always fails."""
    breaker = make(clock)
    open_it(breaker)
    breaker.disable()

    @breaker
    def fails() -> None:
        raise ConnectionError

    for _ in range(100):
        with pytest.raises(ConnectionError):
            fails()
    assert breaker.state is State.DISABLED
    assert breaker.snapshot().total_failed == 1


def test_metrics_only_watches_and_never_opens(clock):
    """How to find the numbers before the breaker is trusted with the traffic."""
    breaker = make(clock, sliding_window="count", minimum_calls=1)
    breaker.metrics_only()
    for _ in range(20):
        breaker.acquire().failure()
    assert breaker.state is State.METRICS_ONLY
    assert breaker.snapshot().failure_rate == 1.0


@pytest.mark.parametrize("order", ["force_open", "disable", "metrics_only"])
def test_orders_are_idempotent(clock, order):
    """The second one changes nothing, so that a script may repeat it."""
    breaker = make(clock)
    with events_of(breaker) as events:
        getattr(breaker, order)()
        generation = breaker.snapshot().generation
        getattr(breaker, order)()
    assert breaker.snapshot().generation == generation
    assert len(events) == 1


def test_reset_forgets_the_window(clock):
    """After a fix was deployed the failures before it say nothing."""
    breaker = make(clock, sliding_window="count", minimum_calls=2)
    before = breaker.acquire()
    breaker.acquire().failure()
    breaker.reset()
    before.failure()
    assert breaker.snapshot().calls == 0
    assert breaker.state is State.CLOSED


# What it tells


def test_events_tell_each_change_and_each_failure_in_order(clock):
    """A subscriber can rebuild the breaker's history; fast successes and rejections are counted, not told."""
    breaker = make(clock, slow_call_seconds=1.0)
    error = ConnectionError("refused")
    with events_of(breaker) as events:
        with breaker.acquire():
            pass
        with pytest.raises(ConnectionError), breaker.acquire():
            raise error
        assert breaker.try_acquire() is None
        clock.advance(10.0)
        breaker.acquire().success()
    breaker.force_open()

    def changed(at: float, previous: str, current: str, reason: str, generation: int, wait: float | None = None):
        return StateChanged(
            source="payments",
            at_seconds=at,
            previous=previous,
            current=current,
            reason=reason,
            generation=generation,
            wait_seconds=wait,
        )

    assert events == [
        CallRecorded(source="payments", at_seconds=100.0, failed=True, slow=False, error=error),
        changed(100.0, "closed", "open", "consecutive failures", 1, 10.0),
        changed(110.0, "open", "half_open", "wait is over", 2),
        changed(110.0, "half_open", "closed", "trials succeeded", 3),
    ]


def test_a_subscriber_may_use_the_breaker(clock):
    """It is called outside the lock: an event that it causes itself is told next, in order."""
    breaker = make(clock)
    told: list[str] = []

    def heal(event: object) -> None:
        if isinstance(event, StateChanged):
            told.append(event.current)
            if event.current == "open":
                breaker.reset()
                told.append("reset was called")

    with breaker.events.subscribe(heal):
        breaker.acquire().failure()
    assert told == ["open", "reset was called", "closed"]
    assert breaker.state is State.CLOSED


def test_totals_survive_more_windows_than_are_kept(clock):
    """A counter that falls looks like a restart to whoever draws it."""
    breaker = make(clock)
    for round_number in range(1, 31):
        breaker.call(lambda: None)
        breaker.reset()
        assert breaker.snapshot().total_succeeded == round_number
    late = breaker.acquire()
    breaker.reset()
    late.success()
    assert breaker.snapshot().total_succeeded == 31


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_pickling_and_copying_are_refused_in_one_line(clock, copied):
    """A copy would be a second breaker that nobody trips; it is made by name in each process."""
    breaker = make(clock)
    with pytest.raises(CannotPickle, match="CircuitBreaker 'payments' cannot be pickled or copied: make one"):
        copied(breaker)
    with pytest.raises(CannotPickle, match="a Permit cannot"):
        copied(breaker.acquire())


def test_a_rejection_can_be_pickled(clock):
    """Exceptions travel between processes, e.g. out of a process pool."""
    error = pickle.loads(pickle.dumps(CallNotPermitted(1.5, "payments", "open")))  # noqa: S301 - our own bytes
    assert (error.retry_after_seconds, error.breaker, error.state) == (1.5, "payments", "open")


def test_repr_says_name_and_state(clock):
    """For logs and debuggers."""
    assert repr(make(clock)) == "<CircuitBreaker 'payments' closed>"


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_breaker_needs_a_name(name):
    """It is what errors, events and metrics show."""
    with pytest.raises(InvalidInput, match="name"):
        CircuitBreaker(name)


def test_a_config_of_another_kind_is_refused():
    """A dict is a likely slip."""
    with pytest.raises(InvalidInput, match="a CircuitBreakerConfig"):
        CircuitBreaker("payments", {"minimum_calls": 3})  # pyright: ignore[reportArgumentType]
