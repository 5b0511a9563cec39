"""`seawall backups publish-age`: what the alarm on replicated backups is fed with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from seawall.errors import CloudUnavailable, InvalidInput
from seawall_ops import backups, cli
from seawall_ops.exits import ExitCode

SOURCE = "arn:aws:rds:ap-northeast-1:123456789012:db:shop"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def client(service: str) -> Any:
    return boto3.client(
        service, region_name="us-west-2", aws_access_key_id="local", aws_secret_access_key="local"
    )  # fmt: skip


def backup(seconds: float | None, **more: Any) -> dict[str, Any]:
    """A replicated backup whose newest restorable time is so long ago."""
    window = {} if seconds is None else {"RestoreWindow": {"LatestTime": NOW - timedelta(seconds=seconds)}}
    return {"DBInstanceArn": SOURCE, "Status": "replicating", **window, **more}


@pytest.fixture
def stubbed():
    """RDS and CloudWatch with scripted answers; every one must be asked for."""
    rds, cloudwatch = client("rds"), client("cloudwatch")
    with Stubber(rds) as of_rds, Stubber(cloudwatch) as of_cloudwatch:
        yield rds, of_rds, cloudwatch, of_cloudwatch
        of_rds.assert_no_pending_responses()
        of_cloudwatch.assert_no_pending_responses()


def test_the_age_is_published_under_the_names_that_the_alarm_watches(stubbed):
    """A metric under another name would leave the alarm to missing data."""
    rds, of_rds, cloudwatch, of_cloudwatch = stubbed
    others = [backup(5, DBInstanceArn=f"{SOURCE}-2"), backup(5, Status="retained")]
    of_rds.add_response(
        "describe_db_instance_automated_backups", {"DBInstanceAutomatedBackups": [*others, backup(420)]}
    )
    datum = {
        "MetricName": "ReplicatedBackupAgeSeconds",
        "Dimensions": [{"Name": "SourceArn", "Value": SOURCE}],
        "Timestamp": NOW,
        "Value": 420.0,
        "Unit": "Seconds",
    }
    of_cloudwatch.add_response("put_metric_data", {}, {"Namespace": "Seawall/Backups", "MetricData": [datum]})
    assert backups.publish_age(rds, cloudwatch, SOURCE, NOW) == 420


def test_a_clock_that_is_ahead_of_ours_makes_no_negative_age(stubbed):
    """RDS's clock is not this machine's."""
    rds, of_rds, _, _ = stubbed
    of_rds.add_response("describe_db_instance_automated_backups", {"DBInstanceAutomatedBackups": [backup(-3)]})
    assert backups.age_seconds(rds, SOURCE, NOW) == 0


def test_nothing_is_published_while_nothing_can_be_restored(stubbed):
    """A zero would say that all is well; missing data says what it is."""
    rds, of_rds, cloudwatch, _ = stubbed
    of_rds.add_response("describe_db_instance_automated_backups", {"DBInstanceAutomatedBackups": [backup(None)]})
    assert backups.publish_age(rds, cloudwatch, SOURCE, NOW) is None


def test_a_replication_that_is_gone_is_refused_and_not_measured(stubbed):
    """After a failover the writer is another instance: whoever still measures the old one must hear of it."""
    rds, of_rds, cloudwatch, _ = stubbed
    of_rds.add_response("describe_db_instance_automated_backups", {"DBInstanceAutomatedBackups": []})
    with pytest.raises(InvalidInput) as caught:
        backups.publish_age(rds, cloudwatch, SOURCE, NOW)
    assert str(caught.value) == f"source = {SOURCE}: an instance whose backups are replicated to this region"


def test_a_refusal_of_aws_is_one_line(stubbed):
    """No traceback of botocore at night."""
    rds, of_rds, cloudwatch, _ = stubbed
    of_rds.add_client_error("describe_db_instance_automated_backups", "AccessDenied", "no")
    with pytest.raises(CloudUnavailable, match="AccessDenied: no"):
        backups.publish_age(rds, cloudwatch, SOURCE, NOW)


@pytest.mark.parametrize(
    ("age", "code", "line"), [(419.6, 0, "420 s\n"), (None, ExitCode.ATTENTION, "nothing published")]
)
def test_the_command_says_what_it_published(monkeypatch, capsys, age, code, line):
    """Its exit code tells a scheduler whether there was something to publish."""
    monkeypatch.setattr(backups, "client", lambda service, region: f"{service} in {region}")
    monkeypatch.setattr(backups, "publish_age", lambda rds, cloudwatch, source, now: age)
    assert cli.main(["backups", "publish-age", "--source", SOURCE, "--region", "us-west-2"]) == code
    assert line in capsys.readouterr().out
