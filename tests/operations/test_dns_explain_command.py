"""`seawall dns explain`: what it reads, what it prints, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws

from seawall.errors import CloudUnavailable, InvalidInput
from seawall_ops import cli
from seawall_ops.dns import CheckKind, InsufficientData, Signal, canonical, parse_checks, parse_zone
from seawall_ops.explain import reading
from seawall_ops.explain.reading import from_files, from_route53

NAME = "shop.example.com"


def record(name: str = NAME, value: str = "203.0.113.10", **more: Any) -> dict[str, Any]:
    return {"Name": f"{name}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}


def check(id_: str, **config: Any) -> dict[str, Any]:
    return {"Id": id_, "HealthCheckConfig": {"Type": "HTTPS", **config}}


def side(role: str, value: str, check_id: str) -> dict[str, Any]:
    return record(value=value, Failover=role, SetIdentifier=role.lower(), HealthCheckId=check_id)


PAIR: dict[str, Any] = {
    "HostedZone": {"Id": "/hostedzone/Z1", "Name": "example.com."},
    "ResourceRecordSets": [side("PRIMARY", "203.0.113.10", "eu"), side("SECONDARY", "198.51.100.10", "us")],
    "HealthChecks": [check("eu", IPAddress="203.0.113.10"), check("us", IPAddress="198.51.100.10")],
    "regions": {"203.0.113.10": "eu-west-1", "198.51.100.10": "us-east-1"},
}
Write = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Documents as files; the options that read them."""

    def write(*documents: object) -> list[str]:
        options: list[str] = []
        for at, document in enumerate(documents):
            path = tmp_path / f"{at}.yaml"
            path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
            options += ["--file", str(path)]
        return options

    return write


def explain(*options: str, name: str = NAME) -> int:
    return cli.main(["dns", "explain", "--name", name, *options])


def test_the_path_to_an_answer_is_printed_line_by_line(write, capsys):
    """Each record with its health and the reason, then what was chosen and the rule."""
    assert explain(*write(PAIR), "--fail", "region=eu-west-1") == 0
    assert capsys.readouterr().out == (
        "client: anywhere; failed: region eu-west-1\n"
        "  shop.example.com: 2 failover records\n"
        "    primary: unhealthy, check eu gets no good answer from 203.0.113.10\n"
        "    secondary: healthy, check us gets answers from 198.51.100.10\n"
        "    → secondary: the secondary is answered while the primary is unhealthy and the secondary is not\n"
        "  answer: 198.51.100.10, kept 60 s\n"
    )


def test_a_dead_answer_while_another_one_lives_needs_attention(write, capsys):
    """A pipeline stops on exit code 1, and the line says why."""
    assert explain(*write(PAIR), "--fail", "endpoint=203.0.113.10", "--fail", "check=us") == 1
    assert (
        "attention: answers 203.0.113.10, which is dead, while 198.51.100.10 lives: when both"
        in capsys.readouterr().out
    )


def test_the_table_has_every_combination_and_each_kind_of_dead_answer_once(write, capsys):
    """A row per combination; the rules follow once each, with a count."""
    assert explain(*write(PAIR), "--all", "--over", "region", "--over", "check") == 1
    out = capsys.readouterr().out
    assert "16 combinations, 16 answers" in out
    assert "203.0.113.10 ✗!" in out
    assert out.count("attention:") == 1
    assert explain(*write(PAIR), "--all") == 0
    assert "no answer points at a dead endpoint while a live one exists" in capsys.readouterr().out


def test_shares_and_clients_are_shown_and_are_in_the_json(write, capsys):
    """Weights are shares of the queries, exact in the document."""
    zone = {"ResourceRecordSets": [record(value=f"10.0.0.{at}", Weight=at, SetIdentifier=str(at)) for at in (1, 2)]}
    assert explain(*write(zone), "--client-region", "eu-west-1") == 0
    out = capsys.readouterr().out
    assert "client: eu-west-1" in out
    assert "66.7% of the queries:" in out
    assert explain(*write(zone), "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["situations"]
    assert [(each["share_exact"], each["endpoints"], each["ttl_seconds"]) for each in one["outcomes"]] == [
        ("2/3", ["10.0.0.2"], 60),
        ("1/3", ["10.0.0.1"], 60),
    ]


def test_clients_are_those_of_the_zones_regions_where_it_matters_who_asks(write, capsys):
    """Latency answers differ by client: without options one asks from each region that serves."""
    regions = {"eu-west-1": "203.0.113.10", "us-east-1": "198.51.100.10"}
    zone = {
        "ResourceRecordSets": [record(value=value, Region=one, SetIdentifier=one) for one, value in regions.items()]
    }
    assert explain(*write(zone), "--json") == 0
    situations = json.loads(capsys.readouterr().out)["situations"]
    assert {one["client"]: one["outcomes"][0]["endpoints"] for one in situations} == {
        region: [value] for region, value in regions.items()
    }
    assert explain(*write(zone), "--nearest", "us-east-1,eu-west-1", "--client-region", "eu-west-1", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["situations"]
    assert one["outcomes"][0]["endpoints"] == ["198.51.100.10"]


def test_a_location_may_be_given_for_geolocation(write, capsys):
    """Germany is in Europe."""
    zone = {"ResourceRecordSets": [record(SetIdentifier="eu", GeoLocation={"ContinentCode": "EU"})]}
    assert explain(*write(zone), "--client-location", "eu/de") == 0
    assert "answer: 203.0.113.10" in capsys.readouterr().out
    assert explain(*write(zone), "--client-location", "AS") == 1, "no answer, while an endpoint lives"


def test_a_name_without_records_is_said(write, capsys):
    """Not an error of the command: it is the answer."""
    assert explain(*write(PAIR), name="gone.example.com") == 0
    assert "no answer: the zone has no A records for gone.example.com" in capsys.readouterr().out


def test_an_alarm_without_data_is_asked_for_by_name(write, capsys):
    """What a lost metric would do."""
    alarm = {
        "Id": "eu",
        "HealthCheckConfig": {
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": {"Region": "eu-west-1", "Name": "hosts"},
            "InsufficientDataHealthStatus": "Unhealthy",
        },
    }
    zone = {**PAIR, "HealthChecks": [alarm, PAIR["HealthChecks"][1]]}
    assert explain(*write(zone), "--no-data", "eu") == 0
    assert "the alarm of check eu has no data, which is set to count as Unhealthy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--fail", "eu-west-1"], "--fail = eu-west-1: two words with = between"),
        (["--fail", "zone=a"], "--fail = zone=a: region=…, endpoint=… or check=…"),
        (["--fail", "region=mars"], "failed region = mars: one of eu-west-1, us-east-1"),
        (["--fail", "endpoint=10.0.0.1"], "failed endpoint = 10.0.0.1: a value or an alias target of the zone"),
        (["--fail", "check=nobody"], "check = nobody: the id or name of one of eu, us"),
        (["--no-data", "eu"], "check without data = eu: the id of a check that follows an alarm"),
        (["--all", "--fail", "region=eu-west-1"], "--all = with --fail or --no-data: one of them"),
        (["--over", "region"], "--over = region: only with --all"),
        (["--client-region", "mars"], "region = mars: a commercial AWS region"),
        (["--client-location", "EU//"], "--client-location = EU//: CONTINENT"),
        (["--region-of", "203.0.113.10"], "--region-of = 203.0.113.10: two words with = between"),
        (["--now"], "--now = True: not with --file"),
        (["--zone-id", "Z1"], "--zone-id = Z1: not with --file"),
        (["--zone-name", "example.com"], "--zone-name = example.com: not with --file"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(write, capsys, options, line):
    """The name, the value, what is allowed."""
    assert explain(*write(PAIR), *options) == 2
    shown = capsys.readouterr()
    assert line in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"HealthChecks": []}, "ResourceRecordSets is missing: in one of the files"),
        ("- a\n- b\n", "an object with ResourceRecordSets or HealthChecks"),
        ("{a: [", "JSON or YAML"),
        ({**PAIR, "IsTruncated": True}, "a whole list, because IsTruncated says that more follows"),
        ({**PAIR, "ResourceRecordSets": {"a": 1}}, "ResourceRecordSets = {'a': 1}: a list"),
        ({**PAIR, "regions": ["a"]}, "regions = ['a']: an object with text"),
        ({**PAIR, "regions": {"203.0.113.10": 1}}, "regions.203.0.113.10 = 1: an AWS region"),
        ({"ResourceRecordSets": ["a"]}, "ResourceRecordSets[0] = a: an object"),
        ({"ResourceRecordSets": [{"Type": "A"}]}, "ResourceRecordSets[0].Name is missing: text"),
        ({"ResourceRecordSets": [record(TTL="60")]}, "ResourceRecordSets[0].TTL = 60: a whole number"),
        (
            {"ResourceRecordSets": [record(Failover="FIRST")]},
            "ResourceRecordSets[0].Failover = FIRST: PRIMARY or SECONDARY",
        ),
        (
            {
                "ResourceRecordSets": [
                    {"Name": "a.", "Type": "A", "AliasTarget": {"DNSName": "b.", "EvaluateTargetHealth": 1}}
                ]
            },
            "ResourceRecordSets[0].AliasTarget.EvaluateTargetHealth = 1: true or false",
        ),
        ({**PAIR, "HealthChecks": [{"Id": "eu"}]}, "HealthChecks[0].HealthCheckConfig is missing: an object"),
        ({**PAIR, "HealthChecks": [check("eu", Type="PING")]}, "HealthChecks[0].HealthCheckConfig.Type = PING: HTTP"),
        (
            {**PAIR, "HealthChecks": [check("eu", InsufficientDataHealthStatus="Maybe")]},
            "InsufficientDataHealthStatus = Maybe: Healthy, Unhealthy, LastKnownStatus",
        ),
    ],
)
def test_a_broken_file_is_one_line(write, capsys, document, message):
    """The place in the file, the value, what is allowed."""
    assert explain(*write(document)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line(capsys):
    """The most common typing error."""
    assert explain("--file", "nowhere.json") == 2
    assert capsys.readouterr().err == "error: --file = nowhere.json: a file that can be read\n"


def test_what_the_aws_command_line_prints_is_read_from_two_files(write):
    """`list-resource-record-sets` and `list-health-checks` give a file each."""
    parts = [{key: PAIR[key], "IsTruncated": False} for key in ("ResourceRecordSets", "HealthChecks")]
    world = from_files([Path(each) for each in write(*parts)[1::2]])
    assert set(world.checks) == {"eu", "us"}
    assert len(list(world.zone.records)) == 2


def test_every_form_of_a_check_and_of_a_policy_is_understood():
    """Names of the API, as boto3 gives them."""
    checks = parse_checks(
        [
            check("name", FullyQualifiedDomainName="EU.Example.com", Inverted=True),
            check("address", IPAddress="2001:DB8:0::1", Disabled=True),
            check("sum", Type="CALCULATED", ChildHealthChecks=["name"], HealthThreshold=1),
            check("alarm", Type="CLOUDWATCH_METRIC", AlarmIdentifier={"Region": "eu-west-1", "Name": "a"}),
            check("arc", Type="RECOVERY_CONTROL", RoutingControlArn="arn:aws:route53-recovery-control::1:x"),
        ],
        {"name": "Ireland"},
    )
    assert [one.kind for one in checks.values()] == [
        CheckKind.ENDPOINT, CheckKind.ENDPOINT, CheckKind.CALCULATED, CheckKind.ALARM, CheckKind.ROUTING_CONTROL,
    ]  # fmt: skip
    assert (checks["name"].host, checks["name"].inverted, checks["name"].label) == (
        "eu.example.com.",
        True,
        "check Ireland (name)",
    )
    assert (checks["address"].host, checks["address"].disabled) == ("2001:db8::1", True)
    assert checks["alarm"].insufficient_data is InsufficientData.LAST_KNOWN
    alias = {
        "DNSName": "dualstack.a.eu-west-1.elb.amazonaws.com.",
        "HostedZoneId": "ZELB",
        "EvaluateTargetHealth": True,
    }
    zone = parse_zone(
        [
            {"Name": "\\052.example.com.", "Type": "A", "AliasTarget": alias},
            record(GeoProximityLocation={"AWSRegion": "eu-west-1"}),
        ],
        id="/hostedzone/Z1",
    )
    wild, near = zone.records
    assert (wild.name, wild.alias and wild.alias.name) == ("*.example.com.", "a.eu-west-1.elb.amazonaws.com.")
    assert (zone.id, str(near.policy)) == ("Z1", "Unsupported(name='geoproximity')")
    assert canonical("EU.example.com") == "eu.example.com."


@pytest.fixture
def route53(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cloud in this process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with mock_aws():
        yield boto3.client("route53", region_name="us-east-1")


def make_zone(route53: Any, name: str, *records: dict[str, Any]) -> str:
    id_ = route53.create_hosted_zone(Name=name, CallerReference=f"{name}{len(records)}")["HostedZone"]["Id"]
    for one in records:
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": one}]}
        route53.change_resource_record_sets(HostedZoneId=id_, ChangeBatch=batch)
    return id_.rpartition("/")[2]


def test_the_zone_that_holds_the_name_is_found_with_the_checks_it_uses(route53):
    """The longest zone wins; checks of others are left out; their names come from tags."""
    own = [
        route53.create_health_check(
            CallerReference=one,
            HealthCheckConfig={"Type": "TCP", "IPAddress": "203.0.113.10", "Port": 443, "RequestInterval": 10},
        )["HealthCheck"]["Id"]
        for one in ("used", "unused")
    ]
    route53.change_tags_for_resource(
        ResourceType="healthcheck", ResourceId=own[0], AddTags=[{"Key": "Name", "Value": "Ireland"}]
    )
    make_zone(route53, "example.com", record(value="192.0.2.1"))
    make_zone(route53, NAME, record(SetIdentifier="one", Weight=1, HealthCheckId=own[0]))
    world = from_route53(NAME)
    assert (world.zone.name, set(world.checks), world.checks[own[0]].name) == (f"{NAME}.", {own[0]}, "Ireland")
    assert from_route53(NAME, zone_name="example.com").zone.name == "example.com."


def test_a_zone_that_is_not_there_or_there_twice_is_refused(route53):
    """A public and a private zone may have one name: the id decides."""
    first = make_zone(route53, "example.com", record(value="192.0.2.1"))
    second = make_zone(route53, "example.com")
    with pytest.raises(InvalidInput, match=r"zone = example\.net: a zone of this account that holds the name"):
        from_route53("example.net")
    with pytest.raises(InvalidInput, match=rf"the --zone-id of one of ({first}, {second}|{second}, {first})"):
        from_route53(NAME)
    assert len(from_route53(NAME, zone_id=first).zone.find(NAME, "A")) == 1


class Route53:
    """Answers what the test gives it, in pages."""

    def __init__(self, **pages: list[dict[str, Any]]) -> None:
        self.pages = pages

    def get_paginator(self, operation: str) -> Any:
        pages = self.pages[operation]
        return type("Paginator", (), {"paginate": staticmethod(lambda **_: iter(pages))})

    def get_hosted_zone(self, Id: str) -> dict[str, Any]:  # noqa: N803  # boto3's name
        return {"HostedZone": {"Id": f"/hostedzone/{Id}", "Name": "example.com."}}

    def list_tags_for_resources(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListTagsForResources")

    def get_health_check_status(self, HealthCheckId: str) -> dict[str, Any]:  # noqa: N803
        if HealthCheckId == "denied":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetHealthCheckStatus")
        good = {"eu": 2, "us": 3}[HealthCheckId]
        seen = ["Success: HTTP Status Code 200, OK"] * good + ["Failure: Connection timed out."] * (16 - good)
        return {"HealthCheckObservations": [{"Region": "r", "StatusReport": {"Status": one}} for one in seen]}


def test_every_page_is_read_and_the_checkers_are_counted(monkeypatch):
    """More than 18 % of the checkers make an endpoint healthy: 3 of 16 do, 2 of 16 do not."""
    records = [{"ResourceRecordSets": [one]} for one in PAIR["ResourceRecordSets"]]
    checks = [{"HealthChecks": [one]} for one in [*PAIR["HealthChecks"], check("other")]]
    fake = Route53(list_resource_record_sets=records, list_health_checks=checks)
    monkeypatch.setattr(reading, "client", lambda service, region: fake)
    world = from_route53(NAME, zone_id="Z1", now=True)
    assert len(world.zone.find(NAME, "A")) == 2
    assert world.signals == {"eu": Signal.UNHEALTHY, "us": Signal.HEALTHY}
    assert world.checks["eu"].label == "check eu", "without permission to read tags a check goes by its id"


def test_what_aws_refuses_is_exit_code_3(monkeypatch, capsys):
    """A missing permission is named, without a traceback."""
    records = [{"ResourceRecordSets": [record(SetIdentifier="a", Weight=1, HealthCheckId="denied")]}]
    fake = Route53(list_resource_record_sets=records, list_health_checks=[{"HealthChecks": [check("denied")]}])
    monkeypatch.setattr(reading, "client", lambda service, region: fake)
    assert explain("--zone-id", "Z1", "--now") == 3
    line = "error: AWS could not be asked (route53 GetHealthCheckStatus): AccessDenied: no\n"
    assert capsys.readouterr().err == line
    with pytest.raises(CloudUnavailable):
        from_route53(NAME, zone_id="Z1", now=True)
