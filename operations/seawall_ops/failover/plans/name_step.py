"""The name that clients resolve, moved by the data plane."""

from dataclasses import dataclass

from seawall.errors import StepRefused
from seawall_ops.failover.plans.candidate import require_new_writer
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.servers import NameSwitch, forced_shown
from seawall_ops.failover.plans.standing import Standing, standing_of
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Context, Observation, Seen, Step

__all__ = ["MoveName"]


@dataclass(frozen=True)
class MoveName(Step):
    """Throws the switch, so that the name is answered with the new region whatever the old one's health checks say."""

    handover: Handover
    around: Surroundings
    switch: NameSwitch
    name: str = "name"
    what: str = "answer the service's name with the new region"

    def observe(self, context: Context) -> Observation:
        """Where the switch forces the name to."""
        del context
        region = self.switch.region()
        seen = Seen.AFTER if region == self.handover.new_region else Seen.BEFORE
        return Observation(seen, forced_shown(self.switch, region), {"region": region})

    def precheck(self, context: Context) -> None:
        """The new roles are published, and the new writer takes writes."""
        if standing_of(self.around.live.read(), self.handover, context.operation) is not Standing.PUBLISHED:
            raise StepRefused("the new roles are not published")
        require_new_writer(self.handover, self.around)

    def apply(self, context: Context) -> None:
        """Throw it."""
        del context
        self.switch.force(self.handover.new_region)

    def undo(self, context: Context) -> None:
        """Set it as it was."""
        region = context.prior["region"]
        self.switch.force(None if region is None else str(region))
