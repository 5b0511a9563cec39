"""`seawall backups publish-age`: what the alarm on replicated backups is fed with."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from prometheus_client.parser import text_string_to_metric_families

from seawall.contract import BACKUP_NEWEST, BackupKind
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


def series(path: Path) -> list[tuple[str, dict[str, str], float]]:
    """What Prometheus reads in a file."""
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    return [(each.name, each.labels, each.value) for family in families for each in family.samples]


def test_prometheus_is_given_a_time_and_no_age(tmp_path):
    """An age in a file that nobody writes any more would stay young for ever."""
    path = tmp_path / "shop.prom"
    backups.write_newest(path, SOURCE, BackupKind.REPLICATED, NOW)
    labels = {"source": "db:shop", "kind": "replicated"}
    assert series(path) == [("seawall_backup_newest_timestamp_seconds", labels, NOW.timestamp())]
    assert set(labels) == set(BACKUP_NEWEST.labels)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["shop.prom"]


def test_without_a_backup_the_series_is_gone_so_that_its_absence_is_noticed(tmp_path):
    """The time of a backup that was deleted would say that all is well."""
    path = tmp_path / "shop.prom"
    backups.write_newest(path, SOURCE, BackupKind.RECOVERY_POINT, NOW)
    backups.write_newest(path, SOURCE, BackupKind.RECOVERY_POINT, None)
    assert series(path) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("shop.txt", "a name that ends in .prom: the collector reads no other"),
        ("gone/shop.prom", "a file in a folder that can be written to"),
    ],
)
def test_a_file_that_nobody_would_read_is_refused(tmp_path, name, line):
    """Silence would look like a backup that is missing."""
    with pytest.raises(InvalidInput) as caught:
        backups.write_newest(tmp_path / name, SOURCE, BackupKind.RECOVERY_POINT, NOW)
    assert str(caught.value) == f"--textfile = {tmp_path / name}: {line}"


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path):
    """The folder is read every few seconds, and what is left there adds up."""
    (tmp_path / "shop.prom").mkdir()
    with pytest.raises(InvalidInput, match="can be written to"):
        backups.write_newest(tmp_path / "shop.prom", SOURCE, BackupKind.RECOVERY_POINT, NOW)
    assert [each.name for each in tmp_path.iterdir()] == ["shop.prom"]


@pytest.mark.parametrize(
    ("states", "hours"),
    [
        ({"COMPLETED": 30, "PARTIAL": 2, "EXPIRED": 1}, 30),
        ({"COMPLETED": 30, "AVAILABLE": 6}, 6),
        ({"PARTIAL": 2}, None),
        ({}, None),
    ],
)
def test_the_newest_recovery_point_is_one_that_can_be_restored(states, hours):
    """Half a backup is none."""
    backup = client("backup")
    points = [{"Status": state, "CreationDate": NOW - timedelta(hours=age)} for state, age in states.items()]
    with Stubber(backup) as stub:
        stub.add_response("list_recovery_points_by_resource", {"RecoveryPoints": points}, {"ResourceArn": SOURCE})
        found = backups.newest_recovery_point(backup, SOURCE)
    assert found == (None if hours is None else NOW - timedelta(hours=hours))


@pytest.mark.parametrize(("newest", "code"), [(NOW, 0), (None, ExitCode.ATTENTION)])
def test_newest_writes_what_it_found(monkeypatch, tmp_path, newest, code):
    """The command as a scheduler runs it, every five minutes."""
    monkeypatch.setattr(backups, "client", lambda service, region: f"{service} in {region}")
    monkeypatch.setattr(backups, "newest_recovery_point", lambda backup, source: newest)
    path = tmp_path / "shop.prom"
    command = ["backups", "newest", "--source", SOURCE, "--region", "us-west-2", "--textfile", str(path)]
    assert cli.main(command) == code
    assert [value for _, _, value in series(path)] == ([] if newest is None else [NOW.timestamp()])


@pytest.mark.parametrize(("age", "code"), [(420.0, 0), (None, ExitCode.ATTENTION)])
def test_publish_age_gives_prometheus_the_same_number(monkeypatch, tmp_path, age, code):
    """CloudWatch's alarm and Prometheus' alert judge one measurement."""
    monkeypatch.setattr(backups, "client", lambda service, region: f"{service} in {region}")
    measured: list[datetime] = []
    monkeypatch.setattr(backups, "publish_age", lambda rds, cloudwatch, source, now: (measured.append(now), age)[1])
    path = tmp_path / "shop.prom"
    command = ["backups", "publish-age", "--source", SOURCE, "--region", "us-west-2", "--textfile", str(path)]
    assert cli.main(command) == code
    wanted = [] if age is None else [measured[0].timestamp() - age]
    assert [value for _, _, value in series(path)] == pytest.approx(wanted)
