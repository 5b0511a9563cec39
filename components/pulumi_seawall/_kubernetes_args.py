"""Arguments of targets that are the load balancer of something in a cluster."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi


class KubernetesTargetKind(Enum):
    """What the load balancer belongs to."""

    INGRESS = "Ingress"
    """`networking.k8s.io/v1`."""
    GATEWAY = "Gateway"
    """`gateway.networking.k8s.io/v1`."""


class KubernetesTargetArgs(TypedDict):
    """The AWS load balancer of an Ingress or a Gateway: asked for in the region's cluster, and an alias target."""

    kind: KubernetesTargetKind
    """`Ingress` or `Gateway`."""
    name: pulumi.Input[str]
    """Its name. Of an object that the same program declares take the object's own output, `metadata.name`: the record
    then waits for the object, and the object for its load balancer."""
    namespace: NotRequired[str]
    """Its namespace; default `default`."""
    context: str
    """The region's context in the kubeconfig."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Path or contents; the user's own kubeconfig when absent."""
    dual_stack: NotRequired[bool]
    """Whether the load balancer answers on IPv6 too; default no."""
    search_zone: NotRequired[bool]
    """Whether to search the zone for the ownership records of external-dns, and refuse a name that it owns; default yes. No
    where whoever deploys may not list the zone's records: a function that fails ends the deployment."""
