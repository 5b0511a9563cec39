"""The steps of a rebuild: see `rebuild`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from seawall.errors import StepRefused
from seawall.timing import Term
from seawall_ops.failover.plans.candidate import servers_of
from seawall_ops.failover.plans.rebuild_request import Rebuild
from seawall_ops.failover.plans.rebuilder import Following, Rebuilder, RebuildLook
from seawall_ops.failover.plans.servers import MemberUnreachable, NameSwitch, forced_shown
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Context, Observation, Phase, Seen, Step, Timeouts

__all__ = ["LiftFence", "RebuildMember", "ReleaseName", "TellLedger"]

NO_WAY_BACK: Final = "what was thrown away does not come back: resume it"


class _OneWay(Step):
    """A step of a rebuild. There is no way back from any of them."""

    def undo(self, context: Context) -> None:
        """There is no way back."""
        del context
        raise StepRefused(NO_WAY_BACK)


@dataclass(frozen=True)
class RebuildMember(_OneWay):
    """Makes the member a replica of the writer, and waits until it has caught up."""

    request: Rebuild
    around: Surroundings
    rebuilder: Rebuilder
    release: "ReleaseName | None" = None
    """Asked for at the end: what would be in its way is to be known before anything is thrown away."""
    name: str = "rebuild"
    what: str = "throw away what the old writer has alone, and make it a replica of the writer"
    no_return: bool = True
    timeouts: Timeouts = field(default_factory=Timeouts)
    terms: Mapping[Phase, Term] = field(default_factory=dict[Phase, Term])

    def observe(self, context: Context) -> Observation:
        """Whether it follows, and how much of its log would be thrown away."""
        del context
        look = self.rebuilder.look(self.request.member, self.request.writer)
        if look.following is Following.FOLLOWS:
            behind = why_behind(self.request, look)
            return Observation(Seen.AFTER if behind is None else Seen.PARTLY, behind or look.shown)
        if look.following is Following.UNDER_WAY:
            return Observation(Seen.PARTLY, look.shown)
        return Observation(Seen.BEFORE, f"{look.shown}; {_thrown_away(self.request, look)}")

    def precheck(self, context: Context) -> None:
        """Whether the member was replaced, the writer is the live one and takes writes, and nothing else is under way."""
        del context
        require_replaced(self.request, self.around)
        if not servers_of(self.around).look(self.request.writer).takes_writes:
            raise StepRefused(f"{self.request.writer} takes no writes: there is nobody to follow")
        if self.release is not None:
            self.release.require_declared()

    def apply(self, context: Context) -> None:
        """Close it first where it is open, so that nobody writes what is about to be thrown away."""
        servers, member = servers_of(self.around), self.request.member
        following = self.rebuilder.look(member, self.request.writer).following
        if following is Following.FOLLOWS:
            return  # it is late, and no worse
        if following is Following.APART:
            try:
                if servers.look(member).takes_writes and not servers.fence_of(member).closed:
                    servers.fence(member)
            except MemberUnreachable:
                pass  # nothing of it can be closed; the ledger has it as replaced
        context.check()
        self.rebuilder.rebuild(member, self.request.writer, context.check)

    def verify(self, context: Context) -> str | None:
        """A replica of the writer's history, at most so far behind."""
        del context
        look = self.rebuilder.look(self.request.member, self.request.writer)
        return look.shown if look.following is not Following.FOLLOWS else why_behind(self.request, look)


@dataclass(frozen=True)
class LiftFence(_OneWay):
    """Takes the member's fence away: replicas are read from, and one that is promoted later has to take writes."""

    request: Rebuild
    around: Surroundings
    rebuilder: Rebuilder
    timeouts: Timeouts = field(default_factory=Timeouts)
    name: str = "lift"
    what: str = "take its fence away"

    def observe(self, context: Context) -> Observation:
        """A fence that is not closed may be there in part, e.g. a setting: so it is lifted whatever is seen."""
        del context
        found = servers_of(self.around).fence_of(self.request.member)
        return Observation(Seen.BEFORE if found.closed else Seen.PARTLY, found.shown)

    def precheck(self, context: Context) -> None:
        """It follows the live writer, and takes no writes itself."""
        del context
        require_replaced(self.request, self.around)
        require_following(self.request, self.around, self.rebuilder)

    def apply(self, context: Context) -> None:
        """Lift it."""
        del context
        servers_of(self.around).lift(self.request.member)

    def verify(self, context: Context) -> str | None:
        """It was lifted, and is not seen any more."""
        del context
        found = servers_of(self.around).fence_of(self.request.member)
        return found.shown if found.closed else None


@dataclass(frozen=True)
class ReleaseName(_OneWay):
    """Lets the health checks decide again where the name leads.

    Their record says which region is the first one, as it was declared: with the old roles they would lead everybody back.
    """

    request: Rebuild
    around: Surroundings
    switch: NameSwitch
    declared_primary: str
    name: str = "name"
    what: str = "let the health checks decide again where the name leads"

    def observe(self, context: Context) -> Observation:
        """Whether it is forced away from the member's region."""
        del context
        region = self.switch.region()
        forced_away = region is not None and region != self.request.region
        return Observation(Seen.BEFORE if forced_away else Seen.AFTER, forced_shown(self.switch, region))

    def require_declared(self) -> None:
        """The primary region that is live is declared, too.

        Raises:
            StepRefused: It is not.
        """
        live = self.around.live.read()
        if live is not None and live.primary_region != self.declared_primary:
            raise StepRefused(
                f"the name cannot be released: {live.primary_region} is the primary, and {self.declared_primary} is declared: "
                "adopt it first (seawall failover adopt)"
            )

    def precheck(self, context: Context) -> None:
        """The roles that are live are declared."""
        del context
        self.require_declared()

    def apply(self, context: Context) -> None:
        """Release it."""
        del context
        self.switch.force(None)


@dataclass(frozen=True)
class TellLedger(_OneWay):
    """Lets the member, and its region, take over again."""

    request: Rebuild
    around: Surroundings
    rebuilder: Rebuilder
    name: str = "close"
    what: str = "let it take over again"

    def observe(self, context: Context) -> Observation:
        """Whether the ledger keeps it fenced."""
        del context
        fenced = self.around.board.read().ledger.fenced
        shown = f"fenced in the ledger: {', '.join(fenced) or 'none'}"
        return Observation(Seen.BEFORE if self.request.member in fenced else Seen.AFTER, shown)

    def precheck(self, context: Context) -> None:
        """It follows the live writer now."""
        del context
        require_replaced(self.request, self.around)
        require_following(self.request, self.around, self.rebuilder)

    def apply(self, context: Context) -> None:
        """Both in one write."""
        del context
        names = (self.request.member, self.request.region)
        self.around.board.change(lambda ledger: ledger.rebuilt(names))


def require_replaced(request: Rebuild, around: Surroundings) -> None:
    """The member was a writer once, and another one is it now; nobody is about to change that.

    Raises:
        StepRefused: It is otherwise.
        BoardUnavailable: Nobody can tell.
    """
    ledger = around.board.read().ledger
    if ledger.open is not None:
        raise StepRefused(f"only one operation at a time: {ledger.open}")
    if request.member not in ledger.fenced:
        fenced = ", ".join(ledger.fenced) or "none"
        raise StepRefused(f"{request.member} is not fenced in the ledger, so that nothing has replaced it: {fenced}")
    live = around.live.read()
    if live is None:
        raise StepRefused("no roles are published: the declared writer is the writer, and nothing has replaced it")
    if live.writer != request.writer:
        raise StepRefused(f"the writer is {live.writer}, and not {request.writer}: epoch {live.epoch} ({live.reason})")


def require_following(request: Rebuild, around: Surroundings, rebuilder: Rebuilder) -> None:
    """It is a replica, and no later than is allowed.

    Raises:
        StepRefused: It is otherwise.
    """
    look = rebuilder.look(request.member, request.writer)
    behind = look.shown if look.following is not Following.FOLLOWS else why_behind(request, look)
    if behind is not None:
        raise StepRefused(behind)
    if servers_of(around).look(request.member).takes_writes:
        raise StepRefused(f"{request.member} takes writes")


def why_behind(request: Rebuild, look: RebuildLook) -> str | None:
    """Why a replica is not there yet; `None`: it is."""
    if look.lag_seconds is None:
        return f"{look.shown}; nobody knows how far it is behind"
    if look.lag_seconds > request.lag_limit_seconds:
        return f"{look.shown}; {look.lag_seconds:.1f} s behind, and {request.lag_limit_seconds:g} s are allowed"
    return None


def _thrown_away(request: Rebuild, look: RebuildLook) -> str:
    if look.alone_bytes is None:
        return f"how much it has that {request.writer} has not cannot be told"
    return f"{look.alone_bytes:,} bytes of its log are not {request.writer}'s, and will be thrown away"
