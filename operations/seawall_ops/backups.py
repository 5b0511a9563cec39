"""`seawall backups`: how old the newest backup is, for the alarms and alerts that watch it.

`publish-age` measures backups that RDS replicates, of which it publishes no metric, and publishes to CloudWatch, where the alarm
of `pulumi_seawall.BackupReplication` watches. `newest` looks at AWS Backup's recovery points. Both write what they find for
Prometheus when they are given a file. Run them every five minutes in the region that the backups are in: what runs in the
source's region is gone when it matters.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from seawall.contract import (
    BACKUP_AGE_DIMENSION,
    BACKUP_AGE_METRIC,
    BACKUP_METRICS_NAMESPACE,
    BACKUP_NEWEST,
    BackupKind,
    backup_source,
)
from seawall.errors import InvalidInput
from seawall_ops.clients import asking, client
from seawall_ops.exits import ExitCode
from seawall_ops.textfile import write_textfile

__all__ = ["age_seconds", "app", "newest_recovery_point", "publish_age", "write_newest"]

ACTIVE: Final = "replicating"
WHOLE: Final = ("COMPLETED", "AVAILABLE")  # AWS Backup's states of a recovery point that can be restored
EPILOG: Final = (
    "Example: seawall backups publish-age --source arn:aws:rds:eu-west-1:123456789012:db:shop --region eu-central-1"
)
NEWEST_EPILOG: Final = (
    "Example: seawall backups newest --source arn:aws:rds:eu-west-1:123456789012:db:shop --region eu-west-1 "
    "--textfile /var/lib/node_exporter/seawall-backups.prom"
)
TEXTFILE: Final = (
    "File for node_exporter's textfile collector; ends in .prom, and is another for each source and command."
)

app: Final = typer.Typer(help="How old the newest backup is.", no_args_is_help=True)


def age_seconds(rds: Any, source_arn: str, now: datetime) -> float | None:
    """Seconds from the latest restorable time of an instance's replicated backups until now.

    Args:
        rds: boto3's client, of the destination region.
        source_arn: The instance's.
        now: With a time zone.

    Returns:
        `None` while nothing can be restored yet.

    Raises:
        InvalidInput: The instance's backups are not replicated to that region.
        CloudUnavailable: RDS could not be asked.
    """
    with asking("rds DescribeDBInstanceAutomatedBackups"):
        pages = rds.get_paginator("describe_db_instance_automated_backups").paginate()
        backups = [one for page in pages for one in page["DBInstanceAutomatedBackups"]]
    for backup in cast("list[dict[str, Any]]", backups):
        if backup.get("DBInstanceArn") == source_arn and backup.get("Status") == ACTIVE:
            window = cast("dict[str, datetime]", backup.get("RestoreWindow") or {})
            latest = window.get("LatestTime")
            return None if latest is None else max((now - latest).total_seconds(), 0.0)
    raise InvalidInput("source", source_arn, allowed="an instance whose backups are replicated to this region")


def publish_age(rds: Any, cloudwatch: Any, source_arn: str, now: datetime) -> float | None:
    """Measure, and publish where there is something to publish.

    Args:
        rds: boto3's client, of the destination region.
        cloudwatch: The same.
        source_arn: The instance's.
        now: With a time zone.

    Returns:
        The age in seconds; `None` while nothing can be restored yet, and then nothing is published.

    Raises:
        InvalidInput: The instance's backups are not replicated to that region.
        CloudUnavailable: AWS could not be asked.
    """
    age = age_seconds(rds, source_arn, now)
    if age is not None:
        with asking("cloudwatch PutMetricData"):
            cloudwatch.put_metric_data(
                Namespace=BACKUP_METRICS_NAMESPACE,
                MetricData=[
                    {
                        "MetricName": BACKUP_AGE_METRIC,
                        "Dimensions": [{"Name": BACKUP_AGE_DIMENSION, "Value": source_arn}],
                        "Timestamp": now,
                        "Value": age,
                        "Unit": "Seconds",
                    }
                ],
            )
    return age


def newest_recovery_point(backup: Any, source_arn: str) -> datetime | None:
    """When the newest of AWS Backup's recovery points of a resource was begun: the time to which it restores.

    Args:
        backup: boto3's client, of the region that the recovery points, or their copies, are in.
        source_arn: The resource's.

    Returns:
        `None` while there is none that can be restored.

    Raises:
        CloudUnavailable: AWS Backup could not be asked.
    """
    with asking("backup ListRecoveryPointsByResource"):
        pages = backup.get_paginator("list_recovery_points_by_resource").paginate(ResourceArn=source_arn)
        points = cast("list[dict[str, Any]]", [one for page in pages for one in page["RecoveryPoints"]])
    return max((point["CreationDate"] for point in points if point.get("Status") in WHOLE), default=None)


def write_newest(path: Path, source_arn: str, kind: BackupKind, newest: datetime | None) -> None:
    """Write for Prometheus how new the newest backup is; without one, that nothing is known.

    Args:
        path: File for node_exporter's textfile collector.
        source_arn: What is backed up.
        kind: What the backup is.
        newest: The time to which it restores, with a time zone.

    Raises:
        InvalidInput: The collector would not read such a file, or it cannot be written.
    """
    samples = (
        [] if newest is None else [({"source": backup_source(source_arn), "kind": kind.value}, newest.timestamp())]
    )
    write_textfile(path, BACKUP_NEWEST, samples)


@app.command("publish-age", epilog=EPILOG)
def publish_age_command(
    source: Annotated[str, typer.Option(help="ARN of the instance whose backups are replicated.")],
    region: Annotated[str, typer.Option(help="Where they are replicated to.")],
    textfile: Annotated[Path | None, typer.Option(help=TEXTFILE)] = None,
) -> None:
    """Publish how old the newest replicated backup is, for the alarm and the alert that watch it."""
    now = datetime.now(UTC)
    age = publish_age(client("rds", region), client("cloudwatch", region), source, now)
    if textfile is not None:
        newest = None if age is None else now - timedelta(seconds=age)
        write_newest(textfile, source, BackupKind.REPLICATED, newest)
    if age is None:
        typer.echo(f"nothing of {source} can be restored in {region} yet: nothing published")
        raise typer.Exit(ExitCode.ATTENTION)
    typer.echo(f"{age:.0f} s")


@app.command("newest", epilog=NEWEST_EPILOG)
def newest_command(
    source: Annotated[str, typer.Option(help="ARN of the resource that AWS Backup backs up.")],
    region: Annotated[str, typer.Option(help="Where the recovery points, or their copies, are.")],
    textfile: Annotated[Path | None, typer.Option(help=TEXTFILE)] = None,
) -> None:
    """Say how old the newest recovery point of AWS Backup is, and write it for the alert that watches it."""
    newest = newest_recovery_point(client("backup", region), source)
    if textfile is not None:
        write_newest(textfile, source, BackupKind.RECOVERY_POINT, newest)
    if newest is None:
        typer.echo(f"no recovery point of {source} can be restored in {region}")
        raise typer.Exit(ExitCode.ATTENTION)
    typer.echo(f"{max((datetime.now(UTC) - newest).total_seconds(), 0.0):.0f} s")
