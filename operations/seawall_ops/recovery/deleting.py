"""The plan that deletes one snapshot: there is no way back, so all that let it be chosen is looked at again first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from seawall.errors import StepRefused
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshots import Snapshot, judged
from seawall_ops.recovery.waiting import Waiting
from seawall_ops.steps import Context, Observation, Plan, Seen, Step, Timeouts

__all__ = ["DELETE", "delete_plan"]

DELETE: Final = "snapshot-delete"
VERSION: Final = 1


@dataclass(frozen=True)
class _Delete(Step):
    api: SnapshotApi
    waiting: Waiting
    chosen: Snapshot
    regions: tuple[str, ...]
    what: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    name: str = "delete"
    no_return: bool = True

    def observe(self, context: Context) -> Observation:
        """Whether it is gone."""
        del context
        found = self._found()
        if found is None:
            return Observation(Seen.AFTER, "gone")
        return Observation(Seen.PARTLY if found.status == "deleting" else Seen.BEFORE, found.status)

    def precheck(self, context: Context) -> None:
        """It is still what was chosen: as it was, shared with nobody, and no drill has proved it since."""
        del context
        found = self._found()
        if found is None:
            return
        if (found.status, dict(found.tags)) != (self.chosen.status, dict(self.chosen.tags)):
            raise StepRefused(
                f"{found.name} has changed since it was chosen: it is {found.status}, or its tags are others"
            )
        shared = self.api.shared_with(found.region, found.name)
        if shared:
            raise StepRefused(f"{found.name} is shared with {', '.join(shared)}")
        for region in self.regions:
            for each in self.api.every(region):
                if each.copied_from == found.arn and judged(each).progress is Progress.UNDER_WAY:
                    raise StepRefused(f"{found.name} is being copied to {each.name} in {region}")

    def apply(self, context: Context) -> None:
        """Delete it, and wait until it is gone."""
        chosen = self.chosen

        def turn() -> Judgment:
            found = self._found()
            if found is None:
                return Judgment(Progress.DONE, "gone")
            if found.status != "deleting":
                context.check()
                self.api.delete(chosen.region, chosen.name)
            return Judgment(Progress.UNDER_WAY, "to be deleted")

        self.waiting.until(context, chosen.name, turn)

    def undo(self, context: Context) -> None:
        """There is no way back."""
        del context
        raise StepRefused("a snapshot that was deleted does not come back")

    def _found(self) -> Snapshot | None:
        """The one that was chosen; another of its name has another time."""
        found = self.api.find(self.chosen.region, self.chosen.name)
        if found is not None and (not found.ours or found.taken_at != self.chosen.taken_at):
            raise StepRefused(f"{found.name} in {found.region} is another snapshot than the one that was chosen")
        return found


def delete_plan(api: SnapshotApi, chosen: Snapshot, because: str, regions: Sequence[str], waiting: Waiting) -> Plan:
    """Delete a snapshot that `decide` lets go.

    Args:
        api: How AWS is asked.
        chosen: As it was when it was chosen.
        because: Why it may go; recorded.
        regions: Where copies of it may be under way.
        waiting: How long, in seconds, and who hears of it.
    """
    summary = f"Delete {chosen.name} in {chosen.region}: {because}"
    return Plan(
        name=DELETE,
        version=VERSION,
        steps=(_Delete(api, waiting, chosen, tuple(regions), f"delete {chosen.name}", waiting.timeouts),),
        inputs={"arn": chosen.arn, "because": because},
        summary=summary,
    )
