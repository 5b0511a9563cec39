"""The places where leases are kept, each as it runs here, behind one face."""

import contextlib
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube import KubeConfig
from lightkube.config.models import Cluster, User

from kubernetes_api import KubernetesApi
from lease_world import NAME, World
from local_moto import moto_client
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from seawall_ops.lease import Arbitrated, FencedState, Lease, LeaseRecord, LeaseStore, MemoryLeaseStore, MemoryState
from seawall_ops.lease.dynamodb import KEY, LEASE_PREFIX, DynamoDBLeaseStore, DynamoDBState
from seawall_ops.lease.kubernetes import KubernetesLeaseStore, KubernetesState
from seawall_ops.lease.postgres import GRANTS, TABLES, PostgresLeaseStore, PostgresState
from seawall_ops.lease.sqlite import SqliteLeaseStore

TABLE = "seawall"
REGION = "eu-north-1"
NAMESPACE = "shop"
RECORD = LeaseRecord(holder="a", fence=1, ttl_seconds=30.0, write="w1")


@dataclass
class Place:
    """A store of leases, states beside it, and a hand that deletes a record."""

    store: LeaseStore
    state: FencedState
    delete: Callable[[str], None]
    behind: Any = None
    """boto3's client, the fleet or the API server."""

    def close(self) -> None:
        """Its connections."""
        for each in (self.store, self.state):
            getattr(each, "close", lambda: None)()

    def world(self, seed: int, **more: Any) -> World:
        """Contenders in it."""
        return World(self.store, self.delete, random.Random(seed), **more)


def in_memory() -> Place:
    store = MemoryLeaseStore()
    return Place(store, MemoryState(), store.delete)


def in_sqlite(path: Path) -> Place:
    """A file that is made at the first use."""
    store = SqliteLeaseStore(path)

    def delete(name: str) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM seawall_lease WHERE name = ?", (name,))

    return Place(store, MemoryState(), delete, path)


def dynamodb_client(url: str, region: str = REGION) -> Any:
    return moto_client("dynamodb", url, region)


def in_dynamodb(client: Any) -> Place:
    """An empty table."""
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=TABLE)
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
    )

    def delete(name: str) -> None:
        client.delete_item(TableName=TABLE, Key={KEY: {"S": LEASE_PREFIX + name}})

    return Place(
        DynamoDBLeaseStore(TABLE, region=REGION, client=client),
        DynamoDBState(TABLE, region=REGION, client=client),
        delete,
        client,
    )


def in_postgres(fleet: PostgresFleet) -> Place:
    """Empty tables, made by an administrator."""
    server = fleet.primary
    server.sql("DROP TABLE IF EXISTS seawall_lease, seawall_state", database=USER)
    server.sql(TABLES + GRANTS.format(user=USER), database=USER)
    dsn = server.dsn()

    def delete(name: str) -> None:
        server.sql(f"DELETE FROM seawall_lease WHERE name = '{name}'", database=USER)  # noqa: S608 - ours

    return Place(PostgresLeaseStore(dsn, region="eu-north-1"), PostgresState(dsn), delete, fleet)


def in_kubernetes(api: KubernetesApi) -> Place:
    """No objects yet."""
    config = KubeConfig.from_one(cluster=Cluster(server=api.url), user=User(token="of-the-test"))
    return Place(
        KubernetesLeaseStore(NAMESPACE, region="eu-north-1", config=config),
        KubernetesState(NAMESPACE, config=config),
        lambda name: api.delete("leases", name),
        api,
    )


def use(place: Place) -> None:
    """Everything that a lease and a state do."""
    lease = Lease(place.store, NAME, holder="a", arbitrates=Arbitrated())
    lease.create()
    with lease.acquire(wait_seconds=0.0, renew=False) as held:
        place.state.claim("shop.prod", held)
        place.state.put("shop.prod", "text", held)
        held.renew()
        held.release()
