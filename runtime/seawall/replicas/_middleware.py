"""A consistency scope around each request, and its tokens carried to the client's next one. Pure ASGI.

The scope is opened here, outside of everything that handles the request, because a value that is set in a thread pool's
endpoint or in a child task is lost to the request; the scope itself is mutable and is shared by them all.

What a request has written by the time its response begins is in the response. A commit after that cannot be: headers are
gone by then. (HTTP trailers would come late enough, but browsers hide them from the page and keep no cookie of them.)
"""

import logging
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, cast, final

from seawall.asgi import ASGIApp, Receive, Scope, Send
from seawall.errors import InvalidInput
from seawall.replicas._cookie import NAME, SameSite, TokenCookie
from seawall.replicas._scope import Scope as ConsistencyScope
from seawall.replicas._scope import consistency_scope
from seawall.replicas._signer import TokenSigner

__all__ = ["UNSAFE_METHODS", "ConsistencyMiddleware"]

_log: Final = logging.getLogger("seawall.replicas")

UNSAFE_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")  # RFC 9110: those whose purpose is to change something


@final
class ConsistencyMiddleware:
    """ASGI middleware: after a client's write its next requests see that write, whichever reader answers them.

    ```python
    app.add_middleware(ConsistencyMiddleware, signer=TokenSigner(key))
    ```

    Around an HTTP request there is a `consistency_scope` with the tokens that the client sent. When the request commits
    something before its response begins, the response carries the new tokens. Commit before you answer: FastAPI ends
    dependencies with `yield` after the response, unless they are declared with `Depends(..., scope="function")`. The
    log says so once, when a commit came too late. What a background task commits is the task's own business.

    A text that is broken, of another key or too old is no token; `rejected` counts them. When the scope's last token was
    dropped, as after a `WriteLost`, the cookie is taken away.

    Websockets get a scope with the tokens of their handshake, and send none; lifespan messages are passed through. Put
    this outside of what makes responses of exceptions, or an error page after a commit carries no token.

    Args:
        app: The app.
        signer: Signs and verifies; its `max_age_seconds` is the cookie's.
        cookie: The cookie's name; `None`: no cookie.
        header: A header with the same text, in requests and responses, for clients without cookies; `None`: none. From
            scripts of another origin it is readable only with `Access-Control-Expose-Headers`.
        cookie_path: Below which path the cookie is sent.
        secure: Whether it is sent over TLS only.
        same_site: `lax`, `strict` or `none`.
        start_on_writer_for: Methods whose requests read from the writer from their beginning.

    Raises:
        InvalidInput: neither a cookie nor a header, or a cookie that browsers refuse.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        signer: TokenSigner,
        cookie: str | None = "seawall_consistency",
        header: str | None = None,
        cookie_path: str = "/",
        secure: bool = True,
        same_site: SameSite = "lax",
        start_on_writer_for: Collection[str] = UNSAFE_METHODS,
    ) -> None:
        if cookie is None and header is None:
            raise InvalidInput("cookie", None, allowed="a name", because="no header is named either")
        if header is not None and not NAME.fullmatch(header):
            raise InvalidInput("header", header, allowed="a header's name, e.g. X-Consistency")
        if isinstance(start_on_writer_for, str):
            raise InvalidInput("start_on_writer_for", start_on_writer_for, allowed="a list of methods")
        self.app: Final = app
        self._signer: Final = signer
        self._cookie: Final = (
            None
            if cookie is None
            else TokenCookie(
                name=cookie,
                path=cookie_path,
                max_age_seconds=math.ceil(signer.max_age_seconds),
                secure=secure,
                same_site=same_site,
            )
        )
        self._header: Final = None if header is None else header.lower().encode("ascii")
        self._writer_methods: Final = frozenset(method.upper() for method in start_on_writer_for)
        self._rejected = 0
        self._told_late = False

    @property
    def rejected(self) -> int:
        """How many texts of clients were no tokens: broken, of another key, or too old."""
        return self._rejected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            with consistency_scope() as held:
                self._load(held, scope)
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        with consistency_scope(start_on="writer" if scope["method"] in self._writer_methods else None) as held:
            self._load(held, scope)
            known = held.mark  # what the client knows of

            async def send_with_tokens(message: Any) -> None:
                nonlocal known
                if message["type"] == "http.response.start" and held.mark != known:
                    known = held.mark
                    message = {**message, "headers": [*message.get("headers", ()), *self._headers(held)]}
                await send(message)

            await self.app(scope, receive, send_with_tokens)
            if held.mark != known:
                self._late(scope)

    def _load(self, held: ConsistencyScope, scope: Scope) -> None:
        """Give the scope the tokens that the request came with."""
        for name, value in cast("Iterable[tuple[bytes, bytes]]", scope.get("headers", ())):
            texts: Sequence[str] = ()
            if name == b"cookie" and self._cookie is not None:  # over HTTP/2 there may be several
                texts = self._cookie.values_in(value.decode("latin-1"))
            elif name == self._header:
                texts = (value.decode("latin-1"),)
            self._rejected += sum(not held.load(text, self._signer) for text in texts)

    def _headers(self, held: ConsistencyScope) -> list[tuple[bytes, bytes]]:
        """What tells the client of the scope's tokens; without any left, that it may forget the ones it has."""
        text = held.dump(self._signer)
        found: list[tuple[bytes, bytes]] = []
        if self._cookie is not None:
            found.append((b"set-cookie", self._cookie.line(text).encode("latin-1")))
        if self._header is not None:
            found.append((self._header, text.encode("latin-1")))
        return found

    def _late(self, scope: Scope) -> None:
        if not self._told_late:
            self._told_late = True
            _log.warning(
                "%s %s committed after its response had begun, so that the client does not get the token and may not "
                "see that write at once; commit before answering (in FastAPI: Depends(..., scope='function')). Said once",
                scope["method"],
                scope["path"],
            )
