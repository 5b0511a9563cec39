"""One connection pool per endpoint, and when to give it up.

A pooled connection outlives what led to it: after a failover in DNS it still goes to the old address, and after a failover
of ours to the old endpoint. So a pool is retired when its endpoint is ejected, unhealthy, left or taken away, when its URL
is another, and when an address it was made for is no longer in the DNS answer. A retired pool serves the calls that are
in it, and is closed when they have ended.
"""

import ipaddress
import logging
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

import httpx

from seawall.errors import InvalidInput
from seawall.events import Event
from seawall.selector import (
    ActiveChanged,
    Endpoint,
    EndpointEjected,
    EndpointHealthChanged,
    EndpointsChanged,
    EndpointSelector,
)
from seawall.worker import Worker

__all__ = ["DnsWatch", "Lease", "Pools", "resolve"]

_log: Final = logging.getLogger("seawall.http")

LONGEST_ROUND_SECONDS: Final = 60.0

T = TypeVar("T")

Resolve = Callable[[str], frozenset[str]]
"""The addresses of a host. Raises `OSError` when nobody knows."""


def resolve(host: str) -> frozenset[str]:
    """The addresses of `host`, from the operating system."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return frozenset(str(each[4][0]) for each in found)


@final
class Lease(Generic[T]):
    """A pool in use."""

    __slots__ = ("host", "retired", "transport", "url", "users")

    def __init__(self, transport: T, url: str) -> None:
        self.transport: Final = transport
        self.url: Final = url
        self.host: Final = httpx.URL(url).host
        self.users = 0
        self.retired = False


@final
class Pools(Generic[T]):
    """The pools of a transport. Thread-safe; closing is left to the transport, which knows how.

    Args:
        selector: Whose changes retire pools.
        make: Makes the transport of one endpoint.
    """

    __slots__ = ("__weakref__", "_lock", "_make", "_pools", "_retired", "_subscription")

    def __init__(self, selector: EndpointSelector, make: Callable[[Endpoint], T]) -> None:
        self._make: Final = make
        self._pools: dict[str, Lease[T]] = {}
        self._retired: list[Lease[T]] = []
        self._lock = threading.Lock()
        heard = weakref.WeakMethod(self._heard)  # the selector may outlive many clients

        def hear(event: Event) -> None:
            method = heard()
            if method is not None:
                method(event)

        self._subscription: Final = selector.events.subscribe(hear)

    def take(self, endpoint: Endpoint) -> Lease[T]:
        """The pool for a call to `endpoint`; `give_back` it."""
        with self._lock:
            pool = self._pools.get(endpoint.name)
            if pool is None or pool.url != endpoint.url:
                if pool is not None:
                    self._retire(endpoint.name)
                pool = self._pools[endpoint.name] = Lease(self._make(endpoint), endpoint.url)
            pool.users += 1
            return pool

    def give_back(self, pool: Lease[T]) -> None:
        """The call has ended."""
        with self._lock:
            pool.users -= 1

    def idle(self) -> list[Lease[T]]:
        """Retired pools that nobody uses any more, to be closed by the caller; each is handed out once."""
        if not self._retired:
            return []
        with self._lock:
            idle = [each for each in self._retired if not each.users]
            self._retired = [each for each in self._retired if each.users]
            return idle

    def hosts(self) -> set[str]:
        """The hosts that pools lead to."""
        with self._lock:
            return {each.host for each in self._pools.values()}

    def retire(self, name: str) -> None:
        """Make a new pool for the next call to that endpoint."""
        with self._lock:
            self._retire(name)

    def retire_host(self, host: str) -> None:
        """The same for all endpoints on a host."""
        with self._lock:
            for name in [name for name, each in self._pools.items() if each.host == host]:
                self._retire(name)

    def drain(self) -> list[Lease[T]]:
        """All pools, used or not, for closing the transport."""
        self._subscription.cancel()
        with self._lock:
            pools = [*self._pools.values(), *self._retired]
            self._pools.clear()
            self._retired = []
            return pools

    def _retire(self, name: str) -> None:
        pool = self._pools.pop(name, None)
        if pool is not None:
            pool.retired = True
            self._retired.append(pool)

    def _heard(self, event: Event) -> None:
        if isinstance(event, EndpointEjected):
            self.retire(event.endpoint)
        elif isinstance(event, EndpointHealthChanged):
            if not event.healthy:
                self.retire(event.endpoint)
        elif isinstance(event, ActiveChanged):
            if event.previous is not None:
                self.retire(event.previous)
        elif isinstance(event, EndpointsChanged):
            for name in event.removed:
                self.retire(name)


@final
class DnsWatch:
    """Looks up the hosts of pools now and then; a host whose addresses are gone has its pools retired.

    Args:
        pools: Whose hosts.
        interval_seconds: How often. Above 0.
        worker: Runs the rounds; `None`: one of its own, started when there is a host to look up.
        look_up: Asks for a host's addresses; runs in a thread of its own, at most one per host.

    Raises:
        InvalidInput: the interval is not above 0.
    """

    def __init__(
        self, pools: Pools[T], *, interval_seconds: float, worker: Worker | None, look_up: Resolve = resolve
    ) -> None:
        if not 0.0 < interval_seconds < float("inf"):
            raise InvalidInput("dns_interval_seconds", interval_seconds, allowed="above 0 seconds, finite, or None")
        self._hosts: Final = pools.hosts
        self._retire: Final = pools.retire_host
        self._interval: Final = interval_seconds
        self._look_up: Final = look_up
        self._known: dict[str, frozenset[str]] = {}
        self._asking: set[str] = set()
        self._own: Worker | None = None
        self._worker = worker
        self._job = None if worker is None else worker.add(self.round)

    def ensure(self, host: str) -> None:
        """A pool leads to `host` now: look it up soon."""
        if host in self._known or host in self._asking or _is_address(host):
            return
        if self._job is None:
            self._own = Worker("seawall dns")
            self._job = self._own.add(self.round)
            self._own.start()
        self._job.wake()

    def stop(self) -> None:
        """Look up nothing more. Idempotent."""
        if self._job is not None:
            self._job.cancel()
        if self._own is not None:
            self._own.stop(0.0)

    def round(self) -> float:
        """Start the look-ups that are due; seconds until the next round."""
        hosts = {host for host in self._hosts() if not _is_address(host)}
        for host in [host for host in list(self._known) if host not in hosts]:  # threads add to it
            self._known.pop(host, None)
        for host in hosts - self._asking:  # a slow answer holds up no other host
            self._asking.add(host)
            threading.Thread(target=self._ask, args=(host,), name=f"dns {host}", daemon=True).start()
        return min(self._interval, LONGEST_ROUND_SECONDS)

    def _ask(self, host: str) -> None:
        try:
            self.answered(host, self._look_up(host))
        except OSError as error:  # says nothing about the connections that there are
            _log.debug("cannot look up %s: %s", host, error)
        finally:
            self._asking.discard(host)

    def answered(self, host: str, addresses: frozenset[str]) -> None:
        """Compare an answer with the one before. New addresses beside the old ones change nothing."""
        known = self._known.get(host)
        self._known[host] = addresses
        if known is not None and not known <= addresses:
            _log.info("%s has other addresses: new connections from now on", host)
            self._retire(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
