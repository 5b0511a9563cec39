"""Log groups of CloudWatch Logs."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 512  # characters
FOR_EVER: Final = 0  # the provider's word for groups that keep everything
PERIODS: Final = (
    *(FOR_EVER, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)  # days
_NAME: Final = re.compile(r"[\w./#-]+", re.ASCII)


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    cloud.client("logs").create_log_group(logGroupName=inputs["name"], tags={tags.REFERENCE_TAG: reference})
    return inputs["name"]


def _described(cloud: Cloud, name: str) -> dict[str, Any] | None:
    pages = cloud.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return next((group for page in pages for group in page["logGroups"] if group["logGroupName"] == name), None)


def _arn(cloud: Cloud, name: str) -> str:
    return cloud.arn("logs", f"log-group:{name}")


def _labels(cloud: Cloud, name: str) -> dict[str, str]:
    return dict(cloud.client("logs").list_tags_for_resource(resourceArn=_arn(cloud, name))["tags"])


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    name = inputs["name"]
    ours = _described(cloud, name) is not None and _labels(cloud, name).get(tags.REFERENCE_TAG) == reference
    return name if ours else None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("logs")
    if inputs["retentionInDays"] != FOR_EVER:
        client.put_retention_policy(logGroupName=id_, retentionInDays=inputs["retentionInDays"])
    elif (_described(cloud, id_) or {}).get("retentionInDays"):
        client.delete_retention_policy(logGroupName=id_)
    tags.bring(
        _labels(cloud, id_),
        inputs,
        lambda changed: client.tag_resource(resourceArn=_arn(cloud, id_), tags=changed),
        lambda removed: client.untag_resource(resourceArn=_arn(cloud, id_), tagKeys=removed),
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    group = _described(cloud, id_)
    if group is None:
        return None
    return {
        "name": id_,
        "retentionInDays": group.get("retentionInDays", FOR_EVER),
        "arn": _arn(cloud, id_),
        TAGS_ALL: tags.without_reference(_labels(cloud, id_)),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    if not state.get("skipDestroy"):
        cloud.client("logs").delete_log_group(logGroupName=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name, days = inputs.get("name"), inputs.get("retentionInDays")
    if isinstance(name, str) and (len(name) > LONGEST_NAME or not _NAME.fullmatch(name)):
        yield InvalidInput("name", name, allowed=f"1 to {LONGEST_NAME} letters, digits and _ - / . #")
    if days is not UNKNOWN and days not in PERIODS:
        yield InvalidInput("retentionInDays", days, allowed=f"one of {', '.join(map(str, PERIODS))}")


LOG_GROUP: Final = Adapter(
    resource_type="aws:cloudwatch/logGroup:LogGroup",
    inputs={"name": str, "retentionInDays": int, "skipDestroy": bool, "tags": dict},
    defaults={"retentionInDays": FOR_EVER, "skipDestroy": False},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name"}),
    write_only=frozenset({"skipDestroy"}),
    computed=frozenset({"arn"}),
    absent_codes=frozenset({"ResourceNotFoundException"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
