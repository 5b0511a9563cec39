"""The installed SDKs' versions: which provider plugins resources and functions without a class of the SDK ask for."""

from functools import cache
from importlib.metadata import version


@cache
def aws_version() -> str:
    """Of the AWS provider: given with each token, so that no second provider is started beside the SDK's own."""
    return version("pulumi-aws")


@cache
def kubernetes_version() -> str:
    """Of the Kubernetes provider."""
    return version("pulumi-kubernetes")
