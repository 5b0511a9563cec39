"""One load for several ways to use replicas: who is told what while servers are hurt.

Workers place orders, each order in a session of its own, which looks for it at once. What counts afterwards: reads that
failed, reads that did not show the session's own order, orders that were acknowledged and are gone without anybody saying
so, and how long it took from a promotion to the next order.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self, cast

import psycopg
from advanced_alchemy.config.routing import RoutingConfig, RoutingStrategy
from advanced_alchemy.routing import RoutingSyncSessionMaker
from psycopg_pool import ConnectionPool
from sqlalchemy import BigInteger, Column, MetaData, Table, exists, insert, select

from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import MONITOR, USER
from seawall.replicas import (
    DatabaseServer,
    FallbackPolicy,
    LagPolicy,
    ReadYourWrites,
    ReplicaRouter,
    Scope,
    Token,
    WriteLost,
    consistency_scope,
)
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas

WORKERS: Final = 8
NUMBERS: Final = 1_000_000  # of orders that each worker may place
PAUSE_SECONDS: Final = 0.004  # of each worker between two orders
POOL: Final = 2 * WORKERS
POOL_WAIT_SECONDS: Final = 1.0
JOIN_SECONDS: Final = 30.0
INSERT: Final = "INSERT INTO orders (number) VALUES (%s)"
HAS: Final = "SELECT EXISTS (SELECT FROM orders WHERE number = %s)"
ORDERS: Final = Table("orders", MetaData(), Column("number", BigInteger, primary_key=True))


class Contestant(Protocol):
    """A way to use a writer and its replicas."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def session(self, remembered: object = None) -> AbstractContextManager[object]:
        """What one user's work is inside of, or goes on in."""
        ...

    def remember(self, session: object) -> object:
        """What a user takes along from a session, as in a cookie."""
        ...

    def place(self, number: int) -> None:
        """Write an order."""
        ...

    def has(self, number: int) -> bool:
        """Read whether it is there."""
        ...


class Seawall:
    """The replica router over psycopg."""

    def __init__(self, fleet: PostgresFleet) -> None:
        def conninfo(server: DatabaseServer, user: str = USER) -> dict[str, object]:
            found = fleet[server.name]
            return {"host": "127.0.0.1", "port": found.port, "dbname": USER, "user": user, "password": found.password}

        primary = fleet.primary
        self._router: Final = ReplicaRouter(
            DatabaseServer(primary.name),
            [DatabaseServer(each.name) for each in fleet.servers if each is not primary],
            gauge=PsycopgGauge(lambda server: conninfo(server, MONITOR)),
            consistency=ReadYourWrites(wait_seconds=0.5),
            lag=LagPolicy(interval_seconds=0.2, timeout_seconds=0.5, verdict_ttl_seconds=1.0),
            fallback=FallbackPolicy(max_share_ratio=1.0, max_concurrent=None),
        )
        self._database: Final = PsycopgReplicas(
            self._router, conninfo, max_size=POOL, reader_wait_seconds=POOL_WAIT_SECONDS
        )

    def __enter__(self) -> Self:
        self._router.start()
        self._database.open()
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()
        self._router.stop()

    def session(self, remembered: object = None) -> AbstractContextManager[object]:
        """A scope, as the middleware opens one per request."""
        return consistency_scope(*cast("tuple[Token, ...]", remembered or ()))

    def remember(self, session: object) -> object:
        """The tokens."""
        return cast("Scope", session).tokens.all()

    def place(self, number: int) -> None:
        """Write an order."""
        with self._database.write() as unit:
            unit.execute(INSERT, [number])

    def has(self, number: int) -> bool:
        """Read whether it is there."""
        with self._database.read() as unit:
            return _truth(unit.execute(HAS, [number]).fetchone())


class MultiHost:
    """psycopg's pools over libpq's lists of hosts, each connection checked before it is lent."""

    def __init__(self, fleet: PostgresFleet) -> None:
        first = fleet.servers[0]
        hosts = ",".join(each.address for each in fleet.servers)
        base = f"postgresql://{USER}:{first.password}@{hosts}/{USER}?connect_timeout=2&target_session_attrs="

        def pool(attributes: str) -> "ConnectionPool[psycopg.Connection[Any]]":
            return ConnectionPool(
                base + attributes,
                min_size=1,
                max_size=POOL,
                timeout=POOL_WAIT_SECONDS,
                check=ConnectionPool.check_connection,
                open=False,
            )

        self._writes: Final = pool("read-write")
        self._reads: Final = pool("prefer-standby&load_balance_hosts=random")

    def __enter__(self) -> Self:
        for each in (self._writes, self._reads):
            each.open()
        return self

    def __exit__(self, *error: object) -> None:
        for each in (self._writes, self._reads):
            each.close()

    def session(self, remembered: object = None) -> AbstractContextManager[object]:
        """It knows of no sessions."""
        del remembered
        return contextlib.nullcontext()

    def remember(self, session: object) -> object:
        """Nothing."""

    def place(self, number: int) -> None:
        """Write an order."""
        with self._writes.connection() as connection:
            connection.execute(INSERT, [number])

    def has(self, number: int) -> bool:
        """Read whether it is there."""
        with self._reads.connection() as connection:
            return _truth(connection.execute(HAS, [number]).fetchone())


class AdvancedAlchemy:
    """advanced-alchemy's routing sessions, sticky after a write, connections checked before use."""

    def __init__(self, fleet: PostgresFleet) -> None:
        primary = fleet.primary
        self._maker: Final = RoutingSyncSessionMaker(
            RoutingConfig(
                primary_connection_string=primary.dsn(driver="psycopg"),
                read_replicas=[each.dsn(driver="psycopg") for each in fleet.servers if each is not primary],
                routing_strategy=RoutingStrategy.RANDOM,
            ),
            engine_config={"pool_pre_ping": True, "pool_size": POOL, "connect_args": {"connect_timeout": 2}},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._maker.close_all()

    def session(self, remembered: object = None) -> AbstractContextManager[object]:
        """Its stickiness is a context variable that it minds itself."""
        del remembered
        return contextlib.nullcontext()

    def remember(self, session: object) -> object:
        """Nothing."""

    def place(self, number: int) -> None:
        """Write an order."""
        with self._maker() as session:
            session.execute(insert(ORDERS).values(number=number))  # as text it would go to a replica
            session.commit()

    def has(self, number: int) -> bool:
        """Read whether it is there."""
        with self._maker() as session:
            return bool(session.execute(select(exists().where(ORDERS.c.number == number))).scalar())


CONTESTANTS: Final[dict[str, Callable[[PostgresFleet], Contestant]]] = {
    "seawall": Seawall,
    "psycopg, multi-host": MultiHost,
    "advanced-alchemy": AdvancedAlchemy,
}


@dataclass(frozen=True)
class Order:
    """An order that was acknowledged."""

    number: int
    at: float
    """When, by the monotonic clock."""
    remembered: object
    """What its user took along."""


@dataclass
class Told:
    """What the workers were told."""

    reads: list[bool] = field(default_factory=list)
    """Whether each read that was answered showed the order."""
    failed_reads: list[Exception] = field(default_factory=list)
    failed_writes: list[Exception] = field(default_factory=list)
    acknowledged: list[Order] = field(default_factory=list)
    reported: set[int] = field(default_factory=set[int])
    """Orders whose session was told that they are lost."""

    @property
    def stale(self) -> int:
        """Reads that did not show the session's own order."""
        return self.reads.count(False)

    def first_after(self, moment: float) -> float:
        """Seconds from a moment to the first order that was acknowledged after it; infinite: there was none."""
        return min((order.at for order in self.acknowledged if order.at > moment), default=math.inf) - moment


@contextlib.contextmanager
def load(contestant: Contestant) -> Iterator[Told]:
    """Workers that place and look until it is left."""
    told, ended = Told(), threading.Event()

    def work(worker: int) -> None:
        number = worker * NUMBERS
        while not ended.wait(PAUSE_SECONDS):
            number += 1
            with contestant.session() as session:
                _place_and_look(contestant, session, number, told)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        ended.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)


def _place_and_look(contestant: Contestant, session: object, number: int, told: Told) -> None:
    try:
        contestant.place(number)
    except Exception as error:  # noqa: BLE001 - each contestant raises its own
        told.failed_writes.append(error)
        return
    told.acknowledged.append(Order(number, time.monotonic(), contestant.remember(session)))
    try:
        told.reads.append(contestant.has(number))
    except WriteLost:
        told.reported.add(number)
    except Exception as error:  # noqa: BLE001 - each contestant raises its own
        told.failed_reads.append(error)


def silently_lost(contestant: Contestant, told: Told, there: set[int], most: int) -> int:
    """How many acknowledged orders are gone, and their users, who come back for them, are not told; of at most so many."""
    silent = 0
    for order in [each for each in told.acknowledged if each.number not in there][:most]:
        if order.number in told.reported:
            continue
        try:
            with contestant.session(order.remembered):
                contestant.has(order.number)
            silent += 1
        except WriteLost:
            told.reported.add(order.number)
    return silent


def _truth(row: tuple[Any, ...] | None) -> bool:
    assert row is not None
    return bool(row[0])
