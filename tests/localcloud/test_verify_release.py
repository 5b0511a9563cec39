"""A release is read back from what was rendered: whatever is missing of it, or differs, is named."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pulumi_seawall
from localcloud.provider.kubernetes.manifests import Manifest, path_of, write
from localcloud.verify_release import releases
from pulumi_seawall import _rollout_manifests as manifests
from rollout_args import IMAGE, ONE_CLUSTER, rollout_args

REGION = "eu-west-1"
CONFIG_MAP: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "shop-topology", "namespace": "shop"},
    "data": {},
}


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    """Everything that a release needs in one cluster."""
    args = rollout_args(monitoring__clusters=ONE_CLUSTER, topology={"environment": "dev"})
    plan = pulumi_seawall.plan_canary_rollout(args)
    return [
        manifests.rollout(plan, REGION, IMAGE),
        *manifests.analysis_templates(plan, REGION).values(),
        *manifests.services(plan, REGION).values(),
        manifests.pod_monitor(plan, REGION),
        CONFIG_MAP,
    ]


@pytest.fixture
def outputs(objects: list[Manifest]) -> dict[str, Any]:
    """What the program says of it."""
    templates = [made["metadata"]["name"] for made in objects if made["kind"] == "AnalysisTemplate"]
    claim = {
        "region": REGION,
        "namespace": "shop",
        "name": "shop",
        "image": IMAGE,
        "weights": [10, 25, 50, 100],
        "services": ["shop", "shop-ping", "shop-pong"],
        "templates": templates,
        "grace_seconds": 30,
    }
    return {"releases": [claim], "clusters": {REGION: "dev-eu"}}


def rendered(folder: Path, objects: list[Manifest]) -> Path:
    """A cluster's folder with those objects."""
    for made in objects:
        write(folder / "dev-eu", copy.deepcopy(made))
    return folder


def test_a_whole_release_is_as_declared(tmp_path, objects, outputs):
    """What `make dev` shows for each cluster."""
    (finding,) = releases(outputs, rendered(tmp_path, objects))
    assert finding.differences == ()
    assert (finding.name, finding.found) == ("shop/shop in dev-eu", f"rendered: {IMAGE}, 10, 25, 50, 100 %")


@pytest.mark.parametrize(
    ("kind", "name", "named"),
    [
        ("Service", "shop-ping", "services"),
        ("AnalysisTemplate", None, "templates"),
        ("PodMonitor", "shop", "pods scraped with their hash"),
        ("ConfigMap", "shop-topology", "topology to mount"),
    ],
)
def test_what_a_release_needs_and_is_not_there_is_named(tmp_path, objects, outputs, kind, name, named):
    """Argo would call the Rollout invalid, judge blindly, or start no pod."""
    folder = rendered(tmp_path, objects)
    gone = next(made for made in objects if made["kind"] == kind and name in (None, made["metadata"]["name"]))
    (folder / "dev-eu" / path_of(gone)).unlink()
    (finding,) = releases(outputs, folder)
    assert [difference.partition(":")[0].split(" is ")[0] for difference in finding.differences] == [named]


def without_hash(made: Manifest) -> None:
    made["spec"]["podTargetLabels"] = []


def another_image(made: Manifest) -> None:
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop:0.9"


def another_mark(made: Manifest) -> None:
    made["spec"]["restartAt"] = "1990-01-01T00:00:00Z"


def another_template(made: Manifest) -> None:
    made["spec"]["strategy"]["canary"]["steps"][0]["analysis"]["templates"][0]["templateName"] = "other"


CHANGES: dict[str, tuple[str, Callable[[Manifest], None]]] = {
    "pods scraped with their hash": ("PodMonitor", without_hash),
    "image": ("Rollout", another_image),
    "waited for": ("Rollout", another_mark),
    "templates that steps name": ("Rollout", another_template),
}


@pytest.mark.parametrize("named", CHANGES)
def test_what_differs_is_named(tmp_path, objects, outputs, named):
    """A line that says what to look at."""
    kind, change = CHANGES[named]
    changed = copy.deepcopy(objects)
    change(next(made for made in changed if made["kind"] == kind))
    (finding,) = releases(outputs, rendered(tmp_path, changed))
    assert len(finding.differences) == 1
    assert finding.differences[0].startswith(named)


def test_a_release_that_was_not_rendered_is_missing(tmp_path, outputs):
    """And nothing else is said of it."""
    (finding,) = releases(outputs, tmp_path)
    assert finding.found == "missing"
    assert finding.differences


def test_a_program_without_releases_has_nothing_to_compare(tmp_path):
    """An environment without the section."""
    assert list(releases({}, tmp_path)) == []
