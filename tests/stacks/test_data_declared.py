"""What an environment's database registers, and what it tells the world: run under Pulumi's mocks."""

import copy
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from stacks.data import declare_data, plan_data
from stacks.environment import Environment, parse_environment

ROOT = Path(__file__).resolve().parents[2]
KEY = "seawall:database_password"
PASSWORD = "correct-horse-battery"
TOPICS = {
    "ap-northeast-1": "arn:aws:sns:ap-northeast-1:123456789012:alarms",
    "us-west-2": "arn:aws:sns:us-west-2:123456789012:alarms",
}


class Recorder(mocks.Mocks):
    """Keeps what was asked for; answers as RDS and EC2 do."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the database calls no functions, but {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.made[f"{kind}::{args.name}"] = args.inputs
        prefix = {"Vpc": "vpc", "Subnet": "subnet", "SecurityGroup": "sg"}.get(kind, kind)
        told = {"arn": f"arn:aws:mock:::{args.name}"}
        if kind == "Instance":
            told["address"] = f"{args.name}.rds.amazonaws.com"
        return f"{prefix}-{args.name}", {**args.inputs, **told}


@pytest.fixture
def environment() -> Environment:
    config = copy.deepcopy(yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"])
    config[KEY] = PASSWORD
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack="dev", secrets=(KEY,))


@pytest.fixture
def declared(environment: Environment, pulumi_loop: object) -> tuple[Recorder, dict[str, Any]]:
    """What was registered, and the outputs."""
    recorder = Recorder()
    mocks.set_mocks(recorder, project="seawall", stack="dev", preview=False)
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        data = declare_data(environment, plan_data(environment), TOPICS, pulumi.ResourceOptions(protect=False))
        assert data is not None
        return pulumi.Output.all(**data.outputs).apply(lambda known: outputs.update(copy.deepcopy(known)))

    main()
    return recorder, outputs


def test_each_member_gets_a_private_network_of_its_region(declared: tuple[Recorder, dict[str, Any]]) -> None:
    """Who has no network gets one without a way to the internet, in two zones, as RDS wants."""
    made = declared[0].made
    vpc = made["Vpc::shop-dev-us-west-2"]
    assert (vpc["region"], vpc["cidrBlock"], vpc["enableDnsHostnames"], vpc["enableDnsSupport"]) == (
        "us-west-2",
        "10.20.0.0/16",
        True,
        True,
    )
    subnets = [inputs for name, inputs in made.items() if name.startswith("Subnet::shop-dev-us-west-2-")]
    assert {subnet["availabilityZone"] for subnet in subnets} == {"us-west-2a", "us-west-2b"}
    assert {subnet["vpcId"] for subnet in subnets} == {"vpc-shop-dev-us-west-2"}
    assert not any(subnet["mapPublicIpOnLaunch"] for subnet in subnets)
    group = made["SecurityGroup::shop-dev-us-west-2"]
    assert (group["vpcId"], group["ingress"][0]["cidrBlocks"]) == ("vpc-shop-dev-us-west-2", ["10.20.0.0/16"])


def test_the_environments_protection_and_epoch_reach_the_database(declared: tuple[Recorder, dict[str, Any]]) -> None:
    """The dev environment must be destroyed and made again without leaving anything behind."""
    instance = declared[0].made["Instance::shop-dev-ap-northeast-1"]
    assert (instance["deletionProtection"], instance["skipFinalSnapshot"]) == (False, True)
    assert instance["deleteAutomatedBackups"] is True
    assert instance["tags"]["seawall:environment"] == "dev"


def test_alarms_notify_the_topic_of_their_own_region(declared: tuple[Recorder, dict[str, Any]]) -> None:
    """An alarm cannot notify a topic elsewhere."""
    alarms = {name: inputs for name, inputs in declared[0].made.items() if name.startswith("MetricAlarm::")}
    assert alarms
    assert all(inputs["alarmActions"] == [TOPICS[inputs["region"]]] for inputs in alarms.values())


def test_outputs_name_the_writer_and_every_member_and_no_secret(declared: tuple[Recorder, dict[str, Any]]) -> None:
    """They are what a verification holds against the cloud, and they end in logs."""
    outputs = declared[1]
    assert outputs["writer_host"] == "db.shop.internal"
    assert outputs["database"] == {
        "writer": "ap-northeast-1",
        "members": [
            {"name": name, "region": name, "identifier": f"seawall-dev-shop-dev-{name}"}
            for name in ("ap-northeast-1", "us-west-2")
        ],
    }
    assert PASSWORD not in json.dumps(outputs)


def test_an_environment_without_a_database_declares_none(environment: Environment) -> None:
    """The section is optional."""
    without = environment.model_copy(update={"database": None, "database_password": None})
    assert declare_data(without, plan_data(without), {}, pulumi.ResourceOptions()) is None
