"""`seawall backups`: how old replicated backups are, since RDS publishes no metric of it.

`publish-age` measures once and publishes to CloudWatch, where the alarm of `pulumi_seawall.BackupReplication` watches. Run it
every five minutes in the destination region: what runs in the source's region is gone when it matters.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast

import typer

from seawall.contract import BACKUP_AGE_DIMENSION, BACKUP_AGE_METRIC, BACKUP_METRICS_NAMESPACE
from seawall.errors import InvalidInput
from seawall_ops.clients import asking, client
from seawall_ops.exits import ExitCode

__all__ = ["age_seconds", "app", "publish_age"]

ACTIVE: Final = "replicating"
EPILOG: Final = (
    "Example: seawall backups publish-age --source arn:aws:rds:eu-west-1:123456789012:db:shop --region eu-central-1"
)

app: Final = typer.Typer(help="How old replicated backups are.", no_args_is_help=True)


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


@app.command("publish-age", epilog=EPILOG)
def publish_age_command(
    source: Annotated[str, typer.Option(help="ARN of the instance whose backups are replicated.")],
    region: Annotated[str, typer.Option(help="Where they are replicated to.")],
) -> None:
    """Publish how old the newest replicated backup is, for the alarm that watches it."""
    age = publish_age(client("rds", region), client("cloudwatch", region), source, datetime.now(UTC))
    if age is None:
        typer.echo(f"nothing of {source} can be restored in {region} yet: nothing published")
        raise typer.Exit(ExitCode.ATTENTION)
    typer.echo(f"{age:.0f} s")


@app.callback()
def _group() -> None:
    """How old replicated backups are."""  # a group of one command: typer would make it the command itself
