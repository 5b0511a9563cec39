"""Observers and votes of one simulated service with real actors: the plan's world fails over as its steps say, on one clock.

The votes are `failover_world`'s, the servers, places and the name are `failover_plan_world`'s. While a step waits, votes and
decisions go on. What is down is silent to whoever acts, too.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from failover_plan_world import NEW, TTL, Json, Servers
from failover_plan_world import World as PlanWorld
from failover_world import World as Votes
from seawall.topology import Effective, merge
from seawall.worker import Worker
from seawall_ops.audit import Trail
from seawall_ops.failover.decision import Act
from seawall_ops.failover.ledger import Ledger, OperationState
from seawall_ops.failover.operating import Operating
from seawall_ops.failover.plans.acting import Actor
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.settings import Settings
from seawall_ops.lease import FREE, Arbitrated, Lease, LeaseRecord, MemoryLeaseStore
from seawall_ops.places import audit_file, operations_folder
from seawall_ops.steps import FileJournals

NAP_SECONDS = 15.0  # a promotion that hangs for hours, asked every second, would be most of the test's time


class WavingServers(Servers):
    """Servers that nobody reaches while they are down."""

    def __init__(self, world: PlanWorld, reached: Callable[[str], bool]) -> None:
        super().__init__(world)
        self.reached = reached
        self.calls: list[tuple[str, str]] = []

    def _reached(self, member: str) -> Json:
        self._world.set(**{f"servers__{member.replace('-', '_')}__reachable": self.reached(member)})
        return super()._reached(member)

    def _set(self, member: str, what: str, **values: object) -> None:
        super()._set(member, what, **values)
        self.calls.append((what, member))


class ActingVotes(Votes):
    """A day of votes whose decisions are acted on by an `Actor` beside each observer.

    Args:
        folder: For the plan's world, journals and the record; `SEAWALL_STATE` is in it.
        policy: By which is decided.
    """

    def __init__(self, folder: Path, policy: Policy) -> None:
        self.plan = PlanWorld(folder)
        self.plan.set(servers__us_east_1=dict(self.plan.read()["servers"][NEW]))
        super().__init__(policy)
        self.servers = WavingServers(self.plan, lambda member: not self._down_to_actors(member))
        self._leases = MemoryLeaseStore()
        record = LeaseRecord(holder=FREE, fence=0, ttl_seconds=TTL, write="first")
        self._leases.create(f"failover-{policy.cluster}", record)
        self._renewing = Worker("renewals", clock=self.clock)
        self.workers.append(self._renewing)
        self._actors: dict[str, Actor] = {}
        self._due = 0.0

    @property
    def view(self) -> Effective:
        return merge(self.declared, self.plan.live())

    @property
    def ledger(self) -> Ledger:
        return self.board().read().ledger

    @property
    def promotions(self) -> list[str]:
        return [member for what, member in self.servers.calls if what == "promote"]

    def writes(self, subject: str) -> bool:
        """Whether it is a server that takes writes, whatever the roles say."""
        server = self.plan.read()["servers"].get(subject.removeprefix("database/"))
        return bool(server and server["writes"])

    @contextmanager
    def acting(self) -> Iterator[None]:
        """With an actor beside each observer."""
        found = Settings(
            policy=self.policy, board="memory", references=(), operating=Operating(epoch_lease_seconds=TTL)
        )  # fmt: skip
        with ExitStack() as ending:
            for name in self.observers:
                trail = ending.enter_context(Trail(audit_file()))
                self._actors[name] = Actor(
                    found=found,
                    around=self.plan.surroundings(board=self.board(), servers=self.servers, clock=self.clock),
                    topology=lambda: self.view,
                    name=name,
                    lease=Lease(
                        self._leases, f"failover-{self.policy.cluster}", holder=name, arbitrates=Arbitrated(),
                        worker=self._renewing, clock=self.clock, wall=self.clock.monotonic, sleep=self.sleep,
                    ),
                    journals=FileJournals(operations_folder()),
                    kept=KeptHandovers(operations_folder()),
                    trail=trail,
                    clock=self.clock,
                    sleep=self.sleep,
                )  # fmt: skip
            yield

    def act(self, act: Act) -> None:
        """Tell the actors, as if all observers had decided it at once."""
        self.acts.append((self.clock.monotonic(), act))
        for actor in self._actors.values():
            actor.act(act)

    def run(self, seconds: float) -> None:
        """Let time pass; actors have their rounds as often as decisions are made."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            if self.clock.monotonic() >= self._due:
                self._due = self.clock.monotonic() + min(actor.round() for actor in self._actors.values())
            self._votes(min(end, self._due))

    def sleep(self, seconds: float) -> None:
        """What a step waits, at least `NAP_SECONDS`: the observers go on meanwhile."""
        self._votes(self.clock.monotonic() + max(seconds, NAP_SECONDS))

    def _votes(self, until: float) -> None:
        while self.clock.monotonic() < until:
            pause = min(worker.run_due() for worker in self.workers)
            step = min(max(pause, 0.001), until - self.clock.monotonic())
            self.clock.advance(max(step, 0.0))
            self.plan.sleep(step)

    def _down_to_actors(self, member: str) -> bool:
        """Whoever acts sees what the third domain sees, which neither loses the writer nor gets it."""
        return self.down(f"database/{member}", self.policy.domains[-1], self.clock.monotonic())


def done(ledger: Ledger) -> int:
    """How many operations have come to their end."""
    return sum(each.state is OperationState.DONE for each in ledger.operations)
