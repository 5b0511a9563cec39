"""The transports over real sockets: an endpoint that is killed under load costs its callers nothing."""

import contextlib
import http.server
import threading

import anyio
import httpx
import pytest

from seawall.http import AsyncSelectorTransport, SelectorTransport
from seawall.selector import Endpoint, EndpointSelector, OutlierDetection, WeightedRoundRobin

CALLS = 60


class Answers(http.server.BaseHTTPRequestHandler):
    """200, with the server's port in the body; connections are kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer takes 40 ms: headers and body are two writes

    def do_GET(self) -> None:
        body = self.headers["Host"].rsplit(":", 1)[1].encode()  # the port
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        pass


class Server(http.server.ThreadingHTTPServer):
    """One that can be killed: open connections break off, too."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.sockets = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.005})
        self.thread.start()

    def process_request(self, request, client_address) -> None:
        self.sockets.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address) -> None:
        pass

    def kill(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(2)


@pytest.fixture
def servers():
    servers = [Server(), Server()]
    yield servers
    for each in servers:
        if each.thread.is_alive():
            each.kill()


def selector_of(servers) -> EndpointSelector:
    return EndpointSelector(
        [Endpoint(str(each.server_address[1]), f"http://127.0.0.1:{each.server_address[1]}") for each in servers],
        WeightedRoundRobin(),
        OutlierDetection(consecutive_failures=3),
    )


def test_a_killed_endpoint_costs_no_call_and_is_ejected(servers):
    """All calls succeed; retries are at most the failures that it took to eject it."""
    selector = selector_of(servers)
    with httpx.Client(transport=SelectorTransport(selector), base_url="http://shop") as client:
        ports = set()
        for number in range(CALLS):
            if number == CALLS // 3:
                servers[0].kill()
            response = client.get("/")
            assert response.status_code == 200
            ports.add(response.text)
    dead = selector.snapshot().endpoints[0]
    assert ports == {each.endpoint.name for each in selector.snapshot().endpoints}
    assert dead.state == "ejected"
    assert dead.total_failed == 3


@pytest.mark.anyio
async def test_the_same_with_many_calls_at_once(servers):
    """Each call in flight when it dies is retried at most once."""
    selector = selector_of(servers)
    done = []

    async with httpx.AsyncClient(transport=AsyncSelectorTransport(selector), base_url="http://shop") as client:

        async def call() -> None:
            for _ in range(CALLS // 5):
                done.append((await client.get("/")).status_code)
                if len(done) == CALLS // 3:
                    await anyio.to_thread.run_sync(servers[0].kill)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(call)
    assert done == [200] * CALLS
    assert selector.snapshot().endpoints[0].state == "ejected"
