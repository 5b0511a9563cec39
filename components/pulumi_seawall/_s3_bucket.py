"""A private bucket with a policy, registered without the SDK's module for S3.

`pulumi_aws.s3` loads all of its sixty files for one type, which is 0.45 s and 17 MB in every preview, and warns of its own
deprecated ones; the three types that a switch needs are registered by their tokens, for the provider of the installed SDK.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._sdk import aws_version

BUCKET: Final = "aws:s3/bucket:Bucket"
PUBLIC_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
BLOCKED: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


class S3Resource(pulumi.CustomResource):
    """One resource, by its token; its outputs by their names in the schema."""

    def __init__(
        self,
        token: str,
        name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        outputs: Sequence[str] = (),
    ) -> None:
        versioned = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=aws_version()))
        super().__init__(token, name, {**inputs, **dict.fromkeys(outputs)}, versioned)

    def output(self, name: str) -> pulumi.Output[str]:
        """An output that is a string."""
        return cast("pulumi.Output[str]", getattr(self, name))


def declare_bucket(
    name: str, region: str, bucket: str | None, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> S3Resource:
    """A bucket; its outputs `arn`, `bucket` and `bucketRegionalDomainName` are known afterwards.

    Args:
        name: Of the resource.
        region: Where it is.
        bucket: Its name; made up by the provider when `None`.
        tags: Its tags.
        opts: Its options.
    """
    inputs: dict[str, Any] = {"region": region, "tags": dict(tags)}
    inputs["forceDestroy"] = True  # it holds nothing but the switch's position
    given = {"bucket": bucket} if bucket is not None else {}
    outputs = [key for key in ("arn", "bucket", "bucketRegionalDomainName") if key not in given]
    return S3Resource(BUCKET, name, {**inputs, **given}, opts, outputs)


def declare_policy(
    name: str,
    region: str,
    bucket: pulumi.Output[str],
    policy: pulumi.Output[str],
    parent: pulumi.ComponentResource,
) -> S3Resource:
    """Block Public Access, all four settings, and then the policy: S3 itself proves that the policy is not public."""
    blocked = S3Resource(
        PUBLIC_ACCESS_BLOCK,
        name,
        {"region": region, "bucket": bucket, **dict.fromkeys(BLOCKED, True)},
        pulumi.ResourceOptions(parent=parent),
    )
    return S3Resource(
        POLICY,
        name,
        {"region": region, "bucket": bucket, "policy": policy},
        pulumi.ResourceOptions(parent=parent, depends_on=[blocked]),
    )
