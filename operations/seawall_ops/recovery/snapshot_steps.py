"""The plans that take, copy and delete a snapshot: one step each, resumable after a crash anywhere.

A snapshot's name is made from the operation's id, so that a call whose answer was lost is not made twice. A quota that is full
and an instance that is busy are waited for; what RDS calls failed ends the step, and its undo leaves nothing behind.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Final

from seawall.errors import StepRefused
from seawall_ops.failover.plans.rds_api import INVALID_STATE, Refused
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress, ended_badly, status_of
from seawall_ops.recovery.snapshot_api import Key, SnapshotApi, refuse_key_of_another_region
from seawall_ops.recovery.snapshots import (
    MADE_BY,
    MADE_BY_TAG,
    OPERATION_TAG,
    SOURCE_TAG,
    Snapshot,
    judged,
    snapshot_name,
    tags_of_copy,
)
from seawall_ops.recovery.waiting import APPEAR_SECONDS, Waiting
from seawall_ops.steps import Context, Observation, Plan, Seen, Step, Timeouts

__all__ = ["COPY", "CREATE", "copy_plan", "create_plan"]

CREATE: Final = "snapshot-create"
COPY: Final = "snapshot-copy"
VERSION: Final = 1

FULL: Final = ("QuotaExceeded", "LimitExceeded")  # 100 manual snapshots of a region, 5 copies into one: both pass
EXISTS: Final = "DBSnapshotAlreadyExists"
NOT_YET: Final = ("InvalidDBSnapshotState", "InvalidDBSnapshotStateFault")


class _Making(Step):
    """A snapshot that is begun by one call, and is there some time later."""

    api: SnapshotApi
    waiting: Waiting
    region: str
    """Where it is to be."""

    @abstractmethod
    def begin(self, context: Context, name: str) -> None:
        """The call that begins it.

        Raises:
            Refused: By AWS; a full quota too.
        """

    @abstractmethod
    def named(self, context: Context) -> str:
        """The snapshot's name."""

    def expected_key(self) -> str | None:
        """ARN of the key that it has to have, usable or not; `None`: it is not for this step to say."""
        return None

    def observe(self, context: Context) -> Observation:
        """Whether it is there, and whole."""
        name = self.named(context)
        found = self._own(context, name)
        if found is None:
            return Observation(Seen.BEFORE, f"no {name} in {self.region}")
        judgment = judged(found, kms_key=self.expected_key())
        seen = Seen.AFTER if judgment.progress is Progress.DONE else Seen.PARTLY
        return Observation(seen, f"{name}: {judgment.shown}")

    def apply(self, context: Context) -> None:
        """Begin it where it is not begun, and wait for it."""
        name, key = self.named(context), self.expected_key()
        listed = False
        accepted: float | None = None

        def turn() -> Judgment:
            nonlocal listed, accepted
            found = self._own(context, name)
            if found is not None:
                listed = True
                return judged(found, kms_key=key)
            if listed:
                return judged(None)
            if accepted is not None:
                since = accepted - context.remaining_seconds()
                return Judgment(Progress.UNDER_WAY, "not listed yet") if since < APPEAR_SECONDS else judged(None)
            context.check()
            try:
                self.begin(context, name)
            except Refused as error:
                if error.code == EXISTS:
                    return Judgment(Progress.UNDER_WAY, "begun before, not listed yet")
                if error.code.removesuffix("Fault").endswith(FULL):
                    return Judgment(Progress.UNDER_WAY, f"pending, a quota is full: {error.because}")
                if error.code in INVALID_STATE:
                    return Judgment(Progress.UNDER_WAY, f"pending, the instance is busy: {error.because}")
                raise
            accepted = context.remaining_seconds()
            return Judgment(Progress.UNDER_WAY, "begun")

        self.waiting.until(context, name, turn)

    def undo(self, context: Context) -> None:
        """Delete what this operation made, as soon as RDS lets go of it."""
        name = self.named(context)

        def turn() -> Judgment:
            found = self._own(context, name)
            if found is None:
                return Judgment(Progress.DONE, "gone")
            if found.status != "deleting":
                context.check()
                try:
                    self.api.delete(self.region, name)
                except Refused as error:
                    if error.code not in NOT_YET:
                        raise
            return Judgment(Progress.UNDER_WAY, f"to be deleted, RDS says {found.status}")

        self.waiting.until(context, name, turn)

    def _own(self, context: Context, name: str) -> Snapshot | None:
        """The snapshot, as long as this operation has made it."""
        found = self.api.find(self.region, name)
        if found is not None and found.tags.get(OPERATION_TAG) != context.operation:
            raise StepRefused(f"{name} in {self.region} is there, and is not of operation {context.operation}")
        return found


@dataclass(frozen=True)
class _Create(_Making):
    api: SnapshotApi
    waiting: Waiting
    region: str
    instance: str
    what: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    name: str = "create"

    def named(self, context: Context) -> str:
        return snapshot_name(self.instance, context.operation)

    def precheck(self, context: Context) -> None:
        del context
        self._described()

    def begin(self, context: Context, name: str) -> None:
        arn = str(self._described()["DBInstanceArn"])
        tags = {MADE_BY_TAG: MADE_BY, OPERATION_TAG: context.operation, SOURCE_TAG: arn}
        self.api.create(self.region, self.instance, name, tags)

    def _described(self) -> Any:
        found = self.api.instance(self.region, self.instance)
        if found is None:
            raise StepRefused(f"there is no RDS instance {self.instance} in {self.region}")
        if ended_badly(status_of(found)):
            raise StepRefused(f"{self.instance}: RDS says {status_of(found)}, of which it takes no snapshot")
        return found


@dataclass(frozen=True)
class _Copy(_Making):
    api: SnapshotApi
    waiting: Waiting
    region: str
    source: str
    source_region: str
    kms_key: str | None
    what: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    name: str = "copy"

    def named(self, context: Context) -> str:
        return snapshot_name(self.source.removeprefix("seawall-"), context.operation)

    def expected_key(self) -> str | None:
        return None if self.kms_key is None else self._key(self.kms_key).arn

    def precheck(self, context: Context) -> None:
        """The key is looked at first: a copy under one that is disabled fails after hours, and without saying why."""
        del context
        self._usable_key()
        self._found_source()

    def begin(self, context: Context, name: str) -> None:
        source = self._found_source()
        self.api.copy(source, self.region, name, tags_of_copy(source, context.operation), self._usable_key())

    def _key(self, name: str) -> Key:
        found = self.api.key(self.region, name)
        if found is None:
            raise StepRefused(f"there is no key {name} in {self.region}")
        return found

    def _usable_key(self) -> str | None:
        if self.kms_key is None:
            return None
        key = self._key(self.kms_key)
        if not key.usable:
            raise StepRefused(f"the key of the copy cannot be used: {key.shown}")
        return key.arn

    def _found_source(self) -> Snapshot:
        found = self.api.existing(self.source_region, self.source)
        judgment = judged(found)
        if judgment.progress is not Progress.DONE:
            raise StepRefused(f"{self.source} cannot be copied: {judgment.shown}")
        if found.encrypted and self.kms_key is None:
            raise StepRefused(f"{self.source} is encrypted: its copy needs --kms-key, a key of {self.region}")
        return found


def create_plan(api: SnapshotApi, *, region: str, instance: str, waiting: Waiting) -> Plan:
    """Take a snapshot.

    Args:
        api: How AWS is asked.
        region: The instance's.
        instance: Its identifier.
        waiting: How long, in seconds, and who hears of it.
    """
    summary = f"Take a snapshot of {instance} in {region}"
    return Plan(
        name=CREATE,
        version=VERSION,
        steps=(_Create(api, waiting, region, instance, summary.lower(), waiting.timeouts),),
        inputs={"region": region, "instance": instance},
        summary=summary,
    )


def copy_plan(
    api: SnapshotApi, *, source: str, source_region: str, region: str, kms_key: str | None, waiting: Waiting
) -> Plan:
    """Copy a snapshot that this tool has made.

    Args:
        api: How AWS is asked.
        source: The snapshot's name.
        source_region: Where it is.
        region: Where the copy is to be; the same one is allowed.
        kms_key: Of the copy: ARN, id or alias of a key in `region`. An encrypted snapshot is not copied without.
        waiting: How long, in seconds, and who hears of it.

    Raises:
        InvalidInput: The key is another region's.
    """
    if kms_key is not None:
        refuse_key_of_another_region(kms_key, region)
    summary = f"Copy {source} from {source_region} to {region}"
    return Plan(
        name=COPY,
        version=VERSION,
        steps=(_Copy(api, waiting, region, source, source_region, kms_key, summary.lower(), waiting.timeouts),),
        inputs={"source": source, "source_region": source_region, "region": region, "encryption": kms_key},
        summary=summary,
    )
