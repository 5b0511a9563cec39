"""The few words of ASGI that seawall's own apps and middleware share. No framework, nothing but dictionaries."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias, cast

__all__ = ["ROUTE_KEY", "ASGIApp", "Receive", "Scope", "Send", "header", "no_lifespan", "own_path"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTE_KEY: Final = "seawall.route"
"""Where an app that is not Starlette's may leave the template of the route that it took, for the metrics."""


def own_path(scope: Scope) -> str:
    """The path below the place where an app is mounted: `/livez` of `/internal/livez` below `/internal`."""
    path = cast("str", scope["path"])
    root = cast("str", scope.get("root_path", ""))
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :] or "/"
    return path


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that name (lower case), or `None`."""
    for key, value in cast("Iterable[tuple[bytes, bytes]]", scope.get("headers", ())):
        if key == name:
            return value.decode("latin-1")
    return None


async def no_lifespan(receive: Receive, send: Send) -> None:
    """The lifespan of an app that has nothing to start and nothing to stop."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
