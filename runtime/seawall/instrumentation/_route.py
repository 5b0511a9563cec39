"""The template of the route that a request took: `/orders/{id}`, never `/orders/17`.

Frameworks leave the matched route in the scope, and each in its own way: Starlette and FastAPI as `route`, FastAPI's
included routers with the prefix elsewhere, mounts only as a longer `root_path`. Nothing is imported from them here.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any, Final, cast, final

from seawall.asgi import ROUTE_KEY, Scope

__all__ = ["RouteFinder"]

FULL_MATCH: Final = 2  # value of starlette.routing.Match.FULL; 0 is NONE, 1 a path that lacks the method
DEEPEST: Final = 32  # mounts within mounts; more is a loop


@final
class RouteFinder:
    """Finds the template of a request's route, after the app has handled the request.

    Args:
        app: The app, whose `routes` are looked at where the scope does not tell.
    """

    __slots__ = ("_app",)

    def __init__(self, app: object) -> None:
        self._app: Final = app

    def find(self, scope: Scope, entry_app: object, entry_root: str) -> str:
        """The template, with the templates of the mounts before it; empty when no route matched.

        Args:
            scope: The scope, as the app has left it.
            entry_app: `scope.get("app")` of when the request came in.
            entry_root: `scope.get("root_path", "")` of then.
        """
        own = scope.get(ROUTE_KEY)
        if own is not None:
            return cast("str", own)
        route: Any = scope.get("route")
        root = cast("str", scope.get("root_path", ""))
        if route is not None and root == entry_root:
            return _path_of(route, scope)
        if route is None and scope.get("endpoint") is None:
            return ""  # nothing matched: no second search for what was not there
        app = entry_app if entry_app is not None else _with_routes(self._app)
        root_at_start = cast("str", getattr(app, "root_path", "") or entry_root)
        asked: dict[str, Any] = {**scope, "root_path": root_at_start, "path_params": {}}
        routes = cast("Iterable[Any]", getattr(app, "routes", ()))
        if route is None:
            return _matched(routes, asked, DEEPEST) or ""
        mounts = "" if root == root_at_start else _mounts(routes, asked, root, DEEPEST)
        return mounts if _is_mount(route) else mounts + _path_of(route, scope)


def _path_of(route: Any, scope: Scope) -> str:
    included = cast("MutableMapping[str, Any]", scope.get("fastapi") or {}).get("effective_route_context")
    if included is not None and getattr(included, "original_route", None) is route:
        return cast("str", included.path)  # with the prefix under which its router was included
    return cast("str", getattr(route, "path", ""))


def _is_mount(route: Any) -> bool:
    return hasattr(route, "routes") and hasattr(route, "app")


def _with_routes(app: Any) -> Any:
    """The app inside its middleware."""
    for _ in range(DEEPEST):
        if app is None or hasattr(app, "routes"):
            return app
        app = getattr(app, "app", None)
    return None


def _flat(routes: Iterable[Any]) -> "Iterable[Any]":
    """The routes, with those of included routers in their places."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for context in contexts():
                starlette_route = getattr(context, "starlette_route", None)
                yield context if starlette_route is None else starlette_route


def _mounts(routes: Iterable[Any], scope: Scope, root: str, depth: int) -> str:
    """The templates of the mounts that lead to `root`."""
    for route in _flat(routes):
        if not _is_mount(route):
            continue
        match, child = route.matches(scope)
        if not match.value or not root.startswith(child.get("root_path", scope["root_path"])):
            continue
        rest = (
            ""
            if child.get("root_path") == root or not depth
            else _mounts(route.routes or (), {**scope, **child}, root, depth - 1)
        )
        return cast("str", getattr(route, "path", "")) + rest
    return ""


def _matched(routes: Iterable[Any], scope: Scope, depth: int) -> str | None:
    """The template of the first route that matches the path: fully, or else all but the method."""
    partial: str | None = None
    for route in _flat(routes):
        match, child = route.matches(scope)
        if not match.value:
            continue
        path = cast("str", getattr(route, "path", ""))
        if _is_mount(route) and depth:
            path += _matched(route.routes or (), {**scope, **child}, depth - 1) or ""
        if match.value == FULL_MATCH:
            return path
        partial = path if partial is None else partial
    return partial
