"""`WorkloadIdentity`: a role that may do what it is for and nothing else."""

import json
from typing import Any

import pulumi
import pytest

from identity_args import ABSENT, ACCOUNT, LEASES, OPERATOR, POD, RECORDS, REGIONS, VOTES, identity
from pulumi_seawall import WorkloadIdentity, WorkloadPurpose, plan_workload_identity
from pulumi_seawall._identity_calls import CALLS
from seawall.contract import BACKUP_METRICS_NAMESPACE
from seawall_ops.failover.plans.assembling import LEASE
from seawall_ops.failover.plans.rebuild import LEASE as REBUILD_LEASE
from seawall_ops.lease.dynamodb import FENCE_PREFIX, LEASE_PREFIX
from seawall_policies import actions_in, grants, lint


def full(purpose: str) -> Any:
    """An identity with everything that its purpose may reach."""
    more: dict[str, dict[str, Any]] = {
        "app": {"database_logins": [{"region": "eu-west-1", "resource_id": "db-ABC123", "username": "app"}]},
        "observer": {
            "databases": [{"region": "eu-west-1", "identifier": "shop"}],
            "board_table_arn": VOTES,
            "cluster": "shop-prod",
        },
        "backup-watcher": {},
        "operator": {
            "board_table_arn": VOTES,
            "leases_table_arn": LEASES,
            "journals_table_arn": RECORDS,
            "cluster": "shop-prod",
            "databases": [{"region": "eu-central-1", "identifier": "shop-standby"}],
            "switch_object_arns": ["arn:aws:s3:::shop-switch/standby"],
            "routing_control_arns": [
                f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/0123abcd/routingcontrol/4567ef"
            ],
        },
        "surveyor": {"health_check_ids": ["11111111-2222-3333-4444-555555555555"]},
    }
    return identity(purpose, **more[purpose])


@pytest.mark.parametrize("purpose", [purpose.value for purpose in WorkloadPurpose])
def test_a_policy_is_what_the_table_of_calls_says(purpose):
    """Generated, not written: a permission cannot be added without a call, nor a call forgotten."""
    policy = json.loads(str(plan_workload_identity(full(purpose)).policy))
    logins = {"rds-db:connect"} if purpose == "app" else set()
    assert actions_in(policy) == {call.permission for call in CALLS[WorkloadPurpose(purpose)]} | logins
    assert lint(policy) == []


def test_the_app_reads_its_two_documents_and_logs_in_as_one_user():
    """Another service's topology, and another user of the database, are none of its business."""
    policy = json.loads(str(plan_workload_identity(full("app")).policy))
    (reading,), (login,) = grants(policy, "ssm:GetParameters"), grants(policy, "rds-db:connect")
    assert reading["Resource"] == [
        f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/seawall/shop/prod/{document}"
        for region in REGIONS
        for document in ("topology", "live")
    ]
    assert login["Resource"] == [f"arn:aws:rds-db:eu-west-1:{ACCOUNT}:dbuser:db-ABC123/app"]


def test_the_arbiters_live_document_is_in_reach_and_nothing_else_there():
    """Without it a pod would follow its own region's copy for ever; the declared document is not kept there."""
    live = f"arn:aws:ssm:eu-north-1:{ACCOUNT}:parameter/seawall/shop/prod/live"
    for purpose, actions in {
        "app": ["GetParameters"],
        "observer": ["GetParameters"],
        "operator": ["GetParameters", "PutParameter"],
    }.items():
        policy = json.loads(str(plan_workload_identity(identity(purpose, arbiter_region="eu-north-1")).policy))
        for action in actions:
            (allowed,) = grants(policy, f"ssm:{action}")
            assert [each for each in allowed["Resource"] if "eu-north-1" in each] == [live]


def test_the_operator_reaches_only_what_is_named():
    """A failover of one service must not be able to promote another's database."""
    policy = json.loads(str(plan_workload_identity(full("operator")).policy))
    (promote,), (write,) = grants(policy, "rds:PromoteReadReplica"), grants(policy, "ssm:PutParameter")
    assert promote["Resource"] == [f"arn:aws:rds:eu-central-1:{ACCOUNT}:db:shop-standby"]
    assert all(resource.endswith("/seawall/shop/prod/live") for resource in write["Resource"])
    assert grants(policy, "s3:PutObject")[0]["Resource"] == ["arn:aws:s3:::shop-switch/standby"]
    assert grants(policy, "s3:ListBucket")[0]["Resource"] == ["arn:aws:s3:::shop-switch"]
    (close,) = grants(policy, "ec2:CreateNetworkAclEntry")
    assert close["Resource"] == [f"arn:aws:ec2:eu-central-1:{ACCOUNT}:network-acl/*"]
    bare = json.loads(str(plan_workload_identity(identity("operator")).policy))
    assert actions_in(bare) == {"ssm:GetParameters", "ssm:GetParameterHistory", "ssm:PutParameter"}


def test_votes_and_leases_are_those_of_one_cluster():
    """Many clusters share the tables: whoever holds another one's lease could keep it from failing over."""
    policy = json.loads(str(plan_workload_identity(full("operator")).policy))
    keys = {
        statement["Resource"][0]: statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
        for statement in (*grants(policy, "dynamodb:Query"), *grants(policy, "dynamodb:UpdateItem"))
    }
    name = f"{LEASE}shop-prod"
    rebuild = f"{REBUILD_LEASE}shop-prod"
    ours = [f"{prefix}{each}" for each in (name, rebuild) for prefix in (LEASE_PREFIX, FENCE_PREFIX)]
    assert keys == {VOTES: ["shop-prod"], LEASES: ours}


def test_ages_of_backups_are_published_under_one_namespace():
    """The right to publish has no resource: without the condition any metric could be forged."""
    policy = json.loads(str(plan_workload_identity(full("backup-watcher")).policy))
    (publish,) = grants(policy, "cloudwatch:PutMetricData")
    assert publish["Condition"]["StringEquals"]["cloudwatch:namespace"] == [BACKUP_METRICS_NAMESPACE]


def test_a_switch_that_is_known_late_gives_its_bucket_too(deploy):
    """The bucket of the same program has no name before it exists."""
    late = pulumi.Output.from_input("arn:aws:s3:::late/standby")
    outputs = deploy(lambda: WorkloadIdentity("shop-operator", identity("operator", switch_object_arns=[late]))).outputs
    policy = json.loads(outputs["policy"])
    assert grants(policy, "s3:ListBucket")[0]["Resource"] == ["arn:aws:s3:::late"]


def test_what_takes_no_arn_is_held_to_the_regions():
    """Metrics and backups have no ARN to name: the condition keeps the other regions out."""
    policy = json.loads(str(plan_workload_identity(full("surveyor")).policy))
    (vaults,), (zones,) = grants(policy, "backup:ListBackupVaults"), grants(policy, "route53:ListHostedZones")
    assert vaults["Condition"] == {"StringEquals": {"aws:RequestedRegion": sorted(REGIONS)}}
    assert zones["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}


def test_arns_are_of_the_partition_of_their_region():
    """`arn:aws:` in China allows nothing at all."""
    policy = json.loads(str(plan_workload_identity(identity("observer", regions=["cn-north-1"], pods=ABSENT, assumed_by=[
        f"arn:aws-cn:iam::{ACCOUNT}:role/watch"
    ])).policy))  # fmt: skip
    resources = [each for statement in policy["Statement"] for each in statement["Resource"] if each != "*"]
    assert resources
    assert all(resource.startswith("arn:aws-cn:") for resource in resources)


def test_pods_take_the_role_by_their_cluster_namespace_and_service_account():
    """Without the tags of the session any association in the account could hand the role out."""
    pods = [POD, {**POD, "region": "eu-central-1", "cluster_name": "shop-2"}, {**POD, "service_account": "worker"}]
    statements = json.loads(plan_workload_identity(identity(pods=pods)).trust)["Statement"]
    assert [statement["Principal"] for statement in statements] == [{"Service": "pods.eks.amazonaws.com"}] * 2
    assert all(statement["Action"] == ["sts:AssumeRole", "sts:TagSession"] for statement in statements)
    first, second = (statement["Condition"]["StringEquals"] for statement in statements)
    assert first == {
        "aws:RequestTag/eks-cluster-arn": [
            f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop",
            f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/shop-2",
        ],
        "aws:RequestTag/kubernetes-namespace": "shop",
        "aws:RequestTag/kubernetes-service-account": "shop",
    }
    assert second["aws:RequestTag/kubernetes-service-account"] == "worker"
    assert second["aws:RequestTag/eks-cluster-arn"] == [f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop"]


def test_people_take_the_role_with_a_second_factor_when_that_is_asked_for():
    """The condition must not touch pods, which have none."""
    trust = json.loads(plan_workload_identity(identity(assumed_by=[OPERATOR], require_mfa=True)).trust)
    pods, people = trust["Statement"]
    assert people["Principal"] == {"AWS": [OPERATOR]}
    assert people["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    assert "aws:MultiFactorAuthPresent" not in json.dumps(pods)


def test_the_role_its_policy_and_the_associations_are_declared_and_told(deploy):
    """What a cluster needs: an association per service account, in the cluster's own region."""
    pods = [POD, {**POD, "region": "eu-central-1"}]
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/bound"
    args = identity(pods=pods, permissions_boundary_arn=boundary, tags={"team": "shop"})
    deployment = deploy(lambda: WorkloadIdentity("shop-app", args))
    (role,) = deployment.of("Role").values()
    assert role.inputs["name"] == "seawall-test-shop-app"
    assert role.inputs["permissionsBoundary"] == boundary
    assert role.inputs["tags"]["team"] == "shop"
    (policy,) = deployment.of("RolePolicy").values()
    assert policy.inputs["policy"] == deployment.outputs["policy"]
    associations = {made.inputs["region"]: made.inputs for made in deployment.of("PodIdentityAssociation").values()}
    assert set(associations) == set(REGIONS)
    assert {each["roleArn"] for each in associations.values()} == {deployment.outputs["role_arn"]}


def test_a_role_without_pods_has_no_associations(deploy):
    """Whoever reads the outputs gets a map, also where it is empty."""
    args = identity("operator", pods=ABSENT, assumed_by=[OPERATOR])
    assert deploy(lambda: WorkloadIdentity("shop-operator", args)).outputs["association_ids"] == {}


def test_existing_resources_are_adopted_under_their_own_names(deploy):
    """A name of ours in place of theirs would replace what is imported."""
    ids = {
        "role": "old",
        "role_policy": "old:rights",
        "associations": {"eu-west-1/shop/shop/shop": "shop,a-0123456789abcdef0"},
    }
    made = {
        each.type.rpartition(":")[2]: each
        for each in deploy(lambda: WorkloadIdentity("shop-app", identity(import_ids=ids))).made
    }
    assert (made["Role"].import_id, made["Role"].inputs["name"]) == ("old", "old")
    assert (made["RolePolicy"].import_id, made["RolePolicy"].inputs["name"]) == ("old:rights", "rights")
    assert made["PodIdentityAssociation"].import_id == "shop,a-0123456789abcdef0@eu-west-1"


def test_a_resource_id_that_is_known_late_ends_in_the_policy(deploy):
    """The instance of the same program has no resource id before it exists."""
    login = {"region": "eu-west-1", "resource_id": pulumi.Output.from_input("db-LATE1"), "username": "app"}
    outputs = deploy(lambda: WorkloadIdentity("shop-app", identity(database_logins=[login]))).outputs
    (statement,) = grants(json.loads(outputs["policy"]), "rds-db:connect")
    assert statement["Resource"] == [f"arn:aws:rds-db:eu-west-1:{ACCOUNT}:dbuser:db-LATE1/app"]
