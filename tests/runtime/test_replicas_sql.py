"""What a statement does, read off its text: when in doubt it is no read."""

import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.postgres_fleet import PostgresFleet
from routed_postgres import primary_of, replicas_of, with_orders
from seawall.errors import InvalidInput
from seawall.replicas import StatementKind
from seawall.replicas._pure import HARMLESS, NOT_IN_CATALOG, PURE_FUNCTIONS
from seawall.replicas._words import kind_by_word
from seawall.replicas_sql import LONGEST_CHARACTERS, classify

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN

CURRENT_PARSER = int(version("sqlglot").partition(".")[0]) >= 30

TRAPS = {
    # Reads, some of which look like more.
    "SELECT 1": READ,
    "select * from orders where id = %s": READ,
    "SELECT * FROM orders WHERE id = %(id)s AND note LIKE 'a%%'": READ,
    "SELECT 7 %% 2": READ,
    "SELECT 7 % shops, 7 %tables FROM orders": READ,
    "SELECT %b::int, %t::int, '%%s', '100%s'": READ,
    "DELETE FROM orders WHERE id = %s": WRITE,
    "SELECT settle(%s)": UNKNOWN,
    "SELECT * FROM orders WHERE id = $1": READ,
    "SELECT * FROM orders WHERE id = :id": READ,
    "SELECT * FROM orders WHERE id = ?": READ,
    "  -- a remark\n/* and /* one within */ one */ SELECT 1": READ,
    "SELECT 1;": READ,
    "(SELECT 1) UNION ALL SELECT 2": READ,
    "TABLE orders": READ,
    "VALUES (1), (2)": READ,
    "WITH recent AS MATERIALIZED (SELECT * FROM orders) SELECT count(*) FROM recent": READ,
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n": READ,
    "SELECT 'DELETE FROM orders; --'": READ,
    "SELECT $$UPDATE orders SET a = 1$$": READ,
    'SELECT "update", "for update" FROM "delete"': READ,
    "SELECT Lower(name), COALESCE(a, 0), now(), pg_catalog.upper(name) FROM orders": READ,
    "SELECT sum(total) FILTER (WHERE paid), rank() OVER (PARTITION BY shop ORDER BY total) FROM orders": READ,
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders": READ,
    "SELECT * FROM generate_series(1, 3) AS g(i), LATERAL (SELECT g.i) AS l": READ,
    "SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS t(value, place)": READ,
    "SELECT extract(year FROM at), CAST(id AS text), id::numeric(10, 2), at AT TIME ZONE 'UTC' FROM orders": READ,
    "SELECT note ->> 'a', note @> '{}', name ~* 'x', name IS DISTINCT FROM 'y' FROM orders": READ,
    "SELECT current_user, current_date, random(), gen_random_uuid()": READ,
    "SELECT pg_sleep(0)": READ,
    "SHOW transaction_read_only": READ,
    "EXPLAIN SELECT 1": READ,
    "EXPLAIN (COSTS off) DELETE FROM orders": READ,
    "EXPLAIN VERBOSE INSERT INTO orders VALUES (1)": READ,
    "EXPLAIN ANALYZE SELECT 1": READ,
    "EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM orders": READ,
    # Writes that begin as reads do.
    "WITH new AS (INSERT INTO orders VALUES (1) RETURNING *) SELECT * FROM new": WRITE,
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM gone": WRITE,
    "WITH a AS (SELECT 1), b AS (UPDATE orders SET paid = true RETURNING 1) TABLE b": WRITE,
    "SELECT * FROM orders FOR UPDATE": WRITE,
    "SELECT * FROM orders FOR NO KEY UPDATE SKIP LOCKED": WRITE,
    "SELECT * FROM orders FOR SHARE": WRITE,
    "SELECT * FROM (SELECT * FROM orders FOR KEY SHARE) AS locked": WRITE,
    "TABLE orders FOR UPDATE": WRITE,
    "SELECT * INTO copies FROM orders": WRITE,
    "SELECT * INTO TEMP copies FROM orders": WRITE,
    "EXPLAIN ANALYZE DELETE FROM orders": WRITE,
    "EXPLAIN (ANALYZE true) UPDATE orders SET paid = true": WRITE,
    "explain analyse verbose insert into orders values (1)": WRITE,
    # Plain writes.
    "INSERT INTO orders VALUES (1)": WRITE,
    "insert into orders select * from old": WRITE,
    "UPDATE orders SET paid = true": WRITE,
    "DELETE FROM orders": WRITE,
    "MERGE INTO orders USING new ON orders.id = new.id WHEN MATCHED THEN DELETE": WRITE,
    "TRUNCATE orders": WRITE,
    "CREATE TEMP TABLE t (a int)": WRITE,
    "CREATE TABLE t AS SELECT 1": WRITE,
    "DROP TABLE orders": WRITE,
    "ALTER TABLE orders ADD a int": WRITE,
    "GRANT SELECT ON orders TO somebody": WRITE,
    "REFRESH MATERIALIZED VIEW totals": WRITE,
    "NOTIFY orders": WRITE,
    "VACUUM orders": WRITE,
    "ANALYZE orders": WRITE,
    "-- SELECT 1\nDELETE FROM orders": WRITE,
    # Functions that are not known to change nothing.
    "SELECT nextval('orders_id_seq')": UNKNOWN,
    "SELECT setval('orders_id_seq', 1)": UNKNOWN,
    "SELECT currval('orders_id_seq')": UNKNOWN,
    "SELECT pg_advisory_xact_lock(1)": UNKNOWN,
    "SELECT set_config('search_path', 'a', false)": UNKNOWN,
    "SELECT pg_notify('orders', 'new')": UNKNOWN,
    "SELECT lo_create(0)": UNKNOWN,
    "SELECT * FROM dblink('host=x', 'DELETE FROM orders') AS t(a int)": UNKNOWN,
    "SELECT query_to_xml('DELETE FROM orders', true, true, '')": UNKNOWN,
    "SELECT txid_current()": UNKNOWN,
    "SELECT settle(id) FROM orders": UNKNOWN,
    "SELECT * FROM settle_all()": UNKNOWN,
    "SELECT 1 WHERE EXISTS (SELECT settle(1))": UNKNOWN,
    "SELECT shop.lower('X')": UNKNOWN,
    "SELECT a.pg_catalog.lower('X')": UNKNOWN,
    "SELECT \"Lower\"('X')": UNKNOWN,
    "SELECT (settle(1)).total": UNKNOWN,
    "SELECT * FROM ROWS FROM (settle(1), generate_series(1, 2)) AS t": UNKNOWN,
    "VALUES (settle(1))": UNKNOWN,
    "SELECT max_by(a, b) FROM orders": UNKNOWN,  # the parser knows it, the server only as somebody's own
    "SELECT transform(a) FROM orders": UNKNOWN,
    "EXPLAIN ANALYZE SELECT settle(1)": UNKNOWN,
    # What may do anything, or belongs to its connection.
    "COPY orders FROM STDIN": UNKNOWN,
    "COPY orders TO STDOUT": UNKNOWN,
    "CALL settle()": UNKNOWN,
    "DO $$ BEGIN DELETE FROM orders; END $$": UNKNOWN,
    "LOCK TABLE orders": UNKNOWN,
    "EXECUTE prepared(1)": UNKNOWN,
    "EXPLAIN EXECUTE prepared(1)": UNKNOWN,
    "EXPLAIN ANALYZE EXECUTE prepared(1)": UNKNOWN,
    "PREPARE prepared AS DELETE FROM orders": UNKNOWN,
    "DECLARE c CURSOR FOR SELECT 1": UNKNOWN,
    "FETCH 1 FROM c": UNKNOWN,
    "LISTEN orders": UNKNOWN,
    "SET search_path = a": UNKNOWN,
    "SET LOCAL statement_timeout = 1": UNKNOWN,
    "BEGIN": UNKNOWN,
    "COMMIT": UNKNOWN,
    "SAVEPOINT a": UNKNOWN,
    # Several, none, and what nobody understands.
    "SELECT 1; SELECT 2": UNKNOWN,
    "SELECT 1; DELETE FROM orders": UNKNOWN,
    "SHOW all; DELETE FROM orders": UNKNOWN,
    "EXPLAIN SELECT 1; DELETE FROM orders": UNKNOWN,
    "EXPLAIN": UNKNOWN,
    "": UNKNOWN,
    ";": UNKNOWN,
    "SELECT 'open": UNKNOWN,
    "SELECT FROM WHERE": UNKNOWN,
    "blah": UNKNOWN,
    "SELECT 1 /*! INTO OUTFILE 'x' */": UNKNOWN,
}


@pytest.mark.parametrize(("sql", "kind"), TRAPS.items())
def test_each_trap_is_seen(sql: str, kind: StatementKind) -> None:
    """What begins with SELECT may write (pgcat#829), and what looks like a write may be a text in quotes."""
    found = classify(sql)
    if found is UNKNOWN and kind is WRITE and not CURRENT_PARSER:
        return  # it does not know TABLE or FOR KEY SHARE yet; to the writer it goes all the same
    assert found is kind


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT `update` FROM `orders`", READ),
        ("SELECT * FROM orders LOCK IN SHARE MODE", WRITE),
        ("SELECT get_lock('a', 1)", UNKNOWN),
        ("REPLACE INTO orders VALUES (1)", WRITE),
        ("DESCRIBE orders", READ),
    ],
)
def test_mysql_has_its_own_traps(sql: str, kind: StatementKind) -> None:
    """MariaDB and MySQL quote and lock in their own ways."""
    assert classify(sql, "mysql") is kind


def test_an_unknown_dialect_is_refused() -> None:
    """A parser of another engine would read the text wrongly without a word."""
    with pytest.raises(InvalidInput, match="dialect"):
        classify("SELECT 1", "klingon")


def test_texts_too_long_to_parse_are_no_reads() -> None:
    """A load of data as one text is not worth the milliseconds, nor a place among what is remembered."""
    assert classify("SELECT " + "1, " * LONGEST_CHARACTERS + "1") is UNKNOWN
    assert classify("TRUNCATE " + "a, " * LONGEST_CHARACTERS + "b") is WRITE


def test_what_nests_too_deeply_for_the_parser_is_no_read() -> None:
    """The parser descends; a text must not be able to end the request with a RecursionError."""
    assert classify("SELECT " + "(" * 5_000 + "1" + ")" * 5_000) is UNKNOWN


PIECES = [
    "SELECT",
    "(",
    ")",
    "'",
    '"',
    ";",
    "--",
    "/*",
    "*/",
    "$$",
    "WITH",
    "FOR UPDATE",
    "INTO",
    "a",
    ",",
    "E'",
    "\\",
    "EXPLAIN",
]
SPACES = st.sampled_from([" ", "\n", "\t", " /* DELETE */ ", " -- FOR UPDATE\n"])
PURE = st.sampled_from(
    ["a", "1", "'x'", "lower(a)", "count(*)", "coalesce(a, 1)", "now()", "(SELECT max(b) FROM u)", "$1"]
)
IMPURE = st.sampled_from(
    ["settle(1)", "nextval('s')", "(SELECT settle(a) FROM u)", "shop.lower(a)", "lower(settle(a))", "pg_notify('a', 'b')"]
)  # fmt: skip
WRITING_CTES = st.sampled_from(
    ["INSERT INTO t VALUES (1) RETURNING a", "DELETE FROM t RETURNING a", "UPDATE t SET a = 1 RETURNING a"]
)


def random_case(draw: Any, text: str) -> str:
    """Keywords and names of functions in any case; quoted texts as they are."""
    pieces = text.split("'")
    return "'".join(
        draw(st.sampled_from([str.lower, str.upper, str.title]))(piece) if not at % 2 else piece
        for at, piece in enumerate(pieces)
    )


@st.composite
def queries(draw: Any, item: st.SearchStrategy[str], cte: st.SearchStrategy[str] | None = None, end: str = "") -> str:
    """Queries in whose innermost one, somewhere, stands an `item`."""
    others = draw(st.lists(PURE, max_size=2))
    where = draw(st.integers(0, len(others)))
    items = [*others[:where], draw(item), *others[where:]]
    sql = f"SELECT {', '.join(items)} FROM t{end}"  # noqa: S608 - never sent anywhere
    if cte is not None:
        sql = f"WITH c AS ({draw(cte)}) {sql}"
    for _ in range(draw(st.integers(0, 3)) if cte is None else 0):
        shape = draw(
            st.sampled_from(
                ["SELECT * FROM ({}) AS s", "WITH w AS ({}) SELECT * FROM w", "SELECT 1 WHERE EXISTS ({})", "({}) UNION (SELECT 1)"]
            )
        )  # fmt: skip
        sql = shape.format(sql)
    return str(draw(SPACES)).join(random_case(draw, sql).split(" "))


@given(queries(PURE))
def test_a_query_of_pure_parts_is_a_read(sql: str) -> None:
    """However nested, spaced, remarked and capitalized: else replicas would stand idle."""
    assert classify(sql) is READ


@given(queries(IMPURE))
def test_a_query_with_an_unknown_function_anywhere_is_no_read(sql: str) -> None:
    """A function that writes is as much a write in the third subquery as in the first line."""
    assert classify(sql) is UNKNOWN


@given(queries(PURE, WRITING_CTES))
def test_a_query_with_a_writing_part_is_a_write(sql: str) -> None:
    """pgcat#829: an INSERT in a WITH went to a replica."""
    assert classify(sql) is WRITE


@given(queries(PURE, end=" FOR UPDATE"))
def test_a_lock_anywhere_is_a_write(sql: str) -> None:
    """A replica refuses row locks."""
    assert classify(sql) is WRITE


@given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_has_an_answer(sql: str) -> None:
    """A statement that the parser chokes on must still be sent, to the writer."""
    assert classify(sql) in StatementKind


@given(st.sampled_from(list(TRAPS)))
def test_the_first_word_never_calls_a_read_a_write(sql: str) -> None:
    """Without sqlglot nothing is known to be a read; what is refused in `read_only()` must be a write."""
    by_word = kind_by_word(sql)
    assert by_word in (UNKNOWN, WRITE)
    if by_word is WRITE:
        assert classify(sql) is WRITE


def test_without_the_extra_it_says_so_and_adapters_go_by_the_first_word() -> None:
    """An import error in a request would be the wrong way to learn that an extra is missing."""
    code = """
import sys
sys.modules["sqlglot"] = None
from seawall._raw_statements import classifier
from seawall.errors import MissingExtra
known = classifier()
print(known("DELETE FROM orders"), known("SELECT 1"))
try:
    import seawall.replicas_sql
except MissingExtra as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    said = ran.stdout.splitlines()
    assert said[0] == "write unknown"
    assert "seawall[sql]" in said[1]


@pytest.fixture
def fleet(_postgres_servers: PostgresFleet) -> PostgresFleet:
    return with_orders(_postgres_servers)


@pytest.mark.xdist_group("postgres2")
def test_every_function_called_pure_is_so_on_a_real_server(fleet: PostgresFleet) -> None:
    """The server's own catalog says which functions promise to change nothing; ours must not promise more."""
    import psycopg

    with psycopg.connect(primary_of(fleet).dsn()) as connection:
        rows = connection.execute(
            "SELECT proname, bool_or(provolatile = 'v') FROM pg_proc"
            " WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY proname"
        ).fetchall()
    volatile = dict(rows)
    assert PURE_FUNCTIONS - volatile.keys() == NOT_IN_CATALOG
    assert {name for name in PURE_FUNCTIONS if volatile.get(name)} == HARMLESS


@pytest.mark.xdist_group("postgres2")
def test_a_replica_takes_what_is_called_a_read(fleet: PostgresFleet) -> None:
    """Each read of the table of traps runs in a READ ONLY transaction of a real replica, or fails for another reason."""
    import psycopg

    refused: list[str] = []
    with psycopg.connect(replicas_of(fleet)[0].dsn(), autocommit=True) as connection:
        for sql in (sql for sql, kind in TRAPS.items() if kind is READ and "%s" not in sql and "%(" not in sql):
            try:
                connection.execute(sql.encode())
            except psycopg.errors.ReadOnlySqlTransaction:
                refused.append(sql)
            except psycopg.Error:
                continue  # there is no such table here
    assert refused == []
