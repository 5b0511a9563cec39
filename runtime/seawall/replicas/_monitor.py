"""Measures each server in a thread of its own, so that one that hangs keeps nobody else's verdict waiting."""

import random as random_module
from collections.abc import Callable
from typing import Final, final

from seawall.clock import Clock
from seawall.replicas._core import Core
from seawall.replicas._model import DatabaseServer, Gauge
from seawall.worker import Job, Worker

__all__ = ["Monitor"]

UNSETTLED_SECONDS: Final = (
    0.2  # between two looks while the writer is lost or in doubt: a promotion is seen within that
)
QUICK_SECONDS: Final = (
    0.02  # to the second look at a server that just failed, or that was behind when a writer was first seen
)


@final
class Monitor:
    """Runs the gauge.

    Args:
        core: Whom to tell.
        gauge: How to measure.
        clock: Monotonic time.
        random: Random numbers in [0, 1).
    """

    def __init__(
        self, core: Core, gauge: Gauge, *, clock: Clock, random: Callable[[], float] = random_module.random
    ) -> None:
        self._core: Final = core
        self._gauge: Final = gauge
        self._clock: Final = clock
        self._random: Final = random
        self._workers: dict[str, tuple[DatabaseServer, Worker, Job]] = {}
        self._running = False

    @property
    def running(self) -> bool:
        """Whether it measures."""
        return self._running

    def start(self) -> None:
        """Measure from now on. Idempotent."""
        self._running = True
        self.follow()

    def await_first(self, seconds: float) -> None:
        """Wait until every server has been measured or has failed to be, at most so long.

        On a busy writer every reader is a little behind when first measured, and by how much only the second look tells.
        """
        until = self._clock.monotonic() + seconds
        with self._core.desk as desk:
            while not self._all_known() and (left := until - self._clock.monotonic()) > 0.0:
                desk.pause(left)

    def _all_known(self) -> bool:
        names = self._core.standing.servers
        seen = [self._core.seen(name) for name in names]
        measured = all(each is None or each.failures > 0 or each.observation is not None for each in seen)
        return measured and not any(self._core.too_early(name) for name in names)

    def stop(self) -> None:
        """Measure no more, and close the gauge's connections. Idempotent."""
        self._running = False
        for name in list(self._workers):
            self._end(name)

    def follow(self) -> None:
        """Measure exactly the servers that there are now."""
        if not self._running:
            return
        wanted = self._core.standing.servers
        for name, (server, _, _) in list(self._workers.items()):
            if wanted.get(name) != server:
                self._end(name)
        for name, server in wanted.items():
            if name not in self._workers:
                worker = Worker(f"seawall-replicas {name}", clock=self._clock)
                job = worker.add(lambda server=server: self.round(server))
                self._workers[name] = (server, worker, job)
                worker.start()

    def _end(self, name: str) -> None:
        server, worker, _ = self._workers.pop(name)
        worker.stop(timeout_seconds=0.0)  # it may hang in a measurement: it ends by itself
        self._gauge.forget(server)

    def wake(self, name: str | None = None) -> None:
        """Measure that server now, or all of them. Never blocks."""
        for each, (_, _, job) in list(self._workers.items()):
            if name is None or each == name:
                job.wake()

    def round(self, server: DatabaseServer) -> float:
        """Measure once, in the calling thread; seconds until the next time."""
        core, policy = self._core, self._core.lag
        began = self._clock.monotonic()
        try:
            observation = self._gauge.measure(server, policy.timeout_seconds)
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and all of it means: not measured
            core.unmeasured(server.name, f"{type(error).__name__}: {error}".splitlines()[0], began)
        else:
            core.observed(server.name, observation, began)
        return self._pause(server.name)

    def _pause(self, name: str) -> float:
        core, policy = self._core, self._core.lag
        standing = core.standing
        current = core.seen(standing.current)
        mine = core.seen(name)
        if core.desk.busy and name != standing.current:
            return policy.hurry_seconds
        if (mine is not None and mine.failures == 1) or core.too_early(name):
            return min(QUICK_SECONDS, policy.interval_seconds)
        if standing.trouble is not None or (current is not None and current.failures):
            return min(UNSETTLED_SECONDS, policy.interval_seconds)
        return policy.interval_seconds * (1.0 - policy.jitter_ratio * self._random())
