"""Fairness, ejection and changes with sixteen threads at once; longer in the soak tier."""

import random
import sys
import threading
import time
from collections import Counter

import pytest

from seawall.selector import (
    ActivePassive,
    Endpoint,
    EndpointEjected,
    EndpointRestored,
    EndpointsChanged,
    EndpointSelector,
    OutlierDetection,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)
from seawall.testing import events_of

THREADS = 16
SHORT_SECONDS = 0.4
LONG_SECONDS = 60.0


@pytest.fixture
def switch_often():
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work) -> None:
    """Run `work(number)` in sixteen threads; what one raises fails the test."""
    errors = []
    ready = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            ready.wait(30)
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(300)
    assert not errors
    assert not any(each.is_alive() for each in threads)


@pytest.mark.parametrize("weights", [[5, 1, 1], [1 + index % 6 for index in range(120)]])
def test_shares_are_exact_over_all_threads_together(weights, switch_often):
    """Not one pick is lost or doubled: over whole cycles each endpoint has exactly its weight, whoever picked."""
    selector = EndpointSelector([Endpoint(str(i), weight=each) for i, each in enumerate(weights)], WeightedRoundRobin())
    had = Counter()
    lock = threading.Lock()
    total = sum(weights)
    cycles = THREADS * max(1, 2000 // total // THREADS + 1)

    def work(number: int) -> None:
        mine = Counter()
        for _ in range(total * cycles // THREADS):
            attempt = selector.pick()
            mine[attempt.endpoint.name] += 1
            attempt.success()
        with lock:
            had.update(mine)

    together(work)
    assert had == {str(index): weight * cycles for index, weight in enumerate(weights)}
    assert {each.endpoint.name: each.total_picks for each in selector.snapshot().endpoints} == had


LEAST_PICKS = 50  # of each thread


def storm(policy, seconds: float) -> None:
    """Calls, failures, probes, weights, arrivals and departures from all sides; the maximum holds at every event."""
    count = 12
    outlier = OutlierDetection(
        consecutive_failures=3,
        ejection_seconds=0.01,
        max_ejection_seconds=0.05,
        max_ejected_ratio=0.34,
        minimum_calls=5,
    )
    selector = EndpointSelector([Endpoint(f"e{i}", weight=1 + i % 3) for i in range(count)], policy, outlier)
    out: set[str] = set()
    most = []
    picked = Counter()
    end = time.monotonic() + seconds

    def watch(event: object) -> None:
        if isinstance(event, EndpointEjected):
            out.add(event.endpoint)
        elif isinstance(event, EndpointRestored):
            out.discard(event.endpoint)
        elif isinstance(event, EndpointsChanged):
            out.difference_update(event.removed)
        most.append(len(out))

    def work(number: int) -> None:
        dice = random.Random(number)
        while time.monotonic() < end or picked[number] < LEAST_PICKS:  # a busy machine may start a thread late
            attempt = selector.pick()
            picked[number] += 1
            what = dice.random()
            name = f"e{dice.randrange(count)}"
            if what < 0.55:
                attempt.success()
            elif what < 0.85:
                attempt.failure()
            elif what < 0.9:
                del attempt
            else:
                attempt.release()
            if number == 0 and what < 0.2:
                selector.probed(name, passed=what < 0.1, healthy=what < 0.1)
            elif number == 1 and what < 0.2 and name != "e0":  # which thread 2 takes away now and then
                selector.set_weight(name, dice.randint(1, 4))
            elif number == 2 and what < 0.05:
                selector.remove("e0")
                selector.add(Endpoint("e0"))

    with selector.events.subscribe(watch):
        together(work)
    assert len(picked) == THREADS
    assert max(most, default=0) <= 4  # floor(0.34 * 12)
    snapshot = selector.snapshot()
    assert sum(each.state == "ejected" for each in snapshot.endpoints) <= 4
    assert all(each.outstanding == 0 for each in snapshot.endpoints)
    for index in range(count):  # and it works on: when all are well again, all are in use
        selector.probed(f"e{index}", passed=True, healthy=True)
    give_up = time.monotonic() + 30.0
    while any(each.state != "available" for each in selector.snapshot().endpoints) and time.monotonic() < give_up:
        for index in range(count):  # what active-passive left needs good probes
            selector.probed(f"e{index}", passed=True, healthy=True)
    names = {selector.pick().endpoint.name for _ in range(2000)}
    if isinstance(policy, ActivePassive):
        assert names == {selector.snapshot().active}
    elif policy == PowerOfTwoChoices(peak_ewma_seconds=1.0):
        assert len(names) > 1  # a slow one may have to wait until that is forgotten
    else:
        assert len(names) == count


POLICIES = [WeightedRoundRobin(), PowerOfTwoChoices(), PowerOfTwoChoices(peak_ewma_seconds=1.0), ActivePassive()]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_no_more_than_the_maximum_are_ejected_under_threads(policy, switch_often):
    """The count after the ejection is what is compared, under the lock."""
    storm(policy, SHORT_SECONDS)


@pytest.mark.soak
@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_a_minute_of_everything_at_once(policy, switch_often):
    """The same for longer."""
    storm(policy, LONG_SECONDS)


def test_subscribers_run_without_the_lock(switch_often):
    """A subscriber that asks the selector, in this or another thread, must not wait for itself."""
    selector = EndpointSelector(
        [Endpoint("a"), Endpoint("b")], WeightedRoundRobin(), OutlierDetection(consecutive_failures=1)
    )
    seen = []

    def ask(event: object) -> None:
        thread = threading.Thread(target=lambda: seen.append(selector.snapshot()))
        thread.start()
        thread.join(10)
        selector.pick().release()

    with selector.events.subscribe(ask), events_of(selector.events) as events:
        selector.pick().failure()
    assert len(seen) == len(events) == 1
