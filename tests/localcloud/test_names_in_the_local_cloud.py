"""The names of both environments in the local cloud: created, read back as claimed, unchanged, changed, destroyed."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from localcloud.findings import Finding
from localcloud.provider.recorded import recorded
from localcloud.verify_names import names
from plugin_engine import PluginEngine
from stacks.edge import declare_edge, plan_edge
from stacks.environment import Environment, parse_environment
from stacks.program import joined
from stacks.reads import declare_reads, plan_reads

pytestmark = pytest.mark.xdist_group("provider")

ROOT = Path(__file__).resolve().parents[2]
KEY = "seawall:database_password"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


def environment_of(stack: str, edit: Callable[[dict[str, Any]], object] = lambda _: None) -> Environment:
    """The committed file, changed; with a zone of its own, since the local cloud has no other."""
    config = copy.deepcopy(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"])
    config["seawall:dns"].pop("zone_id", None)
    config[KEY] = "correct-horse-battery"
    edit(config)
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=(KEY,))


class Account:
    """The local cloud as one environment's account."""

    def __init__(self, engine: PluginEngine, endpoint: str) -> None:
        self.engine = engine
        self.endpoint = endpoint
        self.session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
        self.outputs: dict[str, Any] = {}

    def declare(self, environment: Environment) -> None:
        """Register the environment's names, and keep what the program says of them."""
        mocks.set_mocks(self.engine, project="seawall", stack=environment.environment, preview=False)

        @pulumi.runtime.test
        def main() -> pulumi.Output[None]:
            pair = plan_edge(environment)
            plan = plan_reads(environment, pair)
            options = pulumi.ResourceOptions()
            edge = declare_edge(environment, pair, TOPIC, options)
            reads = declare_reads(environment, plan, pair, edge, TOPIC, options)
            parts = joined(edge.outputs, *([reads.outputs] if reads else []))
            return pulumi.Output.from_input(parts).apply(lambda known: self.outputs.update(known))

        main()

    def findings(self) -> list[Finding]:
        """What reading back finds."""
        return list(names(self.session, self.endpoint, self.outputs, self.engine.recorded))

    def differences(self) -> dict[str, tuple[str, ...]]:
        """What is not as claimed, by its name."""
        return {f"{one.kind} {one.name}": one.differences for one in self.findings() if one.differences}


@pytest.fixture
def account(local_clients: Any, aws_endpoint: str, tmp_path: Path, pulumi_loop: object) -> Any:
    engine = PluginEngine(local_clients.recording_into(tmp_path), tmp_path)
    try:
        yield Account(engine, aws_endpoint)
        engine.destroy()
        assert recorded(engine.recorded) == []
    finally:
        engine.close()


def by_routing_control(config: dict[str, Any]) -> None:
    config["seawall:dns"]["switch"] = {"routing_control": {}}


@pytest.mark.parametrize(
    ("stack", "edit", "kinds"),
    [
        ("dev", by_routing_control, {"record": 4, "health check": 6, "alarm": 5, "switch": 2}),
        ("prod", lambda _: None, {"record": 16, "health check": 7, "alarm": 6, "switch": 2}),
    ],
)
def test_an_environments_names_are_created_as_claimed_and_a_second_run_changes_nothing(
    account: Any, stack: str, edit: Any, kinds: dict[str, int]
) -> None:
    """Every record, check, alarm and switch is read back from the cloud's own API and compared with the program's claim."""
    account.declare(environment_of(stack, edit))
    assert account.differences() == {}
    found = [one.kind for one in account.findings()]
    assert {kind: found.count(kind) for kind in kinds} == kinds
    assert account.engine.changes() == {}


def test_what_somebody_changed_by_hand_is_found(account: Any) -> None:
    """A check that was turned round, a child that was taken away: each is named, where nothing was before."""
    account.declare(environment_of("dev"))
    assert account.differences() == {}
    assert account.engine.changes() == {}
    route53 = account.session.client("route53", region_name="us-east-1", endpoint_url=account.endpoint)
    checks = {claim["name"]: claim["id"] for claim in account.outputs["health_checks"]}
    route53.update_health_check(HealthCheckId=checks["primary switch"], Inverted=False)
    route53.update_health_check(
        HealthCheckId=checks["primary in service"], ChildHealthChecks=[checks["primary"]], HealthThreshold=1
    )
    assert {name: [line.partition(":")[0] for line in lines] for name, lines in account.differences().items()} == {
        "health check primary switch": ["inverted"],
        "health check primary in service": ["children"],
    }
