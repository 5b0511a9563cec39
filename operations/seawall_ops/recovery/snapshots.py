"""What a snapshot is to this tool, its names and its tags, and what RDS's word for it means. Reads and writes nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from seawall.errors import InvalidInput
from seawall_ops.failover.plans.rds_waiting import AVAILABLE, INCOMPATIBLE, Judgment, Progress, tags_of

__all__ = [
    "COPIED_FROM_TAG",
    "MADE_BY",
    "MADE_BY_TAG",
    "OPERATION_TAG",
    "PROVED_TAG",
    "SOURCE_TAG",
    "Snapshot",
    "judged",
    "snapshot_name",
    "tags_of_copy",
]

MADE_BY_TAG: Final = "seawall:made-by"
MADE_BY: Final = "seawall snapshot"
OPERATION_TAG: Final = "seawall:operation"
SOURCE_TAG: Final = "seawall:source"
"""ARN of the instance whose data it holds; a copy keeps it."""
COPIED_FROM_TAG: Final = "seawall:copied-from"
"""ARN of the snapshot that was copied."""
PROVED_TAG: Final = "seawall:proved"
"""When a drill restored it and its data was right: a time in ISO 8601, in UTC. Nothing else may write it."""

NAME_LENGTH: Final = 255  # RDS: letters, digits, single hyphens, a letter first, no hyphen last
PREFIX: Final = "seawall"
TAG_VALUE: Final = re.compile(r"[^\w .:/=+@-]")  # RDS allows nothing else in a tag's value
RESERVED: Final = "aws:"  # AWS's own tags, which nobody else may set
WHOLE_PERCENT: Final = 100
DEAD: Final = ("failed", "deleting", "deleted")


def snapshot_name(instance: str, operation: str) -> str:
    """The one name that an operation gives: however often it is resumed, it makes one snapshot.

    Args:
        instance: Identifier of the instance, which the name is cut from where it is too long.
        operation: The operation's id.

    Raises:
        InvalidInput: The id has nothing that could be part of a name.
    """
    tail = _words(operation)
    if not tail:
        raise InvalidInput("operation", operation, allowed="an id with letters or digits")
    room = NAME_LENGTH - len(PREFIX) - len(tail) - 2
    return "-".join(part for part in (PREFIX, _words(instance)[: max(room, 0)].strip("-"), tail) if part)[:NAME_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A manual snapshot, as RDS describes it.

    Args:
        region: Where it is.
        name: Its identifier there.
        arn: Of the snapshot.
        status: RDS's word.
        instance: Identifier of the instance that it was taken of.
        taken_at: Of the data in it: a copy has the time of what was copied. `None`: not known yet.
        kind: `manual`, `automated` or `awsbackup`.
        size_gib: Allocated storage, in GiB.
        encrypted: Whether it is.
        kms_key: ARN of its key.
        percent: Of it that is there, 0 to 100; `None`: RDS does not say.
        copied_from: ARN of the snapshot that it is a copy of.
        tags: All of them.
        shared_with: Accounts that may restore it, `all` for everybody; `None`: nobody has asked.
    """

    region: str
    name: str
    arn: str
    status: str
    instance: str = ""
    taken_at: datetime | None = None
    kind: str = "manual"
    size_gib: int = 0
    encrypted: bool = False
    kms_key: str | None = None
    percent: int | None = None
    copied_from: str | None = None
    tags: Mapping[str, str]
    shared_with: tuple[str, ...] | None = None

    @staticmethod
    def of(region: str, said: Mapping[str, Any]) -> "Snapshot":
        """From an item of `DescribeDBSnapshots`."""
        return Snapshot(
            region=region,
            name=str(said["DBSnapshotIdentifier"]),
            arn=str(said["DBSnapshotArn"]),
            status=str(said.get("Status", "unknown")),
            instance=str(said.get("DBInstanceIdentifier", "")),
            taken_at=said.get("OriginalSnapshotCreateTime") or said.get("SnapshotCreateTime"),
            kind=str(said.get("SnapshotType", "manual")),
            size_gib=int(said.get("AllocatedStorage", 0)),
            encrypted=bool(said.get("Encrypted", False)),
            kms_key=said.get("KmsKeyId") or None,
            percent=said.get("PercentProgress"),
            copied_from=said.get("SourceDBSnapshotIdentifier") or None,
            tags=tags_of(said),
        )

    @property
    def ours(self) -> bool:
        """Whether this tool has made it."""
        return self.kind == "manual" and self.tags.get(MADE_BY_TAG) == MADE_BY

    @property
    def source(self) -> str:
        """ARN of the instance whose data it holds; without the tag, the instance's identifier."""
        return self.tags.get(SOURCE_TAG) or self.instance

    @property
    def marked(self) -> bool:
        """Whether it has a mark of a drill, readable or not."""
        return PROVED_TAG in self.tags

    @property
    def proved_at(self) -> datetime | None:
        """When a drill restored it and its data was right; `None`: never, or the mark cannot be read."""
        try:
            found = datetime.fromisoformat(self.tags[PROVED_TAG])
        except (KeyError, ValueError):
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def judged(snapshot: Snapshot | None, *, kms_key: str | None = None) -> Judgment:
    """How far a snapshot that was begun is. It is done only when all of it is there, under the key that was asked for.

    Args:
        snapshot: `None`: there is none of that name any more.
        kms_key: ARN of the key that it has to have; `None`: any, or none.
    """
    if snapshot is None:
        return Judgment(Progress.FAILED, "the snapshot is gone: somebody has deleted it")
    status, percent = snapshot.status, snapshot.percent
    shown = status if percent is None else f"{status}, {percent} %"
    if status in DEAD or status.startswith(INCOMPATIBLE):
        return Judgment(Progress.FAILED, f"RDS says {shown}")
    whole = status == AVAILABLE and percent in (None, WHOLE_PERCENT) and snapshot.taken_at is not None
    if not whole:
        return Judgment(Progress.UNDER_WAY, shown)
    if kms_key is not None and snapshot.kms_key != kms_key:
        return Judgment(Progress.FAILED, f"its key is {snapshot.kms_key or 'none'}, not {kms_key}")
    return Judgment(Progress.DONE, shown)


def tags_of_copy(source: Snapshot, operation: str) -> dict[str, str]:
    """The tags of a copy: those of the source, but for AWS's own and the mark of a drill, which nothing has proved of the copy."""
    kept = {key: value for key, value in source.tags.items() if not key.startswith(RESERVED) and key != PROVED_TAG}
    return {**kept, OPERATION_TAG: operation, COPIED_FROM_TAG: TAG_VALUE.sub("_", source.arn)}


def _words(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))
