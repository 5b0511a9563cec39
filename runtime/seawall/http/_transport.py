"""httpx transports that choose an endpoint for each request. The rules are in `_rules`, the connections in `_pools`."""

import contextlib
import functools
import ssl
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Final, final

import anyio
import httpx

from seawall.breaker import CircuitBreaker
from seawall.http._pools import DnsWatch, Lease, Pools, Resolve, resolve
from seawall.http._rules import Call, RetryPolicy, Rules, Try
from seawall.retry import RetryBudget
from seawall.selector import Endpoint, EndpointSelector
from seawall.worker import Worker

__all__ = ["AsyncSelectorTransport", "SelectorTransport"]

SERVER_ERRORS: Final = frozenset(range(500, 600))
DNS_INTERVAL_SECONDS: Final = 30.0


def _rules(
    selector: EndpointSelector,
    breaker: CircuitBreaker | None,
    budget: RetryBudget | None,
    retries: RetryPolicy | None,
    failure_statuses: frozenset[int],
    *,
    keep_host: bool,
) -> Rules:
    return Rules(
        selector=selector,
        breaker=breaker,
        budget=RetryBudget() if budget is None else budget,
        retries=RetryPolicy() if retries is None else retries,
        failure_statuses=failure_statuses,
        keep_host=keep_host,
    )


def _dns_watch(
    pools: Pools[Any], interval_seconds: float | None, worker: Worker | None, look_up: Resolve
) -> DnsWatch | None:
    if interval_seconds is None:
        return None
    return DnsWatch(pools, interval_seconds=interval_seconds, worker=worker, look_up=look_up)


class SelectorTransport(httpx.BaseTransport):
    """For `httpx.Client(transport=...)`: each request goes to the endpoint that the selector picks.

    Scheme, host, port and path prefix come from the endpoint's URL; what the request says instead is a placeholder. Each
    request is one outcome for its endpoint and one for the breaker: a failure when it raises, or when the status is one
    of `failure_statuses`; a success when its body has been read or closed. A `CallNotPermitted` is no outcome. A short
    answer that may be tried again is read before it is handed over, see `RetryPolicy.read_ahead_bytes`.

    Args:
        selector: Picks.
        breaker: Guards the dependency as a whole; `None`: nothing does.
        budget: For retries; one of its own when left out.
        retries: What is tried again.
        failure_statuses: Answers that speak against an endpoint, and fail for the breaker.
        keep_host: Whether the `Host` header stays what the request says.
        make_transport: Makes the transport of an endpoint; `httpx.HTTPTransport()` when left out.
        dns_interval_seconds: How often DNS is asked whether pooled connections still go to the right addresses; `None`:
            never.
        worker: Runs that in the background; one of its own when left out.
        look_up: Asks for a host's addresses.

    Raises:
        NoEndpointAvailable, CallNotPermitted: from a request, which then was not sent.
    """

    def __init__(
        self,
        selector: EndpointSelector,
        *,
        breaker: CircuitBreaker | None = None,
        budget: RetryBudget | None = None,
        retries: RetryPolicy | None = None,
        failure_statuses: frozenset[int] = SERVER_ERRORS,
        keep_host: bool = False,
        make_transport: Callable[[Endpoint], httpx.BaseTransport] | None = None,
        dns_interval_seconds: float | None = DNS_INTERVAL_SECONDS,
        worker: Worker | None = None,
        look_up: Resolve = resolve,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rules: Final = _rules(selector, breaker, budget, retries, failure_statuses, keep_host=keep_host)
        self._pools: Final[Pools[httpx.BaseTransport]] = Pools(selector, make_transport or _make_transport)
        self._dns: Final = _dns_watch(self._pools, dns_interval_seconds, worker, look_up)
        self._sleep: Final = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and again elsewhere where that is allowed."""
        call = Call(self._rules, request)
        current = call.first()
        while True:
            if current.wait_seconds:
                with _released_if_raised(current):
                    self._sleep(current.wait_seconds)
            try:
                response = self._send(call, current)
            except Exception as error:
                following = call.next() if call.retries_after(error) else None
                if following is None:
                    raise
                current = following
                continue
            following = call.next() if call.retries_after(response.status_code) else None
            if following is None:
                return response
            with _released_if_raised(following):
                response.close()
            current = following

    def _send(self, call: Call, current: Try) -> httpx.Response:
        self._close_idle()
        with _released_if_raised(current):
            request = call.request_to(current.endpoint)
            pool = self._pools.take(current.endpoint)
            if self._dns is not None:
                self._dns.ensure(pool.host)
        try:
            response = pool.transport.handle_request(request)
        except BaseException as error:
            self._pools.give_back(pool)
            current.raised(error)
            raise
        if call.is_failure(response.status_code):
            current.failed()
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):  # pragma: no cover - a transport that breaks its own protocol
            raise TypeError("a sync transport answered with an async body")
        response.stream = watched = _Watched(stream, current, self._pools, pool)
        if call.reads_ahead(response):
            try:
                body = b"".join(watched)
            finally:
                watched.close()
            response.stream = httpx.ByteStream(body)
        return response

    def _close_idle(self) -> None:
        for each in self._pools.idle():
            each.transport.close()

    def close(self) -> None:
        """Close all connections, and stop looking at DNS."""
        if self._dns is not None:
            self._dns.stop()
        for each in self._pools.drain():
            each.transport.close()


class AsyncSelectorTransport(httpx.AsyncBaseTransport):
    """The same for `httpx.AsyncClient`, on asyncio and trio. See `SelectorTransport`."""

    def __init__(
        self,
        selector: EndpointSelector,
        *,
        breaker: CircuitBreaker | None = None,
        budget: RetryBudget | None = None,
        retries: RetryPolicy | None = None,
        failure_statuses: frozenset[int] = SERVER_ERRORS,
        keep_host: bool = False,
        make_transport: Callable[[Endpoint], httpx.AsyncBaseTransport] | None = None,
        dns_interval_seconds: float | None = DNS_INTERVAL_SECONDS,
        worker: Worker | None = None,
        look_up: Resolve = resolve,
        sleep: Callable[[float], Any] = anyio.sleep,
    ) -> None:
        self._rules: Final = _rules(selector, breaker, budget, retries, failure_statuses, keep_host=keep_host)
        self._pools: Final[Pools[httpx.AsyncBaseTransport]] = Pools(selector, make_transport or _make_async_transport)
        self._dns: Final = _dns_watch(self._pools, dns_interval_seconds, worker, look_up)
        self._sleep: Final = sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and again elsewhere where that is allowed."""
        call = Call(self._rules, request)
        current = call.first()
        while True:
            if current.wait_seconds:
                with _released_if_raised(current):
                    await self._sleep(current.wait_seconds)
            try:
                response = await self._send(call, current)
            except Exception as error:
                following = call.next() if call.retries_after(error) else None
                if following is None:
                    raise
                current = following
                continue
            following = call.next() if call.retries_after(response.status_code) else None
            if following is None:
                return response
            with _released_if_raised(following):
                await response.aclose()
            current = following

    async def _send(self, call: Call, current: Try) -> httpx.Response:
        with _released_if_raised(current):
            await self._close_idle()
            request = call.request_to(current.endpoint)
            pool = self._pools.take(current.endpoint)
            if self._dns is not None:
                self._dns.ensure(pool.host)
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException as error:
            self._pools.give_back(pool)
            current.raised(error)
            raise
        if call.is_failure(response.status_code):
            current.failed()
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):  # pragma: no cover - a transport that breaks its own protocol
            raise TypeError("an async transport answered with a sync body")
        response.stream = watched = _AsyncWatched(stream, current, self._pools, pool)
        if call.reads_ahead(response):
            try:
                body = b"".join([chunk async for chunk in watched])
            finally:
                await watched.aclose()
            response.stream = httpx.ByteStream(body)
        return response

    async def _close_idle(self) -> None:
        for each in self._pools.idle():
            await each.transport.aclose()

    async def aclose(self) -> None:
        """Close all connections, and stop looking at DNS."""
        if self._dns is not None:
            self._dns.stop()
        for each in self._pools.drain():
            await each.transport.aclose()


@contextlib.contextmanager
def _released_if_raised(current: Try) -> Generator[None, None, None]:
    """Around what is done before the endpoint is called."""
    try:
        yield
    except BaseException:
        current.released()
        raise


@final
class _Watched(httpx.SyncByteStream):
    """A body whose end, or whose breaking off, is the outcome."""

    def __init__(self, stream: httpx.SyncByteStream, current: Try, pools: Pools[Any], pool: Lease[Any]) -> None:
        self._stream: Final = stream
        self._current: Final = current
        self._pools: Final = pools
        self._pool: Lease[Any] | None = pool

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except GeneratorExit:  # the reader has seen enough; `close` says the rest
            raise
        except BaseException as error:
            self._current.raised(error)
            raise

    def close(self) -> None:
        pool, self._pool = self._pool, None
        try:
            self._stream.close()
        finally:
            if pool is not None:
                self._pools.give_back(pool)
                self._current.succeeded()


@final
class _AsyncWatched(httpx.AsyncByteStream):
    """The same for async bodies."""

    def __init__(self, stream: httpx.AsyncByteStream, current: Try, pools: Pools[Any], pool: Lease[Any]) -> None:
        self._stream: Final = stream
        self._current: Final = current
        self._pools: Final = pools
        self._pool: Lease[Any] | None = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except GeneratorExit:  # the reader has seen enough; `close` says the rest
            raise
        except BaseException as error:
            self._current.raised(error)
            raise

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        try:
            await self._stream.aclose()
        finally:
            if pool is not None:
                self._pools.give_back(pool)
                self._current.succeeded()


@functools.cache
def _tls(scheme: str) -> ssl.SSLContext:
    """One for all pools: to read the certificate authorities takes a good part of a second, and blocks an event loop."""
    return httpx.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _make_transport(endpoint: Endpoint) -> httpx.BaseTransport:
    return httpx.HTTPTransport(verify=_tls(httpx.URL(endpoint.url).scheme))


def _make_async_transport(endpoint: Endpoint) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=_tls(httpx.URL(endpoint.url).scheme))
