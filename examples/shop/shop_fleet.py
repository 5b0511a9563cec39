"""The shop as it is deployed, on loopback: two regions, two instances each, and the document that names them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

__all__ = ["PRIMARY", "STANDBY", "Fleet"]

PRIMARY: Final = "eu-west-1"
STANDBY: Final = "us-west-2"
INSTANCES: Final = 2  # per region
START_SECONDS: Final = 60.0  # Python and FastAPI, four times, on a machine that has other things to do
HERE: Final = Path(__file__).resolve().parent

TOPOLOGY: Final = {
    "schema_version": 1,
    "service": "shop",
    "environment": "loopback",
    "epoch": 0,
    "regions": [PRIMARY, STANDBY],
    "endpoints": [
        {"name": "eu", "region": PRIMARY, "role": "primary", "weight": 1, "url": "https://eu.shop.example"},
        {"name": "us", "region": STANDBY, "role": "standby", "weight": 1, "url": "https://us.shop.example"},
    ],
    "objectives": {
        "availability": 0.999,
        "latency_p95_seconds": 0.5,
        "error_rate": 0.001,
        "recovery_time_seconds": 90,
        "recovery_point_seconds": 60,
    },
    "breaker": {"minimum_calls": 5, "wait_in_open_seconds": 30.0},
}


class Fleet:
    """Starts the instances, and ends those that are left.

    Args:
        folder: For the topology and the instances' logs.
        environ: More variables for every instance.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.topology: Final = folder / "topology.json"
        self.topology.write_text(json.dumps(TOPOLOGY), encoding="utf-8")
        self.ports: Final = {region: [_free_port() for _ in range(INSTANCES)] for region in (PRIMARY, STANDBY)}
        self._folder: Final = folder
        self._environ: Final = dict(environ or {})
        self._processes: Final[dict[int, subprocess.Popen[bytes]]] = {}

    @property
    def instances(self) -> dict[str, tuple[str, ...]]:
        """The URLs of each region's instances."""
        return {region: tuple(f"http://127.0.0.1:{port}" for port in ports) for region, ports in self.ports.items()}

    def __enter__(self) -> "Fleet":
        try:
            for region, ports in self.ports.items():
                for port in ports:
                    self._start(region, port)
            self.wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def wait_until_ready(self) -> None:
        """Until every instance answers `/readyz` with 200.

        Raises:
            RuntimeError: one ended, or took too long.
        """
        deadline = time.monotonic() + START_SECONDS
        for port, process in self._processes.items():
            while not _is_ready(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / f"{port}.log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"the instance on port {port} did not start:\n{log}")
                time.sleep(0.1)

    def signal(self, port: int, number: signal.Signals) -> None:
        """Send one instance a signal."""
        self._processes[port].send_signal(number)

    def kill(self, region: str) -> None:
        """Kill a region's instances, as a power cut does."""
        for port in self.ports[region]:
            self.signal(port, signal.SIGKILL)

    def wait(self, port: int, timeout_seconds: float = 20.0) -> int:
        """Wait for one instance to end; its exit status."""
        return self._processes[port].wait(timeout_seconds)

    def _start(self, region: str, port: int) -> None:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "SHOP_"))},
            "PYTHONPATH": str(HERE),
            "SEAWALL_TOPOLOGY_PATH": str(self.topology),
            "SHOP_INSTANCES": ";".join(f"{name}={','.join(urls)}" for name, urls in self.instances.items()),
            **self._environ,
        }
        with (self._folder / f"{port}.log").open("wb") as log:
            self._processes[port] = subprocess.Popen(
                [sys.executable, "-m", "shop", "--region", region, "--port", str(port)],
                env=environ,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
        for process in self._processes.values():
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # also a 503, which urllib raises
        return False
