"""A consistency scope around each request of Django's, sync or async, and its tokens in a cookie."""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Final, cast, final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from seawall.replicas import consistency_scope
from seawall.replicas._middleware import UNSAFE_METHODS
from seawall.replicas._scope import Scope
from seawall.replicas_django._desk import desk
from seawall.replicas_django._setup import cookie_settings, installed, token_signer

__all__ = ["ReplicaMiddleware"]

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@final
class ReplicaMiddleware:
    """After a client's write its next requests see that write, whichever reader answers them.

    Put it first. What a request has committed when its view returns is in the response's cookie, and in its header where
    `SEAWALL_REPLICAS_COOKIE` names one; requests with unsafe methods read from the writer. A streamed body runs in the
    request's scope; what it commits comes too late to be sent.

    `SEAWALL_REPLICAS_COOKIE` may say `name`, `path`, `secure`, `same_site`, `max_age_seconds` and `header`; path, secure
    and same_site are those of the project's session cookie when it does not.

    Args:
        get_response: What handles the request: a function or a coroutine function.

    Raises:
        InvalidInput: the settings say something that is not allowed.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response: Final = get_response
        self._settings: Final = cookie_settings()
        self._signer: Final = token_signer()
        header = self._settings.header
        self._meta: Final = None if header is None else "HTTP_" + header.upper().replace("-", "_")
        # Not inspect's: it does not know what Django has marked before Python 3.12.
        self._later: Final = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated]
        if self._later:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._later:
            return self._respond(request)
        with self._scope(request) as (scope, known):
            response = cast("HttpResponseBase", self.get_response(request))
            return self._answer(scope, known, response)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        with self._scope(request) as (scope, known):
            response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
            return self._answer(scope, known, response)

    @contextlib.contextmanager
    def _scope(self, request: HttpRequest) -> Generator[tuple[Scope, tuple[int, float]]]:
        with consistency_scope(start_on="writer" if request.method in UNSAFE_METHODS else None) as scope:
            for text in (request.COOKIES.get(self._settings.cookie.name), self._meta and request.META.get(self._meta)):
                if text:
                    scope.load(text, self._signer)
            try:
                yield scope, scope.mark
            finally:
                desk.clear()

    def _answer(self, scope: Scope, known: tuple[int, float], response: HttpResponseBase) -> HttpResponseBase:
        if scope.mark != known and installed() is not None:
            text, cookie = scope.dump(self._signer), self._settings.cookie
            response.set_cookie(
                cookie.name,
                text,
                max_age=cookie.max_age_seconds if text else 0,
                path=cookie.path,
                secure=cookie.secure,
                httponly=True,
                samesite=cast("Any", cookie.same_site),
            )
            if self._settings.header is not None:
                response.headers[self._settings.header] = text
        if response.streaming and getattr(response, "file_to_stream", None) is None:  # a file reads no database
            _keep_scope(response)
        return response


def _keep_scope(response: Any) -> None:
    """Let a body that is made while it is sent run in the request's scope, which has ended by then."""
    context = contextvars.copy_context()
    content = response.streaming_content
    response.streaming_content = _later_in(context, content) if response.is_async else _in(context, content)


def _in(context: contextvars.Context, content: Iterator[Any]) -> Iterator[Any]:
    end = object()
    while (part := context.run(next, content, end)) is not end:
        yield part


async def _later_in(context: contextvars.Context, content: AsyncIterator[Any]) -> AsyncIterator[Any]:
    end = object()

    async def following() -> Any:
        return await anext(content, end)

    while (part := await asyncio.create_task(following(), context=context)) is not end:
        yield part
