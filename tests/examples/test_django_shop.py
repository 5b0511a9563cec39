"""The Django example, as a process on three real servers: a replica dies, then the writer; nobody restarts anything."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.postgres_fleet import PostgresFleet

SHOP = Path(__file__).resolve().parents[2] / "examples" / "django_shop"
START_SECONDS = 30.0
FOLLOW_SECONDS = 15.0  # a promotion is followed in well under a second; the rest is for a busy machine

pytestmark = pytest.mark.xdist_group("postgres")


class Client:
    """A browser, as far as its one cookie goes; shares no code with what is tested."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._cookie = ""

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON; (0, None) when nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Cookie": self._cookie})  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                self._cookie = (answer.headers["Set-Cookie"] or self._cookie).partition(";")[0]
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() if error.code == 503 else b"null")
        except OSError:
            return 0, None

    def order(self) -> str:
        """Order something, and again where the answer says so; the order's number."""
        number = str(uuid.uuid4())
        deadline = time.monotonic() + FOLLOW_SECONDS
        while (answer := self.ask("/orders", {"number": number, "product": "lamp"}))[0] != 201:
            assert answer[0] == 503, answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        return number


@pytest.fixture
def shop(postgres_fleet: PostgresFleet, tmp_path: Path) -> Iterator[Client]:
    """The example, served by uvicorn, after `manage.py migrate`."""
    primary = postgres_fleet.primary
    servers = [primary, *(each for each in postgres_fleet.servers if each is not primary)]
    primary.sql("GRANT pg_monitor TO shop")  # so that a replica's timeline is known at once after a promotion
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "SHOP_", "AWS_"))},
        "SHOP_DATABASE_SERVERS": ";".join(f"{each.name}={each.address}" for each in servers),
        "SHOP_DATABASE_PASSWORD": primary.password,
        "SHOP_SECRET_KEY": "made up, and long enough to be one",
        "SHOP_INSECURE_COOKIES": "1",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=SHOP, env=environ, check=True, timeout=60)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    log = tmp_path / "shop.log"
    command = [sys.executable, "-m", "uvicorn", "django_shop.asgi:application", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=SHOP, env=environ, stdout=output, stderr=output)
    try:
        client = Client(port)
        deadline = time.monotonic() + START_SECONDS
        while client.ask("/readyz")[0] != 200:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield client
        sys.stdout.write(log.read_text(encoding="utf-8"))  # shown where the test fails
    finally:
        process.kill()
        process.wait(10)
        next(each for each in postgres_fleet.servers if each.running and not each.in_recovery()).sql(
            "REVOKE pg_monitor FROM shop"
        )


def test_a_client_reads_its_orders_while_a_replica_dies_and_another_becomes_the_writer(
    shop: Client, postgres_fleet: PostgresFleet
):
    """What the README promises, in one go."""
    primary = postgres_fleet.primary
    numbers = [shop.order() for _ in range(3)]
    postgres_fleet.wait_in_step()
    status, seen = shop.ask("/orders")
    assert (status, seen["orders"]) == (200, numbers)
    (read_at,) = seen["read_at"]
    assert read_at != primary.port

    victim = next(each for each in postgres_fleet.servers if each.port == read_at)
    heir = next(each for each in postgres_fleet.servers if each not in (victim, primary))
    failed: list[Any] = []
    stop = threading.Event()

    def read() -> None:
        reader = Client(int(shop._url.rpartition(":")[2]))
        while not stop.is_set():
            if (answer := reader.ask("/orders"))[0] != 200:
                failed.append(answer)

    thread = threading.Thread(target=read)
    thread.start()
    victim.kill()
    for _ in range(5):
        numbers.append(shop.order())
        assert shop.ask("/orders")[1]["orders"] == numbers
    stop.set()
    thread.join(20)
    assert failed == []

    postgres_fleet.wait_in_step()
    primary.kill()
    heir.promote()
    numbers.append(shop.order())
    deadline = time.monotonic() + FOLLOW_SECONDS
    while (answer := shop.ask("/orders"))[0] != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    assert answer[1] == {"orders": numbers, "read_at": [heir.port]}
    assert shop.ask("/readyz") == (200, {"writer": heir.name})
