"""What happens to a Django project when replicas lag and die, and when another server becomes the writer. All for real."""

import threading
from collections.abc import Iterator
from typing import Any

import django
import pytest

from django_project import project, seen_at, servers_of
from localcloud.postgres import PostgresServer, until
from localcloud.postgres_fleet import PostgresFleet
from seawall.errors import DatabaseInterrupted, NoWriterAvailable
from seawall.replicas import ReadYourWrites, WriterOnly, consistency_scope, use_writer

pytestmark = pytest.mark.xdist_group("postgres")

COOKIE = "seawall_consistency"


@pytest.fixture
def order(postgres_fleet: PostgresFleet) -> Iterator[Any]:
    """The project's model, on the fleet; patient enough that a read at the writer is a fault."""
    patient = ReadYourWrites(wait_seconds=5.0)
    with project(servers_of(postgres_fleet), postgres_fleet.primary.password, consistency=patient) as model:
        yield model


def await_writer(server: PostgresServer) -> None:
    """Wait until the project's router has followed a promotion."""
    from seawall.replicas_django import replica_router

    def follows() -> bool:
        seen = replica_router().snapshot()
        return seen.writer == server.name and seen.trouble is None

    until(follows, "the router follows")


def replicas_of(fleet: PostgresFleet) -> list[PostgresServer]:
    primary = fleet.primary
    return [each for each in fleet.servers if each is not primary]


def test_killing_a_replica_under_load_fails_no_read(order: Any, postgres_fleet: PostgresFleet):
    """Persistent connections to it are in use when it dies: each thread's next read is sent again, elsewhere."""
    from django.db import connections

    order.objects.create(what="lamp")
    postgres_fleet.wait_in_step()
    failed: list[BaseException] = []
    counts: list[int] = []
    ports: set[int] = set()
    stop = threading.Event()
    victim = replicas_of(postgres_fleet)[0]

    def reads() -> None:
        count = 0
        try:
            while not stop.is_set():
                with consistency_scope():
                    ports.add(seen_at()[0][1])
                    count += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what must not happen
            failed.append(error)
        finally:
            counts.append(count)
            connections.close_all()

    threads = [threading.Thread(target=reads) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: victim.port in ports, "the victim is read from")
    victim.kill()
    ports.clear()
    until(lambda: ports - {victim.port}, "somebody reads on")  # an answer of before may be noted late
    stop.set()
    for thread in threads:
        thread.join(10)
    assert failed == []
    assert all(counts)


def test_default_follows_a_promotion_and_the_open_transaction_says_to_try_again(
    order: Any, postgres_fleet: PostgresFleet
):
    """Nothing is swapped below a transaction; the next one is at the new writer, without a restart of anything."""
    from django.db import OperationalError, close_old_connections, transaction

    old, new = postgres_fleet.primary, replicas_of(postgres_fleet)[0]
    with consistency_scope():
        order.objects.create(what="before")
    postgres_fleet.wait_in_step()

    @transaction.atomic
    def interrupted() -> None:
        order.objects.create(what="lost")
        old.kill()
        postgres_fleet.promote(new)
        order.objects.create(what="never sent")

    with pytest.raises(OperationalError) as caught:
        interrupted()
    assert isinstance(caught.value, DatabaseInterrupted)
    assert (caught.value.server, caught.value.safe_to_retry) == (old.name, True)
    await_writer(new)
    close_old_connections()  # as Django does around each request, whether or not that needs a database
    with consistency_scope():
        with transaction.atomic():
            order.objects.create(what="after")
        assert [what for what, _ in seen_at()] == ["before", "after"]
        with use_writer():
            assert seen_at()[0][1] == new.port


def test_around_a_request_nothing_is_connected_to_while_there_is_no_writer(order: Any, postgres_fleet: PostgresFleet):
    """A request that needs no database must not fail for its sake: an outdated connection is closed, and no other made."""
    from django.db import close_old_connections, connection

    from seawall.replicas_django import replica_router

    order.objects.create(what="before")
    router = replica_router()
    assert connection.connection is not None
    postgres_fleet.primary.kill()
    connection._generation -= 1  # type: ignore[attr-defined] - as after a promotion, of which nobody is left
    close_old_connections()
    assert connection.connection is None
    router.suspect()
    close_old_connections()


def test_a_connection_lost_during_the_commit_says_to_look_first(order: Any, postgres_fleet: PostgresFleet):
    """It may have been committed. A failed attempt to connect again, which Django makes at once, must not hide that."""
    from django.db import OperationalError, transaction

    order.objects.create(what="before")

    @transaction.atomic
    def interrupted() -> None:
        order.objects.create(what="perhaps")
        postgres_fleet.primary.kill()

    with consistency_scope() as scope:
        with pytest.raises(OperationalError) as caught:
            interrupted()
        assert isinstance(caught.value, DatabaseInterrupted)
        assert not caught.value.safe_to_retry
        assert "look first" in str(caught.value)
        assert scope.doubtful_until > float("-inf")
    with pytest.raises((DatabaseInterrupted, NoWriterAvailable)) as refused:
        order.objects.create(what="nowhere")
    assert getattr(refused.value, "safe_to_retry", True)


@pytest.mark.skipif(django.VERSION < (5, 1), reason="Django has pools since 5.1")
def test_pools_are_dropped_as_a_whole_at_a_promotion(postgres_fleet: PostgresFleet):
    """A pool that stays with a demoted writer makes failed writes for days (sqlalchemy#7839)."""
    from django.db import connection, transaction
    from django.db.backends.postgresql.base import DatabaseWrapper

    with project(servers_of(postgres_fleet), postgres_fleet.primary.password, pool=True) as order:
        order.objects.create(what="before")
        assert seen_at()
        pool: Any = DatabaseWrapper._connection_pools["default"]  # type: ignore[attr-defined]
        connection.close()
        old, new = postgres_fleet.primary, replicas_of(postgres_fleet)[0]
        postgres_fleet.wait_in_step()
        old.kill()
        postgres_fleet.promote(new)
        await_writer(new)
        until(lambda: pool.closed, "the pool is closed")
        with transaction.atomic():
            order.objects.create(what="after")
        with use_writer():
            assert [port for _, port in seen_at()] == [new.port, new.port]


def test_a_replica_that_replays_nothing_is_not_read_by_who_has_written(order: Any, postgres_fleet: PostgresFleet):
    """With every replica behind the writer answers; who has written nothing may read what is old."""
    for replica in replicas_of(postgres_fleet):
        replica.pause_replay()
    with consistency_scope(consistency=ReadYourWrites(wait_seconds=0.0)):
        order.objects.create(what="lamp")
        assert seen_at() == [("lamp", postgres_fleet.primary.port)]
    with consistency_scope():
        ports = {each.port for each in replicas_of(postgres_fleet)}
        assert order.objects.count() == 0
        with use_writer():
            assert seen_at() == [("lamp", postgres_fleet.primary.port)]
    for replica in replicas_of(postgres_fleet):
        replica.resume_replay()
    with consistency_scope(consistency=WriterOnly()):
        assert seen_at()[0][1] not in ports


def test_a_token_is_what_makes_the_difference(postgres_fleet: PostgresFleet):
    """With replay paused, who has it reads the write at the writer; who has none, or a forged one, reads what is old."""
    from django.test import Client, override_settings

    cookie = {"name": "rw", "header": "X-Consistency", "secure": True}
    impatient = ReadYourWrites(wait_seconds=0.0)
    password = postgres_fleet.primary.password
    made = project(servers_of(postgres_fleet), password, consistency=impatient)
    with made, override_settings(SEAWALL_REPLICAS_COOKIE=cookie):
        postgres_fleet.wait_in_step()
        for replica in postgres_fleet.servers:
            if replica is not postgres_fleet.primary:
                replica.pause_replay()
        answer = Client().post("/orders")
        text = answer.headers["X-Consistency"]
        assert (answer.cookies["rw"].value, answer.cookies["rw"]["secure"]) == (text, True)
        for given, count in (
            ({"X-Consistency": text}, 1),
            ({"Cookie": f"rw={text}"}, 1),
            ({"X-Consistency": text[:-1] + "!"}, 0),
            ({"Cookie": f"{COOKIE}={text}"}, 0),
        ):
            assert len(Client().get("/orders", headers=given).json()["orders"]) == count, given
