"""Hold fault experiments, roles and the pipeline's rights against the cloud's own API."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import GONE, Finding, unlike
from localcloud.provider.aws.pod_identity import TOKEN
from localcloud.provider.clients import GLOBAL_REGION
from localcloud.provider.recorded import recorded

POLICY: Final = "seawall"  # the name under which a workload's rights stand in its role


def faults(session: Any, endpoint: str, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    """Each experiment: what it does, what stops it, whom it may hit, and that only FIS takes its role.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `faults`, each with `name`, `region`, `template_id`, `description`, `role_arn`,
            `stop_alarms`, `target_tags` and `actions`.
    """
    iam = session.client("iam", region_name=GLOBAL_REGION, endpoint_url=endpoint)
    for claim in outputs.get("faults", []):
        fis = session.client("fis", region_name=claim["region"], endpoint_url=endpoint)
        try:
            template = fis.get_experiment_template(id=claim["template_id"])["experimentTemplate"]
        except fis.exceptions.ResourceNotFoundException:
            yield Finding("fault", claim["name"], "missing", GONE)
            continue
        targets = list(template["targets"].values())
        alarms = sorted(condition.get("value", condition["source"]) for condition in template["stopConditions"])
        modes = ", ".join(sorted({target["selectionMode"] for target in targets}))
        yield Finding(
            "fault",
            claim["name"],
            f"{modes} by tag; actions: {len(template['actions'])}, stop alarms: {len(alarms)}",
            unlike(
                {
                    "description": (claim["description"], template["description"]),
                    "actions": (
                        claim["actions"],
                        sorted(action["actionId"] for action in template["actions"].values()),
                    ),
                    "stop alarms": (sorted(claim["stop_alarms"]), alarms),
                    "targets' tags": (
                        [claim["target_tags"]] * len(targets),
                        [target.get("resourceTags", {}) for target in targets],
                    ),
                    "role": (claim["role_arn"], template["roleArn"]),
                    "who takes the role": ({"Service": "fis.amazonaws.com"}, _taker(iam, claim["role_arn"])),
                }
            ),
        )


def identities(session: Any, endpoint: str, outputs: Mapping[str, Any], recorded_file: Path) -> Iterator[Finding]:
    """Each role: its rights and its trust, word for word; the associations, which are recorded only; the pipeline's roles.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `identities`, each with `purpose`, `role`, `policy`, `trust` and `associations`, and
            `pipeline`.
        recorded_file: Where the provider plugin keeps what the cloud cannot emulate.
    """
    iam = session.client("iam", region_name=GLOBAL_REGION, endpoint_url=endpoint)
    kept = {one.id for one in recorded(recorded_file) if one.type == TOKEN}
    for claim in outputs.get("identities", []):
        yield _role(iam, claim)
        for pods, association in claim["associations"].items():
            found = association in kept
            yield Finding(
                "pods",
                f"{pods} as {claim['role']}",
                "recorded only: moto has no Pod Identity" if found else "missing",
                () if found else GONE,
                recorded_only=found,
            )
    if outputs.get("pipeline"):
        yield from _pipeline(iam, outputs["pipeline"])


def _role(iam: Any, claim: Mapping[str, Any]) -> Finding:
    try:
        role = iam.get_role(RoleName=claim["role"])["Role"]
        policy = iam.get_role_policy(RoleName=claim["role"], PolicyName=POLICY)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return Finding("role", claim["role"], "missing", GONE)
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    return Finding(
        "role",
        claim["role"],
        f"{claim['purpose']}; permissions: {len(allowed)}",
        unlike(
            {
                "policy": (json.loads(claim["policy"]), policy),
                "trust": (json.loads(claim["trust"]), role["AssumeRolePolicyDocument"]),
            }
        ),
    )


def _pipeline(iam: Any, claim: Mapping[str, Any]) -> Iterator[Finding]:
    """The provider, and how many policies each role has."""
    wanted = {
        "preview": (claim["preview_role_arn"], claim["read_policies"]),
        "deploy": (claim["deploy_role_arn"], claim["read_policies"] + claim["write_policies"]),
    }
    for purpose, (arn, policies) in wanted.items():
        name = arn.rpartition("/")[2]
        try:
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        except iam.exceptions.NoSuchEntityException:
            yield Finding("pipeline", name, "missing", GONE)
            continue
        yield Finding(
            "pipeline",
            name,
            f"{purpose}; policies: {len(attached)}; by tokens of {claim['provider_arn'].partition('/')[2]}",
            unlike(
                {
                    "policies": (policies, len(attached)),
                    "who takes the role": ({"Federated": claim["provider_arn"]}, _taker(iam, arn)),
                }
            ),
        )


def _taker(iam: Any, arn: str) -> Any:
    """The principal of a role's first statement; None when there is no such role."""
    try:
        trust = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return trust["Statement"][0]["Principal"]
