"""The first and the last step of a failover: the ledger knows of it, so that nothing else begins."""

from dataclasses import dataclass

from seawall.errors import StepRefused
from seawall_ops.failover.ledger import Ledger, Operation, OperationState
from seawall_ops.failover.plans.candidate import why_no_candidate
from seawall_ops.failover.plans.fencing import NO_FENCE, Fencing, FencingState
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.standing import Standing, standing_of
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Context, Observation, Seen, Step

__all__ = ["Close", "Open", "require_open"]


def require_open(around: Surroundings, operation: str) -> None:
    """Refuse to go on once a person, or a successor, has ended the operation.

    Raises:
        StepRefused: It is not open.
        BoardUnavailable: Nobody can tell.
    """
    found = _entry(around.board.read().ledger, operation)
    if found is None or found.state is not OperationState.OPEN:
        raise StepRefused(f"the ledger says that {operation} is {'not known' if found is None else found.state.value}")


@dataclass(frozen=True)
class Open(Step):
    """Enters the operation into the ledger, if the candidate may take over and nothing else is open."""

    handover: Handover
    around: Surroundings
    fencing: Fencing | None = None
    """`None` where no writer moves."""
    name: str = "open"
    what: str = "confirm the candidate, and let nothing else begin"

    def observe(self, context: Context) -> Observation:
        """By the id: the fence of a resumed run is another one."""
        ledger = self.around.board.read().ledger
        found = _entry(ledger, context.operation)
        if found is None or found.state is OperationState.UNDONE:
            other = "nothing is open" if ledger.open is None else str(ledger.open)
            return Observation(Seen.BEFORE, other)
        if found.state is OperationState.FAILED:
            raise StepRefused(f"somebody has ended it: {found}")
        return Observation(Seen.AFTER, f"it is {found.state.value}")

    def precheck(self, context: Context) -> None:
        """Whether anything else is open, roles have changed, or the candidate may not take over."""
        ledger = self.around.board.read().ledger
        if ledger.open is not None:
            raise StepRefused(f"only one operation at a time: {ledger.open}")
        if self.handover.automatic and ledger.pause is not None:
            raise StepRefused(str(ledger.pause))
        live = self.around.live.read()
        if standing_of(live, self.handover, context.operation) is not Standing.BEFORE:
            raise StepRefused(f"epoch {self.handover.epoch} is not the present one")
        because = why_no_candidate(self.handover, self.around, ledger)
        if because is not None:
            raise StepRefused(because)
        if self.fencing is not None:  # to take the epoch away and then not to go on would be an outage for nothing
            look = self.fencing.look(context.operation)
            if look.state is FencingState.SILENT:
                raise StepRefused(f"{look.shown}: {NO_FENCE}")

    def apply(self, context: Context) -> None:
        """Enter it; one that is there is left alone."""
        fence = _fence(context)
        entry = self.handover.as_operation(context.operation, fence)

        def opened(ledger: Ledger) -> Ledger:
            return ledger if _entry(ledger, entry.id) is not None else ledger.opened(entry)

        self.around.board.change(opened)

    def undo(self, context: Context) -> None:
        """End it as one that was taken back."""
        fence = _fence(context)
        self.around.board.change(lambda ledger: ledger.ended(context.operation, OperationState.UNDONE, fence=fence))


@dataclass(frozen=True)
class Close(Step):
    """Ends the operation in the ledger, and keeps whoever has handed over from taking over again."""

    handover: Handover
    around: Surroundings
    no_return: bool = False
    """Where no writer moves this is the point of no return: what has ended does not open again."""
    name: str = "close"
    what: str = "end it in the ledger, and keep what has handed over fenced"

    def observe(self, context: Context) -> Observation:
        """By the id."""
        ledger = self.around.board.read().ledger
        found = _entry(ledger, context.operation)
        if found is not None and found.state is OperationState.DONE:
            return Observation(Seen.AFTER, f"done, fenced: {', '.join(ledger.fenced) or 'none'}")
        return Observation(Seen.BEFORE, "not known yet" if found is None else f"it is {found.state.value}")

    def apply(self, context: Context) -> None:
        """Both in one write, so that a cool-down never begins without the fence."""
        fence = _fence(context)

        def ended(ledger: Ledger) -> Ledger:
            return ledger.ended(context.operation, OperationState.DONE, fence=fence).fenced_with(self.handover.fenced)

        self.around.board.change(ended)

    def undo(self, context: Context) -> None:
        """What has ended does not open again."""
        raise StepRefused(f"{context.operation} is closed: fail over the other way")


def _entry(ledger: Ledger, operation: str) -> Operation | None:
    return next((each for each in ledger.operations if each.id == operation), None)


def _fence(context: Context) -> int:
    if context.fence is None:
        raise StepRefused("a failover is run under a lease, and there is none")
    return context.fence
