"""Where the parts of a suite live: embedded, played back, or in the database of `SIXPLANE_ORACLE__DSN`.

`pytest -m oracle` runs the cases that need a database; without one they are skipped, and say so.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import oracledb
import pytest
from langchain_core.embeddings import Embeddings

from experience.database import migrations, open_schema
from retrieval import Corpora, open_corpus
from retrieval.documents import evidence_id
from retrieval.oracle.schema import (
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
from retrieval.preparation import PreparedDocument, PreparedPassage
from settings import Settings, load_settings
from settings.connections.oracle_pool import open_oracle_pool
from tests.doubles.postgres.tables import tables_in_postgres
from tests.retrieval.oracle.recording import PlaybackPool

DIMENSIONS = 32
ORACLE = pytest.param("oracle", marks=[pytest.mark.oracle, pytest.mark.enable_socket])


def skip_without_oracle() -> None:
    """Skip the test unless a database is named."""
    if not os.environ.get("SIXPLANE_ORACLE__DSN"):
        pytest.skip("SIXPLANE_ORACLE__DSN is not set; `make test-oracle` starts a database, see docs/oracle.md")


class Hashed(Embeddings):
    """Counts words by their hashes."""

    model_id = "hashed"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * DIMENSIONS
        for word in text.lower().split():
            vector[int(hashlib.md5(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
        return np.asarray(vector, dtype=np.float32).tolist()  # type: ignore[no-any-return]


def document(name: str, text: str, **metadata: Any) -> PreparedDocument:
    """Return a document of one passage, of the corpus `c`."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    span = PreparedPassage(evidence_id("local", "c", name, digest, 0, len(text)), 0, len(text))
    return PreparedDocument(name, f"{name}.txt", name, text, digest, (span,), metadata=metadata)


@dataclass(frozen=True)
class Plane:
    """Where the corpora of a test live: a folder, or tables of its own behind a pool."""

    settings: Settings
    pool: Any = None

    def opened(self, embeddings: Embeddings | None = None) -> Any:
        """Open the corpus `c`."""
        return open_corpus(self.settings, "c", embeddings=embeddings or Hashed(), pool=self.pool)

    def corpora(self) -> Corpora:
        """Return all of them."""
        return Corpora(self.settings, embeddings=Hashed(), pool=self.pool)


@asynccontextmanager
async def opened_plane(kind: str, folder: Path, dimensions: int = DIMENSIONS) -> AsyncIterator[Plane]:
    """Yield a plane: `embedded`, `played back` or `oracle`."""
    if kind == "oracle":
        async with _oracle_plane(folder, dimensions) as plane:
            yield plane
        return
    pool = PlaybackPool(folder / "oracle.db", dimensions) if kind == "played back" else None
    yield Plane(load_settings(home=folder, data={"lock_timeout_seconds": 0.1}), pool)


@asynccontextmanager
async def _oracle_plane(folder: Path, dimensions: int) -> AsyncIterator[Plane]:
    skip_without_oracle()
    settings = load_settings(home=folder, oracle={"table_prefix": f"T{secrets.token_hex(6)}"})
    async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
        try:
            added = [*hash_key_ddl(settings.oracle), *kind_ddl(settings.oracle)]
            added += [
                *pending_ddl(settings.oracle, dimensions),
                *roots_ddl(settings.oracle),
                *writer_ddl(settings.oracle),
            ]
            for statement in [*corpus_ddl(settings.oracle, dimensions), *added]:
                await connection.execute(statement)
            yield Plane(settings, pool)
        finally:
            drops = [*roots_drops(settings.oracle), *pending_drops(settings.oracle), *corpus_drops(settings.oracle)]
            for statement in drops:
                with suppress(oracledb.DatabaseError):  # of a table that was not made
                    await connection.execute(statement)


@asynccontextmanager
async def oracle_schema(home: Path, dimensions: int = DIMENSIONS) -> AsyncIterator[Settings]:
    """Make the whole schema for a block, and drop it; its names are fixed, so none may be there before."""
    skip_without_oracle()
    settings = load_settings(home=home, data={"backend": "oracle"})
    async with open_schema(settings, dimensions) as schema, open_oracle_pool(settings) as pool, pool.acquire() as one:
        names = {statement.split()[2].upper() for each in migrations(settings, dimensions) for statement in each.drops}
        taken = names & {str(row[0]) for row in await one.fetchall("SELECT table_name FROM user_tables")}
        if taken:
            pytest.fail(f"the schema holds {sorted(taken)}: tests make and drop them, so give them a user of their own")
        try:
            await schema.upgrade()
            yield settings
        finally:
            await schema.drop()


@contextmanager
def durable_plane(kind: str, home: Path) -> Iterator[None]:
    """Hold a home for a block whose processes keep ledger, threads and checkpoints there, or in the database.

    `postgres`: the checkpoints stay in the home, and the rest is in PostgreSQL.
    """
    if kind != "oracle":
        with tables_in_postgres() if kind == "postgres" else nullcontext():
            yield
        return
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as environment:
        schema = oracle_schema(home)
        runner.run(schema.__aenter__())
        try:
            environment.setenv("SIXPLANE_DATA__BACKEND", "oracle")
            yield
        finally:
            runner.run(schema.__aexit__(None, None, None))
