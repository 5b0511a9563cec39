"""Breakers that agree through a real Redis, which is killed, hung, emptied and restarted on the way."""

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import threading
import time
from typing import Any

import pytest
from redis.connection import AbstractConnection

from redis_fleet import CONFIG, WAIT, Member, claim, eventually, open_all, sync
from seawall.breaker import CallNotPermitted, CircuitBreaker, State
from seawall.breaker_redis import SharedBreakers

# No I/O in calls


def test_no_guarded_call_talks_to_redis(server, monkeypatch):
    """In no state, sync or async: the sockets are used by the worker's thread alone."""
    talkers: set[str] = set()
    original = AbstractConnection.send_packed_command

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        talkers.add(threading.current_thread().name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", noted)
    breaker = CircuitBreaker("payments", CONFIG)
    failing = threading.Event()

    @breaker
    async def call() -> None:
        if failing.is_set():
            raise ConnectionError

    async def rounds() -> None:
        for fails in (False, True, False):
            failing.set() if fails else failing.clear()
            deadline = time.monotonic() + WAIT * 4
            while time.monotonic() < deadline:
                with contextlib.suppress(CallNotPermitted, ConnectionError):
                    await call()
                await asyncio.sleep(0.005)

    with SharedBreakers(server.client(), poll_seconds=0.02) as shared:
        shared.share(breaker)
        asyncio.run(rounds())
        eventually(lambda: breaker.try_acquire() is not None)
        assert breaker.state in (State.CLOSED, State.HALF_OPEN)
    assert talkers == {"seawall-redis"}


# Redis away


def test_killed_under_load_and_back_without_a_herd(server, fleet, caplog):
    """Twelve processes call all the time. Redis dies with the dependency down, comes back empty; then all is well again.

    While Redis is away calls stay fast and each breaker decides alone; after its return leases hold again, so that no
    more than one trial at a time is made by all twelve together.
    """
    members = fleet(12)
    for member in members:
        member.shared.start()
    down, stop = threading.Event(), threading.Event()
    lock = threading.Lock()
    inside = most = 0
    count_trials = threading.Event()
    slowest: list[float] = []

    def trial(member: Member) -> None:
        nonlocal inside, most
        if count_trials.is_set() and member.breaker.state is State.HALF_OPEN:
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1
        if down.is_set():
            raise ConnectionError

    def load(member: Member) -> None:
        guarded = member.breaker(trial)
        while not stop.is_set():
            began = time.monotonic()
            with contextlib.suppress(CallNotPermitted, ConnectionError):
                guarded(member)
            slowest.append(time.monotonic() - began)
            time.sleep(0.002)

    with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
        loads = [pool.submit(load, member) for member in members]
        eventually(lambda: all(member.shared.in_touch for member in members))
        down.set()
        eventually(lambda: all(member.breaker.state is not State.CLOSED for member in members))
        server.kill()
        eventually(lambda: not any(member.shared.in_touch for member in members))
        down.clear()
        eventually(
            lambda: all(member.breaker.state is State.CLOSED for member in members)
        )  # each by a trial of its own
        down.set()
        eventually(lambda: all(member.breaker.state is not State.CLOSED for member in members))
        server.start()
        eventually(lambda: all(member.shared.in_touch for member in members))
        time.sleep(WAIT)  # trials from the time alone end
        count_trials.set()
        time.sleep(WAIT * 4)
        down.clear()
        eventually(lambda: all(member.breaker.state is State.CLOSED for member in members))
        stop.set()
        for each in loads:
            each.result(20)
    assert most == 1
    assert max(slowest) < 0.5  # scheduling on a busy machine; no call waited for a socket's time-out
    assert "each breaker decides alone" in caplog.text
    assert server.client().hget("seawall:breaker:{payments}", "s") == b"closed"


def test_a_hanging_redis_is_an_absent_one(server, fleet):
    """A stopped process accepts connections and never answers: the worse failure of the two."""
    first, second = fleet(2)
    sync([first, second])
    server.hang()
    try:
        began = time.monotonic()
        first.breaker.acquire().failure()
        assert first.breaker.try_acquire() is None
        assert time.monotonic() - began < 0.1
        first.sync()
        assert not first.shared.in_touch
        time.sleep(WAIT)
        trial = first.breaker.try_acquire()
        assert trial is not None
        trial.success()
        assert first.breaker.state is State.CLOSED
    finally:
        server.go_on()
    sync([first, second])
    assert second.breaker.state is State.CLOSED


def test_a_trial_under_way_when_redis_goes_is_judged_alone(server, fleet):
    """Its lease is worth nothing any more; its outcome is."""
    (member,) = fleet(1)
    open_all([member])
    trial = claim(member)
    assert trial is not None
    server.kill()
    trial.success()
    assert member.breaker.state is State.HALF_OPEN
    member.sync()
    assert member.breaker.state is State.CLOSED


def test_recovered_while_redis_was_away_is_not_opened_by_its_old_state(server, fleet):
    """Redis hung, kept its memory, and comes back with an opening that is over."""
    first, second = fleet(2)
    open_all([first, second])
    server.hang()
    for member in (first, second):
        member.sync()
        trial = member.breaker.try_acquire()
        assert trial is not None
        trial.success()
    server.go_on()
    sync([first, second, first])
    assert first.breaker.state is State.CLOSED
    assert second.breaker.state is State.CLOSED
    assert server.client().hget("seawall:breaker:{payments}", "s") == b"closed"


def test_retries_come_apart(server, fleet):
    """Each pause is random by half, and grows: a fleet that lost Redis together does not come back together."""
    members = fleet(30)
    server.kill()
    pauses = [[member.shared.synchronize() for _ in range(6)] for member in members]
    assert len({round(each[-1], 3) for each in pauses}) > 20
    assert all(0.25 <= each[0] <= 0.5 for each in pauses)
    assert all(2.5 <= each[-1] <= 5.0 for each in pauses)


# Processes


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_takes_part_with_a_lease_of_its_own(server, fleet):
    """It inherits the parent's state but not its lease, and opens connections of its own."""
    (member,) = fleet(1)
    open_all([member])
    trial = claim(member)
    assert trial is not None
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        refused = claim(member) is None
        os._exit(0 if refused and member.shared.in_touch else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    trial.success()
    member.sync()
    assert member.breaker.state is State.CLOSED
