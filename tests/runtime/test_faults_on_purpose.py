"""Faults are off unless switched on, end by themselves, and are counted."""

import anyio
import httpx
import pytest

from seawall.errors import InvalidInput
from seawall.faults import Fault, FaultAborted, FaultInjector, FaultsMiddleware
from seawall.testing import FakeClock

SLOW = Fault("slow", at="payments", kind="latency", latency_seconds=2.0)
BROKEN = Fault("broken", at="pay*", kind="error", error=lambda: ConnectionError("made up"))
REFUSED = Fault("refused", at="GET /orders*", kind="abort", status=429)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def faults(clock, slept) -> FaultInjector:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return FaultInjector(
        [SLOW, BROKEN, REFUSED], clock=clock, random=lambda: 0.5, sleep=slept.append, async_sleep=sleep
    )


def test_nothing_happens_unless_switched_on(faults, slept):
    """An app may ship with its faults."""
    assert not faults.enabled
    for point in ("payments", "GET /orders"):
        faults.inject(point)
    assert slept == []
    assert faults.snapshot().injected == {}


def test_faults_end_by_themselves(faults, clock):
    """Whoever switched them on may be asleep when the time is over."""
    faults.switch_on(for_seconds=60.0)
    with pytest.raises(ConnectionError, match="made up"):
        faults.inject("payments")
    clock.advance(59.0)
    assert faults.snapshot().seconds_left == 1.0
    clock.advance(1.0)
    faults.inject("payments")
    assert not faults.enabled
    for seconds in (0.0, -1.0, 86_401.0, float("inf"), float("nan")):
        with pytest.raises(InvalidInput, match="for_seconds"):
            faults.switch_on(for_seconds=seconds)


def test_all_that_match_are_injected_in_order_and_counted(faults, slept):
    """First the latency, then the error; another point is left alone."""
    faults.switch_on(for_seconds=60.0)
    faults.inject("stock")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            faults.inject("payments")
    with pytest.raises(ConnectionError):
        faults.inject("payout")
    assert slept == [2.0, 2.0]
    assert faults.snapshot().injected == {("slow", "latency"): 2, ("broken", "error"): 3}
    faults.switch_off()
    faults.inject("payments")


def test_a_ratio_is_one_of_the_calls(clock):
    """Ten in a hundred, with draws spread evenly."""
    draws = iter([each / 100 for each in range(100)])
    faults = FaultInjector([Fault("f", at="*", kind="error", ratio=0.1)], clock=clock, random=lambda: next(draws))
    faults.switch_on(for_seconds=1.0)
    hit = 0
    for _ in range(100):
        try:
            faults.inject("x")
        except ConnectionError:
            hit += 1
    assert hit == 10


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_latency_waits_as_the_running_event_loop_does(anyio_backend):
    """Without a word about which; other tasks go on meanwhile."""
    faults = FaultInjector([Fault("slow", at="x", kind="latency", latency_seconds=0.05)])
    faults.switch_on(for_seconds=60.0)
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(faults.ainject, "x")
    assert 0.05 <= anyio.current_time() - began < 5.0
    assert faults.snapshot().injected == {("slow", "latency"): 3}


@pytest.mark.anyio
async def test_the_middleware_answers_aborts_and_lets_the_rest_through(faults):
    """A client sees the status; an error reaches whatever handles the app's own."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    transport = httpx.ASGITransport(FaultsMiddleware(app, faults))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert (await client.get("/orders/7")).text == "well"
        faults.switch_on(for_seconds=60.0)
        answer = await client.get("/orders/7")
        assert (answer.status_code, answer.text) == (
            429,
            "aborted by fault 'refused' with status 429: somebody switched faults on",
        )
        assert (await client.post("/orders")).status_code == 200
        faults.replace([Fault("dead", at="GET /", kind="error")])
        with pytest.raises(ConnectionError):
            await client.get("/")


def test_an_abort_outside_of_http_is_an_exception_that_says_so(faults):
    """Nobody should look for the bug."""
    faults.switch_on(for_seconds=60.0)
    with pytest.raises(FaultAborted, match="somebody switched faults on") as caught:
        faults.inject("GET /orders")
    assert caught.value.status == 429


@pytest.mark.parametrize(
    "more",
    [
        {"at": ""},
        {"kind": "crash"},
        {"ratio": 0.0},
        {"ratio": 1.5},
        {"latency_seconds": 1.0},
        {"kind": "latency"},
        {"kind": "latency", "latency_seconds": -1.0},
        {"kind": "abort", "status": 200},
        {"error": "ConnectionError"},
    ],
    ids=str,
)
def test_faults_that_cannot_be_are_refused(more):
    """When they are made, not when somebody switches them on at night."""
    with pytest.raises(InvalidInput):
        Fault("f", **{"at": "x", "kind": "error", **more})


def test_two_faults_of_one_name_are_refused():
    """Their counts could not be told apart."""
    with pytest.raises(InvalidInput, match="names that differ"):
        FaultInjector([SLOW, SLOW])
