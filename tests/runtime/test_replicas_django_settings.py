"""What a Django project's settings must say, and what is known of a statement. No database is asked."""

from typing import Any

import pytest

from django_project import configure
from seawall.errors import InvalidInput
from seawall.replicas import DatabaseServer, StatementKind


def test_without_replicas_everything_is_as_django_has_it():
    """The engine, the router and the middleware may stay in a project's settings where there are none, as in its tests."""
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
        ({"SEAWALL_REPLICAS_COOKIE": {"header": "X Y"}}, "seawall.E001"),
        ({"DATABASE_ROUTERS": []}, "seawall.W001"),
        ({"MIDDLEWARE": []}, "seawall.W002"),
    ],
)
def test_manage_check_names_what_is_wrong_with_the_settings(given: dict[str, Any], line: str):
    """A setting that was forgotten shows when the project is deployed, and not in what its users read."""
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
    configure()
    from seawall.replicas import ReplicaRouter
    from seawall.replicas_django._setup import Replicas

    with pytest.raises(InvalidInput, match="member = default"):
        Replicas(ReplicaRouter(DatabaseServer("default", "127.0.0.1:1"), []))


def test_a_member_declared_with_another_engine_is_refused():
    """Its connections would write, and follow nothing."""
    configure()
    from django.db import connections

    from seawall.replicas_django._setup import Replicas

    before = connections.settings
    connections.settings = {**before, "one": {**before["default"], "ENGINE": "django.db.backends.sqlite3"}}
    try:
        with pytest.raises(InvalidInput, match=r"DATABASES\['one'\].ENGINE = django.db.backends.sqlite3"):
            Replicas(_unconnected(None))
    finally:
        connections.settings = before


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


def test_tokens_are_signed_by_the_projects_secret_and_its_fallbacks():
    """A secret that is changed does not let every user read what is old; another project's tokens count for nothing."""
    configure()
    from django.test import override_settings

    from seawall.replicas import ConsistencyToken
    from seawall.replicas_django import token_signer

    tokens = (ConsistencyToken(7, 1, 1000),)
    with override_settings(SECRET_KEY="the first of them"):
        text = token_signer().dump(tokens)
    with override_settings(SECRET_KEY="the second", SECRET_KEY_FALLBACKS=["the first of them"]):
        assert token_signer().load(text) == tokens
    with override_settings(SECRET_KEY="the second"):
        assert token_signer().load(text) is None
