"""A network between clients and the regions of an emulated AWS: each region can be cut off from them alone.

All regions of the emulator answer at one address. Which one is meant stands in the signature of each request.
"""

import http.client
import re
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import urlsplit

from loopback_http import HttpServer, Quiet

SIGNED_FOR: Final = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[a-z0-9-]+)/")
ANSWER_SECONDS: Final = 10.0  # for the emulator on a busy machine; the clients' own limits are shorter
NOT_PASSED_ON: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "server", "date", "content-length"})


class RegionalAws(HttpServer):
    """Forwards requests to the emulator, unless their region is cut off: then the connection is closed without an answer.

    Args:
        endpoint: URL of the emulator.
    """

    def __init__(self, endpoint: str) -> None:
        self._target: Final = urlsplit(endpoint).netloc
        self._cut: frozenset[str] = frozenset()
        network = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                network.forward(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - as the base class has it

        super().__init__(Handler)

    def cut_off(self, regions: Iterable[str]) -> None:
        """From now on these regions do not answer; all others do."""
        self._cut = frozenset(regions)

    def forward(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request as the emulator does, or not at all."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        found = SIGNED_FOR.search(handler.headers.get("Authorization", ""))
        if found is None or found["region"] in self._cut:
            handler.close_connection = True
            return
        connection = http.client.HTTPConnection(self._target, timeout=ANSWER_SECONDS)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "connection"}
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError:
            handler.close_connection = True
            return
        finally:
            connection.close()
        if found["region"] in self._cut:  # what was under way when it was cut does not arrive either
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_PASSED_ON:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
