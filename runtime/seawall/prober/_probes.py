"""Probes: how one endpoint is asked whether it is well. Each has a time-out of its own and reads no more than it needs."""

import http.client
import socket
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from seawall.errors import InvalidInput, SeawallError
from seawall.selector import Endpoint

__all__ = ["HttpProbe", "Probe", "ProbeFailed", "TcpProbe"]

Probe = Callable[[Endpoint], object]
"""Asks one endpoint. Well: it returns anything but `False`. Not well: it returns `False`, or raises."""

PORTS: Final = {"http": 80, "https": 443}
SUCCESS: Final = range(200, 300)  # a redirect often leads to a login page, which says nothing


class ProbeFailed(SeawallError):
    """An endpoint answered a probe, and not well.

    Args:
        endpoint: Its name.
        because: What was wrong, on one line.
    """

    def __init__(self, endpoint: str, because: str) -> None:
        self.endpoint: Final = endpoint
        self.because: Final = because
        super().__init__(f"probe of {endpoint} failed: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return ProbeFailed, (self.endpoint, self.because)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """GET `health_url`, or `path` at the endpoint's URL. Only Python's own HTTP client; no redirects, no proxies.

    Raises:
        InvalidInput: a path that does not begin with `/`, or a time-out that is not above 0.
    """

    path: str = "/health"
    timeout_seconds: float = 5.0
    """For connecting and for each read; `HealthProber` bounds the whole probe."""
    healthy_statuses: Collection[int] = SUCCESS
    headers: tuple[tuple[str, str], ...] = ()
    tls: ssl.SSLContext | None = None
    """For `https`; `None`: the system's certificate authorities."""
    _default_tls: "list[ssl.SSLContext]" = field(
        default_factory=list[ssl.SSLContext], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise InvalidInput("path", self.path, allowed="a path that begins with /")
        _check_timeout(self.timeout_seconds)

    def __call__(self, endpoint: Endpoint) -> None:
        """Ask once.

        Raises:
            ProbeFailed: another status.
            OSError, http.client.HTTPException: no answer.
        """
        parts, target = self._where(endpoint)
        connection = self._connection(parts)
        try:
            connection.request("GET", target, headers={"User-Agent": "seawall-probe", **dict(self.headers)})
            status = connection.getresponse().status
        finally:
            connection.close()
        if status not in self.healthy_statuses:
            raise ProbeFailed(endpoint.name, f"status {status}")

    def _where(self, endpoint: Endpoint) -> tuple[SplitResult, str]:
        parts = urlsplit(endpoint.health_url or endpoint.url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise InvalidInput("url", endpoint.url, allowed="http://host... or https://host...")
        if endpoint.health_url:
            return parts, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return parts, parts.path.rstrip("/") + self.path

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        port = parts.port or PORTS[parts.scheme]
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.timeout_seconds)
        return http.client.HTTPSConnection(host, port, timeout=self.timeout_seconds, context=self._tls())

    def _tls(self) -> ssl.SSLContext:
        if self.tls is not None:
            return self.tls
        if not self._default_tls:  # reading the authorities takes milliseconds: once, not for every probe
            self._default_tls.append(ssl.create_default_context())
        return self._default_tls[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Connect, and close. Says that something listens, no more.

    Raises:
        InvalidInput: a time-out that is not above 0, or a port outside 1 to 65,535.
    """

    timeout_seconds: float = 5.0
    port: int | None = None
    """`None`: the one in the endpoint's URL (`host:port`, or any URL)."""

    def __post_init__(self) -> None:
        _check_timeout(self.timeout_seconds)
        if self.port is not None and not 1 <= self.port <= 65_535:
            raise InvalidInput("port", self.port, allowed="1 to 65,535")

    def __call__(self, endpoint: Endpoint) -> None:
        """Connect once.

        Raises:
            OSError: nobody listens.
        """
        parts = urlsplit(endpoint.url if "://" in endpoint.url else f"//{endpoint.url}")
        port = self.port or parts.port or PORTS.get(parts.scheme)
        if not parts.hostname or not port:
            raise InvalidInput("url", endpoint.url, allowed="host:port, or a URL")
        socket.create_connection((parts.hostname, port), timeout=self.timeout_seconds).close()


def _check_timeout(seconds: float) -> None:
    if not 0.0 < seconds < float("inf"):
        raise InvalidInput("timeout_seconds", seconds, allowed="above 0 seconds, finite")
