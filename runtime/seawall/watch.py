"""The topology, followed while the app runs: the last good view is kept whatever happens to the documents.

```python
with Worker() as worker:
    watch = TopologyWatch(worker=worker)  # raises when there is nothing to start from
    watch.subscribe(lambda event: pool.use(event.current.writer) if isinstance(event, TopologyChanged) else None)
    serve(watch)  # watch.current: the view, always
```

Three rules. A reading that fails, and a document that is broken, change nothing but `snapshot()`. Epochs only grow: a
view whose epoch is behind the current one is refused, because a replica of a parameter or an old file would otherwise
give a role back to a writer that lost it. Subscribers are called outside every lock, in the worker's thread.
"""

import logging
import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, final

from seawall._forks import renew_after_fork
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput, SeawallError, TopologyUnavailable
from seawall.events import Event, EventBus, Subscriber, Subscription
from seawall.topology import Effective, Texts, TopologySource, default_source
from seawall.topology._sources import view_of
from seawall.worker import Job, Worker

__all__ = ["TopologyChanged", "TopologyReadFailed", "TopologyWatch", "WatchSnapshot"]

_log: Final = logging.getLogger("seawall.watch")

SHORTEST_WAKE_SECONDS: Final = (
    1.0  # every call that fails may ask for a reading; SSM throttles a region's readers together
)
LARGEST_BACKOFF_EXPONENT: Final = 30  # 2 ** 30 intervals: beyond any limit, and no overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyChanged(Event):
    """A reading gave another view than the one before."""

    previous: Effective
    current: Effective

    @property
    def roles_changed(self) -> bool:
        """Whether the primary or the writer is another one now: the time to drop connections."""
        before, now = self.previous, self.current
        return (before.primary.region, before.writer) != (now.primary.region, now.writer)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyReadFailed(Event):
    """A reading failed, or a document is broken; the view is the one of before."""

    error: SeawallError
    failures: int
    """In a row, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSnapshot:
    """How fresh the view is."""

    epoch: int
    age_seconds: float
    """Since the last good reading began."""
    stale: bool
    """Whether that is longer than `stale_after_seconds`."""
    failures: int
    """Readings that failed in a row since then."""
    last_error: SeawallError | None
    """Of the last reading, when it failed."""
    doubt: str | None = None
    """Why the live document of the last good reading was a copy that may be behind; `None`: it is the one that counts."""


@final
class TopologyWatch:
    """Follows the documents, by a worker's job.

    The first reading is made here, in the calling thread, so that an app starts with a view or not at all.

    Args:
        source: Where the documents are; by default what the environment variables name.
        worker: Owns the thread. The watch adds one job to it; `stop` takes it away.
        initial: A view that was loaded already; then nothing is read here.
        interval_seconds: From one reading to the next, above 0.
        jitter_ratio: 0 to 1: each wait is shorter by a random part of up to this, so that the processes of a fleet do
            not read in step. SSM throttles a region's readers together.
        max_backoff_seconds: After a failure the wait doubles with every further one, up to this.
        stale_after_seconds: From which age on the view is called stale; by default three intervals.
        name: Name of the watch in its events and logs.
        clock: Monotonic time.
        random_unit: Random numbers, 0 to 1, for the jitter.

    Raises:
        InvalidInput: An argument is not allowed, or a document is broken.
        TopologyUnavailable: The documents cannot be read now.
        MissingExtra: They are in SSM, and boto3 is not installed.
    """

    def __init__(
        self,
        source: TopologySource | None = None,
        *,
        worker: Worker,
        initial: Effective | None = None,
        interval_seconds: float = 30.0,
        jitter_ratio: float = 0.2,
        max_backoff_seconds: float = 300.0,
        stale_after_seconds: float | None = None,
        name: str = "topology",
        clock: Clock = SYSTEM_CLOCK,
        random_unit: Callable[[], float] = random.random,
    ) -> None:
        if not math.isfinite(interval_seconds) or interval_seconds <= 0:
            raise InvalidInput("interval_seconds", interval_seconds, allowed="above 0 seconds")
        if not 0 <= jitter_ratio <= 1:
            raise InvalidInput("jitter_ratio", jitter_ratio, allowed="0 to 1")
        if not math.isfinite(max_backoff_seconds) or max_backoff_seconds < interval_seconds:
            raise InvalidInput(
                "max_backoff_seconds", max_backoff_seconds, allowed=f"at least interval_seconds = {interval_seconds:g}"
            )
        stale_after = 3 * interval_seconds if stale_after_seconds is None else stale_after_seconds
        if not stale_after > interval_seconds:
            raise InvalidInput(
                "stale_after_seconds", stale_after, allowed=f"above interval_seconds = {interval_seconds:g}"
            )
        self._source: Final = source if source is not None else default_source()
        self._interval: Final = interval_seconds
        self._jitter: Final = jitter_ratio
        self._max_backoff: Final = max_backoff_seconds
        self._stale_after: Final = stale_after
        self._name: Final = name
        self._clock: Final = clock
        self._random: Final = random_unit
        self._events: Final = EventBus()
        self._lock = (
            threading.Lock()
        )  # guards the view and what is known of its readings, never a reading nor a subscriber
        self._read_at = self._tried_at = clock.monotonic()
        self._doubt: str | None = None
        self._confirmed_at: float | None = None
        if initial is None:
            texts = self._source.read()
            self._current = view_of(texts)
            self._note(texts, self._read_at)
        else:
            self._current = initial
        self._woken = False
        self._failures = 0
        self._last_error: SeawallError | None = None
        self._job: Final[Job] = worker.add(self._round, in_seconds=self._pause(0))
        renew_after_fork(self)

    @property
    def current(self) -> Effective:
        """The last good view. Never blocks."""
        return self._current

    @property
    def age_seconds(self) -> float:
        """Seconds since the last good reading began."""
        return self._clock.monotonic() - self._read_at

    @property
    def interval_seconds(self) -> float:
        """The longest time from one reading to the next, while they succeed."""
        return self._interval

    @property
    def read_began(self) -> float | None:
        """When the last good reading of the live document that counts began, by the watch's clock: it was true then, or later.

        `None` as long as there is only the view that was given as `initial`, whose age nobody knows, or only copies were read.
        """
        return self._confirmed_at

    @property
    def live_region(self) -> str | None:
        """The region of SSM whose live document counts; `None`: another source, of which nobody knows."""
        found: object = getattr(self._source, "live_region", None)
        return found if isinstance(found, str) else None

    @property
    def stale(self) -> bool:
        """Whether the last good reading is longer ago than `stale_after_seconds`."""
        return self.age_seconds > self._stale_after

    def snapshot(self) -> WatchSnapshot:
        """How fresh the view is, for health pages and metrics."""
        with self._lock:
            age = self._clock.monotonic() - self._read_at
            return WatchSnapshot(
                epoch=self._current.epoch,
                age_seconds=age,
                stale=age > self._stale_after,
                failures=self._failures,
                last_error=self._last_error,
                doubt=self._doubt,
            )

    def subscribe(self, subscriber: Subscriber) -> Subscription:
        """Call `subscriber` with `TopologyChanged` and `TopologyReadFailed` from now on."""
        return self._events.subscribe(subscriber)

    def refresh(self) -> bool:
        """Read now, in the calling thread; whether that gave a good view.

        What the documents do wrong is kept in `snapshot()` and told to subscribers, not raised.
        """
        began = self._clock.monotonic()
        self._tried_at, self._woken = began, False
        try:
            texts = self._source.read()
            seen = view_of(texts)
        except SeawallError as error:
            return self._failed(error)
        # A source of somebody else's may raise anything, and none of it may cost the view.
        except Exception as error:  # noqa: BLE001
            return self._failed(TopologyUnavailable(repr(self._source), f"{type(error).__name__}: {error}"))
        return self._read(seen, texts, began)

    def wake(self) -> None:
        """Read soon: a write that a demoted writer refused is the best hint of a new role. Never blocks.

        At most once a second, and after failures less and less often, down to the usual interval: a whole fleet is refused
        at once, and SSM throttles a region's readers together.
        """
        if self._woken:  # of many wakes the first one's random part counts, and not the shortest of them all
            return
        self._woken = True
        apart = min(SHORTEST_WAKE_SECONDS * 2.0 ** min(self._failures, LARGEST_BACKOFF_EXPONENT), self._interval)
        since = self._clock.monotonic() - self._tried_at
        self._job.wake(max(0.0, apart - since) + apart * self._jitter * self._random())

    def stop(self) -> None:
        """Follow no longer; `current` stays. Idempotent."""
        self._job.cancel()

    def _round(self) -> float:
        self.refresh()
        return self._pause(self._failures)

    def _read(self, seen: Effective, texts: Texts, began: float) -> bool:
        with self._lock:
            previous = self._current
            behind = seen.epoch < previous.epoch
            if not behind:
                self._current, self._read_at = seen, began
                self._failures, self._last_error = 0, None
                self._note(texts, began)
                if seen != previous:  # noted under the lock, which keeps the order; delivered without it
                    self._events.enqueue(
                        TopologyChanged(
                            source=self._name, at_seconds=self._clock.monotonic(), previous=previous, current=seen
                        )
                    )
        if behind:
            last = f"at least {previous.epoch}, as read before"
            return self._failed(InvalidInput("epoch", seen.epoch, allowed=last, because="epochs only grow"))
        self._events.deliver()
        return True

    def _failed(self, error: SeawallError) -> bool:
        with self._lock:
            self._failures += 1
            failures, self._last_error = self._failures, error
            self._events.enqueue(
                TopologyReadFailed(
                    source=self._name, at_seconds=self._clock.monotonic(), error=error, failures=failures
                )
            )
        if failures == 1:  # the first of a row: a source that is down for hours says so once, and in `snapshot()`
            _log.warning("%s: the last good view is kept, epoch %d: %s", self._name, self._current.epoch, error)
        self._events.deliver()
        return False

    def _note(self, texts: Texts, began: float) -> None:
        """Whether it was the document that counts. Said once when copies begin to be read; later in `snapshot()`."""
        if texts.doubt is None:
            self._confirmed_at = began
        elif self._doubt is None:
            _log.warning("%s: roles are those of a copy, which renews no lease: %s", self._name, texts.doubt)
        self._doubt = texts.doubt

    def _pause(self, failures: int) -> float:
        """Seconds until the next reading."""
        wait = min(self._interval * 2.0 ** min(failures, LARGEST_BACKOFF_EXPONENT), self._max_backoff)
        return wait * (1.0 - self._jitter * self._random())

    def after_fork(self) -> None:
        """In the child: the lock may be held by a thread that is gone. The worker starts its own thread."""
        self._lock = threading.Lock()

    def __reduce__(self) -> NoReturn:
        raise CannotPickle(f"TopologyWatch {self._name!r}")
