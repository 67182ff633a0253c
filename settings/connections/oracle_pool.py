"""The asynchronous connection pool, one per process. It uses thin mode, which needs no Oracle client.

It is not built by `AsyncOracleSaver.from_conn_string`: that splits the string on `@` and `/`, so that passwords with
either fail, and it supports neither wallets nor timeouts.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from settings.connections.oracle_codes import DSN_HINT, POOL_TIMEOUT
from settings.connections.oracle_errors import classify_oracle, codes_of, translated
from settings.connections.oracle_tls import tls_arguments
from settings.oracle import OracleSettings
from settings.tree import Settings
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    import oracledb

MODULE = "sixplane"
MINIMUM_VERSION = 23
PING_INTERVAL_SECONDS = 60
"""An idle connection is checked before use after this time: firewalls drop idle connections. A chosen value."""

RETRY_DELAY_SECONDS = 1
"""How long the driver waits before it tries to connect again. A chosen value."""

CLOSE_SECONDS = 5
"""Time limit for closing the pool, so that a hanging connection cannot block the exit of the process."""

_MODEL = re.compile(r"([A-Za-z][A-Za-z0-9_$#]{0,127}\.)?[A-Za-z][A-Za-z0-9_$#]{0,127}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$#]{0,127}")
_PROXY = re.compile(r"(?P<login>.*)\[(?P<session>.*)\]")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,20}")


Secret = str | Callable[[bool], tuple[str, str]]
"""A password, or what issues tokens with their private keys."""


@asynccontextmanager
async def open_oracle_pool(settings: Settings) -> AsyncIterator[oracledb.AsyncConnectionPool]:
    """Yield the pool that `settings.oracle` configures, after a check that the database answers and is new enough.

    Raises:
        SettingsInvalid: the DSN, the user or the password is missing or wrong.
        DependencyUnavailable: the database cannot be reached, or is older than 23ai.
    """
    import oracledb

    oracle = settings.oracle
    arguments = pool_arguments(oracle, await asyncio.to_thread(oracle_secret, settings))
    with translated():
        pool = oracledb.create_pool_async(**arguments, session_callback=_session_callback(oracle))
    try:
        await _check_version(pool, oracle.connect_timeout_seconds + oracle.acquire_timeout_seconds)
        yield pool
    finally:
        with suppress(TimeoutError, oracledb.Error):
            await asyncio.wait_for(pool.close(force=True), CLOSE_SECONDS)


def pool_arguments(oracle: OracleSettings, secret: Secret) -> dict[str, Any]:
    """Return the driver's arguments for the pool. Raises like `connect_arguments`."""
    import oracledb

    return {
        **_arguments(oracle, secret, oracledb.PoolParams),
        "min": oracle.pool_min,
        "max": oracle.pool_max,
        "increment": 1,
        "getmode": oracledb.POOL_GETMODE_TIMEDWAIT,
        "wait_timeout": round(oracle.acquire_timeout_seconds * 1000),
        "ping_interval": PING_INTERVAL_SECONDS,
    }


def connect_arguments(oracle: OracleSettings, secret: Secret) -> dict[str, Any]:
    """Return the driver's arguments for one connection.

    Raises:
        SettingsInvalid: a setting is missing, the table prefix is not an identifier, or the DSN cannot be read.
    """
    import oracledb

    return _arguments(oracle, secret, oracledb.ConnectParams)


def _arguments(oracle: OracleSettings, secret: Secret, kind: type[oracledb.ConnectParams]) -> dict[str, Any]:
    checked_prefix(oracle)
    needed = {"USER": oracle.user, "PASSWORD": secret} if isinstance(secret, str) else {}
    missing = [name for name, value in {"DSN": oracle.dsn, **needed}.items() if not value]
    if missing:
        raise SettingsInvalid(
            f"Oracle Database needs {', '.join(missing).lower()}",
            hint=f"set {', '.join(f'SIXPLANE_ORACLE__{name}' for name in missing)}, see docs/oracle.md",
        )
    login, session = proxied(oracle.user) if oracle.user else ("", "")
    params = _parameters(oracle, kind)
    if isinstance(secret, str):
        return {"params": params, "user": oracle.user, "password": secret}
    # The database knows from the token who logs in, so that only the user behind a proxy is named.
    named = {"user": f"[{session}]"} if session != login else {}
    return {"params": params, **named, "access_token": secret}


def _parameters(oracle: OracleSettings, kind: type[oracledb.ConnectParams]) -> oracledb.ConnectParams:
    """Return what the DSN says, with our limits."""
    params: oracledb.ConnectParams = kind(stmtcachesize=oracle.statement_cache, program=MODULE, **tls_arguments(oracle))
    with translated():
        params.parse_connect_string(oracle.dsn)
    # Set after the DSN is read, since it would win: an Autonomous Database's `tnsnames.ora` asks for 20 retries, three
    # seconds apart, so that a wrong host would be told after minutes.
    params.set(
        tcp_connect_timeout=oracle.connect_timeout_seconds,
        retry_count=oracle.connect_retries,
        retry_delay=RETRY_DELAY_SECONDS,
        expire_time=oracle.keepalive_minutes,
    )
    return params


def checked_prefix(oracle: OracleSettings) -> str:
    """Return the prefix of our tables in upper case. Raises `SettingsInvalid` unless it is a plain identifier."""
    # Names cannot be bound, so the prefix is part of the SQL text: this check is what prevents injection.
    if not _IDENTIFIER.fullmatch(oracle.table_prefix):
        raise SettingsInvalid(
            f"{oracle.table_prefix!r} is not a table prefix",
            hint="SIXPLANE_ORACLE__TABLE_PREFIX is 1 to 21 letters, digits and `_`, without quotes or a schema",
        )
    return oracle.table_prefix.upper()


def checked_model(oracle: OracleSettings) -> str:
    """Return the name of the model in the database, in upper case.

    Raises:
        SettingsInvalid: the name is empty, or not a plain identifier with or without a schema.
    """
    if not _MODEL.fullmatch(oracle.embedding_model):
        raise SettingsInvalid(
            f"{oracle.embedding_model!r} is not the name of a model in the database",
            hint="set SIXPLANE_ORACLE__EMBEDDING_MODEL to NAME or SCHEMA.NAME, without quotes, see docs/oracle.md",
        )
    return oracle.embedding_model.upper()


def checked_name(name: str, setting: str) -> str:
    """Return a name of a user, schema or tablespace in upper case. Raises `SettingsInvalid` unless it is plain."""
    if not _NAME.fullmatch(name):
        raise SettingsInvalid(
            f"{name!r} is not a name in the database",
            hint=f"SIXPLANE_ORACLE__{setting} is letters, digits and `_`, without quotes",
        )
    return name.upper()


def proxied(user: str) -> tuple[str, str]:
    """Return who logs in and as whom the session acts, in upper case: two users for `login[session]`, else one twice.

    Raises:
        SettingsInvalid: one of them is no plain name.
    """
    found = _PROXY.fullmatch(user)
    if found is None:
        return (checked_name(user, "USER"),) * 2
    return checked_name(found["login"], "USER"), checked_name(found["session"], "USER")


def _session_callback(oracle: OracleSettings) -> Any:
    async def prepare(connection: oracledb.AsyncConnection, _: str) -> None:
        prepare_session(connection, oracle)

    return prepare


def prepare_session(connection: Any, oracle: OracleSettings) -> None:
    """Label a session for the database's views, and set the time limit of every call on it."""
    connection.module = MODULE
    if oracle.owner:
        connection.current_schema = checked_name(oracle.owner, "OWNER")  # sent with the next call
    connection.client_identifier = oracle.table_prefix
    connection.call_timeout = round(oracle.call_timeout_seconds * 1000)


async def _check_version(pool: oracledb.AsyncConnectionPool, seconds: float) -> None:
    """Check the database's version. The driver limits the connect only: a host that accepts and then stays silent would
    block for ever."""
    import oracledb

    try:
        async with asyncio.timeout(seconds), pool.acquire() as connection:
            version = connection.version
    except (TimeoutError, socket.gaierror, oracledb.Error) as error:
        if isinstance(error, TimeoutError) or POOL_TIMEOUT in codes_of(error):
            raise DependencyUnavailable("the database did not answer in time", hint=DSN_HINT) from error
        raise classify_oracle(error) from error
    if int(version.partition(".")[0]) < MINIMUM_VERSION:
        raise DependencyUnavailable(
            f"the database is version {version}, and vectors need {MINIMUM_VERSION}ai",
            hint="use Oracle Database 23ai or later, for example `make test-oracle`'s container",
        )


def oracle_secret(settings: Settings) -> Secret:
    """Return the password, or what issues tokens, as `oracle.auth` says. Blocks.

    Raises like `oracle_password` and `open_tokens`.
    """
    if settings.oracle.auth == "password":
        return oracle_password(settings)
    from settings.connections.oracle_tokens import open_tokens

    return open_tokens(settings)


def oracle_password(settings: Settings) -> str:
    """Return the password from its file, from OCI Vault or from the settings, in this order. Blocks.

    Raises:
        SettingsInvalid: the file is missing.
        DependencyUnavailable: OCI Vault does not return the secret.
    """
    oracle = settings.oracle
    if oracle.password_file is not None:
        if not oracle.password_file.is_file():
            raise SettingsInvalid(
                f"there is no password file `{oracle.password_file}`", hint="correct SIXPLANE_ORACLE__PASSWORD_FILE"
            )
        return oracle.password_file.read_text(encoding="utf-8").strip()
    if oracle.password_secret_id:
        from settings.connections.oci_session import open_oci_session
        from settings.connections.vault import read_secret

        return read_secret(settings, open_oci_session(settings), oracle.password_secret_id, "password")
    return oracle.password.get_secret_value()
