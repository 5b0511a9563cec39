"""The router against a cluster that is replicated, killed, promoted, rebuilt and cut off at random.

The invariants, in words:

1. A write is never sent to a server that was last measured to be a replica, nor to a former writer once a later timeline
   has been followed.
2. A read never shows less than its session has written, whichever server answers it: unless the session has been told
   `WriteLost`, once, for what is missing.
3. What is called lost for certain is not in the history of the server that is the writer now.
4. A unit of work reads from one server.
5. When every server has been measured, and exactly one of them takes writes, and it is in the latest timeline, and nobody
   else was seen to take writes beside it, then writes go there.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replica_world import World
from seawall.errors import NoReaderAvailable, NoWriterAvailable, WriteLost
from seawall.replicas import (
    DatabaseServer,
    FallbackPolicy,
    LagPolicy,
    ReaderState,
    ReadYourWrites,
    ReplicaRouter,
    StatementKind,
    consistency_scope,
)

NAMES = ("a", "b", "c")
SESSIONS = 3
NO_TIME = 1e-6  # nothing is worth waiting for here: nobody measures meanwhile
servers = st.sampled_from(NAMES)
sessions = st.integers(0, SESSIONS - 1)


class Clock:
    """Goes on by itself, a little with each look, so that a wait ends."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        self.seconds += NO_TIME
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class RouterMachine(RuleBasedStateMachine):
    """What can happen to a cluster, and to a router beside it."""

    @initialize(tells_timeline=st.booleans())
    def begin(self, tells_timeline: bool) -> None:
        self.clock = Clock()
        self.world = World(NAMES, tells_timeline=tells_timeline)
        self.router = ReplicaRouter(
            self.world.writer,
            self.world.readers,
            gauge=self.world,
            consistency=ReadYourWrites(wait_seconds=0.0),
            lag=LagPolicy(timeout_seconds=NO_TIME, verdict_ttl_seconds=5.0),
            fallback=FallbackPolicy(max_share_ratio=1.0, max_concurrent=None),
            clock=self.clock,
            random=lambda: 0.5,
        )
        self.scopes = []
        for _ in range(SESSIONS):
            with consistency_scope() as scope:
                self.scopes.append(scope)
        self.written = [dict[int, int]() for _ in range(SESSIONS)]  # number of the commit: its timeline
        self.said = dict[str, bool]()  # whether the last measurement found a replica
        self.followed = 1  # the latest timeline of a server that was written to
        self.quarrel = False
        self.epoch = 0
        self.measure_all()

    # The cluster

    @rule(name=servers, source=servers)
    def replay(self, name: str, source: str) -> None:
        self.world.replay(name, source)

    @rule(name=servers)
    def kill(self, name: str) -> None:
        self.world.servers[name].up = False

    @rule(name=servers)
    def start(self, name: str) -> None:
        if not self.world.servers[name].up:
            self.world.servers[name].up = True
            self.world.restart(name)

    @rule(name=servers)
    def promote(self, name: str) -> None:
        server = self.world.servers[name]
        if server.up and not server.writes:
            self.quarrel = self.quarrel or any(each.writes and each.up for each in self.world.servers.values())
            self.world.promote(name)

    @rule(name=servers, source=servers)
    def rebuild(self, name: str, source: str) -> None:
        """It takes longer than one measurement does."""
        if name != source and self.world.servers[source].up:
            self.world.servers[name].up = False
            self.measure(name)
            self.world.rebuild(name, source)

    # What the router learns

    @rule(name=servers)
    def measure(self, name: str) -> None:
        self.router.measure(name)
        if self.world.servers[name].up:
            self.said[name] = not self.world.servers[name].writes

    @rule()
    def measure_all(self) -> None:
        for _ in range(3):
            for name in NAMES:
                self.measure(name)

    @rule(seconds=st.floats(0.0, 4.0))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(name=servers)
    def tell(self, name: str) -> None:
        """Operations name a writer that takes writes, and is in the latest timeline."""
        server = self.world.servers[name]
        if server.writes and server.timeline == max(self.world.timelines):
            self.epoch += 1
            others = [DatabaseServer(each) for each in NAMES if each != name]
            self.router._core.told(DatabaseServer(name), others, self.epoch)

    # What apps do

    @rule(session=sessions)
    def write(self, session: int) -> None:
        try:
            route = self.router.pick_writer()
        except NoWriterAvailable:
            return
        name = route.server.name
        server = self.world.servers[name]
        assert not self.said.get(name, False), "1: it was last measured to be a replica"
        if not server.up or not server.writes:
            self.router.suspect(name if not server.up else None)
            return
        assert server.timeline >= self.followed, "1: a later timeline has been followed"
        self.followed = server.timeline
        number, token = self.world.commit(name)
        self.written[session][number] = token.timeline
        self.scopes[session].note(token)

    @rule(session=sessions)
    def read(self, session: int) -> None:
        with consistency_scope() as scope:
            scope.tokens.positions = self.scopes[session].tokens.positions
            try:
                route = self.router.pick_reader()
            except (NoReaderAvailable, NoWriterAvailable):
                return
            except WriteLost as error:
                self.lost(session, error)
                return
        if not self.world.servers[route.server.name].up:
            route.failure(ConnectionError())
            self.router.suspect(route.server.name)
            return
        route.success()
        missing = self.written[session].keys() - self.world.has(route.server.name)
        assert not missing, f"2: {route.server.name} lacks {missing}"

    def lost(self, session: int, error: WriteLost) -> None:
        tokens = [each for each in self.scopes[session].tokens.positions if str(each) == error.token]
        assert len(tokens) == 1
        if error.certain:
            writer = self.router._core.standing.current
            last = max(number for number, timeline in self.written[session].items() if timeline == tokens[0].timeline)
            assert last not in self.world.has(writer), "3: the writer has it"
        self.scopes[session].drop(tokens[0])
        kept = {number: at for number, at in self.written[session].items() if at != tokens[0].timeline}
        self.written[session] = kept

    @rule(session=sessions, reads=st.integers(1, 4))
    def unit(self, session: int, reads: int) -> None:
        """Whatever else happens, a unit stays where it read first."""
        with consistency_scope() as scope:
            scope.tokens.positions = self.scopes[session].tokens.positions
            unit = self.router.unit()
            try:
                first = unit.route(StatementKind.READ)
            except (NoReaderAvailable, NoWriterAvailable, WriteLost):
                return
            for _ in range(reads):
                self.clock.advance(0.1)
                assert unit.route(StatementKind.READ).server is first.server, "4: another server in the middle"
            unit.close()

    @precondition(lambda self: hasattr(self, "router"))
    @invariant()
    def follows(self) -> None:
        writers = [each for each in self.world.servers.values() if each.writes]
        if self.quarrel or len(writers) != 1 or not writers[0].up or writers[0].timeline != max(self.world.timelines):
            return
        if any(each.writes for each in self.world.servers.values() if each is not writers[0]):
            return
        self.measure_all()
        assert self.router.snapshot().writer == writers[0].name, f"5: {self.router.snapshot().trouble}"
        state = {each.server.name: each.state for each in self.router.snapshot().servers}
        assert state[writers[0].name] is ReaderState.WRITER


TestRouter = RouterMachine.TestCase
TestRouter.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
