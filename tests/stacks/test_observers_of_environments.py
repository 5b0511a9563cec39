"""Observers of an environment: what the files say, what is declared, and the line that each mistake gets."""

from typing import Any

import pytest
from pulumi.runtime import mocks

from localcloud import mocked
from pulumi_seawall import FailoverSettingsArgs, ObserversPlan
from seawall.errors import InvalidInput, SeawallError
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.settings import parse_settings
from stack_files import file_of, parsed
from stacks.arbiter import plan_arbiter
from stacks.edge import plan_edge
from stacks.observer_settings import FailoverSettings
from stacks.observers import plan_observers
from stacks.workload import plan_topology

OBSERVERS = "seawall:observers"
IDENTITY = "seawall:identity"
EVERYWHERE = {"ap-northeast-1": "shop", "us-west-2": "shop"}


@pytest.fixture(autouse=True)
def project(pulumi_loop: object) -> None:
    """Names of tables follow from the project's and the stack's."""
    mocks.set_mocks(mocked.Recorder(), project="seawall", stack="dev", preview=False)


def plan_of(config: dict[str, Any], stack: str = "dev") -> ObserversPlan:
    environment = parsed(config, stack)
    plan = plan_observers(environment, plan_edge(environment), plan_arbiter(environment))
    assert plan is not None
    return plan


def file_with(stack: str = "dev", **changes: Any) -> dict[str, Any]:
    """A committed file with changed keys of the section."""
    config = file_of(stack)
    config[OBSERVERS] = {**config[OBSERVERS], **changes}
    return config


def acting(**changes: Any) -> dict[str, Any]:
    """The dev environment with observers that fail over by themselves."""
    config = file_with(act=True, settings={"references": ["dynamodb.{domain}.amazonaws.com:443"]}, **changes)
    config[IDENTITY]["operator"]["clusters"] = EVERYWHERE
    return config


def test_the_section_has_every_key_of_the_failovers_settings():
    """But for the arbiter, which the file names once for everybody."""
    keys = FailoverSettingsArgs.__required_keys__ | FailoverSettingsArgs.__optional_keys__
    assert set(FailoverSettings.model_fields) | {"arbiter"} == keys


@pytest.mark.parametrize(
    ("stack", "domains", "elsewhere"),
    [
        ("dev", ("ap-northeast-1", "us-west-2", "eu-north-1"), ("eu-north-1",)),
        ("prod", ("eu-west-1", "eu-central-1", "us-east-1"), ()),
    ],
)
def test_both_files_have_three_voices_and_vote_where_nothing_fails_over(stack, domains, elsewhere):
    """The arbiter's region has one where there are only two clusters: somebody else has to run an observer there."""
    config = file_of(stack)
    arbiter = config["seawall:arbiter"]["region"]
    plan = plan_of(config, stack)
    assert (plan.settings.domains, plan.elsewhere) == (domains, elsewhere)
    assert plan.settings.arbiter == arbiter
    assert str(plan.settings.content["board"]) == f"dynamodb://{arbiter}/seawall-dev-shop-{stack}-arbiter-board"
    assert {reach.namespace for reach in plan.clusters.values()} == {"shop"}
    assert plan.account == "shop-observer"
    assert not plan.act


def test_an_environment_without_the_section_watches_nothing():
    """Whoever runs observers elsewhere goes on."""
    config = file_of("dev")
    del config[OBSERVERS]
    environment = parsed(config)
    assert plan_observers(environment, plan_edge(environment)) is None


def test_tables_of_somebody_else_are_those_that_the_roles_are_for():
    """One place names them; what stands in the section itself counts before all."""
    config = file_of("dev")
    config["seawall:arbiter"] = {"region": "eu-north-1"}
    config[IDENTITY]["tables"] = {"board": "votes", "leases": "leases", "cluster": "the-shop"}
    content = plan_of(config).settings.content
    assert (content["cluster"], content["board"]) == ("the-shop", "dynamodb://eu-north-1/votes")
    assert content["leases"] == "dynamodb://eu-north-1/leases"
    assert "journals" not in content
    config[OBSERVERS]["settings"]["board"] = {"table": "other-votes", "region": "sa-east-1"}
    assert plan_of(config).settings.content["board"] == "dynamodb://sa-east-1/other-votes"


def test_observers_that_act_have_the_operators_role_and_throw_the_names_switch():
    """Both from the rest of the file."""
    plan = plan_of(acting())
    assert (plan.act, plan.account, plan.name) == (True, "shop-operator", "shop-operator")
    assert set(plan.settings.content["switch"]) == {"ap-northeast-1", "us-west-2"}
    assert plan.warnings == ()


def test_a_switch_that_is_named_is_left_alone():
    """It may be one that another stack declares."""
    config = file_of("dev")
    named = {"ap-northeast-1": "s3://one/off", "us-west-2": "s3://two/off"}
    config[OBSERVERS]["settings"]["switch"] = named
    assert plan_of(config).settings.content["switch"] == named


def with_controls(**control: Any) -> dict[str, Any]:
    """Observers that act, beside routing controls."""
    config = acting()
    config["seawall:dns"]["switch"] = {"routing_control": control}
    return config


def test_routing_controls_are_thrown_at_the_endpoints_that_the_file_knows():
    """Of a cluster that is there already."""
    regions = ("ap-northeast-1", "ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2")
    endpoints = {region: f"https://{region}.example.com/v1" for region in regions}
    cluster = "arn:aws:route53-recovery-control::123456789012:cluster/11111111-2222-3333-4444-555555555555"
    content = plan_of(with_controls(cluster_arn=cluster, cluster_endpoints=endpoints)).settings.content
    assert content["switch_endpoints"] == endpoints
    assert set(content["switch"]) == {"ap-northeast-1", "us-west-2"}


def test_whose_endpoints_nobody_knows_is_refused_to_those_who_act():
    """They would move the database, and not the name."""
    with pytest.raises(InvalidInput) as caught:
        plan_of(with_controls())
    assert str(caught.value) == (
        "seawall:observers.settings.switch is missing: required with act, beside switch_endpoints, because seawall:dns.switch "
        "declares the cluster of its routing controls, whose endpoints the file does not know"
    )
    watching = with_controls()
    del watching[OBSERVERS]["act"]
    assert "switch" not in plan_of(watching).settings.content


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_is_rendered_is_read_by_the_command(stack):
    """One file in every cluster, of the switch's real buckets, with which an observer of each region starts."""
    found = mocked.manifests(mocked.declare_environment(stack))
    maps = {
        name: made
        for name, made in found.items()
        if made["kind"] == "ConfigMap" and made["metadata"]["name"] == "shop-observer"
    }
    regions = [region["name"] for region in file_of(stack)["seawall:regions"] if "cluster" in region]
    assert len(maps) == len(regions)
    (text,) = {made["data"]["failover.yaml"] for made in maps.values()}
    settings = parse_settings(text)
    environment = parsed(file_of(stack), stack)
    settings.refuse_inside(plan_topology(environment, None))
    assert isinstance(settings.policy, Policy)
    for region in regions:
        settings.policy.check_domain(region)
    assert settings.board_table is not None
    assert {each.split("/")[2] for each in settings.operating.switch.values()} == {
        f"shop-{stack}-switch-{environment.primary.name}",
        f"shop-{stack}-switch-{environment.standby.name}",
    }


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no image": (
        {"image": None},
        "seawall:observers.image = None: a valid string",
    ),
    "whatever is the latest": (
        {"image": "observer:latest"},
        (
            "seawall:observers.image = observer:latest: an image with a tag other than latest, or with a digest, because the "
            "same text twice is the same observer to Kubernetes"
        ),
    ),
    "a board inside": (
        {"settings": {"references": ["example.com"], "board": {"table": "votes", "region": "us-west-2"}}},
        (
            "seawall:observers.settings.board.region = us-west-2: a region other than ap-northeast-1, us-west-2, because it "
            "has to be reached when any of these is lost or cut off"
        ),
    ),
    "a misspelled key": (
        {"setings": {}},
        "seawall:observers.setings = {}: no such key; did you mean settings?",
    ),
    "no login": (
        {"database": None},
        "seawall:observers.database is missing: required with seawall:database, which they look at",
    ),
    "no right to act": (
        {"act": True, "settings": {"references": ["example.com"]}},
        (
            "seawall:identity.operator.clusters is missing: with ap-northeast-1, because the pods of seawall:observers there "
            "need its role"
        ),
    ),
    "another service account": (
        {"service_account": "watcher"},
        (
            "seawall:observers.service_account = watcher: shop-observer, because seawall:identity.observer gives its role to "
            "that one"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_in_the_file_is_one_line_that_names_its_key(case):
    """The name is that of the key in the file, not that of a component's argument."""
    changes, line = BAD[case]
    with pytest.raises(SeawallError) as caught:
        plan_of(file_with(**changes))
    assert str(caught.value) == line


def without(*keys: str) -> dict[str, Any]:
    config = file_of("dev")
    for key in keys:
        del config[key]
    return config


def test_observers_without_an_arbiter_are_refused():
    """They would vote and read where it is lost."""
    with pytest.raises(InvalidInput) as caught:
        plan_of(without("seawall:arbiter"))
    assert str(caught.value) == (
        "seawall:arbiter is missing: required with seawall:observers, because observers follow the live document that counts, "
        "and vote outside of what may fail over"
    )


def test_a_database_that_observers_do_not_speak_to_is_refused():
    """Their process would end at once."""
    config = file_of("dev")
    config["seawall:database"] |= {"engine": "mysql", "engine_version": "8.4"}
    with pytest.raises(InvalidInput, match=r"seawall:database\.engine = mysql: postgres, with seawall:observers"):
        plan_of(config)
    config = without("seawall:database", "seawall:backups")
    with pytest.raises(InvalidInput, match=r"seawall:observers\.database = given: only with seawall:database"):
        plan_of(config)


def test_a_cluster_without_the_role_is_named():
    """Its pods would be denied the board, and start again and again."""
    config = file_of("dev")
    config[IDENTITY]["observer"]["clusters"] = {"us-west-2": "shop"}
    with pytest.raises(InvalidInput) as caught:
        plan_of(config)
    assert str(caught.value) == (
        "seawall:identity.observer.clusters = us-west-2: with ap-northeast-1, because the pods of seawall:observers there need "
        "its role"
    )


def test_without_roles_in_the_file_they_are_somebody_elses():
    """Then nothing is known of them, and the account has the usual name."""
    plan = plan_of(without(IDENTITY))
    assert plan.account == "shop-observer"
