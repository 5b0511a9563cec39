"""`PipelineIdentity`: whose tokens are believed, and that looking and deploying are two things."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from pulumi_seawall import PipelineIdentity, plan_pipeline_identity
from pulumi_seawall._pipeline_access import BOUNDED, TYPES, UNBOUND
from pulumi_seawall._policy import WITHOUT_RESOURCE, Statement
from seawall.errors import InvalidInput
from seawall_policies import WITHOUT_OPERATION, actions_in, grants, lint, operations

ABSENT: Any = object()
ACCOUNT = "123456789012"
ISSUER = "token.actions.githubusercontent.com"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bound"
READS = ("Describe", "Get", "List")


def pipeline(**changes: Any) -> Any:
    """An identity that is right, with more, other or fewer (`ABSENT`) entries."""
    args: dict[str, Any] = {
        "account_id": ACCOUNT,
        "regions": ["eu-west-1", "eu-central-1"],
        "preview": {"subjects": ["repo:acme/shop:pull_request", "repo:acme/shop:ref:refs/heads/main"]},
        "deploy": {"subjects": ["repo:acme/shop:environment:prod"]},
        "name_prefixes": ["seawall-prod", "shop-prod"],
    }
    return {key: value for key, value in {**args, **changes}.items() if value is not ABSENT}


def deploying(*subjects: str) -> dict[str, Any]:
    return {"deploy": {"subjects": list(subjects)}}


def branch(pattern: str, repository: str = "acme/shop") -> dict[str, Any]:
    return {"deploy": {"branches": [{"repository": repository, "pattern": pattern}]}}


EXAMPLES = (
    "such as repo:owner/name:environment:prod, repo:owner/name:ref:refs/heads/main or repo:owner/name:pull_request"
)
NO_WILDCARD = (
    "an exact subject; for branches by pattern see branches, because a wildcard in a subject lets other repositories and "
    "pull requests in"
)
BRANCH = "a branch with a *, and at least one character before it, e.g. release/*"

BAD: dict[str, tuple[Any, str]] = {
    "every repository": (
        pipeline(**deploying("repo:acme/*:environment:prod")),
        f"deploy.subjects[0] = repo:acme/*:environment:prod: {NO_WILDCARD}",
    ),
    "everything of a repository": (
        pipeline(preview={"subjects": ["repo:acme/shop:*"]}),
        f"preview.subjects[0] = repo:acme/shop:*: {NO_WILDCARD}",
    ),
    "a repository alone": (
        pipeline(**deploying("repo:acme/shop")),
        f"deploy.subjects[0] = repo:acme/shop: {EXAMPLES}",
    ),
    "a branch by its short name": (
        pipeline(**deploying("repo:acme/shop:main")),
        f"deploy.subjects[0] = repo:acme/shop:main: {EXAMPLES}",
    ),
    "a pull request that deploys": (
        pipeline(**deploying("repo:acme/shop:pull_request")),
        (
            "deploy.subjects[0] = repo:acme/shop:pull_request: no pull request, because the code of a pull request runs "
            "before anybody has read it"
        ),
    ),
    "nobody deploys": (pipeline(deploy={}), "deploy.subjects = []: at least one subject, or one of branches"),
    "a subject twice": (
        pipeline(**deploying("repo:acme/shop:environment:prod", "repo:acme/shop:environment:prod")),
        "deploy.subjects = repo:acme/shop:environment:prod: each subject once",
    ),
    "one token for both roles": (
        pipeline(preview={"subjects": ["repo:acme/shop:environment:prod"]}),
        (
            "preview.subjects = repo:acme/shop:environment:prod: none that may deploy, because one token that may take both "
            "roles makes them one"
        ),
    ),
    "every branch": (pipeline(**branch("*")), f"deploy.branches[0].pattern = *: {BRANCH}"),
    "a branch without a pattern": (pipeline(**branch("main")), f"deploy.branches[0].pattern = main: {BRANCH}"),
    "branches of every repository": (
        pipeline(**branch("release/*", "acme/*")),
        "deploy.branches[0].repository = acme/*: owner/name, exactly",
    ),
    "branches of another issuer": (
        pipeline(issuer="https://gitlab.example.com", preview={"subjects": ["a"]}, **branch("release/*")),
        (
            "deploy.branches[0].pattern = release/*: only with the issuer https://token.actions.githubusercontent.com, whose "
            "subjects are known"
        ),
    ),
    "an issuer without https": (
        pipeline(issuer="http://ci.example.com"),
        "issuer = http://ci.example.com: an https:// address without a slash at its end",
    ),
    "an issuer with a slash": (
        pipeline(issuer="https://ci.example.com/"),
        "issuer = https://ci.example.com/: an https:// address without a slash at its end",
    ),
    "any audience": (pipeline(audience="*"), "audience = *: exactly one audience, without * and ?"),
    "no prefix": (pipeline(name_prefixes=[]), "name_prefixes = []: at least one prefix, each once"),
    "everybody's prefix": (
        pipeline(name_prefixes=["s"]),
        "name_prefixes[0] = s: at least 3 letters, digits, _ and -, a letter first, without wildcards",
    ),
    "a prefix with a wildcard": (
        pipeline(name_prefixes=["sea*"]),
        "name_prefixes[0] = sea*: at least 3 letters, digits, _ and -, a letter first, without wildcards",
    ),
    "a type that nobody declares": (
        pipeline(resource_types=["aws:sns/topics:Topic"]),
        (
            "resource_types[0] = aws:sns/topics:Topic: a type that Seawall's components declare; did you mean "
            "aws:sns/topic:Topic?"
        ),
    ),
    "no type": (pipeline(resource_types=[]), "resource_types = []: at least one type"),
    "a bucket that is none": (pipeline(state={"bucket": "A"}), "state.bucket = A: a bucket's name"),
    "a state anywhere": (
        pipeline(state={"bucket": "acme-state", "prefix": "*"}),
        "state.prefix = *: a folder without slashes at its ends and without wildcards",
    ),
    "an alias of a key": (
        pipeline(state={"bucket": "acme-state", "key_arn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/state"}),
        f"state.key_arn = arn:aws:kms:eu-west-1:{ACCOUNT}:alias/state: a KMS key's ARN, not an alias",
    ),
    "a boundary that is a role": (
        pipeline(role_boundary_arn=f"arn:aws:iam::{ACCOUNT}:role/bound"),
        f"role_boundary_arn = arn:aws:iam::{ACCOUNT}:role/bound: an ARN such as arn:aws:iam:::policy/...",
    ),
    "a role of the pipeline within its own reach": (
        pipeline(import_ids={"deploy_role": "shop-prod-ci"}),
        (
            "import_ids.deploy_role = shop-prod-ci: a role with none of name_prefixes, because it could otherwise change "
            "itself: only what is declared here gets a path of its own"
        ),
    ),
    "an import of a provider that is not declared": (
        pipeline(existing_provider=True, import_ids={"provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}),
        (
            f"import_ids.provider = arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}: not with existing_provider: it is not "
            "declared here"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line(case):
    """Name, value, what is allowed and why: enough for a tired person, before anything exists."""
    args, expected = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        plan_pipeline_identity(args)
    assert str(caught.value) == expected


GOOD: dict[str, Any] = {
    "a tag": pipeline(**deploying("repo:acme/shop:ref:refs/tags/v1.2.3")),
    "branches by pattern": pipeline(**branch("release/*")),
    "one letter before the wildcard": pipeline(**branch("v*")),
    "another issuer's subject": pipeline(
        issuer="https://gitlab.example.com",
        preview={"subjects": ["project_path:acme/shop:ref_type:branch:ref:main"]},
        deploy={"subjects": ["project_path:acme/shop:ref_type:tag:ref:v1"]},
    ),
    "three letters": pipeline(name_prefixes=["shp"]),
    "one type": pipeline(resource_types=["aws:sns/topic:Topic"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_just_inside_is_allowed(case):
    """A limit that also refuses what is right would be switched off."""
    assert plan_pipeline_identity(GOOD[case]).write_policies


def reads(**changes: Any) -> dict[str, Any]:
    """All that both roles may do, as one policy."""
    return joined(plan_pipeline_identity(pipeline(**changes)).read_policies)


def writes(**changes: Any) -> dict[str, Any]:
    """All that the deploy role may do beyond reading, as one policy."""
    return joined(plan_pipeline_identity(pipeline(**changes)).write_policies)


def joined(texts: Sequence[str]) -> dict[str, Any]:
    documents = [json.loads(text) for text in texts]
    return {"Version": documents[0]["Version"], "Statement": [each for one in documents for each in one["Statement"]]}


def test_the_preview_role_reads_and_does_nothing_else():
    """A pull request's code runs with it: whoever can open one could otherwise change production."""
    policy = reads(state={"bucket": "acme-state"})
    assert lint(policy) == []
    changing = [action for action in actions_in(policy) if not action.partition(":")[2].startswith(READS)]
    assert changing == []


def test_the_deploy_role_changes_each_type_and_may_not_do_more():
    """Generated from the table of types: nothing but what a declared type needs, and the roles that it passes on."""
    policy = writes()
    expected = {action for access in TYPES.values() for action in access.writes if not action.startswith("iam:")}
    assert actions_in(policy) == expected | {"iam:PassRole", "kms:CreateGrant"}
    assert lint(policy) == []


def test_a_stack_without_a_type_gives_no_right_to_it():
    """Whoever has no database needs no right to delete one."""
    policy = writes(resource_types=["aws:sns/topic:Topic", "aws:route53/record:Record"])
    services = {action.partition(":")[0] for action in actions_in(policy)}
    assert services == {"sns", "route53", "iam"}
    assert {action for action in actions_in(policy) if action.startswith("iam:")} == {"iam:PassRole"}


def test_no_pipeline_changes_an_identity_without_a_boundary():
    """A pipeline that can write a role can give itself everything."""
    assert {action for action in actions_in(writes()) if action.startswith("iam:")} == {"iam:PassRole"}


def test_a_boundary_bounds_every_role_that_the_pipeline_makes_and_cannot_be_taken_off():
    """IAM asks for the boundary wherever it knows the condition; the way out is not granted at all."""
    policy = writes(role_boundary_arn=BOUNDARY)
    assert UNBOUND not in actions_in(policy)
    for action in BOUNDED:
        (statement,) = grants(policy, action)
        assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    roles = [each for statement in policy["Statement"] for each in statement["Resource"] if ":role/" in each]
    assert set(roles) == {f"arn:aws:iam::{ACCOUNT}:role/{prefix}*" for prefix in ("seawall-prod", "shop-prod")}
    assert not {action for action in actions_in(policy) if "OpenIDConnect" in action or "PolicyVersion" in action}


def test_the_pipelines_own_roles_are_out_of_its_reach(deploy):
    """Whoever can change who may take the deploy role can let a pull request take it."""
    policy = writes(role_boundary_arn=BOUNDARY)
    reach = [each for statement in grants(policy, "iam:UpdateAssumeRolePolicy") for each in statement["Resource"]]
    assert reach == [f"arn:aws:iam::{ACCOUNT}:role/{prefix}*" for prefix in ("seawall-prod", "shop-prod")]
    deployment = deploy(lambda: PipelineIdentity("ci", pipeline(role_boundary_arn=BOUNDARY)))
    own = [*deployment.of("Role").values(), *deployment.of("Policy").values()]
    assert {made.inputs["path"] for made in own} == {"/seawall-pipeline/"}


def test_roles_are_passed_to_the_services_that_the_components_use_and_to_no_other():
    """`iam:PassRole` to Lambda or EC2 would be the role's rights for whoever can start one."""
    (statement,) = grants(writes(), "iam:PassRole")
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["backup.amazonaws.com", "fis.amazonaws.com", "pods.eks.amazonaws.com"]}
    }


def test_changes_stay_in_the_regions_and_with_the_stacks_names():
    """Another stack's database, and another region, are out of reach."""
    policy = writes()
    (deleting,) = grants(policy, "rds:DeleteDBInstance")
    databases = [resource for resource in deleting["Resource"] if ":db:" in resource]
    assert databases == [f"arn:aws:rds:*:{ACCOUNT}:db:{prefix}*" for prefix in ("seawall-prod", "shop-prod")]
    regions = ["eu-central-1", "eu-west-1", "us-east-1"]
    assert deleting["Condition"] == {"StringEquals": {"aws:RequestedRegion": regions}}
    (zones,) = grants(policy, "route53:ChangeResourceRecordSets")
    assert zones["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}


def test_tokens_are_believed_from_one_issuer_for_one_audience_with_exact_subjects():
    """A missing audience or a loose subject lets every workflow of the issuer in."""
    plan = plan_pipeline_identity(pipeline())
    (statement,) = json.loads(plan.preview_trust)["Statement"]
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": ["repo:acme/shop:pull_request", "repo:acme/shop:ref:refs/heads/main"],
        }
    }
    assert "pull_request" not in plan.deploy_trust


def test_branches_by_pattern_do_not_loosen_the_exact_subjects():
    """Two statements: in one with `StringLike` a `?` in an exact subject would match as well."""
    args = pipeline(deploy={"subjects": ["repo:acme/shop:environment:prod"], **branch("release/*")["deploy"]})
    exact, pattern = json.loads(plan_pipeline_identity(args).deploy_trust)["Statement"]
    assert exact["Condition"]["StringEquals"][f"{ISSUER}:sub"] == ["repo:acme/shop:environment:prod"]
    assert pattern["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{ISSUER}:sub": ["repo:acme/shop:ref:refs/heads/release/*"]},
    }


def test_the_state_is_read_by_both_and_written_by_the_one_that_deploys():
    """A preview that can write the state can make the next deployment delete what it likes."""
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/abc"
    state = {"bucket": "acme-state", "prefix": "shop", "key_arn": key}
    looks, changes = reads(state=state), writes(state=state)
    assert grants(looks, "s3:GetObject")[0]["Resource"] == ["arn:aws:s3:::acme-state/shop/*"]
    assert grants(looks, "kms:Decrypt")[0]["Resource"] == [key]
    assert not grants(looks, "s3:PutObject")
    assert grants(changes, "s3:PutObject")[0]["Resource"] == ["arn:aws:s3:::acme-state/shop/*"]
    assert grants(changes, "kms:Encrypt")[0]["Resource"] == [key]


def test_what_one_policy_cannot_hold_is_spread_over_several(deploy):
    """IAM takes 6144 characters; no statement may be lost on the way to the second document."""
    many = [f"a-very-long-prefix-of-names-{number}" for number in range(9)]
    args = pipeline(name_prefixes=many, role_boundary_arn=BOUNDARY)
    plan = plan_pipeline_identity(args)
    assert len(plan.write_policies) > 1
    assert all(len(document) <= 6144 for document in plan.write_policies)
    sids = [statement["Sid"] for document in plan.write_policies for statement in json.loads(document)["Statement"]]
    assert len(sids) == len(set(sids))
    made = deploy(lambda: PipelineIdentity("ci", args)).of("RolePolicyAttachment")
    attached = [name for name, each in made.items() if each.inputs["role"] == "seawall-test-ci-deploy"]
    assert len(attached) == len(plan.read_policies) + len(plan.write_policies)


def test_the_roles_hang_together(deploy):
    """The role that looks has the policy that reads; the one that deploys has it too, and those that write."""
    deployment = deploy(lambda: PipelineIdentity("ci", pipeline()))
    attached = {
        (each.inputs["role"], each.inputs["policyArn"].rpartition(":")[2])
        for each in deployment.of("RolePolicyAttachment").values()
    }
    assert ("seawall-test-ci-preview", "ci-read-1") in attached
    assert {policy for role, policy in attached if role == "seawall-test-ci-preview"} == {"ci-read-1"}
    assert {policy for role, policy in attached if role == "seawall-test-ci-deploy"} >= {"ci-read-1", "ci-write-1"}
    (provider,) = deployment.of("OpenIdConnectProvider").values()
    assert (provider.inputs["url"], provider.inputs["clientIdLists"]) == (f"https://{ISSUER}", ["sts.amazonaws.com"])


def test_a_provider_that_the_account_has_is_used(deploy):
    """IAM has one provider per issuer: a second stack in the account must not make it again."""
    deployment = deploy(lambda: PipelineIdentity("ci", pipeline(existing_provider=True)))
    assert deployment.of("OpenIdConnectProvider") == {}
    assert deployment.outputs["provider_arn"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def test_existing_resources_are_adopted_under_their_own_names(deploy):
    """Workflows name the roles: a role that is made anew under our name stops them all."""
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    ids = {"provider": provider, "preview_role": "ci-look", "deploy_role": "ci-do"}
    deployment = deploy(lambda: PipelineIdentity("ci", pipeline(import_ids=ids)))
    roles = {made.import_id: made.inputs["name"] for made in deployment.of("Role").values()}
    assert roles == {"ci-look": "ci-look", "ci-do": "ci-do"}
    assert not any("path" in made.inputs for made in deployment.of("Role").values())
    assert [made.import_id for made in deployment.of("OpenIdConnectProvider").values()] == [provider]


def test_every_action_that_stands_with_everything_exists_and_says_why():
    """The table of exceptions is what a reviewer reads: no dead entry, no entry without a reason."""
    for action, reason in WITHOUT_RESOURCE.items():
        service, _, name = action.partition(":")
        assert name in operations(service) or action in WITHOUT_OPERATION, action
        assert len(reason) > 10, action


def test_everything_is_refused_for_an_action_that_takes_an_arn():
    """The check stands where statements are made, so that no component can forget it."""
    with pytest.raises(InvalidInput) as caught:
        Statement("Oops", ("rds:DeleteDBInstance",))
    assert str(caught.value) == "Oops.resources = *: an ARN, since rds:DeleteDBInstance takes one"


def policy_of(**changes: Any) -> dict[str, Any]:
    statement = {
        "Sid": "Reads",
        "Effect": "Allow",
        "Action": ["ssm:GetParameter"],
        "Resource": [f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/shop"],
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"Action": ["ssm:*"]}, "Reads: ssm:* is a wildcard"),
        ({"Action": ["ssm:ReadParameter"]}, "Reads: ssm:ReadParameter is no action"),
        ({"Action": "sms:GetParameter"}, "Reads: sms:GetParameter is no action"),
        ({"Resource": "*"}, "Reads: ssm:GetParameter on everything"),
        ({"Resource": ["parameter/shop"]}, "Reads: parameter/shop is no ARN"),
        ({"Sid": "Reads it"}, "Reads it: a Sid is letters and digits, each once"),
        ({"Effect": "Deny"}, "Reads: Deny"),
        ({"Condition": {"StringSame": {"aws:SourceArn": "a"}}}, "Reads: StringSame is no operator"),
        ({"Condition": {"StringEquals": {"aws:Region": "a"}}}, "Reads: aws:Region is no condition key"),
        ({"Action": ["ssm:ListCommands"], "Resource": ["*"]}, "Reads: everything, everywhere"),
    ],
)
def test_the_linter_of_these_tests_finds_what_it_is_for(changes, finding):
    """A linter that finds nothing would make every policy look right."""
    assert finding in lint(policy_of(**changes))
    assert lint(policy_of()) == []
