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

from experience.schema_upkeep import EXISTS, GONE, Described, Upkeep
from settings import Settings
from settings.connections.oracle_pool import checked_name, checked_prefix, open_oracle_pool, proxied
from state.errors import DependencyUnavailable, SettingsInvalid, SixplaneError

if TYPE_CHECKING:
    import oracledb

State = Literal["applied", "missing", "unknown"]

OCI_DIMENSIONS = 1536
"""The default of `cohere.embed-v4.0`, from the docstring of OCI's SDK."""

ADDED_TO_THREADS = ("title", "searched", "taken_up", "checkpoints_removed_at")
"""Columns that the table of threads did not have when migration 2 was first applied."""


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
    from retrieval.oracle import schema as corpora

    oracle = settings.oracle
    steps = (
        ("ledger", *_of_metadata(ledger_tables.metadata)),
        ("threads", *_of_metadata(thread_tables.metadata)),
        ("checkpoints", checkpoint_ddl(), checkpoint_drops()),
        ("store", store_ddl(), store_drops()),
        ("corpora", corpora.corpus_ddl(oracle, dimensions), corpora.corpus_drops(oracle)),
        ("keys", *_of_metadata(keys.metadata)),
        ("keyed hashes", corpora.hash_key_ddl(oracle), ()),
        ("principal budgets", ledger_tables.PRINCIPAL_DDL, ()),
        ("kinds of passages", corpora.kind_ddl(oracle), ()),
        ("pending vectors", corpora.pending_ddl(oracle, dimensions), corpora.pending_drops(oracle)),
        ("source roots", corpora.roots_ddl(oracle), corpora.roots_drops(oracle)),
        ("kept runs", _kept_runs(thread_tables), ()),
        ("totals of calls", _added_to_ledger(ledger_tables), ()),
        ("writers", corpora.writer_ddl(oracle), ()),
        ("status of threads", _indexes(thread_tables.threads), ()),
        ("builds of indexes", corpora.builds_ddl(oracle), corpora.builds_drops(oracle)),
        ("managed sources", *_of_metadata(source_tables.metadata)),
        ("remembered files", corpora.files_ddl(oracle), corpora.files_drops(oracle)),
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


async def due_index(settings: Settings) -> str | None:
    """Return what a person should know of the vector index after passages were added; `None` if there is nothing.

    A failure is told and not raised: what was added is stored.
    """
    if settings.oracle.vector_index == "none":
        return None
    try:
        async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
            why = await Schema(connection, settings, ()).due()
    except SixplaneError as error:
        return f"whether the vector index has to be built cannot be said: {error.message}"
    return (
        f"the vector index has to be built: {why}; run `sixplane db optimize`, until then search is exact"
        if why
        else None
    )


class Schema(Upkeep):
    """The migrations on one connection."""

    def __init__(self, connection: oracledb.AsyncConnection, settings: Settings, known: tuple[Migration, ...]) -> None:
        statements = [statement for each in known for statement in each.statements]
        super().__init__(connection, settings, [_journal_ddl(settings), *statements])
        self._known, self._journal = known, f"{checked_prefix(settings.oracle)}_MIGRATIONS"

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
        """Apply the missing migrations in order and return them; then mend what exists but is not sound.

        A migration is missing too if it was recorded and its tables or columns are not there.

        Raises:
            DependencyUnavailable: the database refuses a statement; the migrations before it are recorded.
            SettingsInvalid: the user does not own the schema; a name of ours belongs to something else, a table has
                other columns, or vectors of other dimensions.
        """
        await self._check_owner()
        await self._run(_journal_ddl(self._settings), passing=EXISTS)
        applied, kinds = await self._applied(), await self._kinds()
        seen: dict[str, Described] = {}
        missing = [
            each
            for each in self._known
            if each.number not in applied or not await self._is_whole(each.statements, kinds, seen)
        ]
        for migration in missing:
            for statement in migration.statements:
                if not await self._run(statement, passing=EXISTS):
                    await self._check_columns(statement, {})
            if migration.number not in applied:
                # Recorded last: a migration that failed half-way is run again, and `EXISTS` skips its finished part.
                binds = {"n": migration.number, "name": migration.name}
                await self._run(f"INSERT INTO {self._journal} (version_no, name) VALUES (:n, :name)", binds)  # noqa: S608 - the prefix is checked
            await self._commit()
        await self._mend()
        await self.check()
        return missing

    async def optimize(self) -> list[str]:
        """Build or rebuild the vector index if that is due, compact the text index, gather statistics.

        Returns:
            what was done, in words.

        Raises:
            DependencyUnavailable: migrations are missing, or the database refuses a statement.
            SettingsInvalid: the user does not own the schema.
        """
        await self._check_owner()
        verify(await self.status())
        return await self._optimized()

    async def drop(self) -> None:
        """Drop everything that the migrations created. Raises `SettingsInvalid` if the user does not own it."""
        await self._check_owner()
        for migration in reversed(self._known):
            for statement in migration.drops:
                await self._run(statement, passing=GONE)
        await self._run(f"DROP TABLE {self._journal} PURGE", passing=GONE)

    async def _check_owner(self) -> None:
        """Check that the user may change the schema. What the database says otherwise does not name the reason."""
        oracle = self._settings.oracle
        owner = checked_name(oracle.owner, "OWNER") if oracle.owner else ""
        user = proxied(oracle.user)[1] if oracle.user else ""
        if owner in ("", user):
            return
        held = {str(row[0]) for row in await self._rows("SELECT privilege FROM session_privs")}
        if "CREATE ANY TABLE" not in held:
            raise SettingsInvalid(
                f"{user or 'this user'} may not change the schema of {owner}",
                hint=f"run it as the owner: with SIXPLANE_ORACLE__USER={owner}, his password, and an empty "
                "SIXPLANE_ORACLE__OWNER",
            )

    async def _applied(self) -> dict[int, str]:
        rows = await self._rows(f"SELECT version_no, name FROM {self._journal} ORDER BY version_no")  # noqa: S608 - checked prefix
        return {int(number): str(name) for number, name in rows}


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
