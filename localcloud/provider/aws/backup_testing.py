"""AWS Backup's restore testing plans, and the selections of what each restores."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.aws.backup_vault import (
    ABSENT,
    DEFAULT_ZONE,
    LONGEST_NAME,
    backup_tags_read,
    backup_tags_write,
    find_made_with,
)
from localcloud.provider.clients import Cloud
from localcloud.provider.values import is_known
from seawall.errors import InvalidInput

TESTING_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,50}")
DEFAULT_SELECTION_DAYS: Final = 30
DEFAULT_START_HOURS: Final = 24
SEPARATOR: Final = ":"  # of a selection's id: `<selection>:<plan>`, as the real provider has it

_CHOICE: Final = {
    "algorithm": "Algorithm",
    "excludeVaults": "ExcludeVaults",
    "includeVaults": "IncludeVaults",
    "recoveryPointTypes": "RecoveryPointTypes",
    "selectionWindowDays": "SelectionWindowDays",
}


def name_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    """An error of a name that AWS would not take."""
    name = inputs.get("name")
    if isinstance(name, str) and not TESTING_NAME.fullmatch(name):
        yield InvalidInput("name", name, allowed=f"1 to {LONGEST_NAME} letters, digits and underscores")


def _choice(given: Properties) -> dict[str, Any]:
    with_defaults = {"excludeVaults": [], "selectionWindowDays": DEFAULT_SELECTION_DAYS, **given}
    return {member: with_defaults[name] for name, member in _CHOICE.items() if name in with_defaults}


def _choice_normal(given: Properties) -> Any:
    """Order does not count; what was left out counts as what the API fills in."""
    if not is_known(given):
        return given
    return {member: as_set(value) if isinstance(value, list) else value for member, value in _choice(given).items()}


def _document(inputs: Properties) -> dict[str, Any]:
    return {
        "RecoveryPointSelection": _choice(inputs["recoveryPointSelection"]),
        "ScheduleExpression": inputs["scheduleExpression"],
        "ScheduleExpressionTimezone": inputs["scheduleExpressionTimezone"],
        "StartWindowHours": inputs["startWindowHours"],
    }


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("backup").create_restore_testing_plan(
        RestoreTestingPlan={"RestoreTestingPlanName": inputs["name"], **_document(inputs)},
        Tags={tags.REFERENCE_TAG: reference},
    )
    return answer["RestoreTestingPlanName"]


def _plan(client: Any, name: str) -> dict[str, Any]:
    return client.get_restore_testing_plan(RestoreTestingPlanName=name)["RestoreTestingPlan"]


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("backup")
    backup_tags_write(client, _plan(client, id_)["RestoreTestingPlanArn"], inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    client = cloud.client("backup")
    plan = _plan(client, id_)
    chosen = plan["RecoveryPointSelection"]
    return {
        "name": plan["RestoreTestingPlanName"],
        "arn": plan["RestoreTestingPlanArn"],
        "recoveryPointSelection": {
            name: chosen[member] for name, member in _CHOICE.items() if chosen.get(member) not in (None, [])
        },
        "scheduleExpression": plan["ScheduleExpression"],
        "scheduleExpressionTimezone": plan.get("ScheduleExpressionTimezone") or DEFAULT_ZONE,
        "startWindowHours": plan.get("StartWindowHours") or DEFAULT_START_HOURS,
        TAGS_ALL: tags.without_reference(backup_tags_read(client, plan["RestoreTestingPlanArn"])),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    cloud.client("backup").update_restore_testing_plan(RestoreTestingPlanName=id_, RestoreTestingPlan=_document(inputs))
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_restore_testing_plan(RestoreTestingPlanName=id_)


RESTORE_TESTING_PLAN: Final = Adapter(
    resource_type="aws:backup/restoreTestingPlan:RestoreTestingPlan",
    inputs={
        "name": str,
        "recoveryPointSelection": {
            "algorithm": str,
            "excludeVaults": [str],
            "includeVaults": [str],
            "recoveryPointTypes": [str],
            "selectionWindowDays": int,
        },
        "scheduleExpression": str,
        "scheduleExpressionTimezone": str,
        "startWindowHours": int,
        "tags": dict,
    },
    required=frozenset({"recoveryPointSelection", "scheduleExpression"}),
    defaults={"scheduleExpressionTimezone": DEFAULT_ZONE, "startWindowHours": DEFAULT_START_HOURS},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name"}),
    computed=frozenset({"arn"}),
    normalizers={"recoveryPointSelection": _choice_normal},
    absent_codes=ABSENT,
    refusals=name_refusals,
    create=_create,
    find=find_made_with(
        "list_restore_testing_plans", "RestoreTestingPlans", "RestoreTestingPlanArn", "RestoreTestingPlanName"
    ),
    finish=_finish,
    read=_read,
    update=_update,
    delete=_delete,
)


# Selections

_CONDITIONS: Final = {"stringEquals": "StringEquals", "stringNotEquals": "StringNotEquals"}


def _conditions(given: Properties) -> dict[str, Any]:
    return {
        member: [{"Key": one["key"], "Value": one["value"]} for one in given.get(name) or ()]
        for name, member in _CONDITIONS.items()
    }


def _selected(inputs: Properties) -> dict[str, Any]:
    document: dict[str, Any] = {
        "IamRoleArn": inputs["iamRoleArn"],
        "RestoreMetadataOverrides": inputs.get("restoreMetadataOverrides") or {},
        "ValidationWindowHours": inputs["validationWindowHours"],
    }
    if inputs.get("protectedResourceArns"):
        document["ProtectedResourceArns"] = inputs["protectedResourceArns"]
    if inputs.get("protectedResourceConditions"):
        document["ProtectedResourceConditions"] = _conditions(inputs["protectedResourceConditions"])
    return document


def _create_selection(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("backup").create_restore_testing_selection(
        RestoreTestingPlanName=inputs["restoreTestingPlanName"],
        RestoreTestingSelection={
            "RestoreTestingSelectionName": inputs["name"],
            "ProtectedResourceType": inputs["protectedResourceType"],
            **_selected(inputs),
        },
        CreatorRequestId=reference,
    )
    return f"{answer['RestoreTestingSelectionName']}{SEPARATOR}{answer['RestoreTestingPlanName']}"


def _selection(client: Any, id_: str) -> dict[str, Any]:
    name, _, plan = id_.partition(SEPARATOR)
    answer = client.get_restore_testing_selection(RestoreTestingPlanName=plan, RestoreTestingSelectionName=name)
    return answer["RestoreTestingSelection"]


def _find_selection(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """Below any plan, when a sweep asks without inputs."""
    client = cloud.client("backup")
    for plan in client.list_restore_testing_plans()["RestoreTestingPlans"]:
        name = plan["RestoreTestingPlanName"]
        if inputs.get("restoreTestingPlanName") not in (None, name):
            continue
        for one in client.list_restore_testing_selections(RestoreTestingPlanName=name)["RestoreTestingSelections"]:
            id_ = f"{one['RestoreTestingSelectionName']}{SEPARATOR}{name}"
            if _selection(client, id_).get("CreatorRequestId") == reference:
                return id_
    return None


def _read_selection(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    selection = _selection(cloud.client("backup"), id_)
    conditions = selection.get("ProtectedResourceConditions") or {}
    told: Properties = {
        "name": selection["RestoreTestingSelectionName"],
        "restoreTestingPlanName": selection["RestoreTestingPlanName"],
        "protectedResourceType": selection["ProtectedResourceType"],
        "protectedResourceArns": selection.get("ProtectedResourceArns") or [],
        "iamRoleArn": selection["IamRoleArn"],
        "restoreMetadataOverrides": selection.get("RestoreMetadataOverrides") or {},
        "validationWindowHours": selection.get("ValidationWindowHours") or 0,
    }
    found = {
        name: [{"key": one["Key"], "value": one["Value"]} for one in conditions.get(member) or ()]
        for name, member in _CONDITIONS.items()
    }
    if any(found.values()):
        told["protectedResourceConditions"] = {name: entries for name, entries in found.items() if entries}
    return told


def _update_selection(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    name, _, plan = id_.partition(SEPARATOR)
    cloud.client("backup").update_restore_testing_selection(
        RestoreTestingPlanName=plan, RestoreTestingSelectionName=name, RestoreTestingSelection=_selected(inputs)
    )


def _delete_selection(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    name, _, plan = id_.partition(SEPARATOR)
    cloud.client("backup").delete_restore_testing_selection(
        RestoreTestingPlanName=plan, RestoreTestingSelectionName=name
    )


RESTORE_TESTING_SELECTION: Final = Adapter(
    resource_type="aws:backup/restoreTestingSelection:RestoreTestingSelection",
    inputs={
        "iamRoleArn": str,
        "name": str,
        "protectedResourceArns": [str],
        "protectedResourceConditions": {name: [{"key": str, "value": str}] for name in _CONDITIONS},
        "protectedResourceType": str,
        "restoreMetadataOverrides": dict,
        "restoreTestingPlanName": str,
        "validationWindowHours": int,
    },
    required=frozenset({"iamRoleArn", "protectedResourceType", "restoreTestingPlanName"}),
    defaults={"validationWindowHours": 0},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name", "protectedResourceType", "restoreTestingPlanName"}),
    normalizers={"protectedResourceArns": as_set},
    absent_codes=ABSENT,
    refusals=name_refusals,
    create=_create_selection,
    find=_find_selection,
    read=_read_selection,
    update=_update_selection,
    delete=_delete_selection,
)
