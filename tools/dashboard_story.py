"""A quarter of an hour in the life of the demo shop, as a real Prometheus saw it: what `dashboard_pictures.py` draws.

The shop runs on loopback in two regions with real PostgreSQL servers and a payment API. Under a steady load the payment API
fails, a replica falls behind, an instance is killed and comes back, the writer dies, and a release with a wrong setting serves a
part of the traffic. Prometheus scrapes the shop, evaluates the rules that the components declare, and keeps what it saw in a folder.
"""

import asyncio
import contextlib
import http.server
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from localcloud.checkers import ensure_checker
from localcloud.postgres_fleet import PostgresFleet
from pulumi_seawall import MonitoringArgs, ObjectivesArgs, plan_alert_rules, plan_service_level_objective
from pulumi_seawall._rule_groups import rule_file

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "shop"))

from shop_fleet import PRIMARY, STANDBY, TOPOLOGY, Fleet  # noqa: E402

SCRAPE_SECONDS: Final = 5
REQUESTS_PER_SECOND: Final = 10  # in each region: two busy cores take no more beside everything else
ORDERS: Final = 0.3  # share of the requests; half of them look at the order of before
STOCK: Final = 0.2
CANARY_SHARE: Final = 0.2  # of the primary region's traffic, while there is one
STABLE, CANARY = "5f8c9d77b4", "7d9c6b4f58"  # as pod-template hashes look
TIMEOUT_SECONDS: Final = 5.0
READY_SECONDS: Final = 60.0
STORY_SECONDS: Final = 900

SERVICE: Final = "shop"
REGIONS: Final = (PRIMARY, STANDBY)
OBJECTIVES: Final[ObjectivesArgs] = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 90,
    "recovery_point_seconds": 60,
}


def monitoring_args(**selector: str) -> MonitoringArgs:
    """How the shop of the story is watched."""
    return {
        "service": SERVICE,
        "regions": list(REGIONS),
        "selector": {"job": SERVICE, **selector},
        "rule_selector_labels": {"release": "prometheus"},
        "runbook_url": "https://wiki.example.com/runbooks/{alert}",
        "scrape_interval_seconds": SCRAPE_SECONDS,
        "evaluation_interval_seconds": SCRAPE_SECONDS,
    }


def record(folder: Path, say: Callable[[str], None]) -> None:
    """Let the story happen, and keep in a folder what Prometheus saw.

    Args:
        folder: Where; must not exist.
        say: Called with a line where there is something to say.
    """
    prometheus = ensure_checker("prometheus", progress=say)
    folder.mkdir(parents=True)
    with contextlib.ExitStack() as ending:
        databases = ending.enter_context(PostgresFleet(replicas=1))
        payments, url = ending.enter_context(_payments())
        variables = _variables(databases, url)
        fleet = ending.enter_context(_shop(folder / "shop", variables))
        watching = ending.enter_context(_prometheus(prometheus, folder, _targets(fleet)))
        begin = time.time()
        asyncio.run(_live(folder, fleet, databases, payments, variables, say))
        (folder / "span.json").write_text(json.dumps({"begin": begin, "end": time.time()}), encoding="utf-8")
        watching.send_signal(signal.SIGTERM)
        watching.wait(30)


async def _live(
    folder: Path,
    fleet: Fleet,
    databases: PostgresFleet,
    payments: list[int],
    variables: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """What happens when, in seconds since the beginning."""
    urls = {region: list(each) for region, each in fleet.instances.items()}
    canary: list[str] = []
    ends = time.monotonic() + STORY_SECONDS
    loads = [asyncio.create_task(_load(urls[region], canary if region == PRIMARY else [], ends)) for region in REGIONS]
    began = time.monotonic()

    async def at(seconds: float, what: str) -> None:
        await asyncio.sleep(began + seconds - time.monotonic())
        say(f"{seconds:g} s: {what}")

    old = databases.primary
    replica = next(each for each in databases.servers if each is not old)
    with contextlib.ExitStack() as ending:
        await at(120, "the payment API fails")
        payments[0] = 503
        await at(210, "a replica falls behind")
        replica.pause_replay()
        await at(240, "the payment API is back")
        payments[0] = 200
        await at(300, "the replica catches up; an instance is killed")
        replica.resume_replay()
        victim = fleet.ports[STANDBY][1]
        fleet.signal(victim, signal.SIGKILL)
        urls[STANDBY].remove(f"http://127.0.0.1:{victim}")
        await at(390, "the instance is started again")
        ending.enter_context(_instance(folder / "shop", fleet, STANDBY, victim, variables))
        await at(420, "it gets its part of the traffic")
        urls[STANDBY].append(f"http://127.0.0.1:{victim}")
        await at(480, "the writer dies")
        old.kill()
        await asyncio.sleep(10)
        await asyncio.to_thread(databases.promote, replica)
        await at(570, "the old writer comes back as a replica")
        await asyncio.to_thread(old.rebuild_as_replica, replica)
        await at(660, "a release with a wrong setting is started")
        port = free_port()
        wrong = {**variables, "SHOP_DATABASE_ADDRESSES": f"{PRIMARY}=127.0.0.1:1;{STANDBY}=127.0.0.1:1"}
        ending.enter_context(_instance(folder / "shop", fleet, PRIMARY, port, wrong))
        await at(675, "it gets a part of the traffic")
        canary.append(f"http://127.0.0.1:{port}")
        _write_targets(folder, [*_targets(fleet), _target(PRIMARY, port, CANARY)])
        await asyncio.gather(*loads)


async def _load(urls: list[str], canary: list[str], ends: float) -> None:
    """A steady load on one region, as customers make it; what fails is not tried again."""
    pause, under_way = 1 / REQUESTS_PER_SECOND, set[asyncio.Task[None]]()
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        while time.monotonic() < ends:
            chosen = canary if canary and secrets.randbelow(100) < CANARY_SHARE * 100 else urls
            task = asyncio.create_task(_visit(client, chosen[secrets.randbelow(len(chosen))]))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(pause)
        await asyncio.gather(*under_way)


async def _visit(client: httpx.AsyncClient, url: str) -> None:
    draw = secrets.randbelow(1000) / 1000
    with contextlib.suppress(httpx.HTTPError):
        if draw >= ORDERS + STOCK:
            await client.get(f"{url}/products")
        elif draw >= ORDERS:
            await client.get(f"{url}/products/lamp/stock")
        else:
            answer = await client.post(f"{url}/orders", json={"product": "lamp"})
            if answer.is_success and draw < ORDERS / 2:
                await client.get(f"{url}/orders/{answer.json()['order']}")


@contextlib.contextmanager
def _payments() -> Iterator[tuple[list[int], str]]:
    """A payment API that answers with the status it is told to."""
    status = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield status, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _variables(databases: PostgresFleet, payments_url: str) -> dict[str, str]:
    addresses = zip(REGIONS, databases.servers, strict=True)
    return {
        "SHOP_PAYMENTS_URL": payments_url,
        "SHOP_DATABASE_USER": "shop",
        "SHOP_DATABASE_PASSWORD": databases.servers[0].password,
        "SHOP_DATABASE_ADDRESSES": ";".join(f"{region}={server.address}" for region, server in addresses),
        "SHOP_TOKEN_KEY": secrets.token_hex(16),
        "SHOP_INSECURE_COOKIES": "1",
        "SHOP_DRAIN_SECONDS": "0",
    }


@contextlib.contextmanager
def _shop(folder: Path, variables: Mapping[str, str]) -> Iterator[Fleet]:
    """Two instances in each region, with the database in their topology."""
    folder.mkdir()
    fleet = Fleet(folder, variables)
    members = [
        {"name": region, "region": region, "identifier": f"shop-{region}", "host": f"{region}.db.example"}
        for region in REGIONS
    ]
    database = {"engine": "postgres", "database": "shop", "port": 5432, "writer": PRIMARY, "members": members}
    fleet.topology.write_text(json.dumps({**TOPOLOGY, "database": database}), encoding="utf-8")
    with fleet:
        yield fleet


@contextlib.contextmanager
def _instance(folder: Path, fleet: Fleet, region: str, port: int, variables: Mapping[str, str]) -> Iterator[None]:
    """One instance more, which is no part of the fleet."""
    instances = ";".join(f"{name}={','.join(urls)}" for name, urls in fleet.instances.items())
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "examples" / "shop"),
        "SEAWALL_TOPOLOGY_PATH": str(fleet.topology),
        "SHOP_INSTANCES": instances,
        **variables,
    }
    command = [sys.executable, "-m", "shop", "--region", region, "--port", str(port)]
    with (
        (folder / f"{port}.log").open("wb") as log,
        subprocess.Popen(command, env=environ, stdout=log, stderr=log) as one,
    ):
        try:
            yield
        finally:
            one.kill()


@contextlib.contextmanager
def _prometheus(binary: Path, folder: Path, targets: list[dict[str, Any]]) -> Iterator[subprocess.Popen[bytes]]:
    """Scrapes the targets, and evaluates every rule for each region."""
    _write_targets(folder, targets)
    rules: list[str] = []
    for region in REGIONS:
        monitoring = monitoring_args(region=region)
        alerts = plan_alert_rules({"monitoring": monitoring, "objectives": OBJECTIVES})
        slo = plan_service_level_objective(
            {
                "monitoring": monitoring,
                "objectives": OBJECTIVES,
                "no_data": "pause",  # pyright: ignore[reportArgumentType] - as another language says it
                "retention_seconds": 40 * 86400,
            }
        ).rules
        for plan in (alerts, slo):
            path = folder / f"{plan.object_name}-{region}.json"
            path.write_text(rule_file(plan.groups[region]), encoding="utf-8")
            rules.append(path.name)
    config = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": rules,
        "scrape_configs": [
            {"job_name": SERVICE, "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "2s"}]}
        ],
    }
    (folder / "prometheus.json").write_text(json.dumps(config), encoding="utf-8")
    with serving(binary, folder, "prometheus.json", free_port()) as process:
        yield process


@contextlib.contextmanager
def serving(binary: Path, folder: Path, config: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A Prometheus over a folder's data, on loopback, once it is ready; it is ended at the end.

    Raises:
        RuntimeError: it ended, or took too long.
    """
    command = [
        str(binary),
        f"--config.file={config}",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        (folder / "prometheus.log").open("ab") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as one,
    ):
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not _answers(f"http://127.0.0.1:{port}/-/ready"):
                if one.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Prometheus did not start: see {folder / 'prometheus.log'}")
                time.sleep(0.1)
            yield one
        finally:
            one.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.HTTPError:
        return False


def _targets(fleet: Fleet) -> list[dict[str, Any]]:
    return [_target(region, port, STABLE) for region, ports in fleet.ports.items() for port in ports]


def _target(region: str, port: int, pod_hash: str) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": {"region": region, "rollouts_pod_template_hash": pod_hash}}


def _write_targets(folder: Path, targets: list[dict[str, Any]]) -> None:
    """At once: Prometheus reads the file whenever it changes."""
    new = folder / "targets.json.new"
    new.write_text(json.dumps(targets), encoding="utf-8")
    new.replace(folder / "targets.json")


def free_port() -> int:
    """A port on loopback that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
