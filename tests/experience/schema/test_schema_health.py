"""`sixplane db init` believes nothing: broken off at any statement, failed indexes, tables of others; `db optimize`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from experience.cli.ingest_progress import tell_due_index
from experience.database import Migration, Schema, _journal_ddl, migrations
from experience.schema_health import columns_of, conditions_of, index_of
from retrieval.oracle.index_care import IndexCare
from settings import Settings, load_settings
from state.errors import DependencyUnavailable, SettingsInvalid, SixplaneError
from tests.doubles.oracle.dictionary import Dictionary, DictionaryConnection, DictionaryPool

SETTINGS = load_settings(oracle={"dsn": "db:1521/x", "user": "app", "password": "secret", "vector_index": "ivf"})
JOURNAL = _journal_ddl(SETTINGS)
KNOWN = migrations(SETTINGS, 384)
TEXT, VECTOR = "SIXPLANE_PASSAGES_TX", "SIXPLANE_PASSAGES_VX"


def schema(database: Dictionary, known: tuple[Migration, ...] = KNOWN, settings: Settings = SETTINGS) -> Schema:
    return Schema(DictionaryConnection(database), settings, known)


async def made() -> Dictionary:
    database = Dictionary()
    await schema(database).upgrade()
    return database


async def test_a_complete_schema_is_sound_and_is_left_alone() -> None:
    database = await made()
    assert await schema(database).check()
    assert len(database.journal) == len(KNOWN)
    before = (dict(database.indexes), dict(database.tables))
    database.ran.clear()
    assert await schema(database).upgrade() == []
    assert (database.indexes, database.tables) == before
    assert [text for text in database.ran if text.startswith(("DROP", "ALTER", "CREATE INDEX", "CREATE SEARCH"))] == []


@pytest.mark.parametrize("how", ["before", "after", "failed"])
async def test_broken_off_at_any_statement_the_next_init_ends_sound(how: str) -> None:
    complete = await made()
    assert len(complete.ran) > 100
    for number, statement in enumerate(complete.ran):
        database = Dictionary(cut=number, how=how)
        with pytest.raises(SixplaneError) as caught:
            await schema(database).upgrade()
        assert caught.value.hint, statement
        database.how = ""
        await schema(database).upgrade()
        assert (database.indexes, database.tables) == (complete.indexes, complete.tables), statement
        assert database.journal == complete.journal, statement
        assert await schema(database).check(), statement


@pytest.mark.parametrize("status", ["FAILED", "LOADING", "UNUSABLE"])
async def test_an_index_that_failed_and_was_recorded_as_applied_is_made_anew(status: str) -> None:
    database = await made()
    database.indexes[TEXT] = status
    with pytest.raises(DependencyUnavailable, match=rf"{TEXT} \({status}\)") as caught:
        await schema(database).check()
    assert "sixplane db init" in caught.value.hint
    database.ran.clear()
    await schema(database).upgrade()
    assert f"DROP INDEX {TEXT} FORCE" in database.ran
    assert database.indexes[TEXT] == "VALID"


async def test_a_hybrid_index_is_not_replaced_by_a_text_index() -> None:
    database = await made()
    database.indexes[TEXT] = "FAILED"
    with pytest.raises(DependencyUnavailable, match=r"hybrid index .* \(FAILED\)") as caught:
        await schema(database, settings=load_settings(oracle={"hybrid_search": True})).upgrade()
    assert "docs/oracle.md" in caught.value.hint
    assert database.indexes[TEXT] == "FAILED"


async def test_a_text_index_that_is_missing_is_made_anew() -> None:
    database = await made()
    del database.indexes[TEXT]
    with pytest.raises(DependencyUnavailable, match=rf"{TEXT} \(missing\)"):
        await schema(database).check()
    await schema(database).upgrade()
    assert database.indexes[TEXT] == "VALID"


async def test_an_index_that_fails_again_is_told_and_not_forgotten() -> None:
    database = await made()
    database.indexes[TEXT] = "FAILED"
    database.cut = len(database.ran) + next(
        n for n, text in enumerate((await _mended()).ran) if text.startswith("CREATE SEARCH INDEX")
    )
    database.how = "failed"
    with pytest.raises(DependencyUnavailable, match="ORA-29855"):
        await schema(database).upgrade()
    assert database.indexes[TEXT] == "FAILED"
    with pytest.raises(DependencyUnavailable, match="FAILED"):
        await schema(database).check()


async def _mended() -> Dictionary:
    """Return a database with the statements that mend a failed text index."""
    database = await made()
    database.indexes[TEXT] = "FAILED"
    database.ran.clear()
    await schema(database).upgrade()
    return database


@pytest.mark.parametrize("name", ["SYS_C0012345", "THREADS_PK", "SIXPLANE_PASSAGES_IX"])
async def test_an_index_that_a_key_may_stand_on_is_rebuilt_and_not_dropped(name: str) -> None:
    database = await made()
    database.indexes[name] = "UNUSABLE"
    with pytest.raises(DependencyUnavailable, match=rf"{name} \(UNUSABLE\)"):
        await schema(database).check()
    database.ran.clear()
    await schema(database).upgrade()
    assert f'ALTER INDEX "{name}" REBUILD' in database.ran
    assert [text for text in database.ran if text.startswith(("DROP", "CREATE"))] == [JOURNAL]
    assert database.indexes[name] == "VALID"


async def test_an_index_that_somebody_dropped_is_made_anew() -> None:
    database = await made()
    del database.indexes["SIXPLANE_DOCUMENTS_IX"]
    await schema(database).upgrade()
    assert database.indexes["SIXPLANE_DOCUMENTS_IX"] == "VALID"


@pytest.mark.parametrize("table", ["SIXPLANE_PASSAGES", "THREADS", "CHECKPOINTS", "SIXPLANE_ROOTS"])
async def test_a_table_that_is_gone_although_it_was_recorded_is_made_anew(table: str) -> None:
    complete, database = await made(), await made()
    del database.tables[table]
    with pytest.raises(DependencyUnavailable, match=f"{table} is missing") as caught:
        await schema(database).check()
    assert "sixplane db init" in caught.value.hint
    applied = await schema(database).upgrade()
    assert applied
    assert (database.tables, database.journal) == (complete.tables, complete.journal)
    assert await schema(database).upgrade() == []


async def test_columns_that_are_gone_although_they_were_recorded_are_added_again() -> None:
    complete, database = await made(), await made()
    del database.tables["SIXPLANE_CORPORA"]["HASH_KEY"]
    assert [each.name for each in await schema(database).upgrade()] == ["keyed hashes"]
    assert database.tables == complete.tables


@pytest.mark.parametrize("kind", ["VIEW", "SYNONYM", "MATERIALIZED VIEW", "TEMPORARY TABLE", "PACKAGE"])
async def test_a_name_that_belongs_to_something_else_is_told_before_anything_is_made(kind: str) -> None:
    database = Dictionary(others={"THREADS": kind})
    with pytest.raises(SettingsInvalid, match=f"THREADS is a {kind.lower()}") as caught:
        await schema(database).upgrade()
    assert "SIXPLANE_ORACLE__OWNER" in caught.value.hint
    assert set(database.tables) == {"SIXPLANE_MIGRATIONS"}
    with pytest.raises(SettingsInvalid, match="THREADS"):
        await schema(database).check()


async def test_an_index_may_have_the_name_of_a_table() -> None:
    database = Dictionary(others={"RUNS": "INDEX", "THREADS": "TRIGGER"})
    assert await schema(database).upgrade()


@pytest.mark.parametrize("task", ["upgrade", "optimize", "drop"])
async def test_a_user_who_does_not_own_the_schema_changes_nothing(task: str) -> None:
    database = await made()
    database.ran.clear()
    other = load_settings(oracle={"user": "login[app]", "owner": "keeper"})
    with pytest.raises(SettingsInvalid, match="APP may not change the schema of KEEPER") as caught:
        await getattr(schema(database, settings=other), task)()
    assert "SIXPLANE_ORACLE__USER=KEEPER" in caught.value.hint
    assert database.ran == ["SELECT privilege FROM session_privs"]
    database.privileges = ["CREATE ANY TABLE"]
    for settings in (other, load_settings(oracle={"user": "login[keeper]", "owner": "keeper"})):
        await getattr(schema(database, settings=settings), task)()


async def test_optimize_builds_nothing_in_a_schema_that_is_not_up_to_date() -> None:
    database = await made()
    database.passages = 1_000
    del database.journal[max(database.journal)]
    with pytest.raises(DependencyUnavailable, match=f"lacks the migrations {KNOWN[-1].name}") as caught:
        await schema(database).optimize()
    assert "sixplane db init" in caught.value.hint
    assert VECTOR not in database.indexes


async def test_tables_of_others_and_vectors_of_other_dimensions_are_told() -> None:
    database = await made()
    with pytest.raises(SettingsInvalid, match="EMBEDDING has 384 dimensions instead of 1024") as caught:
        await schema(database, migrations(SETTINGS, 1024)).check()
    assert "TABLE_PREFIX" in caught.value.hint
    foreign = Dictionary()
    foreign.run("CREATE TABLE threads (id NUMBER(9), tenant NUMBER(9))", {})
    with pytest.raises(SettingsInvalid, match=r"THREADS.*TENANT is NUMBER instead of VARCHAR2.*STATUS is missing"):
        await schema(foreign).upgrade()


async def test_the_vector_index_is_built_after_the_first_load_and_again_after_growth() -> None:
    database = await made()
    assert VECTOR not in database.indexes
    assert "no passages" in await schema(database).vector_index()
    await schema(database).optimize()
    assert VECTOR not in database.indexes  # the centroids of an empty table mean nothing
    database.passages = 1_000
    with pytest.raises(DependencyUnavailable, match="not built yet") as caught:
        await schema(database).vector_index()
    assert "sixplane db optimize" in caught.value.hint
    assert "not built yet" in (await schema(database).optimize())[0]
    assert (database.indexes[VECTOR], database.builds) == ("VALID", {VECTOR: 1_000})
    for passages, built in ((1_299, 1_000), (1_300, 1_300)):
        database.passages = passages
        await schema(database).optimize()
        assert database.builds == {VECTOR: built}
    database.indexes[VECTOR] = "UNUSABLE"
    assert "UNUSABLE" in (await schema(database).optimize())[0]
    assert database.indexes[VECTOR] == "VALID"
    assert "1,300 passages" in await schema(database).vector_index()


async def test_who_adds_passages_is_told_when_the_index_is_due(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = await made()
    settings = SETTINGS.model_copy(update={"data": SETTINGS.data.model_copy(update={"backend": "oracle"})})

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[Any]:
        yield DictionaryPool(database)

    monkeypatch.setattr("experience.database.open_oracle_pool", opened)
    states = [(0, None, ""), (10, None, "not built yet"), (13, 10, "13 passages now"), (12, 10, "")]
    for passages, built, told in states:
        database.passages, database.indexes[VECTOR] = passages, "VALID"
        database.builds = {VECTOR: built} if built else {}
        await tell_due_index(settings)
        said = capsys.readouterr().err
        assert told in said
        assert bool(said) is bool(told)
    database.passages = 100
    await tell_due_index(settings, as_json=True)
    assert "sixplane db optimize" in json.loads(capsys.readouterr().err)["note"]
    database.cut, database.how = len(database.ran), "before"
    await tell_due_index(settings)
    assert "cannot be said: the connection to the database was lost" in capsys.readouterr().err
    await tell_due_index(SETTINGS)  # of a corpus in the home folder, nothing is asked
    assert capsys.readouterr().err == ""


async def test_an_index_of_an_earlier_release_was_built_on_an_empty_table() -> None:
    database = await made()
    database.indexes[VECTOR], database.passages = "VALID", 10
    assert "not built yet" in (await schema(database).optimize())[0]
    assert f"DROP INDEX {VECTOR}" in database.ran


async def test_optimize_compacts_the_text_index_and_gathers_statistics() -> None:
    database = await made()
    database.ran.clear()
    done = await schema(database).optimize()
    assert done == [f"compacted the text index {TEXT}", "gathered statistics"]
    assert "BEGIN CTX_DDL.OPTIMIZE_INDEX(:name, 'FULL'); END;" in database.ran
    assert len([text for text in database.ran if "GATHER_TABLE_STATS" in text]) == 3


@pytest.mark.parametrize(("kind", "words"), [("hnsw", "NEIGHBOR GRAPH"), ("ivf", "NEIGHBOR PARTITIONS")])
def test_the_vector_index_is_the_configured_one(kind: str, words: str) -> None:
    care = IndexCare(load_settings(oracle={"vector_index": kind, "target_accuracy": 90, "table_prefix": "app"}).oracle)
    assert words in care.build_vector()
    assert care.build_vector().endswith("TARGET ACCURACY 90")
    assert care.build_vector().startswith("CREATE VECTOR INDEX APP_PASSAGES_VX ON APP_PASSAGES")


async def test_without_a_vector_index_none_is_built() -> None:
    database = await made()
    database.passages = 1_000
    settings = load_settings(oracle={"vector_index": "none"})
    await schema(database, settings=settings).optimize()
    assert VECTOR not in database.indexes
    assert "exact" in await schema(database, settings=settings).vector_index()


def test_statements_are_read_as_they_are_written() -> None:
    (column, *_) = columns_of("CREATE TABLE t (a VECTOR(3, FLOAT32) NOT NULL, b NUMBER(1), CONSTRAINT c CHECK (b > 0))")
    assert (column.name, column.type, column.dimensions) == ("A", "VECTOR", 3)
    assert len(columns_of("CREATE TABLE t (a VARCHAR2(1 CHAR), PRIMARY KEY (a))")) == 1
    assert index_of("CREATE SEARCH INDEX x_tx ON x (y) PARAMETERS ('z')") == "X_TX"
    assert index_of("CREATE TABLE x (y NUMBER(1))") is None
    rows = [("a", "VALID", None), ("b", "N/A", "VALID"), ("c", "VALID", "FAILED"), ("d", "INPROGRS", "VALID")]
    found = conditions_of([(*row, "t", "NORMAL") for row in rows])
    assert {name: each.fault for name, each in found.items()} == {"A": None, "B": None, "C": "FAILED", "D": "INPROGRS"}
