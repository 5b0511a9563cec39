"""What an environment's names register, and what it claims of them: run under Pulumi's mocks."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from seawall.errors import InvalidInput
from stacks.edge import declare_edge, plan_edge
from stacks.environment import Environment, parse_environment
from stacks.reads import declare_reads, plan_reads

ROOT = Path(__file__).resolve().parents[2]
KEY = "seawall:database_password"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
Edit = Callable[[dict[str, Any]], object]


class Recorder(mocks.Mocks):
    """Keeps what was asked for; answers as Route 53 and S3 do."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token == "aws:index/getIpRanges:getIpRanges"
        assert args.args["services"] == ["route53_healthchecks"]
        return {"id": "ranges", "cidrBlocks": ["192.0.2.0/24"]}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.made[f"{kind}::{args.name}"] = args.inputs
        told: dict[str, Any] = {"arn": f"arn:aws:mock:::{args.name}", "zoneId": "Z1", "nameServers": []}
        if kind == "Bucket":
            told |= {"bucket": f"b-{args.name}", "bucketRegionalDomainName": f"b-{args.name}.s3.amazonaws.com"}
        return f"{args.name}-id", {**args.inputs, **told}


def environment_of(stack: str, edit: Edit = lambda _: None) -> Environment:
    """The committed file, changed, with a password that is made up."""
    config = copy.deepcopy(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"])
    edit(config)
    config[KEY] = "correct-horse-battery"
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=(KEY,))


@pytest.fixture
def declared(pulumi_loop: object) -> Callable[[Environment], tuple[Recorder, dict[str, Any]]]:
    """Declares an environment's names: what was registered, and the outputs of both parts by name."""

    def declare(environment: Environment) -> tuple[Recorder, dict[str, Any]]:
        recorder, outputs = Recorder(), dict[str, Any]()
        mocks.set_mocks(recorder, project="seawall", stack=environment.environment, preview=False)

        @pulumi.runtime.test
        def main() -> pulumi.Output[None]:
            pair = plan_edge(environment)
            reads_plan = plan_reads(environment, pair)
            options = pulumi.ResourceOptions()
            edge = declare_edge(environment, pair, TOPIC, options)
            reads = declare_reads(environment, reads_plan, pair, edge, TOPIC, options)
            both = {"edge": edge.outputs, "reads": reads.outputs if reads else {}}
            return pulumi.Output.from_input(both).apply(lambda known: outputs.update(known))

        main()
        return recorder, outputs

    return declare


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_declared_record_check_and_alarm_is_claimed_with_its_id(declared, stack):
    """What is not claimed is not read back: a record that nobody wrote would go unnoticed."""
    recorder, outputs = declared(environment_of(stack))
    made = {kind: [n for k, _, n in (key.partition("::") for key in recorder.made) if k == kind] for kind in (
        "Record", "HealthCheck", "MetricAlarm", "CompositeAlarm")}  # fmt: skip
    parts = [outputs["edge"], outputs["reads"]]
    records = [claim for part in parts for claim in part.get("records", [])]
    assert len(records) == len(made["Record"])
    alarms = [claim for part in parts for claim in part.get("alarms", [])]
    assert len(alarms) == len(made["MetricAlarm"]) + len(made["CompositeAlarm"])
    ids = {claim["id"] for part in parts for claim in part.get("health_checks", [])}
    checks = {
        f"{key.partition('::')[2]}-id"
        for key in recorder.made
        if key.startswith("HealthCheck::") and "type" in recorder.made[key]
    }
    assert ids == checks
    watched = {claim["health_check_id"] for claim in alarms} - {None}
    assert watched == {claim for claim in ids if "-switch-" not in claim}, "a switch has no alarm: what counts it has"


def test_prods_reads_go_to_the_nearest_healthy_region_and_obey_the_switch(declared):
    """The pair's regions follow the same checks as in the failover name; the reader has one of its own."""
    recorder, outputs = declared(environment_of("prod"))
    found = {
        name.partition("::")[2]: (inputs["latencyRoutingPolicies"][0]["region"], inputs["healthCheckId"])
        for name, inputs in recorder.made.items()
        if name.startswith("Record::") and "latencyRoutingPolicies" in inputs and inputs["type"] == "A"
    }
    assert found == {
        "shop-prod-reads-eu-west-1-a": ("eu-west-1", "shop-prod-eu-west-1-in-service-id"),
        "shop-prod-reads-eu-central-1-a": ("eu-central-1", "shop-prod-eu-central-1-in-service-id"),
        "shop-prod-reads-us-east-1-a": ("us-east-1", "shop-prod-reads-us-east-1-id"),
    }
    assert recorder.made["HealthCheck::shop-prod-reads-us-east-1"]["fqdn"] == "us-east-1.shop.example.com"
    assert outputs["reads"]["reads_fqdn"] == "reads.shop.example.com"


def test_the_switchs_commands_and_positions_are_exported(declared):
    """`pulumi stack output switch` is what an operator has at three in the morning."""
    _, outputs = declared(environment_of("dev"))
    switch = outputs["edge"]["switch"]
    assert switch["positions"] == [
        {
            "switches_off": off,
            "kept_in": kept,
            "place": f"s3://b-shop-dev-switch-{off}/out-of-service",
        }
        for off, kept in (("ap-northeast-1", "us-west-2"), ("us-west-2", "ap-northeast-1"))
    ]
    assert switch["throw"] == [
        "aws s3api put-object --region us-west-2 --bucket b-shop-dev-switch-ap-northeast-1 --key out-of-service"
    ]


def test_an_environment_without_a_switch_claims_none(declared):
    """Nobody has to have one."""
    recorder, outputs = declared(environment_of("dev", lambda config: config["seawall:dns"].pop("switch")))
    assert outputs["edge"]["switch"] is None
    assert not [name for name in recorder.made if name.startswith("Bucket")]


def reads(config: dict[str, Any], **more: Any) -> None:
    config["seawall:dns"]["reads"] = {"name": "reads.seawall.test", **more}


def with_reader(config: dict[str, Any], **more: Any) -> None:
    config["seawall:regions"].append({"name": "eu-west-1", "role": "reader", **more})
    reads(config)


BAD: dict[str, tuple[Edit, str]] = {
    "a reader without a place": (
        with_reader,
        "seawall:regions[2].target is missing: exactly one of addresses, load_balancer, group and kubernetes",
    ),
    "a ttl of reads": (
        lambda config: reads(config, ttl_seconds=61),
        "seawall:dns.reads.ttl_seconds = 61: at most 46, because recovery_time_seconds = 120 leaves 46 after detection ",
    ),
    "a name for reads outside the zone": (
        lambda config: reads(config, name="reads.elsewhere.test"),
        "seawall:dns.reads.name = reads.elsewhere.test: a name in the zone seawall.test",
    ),
    "a reader's own name twice": (
        lambda config: with_reader(config, addresses=["192.0.2.9"], regional_name="reads.seawall.test"),
        "seawall:regions[2].regional_name = reads.seawall.test: a name of this region alone",
    ),
    "a key of reads": (
        lambda config: reads(config, tll_seconds=30),
        "seawall:dns.reads.tll_seconds = 30: no such key; did you mean ttl_seconds?",
    ),
}


def planned(edit: Edit) -> None:
    """Everything of the edge that is checked before anything is registered."""
    environment = environment_of("dev", edit)
    plan_reads(environment, plan_edge(environment))


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_in_the_name_for_reads_is_named_as_in_the_file(what):
    """The key in the line is the key that somebody has to edit."""
    edit, line = BAD[what]
    with pytest.raises(InvalidInput) as caught:
        planned(edit)
    assert str(caught.value).startswith(line)


def test_a_reader_with_a_place_is_allowed_where_there_is_a_name_for_reads():
    """Just inside: the same reader without `dns.reads` is refused."""
    environment = environment_of("dev", lambda config: with_reader(config, addresses=["192.0.2.9"]))
    plan = plan_reads(environment, plan_edge(environment))
    assert plan is not None
    assert [entry.name for entry in plan.entries] == ["ap-northeast-1", "us-west-2", "eu-west-1"]
