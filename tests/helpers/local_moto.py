"""Moto's server in this process, and boto3's clients of it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def moto_server() -> Iterator[str]:
    """The URL of one on loopback."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def moto_client(service: str, url: str, region: str) -> Any:
    """Whoever makes it closes it."""
    return boto3.client(
        service, region, endpoint_url=url, aws_access_key_id="local", aws_secret_access_key="local"
    )  # fmt: skip
