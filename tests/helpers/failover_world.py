"""A simulated service in two regions, its database, and its observers, on one fake clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from seawall.replicas import Observation as Said
from seawall.testing import FakeClock
from seawall.topology import Effective, Live, merge
from seawall.worker import Worker
from seawall_ops.failover.board import Board, BoardUnavailable, Outrun, Stored
from seawall_ops.failover.decision import Act
from seawall_ops.failover.ledger import Operation, OperationState
from seawall_ops.failover.meanings import Outcome
from seawall_ops.failover.observe import Answer, Look
from seawall_ops.failover.observer import Observer
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.votes import Evidence, Subject
from topology_documents import shop

HOME, AWAY, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
STARTED = datetime(2026, 11, 25, tzinfo=UTC)
DAY = 86_400.0
FENCE = 1

POLICY = Policy(cluster="shop-prod", domains=(HOME, AWAY, THIRD))


@dataclass(slots=True)
class MemoryStore:
    """A board in memory: conditional as the real ones, and cut off where a test says so."""

    records: dict[str, Stored] = field(default_factory=dict)
    cut_off: Callable[[], bool] = lambda: False
    where: str = "memory"
    region: str | None = None

    def read(self) -> Mapping[str, Stored]:
        self._ask()
        return dict(self.records)

    def put(self, key: str, stored: Stored, *, over: int | None) -> None:
        self._ask()
        known = self.records.get(key)
        if (None if known is None else known.version) != over:
            raise Outrun(self.where, key)
        self.records[key] = stored

    def delete(self, key: str, *, over: int) -> None:
        self._ask()
        known = self.records.get(key)
        if known is None or known.version != over:
            raise Outrun(self.where, key)
        del self.records[key]

    def _ask(self) -> None:
        if self.cut_off():
            raise BoardUnavailable(self.where, "cut off")


Down = Callable[[str, str, float], bool]
"""Whether a subject (`database/...`) is down as an observer's domain sees it at a time."""


class World:
    """Observers in each domain of a policy, that act by changing roles as a failover would."""

    def __init__(
        self, policy: Policy = POLICY, *, down: Down = lambda *_: False, operation_seconds: float = 60.0
    ) -> None:
        self.policy = policy
        self.clock = FakeClock()
        self.down = down
        self.records: dict[str, Stored] = {}
        self.isolated: set[str] = set()
        self.declared = shop()
        self.live: Live | None = None
        self.acts: list[tuple[float, Act]] = []
        self.operation_seconds = operation_seconds
        self._ends: list[tuple[float, str]] = []
        self.observers: dict[str, Observer] = {}
        self.workers: list[Worker] = []
        for place, domain in enumerate(policy.domains):
            self.start(f"observer-{domain}", domain, after=7.0 * place)

    @property
    def view(self) -> Effective:
        return merge(self.declared, self.live)

    def board(self, domain: str = "") -> Board:
        store = MemoryStore(self.records, lambda: domain in self.isolated)
        return Board(store, self.policy.cluster)

    def start(self, name: str, domain: str, *, after: float = 0.0) -> Observer:
        observer = Observer(
            policy=self.policy,
            board=self.board(domain),
            name=name,
            domain=domain,
            look=lambda view: self.look(view, domain),
            topology=lambda: self.view,
            clock=self.clock,
            wall=lambda: STARTED + timedelta(seconds=self.clock.monotonic()),
            act=self.act,
        )
        worker = Worker(name, clock=self.clock)
        worker.add(observer.vote_round, in_seconds=after)
        worker.add(observer.decide_round, in_seconds=after + 1.0)
        self.observers[name] = observer
        self.workers.append(worker)
        return observer

    def look(self, view: Effective, domain: str) -> Look:
        now = self.clock.monotonic()
        alone = domain in self.isolated
        answers: dict[Subject, Answer] = {}
        for each in view.endpoints:
            subject = Subject(Evidence.SERVICE, each.name)
            lost = alone or self.down(str(subject), domain, now)
            answers[subject] = Answer(Outcome.TIMED_OUT if lost else Outcome.ANSWERED)
        database = view.declared.database
        assert database is not None
        for each in database.members:
            subject = Subject(Evidence.DATABASE, each.name)
            if alone or self.down(str(subject), domain, now):
                answers[subject] = Answer(Outcome.TIMED_OUT)
            else:
                writer = view.writer is not None and view.writer.name == each.name
                said = Said(in_recovery=not writer, system_id=7, timeline=1, position=int(now) * 1000)
                answers[subject] = Answer(Outcome.ANSWERED, said=said, asked_at=now)
        return Look(answers, {"own region": True})

    def act(self, act: Act) -> None:
        """What the failover's steps do, as far as a decision sees them."""
        operation = Operation(
            id=f"op-{len(self.acts) + 1}",
            opened_by="test",
            automatic=True,
            fence=FENCE,
            epoch=act.target.epoch,
            target=str(act.target),
            reason="the test",
        )
        self.board().change(lambda ledger: ledger.opened(operation))
        self.acts.append((self.clock.monotonic(), act))
        self.live = Live(
            service=self.declared.service,
            environment=self.declared.environment,
            epoch=act.target.epoch + 1,
            primary_region=act.target.region,
            writer=act.target.writer,
            changed_at=STARTED,
            reason="the test",
        )
        self._ends.append((self.clock.monotonic() + self.operation_seconds, operation.id))

    def run(self, seconds: float) -> None:
        """Let time pass from event to event."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            pause = min(worker.run_due() for worker in self.workers)
            self.clock.advance(min(max(pause, 0.001), end - self.clock.monotonic()))
            for each in [each for each in self._ends if each[0] <= self.clock.monotonic()]:
                self._ends.remove(each)
                self.board().change(lambda ledger, id_=each[1]: ledger.ended(id_, OperationState.DONE, fence=FENCE))


def with_policy(**changes: object) -> Policy:
    """The usual policy with other values."""
    return replace(POLICY, **changes)  # type: ignore[arg-type]
