"""From the arguments of a `WorkloadIdentity` to its role and policy: every check, and nothing registered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._arns import account, boundary
from pulumi_seawall._identity_args import (
    DatabaseLoginArgs,
    DatabaseRefArgs,
    PodArgs,
    WorkloadIdentityArgs,
    WorkloadImportIds,
    WorkloadPurpose,
)
from pulumi_seawall._identity_calls import Reach, workload_statements
from pulumi_seawall._identity_trust import (
    Pod,
    checked_pod,
    checked_principals,
    one_of_regions,
    pods_trust,
    principals_trust,
)
from pulumi_seawall._inputs import checked_keys, flag, line, listed, matching, member, shown, whole
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._policy import LARGEST_INLINE_POLICIES, policy_text, trust_text
from pulumi_seawall._regions import known_regions, region_outside
from seawall._failover import LONGEST_NAME
from seawall.contract import checked_environment, checked_service, declared_parameter, live_parameter
from seawall.errors import MISSING, InvalidInput

SESSION_SECONDS: Final = (3600, 43_200)  # IAM: one hour to twelve
LONGEST_IDENTIFIER: Final = 63  # characters; RDS
LONGEST_USERNAME: Final = 63  # characters; PostgreSQL, and longer than MySQL's 32
ROLE_AND_POLICY: Final = 2  # parts of `role:policy`
RESOURCE_ID: Final = re.compile(r"db-[A-Z0-9]+")
HEALTH_CHECK_ID: Final = re.compile(r"[0-9a-f-]{36}")
OBJECT_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}/[^*?]+")
ROUTING_CONTROL_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:route53-recovery-control::\d{12}:controlpanel/[0-9a-f]+/routingcontrol/[0-9a-f]+"
)

TABLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255}")
POLICY_VARIABLE: Final = "$"  # begins a variable in a policy
TABLES_OF_CLUSTERS: Final = ("board_table_arn", "leases_table_arn")

# Arguments that only some purposes take.
PURPOSES_OF: Final[Mapping[str, frozenset[WorkloadPurpose]]] = {
    "arbiter_region": frozenset({WorkloadPurpose.APP, WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR}),
    "database_logins": frozenset({WorkloadPurpose.APP}),
    "databases": frozenset({WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR}),
    "cluster": frozenset({WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR}),
    "board_table_arn": frozenset({WorkloadPurpose.OBSERVER, WorkloadPurpose.OPERATOR}),
    "leases_table_arn": frozenset({WorkloadPurpose.OPERATOR}),
    "journals_table_arn": frozenset({WorkloadPurpose.OPERATOR}),
    "health_check_ids": frozenset({WorkloadPurpose.SURVEYOR}),
    "switch_object_arns": frozenset({WorkloadPurpose.OPERATOR}),
    "routing_control_arns": frozenset({WorkloadPurpose.OPERATOR}),
}


@dataclass(frozen=True, slots=True)
class WorkloadPlan:
    """An identity, checked.

    Args:
        purpose: What it is for.
        description: The role's.
        regions: Where it works.
        pods: Who gets it in clusters.
        trust: Who may take it, as JSON.
        policy: What it may do, as JSON.
        session_seconds: How long a session lasts at most.
        permissions_boundary_arn: Of a policy that bounds it.
        import_ids: Existing resources to adopt.
        tags: The user's own.
    """

    purpose: WorkloadPurpose
    description: str
    regions: tuple[str, ...]
    pods: tuple[Pod, ...]
    trust: str
    policy: pulumi.Input[str]
    session_seconds: int
    permissions_boundary_arn: str | None
    import_ids: WorkloadImportIds
    tags: Mapping[str, str]


def plan_workload_identity(args: WorkloadIdentityArgs) -> WorkloadPlan:
    """Check an identity.

    Raises:
        InvalidInput: An argument is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("", args, WorkloadIdentityArgs))
    purpose = member("purpose", given["purpose"], WorkloadPurpose)
    for name, purposes in PURPOSES_OF.items():
        if name in given and purpose not in purposes:
            raise InvalidInput(name, shown(given[name]), allowed=f"not with purpose = {purpose.value}")
    account_id, regions = account("account_id", given["account_id"]), checked_regions(given["regions"])
    service = checked_service("service", given["service"])
    environment = checked_environment("environment", given["environment"])
    pods = _pods(given, regions)
    principals = checked_principals("assumed_by", given.get("assumed_by", []))
    if not pods and not principals:
        raise InvalidInput("pods", MISSING, allowed="pods, assumed_by or both, because nobody could take the role")
    mfa = flag("require_mfa", given.get("require_mfa", False))
    if mfa and not principals:
        raise InvalidInput("require_mfa", True, allowed="only with assumed_by, because a pod has no second factor")
    trust = pods_trust(pods, account_id) + ([principals_trust(principals, mfa=mfa)] if principals else [])
    reach = Reach(
        account_id=account_id,
        regions=regions,
        parameters=(declared_parameter(service, environment), live_parameter(service, environment)),
        arbiter_region=region_outside("arbiter_region", given["arbiter_region"], regions)
        if "arbiter_region" in given
        else None,
        databases=_databases(given, regions),
        logins=_logins(given, regions),
        health_check_ids=_each(given, "health_check_ids", HEALTH_CHECK_ID, "a health check's id"),
        switch_object_arns=_each(given, "switch_object_arns", OBJECT_ARN, "an ARN such as arn:aws:s3:::bucket/key"),
        routing_control_arns=_each(given, "routing_control_arns", ROUTING_CONTROL_ARN, "a routing control's ARN"),
        cluster=_cluster(given),
        board_table_arn=_table(given, "board_table_arn"),
        leases_table_arn=_table(given, "leases_table_arn"),
        journals_table_arn=_table(given, "journals_table_arn"),
    )
    shortest, longest = SESSION_SECONDS
    return WorkloadPlan(
        purpose=purpose,
        description=f"{purpose.value.replace('-', ' ').capitalize()} of {service} in {environment}",
        regions=regions,
        pods=pods,
        trust=trust_text("the role's trust policy", trust),
        policy=policy_text("the role's policy", workload_statements(purpose, reach), LARGEST_INLINE_POLICIES),
        session_seconds=whole("session_seconds", given.get("session_seconds", shortest), shortest, longest, "seconds"),
        permissions_boundary_arn=boundary("permissions_boundary_arn", given.get("permissions_boundary_arn")),
        import_ids=_import_ids(given, pods),
        tags=checked_tags("", given.get("tags")),
    )


def checked_regions(given: object) -> tuple[str, ...]:
    """At least one region, each once.

    Raises:
        InvalidInput: One is none, or stands there twice.
    """
    regions = known_regions("regions", given)
    if not regions or len(set(regions)) < len(regions):
        raise InvalidInput("regions", list(regions), allowed="at least one region, each once")
    return regions


def _pods(given: Mapping[str, Any], regions: Sequence[str]) -> tuple[Pod, ...]:
    pods: list[Pod] = []
    for place, entry in enumerate(listed("pods", given.get("pods", []))):
        where = f"pods[{place}]."
        pod = checked_pod(where, checked_keys(where, entry, PodArgs), regions)
        if pod in pods:
            because = "EKS has one association for a service account"
            raise InvalidInput(f"pods[{place}]", pod.key, allowed="each service account once", because=because)
        pods.append(pod)
    return tuple(pods)


def _databases(given: Mapping[str, Any], regions: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for place, entry in enumerate(listed("databases", given.get("databases", []))):
        where = f"databases[{place}]."
        one = checked_keys(where, entry, DatabaseRefArgs)
        one_of_regions(f"{where}region", one["region"], regions)
        identifier = line(f"{where}identifier", one["identifier"], LONGEST_IDENTIFIER)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", identifier):
            raise InvalidInput(f"{where}identifier", identifier, allowed="one instance's identifier, without wildcards")
        found.append((one["region"], identifier))
    return tuple(found)


def _logins(given: Mapping[str, Any], regions: Sequence[str]) -> tuple[tuple[str, pulumi.Input[str], str], ...]:
    found: list[tuple[str, pulumi.Input[str], str]] = []
    for place, entry in enumerate(listed("database_logins", given.get("database_logins", []))):
        where = f"database_logins[{place}]."
        one = checked_keys(where, entry, DatabaseLoginArgs)
        one_of_regions(f"{where}region", one["region"], regions)
        username = line(f"{where}username", one["username"], LONGEST_USERNAME)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$-]*", username):
            raise InvalidInput(f"{where}username", username, allowed="one user of the database, without wildcards")
        allowed = "such as db-ABCDEFGHIJKL01234: the instance's resource id, not its identifier"
        resource_id = matching(f"{where}resource_id", one["resource_id"], RESOURCE_ID, allowed)
        found.append((one["region"], resource_id, username))
    return tuple(found)


def _each(given: Mapping[str, Any], name: str, pattern: re.Pattern[str], allowed: str) -> tuple[pulumi.Input[str], ...]:
    values = listed(name, given.get(name, []))
    return tuple(matching(f"{name}[{place}]", value, pattern, allowed) for place, value in enumerate(values))


def _table(given: Mapping[str, Any], name: str) -> pulumi.Input[str] | None:
    if name not in given:
        return None
    return matching(
        name, given[name], TABLE_ARN, "a table's ARN, such as arn:aws:dynamodb:us-east-1:123456789012:table/votes"
    )


def _cluster(given: Mapping[str, Any]) -> str:
    """Whose items, which has to be said where there are tables of many clusters' items."""
    shared = [name for name in TABLES_OF_CLUSTERS if name in given]
    if "cluster" not in given:
        if shared:
            because = "other clusters' votes and leases stand in the same tables"
            raise InvalidInput("cluster", MISSING, allowed=f"with {shared[0]}", because=because)
        return ""
    cluster = line("cluster", given["cluster"], LONGEST_NAME)
    if POLICY_VARIABLE in cluster:
        raise InvalidInput("cluster", cluster, allowed="a name without $, which begins a variable in a policy")
    if not shared:
        raise InvalidInput("cluster", cluster, allowed=f"only with {' or '.join(TABLES_OF_CLUSTERS)}")
    return cluster


def _import_ids(given: Mapping[str, Any], pods: Sequence[Pod]) -> WorkloadImportIds:
    ids = checked_keys("import_ids.", given.get("import_ids", {}), WorkloadImportIds)
    policy = ids.get("role_policy")
    if policy is not None and len(policy.split(":")) != ROLE_AND_POLICY:
        raise InvalidInput("import_ids.role_policy", policy, allowed="the role's and the policy's name, role:policy")
    keys = [pod.key for pod in pods]
    for key, value in ids.get("associations", {}).items():
        if key not in keys:
            allowed = f"one of {', '.join(keys)}" if keys else "none, since there are no pods"
            raise InvalidInput(f"import_ids.associations[{key}]", value, allowed=allowed)
    return ids
