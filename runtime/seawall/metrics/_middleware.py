"""Requests, counted for Prometheus."""

from collections.abc import Collection
from typing import Final, final

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram

from seawall.asgi import ASGIApp
from seawall.contract import HTTP_ACTIVE_REQUESTS
from seawall.instrumentation import PROBE_ROUTES, Exchange, RequestMeter, RequestTally
from seawall.metrics._instruments import instruments_of
from seawall.metrics._watch import watch
from seawall.slo import Slo

__all__ = ["MetricsMiddleware"]


@final
class _Requests:
    """Counts requests. Children of metrics are looked up once: `labels()` costs more than counting."""

    __slots__ = ("_active", "_active_children", "_children", "_durations", "_tallies")

    def __init__(self, durations: Histogram, active: Gauge, tallies: tuple[RequestTally, ...]) -> None:
        self._durations: Final = durations
        self._active: Final = active
        self._tallies: Final = tallies
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
        for tally in self._tallies:
            tally.note(exchange)
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
        slos: Objectives whose error budgets are shown as gauges, of the requests measured here since the start.
        thresholds_seconds: Other latencies that somebody queries: a bucket ends at each, as at those of `slos`.

    Raises:
        InvalidInput: a threshold that is not positive, or that a middleware before did not have on this registry.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        registry: CollectorRegistry = REGISTRY,
        exclude_routes: Collection[str] = PROBE_ROUTES,
        slos: Collection[Slo] = (),
        thresholds_seconds: Collection[float] = (),
    ) -> None:
        tallies = tuple(RequestTally(slo) for slo in slos)
        thresholds = (*thresholds_seconds, *(slo.latency_seconds for slo in slos if slo.latency_seconds is not None))
        instruments = instruments_of(registry)
        durations = instruments.durations(thresholds)
        super().__init__(
            app,
            _Requests(durations, instruments.gauge(HTTP_ACTIVE_REQUESTS), tallies),
            exclude_routes=exclude_routes,
        )
        if tallies:
            watch(*tallies, registry=registry)
