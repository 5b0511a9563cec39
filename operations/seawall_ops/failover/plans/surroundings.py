"""What a failover works on: everything that its steps look at and change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.topology import Effective, Topology, merge
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans.places import LiveTopology
from seawall_ops.failover.plans.servers import NameSwitch, Servers
from seawall_ops.steps import Values

__all__ = ["Surroundings"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The board, the live topology, the servers and the switch of one service."""

    board: Board
    live: LiveTopology
    servers: Servers | None = None
    """`None` where there is no database."""
    switch: NameSwitch | None = None
    """`None`: the name follows the health checks by itself."""
    clock: Clock = SYSTEM_CLOCK
    """Monotonic time, for what is waited for."""
    wall: Callable[[], datetime] = _now
    """For `changed_at` alone."""

    def view(self, declared: Topology) -> Effective:
        """Who has which role: as it is declared, and the live document as the arbiter has it.

        Raises:
            PlaceUnavailable: The arbiter does not answer.
        """
        return merge(declared, self.live.read())

    @property
    def inputs(self) -> Values:
        """Part of a plan's inputs: nothing is resumed against other places."""
        return {
            "board": self.board.where,
            "live": self.live.where,
            "servers": None if self.servers is None else self.servers.where,
            "switch": None if self.switch is None else self.switch.where,
        }
