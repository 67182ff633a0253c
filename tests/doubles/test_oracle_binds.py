"""The recording connection refuses the binds that driver and database would refuse."""

from __future__ import annotations

import array
import datetime as dt
from decimal import Decimal
from typing import Any

import oracledb
import pytest

from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.binds import check_binds

JSON = {"metadata": oracledb.DB_TYPE_JSON}
ROOT = "INSERT INTO SIXPLANE_ROOTS (tenant, corpus, folder, name) VALUES (:tenant, :corpus, :folder, :name)"
LOOK = "SELECT r.name FROM SIXPLANE_ROOTS r WHERE r.tenant = :tenant AND r.folder = :folder"
TITLE = "UPDATE SIXPLANE_DOCUMENTS d SET d.title = :title, d.pages = :pages, d.text = :text WHERE d.tenant = :tenant"
META = "UPDATE SIXPLANE_PASSAGES p SET p.metadata = :metadata WHERE p.id = :id"
VECTOR = "UPDATE SIXPLANE_PASSAGES p SET p.embedding = :embedding WHERE p.id = :id"
STORE = "UPDATE store_novec SET updated_at = :at WHERE prefix = :prefix"
MERGE = """MERGE INTO checkpoint_writes dest USING (SELECT :thread_id AS thread_id, :blob AS blob FROM dual) src
    ON (dest.thread_id = src.thread_id) WHEN MATCHED THEN UPDATE SET dest.blob = src.blob"""
PLACES = "DELETE FROM checkpoints WHERE thread_id = :1 AND checkpoint_ns = :2"
LACKING = "INSERT INTO SIXPLANE_ROOTS (tenant, corpus) VALUES (:t, :c)"
BLOB = "UPDATE checkpoint_blobs SET blob = :blob WHERE thread_id = :thread_id"
GOOD = {"tenant": "t", "corpus": "c", "folder": "/f", "name": "n"}
TEXT: dict[str, Any] = {"title": "t", "pages": 1, "text": "x" * 40_000, "tenant": "t"}
REFUSED: dict[str, tuple[str, Any, dict[str, Any], str]] = {
    "a bind is missing": (ROOT, {"tenant": "t"}, {}, "DPY-4010"),
    "a bind is surplus": (LOOK, {**GOOD}, {}, "DPY-4008"),
    "too few by position": (
        "DELETE FROM checkpoints WHERE thread_id = :1 AND checkpoint_ns = :2",
        ["a"],
        {},
        "DPY-4009",
    ),
    "NULL where none may be": (ROOT, {**GOOD, "name": None}, {}, "ORA-01400"),
    "empty text is NULL": (ROOT, {**GOOD, "name": ""}, {}, "ORA-01400"),
    "NULL in an update": (META, {"metadata": None, "id": 1}, JSON, "ORA-01407"),
    "too many characters": (ROOT, {**GOOD, "name": "x" * 256}, {}, "ORA-12899"),
    "4,001 bytes": (TITLE, {**TEXT, "title": "x" * 4001}, {}, "ORA-12899"),
    "2,001 characters of two bytes": (TITLE, {**TEXT, "title": "ü" * 2001}, {}, "ORA-12899"),
    "a number for text": (LOOK, {"tenant": 1, "folder": "f"}, {}, "ORA-00932"),
    "text for a number": (TITLE, {**TEXT, "pages": "1"}, {}, "ORA-01722"),
    "a truth value for a number": (TITLE, {**TEXT, "pages": True}, {}, "ORA-01722"),
    "ten digits in NUMBER(9)": (TITLE, {**TEXT, "pages": 10**9}, {}, "ORA-01438"),
    "a fraction in NUMBER(9)": (TITLE, {**TEXT, "pages": 1.5}, {}, "ORA-01438"),
    "no number": (TITLE, {**TEXT, "pages": float("nan")}, {}, "DPY-4004"),
    "bytes for text": (TITLE, {**TEXT, "text": b"x"}, {}, "ORA-00932"),
    "a dictionary without its type": (META, {"metadata": {"a": 1}, "id": 1}, {}, "DPY-3002"),
    "text that is no JSON": (META, {"metadata": "{", "id": 1}, {}, "ORA-40441"),
    "a list for a vector": (VECTOR, {"embedding": [1.0], "id": 1}, {}, "DPY-3002"),
    "text for a time": (STORE, {"at": "2026-01-01", "prefix": "p"}, {}, "ORA-01843"),
    "a time without its zone": (STORE, {"at": dt.datetime(2026, 1, 1), "prefix": "p"}, {}, "ORA-01805"),  # noqa: DTZ001
    "a long text in a comparison": (LOOK, {"tenant": "t", "folder": "x" * 1001}, {}, "ORA-01461"),
    "long bytes through a SELECT": (MERGE, {"thread_id": "t", "blob": b"x" * 2001}, {}, "ORA-01461"),
    "no bytes at all": (MERGE, {"thread_id": "t", "blob": b""}, {}, "ORA-01407"),
    "a column is left out": (
        "INSERT INTO SIXPLANE_ROOTS (tenant, corpus) VALUES (:t, :c)",
        ["t", "c"],
        {},
        "ORA-01400",
    ),
}
TAKEN: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "texts": (ROOT, GOOD, {}),
    "four thousand bytes": (TITLE, {**TEXT, "title": "ü" * 2000}, {}),
    "NULL in a nullable column": (TITLE, {**TEXT, "title": "", "pages": None}, {}),
    "a decimal": (TITLE, {**TEXT, "pages": Decimal(9)}, {}),
    "JSON with its type": (META, {"metadata": {"a": [1, None]}, "id": 1}, JSON),
    "JSON as text": (META, {"metadata": "{}", "id": 1}, {}),
    "a vector": (VECTOR, {"embedding": array.array("f", [1.0]), "id": 1}, {}),
    "a time with its zone": (STORE, {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "prefix": "p"}, {}),
    "long bytes as a value": (BLOB, {"blob": b"x" * 40_000, "thread_id": "t"}, {}),
    "a long text with its type": (LOOK, {"tenant": "t", "folder": "x" * 1001}, {"folder": oracledb.DB_TYPE_CLOB}),
    "one bind at two places": ("SELECT 1 FROM dual WHERE :a = :a", {"a": 1}, {}),
    "by position": ("DELETE FROM checkpoints WHERE thread_id = :1", ["a"], {}),
    "a table of others": ("INSERT INTO elsewhere (a) VALUES (:a)", {"a": ""}, {}),
    "no binds": ("SELECT 1 FROM dual", None, {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_database_refuses_is_refused(case: str) -> None:
    sql, binds, types, code = REFUSED[case]
    with pytest.raises(oracledb.DatabaseError) as refused:
        check_binds(sql, binds, types)
    assert refused.value.args[0].full_code == code


@pytest.mark.parametrize("case", TAKEN)
def test_what_the_database_takes_is_taken(case: str) -> None:
    check_binds(*TAKEN[case])


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        check_binds(LOOK, {"tenant": "t", "folder": "\ud800"}, {})


async def test_every_row_of_an_array_is_checked_and_types_hold_for_one_execution() -> None:
    pool = RecordingPool()
    async with pool.acquire() as connection:
        with connection.cursor() as cursor:
            with pytest.raises(oracledb.DatabaseError, match="ORA-01400"):
                await cursor.executemany(ROOT, [GOOD, {**GOOD, "folder": ""}])
            assert pool.statements == []
            cursor.setinputsizes(**JSON)
            await cursor.execute(META, {"metadata": {}, "id": 1})
            with pytest.raises(oracledb.DatabaseError, match="DPY-3002"):
                await cursor.execute(META, {"metadata": {}, "id": 1})


async def test_a_transaction_is_open_from_the_first_change_until_it_ends() -> None:
    pool = RecordingPool()
    async with pool.acquire() as connection:
        with connection.cursor() as cursor:
            await cursor.execute("SELECT 1 FROM dual")
            assert pool.transactions == 0
            await cursor.execute("SELECT 1 FROM dual FOR UPDATE")
            await cursor.execute(ROOT, GOOD)
            assert pool.transactions == 1
            await connection.commit()
            assert pool.transactions == 0
            await cursor.execute(ROOT, GOOD)
            await cursor.execute("CREATE TABLE x (y NUMBER)")  # commits
            assert pool.transactions == 0
            await cursor.execute(ROOT, GOOD)
    assert pool.transactions == 0
