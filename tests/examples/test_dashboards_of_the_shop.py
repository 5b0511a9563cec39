"""Every metric and label that a dashboard asks for is in a scrape of the shop as it runs: over loopback, as Prometheus does it."""

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse
from shop.app import create_app
from shop.settings import Settings
from shop_fleet import PRIMARY, TOPOLOGY

from asked_metrics import asked, dashboards_args
from pulumi_seawall import plan_dashboards
from replica_world import World
from seawall.breaker import CircuitBreaker, CircuitBreakerConfig
from seawall.contract import ALL_METRICS
from seawall.faults import Fault, FaultInjector
from seawall.metrics import watch
from seawall.replicas import ReplicaRouter
from seawall.topology import TextSource

START_SECONDS = 20.0
ADDED_BY_PROMETHEUS = {"job", "instance", "rollouts_pod_template_hash"}
"""Of the target, and not of the app: what discovery says of the pod."""


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - ours
        return answer.read().decode()


@pytest.fixture
def shop() -> Iterator[str]:
    """The address of a running shop, which has a database, a breaker that judges, and faults on top of its own."""
    import json

    registry = CollectorRegistry()
    source = TextSource(json.dumps(TOPOLOGY))
    app = create_app(Settings(region=PRIMARY, drain_seconds=0), source=source, registry=registry)
    world = World(("a", "b"))
    router = ReplicaRouter(world.writer, world.readers, gauge=world, name="orders")
    router.measure()
    router.pick_reader().success()
    breaker = CircuitBreaker("stock", CircuitBreakerConfig(minimum_calls=1))
    breaker.acquire().success()
    moved = CircuitBreaker("mail")
    faults = FaultInjector([Fault("refused", at="stock", kind="error")])
    faults.switch_on(for_seconds=60)
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
    url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with ExitStack() as ending:
        ending.enter_context(watch(router, breaker, moved, faults, registry=registry))
        moved.force_open()
        with pytest.raises(ConnectionError):
            faults.inject("stock")
        thread.start()
        ending.callback(thread.join, 10)
        ending.callback(setattr, server, "should_exit", True)
        deadline = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < deadline:
            thread.join(0.02)
        yield url
    held.close()


def scraped(url: str) -> dict[str, list[set[str]]]:
    """The labels of each sample, by its name."""
    found: dict[str, list[set[str]]] = {}
    for family in parse(fetched(f"{url}/metrics")):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(set(sample.labels))
    return found


def test_what_dashboards_ask_of_the_shop_the_shop_exports(shop: str):
    """Names that are right in a file and wrong in the app are empty panels."""
    assert fetched(f"{shop}/products")
    fetched(f"{shop}/readyz")  # so that each check has run
    samples: dict[str, Any] = scraped(shop)
    ours = {name for spec in ALL_METRICS for name in spec.samples}
    questions = [each for each in asked(plan_dashboards(dashboards_args())) if each.metric in ours]
    assert len({each.metric for each in questions}) >= 25
    for each in questions:
        assert each.metric in samples, each.metric
        labels = each.labels - ADDED_BY_PROMETHEUS
        assert any(labels <= found for found in samples[each.metric]), each
