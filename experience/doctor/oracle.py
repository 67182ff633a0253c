"""Checks of Oracle Database: version, privileges, Oracle Text, vector memory, schema and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experience.database import Schema, embedding_dimensions, migrations, verify
from experience.doctor.health import checked
from experience.doctor.values import HealthCheck
from experience.grants import CREATING, ROWS, tables, users
from retrieval.oracle.index_care import DEPTH, IndexCare
from retrieval.oracle.sql import as_vector
from settings import Settings
from settings.connections.oracle_errors import classify_oracle, codes_of
from settings.connections.oracle_pool import checked_prefix, open_oracle_pool
from state.errors import DependencyUnavailable, SixplaneError

if TYPE_CHECKING:
    import oracledb

_GRANTS = "`sixplane db grants` prints what an administrator has to grant"

_VECTOR_MEMORY = (
    "SELECT value, SYS_CONTEXT('USERENV', 'CLOUD_SERVICE') FROM v$parameter WHERE name = 'vector_memory_size'"
)
"""The size, and the kind of an Autonomous Database, whose size is 0 although it has vector memory."""


async def check_oracle(settings: Settings, *, deep: bool = False) -> tuple[HealthCheck, ...]:
    """Check Oracle Database; return no checks if it is neither used nor configured.

    Args:
        settings: the settings of the process.
        deep: also compare approximate with exact search, which scans the passages once for each vector asked with.
    """
    if settings.data.backend != "oracle" and not settings.oracle.dsn:
        return ()
    try:
        async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
            return (
                HealthCheck(name="oracle database", ok=True, detail=f"version {connection.version}"),
                await checked("oracle privileges", _privileges(connection, settings)),
                await checked("oracle text", _text(connection)),
                await checked("oracle vector memory", _vector_memory(connection, settings)),
                await checked("oracle schema", _schema(connection, settings)),
                await checked("oracle embeddings", _embeddings(connection, pool, settings)),
                await checked("oracle indexes", _indexes(connection, pool, settings)),
                await checked("oracle vector index", Schema(connection, settings, ()).vector_index()),
                *([await checked("oracle recall", _recall(connection, settings))] if deep else []),
            )
    except SixplaneError as error:
        return (HealthCheck(name="oracle database", ok=False, detail=error.message, hint=error.hint),)


async def _privileges(connection: oracledb.AsyncConnection, settings: Settings) -> str:
    held = {str(row[0]) for row in await _rows(connection, "SELECT privilege FROM session_privs")}
    user, owner = users(settings)
    needed = CREATING if user == owner else ("CREATE SESSION",)
    missing = [privilege for privilege in needed if privilege not in held]
    if missing:
        raise DependencyUnavailable(f"the user lacks {', '.join(missing)}", hint=_GRANTS)
    if user == owner:
        return ", ".join(needed)
    query = "SELECT table_name, privilege FROM all_tab_privs_recd WHERE owner = :owner"
    granted = {(str(row[0]).upper(), str(row[1])) for row in await _rows(connection, query, {"owner": owner})}
    without = [table for table in tables(settings) if not {(table, each) for each in ROWS} <= granted]
    if without:
        raise DependencyUnavailable(f"{user} may not read and write {', '.join(without)} of {owner}", hint=_GRANTS)
    excess = sorted(held.intersection(CREATING[1:]))
    return f"{', '.join(ROWS)} on the tables of {owner}{'; more than needed: ' + ', '.join(excess) if excess else ''}"


async def _text(connection: oracledb.AsyncConnection) -> str:
    query = "SELECT COUNT(*) FROM all_objects WHERE owner = 'CTXSYS' AND object_name = 'CTX_DDL'"
    if not (await _rows(connection, query))[0][0]:
        raise DependencyUnavailable("Oracle Text is not installed, or the user may not use it", hint=_GRANTS)
    return "Oracle Text can be used"


async def _vector_memory(connection: oracledb.AsyncConnection, settings: Settings) -> str:
    """Check the vector memory, which holds an HNSW index. Most users lack the privilege to see its size."""
    if settings.oracle.vector_index != "hnsw":
        return f"not needed: the index is {settings.oracle.vector_index}"
    try:
        rows = await _rows(connection, _VECTOR_MEMORY)
    except DependencyUnavailable as error:
        if "ORA-00942" in codes_of(error):  # Oracle hides a view without a grant as one that does not exist
            return "this user may not see its size; `sixplane db init` fails if it is too small"
        raise
    size, cloud = (int(rows[0][0]), rows[0][1]) if rows else (0, None)
    if cloud and not size:
        return "an Autonomous Database resizes it by itself"
    if not size:
        raise DependencyUnavailable(
            "an HNSW index needs vector memory, and `vector_memory_size` is 0",
            hint="ask an administrator to set it, or set SIXPLANE_ORACLE__VECTOR_INDEX=ivf",
        )
    return f"{size / 2**20:.0f} MiB"


async def _schema(connection: oracledb.AsyncConnection, settings: Settings) -> str:
    states = await Schema(connection, settings, migrations(settings, 1)).status()
    verify(states)
    return f"{len(states)} migrations are applied"


async def _embeddings(
    connection: oracledb.AsyncConnection, pool: oracledb.AsyncConnectionPool, settings: Settings
) -> str:
    """Check that the configured embeddings have the dimensions of the stored vectors."""
    made = await embedding_dimensions(settings, pool)
    query = f"SELECT MIN(c.dimensions), MAX(c.dimensions) FROM {checked_prefix(settings.oracle)}_CORPORA c"  # noqa: S608 - the prefix is checked
    least, most = (await _rows(connection, query) or [(None, None)])[0]
    if least is None:
        return f"vectors of {made} dimensions; no corpora yet"
    if (int(least), int(most)) != (made, made):
        raise DependencyUnavailable(
            f"the tables hold vectors of {most} dimensions, and the embeddings have {made}",
            hint="configure the embeddings that the tables were made with, or set another "
            "SIXPLANE_ORACLE__TABLE_PREFIX and run `sixplane db init`",
        )
    return f"vectors of {made} dimensions, as in the tables"


async def _indexes(connection: oracledb.AsyncConnection, pool: oracledb.AsyncConnectionPool, settings: Settings) -> str:
    """Check that tables have their columns, and that no index failed."""
    known = migrations(settings, await embedding_dimensions(settings, pool))
    return await Schema(connection, settings, known).check()


async def _recall(connection: oracledb.AsyncConnection, settings: Settings) -> str:
    """Return which share of the nearest passages the vector index finds, asked with stored vectors."""
    care = IndexCare(settings.oracle)
    found = wanted = asked = 0
    for (stored,) in await _rows(connection, care.sample):
        vector = as_vector(stored)
        exact = {row[0] for row in await _rows(connection, care.exact, {"vector": vector})}
        near = {row[0] for row in await _rows(connection, care.approximate, {"vector": vector})}
        found, wanted, asked = found + len(exact & near), wanted + len(exact), asked + 1
    if not wanted:
        return "there are no passages to ask with"
    percent = 100 * found / wanted
    told = f"{percent:.0f} % of the {DEPTH} nearest are found, asked with {asked} stored vectors"
    if percent < settings.oracle.target_accuracy:
        raise DependencyUnavailable(
            f"{told}; the target is {settings.oracle.target_accuracy} %",
            hint="run `sixplane db optimize`, or raise SIXPLANE_ORACLE__TARGET_ACCURACY and build the index anew",
        )
    return told


async def _rows(connection: oracledb.AsyncConnection, query: str, binds: dict[str, Any] | None = None) -> list[Any]:
    import oracledb

    try:
        with connection.cursor() as cursor:
            await cursor.execute(query, binds or {})
            return list(await cursor.fetchall())
    except oracledb.Error as error:
        raise classify_oracle(error) from error
