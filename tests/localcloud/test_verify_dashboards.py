"""Whether `make dev` notices dashboards that are gone, changed, or that no sidecar would find."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.kubernetes.manifests import write
from localcloud.verify_dashboards import dashboards

PAGE: dict[str, Any] = {
    "uid": "shop-dev-service",
    "panels": [{"type": "row", "title": "Now"}, {"type": "stat", "title": "Requests that fail"}],
}
MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "shop-dashboard-service", "namespace": "shop", "labels": {"grafana_dashboard": "1"}},
    "data": {"shop-dashboard-service.json": json.dumps(PAGE)},
}
CLAIM = {
    "region": "eu-west-1",
    "namespace": "shop",
    "name": "shop-dashboard-service",
    "labels": {"grafana_dashboard": "1"},
    "uid": "shop-dev-service",
    "panels": ["Requests that fail"],
}
OUTPUTS = {"dashboards": [CLAIM], "clusters": {"eu-west-1": "dev-eu"}}


def found(folder: Path, manifest: dict[str, Any] | None) -> Any:
    """The one finding for what was rendered."""
    if manifest is not None:
        write(folder / "dev-eu", manifest)
    (finding,) = dashboards(OUTPUTS, folder)
    return finding


def test_a_dashboard_as_declared_is_found(tmp_path):
    """The ordinary case says which it is, and how many panels it has."""
    finding = found(tmp_path, MANIFEST)
    assert finding.differences == ()
    assert (finding.name, finding.found) == (
        "shop/shop-dashboard-service in dev-eu",
        "rendered: shop-dev-service, 1 panels",
    )


def test_a_dashboard_that_is_gone_is_a_finding(tmp_path):
    """Nobody misses it before the night on which it is needed."""
    assert found(tmp_path, None).differences == ("does not exist",)


@pytest.mark.parametrize(
    ("labels", "data", "named"),
    [
        ({}, MANIFEST["data"], "labels"),
        (CLAIM["labels"], {"other.json": "{}"}, "files"),
        (CLAIM["labels"], {"shop-dashboard-service.json": json.dumps({**PAGE, "uid": "other"})}, "uid"),
        (CLAIM["labels"], {"shop-dashboard-service.json": json.dumps({**PAGE, "panels": []})}, "panels"),
    ],
)
def test_each_difference_is_named(tmp_path, labels, data, named):
    """Without the sidecar's labels, under another file's name, with another id, without its panels."""
    manifest = copy.deepcopy(MANIFEST)
    manifest["metadata"]["labels"], manifest["data"] = labels, data
    assert any(line.startswith(f"{named}:") for line in found(tmp_path, manifest).differences)


def test_a_program_without_dashboards_claims_nothing(tmp_path):
    """Nothing to compare is no difference."""
    assert list(dashboards({}, tmp_path)) == []
