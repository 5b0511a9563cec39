"""Ending an operation by hand: one that can be neither run nor undone would keep everything else from beginning for ever."""

from contextlib import suppress

from seawall.errors import InvalidInput
from seawall.topology import load
from seawall_ops.audit import Decision
from seawall_ops.failover.board import Board
from seawall_ops.failover.ledger import Ledger, Operation, OperationState
from seawall_ops.failover.plans.assembling import kept_of, lease_of, live_of, trail_of
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.recording import END
from seawall_ops.failover.settings import Settings
from seawall_ops.who import holder

__all__ = ["ended", "find_open"]


def find_open(board: Board, operation: str) -> Operation:
    """The ledger's entry.

    Raises:
        InvalidInput: It is not open.
        BoardUnavailable: Nobody can tell.
    """
    entry = board.read().ledger.open
    if entry is None or entry.id != operation:
        raise InvalidInput("operation", operation, allowed="none is open" if entry is None else entry.id)
    return entry


def ended(found: Settings, operation: str, *, done: bool, why: str, wait_seconds: float) -> Operation:
    """End it under the lease: whoever runs it holds that. What has handed over already stays fenced, however it ended.

    Args:
        found: The settings.
        operation: Its id.
        done: Whether somebody has finished it; else it failed.
        why: For the record.
        wait_seconds: For the lease.

    Raises:
        LeaseHeld: It is being run.
        InvalidInput: It is not open.
    """
    declared = load().declared
    state = OperationState.DONE if done else OperationState.FAILED
    lease = lease_of(found, declared, holder=holder(), automatic=False)
    with trail_of(found) as trail, lease.acquire(wait_seconds=wait_seconds) as held:
        board = found.open_board()
        entry = find_open(board, operation)
        live = live_of(found, declared).read()
        names = _handed_over(found, operation, None if live is None else live.writer)
        because = f"{why} (by {holder()})"
        fact = Decision(subject=entry.target, decision=f"{END}: {state.value}", because=because)
        trail.write(operation, fact, fence=held.fence)

        def change(ledger: Ledger) -> Ledger:
            return ledger.ended(operation, state, fence=held.fence).fenced_with(names)

        ledger = board.change(change)
    return next(each for each in ledger.operations if each.id == operation)


def _handed_over(found: Settings, operation: str, writer: str | None) -> tuple[str, ...]:
    """What the operation keeps fenced, once apps were told of its new writer; empty where nothing is known of it."""
    handover: Handover | None = None
    with suppress(InvalidInput):
        handover = kept_of(found).find(operation)
    return handover.fenced if handover is not None and handover.moves_writer and writer == handover.new_writer else ()
