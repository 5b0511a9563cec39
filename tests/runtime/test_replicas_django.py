"""Django over a writer and two replicas, all real: what is read where, what a promotion does, and what an error says."""

import threading
from collections.abc import Iterator
from typing import Any

import django
import pytest

from django_project import project, seen_at, servers_of
from localcloud.postgres import PostgresServer, until
from localcloud.postgres_fleet import PostgresFleet
from seawall.errors import (
    DatabaseInterrupted,
    InvalidInput,
    NoWriterAvailable,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    ConsistencyToken,
    DatabaseServer,
    ReadYourWrites,
    StatementKind,
    WriterOnly,
    consistency_scope,
    read_only,
    use_writer,
)

pytestmark = pytest.mark.xdist_group("postgres")


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


def test_a_write_is_read_at_a_replica_at_once_and_transactions_read_where_they_write(
    order: Any, postgres_fleet: PostgresFleet
):
    """The fault of others is either: a replica that lags is read after a write, or one is read inside of atomic()."""
    from django.db import transaction

    replicas = {each.port for each in replicas_of(postgres_fleet)}
    with consistency_scope() as scope:
        for number in range(5):
            if number % 2:
                order.objects.create(what=str(number))
            else:
                with transaction.atomic():
                    order.objects.create(what=str(number))
                    assert seen_at()[-1] == (str(number), postgres_fleet.primary.port)
            assert isinstance(scope.tokens.positions[0], ConsistencyToken)
            what, port = seen_at()[-1]
            assert (what, port in replicas) == (str(number), True)
            assert len(list(order.objects.iterator())) == number + 1  # by a cursor on the server


def test_the_token_comes_with_the_commit_and_costs_no_statement(order: Any):
    """A round trip per write doubles what a small write costs; only one that commits by itself has to ask afterwards."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    with consistency_scope() as scope:
        with CaptureQueriesContext(connection) as sent, transaction.atomic():
            order.objects.create(what="lamp")
        assert [each["sql"].split()[0] for each in sent] == ["BEGIN", "INSERT", "COMMIT"]
        first = scope.tokens.positions[0].lsn
        order.objects.create(what="chair")
        assert scope.tokens.positions[0].lsn > first
        version = scope.version
        with transaction.atomic():
            order.objects.create(what="table")
            transaction.set_rollback(True)
        assert scope.version == version
        assert [what for what, _ in seen_at()] == ["lamp", "chair"]


def test_a_failed_transaction_that_is_committed_by_hand_gives_no_token(order: Any):
    """COMMIT of a failed transaction is answered by ROLLBACK: nothing was written, whatever was sent."""
    from django.db import ProgrammingError, connection

    with consistency_scope() as scope:
        connection.set_autocommit(False)
        try:
            order.objects.create(what="lamp")
            with pytest.raises(ProgrammingError), connection.cursor() as cursor:
                cursor.execute("SELECT nothing_of_that_name")
            connection.commit()
        finally:
            connection.set_autocommit(True)
        assert not scope.tokens
        assert scope.doubtful_until == float("-inf")
        assert seen_at() == []


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


def test_in_read_only_nothing_is_written_by_any_way(order: Any, postgres_fleet: PostgresFleet):
    """The ORM's write raises before it is sent, raw SQL goes to a reader, and the server refuses what functions would do."""
    from django.db import InternalError, connection, transaction

    with read_only():
        for write in (
            lambda: order.objects.create(what="lamp"),
            lambda: order.objects.update(what="chair"),
            lambda: order.objects.all().delete(),
            lambda: list(order.objects.select_for_update()),
            lambda: connection.cursor().execute("INSERT INTO shop_order (what) VALUES ('x')"),
        ):
            with pytest.raises(WriteInReadOnlyScope):
                write()
        with connection.cursor() as cursor:
            cursor.execute("SELECT inet_server_port()")
            assert cursor.fetchone()[0] in {each.port for each in replicas_of(postgres_fleet)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            assert cursor.fetchone() == ("on",)
            with pytest.raises(InternalError, match="read-only"):
                cursor.execute("SELECT nextval('shop_order_id_seq')")
    for alias in [each.name for each in postgres_fleet.servers]:
        with pytest.raises(InternalError, match="read-only"):
            order.objects.using(alias).create(what="by way of a member")
    order.objects.create(what="lamp")
    assert order.objects.using("default").count() == 1


def test_a_transaction_on_a_reader_sees_one_moment_and_all_reads_go_there(order: Any):
    """A report of several statements, on a replica: `reader_alias()` names one that has seen this session's writes."""
    from django.db import transaction

    from seawall.replicas_django import reader_alias

    with consistency_scope():
        order.objects.create(what="lamp")
        alias = reader_alias()
        assert alias != "default"
        with transaction.atomic(using=alias):
            assert {(each.what, each._state.db) for each in order.objects.all()} == {("lamp", alias)}
            assert order.objects.first()._state.db == alias


def test_migrations_run_on_default_only_and_objects_of_all_members_may_be_related(order: Any):
    """What is migrated on the writer is replicated; where an object was read from is nobody's business."""
    from django.db import router

    def at(alias: str) -> Any:
        found = order(what="lamp")
        found._state.db = alias
        return found

    assert [router.allow_migrate(alias, "shop") for alias in ("default", "db0", "db1", "db2")] == [True] + 3 * [False]
    assert router.allow_migrate("analytics", "shop")
    assert router.allow_relation(at("db1"), at("default"))
    assert router.allow_relation(at("db1"), at("db2"))
    assert not router.allow_relation(at("db1"), at("analytics"))


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


def test_without_replicas_everything_is_as_django_has_it():
    """The engine, the router and the middleware may stay in a project's settings where there are none, as in its tests."""
    from django_project import configure

    configure()
    from django.core.checks import run_checks
    from django.db import connection, connections, router

    from seawall.replicas_django import reader_alias, replica_router
    from seawall.replicas_django._setup import installed

    assert installed() is None
    assert list(connections.settings) == ["default"]
    model: Any = None
    assert (router.db_for_read(model), router.db_for_write(model), reader_alias()) == ("default",) * 3
    assert "host" not in connection.get_connection_params()
    assert run_checks() == []
    with pytest.raises(InvalidInput, match="SEAWALL_REPLICAS = None"):
        replica_router()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"SEAWALL_REPLICAS": 7}, "seawall.E001"),
        ({"SEAWALL_REPLICAS": lambda gauge: "router"}, "seawall.E001"),
        ({"SEAWALL_REPLICAS_COOKIE": {"secur": True}}, "seawall.E001"),
        ({"SEAWALL_REPLICAS_COOKIE": {"same_site": "none"}}, "seawall.E001"),
        ({"DATABASE_ROUTERS": []}, "seawall.W001"),
        ({"MIDDLEWARE": []}, "seawall.W002"),
    ],
)
def test_manage_check_names_what_is_wrong_with_the_settings(given: dict[str, Any], line: str):
    """A setting that was forgotten shows when the project is deployed, and not in what its users read."""
    from django_project import configure

    configure()
    from django.core.checks import run_checks
    from django.test.utils import override_settings

    with override_settings(**{"SEAWALL_REPLICAS": _unconnected, **given}):
        found = [each for each in run_checks() if (each.id or "").startswith("seawall")]
    assert [each.id for each in found] == [line]
    assert all(len(str(each.msg).splitlines()) == 1 for each in found)


def _unconnected(gauge: Any) -> Any:
    from seawall.replicas import ReplicaRouter

    return ReplicaRouter(DatabaseServer("one", "127.0.0.1:1"), [], gauge=gauge)


def test_a_member_may_not_be_called_default():
    """That alias is the writer, whoever it is."""
    from django_project import configure

    configure()
    from seawall.replicas import ReplicaRouter
    from seawall.replicas_django._setup import Replicas

    with pytest.raises(InvalidInput, match="member = default"):
        Replicas(ReplicaRouter(DatabaseServer("default", "127.0.0.1:1"), []))


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("INSERT INTO x VALUES (1)", StatementKind.WRITE),
        ("  update x SET y = 1", StatementKind.WRITE),
        ("TRUNCATE x", StatementKind.WRITE),
        ('SELECT "x"."id" FROM "x" FOR UPDATE', StatementKind.UNKNOWN),
        ("(SELECT 1) UNION (SELECT 2)", StatementKind.UNKNOWN),
        ("WITH a AS (DELETE FROM x RETURNING *) SELECT * FROM a", StatementKind.UNKNOWN),
        ("-- a comment\nDELETE FROM x", StatementKind.WRITE),
        ("", StatementKind.UNKNOWN),
        (b"SELECT 1", StatementKind.UNKNOWN),
        ('SAVEPOINT "s1"', None),
        ("SET CONSTRAINTS ALL IMMEDIATE", None),
        ("UPDATED", StatementKind.UNKNOWN),
    ],
)
def test_what_a_statement_does_is_told_by_its_first_word_or_not_at_all(sql: object, kind: StatementKind | None):
    """Whatever is not known for sure counts as a write: its token is fetched, and it never goes to a replica."""
    from seawall.replicas_django._statements import kind_of

    assert kind_of(sql) is kind
