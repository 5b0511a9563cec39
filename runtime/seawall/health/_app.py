"""The health paths as a pure ASGI app, and as a middleware that answers them before the app does."""

import hmac
import json
from typing import Final, final

from seawall.asgi import ROUTE_KEY, ASGIApp, Receive, Scope, Send, header, no_lifespan, own_path
from seawall.errors import InvalidInput
from seawall.health._openapi import PATHS
from seawall.health._redaction import body_of
from seawall.health._registry import HealthRegistry

__all__ = ["HealthApp", "HealthMiddleware", "health_app"]

LEAST_TOKEN_CHARACTERS: Final = 16  # fewer can be guessed by asking


@final
class HealthApp:
    """ASGI app of `/livez`, `/startupz`, `/readyz`, `/regionz` and `/health`; from `health_app`."""

    def __init__(self, registry: HealthRegistry, *, token: str | None = None) -> None:
        if token is not None and (len(token) < LEAST_TOKEN_CHARACTERS or not token.isascii()):
            raise InvalidInput(
                "token", f"{len(token)} characters", allowed=f"at least {LEAST_TOKEN_CHARACTERS} ASCII characters"
            )
        self._registry: Final = registry
        self._token: Final = None if token is None else token.encode("ascii")

    def answers(self, scope: Scope) -> bool:
        """Whether this is one of its paths."""
        return scope["type"] == "http" and own_path(scope) in PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await no_lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"the health app answers HTTP, not {scope['type']}")
        path = own_path(scope)
        probe = PATHS.get(path)
        if probe is None:
            await _respond(scope, send, 404, {"detail": "Not Found"})
            return
        scope[ROUTE_KEY] = path
        if scope["method"] not in ("GET", "HEAD"):
            await _respond(scope, send, 405, {"detail": "Method Not Allowed"}, (b"allow", b"GET, HEAD"))
            return
        report = await self._registry.report(probe)
        await _respond(scope, send, report.status.http, body_of(report, trusted=self._trusts(scope)))

    def _trusts(self, scope: Scope) -> bool:
        if self._token is None:
            return False
        scheme, _, shown = (header(scope, b"authorization") or "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode("latin-1"), self._token)


def health_app(registry: HealthRegistry, *, token: str | None = None) -> HealthApp:
    """An ASGI app of the five health paths, to mount or to serve on a port of its own.

    Mounted at `""` it must be the last route; `HealthMiddleware` needs no such care.

    Args:
        registry: The checks.
        token: Who shows it as `Authorization: Bearer ...` sees what checks and drivers said; nobody does when left out.

    Raises:
        InvalidInput: a token of fewer than 16 characters, or not ASCII.
    """
    return HealthApp(registry, token=token)


@final
class HealthMiddleware:
    """Answers the health paths and passes everything else on: `app.add_middleware(HealthMiddleware, registry=health)`.

    Add it last, so that it is the outermost: a probe then asks nothing of the app's other middleware.

    Args:
        app: The app.
        registry: The checks.
        token: As in `health_app`.

    Raises:
        InvalidInput: as `health_app`.
    """

    def __init__(self, app: ASGIApp, *, registry: HealthRegistry, token: str | None = None) -> None:
        self._app: Final = app
        self._health: Final = HealthApp(registry, token=token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have the app answer it."""
        await (self._health if self._health.answers(scope) else self._app)(scope, receive, send)


async def _respond(scope: Scope, send: Send, status: int, content: object, *more: tuple[bytes, bytes]) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),  # a cached answer is a lie about now
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
