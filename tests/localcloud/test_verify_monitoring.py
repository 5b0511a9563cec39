"""Whether `make dev` notices alert rules that are gone, changed, or that no Prometheus would select."""

import copy
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.kubernetes.manifests import write
from localcloud.verify_monitoring import API_VERSION, KIND, alert_rules

MANIFEST: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "shop-alerts", "namespace": "shop", "labels": {"release": "prometheus"}},
    "spec": {
        "groups": [
            {
                "name": "shop",
                "rules": [
                    {"record": "x", "expr": "up", "labels": {"region": "eu-west-1"}},
                    {
                        "alert": "ServiceDown",
                        "expr": "up == 0",
                        "labels": {"region": "eu-west-1"},
                        "annotations": {"runbook_url": "https://wiki.example.com/ServiceDown"},
                    },
                ],
            }
        ]
    },
}
CLAIM = {
    "region": "eu-west-1",
    "namespace": "shop",
    "name": "shop-alerts",
    "labels": {"release": "prometheus"},
    "alerts": ["ServiceDown"],
}
OUTPUTS = {"monitoring": [CLAIM], "clusters": {"eu-west-1": "dev-eu"}}


def found(folder: Path, manifest: dict[str, Any] | None) -> Any:
    """The one finding for what was rendered."""
    if manifest is not None:
        write(folder / "dev-eu", manifest)
    (finding,) = alert_rules(OUTPUTS, folder)
    return finding


def test_rules_as_declared_are_found(tmp_path):
    """The ordinary case says how many there are."""
    finding = found(tmp_path, MANIFEST)
    assert finding.differences == ()
    assert (finding.name, finding.found) == ("shop/shop-alerts in dev-eu", "rendered: 1 alerts, 1 recordings")


def test_rules_that_are_gone_are_a_finding(tmp_path):
    """Silence is what an alert that does not exist sounds like."""
    assert found(tmp_path, None).differences == ("does not exist",)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("metadata", "labels"), {}, "labels"),
        (("spec", "groups", 0, "rules", 1, "alert"), "Other", "alerts"),
        (("spec", "groups", 0, "rules", 1, "annotations"), {}, "alerts with a runbook"),
        (("spec", "groups", 0, "rules", 0, "labels"), {"region": "us-east-1"}, "region"),
    ],
)
def test_each_difference_is_named(tmp_path, path, value, named):
    """Rules without the selector's labels, without an alert, without a runbook, of another region."""
    manifest = copy.deepcopy(MANIFEST)
    target: Any = manifest
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    assert any(line.startswith(f"{named}:") for line in found(tmp_path, manifest).differences)


def test_a_program_without_monitoring_claims_nothing(tmp_path):
    """Nothing to compare is no difference."""
    assert list(alert_rules({}, tmp_path)) == []
