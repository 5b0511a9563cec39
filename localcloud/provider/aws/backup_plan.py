"""AWS Backup's plans, and the selections of what each backs up."""

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

SHORTEST_START_MINUTES: Final = 60
COLD_DAYS: Final = 90  # in cold storage, at least
DEFAULT_START_MINUTES: Final = 480
DEFAULT_COMPLETION_MINUTES: Final = 10_080

_LIFECYCLE: Final = {
    "coldStorageAfter": "MoveToColdStorageAfterDays",
    "deleteAfter": "DeleteAfterDays",
    "optInToArchiveForSupportedResources": "OptInToArchiveForSupportedResources",
}
_RULE: Final = {
    "completionWindow": "CompletionWindowMinutes",
    "enableContinuousBackup": "EnableContinuousBackup",
    "recoveryPointTags": "RecoveryPointTags",
    "ruleName": "RuleName",
    "schedule": "ScheduleExpression",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "startWindow": "StartWindowMinutes",
    "targetVaultName": "TargetBackupVaultName",
}
_RULE_DEFAULTS: Final = {
    "completionWindow": DEFAULT_COMPLETION_MINUTES,
    "scheduleExpressionTimezone": DEFAULT_ZONE,
    "startWindow": DEFAULT_START_MINUTES,
}


def _wire(given: Properties | None, members: dict[str, str]) -> dict[str, Any]:
    return {member: given[name] for name, member in members.items() if given and given.get(name) is not None}


def _from_wire(told: dict[str, Any] | None, members: dict[str, str]) -> Properties:
    return {name: told[member] for name, member in members.items() if told and told.get(member) not in (None, {}, [])}


def _rule(given: Properties) -> dict[str, Any]:
    rule = _wire({**_RULE_DEFAULTS, **given}, _RULE)
    if given.get("lifecycle"):
        rule["Lifecycle"] = _wire(given["lifecycle"], _LIFECYCLE)
    copies = [
        {
            "DestinationBackupVaultArn": copy["destinationVaultArn"],
            **({"Lifecycle": _wire(copy["lifecycle"], _LIFECYCLE)} if copy.get("lifecycle") else {}),
        }
        for copy in given.get("copyActions") or ()
    ]
    return {**rule, **({"CopyActions": copies} if copies else {})}


def _from_rule(told: dict[str, Any]) -> Properties:
    rule = _from_wire(told, _RULE)
    if told.get("Lifecycle"):
        rule["lifecycle"] = _from_wire(told["Lifecycle"], _LIFECYCLE)
    copies = [
        {
            "destinationVaultArn": copy["DestinationBackupVaultArn"],
            **({"lifecycle": _from_wire(copy["Lifecycle"], _LIFECYCLE)} if copy.get("Lifecycle") else {}),
        }
        for copy in told.get("CopyActions") or ()
    ]
    return {**rule, **({"copyActions": copies} if copies else {})}


def _rules_normal(rules: list[Properties]) -> list[Any]:
    """Order does not count; what was left out counts as what the API fills in, and false as left out."""
    if not is_known(rules):
        return rules
    wires = [_rule({key: value for key, value in rule.items() if value is not False}) for rule in rules]
    for wire in wires:
        wire.get("CopyActions", []).sort(key=lambda copy: copy["DestinationBackupVaultArn"])
    return sorted(wires, key=lambda wire: wire["RuleName"])


def _document(inputs: Properties) -> dict[str, Any]:
    document: dict[str, Any] = {
        "BackupPlanName": inputs["name"],
        "Rules": [_rule(rule) for rule in inputs["rules"]],
    }
    if inputs.get("advancedBackupSettings"):
        document["AdvancedBackupSettings"] = [
            {"ResourceType": one["resourceType"], "BackupOptions": one["backupOptions"]}
            for one in inputs["advancedBackupSettings"]
        ]
    return document


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("backup").create_backup_plan(
        BackupPlan=_document(inputs), BackupPlanTags={tags.REFERENCE_TAG: reference}
    )
    return answer["BackupPlanId"]


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("backup")
    backup_tags_write(client, client.get_backup_plan(BackupPlanId=id_)["BackupPlanArn"], inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("backup")
    found = client.get_backup_plan(BackupPlanId=id_)
    if found.get("DeletionDate"):
        return None
    plan = found["BackupPlan"]
    told: Properties = {
        "name": plan["BackupPlanName"],
        "rules": [_from_rule(rule) for rule in plan["Rules"]],
        "arn": found["BackupPlanArn"],
        "version": found["VersionId"],
        TAGS_ALL: tags.without_reference(backup_tags_read(client, found["BackupPlanArn"])),
    }
    if plan.get("AdvancedBackupSettings"):
        told["advancedBackupSettings"] = [
            {"resourceType": one["ResourceType"], "backupOptions": one["BackupOptions"]}
            for one in plan["AdvancedBackupSettings"]
        ]
    return told


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    document = _document(inputs)
    if _document(state) != document:
        cloud.client("backup").update_backup_plan(BackupPlanId=id_, BackupPlan=document)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_backup_plan(BackupPlanId=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    rules = inputs.get("rules")
    if not isinstance(rules, list):
        return
    if not rules:
        yield InvalidInput("rules", rules, allowed="at least one rule")
    for position, rule in enumerate(rules):
        if not isinstance(rule, dict):
            continue
        name, start = rule.get("ruleName"), rule.get("startWindow")
        if isinstance(name, str) and not 1 <= len(name) <= LONGEST_NAME:
            yield InvalidInput(f"rules[{position}].ruleName", name, allowed=f"1 to {LONGEST_NAME} characters")
        if isinstance(start, int) and start < SHORTEST_START_MINUTES:
            yield InvalidInput(
                f"rules[{position}].startWindow", start, allowed=f"at least {SHORTEST_START_MINUTES} minutes"
            )
        yield from _lifecycle_refusals(f"rules[{position}].lifecycle", rule.get("lifecycle"))


def _lifecycle_refusals(name: str, lifecycle: Any) -> Iterator[InvalidInput]:
    if not isinstance(lifecycle, dict):
        return
    cold, delete = lifecycle.get("coldStorageAfter"), lifecycle.get("deleteAfter")
    if isinstance(cold, int) and isinstance(delete, int) and delete < cold + COLD_DAYS:
        yield InvalidInput(f"{name}.deleteAfter", delete, allowed=f"at least {cold + COLD_DAYS} days")


_LIFECYCLE_KIND: Final = {"coldStorageAfter": int, "deleteAfter": int, "optInToArchiveForSupportedResources": bool}

PLAN: Final = Adapter(
    resource_type="aws:backup/plan:Plan",
    inputs={
        "advancedBackupSettings": [{"backupOptions": dict, "resourceType": str}],
        "name": str,
        "rules": [
            {
                "completionWindow": int,
                "copyActions": [{"destinationVaultArn": str, "lifecycle": _LIFECYCLE_KIND}],
                "enableContinuousBackup": bool,
                "lifecycle": _LIFECYCLE_KIND,
                "recoveryPointTags": dict,
                "ruleName": str,
                "schedule": str,
                "scheduleExpressionTimezone": str,
                "startWindow": int,
                "targetVaultName": str,
            }
        ],
        "tags": dict,
    },
    required=frozenset({"rules"}),
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name"}),
    computed=frozenset({"arn", "version"}),
    normalizers={"rules": _rules_normal},
    absent_codes=ABSENT,
    refusals=_refusals,
    create=_create,
    find=find_made_with("list_backup_plans", "BackupPlansList", "BackupPlanArn", "BackupPlanId"),
    finish=_finish,
    read=_read,
    update=_update,
    delete=_delete,
)


# Selections. The id is the selection's; on import `<plan>|<selection>`, as the real provider wants it.

SEPARATOR: Final = "|"
_CONDITIONS: Final = {
    "stringEquals": "StringEquals",
    "stringLikes": "StringLike",
    "stringNotEquals": "StringNotEquals",
    "stringNotLikes": "StringNotLike",
}


def _conditions(given: list[Properties]) -> dict[str, Any]:
    return {
        member: [
            {"ConditionKey": one["key"], "ConditionValue": one["value"]}
            for condition in given
            for one in condition.get(name) or ()
        ]
        for name, member in _CONDITIONS.items()
    }


def _from_conditions(told: dict[str, Any]) -> list[Properties]:
    found = {
        name: [{"key": one["ConditionKey"], "value": one["ConditionValue"]} for one in told.get(member) or ()]
        for name, member in _CONDITIONS.items()
    }
    return [{name: entries for name, entries in found.items() if entries}] if any(found.values()) else []


def _create_selection(cloud: Cloud, inputs: Properties, reference: str) -> str:
    selection: dict[str, Any] = {
        "SelectionName": inputs["name"],
        "IamRoleArn": inputs["iamRoleArn"],
        "Resources": inputs.get("resources") or [],
        "NotResources": inputs.get("notResources") or [],
        "ListOfTags": [
            {"ConditionType": one["type"], "ConditionKey": one["key"], "ConditionValue": one["value"]}
            for one in inputs.get("selectionTags") or ()
        ],
    }
    if inputs.get("conditions"):
        selection["Conditions"] = _conditions(inputs["conditions"])
    answer = cloud.client("backup").create_backup_selection(
        BackupPlanId=inputs["planId"], BackupSelection=selection, CreatorRequestId=reference
    )
    return answer["SelectionId"]


def _find_selection(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    client = cloud.client("backup")
    plans = [inputs["planId"]] if inputs.get("planId") else _plans(client)
    for plan in plans:
        for selection in client.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]:
            if selection.get("CreatorRequestId") == reference:
                return selection["SelectionId"]
    return None


def _plans(client: Any) -> list[str]:
    return [plan["BackupPlanId"] for plan in client.list_backup_plans()["BackupPlansList"]]


def _where(cloud: Cloud, id_: str, known: Properties) -> tuple[str, str]:
    """Plan and selection."""
    plan, _, selection = id_.rpartition(SEPARATOR)
    if plan or known.get("planId"):
        return plan or known["planId"], selection
    client = cloud.client("backup")
    for each in _plans(client):
        found = client.list_backup_selections(BackupPlanId=each)["BackupSelectionsList"]
        if any(one["SelectionId"] == selection for one in found):
            return each, selection
    return "unknown", selection


def _read_selection(cloud: Cloud, id_: str, known: Properties) -> Properties:
    plan, selection_id = _where(cloud, id_, known)
    found = cloud.client("backup").get_backup_selection(BackupPlanId=plan, SelectionId=selection_id)
    selection = found["BackupSelection"]
    return {
        "planId": plan,
        "name": selection["SelectionName"],
        "iamRoleArn": selection["IamRoleArn"],
        "resources": selection.get("Resources") or [],
        "notResources": selection.get("NotResources") or [],
        "selectionTags": [
            {"type": one["ConditionType"], "key": one["ConditionKey"], "value": one["ConditionValue"]}
            for one in selection.get("ListOfTags") or ()
        ],
        "conditions": _from_conditions(selection.get("Conditions") or {}),
    }


def _update_selection(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    """Every input replaces: AWS has no call that changes a selection."""
    del cloud, id_, state, inputs


def _delete_selection(cloud: Cloud, id_: str, state: Properties) -> None:
    plan, selection = _where(cloud, id_, state)
    cloud.client("backup").delete_backup_selection(BackupPlanId=plan, SelectionId=selection)


def _as_sorted(entries: list[Properties]) -> list[Any]:
    return sorted(entries, key=str)


_SELECTION_INPUTS: Final = {
    "conditions": [{name: [{"key": str, "value": str}] for name in _CONDITIONS}],
    "iamRoleArn": str,
    "name": str,
    "notResources": [str],
    "planId": str,
    "resources": [str],
    "selectionTags": [{"key": str, "type": str, "value": str}],
}

SELECTION: Final = Adapter(
    resource_type="aws:backup/selection:Selection",
    inputs=_SELECTION_INPUTS,
    required=frozenset({"iamRoleArn", "planId"}),
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset(_SELECTION_INPUTS),
    normalizers={"resources": as_set, "notResources": as_set, "selectionTags": _as_sorted},
    absent_codes=ABSENT,
    create=_create_selection,
    find=_find_selection,
    read=_read_selection,
    update=_update_selection,
    delete=_delete_selection,
)
