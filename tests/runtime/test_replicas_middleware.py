"""The ASGI middleware that owns a request's consistency scope, and carries its tokens to the client's next request."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from seawall.asgi import Receive, Scope, Send
from seawall.replicas._cookie import MOST_OF_ONE_NAME
from seawall.replicas._middleware import ConsistencyMiddleware
from seawall.replicas._scope import consistency_scope, current_scope
from seawall.replicas._signer import TokenSigner
from seawall.replicas._tokens import CLOCKS_APART_SECONDS, ConsistencyToken, TimeToken

pytestmark = pytest.mark.anyio

COOKIE = "seawall_consistency"
KEY = b"0123456789abcdef0123456789abcdef"
SIGNER = TokenSigner(KEY)
FIRST = ConsistencyToken(7, 1, 1000)
LATER = ConsistencyToken(7, 1, 2000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def client(app: Any, **more: Any) -> httpx.AsyncClient:
    """A browser, as far as cookies go; the cookie is for TLS only, so it speaks https."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.test", **more)


def commit(token: ConsistencyToken) -> None:
    """What an adapter does after a commit."""
    scope = current_scope()
    assert scope is not None
    scope.note(token)


def seen() -> list[int]:
    """Positions of the tokens that a read would be held to."""
    scope = current_scope()
    return [] if scope is None else sorted(token.lsn for token in scope.tokens.positions)


def signed(*tokens: ConsistencyToken, signer: TokenSigner = SIGNER) -> str:
    """The text of a cookie with those tokens."""
    with consistency_scope(*tokens) as scope:
        return scope.dump(signer)


def shop(**more: Any) -> Any:
    """A FastAPI app whose endpoints run in each of the ways that FastAPI has."""
    app = FastAPI()

    @app.post("/pool")
    def in_a_thread() -> list[int]:
        commit(FIRST)
        return seen()

    @app.post("/task")
    async def in_a_child_task() -> list[int]:
        async def child() -> None:
            commit(FIRST)

        await asyncio.create_task(child())
        return seen()

    @app.post("/later")
    async def later() -> list[int]:
        commit(LATER)
        return seen()

    @app.get("/read")
    def read() -> dict[str, Any]:
        scope = current_scope()
        assert scope is not None
        return {"seen": seen(), "start_on": scope.start_on}

    @app.post("/read")
    async def unsafe_read() -> dict[str, Any]:
        scope = current_scope()
        assert scope is not None
        return {"seen": seen(), "start_on": scope.start_on}

    return ConsistencyMiddleware(app, **{"signer": SIGNER, **more})


@pytest.mark.parametrize("path", ["/pool", "/task"])
async def test_a_write_in_a_thread_or_a_child_task_is_known_to_the_next_request(path: str):
    """A ContextVar set there is lost to the request: the scope is the middleware's, and is shared."""
    async with client(shop()) as browser:
        assert (await browser.get("/read")).json()["seen"] == []
        assert (await browser.post(path)).json() == [FIRST.lsn]
        assert (await browser.get("/read")).json()["seen"] == [FIRST.lsn]
        await browser.post("/later")
        assert (await browser.get("/read")).json()["seen"] == [LATER.lsn]


async def test_requests_that_wrote_nothing_are_answered_as_they_were():
    """A page that is only read stays cacheable: it sets no cookie, also when it came with one."""
    async with client(shop()) as browser:
        assert "set-cookie" not in (await browser.get("/read")).headers
        await browser.post("/pool")
        assert "set-cookie" not in (await browser.get("/read")).headers
        # The same write noted twice tells the client nothing new.
        assert "set-cookie" not in (await browser.post("/pool")).headers


async def test_unsafe_methods_read_from_the_writer_from_their_beginning():
    """What a POST reads it mostly changes; and which methods those are can be said."""
    async with client(shop()) as browser:
        assert (await browser.get("/read")).json()["start_on"] is None
        assert (await browser.post("/read")).json()["start_on"] == "writer"
    async with client(shop(start_on_writer_for=["get"])) as browser:
        assert (await browser.get("/read")).json()["start_on"] == "writer"
        assert (await browser.post("/read")).json()["start_on"] is None


async def test_the_cookie_has_the_attributes_that_browsers_ask_for():
    """No script reads it, no plain connection carries it, and it ends when its token does."""
    async with client(shop()) as browser:
        line = (await browser.post("/pool")).headers["set-cookie"]
    name, _, rest = line.partition("=")
    value, *attributes = [part.strip() for part in rest.split(";")]
    assert name == COOKIE
    assert SIGNER.load(value) == (FIRST,)
    assert attributes == ["Path=/", "Max-Age=300", "HttpOnly", "Secure", "SameSite=Lax"]
    own = shop(cookie="__Host-rw", same_site="strict", signer=TokenSigner(KEY, max_age_seconds=20.5))
    async with client(own) as browser:
        line = (await browser.post("/pool")).headers["set-cookie"]
    assert line.startswith("__Host-rw=")
    assert line.endswith("; Path=/; Max-Age=21; HttpOnly; Secure; SameSite=Strict")


async def test_a_header_carries_the_tokens_of_clients_without_cookies():
    """Services that call each other hand the text on; both ways may be had at once."""
    async with client(shop(cookie=None, header="X-Consistency")) as service:
        answer = await service.post("/pool")
        assert "set-cookie" not in answer.headers
        text = answer.headers["x-consistency"]
        assert (await service.get("/read")).json()["seen"] == []
        assert (await service.get("/read", headers={"X-Consistency": text})).json()["seen"] == [FIRST.lsn]
        assert (await service.get("/read", headers={"Cookie": f"{COOKIE}={text}"})).json()["seen"] == []
    async with client(shop(header="X-Consistency")) as both:
        answer = await both.post("/later")
        assert {"set-cookie", "x-consistency"} <= set(answer.headers)
        both.cookies.clear()
        given = {"X-Consistency": signed(FIRST), "Cookie": f"a=b; {COOKIE}={signed(ConsistencyToken(9, 1, 5))}"}
        assert (await both.get("/read", headers=given)).json()["seen"] == [5, FIRST.lsn]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        signed(FIRST)[:-2],
        signed(FIRST, signer=TokenSigner(b"another key, which is also long enough")),
        signed(FIRST).replace("7-1-", "7-2-"),
        signed(FIRST, signer=TokenSigner(KEY, now=lambda: time.time() - 301)),
        "\xff\xfe",
        "x" * 5000,
    ],
    ids=["empty", "nonsense", "cut", "foreign", "changed", "old", "not ascii", "long"],
)
async def test_a_broken_or_foreign_cookie_is_no_token_and_no_error(text: str):
    """What anybody can send must neither break the request nor make a promise."""
    app = shop()
    async with client(app) as browser:
        answer = await browser.get("/read", headers=[(b"cookie", f"{COOKIE}={text}".encode("latin-1"))])
        assert (answer.status_code, answer.json()["seen"], app.rejected) == (200, [], 1)


async def test_of_many_cookies_with_the_name_only_a_few_are_looked_at():
    """A signature costs microseconds; a header full of them must not cost milliseconds."""
    tokens = [ConsistencyToken(system, 1, system) for system in range(1, 9)]
    line = "; ".join(f"{COOKIE}={signed(token)}" for token in tokens)
    async with client(shop()) as browser:
        found = (await browser.get("/read", headers={"Cookie": f"x=1; {line}; other"})).json()["seen"]
    assert found == list(range(1, MOST_OF_ONE_NAME + 1))


async def raw(app: Any, method: str = "POST", path: str = "/") -> list[dict[str, Any]]:
    """Everything that an app sends for one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
    return sent


async def test_other_cookies_of_the_response_are_kept_and_the_apps_message_is_not_changed():
    """Several Set-Cookie lines stay several; an app that sends one and the same message again must not collect ours."""
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": ((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")),
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        commit(FIRST)
        await send(start)
        await send({"type": "http.response.body"})

    message = (await raw(ConsistencyMiddleware(app, signer=SIGNER)))[0]
    names = [value.split(b"=")[0] for name, value in message["headers"] if name == b"set-cookie"]
    assert names == [b"a", b"b", COOKIE.encode()]
    assert len(start["headers"]) == 2


async def test_a_commit_after_the_response_began_is_said_once_and_sends_nothing(caplog: pytest.LogCaptureFixture):
    """Headers are gone by then. FastAPI's dependencies with `yield` end after the response: the log says what to do."""
    app = FastAPI()

    async def session(when: str = "request") -> AsyncIterator[None]:
        yield
        commit(FIRST)

    @app.post("/late", dependencies=[Depends(session)])
    async def late() -> None: ...

    @app.post("/in-time", dependencies=[Depends(session, scope="function")])
    async def in_time() -> None: ...

    @app.post("/background")
    async def background(tasks: BackgroundTasks) -> None:
        tasks.add_task(commit, LATER)

    with caplog.at_level(logging.WARNING, "seawall.replicas"):
        async with client(ConsistencyMiddleware(app, signer=SIGNER)) as browser:
            assert COOKIE in (await browser.post("/in-time")).headers["set-cookie"]
            assert caplog.messages == []
            browser.cookies.clear()
            assert "set-cookie" not in (await browser.post("/late")).headers
            assert "set-cookie" not in (await browser.post("/background")).headers
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("POST /late committed after its response had begun")
    assert "scope='function'" in caplog.messages[0]


async def test_what_a_stream_reads_is_held_to_the_requests_tokens():
    """A body that is made while it is sent runs inside of the scope; what it commits comes too late to be sent."""
    app = FastAPI()

    @app.post("/stream")
    async def stream() -> StreamingResponse:
        commit(FIRST)

        async def body() -> AsyncIterator[str]:
            yield f"{seen()}"
            commit(LATER)
            yield f"{seen()}"

        return StreamingResponse(body())

    async with client(ConsistencyMiddleware(app, signer=SIGNER)) as browser:
        answer = await browser.post("/stream")
    assert answer.text == f"[{FIRST.lsn}][{LATER.lsn}]"
    assert SIGNER.load(answer.cookies[COOKIE]) == (FIRST,)


async def test_a_disconnect_or_an_error_leaves_no_scope_behind():
    """The next request that the same task serves begins without the last one's tokens."""

    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        commit(FIRST)
        raise asyncio.CancelledError

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        commit(FIRST)
        raise RuntimeError("broken")

    assert seen() == []
    for app, error in ((gone, asyncio.CancelledError), (broken, RuntimeError)):
        with pytest.raises(error):
            await raw(ConsistencyMiddleware(app, signer=SIGNER))
        assert current_scope() is None


async def test_an_error_page_after_a_commit_carries_the_token_when_the_middleware_is_outside():
    """The write happened; whoever reloads the page must see it."""
    app = FastAPI()

    @app.post("/orders")
    def order() -> None:
        commit(FIRST)
        raise RuntimeError("after the commit")

    transport = httpx.ASGITransport(ConsistencyMiddleware(app, signer=SIGNER), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.test") as browser:
        answer = await browser.post("/orders")
    assert (answer.status_code, COOKIE in answer.cookies) == (500, True)


async def test_a_commit_in_doubt_holds_the_clients_next_read_to_its_moment():
    """Told to look before trying again, it must not be shown a replica that lacks what may have been committed."""
    app = FastAPI()

    @app.post("/orders", status_code=503)
    def order() -> None:
        scope = current_scope()
        assert scope is not None
        scope.doubtful_until = 1e9  # as a unit of work sets it when the connection was lost during a COMMIT

    before = time.time()
    async with client(ConsistencyMiddleware(app, signer=SIGNER)) as browser:
        answer = await browser.post("/orders")
    tokens = SIGNER.load(answer.cookies[COOKIE])
    assert tokens is not None
    assert len(tokens) == 1
    assert isinstance(tokens[0], TimeToken)
    assert before <= tokens[0].at_seconds <= time.time() + CLOCKS_APART_SECONDS


async def test_a_token_that_was_dropped_takes_the_cookie_away():
    """After a lost write that the user was told of, the page must work again, and not fail until the cookie is old."""
    app = FastAPI()

    @app.get("/acknowledge")
    def acknowledge() -> None:
        scope = current_scope()
        assert scope is not None
        for token in scope.tokens.positions:
            scope.drop(token)

    async with client(ConsistencyMiddleware(app, signer=SIGNER)) as browser:
        browser.cookies.set(COOKIE, signed(FIRST), domain="shop.test")
        line = (await browser.get("/acknowledge")).headers["set-cookie"]
        assert line.startswith(f"{COOKIE}=; Path=/; Max-Age=0; ")
        assert COOKIE not in browser.cookies


async def test_websockets_know_their_handshakes_tokens_and_lifespan_passes_through():
    """A socket that opens after a POST sees what it wrote; nothing is added to its messages."""
    app = FastAPI()

    @app.websocket("/feed")
    async def feed(socket: WebSocket) -> None:
        await socket.accept()
        commit(LATER)
        await socket.send_json(seen())
        await socket.close()

    sent: list[Any] = []
    scope = {
        "type": "websocket",
        "path": "/feed",
        "raw_path": b"/feed",
        "query_string": b"",
        "headers": [(b"cookie", f"{COOKIE}={signed(ConsistencyToken(9, 1, 5))}".encode())],
        "subprotocols": [],
    }
    await ConsistencyMiddleware(app, signer=SIGNER)(scope, _connect, _appending(sent))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[0]["headers"] == []
    assert sent[1]["text"] == f"[5,{LATER.lsn}]"

    passed: list[Any] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append((scope["type"], current_scope(), receive))

    await ConsistencyMiddleware(inner, signer=SIGNER)({"type": "lifespan"}, _connect, _appending([]))
    assert passed == [("lifespan", None, _connect)]


async def _connect() -> dict[str, Any]:
    return {"type": "websocket.connect"}


def _appending(sent: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def send(message: Any) -> None:
        sent.append(message)

    return send
