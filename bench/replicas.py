"""Reading at replicas, in one run: what a decision costs, what routing adds to a statement, and what an app is told when
servers are hurt, beside psycopg's multi-host connection strings and advanced-alchemy's routing.

All on one real PostgreSQL server and two replicas on this machine. Microseconds are the quietest of many interleaved
rounds. Exit status 1 when a promise below is missed. Run by `make bench`, or alone: `.venv/bin/python bench/replicas.py`.
"""

import logging
import math
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import _measure as measure
import psycopg
from _replica_load import CONTESTANTS, INSERT, ORDERS, Told, load, silently_lost
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert, text
from sqlalchemy.orm import Session

from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from seawall.replicas import (
    ConsistencyToken,
    DatabaseServer,
    Observation,
    ReplicaRouter,
    StatementKind,
    consistency_scope,
)
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas
from seawall.replicas_sqlalchemy import EngineFleet, RoutingSession

# Promises of this project.
MOST_DECISION: Final = 2.0  # us
MOST_READ: Final = 5.0  # us that routing adds to a SELECT 1 through SQLAlchemy
MOST_TRIPS: Final = 1.0  # round trips that it adds to an insert and its commit
MOST_FOLLOW: Final = 1.0  # s from when a replica is told to take over to the next write

ROUNDS: Final = 40
DECISIONS: Final = 2000
STATEMENTS: Final = 5  # short rounds: some of them fall between the neighbors' load
STATEMENT_ROUNDS: Final = 400
SECONDS: Final = 2.0  # of load per fault
HURT_AFTER_SECONDS: Final = 0.5
ASKED_AGAIN: Final = 300  # of the lost orders

console = Console(width=120)
missed: list[str] = []


def hold(name: str, value: float, most: float, unit: str = "us") -> None:
    """Compare a figure with its promise."""
    verdict = "[green]kept[/]" if value <= most else "[red]missed[/]"
    console.print(f"  {name}: {value:.2f} {unit}, at most {most:g}: {verdict}")
    if value > most:
        missed.append(f"{name} is {value:.2f} {unit}, above {most:g}")


# ---- a decision


class InStep:
    """A gauge of replicas that are always in step; nobody is asked."""

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """The same for ever."""
        del timeout_seconds
        return Observation(in_recovery=server.name != "writer", system_id=1, timeline=1, position=1000)

    def forget(self, server: DatabaseServer) -> None:
        """It keeps nothing."""


def decisions() -> None:
    """What it costs to choose a server."""
    servers = [DatabaseServer(name) for name in ("writer", "one", "two", "three")]
    router = ReplicaRouter(servers[0], servers[1:], gauge=InStep())
    router.measure()

    def statement() -> None:
        unit = router.unit()
        unit.route(StatementKind.READ)
        unit.close()

    best = measure.fastest_kept(
        {"a read": router.pick_reader, "a write": router.pick_writer}, rounds=ROUNDS, calls=DECISIONS
    )
    with consistency_scope(token_at_readers(router)):
        best |= measure.fastest_kept({"a read, after a write": router.pick_reader}, rounds=ROUNDS, calls=DECISIONS)
    whole = measure.fastest({"bare call": lambda: None, "": statement}, rounds=ROUNDS, calls=DECISIONS)
    table = Table("", "us", "x bare call", title="A decision among three readers", title_justify="left")
    for name, seconds in {**best, "a whole unit of one read": whole[""]}.items():
        table.add_row(name, f"{seconds * 1e6:.2f}", f"{seconds / whole['bare call']:.0f}")
    console.print(table)
    for name, seconds in best.items():
        hold(f"a decision for {name}", seconds * 1e6, MOST_DECISION)


def token_at_readers(router: ReplicaRouter) -> ConsistencyToken:
    """The token of a commit that all readers have."""
    token = router.position_token(("0/3E8", "000000010000000000000001"))
    assert token is not None
    return token


# ---- what routing adds


def own_seconds(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds per call that this thread itself worked, in the quietest round."""
    best = dict.fromkeys(functions, math.inf)
    for _ in range(STATEMENT_ROUNDS):
        for name, function in functions.items():
            began = time.thread_time()
            for _ in range(STATEMENTS):
                function()
            best[name] = min(best[name], (time.thread_time() - began) / STATEMENTS)
    return best


def additions(fleet: PostgresFleet) -> None:
    """SELECT 1, and an insert with its commit, with and without the router, on the same servers."""
    writer, reader = fleet.primary, fleet.replicas[0]
    by_name = {each.name: each for each in fleet.servers}

    def conninfo(server: DatabaseServer) -> dict[str, object]:
        found = by_name[server.name]
        return {"host": "127.0.0.1", "port": found.port, "dbname": USER, "user": USER, "password": found.password}

    # One reader, so that both ways always use the same connection.
    router = ReplicaRouter(DatabaseServer(writer.name), [DatabaseServer(reader.name)], gauge=PsycopgGauge(conninfo))
    engines = EngineFleet(router, lambda server: create_engine(by_name[server.name].dsn(driver="psycopg")))
    plain = {each.name: create_engine(each.dsn(driver="psycopg")) for each in (writer, reader)}
    numbers = iter(range(1, 10_000_000))
    one = text("SELECT 1")
    with router, PsycopgReplicas(router, conninfo) as database, psycopg.connect(writer.dsn(), autocommit=True) as bare:

        def select(session: Session) -> None:
            with session:
                session.execute(one)

        def order(session: Session) -> None:
            with session:
                session.execute(insert(ORDERS).values(number=next(numbers)))
                session.commit()

        def psycopg_order() -> None:
            with database.write() as unit:
                unit.execute(INSERT, [next(numbers)])

        reads: dict[str, Callable[[], object]] = {
            "round trip": lambda: bare.execute("SELECT 1"),
            "SELECT 1": lambda: select(Session(plain[reader.name])),
            "SELECT 1, routed": lambda: select(RoutingSession(engines)),
        }
        writes: dict[str, Callable[[], object]] = {
            "insert, commit": lambda: order(Session(plain[writer.name])),
            "insert, commit, routed": lambda: order(RoutingSession(engines)),
            "insert, commit, routed psycopg": psycopg_order,
        }
        # Reads and writes apart, for a read that follows a write waits for a replica to have it, which is another question.
        with consistency_scope():
            best = measure.fastest(reads, rounds=STATEMENT_ROUNDS, calls=STATEMENTS)
            own = own_seconds(reads)
            best |= measure.fastest(writes, rounds=STATEMENT_ROUNDS, calls=STATEMENTS)
    for engine in plain.values():
        engine.dispose()
    trip = best["round trip"]
    table = Table("", "us", "round trips", title="Through SQLAlchemy", title_justify="left")
    for name, seconds in best.items():
        table.add_row(name, f"{seconds * 1e6:.0f}", f"{seconds / trip:.1f}")
    console.print(table)
    # As many round trips with the router as without: what it adds is this thread's own work.
    hold("added to SELECT 1", (own["SELECT 1, routed"] - own["SELECT 1"]) * 1e6, MOST_READ)
    added = best["insert, commit, routed"] - best["insert, commit"]
    hold("added to insert and commit", added / trip, MOST_TRIPS, "round trips")


# ---- faults


@dataclass
class Outcome:
    """What came of one fault with one contestant."""

    told: Told
    follow_seconds: float
    """From when a replica was told to take over to the next order; 0 where nothing was promoted."""
    lost: int
    """Acknowledged orders that the present writer does not have."""
    silent: int
    """Of those that were asked for again, the ones that nobody was told of."""


def paused(fleet: PostgresFleet) -> float:
    """A replica that answers, from the past."""
    fleet.replicas[0].pause_replay()
    return math.nan


def killed(fleet: PostgresFleet) -> float:
    """A replica that is gone."""
    fleet.replicas[0].kill()
    return math.nan


def promoted(fleet: PostgresFleet) -> float:
    """The writer is gone, and the furthest replica takes over."""
    fleet.primary.kill()
    new = fleet.furthest()
    asked = time.monotonic()
    fleet.promote(new)
    return asked


def diverged(fleet: PostgresFleet) -> float:
    """The writer loses its replicas, takes orders for a while, and is gone: these are lost."""
    old = fleet.primary
    fleet.isolate(old)
    time.sleep(0.2)
    old.kill()
    new = fleet.furthest()
    asked = time.monotonic()
    new.promote()
    for other in fleet.servers:
        if other is not new and other is not old:
            other.follow(new)
    return asked


FAULTS: Final[dict[str, Callable[[PostgresFleet], float]]] = {
    "a replica is paused": paused,
    "a replica is killed": killed,
    "the writer is killed, a replica promoted": promoted,
    "the same, after it lost its replicas": diverged,
}


def hurt(fleet: PostgresFleet, name: str, fault: Callable[[PostgresFleet], float]) -> Outcome:
    """One fault, with one contestant."""
    fleet.mend()
    fleet.primary.sql("CREATE TABLE orders (number bigint PRIMARY KEY)", user=USER, database=USER)
    fleet.wait_in_step()
    with CONTESTANTS[name](fleet) as contestant:
        with load(contestant) as told:
            time.sleep(HURT_AFTER_SECONDS)
            began = time.monotonic()
            moment = fault(fleet)
            time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
        there = {int(line) for line in fleet.primary.sql("SELECT number FROM orders", database=USER).split()}
        silent = silently_lost(contestant, told, there, ASKED_AGAIN)
    lost = sum(order.number not in there for order in told.acknowledged)
    return Outcome(told, 0.0 if math.isnan(moment) else told.first_after(moment), lost, silent)


def faults(fleet: PostgresFleet) -> None:
    """Every fault with every contestant."""
    columns = ("orders", "reads", "failed reads", "stale reads", "follows, s", "lost", "of these silently")
    table = Table("", *columns, title="What an app is told", title_justify="left")
    for fault, hurts in FAULTS.items():
        table.add_row(f"[bold]{fault}[/]")
        for name in CONTESTANTS:
            outcome = hurt(fleet, name, hurts)
            told = outcome.told
            follows = "-" if outcome.follow_seconds == 0.0 else f"{outcome.follow_seconds:.2f}"
            follows = "never" if math.isinf(outcome.follow_seconds) else follows
            figures = (len(told.acknowledged), len(told.reads), len(told.failed_reads), told.stale, follows)
            table.add_row(f"  {name}", *map(str, (*figures, outcome.lost, outcome.silent)))
            if name == "seawall":
                judge(fault, outcome)
    console.print(table)


def judge(fault: str, outcome: Outcome) -> None:
    """Compare what the router promises."""
    hold(f"{fault}: stale reads", outcome.told.stale, 0, "")
    hold(f"{fault}: silently lost orders", outcome.silent, 0, "")
    if FAULTS[fault] in (paused, killed):
        hold(f"{fault}: failed reads", len(outcome.told.failed_reads), 0, "")
    else:
        hold(f"{fault}: follows", outcome.follow_seconds, MOST_FOLLOW, "s")


def main() -> None:
    """Run all parts."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # servers die here on purpose
    console.print(f"CPython {platform.python_version()}; quietest of {ROUNDS} rounds\n")
    decisions()
    console.print()
    with PostgresFleet(replicas=2) as fleet:
        fleet.primary.sql("CREATE TABLE orders (number bigint PRIMARY KEY)", user=USER, database=USER)
        fleet.wait_in_step()
        additions(fleet)
        console.print()
        faults(fleet)
    if missed:
        sys.exit("replicas: " + "; ".join(missed))


if __name__ == "__main__":
    main()
