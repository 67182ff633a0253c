"""Looks at the schema in Oracle Database, mends indexes, and builds the vector index when that is due.

It believes what it sees: not what was recorded, and not that a name is ours. `db init` and `doctor` check the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experience.schema_health import (
    CONDITIONS,
    OBJECTS,
    Condition,
    absent,
    conditions_of,
    differences,
    index_of,
    intruders,
    kinds_of,
    table_of,
)
from retrieval.oracle.index_care import OPTIMIZE_TEXT, STATISTICS, IndexCare
from settings import Settings
from settings.connections.oracle_errors import classify_oracle, codes_of, translated
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    import oracledb

EXISTS = frozenset({"ORA-00955", "ORA-01408", "ORA-01430"})
"""An object or a column of this name exists already; the columns are indexed already."""

GONE = frozenset({"ORA-00942", "ORA-01418", "ORA-02289"})
"""The table, index or sequence does not exist."""

MISSING = "missing"

Described = dict[str, tuple[str, int | None]]
"""For each column of a table, the name of the driver's type, and the dimensions of a vector."""


class Upkeep:
    """The state of tables and indexes on one connection.

    Args:
        connection: of a user who may see the tables; to change something, of their owner.
        settings: the table prefix, and the vector index that is wanted.
        statements: all that make up the schema, in order.
    """

    def __init__(self, connection: oracledb.AsyncConnection, settings: Settings, statements: Sequence[str]) -> None:
        self._connection, self._settings, self._statements = connection, settings, statements

    async def check(self) -> str:
        """Check that tables and indexes are sound, and return so in words.

        Raises:
            DependencyUnavailable: a table is missing; an index is missing or cannot be used.
            SettingsInvalid: a name of ours belongs to something else, a table has other columns, or vectors of other
                dimensions.
        """
        kinds = await self._kinds()
        seen: dict[str, Described] = {}
        for statement in self._statements:
            table = table_of(statement)
            if table is not None and table not in kinds:
                raise DependencyUnavailable(
                    f"the table {table} is missing, or the user may not see it",
                    hint="run `sixplane db init`; `sixplane db grants` prints what an administrator has to grant",
                )
            await self._check_columns(statement, seen)
        bad = await self._unsound()
        if bad:
            listed = ", ".join(f"{name} ({status})" for name, status in bad.items())
            raise DependencyUnavailable(
                f"indexes cannot be used: {listed}", hint="run `sixplane db init`: it makes ours anew; drop another one"
            )
        return f"{len(self._statements)} statements of the schema hold"

    async def due(self) -> str | None:
        """Return why the vector index has to be built, or `None` if it has not."""
        if self._settings.oracle.vector_index == "none":
            return None
        care = IndexCare(self._settings.oracle)
        return (await self._vector_due(care, await self._passages(care)))[0]

    async def vector_index(self) -> str:
        """Return the state of the vector index in words. Raises `DependencyUnavailable` if it has to be built."""
        if self._settings.oracle.vector_index == "none":
            return "none is configured: every search is exact"
        passages = await self._passages(IndexCare(self._settings.oracle))
        due = await self.due()
        if due:
            raise DependencyUnavailable(
                f"the vector index has to be built: {due}",
                hint="run `sixplane db optimize`; until then search is exact",
            )
        return f"built for {passages:,} passages" if passages else "not needed yet: there are no passages"

    async def _optimized(self) -> list[str]:
        """Build the vector index if that is due, compact the text index, gather statistics; return what was done."""
        care, done = IndexCare(self._settings.oracle), []
        passages = await self._passages(care)
        due, existed = await self._vector_due(care, passages)
        if due:
            if existed:
                await self._run(care.drop_vector, passing=GONE)
            await self._run(care.build_vector())
            await self._run(care.forget, {"name": care.vector})
            await self._run(care.record, {"name": care.vector, "passages": passages})
            await self._commit()
            done.append(f"built the vector index {care.vector}: {due}")
        await self._run(OPTIMIZE_TEXT, {"name": care.text})
        for table in care.tables():
            await self._run(STATISTICS, {"name": table})
        return [*done, f"compacted the text index {care.text}", "gathered statistics"]

    async def _passages(self, care: IndexCare) -> int:
        return int((await self._rows(care.count) or [(0,)])[0][0])

    async def _vector_due(self, care: IndexCare, passages: int) -> tuple[str | None, bool]:
        """Return why the vector index has to be built, and whether there is one."""
        found = await self._conditions()
        noted = await self._rows(care.built, {"name": care.vector})
        # An index that nobody noted was built by `db init` of an earlier release, on an empty table, or its builder
        # was ended before it noted it.
        built = int(noted[0][0]) if noted and care.vector in found else None
        condition = found.get(care.vector)
        return care.due(passages, built, condition.fault if condition else None), care.vector in found

    async def _mend(self) -> None:
        """Make those indexes anew that are missing or cannot be used."""
        found, bad = await self._conditions(), await self._unsound()
        text = IndexCare(self._settings.oracle).text
        if text in bad and self._settings.oracle.hybrid_search:
            raise DependencyUnavailable(
                f"the hybrid index {text} cannot be used ({bad[text]})",
                hint="an administrator's statement made it: drop it and run that again, see docs/oracle.md",
            )
        if bad.get(text, MISSING) != MISSING:
            # FORCE removes a domain index even if its own clean-up fails, and one that is LOADING since its maker was
            # ended (ORA-29868). If another session is making it at this moment, that one holds a lock.
            await self._run(f"DROP INDEX {text} FORCE", passing=GONE)
            del found[text]
        for name in bad:
            if name in found and found[name].plain:
                # Not dropped: a primary key or a unique constraint may stand on it (ORA-02429).
                await self._run(f'ALTER INDEX "{name}" REBUILD')
        for statement in self._statements:
            missing = index_of(statement)
            if missing and missing not in found:
                await self._run(statement, passing=EXISTS)

    async def _unsound(self) -> dict[str, str]:
        """Return the indexes of our tables that cannot be used, with their status; the text index if it is missing too.

        The vector index is not among them: searches are exact without it, and `vector_index` tells its state. Another
        one that is missing makes searches slow: its columns may be indexed under another name.
        """
        found, care = await self._conditions(), IndexCare(self._settings.oracle)
        tables = {table_of(statement) for statement in self._statements}
        bad = {
            name: each.fault
            for name, each in found.items()
            if each.fault and each.table in tables and name != care.vector
        }
        wanted = care.text in map(index_of, self._statements) and care.text not in found
        return bad | ({care.text: MISSING} if wanted else {})

    async def _conditions(self) -> dict[str, Condition]:
        return conditions_of(await self._rows(CONDITIONS))

    async def _kinds(self) -> dict[str, str]:
        """Return what has a name in the schema. Raises `SettingsInvalid` if something else has the name of a table."""
        kinds = kinds_of(await self._rows(OBJECTS))
        wrong = intruders(self._statements, kinds)
        if wrong:
            raise SettingsInvalid(
                f"names of tables belong to something else: {', '.join(wrong)}",
                hint="rename or drop it, or use a schema of its own. Tables of another user are reached by "
                "SIXPLANE_ORACLE__OWNER, not by synonyms",
            )
        return kinds

    async def _is_whole(self, statements: Sequence[str], kinds: dict[str, str], seen: dict[str, Described]) -> bool:
        """Return whether the tables that `statements` create or widen exist with their columns."""
        for statement in statements:
            table = table_of(statement)
            if table is not None and (table not in kinds or absent(statement, await self._described(table, seen))):
                return False
        return True

    async def _check_columns(self, statement: str, seen: dict[str, Described]) -> None:
        """Check that the table of `statement` has its columns. Raises `SettingsInvalid` if not."""
        table = table_of(statement)
        if table is None:
            return
        found = differences(statement, await self._described(table, seen))
        if found:
            raise SettingsInvalid(
                f"the table {table} is another one than this release needs: {', '.join(found)}",
                hint="use a schema of its own, or another SIXPLANE_ORACLE__TABLE_PREFIX; if the dimensions differ, "
                "configure the embeddings that the table was made with",
            )

    async def _described(self, table: str, seen: dict[str, Described]) -> Described:
        if table not in seen:
            with translated(), self._connection.cursor() as cursor:
                await cursor.execute(f"SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608 - a name of our own statements
                seen[table] = {
                    each.name: (each.type_code.name, each.vector_dimensions) for each in cursor.description or ()
                }
        return seen[table]

    async def _commit(self) -> None:
        with translated(committing=True):
            await self._connection.commit()

    async def _rows(self, statement: str, binds: dict[str, Any] | None = None) -> list[Any]:
        import oracledb

        try:
            with self._connection.cursor() as cursor:
                await cursor.execute(statement, binds or {})
                return list(await cursor.fetchall())
        except oracledb.Error as error:
            if GONE.intersection(codes_of(error)):
                return []
            raise classify_oracle(error) from error

    async def _run(
        self, statement: str, binds: dict[str, Any] | None = None, *, passing: frozenset[str] = frozenset()
    ) -> bool:
        """Run a statement, and return whether it ran: `False` if it failed with a code of `passing`."""
        import oracledb

        try:
            with self._connection.cursor() as cursor:
                await cursor.execute(statement, binds or {})
        except oracledb.Error as error:
            if not passing.intersection(codes_of(error)):
                raise classify_oracle(error) from error
            return False
        return True
