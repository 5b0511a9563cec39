"""Following the topology: the last good view is kept, whatever the documents and their store do."""

import logging
import os
import signal
import threading
from typing import Any

import pytest

from seawall.errors import CannotPickle, InvalidInput, TopologyUnavailable
from seawall.testing import FakeClock
from seawall.topology import Texts, dump, merge
from seawall.watch import TopologyChanged, TopologyReadFailed, TopologyWatch
from seawall.worker import Worker
from topology_documents import failed_over, shop


class Store:
    """A source whose next answer is set by the test."""

    def __init__(self) -> None:
        self.answer: Any = Texts(dump(shop()))
        self.reads = 0

    def read(self) -> Texts:
        self.reads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def worker(clock) -> Worker:
    """Its thread is not started: tests run what is due by themselves."""
    return Worker(clock=clock)


@pytest.fixture
def watch(store, worker, clock) -> TopologyWatch:
    return TopologyWatch(store, worker=worker, clock=clock, interval_seconds=30, jitter_ratio=0.0)


FAILED_OVER = Texts(dump(shop()), dump(failed_over()))
DOWN = TopologyUnavailable("ssm", "down")


def test_a_failover_is_followed_and_told_to_subscribers(watch, store, worker, clock):
    """Within one interval the app knows its new writer."""
    seen: list[Any] = []
    watch.subscribe(seen.append)
    store.answer = FAILED_OVER
    clock.advance(29.9)
    worker.run_due()
    assert watch.current.primary.region == "eu-west-1"
    clock.advance(0.1)
    worker.run_due()
    assert watch.current.writer.name == "eu-central-1"
    (event,) = seen
    assert isinstance(event, TopologyChanged)
    assert (event.previous.epoch, event.current.epoch, event.roles_changed) == (3, 4, True)


def test_a_change_that_moves_no_role_says_so(watch, store):
    """Subscribers drop their connections only where a role moved."""
    seen: list[Any] = []
    watch.subscribe(seen.append)
    store.answer = Texts(dump(shop(breaker=None)))
    watch.refresh()
    store.answer = Texts(dump(shop(breaker=None)))
    watch.refresh()
    store.answer = Texts(dump(shop()), dump(failed_over(primary_region="eu-west-1", writer="eu-west-1")))
    watch.refresh()  # another epoch, the same roles
    store.answer = Texts(dump(shop()), dump(failed_over(epoch=5, primary_region="eu-west-1", writer="us-east-1")))
    watch.refresh()
    assert [event.roles_changed for event in seen] == [False, False, True]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (DOWN, TopologyUnavailable),
        (Texts("{"), InvalidInput),
        (Texts(dump(shop()), "{}"), InvalidInput),
        (Texts(dump(shop()), dump(failed_over(writer="nobody"))), InvalidInput),
        (Texts(dump(shop()).replace('"schema_version":1', '"schema_version":9')), InvalidInput),
        (ZeroDivisionError("a bug in a source"), TopologyUnavailable),
    ],
)
def test_a_failed_reading_and_a_broken_document_keep_the_good_view(watch, store, answer, kind, clock):
    """A typo in a parameter at 3 a.m. must not take down what works."""
    store.answer = FAILED_OVER
    watch.refresh()
    before = watch.current
    seen: list[Any] = []
    watch.subscribe(seen.append)
    store.answer = answer
    clock.advance(5)
    assert watch.refresh() is False
    assert watch.current is before
    (event,) = seen
    assert isinstance(event, TopologyReadFailed)
    assert isinstance(event.error, kind)
    snapshot = watch.snapshot()
    assert (snapshot.failures, snapshot.last_error, snapshot.age_seconds) == (1, event.error, 5)


def test_a_view_that_is_behind_is_refused(watch, store):
    """A parameter that was restored from yesterday must not give the role back to the old writer."""
    store.answer = FAILED_OVER
    watch.refresh()
    store.answer = Texts(dump(shop()))
    assert watch.refresh() is False
    assert watch.current.epoch == 4
    assert str(watch.snapshot().last_error) == "epoch = 3: at least 4, as read before, because epochs only grow"


def test_staleness_is_visible_and_ends_with_a_good_reading(watch, store, clock):
    """An app can say on its health page that it acts on an old view."""
    store.answer = DOWN
    clock.advance(90)
    watch.refresh()
    assert not watch.stale
    clock.advance(0.1)
    assert watch.stale
    assert watch.snapshot().stale
    store.answer = FAILED_OVER
    watch.refresh()
    assert (watch.stale, watch.snapshot().failures, watch.snapshot().last_error) == (False, 0, None)


def test_waits_double_with_each_failure_up_to_the_limit(watch, store, worker, clock):
    """A store that is down or throttles is not made worse; it is asked again within five minutes."""
    store.answer = DOWN
    waits = []
    clock.advance(30)
    worker.run_due()
    for _ in range(5):
        reads, waited = store.reads, 0
        while store.reads == reads:
            clock.advance(10)
            waited += 10
            worker.run_due()
        waits.append(waited)
    assert waits == [60, 120, 240, 300, 300]


def test_jitter_only_shortens_a_wait(store, worker, clock):
    """The processes of a fleet, started together, do not read in step; no wait is longer than what was asked for."""
    units = iter([0.0, 0.25, 0.5, 1.0])
    watch = TopologyWatch(
        store, worker=worker, clock=clock, interval_seconds=100, jitter_ratio=0.4, random_unit=lambda: next(units)
    )
    dues = []
    for _ in range(3):
        due = worker.run_due()
        while due == 60.0:  # the worker's longest sleep
            clock.advance(due)
            due = worker.run_due()
        dues.append(clock.monotonic() + due)
        clock.advance(due)
        worker.run_due()
    assert dues == [100, 190, 270]
    assert not watch.stale


def test_waking_reads_soon_but_at_most_once_a_second(watch, store, worker, clock):
    """Every refused write wakes the watch; a thousand of them are one reading."""
    clock.advance(10)
    for _ in range(1000):
        watch.wake()
    worker.run_due()
    assert store.reads == 2
    watch.wake()
    worker.run_due()
    assert store.reads == 2
    clock.advance(1)
    worker.run_due()
    assert store.reads == 3


def test_waking_while_readings_fail_does_not_undo_the_back_off(watch, store, worker, clock):
    """A fleet whose writes are refused for minutes must not ask a store that throttles it every second."""
    store.answer = DOWN
    gaps = []
    last = clock.monotonic()
    while len(gaps) < 8:
        watch.wake()
        reads = store.reads
        clock.advance(1)
        worker.run_due()
        if store.reads > reads:
            gaps.append(clock.monotonic() - last)
            last = clock.monotonic()
    assert gaps == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_thousand_wakes_are_spread_like_one(store, worker, clock):
    """The shortest of a thousand random delays would be none: every process of a fleet would read at once."""
    units = iter([0.0, 0.5, *[0.0] * 2000])
    watch = TopologyWatch(
        store, worker=worker, clock=clock, interval_seconds=30, jitter_ratio=0.8, random_unit=lambda: next(units)
    )
    clock.advance(10)
    for _ in range(1000):
        watch.wake()
    assert worker.run_due() == pytest.approx(0.4)
    assert store.reads == 1
    clock.advance(0.4)
    worker.run_due()
    assert store.reads == 2


def test_a_subscriber_is_called_outside_the_lock(watch, store):
    """A subscriber asks the watch, from another thread even, while it is being told."""
    asked: list[int] = []

    def subscriber(event: Any) -> None:
        thread = threading.Thread(target=lambda: asked.append(watch.snapshot().epoch))
        thread.start()
        thread.join(5)

    watch.subscribe(subscriber)
    store.answer = FAILED_OVER
    watch.refresh()
    assert asked == [4]


def test_a_subscriber_that_raises_costs_nothing(watch, store, caplog):
    """One bad subscriber silences neither the watch nor the others."""
    seen: list[Any] = []
    watch.subscribe(lambda event: 1 / 0)
    watch.subscribe(seen.append)
    store.answer = FAILED_OVER
    with caplog.at_level(logging.CRITICAL, "seawall.events"):
        assert watch.refresh() is True
    assert len(seen) == 1


def test_a_row_of_failures_is_logged_once(watch, store, caplog):
    """A store that is down for hours is one line, and `snapshot()` for the rest."""
    store.answer = DOWN
    for _ in range(5):
        watch.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        "topology: the last good view is kept, epoch 3: topology from ssm cannot be read: down"
    ]


def test_an_app_starts_with_a_view_or_not_at_all(store, worker, clock):
    """Half a start is worse than none: the orchestrator tries again."""
    store.answer = DOWN
    with pytest.raises(TopologyUnavailable):
        TopologyWatch(store, worker=worker, clock=clock)
    watch = TopologyWatch(store, worker=worker, clock=clock, initial=merge(shop()))
    assert watch.current.epoch == 3


def test_a_stopped_watch_reads_no_more_and_keeps_its_view(watch, store, worker, clock):
    """Stopping twice is fine."""
    watch.stop()
    watch.stop()
    clock.advance(1000)
    worker.run_due()
    assert (store.reads, watch.current.epoch) == (1, 3)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"interval_seconds": 0}, "interval_seconds = 0: above 0 seconds"),
        ({"jitter_ratio": 1.1}, "jitter_ratio = 1.1: 0 to 1"),
        ({"max_backoff_seconds": 10}, "max_backoff_seconds = 10: at least interval_seconds = 30"),
        ({"stale_after_seconds": 30}, "stale_after_seconds = 30: above interval_seconds = 30"),
    ],
)
def test_each_bad_argument_is_one_line_before_anything_is_read(store, worker, arguments, line):
    """A watch that never reads, or is always stale, is refused."""
    with pytest.raises(InvalidInput) as caught:
        TopologyWatch(store, worker=worker, **arguments)
    assert str(caught.value) == line
    assert store.reads == 0


def test_a_watch_is_not_pickled(watch):
    """It holds a lock and live state."""
    import pickle

    with pytest.raises(CannotPickle):
        pickle.dumps(watch)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_child_forked_while_the_lock_is_held_can_still_read(watch, store):
    """gunicorn forks whenever it likes; the thread that held the lock does not exist in the child."""
    with watch._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # a child that waits for the lock for ever ends by this, and not with a zero
            store.answer = FAILED_OVER
            os._exit(0 if watch.refresh() and watch.snapshot().epoch == 4 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_readings_from_many_threads_never_take_an_epoch_back(watch, store):
    """The worker reads, and so does whoever was refused a write: whatever order they end in, roles only move on."""
    seen: list[int] = []
    watch.subscribe(lambda event: seen.append(event.current.epoch) if isinstance(event, TopologyChanged) else None)
    lock, epochs = threading.Lock(), iter(range(4, 84))

    class Racing:
        def read(self) -> Texts:
            with lock:
                epoch = next(epochs)
            threading.Event().wait(0.001 * (epoch % 3))  # answers arrive in another order than they were asked for
            return Texts(dump(shop()), dump(failed_over(epoch=epoch)))

    watch._source = Racing()  # type: ignore[misc]
    threads = [threading.Thread(target=lambda: [watch.refresh() for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == sorted(set(seen))
    assert watch.current.epoch == 83


def test_a_real_worker_follows_in_its_own_thread(store):
    """The pieces together: worker, watch and subscriber, on the system's clock."""
    told = threading.Event()
    with Worker() as worker:
        watch = TopologyWatch(store, worker=worker, interval_seconds=0.02, max_backoff_seconds=0.1)
        watch.subscribe(lambda event: told.set())
        store.answer = FAILED_OVER
        assert told.wait(10)
        assert watch.current.epoch == 4
