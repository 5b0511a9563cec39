"""Whether a snapshot can be restored, as far as can be told without restoring it."""

from dataclasses import dataclass

from seawall_ops.failover.plans.rds_waiting import Progress
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshots import PROVED_TAG, Snapshot, judged

__all__ = ["Check", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What.
        passed: Whether it is as it has to be.
        shown: What was seen.
    """

    name: str
    passed: bool
    shown: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Args:
        snapshot: Of which.
        checks: All of them.
    """

    snapshot: Snapshot
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all is as it has to be."""
        return all(each.passed for each in self.checks)

    @property
    def said(self) -> str:
        """`proved on <date>` only where a drill has restored it; `available`: nobody has tried."""
        if not self.passed:
            return "not to be relied on: " + ", ".join(each.name for each in self.checks if not each.passed)
        proved = self.snapshot.proved_at
        return "available" if proved is None else f"proved on {proved.date().isoformat()}"


def verify(
    api: SnapshotApi,
    region: str,
    name: str,
    *,
    instance: str | None = None,
    kms_key: str | None = None,
    size_gib: int | None = None,
) -> Verified:
    """Look at a snapshot, and at the key without which nobody can restore it. Changes nothing.

    Args:
        api: How AWS is asked.
        region: Where it has to be.
        name: Its identifier.
        instance: Identifier of the instance that it has to be of; `None`: any.
        kms_key: Key that it has to be encrypted under: ARN, id or alias in that region; `None`: whichever it has, or none.
        size_gib: Storage that it has to hold at least, in GiB; `None`: any.

    Raises:
        StepRefused: It is not there, not this tool's own, or AWS says no.
        MemberUnreachable: No answer.
    """
    found = api.existing(region, name)
    judgment = judged(found)
    checks = [
        Check("status", judgment.progress is Progress.DONE, judgment.shown),
        Check("region", found.region == region and f":{region}:" in found.arn, found.arn),
        Check("instance", instance in (None, found.instance), found.instance),
        Check("size", found.size_gib >= (size_gib or 1), f"{found.size_gib} GiB"),
        _encryption(api, found, kms_key),
    ]
    mark = "never restored by a drill" if found.proved_at is None else f"proved at {found.proved_at.isoformat()}"
    readable = not found.marked or found.proved_at is not None
    checks.append(Check("mark", readable, mark if readable else f"cannot be read: {found.tags[PROVED_TAG]}"))
    return Verified(found, tuple(checks))


def _encryption(api: SnapshotApi, found: Snapshot, wanted: str | None) -> Check:
    if not found.encrypted or found.kms_key is None:
        return Check("encryption", wanted is None, "not encrypted")
    key = api.key(found.region, found.kms_key)
    if key is None:
        return Check("encryption", False, f"its key {found.kms_key} is not in {found.region}: nobody can restore it")
    if not key.usable:
        return Check("encryption", False, f"{key.shown}: nobody can restore it")
    if wanted is not None:
        other = api.key(found.region, wanted)
        if other is None or other.arn != key.arn:
            return Check("encryption", False, f"under {key.arn}, not {wanted}")
    return Check("encryption", True, key.shown)
