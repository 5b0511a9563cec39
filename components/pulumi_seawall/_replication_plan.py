"""What a `BackupReplication` will declare: every check and all arithmetic, before anything is registered.

Sources: RDS user guide, "Replicating automated backups to another AWS Region": started in the destination, with a key of it;
retention 7 days when none is given. RDS has no metric of it: the age is published by `seawall backups publish-age`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._backup_names import vault_key
from pulumi_seawall._backup_predictions import plan_span
from pulumi_seawall._backup_vaults import LONGEST_IMPORT_ID
from pulumi_seawall._database_args import MissingData
from pulumi_seawall._inputs import checked_keys, flag, line, member, number, text, whole
from pulumi_seawall._naming import checked_tags, plan_actions
from pulumi_seawall._objectives import plan_waived
from pulumi_seawall._regions import known_region
from pulumi_seawall._replication_args import BackupReplicationArgs, BackupReplicationImportIds
from seawall.errors import InvalidInput
from seawall.objectives import require_met
from seawall.timing import Prediction, predict_replicated_backups

INSTANCE_ARN: Final = re.compile(r"arn:aws[a-z-]*:rds:(?P<region>[a-z0-9-]+):\d{12}:db:[A-Za-z0-9-]{1,63}")
LONGEST_RETENTION_DAYS: Final = 35  # RDS
DEFAULT_RETENTION_DAYS: Final = 7  # RDS
DEFAULT_AGE_LIMIT_SECONDS: Final = 1800.0  # six uploads of logs: one that is late is no incident
LONGEST_AGE_LIMIT_SECONDS: Final = 86_400.0  # a day: beyond it a daily snapshot does as well


@dataclass(frozen=True, slots=True)
class ReplicationPlan:
    """Everything that a `BackupReplication` declares, and what it predicts.

    Args:
        source_arn: The instance's.
        source_region: Where it is.
        region: Where its backups go.
        kms_key_arn: A key there; `None`: declared.
        retention_days: How long they are kept there.
        missing_data: What the alarm makes of missing data.
        age_limit_seconds: Above which it rings.
        alarm_actions: Its topics.
        keep_backups: Whether they stay when this is destroyed.
        import_ids: What is adopted.
        predictions: Of the loss of the source's region.
        warnings: What the objectives rest on; a line each.
        tags: For everything that has tags.
    """

    source_arn: pulumi.Input[str]
    source_region: str
    region: str
    kms_key_arn: pulumi.Input[str] | None
    retention_days: int
    missing_data: MissingData
    age_limit_seconds: float
    alarm_actions: tuple[pulumi.Input[str], ...]
    keep_backups: bool
    import_ids: BackupReplicationImportIds
    predictions: tuple[Prediction, ...] = ()
    warnings: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def imported(self, key: str) -> str | None:
        """The id of an existing resource to adopt."""
        return cast("Mapping[str, str]", self.import_ids).get(key)


def plan_replication(args: BackupReplicationArgs) -> ReplicationPlan:
    """Check the arguments of a `BackupReplication` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: It cannot meet the objectives.
    """
    given = checked_keys("", args, BackupReplicationArgs)
    source_region = known_region("source_region", given["source_region"])
    region = known_region("region", given["region"])
    if region == source_region:
        raise InvalidInput(
            "region", region, allowed="another region than source_region", because="RDS keeps them there anyway"
        )
    age = number("age_limit_seconds", given.get("age_limit_seconds", DEFAULT_AGE_LIMIT_SECONDS))
    if not 0 < age <= LONGEST_AGE_LIMIT_SECONDS:
        raise InvalidInput("age_limit_seconds", age, allowed=f"above 0, at most {LONGEST_AGE_LIMIT_SECONDS:g} seconds")
    spans: dict[str, Any] = {}
    if "restore_seconds" in given:
        spans["restore_seconds"] = plan_span("restore_seconds.", given["restore_seconds"])
    predictions = predict_replicated_backups(region=source_region, destination=region, age_limit_seconds=age, **spans)
    import_ids = checked_keys("import_ids.", given.get("import_ids", {}), BackupReplicationImportIds)
    for key, value in import_ids.items():
        line(f"import_ids.{key}", value, LONGEST_IMPORT_ID)
    if "kms_key_arn" in given and ("key" in import_ids or "key_alias" in import_ids):
        raise InvalidInput("import_ids.key", import_ids.get("key"), allowed="not beside kms_key_arn")
    return ReplicationPlan(
        source_arn=text("source_arn", given["source_arn"], partial(_instance, source_region)),
        source_region=source_region,
        region=region,
        kms_key_arn=text("kms_key_arn", given["kms_key_arn"], partial(vault_key, region))
        if "kms_key_arn" in given
        else None,
        retention_days=whole(
            "retention_days", given.get("retention_days", DEFAULT_RETENTION_DAYS), 1, LONGEST_RETENTION_DAYS, "days"
        ),
        missing_data=member("missing_data", given["missing_data"], MissingData),
        age_limit_seconds=age,
        alarm_actions=plan_actions("alarm_actions", region, given.get("alarm_actions", [])),
        keep_backups=flag("keep_backups", given.get("keep_backups", True)),
        import_ids=import_ids,
        predictions=predictions,
        warnings=tuple(_against_objectives(given, predictions)),
        tags=checked_tags("", given.get("tags")),
    )


def _instance(region: str, name: str, value: str) -> str:
    match = INSTANCE_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="the ARN of an RDS instance")
    if match["region"] != region:
        raise InvalidInput(name, value, allowed=f"an instance in source_region = {region}")
    return value


def _against_objectives(given: BackupReplicationArgs, predictions: tuple[Prediction, ...]) -> list[str]:
    objectives, waivers = plan_waived(given)
    found = require_met(objectives, predictions, waivers=waivers) if objectives else []
    return [warning.line for warning in found]
