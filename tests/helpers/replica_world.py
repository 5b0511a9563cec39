"""A database cluster as it is, for tests of what a router believes of it: histories, servers, and who follows whom.

Positions are bytes of a log; each commit ends at one. A promotion begins a timeline at the replica's position.
"""

from dataclasses import dataclass, field

from seawall.replicas import ConsistencyToken, DatabaseServer, Observation

SYSTEM = 7_712_146_970_279_348_208
COMMIT_BYTES = 64  # no multiple of a page, so that nothing is ever taken for a page header
START = 1024 * 1024


@dataclass
class Timeline:
    """One history: where it came from, and the commits that were made in it, by the position at which each ends."""

    parent: int | None
    fork: int
    commits: dict[int, int] = field(default_factory=dict[int, int])


@dataclass
class Server:
    """One server as it is."""

    name: str
    timeline: int
    position: int
    writes: bool
    up: bool = True
    fork: int | None = None
    tells_timeline: bool = True
    """Whether it says at once which timeline it replays (`pg_monitor`), or only the one it was started in."""
    control_timeline: int = 1


class World:
    """The cluster, and a gauge that measures it.

    Args:
        names: Of the servers; the first one is the writer.
        tells_timeline: See `Server`.
    """

    def __init__(self, names: tuple[str, ...], *, tells_timeline: bool = True) -> None:
        self.timelines = {1: Timeline(None, 0)}
        self.servers = {
            name: Server(name, 1, START, writes=name == names[0], tells_timeline=tells_timeline) for name in names
        }
        self.serial = 0
        self.measured: list[str] = []

    @property
    def writer(self) -> DatabaseServer:
        """The first one, as a router is told of it."""
        return DatabaseServer(next(iter(self.servers)))

    @property
    def readers(self) -> list[DatabaseServer]:
        """The others."""
        return [DatabaseServer(name) for name in list(self.servers)[1:]]

    # The gauge

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What the server says of itself; what is down does not answer."""
        self.measured.append(server.name)
        it = self.servers[server.name]
        if not it.up:
            raise ConnectionRefusedError(f"{server.name} is down")
        if it.writes:
            return Observation(
                in_recovery=False, system_id=SYSTEM, timeline=it.timeline, position=it.position, fork=it.fork
            )
        timeline = it.timeline if it.tells_timeline else it.control_timeline
        return Observation(in_recovery=True, system_id=SYSTEM, timeline=timeline, position=it.position)

    def forget(self, server: DatabaseServer) -> None:
        """There is nothing to close."""

    # What happens

    def commit(self, name: str) -> tuple[int, ConsistencyToken]:
        """Write at that server: the commit's number, and its token. It has to be up, and to take writes."""
        it = self.servers[name]
        assert it.up, f"{name} is down"
        assert it.writes, f"{name} is a replica"
        self.serial += 1
        it.position += COMMIT_BYTES
        self.timelines[it.timeline].commits[it.position] = self.serial
        return self.serial, ConsistencyToken(SYSTEM, it.timeline, it.position)

    def replay(self, name: str, source: str) -> None:
        """Let a replica catch up with a server whose history goes on from its own; else nothing happens."""
        it, of = self.servers[name], self.servers[source]
        if it.writes or not it.up or not of.up or name == source or of.position < it.position:
            return
        if self.reach(of.timeline, it.timeline) >= it.position:
            it.timeline, it.position = of.timeline, of.position

    def promote(self, name: str) -> None:
        """Make a replica a writer, in a timeline of its own."""
        it = self.servers[name]
        assert not it.writes
        new = max(self.timelines) + 1
        self.timelines[new] = Timeline(it.timeline, it.position)
        it.timeline, it.writes, it.fork, it.control_timeline = new, True, it.position, new

    def restart(self, name: str) -> None:
        """End it and start it again: a promoted server forgets where its timeline began."""
        self.servers[name].fork = None

    def rebuild(self, name: str, source: str) -> None:
        """Make it a replica of `source`, with all that `source` has."""
        it, of = self.servers[name], self.servers[source]
        it.timeline, it.position, it.writes, it.up, it.fork = of.timeline, of.position, False, True, None
        it.control_timeline = of.timeline

    # What is true

    def reach(self, timeline: int, ancestor: int) -> int:
        """Up to which position the history of `timeline` is that of `ancestor`; -1: not at all."""
        limit = 2**63
        while timeline != ancestor:
            here = self.timelines[timeline]
            if here.parent is None:
                return -1
            limit = min(limit, here.fork)
            timeline = here.parent
        return limit

    def has(self, name: str) -> set[int]:
        """The numbers of all commits that the server shows."""
        it = self.servers[name]
        return {
            number
            for timeline in self.timelines
            for position, number in self.timelines[timeline].commits.items()
            if position <= min(it.position, self.reach(it.timeline, timeline))
        }
