"""Async psycopg over a writer and its replicas, on real servers."""

import asyncio

import anyio
import psycopg
import pytest

from localcloud.postgres_fleet import PostgresFleet
from routed_postgres import conninfo_of, primary_of, replicas_of, router_of, until
from seawall.errors import CannotPickle, DatabaseInterrupted, InvalidInput, WriteAfterRead, WriteInReadOnlyScope
from seawall.replicas import ReplicaRouter, consistency_scope
from seawall.replicas_psycopg import AsyncPsycopgReplicas, AsyncPsycopgUnit, PsycopgGauge
from tcp_proxy import TcpProxy

pytestmark = [pytest.mark.xdist_group("postgres2"), pytest.mark.anyio]

ADD = "INSERT INTO orders VALUES (%s, %s)"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # psycopg knows no other


async def port_of(unit: AsyncPsycopgUnit) -> int:
    """Where its connection goes to."""
    return (await unit.connection()).info.port


async def test_a_unit_is_where_it_belongs(router: ReplicaRouter, servers: PostgresFleet) -> None:
    """Reads see the session's writes at a replica; what may not be written is refused."""
    primary = primary_of(servers).port
    async with AsyncPsycopgReplicas(router, conninfo_of(servers)) as database:
        with consistency_scope() as scope:
            for number in range(3):
                async with database.write() as unit:
                    await unit.execute(ADD, [number, "new"])
                assert len(scope.tokens.positions) == 1
                async with database.read() as unit:
                    found = await (await unit.execute("SELECT count(*) FROM orders")).fetchone()
                    assert found == (number + 1,)
                    assert await port_of(unit) != primary
            with pytest.raises(WriteInReadOnlyScope):
                async with database.read() as unit:
                    await unit.execute(ADD, [100, "x"])
            async with database.unit(start_on="writer") as unit:
                await unit.execute("SELECT 1")
                await unit.executemany(ADD, [(number, "many") for number in range(10, 13)])
            async with database.unit() as unit:
                await unit.execute("SELECT count(*) FROM orders")
                with pytest.raises(WriteAfterRead):
                    await unit.execute(ADD, [100, "x"])


async def test_how_units_end(router: ReplicaRouter, servers: PostgresFleet) -> None:
    """A commit that became a rollback, the app's own errors, a view that writes, and a task that is cancelled."""
    async with AsyncPsycopgReplicas(router, conninfo_of(servers), max_size=1) as database:
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):  # noqa: PT012 - a unit is a block
            async with database.write() as unit:
                await unit.execute(ADD, [1, "a"])
                with pytest.raises(psycopg.errors.UniqueViolation):
                    await unit.execute(ADD, [1, "b"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with database.write() as unit:
                await unit.executemany(ADD, [(1, "a"), (1, "b")])
        async with database.write() as unit:
            await unit.execute("CREATE SEQUENCE numbers")
            await unit.execute("CREATE VIEW next_number AS SELECT nextval('numbers') AS number")
        with consistency_scope():
            async with database.write() as unit:
                await unit.execute(ADD, [1, "a"])
            async with database.unit() as unit:
                assert await (await unit.execute("SELECT number FROM next_number")).fetchone() == (1,)
                assert await port_of(unit) == primary_of(servers).port
        with anyio.move_on_after(0.2) as cancelled:
            async with database.write() as unit:
                await unit.execute(ADD, [2, "a"])
                await unit.execute("SELECT pg_sleep(30)")
        assert cancelled.cancelled_caught
        async with database.write() as unit:  # the pool's only connection is back
            assert await (await unit.execute("SELECT count(*) FROM orders")).fetchone() == (1,)


async def test_faults(router: ReplicaRouter, servers: PostgresFleet) -> None:
    """No read fails when a replica is killed; a promotion is followed; the old writer's pool is gone."""
    old, victim, new = primary_of(servers), *replicas_of(servers)
    async with AsyncPsycopgReplicas(router, conninfo_of(servers)) as database:
        for _ in range(4):
            async with database.read() as first, database.read() as second:
                await first.execute("SELECT 1")
                await second.execute("SELECT 1")
        victim.kill()
        for number in range(40):
            async with database.read() as unit:
                assert await (await unit.execute("SELECT %s::int", [number])).fetchone() == (number,)
                assert await port_of(unit) != victim.port
        held: psycopg.AsyncConnection[object] | None = None
        with pytest.raises(DatabaseInterrupted) as caught:  # noqa: PT012 - a unit is a block
            async with database.write() as unit:
                await unit.execute(ADD, [1, "a"])
                held = await unit.connection()
                await asyncio.to_thread(servers.wait_in_step)
                old.kill()
                await unit.execute(ADD, [2, "a"])
        assert caught.value.safe_to_retry
        assert held is not None
        assert held.closed
        new.promote()
        await asyncio.to_thread(until, lambda: router.snapshot().writer == new.name, "the promotion is seen")
        async with database.write() as unit:
            await unit.execute(ADD, [1, "a"])
            assert await port_of(unit) == new.port


async def test_a_lost_commit_is_not_safe_to_retry(servers: PostgresFleet) -> None:
    """The COMMIT may have been done."""
    primary, conninfo = primary_of(servers), conninfo_of(servers)
    with TcpProxy(primary.port) as network:
        router = router_of(servers, PsycopgGauge(conninfo), ports={primary.name: network.port})
        router.measure()
        async with AsyncPsycopgReplicas(router, conninfo) as database:
            with pytest.raises(DatabaseInterrupted) as caught:  # noqa: PT012 - a unit is a block
                async with database.write() as unit:
                    await unit.execute(ADD, [1, "a"])
                    network.cut()
            assert not caught.value.safe_to_retry
            with pytest.raises(DatabaseInterrupted) as refused:  # it cannot be connected to any more
                async with database.write() as unit:
                    await unit.execute(ADD, [1, "a"])
            assert refused.value.safe_to_retry


async def test_it_is_opened_before_use(router: ReplicaRouter) -> None:
    """One line in place of a pool without a loop."""
    database = AsyncPsycopgReplicas(router, {})
    with pytest.raises(InvalidInput, match="opened"):
        async with database.read() as unit:
            await unit.execute("SELECT 1")
    with pytest.raises(CannotPickle):
        database.__reduce__()
