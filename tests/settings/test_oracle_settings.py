"""The pool's arguments, the error table, the engines: what is missing is named, what fails has its remedy."""

import socket
import threading

import oracledb
import pytest
import sqlalchemy as sa
from oracledb import errors as driver_errors
from sqlalchemy.dialects import oracle as oracle_dialect

from settings import load_settings
from settings.connections import oracle_codes
from settings.connections.oracle_codes import MEANINGS
from settings.connections.oracle_errors import classify_oracle, codes_of
from settings.connections.oracle_pool import (
    checked_prefix,
    connect_arguments,
    open_oracle_pool,
    oracle_password,
    pool_arguments,
)
from settings.connections.sql import Database, JsonText
from state.errors import (
    BadInput,
    DependencyUnavailable,
    EmbeddingMismatch,
    OutcomeUnknown,
    SettingsInvalid,
    StorageFull,
)
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.recording import RecordingConnection

GIVEN = {"dsn": "db.example:1521/FREEPDB1", "user": "app", "password": "p@ss/word"}


def oracle(**given):
    return load_settings(oracle={**GIVEN, **given})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dsn": ""}, "SIXPLANE_ORACLE__DSN"),
        ({"user": ""}, "SIXPLANE_ORACLE__USER"),
        ({"password": ""}, "SIXPLANE_ORACLE__PASSWORD"),
        ({"password_file": "/nowhere/secret"}, "SIXPLANE_ORACLE__PASSWORD_FILE"),
        ({"table_prefix": 'X"; DROP TABLE T'}, "SIXPLANE_ORACLE__TABLE_PREFIX"),
        ({"table_prefix": "OTHER.SIXPLANE"}, "SIXPLANE_ORACLE__TABLE_PREFIX"),
        ({"table_prefix": "1ST"}, "SIXPLANE_ORACLE__TABLE_PREFIX"),
        ({"table_prefix": "A" * 22}, "SIXPLANE_ORACLE__TABLE_PREFIX"),
    ],
)
def test_what_is_missing_or_no_identifier_is_named(given, told):
    settings = oracle(**given)
    with pytest.raises(SettingsInvalid) as caught:
        connect_arguments(settings.oracle, oracle_password(settings))
    assert told in caught.value.hint
    assert "p@ss" not in f"{caught.value} {caught.value.hint}"


def test_a_password_may_hold_what_splits_connect_strings(tmp_path):
    assert pool_arguments(oracle().oracle, "p@ss/word")["password"] == "p@ss/word"
    (tmp_path / "secret").write_text("from a file\n")
    assert oracle_password(oracle(password_file=tmp_path / "secret")) == "from a file"


def test_the_pool_is_bounded_and_knows_its_wallet(tmp_path):
    given = {"wallet_location": tmp_path, "wallet_password": "w", "pool_max": 3, "acquire_timeout_seconds": 2.5}
    found = pool_arguments(oracle(**given).oracle, "x")
    params = found["params"]
    assert (found["max"], found["wait_timeout"], params.tcp_connect_timeout) == (3, 2_500, 10.0)
    assert (params.config_dir, params.wallet_location) == (str(tmp_path),) * 2
    params.set(**{name: value for name, value in found.items() if name != "params"})
    assert checked_prefix(oracle(table_prefix="app_1").oracle) == "APP_1"


class Details:
    """What the driver puts into its errors."""

    def __init__(self, code):
        self.full_code, self.message = code, f"{code}: the text with 'zebra'"


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("ORA-00001", DependencyUnavailable, "run the command again"),
        ("ORA-00060", DependencyUnavailable, "run the command again"),
        ("ORA-00942", DependencyUnavailable, "sixplane db init"),
        ("ORA-00904", DependencyUnavailable, "sixplane db upgrade"),
        ("ORA-01450", BadInput, "shorter thread id"),
        ("ORA-01461", BadInput, "shorten"),
        ("ORA-29902", DependencyUnavailable, "REBUILD"),
        ("ORA-29861", DependencyUnavailable, "sixplane db init"),
        ("ORA-01502", DependencyUnavailable, "sixplane db init"),
        ("ORA-40284", SettingsInvalid, "EMBEDDING_MODEL"),
        ("ORA-01017", SettingsInvalid, "PASSWORD"),
        ("ORA-01031", DependencyUnavailable, "sixplane db grants"),
        ("ORA-12170", DependencyUnavailable, "SIXPLANE_ORACLE__DSN"),
        ("ORA-12514", SettingsInvalid, "SIXPLANE_ORACLE__DSN"),
        ("ORA-12899", BadInput, "shorten"),
        ("ORA-28000", SettingsInvalid, "unlock"),
        ("ORA-28001", SettingsInvalid, "password"),
        ("DPY-1001", DependencyUnavailable, "run the command again"),
        ("DPY-3010", DependencyUnavailable, "23ai"),
        ("DPY-3020", BadInput, "shorten the name"),
        ("DPY-4003", BadInput, "infinity"),
        ("DPY-4004", BadInput, "NaN"),
        ("DPY-4014", BadInput, "1e126"),
        ("DPY-3003", BadInput, "text or a number"),
        ("DPY-6001", SettingsInvalid, "SIXPLANE_ORACLE__DSN"),
        ("DPY-6005", DependencyUnavailable, "SIXPLANE_ORACLE__DSN"),
        ("ORA-51803", EmbeddingMismatch, "sixplane db init"),
        ("ORA-01653", StorageFull, "space"),
        ("ORA-03113", DependencyUnavailable, "run the command again"),
        ("DPY-4011", DependencyUnavailable, "run the command again"),
        ("DPY-4005", DependencyUnavailable, "POOL_MAX"),
        ("DPY-4024", DependencyUnavailable, "CALL_TIMEOUT"),
        ("ORA-01950", StorageFull, "SIXPLANE_ORACLE__TABLESPACE"),
        ("ORA-01654", StorageFull, "space"),
        ("ORA-01691", StorageFull, "space"),
        ("ORA-30036", StorageFull, "fewer files"),
        ("ORA-12953", StorageFull, "corpus prune"),
        ("ORA-00018", DependencyUnavailable, "POOL_MAX"),
        ("ORA-00020", DependencyUnavailable, "POOL_MAX"),
        ("ORA-02391", DependencyUnavailable, "POOL_MAX"),
        ("ORA-12516", DependencyUnavailable, "POOL_MAX"),
        ("ORA-12520", DependencyUnavailable, "POOL_MAX"),
        ("ORA-12506", DependencyUnavailable, "access control list"),
        ("ORA-01033", DependencyUnavailable, "start it"),
        ("ORA-01034", DependencyUnavailable, "start it"),
        ("ORA-01045", SettingsInvalid, "sixplane db grants"),
        ("ORA-01555", DependencyUnavailable, "undo_retention"),
        ("ORA-04031", StorageFull, "SGA"),
        ("ORA-20000", DependencyUnavailable, "CTX_USER_INDEX_ERRORS"),
        ("DRG-50901", BadInput, "without operators"),
        ("DRG-51030", BadInput, "wildcard"),
        ("DRG-10599", DependencyUnavailable, "sixplane db init"),
        ("ORA-51928", DependencyUnavailable, "VECTOR_INDEX=ivf"),
        ("ORA-28759", SettingsInvalid, "WALLET_LOCATION"),
        ("DPY-2018", SettingsInvalid, "WALLET_LOCATION"),
        ("DPY-2033", DependencyUnavailable, "clock"),
        ("DPY-2034", SettingsInvalid, "tcps"),
        ("DPY-4017", SettingsInvalid, "SIXPLANE_ORACLE__DSN"),
        ("DPY-4018", SettingsInvalid, "SIXPLANE_ORACLE__DSN"),
        ("DPY-4026", SettingsInvalid, "CONFIG_DIR"),
        ("DPY-4027", SettingsInvalid, "CONFIG_DIR"),
        ("DPY-6002", SettingsInvalid, "certificate"),
        ("DPY-6006", SettingsInvalid, "certificate"),
        ("ORA-99999", DependencyUnavailable, "look the code up"),
    ],
)
def test_an_error_is_told_by_its_code_with_the_remedy_and_without_its_text(code, kind, hint):
    inner = oracledb.DatabaseError(Details(code))
    wrapped = RuntimeError(f"Failed due to a DB issue: {code}")
    wrapped.__cause__ = RuntimeError("again")
    wrapped.__cause__.__cause__ = inner
    for error in (inner, wrapped):
        found = classify_oracle(error)
        assert type(found) is kind
        assert code in found.message
        assert hint in found.hint
        assert "zebra" not in f"{found.message} {found.hint}"


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("DPY-6005: cannot connect (CONNECTION_ID=x).\nDPY-2018: wallet file ewallet.pem was not found", "DPY-2018", 1),
        ("DPY-6000: Listener refused connection. (Similar to ORA-12516)", "ORA-12516", 0),
        ("DPY-4011: closed the connection\nORA-02391: exceeded simultaneous SESSIONS_PER_USER limit", "ORA-02391", 0),
        ("ORA-20000: Oracle Text error:\nDRG-50901: text query parser syntax error on line 1", "DRG-50901", 1),
        ("ORA-29855: error in ODCIINDEXCREATE\nORA-20000: Oracle Text error:\nDRG-10700: preference", "DRG-10700", 0),
        ("ORA-20000: Oracle Text error:\nDRG-99999: of a later release", "ORA-20000", 0),
        ("ORA-29855: error in the execution of ODCIINDEXCREATE", "ORA-29855", 0),
        ("ORA-00604: error at recursive SQL\nORA-01654: unable to extend index", "ORA-01654", 0),
    ],
)
def test_of_nested_codes_the_one_that_says_most_is_told(text, code, kind):
    details = Details(text.partition(":")[0])
    details.message = text
    found = classify_oracle(oracledb.DatabaseError(details))
    assert found.message.endswith(f"({code})")
    assert isinstance(found, BadInput) is bool(kind)
    assert found.hint == MEANINGS[code].hint


def test_every_code_has_a_remedy_and_no_code_stands_twice():
    tables = (oracle_codes.ROWS, oracle_codes.SCHEMA, oracle_codes.INDEXES, oracle_codes.TEXT)
    tables += (oracle_codes.SPACE, oracle_codes.LOGIN, oracle_codes.CONNECTING)
    assert sum(map(len, tables)) == len(MEANINGS)
    assert [code for code, each in MEANINGS.items() if not (each.what and each.hint)] == []
    assert set(oracle_codes.WRAPPERS) <= set(MEANINGS)


@pytest.mark.parametrize("code", ["DPY-4011", "ORA-03113", "DPY-4024", "DPY-1001"])
def test_a_commit_that_is_lost_has_an_unknown_outcome(code):
    error = oracledb.OperationalError(Details(code))
    assert type(classify_oracle(error)) is DependencyUnavailable
    found = classify_oracle(error, committing=True)
    assert type(found) is OutcomeUnknown
    assert code in found.message
    assert "look whether it was stored" in found.hint
    # What the database itself refused at the COMMIT was not stored.
    refused = oracledb.DatabaseError(Details("ORA-30036"))
    assert type(classify_oracle(refused, committing=True)) is StorageFull


@pytest.mark.parametrize(("broken", "kind"), [("do_commit", OutcomeUnknown), ("do_execute", DependencyUnavailable)])
def test_a_transaction_says_whether_its_commit_or_a_statement_was_lost(monkeypatch, broken, kind):
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", sa.Integer))
    engine = sa.create_engine("sqlite://")
    database = Database(load_settings(), "x.db", metadata, engine=engine)
    with database.transaction() as connection:
        connection.execute(table.insert(), {"a": 1})

    def lost(*_args, **_named):
        raise oracledb.OperationalError(Details("DPY-4011"))

    monkeypatch.setattr(engine.dialect, "name", "oracle")
    monkeypatch.setattr(engine.dialect, broken, lost)
    monkeypatch.setattr(engine.dialect, "loaded_dbapi", oracledb)
    with pytest.raises(kind) as caught, database.transaction() as connection:
        connection.execute(table.insert(), {"a": 2})
    assert type(caught.value) is kind


def test_the_driver_s_own_codes_are_those_of_the_table():
    """They are numbers of its module: a later driver could use others."""
    names = {
        "DPY-1001": "ERR_NOT_CONNECTED",
        "DPY-2018": "ERR_WALLET_FILE_MISSING",
        "DPY-2033": "ERR_EXPIRED_ACCESS_TOKEN",
        "DPY-2034": "ERR_ACCESS_TOKEN_REQUIRES_TCPS",
        "DPY-4017": "ERR_INVALID_CONNECT_DESCRIPTOR",
        "DPY-4018": "ERR_CANNOT_PARSE_CONNECT_STRING",
        "DPY-4024": "ERR_CALL_TIMEOUT_EXCEEDED",
        "DPY-4026": "ERR_MISSING_FILE",
        "DPY-4027": "ERR_NO_CONFIG_DIR",
        "DPY-6002": "ERR_INVALID_SERVER_CERT_DN",
        "DPY-6006": "ERR_INVALID_SERVER_NAME",
        "DPY-3010": "ERR_SERVER_VERSION_NOT_SUPPORTED",
        "DPY-3020": "ERR_OSON_FIELD_NAME_LIMITATION",
        "DPY-4003": "ERR_ORACLE_NUMBER_NO_REPR",
        "DPY-4005": "ERR_POOL_NO_CONNECTION_AVAILABLE",
        "DPY-4011": "ERR_CONNECTION_CLOSED",
        "DPY-6001": "ERR_INVALID_SERVICE_NAME",
        "DPY-6005": "ERR_CONNECTION_FAILED",
    }
    for code, name in names.items():
        assert getattr(driver_errors, name) == int(code.removeprefix("DPY-")), name
        assert classify_oracle(oracledb.DatabaseError(Details(code))).message.endswith(f"({code})")


def test_numbers_and_names_that_no_json_column_holds_are_told_by_the_real_driver():
    for value, told in [
        ({"n": float("nan")}, "number"),
        ({"n": 10**200}, "number"),
        ({"n": 1e300}, "number"),
        ({"k" * 256: 1}, "255"),
    ]:
        with pytest.raises(oracledb.Error) as caught:
            through_oson(value)
        found = classify_oracle(caught.value)
        assert isinstance(found, BadInput), found
        assert told in found.message


def test_an_error_without_a_code_is_unavailable_by_its_class():
    assert codes_of(ValueError("no code")) == []
    assert "ValueError" in classify_oracle(ValueError("no code")).message


async def test_a_closed_port_and_a_silent_host_are_told_apart_from_nothing_in_bounded_time():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DependencyUnavailable, match="cannot be reached") as caught:
        async with open_oracle_pool(oracle(dsn=f"127.0.0.1:{port}/FREEPDB1", connect_timeout_seconds=1)):
            pass
    assert "SIXPLANE_ORACLE__DSN" in caught.value.hint


async def test_an_unknown_host_is_told():
    dsn = "no-such-host.invalid:1521/FREEPDB1"
    with pytest.raises(DependencyUnavailable, match="host name is not known") as caught:
        async with open_oracle_pool(oracle(dsn=dsn)):
            pass
    assert "SIXPLANE_ORACLE__DSN" in caught.value.hint


AUTONOMOUS = """research_high = (description=(retry_count=20)(retry_delay=3)(address=(protocol=tcps)(port=1522)
 (host=adb.example))(connect_data=(service_name=x_high.adb.example))(security=(ssl_server_dn_match=yes)))
"""


def test_the_settings_bound_the_retries_of_an_alias(tmp_path):
    (tmp_path / "tnsnames.ora").write_text(AUTONOMOUS)
    params = connect_arguments(oracle(dsn="research_high", wallet_location=tmp_path).oracle, "x")["params"]
    found = params.get_connect_string()
    assert "(RETRY_COUNT=1)(RETRY_DELAY=1)(EXPIRE_TIME=4)(TRANSPORT_CONNECT_TIMEOUT=10)" in found
    assert "(HOST=adb.example)" in found
    assert "(SSL_SERVER_DN_MATCH=ON)" in found
    with pytest.raises(SettingsInvalid, match="alias is not known") as caught:
        connect_arguments(oracle(dsn="other_high", wallet_location=tmp_path).oracle, "x")
    assert "SIXPLANE_ORACLE__CONFIG_DIR" in caught.value.hint


async def test_a_wallet_without_its_file_is_told_from_inside_a_failed_connect(tmp_path):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        given = {"dsn": f"tcps://127.0.0.1:{listening.getsockname()[1]}/x", "wallet_location": tmp_path}
        with pytest.raises(SettingsInvalid, match="DPY-2018") as caught:
            async with open_oracle_pool(oracle(**given, connect_retries=0)):
                pass
    assert "SIXPLANE_ORACLE__WALLET_LOCATION" in caught.value.hint


async def test_a_host_that_never_answers_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        accepted = []
        threading.Thread(target=lambda: accepted.append(silent.accept()), daemon=True).start()
        dsn = f"127.0.0.1:{silent.getsockname()[1]}/FREEPDB1"
        settings = oracle(dsn=dsn, connect_timeout_seconds=0.5, acquire_timeout_seconds=1)
        with pytest.raises(DependencyUnavailable, match="did not answer in time"):
            await open_oracle_pool(settings).__aenter__()


@pytest.mark.parametrize(("version", "served"), [("19.3.0.0.0", False), ("21.3.0.0.0", False), ("23.26.0.0.0", True)])
async def test_a_database_before_23ai_is_told_before_anything_is_asked_of_it(monkeypatch, version, served):
    pool = RecordingPool()
    monkeypatch.setattr(oracledb, "create_pool_async", lambda **_: pool)
    monkeypatch.setattr(RecordingConnection, "version", version)
    if served:
        async with open_oracle_pool(oracle()) as opened:
            assert opened is pool
    else:
        with pytest.raises(DependencyUnavailable, match=rf"version {version}.*23ai") as caught:
            await open_oracle_pool(oracle()).__aenter__()
        assert "23ai or later" in caught.value.hint
    assert (pool.statements, pool.held) == ([], 0)


def test_json_is_text_on_every_database():
    column = sa.Column("a", JsonText)
    assert str(column.type.compile(dialect=oracle_dialect.dialect())) == "CLOB"
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", JsonText))
    engine = sa.create_engine("sqlite://")
    with Database(load_settings(), "x.db", metadata, engine=engine).transaction() as connection:
        connection.execute(table.insert(), [{"a": {"b": [1, None]}}, {"a": None}])
        assert connection.execute(sa.select(table.c.a)).scalars().all() == [{"b": [1, None]}, None]
