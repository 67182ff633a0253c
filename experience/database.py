"""The schema in Oracle Database: ordered migrations, and the operations behind `sixplane db`.

Start-up only verifies the schema and never changes it. Oracle commits every DDL statement on its own, so a failed
migration cannot be rolled back: it is run again, and objects that it has already created (ORA-00955) are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import oracle as oracle_dialect

from experience.schema_health import CONDITIONS, differences, index_of, table_of, unsound
from retrieval.oracle.index_care import OPTIMIZE_TEXT, STATISTICS, IndexCare
from settings import Settings
from settings.connections.oracle_errors import classify_oracle, codes_of, translated
from settings.connections.oracle_pool import checked_prefix, open_oracle_pool
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    import oracledb

State = Literal["applied", "missing", "unknown"]

EXISTS = frozenset({"ORA-00955", "ORA-01408", "ORA-01430"})
"""An object or a column of this name exists already; the columns are indexed already."""

OCI_DIMENSIONS = 1536
"""The default of `cohere.embed-v4.0`, from the docstring of OCI's SDK."""

ADDED_TO_THREADS = ("title", "searched", "taken_up", "checkpoints_removed_at")
"""Columns that the table of threads did not have when migration 2 was first applied."""

MISSING = "missing"

GONE = frozenset({"ORA-00942", "ORA-01418", "ORA-02289"})
"""The table, index or sequence does not exist."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema. `drops` undo `statements`, in an order that respects foreign keys."""

    number: int
    name: str
    statements: tuple[str, ...]
    drops: tuple[str, ...]


@dataclass(frozen=True)
class MigrationState:
    """The state of a migration. `unknown` means that a later version of Sixplane has applied it."""

    number: int
    name: str
    state: State


def migrations(settings: Settings, dimensions: int) -> tuple[Migration, ...]:
    """Return all migrations in order. Never reorder them: databases record the numbers.

    Args:
        settings: the table prefix, the kind of vector index and its accuracy.
        dimensions: the dimensions of the configured embeddings.
    """
    from experience import tables as thread_tables
    from gateway.ledger import tables as ledger_tables
    from graphs.persistence.oracle_checkpoints import checkpoint_ddl, checkpoint_drops
    from graphs.persistence.oracle_store import store_ddl, store_drops
    from policy.identity import keys
    from retrieval.managed import tables as source_tables
    from retrieval.oracle.schema import (
        builds_ddl,
        builds_drops,
        corpus_ddl,
        corpus_drops,
        hash_key_ddl,
        kind_ddl,
        pending_ddl,
        pending_drops,
        roots_ddl,
        roots_drops,
        writer_ddl,
    )

    steps = (
        ("ledger", *_of_metadata(ledger_tables.metadata)),
        ("threads", *_of_metadata(thread_tables.metadata)),
        ("checkpoints", checkpoint_ddl(), checkpoint_drops()),
        ("store", store_ddl(), store_drops()),
        ("corpora", corpus_ddl(settings.oracle, dimensions), corpus_drops(settings.oracle)),
        ("keys", *_of_metadata(keys.metadata)),
        ("keyed hashes", hash_key_ddl(settings.oracle), ()),
        ("principal budgets", ledger_tables.PRINCIPAL_DDL, ()),
        ("kinds of passages", kind_ddl(settings.oracle), ()),
        ("pending vectors", pending_ddl(settings.oracle, dimensions), pending_drops(settings.oracle)),
        ("source roots", roots_ddl(settings.oracle), roots_drops(settings.oracle)),
        ("kept runs", _kept_runs(thread_tables), ()),
        ("totals of calls", _added_to_ledger(ledger_tables), ()),
        ("writers", writer_ddl(settings.oracle), ()),
        ("status of threads", _indexes(thread_tables.threads), ()),
        ("builds of indexes", builds_ddl(settings.oracle), builds_drops(settings.oracle)),
        ("managed sources", *_of_metadata(source_tables.metadata)),
    )
    return tuple(Migration(n, name, tuple(made), tuple(drops)) for n, (name, made, drops) in enumerate(steps, 1))


async def embedding_dimensions(settings: Settings, pool: oracledb.AsyncConnectionPool | None = None) -> int:
    """Return the dimensions of the configured embeddings. OCI's are known, so no billed call is made."""
    if settings.data.embeddings == "oci":
        return settings.oci.embedding_dimensions or OCI_DIMENSIONS
    if settings.data.embeddings == "database":
        from retrieval.oracle.embeddings import DatabaseEmbeddings

        async with nullcontext(pool) if pool is not None else open_oracle_pool(settings) as asked:
            return len(await DatabaseEmbeddings(asked, settings.oracle).aembed_query("dimensions"))
    from retrieval import load_embeddings

    return len(await load_embeddings(settings).aembed_query("dimensions"))


def script(settings: Settings, dimensions: int) -> str:
    """Return the complete DDL that `sixplane db init --dry-run` prints."""
    lines = [f"-- the record of migrations\n{_journal_ddl(settings)};"]
    for migration in migrations(settings, dimensions):
        lines.append(f"-- {migration.number}: {migration.name}")
        lines += [f"{statement};" for statement in migration.statements]
    return "\n\n".join(lines)


@asynccontextmanager
async def open_schema(settings: Settings, dimensions: int) -> AsyncIterator[Schema]:
    """Open the schema of the configured database. Raises the errors of `open_oracle_pool`."""
    async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
        yield Schema(connection, settings, migrations(settings, dimensions))


class Schema:
    """The migrations on one connection."""

    def __init__(self, connection: oracledb.AsyncConnection, settings: Settings, known: tuple[Migration, ...]) -> None:
        self._connection, self._settings, self._known = connection, settings, known
        self._journal = f"{checked_prefix(settings.oracle)}_MIGRATIONS"

    async def status(self) -> list[MigrationState]:
        """Return all known or applied migrations in order."""
        applied = await self._applied()
        found = [
            MigrationState(each.number, each.name, "applied" if each.number in applied else "missing")
            for each in self._known
        ]
        known = {each.number for each in self._known}
        return [*found, *(MigrationState(n, name, "unknown") for n, name in applied.items() if n not in known)]

    async def upgrade(self) -> list[Migration]:
        """Apply the missing migrations in order and return them, then mend what exists but is not sound.

        Raises:
            DependencyUnavailable: the database refuses a statement; the migrations before it are recorded.
            SettingsInvalid: a table exists with other columns, or with vectors of other dimensions.
        """
        await self._run(_journal_ddl(self._settings), passing=EXISTS)
        applied = await self._applied()
        missing = [each for each in self._known if each.number not in applied]
        for migration in missing:
            for statement in migration.statements:
                if not await self._run(statement, passing=EXISTS):
                    await self._check_columns(statement)
            # Recorded last: a migration that failed half-way is run again, and `EXISTS` skips its finished part.
            binds = {"n": migration.number, "name": migration.name}
            await self._run(f"INSERT INTO {self._journal} (version_no, name) VALUES (:n, :name)", binds)  # noqa: S608 - the prefix is checked
            await self._commit()
        await self._mend()
        return missing

    async def check(self) -> str:
        """Check that tables and indexes are sound, and return so in words.

        Raises:
            DependencyUnavailable: an index cannot be used; the text index is missing.
            SettingsInvalid: a table has other columns, or vectors of other dimensions.
        """
        statements = self._statements()
        for statement in statements:
            await self._check_columns(statement)
        bad = await self._unsound(statements)
        if bad:
            listed = ", ".join(f"{name} ({status})" for name, status in bad.items())
            raise DependencyUnavailable(
                f"indexes cannot be used: {listed}", hint="run `sixplane db init`: it makes them anew"
            )
        return f"{len(statements)} statements of the schema hold"

    async def optimize(self) -> list[str]:
        """Build or rebuild the vector index if that is due, compact the text index, gather statistics.

        Returns:
            what was done, in words.

        Raises:
            DependencyUnavailable: the database refuses a statement.
        """
        care, done = IndexCare(self._settings.oracle), []
        passages = int((await self._rows(care.count) or [(0,)])[0][0])
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

    async def vector_index(self) -> str:
        """Return the state of the vector index in words. Raises `DependencyUnavailable` if it has to be built."""
        if self._settings.oracle.vector_index == "none":
            return "none is configured: every search is exact"
        care = IndexCare(self._settings.oracle)
        passages = int((await self._rows(care.count) or [(0,)])[0][0])
        due, _ = await self._vector_due(care, passages)
        if due:
            raise DependencyUnavailable(
                f"the vector index has to be built: {due}",
                hint="run `sixplane db optimize`; until then search is exact",
            )
        return f"built for {passages:,} passages" if passages else "not needed yet: there are no passages"

    async def _vector_due(self, care: IndexCare, passages: int) -> tuple[str | None, bool]:
        """Return why the vector index has to be built, and whether there is one."""
        rows = await self._rows(CONDITIONS)
        existed = care.vector in {str(row[0]).upper() for row in rows}
        noted = await self._rows(care.built, {"name": care.vector})
        # An index that nobody noted was built by `db init` of an earlier release, on an empty table.
        built = int(noted[0][0]) if noted and existed else None
        return care.due(passages, built, unsound(rows).get(care.vector)), existed

    async def _mend(self) -> None:
        """Make those indexes anew that exist and cannot be used, or are missing."""
        statements = self._statements()
        bad = await self._unsound(statements)
        for statement in statements:
            name = index_of(statement)
            if name in bad and name.endswith("_TX") and self._settings.oracle.hybrid_search:
                hint = "an administrator's statement made it: drop it and run that again, see docs/oracle.md"
                raise DependencyUnavailable(f"the hybrid index {name} cannot be used ({bad[name]})", hint=hint)
            if name in bad:
                if bad[name] != MISSING:
                    # FORCE removes a domain index even if its own clean-up fails.
                    await self._run(
                        f"DROP INDEX {name}{' FORCE' if ' SEARCH INDEX' in statement else ''}", passing=GONE
                    )
                await self._run(statement, passing=EXISTS)

    async def _unsound(self, statements: list[str]) -> dict[str, str]:
        """Return those of our indexes that cannot be used, with their status, or `MISSING` for the text index."""
        rows = await self._rows(CONDITIONS)
        there, bad = {str(row[0]).upper() for row in rows}, unsound(rows)
        text = IndexCare(self._settings.oracle).text
        ours = [name for name in map(index_of, statements) if name]
        return {name: bad.get(name, MISSING) for name in ours if name in bad or (name == text and name not in there)}

    def _statements(self) -> list[str]:
        return [statement for each in self._known for statement in each.statements]

    async def _check_columns(self, statement: str) -> None:
        """Check that the table of `statement` has its columns. Raises `SettingsInvalid` if not."""
        table = table_of(statement)
        if table is None:
            return
        with translated(), self._connection.cursor() as cursor:
            await cursor.execute(f"SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608 - a name of our own statements
            described = {each.name: (each.type_code.name, each.vector_dimensions) for each in cursor.description or ()}
        found = differences(statement, described)
        if found:
            raise SettingsInvalid(
                f"the table {table} is another one than this release needs: {', '.join(found)}",
                hint="use a schema of its own, or another SIXPLANE_ORACLE__TABLE_PREFIX; if the dimensions differ, "
                "configure the embeddings that the table was made with",
            )

    async def _commit(self) -> None:
        with translated(committing=True):
            await self._connection.commit()

    async def drop(self) -> None:
        """Drop everything that the migrations created."""
        for migration in reversed(self._known):
            for statement in migration.drops:
                await self._run(statement, passing=GONE)
        await self._run(f"DROP TABLE {self._journal} PURGE", passing=GONE)

    async def _applied(self) -> dict[int, str]:
        rows = await self._rows(f"SELECT version_no, name FROM {self._journal} ORDER BY version_no")  # noqa: S608 - checked prefix
        return {int(number): str(name) for number, name in rows}

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


def verify(states: Iterable[MigrationState]) -> None:
    """Raise `DependencyUnavailable` if a known migration is not applied."""
    missing = [each.name for each in states if each.state == "missing"]
    if missing:
        raise DependencyUnavailable(
            f"Oracle Database lacks the migrations {', '.join(missing)}",
            hint="run `sixplane db init`, or `sixplane db upgrade` after an update",
        )


def _journal_ddl(settings: Settings) -> str:
    return (
        f"CREATE TABLE {checked_prefix(settings.oracle)}_MIGRATIONS (version_no NUMBER(9) PRIMARY KEY, "
        "name VARCHAR2(100 CHAR) NOT NULL, applied_at TIMESTAMP WITH TIME ZONE DEFAULT SYSTIMESTAMP NOT NULL)"
    )


def _of_metadata(metadata: sa.MetaData) -> tuple[list[str], list[str]]:
    """Return the statements that create SQLAlchemy's tables on Oracle Database, and those that drop them."""
    dialect: sa.Dialect = oracle_dialect.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(_flat(sa.schema.CreateTable(table).compile(dialect=dialect)))
        made += _indexes(table)
    drops = [f"DROP TABLE {table.name} CASCADE CONSTRAINTS PURGE" for table in reversed(metadata.sorted_tables)]
    return made, drops


def _kept_runs(tables: Any) -> list[str]:
    """Return the statements that bring the threads of an earlier release up to date, and fill what they add."""
    made, _ = _of_metadata(tables.metadata)
    dialect: sa.Dialect = oracle_dialect.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    columns = [sa.schema.CreateColumn(tables.threads.c[name]).compile(dialect=dialect) for name in ADDED_TO_THREADS]
    filled = [
        _flat(each.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) for each in tables.backfill()
    ]
    added = f"ALTER TABLE {tables.threads.name} ADD ({', '.join(_flat(each) for each in columns)})"
    return [added, *(each for each in made if not each.startswith("CREATE TABLE threads ")), *filled]


def _indexes(table: sa.Table) -> list[str]:
    """Return the statements that create the indexes of a table; those that an earlier migration has made stay."""
    dialect: sa.Dialect = oracle_dialect.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return [_flat(sa.schema.CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]


def _added_to_ledger(tables: Any) -> list[str]:
    """Return the statements that bring the ledger of an earlier release up to date."""
    made, _ = _of_metadata(tables.metadata)
    return [*tables.ENDED_DDL, *(each for each in made if " ledger_totals" in each)]


def _flat(compiled: Any) -> str:
    return " ".join(str(compiled).split())
