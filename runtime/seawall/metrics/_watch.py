"""What breakers, selectors and health checks count, brought to Prometheus."""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast, final

from prometheus_client import REGISTRY, CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from seawall._forks import renew_after_fork
from seawall.contract import BREAKER_TRANSITIONS, MetricKind, MetricSpec
from seawall.errors import InvalidInput
from seawall.events import Event, StateChanged, Subscription
from seawall.instrumentation import READ_METRICS, Reading, Source, added_up, buses_of, readings_of
from seawall.metrics._instruments import Instruments, instruments_of, is_multiprocess
from seawall.worker import Worker

__all__ = ["Watch", "refresh", "watch"]

REFRESH_SECONDS: Final = 5.0  # a third of Prometheus' usual scrape interval of 15 s


@final
class Watch:
    """What `watch` returns: `stop()` ends it, as does leaving the `with` block."""

    __slots__ = ("_room", "sources")

    def __init__(self, room: "_Room", sources: tuple[Source, ...]) -> None:
        self._room: Final = room
        self.sources: Final = sources

    def stop(self) -> None:
        """Show them no longer. Idempotent."""
        self._room.leave(self)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def watch(*sources: Source, registry: CollectorRegistry = REGISTRY) -> Watch:
    """Show what these count, from now on.

    They are read when somebody scrapes; only a breaker's changes of state are counted as they happen. The registry keeps
    them alive until `stop()`. Objects of one name and kind are added up.

    Args:
        sources: Breakers, registries of breakers, selectors, replica routers, health registries, fault injectors.
        registry: Where to show them; prometheus_client's own when left out.

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
    return _room_of(registry).enter(sources)


def refresh(registry: CollectorRegistry) -> None:
    """In multi-process mode: copy what this process counts into the shared files. Else nothing."""
    room = _rooms.get(registry)
    if room is not None:
        room.refresh()


@final
class _Room:
    """All that is watched for one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        instruments = instruments_of(registry)
        self._transitions: Final = instruments.counter(BREAKER_TRANSITIONS)
        self._lock = threading.Lock()
        self._watches: tuple[Watch, ...] = ()
        self._subscriptions: Final[dict[int, Subscription]] = {}
        self._mirror: Final = _Mirror(instruments, self.readings) if is_multiprocess() else None
        self._worker: Final = Worker("seawall-metrics")
        self._worker.add(self._round)
        renew_after_fork(self)
        if self._mirror is None:
            registry.register(_OnScrape(self.readings))

    def after_fork(self) -> None:
        """Called in a forked child."""
        self._lock = threading.Lock()

    def enter(self, sources: tuple[Source, ...]) -> Watch:
        """Show these as well."""
        made = Watch(self, sources)
        with self._lock:
            self._watches = (*self._watches, made)
            self._listen()
        if self._mirror is not None:
            self._worker.start()
        return made

    def leave(self, watch_: Watch) -> None:
        """Show them no longer. Unknown ones are ignored."""
        with self._lock:
            self._watches = tuple(each for each in self._watches if each is not watch_)
            self._listen()
        if not self._watches:
            self._worker.stop()

    def _listen(self) -> None:
        """Subscribe to each bus once, however many of the sources share it."""
        buses = {id(bus): bus for bus in buses_of(self._sources())}
        for gone in self._subscriptions.keys() - buses.keys():
            self._subscriptions.pop(gone).cancel()
        for new in buses.keys() - self._subscriptions.keys():
            self._subscriptions[new] = buses[new].subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._transitions.labels(event.source, event.current).inc()

    def _sources(self) -> Iterator[Source]:
        for each in self._watches:
            yield from each.sources

    def readings(self) -> list[Reading]:
        """What all of them count now."""
        return added_up(readings_of(self._sources()))

    def refresh(self) -> None:
        """In multi-process mode: copy what is counted into the shared files."""
        if self._mirror is not None:
            self._mirror.copy()

    def _round(self) -> float:
        self.refresh()
        return REFRESH_SECONDS


@final
class _OnScrape(Collector):
    """Reads when somebody scrapes."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read: Final = read

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The names, so that nobody else takes them."""
        return [_family(spec) for spec in READ_METRICS]

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """What there is now."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._read():
            family = families.get(reading.spec.otel)
            if family is None:
                family = families[reading.spec.otel] = _family(reading.spec)
            family.add_metric(reading.labels, reading.value)
        return families.values()


def _family(spec: MetricSpec) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if spec.kind is MetricKind.COUNTER else GaugeMetricFamily
    return kind(spec.family, spec.description, labels=spec.labels)


@final
class _Mirror:
    """Copies readings into metrics that processes share. Counters get what was added since the last copy."""

    def __init__(self, instruments: Instruments, read: Callable[[], Iterable[Reading]]) -> None:
        self._instruments: Final = instruments
        self._read: Final = read
        self._seen: dict[tuple[str, tuple[str, ...]], float] = {}
        self._lock = threading.Lock()
        renew_after_fork(self, starts_thread=True)  # after the objects that are read here have their new locks

    def after_fork(self) -> None:
        """What was counted before the fork is the parent's to copy."""
        self._lock = threading.Lock()
        self._seen = {(reading.spec.otel, reading.labels): reading.value for reading in self._read()}

    def copy(self) -> None:
        with self._lock:
            found = {(reading.spec.otel, reading.labels): reading for reading in self._read()}
            for key, reading in found.items():
                before = self._seen.get(key, 0.0)
                instrument = self._instruments.of(reading.spec)
                child = instrument.labels(*reading.labels) if reading.labels else instrument
                if isinstance(child, Gauge):
                    child.set(reading.value)
                elif reading.value != before:
                    # A total that fell belongs to a new object of that name, which began at 0.
                    child.inc(reading.value - before if reading.value > before else reading.value)
                self._seen[key] = reading.value
            for key in self._seen.keys() - found.keys():
                self._forget(key)

    def _forget(self, key: tuple[str, tuple[str, ...]]) -> None:
        """In the files nothing can be taken back: a gauge that is gone is 0."""
        spec = next(each for each in READ_METRICS if each.otel == key[0])
        if spec.kind is MetricKind.GAUGE:
            gauge = self._instruments.gauge(spec)
            (gauge.labels(*key[1]) if key[1] else gauge).set(0)
        del self._seen[key]


_rooms: Final[weakref.WeakKeyDictionary[CollectorRegistry, _Room]] = weakref.WeakKeyDictionary()
_entering: Final = threading.Lock()


def _room_of(registry: CollectorRegistry) -> _Room:
    with _entering:
        room = _rooms.get(registry)
        if room is None:
            room = _rooms[registry] = _Room(registry)
        return room
