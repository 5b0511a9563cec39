"""Connections of the transport: kept, dropped with their endpoint, and when DNS gives other addresses."""

import gc
import threading

import anyio
import anyio.lowlevel
import httpx
import pytest

from http_wire import OSAKA, TOKYO, Open, Pool, client, failed
from seawall.breaker import CircuitBreaker
from seawall.http import AsyncSelectorTransport
from seawall.http._pools import DnsWatch, Pools
from seawall.selector import (
    Endpoint,
    EndpointSelector,
    OutlierDetection,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)
from seawall.worker import Worker


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
