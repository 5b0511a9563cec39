"""DynamoDB tables without indexes, streams or replicas."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 255  # characters
ON_DEMAND: Final = "PAY_PER_REQUEST"
DEFAULT_DAYS: Final = 35  # of point-in-time recovery: the longest, and what DynamoDB takes when none are said
ABSENT: Final = frozenset({"ResourceNotFoundException", "TableNotFoundException"})
TYPES: Final = ("S", "N", "B")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{3,255}")


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    keys = [{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}]
    if inputs.get("rangeKey") is not None:
        keys.append({"AttributeName": inputs["rangeKey"], "KeyType": "RANGE"})
    cloud.client("dynamodb").create_table(
        TableName=inputs["name"],
        KeySchema=keys,
        AttributeDefinitions=[
            {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs["attributes"]
        ],
        BillingMode=inputs["billingMode"],
        DeletionProtectionEnabled=inputs["deletionProtectionEnabled"],
        SSESpecification=_encryption(inputs),
        Tags=tags.as_list({tags.REFERENCE_TAG: reference}),
    )
    return inputs["name"]


def _encryption(inputs: Properties) -> dict[str, Any]:
    """Not enabled means DynamoDB's own key: nothing is ever stored in the clear."""
    given = inputs.get("serverSideEncryption") or {"enabled": False}
    key = {"KMSMasterKeyId": given["kmsKeyArn"]} if given.get("kmsKeyArn") else {}
    return {"Enabled": given["enabled"], **({"SSEType": "KMS", **key} if given["enabled"] else {})}


def _labels(cloud: Cloud, name: str) -> dict[str, str]:
    arn = cloud.arn("dynamodb", f"table/{name}")
    return tags.as_map(cloud.client("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"])


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """The table with the mark of this creation; a sweep asks without a name."""
    if inputs.get("name"):
        names = [inputs["name"]]
    else:
        pages = cloud.client("dynamodb").get_paginator("list_tables").paginate()
        names = [name for page in pages for name in page["TableNames"]]
    return tags.marked(names, lambda name: _labels(cloud, name), reference, ABSENT)


def _recovery(cloud: Cloud, name: str) -> dict[str, Any]:
    found = cloud.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    told = found.get("PointInTimeRecoveryDescription", {})
    enabled = told.get("PointInTimeRecoveryStatus") == "ENABLED"
    return {"enabled": True, "recoveryPeriodInDays": told["RecoveryPeriodInDays"]} if enabled else {"enabled": False}


def _with_days(recovery: dict[str, Any]) -> dict[str, Any]:
    """Point-in-time recovery with its days spelled out: those that are left out are the default."""
    if not recovery.get("enabled"):
        return {"enabled": False}
    return {"enabled": True, "recoveryPeriodInDays": recovery.get("recoveryPeriodInDays") or DEFAULT_DAYS}


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("dynamodb")
    wanted = _with_days(inputs.get("pointInTimeRecovery") or {})
    if wanted != _recovery(cloud, id_):
        days = {"RecoveryPeriodInDays": wanted["recoveryPeriodInDays"]} if wanted["enabled"] else {}
        client.update_continuous_backups(
            TableName=id_,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": wanted["enabled"], **days},
        )
    arn = cloud.arn("dynamodb", f"table/{id_}")
    tags.bring(
        _labels(cloud, id_),
        inputs,
        lambda changed: client.tag_resource(ResourceArn=arn, Tags=tags.as_list(changed)),
        lambda removed: client.untag_resource(ResourceArn=arn, TagKeys=removed),
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    table = cloud.client("dynamodb").describe_table(TableName=id_)["Table"]
    keys = {each["KeyType"]: each["AttributeName"] for each in table["KeySchema"]}
    recovery = _recovery(cloud, id_)
    return {
        "name": table["TableName"],
        "attributes": [
            {"name": each["AttributeName"], "type": each["AttributeType"]} for each in table["AttributeDefinitions"]
        ],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "billingMode": table["BillingModeSummary"]["BillingMode"],
        "deletionProtectionEnabled": table["DeletionProtectionEnabled"],
        "pointInTimeRecovery": recovery if recovery["enabled"] or "pointInTimeRecovery" in known else None,
        "arn": table["TableArn"],
        TAGS_ALL: tags.without_reference(_labels(cloud, id_)),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    wanted = {
        "BillingMode": ("billingMode", inputs["billingMode"]),
        "DeletionProtectionEnabled": ("deletionProtectionEnabled", inputs["deletionProtectionEnabled"]),
        "SSESpecification": ("serverSideEncryption", _encryption(inputs)),
    }
    before = {**state, "serverSideEncryption": _encryption(state)}
    for field, (name, value) in wanted.items():  # DynamoDB takes one change at a time
        if before.get(name) != value:
            cloud.client("dynamodb").update_table(TableName=id_, **{field: value})
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("dynamodb").delete_table(TableName=id_)


def _by_name(attributes: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(attributes, key=lambda each: str(each.get("name")))


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name, mode, attributes = (inputs.get(each) for each in ("name", "billingMode", "attributes"))
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield InvalidInput("name", name, allowed="3 to 255 letters, digits, dots, hyphens, underscores")
    if mode is not UNKNOWN and mode != ON_DEMAND:
        yield InvalidInput("billingMode", mode, allowed=f"{ON_DEMAND}: capacity is not emulated here")
    if not isinstance(attributes, list) or any(each is UNKNOWN for each in attributes):
        return
    keys = [inputs[each] for each in ("hashKey", "rangeKey") if inputs.get(each) is not None]
    if UNKNOWN not in keys and sorted(each["name"] for each in attributes) != sorted(keys):
        yield InvalidInput("attributes", attributes, allowed=f"exactly the keys, {', '.join(keys)}")
    for each in attributes:
        if each["type"] not in TYPES:
            yield InvalidInput("attributes", each["type"], allowed=f"one of {', '.join(TYPES)}")


TABLE: Final = Adapter(
    resource_type="aws:dynamodb/table:Table",
    inputs={
        "attributes": [{"name": str, "type": str}],
        "billingMode": str,
        "deletionProtectionEnabled": bool,
        "hashKey": str,
        "name": str,
        "pointInTimeRecovery": {"enabled": bool, "recoveryPeriodInDays": int},
        "rangeKey": str,
        "serverSideEncryption": {"enabled": bool, "kmsKeyArn": str},
        "tags": dict,
    },
    required=frozenset(
        {"attributes", "billingMode", "hashKey"}
    ),  # the real default, provisioned capacity, is not emulated
    defaults={"deletionProtectionEnabled": False},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"attributes", "hashKey", "name", "rangeKey"}),  # without indexes all attributes are keys
    write_only=frozenset({"serverSideEncryption"}),  # the local server keeps for ever what a table was made with
    normalizers={"attributes": _by_name, "pointInTimeRecovery": _with_days},
    computed=frozenset({"arn"}),
    absent_codes=ABSENT,
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
