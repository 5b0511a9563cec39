"""The httpx transports: `retry(budget){ pick(excluding the tried) → admission → call → one outcome }`."""

import contextlib

import httpx
import pytest

from http_wire import Body, client, failed
from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig
from seawall.errors import InvalidInput
from seawall.http import RetryPolicy
from seawall.retry import RetryBudget
from seawall.selector import (
    Endpoint,
    EndpointSelector,
    NoEndpointAvailable,
)
from seawall.testing import always_open


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
