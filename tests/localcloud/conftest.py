"""The aws plugin as the engine meets it: over its own protocol, against a local server."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import grpc.aio
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from engine_machine import Machine
from localcloud import cloud, gotoolchain
from localcloud.provider import values
from localcloud.provider.aws import ADAPTERS, FUNCTIONS
from localcloud.provider.clients import ENDPOINT_VARIABLE, RECORDED_VARIABLE, Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.serve import start
from recorded_calls import CallRecorder, WatchedClients

SEED = b"\x01\x23\x45\x67"


def struct(plain: dict[str, Any], secrets: set[tuple[str, ...]] | None = None) -> Any:
    """Plain values as they go over the wire."""
    return PropertyValue.marshal_map(values.to_properties(plain, secrets or ()))


def plain(wire: Any) -> dict[str, Any]:
    """What came over the wire, as plain values."""
    return values.to_plain(PropertyValue.unmarshal_map(wire))[0]


def secrets(wire: Any) -> frozenset[tuple[str, ...]]:
    """Where secrets are in what came over the wire."""
    return values.to_plain(PropertyValue.unmarshal_map(wire))[1]


class Refused(Exception):
    """The plugin said no."""


class Lab:
    """Plays the engine's part. A resource is known by its name, as `{type}` and its inputs, state and id."""

    def __init__(self, stub: Any, clients: Clients, journal: Journal) -> None:
        self.stub = stub
        self.clients = clients
        self.journal = journal
        self.prefix = uuid.uuid4().hex[:8]

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return self.clients.get(service, region)

    def urn(self, type_: str, name: str) -> str:
        return f"urn:pulumi:dev::{self.prefix}::seawall:index:FailoverRecord${type_}::{name}"

    async def call(self, method: str, request: Any) -> Any:
        try:
            return await getattr(self.stub, method)(request)
        except grpc.aio.AioRpcError as error:
            raise Refused(error.details()) from None

    async def configure(self, **configuration: Any) -> None:
        await self.call("Configure", proto.ConfigureRequest(args=struct(configuration), acceptSecrets=True))

    async def check(self, type_: str, name: str, inputs: dict[str, Any], olds: Any = None, hidden: Any = None) -> Any:
        return await self.call(
            "Check",
            proto.CheckRequest(
                urn=self.urn(type_, name), news=struct(inputs, hidden), olds=struct(olds or {}), randomSeed=SEED
            ),
        )

    async def failures(self, type_: str, inputs: dict[str, Any]) -> dict[str, str]:
        """What Check has against the inputs, by property."""
        answer = await self.check(type_, "checked", inputs)
        return {failure.property: failure.reason for failure in answer.failures}

    async def create(self, type_: str, name: str, inputs: dict[str, Any], hidden: Any = None) -> "Resource":
        """Check and Create, as for a new resource.

        Raises:
            Refused: by either.
        """
        checked = await self.check(type_, name, inputs, hidden=hidden)
        if checked.failures:
            raise Refused("; ".join(f"{one.property}: {one.reason}" for one in checked.failures))
        made = await self.call("Create", proto.CreateRequest(urn=self.urn(type_, name), properties=checked.inputs))
        return Resource(self, type_, name, made.id, checked.inputs, made.properties)

    async def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        """What a function answers."""
        answer = await self.call("Invoke", proto.InvokeRequest(tok=token, args=struct(arguments)))
        return plain(getattr(answer, "return"))


class Resource:
    """One resource in the engine's state; the wire's forms, so that secrets stay where they are."""

    def __init__(self, lab: Lab, type_: str, name: str, id_: str, inputs: Any, state: Any) -> None:
        self.lab, self.type, self.name, self.id = lab, type_, name, id_
        self.wire_inputs, self.wire_state = inputs, state

    @property
    def inputs(self) -> dict[str, Any]:
        return plain(self.wire_inputs)

    @property
    def state(self) -> dict[str, Any]:
        return plain(self.wire_state)

    @property
    def urn(self) -> str:
        return self.lab.urn(self.type, self.name)

    async def checked(self, inputs: dict[str, Any]) -> Any:
        answer = await self.lab.check(self.type, self.name, inputs, self.inputs)
        if answer.failures:
            raise Refused("; ".join(f"{one.property}: {one.reason}" for one in answer.failures))
        return answer.inputs

    async def diff(self, inputs: dict[str, Any], ignoring: tuple[str, ...] = ()) -> Any:
        return await self.lab.call(
            "Diff",
            proto.DiffRequest(
                id=self.id, urn=self.urn, olds=self.wire_state, old_inputs=self.wire_inputs,
                news=await self.checked(inputs), ignoreChanges=ignoring,
            ),
        )  # fmt: skip

    async def update(self, inputs: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        news = await self.checked(inputs)
        request = proto.UpdateRequest(
            id=self.id, urn=self.urn, olds=self.wire_state, old_inputs=self.wire_inputs, news=news, preview=preview
        )
        answer = await self.lab.call("Update", request)
        if not preview:
            self.wire_inputs, self.wire_state = news, answer.properties
        return plain(answer.properties)

    async def refresh(self) -> bool:
        """Read. Returns whether the object is still there; state and inputs are what was found."""
        request = proto.ReadRequest(id=self.id, urn=self.urn, properties=self.wire_state, inputs=self.wire_inputs)
        answer = await self.lab.call("Read", request)
        if answer.id:
            self.wire_inputs, self.wire_state = answer.inputs, answer.properties
        return bool(answer.id)

    async def delete(self) -> None:
        await self.lab.call("Delete", proto.DeleteRequest(id=self.id, urn=self.urn, properties=self.wire_state))


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One local server for all tests of the plugin; each works under names of its own."""
    folder = tmp_path_factory.mktemp("cloud")
    yield cloud.start(folder).endpoint
    cloud.stop(folder)


@pytest.fixture
def connect(aws_endpoint: str) -> Any:
    """Clients of the local server, by service and region."""

    def connect(service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=aws_endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    return connect


@pytest.fixture
def route53(connect: Any) -> Any:
    return connect("route53")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine where nothing is installed; also without this project's own uv."""
    monkeypatch.setattr(gotoolchain, "ROOT", tmp_path)
    return Machine(tmp_path)


@dataclass(frozen=True)
class LocalClients:
    """boto3 clients for all tests, since making them takes most of a test's time; what each test's own is in `environment`."""

    clients: Clients
    environment: dict[str, str]
    calls: CallRecorder
    """What any of the clients has sent."""

    def recording_into(self, folder: Path) -> Clients:
        """The clients, with recorded-only objects kept in that folder."""
        self.environment[RECORDED_VARIABLE] = str(folder / "recorded.json")
        return self.clients


@pytest.fixture(scope="session")
def local_clients(aws_endpoint: str) -> LocalClients:
    environment = {ENDPOINT_VARIABLE: aws_endpoint}
    calls = CallRecorder()
    return LocalClients(WatchedClients(environment, calls), environment, calls)


@pytest.fixture
def anyio_backend() -> str:
    """The SDK's server is asyncio's."""
    return "asyncio"


@pytest.fixture
async def lab(local_clients: LocalClients, tmp_path: Path) -> AsyncIterator[Lab]:
    clients, journal = local_clients.recording_into(tmp_path), Journal(tmp_path / "journal.json")
    server, port = await start(Provider(ADAPTERS, FUNCTIONS, journal, clients), "1.0.0", "127.0.0.1:1")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        made = Lab(provider_pb2_grpc.ResourceProviderStub(channel), clients, journal)
        await made.configure(region="eu-west-1")
        yield made
    await server.stop(0)
