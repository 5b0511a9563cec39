"""The contract's metrics as prometheus_client's objects, one set per registry."""

import os
import threading
import weakref
from typing import Final, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from seawall._forks import renew_after_fork
from seawall.contract import (
    BREAKER_STATE,
    ERROR_BUDGET_REMAINING,
    HEALTH_CHECK_HEALTHY,
    HEALTH_DRAINING,
    HTTP_ACTIVE_REQUESTS,
    HTTP_REQUEST_DURATION,
    MetricKind,
    MetricSpec,
    duration_buckets,
)
from seawall.errors import InvalidInput

__all__ = ["Instruments", "instruments_of", "is_multiprocess"]

# How gauges of several processes become one. Of most, the largest is the worst, which somebody has to look at.
_ADDED_UP: Final = frozenset({HTTP_ACTIVE_REQUESTS, BREAKER_STATE, HEALTH_DRAINING})
_SMALLEST: Final = frozenset({HEALTH_CHECK_HEALTHY, ERROR_BUDGET_REMAINING})


def is_multiprocess() -> bool:
    """Whether prometheus_client keeps its values in files that processes share. It decides so when it is imported."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


@final
class Instruments:
    """The metrics of one registry, each made when it is first needed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry: Final = weakref.ref(registry)  # the registry is the key under which this is kept
        self._lock = threading.Lock()
        self._made: Final[dict[str, Counter | Gauge]] = {}
        self._durations: Histogram | None = None
        self._bounds: tuple[float, ...] = ()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Called in a forked child."""
        self._lock = threading.Lock()

    def counter(self, spec: MetricSpec) -> Counter:
        """The counter of that spec."""
        with self._lock:
            found = self._made.get(spec.otel)
            if found is None:
                found = Counter(spec.family, spec.description, spec.labels, registry=self._registry())
                self._made[spec.otel] = found
        assert isinstance(found, Counter), spec.kind  # noqa: S101 - the contract has one kind per name
        return found

    def gauge(self, spec: MetricSpec) -> Gauge:
        """The gauge of that spec."""
        with self._lock:
            found = self._made.get(spec.otel)
            if found is None:
                mode = "livesum" if spec in _ADDED_UP else "livemin" if spec in _SMALLEST else "livemax"
                found = Gauge(
                    spec.family, spec.description, spec.labels, registry=self._registry(), multiprocess_mode=mode
                )
                self._made[spec.otel] = found
        assert isinstance(found, Gauge), spec.kind  # noqa: S101 - as above
        return found

    def durations(self, thresholds_seconds: tuple[float, ...]) -> Histogram:
        """The histogram of requests, with a bucket that ends at each threshold.

        Raises:
            InvalidInput: the registry has it already, without a bucket for one of these.
        """
        spec = HTTP_REQUEST_DURATION
        with self._lock:
            if self._durations is None:
                self._bounds = duration_buckets(*thresholds_seconds)
                self._durations = Histogram(
                    spec.family, spec.description, spec.labels, buckets=self._bounds, registry=self._registry()
                )
            elif missing := set(map(float, thresholds_seconds)) - set(self._bounds):
                raise InvalidInput(
                    "thresholds_seconds",
                    sorted(missing),
                    allowed=f"those of the first middleware on this registry: {', '.join(map(str, self._bounds))}",
                    because="a histogram's buckets cannot be changed once it counts",
                )
            return self._durations

    def of(self, spec: MetricSpec) -> Counter | Gauge:
        """The counter or gauge of that spec."""
        return self.counter(spec) if spec.kind is MetricKind.COUNTER else self.gauge(spec)


_known: Final[weakref.WeakKeyDictionary[CollectorRegistry, Instruments]] = weakref.WeakKeyDictionary()
_knowing: Final = threading.Lock()


def instruments_of(registry: CollectorRegistry) -> Instruments:
    """The one set of instruments of a registry: two apps of one process count together."""
    with _knowing:
        return _known.setdefault(registry, Instruments(registry))
