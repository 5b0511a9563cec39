"""What is done to the servers: the old writer is fenced, and the new one promoted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from seawall.errors import StepRefused
from seawall.timing import Term
from seawall_ops.failover.plans.candidate import answer_of, servers_of, why_other_history, why_too_far_behind
from seawall_ops.failover.plans.fencing import NO_FENCE, Fencing, FencingLook, FencingState
from seawall_ops.failover.plans.handover import CATCH_UP_SECONDS, Handover
from seawall_ops.failover.plans.ledger_steps import require_open
from seawall_ops.failover.plans.servers import MemberUnreachable
from seawall_ops.failover.plans.standing import Standing, standing_of
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Context, Observation, Phase, Seen, Step, Timeouts

__all__ = ["FENCE_SECONDS", "Fence", "Promote"]

FENCE_SECONDS: Final = 900.0  # for a fence of RDS: rules of a network, and a reboot that ends what runs inside
LEAST_PAUSE_SECONDS: Final = 0.01  # a rest that rounding has left is no time at all
LOOK_AGAIN_SECONDS: Final = 1.0  # between two tries at a silent writer, and two looks at what a candidate has replayed


@dataclass(frozen=True)
class Fence(Step):
    """Lets nobody write to the old writer any more, or waits until nobody can."""

    handover: Handover
    around: Surroundings
    fencing: Fencing
    name: str = "fence"
    what: str = "let nobody write to the old writer any more"
    timeouts: Timeouts = field(default_factory=Timeouts)
    terms: Mapping[Phase, Term] = field(default_factory=dict[Phase, Term])

    def observe(self, context: Context) -> Observation:
        """Whether it is fenced. One that did not answer before, and does not now, is as it was; one that is not closed, and
        was begun to be, may be half fenced until it was lifted."""
        look = self.fencing.look(context.operation)
        prior = {"answered": look.state.answered}
        untried = look.state is FencingState.FORCED and not context.prior
        if look.state.closed and not untried:
            return Observation(Seen.AFTER, look.shown, prior)
        if look.state.answered and context.prior and not self.fencing.is_let_go:
            return Observation(Seen.PARTLY, f"{look.shown}; a part of a fence may be there", prior)
        if look.state.answered or not context.prior:
            return Observation(Seen.BEFORE, look.shown, prior)
        if context.prior["answered"]:
            raise StepRefused(f"it had answered, and is silent now: {look.shown}")
        return Observation(Seen.BEFORE, look.shown, prior)

    def apply(self, context: Context) -> None:
        """Fence it; while it is silent, try again until no app has its epoch any more.

        Raises:
            MemberUnreachable: It is silent, and there is nothing to wait for; or it answers, and was not fenced in time.
        """
        servers, member = servers_of(self.around), str(self.handover.old_writer)
        while True:
            try:
                servers.fence(member)
            except MemberUnreachable as error:
                look = self.fencing.look(context.operation)
                if look.state is FencingState.SILENT:
                    raise MemberUnreachable(member, f"{error.because}: {NO_FENCE}") from error
                if look.state.closed:
                    return
                if not context.remaining_seconds():
                    raise
                context.wait(_pause(look))
            else:
                return

    def undo(self, context: Context) -> None:
        """Let it be written to again. One that never answered is not fenced, and keeps nobody waiting.

        Raises:
            StepRefused: Somebody else has published another writer since: then there would be two.
        """
        self.fencing.forget()
        member, live = str(self.handover.old_writer), self.around.live.read()
        if live is None or live.writer != member:
            standing_of(live, self.handover, context.operation)
        try:
            servers_of(self.around).lift(member)
        except MemberUnreachable:
            if context.prior["answered"]:
                raise
        else:
            self.fencing.let_go()


@dataclass(frozen=True)
class Promote(Step):
    """Makes the candidate the writer. All that must hold is looked at right before, whatever was seen earlier."""

    handover: Handover
    around: Surroundings
    fencing: Fencing
    name: str = "promote"
    what: str = "promote the candidate, and see that it takes a write"
    no_return: bool = True
    timeouts: Timeouts = field(default_factory=Timeouts)
    terms: Mapping[Phase, Term] = field(default_factory=dict[Phase, Term])

    def observe(self, context: Context) -> Observation:
        """Whether it takes writes; which history it was in is kept. Where somebody else has promoted it since, all that must
        hold is to be seen all the same, and a write."""
        self.fencing.promotion_begun = bool(context.prior)
        look = servers_of(self.around).look(str(self.handover.new_writer))
        timeline = "" if look.timeline is None else f", timeline {look.timeline}"
        shown = f"{self.handover.new_writer} {'takes writes' if look.takes_writes else 'is a replica'}{timeline}"
        if not look.takes_writes:
            return Observation(Seen.BEFORE, shown, {"timeline": look.timeline, "system_id": look.system_id})
        prior = {"timeline": None, "system_id": look.system_id}  # what it was in before nobody knows
        foreign = not context.prior and self._standing(context) is Standing.ANNOUNCED
        return Observation(Seen.PARTLY if foreign else Seen.AFTER, shown, prior)

    def precheck(self, context: Context) -> None:
        """Whether the operation is open, the announcement stands, the old writer is fenced, and nothing would be lost.

        An old writer that is back is fenced by `apply`. Once a promotion was begun the only way is forward: what was accepted
        of the lag then, stands.
        """
        require_open(self.around, context.operation)
        standing = self._standing(context)
        if standing is not Standing.ANNOUNCED:
            raise StepRefused(f"the old writer's epoch is {standing.value}")
        fenced = self._wait_for_fence(context)
        servers = servers_of(self.around)
        new = servers.look(str(self.handover.new_writer))
        old = answer_of(servers, str(self.handover.old_writer))
        because = why_other_history(self.handover, old, new)
        if because is None and not new.takes_writes:
            if old is not None and old.position is not None and new.position is not None:
                if fenced:
                    self._wait_for_replay(context, old.position)
            elif not self.fencing.promotion_begun:
                because = why_too_far_behind(self.handover, new)
        if because is not None:
            raise StepRefused(because)

    def apply(self, context: Context) -> None:
        """Begin it; one that takes writes is left alone. An old writer that came back is fenced first, and what it has written
        meanwhile is waited for.

        Raises:
            MemberUnreachable: It was fenced, and is not.
        """
        servers, member = servers_of(self.around), str(self.handover.new_writer)
        if self.fencing.look(context.operation).state is FencingState.OPEN:
            old = str(self.handover.old_writer)
            servers.fence(old)
            look = self.fencing.look(context.operation)
            if not look.state.closed:
                raise MemberUnreachable(old, f"it was fenced again, and is not: {look.shown}")
            new, left = servers.look(member), answer_of(servers, old)
            if left is not None and left.position is not None and new.position is not None and not new.takes_writes:
                self._wait_for_replay(context, left.position)
            context.check()
        servers.promote(member)

    def verify(self, context: Context) -> str | None:
        """Out of recovery, in a later history of the same cluster, and it takes a write."""
        servers, member, prior = servers_of(self.around), str(self.handover.new_writer), context.prior
        look = servers.look(member)
        if not look.takes_writes:
            return f"{member} is a replica still"
        was, timeline = prior.get("timeline"), look.timeline
        if isinstance(was, int) and timeline is not None and timeline <= was:
            return f"{member} is on timeline {timeline}, and was on {was} before: a later one follows a promotion"
        if prior.get("system_id") not in (None, look.system_id):
            return f"{member} is of another cluster than before"
        servers.try_write(member)
        return None

    def undo(self, context: Context) -> None:
        """There is no way back."""
        del context
        raise StepRefused("a promotion is not undone: fail over the other way")

    def _standing(self, context: Context) -> Standing:
        return standing_of(self.around.live.read(), self.handover, context.operation)

    def _wait_for_fence(self, context: Context) -> bool:
        """Wait until no app can have the old writer's epoch; a resumed process counts anew. `False`: it is back, and open."""
        while not (look := self.fencing.look(context.operation)).state.closed:
            if look.state is FencingState.OPEN:
                return False
            if look.state is not FencingState.WAITING or context.fence is None:
                raise StepRefused(f"{self.handover.old_writer} is not fenced: {look.shown}")
            context.wait(_pause(look))
        return True

    def _wait_for_replay(self, context: Context, position: int) -> None:
        """All that a fenced writer has written is to be there: then nothing is lost at all."""
        servers, member = servers_of(self.around), str(self.handover.new_writer)
        ends = self.around.clock.monotonic() + CATCH_UP_SECONDS
        while (replayed := servers.look(member).position or 0) < position:
            if self.around.clock.monotonic() >= ends:
                raise StepRefused(
                    f"{member} lacks {position - replayed} bytes of what {self.handover.old_writer} has written, "
                    f"{CATCH_UP_SECONDS:g} s after that was fenced"
                )
            context.wait(LOOK_AGAIN_SECONDS)


def _pause(look: FencingLook) -> float:
    """Seconds until the next try: not beyond the moment when a silent writer's epoch has run out everywhere."""
    if look.state is not FencingState.WAITING:
        return LOOK_AGAIN_SECONDS
    return min(LOOK_AGAIN_SECONDS, max(LEAST_PAUSE_SECONDS, look.left_seconds))
