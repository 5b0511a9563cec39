"""Retries within a budget."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.retry import RetryBudget
from seawall.testing import FakeClock


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0.0, 1.0),
    st.integers(0, 3),
    st.lists(st.sampled_from(["call", "retry", "retry", "wait"]), max_size=120),
)
def test_retries_of_the_last_seconds_never_exceed_their_share(ratio, minimum, steps):
    """Whatever comes in which order: of the last nine to ten seconds (the window moves in tenths), retries are at most
    the ratio of the calls, plus the minimum."""
    clock = FakeClock()
    budget = RetryBudget(ratio=ratio, minimum_per_second=minimum, window_seconds=10.0, clock=clock)
    calls, retries = [], []
    for step in steps:
        now = clock.monotonic()
        if step == "wait":
            clock.advance(1.0)
        elif step == "call":
            budget.call()
            calls.append(now)
        else:
            recent_calls = sum(each > now - 10.0 for each in calls)
            recent = sum(each > now - 10.0 for each in retries)
            allowed = budget.try_retry()
            assert allowed is (recent + 1 <= ratio * recent_calls + minimum * 10 + 1e-9)
            if allowed:
                retries.append(now)


def test_an_outage_costs_a_fifth_more_and_not_thrice_the_load():
    """All calls fail and all ask for two retries: the budget lets through what the ratio says."""
    clock = FakeClock()
    budget = RetryBudget(ratio=0.2, minimum_per_second=0.0, clock=clock)
    retried = 0
    for _ in range(1000):
        budget.call()
        retried += budget.try_retry() + budget.try_retry()
    assert retried == 200
    snapshot = budget.snapshot()
    assert (snapshot.calls, snapshot.retries, snapshot.left, snapshot.total_refused) == (1000, 200, 0, 1800)
    clock.advance(11.0)
    assert budget.snapshot().retries == 0


def test_a_quiet_client_can_retry_at_all():
    """One call in ten seconds has no fifth of a retry; the minimum is for it."""
    budget = RetryBudget(ratio=0.2, minimum_per_second=0.1, window_seconds=10.0, clock=FakeClock())
    budget.call()
    assert budget.try_retry()
    assert not budget.try_retry()


def test_threads_together_do_not_overdraw():
    """One budget serves all clients of a dependency."""
    budget = RetryBudget(ratio=0.1, minimum_per_second=0.0, clock=FakeClock())
    for _ in range(1000):
        budget.call()
    allowed = []

    def ask() -> None:
        allowed.extend(budget.try_retry() for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sum(allowed) == 100


@pytest.mark.parametrize("arguments", [{"ratio": -0.1}, {"minimum_per_second": float("nan")}, {"window_seconds": 0}])
def test_numbers_that_cannot_be_are_refused(arguments):
    """The line names the argument."""
    with pytest.raises(InvalidInput, match=next(iter(arguments))):
        RetryBudget(**arguments)
