"""One test per fault that selectors elsewhere were known for, and the rules of active-passive."""

import gc
from collections import Counter

import pytest

from seawall.breaker import CallNotPermitted
from seawall.selector import (
    EndpointEjected,
    EndpointHealthChanged,
    EndpointRestored,
    NoEndpointAvailable,
    OutlierDetection,
    PanicChanged,
    PanicPolicy,
    PowerOfTwoChoices,
)
from seawall.testing import FakeClock, events_of
from selector_steps import ejected, fail, probe, spread, states


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


# Outlier detection


@pytest.mark.parametrize(
    ("count", "ratio", "most"), [(1, 0.5, 0), (3, 0.5, 1), (4, 0.5, 2), (10, 0.29, 2), (10, 0.3, 3)]
)
def test_the_ejection_after_which_too_many_would_be_out_does_not_happen(count, ratio, most, clock):
    """envoy#3263, envoy#26877: asking before the ejection whether there are too many ejects one more than the maximum."""
    outlier = OutlierDetection(consecutive_failures=1, max_ejected_ratio=ratio)
    selector = spread(count, clock, outlier=outlier)
    for _ in range(3 * count):
        selector.pick().failure()
        assert len(ejected(selector)) <= most
    assert len(ejected(selector)) == most


def test_taking_endpoints_away_keeps_the_maximum(clock):
    """The maximum is one of ratio: with fewer endpoints fewer may be out, so the one that is back soonest is back now."""
    selector = spread(4, clock)
    fail(selector, "a", 2)
    clock.advance(1.0)
    fail(selector, "b", 2)
    with events_of(selector.events) as seen:
        selector.remove("d")
    assert ejected(selector) == {"b"}
    assert [(each.endpoint, each.reason) for each in seen if isinstance(each, EndpointRestored)] == [("a", "maximum")]


def test_an_ejection_grows_and_shrinks_again(clock):
    """30 s, 60 s, 90 s, at most the maximum; a quiet time takes steps off."""
    selector = spread(
        2, clock, outlier=OutlierDetection(consecutive_failures=1, jitter_ratio=0.0, max_ejection_seconds=70.0)
    )
    lengths = []
    with events_of(selector.events) as seen:
        for quiet in (0.0, 0.0, 0.0, 65.0):
            clock.advance(quiet)
            fail(selector, "a", 1)
            lengths.append(selector.snapshot().endpoints[0].ejected_for_seconds)
            clock.advance(lengths[-1])
            assert not ejected(selector)
    assert lengths == [30.0, 60.0, 70.0, 60.0]
    assert [type(each) for each in seen] == [EndpointEjected, EndpointRestored] * 4


def test_jitter_makes_ejections_of_many_clients_end_apart(clock):
    """Clients that ejected in the same second do not return in the same second."""
    until = set()
    for draw in (0.0, 0.5, 0.999):
        selector = spread(2, clock, outlier=OutlierDetection(consecutive_failures=1), random=lambda draw=draw: draw)
        fail(selector, "a", 1)
        until.add(round(selector.snapshot().endpoints[0].ejected_for_seconds, 3))
    assert until == {30.0, 31.5, 32.997}


def test_a_flapping_endpoint_is_ejected_although_it_never_fails_often_in_a_row(clock):
    """A streak counter never trips at 75 % failures in turn with successes; the rate over the last seconds does."""
    outlier = OutlierDetection(consecutive_failures=5, failure_rate_threshold=0.5, minimum_calls=20)
    selector = spread(2, clock, outlier=outlier)
    calls = 0
    while not ejected(selector) and calls < 24:
        attempt = selector.pick(exclude={"b"})
        attempt.success() if calls % 4 == 3 else attempt.failure()
        clock.advance(0.5)
        calls += 1
    assert ejected(selector) == {"a"}
    assert calls == 21  # the twentieth was a success


def test_failures_of_long_ago_do_not_count(clock):
    """The rate is one of the last seconds."""
    selector = spread(2, clock, outlier=OutlierDetection(consecutive_failures=100, minimum_calls=4))
    fail(selector, "a", 3)
    clock.advance(31.0)
    fail(selector, "a", 3)
    assert not ejected(selector)


def test_a_restored_endpoint_is_not_in_the_rotation_twice(clock):
    """An entry left in the heap from before the ejection would double its share."""
    selector = spread(3, clock)
    for _ in range(5):
        fail(selector, "a", 2)
        assert ejected(selector) == {"a"}
        clock.advance(400.0)
    assert Counter(selector.pick().endpoint.name for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_a_call_from_before_the_ejection_says_nothing_after_it(clock):
    """Overhanging calls fail long after the endpoint was ejected and came back; they are about another time."""
    selector = spread(2, clock)
    overhanging = [selector.pick(exclude={"b"}) for _ in range(5)]
    fail(selector, "a", 2)
    clock.advance(31.0)
    assert not ejected(selector)
    for each in overhanging:
        each.failure()
    assert not ejected(selector)


def test_a_rejection_by_the_breaker_says_nothing_about_the_endpoint(clock):
    """The breaker guards the dependency; the endpoint was not called."""
    selector = spread(2, clock)
    for error in (
        CallNotPermitted(1.0, "shop", "open"),
        NoEndpointAvailable("x", "y"),
        KeyboardInterrupt(),
        GeneratorExit(),
    ):
        for _ in range(4):
            with pytest.raises(type(error)), selector.pick(exclude={"b"}):
                raise error
    assert states(selector) == {"a": "available", "b": "available"}
    assert selector.snapshot().endpoints[0].total_failed == 0


def test_exceptions_are_judged_by_record_and_ignore(clock):
    """A group counts when one of its members does."""
    outlier = OutlierDetection(consecutive_failures=1, record=(OSError,), ignore=(FileNotFoundError,))
    selector = spread(2, clock, outlier=outlier)
    for error in (ValueError(), FileNotFoundError(), ExceptionGroup("", [ValueError()])):
        with pytest.raises(type(error)), selector.pick(exclude={"b"}):
            raise error
    assert not ejected(selector)
    with pytest.raises(ExceptionGroup), selector.pick(exclude={"b"}):
        raise ExceptionGroup("", [ValueError(), ConnectionError()])
    assert ejected(selector) == {"a"}


def test_a_second_outcome_does_nothing(clock):
    """The first one counts."""
    selector = spread(2, clock)
    attempt = selector.pick(exclude={"b"})
    attempt.success()
    attempt.failure()
    attempt.failure()
    assert selector.snapshot().endpoints[0].total_failed == 0


def test_an_attempt_that_is_dropped_is_no_call_under_way_any_more(clock):
    """A caller that forgets its outcome, or is collected in a cycle, must not make an endpoint look busy for ever."""
    selector = spread(3, clock, PowerOfTwoChoices())
    kept = [selector.pick() for _ in range(9)]
    assert sum(each.outstanding for each in selector.snapshot().endpoints) == 9
    kept[0].release()
    del kept
    gc.collect()
    assert sum(each.outstanding for each in selector.snapshot().endpoints) == 0


def test_two_choices_evens_out_calls_under_way(clock):
    """Calls that hang make an endpoint less likely, before anything has failed."""
    selector = spread(2, clock, PowerOfTwoChoices())
    hanging = [selector.pick(exclude={"b"}) for _ in range(10)]
    assert {selector.pick().endpoint.name for _ in range(20)} == {"b"}
    for each in hanging:
        each.success()
    open_calls = [selector.pick() for _ in range(100)]
    assert abs(sum(each.endpoint.name == "a" for each in open_calls) - 50) <= 1


def test_peak_ewma_avoids_a_slow_endpoint_and_finds_it_again(clock):
    """One slow answer is enough to prefer the other; the memory of it fades by itself."""
    selector = spread(2, clock, PowerOfTwoChoices(peak_ewma_seconds=10.0))
    for name, seconds in (("a", 0.01), ("b", 0.01), ("a", 2.0)):
        attempt = selector.pick(exclude={"a", "b"} - {name})
        clock.advance(seconds)
        attempt.success()

    def next_one() -> str:
        attempt = selector.pick()
        clock.advance(0.01)
        attempt.success()
        return attempt.endpoint.name

    assert {next_one() for _ in range(50)} == {"b"}
    for _ in range(20):
        clock.advance(5.0)
        attempt = selector.pick(exclude={"a"})
        clock.advance(0.01)
        attempt.success()
    assert "a" in {next_one() for _ in range(4)}


# Panic


def test_when_all_are_unhealthy_panic_sends_to_all_or_fails(clock):
    """Which of both is said in the policy; neither is a surprise."""
    selector = spread(3, clock, panic=PanicPolicy(action="all"))
    with events_of(selector.events) as seen:
        for name in "abc":
            probe(selector, name, False)
        assert {selector.pick().endpoint.name for _ in range(6)} == {"a", "b", "c"}
        probe(selector, "b", True)
        assert {selector.pick().endpoint.name for _ in range(6)} == {"b"}
    assert [each.panicking for each in seen if isinstance(each, PanicChanged)] == [True, False]
    assert [each.healthy for each in seen if isinstance(each, EndpointHealthChanged)] == [False, False, False, True]

    selector = spread(1, clock, panic=PanicPolicy(action="fail"))
    probe(selector, "a", False)
    with pytest.raises(NoEndpointAvailable, match=r'0 of 1 are available, and PanicPolicy\(action="fail"\) refuses'):
        selector.pick()


def test_panic_begins_below_its_threshold_and_not_at_it(clock):
    """Envoy's default: with half of them well there is no panic, with fewer there is."""
    selector = spread(4, clock, panic=PanicPolicy(threshold_ratio=0.5))
    probe(selector, "a", False)
    probe(selector, "b", False)
    assert not selector.snapshot().panicking
    assert {selector.pick().endpoint.name for _ in range(8)} == {"c", "d"}
    probe(selector, "c", False)
    assert selector.snapshot().panicking
    assert Counter(selector.pick().endpoint.name for _ in range(8)) == {"a": 2, "b": 2, "c": 2, "d": 2}
