"""Who may take a role: pods, roles and users, and tokens of a pipeline.

Sources: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Grant Pods access based on
tags" (the session tags that Pod Identity asks for); GitHub's documentation, "OpenID Connect reference" (subject claims);
IAM user guide, "Create a role for OpenID Connect federation" (the issuer's name in condition keys).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_seawall._arns import arn
from pulumi_seawall._identity_args import BranchPatternArgs, PipelineSubjectsArgs
from pulumi_seawall._inputs import checked_keys, line, listed, plain_string
from seawall.errors import InvalidInput

GITHUB: Final = "https://token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
LONGEST_ISSUER: Final = 255  # characters; IAM
LONGEST_CLAIM: Final = 255  # characters; IAM, of an audience
LONGEST_SUBJECT: Final = 512  # characters; ours
PULL_REQUEST: Final = ":pull_request"
KUBERNETES_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
CLUSTER_NAME: Final = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_REPOSITORY: Final = r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"
_GITHUB_SUBJECT: Final = re.compile(rf"repo:{_REPOSITORY}:(pull_request|environment:.+|ref:refs/(heads|tags)/.+)")
_PRINCIPAL: Final = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+|arn:aws[a-z-]*:sts::\d{12}:assumed-role/[\w+=,.@/-]+"
)


@dataclass(frozen=True, slots=True)
class Pod:
    """The pods of one service account in one cluster."""

    region: str
    cluster_name: str
    namespace: str
    service_account: str

    @property
    def key(self) -> str:
        """How messages and import ids name it."""
        return f"{self.region}/{self.cluster_name}/{self.namespace}/{self.service_account}"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whose tokens are believed.

    Args:
        exact: `sub` claims.
        patterns: `sub` claims with `*`, from branch patterns.
    """

    exact: tuple[str, ...]
    patterns: tuple[str, ...]


def pods_trust(pods: Sequence[Pod], account_id: str) -> list[dict[str, Any]]:
    """A statement per service account. Without the tags any association in the account could give the role away."""
    accounts = dict.fromkeys((pod.namespace, pod.service_account) for pod in pods)
    return [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": [
                        arn("eks", pod.region, account_id, f"cluster/{pod.cluster_name}")
                        for pod in pods
                        if (pod.namespace, pod.service_account) == (namespace, service_account)
                    ],
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }
        for namespace, service_account in accounts
    ]


def principals_trust(principals: Sequence[str], *, mfa: bool) -> dict[str, Any]:
    """Roles and users by ARN."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": sorted(principals)},
        "Action": "sts:AssumeRole",
    }
    if mfa:
        statement["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    return statement


def tokens_trust(provider_arn: str, issuer: str, audience: str, subjects: Subjects) -> list[dict[str, Any]]:
    """Tokens of one issuer, for one audience, with exactly these subjects; patterns in a statement of their own."""
    name = bare_issuer(issuer)
    found: list[dict[str, Any]] = []
    for operator, allowed in (("StringEquals", subjects.exact), ("StringLike", subjects.patterns)):
        if allowed:
            conditions: dict[str, dict[str, Any]] = {"StringEquals": {f"{name}:aud": audience}}
            conditions.setdefault(operator, {})[f"{name}:sub"] = sorted(allowed)
            found.append(
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider_arn},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": conditions,
                }
            )
    return found


def bare_issuer(issuer: str) -> str:
    """The issuer as IAM's ARNs and condition keys have it."""
    return issuer.removeprefix("https://")


def checked_principals(name: str, given: object) -> tuple[str, ...]:
    """ARNs of roles and users.

    Raises:
        InvalidInput: One is a whole account, has a wildcard, or is none.
    """
    principals = [plain_string(f"{name}[{place}]", one) for place, one in enumerate(listed(name, given))]
    for place, principal in enumerate(principals):
        if principal.endswith(":root") or not _PRINCIPAL.fullmatch(principal):
            because = "an account or * would let anybody in who has any right there"
            raise InvalidInput(f"{name}[{place}]", principal, allowed="the ARN of one role or user", because=because)
    return tuple(principals)


def checked_issuer(value: object) -> str:
    """The issuer's address.

    Raises:
        InvalidInput: It is none.
    """
    issuer = line("issuer", value, LONGEST_ISSUER)
    if not re.fullmatch(r"https://[a-z0-9.-]+(/[\w.~/-]*)?", issuer) or issuer.endswith("/"):
        raise InvalidInput("issuer", issuer, allowed="an https:// address without a slash at its end")
    return issuer


def checked_audience(value: object) -> str:
    """The audience.

    Raises:
        InvalidInput: It has a wildcard.
    """
    audience = line("audience", value, LONGEST_CLAIM)
    if "*" in audience or "?" in audience:
        raise InvalidInput("audience", audience, allowed="exactly one audience, without * and ?")
    return audience


def checked_subjects(name: str, given: object, issuer: str) -> Subjects:
    """Subjects, exact and by branch pattern.

    Raises:
        InvalidInput: There is none, one has a wildcard elsewhere than in a branch, or is no subject of that issuer.
    """
    args = checked_keys(f"{name}.", given, PipelineSubjectsArgs)
    exact = tuple(
        _subject(f"{name}.subjects[{place}]", subject, issuer)
        for place, subject in enumerate(listed(f"{name}.subjects", args.get("subjects", [])))
    )
    patterns = tuple(
        _branches(f"{name}.branches[{place}].", branch, issuer)
        for place, branch in enumerate(listed(f"{name}.branches", args.get("branches", [])))
    )
    if not exact and not patterns:
        raise InvalidInput(f"{name}.subjects", [], allowed="at least one subject, or one of branches")
    repeated = next((one for one in (*exact, *patterns) if (*exact, *patterns).count(one) > 1), None)
    if repeated is not None:
        raise InvalidInput(f"{name}.subjects", repeated, allowed="each subject once")
    return Subjects(exact, patterns)


def _subject(name: str, value: object, issuer: str) -> str:
    subject = line(name, value, LONGEST_SUBJECT)
    if "*" in subject or "?" in subject:
        because = "a wildcard in a subject lets other repositories and pull requests in"
        raise InvalidInput(
            name, subject, allowed="an exact subject; for branches by pattern see branches", because=because
        )
    if issuer == GITHUB and not _GITHUB_SUBJECT.fullmatch(subject):
        example = (
            "repo:owner/name:environment:prod, repo:owner/name:ref:refs/heads/main or repo:owner/name:pull_request"
        )
        raise InvalidInput(name, subject, allowed=f"such as {example}")
    return subject


def _branches(where: str, given: object, issuer: str) -> str:
    args = checked_keys(where, given, BranchPatternArgs)
    repository, pattern = (line(f"{where}{key}", args[key], LONGEST_SUBJECT) for key in ("repository", "pattern"))
    if issuer != GITHUB:
        raise InvalidInput(
            f"{where}pattern", pattern, allowed=f"only with the issuer {GITHUB}, whose subjects are known"
        )
    if not re.fullmatch(_REPOSITORY, repository):
        raise InvalidInput(f"{where}repository", repository, allowed="owner/name, exactly")
    if not re.fullmatch(r"[A-Za-z0-9_./-]+\*[A-Za-z0-9_./*-]*", pattern):
        raise InvalidInput(
            f"{where}pattern",
            pattern,
            allowed="a branch with a *, and at least one character before it, e.g. release/*",
        )
    return f"repo:{repository}:ref:refs/heads/{pattern}"


def refuse_pull_requests(name: str, subjects: Subjects) -> None:
    """Deploying is not for pull requests.

    Raises:
        InvalidInput: One of the subjects is a pull request.
    """
    for place, subject in enumerate(subjects.exact):
        if subject.endswith(PULL_REQUEST):
            because = "the code of a pull request runs before anybody has read it"
            raise InvalidInput(f"{name}.subjects[{place}]", subject, allowed="no pull request", because=because)


def one_of_regions(name: str, region: str, regions: Sequence[str]) -> None:
    """Refuse a region that is not one of the identity's.

    Raises:
        InvalidInput: It is not.
    """
    if region not in regions:
        raise InvalidInput(name, region, allowed=f"one of regions: {', '.join(regions)}")


def checked_pod(where: str, args: Mapping[str, Any], regions: Sequence[str]) -> Pod:
    """The pods of one service account.

    Raises:
        InvalidInput: A name is not one, or the region is not one of the identity's.
    """
    one_of_regions(f"{where}region", args["region"], regions)
    cluster = line(f"{where}cluster_name", args["cluster_name"], 100)
    if not CLUSTER_NAME.fullmatch(cluster):
        raise InvalidInput(f"{where}cluster_name", cluster, allowed="an EKS cluster's name")
    for key in ("namespace", "service_account"):
        value = args[key]
        if not isinstance(value, str) or not KUBERNETES_NAME.fullmatch(value):
            because = "a wildcard there would give the role to every pod of the cluster" if "*" in str(value) else None
            raise InvalidInput(f"{where}{key}", value, allowed="one Kubernetes name", because=because)
    return Pod(args["region"], cluster, args["namespace"], args["service_account"])
