"""`WorkloadIdentity`: one exact line per bad input, and what is just inside is taken."""

import json
from typing import Any

import pytest

from identity_args import ABSENT, ACCOUNT, LEASES, OPERATOR, POD, VOTES, identity
from pulumi_seawall import WorkloadIdentity, plan_workload_identity
from seawall.errors import InvalidInput


def pod(**changes: Any) -> list[dict[str, Any]]:
    return [{**POD, **changes}]


BAD: dict[str, tuple[Any, str]] = {
    "unknown purpose": (identity("root"), "purpose = root: app, observer, operator, backup-watcher or surveyor"),
    "nobody to take it": (
        identity(pods=ABSENT),
        "pods is missing: pods, assumed_by or both, because nobody could take the role",
    ),
    "a region that AWS lacks": (
        identity(regions=["eu-west-9"]),
        "regions[0] = eu-west-9: an AWS region; did you mean eu-west-3?",
    ),
    "an arbiter among those it decides about": (
        identity(arbiter_region="eu-central-1"),
        (
            "arbiter_region = eu-central-1: a region other than eu-west-1, eu-central-1, because it has to be reached when any "
            "of these is lost or cut off"
        ),
    ),
    "an arbiter that AWS lacks": (
        identity(arbiter_region="eu-nroth-1"),
        "arbiter_region = eu-nroth-1: an AWS region; did you mean eu-north-1?",
    ),
    "an arbiter for whom it is nothing": (
        identity("surveyor", arbiter_region="eu-north-1"),
        "arbiter_region = eu-north-1: not with purpose = surveyor",
    ),
    "no region": (identity(regions=[]), "regions = []: at least one region, each once"),
    "a region twice": (
        identity(regions=["eu-west-1", "eu-west-1"]),
        "regions = ['eu-west-1', 'eu-west-1']: at least one region, each once",
    ),
    "a pod elsewhere": (
        identity(pods=pod(region="us-east-1")),
        "pods[0].region = us-east-1: one of regions: eu-west-1, eu-central-1",
    ),
    "every service account": (
        identity(pods=pod(service_account="*")),
        (
            "pods[0].service_account = *: one Kubernetes name, because a wildcard there would give the role to every pod of "
            "the cluster"
        ),
    ),
    "a namespace that is none": (identity(pods=pod(namespace="Shop")), "pods[0].namespace = Shop: one Kubernetes name"),
    "a service account twice": (
        identity(pods=[POD, POD]),
        (
            "pods[1] = eu-west-1/shop/shop/shop: each service account once, because EKS has one association for a service "
            "account"
        ),
    ),
    "everybody": (
        identity(assumed_by=["*"]),
        (
            "assumed_by[0] = *: the ARN of one role or user, because an account or * would let anybody in who has any right "
            "there"
        ),
    ),
    "a whole account": (
        identity(assumed_by=[f"arn:aws:iam::{ACCOUNT}:root"]),
        (
            f"assumed_by[0] = arn:aws:iam::{ACCOUNT}:root: the ARN of one role or user, because an account or * would let "
            "anybody in who has any right there"
        ),
    ),
    "a second factor of pods": (
        identity(require_mfa=True),
        "require_mfa = True: only with assumed_by, because a pod has no second factor",
    ),
    "databases of an app": (
        identity(databases=[{"region": "eu-west-1", "identifier": "shop"}]),
        "databases = [{'region': 'eu-west-1', 'identifier': 'shop'}]: not with purpose = app",
    ),
    "every database": (
        identity("operator", databases=[{"region": "eu-west-1", "identifier": "*"}]),
        "databases[0].identifier = *: one instance's identifier, without wildcards",
    ),
    "a login by identifier": (
        identity(database_logins=[{"region": "eu-west-1", "resource_id": "shop", "username": "app"}]),
        (
            "database_logins[0].resource_id = shop: such as db-ABCDEFGHIJKL01234: the instance's resource id, not its "
            "identifier"
        ),
    ),
    "a login as anybody": (
        identity(database_logins=[{"region": "eu-west-1", "resource_id": "db-ABC", "username": "*"}]),
        "database_logins[0].username = *: one user of the database, without wildcards",
    ),
    "every object of a bucket": (
        identity("operator", switch_object_arns=["arn:aws:s3:::shop-switch/*"]),
        "switch_object_arns[0] = arn:aws:s3:::shop-switch/*: an ARN such as arn:aws:s3:::bucket/key",
    ),
    "a routing control that is none": (
        identity("operator", routing_control_arns=["shop"]),
        "routing_control_arns[0] = shop: a routing control's ARN",
    ),
    "a check by name": (
        identity("surveyor", health_check_ids=["shop"]),
        "health_check_ids[0] = shop: a health check's id",
    ),
    "a table by name": (
        identity("operator", journals_table_arn="records"),
        "journals_table_arn = records: a table's ARN, such as arn:aws:dynamodb:us-east-1:123456789012:table/votes",
    ),
    "a lease of an observer": (
        identity("observer", leases_table_arn=LEASES),
        f"leases_table_arn = {LEASES}: not with purpose = observer",
    ),
    "votes of every cluster": (
        identity("observer", board_table_arn=VOTES),
        "cluster is missing: with board_table_arn, because other clusters' votes and leases stand in the same tables",
    ),
    "a cluster without a table": (
        identity("observer", cluster="shop-prod"),
        "cluster = shop-prod: only with board_table_arn or leases_table_arn",
    ),
    "a cluster that is a variable": (
        identity("observer", board_table_arn=VOTES, cluster="${aws:username}"),
        "cluster = ${aws:username}: a name without $, which begins a variable in a policy",
    ),
    "checks of an observer": (
        identity("observer", health_check_ids=["11111111-2222-3333-4444-555555555555"]),
        "health_check_ids = ['11111111-2222-3333-4444-555555555555']: not with purpose = observer",
    ),
    "a session of a day": (identity(session_seconds=86_400), "session_seconds = 86400: 3600 to 43200 seconds"),
    "a service that is none": (
        identity(service="Shop"),
        "service = Shop: 2 to 32 lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
    "an account in letters": (
        identity(account_id="production"),
        "account_id = production: the 12 digits of an AWS account, as a string",
    ),
    "a boundary that is a role": (
        identity(permissions_boundary_arn=OPERATOR),
        f"permissions_boundary_arn = {OPERATOR}: an ARN such as arn:aws:iam:::policy/...",
    ),
    "an import of an association that is not declared": (
        identity(import_ids={"associations": {"eu-west-1/shop/shop/other": "shop,a-1"}}),
        "import_ids.associations[eu-west-1/shop/shop/other] = shop,a-1: one of eu-west-1/shop/shop/shop",
    ),
    "an import of half a policy": (
        identity(import_ids={"role_policy": "shop"}),
        "import_ids.role_policy = shop: the role's and the policy's name, role:policy",
    ),
    "a trust policy too large": (
        identity(pods=[{**POD, "service_account": f"{'s' * 60}{number}"} for number in range(6)]),
        "the role's trust policy = 2330 characters: at most 2048 without white space, IAM's quota",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line(case):
    """Name, value, what is allowed and why: enough for a tired person, before anything exists."""
    args, expected = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        plan_workload_identity(args)
    assert str(caught.value) == expected


GOOD: dict[str, Any] = {
    "one person": identity(pods=ABSENT, assumed_by=[f"arn:aws:iam::{ACCOUNT}:user/alice"], require_mfa=True),
    "pods and people": identity(assumed_by=[OPERATOR]),
    "a session of twelve hours": identity(session_seconds=43_200),
    "as many service accounts as a trust policy holds": identity(
        pods=[{**POD, "service_account": f"{'s' * 60}{number}"} for number in range(5)]
    ),
    "a key in a folder": identity("operator", switch_object_arns=["arn:aws:s3:::shop-switch/prod/standby"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_just_inside_is_allowed(case):
    """A limit that also refuses what is right would be switched off."""
    assert json.loads(plan_workload_identity(GOOD[case]).trust)["Statement"]


def test_nothing_is_registered_when_an_input_is_bad(deploy, deployment):
    """Half of an identity is a role that anybody may forget."""
    with pytest.raises(InvalidInput):
        deploy(lambda: WorkloadIdentity("shop-app", identity(pods=ABSENT)))
    assert deployment.made == []
