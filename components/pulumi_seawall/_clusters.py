"""Kubernetes clusters as components reach them."""

import pulumi


def guarded(kubeconfig: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    """A kubeconfig's contents hold credentials, which must not stand in the state in the clear; a path holds none."""
    if kubeconfig is None or (isinstance(kubeconfig, str) and "\n" not in kubeconfig and "{" not in kubeconfig):
        return kubeconfig
    return pulumi.Output.secret(kubeconfig)
