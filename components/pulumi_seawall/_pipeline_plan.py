"""From the arguments of a `PipelineIdentity` to its roles and policies: every check, and nothing registered."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, cast

from pulumi_seawall._arns import KEY_ARN, account, arn_of, boundary, partition_of
from pulumi_seawall._identity_args import PipelineIdentityArgs, PipelineImportIds, PipelineStateArgs
from pulumi_seawall._identity_calls import GLOBAL_REGIONS
from pulumi_seawall._identity_trust import (
    AUDIENCE,
    GITHUB,
    bare_issuer,
    checked_audience,
    checked_issuer,
    checked_subjects,
    refuse_pull_requests,
    tokens_trust,
)
from pulumi_seawall._inputs import checked_keys, flag, line, listed, nearest, plain_string
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._pipeline_access import (
    ADMINISTRATORS,
    ARN_SERVICES,
    ARNS,
    BOUNDED,
    BY_NAME_ONLY,
    GLOBAL_SERVICES,
    HOMES,
    KEY_USERS,
    LOOKS,
    PASSED_TO,
    TYPES,
    UNBOUND,
    WITHOUT_ACCOUNT,
    WITHOUT_REGION,
)
from pulumi_seawall._policy import (
    LARGEST_MANAGED_POLICY,
    WITHOUT_RESOURCE,
    Conditions,
    Statement,
    compact,
    document,
    in_regions,
    of_size,
    trust_text,
)
from pulumi_seawall._regions import ROUTE53_METRICS_REGION
from pulumi_seawall._workload_plan import checked_regions
from seawall.errors import InvalidInput

SHORTEST_PREFIX: Final = 3  # characters; a shorter one is everybody's
LONGEST_PREFIX: Final = 40  # characters
MOST_POLICIES: Final = 10  # managed ones of a role; IAM's default quota
BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """A pipeline's identity, checked.

    Args:
        issuer: Of the tokens.
        audience: Of the tokens.
        provider_arn: Of the issuer's provider in IAM: it follows from the issuer.
        declares_provider: Whether the issuer's provider in IAM is declared here.
        preview_trust: Who may take the role that looks, as JSON.
        deploy_trust: Who may take the role that deploys, as JSON.
        read_policies: What both may do, as JSON; as many documents as IAM's size for one asks for.
        write_policies: What the one that deploys may do beyond, likewise.
        import_ids: Existing resources to adopt.
        tags: The user's own.
    """

    issuer: str
    audience: str
    provider_arn: str
    declares_provider: bool
    preview_trust: str
    deploy_trust: str
    read_policies: tuple[str, ...]
    write_policies: tuple[str, ...]
    import_ids: PipelineImportIds
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the stack's resources are."""

    account_id: str
    regions: tuple[str, ...]
    prefixes: tuple[str, ...]

    @property
    def partition(self) -> str:
        return partition_of(self.regions[0])

    def where(self, service: str) -> dict[str, dict[str, list[str]]]:
        """The condition that a call goes to one of the regions."""
        if service in GLOBAL_SERVICES:
            return in_regions(GLOBAL_REGIONS[self.partition])
        return in_regions(HOMES[service]) if service in HOMES else in_regions(*self.regions)

    def arns(self, service: str, prefixes: Sequence[str]) -> tuple[str, ...]:
        """Of everything of a service that the stack may have; the region is held by a condition."""
        region = "" if service in WITHOUT_REGION else "*"
        owner = "" if service in WITHOUT_ACCOUNT else self.account_id
        start = f"arn:{self.partition}:{ARN_SERVICES.get(service, service)}:{region}:{owner}:"
        shapes = (shape.format(prefix=prefix) for shape in ARNS[service] for prefix in prefixes)
        return tuple(dict.fromkeys(start + shape for shape in shapes))


def plan_pipeline_identity(args: PipelineIdentityArgs) -> PipelinePlan:
    """Check a pipeline's identity.

    Raises:
        InvalidInput: An argument is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("", args, PipelineIdentityArgs))
    account_id = account("account_id", given["account_id"])
    regions = checked_regions(given["regions"])
    if partition_of(regions[0]) == partition_of(ROUTE53_METRICS_REGION):
        regions = tuple(dict.fromkeys((*regions, ROUTE53_METRICS_REGION)))
    issuer, audience = checked_issuer(given.get("issuer", GITHUB)), checked_audience(given.get("audience", AUDIENCE))
    preview, deploy = (checked_subjects(name, given[name], issuer) for name in ("preview", "deploy"))
    refuse_pull_requests("deploy", deploy)
    for subject in (*deploy.exact, *deploy.patterns):
        if subject in (*preview.exact, *preview.patterns):
            because = "one token that may take both roles makes them one"
            raise InvalidInput("preview.subjects", subject, allowed="none that may deploy", because=because)
    place = _Place(account_id, regions, _prefixes(given["name_prefixes"]))
    types = _types(given.get("resource_types", list(TYPES)))
    limit = boundary("role_boundary_arn", given.get("role_boundary_arn"))
    state = _state(given.get("state"), place.partition)
    provider = f"arn:{place.partition}:iam::{account_id}:oidc-provider/{bare_issuer(issuer)}"
    declares_provider = not flag("existing_provider", given.get("existing_provider", False))
    reads = [*_reads(types, place), *state[0]]
    writes = [*_writes(types, place, limit), *state[1]]
    read_policies, write_policies = _packed(reads), _packed(writes)
    number = len(read_policies) + len(write_policies)
    if number > MOST_POLICIES:
        raise InvalidInput(
            "the deploy role's policies", number, allowed=f"at most {MOST_POLICIES}, IAM's quota for a role"
        )
    return PipelinePlan(
        issuer=issuer,
        audience=audience,
        provider_arn=provider,
        declares_provider=declares_provider,
        preview_trust=trust_text("the preview role's trust policy", tokens_trust(provider, issuer, audience, preview)),
        deploy_trust=trust_text("the deploy role's trust policy", tokens_trust(provider, issuer, audience, deploy)),
        read_policies=read_policies,
        write_policies=write_policies,
        import_ids=_import_ids(given, place.prefixes, declares_provider=declares_provider),
        tags=checked_tags("", given.get("tags")),
    )


def _prefixes(given: object) -> tuple[str, ...]:
    prefixes = tuple(
        line(f"name_prefixes[{place}]", prefix, LONGEST_PREFIX)
        for place, prefix in enumerate(listed("name_prefixes", given))
    )
    for place, prefix in enumerate(prefixes):
        if len(prefix) < SHORTEST_PREFIX or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", prefix):
            allowed = f"at least {SHORTEST_PREFIX} letters, digits, _ and -, a letter first, without wildcards"
            raise InvalidInput(f"name_prefixes[{place}]", prefix, allowed=allowed)
    if not prefixes or len(set(prefixes)) < len(prefixes):
        raise InvalidInput("name_prefixes", list(prefixes), allowed="at least one prefix, each once")
    return prefixes


def _types(given: object) -> tuple[str, ...]:
    types = tuple(
        plain_string(f"resource_types[{place}]", one) for place, one in enumerate(listed("resource_types", given))
    )
    for place, one in enumerate(types):
        if one not in TYPES:
            guess = nearest(one, TYPES)
            allowed = "a type that Seawall's components declare" + (f"; did you mean {guess}?" if guess else "")
            raise InvalidInput(f"resource_types[{place}]", one, allowed=allowed)
    if not types:
        raise InvalidInput("resource_types", [], allowed="at least one type")
    return types


def _state(given: object, partition: str) -> tuple[list[Statement], list[Statement]]:
    """What reading and writing the state take."""
    if given is None:
        return [], []
    args = checked_keys("state.", given, PipelineStateArgs)
    bucket = plain_string("state.bucket", args["bucket"])
    if not BUCKET.fullmatch(bucket):
        raise InvalidInput("state.bucket", bucket, allowed="a bucket's name")
    prefix = plain_string("state.prefix", args.get("prefix", ""))
    if prefix.startswith("/") or prefix.endswith("/") or "*" in prefix:
        raise InvalidInput("state.prefix", prefix, allowed="a folder without slashes at its ends and without wildcards")
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    objects = (f"{bucket_arn}/{prefix}/*" if prefix else f"{bucket_arn}/*",)
    reads = [
        Statement("ListState", ("s3:ListBucket",), (bucket_arn,)),
        Statement("ReadState", ("s3:GetObject",), objects),
    ]
    writes = [Statement("WriteState", ("s3:DeleteObject", "s3:PutObject"), objects)]
    if "key_arn" in args:
        key = plain_string("state.key_arn", args["key_arn"])
        if not KEY_ARN.fullmatch(key):
            raise InvalidInput("state.key_arn", key, allowed="a KMS key's ARN, not an alias")
        keys = (key,)
        reads.append(Statement("DecryptState", ("kms:Decrypt",), keys))
        writes.append(Statement("EncryptState", ("kms:Encrypt", "kms:GenerateDataKey"), keys))
    return reads, writes


def _reads(types: Sequence[str], place: _Place) -> Iterator[Statement]:
    """Looking: at everything of a kind, since some objects are found only by listing them."""
    actions = {action for one in types for action in TYPES[one].reads} | set(LOOKS)
    yield from _statements("Read", actions, place, ("",))


def _writes(types: Sequence[str], place: _Place, limit: str | None) -> Iterator[Statement]:
    """Changing: what bears the stack's names, where names stand in ARNs. Roles only within the boundary."""
    actions = {action for one in types if one not in ADMINISTRATORS for action in TYPES[one].writes}
    of_iam = {action for action in actions if action.startswith("iam:")}
    yield from _statements("Change", actions - of_iam, place, place.prefixes)
    roles = tuple(each for each in place.arns("iam", place.prefixes) if ":role/" in each)
    passing: Conditions = {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}}
    yield Statement("PassRoles", ("iam:PassRole",), roles, passing)
    if KEY_USERS.intersection(types):
        keys = tuple(each for each in place.arns("kms", ("",)) if ":key/" in each)
        yield Statement("LendKeys", ("kms:CreateGrant",), keys, {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    if limit is not None and of_iam:
        bounded: Conditions = {"StringEquals": {"iam:PermissionsBoundary": limit}}
        yield Statement("ChangeBoundedRoles", tuple(of_iam & BOUNDED), roles, bounded)
        yield Statement("KeepRoles", tuple(of_iam - BOUNDED - {UNBOUND}), roles)


def _statements(verb: str, actions: set[str], place: _Place, prefixes: Sequence[str]) -> Iterator[Statement]:
    """A statement per service for what takes an ARN; one for what takes none, in the regions and in global services."""
    named = sorted(actions - WITHOUT_RESOURCE.keys())
    for service, group in groupby(named, lambda action: action.partition(":")[0]):
        sid = f"{verb}{service.replace('-', '').capitalize()}"
        names = place.prefixes if service in BY_NAME_ONLY else prefixes
        yield Statement(sid, tuple(group), place.arns(service, names), place.where(service))
    nameless = sorted(actions & WITHOUT_RESOURCE.keys())
    for sid, is_global in (("Anything", False), ("AnythingGlobal", True)):
        chosen = tuple(one for one in nameless if (one.partition(":")[0] in GLOBAL_SERVICES) is is_global)
        if chosen:
            yield Statement(f"{verb}{sid}", chosen, conditions=place.where(chosen[0].partition(":")[0]))


def _packed(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Statements in as few managed policies as hold them, in their order."""
    documents: list[list[Statement]] = []
    for statement in statements:
        if documents and len(compact(document([*documents[-1], statement]))) <= LARGEST_MANAGED_POLICY:
            documents[-1].append(statement)
        else:
            documents.append([statement])
    return tuple(of_size("a statement", compact(document(one)), LARGEST_MANAGED_POLICY) for one in documents)


def _import_ids(given: Mapping[str, Any], prefixes: Sequence[str], *, declares_provider: bool) -> PipelineImportIds:
    ids = checked_keys("import_ids.", given.get("import_ids", {}), PipelineImportIds)
    for key, role in (("preview_role", ids.get("preview_role")), ("deploy_role", ids.get("deploy_role"))):
        if role is not None and role.startswith(tuple(prefixes)):
            because = "it could otherwise change itself: only what is declared here gets a path of its own"
            raise InvalidInput(f"import_ids.{key}", role, allowed="a role with none of name_prefixes", because=because)
    provider = ids.get("provider")
    if provider is not None:
        if not declares_provider:
            raise InvalidInput(
                "import_ids.provider", provider, allowed="not with existing_provider: it is not declared here"
            )
        arn_of("import_ids.provider", provider, "iam", "oidc-provider/", "")
    return ids
