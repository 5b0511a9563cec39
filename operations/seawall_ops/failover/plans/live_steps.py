"""What apps are told: that the old writer is not the writer any more, and later who is."""

from dataclasses import dataclass, field
from typing import Final

from seawall.errors import StepRefused
from seawall.topology import Live
from seawall_ops.failover.plans.candidate import require_new_writer
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.places import PlaceUnavailable, Spread
from seawall_ops.failover.plans.standing import Standing, announced, published, standing_of, taken_back
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Context, Observation, Seen, Step, Timeouts

__all__ = ["Announce", "Publish"]

COPY_SECONDS: Final = 30.0  # for a region that answers to take its copy: some tries
RETRY_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 90.0  # for every place to be asked, each within its own time-out


@dataclass(frozen=True)
class Announce(Step):
    """Takes the old writer's epoch away: from here on apps that follow the topology write nowhere."""

    handover: Handover
    around: Surroundings
    name: str = "announce"
    what: str = "take the old writer's epoch away; apps that follow it write nowhere for now"

    def observe(self, context: Context) -> Observation:
        """What the arbiter has; copies are shown, and not waited for."""
        live = self.around.live.read()
        standing = standing_of(live, self.handover, context.operation)
        if standing in (Standing.BEFORE, Standing.TAKEN_BACK) or live is None:
            return Observation(Seen.BEFORE, _shown(live))
        return Observation(Seen.AFTER, f"{_shown(live)}{_copies(self.around.live.spread(live))}")

    def apply(self, context: Context) -> None:
        """The arbiter first."""
        if standing_of(self.around.live.read(), self.handover, context.operation) is Standing.BEFORE:
            self.around.live.publish(announced(self.handover, context.operation, self.around.wall()))

    def undo(self, context: Context) -> None:
        """A later epoch that names the old writer again."""
        if standing_of(self.around.live.read(), self.handover, context.operation) is Standing.ANNOUNCED:
            self.around.live.publish(taken_back(self.handover, context.operation, self.around.wall()))


@dataclass(frozen=True)
class Publish(Step):
    """Says who has which role now, to every region that answers."""

    handover: Handover
    around: Surroundings
    name: str = "publish"
    what: str = "tell apps the new roles, the arbiter's copy first"
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(apply_seconds=COPY_SECONDS + ANSWER_SECONDS))

    def observe(self, context: Context) -> Observation:
        """What the arbiter has; a copy that answers and is behind is missing, one that is silent is not waited for."""
        live = self.around.live.read()
        if standing_of(live, self.handover, context.operation) is not Standing.PUBLISHED or live is None:
            return Observation(Seen.BEFORE, _shown(live))
        spread = self.around.live.spread(live)
        return Observation(Seen.PARTLY if spread.behind else Seen.AFTER, f"{_shown(live)}{_copies(spread)}")

    def precheck(self, context: Context) -> None:
        """The new writer takes writes: nobody is ever sent to one that does not."""
        del context
        require_new_writer(self.handover, self.around)

    def apply(self, context: Context) -> None:
        """The arbiter first; then the copies, until every one that answers has it.

        Raises:
            PlaceUnavailable: A region answers, and did not take its copy within 30 s.
        """
        live = self.around.live.read()
        if live is None or standing_of(live, self.handover, context.operation) is not Standing.PUBLISHED:
            live = published(self.handover, context.operation, self.around.wall())
            self.around.live.publish(live)
        ends = self.around.clock.monotonic() + COPY_SECONDS
        while behind := self.around.live.spread(live).behind:
            if self.around.clock.monotonic() >= ends:
                raise PlaceUnavailable(
                    ", ".join(behind), f"it answers, and has not taken its copy within {COPY_SECONDS:g} s"
                )
            context.wait(RETRY_SECONDS)
            self.around.live.copy(live)

    def verify(self, context: Context) -> str | None:
        """The arbiter's is what counts. A region that was silent, and is back since, is behind and keeps nothing waiting."""
        live = self.around.live.read()
        standing = standing_of(live, self.handover, context.operation)
        return None if standing is Standing.PUBLISHED else f"the arbiter has {_shown(live)}"

    def undo(self, context: Context) -> None:
        """A later epoch with the old roles; where a writer has moved there is no way back."""
        if self.handover.moves_writer:
            raise StepRefused("a writer was promoted: fail over the other way")
        if standing_of(self.around.live.read(), self.handover, context.operation) is Standing.PUBLISHED:
            self.around.live.publish(taken_back(self.handover, context.operation, self.around.wall()))


def _shown(live: Live | None) -> str:
    if live is None:
        return "nothing was ever published"
    writer = "" if live.writer is None else f", writer {live.writer}"
    return f"epoch {live.epoch}: primary {live.primary_region}{writer}"


def _copies(spread: Spread) -> str:
    behind = f"; behind: {', '.join(spread.behind)}" if spread.behind else ""
    silent = f"; silent: {'; '.join(spread.silent)}" if spread.silent else ""
    return behind + silent
