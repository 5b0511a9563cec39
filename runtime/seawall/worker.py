"""The one owner of work in the background: probes, lag, topology, shared breakers.

A job is a function that does one round and answers in how many seconds it wants the next one. All jobs of a worker share
one thread, so a job must not block for long: give its clients time-outs. The thread does no harm to an event loop, which
is why sync, asyncio and trio apps all use the same worker.
"""

import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Final, NoReturn, final

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

    __slots__ = ("_worker", "due", "round")

    def __init__(self, worker: "Worker", round_: Round, due: float) -> None:
        self._worker = worker
        self.round: Final = round_
        self.due: float = due

    def wake(self, in_seconds: float = 0.0) -> None:
        """Run the next round no later than in so many seconds. Never blocks; callable from anywhere."""
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
        self._changing = threading.Lock()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        _live.add(self)

    @property
    def running(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def add(self, round_: Round, *, in_seconds: float = 0.0) -> Job:
        """Run `round_` from now on; it answers in how many seconds it wants to be run again.

        Args:
            round_: Does one round of work. Must not block for long.
            in_seconds: When to run it first, once the worker has been started.
        """
        job = Job(self, round_, self._clock.monotonic() + in_seconds)
        with self._changing:
            self._jobs = (*self._jobs, job)
        self._woken.set()
        return job

    def remove(self, job: Job) -> None:
        """Run no more rounds of `job`. Unknown ones are ignored."""
        with self._changing:
            self._jobs = tuple(each for each in self._jobs if each is not job)

    def wake(self, job: Job, in_seconds: float = 0.0) -> None:
        """Run the next round of `job` no later than in so many seconds."""
        due = self._clock.monotonic() + in_seconds
        if due < job.due:
            job.due = due
            self._woken.set()

    def start(self) -> None:
        """Start the thread. Idempotent."""
        with self._changing:
            if not self.running:
                self._stopping = False
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
        thread = self._thread
        self._stopping = True
        self._woken.set()
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
            if job.due <= self._clock.monotonic() and job in self._jobs:
                job.due = float("inf")  # a wake during the round sets it anew, and must not be lost
                pause = self._run_one(job)
                job.due = min(job.due, self._clock.monotonic() + pause)
        next_due = min((job.due for job in self._jobs), default=float("inf"))
        return max(0.0, min(LONGEST_SLEEP_SECONDS, next_due - self._clock.monotonic()))

    def _run_one(self, job: Job) -> float:
        try:
            return job.round()
        except Exception:  # noqa: BLE001 - one job must not end the others
            _log.exception("a job of worker %s failed; it is run again in %g s", self._name, PAUSE_AFTER_ERROR_SECONDS)
            return PAUSE_AFTER_ERROR_SECONDS

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause = self.run_due()
            if not self._stopping:
                self._woken.wait(pause)

    def after_fork(self) -> None:
        """In the child: the thread is gone, and locks may be held by threads that are gone, too."""
        was_running = self._thread is not None and not self._stopping
        self._changing = threading.Lock()
        self._woken = threading.Event()
        self._thread = None
        if was_running:
            with contextlib.suppress(RuntimeError):  # at interpreter shutdown no thread can be started
                self.start()

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"Worker {self._name!r}")


_live: Final = weakref.WeakSet[Worker]()


def _after_fork() -> None:
    for worker in list(_live):
        worker.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
