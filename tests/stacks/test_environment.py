"""The configuration file: what it may say, and the one line that each mistake gets before anything is registered."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from seawall.errors import InvalidInput, ObjectiveNotMet, SeawallError
from stacks import program
from stacks.edge import plan_edge
from stacks.environment import Environment, InvalidEnvironment, parse_environment
from stacks.settings import Role

ROOT = Path(__file__).resolve().parents[2]
Config = dict[str, Any]


PASSWORD = "seawall:database_password"


def file_of(stack: str) -> Config:
    """A committed file as the engine hands it over: with the secret in the clear."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {**config, PASSWORD: "correct-horse-battery"}


def as_engine(config: Config) -> dict[str, str]:
    """Configuration as the engine hands it to a program: text, and JSON for what is structured."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def parsed(config: Config, stack: str = "dev") -> Environment:
    return parse_environment(as_engine(config), stack=stack, secrets=[PASSWORD])


@pytest.fixture
def config() -> Config:
    return copy.deepcopy(file_of("dev"))


def test_the_environment_carries_what_the_file_says(config: Config) -> None:
    """Reading must not lose or bend a value on the way to the components."""
    environment = parsed(config)
    assert environment.service == "shop"
    assert environment.environment == "dev"
    assert environment.protect is False
    assert environment.primary.name == "ap-northeast-1"
    assert environment.standby.role is Role.STANDBY
    assert environment.standby.addresses == ("198.51.100.10",)
    assert environment.dns.ttl_seconds == 30
    assert environment.objectives.checked().recovery_time_seconds == 120


def region(position: int, /, **changes: Any) -> Callable[[Config], None]:
    return lambda config: config["seawall:regions"][position].update(changes)


def section(name: str, /, **changes: Any) -> Callable[[Config], None]:
    return lambda config: config[f"seawall:{name}"].update(changes)


def without(name: str, key: str) -> Callable[[Config], None]:
    return lambda config: config[f"seawall:{name}"].pop(key)


def key(name: str, value: Any) -> Callable[[Config], None]:
    return lambda config: config.update({f"seawall:{name}": value})


def only_primary(config: Config) -> None:
    config["seawall:regions"].pop()


def no_addresses(config: Config) -> None:
    config["seawall:regions"][0].pop("addresses")


BAD: dict[str, tuple[Callable[[Config], object], str]] = {
    "an arbiter that may fail over": (
        key("arbiter", {"region": "us-west-2"}),
        "seawall:arbiter.region = us-west-2: a region other than ap-northeast-1, us-west-2, because it has to be reached",
    ),
    "an arbiter that AWS lacks": (
        key("arbiter", {"region": "eu-nort-1"}),
        "seawall:arbiter.region = eu-nort-1: an AWS region; did you mean eu-north-1?",
    ),
    "an arbiter without a region": (key("arbiter", {}), "seawall:arbiter.region is missing: required"),
    "interval": (
        section("health_check", interval_seconds=15),
        "seawall:health_check.interval_seconds = 15: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "threshold": (
        section("health_check", failure_threshold=0),
        "seawall:health_check.failure_threshold = 0: 1 to 10 checks, because Route 53 offers no other threshold",
    ),
    "path": (section("health_check", path="livez"), "seawall:health_check.path = livez: "),
    "few checkers": (
        section("health_check", checker_regions=["us-east-1", "eu-west-1"]),
        "seawall:health_check.checker_regions = ",
    ),
    "ttl that the objective cannot afford": (
        lambda config: (section("dns", ttl_seconds=55)(config), section("objectives", recovery_time_seconds=90)(config)),
        "seawall:dns.ttl_seconds = 55: at most 16, because recovery_time_seconds = 90 leaves 16 after ",
    ),
    "ttl above what failover should have": (section("dns", ttl_seconds=3600), "seawall:dns.ttl_seconds = 3600: at most "),
    "objective that no ttl can meet": (section("objectives", recovery_time_seconds=20), "recovery_time_seconds = 20: at least "),
    "probing the failover name": (
        region(0, regional_name="Shop.Seawall.Test."),
        "seawall:regions[0].regional_name = ",
    ),
    "two primaries": (
        region(1, role="primary"),
        "seawall:regions with role primary = ap-northeast-1, us-west-2: exactly one region",
    ),
    "no secondary": (only_primary, "seawall:regions with role standby = none: exactly one region"),
    "a region twice": (
        region(1, name="ap-northeast-1"),
        "seawall:regions = ap-northeast-1, ap-northeast-1: each region once, but ap-northeast-1 stands twice",
    ),
    "unknown region": (region(1, name="us-wset-2"), "seawall:regions[1].name = us-wset-2: "),
    "role": (region(1, role="secondary"), "seawall:regions[1].role = secondary: one of 'primary', 'standby' or 'reader'"),
    "a reader that is answered": (
        lambda config: config["seawall:regions"].append({"name": "eu-west-1", "role": "reader", "addresses": ["192.0.2.1"]}),
        "seawall:regions[2].addresses = ('192.0.2.1',): no such key for a reader, because eu-west-1 takes no part in the failover name",
    ),
    "epoch": (key("epoch", "-1"), "seawall:epoch = -1: greater than or equal to 0"),
    "neither address nor load balancer": (no_addresses, "seawall:regions[0].target is missing: exactly one"),
    "key at the top": (key("servise", "shop"), "seawall:servise = shop: no such key; did you mean service?"),
    "key in a section": (section("dns", tll_seconds=30), "seawall:dns.tll_seconds = 30: no such key; did you mean ttl_seconds?"),
    "key in a list": (region(1, adresses=["1.2.3.4"]), "seawall:regions[1].adresses = ['1.2.3.4']: no such key; did you mean addresses?"),
    "key unlike any": (key("alarms", {"zzz": 1}), "seawall:alarms.zzz = 1: no such key; there are topic_arn, topic_arns, emails"),
    "missing key": (without("dns", "name"), "seawall:dns.name is missing: required"),
    "service name": (key("service", "Shop_1"), "seawall:service = Shop_1: 2 to 32 lower-case letters"),
    "objective out of range": (section("objectives", availability=99.9), "availability = 99.9: a ratio above 0 and below 1"),
    "section that is none": (key("dns", "shop"), "seawall:dns = shop: "),
    "environment": (key("environment", "prod"), "seawall:environment = prod: not a key: the stack's name is used"),
    "protocol": (section("health_check", protocol="UDP"), "seawall:health_check.protocol = UDP: one of 'HTTP', 'HTTPS' or 'TCP'"),
    "name outside its zone": (section("dns", name="shop.elsewhere.test"), "seawall:dns.name = shop.elsewhere.test: "),
    "records called alike": (
        section("dns", set_identifiers={"primary": "secondary"}),
        "seawall:dns.set_identifiers.secondary = secondary: another than the primary's",
    ),
    "a name for no role": (section("dns", set_identifiers={"standby": "us"}), "seawall:dns.set_identifiers.standby = us: no such key"),
    "a switch without a form": (
        section("dns", switch={}),
        "seawall:dns.switch.form is missing: exactly one of object and routing_control",
    ),
    "a switch with a wrong pace": (
        section("dns", switch={"object": {"interval_seconds": 20}}),
        "seawall:dns.switch.object.interval_seconds = 20: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "key in a switch": (
        section("dns", switch={"objekt": {}}),
        "seawall:dns.switch.objekt = {}: no such key; did you mean object?",
    ),
    "adoption of what does not exist": (section("dns", import_ids={"primry_a": "Z_a_A_primary"}), "seawall:dns.import_ids.primry_a = "),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_gets_one_line_with_key_value_and_what_is_allowed(what: str, config: Config) -> None:
    """One line that a tired person can act on, in the words of the file that they have open."""
    edit, line = BAD[what]
    edit(config)
    with pytest.raises((InvalidInput, ObjectiveNotMet)) as caught:
        plan_edge(parsed(config))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


INSIDE: dict[str, Callable[[Config], object]] = {
    "a reader beside the pair": lambda config: config["seawall:regions"].append(
        {"name": "eu-west-1", "role": "reader"}
    ),
    "epoch as the engine writes it": key("epoch", "3"),
    "interval 30": lambda config: (
        section("health_check", interval_seconds=30)(config),
        section("objectives", recovery_time_seconds=190)(config),
    ),
    "threshold 1": section("health_check", failure_threshold=1),
    "three checkers": section("health_check", checker_regions=["us-east-1", "eu-west-1", "sa-east-1"]),
    "the largest ttl that is affordable": lambda config: (
        section("dns", ttl_seconds=16)(config),
        section("objectives", recovery_time_seconds=90)(config),
    ),
    "tcp without a path": lambda config: (
        section("health_check", protocol="TCP", port=443)(config),
        without("health_check", "path")(config),
    ),
    "records called after regions": section("dns", set_identifiers={"primary": "tokyo", "secondary": "oregon"}),
    "protect as the engine writes it": key("protect", "true"),
}


@pytest.mark.parametrize("what", INSIDE)
def test_just_inside_each_limit_is_allowed(what: str, config: Config) -> None:
    """A limit that is off by one refuses somebody's good configuration."""
    INSIDE[what](config)
    plan_edge(parsed(config))


def test_several_mistakes_get_a_line_each(config: Config) -> None:
    """Three mistakes must not cost three runs."""
    section("dns", tll_seconds=30)(config)
    region(0, role="leader")(config)
    key("servise", "shop")(config)
    with pytest.raises(InvalidEnvironment) as caught:
        parsed(config)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems) == 3


class Recorder(mocks.Mocks):
    """Records what a program registers."""

    def __init__(self) -> None:
        self.resources: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.resources.append(args)
        return f"{args.name}-id", {
            **args.inputs,
            "arn": f"arn:aws:sns:us-east-1:123456789012:{args.name}",
            "zoneId": "Z1",
        }

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {"id": "x", "names": [], "values": [], "arns": [], "types": []}, []


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("stack", sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")))
def test_each_committed_environment_is_valid_and_meets_its_objectives(stack: str) -> None:
    """A committed environment that is refused would be found by whoever deploys it, at the worst time."""
    pulumi.runtime.set_mocks(Recorder(), project="seawall", stack=stack, preview=False)
    environment = parsed(file_of(stack), stack)
    program.check(environment)
    plan = plan_edge(environment)
    pair = {region["name"] for region in file_of(stack)["seawall:regions"] if region["role"] != "reader"}
    assert {side.region for side in plan.sides} == pair


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("what", BAD)
def test_nothing_is_registered_when_the_file_is_wrong(what: str, config: Config) -> None:
    """A half-registered program is a half-deleted environment on the next run."""
    edit, _ = BAD[what]
    edit(config)
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="seawall", stack="dev", preview=False)
    pulumi.runtime.set_all_config(as_engine(config), [PASSWORD])
    with pytest.raises(pulumi.RunError) as caught:
        program.declare()
    assert isinstance(caught.value.__cause__, SeawallError)
    assert type(caught.value.__cause__).__name__ in str(caught.value)
    assert recorder.resources == []
