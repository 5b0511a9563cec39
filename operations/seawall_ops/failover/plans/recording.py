"""Why a failover was begun, and what was accepted against the rule: on the record, with who."""

from typing import Final

from seawall_ops.audit import Decision, Trail
from seawall_ops.failover.plans.handover import Handover

__all__ = ["ACCEPT_LAG", "BEGIN", "END", "FORCE", "record_reasons"]

BEGIN: Final = "fail over"
ACCEPT_LAG: Final = "accept lag"
FORCE: Final = "go on without a fence"
END: Final = "end by hand"


def record_reasons(trail: Trail, operation: str, handover: Handover, *, by: str, fence: int) -> None:
    """Once for each run: whoever confirms one answers for what the plan says and accepts.

    Args:
        trail: The record.
        operation: Its id.
        handover: What the plan was made from.
        by: Who runs it.
        fence: Of the lease.
    """
    given = {BEGIN: handover.reason, ACCEPT_LAG: handover.lag_accepted_because, FORCE: handover.unfenced_because}
    for decision, because in given.items():
        if because is not None:
            asked = f"{because} (planned by {handover.opened_by}, run by {by})"
            trail.write(operation, Decision(subject=str(handover), decision=decision, because=asked), fence=fence)
