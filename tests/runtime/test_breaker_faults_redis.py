"""Faults that other breakers with shared state were found to have: races, whole-second timestamps, lost state that crashes.

One test each, named after the fault, against a real Redis.
"""

import concurrent.futures
import threading
import time

import pytest

from redis_fleet import WAIT, claim, open_all, sync
from seawall.breaker import CircuitBreakerConfig, State


@pytest.mark.parametrize("permitted", [1, 3])
def test_a_race_for_the_trials_has_as_many_winners_as_are_permitted(fleet, permitted):
    """Reading the state and writing it in two commands lets two processes in; twelve ask in the same moment here."""
    config = CircuitBreakerConfig(
        minimum_calls=1, wait_in_open_seconds=WAIT, permitted_calls_in_half_open=permitted, slow_call_seconds=60.0
    )
    members = fleet(12, config)
    together = threading.Barrier(len(members))

    def attempt(member):
        together.wait(20)
        return claim(member)

    with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
        for _ in range(5):
            open_all(members)
            trials = [permit for permit in pool.map(attempt, members) if permit is not None]
            assert len(trials) == permitted
            for trial in trials:
                trial.success()
            sync(members)
            sync(members)
            assert {member.breaker.state for member in members} == {State.CLOSED}


def test_a_race_of_openings_is_one_opening(fleet, server):
    """Eight processes see the dependency fail at once: one generation, and nobody's wait starts anew."""
    members = fleet(8)
    sync(members)
    together = threading.Barrier(len(members))

    def fail(member):
        together.wait(20)
        member.breaker.acquire().failure()
        member.sync()

    with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(fail, members))
    assert server.client().hget("seawall:breaker:{payments}", "g") == b"1"


def test_the_shared_time_has_fractions_of_a_second(fleet, server):
    """Whole seconds make a wait of 0.15 s anything between 0 and 1 s; and it is the server's clock, not a process's own."""
    first, second = fleet(2)
    open_until: list[int] = []
    for _ in range(3):
        open_all([first, second])
        open_until.append(int(server.client().hget("seawall:breaker:{payments}", "u")))
        trial = claim(first)
        assert trial is not None
        trial.success()
        sync([first, second])
        sync([first, second])
    assert any(each % 1_000_000 for each in open_until)
    seconds, micros = server.client().time()
    assert all(0 <= seconds * 1_000_000 + micros - each < 20_000_000 for each in open_until)

    sync([first, second])
    began = time.monotonic()
    first.breaker.acquire().failure()
    sync([first, second])
    wait = second.breaker.snapshot().retry_after_seconds
    assert wait is not None
    assert WAIT - (time.monotonic() - began) - 0.01 <= wait <= WAIT


def test_state_that_was_lost_is_told_again_and_crashes_nobody(server, fleet):
    """A restart without a disk, or FLUSHALL: whoever knows that it is open says so."""
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1, wait_in_open_seconds=30.0)
    first, second = fleet(2, config)
    sync([first, second])
    first.breaker.acquire().failure()
    sync([first, second])
    server.client().flushall()
    sync([second, first])
    state = server.client().hgetall("seawall:breaker:{payments}")
    assert state[b"s"] == b"open"
    assert int(state[b"g"]) >= 2
    (third,) = fleet(1, config)
    third.sync()
    assert third.breaker.state is State.OPEN
    wait = third.breaker.snapshot().retry_after_seconds
    assert wait is not None
    assert 25.0 < wait <= 30.0


def test_one_process_with_a_bad_way_does_not_open_it_for_all(fleet):
    """Windows are local: failures of two processes are not added up, as they are where a shared counter is kept."""
    config = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=4, wait_in_open_seconds=WAIT)
    members = fleet(3, config)
    sync(members)
    for _ in range(3):
        for member in members:
            member.breaker.acquire().failure()
        sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 3
    members[2].breaker.acquire().failure()
    sync(members[::-1])
    assert [member.breaker.state for member in members] == [State.OPEN] * 3


def test_what_happens_while_redis_is_away_takes_no_memory(server, fleet):
    """An outage of days, an opening each minute: what is told in the end is the state, not its history."""
    (member,) = fleet(1)
    member.sync()
    server.kill()
    for _ in range(50):
        member.breaker.acquire().failure()
        member.sync()
        member.breaker.reset()
    link = member.shared._links["payments"]
    assert len(link._notes) == 0
    member.breaker.acquire().failure()
    server.start()
    member.sync()
    assert server.client().hget("seawall:breaker:{payments}", "s") == b"open"
