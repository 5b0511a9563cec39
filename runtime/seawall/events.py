"""What happened, told to whoever subscribed: logs, metrics, tests.

One way to subscribe, `EventBus.subscribe`. Subscribers are called outside every lock, one event at a time and in the
order in which the events happened, in the thread that caused one of them; what a subscriber raises is logged and goes
no further. There is no event per success and none per rejection: both are counted, see `CircuitBreaker.snapshot`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from seawall._forks import renew_after_fork

__all__ = ["CallRecorded", "Event", "EventBus", "StateChanged", "Subscription"]

_log: Final = logging.getLogger("seawall.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    source: str
    """Name of the object that it happened to, e.g. of the breaker."""
    at_seconds: float
    """When, in seconds of that object's monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged(Event):
    """A breaker went from one state to another."""

    previous: str
    current: str
    reason: str
    """Why, e.g. `failure rate`, `trial failed`, `forced`."""
    generation: int
    """Grows by one with every change of this breaker."""
    wait_seconds: float | None = None
    """How long the breaker stays open; `None` unless `current` is `open`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecorded(Event):
    """A call failed or was slow, and a window or a trial took note of it."""

    failed: bool
    slow: bool
    error: BaseException | None = None
    """What was raised; `None` for a slow success, a recorded result, or an outcome reported through a permit."""


Subscriber = Callable[[Event], None]


@final
class Subscription:
    """What `subscribe` returns: `cancel()` ends it, as does leaving the `with` block."""

    __slots__ = ("_bus", "_subscriber")

    def __init__(self, bus: "EventBus", subscriber: Subscriber) -> None:
        self._bus = bus
        self._subscriber = subscriber

    def cancel(self) -> None:
        """Deliver nothing more to this subscriber. Idempotent."""
        self._bus.remove(self)

    def deliver(self, event: Event) -> None:
        """Hand one event over; an exception of the subscriber is logged, not raised."""
        try:
            self._subscriber(event)
        except Exception:  # noqa: BLE001 - one subscriber must not silence the others, nor break a call
            _log.exception("a subscriber failed on %r", event)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


@final
class EventBus:
    """Carries events from the cores to subscribers. One bus may serve many breakers.

    `enqueue` only notes the event and may be called with a lock held; `deliver` calls the subscribers and must not be.
    """

    __slots__ = ("__weakref__", "_delivering", "_pending", "_subscriptions")

    def __init__(self) -> None:
        self._pending: deque[Event] = deque()
        self._subscriptions: tuple[Subscription, ...] = ()  # replaced whole, so that reading needs no lock
        self._delivering = threading.Lock()
        renew_after_fork(self)

    def subscribe(self, subscriber: Subscriber) -> Subscription:
        """Call `subscriber` with every event from now on."""
        subscription = Subscription(self, subscriber)
        with _subscribing.lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """End a subscription. Unknown ones are ignored."""
        with _subscribing.lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens: if not, an event need not be made."""
        return bool(self._subscriptions)

    def enqueue(self, event: Event) -> None:
        """Note an event for the next `deliver`. Never blocks, calls nobody."""
        self._pending.append(event)

    def deliver(self) -> None:
        """Call the subscribers with what is pending.

        One thread delivers at a time, which keeps the order. Another thread, or a subscriber that causes an event
        itself, leaves its event to the one that is delivering.
        """
        # After the lock is let go the queue is looked at again: an event noted in between had nobody to deliver it.
        delivering = self._delivering  # a subscriber that forks has another one afterwards
        while self._pending and delivering.acquire(blocking=False):
            try:
                while self._pending:
                    event = self._pending.popleft()
                    for subscription in self._subscriptions:
                        subscription.deliver(event)
            finally:
                delivering.release()

    def publish(self, event: Event) -> None:
        """Note an event and deliver what is pending."""
        self.enqueue(event)
        self.deliver()

    def after_fork(self) -> None:
        """In the child: forget a delivery that was under way in the parent: its thread does not exist here."""
        self._delivering = threading.Lock()
        self._pending.clear()


class _Subscribing:
    """The lock under which subscriptions change. That is rare: one lock for all buses keeps a bus small."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        renew_after_fork(self)

    def after_fork(self) -> None:
        self.lock = threading.RLock()


_subscribing: Final = _Subscribing()
