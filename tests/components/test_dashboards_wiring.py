"""`Dashboards`: what each cluster's sidecar finds, and what a plain Grafana gets instead."""

import ast
import json
import re
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

import pulumi_seawall
from asked_metrics import dashboards_args
from pulumi_seawall._dashboard_plan import LARGEST_BYTES, dashboard_uid

KEYS = ["service", "resilience", "data", "release"]


def test_each_cluster_gets_each_dashboard_where_its_sidecar_looks(deploy):
    """Without the labels of the sidecar it ignores them, and says nothing."""
    args = dashboards_args(folder="Shop", namespace="monitoring")
    deployed = deploy(lambda: pulumi_seawall.Dashboards("shop", args))
    found = deployed.of("ConfigMap")
    assert set(found) == {f"shop-{region}-{key}" for region in ("eu-west-1", "us-east-1") for key in KEYS}
    for name, made in found.items():
        metadata = made.inputs["metadata"]
        assert metadata["namespace"] == "monitoring"
        assert metadata["labels"]["grafana_dashboard"] == "1"
        assert metadata["annotations"] == {"grafana_folder": "Shop"}
        ((file, text),) = made.inputs["data"].items()
        assert file == f"{metadata['name']}.json"
        assert json.loads(text)["uid"] == f"shop-prod-{name.rpartition('-')[2]}"
    assert deployed.outputs["config_maps"]["eu-west-1"] == [f"monitoring/shop-dashboard-{key}" for key in KEYS]


def test_without_a_folder_and_a_namespace_nothing_is_said_of_them(deploy):
    """The sidecar's own default, and the namespace of the service."""
    found = deploy(lambda: pulumi_seawall.Dashboards("shop", dashboards_args())).of("ConfigMap")
    assert {made.inputs["metadata"]["namespace"] for made in found.values()} == {"shop"}
    assert all("annotations" not in made.inputs["metadata"] for made in found.values())


def test_a_grafana_without_the_sidecar_gets_the_same_as_files(deploy):
    """Two sets of dashboards would drift apart."""
    deployed = deploy(lambda: pulumi_seawall.Dashboards("shop", dashboards_args(folder="Shop")))
    files = deployed.outputs["dashboard_files"]
    rendered = {file: text for made in deployed.of("ConfigMap").values() for file, text in made.inputs["data"].items()}
    assert files == rendered
    assert yaml.safe_load(deployed.outputs["provisioning_file"]) == {
        "apiVersion": 1,
        "providers": [
            {
                "name": "seawall-shop-prod",
                "type": "file",
                "folder": "Shop",
                "allowUiUpdates": False,
                "options": {"path": "/var/lib/grafana/dashboards"},
            }
        ],
    }


def test_the_programs_own_providers_are_used_and_others_change_config_maps_in_place(deploy):
    """One provider per cluster; a ConfigMap that is replaced is a dashboard that is gone for a moment."""

    def program() -> pulumi.ComponentResource:
        providers = {"eu-west-1": kubernetes.Provider("eu", context="eu")}
        return pulumi_seawall.Dashboards("shop", dashboards_args(), providers=providers)

    found = deploy(program).of("kubernetes")
    assert sorted(found) == ["eu", "shop-us-east-1"]
    assert json.loads(found["shop-us-east-1"].inputs["enableConfigMapMutable"]) is True


def test_a_region_without_a_cluster_gets_files_only(deploy):
    """Nothing is asked of a cluster that is not there."""
    args = dashboards_args(monitoring__clusters=[], monitoring__regions=["eu-west-1"])
    deployed = deploy(lambda: pulumi_seawall.Dashboards("shop", args))
    assert [made.type for made in deployed.made] == ["seawall:index:Dashboards"]
    assert deployed.outputs["config_maps"] == {}
    assert len(deployed.outputs["dashboard_files"]) == 4


@pytest.mark.parametrize(
    ("service", "environment", "uid"),
    [
        ("shop", "prod", "shop-prod-data"),
        ("shop", "a" * 100, "shop-aaaaaaaaaaaaaaaaaaaaaaaaaa-"),
        ("shop", "eu.1", "shop-eu_1_"),
    ],
)
def test_an_address_is_the_same_every_time_and_one_that_grafana_takes(service, environment, uid):
    """A bookmark, a link in a runbook and a link between dashboards hold as long as the names do."""
    made = dashboard_uid(service, environment, "data")
    assert made.startswith(uid)
    assert made == dashboard_uid(service, environment, "data")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", made)


def test_two_environments_never_share_an_address():
    """What takes the place of a dot must not make two names one: each deployment would undo the other."""
    names = ["eu.1", "eu_1", "eu-1", "a" * 99, "a" * 100]
    assert len({dashboard_uid("shop", name, "data") for name in names}) == len(names)


def test_dashboards_are_far_from_the_limit_of_a_config_map():
    """There is room for what users add."""
    assert all(
        len(text) < LARGEST_BYTES / 2 for text in pulumi_seawall.plan_dashboards(dashboards_args()).files.values()
    )


def test_grafanas_library_is_loaded_when_a_dashboard_is_made_and_not_before():
    """A program without dashboards does not wait for it. (To import all anew and look would take seconds.)"""
    eager: dict[str, set[str]] = {}
    for path in Path(pulumi_seawall.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            eager.setdefault(path.stem, set()).update(names)
    assert [name for name, names in eager.items() if "pulumi_seawall._dashboard_json" in names] == []
    loading = {
        name for name, names in eager.items() if any(each.startswith("grafana_foundation_sdk") for each in names)
    }
    assert loading == {"_dashboard_json"}
