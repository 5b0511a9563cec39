"""Every AWS type of the table, through its whole life on the local server. The next type adds a sample in `provider_samples`."""

from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from localcloud.provider import values
from localcloud.provider.aws import ADAPTERS, FUNCTIONS
from localcloud.provider.clients import Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.recorded import recorded
from localcloud.provider.values import UNKNOWN
from provider_plugin import Plugin
from provider_samples import SAMPLES
from provider_surroundings import Surroundings
from pulumi_seawall._pipeline_access import LOOKS, PROVIDER_ONLY, TYPES

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]
STAYS = ("aws:backup/regionSettings:RegionSettings",)  # AWS can change them, and has no call that deletes them


@pytest.fixture
async def plugin(local_clients: Any, tmp_path: Path) -> Plugin:
    made = Plugin(local_clients.recording_into(tmp_path), tmp_path)
    await made.configure()
    return made


@pytest.fixture
def surroundings(plugin: Plugin) -> Surroundings:
    return Surroundings(plugin.clients)


def test_every_type_has_a_sample() -> None:
    """A type without a sample would go through the table untested."""
    assert SAMPLES.keys() == ADAPTERS.keys()


def test_every_type_says_what_a_pipeline_needs_for_it() -> None:
    """Whoever adds a type adds its rights to `_pipeline_access`: otherwise the first pipeline run is denied."""
    assert sorted(ADAPTERS.keys() - TYPES.keys()) == []


def test_no_reason_stands_for_a_permission_that_is_not_granted() -> None:
    """The list of exceptions is for whoever reviews a policy: nothing dead in it."""
    granted = {action for access in TYPES.values() for action in (*access.reads, *access.writes)}
    assert granted >= PROVIDER_ONLY.keys()
    assert not granted.intersection(LOOKS)


@pytest.mark.parametrize("type_", SAMPLES)
async def test_a_type_lives_its_whole_life(
    type_: str, plugin: Plugin, surroundings: Surroundings, local_clients: Any
) -> None:
    """Created, read back the same, changed in place, unchanged afterwards, deleted, deleted again, gone.

    What it sends meanwhile is what a pipeline's policies grant for the type: neither less, which would be denied at the
    first run on AWS, nor more without a reason.
    """
    sample, edits = (surroundings.filled(value) for value in SAMPLES[type_])
    local_clients.calls.taken()  # what the surroundings took
    checked = await plugin.check(type_, sample)
    assert not checked.failures
    inputs = values.to_plain(checked.inputs)[0]

    id_, promised = await plugin.create(type_, inputs, preview=True)
    assert id_ == ""
    assert all(promised[name] is UNKNOWN for name in ADAPTERS[type_].computed)
    id_, state = await plugin.create(type_, inputs)
    assert id_
    assert ADAPTERS[type_].computed - {"confirmationWasAuthenticated"} <= state.keys()
    assert not (await plugin.diff(type_, id_, state, inputs, inputs)).changes

    changing = local_clients.calls.taken()
    read = await plugin.read(type_, id_, state, inputs)
    reading = local_clients.calls.taken()
    assert read.resource_id == id_
    assert values.to_plain(read.inputs)[0] == inputs

    for edit in edits:
        news = values.to_plain((await plugin.check(type_, {**inputs, **edit}, inputs)).inputs)[0]
        difference = await plugin.diff(type_, id_, state, news, inputs)
        assert difference.changes
        assert not difference.replaces
        preview = await plugin.update(type_, id_, state, news, inputs, preview=True)
        assert {name: preview[name] for name in news} == news
        assert UNKNOWN not in preview.values()
        state = await plugin.update(type_, id_, state, news, inputs, preview=False)
        inputs = news
        assert not (await plugin.diff(type_, id_, state, inputs, inputs)).changes
        assert values.to_plain((await plugin.read(type_, id_, state, inputs)).inputs)[0] == inputs

    await plugin.delete(type_, id_, state)
    await plugin.delete(type_, id_, state)
    assert bool((await plugin.read(type_, id_, state, inputs)).resource_id) == (type_ in STAYS)
    assert recorded(plugin.recorded) == []
    if not ADAPTERS[type_].recorded_only:
        granted = {*TYPES[type_].reads, *TYPES[type_].writes}
        sent = reading | changing | local_clients.calls.taken()
        assert reading <= set(TYPES[type_].reads)
        assert sent <= granted
        assert granted - sent <= PROVIDER_ONLY.keys()


@pytest.mark.parametrize("type_", SAMPLES)
async def test_an_unknown_input_is_refused_with_the_nearest_right_one(type_: str, plugin: Plugin) -> None:
    """A misspelled input that is silently dropped is a setting that somebody believes in."""
    sample = Surroundings.pretended(SAMPLES[type_][0])
    name = next(iter(sample))
    failures = (await plugin.check(type_, {**sample, f"{name}x": "v"})).failures
    assert [failure.property for failure in failures] == [f"{name}x"]
    assert name in failures[0].reason
    assert "\n" not in failures[0].reason


@pytest.mark.parametrize("type_", [type_ for type_, adapter in ADAPTERS.items() if adapter.regional])
async def test_another_region_asks_for_a_new_object(type_: str, plugin: Plugin) -> None:
    """An object cannot move: a changed region must be planned as a replacement, never tried as an update."""
    state = values.to_plain((await plugin.check(type_, Surroundings.pretended(SAMPLES[type_][0]))).inputs)[0]
    difference = await plugin.diff(type_, "id", state, {**state, "region": "sa-east-1"}, state)
    assert difference.replaces == ["region"]


@pytest.mark.parametrize("type_", SAMPLES)
async def test_what_a_killed_run_created_is_adopted_and_not_made_twice(
    type_: str, plugin: Plugin, surroundings: Surroundings
) -> None:
    """The engine died between the creation and its own note of it: the next run's Create finds the same object."""
    inputs = values.to_plain((await plugin.check(type_, surroundings.filled(SAMPLES[type_][0]))).inputs)[0]
    first, _ = await plugin.create(type_, inputs)
    second, state = await plugin.create(type_, inputs)
    assert second == first
    await plugin.diff(type_, first, state, inputs, inputs)  # the engine shows that it knows the object now
    assert plugin.journal.entry(plugin.urn(type_), type_) is None
    await plugin.delete(type_, first, state)


async def test_without_the_local_cloud_nothing_is_called(tmp_path: Path) -> None:
    """A plugin that fell back to its defaults would change somebody's real account."""
    provider = Provider(ADAPTERS, FUNCTIONS, Journal(tmp_path / "journal.json"), Clients({}))
    request = sdk.CreateRequest(Plugin.urn("aws:route53/zone:Zone"), values.to_properties({"name": "a.test"}), 0, False)
    with pytest.raises(Exception, match="make dev") as caught:
        await provider.create(request)
    assert "\n" not in str(caught.value)
