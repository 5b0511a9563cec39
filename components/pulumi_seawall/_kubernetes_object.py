"""Kubernetes objects as plain manifests, of kinds that the SDK has classes for and of those that it has not."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_seawall._sdk import kubernetes_version


class KubernetesObject(pulumi.CustomResource):
    """One object, declared as it is sent: what is tested against Kubernetes' schemas is what arrives.

    Args:
        token: The resource's type, e.g. `kubernetes:core/v1:Service`.
        name: Of the resource.
        manifest: With `apiVersion` and `kind`; parts may be known only during the deployment.
        opts: With the parent and the cluster's provider.
    """

    def __init__(self, token: str, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        versioned = pulumi.ResourceOptions(version=kubernetes_version())
        super().__init__(token, name, dict(manifest), pulumi.ResourceOptions.merge(opts, versioned))
