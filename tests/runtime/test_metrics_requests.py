"""What the metrics middleware makes of requests: one test per way in which others count them wrongly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from seawall.contract import (
    ERROR_BUDGET_BURN_RATE,
    ERROR_BUDGET_REMAINING,
    HTTP_ACTIVE_REQUESTS,
    HTTP_REQUEST_DURATION,
)
from seawall.errors import InvalidInput
from seawall.metrics import MetricsMiddleware, metrics_app
from seawall.slo import AlertSeverity, BudgetAlert, NoData, Slo

pytestmark = pytest.mark.anyio

COUNT = f"{HTTP_REQUEST_DURATION.family}_count"
SUM = f"{HTTP_REQUEST_DURATION.family}_sum"
RARE = (BudgetAlert(0.5, 30 * 86400.0, AlertSeverity.TICKET),)  # one that can fire for such low objectives


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def counted(registry: CollectorRegistry) -> dict[tuple[str, str, str, str], float]:
    """Requests by method, route, status and error type."""
    names = ("http_request_method", "http_route", "http_response_status_code", "error_type")
    return {
        tuple(sample.labels[name] for name in names): sample.value  # type: ignore[misc]
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == COUNT
    }


def client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://shop.test")


async def ok(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def boom(request: Request) -> PlainTextResponse:
    raise ZeroDivisionError


def fastapi_app() -> FastAPI:
    app, tenant, orders, lines = FastAPI(), FastAPI(), APIRouter(prefix="/orders"), APIRouter(prefix="/lines")

    @lines.get("/{number}")
    async def line(number: int) -> int:
        return number

    @orders.get("/{order}")
    async def order(order: int) -> int:
        return order

    @tenant.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    orders.include_router(lines)
    app.include_router(orders, prefix="/v1")
    app.include_router(orders, prefix="/v2")
    app.mount("/tenants/{name}", tenant)
    app.add_route("/old/{path:path}", ok)
    return app


def starlette_app() -> Starlette:
    inner = Mount("/deep/{level}", routes=[Route("/leaf/{leaf}", ok), Route("/boom", boom)])
    api = Host("api.test", app=Router([Route("/by-host/{x}", ok)]))
    return Starlette(routes=[Route("/plain/{id}", ok), Mount("/mnt", routes=[inner]), api])


ROUTES = [
    (fastapi_app, "/v1/orders/17", "/v1/orders/{order}"),
    (fastapi_app, "/v2/orders/17", "/v2/orders/{order}"),
    (fastapi_app, "/v1/orders/lines/3", "/v1/orders/lines/{number}"),
    (fastapi_app, "/tenants/acme/items/3", "/tenants/{name}/items/{item}"),
    (fastapi_app, "/tenants/acme/nowhere", "/tenants/{name}"),
    (fastapi_app, "/old/a/b", "/old/{path:path}"),
    (fastapi_app, "/nowhere/17", ""),
    (fastapi_app, "/openapi.json", "/openapi.json"),
    (starlette_app, "/plain/17", "/plain/{id}"),
    (starlette_app, "/mnt/deep/3/leaf/4", "/mnt/deep/{level}/leaf/{leaf}"),
    (starlette_app, "/mnt/deep/3/boom", "/mnt/deep/{level}/boom"),
    (starlette_app, "http://api.test/by-host/3", "/by-host/{x}"),
    (starlette_app, "/nowhere/17", ""),
]


@pytest.mark.parametrize(("make", "path", "route"), ROUTES, ids=lambda value: str(getattr(value, "__name__", value)))
@pytest.mark.parametrize("where", ["inside", "around"])
async def test_a_request_is_counted_under_its_routes_template(
    registry: CollectorRegistry, make: Callable[[], Any], path: str, route: str, where: str
):
    """A raw path is one series per customer; a mount's prefix and an included router's are part of the template."""
    app = make()
    if where == "inside":
        app.add_middleware(MetricsMiddleware, registry=registry)
    else:
        app = MetricsMiddleware(app, registry=registry)
    async with client(app) as asking:
        await asking.get(path)
    ((_, counted_route, _, _),) = counted(registry)
    assert counted_route == route


@pytest.mark.parametrize("where", ["inside", "around"])
async def test_a_server_behind_a_prefix_does_not_show_in_the_template(registry: CollectorRegistry, where: str):
    """`root_path` is where a proxy put the app, no mount of the app's own."""
    app: Any = fastapi_app()
    app.root_path = "/api"
    if where == "inside":
        app.add_middleware(MetricsMiddleware, registry=registry)
    else:
        app = MetricsMiddleware(app, registry=registry)
    async with client(app) as asking:
        for path in ("/api/tenants/acme/items/3", "/api/v1/orders/1", "/api/old/x"):
            await asking.get(path)
    assert {route for _, route, _, _ in counted(registry)} == {
        "/tenants/{name}/items/{item}",
        "/v1/orders/{order}",
        "/old/{path:path}",
    }


@pytest.mark.parametrize("where", ["inside", "around"])
async def test_an_unhandled_exception_is_a_500(registry: CollectorRegistry, where: str):
    """Middleware inside the one that answers 500 sees no response: others then count nothing, or a 200."""
    app: Any = Starlette(routes=[Route("/boom", boom)])
    if where == "inside":
        app.add_middleware(MetricsMiddleware, registry=registry)
    else:
        app = MetricsMiddleware(app, registry=registry)
    async with client(app) as asking:
        assert (await asking.get("/boom")).status_code == 500
    assert counted(registry) == {("GET", "/boom", "500", "ZeroDivisionError"): 1}


async def serve(app: Any, *, receive: Any = None, send: Any = None, **more: Any) -> None:
    """One request without a client."""

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def drop(message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/x", "root_path": "", "headers": [], "query_string": b"", **more}
    await app(scope, receive or nothing, send or drop)


async def test_a_client_that_goes_away_is_no_500(registry: CollectorRegistry):
    """starlette_exporter#77: an impatient client would page somebody."""

    async def upload(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    app = MetricsMiddleware(Starlette(routes=[Route("/x", upload)]), registry=registry)
    with pytest.raises(ClientDisconnect):
        await serve(app, receive=gone)  # a middleware in between has answered 500, to nobody
    assert counted(registry) == {("GET", "/x", "", "client_disconnected"): 1}


async def test_a_client_that_goes_away_during_a_stream_keeps_the_status_that_was_sent(registry: CollectorRegistry):
    """The status line is out; what was cut off is told apart by its error type."""

    async def stream(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"part"

        return StreamingResponse(parts())

    async def broken(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the pipe is broken")

    app = MetricsMiddleware(Starlette(routes=[Route("/x", stream)]), registry=registry)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the framework's own
        await serve(app, send=broken, asgi={"spec_version": "2.4"})
    assert counted(registry) == {("GET", "/x", "200", "client_disconnected"): 1}


async def test_a_cancelled_request_is_neither_a_success_nor_left_in_flight(registry: CollectorRegistry):
    """A server that stops cancels what is under way."""

    async def slow(request: Request) -> PlainTextResponse:
        await asyncio.sleep(30)
        return PlainTextResponse("late")

    app = MetricsMiddleware(Starlette(routes=[Route("/x", slow)]), registry=registry)
    task = asyncio.create_task(serve(app))
    await asyncio.sleep(0.01)
    labels = {"http_request_method": "GET", "url_scheme": "http"}
    assert registry.get_sample_value(HTTP_ACTIVE_REQUESTS.prometheus, labels) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counted(registry) == {("GET", "/x", "", "cancelled"): 1}
    assert registry.get_sample_value(HTTP_ACTIVE_REQUESTS.prometheus, labels) == 0


@pytest.mark.parametrize(
    ("messages", "status", "error_type"),
    [
        ([], "500", "no_response"),
        ([{"type": "http.response.start", "status": 200}], "200", "unfinished_response"),
        ([{"type": "http.response.start", "status": 503}, {"type": "http.response.body"}], "503", "503"),
        ([{"type": "http.response.start", "status": 404}, {"type": "http.response.pathsend"}], "404", ""),
    ],
)
async def test_what_an_app_leaves_undone_is_counted(
    registry: CollectorRegistry, messages: list[Any], status: str, error_type: str
):
    """A server answers 500 for an app that returns without a word, and cuts off one that does not finish."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    await serve(MetricsMiddleware(app, registry=registry))
    assert counted(registry) == {("GET", "", status, error_type): 1}


async def test_background_work_counts_neither_into_the_duration_nor_as_an_error(registry: CollectorRegistry):
    """The client has its last byte: what comes then is not what it waited for."""

    async def later() -> None:
        await asyncio.sleep(0.05)
        raise ZeroDivisionError

    async def accept(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok", background=BackgroundTask(later))

    app = MetricsMiddleware(Starlette(routes=[Route("/x", accept)]), registry=registry)
    with pytest.raises(ZeroDivisionError):
        await serve(app)
    assert counted(registry) == {("GET", "/x", "200", ""): 1}
    (total,) = [s.value for m in registry.collect() for s in m.samples if s.name == SUM]
    assert total < 0.05


async def test_made_up_methods_are_one_series(registry: CollectorRegistry):
    """A scanner can make up as many methods as it likes."""
    app = MetricsMiddleware(fastapi_app(), registry=registry)
    async with client(app) as asking:
        for method in ("SCAN", "PROBE", "X" * 50):
            await asking.request(method, "/nowhere")
    assert counted(registry) == {("_OTHER", "", "404", ""): 3}


async def test_probes_and_scrapes_are_not_measured_unless_asked_for(registry: CollectorRegistry):
    """An instance that drains answers 503 to its probes: that must not spend the error budget."""
    app = Starlette(routes=[Route("/metrics", metrics_app(registry)), Route("/health", boom), Route("/shop", ok)])
    app.add_middleware(MetricsMiddleware, registry=registry)
    async with client(app) as asking:
        for path in ("/metrics", "/health", "/shop"):
            await asking.get(path)
    assert counted(registry) == {("GET", "/shop", "200", ""): 1}


async def test_other_protocols_pass_through_untouched(registry: CollectorRegistry):
    """A lifespan or a WebSocket is no request."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], receive, send))

    for kind in ("lifespan", "websocket"):
        await MetricsMiddleware(app, registry=registry)({"type": kind}, len, print)  # type: ignore[arg-type]
    assert seen == [("lifespan", len, print), ("websocket", len, print)]
    assert counted(registry) == {}


async def test_two_apps_on_one_registry_count_together(registry: CollectorRegistry):
    """Made per app, the second one's metrics would be refused as duplicates: in every test suite that makes two."""
    for _ in range(2):
        async with client(MetricsMiddleware(fastapi_app(), registry=registry)) as asking:
            await asking.get("/v1/orders/1")
    assert counted(registry) == {("GET", "/v1/orders/{order}", "200", ""): 2}


async def test_a_bucket_ends_at_each_objective(registry: CollectorRegistry):
    """A latency objective between two buckets can only be guessed at; buckets cannot be changed later."""
    MetricsMiddleware(fastapi_app(), registry=registry, thresholds_seconds=(0.3,))
    app = MetricsMiddleware(fastapi_app(), registry=registry, thresholds_seconds=(0.3, 0.5))
    async with client(app) as asking:
        await asking.get("/v1/orders/1")
    bounds = {s.labels["le"] for m in registry.collect() for s in m.samples if s.name.endswith("_bucket")}
    assert "0.3" in bounds
    with pytest.raises(InvalidInput, match=r"^thresholds_seconds = \[0.42\]"):
        MetricsMiddleware(fastapi_app(), registry=registry, thresholds_seconds=(0.42,))
    with pytest.raises(InvalidInput, match="exclude_routes"):
        MetricsMiddleware(fastapi_app(), registry=registry, exclude_routes="/health")


async def test_the_error_budget_is_a_gauge_of_what_was_measured(registry: CollectorRegistry):
    """One failure in eight of an objective of one in four burns half of the budget; probes spend nothing."""
    slos = [
        Slo(name="availability", objective=0.75, no_data=NoData.PAUSE, alerts=RARE),
        Slo(name="latency", objective=0.75, no_data=NoData.PAUSE, latency_seconds=0.33, alerts=RARE),
    ]
    app = Starlette(routes=[Route("/x/{n}", ok), Route("/boom", boom), Route("/readyz", boom)])
    app.add_middleware(MetricsMiddleware, registry=registry, slos=slos)
    remaining, burn = ERROR_BUDGET_REMAINING.prometheus, ERROR_BUDGET_BURN_RATE.prometheus
    async with client(app) as asking:
        await asking.get("/readyz")
        assert registry.get_sample_value(remaining, {"slo": "availability"}) is None
        for path in (*(f"/x/{n}" for n in range(7)), "/boom", "/readyz"):
            await asking.get(path)
    assert registry.get_sample_value(remaining, {"slo": "availability"}) == 0.5
    assert registry.get_sample_value(burn, {"slo": "availability"}) == 0.5
    assert registry.get_sample_value(remaining, {"slo": "latency"}) == 1.0
    assert "0.33" in {s.labels["le"] for m in registry.collect() for s in m.samples if s.name.endswith("_bucket")}
