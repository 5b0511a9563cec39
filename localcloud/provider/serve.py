"""A provider plugin's server: the SDK's experimental one, with what it lacks.

The old inputs reach Diff and Update, an exception becomes one line instead of a traceback, Attach is there, and the
process ends with the engine that started it.
"""

import asyncio
import contextlib
import os
import sys
import traceback
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.provider.failures import one_line

DEBUG_VARIABLE: Final = "SEAWALL_LOCAL_DEBUG"  # set it to see tracebacks on stderr
PARENT_POLL_SECONDS: Final = 1.0  # how long a plugin outlives a killed engine, at most
LONGEST_MESSAGE: Final = 400 * 1024 * 1024  # bytes; what the SDK and the engine allow
DRAIN_SECONDS: Final = 1.0  # for requests that are under way when the engine says goodbye


class DiffRequest(sdk.DiffRequest):
    """The SDK's, with the old inputs."""

    def __init__(self, old_inputs: dict[str, PropertyValue], *args: Any) -> None:
        super().__init__(*args)
        self.old_inputs: Final = old_inputs


class UpdateRequest(sdk.UpdateRequest):
    """The SDK's, with the old inputs."""

    def __init__(self, old_inputs: dict[str, PropertyValue], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.old_inputs: Final = old_inputs


class _WithOldInputs(sdk.Provider):
    """Hands the old inputs of one request on to a provider."""

    def __init__(self, provider: sdk.Provider, old_inputs: dict[str, PropertyValue]) -> None:
        self._provider: Final = provider
        self._old_inputs: Final = old_inputs

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        return await self._provider.diff(
            DiffRequest(
                self._old_inputs,
                request.urn,
                request.resource_id,
                request.old_state,
                request.new_inputs,
                request.ignore_changes,
            )
        )

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        return await self._provider.update(
            UpdateRequest(
                self._old_inputs,
                request.urn,
                request.resource_id,
                request.olds,
                request.news,
                timeout=request.timeout,
                ignore_changes=list(request.ignore_changes),
                preview=request.preview,
            )
        )


def _in_one_line(method: Any) -> Any:
    async def call(self: ProviderServicer, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except NotImplementedError as error:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must reach the user as one line
            # The SDK raises its own exception, with a traceback as the message, while it handles the original.
            original = error.__context__ if type(error) is Exception and error.__context__ else error
            if os.environ.get(DEBUG_VARIABLE):
                traceback.print_exception(original)
            await context.abort(grpc.StatusCode.UNKNOWN, one_line(original))

    return call


class Servicer(ProviderServicer):
    """The SDK's, with what the module's docstring says."""

    def __init__(self, version: str, provider: sdk.Provider, engine_address: str) -> None:
        super().__init__([], version, provider, engine_address)

    async def Attach(self, request: proto.PluginAttach, context: Any) -> empty_pb2.Empty:  # noqa: N802, ARG002 -- the protocol's names
        """A running plugin gets the address of the engine that uses it."""
        self._engine_address = request.address
        return empty_pb2.Empty()

    async def DiffConfig(self, request: proto.DiffRequest, context: Any) -> proto.DiffResponse:  # noqa: N802, ARG002
        """Nothing in a provider's configuration replaces what it manages; a region is an input of each resource."""
        return proto.DiffResponse()

    async def Diff(self, request: proto.DiffRequest, context: Any) -> proto.DiffResponse:  # noqa: N802
        return await _DIFF(self._with(request), request, context)

    async def Update(self, request: proto.UpdateRequest, context: Any) -> proto.UpdateResponse:  # noqa: N802
        return await _UPDATE(self._with(request), request, context)

    async def Read(self, request: proto.ReadRequest, context: Any) -> proto.ReadResponse:  # noqa: N802
        """No properties at all for what does not exist: the SDK's empty ones are an object to an import."""
        answer = await _READ(self, request, context)
        return answer if answer.id else proto.ReadResponse()

    def _with(self, request: proto.DiffRequest | proto.UpdateRequest) -> ProviderServicer:
        old_inputs = PropertyValue.unmarshal_map(request.old_inputs)
        return ProviderServicer([], self._version, _WithOldInputs(self._provider, old_inputs), self._engine_address)

    Check = _in_one_line(ProviderServicer.Check)
    CheckConfig = _in_one_line(ProviderServicer.CheckConfig)
    Configure = _in_one_line(ProviderServicer.Configure)
    Create = _in_one_line(ProviderServicer.Create)
    Delete = _in_one_line(ProviderServicer.Delete)
    GetSchema = _in_one_line(ProviderServicer.GetSchema)
    Invoke = _in_one_line(ProviderServicer.Invoke)


_DIFF: Final = _in_one_line(ProviderServicer.Diff)
_READ: Final = _in_one_line(ProviderServicer.Read)
_UPDATE: Final = _in_one_line(ProviderServicer.Update)


async def start(provider: sdk.Provider, version: str, engine_address: str) -> tuple[grpc.aio.Server, int]:
    """Start a server on a free port of loopback. Returns it and the port."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", LONGEST_MESSAGE),
            ("grpc.max_send_message_length", LONGEST_MESSAGE),
        ]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(version, provider, engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def serve(provider: sdk.Provider, version: str, engine_address: str) -> None:
    """Serve until the engine is gone. Prints the port as the first line, which is how the engine learns it."""

    # Before anything that takes time: an engine that is killed meanwhile must be noticed too. One that was killed even
    # earlier no longer reads the port.
    parent = os.getppid()

    async def run() -> None:
        server, port = await start(provider, version, engine_address)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        watch = asyncio.create_task(_parent_gone(parent))
        await asyncio.wait(
            [watch, asyncio.create_task(server.wait_for_termination())], return_when=asyncio.FIRST_COMPLETED
        )
        await server.stop(DRAIN_SECONDS)

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(run())


async def _parent_gone(parent: int) -> None:
    """Return once the process is no longer a child of the one that started it: a killed engine leaves orphans."""
    while os.getppid() == parent:  # noqa: ASYNC110 -- nothing tells us, so there is nothing to wait for
        await asyncio.sleep(PARENT_POLL_SECONDS)
