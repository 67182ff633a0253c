"""The port that a corpus is stored behind, implemented by `retrieval.embedded` and by `retrieval.oracle`.

A *row* is a backend's own number for a passage, valid only in that backend. A *leg* is one of the two searches, by
keyword or by vector. A passage is *live* until its document is replaced or deleted; then it is *superseded*: it is no
longer found, but reports that cite it still resolve.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from retrieval.preparation import PreparedDocument, identity_of, metadata_digest, splitting_of
from retrieval.ranking.retrieving import Finder
from retrieval.roots import Root
from retrieval.roots.stamps import Content, Noted
from state.access import Held, Labels, narrower, stored_labels
from state.errors import EmbeddingMismatch, Forbidden
from state.values import Passage

T = TypeVar("T")

Vectors = Sequence[Sequence[float]]
"""One vector for each passage of a document."""

Batch = Sequence[tuple[PreparedDocument, Vectors | None]]
"""Documents with their vectors; `None`: all of them were kept with `CorpusWriter.keep`."""

Replaces = Callable[[PreparedDocument, Labels], bool]
"""Whether a new version of a document replaces a live one of the same id with the given access label."""

May = Callable[[str, Labels], bool]
"""Whether a caller may delete the document of the given id and access label."""


@dataclass(frozen=True)
class Revision:
    """The state of a corpus after a committed write.

    `generation` grows with every write, `epoch` only with writes that remove passages from search. `embedding_model`
    is the model of the stored vectors, empty as long as nothing was written. `made` tells a corpus from a later one of
    the same name, where a backend keeps anything in memory.
    """

    generation: int
    epoch: int
    embedding_model: str
    made: str = field(default="", repr=False)


@dataclass(frozen=True)
class LiveVersion:
    """What decides whether a document has changed. `metadata` is JSON, `None` for a document without passages.

    `splitting` is the fingerprint that `splitting_of` gives its passages.
    """

    text_hash: str
    parser: str
    parser_version: str
    metadata: str | None
    splitting: str = ""

    @property
    def labels(self) -> Labels:
        """The access label."""
        return labels_in_text(self.metadata)

    def is_same_as(self, document: PreparedDocument) -> bool:
        """Return whether `document` has this text and metadata, read by this parser and split into these passages."""
        read = (document.text_hash, document.parser, document.parser_version, splitting_of(document.passages))
        stored = (self.text_hash, self.parser, self.parser_version, self.splitting)
        return read == stored and document.is_described_by(self.metadata)

    def is_still(self, content: Content) -> bool:
        """Return whether this is the document that a file gave when it was read, whatever its label."""
        if identity_of(self.text_hash, self.parser, self.parser_version, self.splitting) != content.identity:
            return False
        return self.metadata is None or metadata_digest(self.metadata) == content.metadata


def check_destroyable(documents: Iterable[tuple[str, Labels]], may: May) -> None:
    """Check that all documents of a corpus, by id and access label, may be deleted. Raises `Forbidden`."""
    if not all(may(document_id, labels) for document_id, labels in documents):
        raise Forbidden(
            "the corpus cannot be deleted by someone who may not change all of its documents",
            hint="remove your own documents, or ask an administrator of the tenant",
        )


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

    async def kept(self, document: PreparedDocument, embedding_model: str) -> set[str]:
        """Return the ids (`PreparedDocument.vector_id`) of the vectors that an interrupted ingestion has kept.

        What was kept of another text, title, label or model of the document is removed.
        """
        ...

    async def keep(self, document_id: str, vectors: Mapping[str, Sequence[float]], embedding_model: str) -> None:
        """Keep vectors of a document, by their ids, in one transaction. `put` uses them; no search finds them."""
        ...

    async def put(self, batch: Batch, embedding_model: str, replaces: Replaces) -> tuple[int, int]:
        """Store documents in one transaction; return (documents that replaced a version, passages superseded).

        A document replaces live versions of all its `names`. Those which `replaces` does not name stay as they are,
        beside the new ones. Vectors that were kept for these documents are removed.
        """
        ...

    async def record(self, roots: Sequence[Root]) -> None:
        """Store source roots; those of folders that are known stay as they are."""
        ...

    async def remember(self, files: Sequence[Noted]) -> None:
        """Store what files gave, in the place of what is known of them. `prune` forgets those that are superseded."""
        ...

    async def delete(self, document_ids: Sequence[str], may: May) -> None:
        """Take those of the documents that `may` allows out of search without replacing them, in one transaction."""
        ...

    async def build(self) -> None:
        """Bring the search indexes up to date with the stored documents."""
        ...

    async def prune(self, may: May) -> int:
        """Delete those superseded versions that `may` allows; return how many passages were deleted.

        Vectors that were kept for documents that are not stored yet are removed too.
        """
        ...


class SearchReads(Finder, Protocol):
    """What a search reads."""

    async def refresh(self, held: Held = None) -> tuple[Revision, bool]:
        """Make the last committed write searchable; return its revision and whether `held` may read a live passage."""
        ...


Search = Callable[[SearchReads], Coroutine[Any, Any, T]]
"""The work of one search. It waits for what it reads, and for nothing else."""


class CorpusBackend(SearchReads, Protocol):
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

    async def searching(self, work: Search[T]) -> T:
        """Return what `work` returns, given the reads of the last committed write.

        A backend that blocks a thread runs all of `work` in one, and shows it one state of the corpus.
        """
        ...

    async def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        ...

    async def live_versions(self, document_ids: Sequence[str]) -> Mapping[str, Sequence[LiveVersion]]:
        """Return the live documents by id: one for each access label under which it was ingested.

        An id without any is left out.
        """
        ...

    async def remembered(self, files: Sequence[str]) -> Sequence[Noted]:
        """Return what is known of files, by their names; of those that were never read, nothing."""
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

    async def canonical_text(self, document_id: str, text_hash: str, held: Held = None) -> str | None:
        """Return the text of one document version, if `held` may read it."""
        ...

    async def live_texts(self, document_ids: Iterable[str], held: Held = None) -> list[str]:
        """Return the texts of those of the documents that are live and that `held` may read, in the order given.

        A document that is live under several labels has a text for each of them.
        """
        ...

    async def version(
        self, document_id: str, text_hash: str, labels: Labels, splitting: str | None
    ) -> StoredVersion | None:
        """Return one document version with its passages and vectors, live or superseded."""
        ...

    async def roots(self) -> Sequence[Root]:
        """Return the source roots, in the order in which they were recorded."""
        ...

    async def earlier(self) -> Sequence[str]:
        """Return the ids of the live documents of earlier releases that were read from files.

        Those releases named a file by its path as it was given.
        """
        ...

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version: `INVENTORY`, and its access label as `labels`."""
        ...

    async def counts(self, held: Held = None) -> tuple[Revision, int, int]:
        """Return the revision and the numbers of live documents and passages that `held` may read."""
        ...

    async def destroy(self, may: May) -> None:
        """Delete the corpus with all it holds, superseded versions too.

        Raises:
            CorpusBusy: another writer holds the lock.
            Forbidden: `may` does not allow it for one of the documents; nothing was deleted.
        """
        ...

    async def hash_key(self) -> bytes:
        """Return the random key of this corpus, made with it."""
        ...


INVENTORY = (
    "document_id",
    "source",
    "title",
    "parser",
    "parser_version",
    "text_hash",
    "pages",
    "chars",
    "passages",
    "ingested_at",
    "superseded",
    "splitting",
)
"""What an inventory tells about a document version."""


def labels_in_text(metadata: str | None) -> Labels:
    """Return the access label in stored JSON. A document without passages has none, and no text to protect."""
    return stored_labels(json.loads(metadata)) if metadata else ()


class OldVersion(NamedTuple):
    """A superseded version of a document; `number` is the backend's own."""

    number: int
    text_hash: str
    labels: Labels


def narrowed(
    labels: Labels, old: Iterable[OldVersion], may: Callable[[Labels], bool]
) -> tuple[dict[int, Labels], list[int]]:
    """Return the labels that old versions get when a new one is stored for `labels`, and the versions that go.

    Without this, a document that was open by mistake could still be read by the ids of its passages after it was
    restricted. A version goes if another one has the same text and now the same label.

    Args:
        labels: the label of the new version.
        old: the old versions of its document.
        may: whether the caller may change a version with the given label.
    """
    wanted = [(each, narrower(each.labels, labels) if may(each.labels) else each.labels) for each in old]
    found: dict[int, Labels] = {}
    seen: set[tuple[str, Labels]] = set()
    gone = []
    for each, label in sorted(wanted, key=lambda pair: pair[0].labels != pair[1]):  # those that stay as they are first
        if label != each.labels and (each.text_hash, label) in seen:
            gone.append(each.number)
        elif label != each.labels:
            found[each.number] = label
        seen.add((each.text_hash, label))
    return found, gone


def fingerprint(key: bytes, text_hash: str) -> str:
    """Return what a manifest shows instead of the hash of a text: a short text could be guessed from its plain hash."""
    return hmac.new(key, text_hash.encode(), hashlib.sha256).hexdigest()


def check_embedding_model(corpus: str, revision: Revision, embedding_model: str) -> None:
    """Check that the corpus was built with `embedding_model`: distances between two models' vectors mean nothing.

    Raises:
        EmbeddingMismatch: the corpus holds vectors of another model.
    """
    stored = revision.embedding_model
    if stored and stored != embedding_model:
        raise EmbeddingMismatch(f"the corpus `{corpus}` was built with `{stored}`, not `{embedding_model}`")
