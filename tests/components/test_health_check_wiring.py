"""What a `HealthCheck` registers. Pulumi's mocks turn integers into floats."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall

ID = "11111111-2222-3333-4444-555555555555"
TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
ALL_CHECKERS = [
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-west-1",
    "sa-east-1",
    "us-east-1",
    "us-west-1",
    "us-west-2",
]


def https(extra: dict[str, Any] | None = None, **more: Any) -> Any:
    """A right endpoint check; `extra` stands beside the endpoint, the others in it."""
    endpoint = {"protocol": "HTTPS", "fqdn": "Tokyo.example.com.", "path": "/livez", **more}
    return {"endpoint": endpoint, **(extra or {})}


def check_inputs(deployment: Any) -> dict[str, Any]:
    """Inputs of the one health check, without its tags."""
    (check,) = deployment.of("HealthCheck:HealthCheck").values() or deployment.of("healthCheck:HealthCheck").values()
    return {key: value for key, value in check.inputs.items() if key != "tags"}


def test_an_endpoint_check_writes_out_every_setting(deploy):
    """Route 53's own defaults are 30 s and an unsaid list of regions; neither is left to it."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https()))
    assert check_inputs(deployment) == {
        "type": "HTTPS",
        "fqdn": "tokyo.example.com",
        "port": 443,
        "resourcePath": "/livez",
        "requestInterval": 10,
        "failureThreshold": 3,
        "regions": ALL_CHECKERS,
        "measureLatency": False,
        "invertHealthcheck": False,
        "enableSni": True,
    }


def test_no_check_has_a_reference_name_or_can_be_disabled(deploy):
    """A fixed reference name would stop the new check from being made before the old one goes; disabled means healthy."""
    inputs = check_inputs(deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https(inverted=True))))
    assert not {"referenceName", "disabled"} & set(inputs)
    assert inputs["invertHealthcheck"] is True


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ({"protocol": "HTTP", "fqdn": "a.example.com", "path": "/"}, {"type": "HTTP", "port": 80}),
        (
            {"protocol": "HTTP", "fqdn": "a.example.com", "path": "/", "search_string": "ok"},
            {"type": "HTTP_STR_MATCH", "port": 80, "searchString": "ok"},
        ),
        (
            {"protocol": "HTTPS", "ip_address": "192.0.2.1", "path": "/", "search_string": "ok"},
            {"type": "HTTPS_STR_MATCH", "port": 443, "searchString": "ok", "enableSni": False},
        ),
        ({"protocol": "TCP", "ip_address": "2001:DB8::1", "port": 22}, {"type": "TCP", "ipAddress": "2001:db8::1"}),
    ],
)
def test_the_type_and_the_port_follow_from_the_protocol(endpoint, expected, deploy):
    """Nobody has to know Route 53's six type names."""
    inputs = check_inputs(deploy(lambda: pulumi_seawall.HealthCheck("tokyo", {"endpoint": endpoint})))
    assert {key: inputs[key] for key in expected} == expected


def test_a_calculated_check_counts_its_children(deploy):
    """Children and threshold arrive, and nothing of an endpoint's settings."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("both", {"calculated": {"children": [ID, "other-id"]}}))
    assert check_inputs(deployment) == {
        "type": "CALCULATED",
        "childHealthchecks": [ID, "other-id"],
        "childHealthThreshold": 2,
        "invertHealthcheck": False,
    }


def alarm(threshold: float) -> Any:
    """An alarm's check."""
    return {
        "alarm": {
            "name": "tokyo-hosts",
            "region": "ap-northeast-1",
            "insufficient_data": "Unhealthy",
            "definition": {
                "namespace": "AWS/ApplicationELB",
                "metric_name": "HealthyHostCount",
                "statistic": "Minimum",
                "comparison": "LessThanThreshold",
                "threshold": threshold,
                "period_seconds": 60,
                "evaluation_periods": 3,
                "datapoints_to_alarm": 2,
                "dimensions": {"LoadBalancer": "app/tokyo/1"},
            },
        }
    }


def test_an_alarms_check_carries_the_alarms_definition_as_triggers(deploy):
    """Route 53 copies the alarm when the check is made; a changed definition must touch the check or the copy goes stale."""
    inputs = check_inputs(deploy(lambda: pulumi_seawall.HealthCheck("tokyo", alarm(1))))
    assert inputs == {
        "type": "CLOUDWATCH_METRIC",
        "cloudwatchAlarmName": "tokyo-hosts",
        "cloudwatchAlarmRegion": "ap-northeast-1",
        "insufficientDataHealthStatus": "Unhealthy",
        "invertHealthcheck": False,
        "triggers": {
            "namespace": "AWS/ApplicationELB",
            "metric_name": "HealthyHostCount",
            "statistic": "Minimum",
            "comparison": "LessThanThreshold",
            "threshold": "1",
            "period_seconds": "60",
            "evaluation_periods": "3",
            "datapoints_to_alarm": "2",
            "dimension LoadBalancer": "app/tokyo/1",
        },
    }


def test_the_status_alarm_stands_in_us_east_1_and_watches_the_checks_status(deploy):
    """Route 53's metrics exist nowhere else, and an alarm on anything else than HealthCheckStatus sees no failover."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https({"alarm_actions": [TOPIC]})))
    (status,) = deployment.of("MetricAlarm").values()
    wanted = {
        "region": "us-east-1",
        "name": "seawall-test-tokyo-unhealthy",
        "namespace": "AWS/Route53",
        "metricName": "HealthCheckStatus",
        "dimensions": {"HealthCheckId": "tokyo-id"},
        "statistic": "Minimum",
        "comparisonOperator": "LessThanThreshold",
        "threshold": 1,
        "period": 60,
        "evaluationPeriods": 1,
        "treatMissingData": "missing",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "insufficientDataActions": [TOPIC],
    }
    assert {key: status.inputs[key] for key in wanted} == wanted


def test_a_check_that_exists_is_used_as_it_is_and_still_watched(deploy):
    """Nothing that somebody else owns is declared again; only the alarm is new."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", {"health_check_id": ID}))
    assert [made.type for made in deployment.made] == [
        "seawall:index:HealthCheck",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
    ]
    assert deployment.of("MetricAlarm")["tokyo-status"].inputs["dimensions"] == {"HealthCheckId": ID}
    assert deployment.outputs["health_check_id"] == ID
    assert deployment.outputs["detection"][0]["source"] == "assumed"


def test_existing_checks_and_alarms_are_adopted_by_import(deploy):
    """Adoption keeps id, name and history; an alarm's id is its name, so it keeps that too."""
    args = https({"import_id": ID, "status_alarm_import_id": "tokyo-down"})
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", args))
    assert deployment.of("healthCheck:HealthCheck")["tokyo"].import_id == ID
    status = deployment.of("MetricAlarm")["tokyo-status"]
    assert (status.import_id, status.inputs["name"]) == ("tokyo-down@us-east-1", "tokyo-down")


def test_without_a_status_alarm_there_is_none(deploy):
    """Somebody who has an alarm elsewhere gets no second one."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https({"status_alarm": False})))
    assert deployment.of("MetricAlarm") == {}
    assert deployment.outputs["alarm_name"] is None


def test_detection_is_an_output_with_its_terms(deploy):
    """The figure never stands without what it is made of."""
    outputs = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https())).outputs
    assert outputs["detection_worst_seconds"] == 40
    assert outputs["detection_typical_seconds"] == pytest.approx(34.2)
    assert [term["name"] for term in outputs["detection"]] == ["failed checks", "time-out", "aggregation"]
    assert sum(term["worst_seconds"] for term in outputs["detection"]) == 40


def test_a_private_address_known_only_during_the_deployment_is_refused_then(deploy, deployment):
    """A value that arrives late is checked late, not never."""

    def program() -> pulumi_seawall.HealthCheck:
        endpoint: Any = {"protocol": "TCP", "ip_address": pulumi.Output.from_input("10.0.0.1"), "port": 22}
        return pulumi_seawall.HealthCheck("tokyo", {"endpoint": endpoint})

    with pytest.raises(ValueError, match=r"endpoint\.ip_address = 10\.0\.0\.1: a public address"):
        deploy(program)
    assert deployment.of("healthCheck:HealthCheck") == {}


def test_tags_name_the_component_and_take_the_users(deploy):
    """Operators find a check by its name; finance finds it by theirs."""
    deployment = deploy(lambda: pulumi_seawall.HealthCheck("tokyo", https({"tags": {"team": "web"}})))
    assert deployment.of("healthCheck:HealthCheck")["tokyo"].inputs["tags"] == {
        "Name": "tokyo",
        "seawall:component": "tokyo",
        "team": "web",
    }
