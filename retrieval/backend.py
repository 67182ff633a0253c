"""The port that a corpus is stored behind, implemented by `retrieval.embedded` and by `retrieval.oracle`.

A *row* is a backend's own number for a passage, valid only in that backend. A *leg* is one of the two searches, by
keyword or by vector. A passage is *live* until its document is replaced or deleted; then it is *superseded*: it is no
longer found, but reports that cite it still resolve.
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
    """The state of a corpus after a committed write.

    `generation` grows with every write, `epoch` only with writes that remove passages from search. `embedding_model`
    is the model of the stored vectors, empty as long as nothing was written.
    """

    generation: int
    epoch: int
    embedding_model: str


class Legs(NamedTuple):
    """Scores by row, higher is better; empty for a leg that was not searched."""

    keyword: dict[int, float]
    dense: dict[int, float]


class StoredVersion(NamedTuple):
    """One document version as it is stored.

    `texts` and `metadata` are read from the passages' own rows, not derived from `document`: a copy compares both, and
    finds rows that were changed behind our back.
    """

    document: PreparedDocument
    vectors: Vectors
    texts: tuple[str, ...]
    metadata: tuple[Mapping[str, Any], ...]


class CorpusWriter(Protocol):
    """The write operations, available while the writer lock of a corpus is held."""

    async def put(self, batch: Sequence[tuple[PreparedDocument, Vectors]], embedding_model: str) -> tuple[int, int]:
        """Store documents in one transaction; return (documents that replaced a version, passages superseded)."""
        ...

    async def delete(self, document_ids: Sequence[str]) -> None:
        """Take documents out of search without replacing them, in one transaction."""
        ...

    async def build(self) -> None:
        """Bring the search indexes up to date with the stored documents."""
        ...

    async def prune(self) -> int:
        """Delete superseded versions; return how many passages were deleted."""
        ...


class CorpusBackend(Protocol):
    """Storage and search of one corpus of one tenant. Safe to share between tasks."""

    @property
    def tenant(self) -> str:
        """The tenant that owns the corpus."""
        ...

    @property
    def name(self) -> str:
        """The name of the corpus."""
        ...

    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the running event loop if the connections belong to it, `None` if calls may come from any loop."""
        ...

    def writer(self) -> AbstractAsyncContextManager[CorpusWriter]:
        """Hold the writer lock for a block.

        Raises:
            CorpusBusy: another writer holds the lock.
        """
        ...

    async def refresh(self) -> tuple[Revision, bool]:
        """Make the last committed write searchable; return its revision and whether any passage is live."""
        ...

    async def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        ...

    async def is_current(self, document: PreparedDocument) -> bool:
        """Return whether the live version has this text and metadata, read by this parser."""
        ...

    async def legs(
        self, query: str | None, vector: Sequence[float] | None, depth: int, where: Mapping[str, Any] | None = None
    ) -> Legs:
        """Return the best `depth` live rows of each leg: keywords for `query`, cosine similarity for `vector`.

        A leg whose argument is `None` is not searched. A filter narrows the search itself, not its result: a leg
        returns `depth` rows whenever that many match `where`.

        Raises:
            BadInput: `where` is malformed.
        """
        ...

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return those of the passages that are live, by row."""
        ...

    async def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return passages by evidence id, superseded ones included."""
        ...

    async def live_by_document(self, document_ids: Iterable[str]) -> list[Passage]:
        """Return the live passages of the given documents."""
        ...

    async def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages before and after the given one, in reading order."""
        ...

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        """Return the text of one document version."""
        ...

    async def version(self, document_id: str, text_hash: str) -> StoredVersion | None:
        """Return one document version with its passages and vectors, live or superseded."""
        ...

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version, with the fields of `ManifestEntry`."""
        ...

    async def counts(self) -> tuple[Revision, int, int]:
        """Return the revision and the numbers of live documents and passages."""
        ...


def check_embedding_model(corpus: str, revision: Revision, embedding_model: str) -> None:
    """Check that the corpus was built with `embedding_model`: distances between two models' vectors mean nothing.

    Raises:
        EmbeddingMismatch: the corpus holds vectors of another model.
    """
    stored = revision.embedding_model
    if stored and stored != embedding_model:
        raise EmbeddingMismatch(f"the corpus `{corpus}` was built with `{stored}`, not `{embedding_model}`")
