"""Managed policies of IAM, with their versions."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.iam import (
    ABSENT,
    LONGEST_POLICY_NAME,
    compact,
    description_refusals,
    document_refusals,
    name_refusals,
)
from localcloud.provider.aws.json_text import json_normal
from localcloud.provider.clients import ACCOUNT_ID, PARTITION, Cloud
from seawall.errors import InvalidInput

LARGEST_POLICY: Final = 6144  # characters without white space; IAM's fixed quota
MOST_VERSIONS: Final = 5  # of one policy; the oldest goes before a sixth is made


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("iam").create_policy(
        PolicyName=inputs["name"],
        Path=inputs["path"],
        PolicyDocument=inputs["policy"],
        Description=inputs.get("description", ""),
        Tags=tags.as_list({tags.REFERENCE_TAG: reference}),
    )
    return answer["Policy"]["Arn"]


def _labels(client: Any, arn: str) -> dict[str, str]:
    return tags.as_map(client.list_policy_tags(PolicyArn=arn)["Tags"])


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """Only below `/`, when a sweep asks without the path."""
    client = cloud.client("iam")
    arn = f"arn:{PARTITION}:iam::{ACCOUNT_ID}:policy{inputs.get('path', '/')}{inputs['name']}"
    return tags.marked([arn], lambda each: _labels(client, each), reference, {ABSENT})


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("iam")
    tags.bring(
        _labels(client, id_),
        inputs,
        lambda changed: client.tag_policy(PolicyArn=id_, Tags=tags.as_list(changed)),
        lambda removed: client.untag_policy(PolicyArn=id_, TagKeys=removed),
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("iam")
    policy = client.get_policy(PolicyArn=id_)["Policy"]
    version = client.get_policy_version(PolicyArn=id_, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {
        "name": policy["PolicyName"],
        "path": policy["Path"],
        "description": policy.get("Description", ""),
        "policy": compact(version["Document"]),
        "arn": policy["Arn"],
        "policyId": policy["PolicyId"],
        "attachmentCount": policy["AttachmentCount"],
        TAGS_ALL: tags.without_reference(_labels(client, id_)),
    }


def _other_versions(client: Any, arn: str) -> list[str]:
    """Ids of the versions that are not in force, the oldest first."""
    versions = client.list_policy_versions(PolicyArn=arn)["Versions"]
    others = [version for version in versions if not version["IsDefaultVersion"]]
    return [version["VersionId"] for version in sorted(others, key=lambda each: int(each["VersionId"].lstrip("v")))]


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    client = cloud.client("iam")
    if json_normal(inputs["policy"]) != json_normal(state.get("policy")):
        others = _other_versions(client, id_)
        if len(others) + 1 >= MOST_VERSIONS:
            client.delete_policy_version(PolicyArn=id_, VersionId=others[0])
        client.create_policy_version(PolicyArn=id_, PolicyDocument=inputs["policy"], SetAsDefault=True)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    client = cloud.client("iam")
    for version in _other_versions(client, id_):
        client.delete_policy_version(PolicyArn=id_, VersionId=version)
    client.delete_policy(PolicyArn=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from name_refusals(inputs, LONGEST_POLICY_NAME)
    yield from document_refusals(inputs, "policy", LARGEST_POLICY)
    yield from description_refusals(inputs)


POLICY: Final = Adapter(
    resource_type="aws:iam/policy:Policy",
    inputs={"description": str, "name": str, "path": str, "policy": str, "tags": dict},
    required=frozenset({"policy"}),
    regional=False,
    defaults={"path": "/"},
    autoname=Autoname(longest=LONGEST_POLICY_NAME),
    replaces=frozenset({"description", "name", "path"}),
    computed=frozenset({"arn", "attachmentCount", "policyId"}),
    normalizers={"policy": json_normal},
    absent_codes=frozenset({ABSENT}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
