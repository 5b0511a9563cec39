"""Breakers that agree through a real Redis: who opens, who tries, who decides."""

import time

from redis_fleet import WAIT, claim, open_all, sync
from seawall.breaker import CircuitBreakerConfig, OpenBackoff, State
from seawall.testing import events_of

# Opening


def test_what_opens_in_one_process_opens_in_all(fleet):
    """With the wait that is left by the server's clock, and told as an event with its reason."""
    first, second, late = fleet(3)
    sync([first, second])
    with events_of(second.breaker) as events:
        first.breaker.acquire().failure()
        sync([first, second])
    assert second.breaker.state is State.OPEN
    assert [getattr(event, "reason", None) for event in events] == ["opened by the shared state"]
    late.sync()  # a process that starts now
    assert late.breaker.state is State.OPEN
    waits = [each.breaker.snapshot().retry_after_seconds for each in (first, second, late)]
    assert all(wait is not None and 0.0 < wait <= WAIT for wait in waits)


def test_two_that_open_at_once_agree_on_one_opening(fleet, server):
    """The second one follows the first: one generation, one end of the wait."""
    first, second = fleet(2)
    sync([first, second])
    first.breaker.acquire().failure()
    second.breaker.acquire().failure()
    sync([first, second, first])
    state = server.client().hgetall("seawall:breaker:{payments}")
    assert state[b"g"] == b"1"
    waits = [each.breaker.snapshot().retry_after_seconds or 0.0 for each in (first, second)]
    assert abs(waits[0] - waits[1]) < 0.02


def test_a_forced_open_breaker_is_never_overridden(fleet):
    """Nor a disabled one: an operator's order to one process stands until that operator takes it back."""
    first, forced, disabled = fleet(3)
    sync([first, forced, disabled])
    forced.breaker.force_open()
    disabled.breaker.disable()
    first.breaker.acquire().failure()
    sync([first, forced, disabled])
    assert forced.breaker.state is State.FORCED_OPEN
    assert disabled.breaker.state is State.DISABLED
    time.sleep(WAIT)
    trial = claim(first)
    assert trial is not None
    trial.success()
    sync([first, forced, disabled])
    assert first.breaker.state is State.CLOSED
    assert forced.breaker.state is State.FORCED_OPEN
    assert disabled.breaker.state is State.DISABLED


# Trials


def test_one_lease_is_one_trial_in_the_whole_fleet(fleet):
    """Ten processes find the trial due at once; one makes it, and its success closes all ten."""
    members = fleet(10)
    open_all(members)
    trials = [permit for permit in map(claim, members) if permit is not None]
    assert len(trials) == 1
    assert [claim(member) for member in members] == [None] * 10
    trials[0].success()
    sync(members)
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 10


def test_a_failed_trial_opens_all_for_another_wait(fleet):
    """The others do not try on their own while the dependency is known to be down."""
    members = fleet(4)
    open_all(members)
    trial = next(permit for permit in map(claim, members) if permit is not None)
    trial.failure()
    sync(members)
    sync(members)
    assert [member.breaker.state for member in members] == [State.OPEN] * 4
    assert [claim(member) for member in members] == [None] * 4
    time.sleep(WAIT * 1.1)
    assert sum(claim(member) is not None for member in members) == 1


def test_several_trials_are_counted_together(fleet):
    """Three are permitted and may be made by three processes: two failures of the three open, whoever made them."""
    config = CircuitBreakerConfig(minimum_calls=1, wait_in_open_seconds=WAIT, permitted_calls_in_half_open=3)
    members = fleet(6, config)
    open_all(members)
    trials = [(member, permit) for member in members if (permit := claim(member)) is not None]
    assert len(trials) == 3
    trials[0][1].success()
    trials[1][1].failure()
    sync(members)
    assert all(member.breaker.state is not State.CLOSED for member in members)
    trials[2][1].success()
    sync(members)
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 6


def test_one_process_makes_all_trials_when_the_others_are_idle(fleet):
    """Each with a lease of its own, one after another."""
    config = CircuitBreakerConfig(minimum_calls=1, wait_in_open_seconds=WAIT, permitted_calls_in_half_open=3)
    members = fleet(2, config)
    open_all(members)
    for _ in range(3):
        assert members[1].breaker.state is not State.CLOSED
        trial = claim(members[1])
        assert trial is not None
        trial.success()
        members[1].sync()
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 2


def test_a_cancelled_trial_keeps_the_lease_for_the_next_call(fleet):
    """It said nothing: neither state nor lease changes, and the same process tries again."""
    members = fleet(2)
    open_all(members)
    trial = claim(members[0])
    assert trial is not None
    trial.release()
    sync(members)
    assert claim(members[1]) is None
    again = members[0].breaker.try_acquire()
    assert again is not None
    again.success()
    sync(members)
    assert members[1].breaker.state is State.CLOSED


def test_the_lease_of_a_process_that_died_ends_by_itself(fleet):
    """Kill -9 gives nothing back; the lease's end does. The trial of a ghost then decides nothing."""
    members = fleet(2, lease_seconds=0.2)
    open_all(members)
    ghost = claim(members[0])
    assert ghost is not None
    assert claim(members[1]) is None
    time.sleep(0.25)
    trial = claim(members[1])
    assert trial is not None
    ghost.failure()
    members[0].sync()
    assert members[1].breaker.state is State.HALF_OPEN
    trial.success()
    sync(members[::-1])
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 2


def test_the_lease_of_a_long_trial_is_renewed(fleet):
    """A trial may take longer than a lease, as long as its process gives signs of life."""
    members = fleet(2, lease_seconds=0.2)
    open_all(members)
    trial = claim(members[0])
    assert trial is not None
    for _ in range(5):
        time.sleep(0.1)
        members[0].sync()
        assert claim(members[1]) is None
    trial.success()
    sync(members)
    assert members[1].breaker.state is State.CLOSED


def test_rare_calls_still_close_it(fleet):
    """One call an hour: its lease has always ended before the next call comes, which is then let through without one."""
    (member,) = fleet(1, lease_seconds=0.05)
    open_all([member])
    assert member.breaker.try_acquire() is None
    member.sync()
    time.sleep(0.1)
    member.sync()
    assert member.breaker.state is State.OPEN
    trial = member.breaker.try_acquire()
    assert trial is not None
    trial.success()
    member.sync()
    assert member.breaker.state is State.CLOSED


def test_a_grown_wait_is_shared(fleet):
    """The fleet backs off together; the trial that failed decides for how long."""
    config = CircuitBreakerConfig(
        sliding_window="consecutive",
        consecutive_failures=1,
        wait_in_open_seconds=WAIT,
        open_backoff=OpenBackoff(multiplier=100.0, jitter_ratio=0.0),
    )
    members = fleet(2, config)
    open_all(members)
    trial = claim(members[1])
    assert trial is not None
    trial.failure()
    sync(members[::-1])
    for member in members:
        wait = member.breaker.snapshot().retry_after_seconds
        assert wait is not None
        assert 10.0 < wait <= 15.0


def test_a_reset_closes_all(fleet):
    """An operator who resets one process has fixed the dependency for all."""
    members = fleet(3)
    open_all(members)
    members[1].breaker.reset()
    sync(members[1:])
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 3
