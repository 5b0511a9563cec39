"""The five paths as servers and frameworks see them: FastAPI, mounts, HEAD, OpenAPI, draining."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.checks import not_a_server_error
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from seawall.errors import InvalidInput
from seawall.health import (
    Check,
    HealthMiddleware,
    HealthRegistry,
    SelfCheck,
    draining_on_signals,
    health_app,
    health_openapi,
)

TOKEN = "0123456789abcdef"
PATHS = ["/livez", "/startupz", "/readyz", "/regionz", "/health"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def registry() -> HealthRegistry:
    registry = HealthRegistry()
    registry.liveness(SelfCheck("loop", lambda: True))
    registry.readiness(Check("database", lambda: True))
    registry.readiness(Check("cache", lambda: False), critical=False)
    return registry


def client(app: Any, **more: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test", **more)


async def statuses(app: Any, prefix: str = "") -> list[int]:
    async with client(app) as asking:
        return [(await asking.get(prefix + path)).status_code for path in PATHS]


def fastapi_app(registry: HealthRegistry) -> FastAPI:
    app = FastAPI()
    app.add_middleware(HealthMiddleware, registry=registry)  # the one line

    @app.get("/orders")
    async def orders() -> list[int]:
        return [1]

    return app


@pytest.mark.anyio
async def test_fastapi_takes_one_line_wherever_it_stands(registry: HealthRegistry):
    """A mount at the root shadows every route that comes after it; a middleware shadows five paths."""
    app = fastapi_app(registry)
    assert await statuses(app) == [200] * 5
    async with client(app) as asking:
        assert (await asking.get("/orders")).json() == [1]
        assert (await asking.get("/nowhere")).status_code == 404


@pytest.mark.anyio
async def test_it_can_be_mounted_anywhere_and_be_a_server_of_its_own(registry: HealthRegistry):
    """Behind a prefix the server's path has it, and still it is the same five paths."""
    assert await statuses(Starlette(routes=[Mount("/internal", health_app(registry))]), "/internal") == [200] * 5
    app = health_app(registry)
    assert await statuses(app) == [200] * 5
    sent: list[Any] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.anyio
async def test_the_answer_says_what_every_check_found_and_when(registry: HealthRegistry):
    """The format of the document that asked for it, with units: status, timestamp, checks."""
    async with client(health_app(registry)) as asking:
        response = await asking.get("/health")
        body = response.json()
        assert response.headers["cache-control"] == "no-store"
        assert (response.status_code, body["status"]) == (200, "degraded")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(body["timestamp"])) < timedelta(seconds=30)
        assert set(body["checks"]) == {"loop", "database", "cache"}
        assert body["checks"]["cache"].items() >= {"status": "unhealthy", "critical": False}.items()
        head = await asking.head("/health")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 100
        posted = await asking.post("/livez")
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
        assert (await asking.get("/nowhere")).status_code == 404


@pytest.mark.anyio
async def test_draining_says_so_at_once_and_keeps_the_process_alive(registry: HealthRegistry):
    """A load balancer must hear it, whoever restarts processes must not; the region is as well as before."""
    app = health_app(registry)
    registry.drain()
    registry.drain()
    assert dict(zip(PATHS, await statuses(app), strict=True)) == {
        "/livez": 200,
        "/startupz": 200,
        "/readyz": 503,
        "/regionz": 200,
        "/health": 503,
    }
    async with client(app) as asking:
        assert (await asking.get("/readyz")).json()["status"] == "draining"
    registry.resume()
    assert await statuses(app) == [200] * 5


@pytest.mark.anyio
async def test_it_is_neither_started_nor_ready_until_each_startup_check_has_passed_once():
    """MicroProfile's third question: a slow start is no failure, and what passed once is not asked again."""
    warm = False
    runs = 0

    async def run() -> bool:
        nonlocal runs
        runs += 1
        return warm

    registry = HealthRegistry()
    registry.startup(Check("cache-warm", run), ttl_seconds=0, timeout_seconds=0.001)
    app = health_app(registry)
    assert await statuses(app) == [200, 503, 503, 200, 503]
    assert not registry.started
    warm = True
    await asyncio.sleep(0.005)
    assert await statuses(app) == [200] * 5
    warm = False
    runs = 0
    await asyncio.sleep(0.005)
    assert (await statuses(app))[:4] == [200] * 4
    assert registry.started
    assert runs == 1  # by /health alone, which shows everything


@pytest.mark.anyio
async def test_a_signal_drains_first_and_stops_the_server_later(registry: HealthRegistry):
    """A server stops listening at once, while load balancers go on sending: those requests would be refused."""
    told: list[int] = []
    stopped = anyio.Event()

    def stop(number: int, _frame: object) -> None:
        told.append(number)
        stopped.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        async with draining_on_signals(registry, wait_seconds=0.2):
            os.kill(os.getpid(), signal.SIGTERM)
            assert (registry.draining, told) == (True, [])
            with anyio.fail_after(10):
                await stopped.wait()
            assert told == [signal.SIGTERM]
            os.kill(os.getpid(), signal.SIGTERM)  # the second one is not kept waiting
            assert told == [signal.SIGTERM] * 2
        os.kill(os.getpid(), signal.SIGTERM)
        assert len(told) == 3
    finally:
        signal.signal(signal.SIGTERM, before)
    with pytest.raises(InvalidInput, match="wait_seconds"):
        async with draining_on_signals(registry, wait_seconds=-1):
            pass


@pytest.mark.anyio
async def test_an_unknown_protocol_is_an_error(registry: HealthRegistry):
    """A WebSocket to a health path must not hang."""
    with pytest.raises(TypeError, match="websocket"):
        await health_app(registry)({"type": "websocket", "path": "/livez"}, None, None)  # type: ignore[arg-type]


def described(**broken: Check) -> Starlette:
    """An app of every kind of check, with its own description."""
    registry = HealthRegistry()
    registry.liveness(SelfCheck("loop", lambda: True))
    registry.startup(Check("warm", lambda: True))
    registry.readiness(Check("noted", lambda: "12 bytes"), shared=True)
    registry.readiness(Check("optional", lambda: False), critical=False)
    for check in broken.values():
        registry.readiness(check)
    document = Route("/internal/openapi.json", lambda _request: JSONResponse(health_openapi("/internal")))
    return Starlette(routes=[document, Mount("/internal", health_app(registry, token=TOKEN))])


WELL = schemathesis.openapi.from_asgi("/internal/openapi.json", described())
UNWELL = schemathesis.openapi.from_asgi("/internal/openapi.json", described(check=Check("broken", lambda: 1 / 0 > 0)))


@WELL.parametrize()
def test_schemathesis_finds_nothing_in_a_healthy_app(case: Any):
    """The answers are what the description says, whatever is asked: statuses, types, headers, methods, a wrong token."""
    case.call_and_validate()


@UNWELL.parametrize()
def test_schemathesis_finds_nothing_in_an_unhealthy_app(case: Any):
    """The same; only that it says 503, which is what it is there for, is not held against it."""
    case.call_and_validate(excluded_checks=[not_a_server_error])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("schema", [WELL, UNWELL], ids=["healthy", "unhealthy"])
def test_what_the_token_uncovers_is_described_as_well(schema: Any, path: str):
    """Details are strings of their own, and the description allows no others."""
    case = schema[f"/internal{path}"]["GET"].Case(headers={"Authorization": f"Bearer {TOKEN}"})
    response = case.call_and_validate(excluded_checks=[not_a_server_error])
    assert response.json()["redacted"] is False
