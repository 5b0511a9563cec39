"""How far replicas are behind the writer, and whether they follow it, by what one observer saw. Pure.

The lag that counts is the one at the moment when the writer was last seen: what a replica lacks of what the writer had then
is lost when it takes over. What the writer did after that nobody saw; that is up to one interval of checks more.
"""

from collections import deque
from typing import Final, final

from seawall.replicas import Observation
from seawall_ops.failover.votes import MemberState

__all__ = ["Positions"]

MOST_SAMPLES: Final = 128  # of the writer's position: an hour at the seed's interval of 30 s


@final
class Positions:
    """The writer's positions over time, by one observer. Not safe to use from several threads."""

    __slots__ = ("_reported", "_samples", "_writer")

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=MOST_SAMPLES)
        self._writer: tuple[str, Observation] | None = None
        self._reported: dict[str, float] = {}  # by member, of engines without positions: lag when the writer was seen

    def writer_seen(self, name: str, at: float, said: Observation) -> None:
        """The writer answered.

        Args:
            name: The member's.
            at: When it was asked, in the clock's seconds.
            said: What it said.
        """
        known = self._writer
        if known is not None and (known[0], known[1].system_id, known[1].timeline) != (
            name,
            said.system_id,
            said.timeline,
        ):
            self.forget()  # another history
        self._writer = name, said
        if said.position is not None:
            if self._samples and self._samples[-1][1] >= said.position:
                self._samples.pop()  # idle: of equal positions only the latest time says anything
            self._samples.append((at, said.position))

    def forget(self) -> None:
        """Another writer, another history."""
        self._samples.clear()
        self._writer = None
        self._reported.clear()

    def state_of(self, name: str, said: Observation, *, writer_answers: bool) -> MemberState:
        """What a member that answered is to the writer.

        Args:
            name: The member's.
            said: What it said.
            writer_answers: Whether the writer answered in the same round.
        """
        return MemberState(
            writable=not said.in_recovery,
            same_lineage=self._same_lineage(said),
            lag_seconds=self._lag(name, said, writer_answers=writer_answers),
        )

    def _same_lineage(self, said: Observation) -> bool | None:
        """A replica on an earlier timeline may only not know better; one on a later timeline has left."""
        if self._writer is None:
            return None
        writer = self._writer[1]
        if said.system_id is None or writer.system_id is None:
            return None
        if said.system_id != writer.system_id:
            return False
        if said.timeline is None or writer.timeline is None:
            return None
        if said.timeline > writer.timeline:
            return False
        return True if said.timeline == writer.timeline else None

    def _lag(self, name: str, said: Observation, *, writer_answers: bool) -> float | None:
        if said.position is None:
            if writer_answers and said.lag_seconds is not None:
                self._reported[name] = said.lag_seconds
            return self._reported.get(name)
        later: tuple[float, int] | None = None
        for at, written in reversed(self._samples):
            if written <= said.position:
                last = self._samples[-1][0]
                return 0.0 if later is None else last - _between((at, written), later, said.position)
            later = at, written
        return None


def _between(earlier: tuple[float, int], later: tuple[float, int], position: int) -> float:
    """When the writer was at a position between two sightings, as if it had written evenly."""
    (began, low), (ended, high) = earlier, later
    return began + (ended - began) * (position - low) / (high - low)
