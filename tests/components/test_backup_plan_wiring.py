"""What a `BackupPlan` registers. Pulumi's mocks turn integers into floats."""

import json
from typing import Any

import pulumi
import pytest

import pulumi_seawall
from backup_samples import DATABASE, OREGON, OTHER, OTHER_VAULT, OWN, TOKYO, changed, key_of, plan_args, rule, topic_of
from pulumi_seawall import BackupResourceType
from pulumi_seawall._backup_roles import Reach, backup_policy, restore_policy

VAULT = "seawall-test-shop"


@pytest.fixture
def declare(deploy):
    """Deploy a plan called `shop`."""
    return lambda args=None: deploy(lambda: pulumi_seawall.BackupPlan("shop", args or plan_args()))


def policy_of(made: Any) -> list[dict[str, Any]]:
    return json.loads(made.inputs["policy"])["Statement"]


def test_a_vault_has_its_own_key_and_a_governance_lock(declare):
    """Nothing can be copied into a vault with AWS's own key, and compliance is never a default."""
    found = declare()
    vault = found.of("Vault")["shop-us-west-2"]
    assert vault.inputs["kmsKeyArn"] == key_of(OREGON)
    assert vault.inputs["name"] == VAULT
    assert vault.inputs["forceDestroy"] is False
    assert found.of("Key")["shop-us-west-2"].inputs["enableKeyRotation"] is True
    assert found.of("VaultLockConfiguration")["shop-us-west-2"].inputs == {
        "region": OREGON,
        "backupVaultName": VAULT,
        "minRetentionDays": 14,
        "maxRetentionDays": 35,
    }


def test_a_compliance_lock_is_declared_when_it_is_asked_for_by_name(declare):
    """The days that are left to change one's mind are the difference between the two modes."""
    lock = {"min_retention_days": 7, "max_retention_days": 90, "mode": "compliance", "changeable_for_days": 30}
    made = declare(changed("vaults.0.lock", lock)).of("VaultLockConfiguration")[f"shop-{TOKYO}"]
    assert made.inputs["changeableForDays"] == 30


def test_the_rule_is_as_asked_with_copies_to_both_vaults(declare):
    """Retention, windows and destinations reach AWS as they stand, and the cron as AWS takes it."""
    plan = declare(changed("rules.0.schedule", "rate(12 hours)")).of("Plan")[f"shop-{TOKYO}"]
    (made,) = plan.inputs["rules"]
    assert made == {
        "ruleName": "daily",
        "targetVaultName": VAULT,
        "schedule": "cron(0 0/12 * * ? *)",
        "scheduleExpressionTimezone": "Etc/UTC",
        "startWindow": 60,
        "completionWindow": 10_080,
        "enableContinuousBackup": False,
        "lifecycle": {"deleteAfter": 35},
        "copyActions": [
            {"destinationVaultArn": "arn:aws:test:::shop-us-west-2", "lifecycle": {"deleteAfter": 14}},
            {"destinationVaultArn": OTHER_VAULT, "lifecycle": {"deleteAfter": 90}},
        ],
        "recoveryPointTags": {"Name": "shop", "seawall:component": "shop"},
    }


def test_what_is_selected_is_named_and_backed_up_by_a_role_of_its_own(declare):
    """A selection without a role that may read it fails every night; one with an administrator's is a way in."""
    found = declare()
    selection = found.of("Selection")[f"shop-{TOKYO}"].inputs
    assert selection["resources"] == [DATABASE]
    assert selection["iamRoleArn"] == "arn:aws:test:::shop-backup"
    trust = json.loads(found.of("Role")["shop-backup"].inputs["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"Service": "backup.amazonaws.com"}]


def test_a_selection_by_tags_names_each_tag(declare):
    """Several tags are alternatives: each must arrive."""
    args = changed("sources.0", {"region": TOKYO, "tags": {"backup": "daily", "team": "shop"}})
    found = declare(args)
    assert found.of("Selection")[f"shop-{TOKYO}"].inputs["selectionTags"] == [
        {"type": "STRINGEQUALS", "key": "backup", "value": "daily"},
        {"type": "STRINGEQUALS", "key": "team", "value": "shop"},
    ]
    assert any("opt-in settings" in line for line in found.outputs["warnings"])


def test_the_role_that_backs_up_may_touch_what_is_selected_and_nothing_else(declare):
    """A database beside the selected one is none of a backup's business."""
    statements = {one["Sid"]: one for one in policy_of(declare().of("RolePolicy")["shop-backup"])}
    snapshots = [f"arn:aws:rds:{region}:*:snapshot:awsbackup:*" for region in (TOKYO, OREGON)]
    assert statements["RdsBackUp"]["Resource"] == [DATABASE, *snapshots]
    assert statements["RdsPointInTime"]["Resource"] == [DATABASE]
    assert not any("iam:PassRole" in one["Action"] for one in statements.values())


def test_the_role_that_restores_deletes_only_what_tests_made(declare):
    """Whoever can restore could otherwise delete the database that the restore is for."""
    statements = {one["Sid"]: one for one in policy_of(declare().of("RolePolicy")["shop-restore"])}
    assert statements["RdsCleanUp"]["Action"] == ["rds:DeleteDBInstance"]
    assert statements["RdsCleanUp"]["Resource"] == [
        f"arn:aws:rds:{region}:*:db:awsbackup-restore-test-*" for region in (TOKYO, OREGON)
    ]
    deleting = [one["Sid"] for one in statements.values() for action in one["Action"] if "Delete" in action]
    assert deleting == ["RdsCleanUp"]


@pytest.mark.parametrize("policy", [backup_policy, restore_policy])
@pytest.mark.parametrize("kinds", [*([kind] for kind in BackupResourceType), list(BackupResourceType)])
def test_no_permission_has_a_wildcard_for_an_action_a_service_or_a_region(policy, kinds, pulumi_loop):
    """Least privilege is a promise for every resource type, not for the one that the example has."""
    text = policy(Reach(tuple(kinds), (TOKYO, OREGON), {}))
    services = {kind.value: kind for kind in kinds}
    for statement in json.loads(text)["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert "*" not in action
        for resource in statement["Resource"]:
            if resource == "*":
                assert statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == sorted([TOKYO, OREGON])
            else:
                assert resource.split(":")[3] in (TOKYO, OREGON)
    if "RDS" not in services:
        assert "rds:" not in text
    if "DynamoDB" not in services:
        assert "dynamodb:" not in text


def test_nobody_deletes_backups_and_only_named_accounts_copy_in(declare):
    """A governance lock can be taken away by whoever may; the vault's own policy denies single deletions to all."""
    args = changed("vaults.0.copies_from_accounts", [OTHER])
    args["vaults"][0]["lock"] = {"min_retention_days": 7, "max_retention_days": 400}
    denied, allowed = policy_of(declare(args).of("VaultPolicy")[f"shop-{TOKYO}"])
    assert denied["Effect"] == "Deny"
    assert denied["Action"] == ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
    assert "Condition" not in denied
    assert allowed["Principal"] == {"AWS": [f"arn:aws:iam::{OTHER}:root"]}
    assert allowed["Resource"] == f"arn:aws:test:::shop-{TOKYO}"


def test_a_named_principal_may_delete_what_the_lock_lets_it(declare):
    """Somebody must be able to remove what should never have been in a backup."""
    janitor = f"arn:aws:iam::{OWN}:role/janitor"
    denied, *_ = policy_of(declare(changed("vaults.0.deleters", [janitor])).of("VaultPolicy")[f"shop-{TOKYO}"])
    assert denied["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [janitor]}}


def test_restores_are_tested_by_default(declare):
    """A backup that was never restored is a hope."""
    found = declare()
    plan = found.of("RestoreTestingPlan")[f"shop-{TOKYO}"].inputs
    assert plan["name"] == "seawall_test_shop"
    assert plan["scheduleExpression"] == "cron(0 9 ? * SUN,WED *)"
    assert plan["recoveryPointSelection"] == {
        "algorithm": "LATEST_WITHIN_WINDOW",
        "includeVaults": [f"arn:aws:test:::shop-{TOKYO}"],
        "recoveryPointTypes": ["SNAPSHOT"],
        "selectionWindowDays": 2,
    }
    tested = found.of("RestoreTestingSelection")[f"shop-{TOKYO}-rds"].inputs
    assert tested["protectedResourceType"] == "RDS"
    assert tested["iamRoleArn"] == "arn:aws:test:::shop-restore"
    assert tested["validationWindowHours"] == 1


def test_restore_tests_are_switched_off_by_a_reason_alone(declare):
    """Then there is no role that restores and no alarm that would ring for ever; and everybody is told."""
    found = declare(plan_args(restore_testing={"off_because": "restored by hand each quarter"}))
    assert not found.of("RestoreTestingPlan")
    assert not found.of("RestoreTestingSelection")
    assert "shop-restore" not in found.of("Role")
    assert not [name for name in found.of("MetricAlarm") if "restore" in name]
    assert "restore_testing is off: restored by hand each quarter" in found.outputs["warnings"]
    assert found.outputs["restore_testing_plans"] == {}


def test_a_test_takes_the_kind_of_backup_that_there_is(declare):
    """A plan with continuous backups alone has no snapshots to restore."""
    continuous = rule(continuous=True, copies=[])
    one = plan_args(rules=[continuous], vaults=[{"region": TOKYO}])
    made = declare(one).of("RestoreTestingPlan")[f"shop-{TOKYO}"]
    assert made.inputs["recoveryPointSelection"]["recoveryPointTypes"] == ["CONTINUOUS"]


def test_an_alarm_on_a_failure_takes_no_data_for_no_failure(declare):
    """AWS Backup publishes nothing while nothing happens: that is not a failure."""
    alarm = declare().of("MetricAlarm")[f"shop-{TOKYO}-backup-failed"].inputs
    assert (alarm["metricName"], alarm["threshold"], alarm["treatMissingData"]) == (
        "NumberOfBackupJobsFailed",
        1,
        "notBreaching",
    )
    assert alarm["dimensions"] == {"BackupVaultName": VAULT}
    assert alarm["alarmActions"] == [topic_of(TOKYO)]


@pytest.mark.parametrize(
    ("purpose", "metric", "hours"),
    [
        ("backup-missing-rds", "NumberOfBackupJobsCompleted", 27),  # 24 + 1 + 1, and five minutes until it is published
        ("copy-missing-rds", "NumberOfCopyJobsCompleted", 29),  # and two for the copy
        ("restore-missing-rds", "NumberOfRestoreJobsCompleted", 125),  # four days, 24 h start window, 4 h restore
    ],
)
def test_what_never_came_is_an_alarm_although_there_is_no_data(declare, purpose, metric, hours):
    """A job that is not even created fails nowhere: hours in a row without a completed one are all that shows it."""
    alarm = declare().of("MetricAlarm")[f"shop-{TOKYO}-{purpose}"].inputs
    assert alarm["metricName"] == metric
    assert alarm["dimensions"] == {"BackupVaultName": VAULT, "ResourceType": "RDS"}
    assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["period"], alarm["evaluationPeriods"], alarm["datapointsToAlarm"]) == (3600, hours, hours)
    assert alarm["treatMissingData"] == "breaching"


def test_an_alarm_never_looks_back_further_than_cloudwatch_does(declare):
    """168 hours are all that CloudWatch evaluates; the longest schedules must stay within them."""
    sparse = rule(schedule="cron(0 5 ? * MON,THU *)", delete_after_days=35, copies=[])
    args = plan_args(rules=[sparse], vaults=[{"region": TOKYO}])
    for alarm in declare(args).of("MetricAlarm").values():
        assert alarm.inputs["period"] * alarm.inputs["evaluationPeriods"] <= 7 * 86_400


def test_without_copies_there_are_no_alarms_on_copies(declare):
    """An alarm on a missing copy that nobody asked for would ring for ever."""
    names = declare(plan_args(rules=[rule(copies=[])], vaults=[{"region": TOKYO}])).of("MetricAlarm")
    assert not [name for name in names if "copy" in name]


def test_notifications_are_sent_where_a_topic_is_given(declare):
    """Mail about a job needs a topic of the vault's region; without one there is nothing to declare."""
    made = declare().of("VaultNotifications")
    assert set(made) == {f"shop-{TOKYO}"}
    assert made[f"shop-{TOKYO}"].inputs["snsTopicArn"] == topic_of(TOKYO)
    assert "COPY_JOB_FAILED" in made[f"shop-{TOKYO}"].inputs["backupVaultEvents"]


def test_existing_vaults_keys_and_roles_are_used_and_not_declared(declare):
    """Adoption by id: what exists stays whose it is."""
    args = plan_args(
        backup_role_arn=f"arn:aws:iam::{OWN}:role/backup", restore_role_arn=f"arn:aws:iam::{OWN}:role/restore"
    )
    args["vaults"][1] = {
        "region": OREGON,
        "existing_arn": f"arn:aws:backup:{OREGON}:{OWN}:backup-vault:central",
        "kms_key_arn": key_of(OREGON),
        "lock": {"min_retention_days": 1, "max_retention_days": 400},
    }
    found = declare(args)
    assert set(found.of("Vault")) == set(found.of("Key")) == {f"shop-{TOKYO}"}
    assert not found.of("Role")
    (made,) = found.of("Plan")[f"shop-{TOKYO}"].inputs["rules"]
    assert made["copyActions"][0]["destinationVaultArn"] == f"arn:aws:backup:{OREGON}:{OWN}:backup-vault:central"
    assert found.outputs["vault_names"][OREGON] == "central"


def test_existing_resources_are_adopted_by_import_with_their_region(declare):
    """Ids of regional resources are the service's; the provider wants the region behind them."""
    args = plan_args(import_ids={"backup_role": "backups", "backup_role_policy": "backups:may"})
    args["vaults"][0]["import_ids"] = {"key": "1234abcd", "vault": "old", "lock": "old", "policy": "old"}
    args["sources"][0]["import_ids"] = {
        "plan": "p-1",
        "selection": "p-1|s-1",
        "restore_testing_plan": "tests",
        "restore_testing_selections": {"RDS": "databases:tests"},
        "alarms": {"backup-failed": "old-alarm"},
    }
    found = declare(args)
    imported = {
        (made.type.rpartition(":")[2], made.name): made.import_id for made in found.made if made.import_id is not None
    }
    here = f"shop-{TOKYO}"
    assert imported == {
        ("Role", "shop-backup"): "backups",
        ("RolePolicy", "shop-backup"): "backups:may",
        ("Key", here): f"1234abcd@{TOKYO}",
        ("Vault", here): f"old@{TOKYO}",
        ("VaultLockConfiguration", here): f"old@{TOKYO}",
        ("VaultPolicy", here): f"old@{TOKYO}",
        ("Plan", here): f"p-1@{TOKYO}",
        ("Selection", here): f"p-1|s-1@{TOKYO}",
        ("RestoreTestingPlan", here): f"tests@{TOKYO}",
        ("RestoreTestingSelection", f"{here}-rds"): f"databases:tests@{TOKYO}",
        ("MetricAlarm", f"{here}-backup-failed"): f"old-alarm@{TOKYO}",
    }
    assert found.of("Vault")[here].inputs["name"] == "old"
    assert found.of("Role")["shop-backup"].inputs["name"] == "backups"
    assert found.of("RolePolicy")["shop-backup"].inputs["name"] == "may"


def test_a_vault_of_the_same_account_is_no_other_account(deploy, deployment):
    """A copy that is called another account's and is not would be lost with the account, and predicted to be there."""
    deployment.answers[f"Vault::shop-{TOKYO}"] = {"arn": f"arn:aws:backup:{TOKYO}:{OTHER}:backup-vault:{VAULT}"}
    with pytest.raises(
        Exception, match="a vault of another account, because a loss of this account would take it along"
    ):
        deploy(lambda: pulumi_seawall.BackupPlan("shop", plan_args()))


def test_an_arn_that_is_known_only_during_the_deployment_is_checked_then(deploy):
    """The database is declared in the same program: its ARN is an output, and still one of the right region."""
    elsewhere = DATABASE.replace(TOKYO, OREGON)

    def program(arn: str) -> Any:
        args = changed("sources.0.resource_arns", [pulumi.Output.from_input(arn)])
        return lambda: pulumi_seawall.BackupPlan("shop", args)

    with pytest.raises(Exception, match="something in ap-northeast-1"):
        deploy(program(elsewhere))


def test_predictions_are_of_what_only_backups_recover(declare):
    """What replicas cover is predicted by the database; here stand corruption and the account by default."""
    predictions = declare().outputs["predictions"]
    assert {each["failure_class"] for each in predictions} == {"corruption", "account"}
    sources = {term["source"] for each in predictions for term in each["terms"]}
    assert sources == {"computed", "documented", "assumed"}


def test_of_several_sources_the_one_that_a_failure_costs_most_counts(declare):
    """A copy in Oregon helps Tokyo and not Oregon itself: the plan as a whole does not recover from a region then."""
    both = [{"region": region, "tags": {"backup": "daily"}} for region in (TOKYO, OREGON)]
    copied = rule(delete_after_days=14, copies=[{"region": OREGON}])
    found = declare(plan_args(sources=both, covers=["region", "corruption"], rules=[copied]))
    assert {each["failure_class"] for each in found.outputs["predictions"]} == {"corruption"}
    assert any(line.startswith("region failure: there is no replica and no copy") for line in found.outputs["warnings"])
    copies = {name: one.inputs["rules"][0].get("copyActions", []) for name, one in found.of("Plan").items()}
    assert [len(copies[f"shop-{region}"]) for region in (TOKYO, OREGON)] == [1, 0]


def test_an_interrupted_continuous_backup_is_notified(declare):
    """Nothing fails then: there are only fewer seconds to go back to."""
    continuous = rule(continuous=True, copies=[])
    vault = {"region": TOKYO, "notification_topic_arn": topic_of(TOKYO)}
    made = declare(plan_args(rules=[continuous], vaults=[vault])).of("VaultNotifications")[f"shop-{TOKYO}"]
    assert "CONTINUOUS_BACKUP_INTERRUPTED" in made.inputs["backupVaultEvents"]
