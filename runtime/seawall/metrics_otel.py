"""Metrics for OpenTelemetry, under the names of `seawall.contract`. Needs `seawall[opentelemetry]` and the app's own SDK.

```python
app.add_middleware(OtelMetricsMiddleware)
watch(payments_breaker, selector, health)
```

The same requests, counted the same way, as `seawall.metrics` does for Prometheus; use one of the two.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final, cast, final

from seawall.asgi import ASGIApp
from seawall.contract import (
    BREAKER_TRANSITIONS,
    HTTP_ACTIVE_REQUESTS,
    HTTP_REQUEST_DURATION,
    MetricKind,
    MetricSpec,
    duration_buckets,
)
from seawall.errors import InvalidInput, MissingExtra
from seawall.events import Event, StateChanged
from seawall.instrumentation import (
    PROBE_ROUTES,
    READ_METRICS,
    Exchange,
    RequestMeter,
    RequestTally,
    Source,
    added_up,
    buses_of,
    readings_of,
)
from seawall.slo import Slo

try:
    from opentelemetry.metrics import (
        CallbackOptions,
        Histogram,
        Meter,
        MeterProvider,
        Observation,
        UpDownCounter,
        get_meter_provider,
    )
except ImportError as _error:
    raise MissingExtra("opentelemetry", feature="seawall.metrics_otel") from _error

__all__ = ["OtelMetricsMiddleware", "OtelWatch", "watch"]

SCOPE: Final = "seawall"  # the instrumentation scope's name


@final
class _Requests:
    """Counts requests."""

    def __init__(self, durations: Histogram, active: UpDownCounter, tallies: tuple[RequestTally, ...]) -> None:
        self._durations: Final = durations
        self._active: Final = active
        self._tallies: Final = tallies

    def began(self, method: str, scheme: str) -> None:
        self._active.add(1, {"http.request.method": method, "url.scheme": scheme})

    def ended(self, exchange: Exchange) -> None:
        self._active.add(-1, {"http.request.method": exchange.method, "url.scheme": exchange.scheme})
        if not exchange.measured:
            return
        for tally in self._tallies:
            tally.note(exchange)
        attributes: dict[str, str | int] = {
            "http.request.method": exchange.method,
            "url.scheme": exchange.scheme,
        }
        # What is not known is left out, not empty: the conventions tell the two apart.
        if exchange.route:
            attributes["http.route"] = exchange.route
        if exchange.status:
            attributes["http.response.status_code"] = exchange.status
        if exchange.error_type:
            attributes["error.type"] = exchange.error_type
        self._durations.record(exchange.seconds, attributes)


class OtelMetricsMiddleware(RequestMeter):
    """ASGI middleware that measures HTTP requests: `app.add_middleware(OtelMetricsMiddleware)`.

    Args:
        app: The app.
        meter_provider: The SDK's; the global one when left out.
        exclude_routes: Templates that are not measured: by default those of health and metrics.
        slos: Objectives whose error budgets are shown as gauges, of the requests measured here since the start.
        thresholds_seconds: Other latencies that somebody queries: a bucket ends at each, as at those of `slos`, unless a view says
            otherwise.

    Raises:
        InvalidInput: a threshold that is not positive.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        meter_provider: MeterProvider | None = None,
        exclude_routes: Collection[str] = PROBE_ROUTES,
        slos: Collection[Slo] = (),
        thresholds_seconds: Collection[float] = (),
    ) -> None:
        tallies = tuple(RequestTally(slo) for slo in slos)
        thresholds = (*thresholds_seconds, *(slo.latency_seconds for slo in slos if slo.latency_seconds is not None))
        meter = _meter(meter_provider)
        durations = meter.create_histogram(
            HTTP_REQUEST_DURATION.otel,
            unit=HTTP_REQUEST_DURATION.unit,
            description=HTTP_REQUEST_DURATION.description,
            explicit_bucket_boundaries_advisory=duration_buckets(*thresholds),
        )
        active = meter.create_up_down_counter(
            HTTP_ACTIVE_REQUESTS.otel, unit=HTTP_ACTIVE_REQUESTS.unit, description=HTTP_ACTIVE_REQUESTS.description
        )
        super().__init__(app, _Requests(durations, active, tallies), exclude_routes=exclude_routes)
        if tallies:
            OtelWatch(tallies, meter)


@final
class OtelWatch:
    """What `watch` returns: `stop()` ends it, as does leaving the `with` block."""

    def __init__(self, sources: tuple[Source, ...], meter: Meter) -> None:
        self._sources = sources
        self._transitions: Final = meter.create_counter(
            BREAKER_TRANSITIONS.otel, unit=BREAKER_TRANSITIONS.unit, description=BREAKER_TRANSITIONS.description
        )
        self._subscriptions: Final = [bus.subscribe(self._note) for bus in buses_of(sources)]
        for spec in READ_METRICS:
            make = meter.create_observable_counter if spec.kind is MetricKind.COUNTER else meter.create_observable_gauge
            make(spec.otel, callbacks=[self._reader(spec)], unit=spec.unit, description=spec.description)

    def _reader(self, spec: MetricSpec) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(reading.value, dict(zip(spec.attributes, reading.labels, strict=True)))
                for reading in added_up(readings_of(self._sources))
                if reading.spec is spec
            ]

        return read

    def _note(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._transitions.add(1, {"breaker": event.source, "state": event.current})

    def stop(self) -> None:
        """Show them no longer. Idempotent."""
        self._sources = ()  # an SDK keeps its instruments for ever; without sources they show nothing
        for subscription in self._subscriptions:
            subscription.cancel()

    def __enter__(self) -> "OtelWatch":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def watch(*sources: Source, meter_provider: MeterProvider | None = None) -> OtelWatch:
    """Show what these count, from now on; call it once with all of them.

    They are read when the SDK collects; only a breaker's changes of state are counted as they happen.

    Args:
        sources: Breakers, registries of breakers, selectors, replica routers, health registries, fault injectors.
        meter_provider: The SDK's; the global one when left out.

    Raises:
        InvalidInput: something that cannot be watched.
    """
    for source in sources:
        if not isinstance(cast("object", source), Source):
            raise InvalidInput(
                "sources",
                source,
                allowed="breakers, their registries, selectors, replica routers, health registries, fault injectors",
            )
    return OtelWatch(sources, _meter(meter_provider))


def _meter(provider: MeterProvider | None) -> Meter:
    return (get_meter_provider() if provider is None else provider).get_meter(SCOPE)
