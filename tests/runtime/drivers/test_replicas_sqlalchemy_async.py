"""Async SQLAlchemy sessions over a writer and its replicas, with psycopg and with asyncpg, on real servers."""

import asyncio
import time
from collections.abc import Callable

import pytest
from sqlalchemy import exc, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from localcloud.postgres_fleet import PostgresFleet
from orders_model import Order
from routed_postgres import conninfo_of, primary_of, replicas_of, router_of, server_of, until
from seawall.errors import DatabaseInterrupted, WriteAfterRead
from seawall.replicas import DatabaseServer, ReadYourWrites, ReplicaRouter, consistency_scope, use_writer
from seawall.replicas_psycopg import PsycopgGauge
from seawall.replicas_sqlalchemy import EngineFleet, RoutingAsyncSession, SqlAlchemyGauge
from tcp_proxy import TcpProxy

pytestmark = [pytest.mark.xdist_group("postgres2"), pytest.mark.anyio]

PORT = text("SELECT inet_server_port()")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # SQLAlchemy knows no other


@pytest.fixture(params=["psycopg", "asyncpg"])
def make(request: pytest.FixtureRequest, servers: PostgresFleet) -> Callable[[DatabaseServer], AsyncEngine]:
    def make(server: DatabaseServer) -> AsyncEngine:
        port = int(server.address.rpartition(":")[2])
        return create_async_engine(servers.servers[0].dsn(driver=request.param, port=port))

    return make


async def test_a_session_sees_its_own_write_at_a_replica(
    make: Callable[[DatabaseServer], AsyncEngine], router: ReplicaRouter, servers: PostgresFleet
) -> None:
    """Tokens are noted by both drivers, and transactions on readers are READ ONLY."""
    async with EngineFleet(router, make) as fleet:
        sessions = async_sessionmaker(class_=RoutingAsyncSession, fleet=fleet, expire_on_commit=False)
        with consistency_scope() as scope:
            for number in range(3):
                async with sessions.begin() as session:
                    session.add(Order(id=number, note="new"))
                assert len(scope.tokens.positions) == 1
                async with sessions() as session:
                    assert (await session.get_one(Order, number)).note == "new"
                    assert await session.scalar(PORT) != primary_of(servers).port
                    assert await session.scalar(text("SHOW transaction_read_only")) == "on"
                    with pytest.raises(WriteAfterRead):
                        await session.execute(insert(Order).values(id=100))
            async with sessions(start_on="writer") as session, session.begin():
                assert await session.scalar(select(func.count()).select_from(Order)) == 3
                session.add(Order(id=3))


async def test_waiting_for_a_replica_lets_other_tasks_run(
    make: Callable[[DatabaseServer], AsyncEngine], router: ReplicaRouter, servers: PostgresFleet
) -> None:
    """A wait that held the event loop would stop every other request of the process."""
    for replica in replicas_of(servers):
        replica.pause_replay()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    async with EngineFleet(router, make) as fleet:
        with consistency_scope(consistency=ReadYourWrites(wait_seconds=0.5)):
            async with RoutingAsyncSession(fleet) as session:
                session.add(Order(id=1))
                await session.commit()
                before = ticks
                assert await session.scalar(PORT) == primary_of(servers).port
        assert ticks - before > 5
    ticking.cancel()


async def test_no_read_fails_when_a_replica_is_killed_and_writes_follow_a_promotion(
    make: Callable[[DatabaseServer], AsyncEngine], router: ReplicaRouter, servers: PostgresFleet
) -> None:
    """As for sync sessions; the retired engine is closed by its own event loop."""
    old, victim, new = primary_of(servers), *replicas_of(servers)
    async with EngineFleet(router, make) as fleet:
        async with RoutingAsyncSession(fleet) as first, RoutingAsyncSession(fleet) as second:
            for session in (first, second) * 4:
                await session.scalar(PORT)
            second.add(Order(id=1))
            await second.rollback()
        victim.kill()
        for _ in range(20):
            async with RoutingAsyncSession(fleet) as session:
                assert await session.scalar(PORT) != victim.port
        async with RoutingAsyncSession(fleet) as session:
            session.add(Order(id=1))
            await session.flush()
            engine = fleet.engine(server_of(old))
            servers.wait_in_step()
            old.kill()
            session.add(Order(id=2))
            with pytest.raises(DatabaseInterrupted) as caught:
                await session.commit()
            assert caught.value.safe_to_retry
            await session.rollback()
            new.promote()
            await asyncio.to_thread(until, lambda: router.snapshot().writer == new.name, "the promotion is seen")
            session.add(Order(id=3))
            await session.commit()
            with use_writer():
                assert await session.scalar(PORT) == new.port
            assert fleet.engine(server_of(old)) is not engine


async def test_errors_of_the_app_and_of_a_lost_commit(
    make: Callable[[DatabaseServer], AsyncEngine], servers: PostgresFleet
) -> None:
    """What a violated constraint is stays one; a COMMIT that is lost says so."""
    primary = primary_of(servers)
    with TcpProxy(primary.port) as network:
        router = router_of(servers, PsycopgGauge(conninfo_of(servers)), ports={primary.name: network.port})
        async with EngineFleet(router, make) as fleet:
            router.measure()
            async with RoutingAsyncSession(fleet) as session:
                await session.execute(insert(Order).values(id=1))
                with pytest.raises(exc.IntegrityError):
                    await session.execute(insert(Order).values(id=1))
                await session.rollback()
                session.add(Order(id=1))
                await session.flush()
                network.cut()
                with pytest.raises(DatabaseInterrupted) as caught:
                    await session.commit()
                assert not caught.value.safe_to_retry
                await session.rollback()


def test_the_gauge_measures_by_its_deadline(servers: PostgresFleet) -> None:
    """Through an async engine, too: an app that has no other driver can measure."""
    replica = replicas_of(servers)[0]

    def make(server: DatabaseServer) -> AsyncEngine:
        port = int(server.address.rpartition(":")[2])
        return create_async_engine(servers.servers[0].dsn(driver="asyncpg", port=port))

    gauge = SqlAlchemyGauge(make)
    with TcpProxy(replica.port) as network:
        server = server_of(replica, port=network.port)
        assert gauge.measure(server, 10.0).in_recovery
        network.stall()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            gauge.measure(server, 0.2)
        assert time.monotonic() - began < 1.5
        network.restore()

        def measured() -> bool:
            try:
                return gauge.measure(server, 10.0).in_recovery
            except TimeoutError:
                return False

        until(measured, "it is measured again")
        gauge.forget(server)
        until(lambda: network.connections == 0, "its connection is closed")
