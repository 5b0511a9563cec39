"""The one owner of work in the background: probes, lag, topology, shared breakers.

A job is a function that does one round and answers in how many seconds it wants the next one. All jobs of a worker share
one thread, so a job must not block for long: give its clients time-outs. The thread does no harm to an event loop, which
is why sync, asyncio and trio apps all use the same worker.
"""

import contextlib
import logging
import math
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, NoReturn, final

from seawall._forks import renew_after_fork
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput

__all__ = ["Job", "Worker"]

_log: Final = logging.getLogger("seawall.worker")

PAUSE_AFTER_ERROR_SECONDS: Final = 1.0  # a job that raises is run again, but not in a tight loop
LONGEST_SLEEP_SECONDS: Final = 60.0  # bounds what a job's own arithmetic can do to the thread

Round = Callable[[], float]


@final
class Job:
    """One job of a worker; from `Worker.add`."""

    __slots__ = ("_worker", "asked", "due", "round")

    def __init__(self, worker: "Worker", round_: Round, due: float) -> None:
        self._worker = worker
        self.round: Final = round_
        self.due: float = due  # as the last round wanted it; set by the worker's thread alone
        self.asked: float = math.inf  # by `wake`, since the last round began

    @property
    def next_round(self) -> float:
        """When, by the worker's clock."""
        return min(self.due, self.asked)

    def wake(self, in_seconds: float = 0.0) -> None:
        """Run the next round no later than in so many seconds.

        Never blocks; callable from anywhere, signal handlers and finalizers included.
        """
        self._worker.wake(self, in_seconds)

    def cancel(self) -> None:
        """Run no more rounds. One that is under way goes on. Idempotent."""
        self._worker.remove(self)


@final
class Worker:
    """A thread that runs jobs, one round after another.

    ```python
    with Worker() as worker:
        worker.add(refresh)
        serve()
    ```

    After a fork the child's copy starts a thread of its own, if the parent's was running. What a job raises is logged,
    and the job is run again after a second.

    Args:
        name: Name of the thread.
        clock: Monotonic time.
    """

    def __init__(self, name: str = "seawall", *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._name: Final = name
        self._clock: Final = clock
        self._jobs: tuple[Job, ...] = ()  # replaced whole, so that the thread reads it without a lock
        self._changing = threading.RLock()
        # Not an Event, whose `set` takes a lock: a signal handler that wakes a job may interrupt another `set`.
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = False
        renew_after_fork(self, starts_thread=True)

    @property
    def running(self) -> bool:
        """Whether its thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def add(self, round_: Round, *, in_seconds: float = 0.0) -> Job:
        """Run `round_` from now on; it answers in how many seconds it wants to be run again.

        Args:
            round_: Does one round of work. Must not block for long.
            in_seconds: When to run it first, once the worker has been started.
        """
        job = Job(self, round_, self._clock.monotonic() + in_seconds)
        with self._changing:
            self._jobs = (*self._jobs, job)
        self._woken.put(None)
        return job

    def remove(self, job: Job) -> None:
        """Run no more rounds of `job`. Unknown ones are ignored."""
        with self._changing:
            self._jobs = tuple(each for each in self._jobs if each is not job)

    def wake(self, job: Job, in_seconds: float = 0.0) -> None:
        """Run the next round of `job` no later than in so many seconds."""
        due = self._clock.monotonic() + in_seconds
        if due < job.asked:  # else the thread has been told, and the queue does not grow with every call
            job.asked = due
            self._woken.put(None)

    def start(self) -> None:
        """Start the thread. Idempotent."""
        with self._changing:
            self._stopping = False  # a thread that was told to end, and has not seen it yet, goes on
            if not self.running:
                # A daemon: an app that forgets to stop its worker must still be able to end.
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End the thread after the round that is under way. Idempotent.

        Args:
            timeout_seconds: How long to wait for it; a job that blocks longer is left to end by itself.

        Raises:
            InvalidInput: `timeout_seconds` is negative.
        """
        if timeout_seconds < 0:
            raise InvalidInput("timeout_seconds", timeout_seconds, allowed="0 or more")
        with self._changing:
            thread = self._thread
            self._stopping = thread is not None
        self._woken.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_seconds)

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def run_due(self) -> float:
        """Run every job that is due, in the calling thread; seconds until the next one is due.

        For tests, and for apps that schedule by themselves instead of calling `start`.
        """
        for job in self._jobs:
            if job.next_round <= self._clock.monotonic() and job in self._jobs:
                job.asked = math.inf  # whoever asked before is served by the round that begins now
                pause = self._run_one(job)
                job.due = self._clock.monotonic() + pause
        next_round = min((job.next_round for job in self._jobs), default=math.inf)
        return max(0.0, min(LONGEST_SLEEP_SECONDS, next_round - self._clock.monotonic()))

    def _run_one(self, job: Job) -> float:
        try:
            return job.round()
        except Exception:  # noqa: BLE001 - one job must not end the others
            _log.exception("a job of worker %s failed; it is run again in %g s", self._name, PAUSE_AFTER_ERROR_SECONDS)
            return PAUSE_AFTER_ERROR_SECONDS

    def _run(self) -> None:
        while not self._ended():
            pause = self.run_due()
            if not self._stopping:
                with contextlib.suppress(queue.Empty):
                    self._woken.get(timeout=pause)
                    while True:
                        self._woken.get_nowait()

    def _ended(self) -> bool:
        """Whether the thread is to end now; from then on `start` makes another one."""
        with self._changing:
            if self._stopping:
                self._thread = None
                self._stopping = False
                return True
            return False

    def after_fork(self) -> None:
        """In the child: the thread is gone, and locks may be held by threads that are gone, too."""
        was_running = self._thread is not None and not self._stopping
        self._changing = threading.RLock()
        self._woken = queue.SimpleQueue()
        self._thread = None
        self._stopping = False
        if was_running:
            with contextlib.suppress(RuntimeError):  # at interpreter shutdown no thread can be started
                self.start()

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"Worker {self._name!r}")
