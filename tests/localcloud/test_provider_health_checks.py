"""Health checks of all types through the plugin: their whole life, and what Route 53 would refuse."""

from typing import Any

import pytest

from localcloud.provider.aws.health_check import TYPES

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

CHECK = "aws:route53/healthCheck:HealthCheck"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ENDPOINT = {"fqdn": "a.shop.test", "port": 443, "requestInterval": 10, "failureThreshold": 3}
ROUTING_CONTROL = "arn:aws:route53-recovery-control::123456789012:controlpanel/1/routingcontrol/2"
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "HTTP": ({**ENDPOINT, "resourcePath": "/livez"}, {"resourcePath": "/healthz"}),
    "HTTPS": ({**ENDPOINT, "enableSni": True}, {"enableSni": False}),
    "HTTP_STR_MATCH": ({**ENDPOINT, "searchString": "ok"}, {"searchString": "fine"}),
    "HTTPS_STR_MATCH": ({**ENDPOINT, "searchString": "ok"}, {"failureThreshold": 1}),
    "TCP": ({**ENDPOINT, "ipAddress": "192.0.2.1", "fqdn": None}, {"ipAddress": "192.0.2.2"}),
    "CALCULATED": ({"childHealthThreshold": 1, "childHealthchecks": ["{child}"]}, {"childHealthThreshold": 0}),
    "CLOUDWATCH_METRIC": (
        {
            "cloudwatchAlarmName": "{alarm}", "cloudwatchAlarmRegion": "us-east-1",
            "insufficientDataHealthStatus": "Unhealthy", "triggers": {"threshold": "1"},
        },
        {"triggers": {"threshold": "2"}, "insufficientDataHealthStatus": "LastKnownStatus"},
    ),
    "RECOVERY_CONTROL": ({"routingControlArn": ROUTING_CONTROL}, {"invertHealthcheck": True}),
}  # fmt: skip


async def test_there_is_a_sample_of_each_type() -> None:
    """A type without one would go untested."""
    assert SAMPLES.keys() == set(TYPES)


@pytest.fixture
async def children(lab: Any) -> dict[str, str]:
    child = await lab.create(CHECK, "child", {"type": "TCP", **ENDPOINT})
    alarm = await lab.create(
        ALARM, "alarm",
        {
            "region": "us-east-1", "namespace": "Shop", "metricName": "Errors", "statistic": "Sum", "period": 60,
            "evaluationPeriods": 1, "threshold": 1, "comparisonOperator": "GreaterThanThreshold",
        },
    )  # fmt: skip
    return {"{child}": child.id, "{alarm}": alarm.state["name"]}


@pytest.mark.parametrize("type_", SAMPLES)
async def test_a_check_of_each_type_lives_its_whole_life(lab: Any, children: dict[str, str], type_: str) -> None:
    """Made, unchanged by a refresh, changed in place, imported, removed twice."""
    sample, edit = SAMPLES[type_]
    inputs: dict[str, Any] = {
        name: children.get(value, value) if isinstance(value, str) else value for name, value in sample.items() if value
    }
    if "childHealthchecks" in inputs:
        inputs["childHealthchecks"] = [children["{child}"]]
    inputs["type"] = type_
    check = await lab.create(CHECK, "check", inputs)
    before = check.state
    assert await check.refresh()
    assert check.state == before
    assert (await check.diff(inputs)).changes == 1  # none
    assert list((await check.diff(inputs | edit)).replaces) == []
    await check.update(inputs | edit)
    assert {name: check.state[name] for name in edit} == edit
    assert await check.refresh()
    assert (await check.diff(inputs | edit)).changes == 1

    imported = type(check)(lab, CHECK, "check", check.id, None, None)
    assert await imported.refresh()
    assert imported.inputs["type"] == type_
    assert not (await imported.diff(inputs | edit)).replaces
    await check.delete()
    await check.delete()
    assert not await check.refresh()


@pytest.mark.parametrize(
    "changes", [{"type": "TCP"}, {"requestInterval": 30}, {"measureLatency": True}, {"referenceName": "other"}]
)
async def test_what_a_check_cannot_change_asks_for_a_new_one(lab: Any, changes: dict[str, Any]) -> None:
    """And the new one comes first, so that the records can move to it."""
    inputs = {"type": "HTTP", "referenceName": "shop", **ENDPOINT}
    check = await lab.create(CHECK, "check", inputs)
    difference = await check.diff(inputs | changes)
    assert list(difference.replaces) == list(changes)
    assert not difference.deleteBeforeReplace


async def test_an_address_is_neither_added_nor_removed(lab: Any) -> None:
    """Route 53 refuses it; the real provider finds out in the middle of an update, as we do."""
    check = await lab.create(CHECK, "check", {"type": "HTTP", **ENDPOINT})
    with pytest.raises(Exception, match="ipAddress cannot be added or removed") as caught:
        await check.update({"type": "HTTP", **ENDPOINT, "ipAddress": "192.0.2.1"})
    assert "\n" not in str(caught.value)


async def test_a_path_and_children_can_be_taken_away(lab: Any, children: dict[str, str]) -> None:
    """They need a request of their own: leaving them out of an update changes nothing."""
    check = await lab.create(CHECK, "check", {"type": "HTTP", **ENDPOINT, "resourcePath": "/livez"})
    await check.update({"type": "HTTP", **ENDPOINT})
    assert not check.state.get("resourcePath")
    assert (await check.diff({"type": "HTTP", **ENDPOINT})).changes == 1


async def test_a_child_that_does_not_exist_is_refused(lab: Any) -> None:
    """A calculated check over nothing would be healthy for ever."""
    inputs = {"type": "CALCULATED", "childHealthThreshold": 1, "childHealthchecks": ["none"]}
    with pytest.raises(Exception, match="childHealthchecks = none: there is no such health check"):
        await lab.create(CHECK, "check", inputs)


@pytest.mark.parametrize(
    ("inputs", "property_", "line"),
    [
        ({"type": "UDP"}, "type", "one of HTTP"),
        ({"type": "HTTP", **ENDPOINT, "requestInterval": 15}, "requestInterval", "10 or 30 seconds"),
        ({"type": "HTTP", **ENDPOINT, "failureThreshold": 99}, "failureThreshold", "1 to 10"),
        ({"type": "HTTP", **ENDPOINT, "failureThreshold": 0}, "failureThreshold", "1 to 10"),
        ({"type": "HTTP", **ENDPOINT, "port": 70_000}, "port", "1 to 65535"),
        ({"type": "HTTP", "port": 80}, "fqdn", "a name or an ipAddress"),
        ({"type": "TCP", "fqdn": "a.test"}, "port", "on a check of type TCP"),
        ({"type": "HTTP_STR_MATCH", **ENDPOINT}, "searchString", "1 to 255 characters"),
        ({"type": "HTTP", **ENDPOINT, "searchString": "ok"}, "searchString", "none on type HTTP"),
        ({"type": "HTTP", **ENDPOINT, "regions": ["us-east-1", "us-west-1"]}, "regions", "at least 3 of"),
        ({"type": "HTTP", **ENDPOINT, "childHealthThreshold": 1}, "childHealthThreshold", "none on a check of type HTTP"),
        ({"type": "CALCULATED", "childHealthThreshold": 257}, "childHealthThreshold", "0 to 256"),
        ({"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "a"}, "cloudwatchAlarmRegion", "CLOUDWATCH_METRIC needs it"),
        ({"type": "RECOVERY_CONTROL"}, "routingControlArn", "RECOVERY_CONTROL needs it"),
        ({"type": "HTTP", **ENDPOINT, "failureTreshold": 3}, "failureTreshold", "did you mean failureThreshold?"),
    ],
)  # fmt: skip
async def test_a_check_that_is_wrong_by_itself_is_refused_in_a_preview(
    lab: Any, inputs: dict[str, Any], property_: str, line: str
) -> None:
    """One line at the input that is wrong, before anything is created."""
    failures = await lab.failures(CHECK, inputs)
    assert property_ in failures
    assert line in failures[property_]
    assert "\n" not in failures[property_]
