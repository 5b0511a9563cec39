"""A failover that is begun, killed, resumed and undone at will, while the world around it changes.

What holds at all times, whatever is done in whatever order:

1. There are never two unfenced writers: while an app may write to the old writer, the new one takes no writes.
2. The name never moves before the new writer has taken a write, and apps are never sent to one that takes none.
3. No place of the live topology goes back to an earlier epoch, and what somebody else has published is never written over.
4. Nothing is undone once the candidate may have been promoted.
5. A writer that does not answer counts as one that writes, until nobody can have its epoch any more.
6. The ledger has at most one open operation, and one with a lower fence than it has seen changes nothing.

1 to 3 are judged by the world at every change; the others after every rule. In the end, when everything answers again, each
operation can be brought to an end by resuming it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crash_points import Bomb, Crash
from failover_plan_case import HANDOVER, armed_operation
from failover_plan_world import ARBITER, NEW, OLD, STARTED, World
from seawall.errors import InvalidInput, SeawallError
from seawall.topology import dump
from seawall_ops.failover.ledger import OperationState
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.failover.plans.standing import announced
from seawall_ops.steps import Operation, Result

OPERATION = "failover-model"
RARELY = 8
POINTS = 220  # above those of a run with everything answering


@dataclass
class Lease:
    """Held, until somebody else takes it."""

    fence: int
    lost: bool = False

    def check(self) -> None:
        if self.lost:
            raise InvalidInput("lease", "lost", allowed="held")


class Failovers(RuleBasedStateMachine):
    """One operation, many processes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="seawall-model-")
        self.path = Path(self.folder.name)
        self.world = World(self.path)
        self.world.set(servers__eu_west_1__position=1200)
        self.fence = 1
        self.ended: str | None = None
        self.foreign = False
        self.handover = Handover(**{**HANDOVER, "lag_accepted_because": "2 of 3 domains knew it"})

    def teardown(self) -> None:
        try:
            if not self.foreign:
                self._heal()
                self._resumed_to_an_end()
        finally:
            World.kept.pop(self.world.path, None)
            self.folder.cleanup()

    # ---- processes

    def _operation(self, bomb: Bomb, lease: Lease) -> Operation:
        world = World(self.path, bomb)
        plan = failover_plan(self.handover, world.surroundings())
        return armed_operation(plan, world, bomb, named=OPERATION, guard=lease)

    def _take(self, verb: str, at: int) -> Result | None:
        """Run, resume or undo in a process that dies at that point, if it gets so far."""
        self.fence += 1
        operation = self._operation(Bomb(at), Lease(self.fence))
        journal = operation.journal()
        promoted = self.world.read()["servers"][NEW]["writes"]
        try:
            if journal is None:
                result = operation.run() if verb != "undo" else None
            else:
                result = operation.undo("the model says so") if verb == "undo" else operation.resume()
        except Crash:
            return None
        except InvalidInput as refusal:
            refused = str(refusal)
            assert "no way back" in refused
            return None
        if verb == "undo" and promoted:
            assert result is None or result.end != "undone", "undone past the point of no return"
        if result is not None and result.end in ("done", "undone"):
            self.ended = result.end
        return result

    @precondition(lambda self: self.ended is None)
    @rule(at=st.integers(1, POINTS))
    def run_or_resume_and_die(self, at: int) -> None:
        """A process that is killed."""
        self._take("resume", at)

    @precondition(lambda self: self.ended is None)
    @rule()
    def run_or_resume(self) -> None:
        """One that is not."""
        self._take("resume", 0)

    @precondition(lambda self: self.ended is None)
    @rule(at=st.integers(0, POINTS))
    def undo(self, at: int) -> None:
        """Somebody changes their mind."""
        self._take("undo", at)

    @precondition(lambda self: self.ended is None)
    @rule(at=st.integers(1, POINTS))
    def an_old_holder_wakes_up(self, at: int) -> None:
        """Its fence is behind what the journal and the ledger have seen: it changes nothing."""
        operation = self._operation(Bomb(at), Lease(0))
        if operation.journal() is None:
            return
        before = self.world.read()
        kept = {name: before[name] for name in ("servers", "places", "board", "switch")}
        text = str(kept)
        try:
            operation.resume()
        except InvalidInput as refusal:
            refused = str(refusal)
            assert "fence" in refused
        except Crash:
            pass
        after = self.world.read()
        assert str({name: after[name] for name in kept}) == text

    # ---- the world

    @initialize(cut_off=st.booleans(), alive=st.booleans())
    def it_begins(self, cut_off: bool, alive: bool) -> None:
        """Well, or as a failover mostly finds it: else too few examples come to the wait for epochs."""
        self.world.set(servers__eu_west_1__alive=alive)
        if cut_off:
            self.the_old_region_is_cut_off_with_its_apps(0.0)

    @rule(seconds=st.floats(0.0, 40.0))
    def the_old_region_is_cut_off_with_its_apps(self, seconds: float) -> None:
        """The partition that self-fencing is for: from the arbiter, and from whoever operates."""
        self.world.sleep(0.0)
        self.world.set(servers__eu_west_1__reachable=False, silent=[OLD], app_reads=False)
        self.world.sleep(seconds)

    @rule(reachable=st.booleans())
    def the_old_region_is_cut_off_or_back(self, reachable: bool) -> None:
        """For whoever operates."""
        self.world.set(servers__eu_west_1__reachable=reachable, silent=[] if reachable else [OLD])

    @rule(reads=st.booleans())
    def apps_there_reach_the_arbiter_or_not(self, reads: bool) -> None:
        """Their lease runs out while they do not."""
        self.world.sleep(0.0)
        self.world.set(app_reads=reads)

    @rule(alive=st.booleans())
    def the_old_writer_dies_or_returns(self, alive: bool) -> None:
        """It returns as what it was: a writer."""
        self.world.set(servers__eu_west_1__alive=alive)

    @precondition(lambda self: not self.world.read()["servers"][NEW]["writes"])
    @rule()
    def the_fence_is_lost(self) -> None:
        """By a restart with other settings, or by somebody's hand."""
        self.world.set(servers__eu_west_1__fenced=False)

    @rule(reachable=st.booleans())
    def the_candidate_is_silent_or_back(self, reachable: bool) -> None:
        """A question without an answer is no answer."""
        self.world.set(servers__eu_central_1__reachable=reachable)

    @rule(silent=st.booleans())
    def the_arbiter_is_silent_or_back(self, silent: bool) -> None:
        """Nothing that counts can be published then."""
        self.world.set(silent=[ARBITER] if silent else [])

    @rule(seconds=st.floats(0.1, 100.0))
    def time_passes(self, seconds: float) -> None:
        """Between two processes."""
        self.world.sleep(seconds)

    @rule(replays=st.booleans())
    def the_candidate_replays_or_not(self, replays: bool) -> None:
        """Without that nothing is promoted while the old writer can still say what it has."""
        self.world.set(replays=replays)

    @precondition(lambda self: not self.foreign and self.ended is None)
    @rule(chance=st.integers(1, RARELY))
    def somebody_else_publishes(self, chance: int) -> None:
        """By hand, past the lease: a later epoch that is not ours. Rarely, since nothing can be brought to an end after it."""
        if chance < RARELY:
            return
        live = self.world.live()
        later = announced(self.handover, "by-hand", STARTED)
        later = replace(later, epoch=max(later.epoch, (live.epoch if live else 0)) + 5, writer=OLD)
        self.world.set(**{f"places__{ARBITER.replace('-', '_')}": dump(later)})
        self.foreign = True

    # ---- what holds

    @invariant()
    def nothing_is_broken(self) -> None:
        """1, 2 and 3, judged at each change."""
        assert self.world.read()["broken"] == []

    @invariant()
    def one_operation_is_open(self) -> None:
        """4 and 6, as the ledger has it."""
        operations = self.world.ledger.operations
        assert sum(each.state is OperationState.OPEN for each in operations) <= 1
        if any(each.state is OperationState.UNDONE for each in operations):
            assert not self.world.read()["servers"][NEW]["writes"]

    @invariant()
    def what_somebody_else_has_published_stands(self) -> None:
        """3."""
        if self.foreign:
            live = self.world.live()
            assert live is not None
            assert live.reason.startswith("by-hand")

    # ---- the end

    def _heal(self) -> None:
        self.world.set(
            silent=[],
            app_reads=True,
            replays=True,
            servers__eu_west_1__alive=True,
            servers__eu_west_1__reachable=True,
            servers__eu_central_1__reachable=True,
        )

    def _resumed_to_an_end(self) -> None:
        for _ in range(3):
            if self.ended is not None:
                break
            try:
                self._take("resume", 0)
            except SeawallError as error:
                raise AssertionError(f"it cannot be brought to an end: {error}") from error
        assert self.ended is not None
        assert self.world.read()["broken"] == []


TestFailovers = Failovers.TestCase
TestFailovers.settings = settings(
    max_examples=250,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
