"""Requests, counted for Prometheus."""

from collections.abc import Collection
from typing import Final, final

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram

from seawall.asgi import ASGIApp
from seawall.contract import HTTP_ACTIVE_REQUESTS
from seawall.instrumentation import PROBE_ROUTES, Exchange, RequestMeter
from seawall.metrics._instruments import instruments_of

__all__ = ["MetricsMiddleware"]


@final
class _Requests:
    """Counts requests. Children of metrics are looked up once: `labels()` costs more than counting."""

    __slots__ = ("_active", "_active_children", "_children", "_durations")

    def __init__(self, durations: Histogram, active: Gauge) -> None:
        self._durations: Final = durations
        self._active: Final = active
        self._children: Final[dict[tuple[str, str, int, str, str], Histogram]] = {}
        self._active_children: Final[dict[tuple[str, str], Gauge]] = {}

    def began(self, method: str, scheme: str) -> None:
        child = self._active_children.get((method, scheme))
        if child is None:
            child = self._active_children[method, scheme] = self._active.labels(method, scheme)
        child.inc()

    def ended(self, exchange: Exchange) -> None:
        self._active_children[exchange.method, exchange.scheme].dec()
        if not exchange.measured:
            return
        key = (exchange.method, exchange.route, exchange.status, exchange.scheme, exchange.error_type)
        child = self._children.get(key)
        if child is None:
            method, route, status, scheme, error_type = key
            child = self._durations.labels(method, route, str(status) if status else "", scheme, error_type)
            self._children[key] = child
        child.observe(exchange.seconds)


class MetricsMiddleware(RequestMeter):
    """ASGI middleware that measures HTTP requests: `app.add_middleware(MetricsMiddleware)`.

    Routes are told apart by their templates, also in mounted apps and included routers of Starlette and FastAPI; paths
    that match no route are one series. Duration ends with the last byte handed to the server: background tasks are not
    in it.

    Args:
        app: The app.
        registry: Where the metrics are; prometheus_client's own when left out.
        exclude_routes: Templates that are not measured: by default those of health and metrics.
        thresholds_seconds: Latencies of objectives, e.g. `(objectives.latency_p95_seconds,)`: a bucket ends at each.

    Raises:
        InvalidInput: a threshold that is not positive, or that a middleware before did not have on this registry.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        registry: CollectorRegistry = REGISTRY,
        exclude_routes: Collection[str] = PROBE_ROUTES,
        thresholds_seconds: Collection[float] = (),
    ) -> None:
        instruments = instruments_of(registry)
        requests = _Requests(instruments.durations(tuple(thresholds_seconds)), instruments.gauge(HTTP_ACTIVE_REQUESTS))
        super().__init__(app, requests, exclude_routes=exclude_routes)
