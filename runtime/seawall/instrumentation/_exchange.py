"""One request and its response, as a server sees them.

What is told apart (OpenTelemetry, semantic conventions, "HTTP metrics"):

- an exception that leaves the app before a response has begun is a 500, whoever answers it further out;
- a client that went away is no error of the server: no status where none was sent, `error.type` = `client_disconnected`
  (starlette_exporter#77);
- a response that has begun keeps its status, and gets an `error.type` when it was not finished.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol, cast, final

from seawall.asgi import ASGIApp, Message, Receive, Scope, Send
from seawall.errors import InvalidInput
from seawall.instrumentation._route import RouteFinder

__all__ = ["PROBE_ROUTES", "Exchange", "Recorder", "RequestMeter"]

PROBE_ROUTES: Final = frozenset({"/livez", "/startupz", "/readyz", "/regionz", "/health", "/metrics"})
"""Routes that are not measured unless told otherwise: an instance that drains answers its probes with 503."""

METHODS: Final = {
    each: each for each in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
}
OTHER_METHOD: Final = "_OTHER"  # OpenTelemetry's word for a method that somebody made up
DISCONNECTED: Final = "client_disconnected"
CANCELLED: Final = "cancelled"
NO_RESPONSE: Final = "no_response"
UNFINISHED: Final = "unfinished_response"
SERVER_ERROR: Final = 500


class Recorder(Protocol):
    """Where requests are counted."""

    def began(self, method: str, scheme: str) -> None:
        """A request came in."""
        ...

    def ended(self, exchange: "Exchange") -> None:
        """It is over. Called once for each `began`."""
        ...


@final
class Exchange:
    """One request and its response. `status` is 0 when none was sent; `route` is empty when none matched."""

    __slots__ = (
        "_disconnected", "_ended", "_receive", "_send", "_status_seen", "began", "complete", "error_type", "measured", "method",
        "route", "scheme", "seconds", "status",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._disconnected = False
        self._status_seen = 0
        self._ended = 0.0
        self.method: str = METHODS.get(scope["method"], OTHER_METHOD)
        self.scheme: str = cast("str", scope.get("scheme", "http"))
        self.route: str = ""
        self.status: int = 0
        self.error_type: str = ""
        self.complete: bool = False
        self.measured: bool = True
        self.seconds: float = 0.0
        self.began: float = time.perf_counter()

    async def receive(self) -> Message:
        """The server's `receive`, watched for a client that goes away."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.complete:
            self._note_disconnect()  # after a response it is how every connection ends
        return message

    async def send(self, message: Message) -> None:
        """The server's `send`, watched for the status and the last byte."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
        try:
            await self._send(message)
        except OSError:
            self._note_disconnect()  # how ASGI servers tell it since version 2.4 of the HTTP part
            raise
        if (kind == "http.response.body" and not message.get("more_body")) or kind == "http.response.pathsend":
            self.complete = True
            self._ended = time.perf_counter()

    def _note_disconnect(self) -> None:
        if not self._disconnected:
            self._disconnected = True
            self._status_seen = self.status

    def close(self, error: BaseException | None) -> None:
        """Decide how it ended. What comes after the last byte (background tasks) is none of the client's business."""
        self.seconds = (self._ended or time.perf_counter()) - self.began
        if self._disconnected:
            # Whatever was answered afterwards, a 500 for the framework's own exception included, nobody has seen.
            self.status = self._status_seen
            self.error_type = DISCONNECTED
        elif self.complete:
            if self.status >= SERVER_ERROR:
                # Somebody inside has answered for an exception; without one the conventions want the status.
                self.error_type = type(error).__qualname__ if isinstance(error, Exception) else str(self.status)
        elif error is None:
            self.error_type = UNFINISHED if self.status else NO_RESPONSE
            self.status = self.status or SERVER_ERROR
        elif isinstance(error, Exception):
            self.error_type = type(error).__qualname__
            self.status = self.status or SERVER_ERROR
        else:
            self.error_type = CANCELLED


class RequestMeter:
    """ASGI middleware that tells a recorder of each HTTP request; everything else passes through.

    Args:
        app: The app.
        recorder: Where requests are counted.
        exclude_routes: Templates of routes that are not measured.

    Raises:
        InvalidInput: a text where a collection of routes should be.
    """

    def __init__(self, app: ASGIApp, recorder: Recorder, *, exclude_routes: Collection[str] = PROBE_ROUTES) -> None:
        if isinstance(exclude_routes, str):
            raise InvalidInput("exclude_routes", exclude_routes, allowed="a list of route templates, e.g. ['/health']")
        # By the name that Starlette's own middleware have, so that routes are found through any number of them.
        self.app: Final = app
        self._find: Final[Callable[[Scope, Any, str], str]] = RouteFinder(app).find
        self._began: Final = recorder.began
        self._ended: Final = recorder.ended
        self._excluded: Final = frozenset(exclude_routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        entry_app, entry_root = scope.get("app"), scope.get("root_path", "")
        self._began(exchange.method, exchange.scheme)
        error: BaseException | None = None
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as raised:
            error = raised
            raise
        finally:
            exchange.close(error)
            error = None  # or the frame and its traceback keep each other alive
            exchange.route = self._find(scope, entry_app, entry_root)
            exchange.measured = exchange.route not in self._excluded
            self._ended(exchange)
