"""What statements do that were built with SQLAlchemy: when in doubt they are no reads."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased, selectinload
from sqlalchemy.sql.functions import GenericFunction

from orders_model import Line, Order
from seawall._raw_statements import classifier
from seawall.replicas import StatementKind
from seawall.replicas._words import kind_by_word
from seawall.replicas_sqlalchemy._statements import Reader

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN

NEW = insert(Order).values(id=1).returning(Order.id).cte("new")
OLDER = aliased(Order)
TREE = select(sa.literal(1).label("n")).cte("tree", recursive=True)
TREE = TREE.union_all(select(TREE.c.n + 1).where(TREE.c.n < 9))


class settle(GenericFunction[int]):  # noqa: N801 - its name is that of the function
    """A function that somebody declared for SQLAlchemy."""

    inherit_cache = True


class Sneak(sa.ColumnElement[int]):
    """A part of somebody's own, which may be compiled to anything."""

    inherit_cache = True


@compiles(Sneak)
def _sneak(element: Sneak, compiler: Any, **more: Any) -> str:
    return "nextval('numbers')"


STATEMENTS: dict[str, tuple[Any, StatementKind]] = {
    # Reads.
    "entities": (select(Order), READ),
    "columns": (select(Order.id, Order.note).where(Order.id == 1).order_by(Order.note.desc()).limit(3), READ),
    "joins and loaders": (select(Order).join(Line).options(selectinload(Order.lines)), READ),
    "pure functions": (select(func.count(), func.Lower(Order.note), func.pg_catalog.upper(Order.note), func.now()), READ),
    "windows": (select(func.row_number().over(order_by=Order.id)), READ),
    "casts and cases": (select(sa.cast(Order.id, sa.String), sa.case((Order.id == 1, "x")), sa.extract("year", func.now())), READ),
    "subqueries": (select(Order).where(Order.id.in_(select(Line.order_id))), READ),
    "exists": (select(sa.exists().where(Order.id == 1)), READ),
    "unions": (sa.union_all(select(Order.id), select(Line.id)), READ),
    "a recursive query": (select(TREE), READ),
    "functions as tables": (select(func.generate_series(1, 3).table_valued("n")), READ),
    "text in a where": (select(Order).where(text("id > :least")).order_by(text("note DESC")), READ),
    "a literal column": (select(sa.literal_column("1 + 1")), READ),
    "text": (text("SELECT 1"), READ),
    "text with columns": (text("SELECT id FROM orders").columns(Order.id), READ),
    "entities from text": (select(Order).from_statement(text("SELECT * FROM orders")), READ),
    "a function": (func.now(), READ),
    # Writes.
    "insert": (insert(Order).values(id=1), WRITE),
    "insert returning": (insert(Order).values(id=1).returning(Order), WRITE),
    "update": (sa.update(Order).values(note="x"), WRITE),
    "delete": (sa.delete(Order), WRITE),
    "a writing cte": (select(NEW), WRITE),
    "entities from a write": (select(Order).from_statement(insert(Order).values(id=1).returning(Order)), WRITE),
    "a lock": (select(Order).with_for_update(), WRITE),
    "a shared lock": (select(Order).with_for_update(read=True, skip_locked=True), WRITE),
    "a lock in a subquery": (select(select(Order.id).with_for_update().subquery()), WRITE),
    "tables": (sa.schema.CreateTable(sa.Table("t", sa.MetaData())), WRITE),
    "ddl": (sa.DDL("ANALYZE"), WRITE),
    "text that writes": (text("DELETE FROM orders"), WRITE),
    "text that writes with columns": (text("DELETE FROM orders RETURNING id").columns(Order.id), WRITE),
    "entities from text that writes": (select(Order).from_statement(text("DELETE FROM orders RETURNING *")), WRITE),
    # Who knows.
    "an unknown function": (select(func.settle(Order.id)), UNKNOWN),
    "a declared function": (select(settle(Order.id)), UNKNOWN),
    "a function of a schema": (select(func.shop.lower(Order.note)), UNKNOWN),
    "an unknown function deep inside": (select(Order).where(Order.id.in_(select(func.settle(Line.id)))), UNKNOWN),
    "an unknown function as a table": (select(func.settle_all().table_valued("id")), UNKNOWN),
    "a sequence": (select(sa.Sequence("numbers").next_value()), UNKNOWN),
    "a sequence by itself": (sa.Sequence("numbers"), UNKNOWN),
    "a part of somebody's own": (select(Sneak()), UNKNOWN),
    "text in a where that writes": (select(Order).where(text("settle(id) > 1")), UNKNOWN),
    "text that ends a query": (select(Order).where(text("1 = 1 FOR UPDATE")), UNKNOWN),
    "a literal column that writes": (select(sa.literal_column("nextval('numbers')")), UNKNOWN),
    "a suffix": (select(Order).suffix_with("FOR UPDATE"), UNKNOWN),
    "a prefix": (select(Order).prefix_with("DISTINCT"), UNKNOWN),
    "a hint": (select(Order).with_statement_hint("FOR UPDATE"), UNKNOWN),
    "text that locks": (text("LOCK orders"), UNKNOWN),
    "a lambda": (sa.lambda_stmt(lambda: select(Order)), UNKNOWN),
    "anything else": ("SELECT 1", UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_statement_is_seen_for_what_it_is(name: str) -> None:
    """A lock or a function that writes is as much a write in a subquery, in a CTE or in a piece of text."""
    statement, kind = STATEMENTS[name]
    reader = Reader(classifier())
    assert reader.kind(statement) is kind
    assert reader.kind(statement) is kind, "what is remembered is the same"


def test_a_statement_that_was_changed_is_another_one() -> None:
    """What is remembered of a query must not be believed of the locking one that was made from it."""
    reader, query = Reader(classifier()), select(Order)
    assert reader.kind(query) is READ
    assert reader.kind(query.with_for_update()) is WRITE
    assert reader.kind(query) is READ


def test_without_sqlglot_only_what_was_built_is_known_to_read() -> None:
    """Raw SQL then goes to the writer; a query of the ORM goes to a replica as before."""
    reader = Reader(kind_by_word)
    assert reader.kind(select(Order)) is READ
    assert reader.kind(text("SELECT 1")) is UNKNOWN
    assert reader.kind(text("DELETE FROM orders")) is WRITE
    assert reader.kind(select(Order).where(text("id > 1"))) is UNKNOWN
