"""AWS Backup: selections, plans that change in place, vault policies and notifications, restore testing, region settings.

What is kept can be read back as it was put; no job ever runs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.backup import models, responses, urls
from moto.backup.exceptions import (
    AlreadyExistsException,
    InvalidParameterValueException,
    InvalidRequestException,
    ResourceNotFoundException,
)
from moto.core.utils import unix_time
from moto.moto_api._internal import mock_random

from localcloud.moto_patches import backup_testing
from localcloud.moto_patches.backup_keeping import Answer, answer_operation, kept

COPY_MARGIN_DAYS: Final = 90  # in cold storage, at least
START_MINUTES: Final = 60  # at least
CONTINUOUS_DAYS: Final = 35  # at most
EVENTS: Final = (
    "BACKUP_JOB_STARTED", "BACKUP_JOB_COMPLETED", "BACKUP_JOB_SUCCESSFUL", "BACKUP_JOB_FAILED", "BACKUP_JOB_EXPIRED",
    "RESTORE_JOB_STARTED", "RESTORE_JOB_COMPLETED", "RESTORE_JOB_SUCCESSFUL", "RESTORE_JOB_FAILED", "COPY_JOB_STARTED",
    "COPY_JOB_SUCCESSFUL", "COPY_JOB_FAILED", "RECOVERY_POINT_MODIFIED", "BACKUP_PLAN_CREATED", "BACKUP_PLAN_MODIFIED",
    "CONTINUOUS_BACKUP_INTERRUPTED", "S3_BACKUP_OBJECT_FAILED", "S3_RESTORE_OBJECT_FAILED",
)  # fmt: skip
DEFAULT_OPT_IN: Final = {
    "DynamoDB": True,
    "EBS": True,
    "EC2": True,
    "EFS": True,
    "RDS": True,
    "Aurora": True,
    "S3": False,
}
PATHS: Final = (
    "{0}/backup-vaults/(?P<name>[^/]+)/access-policy$",
    "{0}/backup-vaults/(?P<name>[^/]+)/notification-configuration$",
    "{0}/restore-testing/plans$",
    "{0}/restore-testing/plans/(?P<name>[^/]+)$",
    "{0}/restore-testing/plans/(?P<name>[^/]+)/selections$",
    "{0}/restore-testing/plans/(?P<name>[^/]+)/selections/(?P<selection>[^/]+)$",
    "{0}/account-settings$",
)


def reach_what_is_kept() -> None:
    """moto has no routes for what follows: every one of these paths answers 404."""
    urls.url_paths.update(dict.fromkeys(PATHS, responses.BackupResponse.dispatch))


# Plans and selections


def change_plans_in_place() -> None:
    """moto cannot update a plan, and a deleted one keeps its name and can still be read.

    AWS: an update is a new version of the same plan; a deleted plan is gone, and one with selections cannot be deleted.
    A plan's rules are checked: the start window, the lifecycle, and that its vaults exist.
    """
    create: Callable[..., models.Plan] = models.BackupBackend.create_backup_plan
    delete: Callable[..., Any] = models.BackupBackend.delete_backup_plan

    def create_backup_plan(self: Any, backup_plan: dict[str, Any], *arguments: Any, **named: Any) -> models.Plan:
        _check_rules(self, backup_plan)
        return create(self, backup_plan, *arguments, **named)

    def delete_backup_plan(self: Any, backup_plan_id: str) -> Any:
        if any(plan == backup_plan_id for plan, _ in kept(self, "selections")):
            raise InvalidRequestException(
                "Related backup plan selections must be deleted prior to backup plan deletion"
            )
        answer = delete(self, backup_plan_id)
        self.plans.pop(backup_plan_id)
        return answer

    models.BackupBackend.create_backup_plan = create_backup_plan  # type: ignore[method-assign]
    models.BackupBackend.delete_backup_plan = delete_backup_plan  # type: ignore[method-assign]
    answer_operation("update_backup_plan", _update_plan)


def _update_plan(backend: Any, params: dict[str, Any]) -> Answer:
    plan = backend.get_backup_plan(params["BackupPlanId"], None)
    _check_rules(backend, params["BackupPlan"])
    fresh: Any = models.Plan(params["BackupPlan"], plan.creator_request_id, backend)
    plan.backup_plan, plan.version_id = fresh.backup_plan, fresh.version_id
    plan.advanced_backup_settings = fresh.advanced_backup_settings
    return plan.to_dict()


def _check_rules(backend: Any, plan: Mapping[str, Any]) -> None:
    for rule in plan["Rules"]:
        vault = backend.vaults.get(rule["TargetBackupVaultName"])
        if vault is None:
            raise InvalidParameterValueException("Backup vault provided in the input does not exist.")
        if rule.get("StartWindowMinutes", START_MINUTES) < START_MINUTES:
            raise InvalidParameterValueException("Start window must be at least 60 minutes.")
        lifecycle = rule.get("Lifecycle") or {}
        _check_lifecycle(lifecycle)
        days = lifecycle.get("DeleteAfterDays")
        if rule.get("EnableContinuousBackup") and not 1 <= (days or 0) <= CONTINUOUS_DAYS:
            raise InvalidParameterValueException("Continuous backup must have a retention period of 1 to 35 days.")
        for copy in rule.get("CopyActions") or ():
            _check_lifecycle(copy.get("Lifecycle") or {})


def _check_lifecycle(lifecycle: Mapping[str, Any]) -> None:
    cold, delete = lifecycle.get("MoveToColdStorageAfterDays"), lifecycle.get("DeleteAfterDays")
    if cold and delete and delete < cold + COPY_MARGIN_DAYS:
        raise InvalidParameterValueException(
            "DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays"
        )


def keep_selections() -> None:
    """moto has no selections: what a plan backs up."""
    answer_operation("create_backup_selection", _create_selection)
    answer_operation("get_backup_selection", _get_selection)
    answer_operation("list_backup_selections", _list_selections)
    answer_operation("delete_backup_selection", _delete_selection)


def _create_selection(backend: Any, params: dict[str, Any]) -> Answer:
    plan, selection = params["BackupPlanId"], params["BackupSelection"]
    backend.get_backup_plan(plan, None)
    if not selection["IamRoleArn"].startswith("arn:"):
        raise InvalidParameterValueException("Invalid IAM role ARN.")
    if not any(selection.get(key) for key in ("Resources", "ListOfTags", "Conditions", "NotResources")):
        raise InvalidParameterValueException("A selection needs resources, tags or conditions.")
    selections = kept(backend, "selections")
    if any(key[0] == plan and one["BackupSelection"] == selection for key, one in selections.items()):
        raise AlreadyExistsException("Backup selection with the same document already exists")
    id_ = str(mock_random.uuid4())
    selections[plan, id_] = {
        "SelectionId": id_,
        "BackupPlanId": plan,
        "BackupSelection": selection,
        "CreationDate": unix_time(),
        "CreatorRequestId": params.get("CreatorRequestId"),
    }
    return selections[plan, id_]


def _get_selection(backend: Any, params: dict[str, Any]) -> Answer:
    found = kept(backend, "selections").get((params["BackupPlanId"], params["SelectionId"]))
    if found is None:
        raise ResourceNotFoundException("Cannot find Backup selection with the given ids")
    return found


def _list_selections(backend: Any, params: dict[str, Any]) -> Answer:
    found = [one for (plan, _), one in kept(backend, "selections").items() if plan == params["BackupPlanId"]]
    keys = ("SelectionName", "IamRoleArn")
    return {"BackupSelectionsList": [{**one, **{key: one["BackupSelection"][key] for key in keys}} for one in found]}


def _delete_selection(backend: Any, params: dict[str, Any]) -> Answer:
    _get_selection(backend, params)
    del kept(backend, "selections")[params["BackupPlanId"], params["SelectionId"]]
    return {}


# Vaults


def keep_access_policies() -> None:
    """moto has no access policies of vaults."""
    _keep_of_vaults("backup_vault_access_policy", "policies", ("Policy",))


def keep_notifications() -> None:
    """moto has no notifications of vaults. AWS takes its own events only."""
    _keep_of_vaults("backup_vault_notifications", "notifications", ("SNSTopicArn", "BackupVaultEvents"))


def _keep_of_vaults(operation: str, kind: str, keys: tuple[str, ...]) -> None:
    def put(backend: Any, params: dict[str, Any]) -> Answer:
        backend.describe_backup_vault(params["BackupVaultName"])
        for event in params.get("BackupVaultEvents") or ():
            if event not in EVENTS:
                raise InvalidParameterValueException(f"{event} is no event of a vault.")
        kept(backend, kind)[params["BackupVaultName"]] = {key: params.get(key) for key in keys}
        return {}

    def get(backend: Any, params: dict[str, Any]) -> Answer:
        vault = backend.describe_backup_vault(params["BackupVaultName"])
        found = kept(backend, kind).get(vault.backup_vault_name)
        if found is None:
            raise ResourceNotFoundException(f"{vault.backup_vault_name} has no {kind}")
        return {**found, "BackupVaultName": vault.backup_vault_name, "BackupVaultArn": vault.backup_vault_arn}

    def delete(backend: Any, params: dict[str, Any]) -> Answer:
        kept(backend, kind).pop(params["BackupVaultName"], None)
        return {}

    answer_operation(f"put_{operation}", put)
    answer_operation(f"get_{operation}", get)
    answer_operation(f"delete_{operation}", delete)


def forget_what_a_deleted_vault_had() -> None:
    """moto deletes a vault that does not exist without a word; policies and notifications would outlive one that did."""
    delete: Callable[..., None] = models.BackupBackend.delete_backup_vault

    def delete_backup_vault(self: Any, backup_vault_name: str) -> None:
        self.describe_backup_vault(backup_vault_name)
        delete(self, backup_vault_name)
        for kind in ("policies", "notifications"):
            kept(self, kind).pop(backup_vault_name, None)

    models.BackupBackend.delete_backup_vault = delete_backup_vault  # type: ignore[method-assign]


# The region


def keep_region_settings() -> None:
    """moto has no settings of a region: which resource types AWS Backup looks after."""
    answer_operation("describe_region_settings", lambda backend, _: _settings(backend))
    answer_operation("update_region_settings", _update_settings)


def _settings(backend: Any) -> dict[str, dict[str, bool]]:
    settings = kept(backend, "settings")
    settings.setdefault("ResourceTypeOptInPreference", dict(DEFAULT_OPT_IN))
    settings.setdefault("ResourceTypeManagementPreference", {"DynamoDB": True, "EFS": True})
    return settings


def _update_settings(backend: Any, params: dict[str, Any]) -> Answer:
    for key, preferences in _settings(backend).items():
        preferences.update(params.get(key) or {})
    return {}


PATCHES: Final = (
    reach_what_is_kept,
    change_plans_in_place,
    keep_selections,
    keep_access_policies,
    keep_notifications,
    forget_what_a_deleted_vault_had,
    *backup_testing.PATCHES,
    keep_region_settings,
)
