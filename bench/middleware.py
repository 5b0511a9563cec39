"""The metrics middleware beside its peers, in one run: what it adds to a request of a FastAPI app.

Peers: prometheus-fastapi-instrumentator and starlette-exporter, each as its own documentation uses it. Each app is asked
by a bare ASGI call, so that neither a server nor a client is measured; what is shown is the time beyond that of the app
without any middleware. Exit status 1 when ours costs more than the cheaper peer. Run by `make bench`, or alone:
`.venv/bin/python bench/middleware.py`.
"""

import gc
import platform
import sys
from collections.abc import Callable
from typing import Any, Final

import _measure as measure
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from rich.console import Console
from rich.table import Table
from starlette_exporter import PrometheusMiddleware

from seawall.contract import HTTP_REQUEST_DURATION
from seawall.metrics import MetricsMiddleware

MOST: Final = 1.0  # of the cheaper peer's overhead
ROUNDS: Final = 80
CALLS: Final = 20
ROUTES: Final = 50  # of the app: peers look the route up a second time

console = Console(width=100)
registries: dict[str, CollectorRegistry] = {}


def bare() -> FastAPI:
    """An app of some size: plain routes, an included router, a mounted app."""
    app, orders, tenant = FastAPI(), APIRouter(prefix="/orders"), FastAPI()

    async def answer() -> dict[str, str]:
        return {"status": "ok"}

    for number in range(ROUTES):
        app.get(f"/resource{number}/{{key}}")(answer)
    orders.get("/{order}")(answer)
    app.include_router(orders, prefix="/v1")
    tenant.get("/items/{item}")(answer)
    app.mount("/tenants/{name}", tenant)
    return app


def ours() -> FastAPI:
    """Seawall's, as its manual says."""
    app = bare()
    registry = registries["seawall"] = CollectorRegistry()
    app.add_middleware(MetricsMiddleware, registry=registry)
    return app


def instrumentator() -> FastAPI:
    """prometheus-fastapi-instrumentator, as its README says."""
    app = bare()
    registry = registries["instrumentator"] = CollectorRegistry()
    Instrumentator(registry=registry).instrument(app)
    return app


def exporter() -> FastAPI:
    """starlette-exporter, as its README says; it has only prometheus_client's own registry."""
    app = bare()
    app.add_middleware(PrometheusMiddleware, group_paths=True)
    return app


APPS: Final[dict[str, Callable[[], FastAPI]]] = {
    "no middleware": bare,
    "seawall": ours,
    "prometheus-fastapi-instrumentator": instrumentator,
    "starlette-exporter": exporter,
}
PATHS: Final = {
    "a plain route": f"/resource{ROUTES // 2}/17",
    "an included router's": "/v1/orders/17",
    "in a mounted app": "/tenants/acme/items/17",
}


def asking(app: FastAPI, path: str) -> measure.AsyncCall:
    """One request, without a server; fails when the answer is not 200."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def ask() -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
            "headers": [(b"host", b"shop.test")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        await app(scope, receive, send)
        assert statuses.pop() == 200, path

    return ask


def main() -> int:
    """Print the table; 1 when the promise is missed."""
    gc.collect()
    gc.disable()  # of what is measured nothing makes cycles that would pile up
    apps = {name: make() for name, make in APPS.items()}
    table = Table(title=f"A request beyond the app's own time, Python {platform.python_version()}")
    for column in ("", *PATHS):
        table.add_column(column, justify="left" if not column else "right")
    costs: dict[str, list[float]] = {name: [] for name in apps}
    for path in PATHS.values():
        best = measure.fastest_async(
            {name: asking(app, path) for name, app in apps.items()}, rounds=ROUNDS, calls=CALLS
        )
        for name, seconds in best.items():
            costs[name].append(seconds if name == "no middleware" else seconds - best["no middleware"])
    missed = False
    for name, row in costs.items():
        cells = [f"{seconds * 1e6:.0f} µs" for seconds in row]
        if name == "no middleware":
            cells = [f"({cell})" for cell in cells]
        table.add_row(name, *cells)
    ratios = [
        own / min(costs["prometheus-fastapi-instrumentator"][at], costs["starlette-exporter"][at])
        for at, own in enumerate(costs["seawall"])
    ]
    table.add_row("seawall / the cheaper peer", *(f"{ratio:.2f}" for ratio in ratios), style="bold")
    console.print(table)
    counted = sum(
        sample.value
        for metric in registries["seawall"].collect()
        for sample in metric.samples
        if sample.name == f"{HTTP_REQUEST_DURATION.family}_count" and "{" in sample.labels["http_route"]
    )
    assert counted == ROUNDS * CALLS * len(PATHS), "ours did not count every request under a template"
    for path, ratio in zip(PATHS, ratios, strict=True):
        if ratio > MOST:
            console.print(f"missed: {path}: {ratio:.2f}, promised at most {MOST}", style="bold red")
            missed = True
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
