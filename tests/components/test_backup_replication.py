"""Automated backups in another region: what is registered, what is refused, what is predicted."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from backup_samples import DATABASE, OREGON, OWN, TOKYO, key_of, replication_args, topic_of
from pulumi_seawall import plan_replication
from seawall.errors import InvalidInput, ObjectiveNotMet

OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 20_000,
    "recovery_point_seconds": 1800,
}
ARN = f"arn:aws:rds:{OREGON}:{OWN}:auto-backup:ab-1"


@pytest.fixture
def declare(deploy):
    """Deploy a replication called `shop`."""
    return lambda **more: deploy(lambda: pulumi_seawall.BackupReplication("shop", replication_args(**more)))


def test_the_replication_is_a_resource_of_the_destination_with_a_key_of_it(declare):
    """Declared in the source's region RDS refuses it, and with the source's key it cannot be read when that is gone."""
    found = declare(retention_days=14)
    assert found.of("InstanceAutomatedBackupsReplication")["shop"].inputs == {
        "region": OREGON,
        "sourceDbInstanceArn": DATABASE,
        "kmsKeyId": key_of(OREGON),
        "retentionPeriod": 14,
    }
    assert found.of("Key")["shop"].inputs["region"] == OREGON
    assert "--region us-west-2 --source-db-instance-automated-backups-arn" in found.outputs["restore_command"]


def test_seven_days_are_kept_when_nothing_is_said(declare):
    """RDS's own default, whatever the source's retention is."""
    assert declare().of("InstanceAutomatedBackupsReplication")["shop"].inputs["retentionPeriod"] == 7


def test_the_alarm_watches_the_age_and_what_no_data_means_is_the_users_choice(declare):
    """RDS has no metric of it: when nobody measures, silence must not look like health."""
    alarm = declare(age_limit_seconds=900).of("MetricAlarm")["shop-age"].inputs
    assert (alarm["namespace"], alarm["metricName"]) == ("Seawall/Backups", "ReplicatedBackupAgeSeconds")
    assert alarm["dimensions"] == {"SourceArn": DATABASE}
    assert (alarm["threshold"], alarm["treatMissingData"], alarm["region"]) == (900, "breaching", OREGON)
    assert alarm["alarmActions"] == [topic_of(OREGON)]


def test_an_existing_key_is_used_and_existing_resources_are_adopted(declare):
    """Ids of regional resources are the service's; the provider wants the region behind them."""
    found = declare(kms_key_arn=key_of(OREGON), import_ids={"replication": ARN, "age_alarm": "old"})
    assert not found.of("Key")
    assert found.of("InstanceAutomatedBackupsReplication")["shop"].import_id == f"{ARN}@{OREGON}"
    alarm = found.of("MetricAlarm")["shop-age"]
    assert (alarm.import_id, alarm.inputs["name"]) == (f"old@{OREGON}", "old")


def test_the_source_may_be_known_only_during_the_deployment(deploy):
    """It is declared in the same program; a wrong one is refused all the same."""

    def program(arn: str) -> Any:
        args = replication_args(source_arn=pulumi.Output.from_input(arn))
        return lambda: pulumi_seawall.BackupReplication("shop", args)

    deploy(program(DATABASE))
    with pytest.raises(Exception, match="an instance in source_region = ap-northeast-1"):
        deploy(program(DATABASE.replace(TOKYO, "eu-west-1")))


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"region": TOKYO},
            "region = ap-northeast-1: another region than source_region, because RDS keeps them there anyway",
        ),
        ({"retention_days": 36}, "retention_days = 36: 1 to 35 days"),
        ({"retention_days": 0}, "retention_days = 0: 1 to 35 days"),
        (
            {"kms_key_arn": key_of(TOKYO)},
            f"kms_key_arn = {key_of(TOKYO)}: a key of us-west-2, because backups are encrypted with a key of their own region",
        ),
        (
            {"source_arn": f"arn:aws:rds:{TOKYO}:{OWN}:cluster:shop"},
            f"source_arn = arn:aws:rds:{TOKYO}:{OWN}:cluster:shop: the ARN of an RDS instance",
        ),
        (
            {"age_limit_seconds": 599},
            (
                "age_limit_seconds = 599: at least 600, because logs leave the instance every 300 s, and take 300 s to the other "
                "region"
            ),
        ),
        ({"age_limit_seconds": 86_401}, "age_limit_seconds = 86401: above 0, at most 86400 seconds"),
        ({"missing_data": None}, "missing_data is missing: required"),
        ({"missing_data": "alarm"}, "missing_data = alarm: breaching, notBreaching, ignore or missing"),
        (
            {"alarm_actions": [topic_of(TOKYO)]},
            (
                f"alarm_actions[0] = {topic_of(TOKYO)}: an SNS topic in us-west-2, because an alarm notifies topics of its own "
                "region only"
            ),
        ),
        (
            {"kms_key_arn": key_of(OREGON), "import_ids": {"key": "1234"}},
            "import_ids.key = 1234: not beside kms_key_arn",
        ),
    ],
)
def test_a_broken_input_is_refused_in_one_line(more, line):
    """RDS says most of this half-way through a deployment, and some of it never."""
    with pytest.raises(InvalidInput) as caught:
        plan_replication(replication_args(**more))
    assert str(caught.value) == line


@pytest.mark.parametrize("more", [{"retention_days": 1}, {"retention_days": 35}, {"age_limit_seconds": 600}])
def test_what_is_just_inside_a_limit_is_taken(more):
    """A limit that refuses one more than RDS does keeps somebody from what RDS offers."""
    assert plan_replication(replication_args(**more)).region == OREGON


def test_the_alarms_limit_is_what_is_lost_and_is_held_against_the_objectives():
    """1800 seconds are met to the second; one less is refused with the input that changes it."""
    assert plan_replication(replication_args(objectives=OBJECTIVES)).warnings
    with pytest.raises(ObjectiveNotMet) as caught:
        plan_replication(replication_args(objectives={**OBJECTIVES, "recovery_point_seconds": 1799}))
    assert "change age_limit_seconds or recovery_point_seconds" in str(caught.value)
