"""What a corpus stands on: documents, passages and two search legs, in SQLite or in Oracle Database.

A *row* is a backend's own number for a passage; it means nothing outside of the backend that gave it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from retrieval.preparation import PreparedDocument
from state.errors import EmbeddingMismatch
from state.values import Passage

Vectors = Sequence[Sequence[float]]
"""One vector for each passage of a document."""


@dataclass(frozen=True)
class Revision:
    """`generation` grows with every write; `epoch` only with writes that take passages away.

    `embedding_model` is the model of the stored vectors, empty for a corpus that nothing was written to.
    """

    generation: int
    epoch: int
    embedding_model: str


class Legs(NamedTuple):
    """Scores by row, higher is better; a leg that was not asked is empty."""

    keyword: dict[int, float]
    dense: dict[int, float]


class StoredVersion(NamedTuple):
    """One document version as it is stored.

    `texts` and `metadata` are of each passage's own row, which hold what `document` says unless somebody changed them.
    """

    document: PreparedDocument
    vectors: Vectors
    texts: tuple[str, ...]
    metadata: tuple[Mapping[str, Any], ...]


class CorpusWriter(Protocol):
    """What may be done while one holds a corpus's writer lock."""

    async def put(self, batch: Sequence[tuple[PreparedDocument, Vectors]], embedding_model: str) -> tuple[int, int]:
        """Store documents in one transaction; return (documents that replaced a version, passages superseded)."""
        ...

    async def delete(self, document_ids: Sequence[str]) -> None:
        """Supersede documents without a successor, in one transaction."""
        ...

    async def build(self) -> None:
        """Bring the search indexes up to what was put."""
        ...

    async def prune(self) -> int:
        """Delete superseded versions; return how many passages went."""
        ...


class CorpusBackend(Protocol):
    """One corpus of one tenant. Safe to share between tasks."""

    @property
    def tenant(self) -> str:
        """The tenant that owns the corpus."""
        ...

    @property
    def name(self) -> str:
        """The name of the corpus."""
        ...

    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the running loop if the backend's connections belong to it, `None` if any loop may call."""
        ...

    def writer(self) -> AbstractAsyncContextManager[CorpusWriter]:
        """Hold the writer lock for a block. Raises `CorpusBusy` if another holds it."""
        ...

    async def refresh(self) -> tuple[Revision, bool]:
        """Catch up with the last write; return its revision, and whether there is anything to search."""
        ...

    async def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        ...

    async def is_current(self, document: PreparedDocument) -> bool:
        """Whether the live version of the document has this text, by this parser."""
        ...

    async def legs(
        self, query: str | None, vector: Sequence[float] | None, depth: int, where: Mapping[str, Any] | None = None
    ) -> Legs:
        """Return the best `depth` live rows of each leg that is asked: words for `query`, cosine for `vector`.

        `where` never makes a leg return fewer rows than fit. Raises `BadInput` for a filter that is not one.
        """
        ...

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return the live passages among rows."""
        ...

    async def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return the passages of evidence ids, superseded ones too."""
        ...

    async def live_by_document(self, document_ids: Iterable[str]) -> list[Passage]:
        """Return the live passages of documents."""
        ...

    async def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages around one, in reading order, without it."""
        ...

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        """Return the text of one document version."""
        ...

    async def version(self, document_id: str, text_hash: str) -> StoredVersion | None:
        """Return one document version with its passages and vectors, superseded ones too."""
        ...

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version, with the fields of `ManifestEntry`."""
        ...

    async def counts(self) -> tuple[Revision, int, int]:
        """Return the revision, and how many live documents and passages there are."""
        ...


def check_embedding_model(corpus: str, revision: Revision, embedding_model: str) -> None:
    """Refuse vectors of another model than the corpus was built with: distances between them mean nothing.

    Raises:
        EmbeddingMismatch: the corpus holds vectors of another model.
    """
    stored = revision.embedding_model
    if stored and stored != embedding_model:
        raise EmbeddingMismatch(f"the corpus `{corpus}` was built with `{stored}`, not `{embedding_model}`")
