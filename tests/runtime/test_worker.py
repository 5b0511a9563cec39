"""The thread in the background: what it runs, and when it ends."""

import os
import pickle
import signal
import threading

import pytest

from seawall.errors import CannotPickle, InvalidInput
from seawall.testing import FakeClock
from seawall.worker import PAUSE_AFTER_ERROR_SECONDS, Worker


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_job_runs_when_it_wants_to(clock):
    """Its answer is the time until the next round."""
    worker = Worker(clock=clock)
    rounds: list[float] = []

    def job() -> float:
        rounds.append(clock.monotonic())
        return 2.0

    worker.add(job, in_seconds=1.0)
    assert worker.run_due() == 1.0
    for _ in range(40):
        clock.advance(0.125)
        worker.run_due()
    assert rounds == [1.0, 3.0, 5.0]


def test_a_wake_during_the_round_is_not_lost(clock):
    """What was noted while the job ran must not wait for a whole pause."""
    worker = Worker(clock=clock)
    rounds: list[float] = []

    def round_() -> float:
        rounds.append(clock.monotonic())
        if len(rounds) == 1:
            job.wake(0.5)
        return 100.0

    job = worker.add(round_)
    assert worker.run_due() == 0.5
    clock.advance(0.5)
    assert worker.run_due() == 60.0  # never sleeps longer than a minute
    assert rounds == [0.0, 0.5]


def test_wakes_do_not_pile_up(clock):
    """A thousand calls that find a trial due ask the worker once."""
    worker = Worker(clock=clock)
    job = worker.add(lambda: 1.0)
    worker.run_due()
    before = worker._woken.qsize()
    for _ in range(1000):
        job.wake()
        clock.advance(0.0001)
    assert worker._woken.qsize() == before + 1
    assert job.next_round == 0.0


def test_a_worker_can_be_started_again_while_it_is_told_to_end():
    """Stopped during a long round and started at once: it runs, in one thread."""
    in_round, go_on, again = threading.Event(), threading.Event(), threading.Semaphore(0)

    def job() -> float:
        in_round.set()
        again.release()
        go_on.wait(20)
        return 0.0

    worker = Worker()
    worker.add(job)
    worker.start()
    assert in_round.wait(20)
    worker.stop(timeout_seconds=0.0)
    worker.start()
    go_on.set()
    for _ in range(3):
        assert again.acquire(timeout=20)
    assert worker.running
    worker.stop()
    assert not worker.running


def test_a_job_that_raises_is_logged_and_run_again(clock, caplog):
    """One bad answer from a dependency must not end the probes of all others."""
    worker = Worker(clock=clock)
    rounds: list[str] = []

    def bad() -> float:
        rounds.append("bad")
        raise ConnectionError("refused")

    def good() -> float:
        rounds.append("good")
        return 10.0

    worker.add(bad)
    worker.add(good)
    assert worker.run_due() == PAUSE_AFTER_ERROR_SECONDS
    clock.advance(PAUSE_AFTER_ERROR_SECONDS)
    worker.run_due()
    assert rounds == ["bad", "good", "bad"]
    assert "refused" in caplog.text


def test_a_cancelled_job_runs_no_more(clock):
    """Also when another job of the same round cancels it."""
    worker = Worker(clock=clock)
    rounds: list[str] = []

    def first() -> float:
        second.cancel()
        return 0.0

    def other() -> float:
        rounds.append("other")
        return 0.0

    worker.add(first)
    second = worker.add(other)
    worker.run_due()
    second.cancel()
    assert rounds == []


def test_the_thread_starts_wakes_and_ends():
    """`with` is all that an app needs; afterwards there is no thread left."""
    ran = threading.Semaphore(0)

    def job() -> float:
        ran.release()
        return 3600.0

    with Worker("test-worker") as worker:
        worker.start()
        handle = worker.add(job)
        assert ran.acquire(timeout=20)
        handle.wake()
        assert ran.acquire(timeout=20)
        assert worker.running
        assert [thread.name for thread in threading.enumerate()].count("test-worker") == 1
    assert not worker.running
    worker.stop()
    with worker:
        handle.wake()
        assert ran.acquire(timeout=20)


def test_a_job_may_stop_its_worker():
    """It does not wait for itself."""
    worker = Worker()

    def job() -> float:
        worker.stop()
        return 0.0

    worker.add(job)
    worker.start()
    thread = worker._thread
    assert thread is not None
    thread.join(20)
    assert not worker.running


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_has_a_thread_of_its_own():
    """A pre-forking server starts the worker once; each of its children has to go on with it."""
    ran = threading.Semaphore(0)

    def job() -> float:
        ran.release()
        return 0.01

    with Worker() as worker:
        worker.add(job)
        assert ran.acquire(timeout=20)
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            while ran.acquire(blocking=False):
                pass
            os._exit(0 if ran.acquire(timeout=10) and worker.running else 1)
        _, status = os.waitpid(pid, 0)
        assert status == 0


def test_bad_input_and_copies_are_refused():
    """One clear line each."""
    worker = Worker()
    with pytest.raises(InvalidInput, match="timeout_seconds = -1"):
        worker.stop(-1)
    with pytest.raises(CannotPickle, match="Worker 'seawall' cannot be pickled"):
        pickle.dumps(worker)
