"""A case of `crash_points`: a failover of a database or a region, in the variant that an environment variable names."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_points import Bomb, Holding, armed
from failover_plan_world import CLUSTER, NEW, OLD, TTL, World
from seawall.timing import FailureClass
from seawall_ops.failover.ledger import OperationState
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.steps import Guard, Operation, Plan, Result

OPERATION = "failover-1"
VARIABLE = "SEAWALL_TEST_FAILOVER"

HANDOVER: dict[str, Any] = {
    "cluster": CLUSTER,
    "service": "shop",
    "environment": "prod",
    "failure_class": FailureClass.REGION,
    "old_region": OLD,
    "new_region": NEW,
    "old_writer": OLD,
    "new_writer": NEW,
    "epoch": 4,
    "reason": "a quorum saw it",
    "opened_by": "observer-1",
    "lag_limit_seconds": 30.0,
    "epoch_lease_seconds": TTL,
}
GONE: dict[str, Any] = {f"servers__{OLD.replace('-', '_')}__reachable": False, "app_reads": False, "silent": [OLD]}


@dataclass(frozen=True)
class Variant:
    """How the world is, and what is asked for."""

    world: dict[str, Any]
    handover: dict[str, Any]


VARIANTS = {
    "planned": Variant({"servers__eu_west_1__position": 1500}, {"failure_class": FailureClass.WRITER}),
    "cut off": Variant(GONE, {"automatic": True, "lag_accepted_because": "2 of 3 domains knew it"}),
    "dead": Variant({**GONE, "servers__eu_west_1__alive": False}, {"lag_accepted_because": "2 of 3 domains knew it"}),
    "within the region": Variant({}, {"failure_class": FailureClass.WRITER, "new_region": OLD}),
    "unfenced": Variant(
        {**GONE, "forced": True},
        {"epoch_lease_seconds": None, "unfenced_because": "it burns", "lag_accepted_because": "it burns"},
    ),
    "without a database": Variant(
        {"no_database": True},
        {"failure_class": FailureClass.ENDPOINT, "old_writer": None, "new_writer": None, "epoch_lease_seconds": None},
    ),
}


def armed_operation(
    plan: Plan, world: World, bomb: Bomb, *, named: str = OPERATION, guard: Guard | None = None, confirmed: bool = True
) -> Operation:
    """An operation over a world and by its clock, with its points; without a guard under a lease that is never lost."""
    folder = world.path.parent
    plan, journals = armed(plan, folder, bomb)
    return Operation(
        plan,
        id=named,
        folder=folder,
        journals=journals,
        guard=guard or Holding(),
        confirm=lambda _: confirmed,
        clock=world,
        sleep=world.sleep,
    )


def variant() -> Variant:
    return VARIANTS[os.environ[VARIABLE]]


def operation(folder: Path, bomb: Bomb) -> Operation:
    """The operation over the world in that folder; a new world begins as the variant says."""
    world = World(folder, bomb)
    if not (folder / "begun").exists():
        world.set(**variant().world)
        (folder / "begun").touch()
    plan = failover_plan(Handover(**{**HANDOVER, **variant().handover}), world.surroundings())
    return armed_operation(plan, world, bomb)


def settled(folder: Path, result: Result) -> None:
    """All of it or nothing; and at no time anything that must never be."""
    world = World(folder, Bomb(files=(folder / "world.json").exists()))
    state, asked = world.read(), variant().handover
    assert state["broken"] == []
    assert result.end in ("done", "undone"), result
    live, ledger = world.live(), world.ledger
    old, new = state["servers"][OLD], state["servers"][NEW]
    entry = next((each for each in ledger.operations if each.id == OPERATION), None)
    if result.end == "done":
        assert live is not None
        assert (live.primary_region, live.writer) == (
            asked.get("new_region", NEW),
            asked.get("new_writer", NEW),
        )
        assert entry is not None
        assert entry.state is OperationState.DONE
        assert new["writes"] is ("old_writer" not in asked)
        if new["writes"]:
            assert OLD in ledger.fenced
            assert new["tried"]
            assert old["fenced"] or not (old["alive"] and old["reachable"])
        moved = asked.get("new_region", NEW) == NEW
        assert state["switch"] == (NEW if moved else None)
        assert world.live(NEW) == live
    else:
        assert live is None or (live.primary_region, live.writer) == (OLD, asked.get("old_writer", OLD))
        assert entry is None or entry.state is OperationState.UNDONE
        assert not new["writes"]
        assert not old["cut"], "it is half fenced"
        assert not old["fenced"]
        assert state["switch"] is None
        assert ledger.fenced == ()
    assert ledger.open is None
