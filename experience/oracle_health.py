"""Is Oracle Database there, new enough, and does it let us do what we need? Each failure says what to grant or set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experience.health import checked
from experience.models import HealthCheck
from settings import Settings
from settings.oracle_errors import classify_oracle, codes_of
from settings.oracle_pool import open_oracle_pool
from state.errors import DependencyUnavailable, SixplaneError

if TYPE_CHECKING:
    import oracledb

NEEDED = ("CREATE SESSION", "CREATE TABLE")
_GRANTS = "`sixplane db grants` prints what an administrator has to grant"


async def check_oracle(settings: Settings) -> tuple[HealthCheck, ...]:
    """Return the checks of Oracle Database, none where it is neither used nor configured."""
    if settings.data.backend != "oracle" and not settings.oracle.dsn:
        return ()
    try:
        async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
            return (
                HealthCheck(name="oracle database", ok=True, detail=f"version {connection.version}"),
                await checked("oracle privileges", _privileges(connection)),
                await checked("oracle text", _text(connection)),
                await checked("oracle vector memory", _vector_memory(connection, settings)),
            )
    except SixplaneError as error:
        return (HealthCheck(name="oracle database", ok=False, detail=error.message, hint=error.hint),)


async def _privileges(connection: oracledb.AsyncConnection) -> str:
    held = {str(row[0]) for row in await _rows(connection, "SELECT privilege FROM session_privs")}
    missing = [privilege for privilege in NEEDED if privilege not in held]
    if missing:
        raise DependencyUnavailable(f"the user lacks {', '.join(missing)}", hint=_GRANTS)
    return ", ".join(NEEDED)


async def _text(connection: oracledb.AsyncConnection) -> str:
    query = "SELECT COUNT(*) FROM all_objects WHERE owner = 'CTXSYS' AND object_name = 'CTX_DDL'"
    if not (await _rows(connection, query))[0][0]:
        raise DependencyUnavailable("Oracle Text is not there, or the user may not use it", hint=_GRANTS)
    return "Oracle Text can be used"


async def _vector_memory(connection: oracledb.AsyncConnection, settings: Settings) -> str:
    """An HNSW index lives in the vector memory; the view of its size needs a privilege that most users lack."""
    if settings.oracle.vector_index != "hnsw":
        return f"not needed: the index is {settings.oracle.vector_index}"
    try:
        rows = await _rows(connection, "SELECT value FROM v$parameter WHERE name = 'vector_memory_size'")
    except DependencyUnavailable as error:
        if "ORA-00942" in codes_of(error):
            return "its size may not be seen by this user; `sixplane db init` tells if it is too small"
        raise
    size = int(rows[0][0]) if rows else 0
    if not size:
        raise DependencyUnavailable(
            "an HNSW index needs vector memory, and `vector_memory_size` is 0",
            hint="an administrator sets it, or set SIXPLANE_ORACLE__VECTOR_INDEX=ivf",
        )
    return f"{size / 2**20:.0f} MiB"


async def _rows(connection: oracledb.AsyncConnection, query: str) -> list[Any]:
    import oracledb

    try:
        with connection.cursor() as cursor:
            await cursor.execute(query)
            return list(await cursor.fetchall())
    except oracledb.Error as error:
        raise classify_oracle(error) from error
