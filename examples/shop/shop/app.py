"""The shop: products, stock, orders.

Products are everywhere. Stock is counted in the primary region only, so that an instance elsewhere asks there, and says
that it does not know when nobody answers. An order is taken even when it cannot be charged at once. With a database it is
kept, and whoever ordered finds it at once, in every region.
"""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, Final

import httpx
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY, CollectorRegistry
from pydantic import BaseModel, Field
from starlette.routing import Route

from seawall.breaker import CircuitBreaker
from seawall.errors import (
    DatabaseInterrupted,
    NoEndpointAvailable,
    NoReaderAvailable,
    NoWriterAvailable,
    SeawallError,
    WriteLost,
)
from seawall.health import (
    BreakerCheck,
    Check,
    DatabaseCheck,
    DiskCheck,
    HealthMiddleware,
    HealthRegistry,
    MemoryCheck,
    draining_on_signals,
)
from seawall.metrics import MetricsMiddleware, metrics_app, watch
from seawall.replicas import ConsistencyMiddleware, TokenSigner
from seawall.slo import NoData, Slo
from seawall.topology import TopologySource
from seawall.watch import TopologyWatch
from seawall.wiring import breaker_config
from seawall.worker import Worker
from shop.endpoints import following_selector, shop_client
from shop.orders import Orders
from shop.payments import Payments
from shop.settings import Settings

__all__ = ["create_app"]

PRODUCTS: Final = {"lamp": 4900, "chair": 12900, "table": 34900}  # cents
STOCK: Final = {"lamp": 12, "chair": 4, "table": 1}
LEAST_FREE_BYTES: Final = 100 << 20  # of the disk, for logs and temporary files
RETRY_AFTER_SECONDS: Final = 2  # about as long as a promotion takes to be followed


class OrderRequest(BaseModel):
    """What a customer wants."""

    product: str
    quantity: int = Field(default=1, ge=1, le=100)


def create_app(
    settings: Settings, *, source: TopologySource | None = None, registry: CollectorRegistry = REGISTRY
) -> FastAPI:
    """One instance.

    Args:
        settings: Its own settings.
        source: Where the topology is read from; what seawall's environment variables say when left out.
        registry: Where its metrics are.

    Raises:
        TopologyUnavailable, InvalidInput: there is no topology to start from, or no database in it where one is to be used.
    """
    worker = Worker("shop")
    topology = TopologyWatch(source, worker=worker, interval_seconds=settings.topology_seconds)
    declared = topology.current.declared
    selector = following_selector(topology, worker, settings.instances)
    breaker = CircuitBreaker("payments", breaker_config(declared.breaker))
    database = settings.database
    orders = None if database is None else Orders(topology, database, region=settings.region)
    routers = () if orders is None else (orders.router,)

    health = HealthRegistry()
    health.liveness(MemoryCheck())
    health.readiness(DiskCheck(least_free_bytes=LEAST_FREE_BYTES))
    # These are shown and decide nothing: the shop serves without payments, and with yesterday's topology.
    health.readiness(BreakerCheck(breaker), critical=False, shared=True)
    health.readiness(Check("topology", lambda: not topology.stale), critical=False)
    if orders is not None:
        health.readiness(DatabaseCheck(orders.database.read), critical=False, shared=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any], None]:
        payments = Payments(settings.payments_url, breaker)
        async with draining_on_signals(health, wait_seconds=settings.drain_seconds), shop_client(selector) as peers:
            with worker, watch(breaker, selector, health, *routers, registry=registry), orders or nullcontext():
                await run_in_threadpool(_make_table, orders)
                try:
                    yield {"payments": payments, "peers": peers, "orders": orders}
                finally:
                    await payments.close()

    app = FastAPI(title="shop", lifespan=lifespan)
    app.state.region = settings.region
    app.routes.append(Route("/metrics", metrics_app(registry)))
    app.add_middleware(
        MetricsMiddleware,
        registry=registry,
        slos=[
            Slo.availability_of("shop-availability", declared.objectives, no_data=NoData.PAUSE),
            Slo.latency_of("shop-latency", declared.objectives, no_data=NoData.PAUSE),
        ],
    )
    app.add_middleware(HealthMiddleware, registry=health, token=settings.health_token)
    if database is not None:
        signer = TokenSigner(database.token_key)
        app.add_middleware(ConsistencyMiddleware, signer=signer, secure=database.secure_cookies)
    _routes(app, topology, settings)
    _order_routes(app, settings)
    _explain(app)
    return app


def _make_table(orders: Orders | None) -> None:
    """At the start, if there is a writer; without one the shop starts all the same, and says so where orders are sent."""
    if orders is not None:
        with suppress(SeawallError):
            orders.make_table()


def _routes(app: FastAPI, topology: TopologyWatch, settings: Settings) -> None:
    @app.get("/region")
    async def region() -> dict[str, Any]:
        """Who answers, and which region is the primary as this instance knows it."""
        view = topology.current
        return {
            "region": settings.region,
            "port": settings.port,
            "primary": view.primary.region,
            "epoch": view.epoch,
            "writer": None if view.writer is None else view.writer.name,
        }

    @app.get("/products")
    async def products() -> dict[str, int]:
        """Every product and its price in cents."""
        return PRODUCTS

    @app.get("/products/{product}/stock")
    async def stock(product: str, request: Request) -> dict[str, Any]:
        """How many are left, as the primary region knows; `null` when nobody there answers."""
        _known(product)
        client: httpx.AsyncClient = request.state.peers
        try:
            answer = await client.get(f"/warehouse/{product}")
            answer.raise_for_status()
        except (httpx.HTTPError, NoEndpointAvailable):
            return {"product": product, "left": None, "counted_in": None}
        return answer.json()

    @app.get("/warehouse/{product}")
    async def warehouse(product: str) -> dict[str, Any]:
        """How many are left by this instance's own book; for the other instances."""
        _known(product)
        return {"product": product, "left": STOCK[product], "counted_in": settings.region}


def _order_routes(app: FastAPI, settings: Settings) -> None:
    @app.post("/orders", status_code=201)
    async def order(wanted: OrderRequest, request: Request, response: Response) -> dict[str, Any]:
        """Take an order: 201 when it is paid, 202 when it will be charged later."""
        _known(wanted.product)
        payments: Payments = request.state.payments
        orders: Orders | None = request.state.orders
        number = uuid.uuid4().hex
        cents = PRODUCTS[wanted.product] * wanted.quantity
        if orders is not None:
            await run_in_threadpool(orders.add, number, wanted.product, cents)
        paid = await payments.charge(number, cents)
        if orders is not None and paid:
            # If this fails the order is kept, and charged later under its number, which the payment API knows by then.
            with suppress(SeawallError):
                await run_in_threadpool(orders.mark_paid, number)
        if not paid:
            response.status_code = 202
        return {"order": number, "cents": cents, "paid": paid, "region": settings.region}

    @app.get("/orders/{number}")
    async def kept_order(number: str, request: Request) -> dict[str, Any]:
        """An order that was kept, and the port of the database server that it was read from."""
        orders: Orders | None = request.state.orders
        kept = None if orders is None else await run_in_threadpool(orders.find, number)
        if kept is None:
            raise HTTPException(404, "no such order is kept here")
        return {
            "order": kept.number,
            "product": kept.product,
            "cents": kept.cents,
            "paid": kept.paid,
            "read_at": kept.port,
        }


def _explain(app: FastAPI) -> None:
    """Tell clients what the database could not do, and what to do about it."""

    @app.exception_handler(WriteLost)
    async def lost(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "a failover lost an order of yours: look, and order again"}, 409)

    @app.exception_handler(DatabaseInterrupted)
    @app.exception_handler(NoReaderAvailable)
    @app.exception_handler(NoWriterAvailable)
    async def away(_: Request, error: Exception) -> JSONResponse:
        done = isinstance(error, DatabaseInterrupted) and not error.safe_to_retry
        detail = "perhaps it was done: look before you try again" if done else "nothing was done: try again"
        headers = {} if done else {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return JSONResponse({"detail": detail}, 503, headers)


def _known(product: str) -> None:
    if product not in PRODUCTS:
        raise HTTPException(404, f"no such product; there are {', '.join(PRODUCTS)}")
