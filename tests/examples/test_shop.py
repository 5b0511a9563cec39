"""The demo shop: in one process, and as real processes in two regions that are drained and killed."""

import asyncio
import http.server
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import shop_kill
from prometheus_client import CollectorRegistry
from shop.app import create_app
from shop.endpoints import endpoints_of
from shop.settings import DatabaseSettings, Settings
from shop_fleet import PRIMARY, STANDBY, TOPOLOGY, Fleet

from localcloud.postgres_fleet import PostgresFleet
from seawall.errors import InvalidInput
from seawall.replicas import EpochLease
from seawall.topology import TextSource, load

SOURCE = TextSource(json.dumps(TOPOLOGY))
DATABASE = {
    "engine": "postgres",
    "database": "shop",
    "port": 5432,
    "writer": PRIMARY,
    "members": [
        {"name": region, "region": region, "identifier": f"shop-{number}", "host": f"db{number}.example"}
        for number, region in enumerate((PRIMARY, STANDBY))
    ],
}
DATABASE_ENVIRON = {
    "SHOP_DATABASE_USER": "u",
    "SHOP_DATABASE_PASSWORD": "secret word",
    "SHOP_TOKEN_KEY": "a secret of sixteen bytes",
    "SHOP_DATABASE_ADDRESSES": "eu=127.0.0.1:1;us=127.0.0.1:2",
}


def get(url: str) -> tuple[int, Any]:
    """Status and JSON, without httpx: a client that shares nothing with what is tested."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - ours
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[int]]]:
    """A payment API that answers with the statuses it is told to, the last one for ever."""
    statuses = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(statuses[0] if len(statuses) == 1 else statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", statuses
        server.shutdown()
        thread.join()


def test_orders_are_taken_while_payments_fail_and_the_breaker_spares_the_api(gateway: tuple[str, list[int]]):
    """A payment API that is down costs the shop a flag on the order, not the order, and shows in health and metrics."""
    url, statuses = gateway
    registry = CollectorRegistry()
    app = create_app(Settings(region=PRIMARY, payments_url=url, drain_seconds=0), source=SOURCE, registry=registry)

    async def run() -> None:
        async with app.router.lifespan_context(app) as state:

            async def served(scope: Any, receive: Any, send: Any) -> None:
                await app({**scope, "state": dict(state or {})}, receive, send)  # as a server passes it on

            async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://shop.test") as client:
                await checks(client)

    async def checks(client: httpx.AsyncClient) -> None:
        order = {"product": "chair", "quantity": 2}
        answer = await client.post("/orders", json=order)
        assert (answer.status_code, answer.json()["paid"], answer.json()["cents"]) == (201, True, 25800)
        statuses[:] = [503]
        answers = [await client.post("/orders", json=order) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {202}
        health = (await client.get("/health")).json()
        assert (health["status"], health["checks"]["payments"]["outcome"]) == ("degraded", "failed")
        assert (await client.get("/readyz")).status_code == 200
        scraped = (await client.get("/metrics")).text
        assert 'seawall_circuit_breaker_state{breaker="payments",state="open"} 1.0' in scraped
        rejected = 'seawall_circuit_breaker_calls_total{breaker="payments",outcome="rejected"} '
        assert float(scraped.partition(rejected)[2].split()[0]) >= 3
        assert 'http_route="/orders"' in scraped
        assert 'seawall_slo_error_budget_remaining_ratio{slo="shop-availability"} 1.0' in scraped
        assert (await client.post("/orders", json={"product": "castle"})).status_code == 404
        # No other instance runs here: the stock of the primary region is not known, which is no error.
        assert (await client.get("/products/lamp/stock")).json()["left"] is None

    asyncio.run(run())


@pytest.mark.xdist_group("postgres")
def test_an_order_is_kept_and_found_at_a_replica_also_after_the_writer_died(postgres_fleet: PostgresFleet):
    """Whoever ordered finds the order at once, in either region; when the writer's region dies, nobody restarts anything."""
    primary = postgres_fleet.primary
    primary.sql("CHECKPOINT")
    postgres_fleet.wait_in_step()
    replica, spare = (each for each in postgres_fleet.servers if each is not primary)
    replica.sql("CHECKPOINT")  # so that it tells on which timeline it is
    spare.stop()
    settings = Settings(
        region=STANDBY,
        drain_seconds=0,
        database=DatabaseSettings(
            user="shop",
            password=primary.password,
            token_key=b"a secret of sixteen bytes",
            addresses={PRIMARY: primary.address, STANDBY: replica.address},
        ),
    )
    source = TextSource(json.dumps({**TOPOLOGY, "database": DATABASE}))
    registry = CollectorRegistry()
    app = create_app(settings, source=source, registry=registry)

    async def run() -> None:
        async with app.router.lifespan_context(app) as state:

            async def served(scope: Any, receive: Any, send: Any) -> None:
                await app({**scope, "state": dict(state or {})}, receive, send)

            transport = httpx.ASGITransport(served)
            async with httpx.AsyncClient(transport=transport, base_url="https://shop.test", timeout=20) as client:
                await checks(client)

    async def find(client: httpx.AsyncClient, number: str) -> Any:
        answer = await client.get(f"/orders/{number}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def checks(client: httpx.AsyncClient) -> None:
        number = (await client.post("/orders", json={"product": "lamp"})).json()["order"]
        assert "seawall_consistency" in client.cookies
        found = await find(client, number)
        assert (found["order"], found["cents"], found["paid"]) == (number, 4900, False)
        deadline = time.monotonic() + 10
        while (await find(client, number))["read_at"] != replica.port:
            assert time.monotonic() < deadline, "the region's own replica is not read from"
        assert (await client.get("/orders/unknown")).status_code == 404
        assert (await client.get("/health")).json()["checks"]["database"]["outcome"] == "healthy"
        scraped = (await client.get("/metrics")).text
        assert f'server="{STANDBY}"' in scraped

        await asyncio.to_thread(postgres_fleet.wait_in_step)
        await asyncio.to_thread(primary.kill)
        refused = await client.post("/orders", json={"product": "lamp"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert (await find(client, number))["read_at"] == replica.port
        await asyncio.to_thread(replica.promote)
        deadline = time.monotonic() + 10
        while (answer := await client.post("/orders", json={"product": "chair"})).status_code != 202:
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.05)
        assert (await find(client, answer.json()["order"]))["cents"] == 12900

    asyncio.run(run())


def test_endpoints_are_the_topologys_and_primaries_come_first():
    """What is declared is what is called; on loopback a region's instances stand in for its load balancer."""
    view = load(SOURCE)
    assert [(each.name, each.url, each.role) for each in endpoints_of(view)] == [
        ("eu", "https://eu.shop.example", "primary"),
        ("us", "https://us.shop.example", "standby"),
    ]
    found = endpoints_of(view, {STANDBY: ("http://127.0.0.1:1", "http://127.0.0.1:2")})
    assert [(each.name, each.role) for each in found] == [("eu", "primary"), ("us-1", "standby"), ("us-2", "standby")]


def test_settings_come_from_the_environment_and_the_command_line_counts_more(tmp_path: Path):
    """One line says what is missing, before anything is served."""
    environ = {"SHOP_REGION": "a", "SHOP_PORT": "9", "SHOP_INSTANCES": "a=http://x,http://y;b=http://z"}
    settings = Settings.from_environ(environ, port=7)
    assert (settings.region, settings.port) == ("a", 7)
    assert settings.instances == {"a": ("http://x", "http://y"), "b": ("http://z",)}
    assert settings.database is None
    database = Settings.from_environ({**environ, **DATABASE_ENVIRON}).database
    assert database is not None
    assert database.addresses == {"eu": "127.0.0.1:1", "us": "127.0.0.1:2"}
    assert "secret" not in repr(database)
    assert database.lease is None
    leased = Settings.from_environ({**environ, **DATABASE_ENVIRON, "SHOP_EPOCH_LEASE_SECONDS": "30"}).database
    assert leased is not None
    assert leased.lease == EpochLease(ttl_seconds=30.0, margin_seconds=3.0)
    for broken, line in (
        ({}, "SHOP_REGION is missing"),
        ({**environ, "SHOP_PORT": "x"}, "SHOP_PORT = x"),
        ({**environ, "SHOP_INSTANCES": "a"}, "SHOP_INSTANCES = a"),
        ({**environ, "SHOP_DATABASE_USER": "u"}, "SHOP_TOKEN_KEY is missing"),
        ({**environ, "SHOP_DATABASE_USER": "u", "SHOP_TOKEN_KEY": "short"}, "SHOP_TOKEN_KEY = 5 bytes"),
        ({**environ, "SHOP_DATABASE_USER": "u", "SHOP_TOKEN_KEY": "k" * 16}, "SHOP_DATABASE_PASSWORD is missing"),
        ({**environ, **DATABASE_ENVIRON, "SHOP_EPOCH_LEASE_SECONDS": "-1"}, "SHOP_EPOCH_LEASE_SECONDS = -1"),
        (
            {
                **environ,
                **DATABASE_ENVIRON,
                "SHOP_EPOCH_LEASE_SECONDS": "3",
                "SHOP_EPOCH_MARGIN_SECONDS": "4",
            },
            "SHOP_EPOCH_MARGIN_SECONDS = 4",
        ),
        (
            {**environ, **DATABASE_ENVIRON, "SHOP_DATABASE_ADDRESSES": "eu=here"},
            "SHOP_DATABASE_ADDRESSES = eu=here",
        ),
    ):
        with pytest.raises(InvalidInput, match=line):
            Settings.from_environ(broken)


def test_it_stays_up_while_one_instance_drains_and_a_region_dies(tmp_path: Path):
    """The whole of it, as processes: a deployment nobody notices, then a power cut that costs retries and no GET."""
    with Fleet(tmp_path, {"SHOP_DRAIN_SECONDS": "3"}) as fleet:
        primary, leaving = fleet.instances[PRIMARY][0], fleet.instances[STANDBY][1]
        for region, urls in fleet.instances.items():
            for url in urls:
                status, body = get(f"{url}/region")
                assert (status, body["region"], body["primary"]) == (200, region, PRIMARY)
        assert get(f"{leaving}/products/lamp/stock") == (200, {"product": "lamp", "left": 12, "counted_in": PRIMARY})

        fleet.signal(fleet.ports[STANDBY][1], signal.SIGTERM)
        deadline = time.monotonic() + 2.5
        while get(f"{leaving}/readyz")[1]["status"] != "draining":
            assert time.monotonic() < deadline, "it did not say that it drains"
        assert get(f"{leaving}/products")[0] == 200
        assert get(f"{leaving}/livez")[0] == 200

        assert get(f"{primary}/regionz")[0] == 200
        outcome = asyncio.run(shop_kill.kill_under_load(fleet, PRIMARY, before_seconds=0.5, after_seconds=1.0))
        assert shop_kill.missed(outcome) == []
        assert outcome.plain.failed_gets, "the kill was not felt, so nothing was shown"
        assert fleet.wait(fleet.ports[STANDBY][1]) in (0, -signal.SIGTERM)


@pytest.mark.soak
def test_nobody_notices_when_the_standby_dies(tmp_path: Path):
    """The other region: nothing is retried, nothing fails."""
    with Fleet(tmp_path) as fleet:
        outcome = asyncio.run(shop_kill.kill_under_load(fleet, STANDBY))
    assert shop_kill.missed(outcome) == []
    assert (outcome.ours.retried, outcome.ours.failed) == ([], 0)


def test_without_a_topology_it_says_so_in_one_line_and_does_not_start(tmp_path: Path):
    """A tired person reads the last line of a log."""
    shop = Path(shop_kill.__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "shop", "--region", "eu-west-1"],
        env={"PYTHONPATH": str(shop), "SEAWALL_TOPOLOGY_PATH": str(tmp_path / "nowhere.json")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("shop: ")
    assert len(done.stderr.splitlines()) == 1
