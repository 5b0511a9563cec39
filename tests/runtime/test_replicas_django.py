"""Django over a writer and two replicas, all real, to which nothing happens: what is read where, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_project import orders_model, project, seen_at, servers_of
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from seawall.errors import WriteInReadOnlyScope
from seawall.replicas import ConsistencyToken, ReadYourWrites, consistency_scope, read_only

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(scope="module")
def calm(_postgres_servers: PostgresFleet) -> Iterator[PostgresFleet]:
    """The project on a fleet to which nothing happens, once for all tests here; patient: a read at the writer is a fault."""
    fleet = _postgres_servers
    fleet.mend()
    with project(servers_of(fleet), fleet.primary.password, consistency=ReadYourWrites(wait_seconds=5.0)):
        yield fleet


@pytest.fixture
def order(calm: PostgresFleet) -> Any:
    """The project's model, without rows."""
    model = orders_model()
    model.objects.using("default").all().delete()
    calm.wait_in_step()
    return model


def replicas_of(fleet: PostgresFleet) -> list[PostgresServer]:
    primary = fleet.primary
    return [each for each in fleet.servers if each is not primary]


def test_a_write_is_read_at_a_replica_at_once_and_transactions_read_where_they_write(order: Any, calm: PostgresFleet):
    """The fault of others is either: a replica that lags is read after a write, or one is read inside of atomic()."""
    from django.db import transaction

    replicas = {each.port for each in replicas_of(calm)}
    with consistency_scope() as scope:
        for number in range(5):
            if number % 2:
                order.objects.create(what=str(number))
            else:
                with transaction.atomic():
                    order.objects.create(what=str(number))
                    assert seen_at()[-1] == (str(number), calm.primary.port)
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


def test_in_read_only_nothing_is_written_by_any_way(order: Any, calm: PostgresFleet):
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
            assert cursor.fetchone()[0] in {each.port for each in replicas_of(calm)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            assert cursor.fetchone() == ("on",)
            with pytest.raises(InternalError, match="read-only"):
                cursor.execute("SELECT nextval('shop_order_id_seq')")
    for alias in [each.name for each in calm.servers]:
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
