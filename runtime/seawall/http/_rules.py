"""The rules of a call, without I/O: what is retried, what speaks against an endpoint, where a request goes.

One order for every call: `retry(budget){ pick(excluding the tried) → admission → call → one outcome }`.
"""

import random as random_module
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import httpx

from seawall.breaker import CircuitBreaker, Permit
from seawall.errors import CallNotPermitted, InvalidInput, NoEndpointAvailable
from seawall.retry import RetryBudget
from seawall.selector import Attempt, Endpoint, EndpointSelector

__all__ = ["IDEMPOTENT", "Call", "RetryPolicy", "Rules", "Try"]

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, 9.2.2. A request of another method says so itself: `extensions={"seawall.idempotent": True}`."""
EXTENSION: Final = "seawall.idempotent"

# These say something about this process or the request, not about the endpoint.
NEUTRAL: Final = (httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What is tried again, within the budget: idempotent requests whose body can be sent again."""

    max_attempts: int = 3
    """With the first one. 1: no retries."""
    statuses: frozenset[int] = frozenset({502, 503, 504})
    """Answers that are tried again elsewhere. Not 500: the same request would most often fail the same way."""
    methods: frozenset[str] = IDEMPOTENT
    read_ahead_bytes: int = 65_536
    """An answer to a request that may be tried again is read whole before it is handed over, if its `Content-Length` is at
    most this: one that breaks off can then be tried again, too. 0: never."""
    backoff_seconds: float = 0.05
    """Another endpoint is tried at once. When all have been, one is tried again after a random part of this, doubled with
    each attempt."""
    max_backoff_seconds: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts <= 100:
            raise InvalidInput("max_attempts", self.max_attempts, allowed="1 to 100")
        if self.read_ahead_bytes < 0:
            raise InvalidInput("read_ahead_bytes", self.read_ahead_bytes, allowed="0 or more bytes")
        for name in ("backoff_seconds", "max_backoff_seconds"):
            value: float = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise InvalidInput(name, value, allowed="0 or more seconds, finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What all calls of a transport share."""

    selector: EndpointSelector
    breaker: CircuitBreaker | None
    budget: RetryBudget
    retries: RetryPolicy
    failure_statuses: frozenset[int]
    keep_host: bool
    random: Callable[[], float] = random_module.random


@final
class Try:
    """One attempt at one endpoint. Its first outcome counts, for the endpoint and for the breaker alike."""

    __slots__ = ("_attempt", "_permit", "wait_seconds")

    def __init__(self, attempt: Attempt, permit: Permit | None, wait_seconds: float) -> None:
        self._attempt: Final = attempt
        self._permit: Final = permit
        self.wait_seconds: Final = wait_seconds
        """To wait before calling."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to call."""
        return self._attempt.endpoint

    def succeeded(self) -> None:
        """The answer is there, whole."""
        self._attempt.success()
        if self._permit is not None:
            self._permit.success()

    def failed(self) -> None:
        """The answer is one that counts as a failure."""
        self._attempt.failure()
        if self._permit is not None:
            self._permit.failure()

    def released(self) -> None:
        """The endpoint was not called after all."""
        self._attempt.release()
        if self._permit is not None:
            self._permit.release()

    def raised(self, error: BaseException) -> None:
        """The call raised; cancellation and what is our own doing say nothing about the endpoint."""
        against = isinstance(error, httpx.TransportError) and not isinstance(error, NEUTRAL)
        if against:
            self._attempt.failure(error)
        else:
            self._attempt.release()
        if self._permit is not None:
            if against or not isinstance(error, httpx.TransportError):
                self._permit.__exit__(type(error), error, error.__traceback__)  # judged by the breaker's own config
            else:
                self._permit.release()


@final
class Call:
    """One request and its tries."""

    __slots__ = ("_request", "_rules", "_tried", "_tries")

    def __init__(self, rules: Rules, request: httpx.Request) -> None:
        self._rules: Final = rules
        self._request: Final = request
        self._tried: set[str] = set()
        self._tries = 0
        rules.budget.call()

    def first(self) -> Try:
        """Pick, and be admitted.

        Raises:
            NoEndpointAvailable, CallNotPermitted: nothing was called.
        """
        return self._try(0.0)

    def next(self) -> Try | None:
        """Another try, or `None`: the last outcome stands."""
        rules = self._rules
        if self._tries >= rules.retries.max_attempts or not self._repeatable() or not rules.budget.try_retry():
            return None
        try:
            try:
                return self._try(0.0)
            except NoEndpointAvailable:
                self._tried.clear()  # all have been tried: better one of them again than none
                longest = rules.retries.backoff_seconds * 2.0 ** (self._tries - 1)
                return self._try(min(longest, rules.retries.max_backoff_seconds) * rules.random())
        except (NoEndpointAvailable, CallNotPermitted):
            return None

    def _try(self, wait_seconds: float) -> Try:
        rules = self._rules
        attempt = rules.selector.pick(self._tried)
        try:
            permit = None if rules.breaker is None else rules.breaker.acquire()
        except BaseException:
            attempt.release()  # the endpoint was not called
            raise
        self._tries += 1
        self._tried.add(attempt.endpoint.name)
        return Try(attempt, permit, wait_seconds)

    def _repeatable(self) -> bool:
        request = self._request
        said = request.extensions.get(EXTENSION)
        idempotent = request.method.upper() in self._rules.retries.methods if said is None else said is True
        return idempotent and isinstance(request.stream, httpx.ByteStream)  # any other body may be gone once sent

    def retries_after(self, outcome: BaseException | int) -> bool:
        """Whether such an outcome is one to try again."""
        if isinstance(outcome, int):
            return outcome in self._rules.retries.statuses
        return isinstance(outcome, httpx.TransportError) and not isinstance(outcome, NEUTRAL)

    def reads_ahead(self, response: httpx.Response) -> bool:
        """Whether the body is read before it is handed over."""
        length = response.headers.get("Content-Length", "")
        return (
            length.isascii()
            and length.isdigit()
            and 0 < int(length) <= self._rules.retries.read_ahead_bytes
            and self._request.method.upper() != "HEAD"  # whose Content-Length is that of a GET
            and self._rules.retries.max_attempts > 1
            and self._repeatable()
        )

    def is_failure(self, status: int) -> bool:
        """Whether an answer of that status speaks against the endpoint."""
        return status in self._rules.failure_statuses

    def request_to(self, endpoint: Endpoint) -> httpx.Request:
        """The request, addressed to `endpoint`.

        Raises:
            InvalidInput: the endpoint's URL is none.
        """
        request = self._request
        base = httpx.URL(endpoint.url)
        if base.scheme not in ("http", "https") or not base.host:
            raise InvalidInput("url", endpoint.url, allowed="http://host... or https://host...")
        url = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
        prefix = base.raw_path.split(b"?")[0].rstrip(b"/")
        if prefix:
            url = url.copy_with(raw_path=prefix + request.url.raw_path)
        headers = request.headers.copy()
        if not self._rules.keep_host:
            headers["Host"] = base.netloc.decode("ascii")
        return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
