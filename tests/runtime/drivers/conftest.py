"""Real servers for the tests of the adapters: a writer and two replicas with a table of orders, and a router of them."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from localcloud.postgres_fleet import PostgresFleet
from orders_model import maker
from routed_postgres import conninfo_of, router_of, with_orders
from seawall.replicas import DatabaseServer, ReadYourWrites, ReplicaRouter, consistency_scope
from seawall.replicas_psycopg import PsycopgGauge, PsycopgReplicas
from seawall.replicas_sqlalchemy import EngineFleet, RoutingSession


@pytest.fixture
def servers(_postgres_servers: PostgresFleet) -> PostgresFleet:
    """The servers, mended, with an empty table of orders."""
    return with_orders(_postgres_servers)


@pytest.fixture
def router(servers: PostgresFleet) -> Iterator[ReplicaRouter]:
    """Measures them, and waits for a replica as long as it takes."""
    gauge = PsycopgGauge(conninfo_of(servers))
    with router_of(servers, gauge, consistency=ReadYourWrites(wait_seconds=5.0)) as router:
        yield router


@pytest.fixture
def database(servers: PostgresFleet, router: ReplicaRouter) -> Iterator[PsycopgReplicas]:
    """psycopg's pools."""
    with PsycopgReplicas(router, conninfo_of(servers)) as database:
        yield database


@pytest.fixture
def make(servers: PostgresFleet) -> Callable[[DatabaseServer], Engine]:
    """Makes SQLAlchemy's engines."""
    return maker(servers)


@pytest.fixture
def fleet(router: ReplicaRouter, make: Callable[[DatabaseServer], Engine]) -> Iterator[EngineFleet]:
    """SQLAlchemy's engines."""
    with EngineFleet(router, make) as fleet:
        yield fleet


@pytest.fixture
def session(fleet: EngineFleet) -> Iterator[RoutingSession]:
    """A session in a scope of its own."""
    with consistency_scope(), RoutingSession(fleet) as session:
        yield session
