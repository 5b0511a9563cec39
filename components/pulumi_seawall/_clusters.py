"""Kubernetes clusters as components reach them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._inputs import is_plain, line, plain_string
from seawall.errors import InvalidInput

NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # Kubernetes: an RFC 1123 label
LONGEST_CONTEXT: Final = 253  # characters; kubectl sets no limit, clusters' names do


@dataclass(frozen=True, slots=True)
class Reach:
    """How a cluster is reached, and where in it.

    Args:
        context: Of the kubeconfig; None for its current one.
        kubeconfig: Contents or path; None for the deploying user's own.
        namespace: Of what is declared.
    """

    context: str | None
    kubeconfig: pulumi.Input[str] | None
    namespace: str


def plan_reach(where: str, given: Mapping[str, Any]) -> Reach:
    """A cluster's `context`, `kubeconfig` and `namespace`, checked.

    Args:
        where: Prefix for names in messages, e.g. `clusters[0].`.
        given: The cluster's arguments; what is absent has its default.

    Raises:
        InvalidInput: One is not allowed.
    """
    namespace = plan_namespace(f"{where}namespace", given.get("namespace", "default"))
    context = line(f"{where}context", given["context"], LONGEST_CONTEXT) if "context" in given else None
    return Reach(context, plan_kubeconfig(f"{where}kubeconfig", given.get("kubeconfig")), namespace)


def plan_namespace(name: str, value: object) -> str:
    """A namespace's name.

    Raises:
        InvalidInput: It is none.
    """
    namespace = plain_string(name, value)
    if not NAMESPACE.fullmatch(namespace):
        raise InvalidInput(
            name, namespace, allowed="1 to 63 lower-case letters, digits and hyphens, no hyphen at an end"
        )
    return namespace


def plan_kubeconfig(name: str, value: Any) -> pulumi.Input[str] | None:
    """A kubeconfig, when one is given. Messages never show it.

    Raises:
        InvalidInput: It is known and empty, or no string.
    """
    if is_plain(value) and value is not None and (not isinstance(value, str) or not value):
        raise InvalidInput(name, "(hidden)", allowed="the contents of a kubeconfig, or its path")
    return value


def guarded(kubeconfig: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    """A kubeconfig's contents hold credentials, which must not stand in the state in the clear; a path holds none."""
    if kubeconfig is None or (isinstance(kubeconfig, str) and "\n" not in kubeconfig and "{" not in kubeconfig):
        return kubeconfig
    return pulumi.Output.secret(kubeconfig)


def provider_of(
    component: pulumi.ComponentResource,
    name: str,
    region: str,
    reach: Reach,
    providers: Mapping[str, kubernetes.Provider] | None,
    *,
    mutable_config_maps: bool = False,
) -> kubernetes.Provider:
    """The program's own provider of a region's cluster, or one that is made for the component.

    Args:
        component: The parent of one that is made.
        name: The component's.
        region: The cluster's.
        reach: How the cluster is reached.
        providers: By region, the program's own.
        mutable_config_maps: Whether one that is made changes a ConfigMap in its place. Otherwise each new content is a
            deletion and then a creation, and in between there is none.
    """
    return (providers or {}).get(region) or kubernetes.Provider(
        f"{name}-{region}",
        context=reach.context,
        kubeconfig=guarded(reach.kubeconfig),
        enable_config_map_mutable=True if mutable_config_maps else None,
        opts=pulumi.ResourceOptions(parent=component),
    )
