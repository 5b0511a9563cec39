"""What decisions rest on: the hysteresis of one observer, ages by observed change, the numbers, and the ledger."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover_votes import DOMAINS, WRITER, operation, seen
from failover_world import HOME, POLICY
from seawall.errors import InvalidInput
from seawall.testing import FakeClock
from seawall.timing import FailureClass
from seawall_ops.failover.ledger import Ledger, OperationOpen, OperationState, Pause
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.votes import Health, Judge, Observation, Watch

healths = st.sampled_from(list(Health))


def observed(health: Health) -> Observation:
    return Observation(subject=WRITER, health=health)


@given(st.lists(healths, max_size=40))
def test_only_failures_trip_and_only_successes_in_a_row_clear(history):
    """Of one observer: three of the last three to trip, six in a row to clear, and nothing unknown counts for either."""
    judge = POLICY.judge(proven=True)
    for place, health in enumerate(history):
        before = history[: place + 1]
        found = judge.note(observed(health))
        if found.judged is Health.UNHEALTHY:
            assert sum(each is Health.UNHEALTHY for each in before) >= 3
        if before[-3:] == [Health.UNHEALTHY] * 3:
            assert found.judged is Health.UNHEALTHY
        if before[-6:] == [Health.HEALTHY] * 6:
            assert found.judged is Health.HEALTHY
        if health is Health.UNKNOWN:
            assert found.standing is Health.UNKNOWN


def test_what_was_never_seen_healthy_is_not_called_unhealthy():
    """An observer with a wrong security group would vote against a healthy writer for ever."""
    judge = Judge(failures_to_trip=3, window=3, successes_to_clear=6)
    assert [judge.note(observed(Health.UNHEALTHY)).standing for _ in range(9)] == [Health.UNKNOWN] * 9


def test_a_vote_read_once_has_no_age_and_a_restart_is_a_change():
    """Whoever has just begun to read cannot know whether a vote is a second or a month old."""
    clock = FakeClock()
    watch = Watch(clock)
    vote = seen(HOME).vote
    assert watch.votes([vote])[0].age_seconds is None
    clock.advance(500.0)
    assert watch.votes([vote])[0].age_seconds is None
    assert watch.unchanged_seconds(vote.observer) == 500.0
    assert watch.votes([replace(vote, sequence=2)])[0].age_seconds == 0.0
    clock.advance(10.0)
    assert watch.votes([replace(vote, sequence=2)])[0].age_seconds == 10.0
    assert watch.votes([replace(vote, sequence=2, boot="other")])[0].age_seconds == 0.0


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"domains": ()}, "domains = none: at least one, each once"),
        ({"domains": (HOME, HOME)}, "each once"),
        ({"timeout_seconds": 16.0}, "at most 15"),
        ({"successes_to_clear": 3}, "more than failures_to_trip = 3"),
        ({"window": 2}, "at least failures_to_trip = 3"),
        ({"stale_after_seconds": 79.0}, "at least 80"),
        ({"cool_down_seconds": 10.0}, "at least 80"),
        ({"most_operations": 0}, "at least 1, or mode = recommend"),
        ({"operations_window_seconds": 60.0}, "at least 3600"),
        ({"act_on": frozenset({FailureClass.CORRUPTION})}, "writer, region, endpoint"),
        ({"cluster": ""}, "a name of 1 to 63 characters"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused_in_one_line(values, line):
    """Before an observer starts by them."""
    with pytest.raises(InvalidInput, match=line):
        Policy(**{"cluster": "shop-prod", "domains": DOMAINS, **values})


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda ledger: ledger.opened(operation(id="op-2", fence=0)), "fence = 0: at least 1"),
        (lambda ledger: ledger.ended("op-1", OperationState.OPEN, fence=1), "done, undone or failed"),
        (lambda ledger: ledger.ended("nobody", OperationState.DONE, fence=1), "operation = nobody: op-1"),
        (lambda ledger: ledger.ended("op-1", OperationState.DONE, fence=0), "fence = 0: at least 1"),
    ],
)
def test_a_ledger_refuses_whoever_is_behind(change, line):
    """An old holder of the lease writes nothing any more."""
    ledger = Ledger(cluster="shop-prod").opened(operation())
    ended = ledger.ended("op-1", OperationState.DONE, fence=1)
    with pytest.raises(InvalidInput, match=line):
        change(ended)


def test_saying_an_opening_or_an_end_twice_changes_nothing():
    """The first answer may have been lost."""
    ledger = Ledger(cluster="shop-prod").opened(operation())
    assert ledger.opened(operation()) == ledger
    ended = ledger.ended("op-1", OperationState.DONE, fence=1)
    assert ended.ended("op-1", OperationState.DONE, fence=1) == ended
    with pytest.raises(OperationOpen, match="ended already"):
        ended.ended("op-1", OperationState.UNDONE, fence=1)
    with pytest.raises(OperationOpen, match="ended already"):
        ended.opened(operation())


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"duration_seconds": 700_000.0}, "at most 604800"),
        ({"until": datetime(2026, 11, 25)}, "a time with its zone"),  # noqa: DTZ001 - that is what is refused
        ({"why": ""}, "one line"),
    ],
)
def test_a_pause_is_refused_that_would_be_forgotten(values, line):
    """At most a week, with a reason, and with a time that means something."""
    right = {"id": "p", "who": "kim", "why": "w", "until": datetime(2026, 11, 25, tzinfo=UTC), "duration_seconds": 60.0}
    with pytest.raises(InvalidInput, match=line):
        Pause(**{**right, **values})
