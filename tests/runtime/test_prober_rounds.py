"""Probes: hysteresis, time-outs, independence, and the seed's automatic failover."""

import http.server
import socket
import threading
import time

import anyio
import anyio.to_thread
import httpx
import pytest

from seawall.errors import InvalidInput
from seawall.http import HttpxProbe, probe_async
from seawall.prober import HealthProber, HttpProbe, ProbeFailed, TcpProbe
from seawall.selector import ActivePassive, Endpoint, EndpointSelector, FailbackPolicy, WeightedRoundRobin
from seawall.testing import FakeClock
from seawall.worker import Worker

LONGEST = 30.0  # seconds that a test waits for a thread before it fails


class Told:
    """A target that remembers what it was told."""

    def __init__(self, *names: str) -> None:
        self.endpoints = tuple(Endpoint(name) for name in names)
        self.seen: list[tuple[str, bool, bool]] = []
        self.more = threading.Condition()

    def probed(self, name: str, *, passed: bool, healthy: bool) -> None:
        with self.more:
            self.seen.append((name, passed, healthy))
            self.more.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, bool, bool]]:
        with self.more:
            assert self.more.wait_for(lambda: len(self.seen) >= count, LONGEST)
            return list(self.seen)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def prober(target, probe, clock, **more) -> HealthProber:
    more.setdefault("jitter_ratio", 0.0)
    return HealthProber(target, probe, interval_seconds=30.0, timeout_seconds=5.0, clock=clock, **more)


def run(probes: HealthProber, target: Told, clock: FakeClock, rounds: int) -> None:
    """So many rounds, one interval apart, each waited for."""
    for _ in range(rounds):
        before = len(target.seen)
        probes.round()
        target.wait_for(before + len(target.endpoints))
        clock.advance(30.0)


def test_the_verdict_turns_after_so_many_in_a_row_and_no_sooner(clock):
    """Three bad ones make unhealthy, two good ones healthy; one of the other kind in between starts the count anew."""
    script = iter([True, False, False, True, False, False, False, False, True, False, True, True])
    target = Told("a")
    run(prober(target, lambda endpoint: next(script), clock), target, clock, 12)
    assert [healthy for _, _, healthy in target.seen] == [
        *(True, True, True, True, True, True),  # two bad ones, a good one, two bad ones
        *(False, False, False, False, False),
        True,
    ]


def test_whatever_a_probe_raises_is_a_bad_probe(clock):
    """It never ends the prober, and never counts as good."""

    def fail(endpoint: Endpoint) -> None:
        raise RuntimeError("a bug in the probe")

    target = Told("a")
    run(prober(target, fail, clock), target, clock, 2)
    assert [passed for _, passed, _ in target.seen] == [False, False]


def test_a_hanging_endpoint_holds_up_no_other(clock):
    """Each probe has its own thread; the hanging one fails at its time-out, and is not asked twice at a time."""
    go_on = threading.Event()
    asked = []

    def probe(endpoint: Endpoint) -> None:
        asked.append(endpoint.name)
        if endpoint.name == "hangs":
            go_on.wait(LONGEST)

    target = Told("hangs", "b", "c")
    probes = prober(target, probe, clock)
    probes.round()
    assert {name for name, _, _ in target.wait_for(2)} == {"b", "c"}
    clock.advance(5.0)
    assert probes.round() <= 1.0
    assert target.wait_for(3)[-1] == ("hangs", False, True)
    for _ in range(3):  # it still hangs: the others are asked again, it is not
        clock.advance(30.0)
        before = len(target.seen)
        probes.round()
        target.wait_for(before + 2)
    assert asked.count("hangs") == 1
    assert asked.count("b") == 4
    go_on.set()
    give_up = time.monotonic() + LONGEST
    while probes._schedules["hangs"].began is not None and time.monotonic() < give_up:
        time.sleep(0.001)  # for the thread to come back
    clock.advance(30.0)
    before = len(target.seen)
    probes.round()
    target.wait_for(before + 3)
    assert [each for each in target.seen if each[0] == "hangs"] == [("hangs", False, True), ("hangs", True, True)]


def test_a_late_answer_does_not_count(clock):
    """What took longer than the time-out has failed, also if nobody looked in between."""
    target = Told("a")

    def slow(endpoint: Endpoint) -> None:
        clock.advance(5.0)

    probes = prober(target, slow, clock)
    probes.round()
    assert target.wait_for(1) == [("a", False, True)]


def test_many_clients_do_not_probe_in_step(clock):
    """First probes and intervals are spread by the jitter."""
    due = set()
    for draw in (0.0, 0.5, 0.9):
        target = Told("a")
        probes = prober(target, lambda endpoint: None, clock, jitter_ratio=0.2, random=lambda draw=draw: draw)
        probes.round()
        (schedule,) = probes._schedules.values()
        due.add(round(schedule.due - clock.monotonic(), 6))
    assert len(due) == 3


def test_running_out_of_threads_judges_nobody_and_is_tried_again(clock, monkeypatch):
    """The process is at its limit, the endpoint is not."""

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    target = Told("a")
    probes = prober(target, lambda endpoint: None, clock)
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Thread", NoThread)
        probes.round()
    assert target.seen == []
    clock.advance(30.0)
    run(probes, target, clock, 1)
    assert target.seen == [("a", True, True)]


def test_endpoints_that_come_and_go_are_followed(clock):
    """What is known about an endpoint that was taken away is forgotten; its late probe tells nobody."""
    target = Told("a")
    probes = prober(target, lambda endpoint: False, clock)
    run(probes, target, clock, 2)
    target.endpoints = (Endpoint("b"),)
    run(probes, target, clock, 1)
    assert target.seen[-1][0] == "b"
    target.endpoints = (Endpoint("a"),)
    run(probes, target, clock, 2)
    assert target.seen[-1] == ("a", False, True)


def test_the_seeds_automatic_failover_is_a_configuration(clock):
    """Every 30 s, with a time-out of 5 s, the active endpoint's health is asked; the next healthy one takes over, and
    somebody is notified."""
    well = {"primary": True, "second": False, "third": True}
    selector = EndpointSelector(
        [Endpoint("primary"), Endpoint("second", role="standby"), Endpoint("third", role="standby")],
        ActivePassive(failure_threshold=3),
        failback=FailbackPolicy(good_probes=3, minimum_hold_seconds=60.0, jitter_ratio=0.0),
        clock=clock,
    )
    probes = HealthProber(
        selector,
        lambda endpoint: well[endpoint.name],
        interval_seconds=30.0,
        timeout_seconds=5.0,
        unhealthy_threshold=1,
        jitter_ratio=0.0,
        clock=clock,
    )
    notified = []

    def step() -> str | None:
        for schedule in probes.due():  # in this thread, one after another
            probes.ended(schedule, schedule.number, passed=bool(probes.probe(schedule.endpoint)))
        clock.advance(30.0)
        return selector.snapshot().active

    with selector.events.subscribe(lambda event: notified.append(type(event).__name__)):
        assert step() == "primary"
        well["primary"] = False
        assert step() == "third"
        assert notified == ["EndpointHealthChanged", "EndpointHealthChanged", "ActiveChanged"]
        well["primary"] = True
        assert [step(), step(), step()] == ["third", "third", "primary"]
        assert notified[-1] == "ActiveChanged"


def test_a_worker_runs_the_rounds():
    """The sync way: one worker, threads for the probes, and no work after `stop`."""
    target = Told("a", "b")
    with Worker() as worker:
        probes = HealthProber(target, lambda endpoint: None, interval_seconds=0.02, timeout_seconds=0.02)
        assert probes.start(worker) is probes.start(worker)
        assert {name for name, _, _ in target.wait_for(6)} == {"a", "b"}
        probes.stop()
        probes.stop()


# Probes over sockets


class Answers(http.server.BaseHTTPRequestHandler):
    """200 for `/health` and below `/base`, 503 for `/down`, a redirect for `/moved`."""

    def do_GET(self) -> None:
        status = {"/health": 200, "/base/health": 204, "/down": 503, "/moved": 302}.get(self.path.split("?")[0], 404)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def test_http_probe_asks_the_path_below_the_url_or_the_health_url(server):
    """2xx is well; an error, a redirect and nobody are not."""
    probe = HttpProbe()
    probe(Endpoint("a", server))
    probe(Endpoint("a", f"{server}/base"))
    probe(Endpoint("a", "http://elsewhere.invalid", health_url=f"{server}/health?full=1"))
    for path in ("/down", "/moved", "/none"):
        with pytest.raises(ProbeFailed, match="probe of a failed: status"):
            probe(Endpoint("a", health_url=f"{server}{path}"))
    HttpProbe(path="/moved", healthy_statuses={302})(Endpoint("a", server))


def test_probes_fail_where_nobody_listens(closed_port):
    """Both kinds."""
    for probe, url in ((HttpProbe(), f"http://127.0.0.1:{closed_port}"), (TcpProbe(), f"127.0.0.1:{closed_port}")):
        with pytest.raises(ConnectionRefusedError):
            probe(Endpoint("a", url))


def test_http_probe_gives_up_on_a_silent_server():
    """The time-out is the probe's own."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        HttpProbe(timeout_seconds=0.05)(Endpoint("a", f"http://127.0.0.1:{silent.getsockname()[1]}"))


def test_tcp_probe_takes_a_url_or_a_port(server):
    """`host:port`, a URL with a port, or a port of its own."""
    port = int(server.rsplit(":", 1)[1])
    TcpProbe()(Endpoint("a", f"127.0.0.1:{port}"))
    TcpProbe()(Endpoint("a", server))
    TcpProbe(port=port)(Endpoint("a", "127.0.0.1"))
    with pytest.raises(InvalidInput, match="host:port, or a URL"):
        TcpProbe()(Endpoint("a", "127.0.0.1"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: HttpProbe(path="health"),
        lambda: HttpProbe(timeout_seconds=0),
        lambda: TcpProbe(port=0),
        lambda: HealthProber(Told(), interval_seconds=0),
        lambda: HealthProber(Told(), interval_seconds=3.0, timeout_seconds=5.0),
        lambda: HealthProber(Told(), unhealthy_threshold=0),
        lambda: HealthProber(Told(), jitter_ratio=2.0),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(make):
    """Not when the first probe runs."""
    with pytest.raises(InvalidInput):
        make()


# In an event loop


@pytest.mark.anyio
async def test_async_probes_are_tasks_that_do_not_wait_for_each_other(server):
    """One hangs: the others go on, and it fails at its time-out."""
    selector = EndpointSelector([Endpoint("a", server), Endpoint("hangs", server)], WeightedRoundRobin())
    counts = {"a": 0}
    enough = anyio.Event()

    async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0)) as client:
        ask = HttpxProbe(client=client)

        async def probe(endpoint: Endpoint) -> None:
            if endpoint.name == "hangs":
                await anyio.sleep_forever()
            await ask(endpoint)
            counts["a"] += 1
            if counts["a"] >= 5 and selector.snapshot().endpoints[1].state != "available":
                enough.set()

        probes = HealthProber(
            selector, interval_seconds=0.02, timeout_seconds=0.02, unhealthy_threshold=1, healthy_threshold=1
        )
        with anyio.fail_after(LONGEST):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(probe_async, probes, probe)
                await enough.wait()
                tasks.cancel_scope.cancel()
    assert selector.snapshot().endpoints[1].state == "unhealthy"


@pytest.mark.anyio
async def test_sync_probes_run_in_threads_of_an_event_loop():
    """The same probe object serves both kinds of app."""
    target = Told("a", "b")
    probes = HealthProber(target, lambda endpoint: endpoint.name == "a", interval_seconds=0.02, timeout_seconds=0.02)
    with anyio.fail_after(LONGEST):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(probe_async, probes)
            await anyio.to_thread.run_sync(target.wait_for, 2)
            tasks.cancel_scope.cancel()
    assert {("a", True), ("b", False)} <= {(name, passed) for name, passed, _ in target.seen}


@pytest.mark.anyio
async def test_cancelling_the_prober_judges_nobody():
    """An app that shuts down must not report its endpoints as failed."""
    target = Told("a")
    started = anyio.Event()

    async def probe(endpoint: Endpoint) -> None:
        started.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(probe_async, HealthProber(target, jitter_ratio=0.0), probe)
        await started.wait()
        tasks.cancel_scope.cancel()
    assert target.seen == []
