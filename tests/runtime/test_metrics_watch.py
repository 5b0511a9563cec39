"""What breakers, selectors and checks count, as a scrape shows it: one process, several, and OpenTelemetry."""

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from replica_world import World
from seawall import contract, metrics_otel
from seawall.breaker import CallNotPermitted, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerRegistry
from seawall.errors import InvalidInput
from seawall.events import EventBus
from seawall.faults import Fault, FaultInjector
from seawall.health import Check, HealthRegistry, Probe
from seawall.instrumentation import READ_METRICS
from seawall.metrics import MetricsMiddleware, metrics_app, watch
from seawall.replicas import ReplicaRouter
from seawall.selector import Endpoint, EndpointSelector
from seawall.slo import AlertSeverity, BudgetAlert, NoData, Slo

RARE = (BudgetAlert(0.5, 30 * 86400.0, AlertSeverity.TICKET),)  # one that can fire for such a low objective

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def tripped(name: str = "payments", **more: Any) -> CircuitBreaker:
    """A breaker that is open after two failures, and has rejected one call."""
    breaker = CircuitBreaker(name, CircuitBreakerConfig(minimum_calls=2), **more)
    for _ in range(2):
        breaker.acquire().failure()
    with pytest.raises(CallNotPermitted):
        breaker.acquire()
    return breaker


async def scrape(registry: CollectorRegistry, query: str = "", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(metrics_app(registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        return await client.get(f"/metrics{query}", headers={"accept-encoding": "identity", **headers})


async def test_a_scrape_of_a_live_app_has_every_metric_that_is_read(registry: CollectorRegistry):
    """Alert rules and dashboards are generated from these names: one that no app exports is an alert that never fires."""
    breaker = CircuitBreaker("payments", CircuitBreakerConfig(minimum_calls=2))
    selector = EndpointSelector([Endpoint("tokyo", "http://tokyo"), Endpoint("osaka", "http://osaka", role="standby")])
    health = HealthRegistry()
    health.readiness(Check("disk", lambda: True), critical=False)

    async def shop(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    slo = Slo(name="availability", objective=0.999, no_data=NoData.FAIL)
    app = MetricsMiddleware(Starlette(routes=[Route("/", shop)]), registry=registry, slos=[slo])
    faults = FaultInjector([Fault("refused", at="payments", kind="error")])
    faults.switch_on(for_seconds=60)
    world = World(("a", "b"))
    router = ReplicaRouter(world.writer, world.readers, gauge=world)
    router.measure()
    router.pick_reader().success()
    with watch(breaker, selector, router, health, faults, registry=registry):
        with pytest.raises(ConnectionError):
            faults.inject("payments")
        await health.report(Probe.READY)
        selector.pick().success()
        for _ in range(2):
            breaker.acquire().failure()  # open, with a failure rate of its own until it is closed again
        assert registry.get_sample_value(contract.BREAKER_FAILURE_RATE.prometheus, {"breaker": "payments"}) is None
        breaker.metrics_only()
        for _ in range(2):
            breaker.acquire().failure()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
            await client.get("/")
        families = {family.name: family for family in parse((await scrape(registry)).text)}
    measured = {contract.HTTP_REQUEST_DURATION, contract.HTTP_ACTIVE_REQUESTS, contract.BREAKER_TRANSITIONS}
    assert {*READ_METRICS, *measured} == set(contract.ALL_METRICS)
    for spec in contract.ALL_METRICS:
        samples = families[spec.family].samples
        assert {sample.name for sample in samples} >= set(spec.samples), spec.otel
        assert all(set(spec.labels) <= set(sample.labels) for sample in samples), spec.otel


def test_what_is_watched_is_read_at_the_scrape_and_gone_after_stop(registry: CollectorRegistry):
    """A gauge that is set by events shows yesterday's state; one that stays after its breaker is an alert for nothing."""
    breaker = tripped()
    name, calls = contract.BREAKER_STATE.prometheus, contract.BREAKER_CALLS.prometheus
    watching = watch(breaker, registry=registry)
    assert registry.get_sample_value(name, {"breaker": "payments", "state": "open"}) == 1
    assert registry.get_sample_value(calls, {"breaker": "payments", "outcome": "failed"}) == 2
    assert registry.get_sample_value(calls, {"breaker": "payments", "outcome": "rejected"}) == 1
    breaker.reset()
    assert registry.get_sample_value(name, {"breaker": "payments", "state": "open"}) == 0
    assert registry.get_sample_value(name, {"breaker": "payments", "state": "closed"}) == 1
    transitions = contract.BREAKER_TRANSITIONS.prometheus
    assert registry.get_sample_value(transitions, {"breaker": "payments", "state": "closed"}) == 1
    watching.stop()
    watching.stop()
    breaker.force_open()
    assert registry.get_sample_value(name, {"breaker": "payments", "state": "closed"}) is None
    assert registry.get_sample_value(transitions, {"breaker": "payments", "state": "forced_open"}) is None


def test_breakers_of_one_name_are_one_sample_and_a_shared_bus_is_counted_once(registry: CollectorRegistry):
    """Two samples with equal labels make Prometheus drop the whole scrape."""
    bus = EventBus()
    first, second = CircuitBreaker("payments", events=bus), CircuitBreaker("payments", events=bus)
    held = CircuitBreakerRegistry(events=bus)
    held.get("stock").try_acquire()
    with watch(first, registry=registry), watch(second, held, registry=registry):
        first.force_open()
        second.acquire().success()
        labels = {"breaker": "payments", "state": "forced_open"}
        assert registry.get_sample_value(contract.BREAKER_TRANSITIONS.prometheus, labels) == 1
        assert registry.get_sample_value(contract.BREAKER_STATE.prometheus, labels) == 1
        labels = {"breaker": "payments", "state": "closed"}
        assert registry.get_sample_value(contract.BREAKER_STATE.prometheus, labels) == 1
        labels = {"breaker": "stock", "state": "closed"}
        assert registry.get_sample_value(contract.BREAKER_STATE.prometheus, labels) == 1


def test_what_cannot_be_watched_is_refused(registry: CollectorRegistry):
    """A bus, or a guarded function, would show nothing, silently."""
    for watching in (watch, metrics_otel.watch):
        with pytest.raises(InvalidInput, match="breakers, their registries, selectors"):
            watching(EventBus())  # type: ignore[arg-type]


async def test_the_format_is_the_one_that_was_asked_for(registry: CollectorRegistry):
    """Prometheus asks for OpenMetrics and for compression; a person with curl for neither."""
    with watch(tripped(), registry=registry):
        text = await scrape(registry)
        assert text.headers["content-type"].startswith("text/plain")
        assert list(parse(text.text))
        openmetrics = await scrape(registry, accept="application/openmetrics-text; version=1.0.0")
        assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
        assert list(parse_openmetrics(openmetrics.text))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(metrics_app(registry))) as client:
            request = client.build_request("GET", "http://shop.test/metrics", headers={"accept-encoding": "gzip"})
            response = await client.send(request, stream=True)
            raw = b"".join([part async for part in response.aiter_raw()])
            assert gzip.decompress(raw) == text.content
            head = await client.head("http://shop.test/metrics")
            assert (head.status_code, head.content) == (200, b"")
            posted = await client.post("http://shop.test/metrics")
            assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
        one = await scrape(registry, "?name[]=seawall_circuit_breaker_slow_calls_total")
        assert {family.name for family in parse(one.text)} == {"seawall_circuit_breaker_slow_calls"}


WORKERS = """
import os
from seawall.breaker import CircuitBreaker, CircuitBreakerConfig
from seawall.metrics import MetricsMiddleware, metrics_app, watch
import asyncio
breaker = CircuitBreaker("payments", CircuitBreakerConfig(minimum_calls=2))
async def app(scope, receive, send):
    scope["seawall.route"] = "/shop"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
measured = MetricsMiddleware(app)
watching = watch(breaker)
breaker.acquire().success()  # the parent's one call, counted once however many children there are
def get(asked, path):
    sent = []
    async def send(message): sent.append(message)
    async def receive(): return {"type": "http.request"}
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    asyncio.run(asked(scope, receive, send))
    return sent[-1]["body"].decode()
children = []
for number in range(2):
    child = os.fork()
    if child == 0:
        get(measured, "/shop")
        breaker.acquire().failure()  # one in two: the child's opens
        get(metrics_app(), "/metrics")  # copies what this process counts; else its worker does, every few seconds
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
get(measured, "/shop")
print(get(metrics_app(), "/metrics"))
watching.stop()
"""


def test_in_multiprocess_mode_one_scrape_answers_for_all_processes(tmp_path: Path):
    """Collectors that read objects show only the process that happened to be scraped, and forks count things twice."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WORKERS], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(done.stdout)
        for sample in family.samples
    }

    def value(spec: contract.MetricSpec, suffix: str = "", **labels: str) -> float:
        return sum(
            found
            for (name, has), found in samples.items()
            if name == spec.prometheus + suffix and set(labels.items()) <= set(has)
        )

    assert value(contract.HTTP_REQUEST_DURATION, "_count", http_route="/shop") == 3
    assert value(contract.BREAKER_CALLS, breaker="payments", outcome="failed") == 2
    assert value(contract.BREAKER_CALLS, breaker="payments", outcome="succeeded") == 1
    assert value(contract.BREAKER_TRANSITIONS, breaker="payments", state="open") == 2
    assert value(contract.BREAKER_STATE, state="closed") + value(contract.BREAKER_STATE, state="open") == 3


@pytest.fixture
def otel() -> Iterator[tuple[MeterProvider, InMemoryMetricReader]]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    yield provider, reader
    provider.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


async def test_opentelemetry_gets_the_same_requests(otel: tuple[MeterProvider, InMemoryMetricReader]):
    """What is unknown is left out there, and a status is a number: the conventions' words, not Prometheus'."""
    provider, reader = otel

    async def boom(request: Request) -> PlainTextResponse:
        raise ZeroDivisionError

    starlette = Starlette(routes=[Route("/boom/{x}", boom)])
    slo = Slo(name="availability", objective=0.75, no_data=NoData.FAIL, alerts=RARE)
    app = metrics_otel.OtelMetricsMiddleware(starlette, meter_provider=provider, thresholds_seconds=(0.3,), slos=[slo])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        await client.get("/boom/1")
        await client.get("/nowhere")
    found = points(reader)
    assert [dict(point.attributes) for point in found["http.server.request.duration"]] == [
        {
            "http.request.method": "GET",
            "url.scheme": "http",
            "http.route": "/boom/{x}",
            "http.response.status_code": 500,
            "error.type": "ZeroDivisionError",
        },
        {"http.request.method": "GET", "url.scheme": "http", "http.response.status_code": 404},
    ]
    assert [point.value for point in found["seawall.slo.error_budget.burn_rate"]] == [2.0]
    assert 0.3 in found["http.server.request.duration"][0].explicit_bounds
    assert [point.value for point in found["http.server.active_requests"]] == [0]


async def test_opentelemetry_reads_the_same_objects(otel: tuple[MeterProvider, InMemoryMetricReader]):
    """One set of names, whichever way they leave the process."""
    provider, reader = otel
    breaker, health = CircuitBreaker("payments", CircuitBreakerConfig(minimum_calls=2)), HealthRegistry()
    health.readiness(Check("slow", lambda: asyncio.sleep(30)), timeout_seconds=0.01)
    with metrics_otel.watch(breaker, health, meter_provider=provider):
        await health.report(Probe.READY)
        for _ in range(2):
            breaker.acquire().failure()
        found = points(reader)
        assert {point.attributes["outcome"]: point.value for point in found["seawall.circuit_breaker.calls"]} == {
            "succeeded": 0,
            "failed": 2,
            "rejected": 0,
        }
        (transition,) = found["seawall.circuit_breaker.transitions"]
        assert (dict(transition.attributes), transition.value) == ({"breaker": "payments", "state": "open"}, 1)
        assert {p.attributes["outcome"]: p.value for p in found["seawall.health.check.runs"]}["timed_out"] == 1
    assert "seawall.circuit_breaker.calls" not in points(reader)
