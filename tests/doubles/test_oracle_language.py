"""The check of statements for Oracle Database: each leniency of sqlglot is a row, and each rule no parser knows."""

from __future__ import annotations

import pytest
import sqlglot

from tests.doubles.oracle.language import faults
from tests.doubles.oracle.tables import columns_of, tables_of
from tests.doubles.oracle.words import FUNCTIONS, KEYWORDS, RESERVED

_T = "CREATE TABLE t (a NUMBER(9) PRIMARY KEY, b VARCHAR2(20 CHAR) NOT NULL, c CLOB, j JSON, at TIMESTAMP)"
TABLES = tables_of((_T, "CREATE TABLE u (a NUMBER(9), d VARCHAR2(20 CHAR))"))
REFUSED = {
    "SELECT a FROM t LIMIT 3": "LIMIT",
    "SELECT a FROM t FETCH FIRST 3 ROWS ONLYY": "",
    "CREATE TABLE x (y BLOBB)": "BLOBB is none of Oracle's types",
    "CREATE TABLE x (y TEXT)": "TEXT is none of Oracle's types",
    "CREATE TABLE x (y VARCHAR2)": "ORA-00906",
    "CREATE TABLE x (y VARCHAR2(5000))": "ORA-00910",
    "CREATE TABLE x (y NUMBER(39))": "ORA-01727",
    "CREATE TABLE x (y SERIAL PRIMARY KEY)": "SERIAL",
    "CREATE TABLE x (date NUMBER)": "date is reserved",
    "CREATE TABLE x (y NUMBER, KEYY (y))": "KEYY",
    "CREATE VECTOR INDEX x ON t (j) ORGANIZATION NEIGHBOUR PARTITIONS": "NEIGHBOUR",
    "SELECT CAST(a AS TEXT) FROM t": "TEXT is none of Oracle's types",
    "SELECT JSON_VALUE(j, '$.k' RETURNING TEXT) FROM t": "TEXT is none of Oracle's types",
    "SELECT FOOBAR(a) FROM t": "FOOBAR",
    "SELECT IFNULL(b, 'x') FROM t": "IFNULL",
    "SELECT NVL(b) FROM t": "NVL does not take 1",
    "SELECT SUBSTR(b, 1, 2, 3) FROM t": "SUBSTR does not take 4",
    "SELECT a FROM t WHERE b ILIKE 'x'": "ILIKE",
    "SELECT a FROM t WHERE a = TRUE": "TRUE",
    "SELECT a::text FROM t": "':'",
    "SELECT `a` FROM t": "'`'",
    "SELECT a FROM t WHERE b = ?": "'?'",
    "SELECT a FROM t;": "semicolon",
    "SELECT a FROM t -- all": "comment",
    "SELECT a FROM t AS x": "AS before the alias x",
    "SELECT x.a FROM t x JOIN u AS y ON y.a = x.a": "AS before the alias y",
    "SELECT a AS level FROM t": "",
    "SELECT a AS size FROM t": "size is reserved",
    "SELECT order FROM t": "",
    "SELECT a FROM t WHERE b = :date": "ORA-01745",
    "SELECT a AS " + "x" * 129 + " FROM t": "ORA-00972",
    "SELECT a FROM t WHERE b = '" + "x" * 4001 + "'": "ORA-01704",
    "SELECT a FROM nowhere": "ORA-00942",
    "SELECT x.d FROM t x": "ORA-00904",
    "SELECT d FROM t": "ORA-00904",
    "UPDATE t SET d = :d": "ORA-00904",
    "SELECT a FROM t FETCH FIRST 3 ROWS ONLY FOR UPDATE": "ORA-02014",
    "SELECT DISTINCT b FROM t FOR UPDATE": "ORA-02014",
    "SELECT MAX(a) FROM t FOR UPDATE": "ORA-02014",
    "SELECT b, COUNT(*) FROM t GROUP BY b FOR UPDATE": "ORA-02014",
    "SELECT a FROM t WHERE c = :c": "is a CLOB: it cannot be compared",
    "SELECT a FROM t ORDER BY c": "is a CLOB: it cannot be sorted",
    "SELECT DISTINCT j FROM t": "is a JSON: it cannot be made distinct",
    "SELECT a FROM t WHERE b = ''": "never true",
    "INSERT INTO t (a) VALUES (:a) ON CONFLICT DO NOTHING": "CONFLICT",
    "REPLACE INTO t (a) VALUES (:a)": "sqlglot cannot parse it",
    "DELETE FROM t WHERE a IN (SELECT a FROM u": "sqlglot cannot parse it",
    "BEGIN DBMS_LOCK.SLEEP(1); FOOBAR(1); END;": "FOOBAR",
}
TAKEN = (
    "SELECT a FROM t FETCH FIRST 3 ROWS ONLY",
    "SELECT a FROM t WHERE a = :a FOR UPDATE SKIP LOCKED",
    "SELECT x.a, SUM(y.a) AS total FROM t x JOIN u y ON y.a = x.a WHERE y.d LIKE :d ESCAPE '!' GROUP BY x.a",
    "SELECT a FROM t WHERE c LIKE :c AND NVL(b, 'x') <> 'y' ORDER BY a DESC NULLS LAST",
    "SELECT a, ROWNUM FROM t WHERE at < SYSTIMESTAMP",
    "SELECT CAST(a AS NUMBER) AS n, CAST(b AS VARCHAR2(30)) AS v FROM t",
    "MERGE INTO t x USING (SELECT :a AS a FROM dual) y ON (x.a = y.a) WHEN MATCHED THEN UPDATE SET x.b = :b",
    "INSERT INTO t (a, b) SELECT a, d FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.a = u.a)",
    "BEGIN CTX_DDL.SYNC_INDEX(:name); DBMS_STATS.GATHER_TABLE_STATS(USER, :name); END;",
    "SELECT domidx_opstatus FROM user_indexes WHERE index_name = :name",
    "GRANT EXECUTE ON CTXSYS.CTX_DDL TO somebody",
    "SELECT a FROM t WHERE b = '-- no comment; LIMIT 3'",
)


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:60])
def test_what_the_database_refuses_is_a_fault(sql: str) -> None:
    found = faults(sql, TABLES)
    assert found
    assert any(REFUSED[sql] in each for each in found), found


@pytest.mark.parametrize("sql", TAKEN, ids=lambda sql: sql[:60])
def test_what_the_database_takes_has_no_fault(sql: str) -> None:
    assert faults(sql, TABLES) == []


def test_sqlglot_alone_takes_most_of_what_is_refused() -> None:
    """The check earns its lines: the parser alone lets these pass."""
    for sql in ("SELECT a FROM t LIMIT 3", "CREATE TABLE x (y BLOBB)", "SELECT FOOBAR(a) FROM t"):
        assert sqlglot.parse_one(sql, read="oracle")


def test_lists_hold_no_word_twice_over() -> None:
    assert FUNCTIONS.keys() & RESERVED == set()
    assert {"LIMIT", "ILIKE", "SERIAL", "CONFLICT", "TOP", "IFNULL"} & (KEYWORDS | FUNCTIONS.keys()) == set()


def test_columns_are_read_from_definitions() -> None:
    t = TABLES["T"]
    assert (t["A"].type, t["A"].size, t["A"].scale, t["A"].nullable) == ("NUMBER", 9, 0, False)
    assert (t["B"].type, t["B"].size, t["B"].unit, t["B"].nullable) == ("VARCHAR2", 20, "CHAR", False)
    assert (t["C"].large, t["C"].nullable, t["AT"].type) == (True, True, "TIMESTAMP")
    added = columns_of("ALTER TABLE t ADD (e VARCHAR2(9) DEFAULT 'x' NOT NULL, f INTEGER)")
    assert [(each.name, each.filled, each.nullable) for each in added] == [("E", True, False), ("F", False, True)]
    assert columns_of("DROP TABLE t") == []
