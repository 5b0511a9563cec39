"""AWS Backup's restore testing: plans, and the selections in each. Kept, never run."""

import re
from collections.abc import Mapping
from typing import Any, Final

from moto.backup.exceptions import (
    AlreadyExistsException,
    InvalidParameterValueException,
    InvalidRequestException,
    ResourceNotFoundException,
)
from moto.core.utils import unix_time
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

from localcloud.moto_patches.backup_keeping import Answer, answer_operation, kept

TESTING_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,50}")
SELECTION_DAYS: Final = range(1, 366)
START_HOURS: Final = range(1, 169)
VALIDATION_HOURS: Final = range(169)


def keep_restore_testing() -> None:
    """moto has no restore testing: plans, and the selections in each."""
    for name, answer in {
        "create_restore_testing_plan": _create_testing,
        "get_restore_testing_plan": lambda backend, params: {"RestoreTestingPlan": _testing(backend, params)},
        "list_restore_testing_plans": lambda backend, _: {
            "RestoreTestingPlans": list(kept(backend, "testing").values())
        },
        "update_restore_testing_plan": _update_testing,
        "delete_restore_testing_plan": _delete_testing,
        "create_restore_testing_selection": _create_tested,
        "get_restore_testing_selection": lambda backend, params: {"RestoreTestingSelection": _tested(backend, params)},
        "list_restore_testing_selections": _list_tested,
        "update_restore_testing_selection": _update_tested,
        "delete_restore_testing_selection": _delete_tested,
    }.items():
        answer_operation(name, answer)


def _named(document: Mapping[str, Any], key: str) -> str:
    name = document[key]
    if not TESTING_NAME.fullmatch(name):
        raise InvalidParameterValueException(f"{key} must consist of alphanumeric characters and underscores")
    return name


def _in_range(document: Mapping[str, Any], key: str, allowed: range) -> None:
    if document.get(key) is not None and document[key] not in allowed:
        raise InvalidParameterValueException(f"{key} must be {allowed.start} to {allowed.stop - 1}")


def _testing(backend: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    found = kept(backend, "testing").get(params["RestoreTestingPlanName"])
    if found is None:
        raise ResourceNotFoundException("RestoreTestingPlan not found")
    return found


def _told(plan: Mapping[str, Any]) -> Answer:
    keys = ("CreationTime", "RestoreTestingPlanArn", "RestoreTestingPlanName")
    return {**{key: plan[key] for key in keys}, "UpdateTime": plan["CreationTime"]}


def _check_testing(document: Mapping[str, Any]) -> None:
    _in_range(document, "StartWindowHours", START_HOURS)
    _in_range(document.get("RecoveryPointSelection") or {}, "SelectionWindowDays", SELECTION_DAYS)


def _create_testing(backend: Any, params: dict[str, Any]) -> Answer:
    document = dict(params["RestoreTestingPlan"])
    name = _named(document, "RestoreTestingPlanName")
    if name in kept(backend, "testing"):
        raise AlreadyExistsException("A restore testing plan with the same name already exists")
    _check_testing(document)
    prefix = f"arn:{get_partition(backend.region_name)}:backup:{backend.region_name}:{backend.account_id}"
    plan = {
        "ScheduleExpressionTimezone": "Etc/UTC",
        "StartWindowHours": 24,
        **document,
        "RestoreTestingPlanArn": f"{prefix}:restore-testing-plan:{name}-{mock_random.uuid4()}",
        "CreationTime": unix_time(),
        "CreatorRequestId": params.get("CreatorRequestId"),
    }
    plan["RecoveryPointSelection"] = {"SelectionWindowDays": 30, **plan["RecoveryPointSelection"]}
    kept(backend, "testing")[name] = plan
    if params.get("Tags"):
        backend.tag_resource(plan["RestoreTestingPlanArn"], params["Tags"])
    return _told(plan)


def _update_testing(backend: Any, params: dict[str, Any]) -> Answer:
    plan, document = _testing(backend, params), params["RestoreTestingPlan"]
    _check_testing(document)
    chosen = {**plan["RecoveryPointSelection"], **(document.get("RecoveryPointSelection") or {})}
    plan.update({**document, "RecoveryPointSelection": chosen})
    return _told(plan)


def _delete_testing(backend: Any, params: dict[str, Any]) -> Answer:
    plan = _testing(backend, params)
    if any(name == params["RestoreTestingPlanName"] for name, _ in kept(backend, "tested")):
        raise InvalidRequestException("Delete the restore testing selections of the plan first")
    kept(backend, "testing").pop(plan["RestoreTestingPlanName"])
    return {}


def _tested(backend: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    key = params["RestoreTestingPlanName"], params["RestoreTestingSelectionName"]
    found = kept(backend, "tested").get(key)
    if found is None:
        raise ResourceNotFoundException("RestoreTestingSelection not found")
    return found


def _create_tested(backend: Any, params: dict[str, Any]) -> Answer:
    plan, document = _testing(backend, params), dict(params["RestoreTestingSelection"])
    name = _named(document, "RestoreTestingSelectionName")
    key = plan["RestoreTestingPlanName"], name
    if key in kept(backend, "tested"):
        raise AlreadyExistsException("A restore testing selection with the same name already exists")
    _in_range(document, "ValidationWindowHours", VALIDATION_HOURS)
    kept(backend, "tested")[key] = {
        "ValidationWindowHours": 0,
        **document,
        "RestoreTestingPlanName": plan["RestoreTestingPlanName"],
        "CreationTime": unix_time(),
        "CreatorRequestId": params.get("CreatorRequestId"),
    }
    return {**_told(plan), "RestoreTestingSelectionName": name}


def _list_tested(backend: Any, params: dict[str, Any]) -> Answer:
    plan = _testing(backend, params)["RestoreTestingPlanName"]
    return {"RestoreTestingSelections": [one for key, one in kept(backend, "tested").items() if key[0] == plan]}


def _update_tested(backend: Any, params: dict[str, Any]) -> Answer:
    selection, document = _tested(backend, params), params["RestoreTestingSelection"]
    _in_range(document, "ValidationWindowHours", VALIDATION_HOURS)
    selection.update(document)
    told = _told(_testing(backend, params))
    return {**told, "RestoreTestingSelectionName": selection["RestoreTestingSelectionName"]}


def _delete_tested(backend: Any, params: dict[str, Any]) -> Answer:
    _tested(backend, params)
    del kept(backend, "tested")[params["RestoreTestingPlanName"], params["RestoreTestingSelectionName"]]
    return {}


PATCHES: Final = (keep_restore_testing,)
