"""A failover as a plan in steps.

The order is the point of it: confirm the candidate, take the old writer's epoch away, fence it, promote, see that the new
writer takes a write, and only then tell apps and move the name; keep the old one fenced.
"""

from typing import Final

from seawall.timing import Source, Term
from seawall_ops.failover.operating import PROMOTE_SECONDS
from seawall_ops.failover.plans.fencing import Fencing
from seawall_ops.failover.plans.handover import CATCH_UP_SECONDS, Handover
from seawall_ops.failover.plans.ledger_steps import Close, Open
from seawall_ops.failover.plans.live_steps import Announce, Publish
from seawall_ops.failover.plans.name_step import MoveName
from seawall_ops.failover.plans.server_steps import FENCE_SECONDS, Fence, Promote
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Phase, Plan, Step, Timeouts

__all__ = ["VERSION", "failover_plan"]

VERSION: Final = 1  # of what the steps mean
ANSWER_SECONDS: Final = 60.0  # for looks at servers, board and arbiter beside what is waited for


def failover_plan(
    handover: Handover,
    around: Surroundings,
    *,
    promotion: Term | None = None,
    promote_seconds: float = PROMOTE_SECONDS,
) -> Plan:
    """The plan. It can be undone until the promotion; one that moves no writer, until it is closed.

    Args:
        handover: Who hands over to whom; all of it stands in the plan's inputs.
        around: What it works on.
        promotion: How long the promotion is predicted to take.
        promote_seconds: After which a promotion that is not done needs a person.
    """
    fencing = Fencing(handover, around) if handover.moves_writer else None
    steps: list[Step] = [Open(handover, around, fencing)]
    if fencing is not None:
        waits = handover.epoch_lease_seconds or 0.0
        steps += [
            Announce(handover, around),
            Fence(
                handover,
                around,
                fencing,
                timeouts=Timeouts(apply_seconds=FENCE_SECONDS + waits),
                terms={} if not waits else {Phase.APPLY: _expiry(waits)},
            ),
            Promote(
                handover,
                around,
                fencing,
                timeouts=Timeouts(
                    precheck_seconds=waits + CATCH_UP_SECONDS + ANSWER_SECONDS,
                    apply_seconds=FENCE_SECONDS + waits + CATCH_UP_SECONDS + ANSWER_SECONDS,
                    verify_seconds=promote_seconds,
                ),
                terms={} if promotion is None else {Phase.VERIFY: promotion},
            ),
        ]
    steps.append(Publish(handover, around))
    switch = around.switch if handover.moves_region else None
    if switch is not None:
        steps.append(MoveName(handover, around, switch))
    steps.append(Close(handover, around, no_return=fencing is None))
    return Plan(
        name=f"failover-{handover.kind}",
        version=VERSION,
        steps=tuple(steps),
        inputs={**handover.inputs, **around.inputs},
        summary=f"{handover}, because {handover.reason}",
    )


def _expiry(ttl_seconds: float) -> Term:
    return Term(
        "epoch lease",
        0.0,
        ttl_seconds,
        Source.COMPUTED,
        "a writer that answers is fenced at once; one that is silent, once no app has its epoch any more",
        inputs=("epoch_lease_seconds",),
    )
