"""Observers are read back from what was rendered: whatever is missing of them, or differs, is named."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.kubernetes.manifests import Manifest, path_of, write
from localcloud.verify_observers import observers
from observers_args import HOME, IMAGE, planned
from pulumi_seawall import _observers_manifests as manifests

TOPOLOGY: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "shop-topology", "namespace": "shop"},
    "data": {},
}


@pytest.fixture
def objects() -> list[Manifest]:
    """Everything that an observer needs in one cluster."""
    plan = planned()
    account = manifests.service_account(plan, HOME)
    assert account is not None
    return copy.deepcopy([manifests.deployment(plan, HOME), manifests.config_map(plan, HOME), account, TOPOLOGY])


@pytest.fixture
def outputs() -> dict[str, Any]:
    """What the program says of it."""
    claim = {
        "region": HOME,
        "namespace": "shop",
        "name": "shop-observer",
        "image": IMAGE,
        "observer": f"shop-observer-{HOME}",
        "acts": False,
        "account": "shop-observer",
        "purpose": "observer",
        "settings": planned().settings.text,
    }
    identity = {"purpose": "observer", "associations": {f"{HOME}/shop-cluster/shop/shop-observer": "a-0123"}}
    return {"observers": [claim], "identities": [identity], "clusters": {HOME: "dev-eu"}}


def rendered(folder: Path, objects: list[Manifest]) -> Path:
    """A cluster's folder with those objects."""
    for made in objects:
        write(folder / "dev-eu", copy.deepcopy(made))
    return folder


def named(differences: tuple[str, ...]) -> list[str]:
    """What each line is about."""
    return [line.partition(":")[0] for line in differences]


def test_a_whole_observer_is_as_declared(tmp_path, objects, outputs):
    """What `make dev` shows for each cluster; without roles in the program they are somebody else's."""
    (finding,) = observers(outputs, rendered(tmp_path, objects))
    assert finding.differences == ()
    assert finding.found == f"rendered: {IMAGE} as shop-observer-{HOME}"
    del outputs["identities"]
    (finding,) = observers(outputs, tmp_path)
    assert finding.differences == ()


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        (1, ["settings", "settings that can be read", "ConfigMaps to mount"]),
        (2, ["account"]),
        (3, ["ConfigMaps to mount"]),
    ],
    ids=["settings", "account", "topology"],
)
def test_what_a_pod_needs_and_is_not_there_is_named(tmp_path, objects, outputs, place, lines):
    """No pod would start."""
    folder = rendered(tmp_path, objects)
    (folder / "dev-eu" / path_of(objects[place])).unlink()
    (finding,) = observers(outputs, folder)
    assert named(finding.differences) == lines


def container(objects: list[Manifest]) -> dict[str, Any]:
    return objects[0]["spec"]["template"]["spec"]["containers"][0]


def another_image(objects: list[Manifest]) -> None:
    container(objects)["image"] = "observer:0.9"


def two_at_a_time(objects: list[Manifest]) -> None:
    objects[0]["spec"]["strategy"]["type"] = "RollingUpdate"


def another_domain(objects: list[Manifest]) -> None:
    command = container(objects)["command"]
    command[command.index("--domain") + 1] = "us-east-1"


def who_acts(objects: list[Manifest]) -> None:
    container(objects)["command"].append("--act")


def older_pods(objects: list[Manifest]) -> None:
    objects[0]["spec"]["template"]["metadata"]["annotations"]["seawall/settings"] = "0" * 64


CHANGES: dict[str, Callable[[list[Manifest]], None]] = {
    "image": another_image,
    "at a time": two_at_a_time,
    "domain": another_domain,
    "acts": who_acts,
    "mark of the settings": older_pods,
}


@pytest.mark.parametrize("line", CHANGES)
def test_what_differs_is_named(tmp_path, objects, outputs, line):
    """A line that says what to look at."""
    CHANGES[line](objects)
    (finding,) = observers(outputs, rendered(tmp_path, objects))
    assert named(finding.differences) == [line]


def test_settings_by_which_the_observer_has_no_voice_are_named(tmp_path, objects, outputs):
    """It would end at once, and start again and again."""
    text = planned().settings.text
    assert isinstance(text, str)
    outputs["observers"][0]["settings"] = objects[1]["data"]["failover.yaml"] = text.replace(HOME, "us-east-1", 1)
    (finding,) = observers(outputs, rendered(tmp_path, objects))
    assert named(finding.differences) == ["settings that can be read", "mark of the settings"]


def test_an_account_that_takes_no_role_is_named(tmp_path, objects, outputs):
    """Its pods would be denied the board."""
    outputs["identities"][0]["associations"] = {f"{HOME}/shop-cluster/shop/shop": "a-0123"}
    (finding,) = observers(outputs, rendered(tmp_path, objects))
    assert named(finding.differences) == ["account with a role"]


def test_an_observer_that_was_not_rendered_is_missing(tmp_path, outputs):
    """And nothing else is said of it."""
    (finding,) = observers(outputs, tmp_path)
    assert (finding.found, bool(finding.differences)) == ("missing", True)


def test_a_program_without_observers_has_nothing_to_compare(tmp_path):
    """An environment without the section."""
    assert list(observers({}, tmp_path)) == []
