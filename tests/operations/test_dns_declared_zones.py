"""`seawall dns explain` over the zones that Seawall itself declares: in no combination of failures is a client sent to a
dead endpoint while a live one exists, or the line says which rule of AWS does it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest
import yaml
from moto import mock_aws

from declared_zone import declared_zone
from pulumi_seawall import FailoverRecord, LatencyRecord
from seawall_ops import cli
from seawall_ops.dns import Rule
from stacks.edge import declare_edge, plan_edge
from stacks.environment import parse_environment
from stacks.reads import declare_reads, plan_reads

ROOT = Path(__file__).resolve().parents[2]
NAME = "shop.example.com"
TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"
CHECK: dict[str, Any] = {"protocol": "HTTPS", "path": "/regionz"}
THREE = {"eu-west-1": "203.0.113.10", "eu-central-1": "198.51.100.10", "us-east-1": "192.0.2.10"}

Explain = Callable[..., tuple[int, dict[str, Any]]]


def target(region: str) -> Any:
    """A region with an address and a check of its own name."""
    return {
        "region": region,
        "addresses": [THREE[region]],
        "regional_name": f"{region}.{NAME}",
        "health_check": CHECK,
    }


def prod() -> None:
    """What the committed prod environment declares at its edge."""
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"]
    given = {**config, "seawall:database_password": "correct-horse-battery"}
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    environment = parse_environment(text, stack="prod", secrets=("seawall:database_password",))
    plan, options = plan_edge(environment), pulumi.ResourceOptions()
    edge = declare_edge(environment, plan, TOPIC, options)
    declare_reads(environment, plan_reads(environment, plan), plan, edge, TOPIC, options)


def three_regions() -> None:
    """One name in three regions by latency, each with a check."""
    entries = [{"name": region, "target": target(region)} for region in THREE]
    args: Any = {"zone_id": "Z1", "name": NAME, "entries": entries}
    LatencyRecord("shop", args)


def with_a_switch() -> None:
    """A failover pair with the operator's switch on both sides."""
    args: Any = {
        "zone_id": "Z1",
        "name": NAME,
        "primary": target("eu-west-1"),
        "secondary": target("eu-central-1"),
        "switch": {"object": {"checker_cidrs": ["15.177.0.0/18"]}},
    }
    FailoverRecord("shop", args)


@pytest.fixture
def explain(tmp_path: Path, pulumi_loop: Any, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Declare a program's zone, then explain it with the command; its exit code and its document."""

    def run(program: Callable[[], None], *options: str, name: str = NAME) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "zone.json"
        path.write_text(json.dumps(declared_zone(program, pulumi_loop)), encoding="utf-8")
        code = cli.main(["dns", "explain", "--file", str(path), "--name", name, "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def wrong(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The avoidable dead answers, by the JSON alone."""
    return [fault for one in document["situations"] for fault in one["faults"]]


def lost(situation: dict[str, Any]) -> set[str]:
    """The regions that have failed."""
    return {each.removeprefix("region ") for each in situation["failed"] if each.startswith("region ")}


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_the_prod_environment_never_answers_a_dead_region_while_the_other_one_lives(explain, kind):
    """Both families, every combination of lost regions, a client in each of the three regions."""
    clients = [option for region in THREE for option in ("--client-region", region)]
    code, document = explain(prod, "--all", "--over", "region", "--type", kind, *clients)
    assert document["things"] == ["region eu-central-1", "region eu-west-1"]
    assert len(document["situations"]) == 2**2 * len(THREE)
    assert (code, wrong(document)) == (0, [])
    dead = [one for one in document["situations"] if any(each["dead"] for each in one["outcomes"])]
    assert {frozenset(lost(one)) for one in dead} == {frozenset({"eu-central-1", "eu-west-1"})}


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_reads_in_prod_find_a_region_that_lives_in_every_combination(explain, kind):
    """The three-region name: 2^3 combinations for a client in each region, none of them answered by what is dead."""
    code, document = explain(prod, "--all", "--over", "region", "--type", kind, name=f"reads.{NAME}")
    assert document["things"] == ["region eu-central-1", "region eu-west-1", "region us-east-1"]
    assert len(document["situations"]) == 2**3 * len(THREE)
    assert (code, wrong(document)) == (0, [])
    for one in document["situations"]:
        answered = {end.split(".")[1] for outcome in one["outcomes"] for end in outcome["endpoints"]}
        assert not answered & lost(one) or len(lost(one)) == len(THREE)
        assert one["client"] in lost(one) or answered == {one["client"]}, "who is near a region that lives stays there"


@pytest.mark.parametrize(("name", "rule"), [(NAME, Rule.BOTH_UNHEALTHY), (f"reads.{NAME}", Rule.ALL_UNHEALTHY)])
def test_the_prod_environments_switches_and_checks_mislead_only_as_aws_says(explain, name, rule):
    """With the switch, and with every check a thing that may lie, each avoidable dead answer has AWS's rule and page."""
    _, document = explain(prod, "--all", "--over", "region", "--over", "check", name=name)
    assert len(document["situations"]) % 2 ** len(document["things"]) == 0
    assert {fault["rule"] for fault in wrong(document)} == {rule.name}
    assert all(fault["source"] in fault["line"] for fault in wrong(document))
    for one in document["situations"]:
        assert not one["faults"] or len(lost(one)) < len(one["failed"]), "lost regions alone never mislead"


def test_three_regions_by_latency_survive_every_combination_of_lost_regions(explain):
    """2^3 combinations for a client in each region: the answer lives as long as anything does."""
    code, document = explain(three_regions, "--all")
    assert document["things"] == ["region eu-central-1", "region eu-west-1", "region us-east-1"]
    assert len(document["situations"]) == 2**3 * 3
    assert (code, wrong(document)) == (0, [])
    for one in document["situations"]:
        live = {THREE[region] for region in THREE if f"region {region}" not in one["failed"]}
        answered = {end for outcome in one["outcomes"] for end in outcome["endpoints"]}
        assert answered <= live or not live
        if f"region {one['client']}" not in one["failed"]:
            assert answered == {THREE[one["client"]]}, "a client whose region lives stays there"


def test_three_regions_with_lying_checks_fail_only_by_the_last_resort(explain):
    """2^6 combinations of regions and checks: a dead answer needs every live region's check to be wrong at once."""
    code, document = explain(three_regions, "--all", "--over", "region", "--over", "check")
    assert (code, len(document["situations"])) == (1, 2**6 * 3)
    assert {fault["rule"] for fault in wrong(document)} == {Rule.ALL_UNHEALTHY.name}
    for one in document["situations"]:
        live = [region for region in THREE if f"region {region}" not in one["failed"]]
        alarms = sum(each.startswith("check ") for each in one["failed"])
        assert not one["faults"] or alarms >= len(live)


def test_the_switch_moves_clients_and_a_pair_with_it_is_wrong_only_when_both_sides_count_as_dead(explain):
    """Thrown, the standby is answered; thrown for the side that lives, AWS answers the primary, and the line says so."""
    code, document = explain(with_a_switch, "--all")
    switches = [each for each in document["things"] if each.startswith("check ")]
    assert (code, len(switches), len(document["situations"])) == (1, 2, 2**4)
    by_failed = {tuple(one["failed"]): one for one in document["situations"]}
    answers = {failed[0]: one["outcomes"][0]["endpoints"][0] for failed, one in by_failed.items() if len(failed) == 1}
    assert sorted(answers[each] for each in switches) == sorted([THREE["eu-central-1"], THREE["eu-west-1"]])
    assert {fault["rule"] for fault in wrong(document)} == {Rule.BOTH_UNHEALTHY.name}
    for one in document["situations"]:
        assert not one["faults"] or any(each in one["failed"] for each in switches)


@mock_aws
def test_the_same_zone_read_from_route_53_gives_the_same_answers(explain, pulumi_loop, capsys, monkeypatch):
    """What is declared, made in a cloud and read back page by page is explained as what was declared."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    _, declared = explain(three_regions, "--all")
    zone = declared_zone(three_regions, pulumi_loop)
    route53 = boto3.client("route53", region_name="us-east-1")
    id_ = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    made = {
        check["Id"]: route53.create_health_check(
            CallerReference=check["Id"], HealthCheckConfig=check["HealthCheckConfig"]
        )
        for check in zone["HealthChecks"]
    }
    for record in zone["ResourceRecordSets"]:
        if "HealthCheckId" in record:
            record["HealthCheckId"] = made[record["HealthCheckId"]]["HealthCheck"]["Id"]
        change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=id_, ChangeBatch=change)
    assert cli.main(["dns", "explain", "--name", NAME, "--all", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)

    def answers(document: dict[str, Any]) -> list[Any]:
        return [
            (one["client"], one["failed"], [each["endpoints"] for each in one["outcomes"]])
            for one in document["situations"]
        ]

    assert answers(read) == answers(declared)
