"""The SQL classifier: one statement that only reads, in every common dialect, or a write."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolspecs.sql import MAX_CHARACTERS, is_read_only, why_not_read_only

READS = r"""
SELECT 1
select * from orders
SELECT * FROM orders;
SELECT count(*), max(total) FROM orders WHERE status = 'open; DROP TABLE x'
SELECT name FROM "my table" WHERE a = 'it''s'
SELECT * FROM `order items` LIMIT 5
SELECT * FROM a JOIN b ON a.id = b.id WHERE a.x IN (SELECT x FROM c) ORDER BY a.x DESC
WITH t AS (SELECT 1 AS x) SELECT x FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5
SELECT * FROM t WHERE id = ? AND x = :name AND y = $1 AND z = %s
SELECT substring(name FROM 1 FOR 3) FROM t
SELECT cast(x AS VARCHAR(10)), y::text FROM t
SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM t
SELECT 1 -- a remark
SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t
VALUES (1, 2)
TABLE orders
EXPLAIN SELECT * FROM t
EXPLAIN QUERY PLAN SELECT * FROM t
SHOW TABLES
DESCRIBE orders
""".strip().splitlines()

WRITES = r"""
INSERT INTO t VALUES (1)
UPDATE t SET a = 1
DELETE FROM t
REPLACE INTO t VALUES (1)
MERGE INTO t USING s ON a = b WHEN MATCHED THEN DELETE
CREATE TABLE t (a int)
DROP TABLE t
ALTER TABLE t ADD a int
TRUNCATE t
SELECT 1; DELETE FROM t
SELECT 1; SELECT 2
; SELECT 1
WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d
WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x
SELECT * INTO new FROM t
SELECT * FROM t INTO OUTFILE '/tmp/x'
SELECT * FROM t FOR UPDATE
SELECT * FROM t FOR NO KEY UPDATE
SELECT * FROM t FOR SHARE
SELECT * FROM t LOCK IN SHARE MODE
SELECT nextval('s')
SELECT setval('s', 1)
SELECT pg_terminate_backend(1)
SELECT "setval"('s', 1)
SELECT `sleep`(5)
SELECT [x](1)
SELECT pg_catalog.setval('s', 1)
SELECT load_extension('x')
SELECT lo_unlink(1)
SELECT * FROM dblink('x', 'DELETE FROM t')
SELECT @a := 1
SELECT set_config('a', 'b', false)
SELECT my_function(1)
SELECT 'a\'; DELETE FROM t; -- '
SELECT "a\"; DELETE FROM t; -- "
SELECT 1 /* ' */; DELETE FROM t -- '
SELECT 1 /*! INTO OUTFILE 'x' */
SELECT 1 --'; DELETE FROM t; --'
SELECT $$a$$
SELECT $tag$ ' $tag$; DELETE FROM t; -- '
SELECT E'a\'; DELETE FROM t; --'
SELECT U&'a'
SELECT N'a'
SELECT 1 # ' ; DELETE
SELECT ` ; DELETE FROM t; -- `
EXPLAIN ANALYZE DELETE FROM t
EXPLAIN ANALYZE SELECT 1
EXPLAIN (ANALYZE) SELECT 1
EXPLAIN DELETE FROM t
EXPLAIN
PRAGMA journal_mode = WAL
PRAGMA table_info(t)
SET x = 1
BEGIN
COMMIT
VACUUM
ATTACH 'x' AS y
COPY t TO '/tmp/x'
CALL p()
DO $$ BEGIN END $$
EXEC sp_who
GRANT ALL ON t TO x
LISTEN x
SHOW GRANTS FOR (SELECT 1)
DESCRIBE SELECT 1
hello
(SELECT 1)
SELECT 'open
SELECT "open
SELECT 'a''
SELECT a FROM t WHERE b = 1 FOR
1
;
""".strip().splitlines()  # fmt: skip
WRITES += ["", "  ", "SELECT 1 -- x\rDELETE FROM t", "SELECT 1 -- \r ' \nDELETE FROM t -- '", "SELECT\x001", "SELECT é"]


@pytest.mark.parametrize("statement", READS)
def test_a_query_only_reads(statement):
    """Queries that only look may be started early."""
    assert why_not_read_only(statement) is None


@pytest.mark.parametrize("statement", WRITES)
def test_anything_else_is_a_write(statement):
    """Changes, locks, unknown functions, and texts whose meaning hangs on the dialect."""
    assert why_not_read_only(statement)
    assert not is_read_only(statement)


@pytest.mark.parametrize("statement", [None, 1, ["SELECT 1"], True])
def test_only_text_is_a_statement(statement):
    """Any JSON value may stand where the statement should."""
    assert not is_read_only(statement)


def test_long_text_is_refused_at_once():
    """The length is capped, so that judging is bounded."""
    assert "longer" in str(why_not_read_only("SELECT " + "1" * MAX_CHARACTERS))


_PARTS = st.sampled_from(
    """SELECT * a FROM t WHERE = 1 ; DELETE UPDATE SET INSERT INTO VALUES (1) DROP TABLE ' " ` -- /* */ 'x' "a" WITH
    AS ( ) , count(*) REPLACE CREATE EXPLAIN ORDER BY UNION PRAGMA user_version=5 VACUUM t2 abs(a) ||
    [a] ? :a""".split()  # noqa: SIM905  # reads best as words
)


@given(st.lists(_PARTS, min_size=1, max_size=10).map(" ".join))
@settings(max_examples=200)
def test_what_it_calls_read_only_changes_nothing_in_sqlite(statement):
    """Random statements it calls read-only, run for real, leave the database as it was."""
    if not is_read_only(statement):
        return
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
    before = list(database.iterdump()), database.total_changes
    with contextlib.suppress(sqlite3.Error):
        database.execute(statement, {"a": 1} if ":a" in statement else (1,) * statement.count("?")).fetchall()
    assert (list(database.iterdump()), database.total_changes) == before
    database.close()


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_never_raises_on_any_text(statement):
    """A matcher runs on the path of a real call: it answers, whatever the text."""
    assert why_not_read_only(statement) is None or is_read_only(statement) is False
