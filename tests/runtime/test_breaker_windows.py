"""What a window holds, against a list of all outcomes that is counted anew each time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State
from seawall.testing import FakeClock

SLOW_SECONDS = 1.0

outcomes = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.0, 0.25, 0.5, 2.0, 9.5, 10.0, 25.0]),  # seconds until the call
        st.booleans(),  # whether it fails
        st.sampled_from([0.25, 1.25]),  # its duration
    ),
    max_size=60,
)


def watching(clock: FakeClock, **config) -> CircuitBreaker:
    """A breaker that counts and never opens."""
    breaker = CircuitBreaker(
        "dependency", CircuitBreakerConfig(slow_call_seconds=SLOW_SECONDS, minimum_calls=1, **config), clock=clock
    )
    breaker.metrics_only()
    return breaker


def run(breaker: CircuitBreaker, clock: FakeClock, seconds: float, fails: bool) -> None:
    @breaker
    def call() -> None:
        clock.advance(seconds)
        if fails:
            raise ConnectionError

    if fails:
        with pytest.raises(ConnectionError):
            call()
    else:
        call()


@settings(deadline=None, max_examples=60)
@given(calls=outcomes, size=st.integers(1, 20))
def test_a_count_window_holds_the_last_calls_exactly(calls, size):
    """Not one more, not one less, whatever mixture of successes, failures and slow calls came before."""
    clock = FakeClock()
    breaker = watching(clock, sliding_window_size=size)
    seen: list[tuple[bool, bool]] = []
    for wait, fails, seconds in calls:
        clock.advance(wait)
        run(breaker, clock, seconds, fails)
        seen.append((fails, seconds > SLOW_SECONDS))
        snapshot, last = breaker.snapshot(), seen[-size:]
        assert snapshot.calls == len(last)
        assert snapshot.failures == sum(failed for failed, _ in last)
        assert snapshot.slow_calls == sum(slow for _, slow in last)
    totals = breaker.snapshot()
    assert totals.total_failed == sum(failed for failed, _ in seen)
    assert totals.total_slow == sum(slow for _, slow in seen)
    assert totals.total_succeeded == sum(not failed and not slow for failed, slow in seen)


@settings(deadline=None, max_examples=60)
@given(calls=outcomes)
def test_a_time_window_holds_the_last_twenty_twentieths(calls):
    """Sharp to a twentieth of the window: what is older than the window never counts, what is younger than 95 % does."""
    clock = FakeClock()
    breaker = watching(clock, sliding_window="time", sliding_window_size=10)
    seen: list[tuple[float, bool, bool]] = []
    for wait, fails, seconds in calls:
        clock.advance(wait)
        run(breaker, clock, seconds, fails)
        now = clock.monotonic()
        seen.append((now, fails, seconds > SLOW_SECONDS))
        snapshot = breaker.snapshot()
        inside = [each for each in seen if int(each[0] / 0.5) > int(now / 0.5) - 20]
        assert snapshot.calls == len(inside)
        assert snapshot.failures == sum(failed for _, failed, _ in inside)
        assert snapshot.slow_calls == sum(slow for _, _, slow in inside)
        assert all(now - at < 10.0 for at, _, _ in inside)
        assert all(now - at > 9.5 for at, failed, slow in seen if (at, failed, slow) not in inside)


@given(parts=st.integers(1, 200), failures=st.integers(1, 200))
def test_a_rate_that_equals_its_threshold_opens(parts, failures):
    """3 of 30 is 0.1 although 0.1 * 30 is above 3: the rate is divided, as whoever wrote the threshold did."""
    failures = min(failures, parts)
    clock = FakeClock()
    config = CircuitBreakerConfig(
        sliding_window_size=parts, minimum_calls=parts, failure_rate_threshold=failures / parts
    )
    breaker = CircuitBreaker("dependency", config, clock=clock)
    for _ in range(parts - failures):
        breaker.acquire().success()
    for _ in range(failures):
        assert breaker.state is State.CLOSED
        breaker.acquire().failure()
    assert breaker.state is State.OPEN


def test_below_the_minimum_calls_nothing_opens():
    """One failure of one call is a rate of 100 % and means nothing."""
    breaker = CircuitBreaker("dependency", CircuitBreakerConfig(minimum_calls=10))
    for _ in range(9):
        breaker.acquire().failure()
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().failure_rate is None
    breaker.acquire().failure()
    assert breaker.state is State.OPEN


def test_a_fast_success_never_opens():
    """Nine failures and a success are ten calls at 90 %; the breaker opens on the next failure, not on the success."""
    breaker = CircuitBreaker("dependency", CircuitBreakerConfig(minimum_calls=10))
    for _ in range(9):
        breaker.acquire().failure()
    breaker.acquire().success()
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().failure_rate == 0.9
    breaker.acquire().failure()
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("window", ["count", "time"])
def test_slow_calls_open_without_a_failure(window):
    """A dependency that answers after ten seconds has failed for whoever waits."""
    clock = FakeClock()
    config = CircuitBreakerConfig(
        sliding_window=window, minimum_calls=4, slow_call_seconds=1.0, slow_call_rate_threshold=0.5
    )
    breaker = CircuitBreaker("dependency", config, clock=clock)
    for seconds in (0.5, 1.0, 3.0):  # exactly the limit is not slow
        run(breaker, clock, seconds, fails=False)
    assert breaker.snapshot().slow_calls == 1
    assert breaker.state is State.CLOSED
    run(breaker, clock, 3.0, fails=False)
    assert breaker.state is State.OPEN


def test_a_slow_call_counts_as_a_failure_in_a_streak():
    """Failures in a row have no second rate to hold slow calls against."""
    clock = FakeClock()
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=2, slow_call_seconds=1.0)
    breaker = CircuitBreaker("dependency", config, clock=clock)
    run(breaker, clock, 3.0, fails=False)
    run(breaker, clock, 0.5, fails=False)
    run(breaker, clock, 3.0, fails=False)
    assert breaker.state is State.CLOSED
    run(breaker, clock, 0.5, fails=True)
    assert breaker.state is State.OPEN


def test_a_result_can_be_a_failure():
    """Many clients return a 503 instead of raising."""
    config = CircuitBreakerConfig(
        sliding_window="consecutive", consecutive_failures=2, record_result=lambda status: status >= 500
    )
    breaker = CircuitBreaker("dependency", config)

    @breaker
    def status(code: int) -> int:
        return code

    for code in (503, 200, 503):
        assert status(code) == code
        assert breaker.state is State.CLOSED
    assert status(500) == 500
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("window", ["count", "time", "consecutive"])
@pytest.mark.parametrize("slow_call_seconds", [None, 5.0])
def test_a_failing_result_counts_in_every_kind_of_window(window, slow_call_seconds):
    """Each kind of window has its own fast path around the predicate."""
    config = CircuitBreakerConfig(
        sliding_window=window,
        minimum_calls=5,
        failure_rate_threshold=0.55,  # reached with the fifth failure of nine calls
        consecutive_failures=5,
        slow_call_seconds=slow_call_seconds,
        record_result=lambda result: result == "bad",
    )
    breaker = CircuitBreaker("dependency", config, clock=FakeClock())
    guarded = breaker(lambda result: result)
    for _ in range(4):
        guarded("good")
    for _ in range(5):
        guarded("bad")
    assert breaker.state is State.OPEN
    assert breaker.snapshot().total_succeeded == 4
    assert breaker.snapshot().total_failed == 5


def test_predicates_choose_among_exceptions(caplog):
    """By type, by predicate, and `ignore` before `record`."""
    config = CircuitBreakerConfig(
        minimum_calls=1,
        sliding_window_size=100,
        failure_rate_threshold=1.0,
        record=(ConnectionError, lambda error: "busy" in str(error)),
        ignore=(ConnectionResetError, lambda error: "expected" in str(error)),
    )
    breaker = CircuitBreaker("dependency", config)
    breaker.metrics_only()
    counted = []
    for error in (
        ConnectionError(),
        ConnectionResetError(),
        ValueError("busy"),
        ValueError("busy, expected"),
        ValueError("other"),
        ExceptionGroup("several", [ValueError("other"), ConnectionError()]),
        ExceptionGroup("several", [ValueError("other"), ConnectionResetError()]),
    ):
        before = breaker.snapshot().total_failed
        with pytest.raises(type(error)), breaker.acquire():
            raise error
        counted.append(breaker.snapshot().total_failed - before)
    assert counted == [1, 0, 1, 0, 0, 1, 0]


def test_a_failing_predicate_is_logged_and_the_call_ends_as_it_did(caplog):
    """A bug in a predicate must neither replace the call's own exception nor keep a trial's permit."""

    def broken(_: object) -> bool:
        raise RuntimeError("bug in a predicate")

    config = CircuitBreakerConfig(record=(broken,), record_result=broken, minimum_calls=1)
    breaker = CircuitBreaker("dependency", config)
    with pytest.raises(OSError, match="refused"), breaker.acquire():
        raise OSError("refused")
    assert breaker.call(lambda: "answer") == "answer"
    assert breaker.state is State.CLOSED
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert breaker.snapshot().total_failed == 0
