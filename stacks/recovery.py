"""What a service is restored from when everything else is lost: backups of the database, and what `make dev` is told of them.

Backups are made in the writer's region. After a failover they follow the writer, and what was made before stays where it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import pulumi
import pulumi_aws as aws

from pulumi_seawall import (
    BackupPlan,
    BackupPlanArgs,
    BackupReplication,
    BackupReplicationArgs,
    DatabasePlan,
    PlannedBackups,
    ReplicationPlan,
    WatchedBackupArgs,
    instance_identifier,
    plan_backups,
    plan_replication,
)
from seawall.contract import BackupKind, backup_source
from seawall.errors import InvalidInput
from seawall.timing import Prediction
from stacks.backup_settings import BackupSettings
from stacks.data import Data
from stacks.environment import Environment
from stacks.file_keys import named_as

NOBODY: Final = "000000000000"  # stands for the account while the plan is checked
RDS: Final = "RDS"


@dataclass(frozen=True)
class RecoveryPlan:
    """What will be declared, checked."""

    backups: PlannedBackups
    replication: ReplicationPlan | None
    source: str
    """The writer's instance, as `seawall backups` names it."""

    @property
    def watched(self) -> tuple[WatchedBackupArgs, ...]:
        """Every backup whose age tells whether it comes: where it is, and what its schedule and its windows allow."""
        found: list[WatchedBackupArgs] = [
            {"region": region, "source": self.source, "kind": BackupKind.RECOVERY_POINT, "limit_seconds": seconds}
            for region, seconds in self.backups.oldest_seconds.items()
        ]
        if self.replication is not None:
            found.append(
                {
                    "region": self.replication.region,
                    "source": self.source,
                    "kind": BackupKind.REPLICATED,
                    "limit_seconds": self.replication.age_limit_seconds,
                }
            )
        return tuple(found)

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """Of failures that only these recover from."""
        return self.backups.predictions

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the objectives rest on, a line each."""
        return (*self.backups.warnings, *(self.replication.warnings if self.replication else ()))


@dataclass(frozen=True)
class Recovery:
    """What was declared."""

    component: BackupPlan
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; nothing of it is secret."""


def plan_recovery(environment: Environment, data: DatabasePlan | None) -> RecoveryPlan | None:
    """Check everything that backups will declare; registers nothing. None where there are none.

    Raises:
        InvalidInput: A value is not allowed.
        ObjectiveNotMet: These backups cannot meet the environment's objectives.
    """
    settings = environment.backups
    if settings is None:
        return None
    if data is None:
        raise InvalidInput(
            "seawall:backups", "given", allowed="only with seawall:database", because="nothing else is backed up"
        )
    writer = data.writer
    identifier = writer.identifier or instance_identifier(environment.label, writer.name)
    arn = f"arn:aws:rds:{writer.region}:{NOBODY}:db:{identifier}"
    with named_as(partial(_in_the_file, _regions(environment, settings, writer.region))):
        backups = plan_backups(_args(environment, settings, writer.region, arn, {}))
    if settings.replication is None:
        return RecoveryPlan(backups, None, backup_source(arn))
    with named_as(_replication_in_the_file):
        replication = plan_replication(_replication_args(environment, settings, writer.region, arn, {}, {}))
    return RecoveryPlan(backups, replication, backup_source(arn))


def declare_recovery(
    environment: Environment,
    plan: RecoveryPlan | None,
    data: Data | None,
    topics: Mapping[str, pulumi.Input[str]],
    options: pulumi.ResourceOptions,
) -> Recovery | None:
    """Declare the backups, and who may write to the topics of their regions.

    Args:
        environment: The environment.
        plan: From `plan_recovery`.
        data: The database that is backed up.
        topics: ARN of the alarms' topic, by region.
        options: For every resource.
    """
    settings = environment.backups
    if plan is None or settings is None or data is None:
        return None
    writer = data.plan.writer
    arn = data.component.arn_of(writer.name)  # not of all members: a replica's rebuilding must not touch its backups
    component = BackupPlan(environment.label, _args(environment, settings, writer.region, arn, topics), options)
    for vault in plan.backups.vaults:
        if vault.region in _written_to(environment, settings, topics):
            _let_backups_publish(environment, vault.region, topics[vault.region], options)
    claims: dict[str, pulumi.Input[Any]] = {
        "vaults": component.vault_names,
        "keys": component.kms_key_arns,
        "locks": {
            vault.region: [vault.lock.min_retention_days, vault.lock.max_retention_days]
            for vault in plan.backups.vaults
            if vault.lock is not None
        },
        "plans": component.plan_ids,
        "rules": {rule.name: rule.schedule for rule in plan.backups.rules},
        "selections": component.selection_ids,
        "resources": {writer.region: [arn]},
        "restore_testing_plans": component.restore_testing_plans,
        "alarms": component.alarm_names,
    }
    outputs: dict[str, pulumi.Input[Any]] = {
        "backups": claims,
        "predictions": component.predictions,
        "warnings": component.warnings,
    }
    if plan.replication is not None:
        members = {one.region: data.component.key_arn_of(one.name) for one in data.plan.members}
        replication = BackupReplication(
            environment.label,
            _replication_args(environment, settings, writer.region, arn, members, topics),
            options,
        )
        claims["replication"] = {
            "region": replication.region,
            "arn": replication.replication_arn,
            "source": arn,
            "retention_days": plan.replication.retention_days,
            "alarm": replication.alarm_name,
        }
        outputs["restore_command"] = replication.restore_command
    return Recovery(component, outputs)


def _args(
    environment: Environment,
    settings: BackupSettings,
    region: str,
    arn: pulumi.Input[str],
    topics: Mapping[str, pulumi.Input[str]],
) -> BackupPlanArgs:
    """The environment's numbers as the component wants them; what is absent is left to the component's defaults."""
    given = settings.given("replication", "notifications", "source_import_ids")
    for rule in given["rules"]:
        rule["copies"] = [_copied(copy, region) for copy in rule["copies"]]
    source: dict[str, Any] = {"region": region, "resource_arns": [arn]}
    if settings.source_import_ids is not None:
        source["import_ids"] = settings.source_import_ids
    given |= {
        "resource_types": [RDS],
        "vaults": [
            _vault(environment, settings, each, region, topics) for each in _regions(environment, settings, region)
        ],
        "sources": [source],
        "keep_backups": environment.protect,
        "objectives": environment.objectives.arguments(),
        "tags": environment.tags,
    }
    return cast(BackupPlanArgs, given)


def _copied(copy: dict[str, Any], source: str) -> dict[str, Any]:
    """A copy with the region that it goes to while the writer is in that one."""
    regions = copy.pop("regions", None)
    return copy if regions is None else {**copy, "region": _first_elsewhere(regions, source)}


def _first_elsewhere(regions: Sequence[str], source: str) -> str | None:
    """The first region that is not the source's; the source's, which is refused, where there is no other."""
    return next((region for region in regions if region != source), next(iter(regions), None))


def _regions(environment: Environment, settings: BackupSettings, source: str) -> list[str]:
    """Every region that needs a vault, the source's first; the same ones whichever member writes, as far as they are named.

    What was the source before a failover keeps its vault, and the backups in it.
    """
    copies = [copy for rule in settings.rules for copy in rule.copies]
    named = [region for copy in copies for region in (*(copy.regions or ()), copy.region) if region is not None]
    database = environment.database
    first = [member.region for member in database.members if member.member == database.created_in] if database else []
    return list(dict.fromkeys([source, *first, *named, *(vault.region for vault in settings.vaults)]))


def _vault(
    environment: Environment,
    settings: BackupSettings,
    region: str,
    source: str,
    topics: Mapping[str, pulumi.Input[str]],
) -> dict[str, Any]:
    own = next((vault for vault in settings.vaults if vault.region == region), None)
    given: dict[str, Any] = own.given() if own is not None else {"region": region}
    if region == source and region in topics:
        given.setdefault("alarm_actions", [topics[region]])
    if region in _written_to(environment, settings, topics) and "existing_arn" not in given:
        given.setdefault("notification_topic_arn", topics[region])
    return given


def _written_to(
    environment: Environment, settings: BackupSettings, topics: Mapping[str, pulumi.Input[str]]
) -> list[str]:
    """Regions whose topic is declared here: whose policy is therefore ours to write."""
    given = {*environment.alarms.topic_arns, *(["us-east-1"] if environment.alarms.topic_arn is not None else [])}
    elsewhere = {vault.region for vault in settings.vaults if vault.notification_topic_arn or vault.existing_arn}
    return [region for region in topics if settings.notifications and region not in given | elsewhere]


def _let_backups_publish(
    environment: Environment, region: str, topic: pulumi.Input[str], options: pulumi.ResourceOptions
) -> None:
    aws.sns.TopicPolicy(
        f"{environment.label}-backups-{region}",
        region=region,
        arn=topic,
        policy=pulumi.Output.from_input(topic).apply(topic_policy),
        opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(protect=False)),
    )


def topic_policy(arn: str) -> str:
    """What a topic has by itself (its account may do everything, alarms among it), and AWS Backup of that account."""
    account = arn.split(":")[4]
    statements = [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:Subscribe"],
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceOwner": account}},
        },
        {
            "Sid": "Backups",
            "Effect": "Allow",
            "Principal": {"Service": "backup.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _replication_args(
    environment: Environment,
    settings: BackupSettings,
    source: str,
    arn: pulumi.Input[str],
    keys: Mapping[str, pulumi.Input[str]],
    topics: Mapping[str, pulumi.Input[str]],
) -> BackupReplicationArgs:
    given = settings.replication.given() if settings.replication is not None else {}
    region = given["region"] = cast(str, _first_elsewhere(given.pop("regions", []), source))
    if region in keys:
        given.setdefault("kms_key_arn", keys[region])
    if region in topics:
        given["alarm_actions"] = [topics[region]]
    given |= {
        "source_arn": arn,
        "source_region": source,
        "keep_backups": environment.protect,
        "tags": environment.tags,
    }
    return cast(BackupReplicationArgs, given)


def _in_the_file(regions: Sequence[str], name: str) -> str:
    """The key below `seawall:backups`, or among the objectives; `regions` are the vaults', in the component's order."""
    if name.startswith("objectives."):
        return f"seawall:{name}"
    for place, region in enumerate(regions):
        name = name.replace(f"vaults[{place}].", f"vaults[{region}].")
    return f"seawall:backups.{name.replace('sources[0].import_ids.', 'source_import_ids.')}"


def _replication_in_the_file(name: str) -> str:
    return f"seawall:backups.replication.{'regions' if name == 'region' else name}"
