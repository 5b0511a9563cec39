"""`Escalation`: every alert of ours reaches whom it should, in both spellings of Alertmanager's routes."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import pulumi_seawall
from alert_routes import inhibits, receivers_of, routes_of
from monitoring_args import escalation_args, incident_args
from pulumi_seawall._escalation_plan import EXPLAINS, NEVER_EXPLAINED
from pulumi_seawall._rule_groups import Alert
from rule_samples import every_group, scope
from seawall.escalation import STANDARD_LEVELS, AlertLevel, EscalationPolicy

REGION = "eu-west-1"
BEAT = f"watchdog-shop-{REGION}"
ALERTS = [alert for group in every_group() for alert in group.alerts]
BY_TIME = {
    "SEV1": ["on_call", "manager", "team"],
    "SEV2": ["on_call", "manager", "team"],
    "SEV3": ["team"],
    "none": [BEAT],
}
BY_INCIDENTS = {
    "SEV1": ["incidents", "on_call"],
    "SEV2": ["incidents", "on_call"],
    "SEV3": ["incidents", "team"],
    "none": [BEAT],
}
ARGS = {"by time": (escalation_args, BY_TIME), "by incidents": (incident_args, BY_INCIDENTS)}


def labels_of(alert: Alert, **more: str) -> dict[str, str]:
    """An alert's labels, as Alertmanager sees them."""
    return {"alertname": alert.name, **alert.as_dict(scope(region=REGION))["labels"], **more}


def trees(args: Any) -> list[Mapping[str, Any]]:
    """The whole specification in the operator's spelling, and in Alertmanager's."""
    plan = pulumi_seawall.plan_escalation(args)
    return [plan.specs[REGION], plan.configs[REGION]]


@pytest.mark.parametrize("by", ARGS)
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{'-'.join(alert.labels.values())}")
def test_each_alert_of_ours_reaches_whom_its_level_says(alert, by):
    """An alert that reaches nobody is none; the heartbeat reaches the switch alone."""
    args, wanted = ARGS[by]
    labels = labels_of(alert)
    for tree in trees(args()):
        assert receivers_of(tree["route"], labels) == wanted[labels["level"]]


@pytest.mark.parametrize("by", ARGS)
def test_nothing_of_the_service_falls_through(by):
    """No level, or one that somebody made up: the team hears of it. A heartbeat of another region is not for people."""
    args, _ = ARGS[by]
    first = ["incidents"] if by == "by incidents" else []
    for tree in trees(args()):
        assert receivers_of(tree["route"], {"service": "shop", "alertname": "Mine"}) == [*first, "team"]
        assert receivers_of(tree["route"], {"service": "shop", "alertname": "Mine", "level": "SEV9"}) == [
            *first,
            "team",
        ]
        other = {"service": "shop", "alertname": "Watchdog", "level": "none", "region": "us-east-1"}
        assert receivers_of(tree["route"], other) == ["nobody"]


def test_alerts_of_other_services_are_left_to_others_in_a_shared_alertmanager():
    """In the operator's one the first route asks for the service; a plain one's root tells the team."""
    spec, config = trees(escalation_args())
    assert receivers_of(spec["route"], {"service": "stock", "level": "SEV1"}) == []
    assert receivers_of(config["route"], {"service": "stock", "level": "SEV1"}) == ["team"]


def test_the_times_follow_from_the_levels():
    """SEV1's first wait and interval, and SEV3's repetition, are Alertmanager's own defaults: 30 s, 5 min, 4 h."""
    shown = {}
    for level in AlertLevel:
        for spec_or_config in trees(escalation_args()):
            spelled = [
                tuple(
                    route.get(key) or route[other]
                    for key, other in (
                        ("group_wait", "groupWait"),
                        ("group_interval", "groupInterval"),
                        ("repeat_interval", "repeatInterval"),
                    )
                )
                for route in routes_of(spec_or_config["route"], {"service": "shop", "level": level})
            ]
            assert shown.setdefault(level.value, spelled) == spelled
    assert shown == {
        "SEV1": [("30s", "300s", "900s"), ("900s", "300s", "900s"), ("1800s", "300s", "900s")],
        "SEV2": [("120s", "1200s", "3600s"), ("3600s", "1200s", "3600s"), ("7200s", "1200s", "3600s")],
        "SEV3": [("480s", "4800s", "14400s")],
    }


def test_steps_are_those_of_the_contract_whoever_takes_them():
    """Alertmanager and the incident server must not have two opinions of who is told when."""
    policy = EscalationPolicy(STANDARD_LEVELS)
    for args, by in ((escalation_args, "alertmanager"), (incident_args, "incidents")):
        steps = pulumi_seawall.plan_escalation(args()).steps
        for level in AlertLevel:
            own = [step for step in steps if step["level"] == level.value]
            assert [(step["party"], step["by"]) for step in own] == [
                (step.party.value, by if place else "alertmanager") for place, step in enumerate(policy.steps(level))
            ]
            assert [step["typical_seconds"] for step in own][1:] == [
                step.after_seconds for step in policy.steps(level)
            ][1:]
    first = pulumi_seawall.plan_escalation(escalation_args()).steps[0]
    assert (first["typical_seconds"], first["worst_seconds"], first["repeat_seconds"]) == (30, 300, 900)


def test_the_incident_server_sees_each_alert_by_itself_and_at_once():
    """It groups by incident; alerts that wait for others would be late, and those that are over would escalate."""
    for tree in trees(incident_args()):
        route = next(routes_of(tree["route"], {"service": "shop", "level": "SEV3"}))
        assert (route.get("groupBy") or route["group_by"]) == ["..."]
        assert (route.get("groupWait") or route["group_wait"]) == "0s"
        assert (route.get("groupInterval") or route["group_interval"]) == "60s"


def test_while_nothing_answers_milder_alerts_of_that_service_and_region_are_kept_back():
    """They say nothing new; but lost data is not explained by it, nor is another region, nor anything of SEV1."""
    down = next(labels_of(alert) for alert in ALERTS if alert.name == EXPLAINS)
    assert set(NEVER_EXPLAINED) <= {alert.name for alert in ALERTS}
    for tree in trees(escalation_args()):
        (rule,) = tree.get("inhibit_rules") or tree["inhibitRules"]
        kept = {alert.name for alert in ALERTS if inhibits(rule, down, labels_of(alert))}
        assert kept == {
            alert.name
            for alert in ALERTS
            if alert.level is not AlertLevel.SEV1 and alert.name not in {*NEVER_EXPLAINED, "Watchdog"}
        }
        slow = next(labels_of(alert) for alert in ALERTS if alert.name == "HighLatency")
        assert not inhibits(rule, down, {**slow, "region": "us-east-1"})
        assert not inhibits(rule, slow, slow)


def test_everybody_is_told_when_it_is_over_but_the_switch():
    """Slack and mail are silent about it unless they are told otherwise."""
    for args in (escalation_args, incident_args):
        for tree in trees(args()):
            for receiver in tree["receivers"]:
                ways = [way for key, many in receiver.items() if key != "name" for way in many]
                told = {way.get("sendResolved", way.get("send_resolved")) for way in ways}
                assert told == (
                    set() if receiver["name"] == "nobody" else {not receiver["name"].startswith("watchdog")}
                )


def test_without_an_address_for_the_operator_the_heartbeat_is_left_to_alertmanagers_own_configuration():
    """The operator lets the first route go on, so a route there still sees it."""
    plan = pulumi_seawall.plan_escalation(escalation_args(heartbeat__url_secret=...))
    beat = {"service": "shop", "alertname": "Watchdog", "level": "none", "region": REGION}
    assert receivers_of(plan.specs[REGION]["route"], beat) == ["nobody"]
    assert receivers_of(plan.configs[REGION]["route"], beat) == [BEAT]


def test_a_levels_own_time_and_first_party_move_its_steps():
    """What a team has agreed on is stated once."""
    levels = [{"level": "SEV2", "response_seconds": 1800, "first": "manager"}]
    plan = pulumi_seawall.plan_escalation(escalation_args(levels=levels))
    own = [(step["party"], step["typical_seconds"]) for step in plan.steps if step["level"] == "SEV2"]
    assert own == [("manager", 60), ("team", 1800)]
    labels = {"service": "shop", "level": "SEV2"}
    assert receivers_of(plan.specs[REGION]["route"], labels) == ["manager", "team"]


def said(amtool: Path, *arguments: str) -> str:
    """What it said, when it found nothing wrong."""
    done = subprocess.run([str(amtool), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("by", ARGS)
def test_amtool_takes_the_whole_file_and_routes_as_we_do(by, amtool, tmp_path):
    """Each level's alerts, the heartbeat, what has no level, and what is another service's."""
    args, wanted = ARGS[by]
    file = tmp_path / "alertmanager.json"
    config = pulumi_seawall.plan_escalation(args()).configs[REGION]
    file.write_text(json.dumps(config), encoding="utf-8")
    assert "SUCCESS" in said(amtool, "check-config", str(file))
    one_of_each = {(alert.labels.get("level", alert.level.value)): alert for alert in ALERTS}
    cases = [labels_of(alert) for alert in one_of_each.values()]
    cases += [{"service": "shop", "alertname": "Mine"}, {"service": "stock", "level": "SEV1"}]
    for labels in cases:
        ours = receivers_of(config["route"], labels)
        assert "level" not in labels or labels["service"] != "shop" or ours == wanted[labels["level"]]
        pairs = [f"{name}={value}" for name, value in labels.items()]
        assert said(amtool, "config", "routes", "test", f"--config.file={file}", *pairs) == ",".join(ours)
