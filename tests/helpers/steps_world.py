"""A small world of state, in SQLite so that processes share it, and a failover-like plan that changes it.

What must always hold, and is kept by the world itself: each write counts, so a step that is applied twice shows.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crash_points import Bomb, armed
from seawall_ops.audit import AuditFile, Record, Trail, verify
from seawall_ops.audit import Result as AuditResult
from seawall_ops.steps import (
    Context,
    Observation,
    Operation,
    Plan,
    Seen,
    Step,
    Timeouts,
    confirmed_by_name,
)
from seawall_ops.steps import Result as StepsResult

OPERATION = "move-1"
AUDIT = "audit.jsonl"
BEFORE = {"fence": "open", "writer": "eu-west-1", "dns": "eu-west-1", "dns-ttl": "60", "replicas": "2"}
POLLING = Timeouts(poll_seconds=0.01)  # the other times are long: a slow machine must not look like a failure


class World:
    """Named values, and how often each was written."""

    def __init__(self, folder: Path, bomb: Bomb | None = None) -> None:
        self.path = folder / "world.sqlite"
        self.bomb = bomb or Bomb()
        if not self.path.exists():
            with self._open() as database:
                database.execute("create table if not exists things (name text primary key, value text, writes int)")
                database.executemany("insert or ignore into things values (?, ?, 0)", BEFORE.items())

    def get(self, name: str) -> str:
        with self._open() as database:
            return str(database.execute("select value from things where name = ?", (name,)).fetchone()[0])

    def put(self, name: str, value: str) -> None:
        self.bomb.tick("before write")
        with self._open() as database:
            database.execute("update things set value = ?, writes = writes + 1 where name = ?", (value, name))
        self.bomb.tick("after write")

    def values(self) -> dict[str, str]:
        with self._open() as database:
            return dict(database.execute("select name, value from things"))

    def writes(self) -> int:
        with self._open() as database:
            return int(database.execute("select sum(writes) from things").fetchone()[0])

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, isolation_level="IMMEDIATE")) as database:
            database.execute("pragma synchronous = off")  # the process dies here, not the machine
            with database:
                yield database


@dataclass
class Patch(Step):
    """Sets values, one write each: between two of them it is partly applied."""

    world: World
    name: str
    wanted: dict[str, str]
    no_return: bool = False
    what: str = "set values"
    timeouts: Timeouts = POLLING
    calls: list[str] = field(default_factory=list)

    def observe(self, context: Context) -> Observation:
        now = {name: self.world.get(name) for name in self.wanted}
        shown = ", ".join(f"{name} is {value}" for name, value in now.items())
        if now == self.wanted:
            return Observation(Seen.AFTER, shown, now)
        before = context.prior or now
        return Observation(Seen.BEFORE if now == before else Seen.PARTLY, shown, now)

    def apply(self, context: Context) -> None:
        self.calls.append("apply")
        for name, value in self.wanted.items():
            context.check()
            if self.world.get(name) != value:
                self.world.put(name, value)

    def undo(self, context: Context) -> None:
        self.calls.append("undo")
        for name, value in context.prior.items():
            context.check()
            if self.world.get(name) != value:
                self.world.put(name, str(value))


def plan_of(world: World, *, no_return: bool) -> Plan:
    """Scale, fence, promote (which cannot be taken back, if so wanted), and move the name in two writes."""
    steps = (
        Patch(world, "scale", {"replicas": "6"}),
        Patch(world, "fence", {"fence": "closed"}),
        Patch(world, "promote", {"writer": "eu-central-1"}, no_return=no_return),
        Patch(world, "dns", {"dns-ttl": "10", "dns": "eu-central-1"}),
    )
    return Plan(name="move", version=1, steps=steps, inputs={"to": "eu-central-1"}, summary="Move the writer")


AFTER = {"fence": "closed", "writer": "eu-central-1", "dns": "eu-central-1", "dns-ttl": "10", "replicas": "6"}


def make(folder: Path, bomb: Bomb, *, no_return: bool) -> Operation:
    plan, journals = armed(plan_of(World(folder, bomb), no_return=no_return), folder, bomb)
    return Operation(
        plan,
        id=OPERATION,
        folder=folder,
        journals=journals,
        confirm=confirmed_by_name(OPERATION),
        trail=Trail(folder / AUDIT) if bomb.files else None,
        told=lambda _fact: bomb.tick("after record"),
    )


def operation(folder: Path, bomb: Bomb) -> Operation:
    """The case of `crash_points`, with a point of no return."""
    return make(folder, bomb, no_return=True)


def settled(folder: Path, result: StepsResult) -> None:
    """Done is all of it, undone is nothing of it; there is no third. The record is whole, and ends as the result does."""
    values = World(folder).values()
    assert values == {"done": AFTER, "undone": BEFORE}[result.end], (result, values)
    if (folder / AUDIT).exists():
        found = [each for _, each in AuditFile(folder / AUDIT).read()]
        assert verify(found) == ()
        assert isinstance(found[-1], Record)
        assert isinstance(found[-1].fact, AuditResult)
        assert found[-1].fact.end == result.end
