"""Route 53 health checks as AWS answers them, against the patched server."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from route53_zone import Zone, code_of, failover, new_check


@pytest.fixture
def zone(route53: Any) -> Zone:
    return Zone(route53)


@pytest.fixture
def check(route53: Any) -> str:
    """An endpoint check's id."""
    return new_check(route53)["Id"]


def test_all_kinds_of_checks_keep_all_of_their_settings(route53: Any):
    """moto lost alarms, routing controls and everything of update; the read-back must find what was declared."""
    child = new_check(route53)["Id"]
    alarm = {"Region": "us-east-1", "Name": "lag"}
    regions = ["eu-west-1", "us-east-1", "us-west-2"]
    configs: list[dict[str, Any]] = [
        {"Type": "HTTP", "IPAddress": "192.0.2.7", "Port": 8080, "ResourcePath": "/h", "RequestInterval": 10,
         "FailureThreshold": 2, "MeasureLatency": True, "Inverted": True, "Disabled": False, "EnableSNI": False,
         "Regions": regions},
        {"Type": "HTTPS_STR_MATCH", "FullyQualifiedDomainName": "a.example.com", "SearchString": "ok", "Port": 443,
         "RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False, "Inverted": False, "Disabled": True,
         "EnableSNI": True},
        {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 1, "Inverted": False, "Disabled": False},
        {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 0, "Inverted": True, "Disabled": False},
        {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": alarm, "InsufficientDataHealthStatus": "Unhealthy",
         "Inverted": False, "Disabled": False},
        {"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:aws:route53-recovery-control::1:controlpanel/a/b",
         "Inverted": False, "Disabled": False},
    ]  # fmt: skip
    for config in configs:
        made = new_check(route53, **config)
        assert made["HealthCheckConfig"] == config
        assert route53.get_health_check(HealthCheckId=made["Id"])["HealthCheck"] == made
        assert made in route53.list_health_checks()["HealthChecks"]


def test_defaults_are_those_of_aws(route53: Any):
    """30 s, three failures, SNI for HTTPS, and the last known status for missing data."""
    endpoint = new_check(route53, Type="HTTPS", FullyQualifiedDomainName="a.example.com")["HealthCheckConfig"]
    assert (endpoint["RequestInterval"], endpoint["FailureThreshold"], endpoint["Port"]) == (30, 3, 443)
    assert (endpoint["EnableSNI"], endpoint["MeasureLatency"], endpoint["Inverted"]) == (True, False, False)
    alarm = new_check(route53, Type="CLOUDWATCH_METRIC", AlarmIdentifier={"Region": "us-east-1", "Name": "x"})
    assert alarm["HealthCheckConfig"]["InsufficientDataHealthStatus"] == "LastKnownStatus"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"RequestInterval": 15}, "10 or 30 seconds"),
        ({"FailureThreshold": 99}, "1 to 10"),
        ({"Regions": ["eu-west-1", "us-east-1", "eu-central-1"]}, "eu-central-1"),
        ({"Regions": ["eu-west-1", "us-east-1", "us-east-1"]}, "at least 3"),
        ({"SearchString": "ok"}, "SearchString"),
        ({"Type": "HTTP_STR_MATCH"}, "SearchString"),
        ({"Type": "TCP"}, "Port"),
        ({"Type": "GOPHER"}, "Type"),
        ({"Type": "CALCULATED", "HealthThreshold": 1}, "FullyQualifiedDomainName is not supported"),
        ({"FullyQualifiedDomainName": None}, "either IPAddress or FullyQualifiedDomainName"),
        ({"IPAddress": "10.0.0.1"}, "private or reserved"),
        ({"AlarmIdentifier": {"Region": "us-east-1", "Name": "x"}}, "AlarmIdentifier is not supported"),
        ({"FullyQualifiedDomainName": None, "Type": "CALCULATED"}, "must have a health threshold"),
        ({"FullyQualifiedDomainName": None, "Type": "CALCULATED", "HealthThreshold": 257}, "0 to 256"),
        (
            {
                "FullyQualifiedDomainName": None,
                "Type": "CALCULATED",
                "HealthThreshold": 1,
                "ChildHealthChecks": ["nope"],
            },
            "nope does not exist",
        ),
        ({"FullyQualifiedDomainName": None, "Type": "CLOUDWATCH_METRIC"}, "must have an alarm identifier"),
        ({"FullyQualifiedDomainName": None, "Type": "RECOVERY_CONTROL"}, "must have a routing control"),
    ],
)
def test_checks_that_aws_refuses_are_refused(route53: Any, wrong: dict[str, Any], named: str):
    """moto took an interval of 15 s and a threshold of 99."""
    config = {"Type": "HTTP", "FullyQualifiedDomainName": "a.example.com", **wrong}
    with pytest.raises(ClientError, match=named) as caught:
        new_check(route53, **{key: value for key, value in config.items() if value is not None})
    assert caught.value.response["Error"]["Code"] == "InvalidInput"


def test_a_caller_reference_makes_one_check(route53: Any):
    """A retried create must not leave a second check behind; moto made one each time."""
    reference = uuid.uuid4().hex
    config = {"Type": "TCP", "FullyQualifiedDomainName": "a.example.com", "Port": 5432}
    first = new_check(route53, reference, **config)
    assert new_check(route53, reference, **config) == first
    assert (
        code_of(new_check, route53=route53, reference=reference, **{**config, "Port": 1}) == "HealthCheckAlreadyExists"
    )
    route53.delete_health_check(HealthCheckId=first["Id"])
    assert code_of(new_check, route53=route53, reference=reference, **config) == "HealthCheckAlreadyExists"


def test_an_update_changes_what_it_names_and_counts_the_version(route53: Any):
    """moto cleared regions and children that were not mentioned, and stayed at version 1."""
    regions = ["eu-west-1", "us-east-1", "us-west-2"]
    made = new_check(
        route53, Type="HTTP", FullyQualifiedDomainName="a.example.com", ResourcePath="/h", Regions=regions,
        RequestInterval=10,
    )  # fmt: skip
    updated = route53.update_health_check(
        HealthCheckId=made["Id"], HealthCheckVersion=1, FailureThreshold=5, Inverted=True
    )["HealthCheck"]
    assert updated["HealthCheckVersion"] == 2
    assert updated["HealthCheckConfig"] == {**made["HealthCheckConfig"], "FailureThreshold": 5, "Inverted": True}
    assert code_of(
        route53.update_health_check, HealthCheckId=made["Id"], HealthCheckVersion=1, FailureThreshold=4
    ) == "HealthCheckVersionMismatch"  # fmt: skip
    reset = route53.update_health_check(HealthCheckId=made["Id"], ResetElements=["Regions", "ResourcePath"])
    assert not {"Regions", "ResourcePath"} & set(reset["HealthCheck"]["HealthCheckConfig"])
    assert code_of(route53.update_health_check, HealthCheckId=made["Id"], IPAddress="192.0.2.1") == "InvalidInput"
    assert code_of(route53.update_health_check, HealthCheckId=made["Id"], FailureThreshold=11) == "InvalidInput"
    assert code_of(route53.update_health_check, HealthCheckId="none", Inverted=True) == "NoSuchHealthCheck"


def test_a_calculated_check_cannot_count_itself(route53: Any):
    """Not even through another one: its health would have no value."""
    lower = new_check(route53, Type="CALCULATED", HealthThreshold=1)["Id"]
    upper = new_check(route53, Type="CALCULATED", HealthThreshold=1, ChildHealthChecks=[lower])["Id"]
    for child in (lower, upper):
        arguments = {"HealthCheckId": lower, "ChildHealthChecks": [child]}
        assert code_of(route53.update_health_check, **arguments) == "InvalidInput"


def test_a_child_is_kept_and_a_check_of_a_record_is_not(route53: Any, zone: Zone):
    """A record may lose its check (AWS only warns); a calculated check may not lose a child."""
    child = new_check(route53)["Id"]
    parent = new_check(route53, Type="CALCULATED", HealthThreshold=1, ChildHealthChecks=[child])["Id"]
    assert code_of(route53.delete_health_check, HealthCheckId=child) == "HealthCheckInUse"
    route53.delete_health_check(HealthCheckId=parent)
    zone.change(("CREATE", failover("PRIMARY", child)))
    route53.delete_health_check(HealthCheckId=child)
    assert code_of(route53.delete_health_check, HealthCheckId=child) == "NoSuchHealthCheck"
    zone.change(("DELETE", failover("PRIMARY", child)))


def test_the_alarms_definition_is_copied_and_goes_stale(route53: Any, connect: Any):
    """The trap: a changed alarm does not reach the check until the check is given its alarm anew."""
    cloudwatch = connect("cloudwatch", "eu-west-1")
    alarm: dict[str, Any] = {
        "AlarmName": "lag", "Namespace": "AWS/RDS", "MetricName": "ReplicaLag", "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 2, "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop"}],
    }  # fmt: skip
    cloudwatch.put_metric_alarm(**alarm, Threshold=30)
    made = new_check(route53, Type="CLOUDWATCH_METRIC", AlarmIdentifier={"Region": "eu-west-1", "Name": "lag"})
    assert made["CloudWatchAlarmConfiguration"]["Threshold"] == 30
    assert made["CloudWatchAlarmConfiguration"]["Dimensions"] == alarm["Dimensions"]
    cloudwatch.put_metric_alarm(**alarm, Threshold=90)
    again = route53.update_health_check(HealthCheckId=made["Id"], Inverted=True)["HealthCheck"]
    assert again["CloudWatchAlarmConfiguration"]["Threshold"] == 30


def test_the_status_says_that_nothing_was_probed(route53: Any, check: str):
    """Until there is a data plane an observation must not look like one."""
    observations = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    assert len(observations) == 8
    assert {observation["StatusReport"]["Status"] for observation in observations} == {
        "Success: not probed, because the local cloud has no health checkers yet"
    }
