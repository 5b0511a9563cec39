"""How adapters reach the local cloud, and only that: never a real one.

Every client gets the address of the local server explicitly, and credentials that open nothing. Without an address
there is no client at all.
"""

import http.client
import json
import os
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from localcloud.errors import LocalCloudError

ENDPOINT_VARIABLE: Final = "SEAWALL_LOCAL_ENDPOINT"
JOURNAL_VARIABLE: Final = "SEAWALL_LOCAL_JOURNAL"
RECORDED_VARIABLE: Final = "SEAWALL_LOCAL_RECORDED"

ACCOUNT_ID: Final = "123456789012"  # moto's default account
PARTITION: Final = "aws"
GLOBAL_REGION: Final = "us-east-1"  # where the control plane of Route 53 and IAM lives
CONNECT_SECONDS: Final = 2.0  # the server is on loopback
READ_SECONDS: Final = 30.0
ATTEMPTS: Final = 2


class Clients:
    """boto3 clients by service and region, made when first asked for. Thread-safe.

    Args:
        environment: Where the address is looked up; the process's own when absent.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment: Final = os.environ if environment is None else environment
        self._lock: Final = threading.Lock()
        self._session: Any = None
        self._clients: Final[dict[tuple[str, str], Any]] = {}

    def endpoint(self) -> str:
        """Address of the local server.

        Raises:
            LocalCloudError: there is none.
        """
        endpoint = self._environment.get(ENDPOINT_VARIABLE, "")
        if not endpoint:
            raise LocalCloudError(
                f"{ENDPOINT_VARIABLE} is not set, so there is no local cloud to talk to: run `make dev`,"
                " or the engine from within `make shell`"
            )
        return endpoint

    def get(self, service: str, region: str) -> Any:
        """A client of one service in one region."""
        endpoint = self.endpoint()
        with self._lock:  # boto3's sessions are not thread-safe while they make clients
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._make(service, region, endpoint)
            return client

    def _make(self, service: str, region: str, endpoint: str) -> Any:
        import boto3  # 0.4 s, and a preview never needs it
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.Session(
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 -- opens nothing
            )
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            parameter_validation=True,
            proxies={},  # the server is on loopback
        )
        return self._session.client(service, region_name=region, endpoint_url=endpoint, config=config)

    def recorded_file(self) -> str:
        """Path of the file that keeps recorded-only objects.

        Raises:
            LocalCloudError: none is configured.
        """
        path = self._environment.get(RECORDED_VARIABLE, "")
        if not path:
            raise LocalCloudError(
                f"{RECORDED_VARIABLE} is not set: run `make dev`, or the engine from within `make shell`"
            )
        return path


class Cloud:
    """What an adapter's calls are given: the cloud as seen from one region."""

    def __init__(self, clients: Clients, region: str) -> None:
        self._clients: Final = clients
        self.region: Final = region

    def client(self, service: str) -> Any:
        return self._clients.get(service, self.region or GLOBAL_REGION)

    def post_json(self, service: str, target: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Ask a service of AWS's JSON protocol by one plain request; None when it answers with an error.

        For what a preview asks: boto3 takes half a second to load, and a preview needs it for nothing else.
        """
        address = urlsplit(self._clients.endpoint())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=READ_SECONDS)
        scope = f"local/20260101/{self.region or GLOBAL_REGION}/{service}/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local",
        }
        try:
            connection.request("POST", "/", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status == http.client.OK else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource of ours."""
        return f"arn:{PARTITION}:{service}:{self.region}:{ACCOUNT_ID}:{resource}"

    @property
    def recorded_file(self) -> str:
        return self._clients.recorded_file()
