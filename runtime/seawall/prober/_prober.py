"""The prober: asks each endpoint in turn, and tells the selector.

What holds at all times:

1. Of each endpoint at most one probe is under way. One that takes longer than `timeout_seconds` has failed; what it
   answers later is ignored, and it is asked again only when that probe has come back.
2. No endpoint waits for another: each probe has a thread of its own (or, in `seawall.http.probe_async`, a task).
3. The verdict turns to unhealthy after `unhealthy_threshold` bad probes in a row, and back after `healthy_threshold` good
   ones; in between it stays.
"""

import logging
import math
import random as random_module
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol, final

from seawall._forks import renew_after_fork
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput
from seawall.prober._probes import HttpProbe, Probe
from seawall.selector import Endpoint
from seawall.worker import Job, Worker

__all__ = ["HealthProber", "ProbeTarget", "Schedule"]

_log: Final = logging.getLogger("seawall.prober")

LONGEST_ROUND_SECONDS: Final = 1.0  # an endpoint that was added is noticed within this time


class ProbeTarget(Protocol):
    """What is told: an `EndpointSelector`, or anything like it."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those to be probed."""
        ...

    def probed(self, name: str, *, passed: bool, healthy: bool) -> None:
        """One probe's result, and what it makes of the endpoint."""
        ...


@dataclass(slots=True)
class Schedule:
    """One endpoint's probes."""

    endpoint: Endpoint
    due: float
    began: float | None = None
    """When the probe that is under way began."""
    overdue: bool = False
    """Whether that one has been counted as failed already."""
    number: int = 0
    """Of that probe: an answer with another number is of one that was given up."""
    in_a_row: int = 0
    """Good probes, or bad ones below 0."""
    healthy: bool = True


@final
class HealthProber:
    """Probes the endpoints of a selector, in the background of a `Worker`.

    ```python
    with Worker() as worker:
        prober = HealthProber(selector, HttpProbe(path="/health"), interval_seconds=10.0)
        prober.start(worker)
    ```

    Endpoints that are added or taken away while running are followed. For async apps without a thread there is
    `seawall.http.probe_async`.

    Args:
        target: Whose endpoints, and whom to tell.
        probe: How to ask one. Any function of an `Endpoint`; for the threads of a worker a sync one.
        interval_seconds: From the start of one probe to the start of the next.
        timeout_seconds: After this a probe has failed, whatever it is doing. At most `interval_seconds`.
        unhealthy_threshold: Bad probes in a row that make an endpoint unhealthy. At least 1.
        healthy_threshold: Good probes in a row that make it healthy again. At least 1.
        jitter_ratio: Each interval is shorter or longer by a random part of up to this ratio, and the first one is
            anywhere within one interval of jitter, so that many clients do not probe in step. 0 to 1.
        clock: Monotonic time.
        random: Random numbers in [0, 1).

    Raises:
        InvalidInput: a value outside what is said here.
    """

    def __init__(
        self,
        target: ProbeTarget,
        probe: Probe | None = None,
        *,
        interval_seconds: float = 10.0,
        timeout_seconds: float = 5.0,
        unhealthy_threshold: int = 3,
        healthy_threshold: int = 2,
        jitter_ratio: float = 0.1,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if not 0.0 < interval_seconds < math.inf:
            raise InvalidInput("interval_seconds", interval_seconds, allowed="above 0 seconds, finite")
        if not 0.0 < timeout_seconds <= interval_seconds:
            raise InvalidInput(
                "timeout_seconds",
                timeout_seconds,
                allowed=f"above 0 and at most {interval_seconds:g}",
                because=f"the next probe begins after interval_seconds = {interval_seconds:g}",
            )
        for name, value in (("unhealthy_threshold", unhealthy_threshold), ("healthy_threshold", healthy_threshold)):
            if value < 1:
                raise InvalidInput(name, value, allowed="a whole number of at least 1")
        if not 0.0 <= jitter_ratio <= 1.0:
            raise InvalidInput("jitter_ratio", jitter_ratio, allowed="0 to 1")
        self.target: Final = target
        self.probe: Final[Probe] = HttpProbe(timeout_seconds=timeout_seconds) if probe is None else probe
        self.interval_seconds: Final = interval_seconds
        self.timeout_seconds: Final = timeout_seconds
        self._unhealthy_threshold: Final = unhealthy_threshold
        self._healthy_threshold: Final = healthy_threshold
        self._jitter_ratio: Final = jitter_ratio
        self._clock: Final = clock
        self._random: Final = random
        self._schedules: dict[str, Schedule] = {}
        self._lock = threading.Lock()
        self._job: Job | None = None
        renew_after_fork(self)

    def start(self, worker: Worker) -> Job:
        """Probe from now on, in threads that `worker` starts; returns the job, whose `cancel` ends it. Idempotent."""
        if self._job is None:
            self._job = worker.add(self.round)
        return self._job

    @property
    def started(self) -> bool:
        """Whether it probes in a worker."""
        return self._job is not None

    def stop(self) -> None:
        """Start no more probes. Idempotent."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def round(self) -> float:
        """Start every probe that is due, give up those that take too long; seconds until the next round.

        For tests, and for apps that schedule by themselves. Does not wait for the probes.
        """
        for schedule in self.due():
            number = schedule.number
            thread = threading.Thread(
                target=self._ask, args=(schedule, number), name=f"probe {schedule.endpoint.name}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # no more threads: says nothing about the endpoint
                _log.warning("endpoint %s cannot be probed now: %s", schedule.endpoint.name, error)
                self.ended(schedule, number, passed=None)
        return self.pause()

    def due(self) -> list[Schedule]:
        """The schedules whose probe begins now; each has to end in `ended`. Gives up probes that take too long."""
        now = self._clock.monotonic()
        late: list[tuple[Schedule, int]] = []
        due: list[Schedule] = []
        with self._lock:
            self._follow(now)
            for schedule in self._schedules.values():
                if schedule.began is not None:
                    if not schedule.overdue and now - schedule.began >= self.timeout_seconds:
                        schedule.overdue = True
                        late.append((schedule, schedule.number))
                elif schedule.due <= now:
                    schedule.began = now
                    schedule.overdue = False
                    schedule.number += 1
                    schedule.due = now + self._interval()
                    due.append(schedule)
        for schedule, number in late:
            self._judge(schedule, number, passed=False, why=f"no answer within {self.timeout_seconds:g} s")
        return due

    def pause(self) -> float:
        """Seconds until something is due."""
        now = self._clock.monotonic()
        with self._lock:
            next_due = min(
                (
                    each.due if each.began is None else each.began + self.timeout_seconds
                    for each in self._schedules.values()
                    if not (each.began is not None and each.overdue)
                ),
                default=math.inf,
            )
        return min(max(0.0, next_due - now), LONGEST_ROUND_SECONDS)

    def _follow(self, now: float) -> None:
        """Take over which endpoints there are."""
        endpoints = {each.name: each for each in self.target.endpoints}
        for name in [name for name in self._schedules if name not in endpoints]:
            del self._schedules[name]
        for name, endpoint in endpoints.items():
            known = self._schedules.get(name)
            if known is None or (known.endpoint.url, known.endpoint.health_url) != (endpoint.url, endpoint.health_url):
                # At once, but not all in the same moment: a client that starts should know soon.
                first = now + self.interval_seconds * self._jitter_ratio * self._random()
                self._schedules[name] = Schedule(endpoint, first)
            else:
                known.endpoint = endpoint

    def _interval(self) -> float:
        return self.interval_seconds * (1.0 + self._jitter_ratio * (2.0 * self._random() - 1.0))

    def _ask(self, schedule: Schedule, number: int) -> None:
        try:
            passed, why = self.probe(schedule.endpoint) is not False, "it said so"
        except Exception as error:  # noqa: BLE001 - whatever a probe raises, it is a bad probe
            passed, why = False, f"{type(error).__name__}: {error}"
        self.ended(schedule, number, passed=passed, why=why)
        job = self._job
        if job is not None:
            job.wake(self.pause())

    def ended(self, schedule: Schedule, number: int, *, passed: bool | None, why: str = "") -> None:
        """A probe that `due` handed out has come back; `None`: it was broken off, and says nothing."""
        with self._lock:
            if schedule.number != number or schedule.began is None:
                return
            given_up = schedule.overdue or self._clock.monotonic() - schedule.began >= self.timeout_seconds
            counted = schedule.overdue
            schedule.began = None
            schedule.overdue = False
        if passed is None:
            return
        if given_up and not counted:
            self._judge(schedule, number, passed=False, why=f"no answer within {self.timeout_seconds:g} s")
        elif not given_up:
            self._judge(schedule, number, passed=passed, why=why)

    def _judge(self, schedule: Schedule, number: int, *, passed: bool, why: str) -> None:
        name = schedule.endpoint.name
        with self._lock:
            if self._schedules.get(name) is not schedule or schedule.number != number:
                return
            if passed:
                schedule.in_a_row = max(schedule.in_a_row, 0) + 1
            else:
                schedule.in_a_row = min(schedule.in_a_row, 0) - 1
            before = schedule.healthy
            if schedule.in_a_row >= self._healthy_threshold:
                schedule.healthy = True
            elif schedule.in_a_row <= -self._unhealthy_threshold:
                schedule.healthy = False
            healthy = schedule.healthy
        if before and not healthy:
            _log.warning("endpoint %s is unhealthy: %s", name, why)
        self.target.probed(name, passed=passed, healthy=healthy)

    def after_fork(self) -> None:
        """In the child: the threads of probes under way are gone."""
        self._lock = threading.Lock()
        for schedule in self._schedules.values():
            schedule.began = None
            schedule.overdue = False

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a HealthProber")
