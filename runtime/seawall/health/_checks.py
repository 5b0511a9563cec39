"""What can be checked. A check is a name and a function; where it may be registered is its type."""

import contextlib
import http.client
import inspect
import shutil
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, cast, final
from urllib.parse import urlsplit

from seawall.breaker import CircuitBreaker, State
from seawall.errors import InvalidInput

__all__ = [
    "BreakerCheck",
    "Check",
    "CheckFailed",
    "DatabaseCheck",
    "DiskCheck",
    "HttpCheck",
    "RedisCheck",
    "SelfCheck",
]

Answer: TypeAlias = "bool | str | None"
Run: TypeAlias = "Callable[[], Awaitable[Answer]] | Callable[[], Answer]"

FIRST_SUCCESS, FIRST_REDIRECT = 200, 300  # HTTP status codes between which a dependency is well
SOCKET_TIMEOUT_SECONDS: Final = 5.0  # ends a thread whose check was given up long before


class CheckFailed(Exception):
    """A check of ours found what it looks for: not an error of the check."""


class Check:
    """One thing to look at, by a function.

    The function is well when it returns, and not when it raises or returns `False`. A text that it returns is shown to
    whoever has the token. A function runs in a thread of its own, a coroutine function on the event loop, where it must
    not block. What a function returns may be awaitable, too: that part runs on the loop.

    Args:
        name: Its key in `/health` and in metrics. Anybody can read it.
        run: The function.

    Raises:
        InvalidInput: an empty name, or `run` cannot be called.
    """

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: Run) -> None:
        if not isinstance(cast("object", name), str) or not name or not name.isprintable():
            raise InvalidInput("name", name, allowed="a printable text that is not empty")
        if not callable(cast("object", run)) or isinstance(cast("object", run), type):
            raise InvalidInput("run", run, allowed="a function or a coroutine function without arguments")
        self.name: Final = name
        self.run: Final[Run] = run

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class SelfCheck(Check):
    """A check of the process itself, of what a restart would heal: a stuck loop, a leak, a lost thread.

    The only kind that may decide liveness. With a dependency there, an outage of it restarts every instance, again and
    again, and nothing is left to recover (spring-boot#42159).
    """

    __slots__ = ()


@final
class DatabaseCheck(Check):
    """One statement on a connection of the app's own pool.

    Args:
        connect: Gives a connection, or a context manager of one, sync or async: `engine.connect` of SQLAlchemy (either
            kind), `pool.connection` of psycopg_pool, `pool.acquire` of asyncpg, a function that calls `sqlite3.connect`.
        name: Its key in the answers.
        statement: What to execute; its rows are not read.
    """

    __slots__ = ()

    def __init__(self, connect: Callable[[], Any], *, name: str = "database", statement: str = "SELECT 1") -> None:
        if not callable(cast("object", connect)):
            raise InvalidInput("connect", connect, allowed="a function that gives a connection, e.g. engine.connect")

        def run() -> Any:
            made = connect()
            if hasattr(made, "__aenter__") or inspect.isawaitable(made):
                return _ask_async(made, statement)  # awaited on the loop that its pool lives on
            _ask(made, statement)
            return None

        super().__init__(name, run)


def _ask(made: Any, statement: str) -> None:
    with contextlib.ExitStack() as stack:
        if hasattr(made, "close"):
            stack.callback(made.close)  # leaving a plain DBAPI connection's block ends the transaction, no more
        connection = stack.enter_context(made) if hasattr(made, "__enter__") else made
        _executing(connection)(statement)


async def _ask_async(made: Any, statement: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if hasattr(made, "__aenter__"):
            connection = await stack.enter_async_context(made)
        else:
            connection = await made
            stack.push_async_callback(_close, connection)
        result = _executing(connection)(statement)
        if inspect.isawaitable(result):
            await result


async def _close(connection: Any) -> None:
    closed = connection.close()
    if inspect.isawaitable(closed):
        await closed


def _executing(connection: Any) -> Callable[[str], Any]:
    """How this connection takes a statement that is a plain text."""
    for name in ("exec_driver_sql", "execute"):
        if hasattr(connection, name):
            return cast("Callable[[str], Any]", getattr(connection, name))
    return cast("Callable[[str], Any]", connection.cursor().execute)


@final
class RedisCheck(Check):
    """`PING`.

    Args:
        client: A client of `redis` or `redis.asyncio`, or anything else with a `ping`.
        name: Its key in the answers.
    """

    __slots__ = ()

    def __init__(self, client: Any, *, name: str = "redis") -> None:
        if not callable(getattr(client, "ping", None)):
            raise InvalidInput("client", type(client).__name__, allowed="a client with a ping method")
        super().__init__(name, client.ping)


@final
class HttpCheck(Check):
    """A GET that must answer 2xx. Redirects are not followed: they would prove that something else is well.

    Args:
        url: `http` or `https`.
        name: Its key in the answers; the URL itself is shown to nobody without the token.
        client: A `httpx.Client` or `httpx.AsyncClient` to ask with, or anything with a `get(url)` that answers with a
            `status_code`; the standard library and a new connection each time when left out.

    Raises:
        InvalidInput: another scheme, or no host.
    """

    __slots__ = ()

    def __init__(self, url: str, *, name: str = "http", client: Any = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput("url", parts.scheme, allowed="an http or https URL with a host")

        def plain() -> None:
            _require_success(_get(url))

        def sync_or_async() -> Any:
            answer = client.get(url)
            if inspect.isawaitable(answer):
                return _require_success_of(answer)
            _require_success(answer.status_code)
            return None

        super().__init__(name, plain if client is None else sync_or_async)


def _get(url: str) -> int:
    parts = urlsplit(url)
    host = cast("str", parts.hostname)
    connection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=SOCKET_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=SOCKET_TIMEOUT_SECONDS)
    )
    with contextlib.closing(connection):
        path = parts.path or "/"
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        return connection.getresponse().status


async def _require_success_of(answer: Awaitable[Any]) -> None:
    _require_success((await answer).status_code)


def _require_success(status: int) -> None:
    if not FIRST_SUCCESS <= status < FIRST_REDIRECT:
        raise CheckFailed(f"answered {status}")


@final
class DiskCheck(Check):
    """Room left on the file system of a path. Not a `SelfCheck`: a restart frees no disk.

    Args:
        path: Any path on it.
        least_free_bytes: What must be free for the process's user.
        name: Its key in the answers.

    Raises:
        InvalidInput: `least_free_bytes` below 1.
    """

    __slots__ = ()

    def __init__(self, path: Path | str = "/", *, least_free_bytes: int = 1 << 30, name: str = "disk") -> None:
        if least_free_bytes < 1:
            raise InvalidInput("least_free_bytes", least_free_bytes, allowed="at least 1 byte")

        def run() -> str:
            free = shutil.disk_usage(path).free
            if free < least_free_bytes:
                raise CheckFailed(f"{free:,} bytes free, fewer than {least_free_bytes:,}")
            return f"{free:,} bytes free"

        super().__init__(name, run)


@final
class BreakerCheck(Check):
    """What a circuit breaker has found out already: unhealthy while it rejects calls. Costs the dependency nothing.

    Args:
        breaker: The breaker.
        name: Its key in the answers; the breaker's name when left out.
    """

    __slots__ = ()

    def __init__(self, breaker: CircuitBreaker, *, name: str | None = None) -> None:
        # Weakly would be wrong: what is checked must not go away unseen.
        async def run() -> str:  # a coroutine function, because it needs no thread: it only reads
            state = breaker.state
            if state in (State.OPEN, State.FORCED_OPEN):
                raise CheckFailed(f"breaker is {state.replace('_', ' ')}")
            return f"breaker is {state.replace('_', ' ')}"

        super().__init__(breaker.name if name is None else name, run)
