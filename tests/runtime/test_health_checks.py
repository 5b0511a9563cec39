"""The checks that come with seawall, against the real thing where one is at hand."""

import asyncio
import http.server
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from seawall.breaker import CircuitBreaker
from seawall.errors import InvalidInput
from seawall.health import (
    BreakerCheck,
    Check,
    DatabaseCheck,
    DiskCheck,
    HealthRegistry,
    HttpCheck,
    MemoryCheck,
    Outcome,
    Probe,
    RedisCheck,
    memory_use,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def outcome(check: Check) -> tuple[Outcome, str | None]:
    """How one run ends, and what it had to say."""
    registry = HealthRegistry(total_timeout_seconds=10)
    registry.readiness(check, timeout_seconds=10)
    result = (await registry.report(Probe.READY)).results[check.name]
    return result.outcome, result.note or result.error


class AsyncConnection:
    """As those of asyncpg's and psycopg's pools."""

    def __init__(self, statements: list[str]) -> None:
        self.statements = statements

    async def execute(self, statement: str) -> None:
        self.statements.append(statement)

    async def __aenter__(self) -> "AsyncConnection":
        self.statements.append("enter")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.statements.append("exit")

    async def close(self) -> None:
        self.statements.append("close")


class DriverConnection:
    """As SQLAlchemy's: a plain text goes to `exec_driver_sql` only."""

    def __init__(self, statements: list[str]) -> None:
        self.statements = statements

    def exec_driver_sql(self, statement: str) -> None:
        self.statements.append(statement)

    def execute(self, statement: str) -> None:
        raise TypeError("not an executable object")

    def __enter__(self) -> "DriverConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.statements.append("exit")


async def test_a_database_is_asked_on_whatever_kind_of_connection_its_pool_gives(tmp_path: Path):
    """One class for DBAPI, SQLAlchemy and async drivers; the connection is given back each time."""
    path = tmp_path / "shop.db"
    assert await outcome(DatabaseCheck(lambda: sqlite3.connect(path))) == (Outcome.HEALTHY, None)
    found = await outcome(DatabaseCheck(lambda: sqlite3.connect(path), statement="SELECT x FROM nowhere"))
    assert found == (Outcome.FAILED, "OperationalError: no such table: nowhere")

    statements: list[str] = []
    assert (await outcome(DatabaseCheck(lambda: DriverConnection(statements))))[0] is Outcome.HEALTHY
    assert statements == ["SELECT 1", "exit"]

    statements.clear()
    assert (await outcome(DatabaseCheck(lambda: AsyncConnection(statements))))[0] is Outcome.HEALTHY
    assert statements == ["enter", "SELECT 1", "exit"]

    async def connect() -> AsyncConnection:
        return AsyncConnection(statements)

    statements.clear()
    assert (await outcome(DatabaseCheck(connect)))[0] is Outcome.HEALTHY
    assert statements == ["SELECT 1", "close"]

    def refuse() -> Any:
        raise ConnectionRefusedError("no")

    assert await outcome(DatabaseCheck(refuse)) == (Outcome.FAILED, "ConnectionRefusedError: no")


class CountedConnection(sqlite3.Connection):
    """Notes whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


async def test_a_plain_connection_is_closed_not_only_its_transaction(tmp_path: Path):
    """`with` of a DBAPI connection ends the transaction: a probe every second would use up the server's connections."""
    made: list[CountedConnection] = []

    def connect() -> CountedConnection:
        connection = sqlite3.connect(tmp_path / "shop.db", factory=CountedConnection, check_same_thread=False)
        made.append(connection)
        return connection

    await outcome(DatabaseCheck(connect))
    assert [connection.closed for connection in made] == [True]


async def test_redis_is_pinged_by_sync_and_async_clients(server: Any):
    """Which client an app has is its own affair."""
    assert await outcome(RedisCheck(server.client())) == (Outcome.HEALTHY, None)
    path = server.client().connection_pool.connection_kwargs["path"]
    client = redis.asyncio.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0))
    assert await outcome(RedisCheck(client)) == (Outcome.HEALTHY, None)
    server.kill()
    assert (await outcome(RedisCheck(client)))[0] is Outcome.FAILED
    await client.aclose()
    with pytest.raises(InvalidInput, match="a client with a ping method"):
        RedisCheck(object())


@pytest.fixture
def site() -> Iterator[str]:
    """A server that answers with the status in the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:4]))
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/200")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["plain", "sync", "async"])
async def test_an_http_dependency_must_answer_2xx(site: str, kind: str):
    """A redirect to a login page, followed, would prove that the login page is well."""
    with httpx.Client() as sync:
        async with httpx.AsyncClient() as asynchronous:
            client = {"plain": None, "sync": sync, "async": asynchronous}[kind]
            assert (await outcome(HttpCheck(f"{site}/204?x=1", client=client)))[0] is Outcome.HEALTHY
            assert await outcome(HttpCheck(f"{site}/503", client=client)) == (Outcome.FAILED, "answered 503")
            assert await outcome(HttpCheck(f"{site}/302", client=client)) == (Outcome.FAILED, "answered 302")
    assert (await outcome(HttpCheck("http://127.0.0.1:1/")))[0] is Outcome.FAILED


async def test_an_open_breaker_is_reported_without_a_call():
    """The breaker knows already; a probe that called the dependency would spend a trial."""
    breaker = CircuitBreaker("payments")
    check = BreakerCheck(breaker)
    assert check.name == "payments"
    assert await outcome(check) == (Outcome.HEALTHY, "breaker is closed")
    breaker.force_open()
    assert await outcome(check) == (Outcome.FAILED, "breaker is forced open")
    assert breaker.snapshot().total_rejected == 0


async def test_a_full_disk_is_found_before_a_write_fails(tmp_path: Path):
    """Logs and temporary files fill it while everything else looks well."""
    assert (await outcome(DiskCheck(tmp_path, least_free_bytes=1)))[0] is Outcome.HEALTHY
    found, note = await outcome(DiskCheck(tmp_path, least_free_bytes=1 << 60))
    assert found is Outcome.FAILED
    assert note is not None
    assert note.endswith("fewer than 1,152,921,504,606,846,976")
    with pytest.raises(InvalidInput, match="least_free_bytes"):
        DiskCheck(least_free_bytes=0)


MIB = 1 << 20
HOST = "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB"


def tree(root: Path, files: dict[str, object]) -> Path:
    """A `proc` and a `sys` of the files given."""
    for name, text in {"proc/meminfo": HOST, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/memory"
CGROUPS = {
    "v2 in a container": (
        {
            "proc/self/cgroup": "0::/",
            f"{V2}/cgroup.controllers": "memory",
            f"{V2}/memory.max": 100 * MIB,
            f"{V2}/memory.current": 90 * MIB,
            f"{V2}/memory.stat": f"anon 1\ninactive_file {20 * MIB}\n",
        },
        (70 * MIB, 100 * MIB, "cgroup v2"),
    ),
    "v2 with the limit a level above": (
        {
            "proc/self/cgroup": "0::/pod/app",
            f"{V2}/cgroup.controllers": "memory",
            f"{V2}/pod/memory.max": 100 * MIB,
            f"{V2}/pod/memory.current": 95 * MIB,
            f"{V2}/pod/memory.stat": "inactive_file 0",
            f"{V2}/pod/app/memory.max": "max",
            f"{V2}/pod/app/memory.current": 50 * MIB,
            f"{V2}/pod/app/memory.stat": "inactive_file 0",
        },
        (95 * MIB, 100 * MIB, "cgroup v2"),
    ),
    "v1 with the host's path, which is not mounted here": (
        {
            "proc/self/cgroup": "11:cpu,cpuacct:/x\n4:memory:/docker/0123\n0::/",
            f"{V1}/memory.limit_in_bytes": 100 * MIB,
            f"{V1}/memory.usage_in_bytes": 90 * MIB,
            f"{V1}/memory.stat": f"inactive_file 1\ntotal_inactive_file {30 * MIB}",
        },
        (60 * MIB, 100 * MIB, "cgroup v1"),
    ),
    "v1 without a limit": (
        {
            "proc/self/cgroup": "4:memory:/",
            f"{V1}/memory.limit_in_bytes": 9223372036854771712,
            f"{V1}/memory.usage_in_bytes": 90 * MIB,
            f"{V1}/memory.stat": "total_inactive_file 0",
        },
        (8388608 * 1024, 16777216 * 1024, "host"),
    ),
    "no cgroups": ({}, (8388608 * 1024, 16777216 * 1024, "host")),
}


@pytest.mark.parametrize("name", CGROUPS)
def test_memory_is_the_containers_not_the_hosts(tmp_path: Path, name: str):
    """psutil#2100: on a host with room to spare the kernel still kills a container at its own limit."""
    files, expected = CGROUPS[name]
    use = memory_use(tree(tmp_path, files))
    assert (use.used_bytes, use.limit_bytes, use.source) == expected


async def test_a_container_that_is_about_to_be_killed_is_unhealthy(tmp_path: Path):
    """The number that counts is the ratio to the limit, without what the kernel gives back by itself."""
    root = tree(tmp_path, CGROUPS["v2 with the limit a level above"][0])
    assert await outcome(MemoryCheck(0.96, root=root)) == (Outcome.HEALTHY, "95% of 104,857,600 bytes (cgroup v2)")
    assert (await outcome(MemoryCheck(0.94, root=root)))[0] is Outcome.FAILED
    assert (await outcome(MemoryCheck(1.0)))[0] is Outcome.HEALTHY  # this machine's
    assert (await outcome(MemoryCheck(0.5, root=tmp_path / "macos")))[0] is Outcome.HEALTHY


async def test_a_check_may_be_any_callable_and_say_something():
    """Partials, methods and objects; what they return may have to be awaited."""

    class Answers:
        async def __call__(self) -> str:
            await asyncio.sleep(0)
            return "3 partitions"

        async def method(self) -> None:
            await asyncio.sleep(0)

    assert await outcome(Check("object", Answers())) == (Outcome.HEALTHY, "3 partitions")
    assert await outcome(Check("method", Answers().method)) == (Outcome.HEALTHY, None)
    assert await outcome(Check("lambda", lambda: Answers()())) == (Outcome.HEALTHY, "3 partitions")
    assert await outcome(Check("false", lambda: False)) == (Outcome.FAILED, "it answered False")
