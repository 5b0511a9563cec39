"""The demo app on loopback, two instances in each region, as a user would run it: it knows nothing of this package.

    started = start(sandbox, claim, endpoint)     # or those that run there already
    stop(sandbox.apps)

A process counts as ours only if its command line and its environment carry what `apps.json` says of it.
"""

import contextlib
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from localcloud.databases import Databases
from localcloud.errors import LocalCloudError
from localcloud.moto_server import read_json
from localcloud.postgres_install import USER
from localcloud.processes import end, ours
from localcloud.provider.journal import write_atomically
from localcloud.sandbox import ROOT

SHOP: Final = ROOT / "examples" / "shop"
INSTANCES_PER_REGION: Final = 2
START_SECONDS: Final = 60.0  # about 3 s for four on two idle cores
STOP_SECONDS: Final = 5.0  # after SIGTERM, and again after SIGKILL
ANSWER_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05
STATE_FILE: Final = "apps.json"
MARK: Final = "SEAWALL_LOCAL_APPS"  # in the environment of each process: the digest of what it was started for
WATCHED: Final = ("examples/shop/shop", "runtime/seawall")  # a change in these starts the instances anew

Progress = Callable[[str], None]


class AppsUnavailable(LocalCloudError):
    """An instance of the demo app did not become ready; the line ends with the last one of its log."""


@dataclass(frozen=True)
class AppInstance:
    """One instance: where it runs, and which process it is."""

    region: str
    port: int
    pid: int
    mark: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Apps:
    """All instances, and whether this call started them."""

    instances: tuple[AppInstance, ...]
    started: bool


def start(
    folder: Path,
    claim: Mapping[str, Any],
    endpoint: str,
    progress: Progress | None = None,
    databases: Databases | None = None,
) -> Apps:
    """The instances of every region that serves, started if they do not run.

    Args:
        folder: Where their logs and `apps.json` are kept; made when absent.
        claim: The program's output `topology`: service, environment and regions.
        endpoint: The local cloud's address, from which they read their topology.
        progress: Called with a line where there is something to say.
        databases: Where they keep orders; `None`: nowhere.

    Raises:
        AppsUnavailable: One did not become ready in time.
    """
    say = progress or (lambda _: None)
    mark = _mark(claim, endpoint, databases)
    running = status(folder)
    if running and len(running) == len(claim["regions"]) * INSTANCES_PER_REGION and running[0].mark == mark:
        return Apps(running, started=False)
    if running:
        say("the instances of before are ended: they served another cloud, or older code")
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    places = [(region, number) for region in claim["regions"] for number in range(1, INSTANCES_PER_REGION + 1)]
    ports = _free_ports(len(places))
    urls: dict[str, list[str]] = {}
    for (region, _), port in zip(places, ports, strict=True):
        urls.setdefault(region, []).append(f"http://127.0.0.1:{port}")
    shared = _variables(claim, endpoint, urls, mark) | _database_variables(databases)
    begun: list[AppInstance] = []
    for (region, number), port in zip(places, ports, strict=True):
        pid = _spawn(folder / f"{region}-{number}.log", region, port, shared)
        begun.append(AppInstance(region, port, pid, mark))
        write_atomically(folder / STATE_FILE, {"instances": [asdict(one) for one in begun]})
    for instance, (region, number) in zip(begun, places, strict=True):
        _await_ready(instance, folder / f"{region}-{number}.log")
    return Apps(tuple(begun), started=True)


def status(folder: Path) -> tuple[AppInstance, ...]:
    """The instances that are alive and ours."""
    noted: list[dict[str, Any]] = read_json(folder / STATE_FILE).get("instances", [])
    return tuple(instance for each in noted if _process(instance := AppInstance(**each)) is not None)


def stop(folder: Path) -> int:
    """End all instances and forget them; how many there were."""
    instances = status(folder)
    end([process for one in instances if (process := _process(one)) is not None], STOP_SECONDS)
    (folder / STATE_FILE).unlink(missing_ok=True)
    return len(instances)


def ask(instance: AppInstance, path: str) -> tuple[int, Any]:
    """Status and JSON body of a GET; (0, None) when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def order_and_find(instance: AppInstance) -> int | None:
    """Order something, and find it by the cookie of the answer; the port of the database server that it was read from.

    `None`: it was not taken, or not found.
    """
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/orders", b'{"product": "lamp"}', {"Content-Type": "application/json"})
        answer = connection.getresponse()
        number = json.loads(answer.read()).get("order")
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        connection.request("GET", f"/orders/{number}", headers={"Cookie": cookie})
        found = json.loads(connection.getresponse().read())
        return found["read_at"] if found.get("order") == number else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _mark(claim: Mapping[str, Any], endpoint: str, databases: Databases | None) -> str:
    """Differs whenever instances that run already would not be the ones that a new start makes."""
    servers = None if databases is None else [databases.token_key, dict(databases.members)]
    served = [endpoint, claim["service"], claim["environment"], claim["regions"], servers]
    digest = hashlib.sha256(json.dumps(served).encode())
    for place in WATCHED:
        for path in sorted((ROOT / place).rglob("*.py")):
            digest.update(f"{path}{path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _variables(claim: Mapping[str, Any], endpoint: str, urls: Mapping[str, Sequence[str]], mark: str) -> dict[str, str]:
    """What an instance needs, and nothing of the user's that could reach a real cloud."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ") if key in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "SEAWALL_SERVICE": claim["service"],
        "SEAWALL_ENVIRONMENT": claim["environment"],
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SHOP_INSTANCES": ";".join(f"{region}={','.join(each)}" for region, each in urls.items()),
        "SHOP_TOPOLOGY_SECONDS": "2",
        "SHOP_DRAIN_SECONDS": "0",  # nobody but us calls them: there is no load balancer to wait for
        MARK: mark,
    }


def _database_variables(databases: Databases | None) -> dict[str, str]:
    """Where the instances keep orders: RDS's names for its instances lead nowhere on this machine."""
    if databases is None:
        return {}
    return {
        "SHOP_DATABASE_USER": USER,
        "SHOP_DATABASE_PASSWORD": databases.password,
        "SHOP_DATABASE_ADDRESSES": ";".join(f"{member}={address}" for member, address in databases.members.items()),
        "SHOP_TOKEN_KEY": databases.token_key,
        "SHOP_INSECURE_COOKIES": "1",  # there is no TLS on loopback
    }


def _spawn(log: Path, region: str, port: int, variables: Mapping[str, str]) -> int:
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "shop", "--region", region, "--port", str(port)],
            cwd=SHOP,
            env={**variables, "AWS_REGION": region},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process.pid


def _await_ready(instance: AppInstance, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ask(instance, "/readyz")[0] != 200:
        ended = _process(instance) is None
        if ended or time.monotonic() > deadline:
            lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
            what = "ended while starting" if ended else f"was not ready within {START_SECONDS:g} s"
            raise AppsUnavailable(f"shop in {instance.region}: it {what}; the last line of {log.name}: {lines[-1:]}")
        time.sleep(POLL_SECONDS)


def _process(instance: AppInstance) -> psutil.Process | None:
    return ours(
        instance.pid,
        lambda process: str(instance.port) in process.cmdline() and process.environ().get(MARK) == instance.mark,
    )


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now; all are held until the last is found, so that they differ."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(count):
            holder = held.enter_context(socket.socket())
            holder.bind(("127.0.0.1", 0))
            ports.append(holder.getsockname()[1])
    return ports
