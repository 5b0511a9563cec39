"""S3 buckets, their Block Public Access and their policies. The id of all three is the bucket's name.

Sources: S3 user guide, "General purpose bucket naming rules"; the provider's `aws_s3_bucket`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import PARTITION, Cloud
from localcloud.provider.failures import is_absent
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 63  # characters
DEFAULT_LOCATION: Final = "us-east-1"  # the one region that S3 does not want to be told
ABSENT: Final = frozenset({"NoSuchBucket", "404"})
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BLOCKS: Final = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}


def _tags(cloud: Cloud, bucket: str) -> dict[str, str]:
    try:
        return tags.as_map(cloud.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"])
    except Exception as error:
        if is_absent(error, {"NoSuchTagSet"}):
            return {}
        raise


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    client, name = cloud.client("s3"), inputs["bucket"]
    where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    client.create_bucket(Bucket=name, **(where if cloud.region != DEFAULT_LOCATION else {}))
    client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags.as_list({tags.REFERENCE_TAG: reference})})
    return name


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """By the tag; a sweep asks without a name where the program gave one."""
    names = [inputs["bucket"]] if inputs.get("bucket") else [one["Name"] for one in _all(cloud)]
    return tags.marked(names, lambda name: _tags(cloud, name), reference, ABSENT)


def _all(cloud: Cloud) -> list[dict[str, Any]]:
    return list(cloud.client("s3").list_buckets()["Buckets"])


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    """Tags are written as a whole; the mark of the creation stays among them."""
    mark = {key: value for key, value in _tags(cloud, id_).items() if key == tags.REFERENCE_TAG}
    wanted = {**inputs.get(TAGS_ALL, {}), **mark}
    if wanted:
        cloud.client("s3").put_bucket_tagging(Bucket=id_, Tagging={"TagSet": tags.as_list(wanted)})
    else:
        cloud.client("s3").delete_bucket_tagging(Bucket=id_)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    cloud.client("s3").head_bucket(Bucket=id_)
    return {
        "bucket": id_,
        "arn": f"arn:{PARTITION}:s3:::{id_}",
        "bucketDomainName": f"{id_}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{id_}.s3.{cloud.region}.amazonaws.com",
        TAGS_ALL: tags.without_reference(_tags(cloud, id_)),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    client = cloud.client("s3")
    if state.get("forceDestroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=id_):
            doomed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in doomed]
            if keys:
                client.delete_objects(Bucket=id_, Delete={"Objects": keys})
    client.delete_bucket(Bucket=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("bucket")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield InvalidInput("bucket", name, allowed="3 to 63 lower-case letters, digits, inner dots and hyphens")


BUCKET: Final = Adapter(
    resource_type="aws:s3/bucket:Bucket",
    inputs={"bucket": str, "forceDestroy": bool, "tags": dict},
    defaults={"forceDestroy": False},
    autoname=Autoname(property="bucket", longest=LONGEST_NAME),
    replaces=frozenset({"bucket"}),
    write_only=frozenset({"forceDestroy"}),
    computed=frozenset({"arn", "bucketDomainName", "bucketRegionalDomainName"}),
    absent_codes=ABSENT,
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)


def _block(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    settings = {member: bool(inputs.get(name)) for name, member in _BLOCKS.items()}
    cloud.client("s3").put_public_access_block(Bucket=inputs["bucket"], PublicAccessBlockConfiguration=settings)
    return inputs["bucket"]


def _blocked(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    found = cloud.client("s3").get_public_access_block(Bucket=id_)["PublicAccessBlockConfiguration"]
    return {"bucket": id_, **{name: found[member] for name, member in _BLOCKS.items()}}


def _reblock(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del id_, state
    _block(cloud, inputs, "")


def _unblock(cloud: Cloud, id_: str, state: Properties) -> None:
    if not state.get("skipDestroy"):
        cloud.client("s3").delete_public_access_block(Bucket=id_)


PUBLIC_ACCESS_BLOCK: Final = Adapter(
    resource_type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    inputs={"bucket": str, "skipDestroy": bool, **dict.fromkeys(_BLOCKS, bool)},
    required=frozenset({"bucket"}),
    defaults=dict.fromkeys(_BLOCKS, False),
    replaces=frozenset({"bucket"}),
    keeps=frozenset({"skipDestroy"}),
    write_only=frozenset({"skipDestroy"}),
    absent_codes=ABSENT | {"NoSuchPublicAccessBlockConfiguration"},
    create=_block,
    read=_blocked,
    update=_reblock,
    delete=_unblock,
)


def _put_policy(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    cloud.client("s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])
    return inputs["bucket"]


def _policy(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    return {"bucket": id_, "policy": cloud.client("s3").get_bucket_policy(Bucket=id_)["Policy"]}


def _replace_policy(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del id_, state
    _put_policy(cloud, inputs, "")


def _delete_policy(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("s3").delete_bucket_policy(Bucket=id_)


BUCKET_POLICY: Final = Adapter(
    resource_type="aws:s3/bucketPolicy:BucketPolicy",
    inputs={"bucket": str, "policy": str},
    required=frozenset({"bucket", "policy"}),
    replaces=frozenset({"bucket"}),
    normalizers={"policy": json_normal},
    absent_codes=ABSENT | {"NoSuchBucketPolicy"},
    refusals=lambda inputs: json_refusals(inputs, "policy"),
    create=_put_policy,
    read=_policy,
    update=_replace_policy,
    delete=_delete_policy,
)
