"""The engine's part against the `kubernetes` plugin, and two objects to render."""

from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as sdk

from localcloud.provider import values
from localcloud.provider.journal import Journal
from localcloud.provider.kubernetes import Renderer
from localcloud.provider.serve import DiffRequest, UpdateRequest

SEED = bytes.fromhex("0123456789abcdef")

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "shop", "labels": {"app": "shop", "commit": "12e4567", "on": "yes"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}, "annotations": {"note": "first line\nsecond line\n"}},
            "spec": {
                "containers": [
                    {
                        "name": "shop",
                        "image": "registry.example.com/shop:1.0",
                        "args": ["--listen", "0.0.0.0:8080", "--a-flag-that-is-long-enough=for-a-line-of-more-than-eighty-columns"],
                        "env": [{"name": "RATIO", "value": "0.5"}, {"name": "DEBUG", "value": "false"}],
                        "ports": [{"containerPort": 8080}],
                    }
                ]
            },
        },
    },
}  # fmt: skip
ROLLOUT: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "strategy": {"canary": {"steps": [{"setWeight": 10}, {"pause": {"duration": "5m"}}, {"setWeight": 50}]}},
        "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
    },
}


class Cluster:
    """Plays the engine's part for one resource at a time: check, then create, or diff and update."""

    def __init__(self, base: Path | None, journal: Path | None = None) -> None:
        self.base = base
        self.provider = Renderer(Journal(journal), base)
        self.ids: dict[str, str] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.inputs: dict[str, dict[str, Any]] = {}

    async def configure(self, name: str = "eu", **arguments: Any) -> dict[str, Any]:
        """As for an explicit provider of that name. Returns what would stand in the state."""
        urn = f"urn:pulumi:dev::shop::pulumi:providers:kubernetes::{name}"
        properties = values.to_properties(arguments)
        checked = await self.provider.check_config(sdk.CheckRequest(urn, {}, properties, b""))
        await self.provider.configure(sdk.ConfigureRequest({}, checked.inputs or {}, True, True))
        return values.to_plain(checked.inputs or {})[0]

    async def check(
        self, name: str, inputs: dict[str, Any], *, fresh: bool = False
    ) -> tuple[dict[str, Any], list[str]]:
        olds = {} if fresh else self.inputs.get(name, {})
        request = sdk.CheckRequest(urn(inputs, name), values.to_properties(olds), values.to_properties(inputs), SEED)
        response = await self.provider.check(request)
        failures = [f"{failure.property}: {failure.reason}" for failure in response.failures or ()]
        return values.to_plain(response.inputs or {})[0], failures

    async def diff(self, name: str, news: dict[str, Any], ignore: tuple[str, ...] = ()) -> sdk.DiffResponse:
        return await self.provider.diff(
            DiffRequest(
                values.to_properties(self.inputs[name]), urn(news, name), self.ids[name],
                values.to_properties(self.states[name]), values.to_properties(news), list(ignore),
            )
        )  # fmt: skip

    async def up(self, name: str, inputs: dict[str, Any]) -> str:
        """What the engine did: create, same, update or replace."""
        news, failures = await self.check(name, inputs)
        assert failures == []
        what = "create"
        if name in self.states:
            diff = await self.diff(name, news)
            if not diff.changes:
                return "same"
            what = "replace" if diff.replaces else "update"
            if what == "update":
                request = UpdateRequest(
                    values.to_properties(self.inputs[name]), urn(news, name), self.ids[name],
                    values.to_properties(self.states[name]), values.to_properties(news),
                    timeout=0, ignore_changes=[], preview=False,
                )  # fmt: skip
                self.states[name] = values.to_plain((await self.provider.update(request)).properties or {})[0]
                self.inputs[name] = news
                return what
            news, _ = await self.check(name, inputs, fresh=True)
        await self.create(name, news)
        return what

    async def create(self, name: str, news: dict[str, Any]) -> None:
        request = sdk.CreateRequest(urn(news, name), values.to_properties(news), 0, False)
        response = await self.provider.create(request)
        self.ids[name], self.inputs[name] = str(response.resource_id), news
        self.states[name] = values.to_plain(response.properties or {})[0]

    async def refresh(self, name: str) -> str:
        inputs, state = values.to_properties(self.inputs[name]), values.to_properties(self.states[name])
        response = await self.provider.read(
            sdk.ReadRequest(urn(self.states[name], name), self.ids[name], state, inputs)
        )
        if not response.resource_id:
            del self.states[name], self.inputs[name]
            return "gone"
        before = self.states[name]
        self.states[name] = values.to_plain(response.properties)[0]
        self.inputs[name] = values.to_plain(response.inputs or {})[0]
        return "same" if self.states[name] == before else "drifted"

    async def delete(self, name: str) -> None:
        state = self.states.pop(name)
        await self.provider.delete(sdk.DeleteRequest(urn(state, name), self.ids[name], values.to_properties(state), 0))

    def files(self) -> dict[str, Path]:
        assert self.base is not None
        return {str(path.relative_to(self.base)): path for path in sorted(self.base.rglob("*")) if path.is_file()}


def urn(manifest: dict[str, Any], name: str) -> str:
    group = str(manifest.get("apiVersion", "v1"))
    group = group if "/" in group else f"core/{group}"
    return f"urn:pulumi:dev::shop::seawall:index:Canary$kubernetes:{group}:{manifest.get('kind', 'None')}::{name}"


def with_change(manifest: dict[str, Any], *path: Any, value: Any) -> Any:
    if not path:
        return value
    copy: Any = dict(manifest) if isinstance(manifest, dict) else list(manifest)
    here = path[0]
    inner = copy[here] if isinstance(copy, list) else copy.get(here, {})
    copy[here] = with_change(inner, *path[1:], value=value)
    return copy
