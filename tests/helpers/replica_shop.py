"""A shop that takes orders over the replica router and psycopg, on real servers behind networks that can fail."""

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from localcloud.postgres import PostgresServer, until
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from localcloud.postgres_settings import HOST
from seawall.replicas import (
    DatabaseServer,
    FollowedDatabase,
    LagPolicy,
    ReaderState,
    ReplicaRouter,
    RouterSnapshot,
    consistency_scope,
)
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas
from tcp_proxy import TcpProxy

# Quick to notice, and yet not so strict that two busy cores look like a fault.
LAG = LagPolicy(interval_seconds=0.1, timeout_seconds=1.0, verdict_ttl_seconds=2.0, max_lag_seconds=1.0)
CREATE = "CREATE TABLE orders (number bigint PRIMARY KEY, worker int NOT NULL DEFAULT 0)"
INSERT = "INSERT INTO orders (number) VALUES (%s)"
HAS = "SELECT current_setting('cluster_name'), EXISTS (SELECT FROM orders WHERE number = %s)"


class Shop:
    """One process of the app. Use it with `with`.

    Args:
        fleet: The servers; its primary is the router's first writer.
        gauge_user: Whom the gauge connects as.
        networks: Whether there is a network to each server, or the shop is on the servers' own machine.
        follow: A topology that the router follows; its members' addresses do not count.
        pool: Options of the app's pools.
        options: Of the router.
    """

    def __init__(
        self,
        fleet: PostgresFleet,
        *,
        gauge_user: str = USER,
        networks: bool = True,
        follow: FollowedDatabase | None = None,
        pool: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.fleet = fleet
        self.first = fleet.primary
        self.others = [server for server in fleet.servers if server is not self.first]
        self.network = {server.name: TcpProxy(server.port) for server in fleet.servers if networks}
        writer, *readers = [DatabaseServer(each.name) for each in (self.first, *self.others)]
        gauge = PsycopgGauge(lambda server: self._conninfo(server, gauge_user))
        self.router = ReplicaRouter(writer, readers, **{"gauge": gauge, "lag": LAG, **options})
        if follow is not None:
            self.router.follow(follow)
        self.database = PsycopgReplicas(self.router, self._conninfo, **(pool or {}))
        self._ending = ExitStack()

    def _conninfo(self, server: DatabaseServer, user: str = USER) -> dict[str, object]:
        """By name, for the members of a topology have one port, and these have one host."""
        network = self.network.get(server.name)
        port = network.port if network is not None else self.fleet[server.name].port
        return {"host": HOST, "port": port, "dbname": USER, "user": user, "password": self.first.password}

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            tell_timelines(self.fleet)
            self.first.sql(CREATE, user=USER, database=USER)
            self.fleet.wait_in_step()
            for proxy in self.network.values():
                ending.enter_context(proxy)
            ending.enter_context(self.router)
            ending.enter_context(self.database)
            ending.enter_context(consistency_scope())  # or the test's thread would carry its writes into the next test
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def place(self, number: int) -> None:
        """Write an order, in a transaction of its own."""
        with self.database.write() as unit:
            unit.execute(INSERT, [number])

    def look(self, number: int) -> tuple[str, bool]:
        """Read whether an order is there; with the name of the server that said so."""
        with self.database.read() as unit:
            row = unit.execute(HAS, [number]).fetchone()
        assert row is not None
        return row[0], row[1]

    def visit(self, number: int) -> tuple[str, bool]:
        """As `look`, by somebody who has written nothing and read nowhere yet."""
        with consistency_scope():
            return self.look(number)

    def has(self, number: int) -> bool:
        """Read whether an order is there."""
        return self.look(number)[1]

    @property
    def now(self) -> RouterSnapshot:
        """What the router believes."""
        return self.router.snapshot()

    def state_of(self, server: PostgresServer) -> ReaderState:
        """What the router thinks of a server."""
        return next(each.state for each in self.now.servers if each.server.name == server.name)

    def await_state(self, server: PostgresServer, state: ReaderState) -> None:
        until(lambda: self.state_of(server) is state, f"{server.name} is {state}, not {self.state_of(server)}")

    def await_writer(self, server: PostgresServer) -> None:
        """Wait until the router has followed a promotion."""
        until(lambda: (self.now.writer, self.now.trouble) == (server.name, None), f"the router writes to {server.name}")


def tell_timelines(fleet: PostgresFleet) -> None:
    """Let the replicas say to an ordinary user which timeline they are in: they do since their last restartpoint only."""
    primary = fleet.primary
    primary.sql("CHECKPOINT")
    fleet.wait_in_step()
    for server in fleet.replicas:
        server.sql("CHECKPOINT")


def numbers_at(server: PostgresServer) -> set[int]:
    """The orders that a server has."""
    return {int(line) for line in server.sql("SELECT number FROM orders", database=USER).split()}
