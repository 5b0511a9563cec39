"""Route 53 as AWS answers it, against the patched server: what Seawall's components rely on must not be made easier."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud import cloud
from localcloud.moto_patches.route53_records import Record, Refused, apply_batch, record_from

NAME = "shop.example.com."


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One patched server for the tests of this file; each works in a zone of its own."""
    folder: Path = tmp_path_factory.mktemp("route53") / "cloud"
    yield cloud.start(folder).endpoint
    cloud.stop(folder)


@pytest.fixture
def connect(endpoint: str) -> Any:
    def connect(service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    return connect


@pytest.fixture
def route53(connect: Any) -> Any:
    return connect("route53")


class Zone:
    """A zone, and short ways to change it."""

    def __init__(self, route53: Any) -> None:
        self.route53 = route53
        made = route53.create_hosted_zone(Name="example.com", CallerReference=uuid.uuid4().hex)
        self.id = made["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def change(self, *changes: tuple[str, dict[str, Any]]) -> None:
        batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": batch})

    def refused(self, *changes: tuple[str, dict[str, Any]]) -> tuple[str, str]:
        """Code and message of a batch that must be refused, and must change nothing."""
        before = self.records()
        with pytest.raises(ClientError) as caught:
            self.change(*changes)
        assert self.records() == before
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    def records(self) -> list[dict[str, Any]]:
        """All but the zone's own two."""
        listed = self.route53.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return [record for record in listed if record["Type"] not in ("NS", "SOA")]


@pytest.fixture
def zone(route53: Any) -> Zone:
    return Zone(route53)


@pytest.fixture
def check(route53: Any) -> str:
    """An endpoint check's id."""
    return new_check(route53)["Id"]


def new_check(route53: Any, reference: str | None = None, **config: Any) -> Any:
    config = config or {"Type": "HTTPS", "FullyQualifiedDomainName": "eu.example.com", "ResourcePath": "/healthz"}
    made = route53.create_health_check(CallerReference=reference or uuid.uuid4().hex, HealthCheckConfig=config)
    return made["HealthCheck"]


def simple(name: str = NAME, value: str = "192.0.2.1", ttl: int = 60, kind: str = "A") -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value}]}


def failover(role: str, check: str | None, identifier: str | None = None, value: str = "192.0.2.1") -> dict[str, Any]:
    record = {**simple(value=value), "Failover": role, "SetIdentifier": identifier or role.lower()}
    return {**record, "HealthCheckId": check} if check else record


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_delete_removes_exactly_the_record_that_was_named(zone: Zone, check: str):
    """moto removed every record with that set identifier in the zone, and all of a name without one."""
    other = {**failover("PRIMARY", check), "Name": "api.example.com."}
    zone.change(("CREATE", failover("PRIMARY", check)), ("CREATE", failover("SECONDARY", None)), ("CREATE", other))
    zone.change(("DELETE", failover("PRIMARY", check)))
    assert [(record["Name"], record["SetIdentifier"]) for record in zone.records()] == [
        ("api.example.com.", "primary"),
        (NAME, "secondary"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        simple(ttl=61),
        simple(value="192.0.2.2"),
        {**simple(), "ResourceRecords": [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]},
    ],
    ids=["ttl", "value", "one value more"],
)
def test_delete_needs_all_the_same_values(zone: Zone, wrong: dict[str, Any]):
    """AWS protects against deleting what somebody else has changed meanwhile; drift must show."""
    zone.change(("CREATE", simple()))
    code, message = zone.refused(("DELETE", wrong))
    assert code == "InvalidChangeBatch"
    assert "values provided do not match the current values" in message
    zone.change(("DELETE", simple()))


def test_delete_of_what_is_not_there_says_so(zone: Zone):
    """The plugin tells "gone already" from other refusals by this line."""
    code, message = zone.refused(("DELETE", simple()))
    assert code == "InvalidChangeBatch"
    assert message == "[Tried to delete resource record set [name='shop.example.com.', type='A'] but it was not found]"


def test_delete_compares_values_in_any_order_and_names_in_any_case(zone: Zone):
    """Route 53 keeps a set of values, and names in lower case with a final dot."""
    values = [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]
    zone.change(("CREATE", {**simple("Shop.Example.com"), "ResourceRecords": values}))
    assert zone.records()[0]["Name"] == NAME
    zone.change(("DELETE", {**simple("SHOP.example.com."), "ResourceRecords": values[::-1]}))
    assert zone.records() == []


def test_a_deleted_record_can_be_made_again(zone: Zone):
    """moto remembered the creation for ever and answered "already exists"."""
    for _ in range(2):
        zone.change(("CREATE", simple()))
        zone.change(("DELETE", simple()))
    zone.change(("CREATE", simple()))
    zone.change(("DELETE", simple()), ("CREATE", simple(value="192.0.2.9")))
    assert zone.records()[0]["ResourceRecords"] == [{"Value": "192.0.2.9"}]


def test_create_of_a_record_that_exists_is_refused(zone: Zone):
    """Overwriting a record that another stack owns takes UPSERT, on purpose."""
    zone.change(("CREATE", simple()))
    for record in (simple(), simple(value="192.0.2.2")):
        code, message = zone.refused(("CREATE", record))
        assert code == "InvalidChangeBatch"
        assert (
            "Tried to create resource record set [name='shop.example.com.', type='A'] but it already exists" in message
        )


def test_a_batch_is_made_as_a_whole_or_not_at_all(zone: Zone):
    """moto kept what stood before the change that failed."""
    zone.change(("CREATE", simple()))
    good = ("CREATE", simple("api.example.com."))
    for bad in (("CREATE", simple()), ("DELETE", simple("gone.example.com.")), ("CREATE", simple("shop.other.org."))):
        code, _ = zone.refused(("DELETE", simple()), good, bad, bad)
        assert code == "InvalidChangeBatch"


def test_primary_and_secondary_can_change_places_in_one_batch(zone: Zone, check: str):
    """The pair is judged after the batch: between the two changes there are two PRIMARYs."""
    zone.change(("CREATE", failover("PRIMARY", check, "eu")), ("CREATE", failover("SECONDARY", check, "us")))
    zone.change(("UPSERT", failover("PRIMARY", check, "us")), ("UPSERT", failover("SECONDARY", check, "eu")))
    assert {record["SetIdentifier"]: record["Failover"] for record in zone.records()} == {
        "us": "PRIMARY",
        "eu": "SECONDARY",
    }


def test_records_that_aws_refuses_are_refused(zone: Zone, check: str):
    """moto took each of these; the first `up` on a real account would have failed in the middle."""
    zone.change(("CREATE", failover("PRIMARY", check)), ("CREATE", simple("www.example.com.")))
    pair = failover("SECONDARY", None)
    cases = {
        "two primaries": ("InvalidChangeBatch", failover("PRIMARY", check, "second"), "Failover PRIMARY"),
        "no set identifier": ("InvalidInput", {**simple(), "Failover": "SECONDARY"}, "Missing field 'SetIdentifier'"),
        "third role": ("InvalidInput", failover("TERTIARY", check), "'TERTIARY' is not facet-valid"),
        "two policies": ("InvalidInput", {**pair, "Weight": 1}, "but found more than one"),
        "identifier alone": ("InvalidInput", {**simple(), "SetIdentifier": "x"}, "but found none"),
        "another policy": ("InvalidChangeBatch", {**simple(), "SetIdentifier": "x", "Weight": 1}, "another routing policy"),
        "simple beside a set": ("InvalidChangeBatch", simple(), "another routing policy"),
        "set beside a simple": ("InvalidChangeBatch", {**pair, "Name": "www.example.com."}, "another routing policy"),
        "unknown check": ("NoSuchHealthCheck", failover("SECONDARY", "no-such-check"), "no-such-check"),
        "primary unchecked": ("InvalidChangeBatch", {**failover("PRIMARY", None), "Name": "new.example.com."}, "needs a health"),
        "not an address": ("InvalidChangeBatch", simple("x.example.com.", "shop"), "ARRDATAIllegalIPv4Address"),
        "alias with a ttl": ("InvalidInput", {**simple("x.example.com."), **alias("lb.example.net", "Z2")}, "more than one"),
        "no values": ("InvalidInput", {"Name": "x.example.com.", "Type": "A", "TTL": 60}, "but found none"),
        "alias to nothing here": (
            "InvalidChangeBatch",
            {"Name": "x.example.com.", "Type": "A", **alias("none.example.com", zone.id)},
            "that target was not found",
        ),
        "cname beside others": ("InvalidChangeBatch", simple("www.example.com.", "a.b", kind="CNAME"), "conflicts with other"),
        "cname at the apex": ("InvalidChangeBatch", simple("example.com.", "a.b", kind="CNAME"), "not permitted at apex"),
        "another zone's name": ("InvalidChangeBatch", simple("shop.notexample.com."), "is not permitted in zone"),
        "weight of 256": ("InvalidInput", {**simple("x.example.com."), "SetIdentifier": "a", "Weight": 256}, "Weight"),
    }  # fmt: skip
    for case, (code, record, message) in cases.items():
        found_code, found_message = zone.refused(("CREATE", record))
        assert (case, found_code) == (case, code)
        assert message in found_message, case


def alias(name: str, zone_id: str) -> dict[str, Any]:
    return {"AliasTarget": {"HostedZoneId": zone_id, "DNSName": name, "EvaluateTargetHealth": True}}


def test_a_primary_alias_needs_no_health_check(zone: Zone):
    """Its target's health is evaluated instead."""
    record = {"Name": NAME, "Type": "A", "SetIdentifier": "primary", "Failover": "PRIMARY"}
    zone.change(("CREATE", {**record, **alias("lb.eu-west-1.elb.amazonaws.com", "Z32O12XQLNTSW2")}))
    assert zone.records()[0]["AliasTarget"]["DNSName"] == "lb.eu-west-1.elb.amazonaws.com."


def test_the_zones_own_records_cannot_be_deleted(zone: Zone):
    """A zone without NS or SOA answers nothing."""
    listed = zone.route53.list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    assert {record["Type"] for record in listed} == {"NS", "SOA"}
    assert all(isinstance(value["Value"], str) for record in listed for value in record["ResourceRecords"])
    for record in listed:
        code, message = zone.refused(("DELETE", record))
        assert (code, f"at least one {record['Type']} record" in message) == ("InvalidChangeBatch", True)


def test_a_listing_goes_on_inside_one_set(zone: Zone):
    """With more records than fit a page, a reader that follows the next identifiers sees each exactly once."""
    weighted = [{**simple(), "SetIdentifier": f"w{number}", "Weight": number} for number in range(7)]
    zone.change(*(("CREATE", record) for record in weighted))
    pages = zone.route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone.id, PaginationConfig={"PageSize": 3}
    )
    seen = [record.get("SetIdentifier") for page in pages for record in page["ResourceRecordSets"]]
    assert sorted(filter(None, seen)) == [f"w{number}" for number in range(7)]
    assert len(seen) == 9


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


ROLES = st.sampled_from(["PRIMARY", "SECONDARY"])
SETS = st.sampled_from(["a", "b", "c"])
RECORDS = st.one_of(
    st.builds(lambda name, value: simple(f"{name}.example.com.", value), SETS, st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    st.builds(
        lambda name, role, identifier: {**failover(role, "check", identifier), "Name": f"{name}.example.com."},
        SETS, ROLES, SETS,
    ),
    st.builds(
        lambda name, identifier, weight: {**simple(f"{name}.example.com."), "SetIdentifier": identifier, "Weight": weight},
        SETS, SETS, st.integers(0, 255),
    ),
)  # fmt: skip
BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from(["CREATE", "UPSERT", "DELETE"]), RECORDS), min_size=1, max_size=4), max_size=8
)


@settings(max_examples=150)
@given(BATCHES)
def test_whatever_is_sent_the_zone_stays_one_that_aws_could_hold(batches: list[list[tuple[str, dict[str, Any]]]]):
    """After any batches: one policy per name and type, at most one record per failover role, and unique keys.

    A refused batch changes nothing, since the function returns the records or raises.
    """
    own = [
        simple("example.com.", "ns.example.net", kind="NS"),
        simple("example.com.", "ns. admin. 1 1 1 1 1", kind="SOA"),
    ]
    records: list[Record] = [record_from(record) for record in own]
    for batch in batches:
        changes = [{"Action": action, "ResourceRecordSet": record} for action, record in batch]
        with contextlib.suppress(Refused):
            records = apply_batch("example.com.", "Z1", records, changes, {"check"})
    assert len({record.key for record in records}) == len(records)
    for name in {record.name for record in records}:
        group = [record for record in records if (record.name, record.type) == (name, "A")]
        assert len({record.policy[0][0] if record.policy else None for record in group}) <= 1
        roles = [record.policy[0][1] for record in group if record.policy and record.policy[0][0] == "Failover"]
        assert len(roles) == len(set(roles))
