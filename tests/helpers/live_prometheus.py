"""A real Prometheus, the real shop, its payment API and a load on it, on loopback; all of them end with the test."""

import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

from localcloud.child import Child
from localcloud.sandbox import ROOT
from loopback_http import HttpServer, Quiet, answers, free_port

START_SECONDS: Final = 60.0  # a tenth of it on an idle machine
ANSWER_SECONDS: Final = 10.0
REQUESTS_PER_SECOND: Final = 50.0
READS: Final = ("/products", "/products/lamp/stock", "/health")


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to become true; gives it.

    Raises:
        AssertionError: It did not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return found


@contextmanager
def _closing_on_failure(stack: ExitStack) -> Iterator[None]:
    """`__exit__` is not called for what could not be entered."""
    try:
        yield
    except BaseException:
        stack.close()
        raise


class Prometheus:
    """One server, with a folder for its configuration, rules and data.

    Args:
        program: The binary.
        folder: Its own.
        interval_seconds: Between two scrapes, and between two evaluations of what says nothing else.
        targets: `host:port` with the labels of its series, `job` among them.
    """

    def __init__(
        self, program: Path, folder: Path, *, interval_seconds: int, targets: Sequence[tuple[str, Mapping[str, str]]]
    ) -> None:
        self._folder: Final = folder
        self._url: Final = f"http://127.0.0.1:{free_port()}"
        self._command: Final[list[str | Path]] = [
            program,
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self._url.removeprefix('http://')}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]
        (folder / "rules").mkdir()
        configuration = {
            "global": {"scrape_interval": f"{interval_seconds}s", "evaluation_interval": f"{interval_seconds}s"},
            "rule_files": [str(folder / "rules" / "*.json")],
            "scrape_configs": [
                {
                    "job_name": labels["job"],
                    "static_configs": [{"targets": [place], "labels": {**labels, "instance": place}}],
                }
                for place, labels in targets
            ],
        }
        (folder / "prometheus.json").write_text(json.dumps(configuration), encoding="utf-8")
        self._stack: Final = ExitStack()

    def __enter__(self) -> Self:
        child = self._stack.enter_context(Child(self._command, environ=dict(os.environ), folder=self._folder))

        def ready() -> bool:
            assert not child.finished(), "\n".join(child.lines)
            return answers(f"{self._url}/-/ready")

        with _closing_on_failure(self._stack):
            until(ready, START_SECONDS, "Prometheus is ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def load(self, files: Mapping[str, Any]) -> None:
        """Replace all rules.

        Raises:
            AssertionError: Prometheus refuses them.
        """
        for old in (self._folder / "rules").iterdir():
            old.unlink()
        for name, content in files.items():
            (self._folder / "rules" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        try:
            with urllib.request.urlopen(  # noqa: S310 - ours
                urllib.request.Request(f"{self._url}/-/reload", method="POST"),  # noqa: S310
                timeout=START_SECONDS,
            ) as answer:
                assert answer.status == 200
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def ask(self, path: str, **parameters: Any) -> Any:
        """`data` of an answer of the API.

        Raises:
            AssertionError: Prometheus cannot answer that.
        """
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - ours
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expr: str) -> list[Any]:
        """Series of an instant vector, or the one value of a scalar."""
        found = self.ask("query", query=expr)
        return found["result"] if found["resultType"] == "vector" else [found["result"]]

    def rules(self) -> list[Any]:
        """Every rule that is loaded, with its health."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def labels(self, name: str) -> list[dict[str, str]]:
        """Label sets of the series of one name."""
        return self.ask("series", **{"match[]": f'{{__name__="{name}"}}'})


class Payments(HttpServer):
    """A payment API that takes every charge until it is broken; then it refuses each."""

    def __init__(self) -> None:
        self._status = 200
        outer = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(outer._status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(Handler)

    def fail(self) -> None:
        """Refuse from now on."""
        self._status = 503


class Shop:
    """One instance of the demo shop, and customers.

    Args:
        region: That it runs in.
        environ: Its settings.
    """

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self._port: Final = free_port()
        self.place: Final = f"127.0.0.1:{self._port}"
        paths = [str(ROOT / "examples" / "shop"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "SHOP_"))}
        own = {"SHOP_INSTANCES": f"{region}=http://{self.place}", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        program = Path(__file__).with_name("live_shop.py")
        self._command: Final[list[str | Path]] = [sys.executable, program, region, str(self._port)]
        self._environ: Final = {**kept, **own, **environ}
        self._stack: Final = ExitStack()
        self._stopping: Final = threading.Event()
        self._process: psutil.Process | None = None

    def __enter__(self) -> Self:
        child = self._stack.enter_context(Child(self._command, environ=self._environ))

        def ready() -> bool:
            assert not child.finished(), "\n".join(child.lines)
            return answers(f"http://{self.place}/readyz")

        until(ready, START_SECONDS, "the shop is ready")
        self._process = next(each for each in psutil.Process(child.pid).children() if str(self._port) in each.cmdline())
        customers = threading.Thread(target=self._customers, name="customers", daemon=True)
        customers.start()
        self._stack.callback(customers.join)
        self._stack.callback(self._stopping.set)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def fail(self) -> float:
        """Let every request fail from now on; the time of day, in seconds."""
        assert self._process is not None
        began = time.time()
        self._process.send_signal(signal.SIGUSR1)
        return began

    def _customers(self) -> None:
        order = json.dumps({"product": "lamp"}).encode()
        turn = 0
        while not self._stopping.wait(1 / REQUESTS_PER_SECOND):
            turn += 1
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(self.place, timeout=ANSWER_SECONDS)
                if turn % 4:
                    connection.request("GET", READS[turn % len(READS)])
                else:
                    connection.request("POST", "/orders", body=order, headers={"Content-Type": "application/json"})
                connection.getresponse().read()
                connection.close()
