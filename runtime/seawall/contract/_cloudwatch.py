"""Metrics that operations publish to CloudWatch, and that alarms of the components watch there."""

from typing import Final

BACKUP_METRICS_NAMESPACE: Final = "Seawall/Backups"
BACKUP_AGE_METRIC: Final = "ReplicatedBackupAgeSeconds"
"""Seconds from the latest time to which a replicated automated backup can be restored until now, by `SourceArn`."""
BACKUP_AGE_DIMENSION: Final = "SourceArn"
"""ARN of the instance whose backups are replicated."""
