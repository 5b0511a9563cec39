"""Processes of one failover over a world, in which whatever it works on can be replaced, and the world changed in between."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crash_points import Holding, MemoryJournals
from failover_plan_case import HANDOVER, OPERATION
from failover_plan_world import OLD, STARTED, Servers, World
from seawall.timing import FailureClass
from seawall.topology import Live
from seawall_ops.audit import Fact, StepPhase
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.steps import Operation, PointOfNoReturn
from topology_documents import failed_over

ENDPOINT: dict[str, Any] = {
    "old_writer": None,
    "new_writer": None,
    "failure_class": FailureClass.ENDPOINT,
    "epoch_lease_seconds": None,
}
"""What differs in a handover of a region without a database."""


def handover(**more: Any) -> Handover:
    return Handover(**{**HANDOVER, **more})


@dataclass
class Runs:
    """Processes of one operation; what it works on can be replaced, and the world changed when a phase begins or ends."""

    world: World
    servers: Servers | None = None
    around: dict[str, Any] = field(default_factory=dict[str, Any])
    guard: Any = field(default_factory=Holding)
    confirm: Callable[[PointOfNoReturn], bool] = lambda _: True
    on: dict[tuple[str, str, str], Callable[[], object]] = field(
        default_factory=dict[tuple[str, str, str], Callable[[], object]]
    )
    """By step, phase and outcome; each once."""

    def operation(self, **asked: Any) -> Operation:
        more = {**self.around, **({} if self.servers is None else {"servers": self.servers})}
        folder = self.world.path.parent
        return Operation(
            failover_plan(handover(**asked), self.world.surroundings(**more)),
            id=OPERATION,
            folder=folder,
            journals=MemoryJournals(folder),
            guard=self.guard,
            confirm=self.confirm,
            told=self._told,
            clock=self.world,
            sleep=self.world.sleep,
        )

    def _told(self, fact: Fact) -> None:
        if isinstance(fact, StepPhase):
            change = self.on.pop((fact.step, fact.phase, fact.outcome), None)
            if change is not None:
                change()


def live(**more: Any) -> Live:
    """What somebody publishes by hand: the old roles, with a later epoch than any failover here."""
    values: dict[str, Any] = {"epoch": 9, "primary_region": OLD, "writer": OLD, "changed_at": STARTED}
    return failed_over(**{**values, "reason": "by hand", **more})
