"""A small engine for tests: what a program registers under Pulumi's mocks is created by the aws plugin, in the local cloud."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as sdk
from pulumi.runtime import mocks

from localcloud.provider import values
from localcloud.provider.clients import Clients
from provider_plugin import Plugin

Answer = TypeVar("Answer")
SEED_BYTES = 4  # as the engine gives for names that are made up
PATIENCE_SECONDS = 60.0  # for one call to the local cloud
Resource = tuple[str, str, str, dict[str, Any], dict[str, Any]]


class PluginEngine(mocks.Mocks):
    """Check and Create for each resource of AWS, in the order of the program; everything else is answered as asked.

    Args:
        clients: Of the local cloud.
        folder: Where the plugin keeps what it only records.
    """

    def __init__(self, clients: Clients, folder: Path) -> None:
        self._plugin = Plugin(clients, folder)
        self.recorded = self._plugin.recorded
        self.made: list[Resource] = []
        """Type, name, id, inputs and state of each, in the order of their creation."""
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()  # of its own: Pulumi's is busy while it waits for an answer
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._plugin.configure())

    def _run(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(PATIENCE_SECONDS)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        request = sdk.InvokeRequest(args.token, values.to_properties(args.args))
        response = self._run(self._plugin.provider.invoke(request))
        return values.to_plain(response.return_value or {})[0], []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id", dict(args.inputs)
        with self._lock:
            urn, inputs = Plugin.urn(args.typ, args.name), values.to_properties(args.inputs)
            check = sdk.CheckRequest(urn, {}, inputs, os.urandom(SEED_BYTES))
            checked = self._run(self._plugin.provider.check(check))
            assert not checked.failures, [(one.property, one.reason) for one in checked.failures]
            request = sdk.CreateRequest(urn, checked.inputs or {}, 0, False)
            created = self._run(self._plugin.provider.create(request))
            id_, state = str(created.resource_id), values.to_plain(created.properties)[0]
            self.made.append((args.typ, args.name, id_, values.to_plain(checked.inputs or {})[0], state))
        return id_, state

    def changes(self) -> dict[str, list[str]]:
        """What a second run with the same inputs would change, by name: nothing, if all is well."""
        found: dict[str, list[str]] = {}
        for type_, name, id_, inputs, state in self.made:
            difference = self._run(self._plugin.diff(type_, id_, state, inputs, inputs))
            if difference.changes:
                found[name] = list(difference.diffs or [])
        return found

    def destroy(self) -> None:
        """Delete everything, the last made first."""
        for type_, _, id_, _, state in reversed(self.made):
            self._run(self._plugin.delete(type_, id_, state))

    def close(self) -> None:
        """End its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()
