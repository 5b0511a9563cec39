"""A wire without a network: what is sent over it is noted, what comes back is scripted."""

import anyio
import anyio.lowlevel
import httpx

from seawall.http import AsyncSelectorTransport, SelectorTransport
from seawall.retry import RetryBudget
from seawall.selector import ActivePassive, Endpoint, EndpointSelector, FailbackPolicy
from seawall.testing import FakeClock

TOKYO = Endpoint("tokyo", "http://tokyo.example/base")
OSAKA = Endpoint("osaka", "http://osaka.example:8080", role="standby")
PLENTY = {"ratio": 1.0, "minimum_per_second": 100.0}


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that may break off."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __iter__(self):
        yield b"half"
        if self.error:
            raise self.error
        yield b"whole"

    async def __aiter__(self):
        for chunk in self:
            yield chunk


class Wire:
    """What is behind the endpoints: a script per endpoint, and what was asked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked: list[tuple[str, str, str]] = []
        self.made: list[str] = []
        self.closed: list[str] = []
        self.does: dict[str, object] = {}
        self.slept: list[float] = []

    def make(self, endpoint: Endpoint) -> "Pool":
        self.made.append(endpoint.name)
        return Pool(self, endpoint.name)

    def answer(self, name: str, request: httpx.Request) -> httpx.Response:
        self.asked.append((name, request.method, str(request.url)))
        todo = self.does.get(name, 200)
        if isinstance(todo, list):
            todo = todo.pop(0)
        if callable(todo) and not isinstance(todo, type):
            todo = todo(request)
        if isinstance(todo, BaseException):
            raise todo
        if isinstance(todo, httpx.Response):
            return todo
        assert isinstance(todo, int)
        return httpx.Response(todo, stream=Body(None))

    def names(self) -> list[str]:
        return [name for name, _, _ in self.asked]


class Pool(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The connections to one endpoint."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire, self.name = wire, name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.wire.answer(self.name, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        return self.wire.answer(self.name, request)

    def close(self) -> None:
        self.wire.closed.append(self.name)

    async def aclose(self) -> None:
        self.wire.closed.append(self.name)


class Client:
    """One way to call for sync and async tests: `ask` sends a request and reads its body."""

    def __init__(self, kind: str, transport) -> None:
        self.kind, self.transport = kind, transport

    def ask(self, method: str = "GET", path: str = "/orders", **more) -> httpx.Response:
        if self.kind == "sync":
            with httpx.Client(transport=Open(self.transport), base_url="http://shop") as client:
                return client.request(method, path, **more)

        async def run() -> httpx.Response:
            async with httpx.AsyncClient(transport=AsyncOpen(self.transport), base_url="http://shop") as client:
                return await client.request(method, path, **more)

        return anyio.run(run, backend=self.kind)


class Open(httpx.BaseTransport):
    """Leaves the transport open when a client ends."""

    def __init__(self, inner: SelectorTransport) -> None:
        self.handle_request = inner.handle_request


class AsyncOpen(httpx.AsyncBaseTransport):
    """The same."""

    def __init__(self, inner: AsyncSelectorTransport) -> None:
        self.handle_async_request = inner.handle_async_request


def client(kind: str, wire: Wire, selector: EndpointSelector, **more) -> Client:
    more.setdefault("budget", RetryBudget(**PLENTY, clock=wire.clock))
    more.setdefault("dns_interval_seconds", None)
    if kind == "sync":
        return Client(kind, SelectorTransport(selector, make_transport=wire.make, sleep=wire.slept.append, **more))

    async def sleep(seconds: float) -> None:
        wire.slept.append(seconds)

    return Client(kind, AsyncSelectorTransport(selector, make_transport=wire.make, sleep=sleep, **more))


def failed(selector: EndpointSelector) -> dict[str, int]:
    return {each.endpoint.name: each.total_failed for each in selector.snapshot().endpoints}


def pair(wire: Wire) -> EndpointSelector:
    """Tokyo, and Osaka when three calls in a row have failed there; back after a good probe and ten seconds."""
    return EndpointSelector(
        [TOKYO, OSAKA],
        ActivePassive(failure_threshold=3),
        failback=FailbackPolicy(good_probes=1, minimum_hold_seconds=10.0, jitter_ratio=0.0),
        clock=wire.clock,
    )
