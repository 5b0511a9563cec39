"""Who the writer is, from what the servers say and what the topology says. Pure; the caller locks.

What holds at all times:

1. At most one server is the writer, and never one that was last seen in recovery.
2. Of two servers that take writes at the same time neither is the writer, unless the topology, or a timeline that is
   strictly later, says which of them is the present one.
3. A server that was the writer and was followed by another one is never the writer again, until it has been seen in
   recovery (it was rebuilt as a replica) or a later epoch of the topology names it.
4. With an authority (an epoch lease) only the topology changes the writer; what the servers say can only stop it.

"At the same time" needs care, because measurements are made one after another: a server that was seen to write *before*
another one began to may have stopped since. It counts only once it has been measured again.
"""

from dataclasses import dataclass, replace
from typing import Final, final

from seawall.replicas._model import Observation

__all__ = ["Roles", "Seen", "Trouble"]

FAILURES_TO_GIVE_UP: Final = 2  # in a row: one lost packet does not make a replica's word count more than the writer's


@dataclass(slots=True)
class Seen:
    """What is known of a server, and since when, in seconds of a monotonic clock."""

    observation: Observation | None = None
    began: float = 0.0
    """When the measurement that gave it began."""
    failures: int = 0
    """In a row, since then."""
    failed_began: float = 0.0
    writes_since: float | None = None
    """When it was first seen to take writes; `None`: it was last seen not to."""
    left: int | None = None
    """The timeline that it was last seen to follow as a replica."""
    replayed: int | None = None
    """How far it was last seen to have replayed."""
    suspected: bool = False
    """Whether a connection to it was lost since it was last measured: it may not be what it was."""

    @property
    def takes_writes(self) -> bool:
        """By its last word, however old that is."""
        return self.observation is not None and not self.observation.in_recovery


class Trouble:
    """Why there is no writer. The texts are parts of error messages."""

    NONE_WRITES: Final = "every server that answers is a replica"
    NOT_PROMOTED: Final = "the topology names {name}, which is still a replica"
    DECIDING: Final = "{name} takes writes since a moment ago, and {other} has not been asked again yet"
    RIVALS: Final = "{names} take writes at the same time"
    STRANGER: Final = "{name} takes writes, but its history does not go on from {other}'s"


def _still(seen: Seen, observation: Observation) -> Observation:
    """The observation, with the timeline that the replica was in already.

    Without a connection to its source a replica can only name an earlier one. It goes back to none while it answers all the
    time and replays on; one that was not reached in between may have been rebuilt.
    """
    before = seen.observation
    if before is None or seen.failures or not (before.in_recovery and observation.in_recovery):
        return observation
    if before.timeline is None or before.system_id != observation.system_id:
        return observation
    if (observation.position or 0) < (before.position or 0) or (observation.timeline or 0) >= before.timeline:
        return observation
    return replace(observation, timeline=before.timeline)


@final
class Roles:
    """The state machine of the writer's role.

    Args:
        writer: Who is the writer by configuration.
        members: All servers' names, that one included.
        epoch: The topology's, at which it was named.
        authority: Whether only the topology says who is the writer.
    """

    __slots__ = (
        "_authority",
        "_demoted",
        "_rivals",
        "current",
        "epoch",
        "generation",
        "members",
        "timeline",
        "trouble",
    )

    def __init__(self, writer: str, members: tuple[str, ...], *, epoch: int = 0, authority: bool = False) -> None:
        self._authority: Final = authority
        self.members: Final[dict[str, Seen]] = {name: Seen() for name in members}
        self.current = writer
        self.epoch = epoch
        self.generation = 0
        self.timeline: int | None = None  # the latest one that the current writer was seen in
        self.trouble: str | None = None
        self._demoted: Final[set[str]] = set()
        self._rivals: Final[set[str]] = set()

    @property
    def writer(self) -> str | None:
        """Who may be written to."""
        return self.current if self.trouble is None else None

    @property
    def rivals(self) -> frozenset[str]:
        """Who is in each other's way: several servers that take writes; else nobody."""
        return frozenset({self.current, *self._rivals}) if self._rivals else frozenset()

    def use(self, members: tuple[str, ...]) -> None:
        """Know exactly these from now on."""
        for name in self.members.keys() - set(members):
            del self.members[name]
            self._demoted.discard(name)
            self._rivals.discard(name)
        for name in members:
            self.members.setdefault(name, Seen())

    def told(self, writer: str, epoch: int) -> None:
        """The topology names the writer. What is not later than what is known changes nothing."""
        if epoch <= self.epoch:
            return
        self.epoch = epoch
        self._rivals.clear()
        self._demoted.discard(writer)
        if writer != self.current:
            self._become(writer)
        self._judge()

    def settle(self, writer: str) -> None:
        """An operator says who of several is the writer."""
        self._rivals.clear()
        self._demoted.discard(writer)
        for name, seen in self.members.items():
            if name != writer and seen.takes_writes:
                self._demoted.add(name)
        if writer != self.current:
            self._become(writer)
        self._judge()

    def observed(self, name: str, observation: Observation, began: float) -> None:
        """A measurement of that server, which began then. Unknown servers are ignored: they were taken away meanwhile."""
        seen = self.members.get(name)
        if seen is None or began < seen.began:
            return
        observation = seen.observation = _still(seen, observation)
        seen.began = began
        seen.failures = 0
        seen.suspected = False
        if observation.in_recovery:
            seen.writes_since = None
            seen.left = observation.timeline
            seen.replayed = observation.position
            self._demoted.discard(name)
            self._rivals.discard(name)
        elif seen.writes_since is None:
            seen.writes_since = began
        self._judge()

    def unmeasured(self, name: str, began: float) -> None:
        """A measurement of that server failed; it began then."""
        seen = self.members.get(name)
        if seen is None or began < seen.began:
            return
        seen.failures += 1
        seen.failed_began = began
        self._judge()

    @property
    def lost(self) -> bool:
        """Whether nobody reaches the current writer."""
        seen = self.members.get(self.current)
        return seen is None or seen.failures >= FAILURES_TO_GIVE_UP

    def _become(self, writer: str) -> None:
        if self.current in self.members:
            self._demoted.add(self.current)
        self._demoted.discard(writer)
        self.current = writer
        self.timeline = None
        self.generation += 1

    def _judge(self) -> None:
        """Find out anew who is the writer, from all that is known."""
        current = self.members.get(self.current)
        if current is not None and current.takes_writes:
            self._note_timeline(current)
        if self._authority:
            waiting = current is not None and current.observation is not None and current.observation.in_recovery
            self.trouble = Trouble.NOT_PROMOTED.format(name=self.current) if waiting else None
            return
        self.trouble = self._contest(current)

    def _note_timeline(self, current: Seen) -> None:
        observation = current.observation
        timeline = observation.timeline if observation is not None else None
        if timeline is None or timeline == self.timeline:
            return
        if self.timeline is not None:
            self.generation += 1  # the same server, promoted anew: connections from before mean nothing
        self.timeline = timeline

    def _contest(self, current: Seen | None) -> str | None:
        others = [
            (name, seen)
            for name, seen in self.members.items()
            if name != self.current and seen.takes_writes and name not in self._demoted
        ]
        for name, seen in list(others):
            if self._is_older(seen, current):  # a former writer that came back
                self._demoted.add(name)
                self._rivals.discard(name)
                others.remove((name, seen))
        if current is None or not self._stands_down(current):
            return self._beside(current, others)
        if not others:
            only_lost = current.observation is None or current.takes_writes
            return None if only_lost else Trouble.NONE_WRITES
        if len(others) > 1:
            self._rivals.update(name for name, _ in others)
            return self._rivalry()
        name, seen = others[0]
        if not self._goes_on(seen):
            return Trouble.STRANGER.format(name=name, other=self.current)
        self._rivals.clear()
        self._become(name)
        self._note_timeline(seen)
        return None

    def _beside(self, current: Seen | None, others: list[tuple[str, Seen]]) -> str | None:
        """The current writer answers, or has not been asked since; others take writes as well."""
        for name, seen in others:
            since = seen.writes_since if seen.writes_since is not None else 0.0
            if current is None or (current.takes_writes and current.began >= since and not current.failures):
                self._rivals.add(name)
        if self._rivals:
            return self._rivalry()
        if others:
            return Trouble.DECIDING.format(name=others[0][0], other=self.current)
        return None

    def _rivalry(self) -> str:
        return Trouble.RIVALS.format(names=" and ".join(sorted(self.rivals)))

    def _stands_down(self, current: Seen) -> bool:
        """Whether the current writer is none any more: in recovery, or nobody reaches it and no rival is about."""
        if current.observation is not None and current.observation.in_recovery:
            self._rivals.clear()
            return True
        return not self._rivals and current.failures >= FAILURES_TO_GIVE_UP

    def _is_older(self, seen: Seen, current: Seen | None) -> bool:
        """Whether its history was left behind by the current writer's."""
        theirs = seen.observation.timeline if seen.observation is not None else None
        ours = self.timeline if current is not None and current.takes_writes else None
        return theirs is not None and ours is not None and theirs < ours

    def _goes_on(self, seen: Seen) -> bool:
        """Whether it can have been promoted from a replica of the current writer."""
        observation = seen.observation
        if observation is None:
            return False
        known = self.members[self.current].observation if self.current in self.members else None
        ours = known.system_id if known is not None else None
        if None not in (ours, observation.system_id) and ours != observation.system_id:
            return False
        if self.timeline is None or observation.timeline is None:
            return True
        return observation.timeline > self.timeline
