"""The checks of a process, and what they say together."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NoReturn, cast, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, DependencyInLiveness, InvalidInput
from seawall.health._checks import Check, SelfCheck
from seawall.health._runner import CheckResult, Outcome, Runner

__all__ = ["CheckSnapshot", "Entry", "HealthRegistry", "HealthReport", "Probe", "Status"]

TOTAL_TIMEOUT_SECONDS: Final = 0.9  # the kubelet's probes wait 1 s unless told otherwise (timeoutSeconds); Route 53 2 s
TIMEOUT_SECONDS: Final = 0.75
TTL_SECONDS: Final = 1.0


class Status(StrEnum):
    """What a probe is told."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """An informative check fails; requests are welcome."""
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    DRAINING = "draining"

    @property
    def http(self) -> int:
        """200 or 503."""
        return 200 if self in (Status.HEALTHY, Status.DEGRADED) else 503


class Probe(StrEnum):
    """Who asks."""

    LIVE = "live"
    STARTED = "started"
    READY = "ready"
    REGION = "region"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What one probe is told."""

    status: Status
    at: datetime
    """Wall-clock time in UTC."""
    results: Mapping[str, CheckResult]
    critical: frozenset[str]
    """Names of the checks that decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSnapshot:
    """One check's last result and its runs so far; for metrics."""

    name: str
    critical: bool
    healthy: bool | None
    """`None` until it has run."""
    duration_seconds: float | None
    """Of the last run; `None` until it has run."""
    runs: Mapping[str, int]
    """By outcome. They only grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A check, and where it stands."""

    runner: Runner
    critical: bool
    shared: bool
    probe: Probe
    """`LIVE`, `STARTED` or `READY`."""


@final
class HealthRegistry:
    """The checks of one process. Probes never run a check twice at once, and never wait for long.

    Args:
        total_timeout_seconds: The longest that a probe waits for all checks together; above 0. A check that has not
            answered by then counts as timed out for this probe; its run goes on and is the next probe's answer.
        clock: Monotonic time, for how old results are.

    Raises:
        InvalidInput: `total_timeout_seconds` is not above 0.
    """

    def __init__(self, *, total_timeout_seconds: float = TOTAL_TIMEOUT_SECONDS, clock: Clock = SYSTEM_CLOCK) -> None:
        if not 0.0 < total_timeout_seconds < float("inf"):
            raise InvalidInput("total_timeout_seconds", total_timeout_seconds, allowed="above 0 seconds")
        self.total_timeout_seconds: Final = total_timeout_seconds
        self._clock: Final = clock
        self._entries: tuple[Entry, ...] = ()  # replaced whole, so that probes need no lock
        self._changing = threading.Lock()
        self._started: Final[set[str]] = set()
        self._draining = False

    def liveness(
        self, check: SelfCheck, *, timeout_seconds: float = TIMEOUT_SECONDS, ttl_seconds: float = TTL_SECONDS
    ) -> None:
        """Restart the process when this fails. Also shown in `/health`.

        Raises:
            DependencyInLiveness: it is no `SelfCheck`. A type checker says so earlier.
            InvalidInput: a time-out that is not above 0, a negative TTL, or a name that is taken.
        """
        if not isinstance(cast("object", check), SelfCheck):
            raise DependencyInLiveness(getattr(check, "name", type(check).__name__))
        self._add(check, Probe.LIVE, True, False, timeout_seconds, ttl_seconds)

    def startup(
        self, check: Check, *, timeout_seconds: float = TIMEOUT_SECONDS, ttl_seconds: float = TTL_SECONDS
    ) -> None:
        """Wait for this at the start: until it has passed once, the process is neither started nor ready.

        Raises:
            InvalidInput: a time-out that is not above 0, a negative TTL, or a name that is taken.
        """
        self._add(check, Probe.STARTED, True, False, timeout_seconds, ttl_seconds)

    def readiness(
        self,
        check: Check,
        *,
        critical: bool = True,
        shared: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        ttl_seconds: float = TTL_SECONDS,
    ) -> None:
        """Send the process no requests while this fails.

        Args:
            check: What to look at.
            critical: Whether it decides; if not, it is only shown, and the status is `degraded`.
            shared: Whether other regions depend on the same thing (a global database, somebody's API). Such a check is
                left out of `/regionz`: when it fails, it fails everywhere, and no failover helps.
            timeout_seconds: The longest that a run may take; above 0.
            ttl_seconds: How long a result is good; 0 or more.

        Raises:
            InvalidInput: a time-out that is not above 0, a negative TTL, or a name that is taken.
        """
        self._add(check, Probe.READY, critical, shared, timeout_seconds, ttl_seconds)

    def _add(
        self, check: Check, probe: Probe, critical: bool, shared: bool, timeout_seconds: float, ttl_seconds: float
    ) -> None:
        if not isinstance(cast("object", check), Check):
            raise InvalidInput("check", check, allowed="a Check, e.g. DatabaseCheck(engine.connect)")
        if not 0.0 < timeout_seconds < float("inf"):
            raise InvalidInput("timeout_seconds", timeout_seconds, allowed="above 0 seconds")
        if not 0.0 <= ttl_seconds < float("inf"):
            raise InvalidInput("ttl_seconds", ttl_seconds, allowed="0 seconds or more")
        runner = Runner(check, timeout_seconds=timeout_seconds, ttl_seconds=ttl_seconds, clock=self._clock)
        with self._changing:
            if any(entry.runner.check.name == check.name for entry in self._entries):
                raise InvalidInput("name", check.name, allowed="a name that no other check here has")
            entry = Entry(runner=runner, critical=critical, shared=shared, probe=probe)
            self._entries = (*self._entries, entry)

    def drain(self) -> None:
        """Ask to be sent no new requests: `/readyz` and `/health` answer 503 at once. Idempotent.

        `/livez` goes on to answer 200, or the requests under way would be cut off; `/regionz` as well, because one
        instance that leaves says nothing about its region.
        """
        self._draining = True

    def resume(self) -> None:
        """Take `drain` back. Idempotent."""
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether `drain` was called."""
        return self._draining

    @property
    def started(self) -> bool:
        """Whether each startup check has passed once."""
        return all(e.runner.check.name in self._started for e in self._entries if e.probe is Probe.STARTED)

    async def report(self, probe: Probe) -> HealthReport:
        """Ask what this probe is about, all checks at once. Needs a running asyncio loop."""
        entries = self._asked(probe)
        results = await self._results(entries)
        for entry in entries:
            if entry.probe is Probe.STARTED and results[entry.runner.check.name].healthy:
                self._started.add(entry.runner.check.name)
        return HealthReport(
            status=self._status(probe, entries, results),
            at=datetime.now(UTC),
            results=MappingProxyType(results),
            critical=frozenset(entry.runner.check.name for entry in entries if entry.critical),
        )

    def _asked(self, probe: Probe) -> list[Entry]:
        if probe is Probe.ALL:
            return list(self._entries)
        if probe is Probe.LIVE:
            return [entry for entry in self._entries if entry.probe is Probe.LIVE]
        waiting = [
            entry
            for entry in self._entries
            if entry.probe is Probe.STARTED and entry.runner.check.name not in self._started
        ]
        if probe is Probe.STARTED:
            return waiting
        serving = [entry for entry in self._entries if entry.probe is Probe.READY]
        if probe is Probe.REGION:
            return [entry for entry in serving if entry.critical and not entry.shared]
        return waiting + serving

    def _status(self, probe: Probe, entries: Sequence[Entry], results: Mapping[str, CheckResult]) -> Status:
        if self._draining and probe in (Probe.READY, Probe.ALL):
            return Status.DRAINING
        if probe in (Probe.READY, Probe.STARTED, Probe.ALL) and not self.started:
            return Status.STARTING
        # A startup check has done its work once it has passed: it is shown, and decides no more.
        failing = [e for e in entries if e.probe is not Probe.STARTED and not results[e.runner.check.name].healthy]
        if any(entry.critical for entry in failing):
            return Status.UNHEALTHY
        return Status.DEGRADED if failing else Status.HEALTHY

    async def _results(self, entries: Sequence[Entry]) -> dict[str, CheckResult]:
        results: dict[str, CheckResult] = {}
        waiting: dict[asyncio.Task[CheckResult], Runner] = {}
        for entry in entries:
            runner = entry.runner
            if runner.last is not None and runner.age() < runner.ttl_seconds:
                results[runner.check.name] = runner.last  # the usual case makes no task
            else:
                results[runner.check.name] = self._too_late()
                waiting[asyncio.ensure_future(runner.result())] = runner
        if waiting:
            try:
                done, _ = await asyncio.wait(waiting, timeout=self.total_timeout_seconds)
                results.update({waiting[task].check.name: task.result() for task in done})
            finally:
                for task in waiting:
                    task.cancel()  # only this probe's waiting: runs are shielded
        return results

    def _too_late(self) -> CheckResult:
        return CheckResult(
            outcome=Outcome.TIMED_OUT,
            duration_seconds=self.total_timeout_seconds,
            at_seconds=self._clock.monotonic(),
            note=f"no answer within the probe's {self.total_timeout_seconds:g} s",
        )

    def snapshot(self) -> tuple[CheckSnapshot, ...]:
        """Each check's last result and its runs so far. Runs nothing."""
        return tuple(
            CheckSnapshot(
                name=entry.runner.check.name,
                critical=entry.critical,
                healthy=None if entry.runner.last is None else entry.runner.last.healthy,
                duration_seconds=None if entry.runner.last is None else entry.runner.last.duration_seconds,
                runs={outcome.value: count for outcome, count in entry.runner.runs.items()},
            )
            for entry in self._entries
        )

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a HealthRegistry")
