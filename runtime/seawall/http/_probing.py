"""Probing in an event loop: asyncio's or trio's. The schedule is `HealthProber`'s; each probe is a task."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
import httpx

from seawall.errors import InvalidInput
from seawall.prober import HealthProber, ProbeFailed
from seawall.prober._prober import Schedule
from seawall.prober._probes import SUCCESS
from seawall.selector import Endpoint

__all__ = ["HttpxProbe", "probe_async"]

AsyncProbe = Callable[[Endpoint], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpxProbe:
    """GET `health_url`, or `path` at the endpoint's URL, with an httpx client: proxies, TLS and HTTP/2 as it has them.

    Args:
        client: Yours to close. It should not keep connections alive, or a probe may only show that an old one works:
            `httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))`.
    """

    client: httpx.AsyncClient
    path: str = "/health"
    healthy_statuses: "range | frozenset[int]" = field(default=SUCCESS)

    async def __call__(self, endpoint: Endpoint) -> None:
        """Ask once.

        Raises:
            ProbeFailed: another status.
            httpx.HTTPError: no answer.
        """
        url = endpoint.health_url or endpoint.url.rstrip("/") + self.path
        async with self.client.stream("GET", url, follow_redirects=False) as response:
            if response.status_code not in self.healthy_statuses:
                raise ProbeFailed(endpoint.name, f"status {response.status_code}")


async def probe_async(prober: HealthProber, probe: AsyncProbe | None = None) -> None:
    """Probe until cancelled: start it as a task, e.g. in a task group.

    A probe that takes longer than `timeout_seconds` is cancelled. Sync probes run in threads, which cannot be: theirs is
    counted as failed, and the endpoint is asked again when the thread has come back.

    Args:
        prober: The schedule, and whom to tell. Do not `start` it as well.
        probe: An async function of an `Endpoint`, e.g. `HttpxProbe`; `None`: the prober's own sync one, in threads.

    Raises:
        InvalidInput: the prober has been started in a worker.
    """
    if prober.started:
        raise InvalidInput(
            "prober", prober, allowed="one that was not started in a worker", because="it would probe twice"
        )
    limiter = anyio.CapacityLimiter(math.inf)  # a limit would let hanging probes hold up the others
    async with anyio.create_task_group() as tasks:
        while True:
            for schedule in prober.due():
                tasks.start_soon(_ask, prober, schedule, probe, limiter)
            await anyio.sleep(prober.pause())


async def _ask(
    prober: HealthProber, schedule: Schedule, probe: AsyncProbe | None, limiter: anyio.CapacityLimiter
) -> None:
    number = schedule.number
    passed: bool | None = None  # cancelled: says nothing about the endpoint
    why = ""
    try:
        if probe is None:
            answer = await anyio.to_thread.run_sync(
                prober.probe, schedule.endpoint, abandon_on_cancel=True, limiter=limiter
            )
            passed, why = answer is not False, "it said so"
        else:
            with anyio.move_on_after(prober.timeout_seconds) as scope:
                passed, why = await probe(schedule.endpoint) is not False, "it said so"
            if scope.cancelled_caught:
                passed, why = False, f"no answer within {prober.timeout_seconds:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a probe raises, it is a bad probe
        passed, why = False, f"{type(error).__name__}: {error}"
    finally:
        prober.ended(schedule, number, passed=passed, why=why)
