"""Embeddings by an ONNX model inside Oracle Database, through the connection pool of the process.

This replaces `OracleEmbeddings` of langchain-oracledb (1.6.0), which is synchronous on a single connection, sets
`oracledb.defaults.fetch_lobs` for the whole process and prints tracebacks. Here, one statement embeds a batch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from observability import operation_span
from retrieval.oracle import sql as sql
from retrieval.sync import run_sync
from settings.connections.oracle_errors import again_if_lost
from settings.connections.oracle_pool import checked_model
from settings.oracle import OracleSettings
from state.errors import DependencyUnavailable

if TYPE_CHECKING:
    import oracledb

BATCH = 32
"""Texts per statement. A chosen value, not measured on a database: larger batches save round trips and hold a
connection for longer."""

MAX_BYTES = 4000
"""The limit of VARCHAR2, which the function takes. Longer texts are cut; models read a few hundred tokens anyway."""


class DatabaseEmbeddings(Embeddings):
    """The model `settings.oracle.embedding_model`. Create it on the event loop that the pool belongs to.

    Raises:
        SettingsInvalid: no model is configured, or its name is not an identifier.
    """

    def __init__(self, pool: oracledb.AsyncConnectionPool, oracle: OracleSettings) -> None:
        self._pool, self._statement = pool, sql.EMBED.replace("{MODEL}", checked_model(oracle))
        self._loop = asyncio.get_running_loop()
        self.model_id = f"database:{checked_model(oracle)}"

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector for each text, in order.

        Raises:
            SettingsInvalid: the database has no such model.
            DependencyUnavailable: the database fails, or does not return one vector for each text.
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
        """Return the vectors. Call this from a thread other than the event loop's."""
        return run_sync(self.aembed_documents(texts), self._loop)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector. Call this from a thread other than the event loop's."""
        return run_sync(self.aembed_query(text), self._loop)

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        import oracledb

        async def asked() -> list[Any]:
            async with self._pool.acquire() as connection:
                with connection.cursor() as cursor:
                    cursor.setinputsizes(items=oracledb.DB_TYPE_JSON)
                    await cursor.execute(self._statement, {"items": texts})
                    return list(await cursor.fetchall())

        rows = await again_if_lost(asked)
        if len(rows) != len(texts) or any(row[0] is None for row in rows):
            raise DependencyUnavailable(
                f"`{self.model_id}` returned {sum(row[0] is not None for row in rows)} vectors for {len(texts)} texts",
                hint="check the model with `sixplane doctor`; load it again if it fails there too",
            )
        return [list(row[0]) for row in rows]


def _cut(text: str) -> str:
    """Return `text` cut to `MAX_BYTES`; a blank replaces empty text, which Oracle takes for NULL."""
    return text.encode()[:MAX_BYTES].decode(errors="ignore") or " "
