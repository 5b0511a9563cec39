"""The database in the environment's file: one line per mistake in the file's own words, and a password that never shows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from pulumi_seawall import DatabasePlan
from seawall.errors import InvalidInput, ObjectiveNotMet, SeawallError
from stacks.data import plan_data, planned_database
from stacks.environment import Environment, parse_environment
from stacks.notifications import plan_topics
from stacks.workload import plan_topology

ROOT = Path(__file__).resolve().parents[2]
KEY = "seawall:database_password"
PASSWORD = "correct-horse-battery"
Config = dict[str, Any]


@pytest.fixture
def config(pulumi_loop: object) -> Config:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    return {**config, KEY: PASSWORD}


def parsed(config: Config, *, secrets: tuple[str, ...] = (KEY,)) -> Environment:
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack="dev", secrets=secrets)


def planned(config: Config) -> DatabasePlan | None:
    environment = parsed(config)
    plan_topics(environment)
    return plan_data(environment)


def database(**changes: Any) -> Callable[[Config], None]:
    return lambda config: config["seawall:database"].update(changes)


def member(position: int, /, **changes: Any) -> Callable[[Config], None]:
    return lambda config: config["seawall:database"]["members"][position].update(changes)


def test_the_dev_database_is_planned_with_its_roles_and_predictions(config: Config) -> None:
    """What the file says arrives at the component: who writes, the network, the objectives with their exceptions."""
    plan = plan_data(parsed(config))
    assert plan is not None
    assert [(one.name, one.writes) for one in plan.members] == [("ap-northeast-1", True), ("us-west-2", False)]
    assert plan.deletion_protection is False
    assert {prediction.failure_class.value for prediction in plan.predictions} >= {
        "writer",
        "zone",
        "region",
        "corruption",
    }
    assert plan.warnings, "assumed terms never pass silently"


def test_the_topology_names_every_member_and_the_writer(config: Config) -> None:
    """What is planned is what a failover's live document is held against."""
    environment = parsed(config)
    plan = plan_data(environment)
    assert plan is not None
    topology = plan_topology(environment, planned_database(environment, plan))
    assert topology.database is not None
    assert topology.database.writer == "ap-northeast-1"
    assert [one.region for one in topology.database.members] == ["ap-northeast-1", "us-west-2"]


def test_an_environment_without_a_database_needs_no_password(config: Config) -> None:
    """A service without state is a service as well."""
    del config["seawall:database"], config[KEY]
    assert plan_data(parsed(config)) is None


BAD: dict[str, tuple[Callable[[Config], object], str]] = {
    "unknown key": (
        database(engine_verson="17"),
        "seawall:database.engine_verson = 17: no such key; did you mean engine_version?",
    ),
    "unknown key of a member": (
        member(1, instance_clas="db.t4g.medium"),
        "seawall:database.members[1].instance_clas = db.t4g.medium: no such key; did you mean instance_class?",
    ),
    "aurora": (database(engine="aurora-postgresql"), "seawall:database.engine = aurora-postgresql: "),
    "region outside the environment": (
        member(1, region="eu-west-1"),
        "seawall:database.members[1].region = eu-west-1: one of ap-northeast-1, us-west-2",
    ),
    "unknown writer": (database(writer="us-west-1"), "seawall:database.writer = us-west-1: "),
    "no retention": (database(backup_retention_days=0), "seawall:database.backup_retention_days = 0: "),
    "network that is none": (
        member(0, network={"cidr": "10.10.0.0", "zones": ["ap-northeast-1a"]}),
        "network.cidr = 10.10.0.0: ",
    ),
    "one zone": (
        member(0, network={"cidr": "10.10.0.0/16", "zones": ["ap-northeast-1a"]}),
        "network.zones = ap-northeast-1a: 2 to 16 zones",
    ),
    "network beside a VPC": (
        member(0, vpc_id="vpc-0123456789abcdef0"),
        "seawall:database.members.ap-northeast-1.vpc_id = vpc-0123456789abcdef0: not beside network",
    ),
    "key of another region": (
        member(1, kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"),
        "seawall:database.members[1].kms_key_arn = ",
    ),
    "no password": (lambda config: config.pop(KEY), "seawall:database_password is missing: pulumi config set --secret"),
    "password without a database": (
        lambda config: config.pop("seawall:database"),
        "seawall:database_password = (secret): no such key without seawall:database",
    ),
    "password that RDS refuses": (
        lambda config: config.update({KEY: "a/b@c"}),
        "seawall:database_password = (secret): ",
    ),
    "objective that replication cannot meet": (
        lambda config: config["seawall:objectives"].update(recovery_point_seconds=0),
        "seawall:objectives.recovery_point_seconds = 0.0: above 0 seconds, because replicas across regions are async",
    ),
    "topic of another region": (
        lambda config: config.update({
            "seawall:alarms": {"topic_arns": {"us-west-2": "arn:aws:sns:us-east-1:123456789012:alarms"}}
        }),
        "seawall:alarms.topic_arns.us-west-2 = arn:aws:sns:us-east-1:123456789012:alarms: a topic in us-west-2",
    ),
    "topic of a region without alarms": (
        lambda config: config.update({
            "seawall:alarms": {"topic_arns": {"eu-west-1": "arn:aws:sns:eu-west-1:123456789012:alarms"}}
        }),
        "seawall:alarms.topic_arns.eu-west-1 = arn:aws:sns:eu-west-1:123456789012:alarms: a region of the database",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_gets_one_line_and_never_the_password(what: str, config: Config) -> None:
    """One line that a tired person can act on; what is secret stays so in the line, too."""
    edit, line = BAD[what]
    edit(config)
    with pytest.raises((InvalidInput, ObjectiveNotMet)) as caught:
        planned(config)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "secrets", "line"),
    [
        (lambda config: None, (), "seawall:database_password = (secret): a secret: pulumi config set --secret"),
        (
            lambda config: config.update({"seawall:databse_password": PASSWORD}),
            (KEY, "seawall:databse_password"),
            "seawall:databse_password = (secret): plain; only seawall:database_password is kept as a secret",
        ),
        (lambda config: None, (KEY, "seawall:database"), "seawall:database = (secret): plain"),
    ],
)
def test_a_secret_stands_under_one_key_and_is_one_there(
    edit: Callable[[Config], object], secrets: tuple[str, ...], line: str, config: Config
) -> None:
    """A password in plain text, or under a misspelled key, is found before any message could show it."""
    edit(config)
    with pytest.raises(InvalidInput) as caught:
        parsed(config, secrets=secrets)
    assert str(caught.value).startswith(line)
    assert PASSWORD not in str(caught.value)


def test_the_password_is_in_no_text_of_the_environment(config: Config) -> None:
    """An environment that is logged by mistake gives nothing away."""
    environment = parsed(config)
    assert environment.database_password is not None
    assert PASSWORD not in repr(environment)
    assert PASSWORD not in str(environment.model_dump())
    assert PASSWORD not in environment.model_dump_json()


def test_the_password_reaches_the_component_as_a_secret(config: Config, pulumi_loop: Any) -> None:
    """The engine encrypts in its state only what was marked as secret."""
    plan = plan_data(parsed(config))
    assert plan is not None
    assert isinstance(plan.password, pulumi.Output)
    assert pulumi_loop.run_until_complete(plan.password.is_secret()) is True


def test_errors_are_ours(config: Config) -> None:
    """The program turns what is ours into one line without a traceback, and only that."""
    database(storage_gib="many")(config)
    with pytest.raises(SeawallError, match=r"seawall:database\.storage_gib = many"):
        parsed(config)
