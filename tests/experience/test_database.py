"""The schema as a step of deployment, and what `doctor` says of a database: none, a closed port, a recording one."""

from __future__ import annotations

import re
import socket
from contextlib import asynccontextmanager
from typing import Any

import oracledb
import pytest
import sqlglot
from typer.testing import CliRunner

from docs.generate import ROOT
from experience.cli.app import app
from experience.database import Schema, migrations, script, verify
from experience.doctor.oracle import check_oracle
from experience.grants import CREATING, ROWS, grants, tables, users
from experience.schema_upkeep import EXISTS
from retrieval.oracle.schema import corpus_ddl
from settings import Settings, load_settings
from settings.connections.oracle_pool import connect_arguments, prepare_session
from settings.oracle import OracleSettings
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oracle import RecordingConnection, RecordingPool
from tests.doubles.oracle.tables import objects

TEXT = "SIXPLANE_PASSAGES_TX"
GIVEN = {"dsn": "db:1521/FREEPDB1", "user": "app", "password": "secret"}


def oracle(**given: Any) -> Settings:
    return load_settings(oracle={**GIVEN, **given})


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> RecordingPool:
    found = RecordingPool()

    @asynccontextmanager
    async def opened(_: Settings) -> Any:
        yield found

    found.answer(r"SELECT object_name", objects())
    found.answer(r"all_indexes", [(TEXT, "VALID", "VALID", "SIXPLANE_PASSAGES", "DOMAIN")])
    for module in ("experience.database", "experience.doctor.oracle"):
        monkeypatch.setattr(f"{module}.open_oracle_pool", opened)
    return found


def schema_of(pool: RecordingPool) -> Schema:
    return Schema(RecordingConnection(pool.script), oracle(), migrations(oracle(), 384))


async def test_what_is_missing_is_applied_in_order_and_recorded(pool: RecordingPool) -> None:
    pool.answer(r"SELECT version_no", [(1, "ledger")])
    applied = await schema_of(pool).upgrade()
    names = ["threads", "checkpoints", "store", "corpora", "keys", "keyed hashes", "principal budgets"]
    names += ["kinds of passages", "pending vectors", "source roots", "kept runs", "totals of calls", "writers"]
    names += ["status of threads", "builds of indexes", "managed sources", "remembered files"]
    assert [each.name for each in applied] == names
    recorded = [statement.binds for statement in pool.statements if "INSERT INTO SIXPLANE_MIGRATIONS" in statement.text]
    assert [binds["n"] for binds in recorded] == list(range(2, len(names) + 2))
    assert pool.commits == len(names)
    assert not [statement for statement in pool.statements if "CREATE TABLE ledger_calls" in statement.text]


async def test_a_migration_that_broke_off_goes_on(pool: RecordingPool) -> None:
    for code in sorted(EXISTS):
        pool.fail(r"CREATE TABLE threads", code)
        assert await schema_of(pool).upgrade() == [*migrations(oracle(), 384)]


@pytest.mark.parametrize(("code", "hint"), [("ORA-01031", "grants"), ("ORA-01653", "space"), ("ORA-51962", "ivf")])
async def test_a_refusal_is_told_and_what_was_applied_stays_recorded(pool: RecordingPool, code: str, hint: str) -> None:
    pool.fail(r"CREATE SEARCH INDEX", code)
    with pytest.raises(DependencyUnavailable, match=code) as caught:
        await schema_of(pool).upgrade()
    assert hint in caught.value.hint
    assert pool.commits == 4


async def test_status_tells_applied_missing_and_unknown(pool: RecordingPool) -> None:
    later = len(migrations(oracle(), 384)) + 1
    pool.answer(r"SELECT version_no", [(1, "ledger"), (later, "of a later version")])
    states = {each.number: each.state for each in await schema_of(pool).status()}
    assert states == {1: "applied", **dict.fromkeys(range(2, later), "missing"), later: "unknown"}
    with pytest.raises(DependencyUnavailable, match="threads, checkpoints, store, corpora, keys, keyed hashes"):
        verify(await schema_of(pool).status())


async def test_a_database_without_anything_has_everything_missing(pool: RecordingPool) -> None:
    pool.fail(r"SELECT version_no", "ORA-00942")
    assert {each.state for each in await schema_of(pool).status()} == {"missing"}


async def test_drop_takes_back_what_was_made_in_reverse(pool: RecordingPool) -> None:
    pool.fail(r"DROP TABLE threads", "ORA-00942")
    await schema_of(pool).drop()
    dropped = [statement.text.split()[2] for statement in pool.statements]
    made = [each for one in migrations(oracle(), 3) for each in one.statements if each.startswith("CREATE TABLE")]
    names = {each.removeprefix("CREATE TABLE ").removeprefix("IF NOT EXISTS ").split()[0].strip("(") for each in made}
    assert set(dropped) == {*names, "SIXPLANE_MIGRATIONS"}
    assert dropped.index("SIXPLANE_PASSAGES") < dropped.index("SIXPLANE_DOCUMENTS") < dropped.index("SIXPLANE_CORPORA")


@pytest.mark.parametrize("dimensions", [0, -1, 65_536])
def test_dimensions_that_fit_no_vector_are_refused(dimensions: int) -> None:
    with pytest.raises(ValueError, match="dimensions"):
        corpus_ddl(OracleSettings(), dimensions)


@pytest.mark.parametrize("prefix", ['a"b', "OTHER.X", "x; DROP", ""])
def test_a_prefix_that_is_no_identifier_never_reaches_a_statement(prefix: str) -> None:
    with pytest.raises(SettingsInvalid, match="table prefix"):
        script(oracle(table_prefix=prefix), 384)


OURS = [
    each for one in migrations(oracle(), 384) if one.name in ("ledger", "threads", "keys") for each in one.statements
]


@pytest.mark.parametrize("statement", OURS)
def test_our_own_statements_are_oracle_s_language(statement: str) -> None:
    assert sqlglot.parse_one(statement.replace(" CHAR)", ")"), read="oracle")


@pytest.mark.parametrize("statement", [s for s in corpus_ddl(OracleSettings(), 384) if "VECTOR INDEX" not in s])
def test_the_corpus_tables_are_oracle_s_language_but_for_the_vector_type(statement: str) -> None:
    plain = statement.replace("VECTOR(384, FLOAT32)", "CLOB").replace(" CHAR)", ")").replace(" BYTE)", ")")
    assert sqlglot.parse_one(plain.partition(" INDEXTYPE")[0], read="oracle")


def test_the_dry_run_prints_everything_without_a_database(tmp_path: Any) -> None:
    result = CliRunner().invoke(app, ["db", "init", "--dry-run"], env={"SIXPLANE_HOME": str(tmp_path)})
    assert result.exit_code == 0, result.stderr
    for word in ("SIXPLANE_MIGRATIONS", "ledger_calls", "threads", "checkpoint_blobs", "store_novec", "VECTOR(384"):
        assert word in result.stdout
    assert result.stdout == f"{script(load_settings(), 384)}\n"


def test_dropping_asks_for_yes(tmp_path: Any) -> None:
    result = CliRunner().invoke(app, ["db", "drop"], env={"SIXPLANE_HOME": str(tmp_path)})
    assert result.exit_code == 2
    assert "--yes" in result.stderr


def test_grants_name_the_user_and_nothing_wide() -> None:
    text = "\n".join(grants(oracle()))
    assert "TO APP" in text
    assert "QUOTA UNLIMITED ON USERS" in text
    assert "DBA" not in text
    assert " ANY " not in text


def test_the_user_of_the_process_may_create_nothing() -> None:
    settings = oracle(owner="sixplane_owner", tablespace="data", table_prefix="app")
    found = grants(settings)
    mine = [each for each in found if each.endswith(" TO APP")]
    assert "GRANT CREATE SESSION, CREATE TABLE, CREATE SEQUENCE TO SIXPLANE_OWNER" in found
    assert "ALTER USER SIXPLANE_OWNER QUOTA UNLIMITED ON DATA" in found
    assert mine[0] == "GRANT CREATE SESSION TO APP"
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON SIXPLANE_OWNER.APP_PASSAGES TO APP" in mine
    created = {each.split()[-1].upper() for each in found if "CREATE TABLE" in each}
    assert created == {"SIXPLANE_OWNER"}
    assert len(mine) == 1 + len(tables(settings))
    assert {"THREADS", "LEDGER_CALLS", "CHECKPOINTS", "API_KEYS", "APP_BUILDS"} <= set(tables(settings))


@pytest.mark.parametrize("owner", ["", "keeper"])
def test_a_proxy_user_logs_in_and_another_one_acts(owner: str) -> None:
    settings = oracle(user="login[acting]", owner=owner)
    found = connect_arguments(settings.oracle, "x")
    assert found["user"] == "login[acting]"
    assert (oracledb.ConnectParams(user=found["user"]).proxy_user, users(settings)[0]) == ("acting", "ACTING")
    printed = grants(settings)
    assert {"GRANT CREATE SESSION TO LOGIN", "ALTER USER ACTING GRANT CONNECT THROUGH LOGIN"} <= set(printed)
    others = [each for each in printed if "LOGIN" not in each]
    assert others == grants(oracle(user="acting", owner=owner))


@pytest.mark.parametrize(
    "given",
    [{"owner": "x; DROP"}, {"tablespace": 'a"'}, {"user": "a b"}, {"user": "a[b"}, {"user": "a[]"}, {"user": "[b]"}],
)
def test_names_that_are_none_never_reach_a_grant(given: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="not a name"):
        grants(oracle(**given))


def test_a_session_works_in_the_schema_of_the_owner() -> None:
    connection = RecordingConnection()
    prepare_session(connection, oracle(owner="sixplane_owner").oracle)
    assert connection.current_schema == "SIXPLANE_OWNER"


async def test_doctor_checks_the_grants_of_the_user_of_the_process(pool: RecordingPool) -> None:
    settings = oracle(owner="keeper", vector_index="none")
    pool.answer(r"session_privs", [("CREATE SESSION",), ("CREATE TABLE",)])
    granted = [(table, each) for table in tables(settings) for each in ROWS]
    pool.answer(r"CTX_DDL", [(1,)])
    pool.answer(r"all_tab_privs_recd", granted)
    checks = {check.name: check for check in await check_oracle(settings)}
    assert checks["oracle privileges"].ok
    assert checks["oracle privileges"].detail.endswith("on the tables of KEEPER; more than needed: CREATE TABLE")
    pool.answer(r"all_tab_privs_recd", [each for each in granted if each != ("THREADS", "UPDATE")])
    checks = {check.name: check for check in await check_oracle(settings)}
    assert "APP may not read and write THREADS of KEEPER" in checks["oracle privileges"].detail
    assert "grants" in checks["oracle privileges"].hint


@pytest.mark.parametrize(("near", "ok", "percent"), [(10, True, 100), (9, False, 90), (0, False, 0)])
async def test_doctor_measures_the_recall_of_the_vector_index(
    pool: RecordingPool, near: int, ok: bool, percent: int
) -> None:
    pool.answer(r"CTX_DDL", [(1,)])
    pool.answer(r"ORA_HASH", [([1.0, 0.0],), ([0.0, 1.0],)])
    pool.answer(r"FETCH EXACT", [(n,) for n in range(10)])
    pool.answer(r"FETCH APPROX", [(n,) for n in range(10 - near, 20 - near)])
    checks = {check.name: check for check in await check_oracle(oracle(), deep=True)}
    assert checks["oracle recall"].ok is ok
    assert f"{percent} % of the 10 nearest are found, asked with 2 stored vectors" in checks["oracle recall"].detail
    assert "sixplane db optimize" in checks["oracle recall"].hint or ok
    assert "oracle recall" not in {check.name for check in await check_oracle(oracle())}


def test_the_recipe_stops_at_the_first_error_and_has_oracle_text() -> None:
    script = (ROOT / "deploy/oracle-free/grants.sh").read_text(encoding="utf-8")
    blocks = script.split("<<SQL\n")[1:]
    assert len(blocks) == 2
    assert all(block.startswith("WHENEVER SQLERROR EXIT FAILURE\n") for block in blocks)
    assert "set -euo pipefail" in script
    printed = [f"{each};".replace("SOMEONE", "${APP_USER}") for each in grants(oracle(user="someone"))]
    assert [each for each in printed if each not in script.splitlines()] == []
    # The size of the vector memory is static, and that of the root: it is set there, and the instance started again.
    assert blocks[0].index("vector_memory_size") < blocks[0].index("SHUTDOWN") < blocks[0].index("STARTUP")
    assert "SET CONTAINER" not in blocks[0]
    for name in ("deploy/oracle-free/compose.yaml", ".github/workflows/oracle.yml"):
        (image,) = re.findall(r"image: (gvenzl/oracle-free:\S+)", (ROOT / name).read_text(encoding="utf-8"))
        assert "slim" not in image


async def test_doctor_says_nothing_of_a_database_that_is_not_configured() -> None:
    assert await check_oracle(load_settings()) == ()


async def test_doctor_tells_a_closed_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (check,) = await check_oracle(oracle(dsn=f"127.0.0.1:{port}/FREEPDB1", connect_timeout_seconds=1))
    assert not check.ok
    assert "cannot be reached" in check.detail
    assert "SIXPLANE_ORACLE__DSN" in check.hint


async def test_doctor_tells_what_to_grant_and_to_set(pool: RecordingPool) -> None:
    pool.answer(r"session_privs", [("CREATE SESSION",)])
    pool.answer(r"CTX_DDL", [(0,)])
    pool.answer(r"vector_memory_size", [("0", None)])
    pool.answer(r"SELECT version_no", [(1, "ledger")])
    pool.answer(r"MIN\(c.dimensions\)", [(1024, 1024)])
    checks = {check.name: check for check in await check_oracle(oracle())}
    assert checks["oracle database"].ok
    assert "CREATE TABLE" in checks["oracle privileges"].detail
    assert "grants" in checks["oracle text"].hint
    assert "VECTOR_INDEX=ivf" in checks["oracle vector memory"].hint
    assert "db init" in checks["oracle schema"].hint
    assert "1024 dimensions, and the embeddings have 384" in checks["oracle embeddings"].detail
    assert "TABLE_PREFIX" in checks["oracle embeddings"].hint


@pytest.mark.parametrize(
    ("row", "ok", "told"),
    [
        (("0", "OLTP"), True, "resizes it by itself"),
        (("0", None), False, "is 0"),
        (("536870912", None), True, "512 MiB"),
    ],
)
async def test_doctor_knows_that_an_autonomous_database_resizes_its_vector_memory(
    pool: RecordingPool, row: tuple[str, str | None], ok: bool, told: str
) -> None:
    pool.answer(r"CTX_DDL", [(1,)])
    pool.answer(r"vector_memory_size", [row])
    checks = {check.name: check for check in await check_oracle(oracle(vector_index="hnsw"))}
    assert (checks["oracle vector memory"].ok, told in checks["oracle vector memory"].detail) == (ok, True)


async def test_doctor_is_content_where_everything_is_there(pool: RecordingPool) -> None:
    pool.answer(r"session_privs", [(each,) for each in CREATING])
    pool.answer(r"CTX_DDL", [(1,)])
    pool.fail(r"v\$parameter", "ORA-00942")
    pool.answer(r"SELECT version_no", [(each.number, each.name) for each in migrations(oracle(), 384)])
    pool.answer(r"MIN\(c.dimensions\)", [(None, None)])
    checks = await check_oracle(oracle())
    assert all(check.ok for check in checks), checks
    assert len(checks) == 8


async def test_doctor_tries_the_model_in_the_database(pool: RecordingPool) -> None:
    settings = load_settings(
        data={"backend": "oracle", "embeddings": "database"}, oracle={**GIVEN, "embedding_model": "minilm"}
    )
    pool.answer(r"CTX_DDL", [(1,)])
    pool.answer(r"VECTOR_EMBEDDING", [([0.5] * 16,)])
    pool.answer(r"MIN\(c.dimensions\)", [(16, 16)])
    checks = {check.name: check for check in await check_oracle(settings)}
    assert checks["oracle embeddings"].detail == "vectors of 16 dimensions, as in the tables"
    pool.fail(r"VECTOR_EMBEDDING", "ORA-40284")
    checks = {check.name: check for check in await check_oracle(settings)}
    assert "SIXPLANE_ORACLE__EMBEDDING_MODEL" in checks["oracle embeddings"].hint
    assert any("MINING MODEL" in grant for grant in grants(settings))
    assert not any("MINING MODEL" in grant for grant in grants(oracle()))


async def test_doctor_tells_that_nothing_is_configured() -> None:
    (check,) = await check_oracle(load_settings(data={"backend": "oracle"}))
    assert not check.ok
    assert "dsn, user, password" in check.detail
    assert all(name in check.hint for name in ("SIXPLANE_ORACLE__DSN", "SIXPLANE_ORACLE__USER", "docs/oracle.md"))
