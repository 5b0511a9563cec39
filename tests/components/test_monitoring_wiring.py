"""`ServiceLevelObjective`, `AlertRules`, `Watchdog`: what each cluster gets, and what a plain Prometheus gets instead."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

import pulumi_seawall
from monitoring_args import alert_rules_args, slo_args, watchdog_args
from rule_samples import every_group

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
HEADINGS = ["What it means", "What to look at first", "What to do", "How to know that it is over"]
MADE = {
    "slo": lambda **more: pulumi_seawall.ServiceLevelObjective("shop", slo_args(), **more),
    "alerts": lambda **more: pulumi_seawall.AlertRules("shop", alert_rules_args(), **more),
    "watchdog": lambda **more: pulumi_seawall.Watchdog("shop", watchdog_args(), **more),
}
DURATION = re.compile(r"0|(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")  # as the operator's CRD has it
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def manifests(deployment: Any) -> dict[str, dict[str, Any]]:
    """What was registered, without what Pulumi adds."""
    return {
        name: {key: made.inputs[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        for name, made in deployment.of("PrometheusRule").items()
    }


@pytest.mark.parametrize("kind", MADE)
def test_each_cluster_gets_rules_that_its_prometheus_selects(kind, deploy):
    """Without the labels of the rule selector the operator ignores them, and says nothing."""
    found = manifests(deploy(MADE[kind]))
    assert set(found) == {"shop-eu-west-1", "shop-us-east-1"}
    for name, manifest in found.items():
        assert manifest["metadata"]["namespace"] == "shop"
        assert manifest["metadata"]["name"] == f"shop-{kind}"
        assert manifest["metadata"]["labels"]["release"] == "prometheus"
        for group in manifest["spec"]["groups"]:
            for rule in group["rules"]:
                assert rule["labels"]["region"] == name.removeprefix("shop-")
                assert rule["labels"]["service"] == "shop"
                assert "alert" not in rule or rule["labels"]["namespace"] == "shop"


@pytest.mark.parametrize("kind", MADE)
def test_a_plain_prometheus_gets_the_same_rules_as_a_file(kind, deploy):
    """Two sets of rules would drift apart."""
    deployed = deploy(MADE[kind])
    found = manifests(deployed)
    for region, text in deployed.outputs["rule_files"].items():
        assert yaml.safe_load(text) == json.loads(json.dumps(found[f"shop-{region}"]["spec"]))


@pytest.mark.parametrize("kind", MADE)
def test_manifests_have_only_what_the_operator_knows(kind, deploy):
    """Our own check of the shape, in every run: names, types and formats of a PrometheusRule's fields."""
    for manifest in manifests(deploy(MADE[kind])).values():
        assert manifest["apiVersion"] == "monitoring.coreos.com/v1"
        assert set(manifest["spec"]) == {"groups"}
        names = [group["name"] for group in manifest["spec"]["groups"]]
        assert len(set(names)) == len(names)
        for group in manifest["spec"]["groups"]:
            assert set(group) == {"name", "interval", "rules"}
            assert DURATION.fullmatch(group["interval"])
            for rule in group["rules"]:
                kind_of = {"alert", "record"} & set(rule)
                assert len(kind_of) == 1
                assert set(rule) <= {*kind_of, "expr", "for", "keep_firing_for", "labels", "annotations"}
                assert all(DURATION.fullmatch(rule[key]) for key in ("for", "keep_firing_for") if key in rule)
                texts = {**rule["labels"], **rule.get("annotations", {})}
                assert all(LABEL.fullmatch(key) and isinstance(value, str) for key, value in texts.items())


def test_the_programs_own_providers_are_used(deploy):
    """One provider per cluster, however many components there are."""

    def program() -> pulumi.ComponentResource:
        providers = {"eu-west-1": kubernetes.Provider("eu", context="eu")}
        pulumi_seawall.AlertRules("shop", alert_rules_args(), providers=providers)
        return pulumi_seawall.Watchdog("shop-beat", watchdog_args(), providers=providers)

    deployed = deploy(program)
    assert sorted(deployed.of("kubernetes")) == ["eu", "shop-beat-us-east-1", "shop-us-east-1"]


def test_a_region_without_the_operator_gets_a_file_only(deploy):
    """Nothing is asked of a cluster that is not there."""
    args = alert_rules_args(monitoring__clusters=[], monitoring__regions=["eu-west-1"])
    deployed = deploy(lambda: pulumi_seawall.AlertRules("shop", args))
    assert [made.type for made in deployed.made] == ["seawall:index:AlertRules"]
    assert list(deployed.outputs["rule_files"]) == ["eu-west-1"]
    assert deployed.outputs["rule_names"] == {}


def test_rules_across_regions_are_labeled_as_such(deploy):
    """All regions as one, apart from each region's own."""
    text = deploy(MADE["slo"]).outputs["across_regions_file"]
    regions = {rule["labels"]["region"] for group in json.loads(text)["groups"] for rule in group["rules"]}
    assert regions == {"all"}


def test_predictions_are_sums_of_their_terms(deploy):
    """Never one bare figure."""
    deployed = deploy(MADE["alerts"])
    predictions = {each["alert"]: each for each in deployed.outputs["predictions"]}
    down = predictions["ServiceDown"]
    assert [(term["name"], term["worst_seconds"]) for term in down["terms"]] == [
        ("scrape", 30),
        ("evaluation", 30),
        ("for", 60),
    ]
    assert (down["typical_seconds"], down["worst_seconds"]) == (90, 120)
    assert len(predictions) == 12


def test_the_switch_outside_waits_longer_than_a_healthy_silence(deploy):
    """Three heartbeats, three scrapes and an evaluation; the heartbeat goes to the switch alone."""
    outputs = deploy(MADE["watchdog"]).outputs
    assert outputs["silent_after_seconds"] == 3 * 60 + 3 * 30 + 30
    assert json.loads(outputs["receivers"]["eu-west-1"]) == {
        "route": {
            "receiver": "watchdog-shop-eu-west-1",
            "matchers": ['alertname="Watchdog"', 'region="eu-west-1"', 'service="shop"'],
            "group_wait": "0s",
            "group_interval": "60s",
            "repeat_interval": "60s",
        },
        "receiver": {
            "name": "watchdog-shop-eu-west-1",
            "webhook_configs": [{"url_file": "/etc/alertmanager/secrets/switch/url", "send_resolved": False}],
        },
    }


def test_every_alert_has_its_runbook_and_every_runbook_its_alert():
    """A link in a page at night that leads nowhere."""
    alerts = {alert.name for group in every_group() for alert in group.alerts}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alerts


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_to_do_and_when_it_is_over(path):
    """The same four questions in each, and no link that leads nowhere."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (path.parent / link).resolve().exists(), link


def test_the_levels_that_runbooks_name_are_those_of_the_alerts():
    """Whoever reads it knows whom to wake."""
    for group in every_group():
        for alert in group.alerts:
            text = (RUNBOOKS / f"{alert.name}.md").read_text(encoding="utf-8")
            named = alert.labels.get("level", alert.level.value)
            assert re.search(rf"^Level: .*\b{named}\b", text, re.MULTILINE), alert.name
