"""What RDS's answers mean while something is under way, and waiting for its end. The judgments are pure.

RDS begins late: right after a call that it has accepted it may still say `available`, with everything as it was. So each
judgment asks for what only the end can show, and a wait never ends because nothing has begun yet. botocore's own waiters give
up after half an hour and look at the status alone; these last as long as they are told to, and end at once where a status says
that it will not come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from seawall.clock import Clock
from seawall_ops.failover.meanings import aws_meaning
from seawall_ops.failover.votes import Health

__all__ = [
    "ARN",
    "AVAILABLE",
    "Judgment",
    "Progress",
    "ended_badly",
    "promotion",
    "region_of",
    "renaming",
    "replica",
    "serves",
    "source_of",
    "status_of",
    "tags_of",
    "wait_for",
]

AVAILABLE: Final = "available"
LEAVING: Final = ("deleting", "stopping")  # at work, and for nothing that is waited for
INCOMPATIBLE: Final = "incompatible-"  # RDS user guide: what follows names the cause
ARN: Final = "arn:"
ARN_REGION: Final = 3  # arn:partition:service:region:…
POLL_SECONDS: Final = 5.0  # RDS's operations take minutes, and its API is throttled for the whole account
BACKUP_RETENTION: Final = "BackupRetentionPeriod"  # what a promotion leaves pending, until backups are on


class Progress(Enum):
    """How far something is."""

    DONE = "done"
    UNDER_WAY = "under way"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Judgment:
    """What one look shows.

    Args:
        progress: How far it is.
        shown: In one line.
    """

    progress: Progress
    shown: str


def status_of(instance: Mapping[str, Any]) -> str:
    """RDS's word for an instance."""
    return str(instance.get("DBInstanceStatus", "unknown"))


def source_of(instance: Mapping[str, Any]) -> str | None:
    """Identifier or, in another region, ARN of the instance that it follows; `None`: it follows none."""
    return instance.get("ReadReplicaSourceDBInstanceIdentifier") or None


def region_of(name: str) -> str | None:
    """Region in an ARN; `None`: it is none, as an identifier is, which names what is in the region where it was read."""
    parts = name.split(":")
    return parts[ARN_REGION] if name.startswith(ARN) and len(parts) > ARN_REGION else None


def tags_of(described: Mapping[str, Any]) -> dict[str, str]:
    """All of them, of an instance or a snapshot."""
    return {each["Key"]: each.get("Value", "") for each in described.get("TagList") or ()}


def serves(status: str) -> bool:
    """Whether the server answers its clients in that status, as far as RDS knows."""
    return aws_meaning(status).health is Health.HEALTHY


def ended_badly(status: str) -> bool:
    """Whether nothing comes of it by itself."""
    return aws_meaning(status).health is Health.UNHEALTHY or status in LEAVING or status.startswith(INCOMPATIBLE)


def promotion(instance: Mapping[str, Any] | None, *, backing_up_counts: bool = False) -> Judgment:
    """Whether a replica was promoted: its source is gone, it is available, and its backups are on.

    Other values that are pending are somebody's change that waits for the maintenance window, and have nothing to do with it.

    Args:
        instance: As RDS describes it.
        backing_up_counts: Whether the first backup, which can take long, is not waited for: only where a write proves the rest.
    """
    if instance is None:
        return Judgment(Progress.FAILED, "there is no such instance any more")
    status, source = status_of(instance), source_of(instance)
    if ended_badly(status):
        return Judgment(Progress.FAILED, f"RDS says {status}")
    if source is not None:
        return Judgment(Progress.UNDER_WAY, f"{status}, and follows {source}")
    pending = BACKUP_RETENTION in (instance.get("PendingModifiedValues") or {})
    if pending:
        return Judgment(Progress.UNDER_WAY, f"{status}, and its backups are not on yet")
    there = serves(status) if backing_up_counts else status == AVAILABLE
    return Judgment(Progress.DONE if there else Progress.UNDER_WAY, f"{status}, and follows nobody")


def renaming(resource_id: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Judgment:
    """Whether an instance has its new name, and its old one is free.

    Args:
        resource_id: Of the instance: what no name changes.
        old: What has the old name.
        new: What has the new one.
    """
    if new is not None and new.get("DbiResourceId") != resource_id:
        return Judgment(Progress.FAILED, "the new name is another instance's")
    if new is None or old is not None:
        status = "" if old is None else f", RDS says {status_of(old)}"
        if old is not None and new is None and ended_badly(status_of(old)):
            return Judgment(Progress.FAILED, f"it has its old name{status}")
        return Judgment(Progress.UNDER_WAY, f"it has its old name{status}")
    status = status_of(new)
    if ended_badly(status):
        return Judgment(Progress.FAILED, f"renamed, and RDS says {status}")
    return Judgment(Progress.DONE if status == AVAILABLE else Progress.UNDER_WAY, f"renamed, and RDS says {status}")


def replica(instance: Mapping[str, Any] | None, source_arn: str) -> Judgment:
    """Whether a replica of that source was made, and replicates.

    Args:
        instance: As RDS describes it; `None`: RDS does not list it yet.
        source_arn: Of the source; in its own region RDS names the source by its identifier.
    """
    if instance is None:
        return Judgment(Progress.UNDER_WAY, "not listed yet")
    status, source = status_of(instance), source_of(instance)
    if ended_badly(status):
        return Judgment(Progress.FAILED, f"RDS says {status}")
    if source not in (source_arn, source_arn.rpartition(":")[2]):
        if source is None and status != AVAILABLE:
            return Judgment(Progress.UNDER_WAY, f"{status}, and its source is not named yet")
        return Judgment(Progress.FAILED, f"it follows {source or 'nobody'}, not {source_arn}")
    for each in instance.get("StatusInfos") or ():
        if each.get("StatusType") == "read replication" and each.get("Normal") is False:
            return Judgment(
                Progress.UNDER_WAY, f"{status}, and replication says {each.get('Status')}: {each.get('Message')}"
            )
    pending = sorted(instance.get("PendingModifiedValues") or {})
    if pending:
        return Judgment(Progress.UNDER_WAY, f"{status}, pending: {', '.join(pending)}")
    return Judgment(Progress.DONE if status == AVAILABLE else Progress.UNDER_WAY, f"{status}, and follows {source}")


def wait_for(
    look: Callable[[], Judgment],
    *,
    seconds: float,
    clock: Clock,
    sleep: Callable[[float], None],
    poll_seconds: float = POLL_SECONDS,
) -> Judgment:
    """Look until it is done or has failed, or the time is up: then what was seen last. At least once.

    Args:
        look: One look. What it raises passes.
        seconds: For all of it.
        clock: Monotonic time.
        sleep: Waits, in seconds.
        poll_seconds: Between two looks.
    """
    ends = clock.monotonic() + seconds
    while True:
        seen = look()
        left = ends - clock.monotonic()
        if seen.progress is not Progress.UNDER_WAY or left <= 0:
            return seen
        sleep(min(poll_seconds, left))
