"""The way to Redis, and the one thread that goes it."""

import logging
import math
import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NoReturn, cast, final
from urllib.parse import quote

from seawall._forks import renew_after_fork
from seawall.breaker import CircuitBreaker
from seawall.breaker._breaker import core_of
from seawall.breaker_redis._link import CLAIM_PAUSE_SECONDS, Link
from seawall.breaker_redis._scripts import Scripts
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput, MissingExtra
from seawall.worker import Job, Worker

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtra("redis", feature="SharedBreakers") from error

__all__ = ["SharedBreakers", "connect"]

_log: Final = logging.getLogger("seawall.breaker_redis")

LONGEST_TIMEOUT_SECONDS: Final = 5.0  # of a socket: all shared breakers wait while one call hangs
FIRST_RETRY_SECONDS: Final = 0.25  # after Redis was lost; doubles up to the next
LONGEST_RETRY_SECONDS: Final = 5.0
STALE_POLLS: Final = 5  # polls without an answer, after which Redis counts as away even if a call still hangs


def connect(url: str, *, timeout_seconds: float = 0.5) -> "redis.Redis":
    """A client as shared breakers want it: with time-outs, and without retries of its own.

    Args:
        url: E.g. `redis://host:6379/0`, `rediss://...`, or `unix:///path`.
        timeout_seconds: For connecting and for each answer; above 0 and at most 5.

    Raises:
        InvalidInput: `timeout_seconds` is outside that.
    """
    if not 0.0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise InvalidInput("timeout_seconds", timeout_seconds, allowed=f"above 0, at most {LONGEST_TIMEOUT_SECONDS:g}")
    options: dict[str, Any] = {"socket_timeout": timeout_seconds, "retry": Retry(NoBackoff(), 0)}
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = timeout_seconds
    make = cast("Callable[..., redis.Redis]", redis.Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
    return make(url, **options)


@final
class SharedBreakers:
    """Shares breakers through one Redis, or one Redis Cluster.

    ```python
    with SharedBreakers(connect("redis://cache:6379/0")) as shared:
        shared.share(payments)
        serve()
    ```

    Every process has to give a breaker the same name and the same config.

    Args:
        client: From `connect`, or another with a `socket_timeout`; also a `RedisCluster`. It is used by the worker's
            thread alone.
        prefix: Of the keys. Two per breaker, with the name as hash tag: `seawall:breaker:{payments}`.
        poll_seconds: How often the shared state is read; the longest time until an opening elsewhere is followed.
        lease_seconds: After so long without a sign of life, or without a call, a trial's lease is free for others.
        worker: The thread to use; one of its own when left out, which `with` starts and stops.
        clock: Monotonic time.
        random: Random numbers in [0, 1), for the pauses before Redis is tried again.

    Raises:
        InvalidInput: a client without a time-out, a prefix with braces, or a time that is not positive.
    """

    def __init__(
        self,
        client: "redis.Redis",
        *,
        prefix: str = "seawall:breaker",
        poll_seconds: float = 1.0,
        lease_seconds: float = 30.0,
        worker: Worker | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random.random,
    ) -> None:
        timeout = _socket_timeout(client)
        if timeout is None or not 0.0 < timeout <= LONGEST_TIMEOUT_SECONDS:
            raise InvalidInput(
                "client.socket_timeout",
                timeout,
                allowed=f"above 0, at most {LONGEST_TIMEOUT_SECONDS:g} seconds",
                because="no shared breaker hears from the others while one call to Redis hangs",
            )
        if "{" in prefix or "}" in prefix:
            raise InvalidInput("prefix", prefix, allowed="no braces", because="they would be taken for the hash tag")
        for name, value in (("poll_seconds", poll_seconds), ("lease_seconds", lease_seconds)):
            if not 0.0 < value < math.inf:
                raise InvalidInput(name, value, allowed="a number above 0")
        self.clock: Final = clock
        self.lease_seconds: Final = lease_seconds
        self.scripts: Final = Scripts(client)
        self._prefix: Final = prefix
        self._poll_seconds: Final = poll_seconds
        self._stale_after: Final = STALE_POLLS * max(poll_seconds, timeout)
        self._random: Final = random
        self._own_worker: Final = worker is None
        self._worker: Final = Worker("seawall-redis", clock=clock) if worker is None else worker
        self._links: dict[str, Link] = {}
        self._changing = threading.Lock()
        self._heard_at = -math.inf
        self._pause = FIRST_RETRY_SECONDS
        self._job: Job | None = None
        self._stopped = False
        renew_after_fork(self)

    @property
    def in_touch(self) -> bool:
        """Whether Redis has answered lately. If not, each breaker decides alone."""
        return not self._stopped and self.clock.monotonic() - self._heard_at <= self._stale_after

    def share(self, breaker: CircuitBreaker) -> CircuitBreaker:
        """Share a breaker under its name; returns it.

        Raises:
            InvalidInput: another breaker of this name is shared here.
        """
        core = core_of(breaker)
        with self._changing:
            link = self._links.get(core.name)
            if link is not None:
                if link.core is not core:
                    raise InvalidInput("breaker", core.name, allowed="one breaker per name in a process")
                return breaker
            key = f"{self._prefix}:{{{quote(core.name, safe='')}}}"
            link = Link(self, core, [key, f"{key}:leases"])
            self._links = {**self._links, core.name: link}
        core.attach(link)
        self.wake(0.0)
        return breaker

    def unshare(self, breaker: CircuitBreaker) -> None:
        """Let a breaker go on alone. Unknown ones are ignored."""
        core = core_of(breaker)
        with self._changing:
            link = self._links.get(core.name)
            if link is None or link.core is not core:
                return
            self._links = {name: each for name, each in self._links.items() if each is not link}
        core.attach(None)

    def start(self) -> None:
        """Begin to talk to Redis, in the worker's thread. Idempotent."""
        self._stopped = False
        if self._job is None:
            self._job = self._worker.add(self.synchronize)
        if self._own_worker:
            self._worker.start()

    def stop(self) -> None:
        """End that; the breakers go on alone. Idempotent."""
        self._stopped = True  # first: a round under way may still hear from Redis
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self._own_worker:
            self._worker.stop()
        self._heard_at = -math.inf
        for link in self._links.values():
            link.away()

    def __enter__(self) -> "SharedBreakers":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def wake(self, in_seconds: float) -> None:
        """Have the next round run no later than in so many seconds. Never blocks."""
        if self._job is not None:
            self._job.wake(in_seconds)

    def synchronize(self) -> float:
        """One round with Redis for all shared breakers, in the calling thread; seconds until the next one is wanted.

        What the worker runs. Does not raise when Redis is away. Never call it from two threads at once.
        """
        try:
            for link in self._links.values():
                link.round()
                self._heard_at = self.clock.monotonic()
        except (RedisError, OSError) as error:
            return self._lost(error)
        if self._pause > FIRST_RETRY_SECONDS:
            _log.info("Redis is back; breakers are shared again")
        self._pause = FIRST_RETRY_SECONDS
        hurried = any(link.hurried for link in self._links.values())
        return min(self._poll_seconds, CLAIM_PAUSE_SECONDS) if hurried else self._poll_seconds

    def _lost(self, error: BaseException) -> float:
        if self._pause == FIRST_RETRY_SECONDS:
            _log.warning("Redis is away (%s); each breaker decides alone until it is back", error)
        self._heard_at = -math.inf
        for link in self._links.values():
            link.away()
        self._pause = min(self._pause * 2.0, LONGEST_RETRY_SECONDS)
        # Half of the pause is random: a fleet that lost Redis at one moment must not come back at one moment.
        return self._pause * (0.5 + 0.5 * self._random())

    def after_fork(self) -> None:
        """In the child: a thread of the parent may have held the lock; its leases and notes are the parent's."""
        self._changing = threading.Lock()
        for link in self._links.values():
            link.forget_parent()

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a SharedBreakers")


def _socket_timeout(client: object) -> float | None:
    """The client's time-out for an answer, whether it is one of a single server or of a cluster."""
    holder = getattr(client, "connection_pool", None) or getattr(client, "nodes_manager", None)
    options = cast("dict[str, Any]", getattr(holder, "connection_kwargs", {}))
    return options.get("socket_timeout")
