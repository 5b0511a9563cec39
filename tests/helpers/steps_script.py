"""Plans over `steps_world` whose steps may be told to fail, to hang, or to be interfered with; a lease that is lost."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seawall.errors import SeawallError
from seawall_ops.steps import Context, Observation, Operation, Plan, Timeouts, confirmed_by_name
from steps_world import OPERATION, POLLING, Patch, World


def operation(plan: Plan, folder: Path, **more: Any) -> Operation:
    return Operation(plan, id=OPERATION, folder=folder, **{"confirm": confirmed_by_name(OPERATION), **more})


@dataclass
class Scripted(Patch):
    """A step whose methods may be told to do something else first."""

    first: dict[str, object] = field(default_factory=dict)

    def _script(self, method: str, context: Context) -> None:
        act = self.first.get(method)
        if isinstance(act, BaseException):
            raise act
        if callable(act):
            act(context)

    def observe(self, context: Context) -> Observation:
        self._script("observe", context)
        return super().observe(context)

    def precheck(self, context: Context) -> None:
        self._script("precheck", context)

    def apply(self, context: Context) -> None:
        self._script("apply", context)
        super().apply(context)
        self._script("after_apply", context)

    def undo(self, context: Context) -> None:
        self._script("undo", context)
        super().undo(context)


def scripted_plan(world: World, *, no_return: bool = False, timeouts: Timeouts = POLLING, **first: object) -> Plan:
    """Fence, then a scripted promotion."""
    steps = (
        Patch(world, "fence", {"fence": "closed"}),
        Scripted(world, "promote", {"writer": "eu-central-1"}, no_return, timeouts=timeouts, first=first),
    )
    return Plan(name="move", version=1, steps=steps, inputs={}, summary="Move the writer")


class Lease:
    """A guard that is lost at a certain check."""

    def __init__(self, fence: int, lost_at: int = 0) -> None:
        self.fence, self.lost_at, self.checks = fence, lost_at, 0

    def check(self) -> None:
        self.checks += 1
        if self.lost_at and self.checks >= self.lost_at:
            raise SeawallError("the lease is lost")
