"""Whether `make dev` notices routes that are gone, changed, or that no Alertmanager would select."""

import copy
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.kubernetes.manifests import write
from localcloud.verify_escalation import API_VERSION, KIND, escalations

ROUTE: dict[str, Any] = {
    "receiver": "team",
    "matchers": [{"name": "service", "value": "shop", "matchType": "="}],
    "routes": [
        {"receiver": "on_call", "matchers": [{"name": "level", "value": level, "matchType": "="}]}
        for level in ("SEV1", "SEV2", "SEV3")
    ],
}
MANIFEST: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "shop-escalation", "namespace": "shop", "labels": {"release": "prometheus"}},
    "spec": {"route": ROUTE, "receivers": [{"name": "on_call"}, {"name": "team"}]},
}
CLAIM = {
    "region": "eu-west-1",
    "namespace": "shop",
    "name": "shop-escalation",
    "labels": {"release": "prometheus"},
    "service": "shop",
    "receivers": ["on_call", "team"],
}
OUTPUTS = {"escalation": [CLAIM], "clusters": {"eu-west-1": "dev-eu"}}


def found(folder: Path, manifest: dict[str, Any] | None) -> Any:
    """The one finding for what was rendered."""
    if manifest is not None:
        write(folder / "dev-eu", manifest)
    (finding,) = escalations(OUTPUTS, folder)
    return finding


def test_routes_as_declared_are_found(tmp_path):
    """The ordinary case says how many there are."""
    finding = found(tmp_path, MANIFEST)
    assert finding.differences == ()
    assert (finding.name, finding.found) == ("shop/shop-escalation in dev-eu", "rendered: 4 routes to 2 receivers")


def test_routes_that_are_gone_are_a_finding(tmp_path):
    """Alerts that reach nobody look like a quiet night."""
    assert found(tmp_path, None).differences == ("does not exist",)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("metadata", "labels"), {}, "labels"),
        (("spec", "receivers"), [{"name": "team"}], "receivers"),
        (("spec", "route", "routes", 0, "receiver"), "nobody", "receivers of routes"),
        (("spec", "route", "routes"), ROUTE["routes"][:2], "levels"),
        (("spec", "route", "matchers"), [], "service"),
    ],
)
def test_each_difference_is_named(tmp_path, path, value, named):
    """Without the selector's labels, without a receiver or a level, or of alerts of everybody."""
    manifest = copy.deepcopy(MANIFEST)
    target: Any = manifest
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    assert any(line.startswith(f"{named}:") for line in found(tmp_path, manifest).differences)


def test_a_program_without_routes_claims_nothing(tmp_path):
    """Nothing to compare is no difference."""
    assert list(escalations({}, tmp_path)) == []
