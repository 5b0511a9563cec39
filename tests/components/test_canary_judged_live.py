"""The whole way of a judgement, with nothing played: requests, the runtime's metrics, a real Prometheus, Argo's own code."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client import CollectorRegistry, start_http_server

from canary_samples import metrics_of, planned, watched
from pulumi_seawall._argo_rollouts import POD_HASH
from pulumi_seawall._canary_analysis import JudgedStep
from seawall.metrics import MetricsMiddleware

CANARY, STABLE, NOBODY = "79c8bd6d7f", "5d4f8c7b9d", "ffffffffff"
PLAN = planned(steps=(JudgedStep(10, 60),), monitoring=watched(scrape_interval_seconds=1))
SECONDS = 30.0  # for what takes three
Ask = Callable[[str], dict[str, Any]]


def serve(registry: CollectorRegistry, failures: int, requests: int) -> None:
    """So many requests to a pod, of which the last ones fail."""
    left = iter([200] * (requests - failures) + [500] * failures)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": next(left), "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def asked() -> None:
        measured = MetricsMiddleware(app, registry=registry)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(measured), base_url="http://shop") as client:
            for _ in range(requests):
                await client.get("/orders")

    anyio.run(asked)


@pytest.fixture
def ask(prometheus: Path, tmp_path: Path) -> Iterator[Ask]:
    """Asks a Prometheus that scrapes two pods, each with its hash: 20 % of the canary's requests fail, none of the stable's."""
    with ExitStack() as ending:
        targets: list[dict[str, Any]] = []
        for pod_hash, failures in ((CANARY, 40), (STABLE, 0)):
            registry = CollectorRegistry()
            serve(registry, failures, 200)
            server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
            ending.callback(thread.join, 5)
            ending.callback(server.server_close)
            ending.callback(server.shutdown)
            address = f"127.0.0.1:{server.server_port}"
            targets.append({"targets": [address], "labels": {POD_HASH: pod_hash, "pod": pod_hash}})
        config = tmp_path / "prometheus.json"
        job = {"job_name": "shop", "scrape_interval": "250ms", "static_configs": targets}
        config.write_text(json.dumps({"scrape_configs": [job]}), encoding="utf-8")
        with (tmp_path / "log").open("w") as log:
            flags = [
                "--web.listen-address=127.0.0.1:0",
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path}/data",
            ]
            process = subprocess.Popen([str(prometheus), *flags], stdout=log, stderr=log)
        ending.callback(process.wait, 10)
        ending.callback(process.terminate)
        address = listening(tmp_path / "log", process)

        def asked(expr: str) -> dict[str, Any]:
            url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.loads(answer.read())["data"]

        twice = "count(count_over_time(http_server_request_duration_seconds_count[1m]) >= 2)"  # a rate takes two
        wait_for(lambda: [each["value"][1] for each in asked(twice)["result"]] == ["3"])
        yield asked


def wait_for(done: Callable[[], bool]) -> None:
    """Until it is so.

    Raises:
        AssertionError: it is not in time.
    """
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def listening(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where it listens, once it is ready."""
    wait_for(lambda: "Server is ready" in log.read_text() or process.poll() is not None)
    text = log.read_text()
    assert process.poll() is None, text
    (line,) = (line for line in text.splitlines() if 'msg="Listening on"' in line)
    return line.rpartition("address=")[2].split()[0]


def test_a_bad_canary_is_aborted_and_a_good_one_is_not(ask, argocheck):
    """What Prometheus has scraped of the runtime's metrics, asked as the templates ask, is to Argo what it is to us."""
    questions: list[dict[str, Any]] = []
    expected: list[tuple[str, str, str]] = []
    for template, doubt in ((PLAN.step, "Inconclusive"), (PLAN.background, "Successful")):
        for name, metric in metrics_of(PLAN, template).items():
            query = next(each for each in PLAN.queries if (each.template, each.metric) == (template, name))
            bad = "Failed" if name == "error-ratio" else "Successful"
            for pod_hash, phase in ((CANARY, bad), (STABLE, "Successful"), (NOBODY, doubt)):
                questions.append({"metric": metric, "data": ask(query.of(pod_hash))})
                expected.append((template, name, phase))
    done = subprocess.run(
        [str(argocheck), "judge"],
        input="\n".join(map(json.dumps, questions)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(*of[:2], verdict["phase"]) for of, verdict in zip(expected, verdicts, strict=True)] == expected
    assert verdicts[0]["value"] == "[0.2]"
