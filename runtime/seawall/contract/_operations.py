"""Metrics that operations give to Prometheus, and that alert rules of the components query there."""

from enum import StrEnum
from typing import Final

from seawall.contract._metrics import MetricKind, MetricSpec

ARN_PARTS_BEFORE_THE_RESOURCE: Final = 5  # arn, partition, service, region, account


class BackupKind(StrEnum):
    """What a backup is; the label `kind`."""

    RECOVERY_POINT = "recovery_point"
    """One of AWS Backup, or its copy in another region."""
    REPLICATED = "replicated"
    """RDS's own automated backups, replicated to another region."""


# A time and not an age: an age in a file that nobody writes any more would stay young.
BACKUP_NEWEST: Final = MetricSpec(
    otel="seawall.backup.newest_timestamp",
    kind=MetricKind.GAUGE,
    unit="s",
    attributes=("source", "kind"),
    description="Unix time at which the newest backup of the source was begun or copied, or to which it restores.",
)
OPERATIONS_METRICS: Final = (BACKUP_NEWEST,)
"""Every metric of operations. The runtime exports none of them."""


def backup_source(arn: str) -> str:
    """The label `source` of a resource: its ARN without partition, service, region and account, e.g. `db:shop`."""
    return arn.split(":", ARN_PARTS_BEFORE_THE_RESOURCE)[-1]
