"""The httpx transports: `retry(budget){ pick(excluding the tried) → admission → call → one outcome }`."""

import contextlib
import gc
import threading

import anyio
import anyio.lowlevel
import httpx
import pytest

from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig
from seawall.errors import InvalidInput
from seawall.http import AsyncSelectorTransport, RetryPolicy, SelectorTransport
from seawall.http._pools import DnsWatch, Pools
from seawall.retry import RetryBudget
from seawall.selector import (
    ActivePassive,
    Endpoint,
    EndpointSelector,
    FailbackPolicy,
    NoEndpointAvailable,
    OutlierDetection,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)
from seawall.testing import FakeClock, always_open
from seawall.worker import Worker

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


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def selector(wire) -> EndpointSelector:
    return EndpointSelector(
        [TOKYO, OSAKA],
        ActivePassive(failure_threshold=3),
        failback=FailbackPolicy(good_probes=1, minimum_hold_seconds=10.0, jitter_ratio=0.0),
        clock=wire.clock,
    )


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


def test_the_request_goes_to_the_endpoints_url_with_its_prefix(kind, wire, selector):
    """Scheme, host, port, prefix and `Host` are the endpoint's; path, query and the rest are the request's."""
    seen = []
    wire.does["tokyo"] = lambda request: seen.append(request) or 200
    client(kind, wire, selector).ask(path="/orders?page=2&q=a%2Fb", headers={"X-Trace": "1"})
    assert str(seen[0].url) == "http://tokyo.example/base/orders?page=2&q=a%2Fb"
    assert (seen[0].headers["Host"], seen[0].headers["X-Trace"]) == ("tokyo.example", "1")
    client(kind, wire, selector, keep_host=True).ask()
    assert seen[1].headers["Host"] == "shop"


def test_an_idempotent_request_is_tried_again_elsewhere(kind, wire, selector):
    """The client sees the second answer; the first endpoint has one failure, and that is its only outcome."""
    wire.does["tokyo"] = httpx.ConnectError("refused")
    response = client(kind, wire, selector).ask()
    assert (response.status_code, response.content) == (200, b"halfwhole")
    assert wire.names() == ["tokyo", "osaka"]
    assert failed(selector) == {"tokyo": 1, "osaka": 0}
    assert wire.slept == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_answer_of_a_gateway_is_tried_again_elsewhere(kind, wire, selector, status):
    """And the refused answer's body is closed, so that its connection is free."""
    wire.does["tokyo"] = status
    assert client(kind, wire, selector).ask("PUT", json={"a": 1}).status_code == 200
    assert wire.names() == ["tokyo", "osaka"]


def test_a_post_is_never_sent_twice(kind, wire, selector):
    """redis-py's MultiDBClient replays every command, INCR included. Here the error is the caller's to judge."""
    wire.does["tokyo"] = httpx.ReadTimeout("late")
    with pytest.raises(httpx.ReadTimeout):
        client(kind, wire, selector).ask("POST", json={"amount": 100})
    wire.does["tokyo"] = 503
    assert client(kind, wire, selector).ask("PATCH").status_code == 503
    assert wire.names() == ["tokyo", "tokyo"]


def test_a_post_that_says_it_is_idempotent_is_tried_again(kind, wire, selector):
    """The caller knows of an idempotency key; and a GET that is not may say so, too."""
    wire.does["tokyo"] = httpx.ReadError("reset")
    said = {"seawall.idempotent": True}
    assert client(kind, wire, selector).ask("POST", extensions=said, json={}).status_code == 200
    with pytest.raises(httpx.ReadError):
        client(kind, wire, selector).ask("GET", extensions={"seawall.idempotent": False})
    assert wire.names() == ["tokyo", "osaka", "tokyo"]


def test_a_body_that_can_be_sent_only_once_is(kind, wire, selector):
    """A generator is empty the second time: a retry would send another request than the first."""
    wire.does["tokyo"] = httpx.WriteError("reset")

    def sync_body():
        yield b"part"

    async def async_body():
        yield b"part"

    with pytest.raises(httpx.WriteError):
        client(kind, wire, selector).ask("PUT", content=sync_body() if kind == "sync" else async_body())
    assert wire.names() == ["tokyo"]


def test_the_budget_bounds_retries(kind, wire, selector):
    """When everything fails, load grows by the ratio and not by the attempts."""
    wire.does["tokyo"] = wire.does["osaka"] = 503
    budget = RetryBudget(ratio=0.1, minimum_per_second=0.0, clock=wire.clock)
    asking = client(kind, wire, selector, budget=budget)
    for _ in range(50):
        assert asking.ask().status_code == 503
    assert len(wire.asked) == 55


def test_when_all_were_tried_one_is_tried_again_after_a_pause(kind, wire, selector):
    """A moment's trouble of the only endpoint left is worth a second look, not a hammering."""
    wire.does["tokyo"] = [503, 200]
    wire.does["osaka"] = 503
    policy = RetryPolicy(max_attempts=4, backoff_seconds=0.1, max_backoff_seconds=0.3)
    assert client(kind, wire, selector, retries=policy).ask().status_code == 200
    assert wire.names() == ["tokyo", "osaka", "tokyo"]
    assert len(wire.slept) == 1
    assert 0.0 <= wire.slept[0] <= 0.2


def test_attempts_are_bounded(kind, wire, selector):
    """The last answer stands."""
    wire.does["tokyo"] = wire.does["osaka"] = 503
    assert client(kind, wire, selector, retries=RetryPolicy(max_attempts=3)).ask().status_code == 503
    assert len(wire.asked) == 3
    assert client(kind, wire, selector, retries=RetryPolicy(max_attempts=1)).ask().status_code == 503
    assert len(wire.asked) == 4


def test_a_500_is_a_failure_and_not_tried_again(kind, wire, selector):
    """The same request would most often fail the same way; a 404 is an answer."""
    wire.does["tokyo"] = [500, 404]
    asking = client(kind, wire, selector)
    assert asking.ask().status_code == 500
    assert failed(selector)["tokyo"] == 1
    assert asking.ask().status_code == 404
    assert failed(selector)["tokyo"] == 1


def test_a_rejection_by_the_breaker_counts_against_no_endpoint_and_calls_none(kind, wire, selector):
    """`CallNotPermitted` goes to the caller as it is, without a retry."""
    asking = client(kind, wire, selector, breaker=always_open("shop"))
    for _ in range(5):
        with pytest.raises(CallNotPermitted):
            asking.ask()
    assert wire.asked == []
    assert failed(selector) == {"tokyo": 0, "osaka": 0}
    assert selector.snapshot().active == "tokyo"


def test_a_breaker_that_opens_between_two_tries_leaves_the_first_outcome(kind, wire, selector):
    """The caller learns what went wrong, not that the retry was not permitted."""
    wire.does["tokyo"] = httpx.ConnectError("refused")
    breaker = CircuitBreaker("shop", CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1))
    with pytest.raises(httpx.ConnectError):
        client(kind, wire, selector, breaker=breaker).ask()
    assert wire.names() == ["tokyo"]
    assert failed(selector) == {"tokyo": 1, "osaka": 0}


def test_each_call_is_one_outcome_for_the_breaker(kind, wire, selector):
    """Successes when the body was read, failures by status and by error; what is our own doing is neither."""
    breaker = CircuitBreaker("shop", CircuitBreakerConfig(minimum_calls=100))
    asking = client(kind, wire, selector, breaker=breaker, retries=RetryPolicy(max_attempts=1))
    wire.does["tokyo"] = [200, 500, httpx.ReadTimeout("late"), httpx.PoolTimeout("full"), 404]
    for _ in range(5):
        with contextlib.suppress(httpx.TimeoutException):
            asking.ask()
    snapshot = breaker.snapshot()
    assert (snapshot.total_succeeded, snapshot.total_failed) == (2, 2)
    assert failed(selector)["tokyo"] == 2


def test_a_body_that_breaks_off_is_a_failure(kind, wire, selector):
    """Headers were fine; the endpoint died while answering. Nothing is tried again: the caller has seen a part."""
    wire.does["tokyo"] = lambda request: httpx.Response(200, stream=Body(httpx.ReadError("reset")))
    with pytest.raises(httpx.ReadError):
        client(kind, wire, selector).ask()
    assert failed(selector)["tokyo"] == 1
    assert wire.names() == ["tokyo"]


def test_a_short_answer_that_breaks_off_is_tried_again(kind, wire, selector):
    """A server that is killed between headers and body: the caller has seen nothing yet. A long or endless one is not."""

    def half(length: str, error: Exception | None = None) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": length}, stream=Body(error))

    wire.does["tokyo"] = lambda request: half("9", httpx.RemoteProtocolError("closed"))
    wire.does["osaka"] = lambda request: half("9")
    asking = client(kind, wire, selector)
    assert asking.ask().content == b"halfwhole"
    assert wire.names() == ["tokyo", "osaka"]
    assert failed(selector) == {"tokyo": 1, "osaka": 0}
    for method, length in (("POST", "9"), ("GET", "65537")):
        wire.does["tokyo"] = lambda request, length=length: half(length, httpx.RemoteProtocolError("closed"))
        with pytest.raises(httpx.RemoteProtocolError):
            client(kind, wire, selector).ask(method)
    assert wire.names()[2:] == ["tokyo", "tokyo"]


def test_no_endpoint_is_an_error_of_its_own(kind, wire):
    """Not one of httpx's: nothing was wrong with a connection."""
    with pytest.raises(NoEndpointAvailable):
        client(kind, wire, EndpointSelector([])).ask()


def test_an_endpoint_without_a_url_is_refused_with_one_line(kind, wire):
    """And counts as no failure."""
    selector = EndpointSelector([Endpoint("a", "shop.example")])
    with pytest.raises(InvalidInput, match=r"url = shop\.example: http://host"):
        client(kind, wire, selector).ask()
    assert failed(selector) == {"a": 0}


def test_a_failover_makes_new_connections_and_closes_the_old_ones(kind, wire, selector):
    """Pooled connections would go to the endpoint that was left for as long as it keeps them open."""
    wire.does["tokyo"] = [503] * 3
    asking = client(kind, wire, selector)
    for _ in range(3):
        assert asking.ask().status_code == 200
    assert selector.snapshot().active == "osaka"
    asking.ask()
    assert (wire.made, wire.closed) == (["tokyo", "osaka"], ["tokyo"])
    selector.probed("tokyo", passed=True, healthy=True)
    wire.clock.advance(10.0)
    wire.does["tokyo"] = 200
    asking.ask()
    asking.ask()
    assert (wire.made, wire.closed) == (["tokyo", "osaka", "tokyo"], ["tokyo", "osaka"])


def test_an_ejection_an_unhealthy_probe_and_a_departure_drop_connections(kind, wire):
    """Each means: not there any more."""
    selector = EndpointSelector(
        [Endpoint(name, f"http://{name}.example") for name in "abcd"],
        WeightedRoundRobin(),
        OutlierDetection(consecutive_failures=1),
        clock=wire.clock,
    )
    asking = client(kind, wire, selector)
    for _ in range(4):
        asking.ask()
    selector.pick(exclude={"b", "c", "d"}).failure()
    selector.probed("b", passed=False, healthy=False)
    selector.remove("c")
    asking.ask()
    assert sorted(wire.closed) == ["a", "b", "c"]
    selector.update([Endpoint("d", "http://elsewhere.example")])
    asking.ask()
    asking.ask()
    assert sorted(wire.closed) == ["a", "b", "c", "d"]


def test_calls_under_way_keep_their_connections(wire, selector):
    """Drain, do not kill: the retired pool is closed after the last body was read."""
    transport = client("sync", wire, selector).transport
    with httpx.Client(transport=Open(transport), base_url="http://shop") as asking:
        with asking.stream("GET", "/report") as response:
            selector.update([OSAKA])
            asking.get("/orders")
            assert wire.closed == []
            assert response.read() == b"halfwhole"
        asking.get("/orders")
        assert wire.closed == ["tokyo"]
    transport.close()
    assert wire.closed == ["tokyo", "osaka"]


def test_a_response_that_is_dropped_is_no_call_under_way_any_more(wire):
    """A caller that forgets to read must not make an endpoint look busy for ever."""
    selector = EndpointSelector([TOKYO], PowerOfTwoChoices(), clock=wire.clock)
    transport = client("sync", wire, selector).transport
    response = transport.handle_request(httpx.Request("GET", "http://shop/"))
    assert selector.snapshot().endpoints[0].outstanding == 1
    del response
    gc.collect()
    assert selector.snapshot().endpoints[0].outstanding == 0


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_call_says_nothing(wire, anyio_backend):
    """The caller gave up; neither the endpoint nor the breaker is to blame, and no trial is wedged."""
    selector = EndpointSelector([TOKYO], PowerOfTwoChoices(), clock=wire.clock)
    breaker = CircuitBreaker("shop")

    class Hangs(Pool):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError

    transport = AsyncSelectorTransport(
        selector, breaker=breaker, make_transport=lambda endpoint: Hangs(wire, endpoint.name), dns_interval_seconds=None
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as asking:
        with anyio.move_on_after(0.01):
            await asking.get("/")
    assert failed(selector) == {"tokyo": 0}
    assert selector.snapshot().endpoints[0].outstanding == 0
    assert breaker.snapshot().total_failed == breaker.snapshot().total_succeeded == 0


# DNS


def test_connections_are_dropped_when_their_addresses_leave_the_answer(kind, wire, selector):
    """corefx#11224: a pool goes on with the address of before the failover. Only a new address beside it is no change."""
    asking = client(kind, wire, selector)
    pools: Pools = asking.transport._pools
    watch = DnsWatch(pools, interval_seconds=30.0, worker=Worker(), look_up=lambda host: frozenset())
    asking.ask()
    watch.answered("tokyo.example", frozenset({"192.0.2.1"}))
    watch.answered("tokyo.example", frozenset({"192.0.2.1", "192.0.2.2"}))
    asking.ask()
    assert (wire.made, wire.closed) == (["tokyo"], [])
    watch.answered("tokyo.example", frozenset({"198.51.100.1"}))
    asking.ask()
    assert (wire.made, wire.closed) == (["tokyo", "tokyo"], ["tokyo"])


def test_a_slow_or_failing_resolver_holds_up_nothing(wire, selector):
    """Each look-up has a thread of its own; an error says nothing about the connections that there are."""
    go_on, asked = threading.Event(), threading.Event()
    hosts = []

    def look_up(host: str) -> frozenset[str]:
        hosts.append(host)
        asked.set()
        go_on.wait(30)
        raise OSError("SERVFAIL")

    with Worker() as worker:
        asking = client("sync", wire, selector, dns_interval_seconds=0.01, worker=worker, look_up=look_up)
        asking.ask()
        assert asked.wait(30)
        asking.ask()
        assert hosts == ["tokyo.example"]  # one at a time
        go_on.set()
        asking.transport.close()
    assert wire.made == ["tokyo"]


def test_addresses_and_localhost_are_not_looked_up(wire):
    """There is nothing to look up, and no thread is started for it."""
    selector = EndpointSelector([Endpoint("a", "http://127.0.0.1:1"), Endpoint("b", "http://localhost:1")])
    asking = client("sync", wire, selector, dns_interval_seconds=1.0, look_up=lambda host: pytest.fail(host))
    asking.ask()
    assert asking.transport._dns._own is None
    asking.transport.close()
