"""What `seawall failover service` may call in its namespace: the least Role, as RBAC has it."""

from collections.abc import Mapping
from typing import Final

import yaml

from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    PODS,
    ROLLOUTS,
    SCALED_OBJECTS,
    SERVICES,
    Resource,
)

__all__ = ["LEASE", "LEASES", "role", "role_yaml"]

LEASE: Final = "seawall-failover"  # one for the namespace: two failovers of Services that share pods exclude each other
LEASES: Final = Resource("coordination.k8s.io", "v1", "Lease", "leases")

Rule = Mapping[str, list[str]]


def role(move: Move, namespace: str, *, changes: bool) -> Mapping[str, object]:
    """The Role of one failover; names are given wherever RBAC can hold a verb to them (`list` and `create` it cannot).

    Args:
        move: What is asked for.
        namespace: Where.
        changes: Whether for running, resuming and undoing it; else only for the dry run.
    """
    both = (move.source, move.target)
    touched = both if move.scale_source_to is not None else (move.target,)
    rules: list[Rule] = [_rule(SERVICES, ["get", *(["patch"] if changes else [])], move.service)]
    for resource in (DEPLOYMENTS, ROLLOUTS):
        read = [each.name for each in both if each.resource is resource]
        written = [each.name for each in touched if each.resource is resource]
        rules += [_rule(resource, ["get"], *read)] if read else []
        rules += [_rule(resource, ["patch"], *written)] if written and changes else []
    if any(each.resource is ROLLOUTS for each in both):
        rules.append(_rule(DEPLOYMENTS, ["get"]))  # whichever a `workloadRef` names
    rules += [_rule(each, ["list"]) for each in (PODS, ENDPOINT_SLICES, AUTOSCALERS, SCALED_OBJECTS)]
    if changes:
        rules += [_rule(LEASES, ["create"]), _rule(LEASES, ["get", "update"], LEASE)]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": f"seawall-failover-{move.service}", "namespace": namespace},
        "rules": rules,
    }


def role_yaml(move: Move, namespace: str, *, changes: bool) -> str:
    """The Role as YAML, for `kubectl apply`."""
    return yaml.safe_dump(role(move, namespace, changes=changes), sort_keys=False)


def _rule(resource: Resource, verbs: list[str], *names: str) -> Rule:
    rule = {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": verbs}
    return {**rule, "resourceNames": list(names)} if names else rule
