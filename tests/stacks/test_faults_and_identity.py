"""Faults and identities of an environment: what the files say, what is declared, and the line that each mistake gets."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from pulumi_seawall import WorkloadPurpose
from seawall.errors import InvalidInput
from stacks.arbiter import declare_arbiter, plan_arbiter
from stacks.edge import Edge, plan_edge
from stacks.environment import Environment, parse_environment
from stacks.faults import declare_faults, plan_faults
from stacks.identity import READ_THE_LIVE_DOCUMENT, IdentityPlan, declare_identity, plan_identity
from stacks.workload import plan_topology

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "seawall:database_password"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
FAULTS, IDENTITY = "seawall:faults", "seawall:identity"


def file_of(stack: str) -> dict[str, Any]:
    """A committed file, with the secret in the clear."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {**copy.deepcopy(config), PASSWORD: "correct-horse-battery"}


def parsed(config: dict[str, Any], stack: str = "dev") -> Environment:
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=[PASSWORD])


def identity_of(environment: Environment) -> IdentityPlan:
    plan = plan_identity(environment, plan_topology(environment, None), plan_edge(environment))
    assert plan is not None
    return plan


def planned(config: dict[str, Any]) -> None:
    environment = parsed(config)
    plan_faults(environment)
    identity_of(environment)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_files_declare_faults_and_identities(stack: str) -> None:
    """What only one environment uses is never tried before the day that it is needed."""
    environment = parsed(file_of(stack), stack)
    faults, identity = plan_faults(environment), identity_of(environment)
    assert faults
    assert all(plan.healthy_left >= 2 and plan.environment == stack for plan in faults.values())
    assert {WorkloadPurpose.APP, WorkloadPurpose.OPERATOR} <= identity.workloads.keys()
    assert identity.pipeline is not None


def test_an_alarm_by_name_is_one_of_the_experiments_region_and_account() -> None:
    """The environment's own alarms have names that are known; their ARNs nobody wants to write."""
    plan = plan_faults(parsed(file_of("dev")))["stop-instances"]
    assert plan.stop_alarms == (
        "arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:seawall-dev-shop-dev-ap-northeast-1-cpu",
    )


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_arbiters_region_is_in_reach_of_whoever_asks_it(stack: str) -> None:
    """The pods of a release would read copies for ever, and each deployment would warn of a region that it may not ask."""
    identity = identity_of(parsed(file_of(stack), stack))
    region = file_of(stack)["seawall:arbiter"]["region"]
    live = f"arn:aws:ssm:{region}:123456789012:parameter/seawall/shop/{stack}/live"
    for purpose, plan in identity.workloads.items():
        assert (live in str(plan.policy)) == (purpose in READ_THE_LIVE_DOCUMENT)
    assert identity.pipeline is not None
    assert any(region in policy for policy in identity.pipeline.read_policies)


def test_the_operator_reaches_the_databases_and_the_switch_of_the_environment() -> None:
    """Generated from what is declared: a new member is reachable on the day that it exists."""
    config = file_of("dev")
    environment = parsed(config)
    policy = str(identity_of(environment).workloads[WorkloadPurpose.OPERATOR].policy)
    assert "arn:aws:ssm:us-west-2:123456789012:parameter/seawall/shop/dev/live" in policy
    assert "s3:PutObject" in policy
    del config["seawall:dns"]["switch"]
    assert "s3:PutObject" not in str(identity_of(parsed(config)).workloads[WorkloadPurpose.OPERATOR].policy)


def test_a_failovers_tables_are_the_arbiters_and_only_the_services_items_in_them() -> None:
    """Named once: observers vote there, operators take the lease and keep the record there."""
    config = file_of("dev")
    config["seawall:arbiter"] = {"region": "eu-central-1"}
    config[IDENTITY] |= {
        "observer": dict(config[IDENTITY]["operator"]),
        "backup_watcher": dict(config[IDENTITY]["operator"]),
        "tables": {"board": "votes", "leases": "leases", "journals": "records"},
    }
    workloads = identity_of(parsed(config)).workloads
    observer, operator = (str(workloads[each].policy) for each in (WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR))
    table = "arn:aws:dynamodb:eu-central-1:123456789012:table/"
    assert f"{table}votes" in observer
    assert f"{table}leases" not in observer
    assert all(f"{table}{each}" in operator for each in ("votes", "leases", "records"))
    assert '"dynamodb:LeadingKeys":["shop-dev"]' in observer
    assert "cloudwatch:PutMetricData" in str(workloads[WorkloadPurpose.BACKUP_WATCHER].policy)
    config[IDENTITY]["tables"] = {"journals": "records", "cluster": "shop"}
    assert f"{table}records" in str(identity_of(parsed(config)).workloads[WorkloadPurpose.OPERATOR].policy)
    del config["seawall:arbiter"]
    with pytest.raises(InvalidInput) as caught:
        identity_of(parsed(config))
    assert str(caught.value) == (
        "seawall:arbiter is missing: the region of seawall:identity.tables, outside of what fails over"
    )


def test_tables_that_are_declared_are_granted_unless_others_are_named(pulumi_loop: object) -> None:
    """Nobody copies an ARN; and a table of somebody else's stays possible."""
    mocks.set_mocks(Cloud(), project="seawall", stack="dev", preview=False)
    config = file_of("dev")
    environment = parsed(config)
    plan = plan_arbiter(environment)
    assert plan is not None
    assert plan.deletion_protection is environment.protect is False
    own = "arn:aws:dynamodb:eu-north-1:123456789012:table/seawall-dev-shop-dev-arbiter-"
    edge, topology = plan_edge(environment), plan_topology(environment, None)
    identity = plan_identity(environment, topology, edge, plan)
    assert identity is not None
    operator = str(identity.workloads[WorkloadPurpose.OPERATOR].policy)
    assert all(f"{own}{table}" in operator for table in ("board", "leases", "journals"))
    assert '"dynamodb:LeadingKeys":["shop-dev"]' in operator
    config[IDENTITY]["tables"] = {"leases": "theirs", "cluster": "shop"}
    named = plan_identity(parsed(config), topology, edge, plan)
    assert named is not None
    operator = str(named.workloads[WorkloadPurpose.OPERATOR].policy)
    assert f"{own}board" in operator
    assert f"{own}leases" not in operator
    assert "table/theirs" in operator
    assert '"dynamodb:LeadingKeys":["shop"]' in operator


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ({"kms_key": KEY}, "seawall:arbiter.tables.kms_key = .*: no such key; did you mean kms_key_arn"),
        ({"kms_key_arn": KEY}, "seawall:arbiter.tables.kms_key_arn = .*: a key of eu-north-1"),
        ({"import_ids": {"votes": "mine"}}, "seawall:arbiter.tables.import_ids.votes = mine: no such key"),
        ("yes", "seawall:arbiter.tables = yes: "),
    ],
)
def test_a_mistake_in_the_tables_is_one_line_with_its_key(tables: Any, line: str) -> None:
    """Before anything is registered, in the words of the file."""
    config = file_of("dev")
    config["seawall:arbiter"]["tables"] = tables
    with pytest.raises(InvalidInput, match=line) as caught:
        plan_arbiter(parsed(config))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("tables", "there"), [(True, True), ({}, True), (False, False), (None, False)])
def test_tables_are_declared_where_they_are_asked_for(tables: Any, there: bool) -> None:
    """`true` and an empty section are all by default; an arbiter without them leaves them to somebody else."""
    config = file_of("dev")
    config["seawall:arbiter"]["tables"] = tables
    assert (plan_arbiter(parsed(config)) is not None) is there


def test_pods_are_those_of_the_services_namespace_in_each_region() -> None:
    """The namespace stands with the cluster already: written twice, the two would come apart."""
    trust = identity_of(parsed(file_of("dev"))).workloads[WorkloadPurpose.APP].trust
    (statement,) = json.loads(trust)["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-arn": [
            "arn:aws:eks:ap-northeast-1:123456789012:cluster/shop",
            "arn:aws:eks:us-west-2:123456789012:cluster/shop",
        ],
        "aws:RequestTag/kubernetes-namespace": "shop",
        "aws:RequestTag/kubernetes-service-account": "shop",
    }


def without_account(config: dict[str, Any]) -> None:
    del config["seawall:account_id"]


def short_account(config: dict[str, Any]) -> None:
    config["seawall:account_id"] = "123"


def elsewhere(config: dict[str, Any]) -> None:
    config[FAULTS]["allowed_environments"] = ["staging"]


def too_many(config: dict[str, Any]) -> None:
    config[FAULTS]["experiments"][0]["count"] = 5


def twice(config: dict[str, Any]) -> None:
    config[FAULTS]["experiments"].append(dict(config[FAULTS]["experiments"][0]))


def no_alarm(config: dict[str, Any]) -> None:
    del config[FAULTS]["experiments"][0]["stop_alarms"]


def misspelled(config: dict[str, Any]) -> None:
    config[FAULTS]["experiments"][0]["counts"] = 1


def unknown_kind(config: dict[str, Any]) -> None:
    config[FAULTS]["experiments"][0]["kind"] = "meteor"


def no_cluster_there(config: dict[str, Any]) -> None:
    config[IDENTITY]["app"]["clusters"]["eu-west-1"] = "shop"


def nobody(config: dict[str, Any]) -> None:
    config[IDENTITY]["operator"] = {}


def everybody(config: dict[str, Any]) -> None:
    config[IDENTITY]["pipeline"]["deploy"]["subjects"] = ["repo:example/*:environment:dev"]


def unknown_purpose(config: dict[str, Any]) -> None:
    config[IDENTITY]["operators"] = {}


BAD = {
    without_account: ("seawall:account_id is missing: the account's 12 digits, because seawall:faults needs it"),
    short_account: "seawall:account_id = 123: the 12 digits of an AWS account",
    elsewhere: "seawall:faults.allowed_environments = dev: one of allowed_environments: staging",
    too_many: ("seawall:faults.experiments[0].count = 5: at most 4 hit, because fleet_size = 6 must keep 2 healthy"),
    twice: "seawall:faults.experiments[1].name = stop-instances: each name once",
    no_alarm: "seawall:faults.experiments[0].stop_alarms is missing: required",
    misspelled: "seawall:faults.experiments[0].counts = 1: no such key; did you mean count?",
    unknown_kind: (
        "seawall:faults.experiments[0].kind = meteor: one of 'terminate_instances', 'stop_instances', 'network_cut', "
        "'disk_fill', 'cpu_stress' or 'zone_loss'"
    ),
    no_cluster_there: ("seawall:identity.app.clusters = eu-west-1: a region with a cluster: ap-northeast-1, us-west-2"),
    nobody: ("seawall:identity.operator.pods is missing: pods, assumed_by or both, because nobody could take the role"),
    everybody: (
        "seawall:identity.pipeline.deploy.subjects[0] = repo:example/*:environment:dev: an exact subject; for branches by "
        "pattern see branches, because a wildcard in a subject lets other repositories and pull requests in"
    ),
    unknown_purpose: "seawall:identity.operators = {}: no such key; did you mean operator?",
}


@pytest.mark.parametrize("change", BAD, ids=lambda change: change.__name__)
def test_each_mistake_in_the_file_is_one_line_with_its_key(change: Any) -> None:
    """The key as it stands in the file, before anything is registered."""
    config = file_of("dev")
    change(config)
    with pytest.raises(InvalidInput) as caught:
        planned(config)
    assert str(caught.value) == BAD[change]


def test_an_environment_without_the_sections_declares_neither() -> None:
    """Both are optional, and so is the account then."""
    config = file_of("dev")
    for key in (FAULTS, IDENTITY, "seawall:account_id"):
        del config[key]
    environment = parsed(config)
    assert plan_faults(environment) == {}
    assert plan_identity(environment, plan_topology(environment, None), plan_edge(environment)) is None
    assert declare_faults(environment, {}, [], pulumi.ResourceOptions()) is None


class Cloud(mocks.Mocks):
    """Answers each registration with its inputs, an id and an ARN."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"neither calls a function, but {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.made[f"{kind}::{args.name}"] = args.inputs
        place = f"aws:mock:us-east-1:123456789012:{args.name}"
        if args.typ == "aws:dynamodb/table:Table":
            place = f"aws:dynamodb:{args.inputs['region']}:123456789012:table/{args.inputs['name']}"
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:{place}"}


def test_what_is_declared_is_told_to_whoever_checks_and_starts_it(pulumi_loop: object) -> None:
    """`make dev` holds the outputs against the cloud, and operators read the commands from them."""
    cloud, told = Cloud(), dict[str, Any]()
    environment = parsed(file_of("dev"))
    edge_plan, topology = plan_edge(environment), plan_topology(environment, None)
    positions = {side.region: f"s3://switch-{side.region}/off" for side in edge_plan.sides}
    mocks.set_mocks(cloud, project="seawall", stack="dev", preview=False)

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        edge = cast(Edge, SimpleNamespace(record=SimpleNamespace(switch_positions=pulumi.Output.from_input(positions))))
        options = pulumi.ResourceOptions()
        faults = declare_faults(environment, plan_faults(environment), [], options)
        arbiter = declare_arbiter(environment, plan_arbiter(environment), options)
        identity = declare_identity(environment, identity_of(environment), topology, edge_plan, edge, arbiter, options)
        assert faults is not None
        assert arbiter is not None
        assert identity is not None
        outputs = pulumi.Output.all(**faults.outputs, **arbiter.outputs, **identity.outputs)
        return outputs.apply(lambda known: told.update(copy.deepcopy(known)))

    main()
    (fault,) = told["faults"]
    assert fault["start_command"].endswith("--experiment-template-id shop-dev-stop-instances-id")
    assert (fault["name"], fault["target_tags"]) == ("stop-instances", {"seawall:faults": "dev"})
    roles = {claim["purpose"]: claim for claim in told["identities"]}
    assert {"app", "operator"} <= roles.keys()
    assert all(claim["role"] == f"seawall-dev-shop-dev-{purpose}" for purpose, claim in roles.items())
    for position in positions.values():
        assert position.replace("s3://", "arn:aws:s3:::") in roles["operator"]["policy"]
    tables = {table: f"seawall-dev-shop-dev-arbiter-{table}" for table in ("board", "leases", "journals")}
    assert told["arbiter"] == {
        "region": "eu-north-1",
        "tables": tables,
        "keys": {"board": ["cluster", "record"], "leases": ["id"], "journals": ["operation", "position"]},
        "deletion_protection": False,
    }
    assert told["failover_settings"].startswith(f"board: dynamodb://eu-north-1/{tables['board']}\n")
    assert all(f":table/{name}" in roles["operator"]["policy"] for name in tables.values())
    assert told["pipeline"]["deploy_role_arn"].endswith(":shop-dev-pipeline-deploy")
    assert "ExperimentTemplate::shop-dev-stop-instances" in cloud.made
