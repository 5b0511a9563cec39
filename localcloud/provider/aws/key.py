"""KMS keys and their aliases."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

DELETION_DAYS: Final = (7, 30)
DEFAULT_DELETION_DAYS: Final = 30
LONGEST_DESCRIPTION: Final = 8192  # characters
USAGES: Final = ("ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "SIGN_VERIFY")
PENDING: Final = ("PendingDeletion", "PendingReplicaDeletion")  # such a key counts as gone
DEFAULT_POLICY: Final = "default"  # the only name a key's policy can have
ALIAS: Final = re.compile(r"alias/(?!aws/)[A-Za-z0-9/_-]{1,250}")


def _labels(labels: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in sorted(labels.items())]


def _read_labels(client: Any, id_: str) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in client.list_resource_tags(KeyId=id_)["Tags"]}


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request: dict[str, Any] = {
        "Description": inputs.get("description", ""),
        "KeyUsage": inputs["keyUsage"],
        "KeySpec": inputs["customerMasterKeySpec"],
        "MultiRegion": bool(inputs.get("multiRegion")),
        "BypassPolicyLockoutSafetyCheck": bool(inputs.get("bypassPolicyLockoutSafetyCheck")),
        "Tags": _labels({tags.REFERENCE_TAG: reference}),
    }
    if inputs.get("policy"):
        request["Policy"] = inputs["policy"]
    return cloud.client("kms").create_key(**request)["KeyMetadata"]["KeyId"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    client = cloud.client("kms")
    for page in client.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            if _read_labels(client, key["KeyId"]).get(tags.REFERENCE_TAG) == reference:
                return key["KeyId"]
    return None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("kms")
    if inputs.get("enableKeyRotation") is not None:
        current = client.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"]
        if inputs["enableKeyRotation"] and not current:
            client.enable_key_rotation(KeyId=id_)
        elif current and not inputs["enableKeyRotation"]:
            client.disable_key_rotation(KeyId=id_)
    enabled = client.describe_key(KeyId=id_)["KeyMetadata"]["Enabled"]
    if inputs["isEnabled"] and not enabled:
        client.enable_key(KeyId=id_)
    elif enabled and not inputs["isEnabled"]:
        client.disable_key(KeyId=id_)
    tags.bring(
        _read_labels(client, id_),
        inputs,
        lambda changed: client.tag_resource(KeyId=id_, Tags=_labels(changed)),
        lambda removed: client.untag_resource(KeyId=id_, TagKeys=removed),
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("kms")
    key = client.describe_key(KeyId=id_)["KeyMetadata"]
    if key["KeyState"] in PENDING:
        return None
    symmetric = key["KeySpec"] == "SYMMETRIC_DEFAULT"
    return {
        "customerMasterKeySpec": key["KeySpec"],
        "description": key.get("Description", ""),
        "enableKeyRotation": client.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"] if symmetric else False,
        "isEnabled": key["Enabled"],
        "keyUsage": key["KeyUsage"],
        "multiRegion": key.get("MultiRegion", False),
        "policy": client.get_key_policy(KeyId=id_, PolicyName=DEFAULT_POLICY)["Policy"],
        "arn": key["Arn"],
        "keyId": key["KeyId"],
        TAGS_ALL: tags.without_reference(_read_labels(client, id_)),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    client = cloud.client("kms")
    if inputs.get("description", "") != state.get("description", ""):
        client.update_key_description(KeyId=id_, Description=inputs.get("description", ""))
    if inputs.get("policy") and json_normal(inputs["policy"]) != json_normal(state.get("policy")):
        bypass = bool(inputs.get("bypassPolicyLockoutSafetyCheck"))
        client.put_key_policy(
            KeyId=id_, PolicyName=DEFAULT_POLICY, Policy=inputs["policy"], BypassPolicyLockoutSafetyCheck=bypass
        )
    rotates = inputs.get("enableKeyRotation", False)  # left out, it does not rotate
    _finish(cloud, id_, {**inputs, "enableKeyRotation": rotates})


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    client = cloud.client("kms")
    if client.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] not in PENDING:
        days = state.get("deletionWindowInDays") or DEFAULT_DELETION_DAYS
        client.schedule_key_deletion(KeyId=id_, PendingWindowInDays=days)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    days, usage, description = (inputs.get(name) for name in ("deletionWindowInDays", "keyUsage", "description"))
    shortest, longest = DELETION_DAYS
    if isinstance(days, int) and not shortest <= days <= longest:
        yield InvalidInput("deletionWindowInDays", days, allowed=f"{shortest} to {longest} days")
    if isinstance(usage, str) and usage not in USAGES:
        yield InvalidInput("keyUsage", usage, allowed=f"one of {', '.join(USAGES)}")
    if isinstance(description, str) and len(description) > LONGEST_DESCRIPTION:
        yield InvalidInput("description", f"{len(description)} characters", allowed=f"at most {LONGEST_DESCRIPTION}")
    yield from json_refusals(inputs, "policy")


KEY: Final = Adapter(
    resource_type="aws:kms/key:Key",
    inputs={
        "bypassPolicyLockoutSafetyCheck": bool,
        "customerMasterKeySpec": str,
        "deletionWindowInDays": int,
        "description": str,
        "enableKeyRotation": bool,
        "isEnabled": bool,
        "keyUsage": str,
        "multiRegion": bool,
        "policy": str,
        "tags": dict,
    },
    defaults={
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "isEnabled": True,
        "keyUsage": "ENCRYPT_DECRYPT",
    },
    replaces=frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion"}),
    keeps=frozenset({"description", "multiRegion", "policy"}),
    write_only=frozenset({"bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"}),
    computed=frozenset({"arn", "keyId"}),
    normalizers={"policy": json_normal},
    absent_codes=frozenset({"NotFoundException"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)


def _bare_key_id(key: Any) -> Any:
    """A key's id, from the id or the ARN."""
    return key.rpartition("/")[2] if isinstance(key, str) else key


def _alias(cloud: Cloud, name: str) -> Properties | None:
    for page in cloud.client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == name:
                return alias
    return None


def _create_alias(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # the name is the alias's only identity
    cloud.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return inputs["name"]


def _find_alias(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """An alias of that name for that key; one for another key is somebody else's."""
    del reference
    found = _alias(cloud, inputs.get("name", ""))
    same = found is not None and _bare_key_id(inputs.get("targetKeyId")) == found.get("TargetKeyId")
    return inputs["name"] if same else None


def _read_alias(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    alias = _alias(cloud, id_)
    if alias is None:
        return None
    return {
        "name": id_,
        "targetKeyId": alias.get("TargetKeyId"),
        "targetKeyArn": cloud.arn("kms", f"key/{alias['TargetKeyId']}") if alias.get("TargetKeyId") else None,
        "arn": alias["AliasArn"],
    }


def _update_alias(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    if _bare_key_id(state.get("targetKeyId")) != _bare_key_id(inputs["targetKeyId"]):
        cloud.client("kms").update_alias(AliasName=id_, TargetKeyId=inputs["targetKeyId"])


def _delete_alias(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    if _alias(cloud, id_) is not None:
        cloud.client("kms").delete_alias(AliasName=id_)


def _alias_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if name is not None and name is not UNKNOWN and not ALIAS.fullmatch(str(name)):
        allowed = "alias/ and up to 250 letters, digits, / _ and -; alias/aws/ is AWS's own"
        yield InvalidInput("name", name, allowed=allowed)


ALIAS_OF_KEY: Final = Adapter(
    resource_type="aws:kms/alias:Alias",
    inputs={"name": str, "targetKeyId": str},
    required=frozenset({"name", "targetKeyId"}),
    replaces=frozenset({"name"}),
    computed=frozenset({"arn", "targetKeyArn"}),
    normalizers={"targetKeyId": _bare_key_id},
    absent_codes=frozenset({"NotFoundException"}),
    refusals=_alias_refusals,
    create=_create_alias,
    find=_find_alias,
    read=_read_alias,
    update=_update_alias,
    delete=_delete_alias,
)
