"""The histories that the database has gone through, and whether a position is in the present one. Pure.

PostgreSQL's rule: a promotion ends the timeline that the replica had followed at the position up to which it had
replayed (the fork), and begins another one there. What the old timeline has beyond the fork is not in the new one.

What holds at all times:

1. `holds` answers YES only if every fork between the token's timeline and the present one lies at or behind the token.
2. It answers NO only if one of them is known to lie before it.
3. A fork that is known only between two bounds never makes either answer wrong: between the bounds it is UNKNOWN.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from seawall.replicas._tokens import LARGEST_LSN, ConsistencyToken, format_lsn

__all__ = ["Fork", "Held", "Lineage"]

MOST_FORKS: Final = 16  # promotions that are remembered; tokens are minutes old, promotions months apart


class Held(Enum):
    """Whether a write is in a history."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a timeline was left: at `low` or later, and at `high` or earlier. The same number where it is known."""

    low: int
    high: int

    def __str__(self) -> str:
        if self.low == self.high:
            return format_lsn(self.low)
        high = "an unknown position" if self.high == LARGEST_LSN else format_lsn(self.high)
        return f"between {format_lsn(self.low)} and {high}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The present history of one cluster, and where each earlier one was left for it."""

    system_id: int
    timeline: int
    forks: tuple[tuple[int, Fork], ...] = ()
    """Earlier timelines that are known to lead here, oldest first, with where each was left."""

    def promoted(self, timeline: int, fork: Fork, *, left: int) -> "Lineage":
        """The lineage after a replica that followed `left` was promoted to `timeline`.

        Where `left` is not the present timeline, what was known of the timelines after it leads nowhere any more.
        """
        kept = tuple((each, where) for each, where in self.forks if each < left)
        return replace(self, timeline=timeline, forks=(*kept, (left, fork))[-MOST_FORKS:])

    def holds(self, token: ConsistencyToken) -> Held:
        """Whether what was written before `token` is in the present history. Of another cluster nothing is known."""
        if token.system_id != self.system_id or token.timeline > self.timeline:
            return Held.UNKNOWN
        if token.timeline == self.timeline:
            return Held.YES
        return self._before(token.timeline, token.lsn)

    def shares(self, timeline: int, lsn: int) -> Held:
        """Whether a server that has replayed `timeline` up to `lsn` has seen nothing but the present history."""
        return self.holds(ConsistencyToken(self.system_id, timeline, lsn))

    def _before(self, timeline: int, lsn: int) -> Held:
        later = [where for each, where in self.forks if each >= timeline]
        if not any(each == timeline for each, _ in self.forks):
            # It led here through timelines that nobody told us of, or not at all. A later fork that lies before the
            # position still settles it: all that followed began there.
            return Held.NO if any(lsn > where.high for where in later) else Held.UNKNOWN
        if all(lsn <= where.low for where in later):
            return Held.YES
        return Held.NO if any(lsn > where.high for where in later) else Held.UNKNOWN

    def parting(self, token: ConsistencyToken) -> str:
        """Why the token's write is not, or not known to be, in the present history."""
        for each, where in self.forks:
            if each >= token.timeline and token.lsn > where.low:
                return f"timeline {self.timeline} goes back to timeline {each} at {where}"
        return f"nothing is known of how timeline {self.timeline} came from timeline {token.timeline}"


def grown(
    lineage: Lineage | None,
    system_id: int,
    timeline: int,
    *,
    fork: int | None,
    left: int | None,
    bounds: tuple[int, int],
) -> Lineage:
    """The lineage, now that the writer has been seen in `timeline`.

    Args:
        lineage: As it was known before; `None`: nothing was.
        system_id: The writer's cluster.
        timeline: Where it writes.
        fork: Where that timeline began, if the writer knows.
        left: The timeline that it was last seen to follow as a replica, or an earlier one; `None`: it never was.
        bounds: Where the fork lies in any case: how far it was last seen to have replayed, and how far it has written now.
    """
    if lineage is not None and (lineage.system_id, lineage.timeline) == (system_id, timeline):
        return lineage
    low, high = bounds if fork is None else (fork, fork)
    before = timeline - 1
    if lineage is None or lineage.system_id != system_id or lineage.timeline > timeline:
        lineage = Lineage(system_id, before)
    if before == 0:
        return Lineage(system_id, timeline)
    if left == before or before == 1:
        return lineage.promoted(timeline, Fork(low, high), left=before)
    # It may have left any timeline since `left`: what is in all of them up to the earliest way out is in any case.
    since = left if left is not None else before
    lows = [where.low for each, where in lineage.forks if each >= since]
    certain = left is not None and left <= lineage.timeline
    return lineage.promoted(timeline, Fork(min([low, *lows]) if certain else 0, high), left=since)
