"""Real servers of PostgreSQL that a test asks as their superuser, fences, and waits for."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER


@contextmanager
def asked_as_superuser(fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """User and password as libpq's variables; whatever a test has fenced is let go at the end."""
    monkeypatch.setenv("PGUSER", SUPERUSER)
    monkeypatch.setenv("PGPASSWORD", fleet.primary.password)
    try:
        yield
    finally:
        for server in fleet.servers:
            if server.running:
                server.sql("ALTER SYSTEM RESET ALL")
                server.sql("SELECT pg_reload_conf()")


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for what another process does; fail when it does not."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)
