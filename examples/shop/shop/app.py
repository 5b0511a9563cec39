"""The shop: products, stock, orders.

Products are everywhere. Stock is counted in the primary region only, so that an instance elsewhere asks there, and says
that it does not know when nobody answers. An order is taken even when it cannot be charged at once.
"""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_client import REGISTRY, CollectorRegistry
from pydantic import BaseModel, Field
from starlette.routing import Route

from seawall.breaker import CircuitBreaker
from seawall.errors import NoEndpointAvailable
from seawall.health import (
    BreakerCheck,
    Check,
    DiskCheck,
    HealthMiddleware,
    HealthRegistry,
    MemoryCheck,
    draining_on_signals,
)
from seawall.metrics import MetricsMiddleware, metrics_app, watch
from seawall.slo import NoData, Slo
from seawall.topology import TopologySource
from seawall.watch import TopologyWatch
from seawall.wiring import breaker_config
from seawall.worker import Worker
from shop.endpoints import following_selector, shop_client
from shop.payments import Payments
from shop.settings import Settings

__all__ = ["create_app"]

PRODUCTS: Final = {"lamp": 4900, "chair": 12900, "table": 34900}  # cents
STOCK: Final = {"lamp": 12, "chair": 4, "table": 1}
LEAST_FREE_BYTES: Final = 100 << 20  # of the disk, for logs and temporary files


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
        TopologyUnavailable, InvalidInput: there is no topology to start from.
    """
    worker = Worker("shop")
    topology = TopologyWatch(source, worker=worker, interval_seconds=settings.topology_seconds)
    declared = topology.current.declared
    selector = following_selector(topology, worker, settings.instances)
    breaker = CircuitBreaker("payments", breaker_config(declared.breaker))

    health = HealthRegistry()
    health.liveness(MemoryCheck())
    health.readiness(DiskCheck(least_free_bytes=LEAST_FREE_BYTES))
    # These are shown and decide nothing: the shop serves without payments, and with yesterday's topology.
    health.readiness(BreakerCheck(breaker), critical=False, shared=True)
    health.readiness(Check("topology", lambda: not topology.stale), critical=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any], None]:
        payments = Payments(settings.payments_url, breaker)
        async with draining_on_signals(health, wait_seconds=settings.drain_seconds), shop_client(selector) as peers:
            with worker, watch(breaker, selector, health, registry=registry):
                try:
                    yield {"payments": payments, "peers": peers}
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
    _routes(app, topology, settings)
    return app


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

    @app.post("/orders", status_code=201)
    async def order(wanted: OrderRequest, request: Request, response: Response) -> dict[str, Any]:
        """Take an order: 201 when it is paid, 202 when it will be charged later."""
        _known(wanted.product)
        payments: Payments = request.state.payments
        number = uuid.uuid4().hex
        cents = PRODUCTS[wanted.product] * wanted.quantity
        paid = await payments.charge(number, cents)
        if not paid:
            response.status_code = 202
        return {"order": number, "cents": cents, "paid": paid, "region": settings.region}


def _known(product: str) -> None:
    if product not in PRODUCTS:
        raise HTTPException(404, f"no such product; there are {', '.join(PRODUCTS)}")
