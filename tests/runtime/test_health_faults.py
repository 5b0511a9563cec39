"""Faults of other health libraries, one test each."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from seawall.errors import InvalidInput
from seawall.health import (
    Check,
    DatabaseCheck,
    DependencyInLiveness,
    HealthRegistry,
    HttpCheck,
    MemoryCheck,
    RedisCheck,
    SelfCheck,
    health_app,
)
from seawall.testing import FakeClock

pytestmark = pytest.mark.anyio

DEADLINE = 0.05  # seconds
SLACK = 0.75  # seconds that a busy machine may add; far below what would hang


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(registry: HealthRegistry, path: str, *, method: str = "GET", token: str | None = None) -> Any:
    """Status, body and headers of one probe, without a server."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": headers}
    await health_app(registry, token="0123456789abcdef")(scope, receive, send)
    start, body = sent
    return start["status"], json.loads(body["body"] or "null"), dict(start["headers"])


async def test_a_hanging_check_costs_its_deadline_and_no_more():
    """fastapi-health, py-healthcheck: the endpoint hangs with its check. Both kinds, beside one that is well."""
    release = threading.Event()
    registry = HealthRegistry()
    registry.readiness(Check("thread", lambda: release.wait(30)), timeout_seconds=DEADLINE)
    registry.readiness(Check("task", lambda: asyncio.sleep(30)), timeout_seconds=DEADLINE)
    registry.readiness(Check("well", lambda: None), timeout_seconds=DEADLINE + SLACK)
    began = time.monotonic()
    status, body, _ = await ask(registry, "/readyz")
    took = time.monotonic() - began
    release.set()
    assert status == 503
    assert {name: check["outcome"] for name, check in body["checks"].items()} == {
        "thread": "timed_out",
        "task": "timed_out",
        "well": "healthy",
    }
    assert DEADLINE <= took < DEADLINE + SLACK


async def test_all_checks_together_cost_the_total_deadline():
    """A kubelet waits 1 s in all, however patient each check is; the slow run's result serves the next probe."""
    registry = HealthRegistry(total_timeout_seconds=DEADLINE)
    go_on = asyncio.Event()
    registry.readiness(Check("slow", go_on.wait), timeout_seconds=10)
    status, body, _ = await ask(registry, "/readyz")
    assert (status, body["checks"]["slow"]["outcome"]) == (503, "timed_out")
    go_on.set()
    await asyncio.sleep(0.01)
    status, _, _ = await ask(registry, "/readyz")
    assert status == 200


async def test_a_check_that_hangs_for_ever_takes_one_thread_not_one_per_probe():
    """A deadline does not end a thread: without this, an outage eats the process that reports it."""
    release = threading.Event()
    started = 0

    def hang() -> None:
        nonlocal started
        started += 1
        release.wait(30)

    registry = HealthRegistry()
    registry.readiness(Check("stuck", hang), timeout_seconds=0.01, ttl_seconds=0)
    for _ in range(5):
        status, body, _ = await ask(registry, "/readyz")
        assert (status, body["checks"]["stuck"]["outcome"]) == (503, "timed_out")
        await asyncio.sleep(0.015)
    assert started == 1
    release.set()
    for thread in threading.enumerate():
        if thread.name == "check stuck":
            thread.join()
    await asyncio.sleep(0.015)
    await ask(registry, "/readyz")
    assert started == 2


async def test_a_task_that_swallows_its_cancellation_is_not_run_twice():
    """The same for a coroutine that goes on after it was cancelled."""
    started = 0
    release = asyncio.Event()

    async def stubborn() -> None:
        nonlocal started
        started += 1
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    registry = HealthRegistry()
    registry.readiness(Check("stubborn", stubborn), timeout_seconds=0.01, ttl_seconds=0)
    for _ in range(3):
        status, _, _ = await ask(registry, "/readyz")
        assert status == 503
        await asyncio.sleep(0.015)
    assert started == 1
    release.set()


@pytest.mark.parametrize("error", [ConnectionError("x"), StopIteration(), SystemExit(3), asyncio.CancelledError()])
@pytest.mark.parametrize("kind", ["thread", "task"])
async def test_a_raising_check_answers_503_not_500(error: BaseException, kind: str):
    """py-healthcheck: the probe gets a 500 and no word about the other checks."""

    def sync() -> None:
        raise error

    async def run() -> None:
        if isinstance(error, SystemExit):
            pytest.skip("asyncio hands a request to exit to whoever runs the loop")
        raise error

    registry = HealthRegistry()
    registry.readiness(Check("raising", sync if kind == "thread" else run))
    registry.readiness(Check("well", lambda: None))
    status, body, _ = await ask(registry, "/health")
    assert status == 503
    assert body["checks"]["raising"]["outcome"] == "failed"
    assert body["checks"]["well"]["outcome"] == "healthy"


async def test_50_simultaneous_probes_run_each_check_once():
    """fastapi-healthchecks: 50 probes are 50 connections to a database that has trouble already."""
    runs = {"thread": 0, "task": 0}

    def thread() -> None:
        runs["thread"] += 1
        time.sleep(0.02)

    async def task() -> None:
        runs["task"] += 1
        await asyncio.sleep(0.02)

    registry = HealthRegistry()
    registry.readiness(Check("thread", thread))
    registry.readiness(Check("task", task))
    paths = ["/readyz", "/health", "/regionz", "/readyz", "/health"] * 10
    answers = await asyncio.gather(*(ask(registry, path) for path in paths))
    assert [status for status, _, _ in answers] == [200] * 50
    assert runs == {"thread": 1, "task": 1}


async def test_a_probe_that_hangs_up_does_not_end_the_run_that_others_wait_for():
    """The run is shared, so it belongs to no probe."""
    go_on = asyncio.Event()
    registry = HealthRegistry()
    registry.readiness(Check("slow", go_on.wait))
    first = asyncio.create_task(ask(registry, "/readyz"))
    second = asyncio.create_task(ask(registry, "/readyz"))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    go_on.set()
    status, _, _ = await second
    assert status == 200
    assert registry.snapshot()[0].runs["healthy"] == 1


async def test_a_fresh_result_is_served_a_stale_one_renewed_and_an_old_one_awaited():
    """ASP.NET's cached publishing, with an end: an answer is never older than the TTL and one deadline."""
    clock = FakeClock()
    registry = HealthRegistry(clock=clock)
    well = True
    runs = 0

    async def run() -> bool:
        nonlocal runs
        runs += 1
        return well

    registry.readiness(Check("cached", run), ttl_seconds=10, timeout_seconds=2)
    assert (await ask(registry, "/readyz"))[0] == 200
    well = False
    clock.advance(9.9)
    assert (await ask(registry, "/readyz"))[0] == 200
    assert runs == 1
    clock.advance(0.2)
    assert (await ask(registry, "/readyz"))[0] == 200  # stale, and renewed behind it
    await asyncio.sleep(0.01)
    assert runs == 2
    assert (await ask(registry, "/readyz"))[0] == 503
    well = True
    clock.advance(12.1)
    assert (await ask(registry, "/readyz"))[0] == 200  # too old to be served: waited for
    assert runs == 3


@pytest.mark.parametrize(
    "check",
    [
        DatabaseCheck(lambda: None),
        HttpCheck("http://127.0.0.1:1/"),
        RedisCheck(type("Client", (), {"ping": lambda self: True})()),
        Check("anything", lambda: None),
    ],
    ids=lambda check: check.name,
)
async def test_a_dependency_in_liveness_is_refused(check: Check):
    """spring-boot#42159: the database fails, and every pod is restarted, again and again."""
    registry = HealthRegistry()
    with pytest.raises(DependencyInLiveness, match=r"only a SelfCheck can: register it with readiness\(\)"):
        registry.liveness(check)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        registry.liveness(check)  # type: ignore[arg-type]
    assert registry.snapshot() == ()


async def test_a_failing_dependency_leaves_liveness_alone():
    """Only what a restart heals decides it."""
    registry = HealthRegistry()
    registry.liveness(SelfCheck("loop", lambda: True))
    registry.liveness(MemoryCheck(1.0))
    registry.readiness(Check("database", lambda: False))
    assert [(await ask(registry, path))[0] for path in ("/livez", "/readyz", "/health")] == [200, 503, 503]


async def test_route_53_is_not_told_of_what_all_regions_share():
    """A shared dependency fails in every region: a failover would move everybody for nothing, or nobody anywhere."""
    registry = HealthRegistry()
    registry.readiness(Check("global-database", lambda: False), shared=True)
    registry.readiness(Check("local", lambda: True))
    registry.readiness(Check("nice-to-have", lambda: False), critical=False)
    status, body, _ = await ask(registry, "/regionz")
    assert (status, list(body["checks"])) == (200, ["local"])
    assert (await ask(registry, "/readyz"))[0] == 503


@pytest.mark.parametrize("token", [None, "wrong", "0123456789abcdeF"])
async def test_hosts_credentials_and_traces_are_shown_to_nobody_without_the_token(token: str | None):
    """An error's text is a map of the network; health paths are reachable from outside."""
    registry = HealthRegistry()

    def fail() -> None:
        raise ConnectionError("postgres://shop:hunter2@db-1.internal:5432 refused, password=hunter2")

    registry.readiness(Check("database", fail))
    registry.readiness(Check("disk", lambda: "12 bytes free of /dev/sda"))
    status, body, _ = await ask(registry, "/health", token=token)
    assert status == 503
    assert body["redacted"] is True
    assert set(body["checks"]["database"]) == {"status", "outcome", "critical", "duration_seconds"}
    told = json.dumps(body)
    assert not any(secret in told for secret in ("hunter2", "db-1", "Traceback", "/dev/sda", "ConnectionError"))


async def test_the_token_uncovers_what_failed_but_never_credentials():
    """Who repairs needs the host and the trace; nobody needs the password."""
    registry = HealthRegistry()

    def fail() -> None:
        raise ConnectionError("postgres://shop:hunter2@db-1.internal:5432 refused, password=hunter2")

    registry.readiness(Check("database", fail))
    _, body, _ = await ask(registry, "/health", token="0123456789abcdef")
    shown = body["checks"]["database"]
    assert body["redacted"] is False
    assert shown["error"] == "ConnectionError: postgres://***@db-1.internal:5432 refused, password=***"
    assert "in fail" in shown["trace"]
    assert "hunter2" not in json.dumps(body)


async def test_a_restarted_event_loop_does_not_wait_for_a_run_on_the_old_one():
    """Test clients and reloads run one app on several loops, one after another."""
    registry = HealthRegistry()

    async def slow() -> None:
        await asyncio.sleep(30)

    registry.readiness(Check("slow", slow), timeout_seconds=0.01, ttl_seconds=0)

    def one_loop() -> Any:
        return asyncio.run(ask(registry, "/readyz"))

    first = await asyncio.to_thread(one_loop)
    second = await asyncio.to_thread(one_loop)
    assert (first[0], second[0]) == (503, 503)
    assert second[1]["checks"]["slow"]["duration_seconds"] >= 0


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda r: HealthRegistry(total_timeout_seconds=0), "total_timeout_seconds = 0: above 0 seconds"),
        (lambda r: r.readiness(Check("a", print), timeout_seconds=0), "timeout_seconds = 0: above 0 seconds"),
        (lambda r: r.readiness(Check("a", print), ttl_seconds=-1), "ttl_seconds = -1: 0 seconds or more"),
        (lambda r: [r.readiness(Check("a", print)) for _ in "12"], "name = a: a name that no other check here has"),
        (lambda r: r.readiness(print), "check = <built-in function print>: a Check"),
        (lambda r: Check("", print), "name = '': a printable text"),
        (lambda r: Check("a", 3), "run = 3: a function"),  # type: ignore[arg-type]
        (lambda r: HttpCheck("ftp://example.com"), "url = ftp: an http or https URL"),
        (lambda r: MemoryCheck(1.5), "most_ratio = 1.5: above 0, at most 1"),
        (lambda r: health_app(r, token="short"), "token = 5 characters: at least 16"),
    ],
)
async def test_bad_input_is_one_line(make: Any, line: str):
    """What is wrong is said before anything is served, and a token is never repeated."""
    with pytest.raises(InvalidInput) as caught:
        make(HealthRegistry())
    assert str(caught.value).startswith(line)
