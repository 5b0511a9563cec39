"""A failover of a Service inside one cluster: from one Deployment or Rollout to another, as a plan in steps.

Scale the target up and wait until it is ready; shift the Service's selector and see who is behind it; and only then, where
that is asked for, drain the source and scale it down. In this order there is never a moment without a ready pod.
"""

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall_ops.failover.services_cluster import Cluster
from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_steps import Drain, Owners, ScaleSource, ScaleTarget, Shift
from seawall_ops.steps import Plan, Step

__all__ = ["PLAN", "VERSION", "plan_of"]

PLAN = "failover-service"
VERSION = 1  # of what the steps mean


def plan_of(cluster: Cluster, move: Move, *, clock: Clock = SYSTEM_CLOCK) -> Plan:
    """The plan. It can be undone at any time, also when it is done.

    Args:
        cluster: The namespace; its server stands in the inputs, so that nothing is resumed in another cluster.
        move: What is asked for.
        clock: Monotonic time of the drain.
    """
    steps: list[Step] = [Owners(cluster, move), ScaleTarget(cluster, move), Shift(cluster, move)]
    if move.scale_source_to is not None:
        steps += [Drain(cluster, move, clock), ScaleSource(cluster, move)]
    return Plan(
        name=PLAN,
        version=VERSION,
        steps=tuple(steps),
        inputs={"where": cluster.where, **move.inputs},
        summary=f"Move Service {move.service} from {move.source} to {move.target} in namespace {cluster.namespace}",
    )
