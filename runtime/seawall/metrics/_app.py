"""What Prometheus scrapes."""

import gzip
import struct
import time
from collections.abc import Callable, Iterable
from typing import Final, cast, final
from urllib.parse import parse_qs

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from seawall.asgi import ROUTE_KEY, Receive, Scope, Send, header, no_lifespan
from seawall.metrics._instruments import is_multiprocess
from seawall.metrics._watch import refresh

__all__ = ["MetricsApp", "metrics_app"]

GZIP_LEVEL: Final = 1  # a scrape is compressed on the event loop: half the size for a tenth of the best level's time
FILE_RETRIES: Final = 5
FILE_PAUSE_SECONDS: Final = 0.002  # a thousand times what writing the length takes


@final
class MetricsApp:
    """ASGI app that answers every GET with the metrics; from `metrics_app`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._registry: Final = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await no_lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"the metrics app answers HTTP, not {scope['type']}")
        scope[ROUTE_KEY] = "/metrics"
        if scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 405, [(b"allow", b"GET, HEAD")], b"")
            return
        encode, content_type = choose_encoder(header(scope, b"accept") or "")
        wanted = parse_qs(cast("bytes", scope.get("query_string", b"")).decode("latin-1")).get("name[]", [])
        body = self._encoded(encode, wanted)
        headers = [(b"content-type", content_type.encode()), (b"vary", b"accept, accept-encoding")]
        if "gzip" in (header(scope, b"accept-encoding") or ""):
            body = gzip.compress(body, GZIP_LEVEL)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await _respond(send, 200, headers, b"" if scope["method"] == "HEAD" else body)

    def _encoded(self, encode: Callable[[CollectorRegistry], bytes], wanted: Iterable[str]) -> bytes:
        for _ in range(FILE_RETRIES):
            try:
                return encode(self._scraped(wanted))
            except struct.error:  # a process that starts has made its file, and not yet written its length
                time.sleep(FILE_PAUSE_SECONDS)
        return encode(self._scraped(wanted))

    def _scraped(self, wanted: Iterable[str]) -> CollectorRegistry:
        registry = self._registry
        if is_multiprocess():
            refresh(registry)
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return cast("CollectorRegistry", registry.restricted_registry(wanted)) if wanted else registry


def metrics_app(registry: CollectorRegistry = REGISTRY) -> MetricsApp:
    """An ASGI app with what Prometheus scrapes: `app.routes.append(Route("/metrics", metrics_app()))` with Starlette's `Route`, or on a port of its own.

    Answers in the format that is asked for (text or OpenMetrics, compressed or not), and with only the metrics named in
    `name[]` where there are such. In multi-process mode it answers for all processes.

    Args:
        registry: The metrics; prometheus_client's own when left out.
    """
    return MetricsApp(registry)


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
