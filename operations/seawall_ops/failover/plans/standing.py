"""How far the live topology is with a failover, by what stands in the arbiter's copy. Pure.

Where a writer moves, two documents follow each other. The first, one epoch on, names the *candidate* beside the old primary
region: routers that follow it leave the old writer, and cannot write to the candidate while that still replays. (A document
without a writer would name the declared one.) The second, once the candidate takes writes, names the new region, too.
"""

from datetime import datetime
from enum import Enum
from typing import Final

from seawall.errors import StepRefused
from seawall.topology import Live
from seawall_ops.failover.plans.handover import Handover

__all__ = ["Standing", "announced", "published", "standing_of", "taken_back"]

LONGEST_REASON: Final = 300  # characters of a live document's, see `seawall.topology.Live`


class Standing(Enum):
    """What the arbiter's document is to an operation."""

    BEFORE = "not announced"
    ANNOUNCED = "announced"
    PUBLISHED = "published"
    TAKEN_BACK = "taken back"


def standing_of(live: Live | None, handover: Handover, operation: str) -> Standing:
    """How far it is.

    Args:
        live: The arbiter's document.
        handover: What is to be done.
        operation: Its id; documents of an operation begin their reason with it.

    Raises:
        StepRefused: Roles were changed by somebody else since the decision.
    """
    if live is None or live.epoch <= handover.epoch:
        return Standing.BEFORE
    if live.reason.startswith(_mark(operation)):
        roles = (live.primary_region, live.writer)
        steps = live.epoch - handover.epoch
        if roles == (handover.new_region, handover.new_writer) and live.epoch == handover.last_epoch:
            return Standing.PUBLISHED
        if roles == (handover.old_region, handover.new_writer) and handover.moves_writer and steps == 1:
            return Standing.ANNOUNCED
        if roles == (handover.old_region, handover.old_writer) and steps == 2:  # after the one that it takes back
            return Standing.TAKEN_BACK
    raise StepRefused(
        f"roles have changed since the decision: epoch {live.epoch} ({live.reason}), and it was made at epoch {handover.epoch}"
    )


def announced(handover: Handover, operation: str, now: datetime) -> Live:
    """The document that takes the old writer's epoch away."""
    reason = f"{handover.old_writer} is to hand over to {handover.new_writer}"
    return _document(handover, operation, now, handover.epoch + 1, (handover.old_region, handover.new_writer), reason)


def published(handover: Handover, operation: str, now: datetime) -> Live:
    """The document that names the new roles."""
    roles = (handover.new_region, handover.new_writer)
    return _document(handover, operation, now, handover.last_epoch, roles, f"{handover}: {handover.reason}")


def taken_back(handover: Handover, operation: str, now: datetime) -> Live:
    """The document that names the old roles again, a later epoch all the same."""
    roles = (handover.old_region, handover.old_writer)
    return _document(handover, operation, now, handover.epoch + 2, roles, f"not done: {handover}")


def _document(
    handover: Handover, operation: str, now: datetime, epoch: int, roles: tuple[str, str | None], reason: str
) -> Live:
    region, writer = roles
    return Live(
        service=handover.service,
        environment=handover.environment,
        epoch=epoch,
        primary_region=region,
        writer=writer,
        changed_at=now,
        reason=(_mark(operation) + reason)[:LONGEST_REASON],
    )


def _mark(operation: str) -> str:
    return f"{operation}: "
