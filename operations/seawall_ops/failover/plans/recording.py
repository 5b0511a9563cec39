"""What a person has accepted against the rule, on the record with who and why."""

from typing import Final

from seawall_ops.audit import Decision, Trail
from seawall_ops.failover.plans.handover import Handover

__all__ = ["ACCEPT_LAG", "END", "FORCE", "record_exceptions"]

ACCEPT_LAG: Final = "accept lag"
FORCE: Final = "go on without a fence"
END: Final = "end by hand"


def record_exceptions(trail: Trail, operation: str, handover: Handover, *, by: str, fence: int) -> None:
    """Once for each run that relies on them: whoever confirms a run answers for what the plan accepts.

    Args:
        trail: The record.
        operation: Its id.
        handover: What the plan was made from.
        by: Who runs it.
        fence: Of the lease.
    """
    accepted = {ACCEPT_LAG: handover.lag_accepted_because, FORCE: handover.unfenced_because}
    for decision, because in accepted.items():
        if because is not None:
            asked = f"{because} (planned by {handover.opened_by}, run by {by})"
            trail.write(operation, Decision(subject=str(handover), decision=decision, because=asked), fence=fence)
