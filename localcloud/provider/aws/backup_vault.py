"""AWS Backup's vaults: the vault, its lock, its access policy, its notifications; and a region's settings."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import Cloud
from seawall.errors import InvalidInput

VAULT_NAME: Final = re.compile(r"[A-Za-z0-9_-]{2,50}")
LONGEST_NAME: Final = 50  # characters
DEFAULT_ZONE: Final = "Etc/UTC"  # of schedules that name none
LONGEST_DAYS: Final = 36_500
SHORTEST_GRACE_DAYS: Final = 3
ABSENT: Final = frozenset({"ResourceNotFoundException"})


def backup_tags_read(client: Any, arn: str) -> dict[str, str]:
    """Tags of something in AWS Backup."""
    return dict(client.list_tags(ResourceArn=arn).get("Tags") or {})


def backup_tags_write(client: Any, arn: str, inputs: Properties) -> None:
    """Bring them to `tagsAll`."""
    tags.bring(
        backup_tags_read(client, arn),
        inputs,
        lambda changed: client.tag_resource(ResourceArn=arn, Tags=changed),
        lambda removed: client.untag_resource(ResourceArn=arn, TagKeyList=removed),
    )


def find_made_with(operation: str, listed: str, arn: str, id_: str) -> Callable[[Cloud, Properties, str], str | None]:
    """How something that a killed run made is found: by the tag of its creation.

    Args:
        operation: That lists all of the kind.
        listed: Their list in its answer.
        arn: The field of the ARN.
        id_: The field of the id.
    """

    def find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
        del inputs
        client = cloud.client("backup")
        for one in getattr(client, operation)()[listed]:
            if backup_tags_read(client, one[arn]).get(tags.REFERENCE_TAG) == reference:
                return one[id_]
        return None

    return find


# Vaults. The id is the name.


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request = {"EncryptionKeyArn": inputs["kmsKeyArn"]} if inputs.get("kmsKeyArn") else {}
    answer = cloud.client("backup").create_backup_vault(
        BackupVaultName=inputs["name"], BackupVaultTags={tags.REFERENCE_TAG: reference}, **request
    )
    return answer["BackupVaultName"]


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("backup")
    backup_tags_write(client, client.describe_backup_vault(BackupVaultName=id_)["BackupVaultArn"], inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    client = cloud.client("backup")
    vault = client.describe_backup_vault(BackupVaultName=id_)
    return {
        "name": vault["BackupVaultName"],
        "arn": vault["BackupVaultArn"],
        "kmsKeyArn": vault.get("EncryptionKeyArn"),
        "recoveryPoints": vault.get("NumberOfRecoveryPoints") or 0,
        TAGS_ALL: tags.without_reference(backup_tags_read(client, vault["BackupVaultArn"])),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_backup_vault(BackupVaultName=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str) and not VAULT_NAME.fullmatch(name):
        yield InvalidInput("name", name, allowed="2 to 50 letters, digits, hyphens and underscores")
    key = inputs.get("kmsKeyArn")
    if isinstance(key, str) and not key.startswith("arn:"):
        yield InvalidInput("kmsKeyArn", key, allowed="a key's ARN")


VAULT: Final = Adapter(
    resource_type="aws:backup/vault:Vault",
    inputs={"forceDestroy": bool, "kmsKeyArn": str, "name": str, "tags": dict},
    defaults={"forceDestroy": False},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"kmsKeyArn", "name"}),
    keeps=frozenset({"kmsKeyArn"}),
    write_only=frozenset({"forceDestroy"}),
    computed=frozenset({"arn", "recoveryPoints"}),
    absent_codes=ABSENT,
    refusals=_refusals,
    create=_create,
    find=find_made_with("list_backup_vaults", "BackupVaultList", "BackupVaultArn", "BackupVaultName"),
    finish=_finish,
    read=_read,
    update=_update,
    delete=_delete,
)


# What a vault has at most once. The id is the vault's name; the real provider replaces a lock and notifications.


def _put_lock(cloud: Cloud, inputs: Properties) -> None:
    request = {
        member: inputs[name]
        for name, member in {
            "changeableForDays": "ChangeableForDays",
            "maxRetentionDays": "MaxRetentionDays",
            "minRetentionDays": "MinRetentionDays",
        }.items()
        if inputs.get(name) is not None
    }
    cloud.client("backup").put_backup_vault_lock_configuration(BackupVaultName=inputs["backupVaultName"], **request)


def _create_lock(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _put_lock(cloud, inputs)
    return inputs["backupVaultName"]


def _read_lock(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    vault = cloud.client("backup").describe_backup_vault(BackupVaultName=id_)
    if not vault.get("Locked"):
        return None
    return {
        "backupVaultName": id_,
        "backupVaultArn": vault["BackupVaultArn"],
        "minRetentionDays": vault.get("MinRetentionDays"),
        "maxRetentionDays": vault.get("MaxRetentionDays"),
        "changeableForDays": known.get("changeableForDays"),  # AWS tells the date, not the days
    }


def _update_lock(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    """Every input replaces, so this is only for what a killed run left."""
    del id_, state
    _put_lock(cloud, inputs)


def _delete_lock(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_backup_vault_lock_configuration(BackupVaultName=id_)


def _lock_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    least, most = inputs.get("minRetentionDays"), inputs.get("maxRetentionDays")
    for name, days in (("minRetentionDays", least), ("maxRetentionDays", most)):
        if isinstance(days, int) and not 1 <= days <= LONGEST_DAYS:
            yield InvalidInput(name, days, allowed=f"1 to {LONGEST_DAYS} days")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield InvalidInput("minRetentionDays", least, allowed=f"at most maxRetentionDays = {most}")
    grace = inputs.get("changeableForDays")
    if isinstance(grace, int) and not SHORTEST_GRACE_DAYS <= grace <= LONGEST_DAYS:
        yield InvalidInput("changeableForDays", grace, allowed=f"{SHORTEST_GRACE_DAYS} to {LONGEST_DAYS} days")


VAULT_LOCK: Final = Adapter(
    resource_type="aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    inputs={"backupVaultName": str, "changeableForDays": int, "maxRetentionDays": int, "minRetentionDays": int},
    required=frozenset({"backupVaultName"}),
    replaces=frozenset({"backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"}),
    write_only=frozenset({"changeableForDays"}),
    computed=frozenset({"backupVaultArn"}),
    absent_codes=ABSENT,
    refusals=_lock_refusals,
    create=_create_lock,
    read=_read_lock,
    update=_update_lock,
    delete=_delete_lock,
)


def _create_policy(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _update_policy(cloud, inputs["backupVaultName"], {}, inputs)
    return inputs["backupVaultName"]


def _read_policy(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    answer = cloud.client("backup").get_backup_vault_access_policy(BackupVaultName=id_)
    return {"backupVaultName": id_, "backupVaultArn": answer["BackupVaultArn"], "policy": answer["Policy"]}


def _update_policy(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    cloud.client("backup").put_backup_vault_access_policy(BackupVaultName=id_, Policy=inputs["policy"])


def _delete_policy(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_backup_vault_access_policy(BackupVaultName=id_)


VAULT_POLICY: Final = Adapter(
    resource_type="aws:backup/vaultPolicy:VaultPolicy",
    inputs={"backupVaultName": str, "policy": str},
    required=frozenset({"backupVaultName", "policy"}),
    replaces=frozenset({"backupVaultName"}),
    computed=frozenset({"backupVaultArn"}),
    normalizers={"policy": json_normal},
    absent_codes=ABSENT,
    refusals=lambda inputs: json_refusals(inputs, "policy"),
    create=_create_policy,
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
)


def _create_notifications(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _update_notifications(cloud, inputs["backupVaultName"], {}, inputs)
    return inputs["backupVaultName"]


def _read_notifications(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    answer = cloud.client("backup").get_backup_vault_notifications(BackupVaultName=id_)
    return {
        "backupVaultName": id_,
        "backupVaultArn": answer["BackupVaultArn"],
        "snsTopicArn": answer["SNSTopicArn"],
        "backupVaultEvents": list(answer["BackupVaultEvents"]),
    }


def _update_notifications(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    """Every input replaces, so this is only for a creation and for what a killed run left."""
    del state
    cloud.client("backup").put_backup_vault_notifications(
        BackupVaultName=id_, SNSTopicArn=inputs["snsTopicArn"], BackupVaultEvents=inputs["backupVaultEvents"]
    )


def _delete_notifications(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("backup").delete_backup_vault_notifications(BackupVaultName=id_)


VAULT_NOTIFICATIONS: Final = Adapter(
    resource_type="aws:backup/vaultNotifications:VaultNotifications",
    inputs={"backupVaultEvents": [str], "backupVaultName": str, "snsTopicArn": str},
    required=frozenset({"backupVaultEvents", "backupVaultName", "snsTopicArn"}),
    replaces=frozenset({"backupVaultEvents", "backupVaultName", "snsTopicArn"}),
    computed=frozenset({"backupVaultArn"}),
    normalizers={"backupVaultEvents": as_set},
    absent_codes=ABSENT,
    create=_create_notifications,
    read=_read_notifications,
    update=_update_notifications,
    delete=_delete_notifications,
)


# A region's settings. The id is the region; they cannot be deleted.


def _create_settings(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _update_settings(cloud, cloud.region, {}, inputs)
    return cloud.region


def _read_settings(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del id_, known
    answer = cloud.client("backup").describe_region_settings()
    return {
        "resourceTypeOptInPreference": _as_texts(answer["ResourceTypeOptInPreference"]),
        "resourceTypeManagementPreference": _as_texts(answer["ResourceTypeManagementPreference"]),
    }


def _as_texts(preferences: dict[str, bool]) -> dict[str, str]:
    """Maps have texts in the adapters' kinds."""
    return {key: str(value).lower() for key, value in preferences.items()}


def _as_flags(preferences: dict[str, Any] | None) -> dict[str, bool]:
    return {key: value in (True, "true") for key, value in (preferences or {}).items()}


def _update_settings(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del id_, state
    request = {"ResourceTypeOptInPreference": _as_flags(inputs["resourceTypeOptInPreference"])}
    if inputs.get("resourceTypeManagementPreference"):
        request["ResourceTypeManagementPreference"] = _as_flags(inputs["resourceTypeManagementPreference"])
    cloud.client("backup").update_region_settings(**request)


def _keep_settings(cloud: Cloud, id_: str, state: Properties) -> None:
    """AWS has no way to delete them: they stay as they are, as with the real provider."""
    del cloud, id_, state


REGION_SETTINGS: Final = Adapter(
    resource_type="aws:backup/regionSettings:RegionSettings",
    inputs={"resourceTypeManagementPreference": dict, "resourceTypeOptInPreference": dict},
    required=frozenset({"resourceTypeOptInPreference"}),
    keeps=frozenset({"resourceTypeManagementPreference"}),
    absent_codes=ABSENT,
    create=_create_settings,
    read=_read_settings,
    update=_update_settings,
    delete=_keep_settings,
)
