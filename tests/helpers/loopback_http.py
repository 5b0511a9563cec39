"""HTTP on loopback: a server of this process, a port for one of another process, and whether that one answers."""

import socket
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

POLL_SECONDS: Final = 0.05  # how often a server looks for its end
ANSWER_SECONDS: Final = 2.0


class Quiet:
    """What a handler is besides: it says nothing of what it does, for tests look at answers."""

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its name in the base class


class HttpServer:
    """Answers from a thread of its own, each request in another one. Use it with `with`.

    Args:
        handler: What answers.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server: Final = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread: Final = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens, from the beginning."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The same, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    """Whether there is a 200."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except OSError:  # also a 503, which urllib raises
        return False
