"""The aws plugin without the engine: one resource at a time, in this process."""

from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as sdk

from localcloud.provider import values
from localcloud.provider.aws import ADAPTERS, FUNCTIONS
from localcloud.provider.clients import Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.serve import DiffRequest, UpdateRequest

SEED = b"\x01\x23\x45\x67"


class Plugin:
    """Plays the engine's part for one resource at a time."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.recorded = folder / "recorded.json"
        self.journal = Journal(folder / "journal.json")
        self.clients = clients
        self.provider = Provider(ADAPTERS, FUNCTIONS, self.journal, self.clients)

    async def configure(self) -> None:
        arguments = values.to_properties({"region": "eu-west-1"})
        await self.provider.configure(sdk.ConfigureRequest({}, arguments, True, True))

    @staticmethod
    def urn(type_: str, name: str = "sample") -> str:
        return f"urn:pulumi:dev::seawall::seawall:index:FailoverRecord${type_}::{name}"

    async def check(self, type_: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> Any:
        request = sdk.CheckRequest(
            self.urn(type_), values.to_properties(olds or {}), values.to_properties(inputs), SEED
        )
        return await self.provider.check(request)

    async def create(self, type_: str, inputs: dict[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
        response = await self.provider.create(
            sdk.CreateRequest(self.urn(type_), values.to_properties(inputs), 0, preview)
        )
        return str(response.resource_id), values.to_plain(response.properties)[0]

    async def diff(
        self, type_: str, id_: str, state: dict[str, Any], news: dict[str, Any], olds: dict[str, Any]
    ) -> Any:
        request = DiffRequest(
            values.to_properties(olds),
            self.urn(type_),
            id_,
            values.to_properties(state),
            values.to_properties(news),
            [],
        )
        return await self.provider.diff(request)

    async def update(
        self, type_: str, id_: str, state: dict[str, Any], news: dict[str, Any], olds: dict[str, Any], *, preview: bool
    ) -> dict[str, Any]:
        old, before, after = (values.to_properties(one) for one in (olds, state, news))
        request = UpdateRequest(old, self.urn(type_), id_, before, after, 0, [], preview)
        return values.to_plain((await self.provider.update(request)).properties)[0]

    async def read(self, type_: str, id_: str, state: dict[str, Any], olds: dict[str, Any]) -> Any:
        request = sdk.ReadRequest(self.urn(type_), id_, values.to_properties(state), values.to_properties(olds))
        return await self.provider.read(request)

    async def delete(self, type_: str, id_: str, state: dict[str, Any]) -> None:
        await self.provider.delete(sdk.DeleteRequest(self.urn(type_), id_, values.to_properties(state), 0))
