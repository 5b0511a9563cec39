"""A case of `crash_points`: a Service is moved, its source drained and scaled down, and the process dies anywhere in between."""

from collections.abc import Callable
from pathlib import Path

from crash_points import Bomb, Holding, armed
from seawall_ops.failover.services import plan_of
from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_objects import DEPLOYMENTS, WorkloadRef
from seawall_ops.steps import Operation, Result
from service_cluster import FakeNamespace

OPERATION = "move-1"
BLUE, GREEN = (WorkloadRef(DEPLOYMENTS, f"shop-{side}") for side in ("blue", "green"))
MOVE = Move(service="shop", source=BLUE, target=GREEN, scale_source_to=1, drain_seconds=0.0)
REPLICAS = {"done": {"shop-blue": 1, "shop-green": 3}, "undone": {"shop-blue": 3, "shop-green": 0}}
SIDE = {"done": "green", "undone": "blue"}


def operation(folder: Path, bomb: Bomb, sleep: Callable[[float], None] = lambda _: None) -> Operation:
    namespace = FakeNamespace(folder / "cluster.json", bomb)
    plan, journals = armed(plan_of(namespace.cluster, MOVE), folder, bomb)
    return Operation(plan, id=OPERATION, folder=folder, journals=journals, guard=Holding(), sleep=sleep)


def settled(folder: Path, result: Result) -> None:
    """All of it or nothing, no mark of what is undone, and never a moment without a ready pod behind the Service."""
    namespace = FakeNamespace(folder / "cluster.json")
    assert namespace.replicas == REPLICAS[result.end], result
    assert namespace.selector == {"app": "shop", "side": SIDE[result.end]}
    assert not namespace.gap
    if result.end == "undone":
        assert namespace.marks <= {"seawall/fence"}
