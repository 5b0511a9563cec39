"""Kubernetes objects as plain manifests, of kinds that the SDK has classes for and of those that it has not."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_seawall._sdk import kubernetes_version


class KubernetesObject(pulumi.CustomResource):
    """One object, declared as it is sent: what is tested against Kubernetes' schemas is what arrives.

    Args:
        name: Of the resource.
        manifest: With `apiVersion` and `kind`; parts may be known only during the deployment.
        opts: With the parent and the cluster's provider.
        kind: The resource's kind where it is not the manifest's: a patch of an object that somebody else owns.
    """

    def __init__(
        self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions, *, kind: str | None = None
    ) -> None:
        version = str(manifest["apiVersion"])
        group = version if "/" in version else f"core/{version}"
        super().__init__(
            f"kubernetes:{group}:{kind or manifest['kind']}",
            name,
            dict(manifest),
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=kubernetes_version())),
        )
