"""Where orders are kept: a PostgreSQL database with replicas. Written at the writer, read at a replica that has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from seawall.errors import InvalidInput
from seawall.replicas import DatabaseServer, ReplicaRouter, retrying
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas
from seawall.watch import TopologyWatch
from shop.settings import DatabaseSettings

__all__ = ["KeptOrder", "Orders"]

TABLE: Final = """
CREATE TABLE IF NOT EXISTS orders (
    number text PRIMARY KEY,
    product text NOT NULL,
    cents integer NOT NULL,
    paid boolean NOT NULL DEFAULT false
)
"""
TABLE_LOCK: Final = 7_305_417  # any number that all instances share: of several that start at once, one makes the table


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order, as the database has it."""

    number: str
    product: str
    cents: int
    paid: bool
    port: int
    """Of the server that it was read from, so that one can see where reads go."""


class Orders:
    """The orders of all instances.

    Args:
        topology: With a database in it, whose writer is followed.
        settings: How to log in, and the addresses of members that are not where the topology says.
        region: The region to read in, where it has a replica that will do.

    Raises:
        InvalidInput: the topology has no database, or one that is not PostgreSQL; or its readings cannot renew the lease.
    """

    def __init__(self, topology: TopologyWatch, settings: DatabaseSettings, *, region: str) -> None:
        database = topology.current.declared.database
        if database is None or database.engine != "postgres":
            raise InvalidInput(
                "SHOP_DATABASE_USER", settings.user, allowed="absent", because="the topology has no PostgreSQL database"
            )

        def parameters(server: DatabaseServer) -> Mapping[str, object]:
            host, _, port = settings.addresses.get(server.name, server.address).rpartition(":")
            return {
                "host": host,
                "port": port,
                "dbname": database.database,
                "user": settings.user,
                "password": settings.password,
            }

        self.router: Final = ReplicaRouter.from_topology(
            topology, gauge=PsycopgGauge(parameters), region=region, lease=settings.lease
        )
        self.database: Final = PsycopgReplicas(self.router, parameters)

    def __enter__(self) -> Self:
        self.router.start()
        self.database.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.database.close()
        self.router.stop()

    @retrying()
    def make_table(self) -> None:
        """Make the table, where there is none yet. In a real app that is a migration's work."""
        with self.database.write() as unit:
            unit.execute("SELECT pg_advisory_xact_lock(%s)", [TABLE_LOCK])
            unit.execute(TABLE)

    @retrying()
    def add(self, number: str, product: str, cents: int) -> None:
        """Keep an order. Run again, it does nothing: that is what makes it safe to send again when nobody knows."""
        with self.database.write() as unit:
            unit.execute(
                "INSERT INTO orders (number, product, cents) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [number, product, cents],
            )

    @retrying()
    def mark_paid(self, number: str) -> None:
        """Note that an order was charged."""
        with self.database.write() as unit:
            unit.execute("UPDATE orders SET paid = true WHERE number = %s", [number])

    @retrying()
    def find(self, number: str) -> KeptOrder | None:
        """An order, from a server that has all that this session wrote."""
        with self.database.read() as unit:
            row: Any = unit.execute(
                "SELECT number, product, cents, paid, inet_server_port() FROM orders WHERE number = %s", [number]
            ).fetchone()
        return None if row is None else KeptOrder(*row)
