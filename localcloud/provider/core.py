"""What is the same for every resource type: a provider over a table of adapters.

Blocking calls (the service, the journal) run in threads, so that the engine's parallel requests are parallel here.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pulumi.provider.experimental import provider as sdk

from localcloud.errors import LocalCloudError
from localcloud.provider import values
from localcloud.provider.adapter import REGION, TAGS, TAGS_ALL, Adapter, Properties
from localcloud.provider.clients import Clients, Cloud
from localcloud.provider.configuration import Configuration, configuration
from localcloud.provider.differ import Change, changes
from localcloud.provider.failures import is_absent, one_line
from localcloud.provider.journal import Entry, Journal
from localcloud.provider.serve import DiffRequest, UpdateRequest
from localcloud.provider.shapes import fitted, unknown_name
from localcloud.provider.values import UNKNOWN, Secrets
from seawall.errors import InvalidInput, SeawallError

Result = TypeVar("Result")
CloudIn = Callable[[str], Cloud]  # the cloud of a region; of the configured one for ""
Function = Callable[[CloudIn, Properties], Properties]

NAME_DIGITS: Final = 7  # hexadecimal, at the end of a made-up name, as the real provider's


def type_of(urn: str) -> str:
    """The type in a URN: what follows the last `$` of `parent$type`."""
    return urn.split("::")[-2].rsplit("$", 1)[-1]


class Provider(sdk.Provider):
    """A provider plugin over a table of adapters.

    Args:
        adapters: The resource types, by token.
        functions: What Invoke answers, by token. Each gets a way to a region's cloud and its arguments.
        journal: Where creations are written down.
        clients: How the service is reached.
    """

    def __init__(
        self, adapters: Mapping[str, Adapter], functions: Mapping[str, Function], journal: Journal, clients: Clients
    ) -> None:
        self._adapters: Final = adapters
        self._functions: Final = functions
        self._journal: Final = journal
        self._clients: Final = clients
        self._configuration = Configuration()

    # Configuration

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse configuration that cannot be read; otherwise keep it as it is."""
        plain, _ = values.to_plain(request.new_inputs)
        _, misfits = configuration(plain)
        return sdk.CheckResponse(request.new_inputs, [sdk.CheckFailure(one.where, one.reason) for one in misfits])

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Take the region and the tags of the provider's configuration."""
        plain, _ = values.to_plain(request.args)
        self._configuration, misfits = configuration(plain)
        for misfit in misfits:
            raise LocalCloudError(f"{misfit.where}: {misfit.reason}")
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:  # noqa: ARG002
        """Not the real schema: that one comes with the SDK. Only what the table holds."""
        return sdk.GetSchemaResponse('{"name": "aws"}')

    # Resources

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse what does not fit, fill in defaults, the region and a name."""
        adapter = self._adapter(request.urn)
        given, secrets = values.to_plain(request.new_inputs)
        olds, _ = values.to_plain(request.old_inputs)
        inputs, misfits = fitted(given, adapter.takes, adapter.resource_type)
        failures = [(one.where, one.reason) for one in misfits]
        if olds:
            await asyncio.to_thread(self._journal.known_by_inputs, request.urn, olds)
        for name, default in adapter.defaults.items():
            inputs.setdefault(name, default)
        if adapter.regional and REGION not in inputs:
            if self._configuration.region:
                inputs[REGION] = self._configuration.region
            else:
                failures.append((REGION, "missing: set it here, or `aws:region` in the stack's configuration"))
        await self._name(adapter, request, inputs, olds)
        missing = sorted(name for name in adapter.required if name not in inputs)
        failures += [(name, f"missing: {adapter.resource_type} needs it") for name in missing]
        if not failures:
            hidden = set(values.secret_texts(given, secrets))
            failures = [
                (error.name if isinstance(error, InvalidInput) else "", values.redacted(one_line(error), hidden))
                for error in adapter.refusals(inputs)
            ]
        return sdk.CheckResponse(
            values.to_properties(inputs, secrets), [sdk.CheckFailure(where, reason) for where, reason in failures]
        )

    async def _name(self, adapter: Adapter, request: sdk.CheckRequest, inputs: Properties, olds: Properties) -> None:
        """Fill in a name: the one it had, the one that a killed run had made up, or a new one."""
        rule = adapter.autoname
        if rule is None or rule.property in inputs:
            return
        if rule.property in olds and rule.suffix(olds) == rule.suffix(inputs):
            inputs[rule.property] = olds[rule.property]
            return
        begun = await asyncio.to_thread(self._journal.entry, request.urn, adapter.resource_type)
        if begun is not None and rule.property in begun.names:
            inputs[rule.property] = begun.names[rule.property]
            return
        digits = request.random_seed.hex()[:NAME_DIGITS] or "0" * NAME_DIGITS
        ending = f"-{digits}{rule.suffix(inputs)}"
        inputs[rule.property] = request.name[: rule.longest - len(ending)] + ending

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """What would change, and whether it needs a new object."""
        adapter = self._adapter(request.urn)
        state, _ = values.to_plain(request.old_state)
        news, _ = values.to_plain(request.new_inputs)
        olds, _ = values.to_plain(request.old_inputs if isinstance(request, DiffRequest) else {})
        await asyncio.to_thread(self._journal.known, request.urn, request.resource_id)
        found = changes(adapter, state, olds, self._with_all_tags(adapter, news), list(request.ignore_changes))
        replaces = [change.name for change in found if change.replaces]
        return sdk.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            diffs=[change.name for change in found],
            detailed_diff={change.name: _property_diff(change) for change in found},
            delete_before_replace=bool(replaces) and _name_is_taken(adapter, request.name, state, news),
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Make the object, or adopt what a killed run made of it."""
        adapter = self._adapter(request.urn)
        plain, given_secrets = values.to_plain(request.properties)
        inputs, secrets = self._with_all_tags(adapter, plain), _with_copies(given_secrets)
        if request.preview:
            unknown = dict.fromkeys(adapter.computed | (adapter.keeps - inputs.keys()), UNKNOWN)
            return sdk.CreateResponse("", values.to_properties({**unknown, **inputs}, secrets))
        cloud = self._cloud(adapter, inputs)
        id_, state = await self._guarded(
            lambda: self._create(adapter, cloud, request.urn, plain, inputs), plain, secrets
        )
        return sdk.CreateResponse(id_, values.to_properties(state, secrets))

    def _create(
        self, adapter: Adapter, cloud: Cloud, urn: str, plain: Properties, inputs: Properties
    ) -> tuple[str, Properties]:
        entry = self._journal.entry(urn, adapter.resource_type)
        if entry is not None:
            adopted = self._adopt(adapter, cloud, entry, plain, inputs)
            if adopted is not None:
                return adopted
        name = adapter.autoname.property if adapter.autoname else None
        names = {name: inputs[name]} if name and name in inputs else {}
        entry = self._journal.begin(urn, adapter.resource_type, plain, names, cloud.region)
        try:
            id_ = adapter.create(cloud, inputs, entry.reference)
        except Exception as error:
            if _was_refused(error):  # anything else, a lost connection say, leaves open whether it was made
                self._journal.end(entry)
            raise
        self._journal.made(entry, id_, plain)
        adapter.finish(cloud, id_, inputs)
        return id_, self._state(adapter, cloud, id_, inputs)

    def _adopt(
        self, adapter: Adapter, cloud: Cloud, entry: Entry, plain: Properties, inputs: Properties
    ) -> tuple[str, Properties] | None:
        """Bring what a killed run left to the inputs. What cannot be brought there is removed, since no state knows it."""
        there = Cloud(self._clients, entry.region)
        id_ = entry.id or adapter.find(there, inputs, entry.reference)
        untold = {name: inputs[name] for name in adapter.write_only if name in inputs}
        current = self._read(adapter, there, id_, untold) if id_ else None
        if not id_ or current is None:
            return None
        if any(change.replaces for change in changes(adapter, current, {}, inputs)):
            adapter.delete(there, id_, current)
            return None
        adapter.update(cloud, id_, current, inputs)
        adapter.finish(cloud, id_, inputs)
        self._journal.made(entry, id_, plain)
        return id_, self._state(adapter, cloud, id_, inputs)

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """The object as it is now: for a refresh, or without a known state for an import."""
        adapter = self._adapter(request.urn)
        state, state_secrets = values.to_plain(request.properties)
        olds, input_secrets = values.to_plain(request.inputs)
        id_, region = request.resource_id, state.get(REGION) or olds.get(REGION) or self._configuration.region
        if adapter.regional and not state and "@" in id_:
            id_, _, region = id_.rpartition("@")
        await asyncio.to_thread(self._journal.known, request.urn, id_)
        secrets = _with_copies(state_secrets | input_secrets)
        cloud = Cloud(self._clients, region if adapter.regional else "")
        found = await self._guarded(
            lambda: self._read(adapter, cloud, id_, {**olds, **state}), {**olds, **state}, secrets
        )
        if found is None:
            return sdk.ReadResponse("")
        inputs = self._inputs_of(adapter, found, olds)
        return sdk.ReadResponse(id_, values.to_properties(found, secrets), values.to_properties(inputs, secrets))

    def _inputs_of(self, adapter: Adapter, state: Properties, olds: Properties) -> Properties:
        """The inputs that would give this state: the old ones where they still say the same."""
        inputs: Properties = {}
        for name in adapter.takes:
            value = state.get(name)
            if name in olds and adapter.normal(name, value) == adapter.normal(name, olds[name]):
                inputs[name] = olds[name]
            elif value is None or (name not in olds and (values.is_empty(value) or (olds and name in adapter.keeps))):
                continue
            else:
                inputs[name] = value
        return inputs

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Bring the object to the new inputs."""
        adapter = self._adapter(request.urn)
        state, state_secrets = values.to_plain(request.olds)
        news, new_secrets = values.to_plain(request.news)
        olds, _ = values.to_plain(request.old_inputs if isinstance(request, UpdateRequest) else {})
        inputs = self._with_all_tags(adapter, news)
        secrets = _with_copies(state_secrets | new_secrets)
        if request.preview:
            removed = {
                name for name in adapter.takes if name in olds and name not in news and name not in adapter.keeps
            }
            kept = {name: value for name, value in state.items() if name not in removed}
            return sdk.UpdateResponse(values.to_properties({**kept, **inputs}, secrets))
        cloud = self._cloud(adapter, inputs)

        def change() -> Properties:
            self._journal.known(request.urn, request.resource_id)
            adapter.update(cloud, request.resource_id, state, inputs)
            return self._state(adapter, cloud, request.resource_id, inputs)

        plain = {**state, **news}
        return sdk.UpdateResponse(values.to_properties(await self._guarded(change, plain, secrets), secrets))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Remove the object. One that is gone already is no error."""
        adapter = self._adapter(request.urn)
        state, secrets = values.to_plain(request.properties)
        cloud = self._cloud(adapter, state)

        def remove() -> None:
            try:
                adapter.delete(cloud, request.resource_id, state)
            except Exception as error:
                if not is_absent(error, adapter.absent_codes):
                    raise
            self._journal.known(request.urn, request.resource_id)

        await self._guarded(remove, state, secrets)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        """Answer a function."""
        function = self._functions.get(request.tok)
        if function is None:
            misfit = unknown_name(request.tok, request.tok, self._functions, "the local cloud")
            raise LocalCloudError(f"function {misfit.where}: {misfit.reason}")
        arguments, secrets = values.to_plain(request.args)

        def cloud_in(region: str) -> Cloud:
            return Cloud(self._clients, region or self._configuration.region)

        answer = await self._guarded(lambda: function(cloud_in, arguments), arguments, secrets)
        return sdk.InvokeResponse(values.to_properties(answer))

    # What the above share

    def _adapter(self, urn: str) -> Adapter:
        token = type_of(urn)
        adapter = self._adapters.get(token)
        if adapter is None:
            misfit = unknown_name(token, token, self._adapters, "the local cloud")
            raise LocalCloudError(f"resource type {misfit.where}: {misfit.reason}")
        return adapter

    def _cloud(self, adapter: Adapter, properties: Properties) -> Cloud:
        return Cloud(self._clients, properties.get(REGION) or self._configuration.region if adapter.regional else "")

    def _with_all_tags(self, adapter: Adapter, inputs: Properties) -> Properties:
        """The inputs, with the provider's default tags and the resource's own in `tagsAll`."""
        if not adapter.taggable:
            return inputs
        own = inputs.get(TAGS) or {}
        defaults = self._configuration.default_tags
        return {
            **inputs,
            TAGS_ALL: {**defaults, **own} if isinstance(defaults, dict) and own is not UNKNOWN else UNKNOWN,
        }

    def _state(self, adapter: Adapter, cloud: Cloud, id_: str, inputs: Properties) -> Properties:
        """The state after a create or an update: exactly what a refresh would find."""
        told = self._read(adapter, cloud, id_, inputs)
        if told is None:
            raise LocalCloudError(f"{adapter.resource_type} {id_}: gone right after it was written")
        return told

    def _read(self, adapter: Adapter, cloud: Cloud, id_: str, known: Properties) -> Properties | None:
        try:
            told = adapter.read(cloud, id_, known)
        except Exception as error:
            if is_absent(error, adapter.absent_codes):
                return None
            raise
        if told is None:
            return None
        state = {name: value for name, value in told.items() if value is not None}
        for name in adapter.write_only:
            if name not in state and name in known:
                state[name] = known[name]
        if adapter.regional:
            state[REGION] = cloud.region
        if adapter.taggable:
            everything = self._configuration.visible_tags(state.get(TAGS_ALL, {}))
            own = known.get(TAGS) or {}
            defaults = self._configuration.default_tags or {}
            state[TAGS_ALL] = everything
            state[TAGS] = {key: value for key, value in everything.items() if key in own or defaults.get(key) != value}
        for name, value in known.items():  # as the program wrote it, where that says the same
            same = name in state and adapter.normal(name, state[name]) == adapter.normal(name, value)
            if same or (name in adapter.takes and name not in state and values.is_empty(value)):
                state[name] = value
        return state

    async def _guarded(self, call: Callable[[], Result], plain: Properties, secrets: Secrets) -> Result:
        """Run a blocking call in a thread. What it raises becomes one line without a secret."""
        try:
            return await asyncio.to_thread(call)
        except Exception as error:
            line = values.redacted(one_line(error), values.secret_texts(plain, secrets))
            raise LocalCloudError(line) from error


def _with_copies(secrets: Secrets) -> Secrets:
    """The paths of secrets, with those of their copies: each tag stands in `tagsAll` too."""
    return secrets | {(TAGS_ALL, *path[1:]) for path in secrets if path[0] == TAGS}


def _was_refused(error: Exception) -> bool:
    """Whether the service, or an adapter before it, said no: then nothing was made."""
    from botocore.exceptions import ClientError, ParamValidationError

    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500
    return isinstance(error, ParamValidationError | SeawallError)


def _name_is_taken(adapter: Adapter, resource_name: str, state: Properties, news: Properties) -> bool:
    """Whether the program gave a name that the old object has, so that the old one must go first, as in the real provider.

    A made-up name is kept by Check too, but the replacement gets a new one.
    """
    rule = adapter.autoname
    if rule is None or news.get(rule.property) != state.get(rule.property):
        return False
    ending = rf"-[0-9a-f]{{{NAME_DIGITS}}}{re.escape(rule.suffix(news))}"
    made_up = re.fullmatch(f"(.*){ending}", str(news[rule.property]))
    return made_up is None or not resource_name.startswith(made_up[1])


def _property_diff(change: Change) -> sdk.PropertyDiff:
    kind = f"{change.kind}_replace" if change.replaces else change.kind
    return sdk.PropertyDiff(sdk.PropertyDiffKind[kind.upper()], change.by_input)
