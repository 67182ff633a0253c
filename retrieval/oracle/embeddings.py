"""Embeddings by an ONNX model inside of Oracle Database, over the process's pool: texts go in, vectors come out.

Not `OracleEmbeddings` of langchain-oracledb: it is synchronous on one connection, sets `oracledb.defaults.fetch_lobs`
for the whole process, and prints tracebacks. One statement here embeds a batch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from observability import operation_span
from retrieval.oracle import sql as sql
from retrieval.oracle.writer import listed_types
from retrieval.sync import run_sync
from settings.connections.oracle_errors import translated
from settings.connections.oracle_pool import checked_model
from settings.tree import OracleSettings
from state.errors import DependencyUnavailable

if TYPE_CHECKING:
    import oracledb

BATCH = 32
MAX_BYTES = 4000
"""What the function takes as VARCHAR2. Models read a few hundred tokens; the rest is cut off, as they would."""


class DatabaseEmbeddings(Embeddings):
    """The model `settings.oracle.embedding_model`. Make it within the loop that the pool belongs to.

    Raises:
        SettingsInvalid: no model is named, or its name is no identifier.
    """

    def __init__(self, pool: oracledb.AsyncConnectionPool, oracle: OracleSettings) -> None:
        self._pool, self._statement = pool, sql.EMBED.replace("{MODEL}", checked_model(oracle))
        self._loop = asyncio.get_running_loop()
        self.model_id = f"database:{checked_model(oracle)}"

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text, in order.

        Raises:
            SettingsInvalid: the database has no such model.
            DependencyUnavailable: the database fails, or gives other than a vector for each text.
        """
        vectors: list[list[float]] = []
        with operation_span("embeddings", self.model_id, {"sixplane.embeddings.texts": len(texts)}):
            for start in range(0, len(texts), BATCH):
                vectors += await self._embed([_cut(text) for text in texts[start : start + BATCH]])
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return (await self.aembed_documents([text]))[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return vectors, from another thread than the loop's."""
        return run_sync(self.aembed_documents(texts), self._loop)

    def embed_query(self, text: str) -> list[float]:
        """Return a vector, from another thread than the loop's."""
        return run_sync(self.aembed_query(text), self._loop)

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        with translated():
            async with self._pool.acquire() as connection:
                with connection.cursor() as cursor:
                    cursor.setinputsizes(**listed_types())
                    await cursor.execute(self._statement, {"items": texts})
                    rows = await cursor.fetchall()
        if len(rows) != len(texts) or any(row[0] is None for row in rows):
            raise DependencyUnavailable(
                f"`{self.model_id}` gave {sum(row[0] is not None for row in rows)} vectors for {len(texts)} texts",
                hint="`sixplane doctor` tries the model; load it anew if it fails there too",
            )
        return [list(row[0]) for row in rows]


def _cut(text: str) -> str:
    """Return a text that fits; Oracle takes empty text for NULL, so that a blank stands for it."""
    return text.encode()[:MAX_BYTES].decode(errors="ignore") or " "
