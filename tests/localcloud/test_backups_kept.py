"""AWS Backup on the patched server: what AWS refuses is refused, and what differs from the program's claim is named."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud import cloud
from localcloud.verify_backups import backups

HOME, AWAY = "eu-west-1", "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/backup"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
MAY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"}]}'
CHOICE = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cloud.CloudHandle]:
    """One patched server for the tests of this file; each uses names of its own."""
    folder: Path = tmp_path_factory.mktemp("backups") / "cloud"
    yield cloud.start(folder)
    cloud.stop(folder)


@pytest.fixture
def connect(handle: cloud.CloudHandle) -> Any:
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
    return lambda service, region=HOME: session.client(service, region_name=region, endpoint_url=handle.endpoint)


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def rules(vault: str, **more: Any) -> list[dict[str, Any]]:
    return [{"RuleName": "daily", "TargetBackupVaultName": vault, "ScheduleExpression": "cron(0 5 ? * * *)", **more}]


@pytest.mark.parametrize(
    "more",
    [
        {"TargetBackupVaultName": "nowhere"},
        {"StartWindowMinutes": 59},
        {"Lifecycle": {"MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 119}},
        {"EnableContinuousBackup": True, "Lifecycle": {"DeleteAfterDays": 36}},
        {"CopyActions": [{"DestinationBackupVaultArn": "arn:aws:backup:x", "Lifecycle": {
            "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 119}}]},
    ],
)  # fmt: skip
def test_a_plan_is_held_to_the_rules_of_aws(connect: Any, more: dict[str, Any]) -> None:
    """A plan that only the local cloud takes would be found in the first deployment to AWS."""
    backup = connect("backup")
    vault = f"rules-{uuid.uuid4().hex[:8]}"
    backup.create_backup_vault(BackupVaultName=vault)
    plan = {"BackupPlanName": vault, "Rules": rules(vault, **more)}
    assert code_of(backup.create_backup_plan, BackupPlan=plan) == "InvalidParameterValueException"


def test_a_plan_changes_in_place_and_frees_its_name_when_it_is_deleted(connect: Any) -> None:
    """moto's own plan cannot be updated, and one that is made anew finds its name taken by the deleted one."""
    backup = connect("backup")
    backup.create_backup_vault(BackupVaultName="changing")
    first = {"BackupPlanName": "changing", "Rules": rules("changing")}
    made = backup.create_backup_plan(BackupPlan=first)
    changed = {**first, "Rules": rules("changing", ScheduleExpression="cron(0 6 ? * * *)")}
    backup.update_backup_plan(BackupPlanId=made["BackupPlanId"], BackupPlan=changed)
    found = backup.get_backup_plan(BackupPlanId=made["BackupPlanId"])
    assert found["BackupPlan"]["Rules"][0]["ScheduleExpression"] == "cron(0 6 ? * * *)"
    assert found["VersionId"] != made["VersionId"]
    selection = {"SelectionName": "all", "IamRoleArn": ROLE, "Resources": ["*"]}
    selected = backup.create_backup_selection(BackupPlanId=made["BackupPlanId"], BackupSelection=selection)
    assert code_of(backup.delete_backup_plan, BackupPlanId=made["BackupPlanId"]) == "InvalidRequestException"
    backup.delete_backup_selection(BackupPlanId=made["BackupPlanId"], SelectionId=selected["SelectionId"])
    backup.delete_backup_plan(BackupPlanId=made["BackupPlanId"])
    assert code_of(backup.get_backup_plan, BackupPlanId=made["BackupPlanId"]) == "ResourceNotFoundException"
    assert backup.create_backup_plan(BackupPlan=first)["BackupPlanId"] != made["BackupPlanId"]


def test_a_vault_that_is_deleted_takes_its_policy_and_notifications_along(connect: Any) -> None:
    """A new vault of the same name must not have what the old one had."""
    backup = connect("backup")
    backup.create_backup_vault(BackupVaultName="passing")
    backup.put_backup_vault_access_policy(BackupVaultName="passing", Policy=TRUST)
    assert backup.get_backup_vault_access_policy(BackupVaultName="passing")["Policy"] == TRUST
    backup.delete_backup_vault(BackupVaultName="passing")
    backup.create_backup_vault(BackupVaultName="passing")
    assert code_of(backup.get_backup_vault_access_policy, BackupVaultName="passing") == "ResourceNotFoundException"
    events: dict[str, Any] = {"SNSTopicArn": "arn:aws:sns:x", "BackupVaultEvents": ["BACKUP_JOB_LATE"]}
    answer = code_of(backup.put_backup_vault_notifications, BackupVaultName="passing", **events)
    assert answer == "InvalidParameterValueException"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("with-hyphen", {}),
        ("hours", {"StartWindowHours": 169}),
        ("days", {"RecoveryPointSelection": {**CHOICE, "SelectionWindowDays": 366}}),
    ],
)
def test_a_restore_testing_plan_is_held_to_the_rules_of_aws(connect: Any, name: str, more: dict[str, Any]) -> None:
    """Names without hyphens above all: everything else in AWS Backup takes them."""
    plan = {
        "RestoreTestingPlanName": name,
        "ScheduleExpression": "cron(0 9 ? * SUN *)",
        "RecoveryPointSelection": CHOICE,
    }
    answer = code_of(connect("backup").create_restore_testing_plan, RestoreTestingPlan={**plan, **more})
    assert answer == "InvalidParameterValueException"


def test_automated_backups_are_replicated_from_another_region_once(connect: Any) -> None:
    """In the source's own region, of a source without backups, or a second time RDS refuses it."""
    home, away = connect("rds"), connect("rds", AWAY)
    settings: dict[str, Any] = {
        "DBInstanceClass": "db.t4g.micro", "Engine": "postgres", "AllocatedStorage": 20, "MasterUsername": "shop",
        "MasterUserPassword": "hunter2hunter2",
    }  # fmt: skip
    made = {
        days: home.create_db_instance(DBInstanceIdentifier=f"keeps-{days}", BackupRetentionPeriod=days, **settings)
        for days in (0, 7)
    }
    source = made[7]["DBInstance"]["DBInstanceArn"]
    bare = made[0]["DBInstance"]["DBInstanceArn"]
    start = away.start_db_instance_automated_backups_replication
    assert code_of(start, SourceDBInstanceArn=bare) == "InvalidDBInstanceState"
    own = home.start_db_instance_automated_backups_replication
    assert code_of(own, SourceDBInstanceArn=source) == "InvalidParameterValue"
    kept = start(SourceDBInstanceArn=source)["DBInstanceAutomatedBackup"]
    assert (kept["BackupRetentionPeriod"], kept["Region"], kept["Status"]) == (7, HOME, "replicating")
    assert code_of(start, SourceDBInstanceArn=source) == "InvalidDBInstanceState"
    away.stop_db_instance_automated_backups_replication(SourceDBInstanceArn=source)
    assert not away.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]


class Declared:
    """Everything that restores depend on, made as the program would, and the claim of it."""

    def __init__(self, connect: Any, name: str) -> None:
        self.backup, self.iam, self.cloudwatch = connect("backup"), connect("iam"), connect("cloudwatch")
        key = connect("kms").create_key()["KeyMetadata"]["Arn"]
        self.backup.create_backup_vault(BackupVaultName=name, EncryptionKeyArn=key)
        self.backup.put_backup_vault_lock_configuration(BackupVaultName=name, MinRetentionDays=14, MaxRetentionDays=35)
        denied = '{"Statement": [{"Effect": "Deny", "Action": "backup:DeleteRecoveryPoint"}]}'
        self.backup.put_backup_vault_access_policy(BackupVaultName=name, Policy=denied)
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=MAY)
        role = f"arn:aws:iam::123456789012:role/{name}"
        plan = self.backup.create_backup_plan(BackupPlan={"BackupPlanName": name, "Rules": rules(name)})["BackupPlanId"]
        selection = {"SelectionName": name, "IamRoleArn": role, "Resources": ["arn:aws:rds:x:1:db:shop"]}
        selected = self.backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
        vault = self.backup.describe_backup_vault(BackupVaultName=name)["BackupVaultArn"]
        testing = {"RestoreTestingPlanName": name, "ScheduleExpression": "cron(0 9 ? * SUN *)"}
        testing |= {"RecoveryPointSelection": {**CHOICE, "IncludeVaults": [vault]}}
        self.backup.create_restore_testing_plan(RestoreTestingPlan=testing)
        tested = {"RestoreTestingSelectionName": "rds", "ProtectedResourceType": "RDS", "IamRoleArn": role}
        self.backup.create_restore_testing_selection(RestoreTestingPlanName=name, RestoreTestingSelection=tested)
        self.alarm(name, f"{name}-backup-missing-rds", "breaching")
        self.name = name
        self.claim = {
            "vaults": {HOME: name}, "keys": {HOME: key}, "locks": {HOME: [14, 35]}, "plans": {HOME: plan},
            "rules": {"daily": "cron(0 5 ? * * *)"}, "selections": {HOME: selected},
            "resources": {HOME: ["arn:aws:rds:x:1:db:shop"]}, "restore_testing_plans": {HOME: name},
            "alarms": {HOME: [f"{name}-backup-missing-rds"]},
        }  # fmt: skip

    def alarm(self, vault: str, name: str, missing: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/Backup", MetricName="NumberOfBackupJobsCompleted", Statistic="Sum", Period=3600,
            EvaluationPeriods=27, Threshold=1, ComparisonOperator="LessThanThreshold", TreatMissingData=missing,
            Dimensions=[{"Name": "BackupVaultName", "Value": vault}],
        )  # fmt: skip


@pytest.fixture
def declared(connect: Any) -> Declared:
    return Declared(connect, f"v{uuid.uuid4().hex[:8]}")


@pytest.fixture
def look(handle: cloud.CloudHandle) -> Any:
    """What a look into the cloud finds wrong, by kind."""
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")

    def look(claim: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        found = list(backups(session, handle.endpoint, {"backups": claim}))
        return {one.kind: one.differences for one in found}

    return look


def test_what_is_as_declared_is_found_without_a_difference(declared: Declared, look: Any) -> None:
    """Every kind is looked at, and none is only believed."""
    assert look(declared.claim) == {
        "vault": (),
        "backup plan": (),
        "backup selection": (),
        "restore tests": (),
        "backup alarm": (),
    }


def test_drift_in_each_kind_is_named(declared: Declared, look: Any) -> None:
    """Somebody unlocked the vault, changed the plan, emptied the role, and made silence no alarm."""
    name = declared.name
    declared.backup.delete_backup_vault_lock_configuration(BackupVaultName=name)
    plan = {"BackupPlanName": name, "Rules": rules(name, ScheduleExpression="cron(0 7 ? * * *)")}
    declared.backup.update_backup_plan(BackupPlanId=declared.claim["plans"][HOME], BackupPlan=plan)
    declared.iam.delete_role_policy(RoleName=name, PolicyName="may")
    declared.alarm(name, f"{name}-backup-missing-rds", "missing")
    found = look(declared.claim)
    assert "lock: declared [14, 35], the cloud has [None, None]" in found["vault"]
    assert found["backup plan"] == (
        "rules: declared {'daily': 'cron(0 5 ? * * *)'}, the cloud has {'daily': 'cron(0 7 ? * * *)'}",
    )
    assert found["backup selection"] == found["restore tests"] == (f"role {name} may do nothing",)
    assert found["backup alarm"] == ("no data: declared breaching, the cloud has missing",)


def test_what_is_gone_is_missing(declared: Declared, look: Any) -> None:
    """A restore testing plan that somebody deleted is the one that nobody misses."""
    backup, name = declared.backup, declared.name
    backup.delete_restore_testing_selection(RestoreTestingPlanName=name, RestoreTestingSelectionName="rds")
    assert look(declared.claim)["restore tests"] == ("tests anything: declared True, the cloud has False",)
    backup.delete_restore_testing_plan(RestoreTestingPlanName=name)
    plan, selection = declared.claim["plans"][HOME], declared.claim["selections"][HOME]
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=selection)
    backup.delete_backup_plan(BackupPlanId=plan)
    backup.delete_backup_vault(BackupVaultName=name)
    declared.cloudwatch.delete_alarms(AlarmNames=declared.claim["alarms"][HOME])
    assert set(look(declared.claim).values()) == {("does not exist",)}
