"""What tests of several rooms share."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from checker_fixtures import NAMES, mark, program_fixture

if TYPE_CHECKING:
    from localcloud.postgres_fleet import PostgresFleet

# How fast a machine makes examples says nothing about what is tested: three workers share two cores, and no test is timed.
settings.register_profile("seawall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seawall")

globals().update({name: program_fixture(name) for name in NAMES})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark(items)


@pytest.fixture(scope="session")
def _postgres_servers() -> "Iterator[PostgresFleet]":
    from localcloud.postgres_fleet import PostgresFleet

    with PostgresFleet(replicas=2) as fleet:
        yield fleet


@pytest.fixture
def postgres_fleet(_postgres_servers: "PostgresFleet") -> "PostgresFleet":
    """A real PostgreSQL server and two replicas, whole and empty, for a test to do anything to.

    Which of them is `fleet.primary` is another one after a promotion. The servers are made once per worker, which takes
    a second, and mended before each test: give tests that use them `pytest.mark.xdist_group("postgres")`.
    """
    _postgres_servers.mend()
    return _postgres_servers


@pytest.fixture(autouse=True)
def _sessions_of_their_own() -> Iterator[None]:
    """A test that writes outside of any consistency scope leaves one in the context, which the next test is not to inherit."""
    scopes = sys.modules.get("seawall.replicas._scope")
    restore = scopes._SCOPE.set(None) if scopes is not None else None
    yield
    if scopes is not None:
        scopes._SCOPE.reset(restore)


@pytest.fixture(autouse=True)
def _aws_as_the_environment_says() -> None:
    """A process keeps one session of AWS, with the profile and credentials that it had: a test is to have its own."""
    clients = sys.modules.get("seawall_ops.clients")
    if clients is not None:
        clients._session.cache_clear()


@pytest.fixture
def pulumi_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for one program under Pulumi's mocks, and a runtime that remembers no program before it."""
    from pulumi.runtime import settings  # 0.3 s, which tests of the runtime need not pay

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Pulumi's mocks make an event loop in each thread that they use, and close none: so one thread, closed at the end.
    worker = ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop()))
    loop.set_default_executor(worker)
    _forget(settings)
    yield loop
    # A program that was refused half-way leaves tasks behind, whose errors follow from the one that the test has seen.
    loop.set_exception_handler(lambda _loop, _context: None)
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    worker.submit(lambda: asyncio.get_event_loop().close()).result()
    worker.shutdown()
    _forget(settings)
    asyncio.set_event_loop(None)
    loop.close()


def _forget(settings: object) -> None:
    """The root resource and the open calls of an earlier program live on its loop, which is closed."""
    settings.ROOT.set(None)  # type: ignore[attr-defined]
    settings.SETTINGS.rpc_manager.clear()  # type: ignore[attr-defined]
